"""What the points of the map are coloured by: groups with a name and a colour, one for each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from cvstudio.core.annotation import LabelClass, Review, Split
from cvstudio.core.embedding import Embeddings
from cvstudio.core.geometry import Box
from cvstudio.core.palette import colours_for
from cvstudio.gui import theme
from cvstudio.project.records import ImageRecord
from cvstudio.project.verdict import ALL, CHOSEN, COMPARED, LIKELY, Case

MOST_GROUPS = 40
_STEPS = 5
_SAME_PIXELS = 2.0
"""By which the box of one and the same find may differ from one look at an image to another."""
_REVIEW = {
    Review.UNLABELLED: "disabled", Review.LABELLED: "chart1", Review.REVIEWED: "success",
    Review.EMPTY: "chart2",
}  # fmt: skip
_NO_ERROR = frozenset({ALL, CHOSEN, LIKELY, COMPARED})
"""Lists of cases that are no kind of error of the network."""


class By(StrEnum):
    """What a point's colour says."""

    CLASS = "class"
    SPLIT = "split"
    ERROR = "error"
    RUN = "run"
    DOUBT = "doubt"
    REVIEW = "review"

    @property
    def choice(self) -> str:
        """As one to choose."""
        return {
            By.CLASS: "Class",
            By.SPLIT: "Split",
            By.ERROR: "Error",
            By.RUN: "Difference to another run",
            By.DOUBT: "Doubt of the network",
            By.REVIEW: "Review state",
        }[self]


@dataclass(frozen=True)
class Group:
    """An entry of the legend."""

    name: str
    colour: str
    count: int


@dataclass(frozen=True, eq=False)
class Colouring:
    """The groups, and the place there of each row (n,)."""

    groups: tuple[Group, ...]
    of: NDArray[np.int64]
    note: str = ""
    """Which of several answers the colour of a point is, where there may be several."""

    def colours(self) -> NDArray[np.uint32]:
        """The colour of each row, 0xFFRRGGBB."""
        table = np.array([QColor(g.colour).rgb() for g in self.groups], np.uint32)
        return table[self.of] if len(table) else np.zeros(len(self.of), np.uint32)


@dataclass(frozen=True, eq=False)
class Known:
    """All that colours are made of. `classes_of` are the classes of each image's labels, the most
    frequent first; `cases` the errors of the judged images; `apart` how much two runs differ."""

    embeddings: Embeddings
    records: Mapping[int, ImageRecord]
    classes: Mapping[int, LabelClass]
    classes_of: Mapping[int, Sequence[int]]
    cases: Sequence[Case] = ()
    kinds: Mapping[str, str] | None = None
    """The errors' kinds with their titles, in order."""
    judged: frozenset[int] = frozenset()
    score: float = 0.0
    """From which objects count in the evaluation."""
    apart: Mapping[int, float] | None = None


def colouring(known: Known, by: By) -> Colouring:
    """The groups of one way to colour."""
    return replace(_colouring(known, by), note=_note(known, by))


def _note(known: Known, by: By) -> str:
    if known.embeddings.of_objects:
        return ""
    if by is By.CLASS and any(len(each) > 1 for each in known.classes_of.values()):
        return "An image has the colour of its commonest class."
    if by is By.ERROR and len({case.image_id for case in known.cases}) < len(known.cases):
        return "An image has the colour of the error that Errors lists first."
    return ""


def _colouring(known: Known, by: By) -> Colouring:
    images = known.embeddings.images.tolist()
    match by:
        case By.CLASS:
            return _by_class(known)
        case By.SPLIT:
            return _by_split(known, images)
        case By.REVIEW:
            names = [(s.value.capitalize(), theme.colour(_REVIEW[s]).name()) for s in Review]
            order = list(Review)
            return _grouped(names, [order.index(known.records[i].review) for i in images])
        case By.ERROR:
            return _by_error(known)
        case By.DOUBT:
            doubts = dict(
                zip(known.embeddings.seen.tolist(), known.embeddings.doubts.tolist(), strict=True)
            )
            return _in_steps([doubts.get(i) for i in images], "sure", "unsure")
        case By.RUN:
            apart = known.apart or {}
            return _in_steps([apart.get(i) for i in images], "agree", "differ")


