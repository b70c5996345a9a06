"""Objects right and wrong at a score and an overlap: confusion, error kinds, label errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.error_kinds import ErrorKind
from cvstudio.core.forms import Form
from cvstudio.core.metrics.curves import Curve, best_score
from cvstudio.core.metrics.figures import ClassFigures, class_figures, counting, ratio
from cvstudio.core.metrics.overlaps import (
    ImageObjects,
    Ints,
    Overlaps,
    find_overlaps,
    greedy,
)
from cvstudio.core.metrics.trust import believable

NOTHING = 0
"""Stands in the place of a class id where nothing is labelled, or nothing was found."""


T = TypeVar("T", np.int64, np.float64)

_KINDS = tuple(ErrorKind)
_MISSED, _EXTRA, _WRONG_CLASS, _LOOSE, _BOTH, _DUPLICATE = range(6)
_CORRECT = -1


@dataclass(frozen=True, slots=True)
class ObjectError:
    """One annotation, one prediction, or a pair of both, with what is wrong (kind None: nothing).

    `annotation_id` and `prediction` (the place in Prediction.objects) are None where there is none;
    `labelled` and `predicted` are class ids, 0 for nothing.
    """

    kind: ErrorKind | None
    image_id: int
    annotation_id: int | None
    prediction: int | None
    labelled: int
    predicted: int
    score: float | None
    iou: float | None


@dataclass(frozen=True, eq=False)
class Judgement:
    """Everything at one score and one overlap; rows are kept as arrays until they are asked for.

    A prediction is right when it is the best-scored one of its class over an annotation (overlap
    from `iou`). What is left over may still be a wrong class (same overlap, other class), a
    duplicate (the annotation is taken), a loose box (right class, overlap from 0.1 up), or a loose
    box of a wrong class. In the confusion loose boxes are both missed and extra, and a duplicate is
    extra, as everywhere else. These are TIDE's kinds (Bolya 2020), each annotation named once.
    """

    score: float
    iou: float
    class_ids: tuple[int, ...]
    confusion: NDArray[np.int64]
    """(k + 1, k + 1): rows labelled, columns predicted, the last of both is nothing."""
    _table: Overlaps = field(repr=False)
    _kind: Ints = field(repr=False)
    _label: Ints = field(repr=False)
    _found: Ints = field(repr=False)

    @property
    def labelled(self) -> int:
        return int(self.confusion[:-1].sum())

    @property
    def predicted(self) -> int:
        return int(self.confusion[:, :-1].sum())

    @property
    def correct(self) -> int:
        return int(np.trace(self.confusion))

    @property
    def precision(self) -> float:
        """Right predictions among all predictions of all classes."""
        return ratio(self.correct, self.predicted)

    @property
    def recall(self) -> float:
        """Annotations that were found among all annotations of all classes."""
        return ratio(self.correct, self.labelled)

    def per_class(self) -> list[ClassFigures]:
        """Each class's figures, in the order of class_ids."""
        return class_figures(self.confusion, self.class_ids)

    def counts(self) -> dict[ErrorKind, int]:
        """How many errors of each kind there are."""
        return {kind: int((self._kind == place).sum()) for place, kind in enumerate(_KINDS)}

    def errors(
        self, kind: ErrorKind | None = None, *, limit: int | None = None
    ) -> list[ObjectError]:
        """The errors of one kind, or all; those with a score first, the highest in front."""
        chosen = self._kind != _CORRECT if kind is None else self._kind == _KINDS.index(kind)
        return list(self._rows(np.flatnonzero(chosen), limit))

    def cell(self, labelled: int, predicted: int, *, limit: int | None = None) -> list[ObjectError]:
        """What stands behind one cell of the confusion; class ids, NOTHING for the last ones."""
        label_class = _take(self._table.label_class, self._label)
        found_class = _take(self._table.found_class, self._found)
        if labelled == predicted == NOTHING:
            return []
        if labelled == NOTHING:
            kinds = [_EXTRA, _LOOSE, _BOTH, _DUPLICATE]
            chosen = found_class == self._place(predicted)
        elif predicted == NOTHING:
            kinds = [_MISSED, _LOOSE, _BOTH]
            chosen = label_class == self._place(labelled)
        else:
            kinds = [_CORRECT, _WRONG_CLASS]
            chosen = label_class == self._place(labelled)
            chosen &= found_class == self._place(predicted)
        return list(self._rows(np.flatnonzero(chosen & np.isin(self._kind, kinds)), limit))

    def images(self) -> dict[int, int]:
        """How many errors each image with errors has, most first."""
        wrong = self._kind != _CORRECT
        image = np.maximum(
            _take(self._table.found_image, self._found),
            _take(self._table.label_image, self._label),
        )[wrong]
        counts = np.bincount(image, minlength=len(self._table.image_ids))
        order = np.argsort(-counts, kind="stable")
        return {int(self._table.image_ids[i]): int(counts[i]) for i in order if counts[i]}

    def image_counts(self) -> Ints:
        """(images, 3): what is labelled, predicted and correct in each image, in their order."""
        table, size = self._table, len(self._table.image_ids)
        predicted = self._found[self._found >= 0]
        correct = self._found[self._kind == _CORRECT]
        columns = (table.label_image, table.found_image[predicted], table.found_image[correct])
        return np.stack([np.bincount(column, minlength=size) for column in columns], axis=1)

    def class_image_counts(self) -> Ints:
        """(images, classes, 3): the same of each class, in the order of class_ids."""
        t = self._table
        images, classes = len(t.image_ids), len(t.class_ids)
        predicted = self._found[self._found >= 0]
        correct = self._found[self._kind == _CORRECT]
        cells = (
            t.label_image * classes + t.label_class,
            t.found_image[predicted] * classes + t.found_class[predicted],
            t.found_image[correct] * classes + t.found_class[correct],
        )
        counts = [np.bincount(cell, minlength=images * classes) for cell in cells]
        return np.stack(counts, axis=-1).reshape(images, classes, 3)

    def right_and_wrong(self) -> tuple[NDArray[np.bool_], Ints, NDArray[np.bool_]]:
        """Which annotations are found (in the order of Overlaps), the places of the predictions
        that count, and which of those are right."""
        label_found = np.zeros(len(self._table.label_id), bool)
        label_found[self._label[self._kind == _CORRECT]] = True
        counted = self._found >= 0
        return label_found, self._found[counted], self._kind[counted] == _CORRECT

    def likely_label_errors(self) -> list[ObjectError]:
        """Errors in which the network is as sure as it usually is when it is right.

        Extra, wrong-class and loose predictions whose score reaches the median score of the right
        predictions of that class: there the label is more often at fault than the network, as long
        as the network is to be believed about the class at all (trust.py).
        """
        return list(self._rows(self._likely))

    def likely_counts(self) -> tuple[int, int]:
        """How many likely label errors there are, and on how many images."""
        images = self._table.found_image[self._found[self._likely]]
        return len(self._likely), len(np.unique(images))

    @cached_property
    def _likely(self) -> Ints:
        """The rows of the likely label errors."""
        chosen = [
            suspect
            for place, (sure, suspect) in enumerate(self._sure)
            if self._believed(place, sure)
        ]
        return np.sort(np.concatenate([*chosen, np.zeros(0, np.int64)]))

    def withheld_classes(self) -> list[int]:
        """Classes whose errors say nothing about labels: the network knows them too badly."""
        return [
            self.class_ids[place]
            for place, (sure, suspect) in enumerate(self._sure)
            if suspect.size and not self._believed(place, sure)
        ]

    @cached_property
    def _sure(self) -> list[tuple[Ints, Ints]]:
        """For each class the rows of its predictions that are as sure as right ones usually are
        (all when none is right), and of those the ones that may speak against a label."""
        rows = np.flatnonzero(self._found >= 0)
        scores = _take(self._table.found_score, self._found)
        wrong = np.isin(self._kind, [_EXTRA, _WRONG_CLASS, _LOOSE, _BOTH])
        found = []
        for own in _grouped(rows, self._table.found_class[self._found[rows]], len(self.class_ids)):
            right = scores[own[self._kind[own] == _CORRECT]]
            sure = own[scores[own] >= np.median(right)] if right.size else own
            found.append((sure, sure[wrong[sure]]))
        return found

    def _believed(self, place: int, sure: Ints) -> bool:
        return believable(
            right=int(self.confusion[place, place]),
            sure=len(sure),
            sure_and_right=int((self._kind[sure] == _CORRECT).sum()),
        )

    def _place(self, class_id: int) -> int:
        return self.class_ids.index(class_id)

    def _rows(self, rows: Ints, limit: int | None = None) -> Iterator[ObjectError]:
        table = self._table
        score = _take(table.found_score, self._found[rows])
        for row in rows[np.argsort(-score, kind="stable")][:limit]:
            label, found, kind = int(self._label[row]), int(self._found[row]), int(self._kind[row])
            image = table.found_image[found] if found >= 0 else table.label_image[label]
            yield ObjectError(
                kind=None if kind == _CORRECT else _KINDS[kind],
                image_id=int(table.image_ids[image]),
                annotation_id=int(table.label_id[label]) if label >= 0 else None,
                prediction=int(table.found_index[found]) if found >= 0 else None,
                labelled=self.class_ids[table.label_class[label]] if label >= 0 else NOTHING,
                predicted=self.class_ids[table.found_class[found]] if found >= 0 else NOTHING,
                score=float(table.found_score[found]) if found >= 0 else None,
                iou=table.overlap(found, label) if label >= 0 and found >= 0 else None,
            )


