"""The settings of any item of a pipeline as fields: what a form shows, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cvstudio.augment import automatic
from cvstudio.augment.catalogue import field_of, transform, values
from cvstudio.augment.fields import Bool, Choice, Field, Int
from cvstudio.augment.summary import GROUP_TITLES
from cvstudio.core.pipeline import Automatic, Group, GroupKind, Item, Step

CHANCE = "chance"

_CHANCE = Int(CHANCE, "Chance", 0, 100, 50, unit="%")
_WEIGHT = Int(CHANCE, "Weight", 0, 100, 50, unit="%")
_KIND = Choice("group", "Choose", tuple((k.value, GROUP_TITLES[k]) for k in GroupKind), "one of")
_COUNT = Int("count", "At a time", 1, 10, 2)
_STRENGTH = Int("strength", "Strength", 0, 100, 40, unit="%")
_AUTOMATIC_COUNT = Int("count", "At a time", 1, 6, 2)
_COLOUR = Bool("colour", "Change colours too", True)


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be added besides transforms: `name` is what new_item takes."""

    name: str
    title: str
    description: str


OFFERS = (
    Offer("automatic", automatic.TITLE, automatic.DESCRIPTION),
    Offer("group one of", GROUP_TITLES[GroupKind.ONE_OF],
          "A group of steps of which exactly one acts on an image."),
    Offer("group some of", GROUP_TITLES[GroupKind.SOME_OF],
          "A group of steps of which a few act on an image."),
)  # fmt: skip


def new_item(name: str) -> Item | None:
    """A group or automatic changes by the name of their offer; None for any other name."""
    if name == "automatic":
        return Automatic()
    kind = name.removeprefix("group ")
    return Group(group=GroupKind(kind), chance=1.0) if kind != name else None


def fields_of(item: Item, *, weighed: bool = False) -> tuple[Field, ...]:
    """The fields of an item; `weighed`: its chance is its weight in a group."""
    chance = _WEIGHT if weighed else _CHANCE
    if isinstance(item, Automatic):
        return (_STRENGTH, _AUTOMATIC_COUNT, chance, _COLOUR)
    if isinstance(item, Group):
        count = (_COUNT,) if item.group is GroupKind.SOME_OF else ()
        return (chance, _KIND, *count)
    return (chance, *transform(item.transform).parameters)


def values_of(item: Item) -> dict[str, Any]:
    """The values of those fields."""
    chance = {CHANCE: round(100 * item.chance)}
    if isinstance(item, Automatic):
        strength = round(100 * item.strength)
        return {**chance, "strength": strength, "count": item.count, "colour": item.colour}
    if isinstance(item, Group):
        return {**chance, "group": item.group.value, "count": item.count}
    return {**values(item), **chance}


def with_value(item: Item, name: str, value: Any) -> Item:
    """The item with another value of one of its fields."""
    if name == CHANCE:
        return item.model_copy(update={"chance": value / 100})
    if isinstance(item, Automatic):
        return item.model_copy(update={name: value / 100 if name == "strength" else value})
    if isinstance(item, Group):
        return item.model_copy(update={name: GroupKind(value) if name == "group" else value})
    return item.model_copy(update={"parameters": {**item.parameters, name: value}})


def field_title(item: Item, name: str) -> str:
    """What a field is called in the words of an undo step."""
    if isinstance(item, Step) and name != CHANCE:
        return field_of(transform(item.transform), name).title.lower()
    titles = {"chance": "chance", "group": "choice", "count": "number", "colour": "colours"}
    return titles.get(name, name)
