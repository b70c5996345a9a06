"""What a network answered for a split: gzip'd JSON lines, one image a line, read by Analyze."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cvstudio.core.annotation import Shape
from cvstudio.core.errors import RunError
from cvstudio.core.geometry import Box
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.pixel_sample import PixelSample
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.snapshot import shape_from_json, shape_to_json

SURE = 0.5
"""From which certainty on a keypoint is taken to have a place."""


@dataclass(frozen=True, slots=True)
class Found:
    """One object that a network reports; what it has beside its box is what such networks answer.

    `points` has a place for every keypoint of the skeleton, and `sure` says of each, from 0 to 1,
    how certain the network is that it is there.
    """

    class_id: int
    score: float
    box: Box
    mask: Mask | None = None
    rotated: RotatedBox | None = None
    points: Keypoints | None = None
    sure: tuple[float, ...] = ()

    @property
    def shape(self) -> Shape:
        """What a person would draw: of keypoints those that the network is sure of."""
        if self.points is not None:
            there = np.array([value >= SURE for value in self.sure], np.float64)
            return Keypoints(self.points.points * there[:, None], self.points.frame)
        return self.mask or self.rotated or self.box


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one image.

    classify: `scores` has one probability per class id. detect, instance: `objects`, best first,
    down to a score of 0.001. segment: `regions` has one mask per class id that occurs (no mask for
    background), and `pixels` how sure the network is of some of them, where it was judged.
    """

    image_id: int
    scores: dict[int, float] | None = None
    objects: tuple[Found, ...] = ()
    regions: dict[int, Mask] | None = None
    pixels: PixelSample | None = None


def write_predictions(path: Path, predictions: Iterable[Prediction]) -> None:
    """Write a predictions file; it appears under its name only when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with gzip.open(part, "wt", encoding="utf-8", compresslevel=5) as stream:
        for prediction in predictions:
            stream.write(json.dumps(to_json(prediction)) + "\n")
    part.replace(path)


def read_predictions(path: Path) -> Iterator[Prediction]:
    """The predictions of a file, in its order. Raises RunError when it is missing or damaged."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            for line in stream:
                yield from_json(json.loads(line))
    except FileNotFoundError:
        raise RunError(f"The run's answers are missing: {path}") from None
    except (OSError, EOFError, zlib.error, ValueError, LookupError, TypeError) as error:
        raise RunError(f"The run's answers are damaged: {path}") from error


def to_json(prediction: Prediction) -> dict[str, Any]:
    """A prediction as plain JSON."""
    data: dict[str, Any] = {"image": prediction.image_id}
    if prediction.scores is not None:
        data["scores"] = {str(key): round(value, 6) for key, value in prediction.scores.items()}
    if prediction.objects:
        data["objects"] = [
            {
                "class": found.class_id,
                "score": round(found.score, 6),
                "xywh": [round(v, 3) for v in _xywh(found.box)],
                **shape_to_json(found.mask or found.rotated),
                **_points_to_json(found),
            }
            for found in prediction.objects
        ]
    if prediction.regions is not None:
        data["regions"] = {str(k): shape_to_json(m) for k, m in prediction.regions.items()}
    if prediction.pixels is not None:
        data["pixels"] = prediction.pixels.to_json()
    return data


def from_json(data: dict[str, Any]) -> Prediction:
    """The inverse of to_json."""
    scores = data.get("scores")
    regions = data.get("regions")
    return Prediction(
        image_id=data["image"],
        scores={int(k): v for k, v in scores.items()} if scores is not None else None,
        objects=tuple(_found(item) for item in data.get("objects", ())),
        regions={int(k): m for k, v in regions.items() if (m := _mask(v)) is not None}
        if regions is not None
        else None,
        pixels=PixelSample.from_json(data["pixels"]) if "pixels" in data else None,
    )


def _found(item: dict[str, Any]) -> Found:
    shape = shape_from_json(item)
    box = Box(*item["xywh"])
    match shape:
        case Mask():
            return Found(item["class"], item["score"], box, shape)
        case RotatedBox():
            return Found(item["class"], item["score"], box, rotated=shape)
        case Keypoints():
            sure = tuple(item["sure"])
            return Found(item["class"], item["score"], box, points=shape, sure=sure)
    return Found(item["class"], item["score"], box)


def _points_to_json(found: Found) -> dict[str, Any]:
    if found.points is None:
        return {}
    points = Keypoints(np.round(found.points.points, 3), found.points.frame)
    return {**shape_to_json(points), "sure": [round(value, 4) for value in found.sure]}


def _xywh(box: Box) -> tuple[float, float, float, float]:
    return box.x, box.y, box.w, box.h


def _mask(data: dict[str, Any]) -> Mask | None:
    shape = shape_from_json(data)
    return shape if isinstance(shape, Mask) else None
