"""A sheet of figures as plain JSON: what report.json and the commands say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cvstudio.core.metrics.calibration import Reliability
from cvstudio.core.metrics.resampling import Measured
from cvstudio.core.metrics.sheets import Sheet
from cvstudio.core.metrics.tide import Gain

Json = dict[str, Any]


def values_of(figures: Mapping[str, Measured]) -> dict[str, float | None]:
    """The figures alone; None where there is none."""
    return {name: _number(figure.value) for name, figure in figures.items()}


def ranges_of(figures: Mapping[str, Measured]) -> dict[str, list[float]]:
    """The 95 % intervals of those that have one."""
    return {name: list(f.interval) for name, f in figures.items() if f.interval is not None}


def without_range(figures: Mapping[str, Measured]) -> dict[str, str]:
    """In words why known figures have no interval, by name; {} where all have one."""
    return {name: figure.why_no_range for name, figure in figures.items() if figure.why_no_range}


def sheet_extras(sheet: Sheet) -> Json:
    """What stands beside the figures: "calibration" and "gains", where there are such."""
    found: Json = {}
    if sheet.reliability is not None:
        found["calibration"] = reliability_json(sheet.reliability)
    if sheet.gains:
        found["gains"] = [_gain(each) for each in sheet.gains]
    return found


def reliability_json(diagram: Reliability) -> Json:
    """{"ECE", "interval", "tendency", "bins": [{"low", "high", "count", "sureness", "right",
    "interval"}]}; tendency is how much surer than right."""
    return {
        "ECE": _number(diagram.error.value),
        "interval": _range(diagram.error),
        "tendency": _number(diagram.tendency),
        "bins": [
            {
                "low": b.low, "high": b.high, "count": b.count, "sureness": _number(b.sureness),
                "right": _number(b.right.value), "interval": _range(b.right),
            }
            for b in diagram.bins
        ],
    }  # fmt: skip


def _gain(each: Gain) -> Json:
    return {
        "kind": each.kind.value,
        "count": each.count,
        "gain": _number(each.gain.value),
        "interval": _range(each.gain),
    }


def _range(figure: Measured) -> list[float] | None:
    return None if figure.interval is None else list(figure.interval)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
