"""Images with several classes: what is missed and what is extra, one class at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.metrics.curves import Curve, best_score
from cvstudio.core.metrics.figures import ClassFigures, class_figures, mean_of_known, ratio
from cvstudio.core.metrics.figures import counting as counting
from cvstudio.core.metrics.judgement import NOTHING
from cvstudio.core.metrics.resampling import mean_known, share

ENOUGH_FOR_OWN = 5
"""Labelled images from which a class gets a score of its own; of fewer the best one is chance."""


@dataclass(frozen=True, slots=True)
class TaggedImage:
    """One image with its labels, of which there may be none, and a chance for each class id."""

    image_id: int
    labelled: frozenset[int]
    scores: dict[int, float]


@dataclass(frozen=True, slots=True)
class TagCase:
    """A class of an image: missed (`predicted` is NOTHING), extra (`labelled` is), or right."""

    image_id: int
    labelled: int
    predicted: int
    score: float

    @property
    def class_id(self) -> int:
        """The class that it is about."""
        return self.labelled or self.predicted

    @property
    def missed(self) -> bool:
        """Labelled and not found."""
        return self.predicted == NOTHING

    @property
    def extra(self) -> bool:
        """Found and not labelled."""
        return self.labelled == NOTHING


@dataclass(frozen=True, eq=False)
class SeveralMatches:
    """Labels and chances of a split, images by classes."""

    class_ids: tuple[int, ...]
    image_ids: tuple[int, ...]
    labelled: NDArray[np.bool_]
    """(n, k)."""
    scores: NDArray[np.float64]
    """(n, k), 0 .. 1, each class by itself."""

    @classmethod
    def of(cls, images: Iterable[TaggedImage], *, class_ids: Sequence[int]) -> SeveralMatches:
        """The matches of a split. Labels outside class_ids are added behind them."""
        images = tuple(images)
        others = {c for image in images for c in image.labelled} - set(class_ids)
        ids = (*class_ids, *sorted(others))
        shape = len(images), len(ids)  # of no images, or of no classes, too
        return cls(
            ids,
            tuple(image.image_id for image in images),
            np.array([[c in i.labelled for c in ids] for i in images], bool).reshape(shape),
            np.array([[i.scores.get(c, 0.0) for c in ids] for i in images]).reshape(shape),
        )

    def only(self, rows: NDArray[np.int64]) -> SeveralMatches:
        """The same of some of the images, one named several times as often."""
        return replace(
            self, image_ids=tuple(self.image_ids[row] for row in rows),
            labelled=self.labelled[rows], scores=self.scores[rows],
        )  # fmt: skip

    @cached_property
    def curves(self) -> dict[int, Curve]:
        """Precision against recall of each class."""
        found = {}
        for place, class_id in enumerate(self.class_ids):
            own, right = self.scores[:, place], self.labelled[:, place]
            order = np.argsort(-own, kind="stable")
            found[class_id] = Curve.of(class_id, int(right.sum()), own[order], right[order])
        return found

    def average_precisions(self) -> dict[int, float]:
        """Of each class the mean precision over its labelled images, each at its own score: the
        area below the curve as it stands. Not-a-number for a class that no image has."""
        return {class_id: _area(curve) for class_id, curve in self.curves.items()}

    @property
    def mean_average_precision(self) -> float:
        """The mean over the classes that some image has."""
        return mean_of_known(list(self.average_precisions().values()))

    def drawn(self, draws: NDArray[np.floating]) -> NDArray[np.float64]:
        """mean_average_precision for each draw: (draws, n), how often an image is in it."""
        return mean_known(self.drawn_by_class(draws))

    def drawn_by_class(self, draws: NDArray[np.floating]) -> NDArray[np.float64]:
        """The average precision of each class for each draw: (draws, k)."""
        rows = []
        for place in range(len(self.class_ids)):
            order = np.argsort(-self.scores[:, place], kind="stable")
            score, right = self.scores[order, place], self.labelled[order, place]
            last = np.append(np.diff(score) != 0, True)[: len(score)]
            weights = draws[:, order].astype(np.float64)
            true = np.cumsum(weights * right, axis=1)[:, last]
            count = np.cumsum(weights, axis=1)[:, last]
            precision = np.divide(true, count, out=np.zeros_like(true), where=count > 0)
            area = (np.diff(true, axis=1, prepend=0.0) * precision).sum(axis=1)
            rows.append(share(area, true[:, -1]))
        return np.stack(rows, axis=-1)

    def best_score(self) -> float:
        """The one score at which the mean F1 is best; not-a-number when none is of any use."""
        return best_score(self.curves.values())

    def own_scores(self) -> dict[int, float | None]:
        """For each class the score at which its own F1 is best, as far from the images on either
        side as it can be; None where too few images have the class or no score is of any use: it
        counts from the common one."""
        found = {class_id: best_score([curve]) for class_id, curve in self.curves.items()}
        return {
            class_id: score
            if self.curves[class_id].labelled >= ENOUGH_FOR_OWN and math.isfinite(score) else None
            for class_id, score in found.items()
        }  # fmt: skip

    def at(
        self, score: float, own: Mapping[int, float | None] = MappingProxyType({})
    ) -> SeveralReport:
        """The figures when classes count from a score upwards, those in `own` from theirs."""
        return SeveralReport(self, self.scores >= np.array(counting(self.class_ids, score, own)))


@dataclass(frozen=True, eq=False)
class SeveralReport:
    """What is right and wrong when some classes are found and others not."""

    matches: SeveralMatches
    found: NDArray[np.bool_]
    """(n, k)."""

    @property
    def class_ids(self) -> tuple[int, ...]:
        return self.matches.class_ids

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """(k + 1, k + 1): rows labelled, columns found, the last of each is nothing.

        A class is right on the diagonal, missed in the last column, extra in the last row; which
        class was taken for which other one is not known and not guessed.
        """
        labelled, size = self.matches.labelled, len(self.class_ids)
        cells = np.zeros((size + 1, size + 1), np.int64)
        cells[range(size), range(size)] = (labelled & self.found).sum(0)
        cells[:size, size] = (labelled & ~self.found).sum(0)
        cells[size, :size] = (~labelled & self.found).sum(0)
        return cells

    @property
    def exact(self) -> int:
        """Images of which every class is right and none is extra."""
        return int((self.matches.labelled == self.found).all(axis=1).sum())

    @property
    def exact_match(self) -> float:
        """The share of those."""
        return ratio(self.exact, len(self.found))

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the classes that occur."""
        return mean_of_known([row.f1 for row in self.per_class()])

    def per_class(self) -> list[ClassFigures]:
        """Each class's figures, in the order of class_ids."""
        return class_figures(self.confusion, self.class_ids)

    def errors(self) -> list[TagCase]:
        """All that is missed and extra, the surest errors first."""
        wrong = self.matches.labelled != self.found
        return sorted(self._cases(wrong), key=lambda case: -_how_wrong(case))

    def cell(self, labelled: int, predicted: int) -> list[TagCase]:
        """What is behind a cell of the confusion, the highest score first."""
        class_id = labelled or predicted
        if class_id not in self.class_ids or (labelled != predicted and labelled and predicted):
            return []
        chosen = np.zeros_like(self.found)
        place = self.class_ids.index(class_id)
        has, said = self.matches.labelled[:, place], self.found[:, place]
        chosen[:, place] = (has == bool(labelled)) & (said == bool(predicted))
        return sorted(self._cases(chosen), key=lambda case: -case.score)

    def _cases(self, chosen: NDArray[np.bool_]) -> list[TagCase]:
        cases = []
        for row, place in zip(*np.nonzero(chosen), strict=True):
            class_id = self.class_ids[place]
            cases.append(
                TagCase(
                    self.matches.image_ids[row],
                    class_id if self.matches.labelled[row, place] else NOTHING,
                    class_id if self.found[row, place] else NOTHING,
                    float(self.matches.scores[row, place]),
                )
            )
        return cases


def _how_wrong(case: TagCase) -> float:
    return 1 - case.score if case.missed else case.score


def _area(curve: Curve) -> float:
    """Each step of recall times the precision that it is reached at."""
    if not curve.labelled:
        return float("nan")
    return float(np.sum(np.diff(curve.recall, prepend=0.0) * curve.precision))
