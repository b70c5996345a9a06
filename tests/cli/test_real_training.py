"""The whole way of a run with the real training process: start, pause, resume, finish, judge."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from cvstudio.__main__ import main
from cvstudio.project import launch, runs
from cvstudio.project.project import Project

SMALL = ("--set", "start=scratch", "--set", "image_size=32", "--set", "workers=0",
         "--set", "patience=0", "--device", "cpu")  # fmt: skip


def answer(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def run_of(folder: Path) -> Any:
    with Project.open(folder, write=False) as project:
        return runs.get(project, 1)


@pytest.mark.slow
def test_a_real_run_pauses_resumes_finishes_early_and_is_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "tissue"
    assert main(["sample", str(folder), "--task", "classify", "--images", "30"]) == 0
    train = ["train", str(folder), "--preset", "fast", "--epochs", "10000", *SMALL, "--detach"]
    assert main(train) == 0
    job = runs.job_of(run_of(folder))
    try:
        wait_for_epochs(job, 2)
        assert main(["pause", str(folder), "1"]) == 0
        capsys.readouterr()
        assert main(["watch", str(folder), "1", "--json"]) == 0
        paused = answer(capsys)
        assert paused["status"] == "paused"
        assert main(["resume", str(folder), "1", "--detach"]) == 0
        wait_for_epochs(job, paused["epoch"] + 2)
        assert main(["finish", str(folder), "1"]) == 0
        capsys.readouterr()
        assert main(["watch", str(folder), "1", "--json"]) == 0
        done = answer(capsys)
    finally:
        launch.end(job, asked_seconds=0)
    assert done["status"] == "finished early"
    assert [e.epoch for e in job.state().epochs] == list(range(1, done["epoch"] + 1))
    assert job.best.exists()
    assert main(["evaluate", str(folder), "1", "--labels", "run", "--json"]) == 0
    again = answer(capsys)["metrics"]["balanced accuracy"]
    assert again == pytest.approx(json.loads(job.report.read_text())["val"]["metrics"]
                                  ["balanced accuracy"])  # fmt: skip


def wait_for_epochs(job: Any, count: int) -> None:
    deadline = time.monotonic() + 120
    while len(job.state().epochs) < count:
        assert launch.alive(job), job.state().failed
        assert time.monotonic() < deadline
        time.sleep(0.1)
