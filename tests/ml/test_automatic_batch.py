"""An automatic batch is what the memory holds, with a fifth to spare; measured here by functions of
a known shape, since no GPU is at hand."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
import torch
from training_samples import config_for, events_of, run_directory

from cvstudio.core import events
from cvstudio.core.annotation import Task
from cvstudio.core.batch_rule import most, on_processor
from cvstudio.core.config import FindRateConfig
from cvstudio.core.jobdir import JobDir, Request, write_json
from cvstudio.core.snapshot import read_snapshot
from cvstudio.ml.checkpoint import read_checkpoint
from cvstudio.ml.engine import batch_size
from cvstudio.ml.engine.batch_size import decide, fitting, peak_on_cuda, stepping_of, trial_config
from cvstudio.ml.engine.own import Training
from cvstudio.ml.engine.session import Session
from cvstudio.ml.environment import prepare
from cvstudio.ml.failures import JobFailure
from cvstudio.ml.worker import run_job

prepare()

MB = 2**20


class Memory:
    """A step takes `whole` and `each` for every image; what is more than `holds` is not held."""

    def __init__(self, *, whole: int, each: int, holds: int, surprise: int = 0) -> None:
        self.whole, self.each, self.holds, self.surprise = whole, each, holds, surprise
        self.tried: list[int] = []

    def __call__(self, batch: int) -> int | None:
        self.tried.append(batch)
        need = self.whole + self.each * batch + (self.surprise if batch > 4 else 0)
        return need if need <= self.holds else None


def test_the_largest_power_of_two_that_leaves_a_fifth_is_taken_and_tried_once() -> None:
    memory = Memory(whole=500 * MB, each=100 * MB, holds=8000 * MB)
    assert fitting(memory, free=8000 * MB, top=256) == (32, 3700 * MB)
    assert memory.tried == [2, 4, 32]
    exact = Memory(whole=0, each=100 * MB, holds=8000 * MB)
    assert fitting(exact, free=8000 * MB, top=256)[0] == 64, "6400 of 8000 is just a fifth free"


def test_an_epoch_keeps_its_steps_however_much_memory_there_is() -> None:
    memory = Memory(whole=MB, each=MB, holds=8000 * MB)
    assert fitting(memory, free=8000 * MB, top=8)[0] == 8
    assert fitting(memory, free=8000 * MB, top=2)[0] == 2
    assert most(100) == 8
    assert most(100, accumulate=2) == 4
    assert most(100, processes=2) == 4
    assert most(5) == 2
    assert most(10**6) == 256


def test_what_was_foretold_too_low_is_halved_until_it_fits() -> None:
    memory = Memory(whole=0, each=100 * MB, holds=8000 * MB, surprise=4000 * MB)
    assert fitting(memory, free=8000 * MB, top=256)[0] == 16
    assert memory.tried == [2, 4, 64, 32, 16]


@pytest.mark.parametrize(("holds", "batch"), [(350, 2), (150, 1)])
def test_little_memory_gives_a_small_batch(holds: int, batch: int) -> None:
    memory = Memory(whole=0, each=100 * MB, holds=holds * MB)
    assert fitting(memory, free=holds * MB, top=64)[0] == batch


def test_a_step_whose_memory_does_not_grow_takes_all_that_an_epoch_allows() -> None:
    assert fitting(lambda _: 100 * MB, free=8000 * MB, top=64) == (64, 100 * MB)


def test_on_the_processor_a_rule_decides() -> None:
    assert on_processor(224, 64) == 16
    assert on_processor(640, 64) == 8
    assert on_processor(640, 4) == 4


def test_a_run_says_its_batch_keeps_it_and_goes_on_with_it(tmp_path: Path) -> None:
    job = run_directory(tmp_path, Task.CLASSIFY, train=33, batch=0, epochs=2)
    job.ask(Request.PAUSE)
    assert run_job(job.path) == 0, job.log.read_text()
    notes = [note.text for note in events_of(job, events.Note)]
    assert "Batch 4: more would leave an epoch fewer than eight steps." in notes
    assert job.state().batch == 4, "what is offered after a failure depends on it"
    kept = read_checkpoint(job.last)
    assert kept.config.batch == 4
    # As if the run had begun where the memory held less.
    from dataclasses import replace

    from cvstudio.ml.checkpoint import write_checkpoint

    smaller = kept.config.model_copy(update={"batch": 2})
    write_checkpoint(job.last, replace(kept, config=smaller))
    assert run_job(job.path) == 0, job.log.read_text()
    assert "Batch 2: as before the interruption." in [n.text for n in events_of(job, events.Note)]
    assert read_checkpoint(job.best).config.batch == 2


def test_a_search_for_a_learning_rate_takes_the_same_batch(tmp_path: Path) -> None:
    job = run_directory(tmp_path, Task.CLASSIFY, train=16)
    config = FindRateConfig(train=config_for(Task.CLASSIFY, batch=0), steps=20)
    write_json(job.config, config.model_dump(mode="json"))
    assert run_job(job.path) == 0, job.log.read_text()
    assert any(n.text.startswith("Batch 2: ") for n in events_of(job, events.Note))


def session_of(job: JobDir, **settings: Any) -> Session:
    return Session(job, config_for(Task.CLASSIFY, **settings), read_snapshot(job.snapshot))


def test_on_a_gpu_the_memory_is_asked_and_the_answer_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = run_directory(tmp_path, Task.CLASSIFY, train=200)
    session = session_of(job, batch=0)
    monkeypatch.setattr(batch_size, "device_of", lambda _: torch.device("cuda", 0))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (4 * 2**30, 8 * 2**30))
    memory = Memory(whole=2**29, each=2**28, holds=4 * 2**30)
    monkeypatch.setattr(batch_size, "peak_on_cuda", lambda _session, size, _device: memory(size))
    decide(session)
    assert session.config.batch == 8
    assert memory.tried == [2, 4, 8]
    (note,) = events_of(job, events.Note)
    assert note.text == "Batch 8: it takes 2.5 of 4.0 GB free GPU memory."


@pytest.mark.parametrize("task", [Task.CLASSIFY, Task.SEGMENT, Task.DETECT, Task.INSTANCE])
def test_steps_are_those_of_the_run_in_every_engine(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The measuring function on the processor: only the counters of CUDA stand in."""
    job = run_directory(tmp_path, task, train=8, val=2)
    session = Session(job, config_for(task, batch=0), read_snapshot(job.snapshot))
    for name in ("synchronize", "reset_peak_memory_stats", "empty_cache"):
        monkeypatch.setattr(torch.cuda, name, lambda *_: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 3 * MB)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: 50 * MB)
    assert peak_on_cuda(session, 2, torch.device("cpu")) == 47 * MB
    gc.collect()


def test_a_step_that_the_memory_does_not_hold_is_no_measure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = run_directory(tmp_path, Task.CLASSIFY, train=8, val=2)
    session = session_of(job, batch=0)

    def out(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Training, "_learn", out)
    for name in ("synchronize", "reset_peak_memory_stats", "empty_cache"):
        monkeypatch.setattr(torch.cuda, name, lambda *_: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 0)
    assert peak_on_cuda(session, 4, torch.device("cpu")) is None
    trial = session_of(job, batch=4)
    trial.whole_batches = True
    with stepping_of(trial)(trial) as step, pytest.raises(JobFailure):
        step(1e-3)


def test_images_that_change_their_size_are_measured_at_the_largest() -> None:
    config = config_for(Task.SEGMENT, image_size=128, multi_scale=0.5, batch=0, accumulate=4)
    trial = trial_config(config, 4)
    assert (trial.image_size, trial.batch, trial.accumulate) == (192, 4, 1)
    assert trial.multi_scale == 0
