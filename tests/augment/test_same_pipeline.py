"""The pipeline that Augment shows is the one that trains: arrays compared, for every engine.

The preview's side is ml/preview.Previews, which answers the window. The training side is, in the
first tests, the data sets of both engines, and in the last one what enters the network's first
layer in a real run. Colour order included: every image here has three different channels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvstudio.ml.environment import prepare

prepare()

import torch  # noqa: E402

from cvstudio.augment.build import build  # noqa: E402
from cvstudio.augment.catalogue import make_step  # noqa: E402
from cvstudio.augment.presets import dump_steps  # noqa: E402
from cvstudio.core.annotation import LabelClass, Review, Split, Task, box_of  # noqa: E402
from cvstudio.core.geometry import Part, Polygon  # noqa: E402
from cvstudio.core.jobdir import JobDir, write_json  # noqa: E402
from cvstudio.core.masks import mask_of  # noqa: E402
from cvstudio.core.networks import default_config  # noqa: E402
from cvstudio.core.opencv import cv2  # noqa: E402
from cvstudio.core.pipeline import Automatic, Group, GroupKind, Item  # noqa: E402
from cvstudio.core.recipe import Fit  # noqa: E402
from cvstudio.core.snapshot import (  # noqa: E402
    Snapshot,
    SnapshotAnnotation,
    SnapshotImage,
    shape_from_json,
    shape_to_json,
    write_snapshot,
)
from cvstudio.core.wire import Message  # noqa: E402
from cvstudio.ml.data import JudgedItems, SplitImages, TrainingItems, padded  # noqa: E402
from cvstudio.ml.engine.objects import ObjectItems  # noqa: E402
from cvstudio.ml.labels import class_of, usable  # noqa: E402
from cvstudio.ml.load import load_network  # noqa: E402
from cvstudio.ml.preprocess import PADDING  # noqa: E402
from cvstudio.ml.preview import Previews  # noqa: E402
from cvstudio.ml.worker import run_job  # noqa: E402

CLASSES = (LabelClass(7, "a", "#F73C62", "1", 0), LabelClass(3, "b", "#688BF6", "2", 1))
IDS = [c.id for c in CLASSES]
SIZE = 64
SEED = 11
STEPS = (
    make_step("flip_horizontal", chance=0.5),
    make_step("quarter_turns", chance=0.5),
    make_step("affine", chance=0.9, rotation=[-40, 40], shift=10),
    make_step("elastic", chance=0.4),
    make_step("rgb_shift", chance=0.8, red=[20, 60], green=[0, 0], blue=[-60, -20]),
    make_step("hue_saturation", chance=0.5),
    make_step("iso_noise", chance=0.5),
    make_step("hide_patches", chance=0.3),
    Group(
        group=GroupKind.ONE_OF,
        chance=0.8,
        steps=(make_step("gamma", chance=0.3), make_step("crop_to_object", side=70)),
    ),
    Group(
        group=GroupKind.SOME_OF,
        chance=0.8,
        steps=(make_step("eight_positions", chance=0.6), make_step("blur"), make_step("jpeg")),
    ),
    Automatic(strength=0.5),
)
NETWORKS = {
    Task.CLASSIFY: "mobilenet_v3_small",
    Task.SEGMENT: "unet-mobilenet_v2",
    Task.DETECT: "yolo11n",
    Task.INSTANCE: "yolo11n-seg",
}


def photograph(folder: Path, number: int, task: Task, split: Split) -> SnapshotImage:
    """A colourful image that is not square, with a polygon with a hole, a mask and a box."""
    rng = np.random.default_rng(number)
    width, height = 100 + 8 * (number % 3), 80
    small = rng.integers(0, 256, (10, 12, 3), np.uint8)
    rgb = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    path = folder / f"{number}.png"
    cv2.imwrite(str(path), rgb[..., ::-1])
    outer = np.array([[20, 15], [55, 18], [50, 50], [22, 46]], float) + rng.uniform(-4, 4, 2)
    hole = np.array([[30, 25], [40, 26], [38, 36], [31, 35]], float)
    polygon = Polygon((Part(outer, (hole,)),))
    mask = mask_of(Polygon.simple([(60, 40), (88, 44), (80, 70), (62, 66)]))
    assert mask is not None
    shapes = [polygon, mask, *([polygon.box.moved(30, 10)] if task is Task.DETECT else [])]
    if task is Task.CLASSIFY:
        shapes = [None]
    annotations = tuple(
        SnapshotAnnotation(i + 1, IDS[(i + number) % 2], s, box_of(s, width=width, height=height))
        for i, s in enumerate(shapes)
    )
    return SnapshotImage(
        number + 1, path, 0, width, height, split, Review.REVIEWED, "", annotations
    )


def snapshot(folder: Path, task: Task, *, train: int = 5, val: int = 2) -> Snapshot:
    splits = [Split.TRAIN] * train + [Split.VAL] * val
    images = tuple(photograph(folder, n, task, split) for n, split in enumerate(splits))
    return Snapshot(task, CLASSES, images)


def shown(
    image: SnapshotImage,
    task: Task,
    epochs: list[int],
    *,
    fit: Fit,
    steps: tuple[Item, ...] = STEPS,
) -> Message:
    """What the window shows of an image: the answer of the live process, at full size."""
    header = {
        "task": task.value, "fit": fit.value, "size": SIZE, "steps": dump_steps(steps),
        "seed": SEED, "epochs": epochs, "thumbnail": 0, "classes": IDS,
        "image": {
            "id": image.id, "path": str(image.path), "page": image.page, "window": None,
            "annotations": [{"class": a.class_id, **shape_to_json(a.shape)}
                            for a in image.annotations],
        },
    }  # fmt: skip
    return Previews().augment(json.loads(json.dumps(header)))


@pytest.mark.parametrize("task", [Task.CLASSIFY, Task.SEGMENT])
@pytest.mark.parametrize("fit", list(Fit))
def test_own_loop_trains_on_the_arrays_that_are_shown(tmp_path: Path, task: Task, fit: Fit) -> None:
    data = usable(snapshot(tmp_path, task), Split.TRAIN)
    segment = task is Task.SEGMENT
    split = SplitImages(data.images, size=SIZE, fit=fit, class_ids=IDS if segment else None)
    index = {class_id: place for place, class_id in enumerate(IDS)}
    classes = None if segment else [class_of(a, index) for a in data.annotations]
    items = TrainingItems(split, classes=classes, augmenter=build(STEPS), seed=SEED)
    different = 0
    for place, image in enumerate(data.images):
        answer = shown(image, task, [1, 2, 3], fit=fit)
        for number, epoch in enumerate((1, 2, 3)):
            # With crops an image gives several items; the first is the one that is shown.
            first = items._items.index((place, 0))
            rgb, target, _ = items[(epoch, first, 0)]
            expected = padded(answer.arrays[f"variant {number}"], SIZE, fit)
            assert np.array_equal(rgb, expected)
            if segment:
                labels = answer.arrays[f"labels {number}"]
                assert np.array_equal(target, padded(labels, SIZE, fit, value=255))
                assert {1, 2} & set(np.unique(target))
            different += int(not np.array_equal(rgb, items[(epoch + 1, first, 0)][0]))
    assert different >= 10  # the pipeline does something, and something else each epoch


@pytest.mark.parametrize("task", [Task.DETECT, Task.INSTANCE])
@pytest.mark.parametrize("fit", [Fit.PAD, Fit.STRETCH])
def test_ultralytics_trains_on_the_arrays_that_are_shown(
    tmp_path: Path, task: Task, fit: Fit
) -> None:
    data = usable(snapshot(tmp_path, task), Split.TRAIN)
    split = SplitImages(data.images, size=SIZE, fit=fit)
    index = {class_id: place for place, class_id in enumerate(IDS)}
    items = ObjectItems(
        split, data.annotations, index=index, masks=task is Task.INSTANCE,
        augmenter=build(STEPS), seed=SEED,
    )  # fmt: skip
    objects = 0
    for place, image in enumerate(data.images):
        answer = shown(image, task, [1, 2, 3, 4], fit=fit)
        for number, epoch in enumerate((1, 2, 3, 4)):
            item = items[(epoch, place, 0)]
            picture = answer.arrays[f"variant {number}"]
            assert np.array_equal(item["img"].numpy(), padded(picture, SIZE, fit))
            left, top = (SIZE - picture.shape[1]) // 2, (SIZE - picture.shape[0]) // 2
            expected = set()
            for told, annotation in zip(
                answer.header["variants"][number]["shapes"], image.annotations, strict=True
            ):
                shape = shape_from_json(told)
                if shape is not None:
                    box = box_of(shape)
                    x, y = box.x + box.w / 2 + left, box.y + box.h / 2 + top
                    figures = (index[annotation.class_id], x, y, box.w, box.h)
                    expected.add(tuple(round(float(v), 2) for v in figures))
            found = {
                (int(c), *(round(float(v) * SIZE, 2) for v in xywh))
                for c, xywh in zip(item["cls"][:, 0], item["bboxes"], strict=True)
            }
            close = all(
                any(np.allclose(one, other, atol=0.02) for other in expected) for one in found
            )
            assert len(found) == len(expected)
            assert close, (found, expected)
            objects += len(found)
    assert objects > 20


@pytest.mark.parametrize("task", list(Task))
def test_no_transform_reaches_validation(tmp_path: Path, task: Task) -> None:
    data = usable(snapshot(tmp_path, task), Split.VAL)
    segment = task is Task.SEGMENT
    split = SplitImages(data.images, size=SIZE, fit=Fit.PAD, class_ids=IDS if segment else None)
    index = {class_id: place for place, class_id in enumerate(IDS)}
    if task in (Task.DETECT, Task.INSTANCE):
        items: Any = ObjectItems(
            split, data.annotations, index=index, masks=task is Task.INSTANCE, seed=SEED
        )
    else:
        items = JudgedItems(split, classes=None if segment else [0] * len(split))
    for place, image in enumerate(data.images):
        plain = shown(image, task, [1], fit=Fit.PAD, steps=()).arrays["variant 0"]
        for epoch in (1, 2, 9):
            item = items[(epoch, place, 0)]
            rgb = item["img"].numpy() if isinstance(item, dict) else item[0]
            assert np.array_equal(rgb, padded(plain, SIZE, Fit.PAD))


@contextmanager
def network_inputs() -> Iterator[dict[bool, list[torch.Tensor]]]:
    """Every batch of images that enters a first layer, by whether it is training."""
    seen: dict[bool, list[torch.Tensor]] = {True: [], False: []}

    def note(module: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        first = inputs[0] if inputs else None
        if not isinstance(module, torch.nn.Conv2d) or not isinstance(first, torch.Tensor):
            return
        if first.ndim == 4 and first.shape[1] == 3 and float(first.std()) > 0:
            seen[module.training].append(first.detach().float().cpu().clone())

    handle = torch.nn.modules.module.register_module_forward_pre_hook(note)
    try:
        yield seen
    finally:
        handle.remove()


@pytest.mark.slow
@pytest.mark.parametrize("task", list(Task))
def test_what_enters_the_network_is_what_was_shown(tmp_path: Path, task: Task) -> None:
    data = snapshot(tmp_path, task, train=6, val=3)
    job = JobDir(tmp_path / "run")
    write_snapshot(job.snapshot, replace(data))
    config = default_config(
        task, network=NETWORKS[task], start="scratch", epochs=2, batch=3, image_size=SIZE,
        device="cpu", workers=0, frozen_epochs=0, seed=SEED, fit=Fit.PAD, augmentation=STEPS,
    )  # fmt: skip
    write_json(job.config, config.model_dump(mode="json"))
    with network_inputs() as seen:
        assert run_job(job.path) == 0
    if task in (Task.DETECT, Task.INSTANCE):
        mean, std = np.zeros(3), np.ones(3)
    else:
        network = load_network(job.path)
        mean, std = np.array(network.mean), np.array(network.std)

    def pictures(batches: list[torch.Tensor]) -> set[bytes]:
        arrays = [b.permute(0, 2, 3, 1).numpy() for b in batches if b.shape[-2:] == (SIZE, SIZE)]
        return {
            np.round((one * std + mean) * 255).astype(np.uint8).tobytes()
            for batch in arrays
            for one in batch
        }

    expected, plain = set(), set()
    for image in data.images:
        if image.split is Split.TRAIN:
            answer = shown(image, task, [1, 2], fit=Fit.PAD)
            for number in range(2):
                picture = padded(answer.arrays[f"variant {number}"], SIZE, Fit.PAD, value=PADDING)
                expected.add(picture.tobytes())
        untouched = shown(image, task, [1], fit=Fit.PAD, steps=())
        plain.add(padded(untouched.arrays["variant 0"], SIZE, Fit.PAD).tobytes())
    assert pictures(seen[True]) == expected
    judged = pictures(seen[False])
    assert judged
    assert judged <= plain
