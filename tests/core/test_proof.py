"""What the checks of an exported file are called, and how their figures read."""

from __future__ import annotations

from typing import Any

import pytest

from cvstudio.core import proof


def check(value: float | None, allowed: float | None, **more: Any) -> dict[str, Any]:
    return {"value": value, "allowed": allowed, "reference": None, "unit": "", **more}


def test_a_limit_says_on_which_side_of_it_a_file_must_stay() -> None:
    assert proof.allowed([check(0.0001, 0.001)]) == "at most 0.0010"
    assert proof.allowed([check(23_920, 23_896, reference=23_920)]) == "at least 23,896"
    assert proof.allowed([check(1, 1)]) == ""


@pytest.mark.parametrize(
    ("number", "unit", "words"),
    [
        (23_920.0, "", "23,920"),
        (6.253e-05, "", "0.0001"),
        (1e-9, "", "under 0.0001"),
        (0.0, "", "0"),
        (0.62351, "", "0.624"),
        (1177.0, "px", "1,177 px"),
    ],
)
def test_figures_have_as_many_places_as_they_need(number: float, unit: str, words: str) -> None:
    assert proof.figure(number, unit) == words


def test_a_check_without_a_figure_is_simply_fulfilled() -> None:
    assert proof.value(check(1, 1)) == "yes"
    assert proof.sentence("mAP50, measured again") == "mAP50, measured again"
    assert proof.sentence("valid") == "Valid"
