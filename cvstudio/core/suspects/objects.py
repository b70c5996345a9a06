"""Suspects among objects: overlooked, badly placed, of the wrong class, or not there.

After U. Tkachenko, A. Thyagarajan, J. Mueller: ObjectLab: Automated Diagnosis of Mislabeled Images
in Object Detection Data (2023). Where ObjectLab multiplies scores and overlaps, a doubt here is the
share of answers as sure as this one that agree with their label, which is the same for all kinds
and can be said in words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.geometry import iou_matrix
from cvstudio.core.metrics.overlaps import Floats, Ints, Overlaps, greedy
from cvstudio.core.suspects.agreement import Agreement
from cvstudio.core.suspects.values import LEAST, NOTHING, SILENCE, UNPROVEN, Doubt, Fault

SAME = 0.5
"""Overlap from which an answer and a label are about the same object."""
FAR, FARTHEST = 3.0, 6.0
"""How many usual deviations below the usual overlap a place is doubted, and doubted altogether."""
LEAST_DEVIATION = 0.02
"""A deviation of overlaps below which networks do not go, however well they find a class."""
HABIT = 0.5
"""How much it weighs that other objects of the class have no label on that image either."""
OTHERS = 3.0
"""Agreeing answers that are added to those of an image: a few others say little about it."""
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ObjectDoubts:
    """Everything that answers say against the labels of objects.

    `table` holds labels and answers of images that no answering network has learned from; `boxes`
    (answers, 4) are x, y, w, h of the answers, in the table's order.
    """

    table: Overlaps
    boxes: Floats

    def doubts(self) -> list[Doubt]:
        """All of them, the most doubtful first."""
        found = [*self._wrong_class(), *self._alone(), *self._loose(), *self._not_there()]
        return sorted(found, key=lambda d: (-d.doubt, -(d.score or 0.0)))

    # What agrees

    @cached_property
    def _pair_same_class(self) -> Flags:
        t = self.table
        same: Flags = t.found_class[t.pair_found] == t.label_class[t.pair_label]
        return same

    @cached_property
    def _right(self) -> Ints:
        """For each answer the label of its class that it finds; -1 for none."""
        t = self.table
        near = self._pair_same_class & (t.pair_iou >= SAME)
        return self._settle(np.flatnonzero(near))

    @cached_property
    def agree(self) -> Floats:
        """For each answer, how often answers of its class that are as sure are right."""
        t = self.table
        shares = np.zeros(len(t.found_score))
        counts = (self._right >= 0) | (t.found_in_crowd < SAME)
        for place in range(len(t.class_ids)):
            own = t.found_class == place
            fit = own & counts
            curve = Agreement.of(t.found_score[fit], self._right[fit] >= 0)
            shares[own] = curve.at(t.found_score[own])
        return shares

    @cached_property
    def _usual_here(self) -> Floats:
        """For each answer, how often the others of its class on its image agree, beside how often
        they should: where much of a class was left unlabelled, that was hardly by mistake."""
        t = self.table
        size = len(t.class_ids)
        cell = t.found_image * size + t.found_class
        counts = (self._right >= 0) | (t.found_in_crowd < SAME)
        weight = np.where(counts, self.agree, 0.0)
        shape = len(t.image_ids) * size
        should = np.bincount(cell, weights=weight, minlength=shape)[cell] - weight
        right = np.where(self._right >= 0, self.agree, 0.0)
        do = np.bincount(cell, weights=right, minlength=shape)[cell] - right
        usual: Floats = np.minimum((do + OTHERS) / (should + OTHERS), 1.0)
        return usual

    @cached_property
    def _class_right(self) -> Floats:
        """For each answer, how often answers as sure, of whichever class, that are about a label
        have its class: of all classes together, so that one which is labelled wrongly again and
        again does not speak for itself."""
        t = self.table
        rows = np.flatnonzero(self._claimed >= 0)
        right = t.found_class[rows] == t.label_class[self._claimed[rows]]
        return Agreement.of(t.found_score[rows], right).at(t.found_score)

    @cached_property
    def believed(self) -> Flags:
        """(classes,): those of which the network knows enough to speak against a label."""
        t = self.table
        best = np.zeros(len(t.class_ids))
        np.maximum.at(best, t.found_class, self.agree)
        enough: Flags = best >= 0.5
        return enough

    def unproven(self) -> list[int]:
        """The labelled classes of which the network knows too little to doubt a label."""
        there = np.isin(np.arange(len(self.table.class_ids)), self.table.label_class)
        return [int(c) for c in self.table.class_ids[there & ~self.believed]]

    @cached_property
    def _backed(self) -> Floats:
        """For each label, the best agreement of an answer of its own class over it."""
        t = self.table
        best = np.zeros(len(t.label_id))
        near = self._pair_same_class & (t.pair_iou >= SAME)
        np.maximum.at(best, t.pair_label[near], self.agree[t.pair_found[near]])
        return best

    @cached_property
    def _claimed(self) -> Ints:
        """For each answer that is sure enough the label, of whichever class, that it is about."""
        t = self.table
        near = (t.pair_iou >= SAME) & (self.agree[t.pair_found] >= LEAST)
        return self._settle(np.flatnonzero(near))

    def _overlaps(self, match: Ints) -> Floats:
        """For each answer its overlap with the label that it is matched with; 0 with none."""
        t = self.table
        mine = t.pair_label == match[t.pair_found]
        ious = np.zeros(len(t.found_score))
        ious[t.pair_found[mine]] = t.pair_iou[mine]
        return ious

    def _settle(self, pairs: Ints) -> Ints:
        t = self.table
        return greedy(
            t.pair_found[pairs], t.pair_label[pairs],
            found_count=len(t.found_score), label_count=len(t.label_id),
        )  # fmt: skip

    # What does not

    def _wrong_class(self) -> Iterator[Doubt]:
        """Labels over which a sure answer has another class, and none has theirs."""
        t = self.table
        near = np.flatnonzero(~self._pair_same_class & (t.pair_iou >= SAME))
        found, label = t.pair_found[near], t.pair_label[near]
        # One that is right elsewhere, or that is too unsure to be about anything, says nothing.
        free = (self._right[found] < 0) & (self.agree[found] >= LEAST)
        trust = np.where(self.believed[t.found_class[found]], 1.0, UNPROVEN)
        doubt = trust * self._class_right[found] * (1 - self._backed[label])
        doubt[~free] = 0.0
        best: dict[int, int] = {}
        for row in np.argsort(-doubt, kind="stable").tolist():
            if doubt[row] >= LEAST:
                best.setdefault(int(label[row]), row)
        for row in best.values():
            yield self._doubt(
                Fault.WRONG_CLASS, int(found[row]), int(label[row]), float(doubt[row]),
                overlap=float(t.pair_iou[near[row]]), sure=float(self._class_right[found[row]]),
            )  # fmt: skip

    @cached_property
    def _leftover(self) -> Ints:
        """Sure answers over no label, without those that say the same thing as another answer."""
        t = self.table
        over = np.zeros(len(t.found_score), bool)
        over[t.pair_found[t.pair_iou >= SAME]] = True
        alone = ~over & (t.found_in_crowd < SAME) & (self.agree >= LEAST)
        kept = [self._without_doubles(rows, alone) for rows in self._by_image(alone)]
        return np.concatenate([np.zeros(0, np.int64), *kept])

    def _by_image(self, alone: Flags) -> Iterator[Ints]:
        """For each image with answers that are alone, those and the ones that speak for a label."""
        t = self.table
        images = np.unique(t.found_image[alone])
        rows = np.flatnonzero((alone | (self._claimed >= 0)) & np.isin(t.found_image, images))
        rows = rows[np.argsort(t.found_image[rows], kind="stable")]
        if len(images):
            yield from np.split(rows, np.searchsorted(t.found_image[rows], images)[1:])

    def _without_doubles(self, rows: Ints, alone: Flags) -> Ints:
        """Those that are alone and lie over no answer that is surer or speaks for a label."""
        ious = iou_matrix(self.boxes[rows], self.boxes[rows])
        order = np.lexsort((-self.agree[rows], alone[rows]))
        kept: list[int] = []
        for place in order.tolist():
            if not alone[rows[place]] or not (ious[place, kept] >= SAME).any():
                kept.append(place)
        chosen = rows[np.array(kept, np.int64)]
        return chosen[alone[chosen]]

    @cached_property
    def _bare(self) -> Flags:
        """Labels that no sure answer is about."""
        bare = np.ones(len(self.table.label_id), bool)
        bare[self._claimed[self._claimed >= 0]] = False
        return bare

    @cached_property
    def _beside(self) -> tuple[dict[int, int], dict[int, float]]:
        """Answers over no label with the label beside them that none is about, of their class."""
        t = self.table
        alone = np.zeros(len(t.found_score), bool)
        alone[self._leftover] = True
        near = self._pair_same_class & alone[t.pair_found] & self._bare[t.pair_label]
        pairs = np.flatnonzero(near)
        match = self._settle(pairs)
        found = {int(f): int(match[f]) for f in np.flatnonzero(match >= 0)}
        ious = self._overlaps(match)
        return found, {f: float(ious[f]) for f in found}

    def _alone(self) -> Iterator[Doubt]:
        """Answers over no label: badly placed where one is beside them, else overlooked.

        A label beside them that no answer is about speaks for itself: both would have to be wrong.
        """
        beside, ious = self._beside
        for found in self._leftover.tolist():
            sure = float(self.agree[found])
            if found in beside:
                doubt = 1 - (1 - sure) * (1 - self._silence[beside[found]])
                yield self._doubt(
                    Fault.BADLY_PLACED, found, beside[found], float(doubt), overlap=ious[found]
                )
            else:
                doubt = sure * (1 - HABIT + HABIT * self._usual_here[found])
                yield self._doubt(Fault.OVERLOOKED, found, None, float(doubt))

    def _loose(self) -> Iterator[Doubt]:
        """Right answers whose overlap is far smaller than is usual in their class."""
        t = self.table
        found = np.flatnonzero(self._right >= 0)
        sure = found[self.agree[found] >= 0.5]
        ious = self._overlaps(self._right)[sure]
        for place in range(len(t.class_ids)):
            own = np.flatnonzero(t.found_class[sure] == place)
            far = _how_far(ious[own])
            for row, share in zip(own.tolist(), far.tolist(), strict=True):
                doubt = float(self.agree[sure[row]]) * share
                if doubt >= LEAST:
                    yield self._doubt(
                        Fault.BADLY_PLACED, int(sure[row]), int(self._right[sure[row]]), doubt,
                        overlap=float(ious[row]),
                    )  # fmt: skip

    @cached_property
    def _usually_found(self) -> Floats:
        """(classes,): the share of labels that a sure answer is about."""
        t, size = self.table, len(self.table.class_ids)
        many = np.bincount(t.label_class, minlength=size)
        found = np.bincount(t.label_class, weights=self._backed >= 0.5, minlength=size)
        shares: Floats = found / np.maximum(many, 1)
        return shares

    @cached_property
    def _silence(self) -> Floats:
        """For each label that no answer is about, how much that speaks against it; else 0."""
        usual = self._usually_found[self.table.label_class]
        doubt: Floats = np.where(self._bare, SILENCE * usual * (1 - self._backed), 0.0)
        return doubt

    def _not_there(self) -> Iterator[Doubt]:
        """Labels on which the network finds nothing, of classes that it usually finds."""
        beside = set(self._beside[0].values())
        for label in np.flatnonzero(self._silence >= LEAST).tolist():
            if label not in beside:
                usual = float(self._usually_found[self.table.label_class[label]])
                yield self._doubt(
                    Fault.NOT_THERE, None, label, float(self._silence[label]), sure=usual
                )

    def _doubt(
        self, fault: Fault, found: int | None, label: int | None, doubt: float,
        *, overlap: float | None = None, sure: float | None = None,
    ) -> Doubt:  # fmt: skip
        t = self.table
        at = t.found_image[found] if found is not None else t.label_image[label]
        return Doubt(
            fault,
            int(t.image_ids[at]),
            int(t.label_id[label]) if label is not None else None,
            int(t.class_ids[t.label_class[label]]) if label is not None else NOTHING,
            int(t.class_ids[t.found_class[found]]) if found is not None else NOTHING,
            doubt,
            believed=found is None or bool(self.believed[t.found_class[found]]),
            score=float(t.found_score[found]) if found is not None else None,
            as_sure=float(self.agree[found]) if sure is None else sure,
            overlap=overlap,
            prediction=int(t.found_index[found]) if found is not None else None,
        )


def _how_far(ious: Floats) -> Floats:
    """For each overlap of a class, 0 .. 1, how far below the usual one it is, by median and median
    deviation, which a few wrong labels do not move."""
    if not len(ious):
        return ious
    middle = np.median(ious)
    deviation = max(1.4826 * float(np.median(np.abs(ious - middle))), LEAST_DEVIATION)
    far: Floats = np.clip(((middle - ious) / deviation - FAR) / (FARTHEST - FAR), 0.0, 1.0)
    return far


def boxes_in_order(table: Overlaps, boxes: list[Floats]) -> Floats:
    """The boxes of all answers in a table's order, from those of each image in its order."""
    starts = np.cumsum([0, *(len(each) for each in boxes)])[:-1]
    flat = np.concatenate([np.zeros((0, 4)), *boxes])
    rows = starts[table.found_image] + table.found_index if len(boxes) else np.zeros(0, np.int64)
    return flat[rows]
