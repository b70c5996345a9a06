"""One attribute of all objects of a class on many images: what they say now, and another value."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import State
from cvstudio.core.attributes import Value, values_in
from cvstudio.project import attributes
from cvstudio.project.finding import id_list
from cvstudio.project.tables import AnnotationRow

Told = Callable[[int, int], None]
_AT_ONCE = 5000  # objects between two words of how far it is


@dataclass(frozen=True, slots=True)
class Reach:
    """What a value would do: objects and images that change, objects that have it already (or
    any, where values are kept), and locked objects that stay."""

    objects: int = 0
    images: int = 0
    alike: int = 0
    locked: int = 0


@dataclass(frozen=True, eq=False)
class Objects:
    """The accepted objects of a class on some images, by what they say of one attribute.

    Arrays have a place for each object: its id, its image, whether it is locked, and which of
    `values` (None: none) it has.
    """

    ids: NDArray[np.int64]
    images: NDArray[np.int64]
    locked: NDArray[np.bool_]
    which: NDArray[np.int64]
    values: tuple[Value | None, ...]
    suggested: int = 0
    """Suggestions of the class on these images that nobody has accepted: they are not meant."""

    def counts(self) -> list[tuple[Value | None, int]]:
        """The values with how many objects have them, the most frequent one first."""
        numbers = np.bincount(self.which, minlength=len(self.values)).tolist()
        return sorted(zip(self.values, numbers, strict=True), key=lambda pair: -pair[1])

    def changing(self, value: Value | None, *, keep: bool) -> NDArray[np.bool_]:
        """Which would get another value, locked ones too; with `keep` only those without one."""
        fits = [not _same(own, value) and not (keep and own is not None) for own in self.values]
        return np.array(fits, np.bool_)[self.which] if fits else np.zeros(0, np.bool_)

    def reach(self, value: Value | None, *, keep: bool) -> Reach:
        """What giving a value would do."""
        found = self.changing(value, keep=keep)
        free = found & ~self.locked
        number, all_ = int(free.sum()), int(found.sum())
        images = len(np.unique(self.images[free]))
        return Reach(number, images, len(self.ids) - all_, all_ - number)


def objects(
    s: Session, *, image_ids: Collection[int], class_id: int, name: str, told: Told | None = None
) -> Objects:
    """What the objects of a class on some images say; `told(done, total)` may raise to stop."""
    row = AnnotationRow
    meant = (
        id_list(row.image_id, image_ids),
        row.state == State.ACCEPTED.value,
        row.class_id == class_id,
    )
    total = (s.scalar(select(func.count()).where(*meant)) or 0) if told else 0
    found = s.execute(select(row.id, row.image_id, row.locked, row.attributes).where(*meant))
    held: list[tuple[int, int, int, int]] = []
    known: dict[tuple[bool, Value | None], int] = {}
    for number, (id, image_id, locked, text) in enumerate(found):
        if told is not None and number % _AT_ONCE == 0:
            told(number, total)
        value = values_in(json.loads(text)).get(name) if text else None
        which = known.setdefault((isinstance(value, bool), value), len(known))
        held.append((id, image_id, locked, which))
    columns = np.array(held, np.int64).reshape(-1, 4).T
    values = tuple(value for _truth, value in known)
    waiting = select(func.count()).where(
        id_list(row.image_id, image_ids),
        row.state == State.SUGGESTED.value,
        row.class_id == class_id,
    )
    suggested = s.scalar(waiting) or 0
    return Objects(columns[0], columns[1], columns[2] != 0, columns[3], values, suggested)


def give(
    s: Session, *, image_ids: Collection[int], class_id: int, name: str, value: Value | None,
    keep: bool = False, told: Told | None = None,
) -> Reach:  # fmt: skip
    """Give an attribute of all objects of a class on some images a value; None takes it away.

    Locked objects stay as they are; with `keep` so do those that have a value. Raises ProjectError
    when the class does not ask for it, or not for such a value; `told(done, total)` may raise to
    stop.
    """
    found = objects(s, image_ids=image_ids, class_id=class_id, name=name)
    ids = found.ids[found.changing(value, keep=keep) & ~found.locked].tolist()
    for start in range(0, len(ids), _AT_ONCE):
        if told is not None:
            told(start, len(ids))
        attributes.set_value(s, ids=ids[start : start + _AT_ONCE], name=name, value=value)
    return found.reach(value, keep=keep)


def _same(a: Value | None, b: Value | None) -> bool:
    """1 is not yes, although Python says so."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)
