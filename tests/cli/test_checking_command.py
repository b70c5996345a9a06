"""`cvstudio train --check` says all that the window's checks say, and starts nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import small_job
from test_command_line import sample  # noqa: F401  # a fixture

from cvstudio.__main__ import main
from cvstudio.core.annotation import Split
from cvstudio.core.opencv import cv2
from cvstudio.project import commands, preflight_facts, queries, run_checks, runs, trying
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage


@pytest.fixture
def project(sample: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    """A sample project whose batches are tried by a job that stands in."""
    monkeypatch.setattr(trying.start, "__kwdefaults__", {"command": small_job.command})
    return sample


def checked(
    capsys: pytest.CaptureFixture[str], project: Path, *more: str, code: int = 0
) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["train", str(project), "--check", "--json", *more]) == code
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def saying(told: dict[str, Any], words: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [c for c in told["checks"] if words in c["text"]]
    assert len(found) == 1, [c["text"] for c in told["checks"]]
    return found[0]


def copy_to_val(folder: Path) -> int:
    """An image of train, brighter and saved anew, comes to val; its id."""
    with Project.open(folder) as project:
        with project.read() as session:
            records = queries.images(session, queries.image_ids(session))
        source = next(record for record in records if record.split is Split.TRAIN)
        pixels = cv2.imread(str(project.image_path(source)))
        assert pixels is not None
        copy = folder.parent / "copy.jpg"
        cv2.imwrite(str(copy), cv2.convertScaleAbs(pixels, alpha=0.9, beta=20))
        new = NewImage(
            project.uri_of(copy), source.width, source.height, split=Split.VAL,
            review=source.review,
        )  # fmt: skip
        with project.transaction("Copy") as session:
            (image,) = commands.add_images(session, [new])
    return image


def test_the_exit_status_says_whether_a_run_may_start_and_none_is_made(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = checked(capsys, project, "--start", "scratch", "--device", "cpu")
    assert told["may_start"] is True
    assert told["seconds"] > 0
    assert told["trial"] is None
    assert {check["level"] for check in told["checks"]} == {"advice", "ok"}
    stopped = checked(capsys, project, "--start", "scratch", "--device", "cuda:7", code=1)
    assert stopped["may_start"] is False
    assert stopped["checks"][0]["level"] == "blocking", "what stops a run comes first"
    assert stopped["checks"][0]["ways"] == [
        {"title": "Use what there is", "option": "--set device=auto", "command": ""}
    ]
    with Project.open(project, write=False) as opened:
        assert runs.all_runs(opened) == []


def test_in_words_what_stops_a_run_stands_apart_from_advice_and_from_what_is_fine(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["train", str(project), "--check", "--preset", "fast"]) == 1
    told = capsys.readouterr().out
    places = [told.index(words) for words in (
        "To settle before the start\n", "are not on this computer\n", "cvstudio weights get ",
        "Add --start scratch\n", "Worth a look, stops nothing\n", "In order\n",
        "The run cannot start: 1 thing to settle first.\n",
    )]  # fmt: skip
    assert places == sorted(places)
    assert main(["train", str(project), "--check", "--start", "scratch"]) == 0
    assert "The run may start: " in capsys.readouterr().out.splitlines()[-1]


def test_it_can_be_asked_while_the_project_is_open_in_a_window(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Project.open(project):
        told = checked(capsys, project, "--start", "scratch")
    assert told["may_start"] is True


def test_a_batch_is_tried_and_tells_epoch_memory_and_duration(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ["--start", "scratch", "--set", "batch=16", "--epochs", "2000"]
    guess = checked(capsys, project, *settings)["seconds"]
    told = checked(capsys, project, "--try-batch", *settings)
    assert saying(told, "Tried: 16 images in 250 ms")["level"] == "ok"
    assert "An epoch takes" in saying(told, "Tried: 16 images in 250 ms")["detail"]
    assert saying(told, "Took 3.0 of 8 GB memory")["level"] == "ok"
    trial = told["trial"]
    assert trial["seconds"] == 0.25
    assert told["seconds"] == pytest.approx(2000 * trial["epoch_seconds"] + trial["start"])
    assert told["seconds"] != guess
    assert main(["train", str(project), "--try-batch", *settings]) == 0, "it needs no --check"
    with Project.open(project, write=False) as opened:
        assert runs.all_runs(opened) == []


def test_a_batch_that_fails_is_advice_with_what_would_help(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hungry = ["--start", "scratch", "--set", "batch=16", "--set", f"seed={small_job.HUNGRY}"]
    told = checked(capsys, project, "--try-batch", *hungry)
    failed = saying(told, "The trial batch failed: The GPU ran out of memory")
    assert failed["level"] == "advice"
    assert "--set batch=8" in [way["option"] for way in failed["ways"]]
    assert told["trial"] is None


def test_no_batch_is_tried_where_a_run_cannot_start(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = checked(capsys, project, "--try-batch", "--device", "cuda:7", code=1)
    assert saying(told, "No batch was tried: something has to be settled first")
    assert not list((project / "runs").glob("jobs/try-batch-*"))


@pytest.mark.parametrize("more", [["--detach"], ["--when-idle", "5"], ["--tensorboard", "x"]])
def test_options_of_a_start_are_wrong_usage_beside_it(
    project: Path, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(project), "--check", *more]) == 2
    assert f"{more[0]} is for a run that starts" in capsys.readouterr().err
    assert main(["train", str(project), "--try-batch", "--on", "http://host:8265"]) == 2
    assert "on this computer only" in capsys.readouterr().err


def test_near_duplicates_are_told_before_a_run_as_in_the_window(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copy_to_val(project)
    start = ["train", str(project), "--start", "scratch", "--epochs", "1"]
    monkeypatch.setattr(preflight_facts, "SECONDS", 0.0)
    capsys.readouterr()
    assert main(start) == 0
    told = capsys.readouterr().err
    assert "23 images have not been looked at for near-duplicates yet" in told
    assert "looks like one in train" not in told
    check = saying(checked(capsys, project, "--start", "scratch"), "looks like one in train")
    assert check["level"] == "advice"
    assert copy in check["images"]
    assert main(start) == 0, "what was seen is known at once from then on"
    told = capsys.readouterr().err
    assert "advice: 1 val or test image looks like one in train." in told
    assert "not been looked at" not in told


def test_what_the_run_to_begin_with_learned_from_is_told_before_a_run(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ["--epochs", "1", "--network", "yolo11n"]
    assert main(["train", str(project), *small, "--start", "scratch"]) == 0
    with Project.open(project) as opened:
        with opened.read() as session:
            records = queries.images(session, queries.image_ids(session))
        moved = [record.id for record in records if record.split is Split.TRAIN][:2]
        with opened.transaction("Move") as session:
            commands.set_split(session, image_ids=moved, split=Split.VAL)
    told = checked(capsys, project, "--from-run", "1")
    check = saying(told, "Run 1 learned from 2 of ")
    assert (check["level"], check["images"]) == ("advice", moved)
    for command in (["train"], ["sweep", "--vary", "seed=0"]):
        asked = [command[0], str(project), *command[1:], "--from-run", "1", "--epochs", "1"]
        assert main(asked) == 0
        assert "advice: Run 1 learned from 2 of " in capsys.readouterr().err


def test_a_run_keeps_what_was_checked_before_it_was_started(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = checked(capsys, project, "--start", "scratch", "--epochs", "2")
    assert main(["train", str(project), "--start", "scratch", "--epochs", "2"]) == 0
    with Project.open(project, write=False) as open_project:
        (run,) = runs.all_runs(open_project)
        kept = run_checks.kept(runs.job_of(run))
    assert kept is not None
    advised = {check["text"] for check in told["checks"] if check["level"] == "advice"}
    assert advised
    assert set(kept.overruled) == advised
