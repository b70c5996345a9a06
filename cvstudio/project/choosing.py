"""What a person chooses for a run after it was judged on val: scores of classes, a temperature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cvstudio.core.annotation import Split, Task
from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.metrics.calibration import (
    Reliability,
    at_temperature,
    fit_temperature,
    reliability,
)
from cvstudio.core.metrics.choosing import Choice, choose
from cvstudio.core.metrics.resampling import draw, with_whole
from cvstudio.core.thresholds import (
    Aim,
    forget_scores,
    keep_scores,
    keep_temperature,
    thresholds_of,
)
from cvstudio.project import analysis
from cvstudio.project.image_analysis import ImageAnalysis
from cvstudio.project.verdict import Analysis

OVERLAP = 0.5
"""The overlap from which an object is right when its class's score is chosen."""


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
    """How sure a network is and how often right on val, as it is and at the temperature that fits
    val best; `taken` is the one that the run is read at, None for none."""

    temperature: float
    before: Reliability
    after: Reliability
    taken: float | None
    images: int


def calibration(run: JobDir) -> Calibration | None:
    """Fit a temperature on val; None when no image there has a class. Raises RunError where images
    do not have one class each."""
    judged = analysis.load(run, Split.VAL, at_own_temperature=False)
    if not isinstance(judged, ImageAnalysis):
        raise RunError("A temperature is fitted where each image has one class.")
    images, ids = judged.judged.images, judged.judged.class_ids
    if not images:
        return None
    chances = np.array([[i.scores.get(c, 0.0) for c in ids] for i in images], np.float64)
    labelled = np.array([ids.index(i.labelled) for i in images], np.int64)
    right = np.array([i.predicted == i.labelled for i in images], bool)
    temperature = fit_temperature(chances, labelled)
    places, drawn = np.arange(len(images)), with_whole(draw(len(images)))
    before, after = (
        reliability(each.max(axis=1), right, places, drawn)
        for each in (chances, at_temperature(chances, temperature))
    )
    return Calibration(temperature, before, after, thresholds_of(run.path).temperature, len(images))


def take_temperature(run: JobDir, temperature: float | None) -> None:
    """Read the answers of the run at this temperature from now on; None: as they are."""
    keep_temperature(run.path, temperature)
