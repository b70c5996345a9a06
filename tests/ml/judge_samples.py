"""Generated splits with exact truth for the tests of judging, explaining and exporting."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from cvstudio.core.annotation import LabelClass, Review, Shape, Split, Task, box_of
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask
from cvstudio.core.metrics import label_map
from cvstudio.core.networks import default_config, network
from cvstudio.core.recipe import Fit
from cvstudio.core.snapshot import Snapshot, SnapshotAnnotation, SnapshotImage
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.load import LoadedNetwork
from cvstudio.ml.networks.build import build
from cvstudio.ml.preprocess import Placement, Preprocessing

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
        elif class_id == 7:
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
    folder: Path,
    task: Task,
    *,
    count: int = 6,
    split: Split = Split.VAL,
    seed: int = 0,
    classes: tuple[LabelClass, ...] = CLASSES,
) -> Snapshot:
    """A split of images in two shapes, with one (classify) or two objects each.

    For classify a third class stands for images without an object.
    """
    rng = np.random.default_rng(seed)
    images = []
    for index in range(count):
        width, height = ((96, 72), (64, 80))[index % 2]
        inside = [3, 7]
        if task is Task.CLASSIFY:
            inside = [classes[index % len(classes)].id]
        objects = []
        for place, class_id in enumerate(inside):
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
    return Snapshot(task, classes, tuple(images), "0" * 64)


def network_of(
    task: Task,
    name: str,
    *,
    size: int,
    seed: int = 0,
    fit: Fit = Fit.PAD,
    classes: tuple[LabelClass, ...] = CLASSES,
) -> LoadedNetwork:
    """A network with random weights, as if it had been loaded from a checkpoint."""
    torch.manual_seed(seed)
    info = network(name)
    config = default_config(task, network=name, image_size=size, fit=fit, device="cpu")
    module = build(info, classes=len(classes), image_size=size).eval()
    preprocessing = Preprocessing(size, fit, info.mean, info.std)
    return LoadedNetwork(config, classes, preprocessing, module, torch.device("cpu"))


def teach(loaded: LoadedNetwork, snapshot: Snapshot, *, steps: int, rate: float = 1e-3) -> None:
    """A bare training on all images at once, just long enough to tell the two classes apart."""
    places = {c.id: index for index, c in enumerate(loaded.classes)}
    rows = [(i, *loaded.prepare(read_rgb(i.path))) for i in snapshot.images]
    batch = torch.cat([tensor for _, tensor, _ in rows])
    loss = _loss_for(loaded, rows, places)
    module = loaded.module.train()
    optimizer = torch.optim.AdamW(module.parameters(), rate)
    order = torch.Generator().manual_seed(0)
    for _ in range(steps):
        chosen = torch.randperm(len(batch), generator=order)[:16]
        optimizer.zero_grad()
        loss(batch[chosen], chosen).backward()
        optimizer.step()
    module.eval()


def _loss_for(loaded: LoadedNetwork, rows: list[Any], places: dict[int, int]) -> Any:
    if loaded.task is Task.CLASSIFY:
        labels = torch.tensor([places[i.annotations[0].class_id] for i, _, _ in rows])
        return lambda x, chosen: nn.functional.cross_entropy(loaded.module(x), labels[chosen])
    if loaded.task is Task.SEGMENT:
        maps = torch.stack([_input_map(i, p, places) for i, _, p in rows])
        return lambda x, chosen: nn.functional.cross_entropy(loaded.module(x), maps[chosen])

    def detect(x: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        classes, boxes, of = [], [], []
        for position, row in enumerate(chosen.tolist()):
            image, _, placement = rows[row]
            for a in image.annotations:
                box = placement.box_to_input(a.box)
                classes.append([float(places[a.class_id])])
                boxes.append([box.x + box.w / 2, box.y + box.h / 2, box.w, box.h])
                of.append(float(position))
        labels = {
            "img": x,
            "cls": torch.tensor(classes),
            "bboxes": torch.tensor(boxes) / x.shape[-1],
            "batch_idx": torch.tensor(of),
        }
        answer: torch.Tensor = loaded.module(labels)[0].sum()
        return answer

    return detect


def _input_map(image: SnapshotImage, placement: Placement, places: dict[int, int]) -> torch.Tensor:
    labels = label_map(
        image.annotations, height=image.height, width=image.width, class_ids=list(places)
    )
    canvas = np.zeros((placement.input_height, placement.input_width), np.uint8)
    width, height = placement.inner
    inner = cv2.resize(labels.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    canvas[placement.top : placement.top + height, placement.left : placement.left + width] = inner
    return torch.from_numpy(canvas).long()
