"""Which images train, which judge: proposals that are seeded, stratified, sticky and group-aware.

Stratification over several classes an image follows Sechidis, Tsoumakas and Vlahavas, "On the
Stratification of Multi-Label Data" (ECML PKDD 2011): the rarest class is dealt out first, each
image to the split that lacks most of it.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Split
from cvstudio.core.errors import ConfigError
from cvstudio.project import queries
from cvstudio.project.tables import ImageRow

Fractions = tuple[float, float, float]
GroupBy = Literal["group", "folder"]

Part = TypeVar("Part", bound=Hashable)

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
    group_by: images with the same group (or in the same folder) share a split. Images with the same
    content share one in any case, also with those that are not asked about: a copy in another split
    would be judged on what was trained. Raises ConfigError when the fractions are not three shares
    that add up to 1.
    """
    every = _every(s)
    asked = {row.id for row in every} if image_ids is None else set(image_ids)
    ties = _ties(every, group_by)
    near = {tie for id in asked & ties.keys() for tie in ties[id]}
    found = [
        row
        for row in every
        if row.id in asked or (row.split and any(tie in near for tie in ties[row.id]))
    ]
    labels = queries.class_ids_by_image(s, [row.id for row in found]) if stratify else {}
    result = assign(
        {row.id: labels.get(row.id, ()) for row in found},
        fractions=fractions,
        seed=seed,
        groups=_joined({row.id: ties[row.id] for row in found}),
        kept={
            row.id: Split(row.split) for row in found if row.split and (keep or row.id not in asked)
        },
    )
    return {id: split for id, split in result.items() if id in asked}


def hanging_together(
    s: Session, image_ids: Collection[int], *, group_by: GroupBy | None = "group"
) -> dict[int, str]:
    """A name for each of the images that others must stay with: those of its group or folder, and
    copies of it. Images that stand alone are left out."""
    ties = _ties(_every(s), group_by)
    return _joined({id: ties[id] for id in image_ids})


def _every(s: Session) -> Sequence[Any]:
    """What is known of each image that decides with which others it stays."""
    columns = (ImageRow.id, ImageRow.split, ImageRow.group, ImageRow.folder, ImageRow.sha256)
    return s.execute(select(*columns, ImageRow.page).order_by(ImageRow.id)).all()


def _ties(every: Sequence[Any], group_by: GroupBy | None) -> dict[int, tuple[object, ...]]:
    ties: dict[int, tuple[object, ...]] = {}
    for row in every:
        group = {"group": row.group, "folder": row.folder}.get(group_by or "", "")
        content = (row.sha256, row.page) if row.sha256 else None
        ties[row.id] = tuple(tie for tie in (group, content) if tie)
    return ties


def _joined(ties: Mapping[int, Sequence[object]]) -> dict[int, str]:
    """The images that hang together through any ties, each named by the first of them."""
    parents = {image: image for image in ties}

    def root(image: int) -> int:
        while parents[image] != image:
            parents[image] = parents[parents[image]]
            image = parents[image]
        return image

    first: dict[object, int] = {}
    for image, own in ties.items():
        for tie in own:
            one, other = sorted((root(image), root(first.setdefault(tie, image))))
            parents[other] = one
    return {image: str(root(image)) for image, own in ties.items() if own}


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
    shares = dict(zip(Split, fractions, strict=True))
    return deal_out(labels, shares, seed=seed, groups=groups, kept=kept)


def deal_out(
    labels: Mapping[int, Collection[Label]],
    shares: Mapping[Part, float],
    *,
    seed: int = 0,
    groups: Mapping[int, str] | None = None,
    kept: Mapping[int, Part] | None = None,
) -> dict[int, Part]:
    """As `assign`, into any parts with any shares that add up to 1: splits, or folds."""
    kept = kept or {}
    units = _units(labels, groups or {}, kept, list(shares))
    deal = _Deal(shares, units)
    for unit in units:
        if unit.part is not None:
            deal.give(unit, unit.part)
    deal.rest(seed)
    result = {image: unit.part for unit in units for image in unit.images if unit.part is not None}
    return result | {image: part for image, part in kept.items() if image in labels}


def check_fractions(fractions: Sequence[float]) -> None:
    """Raise ConfigError unless these are three shares that add up to 1."""
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ConfigError("The shares of train, val and test must be 0 or more and add up to 1.")


@dataclass
class _Unit(Generic[Part]):
    """Images that must stay together."""

    images: list[int]
    counts: Counter[Label] = field(default_factory=Counter)
    part: Part | None = None


def _units(
    labels: Mapping[int, Collection[Label]],
    groups: Mapping[int, str],
    kept: Mapping[int, Part],
    parts: Sequence[Part],
) -> list[_Unit[Part]]:
    together: defaultdict[object, list[int]] = defaultdict(list)
    for image in sorted(labels):
        group = groups.get(image, "")
        together[group or image].append(image)
    units = []
    for images in together.values():
        unit: _Unit[Part] = _Unit(images)
        for image in images:
            unit.counts[ALL] += 1
            unit.counts.update(set(labels[image]))
        decided = Counter(kept[image] for image in images if image in kept)
        if decided:
            unit.part = max(parts, key=lambda part: decided[part])
        units.append(unit)
    return units


class _Deal(Generic[Part]):
    """The dealing out of units: what each part still lacks of each label."""

    def __init__(self, shares: Mapping[Part, float], units: Sequence[_Unit[Part]]) -> None:
        self.units = units
        self.open = [part for part, share in shares.items() if share > 0]
        totals: Counter[Label] = Counter()
        for unit in units:
            totals.update(unit.counts)
        self.lacks = {
            part: {label: count * share for label, count in totals.items()}
            for part, share in shares.items()
        }

    def give(self, unit: _Unit[Part], part: Part) -> None:
        unit.part = part
        for label, count in unit.counts.items():
            self.lacks[part][label] -= count

    def rest(self, seed: int) -> None:
        """Deal out the units that have no part yet, the rarest label first."""
        chance = random.Random(seed)
        waiting = [unit for unit in self.units if unit.part is None]
        chance.shuffle(waiting)
        # Large groups first: what they leave unbalanced, the small ones can still even out.
        waiting.sort(key=lambda unit: -unit.counts[ALL])
        holders: defaultdict[Label, list[_Unit[Part]]] = defaultdict(list)
        left: Counter[Label] = Counter()
        for unit in waiting:
            for label in unit.counts:
                holders[label].append(unit)
                left[label] += 1
        while left:
            # The label "is an image" is on every unit, so it never comes before a class.
            label = min(left, key=lambda each: (left[each], each == ALL, each))
            for unit in holders[label]:
                if unit.part is None:
                    self.give(unit, self._neediest(label, chance))
                    left.subtract(unit.counts.keys())
            left = Counter({each: count for each, count in left.items() if count > 0})

    def _neediest(self, label: Label, chance: random.Random) -> Part:
        lacks = self.lacks
        return max(
            self.open,
            key=lambda part: (
                round(lacks[part][label], 6),
                round(lacks[part][ALL], 6),
                chance.random(),
            ),
        )
