"""Pictures for mirrors, where a person asked for them: the answers on the fixed val images."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import LabelClass
from cvstudio.core.jobdir import JobDir
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.core.predictions import Prediction, read_predictions
from cvstudio.core.snapshot import Snapshot, read_snapshot
from cvstudio.imaging.decode import read_rgb

_PIXELS = 640
"""Longest side of a picture."""

_SCORE = 0.25
"""Objects below this score are not drawn."""

_FILL = 0.4


def pictures(job: JobDir, file: str) -> Iterator[tuple[str, tuple[int, int, bytes]]]:
    """For each answer in a run's file a name and (height, width, PNG). Raises CVStudioError or
    OSError."""
    snapshot = _snapshot(job)
    images = {image.id: image for image in snapshot.images}
    classes = {c.id: c for c in snapshot.classes}
    for prediction in read_predictions(job.path / file):
        image = images[prediction.image_id]
        picture = _drawn(read_rgb(image.path, image.page, image.window), prediction, classes)
        height, width = picture.shape[:2]
        scale = min(_PIXELS / max(height, width), 1.0)
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        _, data = cv2.imencode(".png", cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        yield image.path.stem, (size[1], size[0], data.tobytes())


@lru_cache(maxsize=1)
def _snapshot(job: JobDir) -> Snapshot:
    return read_snapshot(job.snapshot)


def _drawn(
    rgb: NDArray[np.uint8], prediction: Prediction, classes: dict[int, LabelClass]
) -> NDArray[np.uint8]:
    """An image (h, w, 3) with what was found in it."""
    picture = rgb.copy()
    line = max(round(max(picture.shape[:2]) / 300), 1)
    for class_id, mask in (prediction.regions or {}).items():
        _fill(picture, mask, _rgb(classes[class_id]))
    for found in prediction.objects:
        if found.score < _SCORE:
            continue
        colour, box = _rgb(classes[found.class_id]), found.box
        if found.mask is not None:
            _fill(picture, found.mask, colour)
        start, end = (round(box.x), round(box.y)), (round(box.x + box.w), round(box.y + box.h))
        cv2.rectangle(picture, start, end, colour, line)
        _write(picture, f"{classes[found.class_id].name} {found.score:.2f}", start, colour, line)
    if prediction.scores:
        best = max(prediction.scores, key=prediction.scores.__getitem__)
        words = f"{classes[best].name} {prediction.scores[best]:.2f}"
        _write(picture, words, (2, 16 * line), _rgb(classes[best]), line)
    return picture


def _fill(picture: NDArray[np.uint8], mask: Mask, colour: tuple[int, int, int]) -> None:
    area = picture[mask.y : mask.y + mask.h, mask.x : mask.x + mask.w]
    inside = mask.patch()[: area.shape[0], : area.shape[1]].astype(bool)
    mixed = area[inside] * (1 - _FILL) + np.array(colour) * _FILL
    area[inside] = mixed.astype(np.uint8)


def _write(
    picture: NDArray[np.uint8], words: str, at: tuple[int, int], colour: tuple[int, int, int],
    line: int,
) -> None:  # fmt: skip
    place = (at[0], max(at[1] - 3, 12 * line))
    cv2.putText(picture, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4 * line, colour, line)


def _rgb(label: LabelClass) -> tuple[int, int, int]:
    value = label.colour.lstrip("#")
    return int(value[:2], 16), int(value[2:4], 16), int(value[4:6], 16)
