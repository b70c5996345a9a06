"""What a network has learned of classes, carried over to one that knows other classes too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from cvstudio.core.annotation import LabelClass

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Rows:
    """How the first axis of a weight goes with the classes: `each` rows per class after `before`
    rows of background."""

    each: int
    before: int


def matched(old: Sequence[LabelClass], new: Sequence[LabelClass], *, by_id: bool) -> dict[int, int]:
    """The place among old classes of each new class that is one of them, by its place.

    Runs of one project know a class by its id, whatever it is called by now; files of elsewhere by
    its name.
    """

    def key(one: LabelClass) -> int | str:
        return one.id if by_id else one.name.strip().casefold()

    known = {key(one): place for place, one in enumerate(old)}
    return {
        place: known[key(one)] for place, one in enumerate(new) if key(one) in known
    }  # fmt: skip


def class_rows(
    smaller: Mapping[str, torch.Tensor], larger: Mapping[str, torch.Tensor], classes: int
) -> dict[str, Rows]:
    """Which weights have rows for classes, told from a network with `classes` and one with one
    more."""
    found = {}
    for name, value in smaller.items():
        other = larger[name]
        if value.shape == other.shape or value.shape[1:] != other.shape[1:]:
            continue
        each = other.shape[0] - value.shape[0]
        before = value.shape[0] - each * classes
        if before in (0, each):  # else it is the width of a layer that grows with classes
            found[name] = Rows(each, before)
    return found


def carried_over(
    own: Mapping[str, torch.Tensor],
    given: Mapping[str, torch.Tensor],
    rows: Mapping[str, Rows],
    places: Mapping[int, int],
) -> Weights:
    """The weights with rows for classes: those of `given` for classes that it knows (`places`, new
    to old), `own` for the others."""
    taken = {}
    for name, row in rows.items():
        if name not in given or given[name].shape[1:] != own[name].shape[1:]:
            continue
        value, old = own[name].detach().clone(), given[name].to(own[name].dtype)
        value[: row.before] = old[: row.before]
        for new, was in places.items():
            to, since = row.before + row.each * new, row.before + row.each * was
            value[to : to + row.each] = old[since : since + row.each]
        taken[name] = value
    return taken
