"""Objects right and wrong at a score and an overlap: confusion, error kinds, label errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.error_kinds import ErrorKind
from cvstudio.core.metrics.curves import Curve, best_score
from cvstudio.core.metrics.figures import ClassFigures, class_figures, ratio
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
_MISSED, _EXTRA, _WRONG_CLASS, _LOOSE, _DUPLICATE = range(5)
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
    duplicate (the annotation is taken), or a loose box (right class, overlap from 0.1 up). In the
    confusion a loose box is both missed and extra, and a duplicate is extra, as everywhere else.
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

    def cell(self, labelled: int, predicted: int) -> list[ObjectError]:
        """What stands behind one cell of the confusion; class ids, NOTHING for the last ones."""
        label_class = _take(self._table.label_class, self._label)
        found_class = _take(self._table.found_class, self._found)
        if labelled == predicted == NOTHING:
            return []
        if labelled == NOTHING:
            kinds = [_EXTRA, _LOOSE, _DUPLICATE]
            chosen = found_class == self._place(predicted)
        elif predicted == NOTHING:
            kinds = [_MISSED, _LOOSE]
            chosen = label_class == self._place(labelled)
        else:
            kinds = [_CORRECT, _WRONG_CLASS]
            chosen = label_class == self._place(labelled)
            chosen &= found_class == self._place(predicted)
        return list(self._rows(np.flatnonzero(chosen & np.isin(self._kind, kinds))))

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

    def likely_label_errors(self) -> list[ObjectError]:
        """Errors in which the network is as sure as it usually is when it is right.

        Extra, wrong-class and loose predictions whose score reaches the median score of the right
        predictions of that class: there the label is more often at fault than the network, as long
        as the network is to be believed about the class at all (trust.py).
        """
        found_class = _take(self._table.found_class, self._found)
        chosen = np.zeros(len(self._kind), bool)
        for place, (sure, suspect) in enumerate(self._sure()):
            if self._believed(place, sure):
                chosen |= suspect & (found_class == place)
        return list(self._rows(np.flatnonzero(chosen)))

    def withheld_classes(self) -> list[int]:
        """Classes whose errors say nothing about labels: the network knows them too badly."""
        return [
            self.class_ids[place]
            for place, (sure, suspect) in enumerate(self._sure())
            if suspect.any() and not self._believed(place, sure)
        ]

    def _sure(self) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
        """For each class its predictions that are as sure as right ones usually are (all when none
        is right), and those of them that may speak against a label."""
        found_class = _take(self._table.found_class, self._found)
        scores = _take(self._table.found_score, self._found)
        wrong = np.isin(self._kind, [_EXTRA, _WRONG_CLASS, _LOOSE])
        for place in range(len(self.class_ids)):
            of_class = (self._found >= 0) & (found_class == place)
            right = scores[of_class & (self._kind == _CORRECT)]
            sure = of_class & (scores >= np.median(right)) if right.size else of_class
            yield sure, sure & wrong

    def _believed(self, place: int, sure: NDArray[np.bool_]) -> bool:
        return believable(
            right=int(self.confusion[place, place]),
            sure=int(sure.sum()),
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
        self._right: dict[float, Ints] = {}
        self._same = (
            overlaps.found_class[overlaps.pair_found] == overlaps.label_class[overlaps.pair_label]
        )

    @property
    def class_ids(self) -> tuple[int, ...]:
        return tuple(int(c) for c in self._table.class_ids)

    def at(self, *, score: float, iou: float = 0.5) -> Judgement:
        """Judge predictions from this score upwards, matched from this overlap (>= 0.1) upwards."""
        t = self._table
        count = self._count(score)
        right = self._right_matches(iou)[:count]
        taken = np.zeros(len(t.label_id), bool)
        taken[right[right >= 0]] = True
        free = (right < 0) & (t.found_in_crowd[:count] < iou)

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
        return self._judgement(score, iou, right, wrong, duplicate, loose, free)

    def curves(self, iou: float = 0.5) -> dict[int, Curve]:
        """Precision and recall of every class at one overlap, by class id."""
        t = self._table
        right = self._right_matches(iou)
        counted = (right >= 0) | (t.found_in_crowd < iou)
        result = {}
        for place, class_id in enumerate(self.class_ids):
            chosen = counted & (t.found_class == place)
            labelled = int((t.label_class == place).sum())
            result[class_id] = Curve.of(
                class_id, labelled, t.found_score[chosen], right[chosen] >= 0
            )
        return result

    def ranking(self, class_id: int, iou: float) -> tuple[Ints, NDArray[np.bool_]]:
        """The predictions of a class from the surest on: the place of their image, and whether each
        is right; those in crowds are left out."""
        t = self._table
        right = self._right_matches(iou)
        counted = (right >= 0) | (t.found_in_crowd < iou)
        chosen = np.flatnonzero(counted & (t.found_class == self.class_ids.index(class_id)))
        return t.found_image[chosen], right[chosen] >= 0

    def labelled_in(self, class_id: int) -> Ints:
        """How many annotations of a class each image has, in the order of the images."""
        t = self._table
        of_class = t.label_class == self.class_ids.index(class_id)
        return np.bincount(t.label_image[of_class], minlength=len(t.image_ids))

    def best_score(self, iou: float = 0.5) -> float:
        """The score at which the classes' mean F1 is highest; not-a-number when none is useful."""
        return best_score(self.curves(iou).values())

    def _count(self, score: float) -> int:
        return int(np.searchsorted(-self._table.found_score, -score, side="right"))

    def _right_matches(self, iou: float) -> Ints:
        """Same-class matches of all predictions. A lower score never disturbs a higher one, so
        they hold for every score threshold."""
        key = round(iou, 6)
        if key not in self._right:
            t = self._table
            pairs = np.flatnonzero(self._same & (t.pair_iou >= iou))
            everyone = np.ones(len(t.found_score), bool)
            nobody = np.zeros(len(t.label_id), bool)
            self._right[key] = self._settle(pairs, everyone, nobody, len(t.found_score))
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
        right: Ints,
        wrong: Ints,
        duplicate: Ints,
        loose: Ints,
        extra: NDArray[np.bool_],
    ) -> Judgement:
        explained = np.zeros(len(self._table.label_id), bool)
        kinds, labels, founds = [], [], []
        for kind, match in (
            (_CORRECT, right), (_WRONG_CLASS, wrong), (_LOOSE, loose), (_DUPLICATE, duplicate),
        ):  # fmt: skip
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
        loose = kind == _LOOSE
        cells = np.concatenate(
            [
                row[~loose] * size + column[~loose],
                row[loose] * size + nothing,
                nothing * size + column[loose],
            ]
        )
        return np.bincount(cells, minlength=size**2).reshape(size, size).astype(np.int64)


def match_objects(
    images: Iterable[ImageObjects], *, class_ids: Sequence[int] = (), masks: bool = False
) -> ObjectMatches:
    """Compare labels and predictions of a split, by boxes or by masks.

    Takes a second or so for 5,000 images with 40 predictions each; judging afterwards does not.
    """
    return ObjectMatches(find_overlaps(images, class_ids=class_ids, masks=masks))


def _take(values: NDArray[T], index: Ints) -> NDArray[T]:
    """The values at an index, -1 where the index is -1."""
    return np.append(values, np.array(-1, values.dtype))[index]
