"""Classification: one confusion of counts, and the figures that accuracy alone would hide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.metrics.figures import ClassFigures, class_figures, mean_of_known, ratio


@dataclass(frozen=True)
class ClassifiedImage:
    """One image with its label and a probability for each class id."""

    image_id: int
    labelled: int
    scores: dict[int, float]

    @cached_property
    def predicted(self) -> int:
        """The most likely class."""
        return max(self.scores, key=self.scores.__getitem__)

    @property
    def score(self) -> float:
        """The probability of the most likely class."""
        return self.scores[self.predicted]

    @property
    def label_score(self) -> float:
        """The probability that the network gives to the label."""
        return self.scores.get(self.labelled, 0.0)


@dataclass(frozen=True, eq=False)
class ClassificationReport:
    """All figures of a classification. A class that occurs neither as label nor as prediction has
    no figures (not-a-number) and does not enter any mean."""

    class_ids: tuple[int, ...]
    confusion: NDArray[np.int64]
    """(k, k): rows labelled, columns predicted."""
    images: tuple[ClassifiedImage, ...]

    @property
    def accuracy(self) -> float:
        """The share of images that are right."""
        return ratio(np.trace(self.confusion), self.confusion.sum())

    @property
    def balanced_accuracy(self) -> float:
        """The mean recall of the classes that are labelled."""
        return mean_of_known([row.recall for row in self.per_class()])

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the classes that occur."""
        return mean_of_known([row.f1 for row in self.per_class()])

    def per_class(self) -> list[ClassFigures]:
        """Each class's figures, in the order of class_ids."""
        return class_figures(self.confusion, self.class_ids)

    def cell(self, labelled: int, predicted: int) -> list[ClassifiedImage]:
        """The images behind one cell of the confusion, the surest first."""
        chosen = [i for i in self.images if i.labelled == labelled and i.predicted == predicted]
        return sorted(chosen, key=lambda image: -image.score)

    def wrong(self) -> list[ClassifiedImage]:
        """All images that are wrong, those first whose label the network finds least likely."""
        chosen = [image for image in self.images if image.predicted != image.labelled]
        return sorted(chosen, key=lambda image: image.label_score)


def classification_report(
    images: Iterable[ClassifiedImage], *, class_ids: Sequence[int]
) -> ClassificationReport:
    """The figures of a split. Labels outside class_ids are added behind them."""
    images = tuple(images)
    places = {class_id: place for place, class_id in enumerate(class_ids)}
    for image in images:
        places.setdefault(image.labelled, len(places))
    size = len(places)
    cells = np.array(
        [places[i.labelled] * size + places[i.predicted] for i in images], dtype=np.int64
    )
    confusion = np.bincount(cells, minlength=size * size).reshape(size, size).astype(np.int64)
    return ClassificationReport(tuple(places), confusion, images)
