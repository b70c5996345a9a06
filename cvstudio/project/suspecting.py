"""Labels that are likely wrong, ranked, with the reason and what to do instead.

Which answers may judge which labels says suspect_judging.py, what a person decides about suspects
does suspect_decisions.py. What makes a label doubtful is computed in core/suspects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import BOXES, Shape, Task, kind_of
from cvstudio.core.geometry import Box
from cvstudio.core.held import held_to
from cvstudio.core.masks import Mask
from cvstudio.core.metrics.classes import ClassifiedImage
from cvstudio.core.metrics.overlaps import ImageObjects, find_overlaps
from cvstudio.core.metrics.pixels import label_map, region_map
from cvstudio.core.metrics.several import SeveralMatches, TaggedImage
from cvstudio.core.metrics.trust import withheld_sentence
from cvstudio.core.predictions import Found
from cvstudio.core.snapshot import SnapshotAnnotation, tags_of
from cvstudio.core.suspects import (
    NOTHING,
    ConfidentJoint,
    Doubt,
    Fault,
    ObjectDoubts,
    PixelDoubts,
    Region,
    SeveralDoubts,
    boxes_in_order,
)
from cvstudio.project import queries, suspect_decisions, suspect_words
from cvstudio.project.project import Project
from cvstudio.project.suspect_judging import (
    AnsweredLabels,
    Judge,
    answered,
    judges,
    of_folds,
    of_run,
)
from cvstudio.project.suspects import LIKELY, Suspect
from cvstudio.project.verdict import go_on

__all__ = [
    "LIKELY", "Fault", "Judge", "Suspect", "Suspects", "find", "judges", "of_folds", "of_run",
]  # fmt: skip


@dataclass(frozen=True)
class Suspects:
    """All suspects that nobody has decided on, the most doubtful first."""

    judge: Judge
    rows: tuple[Suspect, ...]
    images: int = 0
    """Images whose labels were judged."""
    labels: int = 0
    """Labels that were judged."""
    decided: int = 0
    """Suspects left out because a person has decided on them."""
    notes: tuple[str, ...] = ()
    """In words: images that could not be judged, classes of which too little is known."""

    @property
    def counts(self) -> dict[Fault, int]:
        """How many there are of each kind, most first."""
        return dict(Counter(row.fault for row in self.rows).most_common())

    @property
    def likely(self) -> int:
        """How many are more likely wrong than right."""
        return sum(row.doubt >= LIKELY for row in self.rows)

    def only(self, faults: Collection[Fault]) -> Suspects:
        """Those of some kinds."""
        return replace(self, rows=tuple(row for row in self.rows if row.fault in faults))


def find(project: Project, judge: Judge, *, check: Callable[[], None] = go_on) -> Suspects:
    """What out-of-sample answers speak against among the labels of now.

    Takes seconds with many answers: call it in a thread; `check` is called for each image and stops
    it by raising. Raises RunError when there is nothing that may judge.
    """
    told = answered(project, judge, check=check)
    doubts = _Doubts(project.task, told, check)
    found = doubts.found()
    with project.read() as s:
        names = {c.id: c.name for c in queries.classes(s)}
        settled = suspect_decisions.settled(s)
    rows = [doubts.suspect(d, names) for d in found if {d.labelled, d.proposed} <= {0, *names}]
    left = [row for row in rows if not settled.holds(row)]
    withheld = withheld_sentence([names[c] for c in doubts.withheld() if c in names])
    return Suspects(
        judge,
        tuple(left),
        images=len(told.images),
        labels=sum(len(image.annotations) for image in told.images.values()),
        decided=len(rows) - len(left),
        notes=(*told.notes, *([withheld] if withheld else [])),
    )


class _Doubts:
    """The doubts of one task's labels, and what becomes of them as suspects."""

    def __init__(self, task: Task, told: AnsweredLabels, check: Callable[[], None]) -> None:
        self._task, self._told, self._check = task, told, check
        self._labels = {
            image.id: {a.id: a for a in image.annotations} for image in told.images.values()
        }

    def found(self) -> list[Doubt]:
        """All of them, the most doubtful first."""
        if isinstance(self._table, PixelDoubts):
            return [region.doubt for region in self._regions]
        return self._table.doubts()

    def withheld(self) -> list[int]:
        """Classes of which the judging networks know too little to claim anything."""
        return self._table.unproven()

    @cached_property
    def _table(self) -> ConfidentJoint | SeveralDoubts | ObjectDoubts | PixelDoubts:
        match self._task:
            case Task.CLASSIFY if self._told.several:
                return SeveralDoubts(self._several())
            case Task.CLASSIFY:
                return self._classes()
            case Task.SEGMENT:
                return self._pixels()
            case _:
                return self._objects()

    def suspect(self, doubt: Doubt, names: dict[int, str]) -> Suspect:
        """A doubt with where to look, what to draw and the reason in words."""
        label = self._label(doubt)
        found = self._answer(doubt)
        whole = self._task is Task.CLASSIFY
        form = None if whole else self._told.form
        if doubt.fault is Fault.WRONG_REGION:
            return self._region(doubt, names)
        box = found.box if found is not None else label.box if label is not None else None
        return Suspect(
            fault=doubt.fault,
            image_id=doubt.image_id,
            annotation_id=label.id if label is not None else None,
            labelled=doubt.labelled,
            proposed=doubt.proposed,
            box=None if whole else _around(box, label),
            shape=_proposed(doubt.fault, found, label),
            doubt=doubt.doubt,
            score=doubt.score,
            reason=suspect_words.reason(doubt, names, form=form, several=self._told.several),
            run_id=self._told.run_of[doubt.image_id],
        )

    def _region(self, doubt: Doubt, names: dict[int, str]) -> Suspect:
        """Pixels, with the topmost label of theirs as the one that is at fault."""
        mask = self._masks[id(doubt)]
        return Suspect(
            fault=doubt.fault,
            image_id=doubt.image_id,
            annotation_id=self._topmost(doubt, mask.box),
            labelled=doubt.labelled,
            proposed=doubt.proposed,
            box=mask.box,
            shape=mask,
            doubt=doubt.doubt,
            score=None,
            reason=suspect_words.reason(doubt, names),
            run_id=self._told.run_of[doubt.image_id],
        )

    def _topmost(self, doubt: Doubt, box: Box) -> int | None:
        of_class = [
            a.id
            for a in self._labels[doubt.image_id].values()
            if a.class_id == doubt.labelled and a.shape is not None and meet(a.box, box)
        ]
        return of_class[-1] if of_class else None

    def _label(self, doubt: Doubt) -> SnapshotAnnotation | None:
        labels = self._labels[doubt.image_id]
        if doubt.annotation_id is not None:
            return labels[doubt.annotation_id]
        if self._task is not Task.CLASSIFY or doubt.labelled == NOTHING:
            return None
        return next(
            (a for a in labels.values() if a.shape is None and a.class_id == doubt.labelled), None
        )

    def _answer(self, doubt: Doubt) -> Found | None:
        if doubt.prediction is None:
            return None
        return self._told.predictions[doubt.image_id].objects[doubt.prediction]

    # The tables of each task

    def _classes(self) -> ConfidentJoint:
        images = []
        for image in self._told.images.values():
            self._check()
            labels = [a for a in image.annotations if a.shape is None]
            scores = self._told.predictions[image.id].scores
            if scores and len(labels) == 1:
                images.append(ClassifiedImage(image.id, labels[0].class_id, scores))
        return ConfidentJoint.of(images, class_ids=_every_class(images))

    def _several(self) -> SeveralMatches:
        found = []
        for image in self._told.images.values():
            self._check()
            scores = self._told.predictions[image.id].scores
            if scores:
                found.append(TaggedImage(image.id, tags_of(image), scores))
        return SeveralMatches.of(found, class_ids=sorted({c for i in found for c in i.scores}))

    def _pixels(self) -> PixelDoubts:
        ids = sorted({c for p in self._told.predictions.values() for c in p.regions or {}})
        known = {a.class_id for i in self._told.images.values() for a in i.annotations}
        every = tuple(dict.fromkeys([*ids, *sorted(known)]))

        def maps() -> Iterator[tuple[int, NDArray[np.uint16], NDArray[np.uint16]]]:
            for image in self._told.images.values():
                self._check()
                regions = self._told.predictions[image.id].regions
                if regions is not None:
                    size = {"height": image.height, "width": image.width}
                    labelled = label_map(image.annotations, class_ids=every, **size)
                    yield image.id, labelled, region_map(regions, class_ids=every, **size)

        return PixelDoubts(maps, every)

    @cached_property
    def _regions(self) -> list[Region]:
        assert isinstance(self._table, PixelDoubts)
        return self._table.regions()

    @cached_property
    def _masks(self) -> dict[int, Mask]:
        """The pixels of each doubt of _regions, which are kept as long."""
        return {id(region.doubt): region.mask for region in self._regions}

    def _objects(self) -> ObjectDoubts:
        images, boxes = [], []
        for image in self._told.images.values():
            self._check()
            found = self._told.predictions[image.id].objects
            held = held_to(image, self._task, self._told.form)
            images.append(ImageObjects(image.id, held, found))
            rows = [(f.box.x, f.box.y, f.box.w, f.box.h) for f in found]
            boxes.append(np.array(rows, np.float64).reshape(-1, 4))
        table = find_overlaps(images, form=self._told.form)
        return ObjectDoubts(table, boxes_in_order(table, boxes))


def meet(one: Box, other: Box) -> bool:
    """Whether two boxes have a point in common."""
    across = one.x < other.right and other.x < one.right
    return across and one.y < other.bottom and other.y < one.bottom


def _every_class(images: Sequence[ClassifiedImage]) -> list[int]:
    return sorted({c for image in images for c in image.scores})


def _around(box: Box | None, label: SnapshotAnnotation | None) -> Box | None:
    """Where to look: at the answer and at its label."""
    if box is None or label is None:
        return box
    other = label.box
    return Box.from_corners(
        min(box.x, other.x), min(box.y, other.y),
        max(box.right, other.right), max(box.bottom, other.bottom),
    )  # fmt: skip


def _proposed(fault: Fault, found: Found | None, label: SnapshotAnnotation | None) -> Shape:
    """What is to be drawn when the proposal is taken: of a label the same kind of shape, so that
    an outline never becomes a box; None where nothing is drawn."""
    if found is None or fault is Fault.WRONG_CLASS:
        return None
    if label is None or fault is Fault.OVERLOOKED:
        return found.shape
    if kind_of(label.shape) is kind_of(found.shape):
        return found.shape
    if kind_of(label.shape) in BOXES:
        return found.box
    return found.mask
