"""Weights and projects from elsewhere are data: what would run code is refused in words."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from processes import Window, cvstudio

from cvstudio.core import events
from cvstudio.core.annotation import Split, Task
from cvstudio.core.jobdir import write_json
from cvstudio.core.networks import default_config
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.recipe import Start
from cvstudio.core.snapshot import read_snapshot
from cvstudio.project import run_commands, runs
from cvstudio.project.project import Project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
NETWORKS = {Task.CLASSIFY: "mobilenet_v3_small", Task.DETECT: "yolo11n"}
REFUSED = "is refused"


class Attack:
    """An object whose loading leaves a trace on the disk."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch '{self.trace}'",)


def test_the_attack_of_these_tests_works(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Attack(tmp_path / "trace")))
    assert (tmp_path / "trace").exists()


@pytest.mark.parametrize(("task", "form"), [(Task.CLASSIFY, "pickle"), (Task.DETECT, "archive")])
def test_a_training_refuses_weights_that_would_run_code(
    tmp_path: Path, sample: Callable[[Task], Path], task: Task, form: str
) -> None:
    folder, trace, gift = sample(task), tmp_path / "trace", tmp_path / "gift.pt"
    if form == "archive":
        torch.save({"model": Attack(trace), "state_dict": {}}, gift)
    else:
        gift.write_bytes(pickle.dumps(Attack(trace)))
    done = cvstudio(
        "train", folder, "--network", NETWORKS[task], "--epochs", "1", "--device", "cpu",
        "--set", f"weights_file={gift}", "--set", "image_size=64", "--set", "workers=0",
    )  # fmt: skip
    assert not trace.exists()
    assert done.returncode == 1
    assert f"gift.pt {REFUSED}" in done.stderr
    assert "Traceback" not in done.stderr


def bad_project(folder: Path, trace: Path, *, status: str) -> Path:
    """Plant checkpoints that run code into a project, in a run of the given status."""
    with Project.open(folder) as project:
        network = NETWORKS[project.task]
        run = runs.create_run(
            project,
            default_config(project.task, network=network, start=Start.SCRATCH, device="cpu"),
        )
        job = runs.job_of(run)
        job.checkpoints.mkdir()
        for file in (job.best, job.last):
            torch.save({"mark": "cvstudio checkpoint", "format": 1, "meta": Attack(trace)}, file)
        images = read_snapshot(job.snapshot).of(Split.VAL)
        found = [
            Prediction(i.id, objects=tuple(Found(1, 0.9, a.box) for a in i.annotations[:1]))
            for i in images
        ]
        write_predictions(job.predictions("val"), found)
        write_json(job.report, {})
        outcome = {"finished": events.Outcome.FINISHED, "paused": events.Outcome.PAUSED}[status]
        job.emit(events.Ended(outcome=outcome, metric="mAP50-95", best=0.5, best_epoch=1))
        with project.transaction("End", undoable=False) as s:
            run_commands.update_run(s, id=run.id, status=status, best=0.5, best_epoch=1, ended=1.0)
    return folder


@pytest.mark.parametrize("command", ["evaluate", "explain", "export-network"])
def test_a_project_from_elsewhere_cannot_run_code_when_its_network_is_used(
    tmp_path: Path, sample: Callable[[Task], Path], command: str
) -> None:
    trace, output = tmp_path / "trace", tmp_path / "output"
    folder = bad_project(sample(Task.DETECT), trace, status="finished")
    more = {"explain": ["slide_0001.png", "-o", output], "export-network": ["-o", output]}
    done = cvstudio(command, folder, "1", *more.get(command, []))
    assert not trace.exists()
    assert done.returncode == 1
    assert f"best.pt {REFUSED}" in done.stderr
    assert not output.exists()


def test_a_project_from_elsewhere_cannot_run_code_when_its_run_is_resumed(
    tmp_path: Path, sample: Callable[[Task], Path]
) -> None:
    trace = tmp_path / "trace"
    folder = bad_project(sample(Task.CLASSIFY), trace, status="paused")
    done = cvstudio("resume", folder, "1")
    assert not trace.exists()
    assert done.returncode == 1
    assert f"last.pt {REFUSED}" in done.stderr


def test_the_window_shows_the_errors_of_a_foreign_run_and_refuses_its_network(
    tmp_path: Path, sample: Callable[[Task], Path], window: Callable[[str, Path], Window]
) -> None:
    trace = tmp_path / "trace"
    folder = bad_project(sample(Task.DETECT), trace, status="finished")
    words = window("analyze", folder).until(lambda told: "heat" in told, 120)["heat"]
    assert f"best.pt {REFUSED}" in words
    assert not trace.exists()
