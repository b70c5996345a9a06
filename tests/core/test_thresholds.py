"""What a person chose for a run is kept beside its report, and what is damaged is told."""

from pathlib import Path

import pytest

from cvstudio.core.errors import RunError
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir, write_json
from cvstudio.core.metrics import USUAL_SCORE
from cvstudio.core.predictions import Found, Prediction
from cvstudio.core.sureness import Correction, Platt
from cvstudio.core.thresholds import (
    FILE,
    Aim,
    Thresholds,
    forget_scores,
    keep_correction,
    keep_scores,
    thresholds_of,
)


def _report(run: Path, *, several: bool = False) -> None:
    val = {"thresholds": {"score": 0.4, "per_class": {"1": 0.3, "2": None}}}
    if several:
        val["several"] = True
    write_json(JobDir(run).report, {"val": val})


def test_a_run_that_nobody_judged_has_no_scores(tmp_path: Path) -> None:
    assert thresholds_of(tmp_path) == Thresholds()


def test_a_class_counts_from_a_chosen_score_or_the_reports_or_the_usual_one(tmp_path: Path) -> None:
    assert thresholds_of(tmp_path).floors([1, 2]) == {1: USUAL_SCORE, 2: USUAL_SCORE}
    _report(tmp_path)
    assert thresholds_of(tmp_path).floors([1, 2]) == {1: 0.4, 2: 0.4}
    keep_scores(tmp_path, {1: 0.62, 2: None}, aim=Aim.F1)
    found = thresholds_of(tmp_path)
    assert found.floors([1, 2]) == {1: 0.62, 2: 0.4}
    assert found.floors([1, 2], 0.1) == {1: 0.1, 2: 0.1}, "a score that is asked for goes first"


def test_a_score_of_nothing_stays_nothing(tmp_path: Path) -> None:
    assert Thresholds(score=0.0, per_class={1: 0.0}, applied=True).floors([1, 2]) == {1: 0, 2: 0}


def test_scores_of_the_report_hold_for_single_classes_only_where_images_have_several(
    tmp_path: Path,
) -> None:
    _report(tmp_path)
    found = thresholds_of(tmp_path)
    assert (found.score, found.per_class, found.own) == (0.4, {1: 0.3, 2: None}, {})
    _report(tmp_path, several=True)
    assert thresholds_of(tmp_path).own == {1: 0.3, 2: None}


def test_chosen_scores_hold_until_they_are_taken_back(tmp_path: Path) -> None:
    _report(tmp_path)
    keep_scores(tmp_path, {1: 0.62, 2: None}, aim=Aim.PRECISION, wanted=0.95)
    found = thresholds_of(tmp_path)
    assert found.own == {1: 0.62, 2: None}
    assert (found.score, found.aim, found.wanted) == (0.4, Aim.PRECISION, 0.95)
    forget_scores(tmp_path)
    assert thresholds_of(tmp_path) == Thresholds(0.4, {1: 0.3, 2: None})


def test_scores_and_temperature_are_chosen_without_losing_each_other(tmp_path: Path) -> None:
    _report(tmp_path)
    keep_correction(tmp_path, Correction(1.7))
    assert thresholds_of(tmp_path).own == {}
    keep_scores(tmp_path, {1: 0.62}, aim=Aim.F1)
    assert thresholds_of(tmp_path).temperature == 1.7
    keep_correction(tmp_path, None)
    found = thresholds_of(tmp_path)
    assert (found.temperature, found.own) == (None, {1: 0.62})


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"format": 1}',
        '{"format": 1, "per_class": {"x": 1}, "aim": "f1", "wanted": null, "temperature": null}',
        '{"format": 1, "per_class": {}, "aim": null, "wanted": null, "temperature": 0}',
        '{"format": 1, "per_class": {}, "aim": null, "wanted": null, "temperature": null,'
        ' "platt": [-1, 0]}',
        '{"format": 2}',
    ],
)
def test_a_damaged_or_newer_choice_is_told_and_not_taken_for_none(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / FILE).write_text(content, encoding="utf-8")
    with pytest.raises(RunError):
        thresholds_of(tmp_path)


def test_a_class_counts_from_the_same_objects_before_and_after_its_scores_are_scaled(
    tmp_path: Path,
) -> None:
    _report(tmp_path)
    keep_scores(tmp_path, {1: 0.612345, 2: None}, aim=Aim.F1)
    box = Box(0, 0, 9, 9)
    scores = [0.999999, 0.612345, 0.612344, 0.4, 0.399999, 0.001]
    bare = Prediction(1, objects=tuple(Found(c, s, box) for s in scores for c in (1, 2)))

    def counted() -> list[int]:
        told = thresholds_of(tmp_path)
        read = told.corrected(bare).objects
        floors = told.floors([1, 2])
        return [n for n, one in enumerate(read) if one.score >= floors[one.class_id]]

    before = counted()
    keep_correction(tmp_path, Correction(platt=Platt(0.43, -1.7)))
    assert thresholds_of(tmp_path).floors([1])[1] != pytest.approx(0.612345, abs=0.1)
    assert counted() == before
    # A score that is chosen as it is read now stays with its objects when they are read otherwise.
    read = thresholds_of(tmp_path).corrected(bare).objects[2].score
    keep_scores(tmp_path, {1: read}, aim=Aim.F1)
    keep_correction(tmp_path, Correction(platt=Platt(2.2, 0.9)))
    assert [n for n in counted() if n % 2 == 0] == [0, 2]
    keep_correction(tmp_path, None)
    assert thresholds_of(tmp_path).floors([1]) == {1: 0.612345}


def test_a_run_that_was_judged_by_scaled_scores_is_not_scaled_twice(tmp_path: Path) -> None:
    platt = Platt(0.5, 1.0)
    told = {"thresholds": {"score": platt.of(0.4)}, "platt": [platt.slope, platt.shift]}
    write_json(JobDir(tmp_path).report, {"val": told})
    assert thresholds_of(tmp_path).score == 0.4
    keep_correction(tmp_path, Correction(platt=platt))
    assert thresholds_of(tmp_path).score == pytest.approx(platt.of(0.4))
