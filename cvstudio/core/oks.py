"""How alike keypoints are: object keypoint similarity (OKS), as COCO measures it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.geometry import Box
from cvstudio.core.skeleton import COCO_PERSON, Skeleton

COCO_SIGMAS = dict(
    zip(
        COCO_PERSON.names,
        (0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107,
         0.107, 0.087, 0.087, 0.089, 0.089),
        strict=True,
    )
)  # fmt: skip
"""How far people who label a person's points differ, as a share of its size: eyes are exact, hips
are not."""
USUAL_SIGMA = 0.07
"""That of points of which nobody has measured it: about the mean of a person's."""
AREA_OF_BOX = 0.53
"""The share of its box that an object covers where nobody has outlined it, as others take it."""

Floats = NDArray[np.float64]


def sigmas_of(skeleton: Skeleton) -> Floats:
    """The tolerance of each point: COCO's for its 17 points of a person, one for all of others."""
    if set(skeleton.names) == set(COCO_SIGMAS):
        return np.array([COCO_SIGMAS[name] for name in skeleton.names])
    return np.full(len(skeleton.names), USUAL_SIGMA)


def oks(found: Floats, labelled: Floats, areas: Floats, sigmas: Floats) -> Floats:
    """Likeness from 0 to 1 of found points (n, k, 2) and labelled ones (m, k, 3): (n, m).

    Only points that are labelled count; `areas` (m,) are those of the labelled objects in square
    pixels. 0 where none is labelled.
    """
    apart = found[:, None] - labelled[None, :, :, :2]
    squares = (apart**2).sum(axis=-1)
    spread = (2 * sigmas) ** 2 * 2 * (areas[:, None] + np.spacing(1))
    counts = (labelled[..., 2] > 0).astype(np.float64)
    alike = np.exp(-squares / spread[None]) * counts[None]
    total = counts.sum(axis=1)
    result: Floats = alike.sum(axis=-1) / np.maximum(total, 1)[None]
    return np.where(total[None] > 0, result, 0.0)


def oks_in_box(found: Floats, box: Box, area: float, sigmas: Floats) -> Floats:
    """How far found points (n, k, 2) lie in or near an object whose points nobody has set: (n,).

    COCO's rule for such objects: within a box of three times the sides nothing is too far.
    """
    low = np.array([box.x - box.w, box.y - box.h])
    high = np.array([box.right + box.w, box.bottom + box.h])
    apart = np.maximum(low - found, 0) + np.maximum(found - high, 0)
    spread = (2 * sigmas) ** 2 * 2 * (area + np.spacing(1))
    result: Floats = np.exp(-(apart**2).sum(axis=-1) / spread).mean(axis=-1)
    return result
