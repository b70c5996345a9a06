"""Suspects from the terminal: who judged, what is suspected and why, for people and programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from planted import honest_run, labels, objects_project, other_class, some

from cvstudio.__main__ import main
from cvstudio.project import commands
from cvstudio.project.suspect_decisions import Decision, decide
from cvstudio.project.suspecting import Fault, find, judges


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Objects of which some have another class than the network, which knows the truth, finds."""
    with objects_project(tmp_path / "objects", images=40) as project:
        honest_run(project)
        with project.transaction("Plant") as s:
            for a in some(labels(project)):
                commands.set_class(s, ids=[a.id], class_id=other_class(a.class_id))
    return tmp_path / "objects"


def test_the_most_doubtful_come_first_with_their_reason(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["suspects", str(folder), "1", "--limit", "5", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["judge"] == "Run 1 on val"
    assert (told["images"], told["labels"]) == (30, 270)
    assert len(told["suspects"]) == 5
    doubts = [row["doubt"] for row in told["suspects"]]
    assert doubts == sorted(doubts, reverse=True)
    first = told["suspects"][0]
    assert first["kind"] == "wrong class"
    assert Path(first["image"]).suffix == ".png"
    assert "Of 100 objects" in first["reason"]
    assert first["labelled"] in first["reason"]
    assert len(first["box"]) == 4


def test_people_get_a_table_and_the_number_of_each_kind(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["suspects", str(folder), "--kind", "badly placed"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Run 1 on val: 270 labels on 30 images judged.")
    assert "wrong class" in out.splitlines()[0]
    assert not any("wrong class" in line for line in out.splitlines()[2:])


def test_what_was_decided_is_left_out_and_that_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from cvstudio.project.project import Project

    with Project.open(folder) as project:
        (first, *_) = find(project, judges(project)[0]).only({Fault.WRONG_CLASS}).rows
        decide(project, [first], Decision.KEPT)
    assert main(["suspects", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["decided"] == 1
    kept = (first.annotation_id, "wrong class")
    assert kept not in {(row["annotation_id"], row["kind"]) for row in told["suspects"]}


def test_what_nobody_can_judge_is_an_error_in_words(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    objects_project(tmp_path / "new", images=12).close()
    assert main(["suspects", str(tmp_path / "new")]) == 1
    assert "No network has been judged" in capsys.readouterr().err
    assert main(["suspects", str(folder), "1", "--split", "test"]) == 1
    assert "has not been judged on test" in capsys.readouterr().err
    assert main(["suspects", str(folder), "1", "--folds", "2"]) == 2
