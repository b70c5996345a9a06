"""A file is held to its run with the scores and the temperature that it carries, and says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from judge_samples import CLASSES
from test_exporting import Made, make_run

from cvstudio.core import proof as words
from cvstudio.core.annotation import Split, Task
from cvstudio.core.predictions import Prediction
from cvstudio.core.sureness import Correction, Platt
from cvstudio.core.thresholds import Aim, keep_correction, keep_scores
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.evaluate import predict_images
from cvstudio.ml.exporting.certificate import Standing, check_file
from cvstudio.ml.predict import OnnxNetwork
from cvstudio.ml.predicting.asking import open_file, open_run

FIRST, SECOND = CLASSES[0].id, CLASSES[1].id


def kept(told: dict[str, Any]) -> float:
    """How many objects of the run the proof looked for in the file."""
    (check,) = [c for c in told["checks"] if c["check"] == "Predictions kept"]
    return float(check["reference"])


def objects(made: Made, class_id: int) -> list[float]:
    answers = predict_images(made.network, made.snapshot.of(Split.VAL))
    return sorted(f.score for a in answers for f in a.objects if f.class_id == class_id)


def test_the_proof_counts_from_the_scores_that_a_person_chose_and_the_file_carries(
    tmp_path: Path,
) -> None:
    made = make_run(tmp_path, Task.DETECT)
    first, second = objects(made, FIRST), objects(made, SECOND)
    at = {FIRST: (first[len(first) // 2] + first[len(first) // 2 - 1]) / 2, SECOND: 1.0}
    keep_scores(made.run.path, at, aim=Aim.PRECISION, wanted=0.9)
    file = tmp_path / "out.onnx"
    told = made.export(file)
    expected = sum(score >= at[FIRST] for score in first)
    assert 0 < expected < len(first) + len(second)
    assert kept(told) == expected
    assert OnnxNetwork(file).record.thresholds.own == at
    names = {c.id: c.name for c in CLASSES}
    assert told["counted_from"]["classes"] == {names[key]: score for key, score in at.items()}
    said = words.counted_from(told)
    assert f"“{names[FIRST]}” from {at[FIRST]:.3f}" in said
    found = check_file(file)
    assert found.standing is Standing.PROVEN
    assert said in found.words


def test_without_a_choice_the_proof_counts_from_the_score_of_the_report(tmp_path: Path) -> None:
    made = make_run(tmp_path, Task.DETECT)
    file = tmp_path / "out.onnx"
    told = made.export(file)
    score = OnnxNetwork(file).record.score
    assert told["counted_from"] == {"score": score, "classes": {}, "temperature": None}
    assert words.counted_from(told) == (
        f"Judged with the scores that the file carries: all from {score:.3f}."
    )


def test_a_file_that_corrects_its_sureness_is_judged_with_the_corrected_one(tmp_path: Path) -> None:
    made = make_run(tmp_path, Task.CLASSIFY)
    keep_correction(made.run.path, Correction(4.0))
    told = made.export(tmp_path / "warm.onnx")
    assert told["verified"] is True
    assert max(each["value"] for each in told["differences"]) < 1e-3
    assert words.counted_from(told) == "Judged at the temperature that the file carries: 4."


@pytest.mark.parametrize("task", [Task.SEGMENT, Task.CLASSIFY])
def test_where_no_score_is_chosen_the_certificate_names_none(tmp_path: Path, task: Task) -> None:
    told = make_run(tmp_path, task).export(tmp_path / "out.onnx")
    assert told["counted_from"] is None
    assert words.counted_from(told) == ""


def test_a_file_whose_scores_are_scaled_counts_the_same_objects_and_is_proven(
    tmp_path: Path,
) -> None:
    made = make_run(tmp_path, Task.DETECT)
    bare = made.export(tmp_path / "bare.onnx")
    platt = Platt(0.7, -0.5)
    score = OnnxNetwork(tmp_path / "bare.onnx").record.score
    assert score is not None
    keep_correction(made.run.path, Correction(platt=platt))
    file = tmp_path / "scaled.onnx"
    told = made.export(file)
    assert told["verified"] is True
    assert kept(told) == kept(bare) > 0
    assert told["reference"] == bare["reference"], "the order of answers is as before"
    record = OnnxNetwork(file).record
    assert record.platt == platt
    assert record.score == platt.of(score)
    assert record.to_json()["format"] == 3, "older versions would compare it with bare scores"
    assert "corrected by Platt scaling" in words.counted_from(told)
    found = check_file(file)
    assert found.standing is Standing.PROVEN


def test_the_temperature_of_pixels_is_in_the_file_and_its_sureness_is_proven(
    tmp_path: Path,
) -> None:
    made = make_run(tmp_path, Task.SEGMENT)
    keep_correction(made.run.path, Correction(2.5))
    file = tmp_path / "warm.onnx"
    told = made.export(file)
    assert told["verified"] is True
    (check,) = [c for c in told["checks"] if "how sure it is of a pixel" in c["check"]]
    assert check["passed"] is True
    network = OnnxNetwork(file)
    assert network.record.temperature == 2.5
    assert "divided by 2.5" in network.record.to_json()["answer"]["probabilities"]
    images = made.snapshot.of(Split.VAL)
    bare, warm = predict_images(made.network, images), predict_images(network, images)
    for one, other in zip(bare, warm, strict=True):
        assert one.pixels is not None
        assert other.pixels is not None
        expected = one.pixels.at(2.5).chances
        assert other.pixels.chances == pytest.approx(expected, abs=1e-4)
        assert np.abs(one.pixels.chances - expected).max() > 0.01
    assert words.counted_from(told) == "Judged at the temperature that the file carries: 2.5."


@pytest.mark.parametrize(
    ("task", "correction"),
    [(Task.CLASSIFY, Correction(3.0)), (Task.DETECT, Correction(platt=Platt(0.5, -0.3)))],
)
def test_a_run_is_asked_with_the_sureness_that_its_file_has(
    tmp_path: Path, task: Task, correction: Correction
) -> None:
    made = make_run(tmp_path, task)
    keep_correction(made.run.path, correction)
    file = tmp_path / "out.onnx"
    made.export(file)
    rgb = read_rgb(made.snapshot.images[0].path)
    asked = [open_run(made.run.path, device="cpu"), open_file(file)]
    bare = told_of(made.network.predict([rgb], [1])[0])
    run, exported = (told_of(each.network.predict([rgb], [1])[0]) for each in asked)
    assert run == pytest.approx(exported, abs=1e-3)
    assert run != pytest.approx(bare, abs=1e-2)
    assert asked[0].teller.score == asked[1].teller.score


def told_of(answer: Prediction) -> list[float]:
    """The chances of classes, or the scores of objects."""
    return list((answer.scores or {}).values()) or [one.score for one in answer.objects]
