"""Pixel classifier: a random forest learns scribbles and proposes a class for every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.opencv import cv2

MOST_PIXELS = 1_000_000
"""How large a view may be, so that a proposal takes about a second."""

MARGIN = 32
"""Pixels around a place that its features look at."""

_SCALES = (1.0, 2.0, 4.0, 8.0)
_TREES, _DEPTH = 24, 14
_MOST_SAMPLES = 4000  # of a class; more do not make the forest better, only slower
_BLOCK = 2  # pixels between those that are classified first

Features = NDArray[np.float32]
"""(h, w, n)"""


def features(rgb: NDArray[np.uint8]) -> Features:
    """What the forest knows of each pixel of (h, w, 3) uint8 RGB: (h, w, n) float32.

    The colour, and at each of four scales the smoothed colour, the gradient's magnitude, the
    Laplacian, and the eigenvalues of Hessian and structure tensor of the lightness.
    """
    colour = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), np.float32)
    light = np.ascontiguousarray(colour[:, :, 0])
    layers: list[NDArray[Any]] = [colour[:, :, c] for c in range(3)]
    for sigma in _SCALES:
        smooth = _blurred(colour, sigma)
        layers.extend(smooth[:, :, c] for c in range(3))
        layers.extend(_edges(_blurred(light, sigma), sigma))
    return np.asarray(np.stack(layers, axis=-1), np.float32)


def _blurred(array: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    side = 2 * int(np.ceil(3 * sigma)) + 1
    return np.asarray(cv2.GaussianBlur(array, (side, side), sigma), np.float32)


def _edges(light: NDArray[np.float32], sigma: float) -> list[NDArray[Any]]:
    """Gradient magnitude, Laplacian, eigenvalues of Hessian and structure tensor, at one scale."""
    gx, gy = cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1)
    xx, yy = cv2.Sobel(light, cv2.CV_32F, 2, 0), cv2.Sobel(light, cv2.CV_32F, 0, 2)
    xy = cv2.Sobel(light, cv2.CV_32F, 1, 1)
    structure = [_blurred(a, sigma) for a in (gx * gx, gx * gy, gy * gy)]
    return [
        cv2.magnitude(gx, gy),
        xx + yy,
        *_eigenvalues(xx, xy, yy),
        *(np.sqrt(np.maximum(v, 0)) for v in _eigenvalues(*structure)),
    ]


def _eigenvalues(a: Any, b: Any, c: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Of the symmetric matrices [[a, b], [b, c]], the larger first."""
    half, far = (a + c) / 2, cv2.magnitude((a - c) / 2, b)
    return half + far, half - far


@dataclass(frozen=True)
class PixelClassifier:
    """A trained forest. `classes` are the numbers of the classes in the order of its columns."""

    forest: Any
    classes: tuple[int, ...]

    def predict(self, found: Features) -> NDArray[np.int32]:
        """The number of the likeliest class of each pixel, (h, w).

        Every second pixel of every second row is classified first; those between are only where
        their neighbours do not agree.
        """
        height, width = found.shape[:2]
        coarse = found[::_BLOCK, ::_BLOCK]
        first = self._classify(coarse.reshape(-1, found.shape[2])).reshape(coarse.shape[:2])
        result = np.repeat(np.repeat(first, _BLOCK, axis=0), _BLOCK, axis=1)[:height, :width]
        square = np.ones((3, 3), np.uint8)
        unlike = cv2.dilate(first, square) != cv2.erode(first, square)
        again = np.repeat(np.repeat(unlike, _BLOCK, axis=0), _BLOCK, axis=1)[:height, :width]
        result = np.ascontiguousarray(result)
        if again.any():
            result[again] = self._classify(found[again])
        return np.asarray(np.array(self.classes, np.int32)[result], np.int32)

    def _classify(self, rows: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The column of the likeliest class of each row."""
        return np.asarray(np.argmax(self.forest.predict_proba(rows), axis=1), np.uint8)


def train(samples: dict[int, NDArray[np.float32]]) -> PixelClassifier:
    """Learn from pixels of known class: by the class's number, their features as (n, features).

    The same samples give the same forest. Raises ValueError for fewer than two classes.
    """
    from sklearn.ensemble import RandomForestClassifier  # slow to import: only where it is used

    known = {number: rows for number, rows in samples.items() if len(rows)}
    if len(known) < 2:
        raise ValueError("a pixel classifier needs samples of two classes")
    chosen = {number: thinned(rows) for number, rows in known.items()}
    rows = np.concatenate(list(chosen.values()))
    numbers = np.concatenate([np.full(len(r), number) for number, r in chosen.items()])
    forest = RandomForestClassifier(
        n_estimators=_TREES, max_depth=_DEPTH, min_samples_leaf=2, class_weight="balanced",
        random_state=0, n_jobs=2,
    )  # fmt: skip
    forest.fit(rows, numbers)
    return PixelClassifier(forest, tuple(int(n) for n in forest.classes_))


def prepare() -> None:
    """Import what training needs and train once on nothing much, so that the first proposal waits
    neither for the import nor for the threads."""
    few = np.eye(4, dtype=np.float32)
    train({0: few[:2], 1: few[2:]}).predict(few.reshape(2, 2, 4))


def thinned(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """As many of the rows as training uses, the same ones each time."""
    if len(rows) <= _MOST_SAMPLES:
        return rows
    chosen = np.random.default_rng(0).choice(len(rows), _MOST_SAMPLES, replace=False)
    return np.asarray(rows[np.sort(chosen)], np.float32)
