"""One run by several processes, as torchrun starts them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from training_samples import events_of, run_directory

from cvstudio.core import events
from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.events import Outcome
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.ml.checkpoint import read_checkpoint
from cvstudio.ml.engine.together import Group, device_for, devices_of
from cvstudio.ml.environment import prepare
from cvstudio.ml.worker import run_job

prepare()

SETTINGS: dict[str, Any] = {
    "optimizer": "sgd", "epochs": 2, "warmup_epochs": 0.5, "train": 20, "val": 4,
    "label_smoothing": 0.0,
}  # fmt: skip


def torchrun(job: JobDir, *, processes: int = 2) -> subprocess.Popen[bytes]:
    """The command that the documentation names."""
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone",
        f"--nproc-per-node={processes}", "-m", "cvstudio", "worker", str(job.path),
    ]  # fmt: skip
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})


def weights_of(job: JobDir) -> dict[str, torch.Tensor]:
    return read_checkpoint(job.last).weights


@pytest.mark.slow
def test_two_processes_learn_what_one_with_twice_the_batch_does(tmp_path: Path) -> None:
    """Ten steps of SGD without dropout, in a network without norms over the batch."""
    net = {"network": "convnext_atto", "image_size": 64}
    two = run_directory(tmp_path / "two", Task.CLASSIFY, batch=2, **net, **SETTINGS)
    one = run_directory(tmp_path / "one", Task.CLASSIFY, batch=4, **net, **SETTINGS)
    assert torchrun(two).wait(300) == 0, two.log.read_text()
    assert run_job(one.path) == 0
    assert events_of(two, events.StepEnded)[-1].steps == 5
    mine, theirs = weights_of(two), weights_of(one)
    for name, value in mine.items():
        assert torch.allclose(value, theirs[name], atol=1e-4), name
    kinds = [type(event) for event in two.read_events()]
    assert kinds.count(events.Started) == kinds.count(events.Ended) == 1
    assert len(two.state().epochs) == 2
    assert two.report.is_file()


@pytest.mark.slow
@pytest.mark.parametrize("task", [Task.SEGMENT, Task.DETECT])
def test_every_task_can_be_trained_by_two_processes_and_goes_on_after_a_pause(
    tmp_path: Path, task: Task
) -> None:
    job = run_directory(tmp_path, task, batch=2, average=0.9 if task is Task.SEGMENT else 0.0,
                        **{**SETTINGS, "epochs": 2})  # fmt: skip
    job.ask(Request.PAUSE)
    assert torchrun(job).wait(300) == 0, job.log.read_text()
    assert list(job.read_events())[-1].outcome is Outcome.PAUSED
    assert torchrun(job).wait(300) == 0, job.log.read_text()
    assert list(job.read_events())[-1].outcome is Outcome.FINISHED
    assert [e.epoch for e in job.state().epochs] == [1, 2]
    assert job.report.is_file()


@pytest.mark.slow
def test_a_cancelled_group_leaves_no_process_behind(tmp_path: Path) -> None:
    job = run_directory(tmp_path, Task.CLASSIFY, batch=2, **{**SETTINGS, "epochs": 500})
    process = torchrun(job)
    until = time.monotonic() + 120
    while not job.state().epochs and time.monotonic() < until:
        time.sleep(0.2)
    job.ask(Request.CANCEL)
    assert process.wait(300) == 0, job.log.read_text()
    assert list(job.read_events())[-1].outcome is Outcome.CANCELLED


LEAVING = """
import psutil, sys, torch
from cvstudio.ml.engine.together import join
alone = psutil.Process().num_threads()
group = join()
group.begin_alike(torch.nn.Linear(4, 4))
group.from_chief("something")
among = psutil.Process().num_threads()
group.leave()
sys.exit(not alone == psutil.Process().num_threads() < among)
"""


def test_who_leaves_a_group_takes_its_threads_along(tmp_path: Path) -> None:
    """One that still frees a message while Python shuts down aborts the process."""
    (tmp_path / "leaving.py").write_text(LEAVING)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone",
               "--nproc-per-node=2", str(tmp_path / "leaving.py")]  # fmt: skip
    assert subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}).returncode == 0


@pytest.mark.slow
def test_what_one_process_fails_at_is_told_and_ends_all(tmp_path: Path) -> None:
    job = run_directory(tmp_path, Task.CLASSIFY, batch=2, **SETTINGS)
    (tmp_path / "scene-003.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert torchrun(job).wait(300) != 0
    failed = events_of(job, events.Failed)
    assert failed[-1].cause == "image"
    assert "scene-003.png" in failed[-1].text


def test_each_process_takes_its_own_gpu() -> None:
    assert devices_of("cuda:0,2") == ["cuda:0", "cuda:2"]
    assert devices_of("cpu") == ["cpu"]
    assert [device_for("cuda:0,2", Group(n, 2, n)) for n in range(2)] == ["cuda:0", "cuda:2"]
    assert device_for("cuda:1", Group()) == "cuda:1"
    assert device_for("cpu", Group(1, 2, 1)) == "cpu"
    with pytest.raises(ConfigError, match="3 processes were started for 2 GPUs"):
        device_for("cuda:0,2", Group(2, 3, 2))


def test_a_process_alone_changes_nothing() -> None:
    group, module = Group(), nn.Linear(2, 2)
    module(torch.ones(1, 2)).sum().backward()
    before = [value.grad.clone() for value in module.parameters() if value.grad is not None]
    group.mean_gradients(module, 1)
    group.sum_gradients(module)
    after = [value.grad for value in module.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True) if b is not None)
    assert group.begin_alike(module) is module
    assert group.from_chief("same") == "same"
