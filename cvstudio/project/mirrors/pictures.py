"""Pictures for mirrors, where a person asked for them: the answers on the fixed val images."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from cvstudio.core.jobdir import JobDir
from cvstudio.core.opencv import cv2
from cvstudio.core.predictions import read_predictions
from cvstudio.core.snapshot import Snapshot, read_snapshot
from cvstudio.imaging.decode import read_rgb
from cvstudio.imaging.drawing import draw, marks_of_answer

_PIXELS = 640
"""Longest side of a picture."""


def pictures(job: JobDir, file: str) -> Iterator[tuple[str, tuple[int, int, bytes]]]:
    """For each answer in a run's file a name and (height, width, PNG). Raises CVStudioError or
    OSError."""
    snapshot = _snapshot(job)
    images = {image.id: image for image in snapshot.images}
    classes = {c.id: c for c in snapshot.classes}
    for prediction in read_predictions(job.path / file):
        image = images[prediction.image_id]
        rgb = read_rgb(image.path, image.page, image.window)
        picture = draw(
            rgb, marks_of_answer(prediction, classes, snapshot.skeletons),
            scale=min(_PIXELS / max(rgb.shape[:2]), 1.0),
        )  # fmt: skip
        _, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        yield image.path.stem, (*picture.shape[:2], data.tobytes())


@lru_cache(maxsize=1)
def _snapshot(job: JobDir) -> Snapshot:
    return read_snapshot(job.snapshot)
