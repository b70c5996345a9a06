"""What a person chooses for a run after it was judged on val: scores of classes, a correction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Split, Task
from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.metrics.calibration import (
    Reliability,
    fit_platt,
    fit_temperature,
    reliability,
)
from cvstudio.core.metrics.choosing import Choice, choose
from cvstudio.core.metrics.resampling import draw, with_whole
from cvstudio.core.metrics.sure_answers import SURE_ENOUGH, object_answers
from cvstudio.core.sureness import Correction, at_temperature
from cvstudio.core.thresholds import (
    Aim,
    forget_scores,
    keep_correction,
    keep_scores,
    thresholds_of,
)
from cvstudio.project import analysis
from cvstudio.project.image_analysis import ImageAnalysis
from cvstudio.project.object_analysis import ObjectAnalysis
from cvstudio.project.pixel_analysis import PixelAnalysis
from cvstudio.project.verdict import Analysis

OVERLAP = 0.5
"""The overlap from which an object is right when the score of its class is chosen, and when it is
asked whether it is as often right as sure."""
_MOST_PIXELS = 200_000
"""On which a temperature is fitted."""


def why_no_scores(judged: Analysis) -> str:
    """Why the classes of a run cannot have scores of their own; "" where they can."""
    if judged.has_scores:
        return ""
    if judged.snapshot.task is Task.SEGMENT:
        return "A network that segments gives each pixel its likeliest class: no score is chosen."
    return "An image of one class gets the likeliest one: no score is chosen."


def choices(run: JobDir, aim: Aim, wanted: float | None = None) -> list[Choice]:
    """For each class the score that would be chosen on val. Raises RunError where there is none."""
    judged = analysis.load(run, Split.VAL)
    if reason := why_no_scores(judged):
        raise RunError(reason)
    curves = judged.curves(OVERLAP)
    return [choose(curves[c.id], aim, wanted) for c in judged.classes]


def take(run: JobDir, chosen: Sequence[Choice], aim: Aim, wanted: float | None = None) -> None:
    """Keep the scores with the run; classes without one count from the common score."""
    if all(each.score is None for each in chosen):
        raise RunError("No class has such a score.", hint=chosen[0].why_not if chosen else "")
    keep_scores(run.path, {c.class_id: c.score for c in chosen}, aim=aim, wanted=wanted)


def forget(run: JobDir) -> None:
    """All classes count from the common score again, or from the report's where it has such."""
    forget_scores(run.path)


@dataclass(frozen=True, eq=False, slots=True)
class Calibration:
    """How sure a network is and how often right on val, as it is and with the correction that fits
    val best; `taken` is the one that the run is read with, None for none."""

    fitted: Correction
    before: Reliability
    after: Reliability
    taken: Correction | None
    images: int


def why_no_calibration(judged: Analysis) -> str:
    """Why nothing corrects the sureness of a run; "" where something may."""
    if isinstance(judged, ImageAnalysis | ObjectAnalysis | PixelAnalysis):
        return ""
    return "Where an image may have several classes, no temperature is fitted."


def calibration(run: JobDir, known: Analysis | None = None) -> Calibration | None:
    """Fit on val what corrects the sureness: a temperature for classes of images and of pixels,
    Platt scaling for objects; None when there is nothing to fit it on. Raises RunError where images
    may have several classes. `known`: an analysis of the run that is loaded already, which is taken
    where it is of val and not corrected."""
    bare = known is not None and known.split is Split.VAL and known.chosen.correction is None
    judged = known if bare and known else analysis.load(run, Split.VAL, corrected=False)
    if reason := why_no_calibration(judged):
        raise RunError(reason)
    found = _fitted(judged)
    if found is None:
        return None
    fitted, before, after, images = found
    return Calibration(fitted, before, after, thresholds_of(run.path).correction, images)


def why_nothing_fits(run: JobDir) -> str:
    """Why `calibration` found nothing on val, in words."""
    judged = analysis.load(run, Split.VAL, corrected=False)
    if isinstance(judged, PixelAnalysis) and judged.images:
        return "This evaluation keeps no pixels to fit on: judge val again."
    if isinstance(judged, ObjectAnalysis) and any(p.objects for p in judged.predictions.values()):
        return "Surer objects are not more often right on val: no scaling mends that."
    return "There is nothing labelled or found on val to fit on."


_Fitted = tuple[Correction, Reliability, Reliability, int]
_Sure = NDArray[np.float64]


def _fitted(judged: Analysis) -> _Fitted | None:
    match judged:
        case ImageAnalysis():
            return _of_images(judged)
        case PixelAnalysis():
            return _of_pixels(judged)
        case ObjectAnalysis():
            return _of_objects(judged)
    return None


def _of_images(judged: ImageAnalysis) -> _Fitted | None:
    images, ids = judged.judged.images, judged.judged.class_ids
    if not images:
        return None
    chances = np.array([[i.scores.get(c, 0.0) for c in ids] for i in images], np.float64)
    labelled = np.array([ids.index(i.labelled) for i in images], np.int64)
    right = np.array([i.predicted == i.labelled for i in images], bool)
    warmth = fit_temperature(chances, labelled)
    sure = chances.max(axis=1), at_temperature(chances, warmth).max(axis=1)
    return _held(Correction(warmth), sure, right, np.arange(len(images)), len(images))


def _of_pixels(judged: PixelAnalysis) -> _Fitted | None:
    found = judged.sure_answers
    if found is None or not len(found.labelled):
        return None
    step = -(-len(found.labelled) // _MOST_PIXELS)
    warmth = fit_temperature(found.chances[::step], found.labelled[::step])
    sure = found.sureness, at_temperature(found.chances, warmth).max(axis=1)
    images = len(judged.matches.image_ids)
    return _held(Correction(warmth), sure, found.right, found.image, images)


def _of_objects(judged: ObjectAnalysis) -> _Fitted | None:
    found = object_answers(judged.matches, OVERLAP, SURE_ENOUGH)
    platt = fit_platt(found.sureness, found.right)
    if platt is None:
        return None
    sure = found.sureness, np.array([platt.of(score) for score in found.sureness], np.float64)
    correction = Correction(platt=platt)
    return _held(correction, sure, found.right, found.image, len(judged.images))


def _held(
    correction: Correction, sure: tuple[_Sure, _Sure], right: NDArray[np.bool_],
    image: NDArray[np.int64], images: int,
) -> _Fitted:  # fmt: skip
    """The diagrams of both: as it is, and corrected."""
    drawn = with_whole(draw(images))
    before, after = (reliability(each, right, image, drawn) for each in sure)
    return correction, before, after, images


def take_correction(run: JobDir, correction: Correction | None) -> None:
    """Read the answers of the run so from now on; None: as they are."""
    keep_correction(run.path, correction)
