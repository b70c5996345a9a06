"""Places in a pipeline, and the changes of its order: pure functions of tuples.

A place is (index,) at the top and (index, index) inside a group; groups hold steps only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cvstudio.augment.automatic import as_group
from cvstudio.core.pipeline import Automatic, Group, GroupKind, Item, Step

Place = tuple[int, ...]
Items = tuple[Item, ...]


def flat(items: Sequence[Item]) -> list[tuple[Place, Item]]:
    """Every item with its place, groups before their steps: the rows of the list."""
    found: list[tuple[Place, Item]] = []
    for index, item in enumerate(items):
        found.append(((index,), item))
        if isinstance(item, Group):
            found += [((index, inner), step) for inner, step in enumerate(item.steps)]
    return found


def at(items: Sequence[Item], place: Place) -> Item | None:
    """What stands at a place; None when nothing does."""
    return dict(flat(items)).get(place)


def acts(items: Sequence[Item], place: Place) -> bool:
    """Whether what stands there can act: it and its group are on, with a chance."""
    chain = [at(items, place[:depth]) for depth in range(1, len(place) + 1)]
    return all(item is not None and item.enabled and item.chance > 0 for item in chain)


def acting_steps(items: Sequence[Item]) -> Iterator[tuple[Place, Step]]:
    """Every step that can act, with its place; what stands behind automatic changes is left out."""
    for place, item in flat(items):
        if isinstance(item, Step) and acts(items, place):
            yield place, item


def replaced(items: Items, place: Place, item: Item) -> Items:
    """The pipeline with something else at a place."""
    if len(place) == 1:
        return (*items[: place[0]], item, *items[place[0] + 1 :])
    group, inner = _group(items, place), place[1]
    assert isinstance(item, Step)
    steps = (*group.steps[:inner], item, *group.steps[inner + 1 :])
    return replaced(items, place[:1], group.model_copy(update={"steps": steps}))


def changed(items: Items, place: Place, **fields: Any) -> Items:
    """The pipeline with other fields of the item at a place."""
    item = at(items, place)
    assert item is not None
    return replaced(items, place, item.model_copy(update=fields))


def with_parameters(items: Items, place: Place, **parameters: Any) -> Items:
    """The pipeline with other parameters of the step at a place."""
    step = at(items, place)
    assert isinstance(step, Step)
    return changed(items, place, parameters={**step.parameters, **parameters})


def removed(items: Items, place: Place) -> Items:
    """The pipeline without the item at a place; a group goes with its steps."""
    if len(place) == 1:
        return items[: place[0]] + items[place[0] + 1 :]
    group, inner = _group(items, place), place[1]
    steps = group.steps[:inner] + group.steps[inner + 1 :]
    return replaced(items, place[:1], group.model_copy(update={"steps": steps}))


def inserted(items: Items, place: Place, item: Item) -> tuple[Items, Place]:
    """The pipeline with one more item before what stands at a place, and where it stands now.

    What is no step does not go into a group, but behind it.
    """
    if len(place) == 2 and not isinstance(item, Step):
        place = (place[0] + 1,)
    if len(place) == 1:
        return (*items[: place[0]], item, *items[place[0] :]), place
    group, inner = _group(items, place), place[1]
    steps = (*group.steps[:inner], item, *group.steps[inner:])
    after = replaced(items, place[:1], group.model_copy(update={"steps": steps}))
    return after, place


def after_selected(items: Items, selected: Place) -> Place:
    """Where something new goes: behind the selected item, into the group that is selected."""
    item = at(items, selected)
    if item is None:
        return (len(items),)
    if isinstance(item, Group):
        return (selected[0], len(item.steps))
    return (*selected[:-1], selected[-1] + 1)


def moved(items: Items, start: Place, to: Place) -> tuple[Items, Place]:
    """An item taken out and put in before what stood at `to`, and where it stands now."""
    item = at(items, start)
    if item is None or to[: len(start)] == start:
        return items, start
    if len(start) == len(to) and start[:-1] == to[:-1] and to[-1] == start[-1] + 1:
        return items, start
    if len(start) == 1 and to[0] > start[0]:
        to = (to[0] - 1, *to[1:])
    elif len(start) == 2 and to[:1] == start[:1] and len(to) == 2 and to[1] > start[1]:
        to = (to[0], to[1] - 1)
    return inserted(removed(items, start), to, item)


def neighbour(items: Items, place: Place, down: bool) -> Place | None:
    """Where an item goes when it is moved by one row; None at the ends.

    A step enters the group that it meets and leaves it at its other end.
    """
    item, index = at(items, place), place[-1]
    if len(place) == 2:
        count = len(_group(items, place).steps)
        if down:
            return (place[0], index + 2) if index + 1 < count else (place[0] + 1,)
        return (place[0], index - 1) if index else (place[0],)
    beyond = index + 1 if down else index - 1
    if not 0 <= beyond < len(items):
        return None
    other = items[beyond]
    if isinstance(item, Step) and isinstance(other, Group):
        return (beyond, 0) if down else (beyond, len(other.steps))
    return (index + 2,) if down else (index - 1,)


def grouped(items: Items, place: Place, kind: GroupKind) -> tuple[Items, Place]:
    """A step at the top put into a group of its own, and the step's new place."""
    item = at(items, place)
    if not isinstance(item, Step) or len(place) != 1:
        return items, place
    group = Group(group=kind, chance=1.0, steps=(item,))
    return replaced(items, place, group), (*place, 0)


def dissolved(items: Items, place: Place) -> tuple[Items, Place]:
    """A group's steps in its place; automatic changes become a group that can be edited."""
    index = place[0]
    item = items[index]
    if isinstance(item, Automatic):
        return replaced(items, (index,), as_group(item)), (index,)
    if not isinstance(item, Group):
        return items, place
    return (*items[:index], *item.steps, *items[index + 1 :]), (index,)


def _group(items: Items, place: Place) -> Group:
    group = items[place[0]]
    assert isinstance(group, Group)
    return group
