"""How long the pixel classifier takes from the second scribble to a proposal for a megapixel.

The same forest of scikit-learn, fitted on the same arrays and asked for every pixel, is measured in
turns beside it: the classifier asks only every fourth pixel where neighbours agree. With warm
features means: the tool has been in hand, which computes them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.checks.figures import Figure
from cvstudio.core.opencv import cv2
from cvstudio.imaging.regions import pixel_classifier

_PROPOSAL = 1.0  # seconds
_TREES, _DEPTH = 24, 14  # of the peer: those of the classifier


def pixels(*, quick: bool = False) -> list[Figure]:
    """Seconds for one proposal, as the median of several; `quick` takes a small picture."""
    side, turns = (250, 1) if quick else (1000, 5)
    picture, truth = _picture(side)
    pixel_classifier.prepare()
    looked = _timed(lambda: pixel_classifier.features(picture), turns)
    found = pixel_classifier.features(picture)
    samples = _scribbles(found, truth)
    own: list[float] = []
    bare: list[float] = []
    for _turn in range(turns):
        own += _timed(lambda: pixel_classifier.train(samples).predict(found), 1)
        bare += _timed(lambda: _bare(samples, found), 1)
    answer = pixel_classifier.train(samples).predict(found)
    right = float((answer == truth).mean())
    size = f"{side}² pixels"
    return [
        Figure(f"first proposal, features warm, {size}", statistics.median(own), "s",
               limit=_PROPOSAL, detail=f"slowest {max(own):.2f} s; {right:.0%} of pixels right"),
        Figure(f"the same with cold features, {size}",
               statistics.median(own) + statistics.median(looked), "s"),
        Figure(f"scikit-learn bare on the same arrays, {size}", statistics.median(bare), "s"),
        Figure("proposal, against scikit-learn bare",
               statistics.median(a / b for a, b in zip(own, bare, strict=True)), "x", limit=1.0),
    ]  # fmt: skip


def _picture(side: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Round spots on a ground of other colour, both with noise, and which pixels are spots."""
    noise = np.random.default_rng(0)
    truth = np.zeros((side, side), np.uint8)
    for x, y, radius in noise.integers((0, 0, 10), (side, side, 40), (side // 8, 3)).tolist():
        cv2.circle(truth, (x, y), radius, 1, cv2.FILLED)
    ground = np.where(truth[:, :, None] > 0, (150, 90, 110), (200, 180, 190))
    noisy = ground + noise.normal(0, 18, (side, side, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8), truth.astype(np.int32)


def _scribbles(
    found: pixel_classifier.Features, truth: NDArray[np.int32]
) -> dict[int, NDArray[np.float32]]:
    """The features of two thousand pixels of each kind, as some strokes hold them."""
    rows, kinds = found.reshape(-1, found.shape[2]), truth.reshape(-1)
    noise = np.random.default_rng(1)
    return {
        kind: rows[noise.choice(np.flatnonzero(kinds == kind), 2000, replace=False)]
        for kind in (0, 1)
    }


def _bare(samples: dict[int, NDArray[np.float32]], found: pixel_classifier.Features) -> Any:
    from sklearn.ensemble import RandomForestClassifier  # slow to import: only where it is used

    rows = np.concatenate(list(samples.values()))
    numbers = np.concatenate([np.full(len(r), number) for number, r in samples.items()])
    forest = RandomForestClassifier(
        n_estimators=_TREES, max_depth=_DEPTH, min_samples_leaf=2, class_weight="balanced",
        random_state=0, n_jobs=2,
    )  # fmt: skip
    forest.fit(rows, numbers)
    return forest.predict(found.reshape(-1, found.shape[2]))


def _timed(do: Callable[[], object], turns: int) -> list[float]:
    times = []
    for _turn in range(turns):
        begun = time.perf_counter()
        do()
        times.append(time.perf_counter() - begun)
    return times
