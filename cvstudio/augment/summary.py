"""An item of a pipeline in a few words: "±25°, 0.90 to 1.15, ±6 %"."""

from __future__ import annotations

from typing import Any

from cvstudio.augment import automatic
from cvstudio.augment.catalogue import transform, values
from cvstudio.augment.fields import Bool, Choice, Colour, Field, Float, Int, Range, number
from cvstudio.core.pipeline import Automatic, Group, GroupKind, Item

GROUP_TITLES = {GroupKind.ONE_OF: "One of these", GroupKind.SOME_OF: "Some of these"}


def step_title(item: Item) -> str:
    """The name of an item in the window: its transform's, or what kind of group it is."""
    if isinstance(item, Group):
        return GROUP_TITLES[item.group]
    if isinstance(item, Automatic):
        return automatic.TITLE
    return transform(item.transform).title


def summary(item: Item) -> str:
    """What an item does, in the words under its name."""
    if not item.enabled:
        return "off"
    if isinstance(item, Automatic):
        return automatic.summary(item)
    if isinstance(item, Group):
        return _group(item)
    record = transform(item.transform)
    given = values(item)
    parts = [
        words
        for field in record.parameters
        if field.brief and (words := field_words(field, given[field.name]))
    ]
    return ", ".join(parts) or record.brief or record.description


def _group(group: Group) -> str:
    able = [step for step in group.steps if step.enabled and step.chance > 0]
    if not able:
        return "nothing to choose from"
    if group.group is GroupKind.ONE_OF:
        return "always this one" if len(able) == 1 else f"1 of {len(able)}, by weight"
    return f"{min(group.count, len(able))} of {len(able)}, evenly"


def field_words(field: Field, value: Any) -> str:
    """One parameter's value with its unit; empty where it does nothing."""
    match field:
        case Range():
            return _range(field, float(value[0]), float(value[1]))
        case Int() | Float():
            sign = "±" if field.plus_minus else ""
            if field.plus_minus and value == 0:
                return ""
            return sign + with_unit(value, field.unit, step=field.step)
        case Choice():
            return dict(field.options)[value].lower()
        case Bool():
            return field.title.lower() if value else ""
        case Colour():
            return str(value)


def with_unit(value: float, unit: str, *, step: float, sign: bool = False) -> str:
    """A number with as many digits as its step needs, and its unit."""
    text = number(value, digits=digits_of(step), sign=sign)
    if not unit:
        return text
    return f"{text}°" if unit == "°" else f"{text}\N{NO-BREAK SPACE}{unit}"


def digits_of(step: float) -> int:
    """How many digits after the point a step makes necessary."""
    digits = 0
    while digits < 4 and abs(step * 10**digits - round(step * 10**digits)) > 1e-9:
        digits += 1
    return digits


def _range(field: Range, low: float, high: float) -> str:
    if low == high == 0:
        return ""
    if low == high:
        return with_unit(low, field.unit, step=field.step, sign=field.low < 0)
    if low == -high:
        return "±" + with_unit(high, field.unit, step=field.step)
    start = number(low, digits=digits_of(field.step))
    return f"{start} to {with_unit(high, field.unit, step=field.step)}"
