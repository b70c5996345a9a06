"""Suspects among the classes of whole images, by confident learning.

After C. Northcutt, L. Jiang, I. Chuang: Confident Learning: Estimating Uncertainty in Dataset
Labels, Journal of Artificial Intelligence Research 70 (2021). The joint of given and true classes
is counted with calibrated probabilities in place of their thresholds, and a label's doubt is what
Bayes' rule makes of the answer and of that joint: where a whole class was taken for another, each
of its labels is the more doubtful for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.metrics.calibration import fit_temperature
from cvstudio.core.metrics.classes import ClassifiedImage
from cvstudio.core.metrics.several import SeveralMatches
from cvstudio.core.metrics.trust import believable
from cvstudio.core.sureness import at_temperature
from cvstudio.core.suspects.agreement import Agreement
from cvstudio.core.suspects.values import LEAST, NOTHING, UNPROVEN, Doubt, Fault

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_HALF = 0.5
"""Images that are added to every cell of the joint: none of a few is not never."""


@dataclass(frozen=True, eq=False)
class ConfidentJoint:
    """Given classes against those that a network, which did not see these labels, finds likely."""

    class_ids: tuple[int, ...]
    image_ids: tuple[int, ...]
    labelled: Ints
    """(n,) places in class_ids."""
    scores: Floats
    """(n, k) probabilities, of answers that were not trained on these images."""

    @classmethod
    def of(cls, images: Sequence[ClassifiedImage], *, class_ids: Sequence[int]) -> ConfidentJoint:
        """The joint of some images. Labels outside class_ids are added behind them."""
        ids = tuple(dict.fromkeys([*class_ids, *(i.labelled for i in images)]))
        places = {class_id: place for place, class_id in enumerate(ids)}
        scores = np.array([[i.scores.get(c, 0.0) for c in ids] for i in images], np.float64)
        return cls(
            ids,
            tuple(i.image_id for i in images),
            np.array([places[i.labelled] for i in images], np.int64),
            scores.reshape(len(images), len(ids)),
        )

    @cached_property
    def chances(self) -> Floats:
        """The probabilities (n, k) at the temperature that suits the labels best."""
        if not len(self.labelled):
            return self.scores
        return at_temperature(self.scores, fit_temperature(self.scores, self.labelled))

    @cached_property
    def joint(self) -> Floats:
        """(k, k): how many images are estimated to be labelled as the row and to be the column."""
        size = len(self.class_ids)
        rows = np.zeros((size, size))
        np.add.at(rows, self.labelled, self.chances)
        return rows

    @cached_property
    def posterior(self) -> Floats:
        """(n, k): the chance of each class, of the image and its label together."""
        counts = self.joint + _HALF
        given = counts / counts.sum(axis=0)
        weighed = self.chances * given[self.labelled]
        found: Floats = weighed / weighed.sum(axis=1, keepdims=True)
        return found

    @cached_property
    def predicted(self) -> Ints:
        """(n,): the likeliest class of each image, by the network alone."""
        found: Ints = self.scores.argmax(axis=1).astype(np.int64)
        return found

    @cached_property
    def believed(self) -> NDArray[np.bool_]:
        """(k,): the classes of which the network knows enough to speak against a label."""
        usual = self.usual
        found = np.zeros(len(self.class_ids), bool)
        for place in range(len(self.class_ids)):
            said = self.predicted == place
            right = said & (self.labelled == place)
            sure = said & (self.scores[:, place] >= usual[place])
            found[place] = believable(
                right=int(right.sum()),
                sure=int(sure.sum()),
                sure_and_right=int((sure & right).sum()),
            )
        return found

    def unproven(self) -> list[int]:
        """The labelled classes of which the network knows too little to doubt a label."""
        there = np.isin(np.arange(len(self.class_ids)), self.labelled)
        return [self.class_ids[place] for place in np.flatnonzero(there & ~self.believed).tolist()]

    @cached_property
    def usual(self) -> Floats:
        """(k,): how sure the network is, on average, of a class on images that are labelled so;
        infinite for a class that no image has."""
        own = self.scores[np.arange(len(self.labelled)), self.labelled]
        sums = np.bincount(self.labelled, weights=own, minlength=len(self.class_ids))
        many = np.bincount(self.labelled, minlength=len(self.class_ids))
        found: Floats = np.divide(sums, many, out=np.full(len(many), np.inf), where=many > 0)
        return found

    def doubts(self) -> list[Doubt]:
        """Images that are likelier of another class, the most doubtful first.

        The doubt is the chance that the label is wrong; half of it where too little is known of the
        class in its place (trust.py).
        """
        if not len(self.labelled):
            return []
        rows = np.arange(len(self.labelled))
        doubt = 1 - self.posterior[rows, self.labelled]
        rest = self.posterior.copy()
        rest[rows, self.labelled] = -1.0
        other = rest.argmax(axis=1)
        doubt = np.where(self.believed[other], doubt, doubt * UNPROVEN)
        own, score = self.scores[rows, self.labelled], self.scores[rows, other]
        chosen = np.flatnonzero((score > own) & (doubt >= LEAST))
        order = np.lexsort((own[chosen], -doubt[chosen]))
        return [
            Doubt(
                Fault.WRONG_CLASS, self.image_ids[row], None,
                self.class_ids[self.labelled[row]], self.class_ids[other[row]],
                float(doubt[row]), score=float(score[row]), label_score=float(own[row]),
                alike=int(self._alike[self.labelled[row], other[row]]),
                believed=bool(self.believed[other[row]]),
            )
            for row in chosen[order].tolist()
        ]  # fmt: skip

    @cached_property
    def _alike(self) -> Ints:
        """(k, k): images by given and by likeliest class."""
        size = len(self.class_ids)
        cells = self.labelled * size + self.predicted
        return np.bincount(cells, minlength=size * size).reshape(size, size).astype(np.int64)


@dataclass(frozen=True, eq=False)
class SeveralDoubts:
    """Doubts where images may have several classes: each is overlooked or not there by itself."""

    matches: SeveralMatches

    @cached_property
    def _has(self) -> list[Agreement]:
        """By class, how often images with such a score of it have it."""
        m = self.matches
        places = range(len(m.class_ids))
        return [Agreement.of(m.scores[:, place], m.labelled[:, place]) for place in places]

    def unproven(self) -> list[int]:
        """The labelled classes of which the network knows too little to doubt a label."""
        m = self.matches
        return [
            class_id
            for place, class_id in enumerate(m.class_ids)
            if m.labelled[:, place].any() and self._has[place].shares.max(initial=0.0) < 0.5
        ]

    def doubts(self) -> list[Doubt]:
        """All of them, the most doubtful first.

        A class that an image lacks is as doubtful as the share of images with such a score that
        have it; one that it has, as the share that lack it (confident learning for a yes or no).
        """
        m = self.matches
        found: list[Doubt] = []
        for place, class_id in enumerate(m.class_ids):
            scores, labelled = m.scores[:, place], m.labelled[:, place]
            has = self._has[place].at(scores)
            lacks = Agreement.of(-scores, ~labelled).at(-scores)
            for row in np.flatnonzero(np.where(labelled, lacks, has) >= LEAST).tolist():
                doubt = float(lacks[row] if labelled[row] else has[row])
                found.append(
                    Doubt(
                        Fault.NOT_THERE if labelled[row] else Fault.OVERLOOKED,
                        m.image_ids[row], None,
                        class_id if labelled[row] else NOTHING,
                        NOTHING if labelled[row] else class_id,
                        doubt, score=float(scores[row]), as_sure=doubt,
                    )
                )  # fmt: skip
        return sorted(found, key=lambda doubt: (-doubt.doubt, doubt.image_id))
