"""A step from weak to strong: the same transform at rising shares of its strongest setting.

Each row of the ladder raises one setting, with the others where they change least; with several
settings the first row raises all of them together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cvstudio.augment.catalogue import transform, values
from cvstudio.augment.fields import Field, Float, Int, Range, Transform
from cvstudio.augment.summary import field_words
from cvstudio.core.pipeline import Step

SHARES = (0.05, 0.15, 0.35, 0.65, 1.0)
_ROWS = 4

Scaling = Range | Int | Float


@dataclass(frozen=True, slots=True)
class Rung:
    """One place on the ladder: what taking it over sets, also in `words`; `step` is shown."""

    parameters: Mapping[str, Any]
    step: Step
    words: str


@dataclass(frozen=True, slots=True)
class Row:
    """A setting, or all, from weak to strong; `now` is the rung nearest to the step's own."""

    title: str
    rungs: tuple[Rung, ...]
    now: int


def rows(step: Step, *, other_way: bool = False) -> list[Row]:
    """The ladder of a step; empty when it has one strength only.

    Settings that go both ways, as rotation, are shown at their upper end, or at their lower one
    (`other_way`).
    """
    record = transform(step.transform)
    fields = scaling(record)
    given = values(step)
    found = [_row(step, record, (field,), given, other_way) for field in fields[:_ROWS]]
    if len(fields) > 1:
        found = [_row(step, record, fields, given, other_way), *found[: _ROWS - 1]]
    return found


def scaling(record: Transform) -> tuple[Scaling, ...]:
    """The settings of which more is stronger."""
    return tuple(
        field
        for field in record.parameters
        if isinstance(field, Scaling)
        and field.scales
        and field.brief
        and not (isinstance(field, Int) and field.after)
    )


def weakest(field: Scaling) -> float:
    """The value that changes least."""
    if field.weak is not None:
        return field.weak
    return 0 if field.low <= 0 <= field.high else field.low


def at_share(field: Scaling, share: float) -> Any:
    """A field's value at a share of its strongest: a pair for a range, else a number."""
    weak = weakest(field)
    low = _rounded(field, weak + share * (field.low - weak))
    high = _rounded(field, weak + share * (field.high - weak))
    if isinstance(field, Range):
        return [low, high]
    return high if field.high != weak else low


def share_of(field: Scaling, value: Any) -> float:
    """How strong a value is, as a share of the field's strongest."""
    weak = weakest(field)
    ends = value if isinstance(value, list | tuple) else (value, value)
    shares = [
        abs(end - weak) / abs(limit - weak)
        for end, limit in zip(ends, (field.low, field.high), strict=True)
        if limit != weak and (end - weak) * (limit - weak) >= 0
    ]
    return max(shares, default=0.0)


def _row(
    step: Step,
    record: Transform,
    raised: tuple[Scaling, ...],
    given: Mapping[str, Any],
    other_way: bool,
) -> Row:
    still = {field.name: _pinned(field, 0, other_way) for field in scaling(record)}
    rungs = []
    for share in SHARES:
        shown = {field.name: _pinned(field, share, other_way) for field in raised}
        parameters = {**step.parameters, **still, **shown}
        taken = {field.name: at_share(field, share) for field in raised}
        alone = raised[0] if len(raised) == 1 else None
        words = field_words(alone, taken[alone.name]) if alone else f"{round(100 * share)} %"
        rungs.append(
            Rung(
                taken,
                step.model_copy(update={"chance": 1.0, "enabled": True, "parameters": parameters}),
                words or "none",
            )
        )
    strength = max(share_of(field, given[field.name]) for field in raised)
    now = min(range(len(SHARES)), key=lambda place: abs(SHARES[place] - strength))
    title = raised[0].title if len(raised) == 1 else "All together"
    return Row(title, tuple(rungs), now)


def _pinned(field: Field, share: float, other_way: bool) -> Any:
    """A value that draws the same every time: the strong end of a range."""
    assert isinstance(field, Scaling)
    value = at_share(field, share)
    if not isinstance(field, Range):
        return value
    weak = weakest(field)
    lower = field.high == weak or (other_way and field.low != weak)
    return [value[0]] * 2 if lower else [value[1]] * 2


def _rounded(field: Scaling, value: float) -> float:
    steps = round((value - field.low) / field.step)
    near = min(max(field.low + steps * field.step, field.low), field.high)
    return round(near) if float(field.step).is_integer() else round(near, 6)
