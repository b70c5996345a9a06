"""Runs whose folders were deleted, cut or filled with something else do not keep a page shut."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import Window, cvstudio

from cvstudio.core import events
from cvstudio.core.annotation import Split, Task
from cvstudio.core.jobdir import JobDir, write_json
from cvstudio.core.networks import default_config
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.recipe import Start
from cvstudio.core.snapshot import read_snapshot
from cvstudio.project import run_commands, runs
from cvstudio.project.project import Project


def finished_run(project: Project) -> JobDir:
    """A run that ended well, as far as its files tell."""
    run = runs.create_run(project, default_config(project.task, start=Start.SCRATCH))
    job = runs.job_of(run)
    job.checkpoints.mkdir()
    for file in (job.best, job.last):
        file.write_bytes(b"no weights")
    images = read_snapshot(job.snapshot).of(Split.VAL)
    answers = [
        Prediction(i.id, objects=tuple(Found(1, 0.9, a.box) for a in i.annotations[:1]))
        for i in images
    ]
    write_predictions(job.predictions("val"), answers)
    write_json(job.report, {})
    write_json(job.path / "process.json", {"pid": 1, "created": 0.0, "launched_at": 0.0})
    losses = {"loss": 1.0}
    job.emit(
        events.EpochEnded(
            epoch=1, train=losses, val=losses, metrics={"mAP50-95": 0.5}, learning_rate=0.1,
            seconds=1, best=True,
        )
    )  # fmt: skip
    outcome = events.Outcome.FINISHED
    job.emit(events.Ended(outcome=outcome, metric="mAP50-95", best=0.5, best_epoch=1))
    with project.transaction("End", undoable=False) as s:
        run_commands.update_run(s, id=run.id, status="finished", best=0.5, best_epoch=1, ended=1.0)
    return job


def cut(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


DAMAGES: dict[str, Callable[[JobDir], object]] = {
    "process cut": lambda job: cut(job.path / "process.json"),
    "process of another kind": lambda job: (job.path / "process.json").write_text('["x"]'),
    "settings no text": lambda job: job.config.write_bytes(b"\xff\x00{"),
    "settings gone": lambda job: job.config.unlink(),
    "events no events": lambda job: job.events.write_bytes(b'\xff\xfe\x00\n{"event": 3}\n[]\n1\n'),
    "labels cut": lambda job: cut(job.snapshot),
    "report no report": lambda job: job.report.write_text("[[["),
    "answers cut": lambda job: cut(job.predictions("val")),
    "folder gone": lambda job: shutil.rmtree(job.path),
    "nothing": lambda job: None,
}


@pytest.fixture
def damaged(sample: Callable[[Task], Path]) -> Path:
    """A project with one run for each damage, and with exports that are none."""
    folder = sample(Task.DETECT)
    with Project.open(folder) as project:
        for damage in DAMAGES.values():
            damage(finished_run(project))
        project.exports_directory.mkdir(exist_ok=True)
        (project.exports_directory / "a.onnx").write_bytes(b"no network")
        (project.exports_directory / "a.verification.json").write_text('{"file": "a.onnx"}')
    return folder


def test_every_page_opens_and_every_run_can_be_chosen(
    damaged: Path, window: Callable[[str, Path], Window]
) -> None:
    opened = window("tour", damaged)
    opened.until(lambda told: "toured" in told, 200)
    faults = [told["fault"] for told in opened.said if "fault" in told]
    assert not faults, "\n".join(faults)
    dialogs = [told["dialog"] for told in opened.said if "dialog" in told]
    assert not any("does not know" in text for words in dialogs for text in words), dialogs
    (left_out,) = {told["left_out"] for told in opened.said if "left_out" in told}
    assert "is missing or damaged" in left_out
    train = {told["train"] for told in opened.said if "train" in told}
    names = list(DAMAGES)
    lost = {names.index(n) + 1 for n in ("settings no text", "settings gone", "folder gone")}
    assert train == set(range(1, len(DAMAGES) + 1)) - lost


def test_the_command_line_lists_them_without_a_traceback(damaged: Path) -> None:
    done = cvstudio("runs", damaged)
    assert done.returncode == 0, done.stderr
    for name in ("labels cut", "answers cut"):
        failed = cvstudio("errors", damaged, list(DAMAGES).index(name) + 1)
        assert failed.returncode == 1
        (line,) = failed.stderr.splitlines()
        assert line.startswith("Error: ")
        assert "damaged" in line
