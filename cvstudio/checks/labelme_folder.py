"""A folder of JPEG files with a labelme file beside each: what the peers open in a benchmark."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.geometry import Box
from cvstudio.core.opencv import cv2

_VERSION = "5.0.1"
_PICTURES = 4


def boxes(width: int, height: int, count: int) -> Iterator[Box]:
    """Boxes at random places, the same ones each time."""
    generator = np.random.default_rng(1)
    for _ in range(count):
        x, y = generator.uniform(0, width - 200), generator.uniform(0, height - 200)
        yield Box(x, y, 180, 150)


def box_shape(box: Box) -> dict[str, Any]:
    """A box as four corners: labelme and X-AnyLabeling both read those without a remark."""
    right, bottom = box.x + box.w, box.y + box.h
    corners = [[box.x, box.y], [right, box.y], [right, bottom], [box.x, bottom]]
    return polygon_shape(np.array(corners))


def polygon_shape(ring: NDArray[np.float64]) -> dict[str, Any]:
    """A ring of (n, 2) points in pixels."""
    return _shape("polygon", np.round(ring, 2).tolist())


def mask_shape(patch: NDArray[np.uint8], left: int, top: int) -> dict[str, Any]:
    """A mask of zeros and ones, by its corner."""
    height, width = patch.shape
    image = base64.b64encode(cv2.imencode(".png", patch * 255)[1].tobytes()).decode()
    corners = [[left, top], [left + width - 1, top + height - 1]]
    return {**_shape("mask", corners), "mask": image}


def _shape(kind: str, points: list[list[float]]) -> dict[str, Any]:
    return {
        "label": "cell", "points": points, "group_id": None, "description": "",
        "shape_type": kind, "flags": {}, "mask": None,
    }  # fmt: skip


def make(
    folder: Path,
    *,
    images: int,
    width: int,
    height: int,
    shapes: Callable[[int], list[dict[str, Any]]],
) -> list[Path]:
    """The image files, in order; they share a few pictures by hard links where the disk can."""
    folder.mkdir(parents=True, exist_ok=True)
    hidden = folder.with_name(folder.name + "-pictures")
    hidden.mkdir()
    pictures = _pictures(hidden, width, height)
    paths = []
    for number in range(images):
        path = folder / f"image_{number:06}.jpg"
        picture = pictures[number % len(pictures)]
        try:
            os.link(picture, path)
        except OSError:
            shutil.copyfile(picture, path)
        content: dict[str, Any] = {
            "version": _VERSION, "flags": {}, "shapes": shapes(number), "imagePath": path.name,
            "imageData": None, "imageHeight": height, "imageWidth": width,
        }  # fmt: skip
        path.with_suffix(".json").write_text(json.dumps(content))
        paths.append(path)
    return paths


def _pictures(folder: Path, width: int, height: int) -> list[Path]:
    generator = np.random.default_rng(0)
    paths = []
    for number in range(_PICTURES):
        coarse = generator.integers(0, 255, (height // 16, width // 16, 3), np.uint8)
        picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        path = folder / f"picture_{number}.jpg"
        cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
        paths.append(path)
    return paths
