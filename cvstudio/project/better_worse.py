"""Which images one run answers better than another, and which worse, held to the same labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvstudio.core.annotation import Split
from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.project import analysis, certainty
from cvstudio.project.image_analysis import ImageAnalysis
from cvstudio.project.object_analysis import ObjectAnalysis
from cvstudio.project.pixel_analysis import PixelAnalysis
from cvstudio.project.several_analysis import SeveralAnalysis
from cvstudio.project.verdict import Analysis

SCORE, OVERLAP = 0.25, 0.5
"""From which score on objects count as found, and by how much they must overlap."""

LEAST = 0.01
"""Differences below it are no difference."""


@dataclass(frozen=True)
class ImageChange:
    """An image with its figure by the first and by the second run, 0 to 1."""

    image_id: int
    before: float
    after: float

    @property
    def gain(self) -> float:
        """How much better the second run is; negative where it is worse."""
        return self.after - self.before


@dataclass(frozen=True)
class Changes:
    """The images that two runs answer differently. `figure` says what an image's figure is."""

    figure: str
    images: int
    better: tuple[ImageChange, ...]
    """By the second run; the largest gain first."""
    worse: tuple[ImageChange, ...]
    """By the second run; the largest loss first."""


def compare(before: JobDir, after: JobDir, split: Split = Split.VAL) -> Changes:
    """The images of a split on which the second run is better or worse than the first.

    Both are held to the labels that the second one was judged by, on the images that both answered.
    Raises RunError in words when they cannot be compared.
    """
    first, second = analysis.load(before, split), analysis.load(after, split)
    if not {c.id for c in first.classes} <= {c.id for c in second.classes}:
        raise RunError("The runs know other classes: their images cannot be held to one truth.")
    both = [
        i for i in second.images
        if i in first.images and i in first.predictions and i in second.predictions
    ]  # fmt: skip
    if not both:
        raise RunError(f"The runs were judged on no {split} image in common.")
    old, new = (
        figures(certainty.only(second, both, first.predictions)),
        figures(certainty.only(second, both)),
    )
    changes = [ImageChange(i, old[i], new[i]) for i in both if i in old and i in new]
    return Changes(
        figure=_WORDS[type(second)],
        images=len(changes),
        better=tuple(
            sorted((c for c in changes if c.gain >= LEAST), key=lambda c: (-c.gain, c.image_id))
        ),
        worse=tuple(
            sorted((c for c in changes if c.gain <= -LEAST), key=lambda c: (c.gain, c.image_id))
        ),
    )


_WORDS: dict[type[Analysis], str] = {
    ImageAnalysis: "probability of the labelled class",
    ObjectAnalysis: f"F1 of the image at score {SCORE:g} and overlap {OVERLAP:g}",
    SeveralAnalysis: f"share of the classes that are right at score {SCORE:g}",
    PixelAnalysis: "mean IoU of the classes in the image",
}


def figures(analysed: Analysis) -> dict[int, float]:
    """A figure from 0 to 1 for each image that can have one."""
    match analysed:
        case ImageAnalysis():
            return {
                image.image_id: image.scores.get(image.labelled, 0.0)
                for image in analysed.judged.images
            }
        case SeveralAnalysis():
            report = analysed.matches.at(SCORE)
            right = (report.found == analysed.matches.labelled).mean(axis=1)
            return dict(zip(analysed.matches.image_ids, right.tolist(), strict=True))
        case PixelAnalysis():
            return dict(analysed.matches.worst())
        case ObjectAnalysis():
            counts = analysed.matches.at(score=SCORE, iou=OVERLAP).image_counts().astype(np.float64)
            whole = counts[:, 0] + counts[:, 1]
            f1 = np.divide(2 * counts[:, 2], whole, out=np.ones(len(counts)), where=whole > 0)
            return {i: float(v) for i, v in zip(analysed.images, f1, strict=True)}
    raise TypeError(type(analysed))
