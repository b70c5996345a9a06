"""The sample project: everything a person needs for the whole loop, the same for the same seed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from cvstudio.core.annotation import Kind, Review, Split, Task, kind_of
from cvstudio.core.errors import ConfigError
from cvstudio.core.geometry import Polygon
from cvstudio.core.masks import Mask, mask_of
from cvstudio.imaging.decode import read_rgb
from cvstudio.imaging.synthetic import paint_cells
from cvstudio.project import queries
from cvstudio.project.sample import create_sample

EXPECTED = {
    Task.CLASSIFY: {Kind.IMAGE},
    Task.DETECT: {Kind.BOX},
    Task.SEGMENT: {Kind.MASK},
    Task.INSTANCE: {Kind.POLYGON, Kind.MASK},
}


@pytest.mark.parametrize("task", list(Task))
def test_a_sample_can_be_trained_and_leaves_something_to_review(task: Task, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    with create_sample(
        tmp_path / "s", task, images=40, progress=lambda done, total: seen.append((done, total))
    ) as project:
        assert seen[-1] == (40, 40)
        with project.read() as s:
            ids = queries.image_ids(s)
            records = queries.images(s, ids)
            labels = queries.annotations_of(s, ids)
            reviews = queries.review_counts(s)
            splits = queries.split_counts(s)
            classes = queries.classes(s)
            counts = queries.class_counts(s)
        assert len(classes) == 3
        assert all(counts[c.id] for c in classes)
        assert {kind_of(a.shape) for found in labels.values() for a in found} == EXPECTED[task]
        assert reviews[Review.UNLABELLED] == 4
        assert reviews[Review.LABELLED] >= 4
        assert reviews.get(Review.EMPTY, 0) == (0 if task is Task.CLASSIFY else 3)
        assert splits[Split.TRAIN] > splits[Split.VAL] > splits[Split.TEST] > 0
        for record in records:
            file = project.image_path(record)
            assert file.parent == project.images_directory
            assert hashlib.sha256(file.read_bytes()).hexdigest() == record.sha256
            assert (record.split is None) == (record.review is Review.UNLABELLED)
            assert read_rgb(file).shape == (record.height, record.width, 3)


def test_the_annotations_of_a_sample_are_exact_to_the_pixel(tmp_path: Path) -> None:
    with create_sample(tmp_path / "s", Task.INSTANCE, images=12, seed=4) as project:
        with project.read() as s:
            ids = queries.image_ids(s)
            labels = queries.annotations_of(s, ids)
        checked = 0
        for number, image_id in enumerate(ids):
            if not labels.get(image_id):
                continue
            truth = paint_cells(4 * 1_000_003 + number)
            rgb = read_rgb(project.images_directory / f"slide_{number + 1:04d}.png")
            assert np.array_equal(rgb, truth.rgb)
            for item, annotation in zip(truth.objects, labels[image_id], strict=True):
                shape = annotation.shape
                mask = mask_of(shape) if isinstance(shape, Polygon) else shape
                assert isinstance(mask, Mask)
                assert np.array_equal(mask.full(*rgb.shape[:2]), item.mask)
                checked += 1
        assert checked > 20


def test_the_same_seed_makes_the_same_sample(tmp_path: Path) -> None:
    digests = []
    for name in ("a", "b"):
        project = create_sample(tmp_path / name, Task.DETECT, images=12, seed=2)
        with project, project.read() as s:
            records = queries.images(s, queries.image_ids(s))
            digests.append([(r.name, r.sha256, r.split, r.review) for r in records])
    assert digests[0] == digests[1]


def test_a_sample_too_small_to_train_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 12"):
        create_sample(tmp_path / "s", Task.DETECT, images=3)
    assert not (tmp_path / "s").exists()
