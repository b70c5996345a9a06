from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from training_samples import CLASSES, scene

from cvstudio.augment.build import build
from cvstudio.augment.catalogue import make_step
from cvstudio.augment.view import item_seed, training_view
from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask
from cvstudio.core.predictions import Prediction
from cvstudio.core.recipe import Fit
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.snapshot import Snapshot, SnapshotAnnotation, SnapshotImage
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.data import JudgedItems, SplitImages, TrainingItems, keep_in_memory
from cvstudio.ml.engine.objects import ObjectItems, collated
from cvstudio.ml.failures import JobFailure
from cvstudio.ml.judge import judge
from cvstudio.ml.labels import IGNORE, target_map, usable
from cvstudio.ml.loading import Batches, Loader, stacked
from cvstudio.ml.preprocess import PADDING, place
from cvstudio.ml.sampling import Order

IDS = [c.id for c in CLASSES]
INDEX = {c.id: place for place, c in enumerate(CLASSES)}
STRONG = (
    make_step("flip_horizontal", chance=0.5),
    make_step("brightness_contrast", chance=1.0),
)


@pytest.fixture
def images(tmp_path: Path) -> list[SnapshotImage]:
    return [scene(tmp_path, n, Task.SEGMENT, split=Split.TRAIN, size=80) for n in range(6)]


def splits(images: list[SnapshotImage], fit: Fit = Fit.PAD) -> SplitImages:
    return SplitImages(images, size=64, fit=fit, class_ids=IDS)


def training(split: SplitImages, seed: int = 5) -> TrainingItems:
    return TrainingItems(split, classes=None, augmenter=build(STRONG), seed=seed)


@pytest.mark.parametrize("fit", list(Fit))
def test_what_trains_is_what_the_preview_shows(images: list[SnapshotImage], fit: Fit) -> None:
    items = training(splits(images, fit))
    first_of_second = len(items) // len(images)  # crops give several items per image
    rgb, labels, index = items[(3, first_of_second, 0)]
    assert index == 1
    seed = item_seed(5, 3, images[1].id)
    whole = read_rgb(images[1].path)
    view, _ = training_view(whole, (), size=64, fit=fit, seed=seed)
    variant = build(STRONG).apply(view, seed=seed)
    assert np.array_equal(rgb, variant.rgb)
    assert rgb.shape == (64, 64, 3)
    assert labels.shape == (64, 64)


def test_an_epoch_of_crops_covers_the_area_of_every_image(tmp_path: Path) -> None:
    big = scene(tmp_path, 1, Task.SEGMENT, split=Split.TRAIN, size=128)
    small = scene(tmp_path, 2, Task.SEGMENT, split=Split.TRAIN, size=40)
    items = training(splits([big, small], Fit.CROP))
    assert len(items) == 5
    crops = [items[(1, n, 0)][0] for n in range(4)]
    assert not any(np.array_equal(crops[0], other) for other in crops[1:])
    assert items[(1, 4, 0)][2] == 1


def test_the_label_map_follows_its_image(images: list[SnapshotImage]) -> None:
    for index in range(len(images)):
        rgb, labels, _ = training(splits(images))[(1, index, 0)]
        bright = rgb.max(axis=2).astype(int) - rgb.min(axis=2) > 90
        inside = (labels > 0) & (labels != IGNORE)
        assert (bright & inside).sum() / (bright | inside).sum() > 0.75


def test_val_images_are_never_augmented(images: list[SnapshotImage]) -> None:
    items = JudgedItems(splits(images), classes=None)
    for epoch in (1, 2, 9):
        rgb, _, _ = items[(epoch, 2, 0)]
        placed, _ = place(read_rgb(images[2].path), size=64, fit=Fit.PAD)
        assert np.array_equal(rgb, placed)


