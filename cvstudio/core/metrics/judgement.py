"""What is right and wrong of objects at one score and one overlap, kept as arrays until asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.error_kinds import ErrorKind
from cvstudio.core.metrics.figures import ClassFigures, class_figures, ratio
from cvstudio.core.metrics.overlaps import Ints, Overlaps

NOTHING = 0
"""Stands in the place of a class id where nothing is labelled, or nothing was found."""

MISSED, EXTRA, WRONG_CLASS, LOOSE, BOTH, DUPLICATE = range(6)
"""The kinds of error in a judgement's rows: places in ErrorKind."""
CORRECT = -1

T = TypeVar("T", np.int64, np.float64)

_KINDS = tuple(ErrorKind)


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
        chosen = self._kind != CORRECT if kind is None else self._kind == _KINDS.index(kind)
        return list(self._rows(np.flatnonzero(chosen), limit))

    def cell(self, labelled: int, predicted: int, *, limit: int | None = None) -> list[ObjectError]:
        """What stands behind one cell of the confusion; class ids, NOTHING for the last ones."""
        label_class = take(self._table.label_class, self._label)
        found_class = take(self._table.found_class, self._found)
        if labelled == predicted == NOTHING:
            return []
        if labelled == NOTHING:
            kinds = [EXTRA, LOOSE, BOTH, DUPLICATE]
            chosen = found_class == self._place(predicted)
        elif predicted == NOTHING:
            kinds = [MISSED, LOOSE, BOTH]
            chosen = label_class == self._place(labelled)
        else:
            kinds = [CORRECT, WRONG_CLASS]
            chosen = label_class == self._place(labelled)
            chosen &= found_class == self._place(predicted)
        return list(self._rows(np.flatnonzero(chosen & np.isin(self._kind, kinds)), limit))

    def images(self) -> dict[int, int]:
        """How many errors each image with errors has, most first."""
        wrong = self._kind != CORRECT
        image = np.maximum(
            take(self._table.found_image, self._found),
            take(self._table.label_image, self._label),
        )[wrong]
        counts = np.bincount(image, minlength=len(self._table.image_ids))
        order = np.argsort(-counts, kind="stable")
        return {int(self._table.image_ids[i]): int(counts[i]) for i in order if counts[i]}

    def image_counts(self) -> Ints:
        """(images, 3): what is labelled, predicted and correct in each image, in their order."""
        table, size = self._table, len(self._table.image_ids)
        predicted = self._found[self._found >= 0]
        correct = self._found[self._kind == CORRECT]
        columns = (table.label_image, table.found_image[predicted], table.found_image[correct])
        return np.stack([np.bincount(column, minlength=size) for column in columns], axis=1)

    def class_image_counts(self) -> Ints:
        """(images, classes, 3): the same of each class, in the order of class_ids."""
        t = self._table
        images, classes = len(t.image_ids), len(t.class_ids)
        predicted = self._found[self._found >= 0]
        correct = self._found[self._kind == CORRECT]
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
        label_found[self._label[self._kind == CORRECT]] = True
        counted = self._found >= 0
        return label_found, self._found[counted], self._kind[counted] == CORRECT

    def _place(self, class_id: int) -> int:
        return self.class_ids.index(class_id)

    def _rows(self, rows: Ints, limit: int | None = None) -> Iterator[ObjectError]:
        table = self._table
        score = take(table.found_score, self._found[rows])
        if limit is not None and 0 < limit < len(rows):  # those beyond need no order
            first = np.flatnonzero(score >= np.partition(score, -limit)[-limit])
            rows, score = rows[first], score[first]
        rows = rows[np.argsort(-score, kind="stable")][:limit]
        label, found = self._label[rows], self._found[rows]
        image = np.maximum(take(table.found_image, found), take(table.label_image, label))
        classes = np.array([*self.class_ids, NOTHING])
        columns = (
            self._kind[rows], label, found, table.image_ids[image],
            take(table.label_id, label), take(table.found_index, found),
            classes[take(table.label_class, label)], classes[take(table.found_class, found)],
            take(table.found_score, found), table.overlaps(found, label),
        )  # fmt: skip
        for kind, at, by, image_id, annotation, prediction, labelled, predicted, sure, iou in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            yield ObjectError(
                kind=None if kind == CORRECT else _KINDS[kind],
                image_id=image_id,
                annotation_id=annotation if at >= 0 else None,
                prediction=prediction if by >= 0 else None,
                labelled=labelled,
                predicted=predicted,
                score=sure if by >= 0 else None,
                iou=iou if at >= 0 and by >= 0 else None,
            )


def grouped(rows: Ints, places: NDArray[np.integer[Any]], count: int) -> list[Ints]:
    """The rows of each of `count` classes, in their order; `places` are the classes of the rows."""
    order = np.argsort(places, kind="stable")
    ends = np.cumsum(np.bincount(places, minlength=count))
    return np.split(rows[order], ends[:-1]) if count else []


def take(values: NDArray[T], index: Ints) -> NDArray[T]:
    """The values at an index, -1 where the index is -1."""
    if not values.size:
        return np.full(index.shape, -1, values.dtype)
    found = values[index]
    found[index < 0] = -1
    return found
