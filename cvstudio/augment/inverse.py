"""From the arguments of a transform back to the values of its settings, by trying them out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cvstudio.augment.fields import Bool, Choice, Colour, Field, Float, Int, Range, Transform
from cvstudio.augment.parts import described

Arguments = Mapping[str, Any]
Leaves = dict[tuple[str, ...], Any]
"""Single values of arguments by their path: ("scale", "x", "0")."""

_CLOSE = 1e-6
_UNTOLD = frozenset(
    {"p", "__class_fullname__", "interpolation", "mask_interpolation", "fill_mask", "rotate_method",
     "keypoint_remapping_method", "area_for_downscale", "bbox_labels", "mask_indices"}
)  # fmt: skip
"""Arguments that the renderer here decides for itself, or that do not change pictures visibly."""


@dataclass(frozen=True)
class Solution:
    """A transform with the values nearest to the arguments; `differing` names what is not kept."""

    record: Transform
    values: dict[str, Any]
    differing: list[str]


def solved(record: Transform, wanted: Arguments, *, size: int) -> Solution:
    """The values of a transform whose arguments come nearest to `wanted` (in their full form)."""
    target = _leaves(_in_percent(wanted, size))
    found = record.defaults()
    # Twice: what a choice decides may depend on a number that is solved after it.
    for field in itertools.chain(record.parameters, record.parameters):
        found[field.name] = _solved_field(record, field, found, target, size)
    own = _leaves(_in_percent(_arguments(record, found, size), size))
    differing = []
    for name in dict.fromkeys(path[0] for path in (*target, *own)):
        if name in _UNTOLD or (record.sized and name in _fixed_by_size(record, size)):
            continue
        theirs = {p: v for p, v in target.items() if p[0] == name}
        ours = {p: v for p, v in own.items() if p[0] == name}
        if name == "keep_ratio" and _unscaled(target):
            continue
        if not _same(theirs, ours):
            differing.append(name)
    return Solution(record, found, differing)


def _in_percent(wanted: Arguments, size: int) -> Arguments:
    """Arguments in which a shift, if there is any, is a share of the image and not in pixels."""
    if "translate_px" not in wanted:
        return wanted
    pixels = wanted["translate_px"] or dict.fromkeys(("x", "y"), (0, 0))
    shares = {axis: [end / size for end in pixels[axis]] for axis in ("x", "y")}
    percent = wanted.get("translate_percent") or shares
    return {**wanted, "translate_percent": percent, "translate_px": None}


def _solved_field(
    record: Transform, field: Field, now: Mapping[str, Any], target: Leaves, size: int
) -> Any:
    if isinstance(field, Range):
        low = _number(record, field, now, target, size, end=0)
        high = _number(record, field, {**now, field.name: [low, field.high]}, target, size, end=1)
        return [min(low, high), max(low, high)]
    if isinstance(field, Int | Float):
        return _number(record, field, now, target, size, end=None)
    tried = [*_options(field)]
    if now[field.name] in tried:
        tried.insert(0, now[field.name])
    if field.name == "border" and "black" in tried:
        tried.insert(0, "black")  # a library's constant border is black, not the background
    return max(tried, key=lambda value: _agreeing(record, {**now, field.name: value}, target, size))


def _options(field: Choice | Bool | Colour) -> Iterator[Any]:
    if isinstance(field, Choice):
        yield from (value for value, _title in field.options)
    elif isinstance(field, Bool):
        yield from (True, False)
    else:
        yield field.default


def _number(
    record: Transform,
    field: Range | Int | Float,
    now: Mapping[str, Any],
    target: Leaves,
    size: int,
    *,
    end: int | None,
) -> float:
    """Solve for one number: the arguments that follow it do so along a straight line."""

    def leaves(value: float) -> Leaves:
        full: Any = _rounded(field, value)
        if end is not None:
            full = [full, field.high] if end == 0 else [field.low, full]
        return _leaves(_arguments(record, {**now, field.name: full}, size))

    own = now[field.name] if end is None else now[field.name][end]
    ends = leaves(field.low), leaves(field.high)
    for path in (p for p in ends[0] if ends[0][p] != ends[1].get(p)):
        wanted: Any = target.get(path)
        if not isinstance(wanted, int | float) or isinstance(wanted, bool):
            continue
        if field.low <= wanted <= field.high and _equal(leaves(wanted)[path], wanted):
            return _rounded(field, wanted)  # the setting is the argument, at least around here
    middle = (field.low + field.high) / 2
    for start, stop in ((field.low, field.high), (field.low, middle), (middle, field.high)):
        first, last = leaves(start), leaves(stop)
        for path, value in first.items():
            other, wanted = last.get(path), target.get(path)
            numbers = all(isinstance(v, int | float) for v in (value, other, wanted))
            if not numbers or abs(other - value) < _CLOSE:
                continue
            share = (wanted - value) / (other - value)
            if -_CLOSE <= share <= 1 + _CLOSE or (start, stop) == (field.low, field.high):
                return _rounded(field, start + share * (stop - start))
    return float(own) if isinstance(own, float) else own


def _rounded(field: Range | Int | Float, value: float) -> float:
    inside = min(max(value, field.low), field.high)
    if isinstance(field, Int):
        return round(inside)
    whole = float(field.step).is_integer() and abs(inside - round(inside)) < 1e-4
    return round(inside) if whole else round(inside, 6)


def _arguments(record: Transform, values: Mapping[str, Any], size: int) -> Arguments:
    arguments = record.arguments(values)
    if record.sized:
        arguments = {**arguments, **record.sized(values, size, size)}
    return described(record.target, arguments)


def _agreeing(record: Transform, values: Mapping[str, Any], target: Leaves, size: int) -> int:
    try:
        own = _leaves(_arguments(record, values, size))
    except (ValueError, TypeError, Warning):
        return -1
    return sum(path in target and _equal(target[path], value) for path, value in own.items())


def _fixed_by_size(record: Transform, size: int) -> set[str]:
    """Arguments that the size of the images decides alone, whatever the settings are."""
    assert record.sized is not None
    values = record.defaults()
    return {
        name for name, value in record.sized(values, size, size).items()
        if all(value == record.sized({**values, f.name: end}, size, size)[name]
               for f in record.parameters for end in _ends(f))
    }  # fmt: skip


def _ends(field: Field) -> list[Any]:
    match field:
        case Range():
            return [[field.low, field.low], [field.high, field.high]]
        case Int() | Float():
            return [field.low, field.high]
        case _:
            return [field.default]


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Leaves:
    """Single values by path; one number stands for a pair of it, as the library reads it."""
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = {str(n): v for n, v in enumerate(value)}.items()
    else:
        return {path: value}
    found: Leaves = {}
    for key, inner in items:
        found.update(_leaves(inner, (*path, str(key))))
    return found


def _unscaled(target: Leaves) -> bool:
    """Whether an affine transform leaves the size, so that proportions are no question."""
    return all(_equal(value, 1) for path, value in target.items() if path[0] == "scale")


def _same(theirs: Leaves, ours: Leaves) -> bool:
    if all(_nothing(v) for v in theirs.values()) and all(_nothing(v) for v in ours.values()):
        return True
    return theirs.keys() == ours.keys() and all(_equal(v, ours[p]) for p, v in theirs.items())


def _nothing(value: Any) -> bool:
    """None and zeros: no shift in pixels is the same as no shift in percent."""
    return value is None or (isinstance(value, int | float) and abs(value) < _CLOSE)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return bool(one == other)
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= _CLOSE * max(1.0, abs(one), abs(other))
    return bool(one == other)


def shown(value: Any) -> str:
    """An argument in a few words."""
    if isinstance(value, list | tuple):
        return "(" + ", ".join(shown(v) for v in value) + ")"
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{k} {shown(v)}" for k, v in value.items()) + ")"
    return f"{value:g}" if isinstance(value, float) else str(value)