def test_the_same_seed_gives_the_same_epoch_and_another_epoch_another(
    images: list[SnapshotImage],
) -> None:
    one = [training(splits(images))[(2, n, 0)][0] for n in range(6)]
    again = [training(splits(images))[(2, n, 0)][0] for n in range(6)]
    later = [training(splits(images))[(3, n, 0)][0] for n in range(6)]
    other = [training(splits(images), seed=6)[(2, n, 0)][0] for n in range(6)]
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, later, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_readers_give_the_same_images_as_no_readers(
    images: list[SnapshotImage], threads: int
) -> None:
    """Also where OpenCV has worked in several threads before, as it does on many cores."""
    cv2.setNumThreads(threads)
    cv2.GaussianBlur(np.zeros((1500, 1500, 3), np.uint8), (9, 9), 2)

    def epoch(workers: int) -> list[torch.Tensor]:
        batches = Batches([(64, 64)] * 6, 2, order=Order(6, seed=5))
        batches.epoch = 4
        loader = Loader(
            training(splits(images)), batches, collate=stacked, workers=workers,
            device=torch.device("cpu"), batch_size=2,
        )  # fmt: skip
        try:
            return [batch[0] for batch in loader]
        finally:
            loader.close()

    assert all(torch.equal(a, b) for a, b in zip(epoch(0), epoch(2), strict=True))


def test_images_kept_in_memory_are_the_same_as_images_read(images: list[SnapshotImage]) -> None:
    kept, told = splits(images), []
    assert keep_in_memory((kept,), wanted=True, progress=told.append, threads=2)
    assert told == [1, 2, 3, 4, 5, 6]
    images[0].path.unlink()  # nothing is read any more
    fresh = splits(images[1:])
    assert np.array_equal(kept.read(1)[0], fresh.read(0)[0])
    assert kept.read(0)[0].shape == (64, 64, 3)


def test_sixteen_bit_and_turned_images_train_as_the_decoder_shows_them(tmp_path: Path) -> None:
    deep = np.linspace(1000, 3000, 64 * 64).reshape(64, 64).astype(np.uint16)
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), deep)
    image = SnapshotImage(
        1, path, 0, 64, 64, Split.TRAIN, Review.LABELLED, "", (), window=(1000, 3000)
    )
    rgb, _ = SplitImages([image], size=64, fit=Fit.PAD).read(0)
    assert np.array_equal(rgb, read_rgb(path, 0, (1000, 3000)))
    assert rgb.min() == 0
    assert rgb.max() == 255


