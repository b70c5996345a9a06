"""Thresholds, temperature and slices from the terminal: what is chosen holds for the next look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvstudio.__main__ import main
from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir, write_json
from cvstudio.core.opencv import cv2
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.thresholds import thresholds_of
from cvstudio.project import commands, queries, runs
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter, NewImage

COUNT = 24


def _project(folder: Path, task: Task) -> tuple[Path, JobDir]:
    """A project with COUNT val images, a class on each, and a run that is judged: sure of discs,
    often wrong about squares."""
    pictures = folder / "pictures"
    pictures.mkdir()
    path = folder / "project"
    with Project.create(path, task=task, classes=["disc", "square"]) as project:
        with project.transaction("Fill") as s:
            first, second = (c.id for c in queries.classes(s))
            new = []
            for number in range(COUNT):
                file = pictures / f"{number}.png"
                cv2.imwrite(str(file), np.full((48, 64, 3), 5 * number, np.uint8))
                new.append(NewImage(uri=project.uri_of(file), width=64, height=48))
            ids = commands.add_images(s, new)
            for number, image_id in enumerate(ids):
                shape = Box(10, 10, 20, 20) if task is Task.DETECT else None
                commands.add_annotation(
                    s, image_id=image_id, class_id=second if number % 2 else first, shape=shape
                )
            commands.set_split(s, image_ids=ids, split=Split.VAL)
            commands.set_review(s, image_ids=ids, review=Review.REVIEWED)
        run = runs.create_run(project, TrainConfig(task=task, network="any"))
        job = runs.job_of(run)
        answers = []
        for number, image_id in enumerate(ids):
            if task is Task.DETECT:
                class_id, score = (second, 0.3 + 0.02 * number) if number % 2 else (first, 0.9)
                beside = class_id == second and number % 8 != 7
                box = Box(40, 30, 10, 10) if beside else Box(10, 10, 20, 20)
                answers.append(Prediction(image_id, objects=(Found(class_id, score, box),)))
            else:
                sure = second if number % 2 and number % 4 == 1 else first
                other = first if sure == second else second
                answers.append(Prediction(image_id, scores={sure: 0.99, other: 0.01}))
        write_predictions(job.predictions("val"), answers)
        write_json(job.report, {"val": {"metrics": {}, "thresholds": {"score": 0.4}}})
    return path, job


def _answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_wanted_precision_is_kept_for_each_class_and_taken_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, job = _project(tmp_path, Task.DETECT)
    before = _answer(capsys, "thresholds", str(path), "1")
    assert (before["score"], before["per_class"]) == (0.4, {})
    content = _answer(capsys, "thresholds", str(path), "1", "--precision", "0.9")
    rows = {row["class"]: row for row in content["chosen"]}
    assert rows["disc"]["precision"] == 1
    assert rows["square"]["score"] > 0.7  # the surest of the squares alone is right
    assert set(thresholds_of(job.path).own.values()) == {r["score"] for r in content["chosen"]}
    assert main(["thresholds", str(path), "1"]) == 0
    assert "square" in capsys.readouterr().out
    cleared = _answer(capsys, "thresholds", str(path), "1", "--clear")
    assert cleared["per_class"] == {}


def test_errors_count_from_the_scores_that_were_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _job = _project(tmp_path, Task.DETECT)
    before = _answer(capsys, "errors", str(path), "1")
    assert main(["thresholds", str(path), "1", "--precision", "0.95"]) == 0
    capsys.readouterr()
    after = _answer(capsys, "errors", str(path), "1")
    assert after["own_scores"] is True
    assert after["counts"]["false alarm"] < before["counts"]["false alarm"]
    named = _answer(capsys, "errors", str(path), "1", "--score", "0.3")
    assert named["own_scores"] is False


@pytest.mark.parametrize("word", ["false alarm", "false-alarm", "False_Alarm", "extra"])
def test_a_kind_of_error_is_asked_for_in_the_words_that_answers_use(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And in the one that earlier versions wrote."""
    path, _job = _project(tmp_path, Task.DETECT)
    told = _answer(capsys, "errors", str(path), "1", "--kind", word)
    assert {row["kind"] for row in told["errors"]} == {"false alarm"}
    assert told["counts"]["false alarm"] == len(told["errors"])
    assert "extra" not in told["counts"]


