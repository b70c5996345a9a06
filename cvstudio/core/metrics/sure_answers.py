"""How sure each answer of a split is and whether it is right, of objects and of pixels: what a
reliability diagram is made of, and what a correction is fitted on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.metrics.objects import ObjectMatches
from cvstudio.core.metrics.pixels import IGNORED, ClassMap
from cvstudio.core.metrics.resampling import Floats
from cvstudio.core.pixel_sample import PixelSample

SURE_ENOUGH = 0.05
"""Objects below this score of the network itself are left out: nobody is shown them."""


@dataclass(frozen=True, eq=False, slots=True)
class SureAnswers:
    """Answers (n,) with how sure the network is of each, whether it is right, and the place of its
    image among those judged."""

    sureness: Floats
    right: NDArray[np.bool_]
    image: NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class PixelAnswers:
    """Pixels (n,) with the chance of each output (n, outputs), background first, the place of the
    class that is labelled, and the place of their image."""

    chances: Floats
    labelled: NDArray[np.int64]
    image: NDArray[np.int64]

    @property
    def sureness(self) -> Floats:
        """The chance of the likeliest class."""
        found: Floats = self.chances.max(axis=1, initial=0.0)
        return found

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the likeliest class is the one that is labelled."""
        found: NDArray[np.bool_] = self.chances.argmax(axis=1) == self.labelled
        return found


def object_answers(matches: ObjectMatches, iou: float, sure_enough: float) -> SureAnswers:
    """The objects that a network reports from a score on; right is one that finds an annotation of
    its class at an overlap. What lies in a crowd is neither right nor wrong, and left out."""
    table, right = matches.overlaps, matches.right(iou)
    told = (table.found_score >= sure_enough) & ((right >= 0) | (table.found_in_crowd < iou))
    return SureAnswers(table.found_score[told], right[told] >= 0, table.found_image[told])


def pixel_answers(images: Iterable[tuple[ClassMap, PixelSample | None]]) -> PixelAnswers | None:
    """The pixels that were kept of each image beside its labelled map, but those that are not
    judged; None where an image has none, as in evaluations of older versions."""
    chances, labelled, place = [], [], []
    for number, (truth, sample) in enumerate(images):
        if sample is None:
            return None
        here = truth[sample.places].astype(np.int64)
        judged = here != IGNORED
        chances.append(sample.chances[judged])
        labelled.append(here[judged])
        place.append(np.full(int(judged.sum()), number))
    if not chances:
        return None
    return PixelAnswers(*(np.concatenate(each) for each in (chances, labelled, place)))
