"""Microscopy-like images with exact ground truth, painted from a seed: the sample's data.

Each image has a textured, unevenly lit ground, cells of three kinds that differ in structure rather
than in colour, touching neighbours, debris that no label marks, blur and noise. An untrained
network fails on it, a small one learns it in minutes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.opencv import cv2

Image = NDArray[np.uint8]
Layer = NDArray[np.float32]

KINDS: tuple[str, ...] = ("round cell", "budding cell", "rod")
"""What lies on the images of detect, segment and instance."""

TISSUES: tuple[str, ...] = ("sparse", "clustered", "fibrous")
"""What the images of classify show."""


@dataclass(frozen=True)
class PaintedObject:
    """One object: its kind (an index into KINDS) and its pixels on the whole image, (h, w) 0/1.

    `points` (n, 2) are the middle of its body and, of a budding cell, that of its bud.
    """

    kind: int
    mask: NDArray[np.uint8]
    points: NDArray[np.float64]


@dataclass(frozen=True)
class Painting:
    """An image (h, w, 3) RGB and its truth; visible pixels of objects never overlap."""

    rgb: Image
    objects: tuple[PaintedObject, ...]
    tissue: int | None = None


def paint_cells(
    seed: int, *, width: int = 256, height: int = 192, count: int | None = None
) -> Painting:
    """A field of view with cells of three kinds, some touching, and debris.

    `count` cells are tried, 4 to 9 when it is None; those that find no room are left out.
    """
    rng = np.random.default_rng([seed, 1])
    canvas, tint = _ground(rng, height, width)
    for _ in range(int(rng.integers(3, 8))):
        _debris(rng, canvas)
    owner = np.zeros((height, width), np.int32)
    shapes: list[_Shape] = []
    tries = int(rng.integers(4, 10)) if count is None else count
    for _ in range(tries):
        kind = int(rng.choice(3, p=[0.5, 0.25, 0.25]))
        shape = _place(rng, kind, owner)
        if shape is None:
            continue
        shapes.append(shape)
        owner[shape.body > 0] = len(shapes)
        _draw(rng, canvas, shape, tint)
    objects = []
    for number, shape in enumerate(shapes, start=1):
        mask = (owner == number).astype(np.uint8)
        # A later cell may cover an earlier one; slivers of it are not worth a label.
        if mask.sum() >= 60:
            objects.append(PaintedObject(shape.kind, mask, shape.points))
    return Painting(_photograph(rng, canvas), tuple(objects))


def paint_tissue(seed: int, tissue: int, *, side: int = 96) -> Painting:
    """A patch that shows one of TISSUES; light, stain and density overlap between them."""
    rng = np.random.default_rng([seed, 2, tissue])
    canvas, tint = _ground(rng, side, side)
    count = int(rng.integers(7, 12))
    centres = _centres(rng, tissue, count, side)
    owner = np.zeros((side, side), np.int32)
    for x, y in centres:
        kind = 2 if tissue == 2 else 0
        size = rng.uniform(5, 8)
        angle = rng.normal(0.6, 0.25) if tissue == 2 else rng.uniform(0, np.pi)
        shape = _shape(rng, kind, float(x), float(y), size, angle, side, side)
        owner[shape.body > 0] = 1
        _draw(rng, canvas, shape, tint)
    for _ in range(int(rng.integers(1, 4))):
        _debris(rng, canvas)
    return Painting(_photograph(rng, canvas), (), tissue)


def _centres(rng: np.random.Generator, tissue: int, count: int, side: int) -> NDArray[np.float64]:
    if tissue == 1:
        middle = rng.uniform(0.3, 0.7, 2) * side
        return np.clip(rng.normal(middle, side * 0.11, (count, 2)), 4, side - 4)
    points: list[NDArray[np.float64]] = []
    for _ in range(60):
        point = rng.uniform(6, side - 6, 2)
        if all(np.hypot(*(point - other)) > side * 0.2 for other in points):
            points.append(point)
        if len(points) == count:
            break
    return np.array(points)


@dataclass(frozen=True)
class _Shape:
    """A cell before it is drawn: its body, its inner structure and its size."""

    kind: int
    body: NDArray[np.uint8]
    inner: NDArray[np.uint8]
    size: float
    points: NDArray[np.float64]


def _place(rng: np.random.Generator, kind: int, owner: NDArray[np.int32]) -> _Shape | None:
    """A shape that may touch others but covers at most a seventh of what is there; or None."""
    height, width = owner.shape
    for _ in range(12):
        size = float(rng.uniform(13, 23)) * (0.8 if kind == 2 else 1.0)
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        shape = _shape(rng, kind, x, y, size, rng.uniform(0, np.pi), height, width)
        area = int(shape.body.sum())
        if area > 120 and (owner[shape.body > 0] > 0).sum() < area / 7:
            return shape
    return None


def _shape(
    rng: np.random.Generator,
    kind: int,
    x: float,
    y: float,
    size: float,
    angle: float,
    height: int,
    width: int,
) -> _Shape:
    body = np.zeros((height, width), np.uint8)
    inner = np.zeros((height, width), np.uint8)
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    centre = np.array([x, y])
    points = [centre]
    if kind == 2:
        _blob(rng, body, centre, along, across, size * 1.7, size * 0.5, 0.06)
        for place in (-0.9, 0.0, 0.9):
            spot = centre + along * size * place
            _blob(rng, inner, spot, along, across, size * 0.2, size * 0.2, 0.0)
    else:
        _blob(rng, body, centre, along, across, size, size * rng.uniform(0.8, 1.0), 0.09)
        nucleus = centre + rng.uniform(-0.2, 0.2, 2) * size
        _blob(rng, inner, nucleus, along, across, size * 0.42, size * 0.36, 0.12)
        if kind == 1:
            bud = centre + along * size * 1.15
            points.append(bud)
            _blob(rng, body, bud, along, across, size * 0.55, size * 0.5, 0.06)
            _blob(rng, inner, bud, along, across, size * 0.2, size * 0.2, 0.0)
    return _Shape(kind, body, inner & body, size, np.array(points))


def _blob(
    rng: np.random.Generator,
    layer: NDArray[np.uint8],
    centre: NDArray[np.float64],
    along: NDArray[np.float64],
    across: NDArray[np.float64],
    a: float,
    b: float,
    wobble: float,
) -> None:
    """Fill an ellipse with half axes a and b whose outline wavers by a share of them."""
    t = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    radius = 1 + sum(
        rng.normal(0, wobble / k) * np.cos(k * t + rng.uniform(0, 2 * np.pi)) for k in (2, 3, 4)
    )
    points = centre + (radius * a * np.cos(t))[:, None] * along
    points = points + (radius * b * np.sin(t))[:, None] * across
    # A sixteenth of a pixel, as OpenCV's fixed point counts it.
    cv2.fillPoly(layer, [np.round(points * 16).astype(np.int32)], 1, shift=4)


def _ground(rng: np.random.Generator, height: int, width: int) -> tuple[Layer, NDArray[np.float64]]:
    """The empty slide, and the stain with which cells are drawn on it."""
    colour = np.array([0.80, 0.76, 0.78]) + rng.normal(0, 0.04, 3)
    canvas = np.ones((height, width, 3), np.float32) * colour.astype(np.float32)
    for scale, strength in ((60, 0.05), (14, 0.035), (4, 0.02)):
        canvas += strength * _clouds(rng, height, width, scale)[..., None]
    tint = np.array([0.35, 0.50, 0.22]) + rng.normal(0, 0.06, 3)
    return canvas, tint


def _clouds(rng: np.random.Generator, height: int, width: int, scale: int) -> Layer:
    """Smooth noise of mean 0 and deviation about 1."""
    small = rng.normal(0, 1, (height // scale + 3, width // scale + 3)).astype(np.float32)
    smooth = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth, np.float32)


def _draw(
    rng: np.random.Generator, canvas: Layer, shape: _Shape, tint: NDArray[np.float64]
) -> None:
    height, width = shape.body.shape
    body = cv2.GaussianBlur(shape.body.astype(np.float32), (0, 0), 0.8)
    inner = cv2.GaussianBlur(shape.inner.astype(np.float32), (0, 0), 0.9)
    inside = cv2.distanceTransform(shape.body, cv2.DIST_L2, 3)
    rim = np.exp(-((inside / (0.14 * shape.size)) ** 2)).astype(np.float32) * shape.body
    grain = 1 + 0.35 * _clouds(rng, height, width, 5)
    depth = float(rng.uniform(0.35, 0.75))
    absorbed = depth * (0.45 * body * grain + 0.35 * rim + 1.0 * inner)
    canvas *= np.exp(-absorbed[..., None] * tint.astype(np.float32) * 1.6)


def _debris(rng: np.random.Generator, canvas: Layer) -> None:
    """Something that is not a cell: a speck, a hair or the ghost of a bubble."""
    height, width = canvas.shape[:2]
    layer = np.zeros((height, width), np.float32)
    x, y = int(rng.uniform(0, width)), int(rng.uniform(0, height))
    what = rng.integers(3)
    if what == 0:
        cv2.circle(layer, (x, y), int(rng.integers(2, 5)), 1.0, -1)
    elif what == 1:
        turn = rng.uniform(0, np.pi) + np.cumsum(rng.normal(0, 0.25, 12))
        steps = np.cumsum(np.stack([np.cos(turn), np.sin(turn)], axis=1) * 5, axis=0)
        cv2.polylines(
            layer, [(steps + np.array([x, y])).astype(np.int32)], False, 0.7, 1, cv2.LINE_AA
        )
    else:
        cv2.circle(layer, (x, y), int(rng.integers(8, 18)), 0.5, 2, cv2.LINE_AA)
    layer = np.asarray(cv2.GaussianBlur(layer, (0, 0), 1.2), np.float32)
    canvas *= 1 - 0.45 * layer[..., None]


def _photograph(rng: np.random.Generator, canvas: Layer) -> Image:
    """What the camera makes of the slide: a lamp off centre, some blur, grain of photons."""
    height, width = canvas.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    cx, cy = rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.8) * height
    distance = ((columns - cx) ** 2 + (rows - cy) ** 2) / (0.5 * (width**2 + height**2))
    lamp = 1 - float(rng.uniform(0.15, 0.45)) * distance
    image = canvas * lamp[..., None] * float(rng.uniform(0.85, 1.08))
    image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.1)))
    image = image + rng.normal(0, 0.022, image.shape) * np.sqrt(np.clip(image, 0.02, 1))
    return np.asarray(np.clip(image * 255, 0, 255), np.uint8)
