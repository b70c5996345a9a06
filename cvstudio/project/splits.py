"""Which images train, which judge: proposals that are seeded, stratified, sticky and group-aware.

Stratification over several classes an image follows Sechidis, Tsoumakas and Vlahavas, "On the
Stratification of Multi-Label Data" (ECML PKDD 2011): the rarest class is dealt out first, each
image to the split that lacks most of it.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Split
from cvstudio.core.errors import ConfigError
from cvstudio.project import queries
from cvstudio.project.queries import id_list
from cvstudio.project.tables import ImageRow

Fractions = tuple[float, float, float]
GroupBy = Literal["group", "folder"]

Label = int
"""A class id."""

ALL: Label = -1
"""Stands for "is an image" among the labels, so that sizes are dealt out like classes."""


def propose(
    s: Session,
    *,
    image_ids: Iterable[int] | None = None,
    fractions: Fractions = (0.7, 0.2, 0.1),
    seed: int = 0,
    stratify: bool = True,
    group_by: GroupBy | None = "group",
    keep: bool = True,
) -> dict[int, Split]:
    """A split for each image (all of the project when image_ids is None); nothing is changed.

    keep: images that have a split already stay there, and the others fill up what is missing.
    group_by: images with the same group (or in the same folder) share a split. Raises ConfigError
    when the fractions are not three shares that add up to 1.
    """
    query = select(ImageRow.id, ImageRow.split, ImageRow.group, ImageRow.folder)
    if image_ids is not None:
        query = query.where(id_list(ImageRow.id, image_ids))
    found = s.execute(query.order_by(ImageRow.id)).all()
    labels = queries.class_ids_by_image(s, [row.id for row in found]) if stratify else {}
    groups: dict[int, str] = {}
    if group_by is not None:
        groups = {row.id: row.group if group_by == "group" else row.folder for row in found}
    return assign(
        {row.id: labels.get(row.id, ()) for row in found},
        fractions=fractions,
        seed=seed,
        groups=groups,
        kept={row.id: Split(row.split) for row in found if row.split} if keep else {},
    )


def assign(
    labels: Mapping[int, Collection[Label]],
    *,
    fractions: Fractions = (0.7, 0.2, 0.1),
    seed: int = 0,
    groups: Mapping[int, str] | None = None,
    kept: Mapping[int, Split] | None = None,
) -> dict[int, Split]:
    """The same from plain data: the classes of each image; the result depends on nothing else.

    Images whose group is "" or missing stand alone. A group of which some images are in `kept`
    follows most of them.
    """
    check_fractions(fractions)
    kept = kept or {}
    units = _units(labels, groups or {}, kept)
    deal = _Deal(dict(zip(Split, fractions, strict=True)), units)
    for unit in units:
        if unit.split is not None:
            deal.give(unit, unit.split)
    deal.rest(seed)
    result = {
        image: unit.split for unit in units for image in unit.images if unit.split is not None
    }
    return result | {image: split for image, split in kept.items() if image in labels}


def check_fractions(fractions: Sequence[float]) -> None:
    """Raise ConfigError unless these are three shares that add up to 1."""
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ConfigError("The shares of train, val and test must be 0 or more and add up to 1.")


@dataclass
class _Unit:
    """Images that must stay together."""

    images: list[int]
    counts: Counter[Label] = field(default_factory=Counter)
    split: Split | None = None


def _units(
    labels: Mapping[int, Collection[Label]],
    groups: Mapping[int, str],
    kept: Mapping[int, Split],
) -> list[_Unit]:
    together: defaultdict[object, list[int]] = defaultdict(list)
    for image in sorted(labels):
        group = groups.get(image, "")
        together[group or image].append(image)
    units = []
    for images in together.values():
        unit = _Unit(images)
        for image in images:
            unit.counts[ALL] += 1
            unit.counts.update(set(labels[image]))
        decided = Counter(kept[image] for image in images if image in kept)
        if decided:
            unit.split = max(Split, key=lambda split: decided[split])
        units.append(unit)
    return units


class _Deal:
    """The dealing out of units: what each split still lacks of each label."""

    def __init__(self, fractions: Mapping[Split, float], units: Sequence[_Unit]) -> None:
        self.units = units
        self.open = [split for split in Split if fractions[split] > 0]
        totals: Counter[Label] = Counter()
        for unit in units:
            totals.update(unit.counts)
        self.lacks = {
            split: {label: count * fractions[split] for label, count in totals.items()}
            for split in Split
        }

    def give(self, unit: _Unit, split: Split) -> None:
        unit.split = split
        for label, count in unit.counts.items():
            self.lacks[split][label] -= count

    def rest(self, seed: int) -> None:
        """Deal out the units that have no split yet, the rarest label first."""
        chance = random.Random(seed)
        waiting = [unit for unit in self.units if unit.split is None]
        chance.shuffle(waiting)
        # Large groups first: what they leave unbalanced, the small ones can still even out.
        waiting.sort(key=lambda unit: -unit.counts[ALL])
        holders: defaultdict[Label, list[_Unit]] = defaultdict(list)
        left: Counter[Label] = Counter()
        for unit in waiting:
            for label in unit.counts:
                holders[label].append(unit)
                left[label] += 1
        while left:
            # The label "is an image" is on every unit, so it never comes before a class.
            label = min(left, key=lambda each: (left[each], each == ALL, each))
            for unit in holders[label]:
                if unit.split is None:
                    self.give(unit, self._neediest(label, chance))
                    left.subtract(unit.counts.keys())
            left = Counter({each: count for each, count in left.items() if count > 0})

    def _neediest(self, label: Label, chance: random.Random) -> Split:
        lacks = self.lacks
        return max(
            self.open,
            key=lambda split: (
                round(lacks[split][label], 6),
                round(lacks[split][ALL], 6),
                chance.random(),
            ),
        )
