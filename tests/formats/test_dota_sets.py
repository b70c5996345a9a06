"""DOTA data sets as a whole: versions beside each other, images without labels, classes' names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cvstudio.core.annotation import Split, Task
from cvstudio.core.geometry import Box
from cvstudio.formats import dota
from cvstudio.formats.base import ProblemKind, Reading
from cvstudio.project import commands, exporting, importing, queries
from cvstudio.project.project import Project

LINE = "20 20 60 20 60 40 20 40 {} 0\n"


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((120, 200, 3), 90, np.uint8)).save(path)


def labels(path: Path, *names: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(LINE.format(name) for name in names))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Three images: one is labelled, one is known to be empty, and one waits in another split."""
    for name in "abc":
        picture(tmp_path / "camera" / f"{name}.png")
    classes = ["small vehicle", "small-vehicle", "small-vehicle-2", "12", "class-12"]
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=classes) as made:
        importing.run(made, importing.plan_images(made, [tmp_path / "camera"]))
        with made.transaction("Label") as s:
            for number in range(len(classes)):
                commands.add_annotation(
                    s, image_id=1, class_id=1 + number, shape=Box(10 + 20 * number, 10, 15, 9)
                )
            commands.set_split(s, image_ids=[1, 2], split=Split.TRAIN)
            commands.set_split(s, image_ids=[3], split=Split.TEST)
        yield made


def test_images_that_wait_for_labels_come_back_as_they_went(
    project: Project, tmp_path: Path
) -> None:
    exporting.export(project, tmp_path / "out", format="dota", unlabelled=True)
    assert not (tmp_path / "out" / "test" / "labelTxt").exists()
    dataset = dota.read(tmp_path / "out", Reading())
    found = {i.path.name: (len(i.annotations), i.split, i.bare) for i in dataset.images}
    assert found == {
        "a.png": (5, Split.TRAIN, False),
        "b.png": (0, Split.TRAIN, True),
        "c.png": (0, Split.TEST, True),
    }


def test_classes_that_would_read_the_same_stay_two_and_that_is_told(
    project: Project, tmp_path: Path
) -> None:
    report = exporting.export(project, tmp_path / "out", format="dota")
    (file,) = (tmp_path / "out" / "train" / "labelTxt").iterdir()
    written = [line.split()[8] for line in file.read_text().splitlines()]
    assert written == [
        "small-vehicle-3", "small-vehicle", "small-vehicle-2", "class-12-2", "class-12",
    ]  # fmt: skip
    told = " ".join(report.losses)
    assert 'Class "small vehicle" became "small-vehicle-3": another one reads the same' in told
    assert 'Class "12" became "class-12-2"' in told


def test_of_two_versions_the_newer_is_read_each_image_once_and_that_is_told(
    tmp_path: Path,
) -> None:
    for name in ("P1", "P2", "P3"):
        picture(tmp_path / "train" / "images" / f"{name}.png")
    for name in ("P1", "P2"):
        labels(tmp_path / "train" / "labelTxt" / f"{name}.txt", "plane")
    labels(tmp_path / "train" / "labelTxt-v1.5" / "P1.txt", "plane", "container-crane")
    labels(tmp_path / "train" / "labelTxt-v1.5" / "P3.txt", "ship")
    dataset = dota.read(tmp_path, Reading())
    found = {i.path.stem: [a.class_name for a in i.annotations] for i in dataset.images}
    assert found == {"P1": ["plane", "container-crane"], "P2": ["plane"], "P3": ["ship"]}
    assert len(dataset.images) == 3
    assert [(p.kind, p.text) for p in dataset.problems] == [
        (
            ProblemKind.DUPLICATE,
            "1 image has labels in labelTxt and in labelTxt-v1.5: labelTxt-v1.5 was read.",
        )
    ]


def test_the_unlabelled_images_of_a_dota_set_wait_in_the_project(
    project: Project, tmp_path: Path
) -> None:
    exporting.export(project, tmp_path / "out", format="dota", unlabelled=True)
    with Project.create(tmp_path / "q", task=Task.DETECT) as other:
        importing.run(other, importing.plan(other, tmp_path / "out"))
        with other.read() as s:
            records = queries.images(s, queries.image_ids(s))
    assert [(r.name, r.review.value, r.split) for r in records] == [
        ("a.png", "labelled", Split.TRAIN),
        ("b.png", "unlabelled", Split.TRAIN),
        ("c.png", "unlabelled", Split.TEST),
    ]
