"""What a class asks about each of its annotations, and the values that annotations carry.

A definition is an Attribute. The values lie in an annotation's `attributes`: in the object
"attributes" inside it, as CVAT writes them into COCO files, or beside it where an import has put
them. A value stays where it was, so that a file goes out as it came in.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Value = bool | float | str

INNER = "attributes"
"""The key under which the values lie that are no keys of a file format."""

NOT_ASKED = frozenset(
    (
        *("coco", "cvat", "labelme", "iscrowd", "num_keypoints", "rotation", "suggested_by"),
        *("track_id", INNER),
    )
)
"""What stands beside the values and says something else: `rotation` turns CVAT's boxes."""

_YES = frozenset(("yes", "true", "1", "on"))
_NO = frozenset(("no", "false", "0", "off"))


class AttributeKind(StrEnum):
    """What the value of an attribute is."""

    CHECKBOX = "checkbox"
    CHOICE = "choice"
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One thing that a class asks: `choices` of a choice; `low`, `high` and `unit` of a number.

    `default` is what an annotation gets when it is drawn; None leaves it open.
    """

    name: str
    kind: AttributeKind
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    unit: str = ""
    default: Value | None = None

    def problem(self) -> str:
        """Why it cannot be asked like this, in words; "" when it can."""
        if not self.name.strip():
            return "An attribute needs a name."
        if self.name in NOT_ASKED:
            return f"“{self.name}” is a word of the file formats: choose another name."
        if self.kind is AttributeKind.CHOICE and not self.choices:
            return f"“{self.name}” needs at least one choice."
        if len(set(self.choices)) < len(self.choices):
            return f"“{self.name}” has a choice twice."
        if self.low is not None and self.high is not None and self.low > self.high:
            return f"“{self.name}” ends below where it begins."
        if self.default is not None and self.taken(self.default) is None:
            return f"The default of “{self.name}” is none of its values."
        return ""

    def taken(self, value: Any) -> Value | None:
        """A value as this attribute holds it, however it was written; None when it cannot."""
        match self.kind:
            case AttributeKind.CHECKBOX:
                word = str(value).strip().casefold()
                return True if word in _YES else False if word in _NO else None
            case AttributeKind.CHOICE:
                return next((w for w in (str(value), words_of(value)) if w in self.choices), None)
            case AttributeKind.NUMBER:
                return self._number(value)
            case AttributeKind.TEXT:
                return words_of(value) if words_of(value).strip() else None

    def _number(self, value: Any) -> float | None:
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            return None
        below = self.low is not None and number < self.low
        above = self.high is not None and number > self.high
        if isinstance(value, bool) or not math.isfinite(number) or below or above:
            return None
        return int(number) if number.is_integer() else number

    def range_words(self) -> str:
        """Which numbers it takes: "0 to 10 µm"; "" when any."""
        unit = f" {self.unit}" if self.unit else ""
        if self.low is None and self.high is None:
            return ""
        if self.low is None:
            return f"up to {self.high:g}{unit}"
        return f"from {self.low:g}{unit}" if self.high is None else (
            f"{self.low:g} to {self.high:g}{unit}"
        )  # fmt: skip

    def said(self, value: Value) -> str:
        """A value in few words, for a line about an annotation: "torn", "12 µm", "round"."""
        if isinstance(value, bool):
            return self.name if value else f"not {self.name}"
        unit = f" {self.unit}" if self.unit and self.kind is AttributeKind.NUMBER else ""
        return words_of(value) + unit


def words_of(value: Any) -> str:
    """A value as a person reads and writes it: "yes", "12", "round"."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


# How definitions are stored


def pack(definitions: Sequence[Attribute]) -> str | None:
    """Definitions as JSON; None for none."""
    if not definitions:
        return None
    items = []
    for each in definitions:
        item: dict[str, Any] = {"name": each.name, "kind": each.kind.value}
        if each.choices:
            item["choices"] = list(each.choices)
        for key in ("low", "high", "unit", "default"):
            value = getattr(each, key)
            if value not in (None, ""):
                item[key] = value
        items.append(item)
    return json.dumps(items, ensure_ascii=False)


def unpack(text: str | None) -> tuple[Attribute, ...]:
    """Definitions from what `pack` made."""
    return tuple(
        Attribute(
            name=item["name"],
            kind=AttributeKind(item["kind"]),
            choices=tuple(item.get("choices", ())),
            low=item.get("low"),
            high=item.get("high"),
            unit=item.get("unit", ""),
            default=item.get("default"),
        )
        for item in json.loads(text or "[]")
    )


def with_inherited(
    own: Mapping[int, Sequence[Attribute]], parents: Mapping[int, int | None]
) -> dict[int, tuple[Attribute, ...]]:
    """All that each class asks: what the class above asks first, then its own.

    A class that defines an attribute of the same name again asks it in its own way.
    """
    result: dict[int, tuple[Attribute, ...]] = {}
    for id in parents:
        asked: dict[str, Attribute] = {}
        for above in reversed(line_of(parents, id)):
            asked |= {each.name: each for each in own.get(above, ())}
        result[id] = tuple(asked.values())
    return result


def line_of(parents: Mapping[int, int | None], id: int | None) -> list[int]:
    """A class and all that it is a kind of, upwards; a circle ends it."""
    line: list[int] = []
    while id is not None and id not in line:
        line.append(id)
        id = parents.get(id)
    return line


# The values of an annotation


def values_in(attributes: Mapping[str, Any]) -> dict[str, Value]:
    """The values that an annotation carries, those without a definition too."""
    inner = attributes.get(INNER)
    places: Iterable[Mapping[str, Any]] = (
        (attributes, inner) if isinstance(inner, dict) else (attributes,)
    )
    return {
        str(name): value
        for place in places
        for name, value in place.items()
        if _is_value(value) and value != "" and name not in NOT_ASKED
    }


def _is_value(value: Any) -> bool:
    return isinstance(value, bool | int | float | str)


def with_value(attributes: Mapping[str, Any], name: str, value: Value | None) -> dict[str, Any]:
    """What an annotation carries, with another value of one attribute; None takes it away.

    A value stays where it was; a new one goes into the object "attributes". What is no value
    (a list of keypoints) is left alone, whatever its name.
    """
    result = dict(attributes)
    inner = result.get(INNER)
    known = name not in NOT_ASKED and _is_value(result.get(name))
    if isinstance(inner, dict) or (inner is None and not known):
        inside = dict(inner or {})
        if name in inside or not known:
            _put(inside, name, value)
            _put(result, INNER, inside or None)
            return result
    if known or name not in result:
        _put(result, name, value)
    return result


def _put(place: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        place.pop(name, None)
    else:
        place[name] = value


def said_of(attributes: Mapping[str, Any], asked: Sequence[Attribute]) -> str:
    """The values of an annotation in the words of its class: "round, torn, 12 µm"."""
    values = values_in(attributes)
    held = [(each, each.taken(values[each.name])) for each in asked if each.name in values]
    return ", ".join(
        each.said(value) for each, value in held if value is not None and value is not False
    )
