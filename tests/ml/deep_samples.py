"""Images of 16 bits and many channels whose labels no 8-bit picture shows, with exact truth.

Two images that lie side by side in a split differ by less than one step of their window, or in the
fifth channel only, and have different labels: as displayed they are the same array.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from training_samples import CLASSES, written

from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.jobdir import JobDir
from cvstudio.core.snapshot import SnapshotAnnotation, SnapshotImage
from cvstudio.ml.worker import run_job

SIZE = 64
WINDOW = (0.0, 65535.0)
STEP = 257
"""Values of 16 bits that one step of 8 bits holds in that window."""

QUICK: dict[str, Any] = {
    "epochs": 8, "batch": 4, "learning_rate": 3e-3, "warmup_epochs": 0.5, "label_smoothing": 0.0,
    "network": "timm:test_efficientnet_gn",
}  # fmt: skip


def disc(centre: tuple[int, ...], radius: int = 14) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return (rows - centre[1]) ** 2 + (columns - centre[0]) ** 2 < radius**2


def faint(number: int) -> NDArray[np.uint16]:
    """16-bit grey; odd numbers have a disc a third of a step brighter."""
    random = np.random.default_rng(number // 2)
    values = (116 * STEP + random.integers(-20, 20, (SIZE, SIZE))).astype(np.uint16)
    if number % 2:
        values[disc(place_of(number))] += 90
    return values


def stain(number: int) -> NDArray[np.uint16]:
    """Five channels; those with odd numbers have a disc in the fifth."""
    random = np.random.default_rng(number // 2)
    values = random.integers(9_000, 11_000, (SIZE, SIZE, 5)).astype(np.uint16)
    if number % 2:
        values[disc(place_of(number)), 4] += 3_000
    return values


def place_of(number: int) -> tuple[int, ...]:
    """The centre of the disc in an image."""
    return tuple(int(v) for v in np.random.default_rng(number // 2 + 900).integers(16, 48, 2))


def written_image(
    folder: Path, number: int, values: NDArray[Any], annotation: SnapshotAnnotation, split: Split
) -> SnapshotImage:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"deep-{number:03d}.tif"
    planar = "contig" if values.ndim == 3 else None
    tifffile.imwrite(path, values, photometric="minisblack", planarconfig=planar)
    channels = values.shape[2] if values.ndim == 3 else 1
    return SnapshotImage(
        number + 1, path, 0, SIZE, SIZE, split, Review.LABELLED, "", (annotation,),
        window=WINDOW, channels=channels, bits=16,
    )  # fmt: skip


def classified(
    folder: Path, make: Callable[[int], NDArray[Any]], *, train: int = 24, val: int = 8
) -> list[SnapshotImage]:
    """Images with a class each: every second one has the disc."""
    whole = Box(0, 0, SIZE, SIZE)
    return [
        written_image(
            folder, n, make(n), SnapshotAnnotation(n + 1, CLASSES[n % 2].id, None, whole),
            Split.TRAIN if n < train else Split.VAL,
        )
        for n in range(train + val)
    ]  # fmt: skip


def outlined(folder: Path, task: Task, *, train: int = 16, val: int = 4) -> list[SnapshotImage]:
    """Discs a fifth of a step above grey, of one class in the second channel, of the other in the
    fifth; the fourth is noise, and the others are the same everywhere."""
    found = []
    for n in range(train + val):
        random = np.random.default_rng(n)
        centre = tuple(int(v) for v in random.integers(18, 46, 2))
        values = np.full((SIZE, SIZE, 5), 116 * STEP, np.uint16)
        values[..., 3] = random.integers(0, 60_000, (SIZE, SIZE))
        values[disc(centre), 4 if n % 2 else 1] += 50
        angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
        shape = Polygon.simple(np.stack([np.cos(angles), np.sin(angles)], 1) * 14 + centre + 0.5)
        held = shape.box if task is Task.DETECT else shape
        annotation = SnapshotAnnotation(n + 1, CLASSES[n % 2].id, held, shape.box)
        split = Split.TRAIN if n < train else Split.VAL
        found.append(written_image(folder, n, values, annotation, split))
    return found


def trained(folder: Path, task: Task, images: list[SnapshotImage], **settings: Any) -> JobDir:
    """A run on images that is over."""
    job = written(folder, task, images, **settings)
    assert run_job(job.path) == 0, job.log.read_text()
    return job


def two_stains(number: int) -> NDArray[np.uint16]:
    """Five channels with a disc in the first; those with odd numbers have it in the fifth too."""
    values = stain(number)
    values[disc(place_of(number)), 0] += 9_000
    return values


def fainter(number: int) -> NDArray[np.uint16]:
    """16-bit grey with a disc eight steps brighter, of odd numbers a third of a step more."""
    values = faint(number)
    values[disc(place_of(number))] += 8 * STEP
    return values


def boxed(
    folder: Path, make: Callable[[int], NDArray[Any]], *, train: int = 24, val: int = 8
) -> list[SnapshotImage]:
    """Images with a disc each, whose class is 1 or 2 in turn."""
    found = []
    for n in range(train + val):
        x, y = place_of(n)
        box = Box(x - 14, y - 14, 28, 28)
        annotation = SnapshotAnnotation(n + 1, CLASSES[n % 2].id, box, box)
        split = Split.TRAIN if n < train else Split.VAL
        found.append(written_image(folder, n, make(n), annotation, split))
    return found
