"""Generated splits with exact truth for the tests of judging, explaining and exporting."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from cvstudio.core.annotation import LabelClass, Review, Shape, Split, Task, box_of
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask
from cvstudio.core.snapshot import Snapshot, SnapshotAnnotation, SnapshotImage

CLASSES = (
    LabelClass(3, "round", "#F73C62", "1", 0),
    LabelClass(7, 'flat "0/1" 🙂', "#688BF6", "2", 1),
)
"""Ids with gaps and a name that tries files and JSON."""


def paint(
    path: Path, *, width: int, height: int, objects: Sequence[tuple[int, Box]], seed: int = 0
) -> None:
    """A noisy grey picture: class 3 as bright discs, class 7 as dark red rectangles."""
    rng = np.random.default_rng(seed)
    rgb = rng.normal(128, 12, (height, width, 3)).clip(0, 255).astype(np.uint8)
    for class_id, box in objects:
        x0, y0, x1, y1 = (round(v) for v in (box.x, box.y, box.right, box.bottom))
        if class_id == 3:
            centre, axes = ((x0 + x1) // 2, (y0 + y1) // 2), ((x1 - x0) // 2, (y1 - y0) // 2)
            cv2.ellipse(rgb, centre, axes, 0, 0, 360, (240, 240, 200), -1)
        else:
            cv2.rectangle(rgb, (x0, y0), (x1 - 1, y1 - 1), (120, 20, 20), -1)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), rgb[..., ::-1])


def shape_for(task: Task, class_id: int, box: Box) -> Shape:
    """A box for detect, a polygon or a mask in turn for the others, nothing for classify."""
    if task is Task.CLASSIFY:
        return None
    if task is Task.DETECT:
        return box
    if class_id == 7:
        corners = [(box.x, box.y), (box.right, box.y), (box.right, box.bottom), (box.x, box.bottom)]
        return Polygon.simple(corners)
    patch = np.zeros((int(box.h), int(box.w)), np.uint8)
    cv2.ellipse(
        patch, (patch.shape[1] // 2, patch.shape[0] // 2),
        (patch.shape[1] // 2 - 1, patch.shape[0] // 2 - 1), 0, 0, 360, 1, -1,
    )  # fmt: skip
    mask = Mask.from_patch(patch, int(box.x), int(box.y))
    assert mask is not None
    return mask


def snapshot_of(
    folder: Path, task: Task, *, count: int = 6, split: Split = Split.VAL, seed: int = 0
) -> Snapshot:
    """A split of images in two shapes, with one (classify) or two objects each."""
    rng = np.random.default_rng(seed)
    images = []
    for index in range(count):
        width, height = ((96, 72), (64, 80))[index % 2]
        classes = [(3, 7)[index % 2]] if task is Task.CLASSIFY else [3, 7]
        objects = []
        for place, class_id in enumerate(classes):
            side = int(rng.integers(18, 26))
            x = int(rng.integers(0, width // 2 - side)) + place * width // 2
            objects.append((class_id, Box(x, int(rng.integers(0, height - side)), side, side)))
        path = folder / "images" / f"{split.value}-{index}.png"
        paint(path, width=width, height=height, objects=objects, seed=seed + index)
        annotations = tuple(
            SnapshotAnnotation(
                id=1000 + 10 * index + place,
                class_id=class_id,
                shape=(shape := shape_for(task, class_id, box)),
                box=box_of(shape, width=width, height=height),
            )
            for place, (class_id, box) in enumerate(objects)
        )
        images.append(
            SnapshotImage(
                id=50 + index,
                path=path,
                page=0,
                width=width,
                height=height,
                split=split,
                review=Review.REVIEWED,
                sha256="",
                annotations=annotations,
            )
        )
    return Snapshot(task, CLASSES, tuple(images), "0" * 64)
