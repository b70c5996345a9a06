"""`cvstudio suggest`: a network's answers come into the project as suggestions, told in JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cvstudio.__main__ import main
from cvstudio.cli import suggesting as command
from cvstudio.core.annotation import LabelClass, State, Task
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir, replace_file
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.suggestion import ANSWERS, Answer, Unread, read_asked, write_answer
from cvstudio.project import commands, launch, queries, runs
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage


@pytest.fixture
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three images, the second labelled, and a run; the job answers one box for each image."""
    folder = tmp_path / "cells"
    with Project.create(folder, task=Task.DETECT, classes=["RBC"]) as project:
        with project.transaction("Fill") as s:
            commands.add_images(s, [NewImage(f"{n}.png", width=64, height=48) for n in (1, 2, 3)])
            commands.add_annotation(s, image_id=2, class_id=1, shape=Box(4, 5, 6, 7))
        run = runs.create_run(project, TrainConfig(task=Task.DETECT, network="yolo11n"))
        replace_file(runs.job_of(run).best, b"")

    def work(job: JobDir, title: str) -> None:
        found = [
            Prediction(image.id, objects=(Found(1, 0.8, Box(4, 5, 6, 7)),))
            for image in read_asked(job)
        ]
        write_predictions(job.predictions(ANSWERS), found[:-1])
        classes = (LabelClass(1, "RBC", "#FF0000"),)
        unread = (Unread(found[-1].image_id, "It is gone."),)
        write_answer(job, Answer(Task.DETECT, classes, 0.25, unread))

    monkeypatch.setattr(launch, "launch", lambda job, **_more: None)
    monkeypatch.setattr(command, "finish", work)
    return folder


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["suggest", *words, "--json"]) == 0
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


def test_unlabelled_images_get_suggestions_and_the_answer_says_where(
    cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = told(capsys, str(cells), "--run", "1", "--score", "0.4")
    assert (content["asked"], content["suggestions"], content["images"]) == (2, 1, [1])
    assert (content["score"], content["waiting"]) == (0.4, {"RBC": 1})
    assert content["unread"] == [{"image": 3, "reason": "It is gone."}]
    with Project.open(cells, write=False) as project, project.read() as s:
        assert [a.state for a in queries.annotations(s, 1)] == [State.SUGGESTED]


def test_all_images_may_be_asked_about_and_labels_are_not_doubled(
    cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = told(capsys, str(cells), "--run", "1", "--images", "all")
    assert (content["asked"], content["suggestions"], content["known"]) == (3, 1, 1)


def test_a_run_or_a_file_must_be_named_and_not_both(
    cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["suggest", str(cells)]) == 2
    assert "Name a run (--run) or a file (--file)." in capsys.readouterr().err
    assert main(["suggest", str(cells), "--run", "7"]) == 1
    assert "no run 7" in capsys.readouterr().err