def test_statistics_are_those_of_the_pixels(images: list[SnapshotImage]) -> None:
    mean, std = SplitImages(images, size=80, fit=Fit.PAD).statistics()
    pixels = np.concatenate([read_rgb(i.path).reshape(-1, 3) for i in images]) / 255
    np.testing.assert_allclose(mean, pixels.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(std, pixels.std(axis=0), atol=1e-6)


def test_every_image_is_seen_once_an_epoch_and_no_step_has_one_image() -> None:
    batches = Batches([(64, 64)] * 9, 4, order=Order(9, seed=1))
    sizes = [len(members) for members in batches]
    assert sizes == [4, 4]
    batches = Batches([(64, 64)] * 10, 4, order=Order(10, seed=1))
    seen = sorted(index for members in batches for _, index, _ in members)
    assert seen == list(range(10))


def test_an_interrupted_epoch_goes_on_with_the_batches_it_has_not_seen() -> None:
    whole, rest = (
        Batches([(64, 64)] * 10, 2, order=Order(10, seed=1)),
        Batches([(64, 64)] * 10, 2, order=Order(10, seed=1)),
    )
    whole.epoch = rest.epoch = 7
    rest.start = 3
    assert list(rest) == list(whole)[3:]


def test_judged_images_of_different_sizes_never_share_a_batch() -> None:
    batches = Batches([(32, 32), (32, 32), (64, 32), (32, 32)], 4, order=None)
    assert [[index for _, index, _ in members] for members in batches] == [[0, 1], [2], [3]]


def test_crowds_and_padding_teach_nothing(tmp_path: Path) -> None:
    image = scene(tmp_path, 0, Task.SEGMENT, split=Split.TRAIN, size=64)
    crowd = SnapshotAnnotation(
        9, 3, Polygon.simple([(0, 0), (10, 0), (10, 10), (0, 10)]), Box(0, 0, 10, 10), crowd=True
    )
    image = _with(image, (*image.annotations, crowd))
    labels = target_map(image, IDS)
    assert np.all(labels[:10, :10] == IGNORE)
    wide = _with(image, image.annotations, height=32)
    _, target, _ = JudgedItems(splits([wide]), classes=None)[(1, 0, 0)]
    assert np.all(target[:16] == IGNORE)


def test_only_what_a_task_learns_from_is_used_and_the_rest_is_said(tmp_path: Path) -> None:
    image = scene(tmp_path, 0, Task.INSTANCE, split=Split.TRAIN)
    other = scene(tmp_path, 1, Task.INSTANCE, split=Split.TRAIN)
    box = SnapshotAnnotation(5, 3, Box(1, 1, 9, 9), Box(1, 1, 9, 9))
    flat = SnapshotAnnotation(6, 3, Box(1, 1, 9, 0), Box(1, 1, 9, 0))
    other = _with(other, (*other.annotations, flat))
    image = _with(image, (*image.annotations, box, flat))
    found = usable(Snapshot(Task.DETECT, CLASSES, (image, other)), Split.TRAIN)
    assert [[a.id for a in own] for own in found.annotations] == [[1, 5], [2]]
    assert found.notes == ()


def test_objects_with_a_box_only_are_never_taught_as_background(tmp_path: Path) -> None:
    outlined = scene(tmp_path, 0, Task.INSTANCE, split=Split.TRAIN)
    boxed = scene(tmp_path, 1, Task.INSTANCE, split=Split.TRAIN)
    box = SnapshotAnnotation(5, 3, Box(1, 1, 9, 9), Box(1, 1, 9, 9))
    boxed = _with(boxed, (*boxed.annotations, box))
    found = usable(Snapshot(Task.INSTANCE, CLASSES, (outlined, boxed)), Split.TRAIN)
    assert [image.id for image in found.images] == [outlined.id]
    assert found.notes == (
        "1 image of train with boxes left out: instance learns from polygons and masks.",
    )
    with pytest.raises(JobFailure, match="no images with outlines only in train"):
        usable(Snapshot(Task.INSTANCE, CLASSES, (boxed,)), Split.TRAIN)


def test_the_inside_of_a_box_is_not_background_but_for_its_outlines(tmp_path: Path) -> None:
    image = scene(tmp_path, 1, Task.SEGMENT, split=Split.TRAIN)
    (square,) = image.annotations
    around = Box(square.box.x - 1.5, square.box.y - 2, square.box.w + 4, square.box.h + 4)
    image = _with(image, (square, SnapshotAnnotation(5, 3, around, around)))
    snapshot = Snapshot(Task.SEGMENT, CLASSES, (image,))
    found = usable(snapshot, Split.TRAIN)
    assert found.notes == (
        "1 image of train has boxes: what is inside a box and has no outline teaches nothing.",
    )
    labels = target_map(image, IDS)
    x, y, right, bottom = (int(v) for v in (around.x, around.y, around.right, around.bottom))
    inside = labels[y:bottom, x : right + 1]
    assert np.count_nonzero(labels == IGNORE) == np.count_nonzero(inside == IGNORE) > 0
    assert np.count_nonzero(inside == 2) == square.box.area
    assert not np.any(inside == 0)
    report = judge(
        Task.SEGMENT, CLASSES, [image],
        [Prediction(image.id, regions={3: Mask.from_patch(np.ones(inside.shape, np.uint8), x, y)})],
    )  # fmt: skip
    assert report["metrics"]["mIoU"] == 1


def test_a_split_without_labelled_images_is_said_in_words(tmp_path: Path) -> None:
    image = scene(tmp_path, 0, Task.DETECT, split=Split.TRAIN)
    snapshot = Snapshot(Task.DETECT, CLASSES, (image,))
    with pytest.raises(JobFailure, match="no labelled images in val") as caught:
        usable(snapshot, Split.VAL)
    assert caught.value.cause == "no data"


def test_boxes_and_masks_lie_on_their_object_after_augmentation(tmp_path: Path) -> None:
    images = [scene(tmp_path, n, Task.INSTANCE, split=Split.TRAIN, size=80) for n in range(4)]
    items = ObjectItems(
        SplitImages(images, size=64, fit=Fit.PAD), [i.annotations for i in images],
        index=INDEX, masks=True, augmenter=build(STRONG), seed=1,
    )  # fmt: skip
    batch = collated([items[(1, n, 0)] for n in range(4)], channels_last=True)
    assert batch["img"].shape == (4, 3, 64, 64)
    assert batch["batch_idx"].tolist() == [0, 1, 2, 3]
    for n in range(4):
        rgb = batch["img"][n].permute(1, 2, 0).numpy().astype(int)
        rows, columns = np.nonzero(rgb.max(axis=2) - rgb.min(axis=2) > 90)
        x, y, w, h = (batch["bboxes"][n] * 64).tolist()
        found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert found == pytest.approx((x - w / 2, y - h / 2, x + w / 2, y + h / 2), abs=2.5)
        cells = batch["masks"][n].numpy() > 0
        assert abs(cells.sum() * 16 - len(rows)) < 0.35 * len(rows)
        red = rgb[rows, columns, 0].mean() > rgb[rows, columns, 1].mean()
        assert batch["cls"][n].item() == INDEX[7 if red else 3]  # discs are red: colours are RGB


def test_more_classes_than_a_label_map_can_hold_is_said_before_training(tmp_path: Path) -> None:
    image = scene(tmp_path, 0, Task.SEGMENT, split=Split.TRAIN)
    many = tuple(type(CLASSES[0])(n, f"c{n}", "#000000") for n in range(1, 300))
    with pytest.raises(ConfigError, match="up to 250 classes"):
        usable(Snapshot(Task.SEGMENT, many, (image,)), Split.TRAIN)


def test_padding_is_the_grey_that_the_preprocessing_record_says(tmp_path: Path) -> None:
    image = scene(tmp_path, 1, Task.SEGMENT, split=Split.TRAIN, size=64)
    cv2.imwrite(str(image.path), np.full((32, 64, 3), 200, np.uint8))
    wide = _with(image, image.annotations, height=32)
    items = TrainingItems(splits([wide]), classes=None, augmenter=None, seed=0)
    rgb, labels, _ = items[(1, 0, 0)]
    assert np.all(rgb[:16] == PADDING)
    assert np.all(labels[:16] == IGNORE)


def _with(
    image: SnapshotImage, annotations: tuple[SnapshotAnnotation, ...], height: int | None = None
) -> SnapshotImage:
    if height is not None:
        cv2.imwrite(str(image.path), cv2.imread(str(image.path))[:height])
    return SnapshotImage(
        image.id, image.path, 0, image.width, height or image.height, image.split, image.review,
        "", annotations,
    )  # fmt: skip


def test_detect_learns_of_a_rotated_box_the_box_around_what_can_be_seen(tmp_path: Path) -> None:
    image = scene(tmp_path, 0, Task.DETECT, split=Split.TRAIN, size=80)
    shapes = (RotatedBox(40, 40, 40, 10, 30), RotatedBox(76, 40, 40, 10, 45))
    first_class = CLASSES[0].id
    annotations = tuple(SnapshotAnnotation(1, first_class, s, s.box) for s in shapes)
    wide = replace(image, path=tmp_path / "wide.png", width=80, height=40)
    Image.fromarray(np.zeros((40, 80, 3), np.uint8)).save(wide.path)
    high = (RotatedBox(20, 2, 30, 8, 45),)
    items = ObjectItems(
        SplitImages([image, wide], size=80, fit=Fit.PAD),
        [annotations, tuple(SnapshotAnnotation(9, first_class, s, s.box) for s in high)],
        index=INDEX, masks=False,
    )  # fmt: skip
    first, second = (items[(1, n, 0)]["bboxes"].numpy() * 80 for n in range(2))
    box = shapes[0].box
    assert first[0] == pytest.approx((40, 40, box.w, box.h), abs=1e-3)
    assert first[1][0] + first[1][2] / 2 == pytest.approx(80, abs=1e-3)
    # The wide image lies in the middle of the square: nothing is learned from the padding above.
    assert second[0][1] - second[0][3] / 2 == pytest.approx(20, abs=1e-3)
