"""Crops of images too large to be decoded for each of them: the same pixels, read alone."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from training_samples import CLASSES, scene

from cvstudio.core.annotation import Split, Task
from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.core.masks import Mask
from cvstudio.core.recipe import Fit
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.snapshot import SnapshotAnnotation, SnapshotImage
from cvstudio.imaging import parts
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml import data
from cvstudio.ml.data import SplitImages, TrainingItems
from cvstudio.ml.labels import target_map
from cvstudio.ml.seeing import seen

SIDE = 320
IDS = [c.id for c in CLASSES]


@pytest.fixture(autouse=True)
def small_files_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "WORTH", 1000)


def picture(folder: Path, kind: str) -> SnapshotImage:
    """A labelled image of SIDE px as a file of a kind."""
    image = scene(folder, 0, Task.SEGMENT, split=Split.TRAIN, size=SIDE)
    rgb, path = read_rgb(image.path), folder / f"{kind}.tif"
    window = None
    match kind:
        case "tiles":
            tifffile.imwrite(path, rgb, tile=(64, 64), compression="deflate", photometric="rgb")
        case "strips":
            tifffile.imwrite(path, rgb, rowsperstrip=16, compression="zlib", photometric="rgb")
        case "plain grey":
            tifffile.imwrite(path, rgb[..., 0], photometric="minisblack")
        case "deep with window":
            deep, window = rgb[..., 0].astype(np.uint16) * 200, (500.0, 40_000.0)
            tifffile.imwrite(path, deep, tile=(64, 64), photometric="minisblack")
        case "deep":
            deep = rgb[..., 0].astype(np.uint16) * 200
            tifffile.imwrite(path, deep, tile=(64, 64), photometric="minisblack")
        case "turned":
            extra = [(274, "H", 1, 6, False)]
            tifffile.imwrite(path, rgb, tile=(64, 64), photometric="rgb", extratags=extra)
        case _:
            path = image.path
    return replace(image, path=path, window=window)


READ_ALONE = ("tiles", "strips", "plain grey", "deep with window")


@pytest.mark.parametrize("kind", [*READ_ALONE, "deep", "turned", "png"])
def test_a_crop_is_the_same_whether_it_is_read_alone_or_cut_from_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    image = picture(tmp_path, kind)
    kept = SplitImages([image], size=64, fit=Fit.CROP, class_ids=IDS)
    kept.preload(progress=lambda _done: None, threads=1)
    decoded: list[Path] = []

    def noted(path: Path, *about: Any, **more: Any) -> object:
        decoded.append(path)
        return seen(path, *about, **more)

    monkeypatch.setattr(data, "seen", noted)
    read = SplitImages([image], size=64, fit=Fit.CROP, class_ids=IDS)
    both = [TrainingItems(s, classes=None, augmenter=None, seed=3) for s in (kept, read)]
    assert len(both[0]) == 25
    for epoch in (1, 2):
        for item in range(0, 25, 4):
            expected, found = (items[(epoch, item, 0)] for items in both)
            assert np.array_equal(expected[0], found[0])
            assert np.array_equal(expected[1], found[1])
    # What has to be decoded whole is decoded once for all its crops.
    assert len(decoded) == (0 if kind in READ_ALONE else 1)


def test_a_file_that_was_replaced_by_one_of_another_size_is_scaled_as_before(
    tmp_path: Path,
) -> None:
    image = picture(tmp_path, "tiles")
    small = read_rgb(image.path)[::2, ::2]
    tifffile.imwrite(image.path, small, tile=(64, 64), photometric="rgb")
    crop, _ = SplitImages([image], size=64, fit=Fit.CROP).cut(0, (0, 0, 64, 64))
    whole, _ = SplitImages([image], size=64, fit=Fit.CROP).read(0)
    assert np.array_equal(crop, whole[:64, :64])


def test_readers_in_other_processes_open_files_of_their_own(tmp_path: Path) -> None:
    split = SplitImages([picture(tmp_path, "tiles")], size=64, fit=Fit.CROP)
    before, _ = split.cut(0, (100, 90, 164, 154))
    after, _ = pickle.loads(pickle.dumps(split)).cut(0, (100, 90, 164, 154))
    assert np.array_equal(before, after)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="readers are started afresh here")
def test_a_forked_reader_does_not_move_the_place_at_which_another_one_reads(tmp_path: Path) -> None:
    reader, path = parts.Parts(), picture(tmp_path, "tiles").path
    what = {"size": (SIDE, SIDE), "deep": False}
    assert reader.read(path, 0, at=(0, 0, 64, 64), **what) is not None
    (stream,) = reader._streams.values()
    before = os.lseek(stream.fileno(), 0, os.SEEK_CUR)
    child = os.fork()
    if not child:
        os._exit(0 if reader.read(path, 0, at=(200, 200, 264, 264), **what) is not None else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert os.lseek(stream.fileno(), 0, os.SEEK_CUR) == before


def test_labels_of_a_part_are_those_of_the_whole_there(tmp_path: Path) -> None:
    image = picture(tmp_path, "png")
    ring = np.array([[40.0, 40.0], [200.5, 60.2], [120.7, 180.9]])
    hole = np.array([[100.0, 80.0], [130.0, 80.0], [115.0, 110.0]])
    disc = Mask.from_patch(np.ones((50, 70), np.uint8), 150, 140)
    assert disc is not None
    shapes: tuple[tuple[Any, int], ...] = (
        (Polygon((Part(ring, (hole,)),)), 7), (disc, 3), (Box(10.4, 200.6, 60, 30), 7),
        (RotatedBox(250, 60, 80, 40, 0.4), 3),
        (Polygon.simple(np.array([[300.0, 300.0], [319.0, 300.0], [310.0, 319.0]])), 3),
    )  # fmt: skip
    annotations = tuple(
        SnapshotAnnotation(n, class_id, shape, shape if isinstance(shape, Box) else shape.box,
                           crowd=n == 4)
        for n, (shape, class_id) in enumerate(shapes)
    )  # fmt: skip
    image = replace(image, annotations=annotations)
    whole = target_map(image, IDS)
    assert set(np.unique(whole)) == {0, 1, 2, 255}
    for left in range(0, SIDE, 33):
        for top in range(0, SIDE, 47):
            right, bottom = min(left + 64, SIDE), min(top + 64, SIDE)
            part = target_map(image, IDS, (left, top, right, bottom))
            assert np.array_equal(part, whole[top:bottom, left:right]), (left, top)