class ObjectMatches:
    """The overlaps of a split, ready to be judged at any score and overlap in milliseconds."""

    def __init__(self, overlaps: Overlaps) -> None:
        self._table = overlaps
        self._right: dict[tuple[float, tuple[float, float] | None], Ints] = {}
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

        The classes in `own` count from their own score instead.
        """
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
            (_CORRECT, right), (_WRONG_CLASS, wrong), (_LOOSE, loose), (_BOTH, both),
            (_DUPLICATE, duplicate),
        )  # fmt: skip
        return self._judgement(score, iou, matches, free)

    def curves(self, iou: float = 0.5) -> dict[int, Curve]:
        """Precision and recall of every class at one overlap, by class id."""
        t = self._table
        right = self._right_matches(iou)
        counted = (right >= 0) | (t.found_in_crowd < iou)
        labelled = np.bincount(t.label_class, minlength=len(t.class_ids))
        rows = np.flatnonzero(counted)
        groups = _grouped(rows, t.found_class[rows], len(t.class_ids))
        return {
            class_id: Curve.of(class_id, int(many), t.found_score[own], right[own] >= 0)
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
        rows = np.flatnonzero(~ignored)
        groups = _grouped(rows, t.found_class[rows], len(t.class_ids))
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

    def _right_matches(self, iou: float, area: tuple[float, float] | None = None) -> Ints:
        """Same-class matches of all predictions, with annotations of some sizes. A lower score
        never disturbs a higher one, so they hold for every score threshold."""
        key = (round(iou, 6), area)
        if key not in self._right:
            t = self._table
            pairs = np.flatnonzero(self._same & (t.pair_iou >= iou))
            everyone = np.ones(len(t.found_score), bool)
            taken = np.zeros(len(t.label_id), bool)
            if area is not None:
                taken = ~_within(t.label_area, area)
            self._right[key] = self._settle(pairs, everyone, taken, len(t.found_score))
        return self._right[key]

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
        kinds += [np.full(len(alone), _EXTRA), np.full(len(missed), _MISSED)]
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
        row, column = _take(self._table.label_class, label), _take(self._table.found_class, found)
        row[(kind == _EXTRA) | (kind == _DUPLICATE)] = nothing
        column[kind == _MISSED] = nothing
        loose = (kind == _LOOSE) | (kind == _BOTH)
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


def _grouped(rows: Ints, places: NDArray[np.integer[Any]], count: int) -> list[Ints]:
    """The rows of each of `count` classes, in their order; `places` are the classes of the rows."""
    order = np.argsort(places, kind="stable")
    ends = np.cumsum(np.bincount(places, minlength=count))
    return np.split(rows[order], ends[:-1]) if count else []


def _within(areas: NDArray[np.float64], area: tuple[float, float]) -> NDArray[np.bool_]:
    return (areas >= area[0]) & (areas <= area[1])


def _take(values: NDArray[T], index: Ints) -> NDArray[T]:
    """The values at an index, -1 where the index is -1."""
    return np.append(values, np.array(-1, values.dtype))[index]
