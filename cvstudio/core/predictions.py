"""What a network answered for a split: gzip'd JSON lines, one image a line, read by Analyze."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cvstudio.core.errors import RunError
from cvstudio.core.geometry import Box
from cvstudio.core.masks import Mask
from cvstudio.core.snapshot import shape_from_json, shape_to_json


@dataclass(frozen=True, slots=True)
class Found:
    """One object that a network reports; `mask` for instance only."""

    class_id: int
    score: float
    box: Box
    mask: Mask | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one image.

    classify: `scores` has one probability per class id. detect, instance: `objects`, best first,
    down to a score of 0.001. segment: `regions` has one mask per class id that occurs (no mask for
    background).
    """

    image_id: int
    scores: dict[int, float] | None = None
    objects: tuple[Found, ...] = ()
    regions: dict[int, Mask] | None = None


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
                **shape_to_json(found.mask),
            }
            for found in prediction.objects
        ]
    if prediction.regions is not None:
        data["regions"] = {str(k): shape_to_json(m) for k, m in prediction.regions.items()}
    return data


def from_json(data: dict[str, Any]) -> Prediction:
    """The inverse of to_json."""
    scores = data.get("scores")
    regions = data.get("regions")
    return Prediction(
        image_id=data["image"],
        scores={int(k): v for k, v in scores.items()} if scores is not None else None,
        objects=tuple(
            Found(item["class"], item["score"], Box(*item["xywh"]), _mask(item))
            for item in data.get("objects", ())
        ),
        regions={int(k): m for k, v in regions.items() if (m := _mask(v)) is not None}
        if regions is not None
        else None,
    )


def _xywh(box: Box) -> tuple[float, float, float, float]:
    return box.x, box.y, box.w, box.h


def _mask(data: dict[str, Any]) -> Mask | None:
    shape = shape_from_json(data)
    return shape if isinstance(shape, Mask) else None