def _by_class(known: Known) -> Colouring:
    order = list(known.classes)
    names = [(c.name, c.colour) for c in known.classes.values()]
    none = len(names)
    names.append(("No label", theme.colour("disabled").name()))
    if known.embeddings.of_objects:
        rows = [order.index(c) if c in known.classes else none
                for c in known.embeddings.classes.tolist()]  # fmt: skip
    else:
        rows = []
        for image in known.embeddings.images.tolist():
            first = next(iter(known.classes_of.get(image, ())), None)
            rows.append(none if first is None or first not in known.classes else order.index(first))
    return _grouped(names, rows)


def _by_split(known: Known, images: Sequence[int]) -> Colouring:
    order: list[Split | None] = [*Split, None]
    roles = ("chart1", "chart2", "chart3", "disabled")
    names = [
        (str(s) if s else "no split", theme.colour(role).name())
        for s, role in zip(order, roles, strict=True)
    ]
    return _grouped(names, [order.index(known.records[i].split) for i in images])


def _by_error(known: Known) -> Colouring:
    kinds = {k: title for k, title in (known.kinds or {}).items() if k not in _NO_ERROR}
    palette = colours_for(len(kinds))
    names = [*zip(kinds.values(), palette, strict=True)]
    order = list(kinds)
    names += [("Right", theme.colour("success").name()),
              ("Not judged", theme.colour("disabled").name())]  # fmt: skip
    right, unjudged = len(kinds), len(kinds) + 1
    found = known.embeddings
    if not found.of_objects:
        of_image: dict[int, int] = {}
        for case in known.cases:
            if case.kind in kinds:
                of_image.setdefault(case.image_id, order.index(case.kind))
        rows = [of_image.get(i, right if i in known.judged else unjudged)
                for i in found.images.tolist()]  # fmt: skip
        return _grouped(names, rows)
    of_label = {
        case.annotation_id: order.index(case.kind)
        for case in reversed(known.cases)
        if case.kind in kinds and case.annotation_id is not None
    }
    of_found: dict[int, list[tuple[Box, int]]] = {}
    for case in known.cases:
        if case.kind in kinds and case.prediction is not None and case.box is not None:
            of_found.setdefault(case.image_id, []).append((case.box, order.index(case.kind)))
    rows = []
    for row, (image, label) in enumerate(
        zip(found.images.tolist(), found.annotations.tolist(), strict=True)
    ):
        if image not in known.judged or (not label and found.scores[row] < known.score):
            rows.append(unjudged)
        elif label:
            rows.append(of_label.get(label, right))
        else:
            wrong = (kind for box, kind in of_found.get(image, ()) if _same(box, found.boxes[row]))
            rows.append(next(wrong, right))
    return _grouped(names, rows)


def _same(box: Box, other: NDArray[np.float32]) -> bool:
    """Whether a box is that of a row, found in the same image by the same network."""
    return bool(np.abs(other - (box.x, box.y, box.w, box.h)).max() <= _SAME_PIXELS)


def _in_steps(values: Sequence[float | None], low: str, high: str) -> Colouring:
    """Shares from 0 to 1 in five steps of one ramp; None is not known."""
    names = []
    for step in range(_STEPS):
        word = f"{step * 20} to {(step + 1) * 20} %"
        word += f", {low}" if step == 0 else f", {high}" if step == _STEPS - 1 else ""
        names.append((word, theme.mix("chart1", "chart2", step / (_STEPS - 1)).name()))
    names.append(("Not known", theme.colour("disabled").name()))
    rows = [_STEPS if v is None else min(int(v * _STEPS), _STEPS - 1) for v in values]
    return _grouped(names, rows)


def _grouped(names: Sequence[tuple[str, str]], rows: Sequence[int]) -> Colouring:
    """Groups without those that no row is in; beyond MOST_GROUPS the rarest become one."""
    of = np.asarray(rows, np.int64)
    counts = np.bincount(of, minlength=len(names)) if len(of) else np.zeros(len(names), int)
    kept = [i for i in range(len(names)) if counts[i]]
    rest: list[int] = []
    if len(kept) > MOST_GROUPS:
        common = sorted(kept, key=lambda i: -int(counts[i]))[: MOST_GROUPS - 1]
        rest = [i for i in kept if i not in common]
        kept = [i for i in kept if i in common]
    places = np.full(len(names), len(kept), np.int64)
    places[kept] = np.arange(len(kept))
    groups = [Group(names[i][0], names[i][1], int(counts[i])) for i in kept]
    if rest:
        others = int(sum(counts[i] for i in rest))
        groups.append(Group(f"{len(rest)} others", theme.colour("muted").name(), others))
    return Colouring(tuple(groups), places[of] if len(of) else of)
