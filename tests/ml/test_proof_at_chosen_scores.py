"""A file is held to its run with the scores and the temperature that it carries, and says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from judge_samples import CLASSES
from test_exporting import Made, make_run

from cvstudio.core import proof as words
from cvstudio.core.annotation import Split, Task
from cvstudio.core.thresholds import Aim, keep_scores, keep_temperature
from cvstudio.ml.evaluate import predict_images
from cvstudio.ml.exporting.certificate import Standing, check_file
from cvstudio.ml.predict import OnnxNetwork

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
    keep_temperature(made.run.path, 4.0)
    told = made.export(tmp_path / "warm.onnx")
    assert told["verified"] is True
    assert max(each["value"] for each in told["differences"]) < 1e-3
    assert words.counted_from(told) == "Judged at the temperature that the file carries: 4."


@pytest.mark.parametrize("task", [Task.SEGMENT, Task.CLASSIFY])
def test_where_no_score_is_chosen_the_certificate_names_none(tmp_path: Path, task: Task) -> None:
    told = make_run(tmp_path, task).export(tmp_path / "out.onnx")
    assert told["counted_from"] is None
    assert words.counted_from(told) == ""