def test_queries_for_errors_count_from_the_scores_that_were_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _job = _project(tmp_path, Task.DETECT)

    def extra() -> int:
        with Project.open(path) as project, project.read() as s:
            return len(queries.image_ids(s, ImageFilter(query="run:1 error:extra")))

    before = extra()
    assert main(["thresholds", str(path), "1", "--precision", "0.95"]) == 0
    assert extra() < before
    assert main(["thresholds", str(path), "1", "--clear"]) == 0
    assert extra() == before


def test_two_aims_at_once_and_a_task_without_scores_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _job = _project(tmp_path, Task.CLASSIFY)
    assert main(["thresholds", str(path), "1", "--best-f1", "--recall", "0.5"]) == 2
    assert "Choose one of" in capsys.readouterr().err
    assert main(["thresholds", str(path), "1", "--best-f1"]) == 1
    assert "likeliest one" in capsys.readouterr().err


def test_a_network_that_is_too_sure_is_read_cooler_once_that_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, job = _project(tmp_path, Task.CLASSIFY)
    found = _answer(capsys, "calibrate", str(path), "1")
    assert found["temperature"] > 1.5
    assert found["after"]["ECE"] < found["before"]["ECE"]
    assert found["taken"] is None
    taken = _answer(capsys, "calibrate", str(path), "1", "--take")
    assert taken["taken"]["temperature"] == pytest.approx(found["temperature"])
    assert thresholds_of(job.path).temperature == taken["taken"]["temperature"]
    # It is fitted on what the network itself says, not on what was made of it.
    again = _answer(capsys, "calibrate", str(path), "1")
    assert again["temperature"] == pytest.approx(found["temperature"])
    assert _answer(capsys, "calibrate", str(path), "1", "--clear")["taken"] is None


def test_scores_of_objects_are_scaled_and_the_same_objects_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, job = _project(tmp_path, Task.DETECT)
    found = _answer(capsys, "calibrate", str(path), "1")
    assert found["temperature"] is None
    assert found["platt"]["slope"] > 0
    assert (found["images"], found["answers"]) == (COUNT, COUNT)
    assert found["after"]["ECE"] < found["before"]["ECE"]
    before = _answer(capsys, "errors", str(path), "1", "--limit", "99")
    taken = _answer(capsys, "calibrate", str(path), "1", "--take")
    assert taken["taken"] == {"temperature": None, "platt": pytest.approx(found["platt"])}
    platt = thresholds_of(job.path).platt
    assert platt is not None
    after = _answer(capsys, "errors", str(path), "1", "--limit", "99")
    assert after["score"] == pytest.approx(platt.of(before["score"]))

    def told(answer: dict[str, Any]) -> set[tuple[Any, ...]]:
        return {(e["kind"], e["image_id"], str(e["box"])) for e in answer["errors"]}

    assert told(after) == told(before)
    first = next(n for n, e in enumerate(before["errors"]) if e["score"] is not None)
    assert after["errors"][first]["score"] == platt.of(before["errors"][first]["score"])
    # Fitted on what the network itself says, not on what was made of it.
    again = _answer(capsys, "calibrate", str(path), "1")
    assert again["platt"] == pytest.approx(found["platt"])
    cleared = _answer(capsys, "calibrate", str(path), "1", "--clear")
    assert cleared["taken"] is None
    assert thresholds_of(job.path).score == pytest.approx(0.4)


def test_the_class_that_is_mostly_wrong_is_named_among_the_slices(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _job = _project(tmp_path, Task.DETECT)
    content = _answer(capsys, "slices", str(path), "1", "--score", "0.25", "--query", "class:disc")
    worst = [each["name"] for each in content["slices"] if each["worse"]]
    assert "square" in worst
    assert "disc" not in worst
    queried = next(each for each in content["slices"] if each["kind"] == "query")
    assert len(queried["images"]) == COUNT // 2
    assert main(["slices", str(path), "1", "--all"]) == 0
    assert "disc" in capsys.readouterr().out
    assert main(["slices", str(path), "1", "--query", "nonsense:1"]) != 0
