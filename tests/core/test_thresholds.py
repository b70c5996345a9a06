"""What a person chose for a run is kept beside its report, and what is damaged is told."""

from pathlib import Path

import pytest

from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir, write_json
from cvstudio.core.metrics import USUAL_SCORE
from cvstudio.core.thresholds import (
    FILE,
    Aim,
    Thresholds,
    forget_scores,
    keep_scores,
    keep_temperature,
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
    keep_temperature(tmp_path, 1.7)
    assert thresholds_of(tmp_path).own == {}
    keep_scores(tmp_path, {1: 0.62}, aim=Aim.F1)
    assert thresholds_of(tmp_path).temperature == 1.7
    keep_temperature(tmp_path, None)
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
        '{"format": 2}',
    ],
)
def test_a_damaged_or_newer_choice_is_told_and_not_taken_for_none(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / FILE).write_text(content, encoding="utf-8")
    with pytest.raises(RunError):
        thresholds_of(tmp_path)
