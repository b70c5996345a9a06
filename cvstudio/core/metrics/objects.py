"""The overlaps of a split, to be judged at any score and overlap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.forms import Form
from cvstudio.core.metrics.curves import Curve, best_score
from cvstudio.core.metrics.figures import counting
from cvstudio.core.metrics.judgement import (
    BOTH,
    CORRECT,
    DUPLICATE,
    EXTRA,
    LOOSE,
    MISSED,
    WRONG_CLASS,
    Judgement,
    grouped,
    take,
)
from cvstudio.core.metrics.overlaps import (
    ImageObjects,
    Ints,
    Overlaps,
    find_overlaps,
    greedy,
)

_Pairs = tuple[NDArray[np.int32], NDArray[np.int32]]
"""The places of predictions and, beside each, the annotation that it finds."""


class ObjectMatches:
    """The overlaps of a split, ready to be judged at any score and overlap in milliseconds."""

    def __init__(self, overlaps: Overlaps) -> None:
        self._table = overlaps
        self._right: dict[tuple[float, tuple[float, float] | None], _Pairs] = {}
        self._newest: tuple[Any, Judgement] | None = None
        self._same = (
            overlaps.found_class[overlaps.pair_found] == overlaps.label_class[overlaps.pair_label]
        )

    @property
    def class_ids(self) -> tuple[int, ...]:
        return tuple(int(c) for c in self._table.class_ids)

    def at(
        self,
        *,
        score: float,
        iou: float = 0.5,
        own: Mapping[int, float | None] = MappingProxyType({}),
    ) -> Judgement:
        """Judge predictions from this score upwards, matched from this overlap (>= 0.1) upwards.

        The classes in `own` count from their own score instead. The newest judgement is kept: the
        figures, their ranges and the cases of a page ask for the same one.
        """
        key = score, iou, tuple(sorted(own.items()))
        if self._newest is None or self._newest[0] != key:
            self._newest = key, self._judged(score, iou, own)
        return self._newest[1]

    def _judged(self, score: float, iou: float, own: Mapping[int, float | None]) -> Judgement:
        t = self._table
        count, counts = self._counting(score, own)
        right = np.where(counts, self._right_matches(iou)[:count], -1)
        taken = np.zeros(len(t.label_id), bool)
        taken[right[right >= 0]] = True
        free = counts & (right < 0) & (t.found_in_crowd[:count] < iou)

        inside = t.pair_found < count
        pairs = np.flatnonzero(inside & (t.pair_iou >= iou) & ~self._same)
        wrong = self._settle(pairs, free, taken, count)
        free &= wrong < 0
        taken[wrong[wrong >= 0]] = True

        # A same-class overlap that reaches the threshold and yet found no annotation: it was taken.
        pairs = np.flatnonzero(inside & (t.pair_iou >= iou) & self._same)
        pairs = pairs[free[t.pair_found[pairs]]]
        duplicate = np.full(count, -1, np.int64)
        duplicate[t.pair_found[pairs][::-1]] = t.pair_label[pairs][::-1]
        free &= duplicate < 0

        loose = self._settle(np.flatnonzero(inside & self._same), free, taken, count)
        free &= loose < 0
        taken[loose[loose >= 0]] = True

        both = self._settle(np.flatnonzero(inside & ~self._same), free, taken, count)
        free &= both < 0
        matches = (
            (CORRECT, right), (WRONG_CLASS, wrong), (LOOSE, loose), (BOTH, both),
            (DUPLICATE, duplicate),
        )  # fmt: skip
        return self._judgement(score, iou, matches, free)

    def curves(self, iou: float = 0.5) -> dict[int, Curve]:
        """Precision and recall of every class at one overlap, by class id."""
        t = self._table
        right = self._right_matches(iou)
        counted = (right >= 0) | (t.found_in_crowd < iou)
        labelled = np.bincount(t.label_class, minlength=len(t.class_ids))
        correct = right >= 0
        groups = [own[counted[own]] for own in self._by_class]
        return {
            class_id: Curve.of(class_id, int(many), t.found_score[own], correct[own])
            for class_id, many, own in zip(self.class_ids, labelled, groups, strict=True)
        }

    def rankings(
        self, iou: float, area: tuple[float, float] | None = None
    ) -> dict[int, tuple[Ints, NDArray[np.bool_]]]:
        """The predictions of each class from the surest on, by class id: the place of their image,
        and whether each is right; those in crowds are left out. With `area`, a range of square
        pixels, so are those that lie on an annotation of another size, or on none and are of
        another size (COCO)."""
        t = self._table
        right = self._right_matches(iou, area)
        ignored = (right < 0) & (t.found_in_crowd >= iou)
        if area is not None:
            elsewhere = self._settle(
                np.flatnonzero(self._same & (t.pair_iou >= iou)), right < 0,
                _within(t.label_area, area), len(t.found_score),
            )  # fmt: skip
            ignored |= (elsewhere >= 0) | ((right < 0) & ~_within(t.found_area, area))
        groups = [own[~ignored[own]] for own in self._by_class]
        return {
            class_id: (t.found_image[own], right[own] >= 0)
            for class_id, own in zip(self.class_ids, groups, strict=True)
        }

    def labelled_in(self, class_id: int, area: tuple[float, float] | None = None) -> Ints:
        """How many annotations of a class, and of these sizes, each image has, in their order."""
        t = self._table
        of_class = t.label_class == self.class_ids.index(class_id)
        if area is not None:
            of_class &= _within(t.label_area, area)
        return np.bincount(t.label_image[of_class], minlength=len(t.image_ids))

    def right(self, iou: float) -> Ints:
        """For each prediction the annotation that it finds at an overlap, or -1."""
        return self._right_matches(iou)

    @property
    def overlaps(self) -> Overlaps:
        """What lies over what."""
        return self._table

    def best_score(self, iou: float = 0.5) -> float:
        """The score at which the classes' mean F1 is highest; not-a-number when none is useful."""
        return best_score(self.curves(iou).values())

    def _counting(
        self, score: float, own: Mapping[int, float | None]
    ) -> tuple[int, NDArray[np.bool_]]:
        """How many predictions reach any of the scores, and which of them that of their class."""
        t = self._table
        floors = np.array(counting(self.class_ids, score, own), np.float64)
        count = int(np.searchsorted(-t.found_score, -floors.min(initial=score), side="right"))
        return count, t.found_score[:count] >= floors[t.found_class[:count]]

    @cached_property
    def _by_class(self) -> list[Ints]:
        """The predictions of each class from the surest on, in the order of class_ids."""
        t = self._table
        return grouped(np.arange(len(t.found_class)), t.found_class, len(t.class_ids))

    def _right_matches(self, iou: float, area: tuple[float, float] | None = None) -> Ints:
        """Same-class matches of all predictions, with annotations of some sizes. A lower score
        never disturbs a higher one, so they hold for every score threshold.

        Those of every overlap that was asked for are kept, as few numbers as there are matches: a
        hand moves to and fro over the same overlaps.
        """
        key = (round(iou, 6), area)
        if key not in self._right:
            t = self._table
            pairs = np.flatnonzero(self._same & (t.pair_iou >= iou))
            everyone = np.ones(len(t.found_score), bool)
            taken = np.zeros(len(t.label_id), bool)
            if area is not None:
                taken = ~_within(t.label_area, area)
            match = self._settle(pairs, everyone, taken, len(t.found_score))
            rows = np.flatnonzero(match >= 0)
            self._right[key] = rows.astype(np.int32), match[rows].astype(np.int32)
        right = np.full(len(self._table.found_score), -1, np.int64)
        found, label = self._right[key]
        right[found] = label
        return right

    def _settle(
        self, pairs: Ints, free: NDArray[np.bool_], taken: NDArray[np.bool_], count: int
    ) -> Ints:
        t = self._table
        pairs = pairs[free[t.pair_found[pairs]] & ~taken[t.pair_label[pairs]]]
        return greedy(
            t.pair_found[pairs],
            t.pair_label[pairs],
            found_count=count,
            label_count=len(t.label_id),
        )

    def _judgement(
        self,
        score: float,
        iou: float,
        matches: Iterable[tuple[int, Ints]],
        extra: NDArray[np.bool_],
    ) -> Judgement:
        explained = np.zeros(len(self._table.label_id), bool)
        kinds, labels, founds = [], [], []
        for kind, match in matches:
            rows = np.flatnonzero(match >= 0)
            explained[match[rows]] = True  # a duplicate's annotation is taken anyway
            kinds.append(np.full(len(rows), kind, np.int64))
            founds.append(rows)
            labels.append(match[rows])
        alone, missed = np.flatnonzero(extra), np.flatnonzero(~explained)
        kinds += [np.full(len(alone), EXTRA), np.full(len(missed), MISSED)]
        founds += [alone, np.full(len(missed), -1)]
        labels += [np.full(len(alone), -1), missed]
        kind_column, label, found = (np.concatenate(x) for x in (kinds, labels, founds))
        return Judgement(
            score=score,
            iou=iou,
            class_ids=self.class_ids,
            confusion=self._confusion(kind_column, label, found),
            _table=self._table,
            _kind=kind_column,
            _label=label,
            _found=found,
        )

    def _confusion(self, kind: Ints, label: Ints, found: Ints) -> Ints:
        nothing = len(self._table.class_ids)
        size = nothing + 1
        row, column = take(self._table.label_class, label), take(self._table.found_class, found)
        row[(kind == EXTRA) | (kind == DUPLICATE)] = nothing
        column[kind == MISSED] = nothing
        loose = (kind == LOOSE) | (kind == BOTH)
        cells = np.concatenate(
            [
                row[~loose] * size + column[~loose],
                row[loose] * size + nothing,
                nothing * size + column[loose],
            ]
        )
        return np.bincount(cells, minlength=size**2).reshape(size, size).astype(np.int64)


def match_objects(
    images: Iterable[ImageObjects],
    *,
    class_ids: Sequence[int] = (),
    masks: bool = False,
    form: Form | None = None,
) -> ObjectMatches:
    """Compare labels and predictions of a split, by boxes, by masks or as `form` says.

    Takes a second or so for 5,000 images with 40 predictions each; judging afterwards does not.
    """
    return ObjectMatches(find_overlaps(images, class_ids=class_ids, masks=masks, form=form))


def _within(areas: NDArray[np.float64], area: tuple[float, float]) -> NDArray[np.bool_]:
    return (areas >= area[0]) & (areas <= area[1])
