"""`cvstudio suggest`: a network's answers come into the project as suggestions, told in JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from onnx_hands import ultralytics_file

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


THEIRS = ("rbc", "platelet", "a=b")


@pytest.fixture
def foreign(tmp_path: Path, cells: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of ultralytics with the classes THEIRS; the job finds one of each in each image."""
    file = ultralytics_file(tmp_path / "net.onnx", THEIRS)
    classes = tuple(LabelClass(n, name, "#FF0000") for n, name in enumerate(THEIRS, 1))

    def work(job: JobDir, title: str) -> None:
        found = [
            Prediction(
                image.id, objects=tuple(Found(c.id, 0.8, Box(9 * c.id, 5, 6, 7)) for c in classes)
            )
            for image in read_asked(job)
        ]
        write_predictions(job.predictions(ANSWERS), found)
        write_answer(job, Answer(Task.DETECT, classes, 0.25, ()))

    monkeypatch.setattr(command, "finish", work)
    return file


def test_classes_of_a_file_become_those_that_are_named(
    cells: Path, foreign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = (str(cells), "--file", str(foreign))
    content = told(
        capsys, *ask, "--class", "platelet=RBC", "--class", "rbc=", "--class", "a=b=Other=",
        "--new-classes",
    )  # fmt: skip
    assert content["waiting"] == {"RBC": 2, "Other=": 2}
    with Project.open(cells, write=False) as project, project.read() as s:
        assert [c.name for c in queries.classes(s)] == ["RBC", "Other="]


def test_classes_that_are_not_named_go_by_their_names(
    cells: Path, foreign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = told(capsys, str(cells), "--file", str(foreign), "--class", "platelet=")
    assert content["waiting"] == {"RBC": 2}


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("platelets=RBC", "The file has no class “platelets”. Did you mean “platelet”?"),
        ("platelet=RBCs", "no class “RBCs”. Did you mean “RBC”? With --new-classes it is made."),
        ("rbc", "not in the form theirs=ours"),
        ("rbc=", "No class of the file is one of the project"),
    ],
)
def test_a_slip_in_a_pair_of_classes_is_named_and_nothing_is_asked(
    cells: Path, foreign: Path, capsys: pytest.CaptureFixture[str], pair: str, said: str
) -> None:
    assert main(["suggest", str(cells), "--file", str(foreign), "--class", pair]) != 0
    assert said in capsys.readouterr().err
    with Project.open(cells, write=False) as project:
        assert not list(project.runs_directory.glob("jobs/suggest-*"))


def test_a_run_has_no_classes_to_be_named(cells: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suggest", str(cells), "--run", "1", "--class", "a=b"]) == 2
    assert "go with --file" in capsys.readouterr().err
