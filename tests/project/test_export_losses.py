"""What an export leaves out is counted so, and images that it bares of labels are named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.formats.table import by_name
from cvstudio.project import commands, exporting, importing
from cvstudio.project.project import Project

POINTS = Keypoints.of([(5, 5, 2), (9, 9, 2)])
AREA = Polygon.simple([(2, 2), (30, 2), (2, 30)])


def project_of(folder: Path, task: Task, count: int) -> Project:
    for number in range(count):
        path = folder / "camera" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((40, 40, 3), 20 * number, np.uint8)).save(path)
    made = Project.create(folder / "p", task=task, classes=["person"])
    importing.run(made, importing.plan_images(made, [folder / "camera"]))
    return made


@pytest.fixture
def people(tmp_path: Path) -> Iterator[Project]:
    """A box and keypoints on the first image, keypoints alone on the second, a crowd on the
    third."""
    with project_of(tmp_path, Task.DETECT, 3) as made:
        with made.transaction("Draw") as s:
            commands.add_annotation(s, image_id=1, class_id=1, shape=Box(1, 1, 9, 9))
            commands.add_annotation(s, image_id=1, class_id=1, shape=POINTS)
            commands.add_annotation(s, image_id=2, class_id=1, shape=POINTS)
            commands.add_annotation(
                s, image_id=3, class_id=1, shape=Box(3, 3, 9, 9), attributes={"iscrowd": 1}
            )
        yield made


@pytest.mark.parametrize("name", ["yolo", "yolo-obb", "dota", "voc"])
def test_only_what_was_written_counts_and_bared_images_are_told(
    people: Project, tmp_path: Path, name: str
) -> None:
    report = exporting.export(people, tmp_path / "out", format=name)
    assert (report.images, report.annotations) == (3, 1)
    title = by_name(name).title
    assert report.losses[-1] == (
        f"2 images have annotations of which {title} can hold none: in the export they have no"
        " label, and a training takes such images for background."
    )
    assert report.sentences()[0].startswith("3 images and 1 annotation were written to ")


def test_a_format_that_holds_all_bares_no_image(people: Project, tmp_path: Path) -> None:
    report = exporting.export(people, tmp_path / "out", format="coco")
    assert report.annotations == 4
    assert not any("background" in line for line in report.losses)


def test_images_that_do_not_go_out_are_neither_counted_nor_called_background(
    people: Project, tmp_path: Path
) -> None:
    with people.transaction("Say") as s:
        commands.add_annotation(s, image_id=1, class_id=1, shape=None)
    report = exporting.export(people, tmp_path / "out", format="folders")
    assert (report.images, report.annotations) == (1, 1)
    assert not any("background" in line for line in report.losses)
    assert "2 images without a class were left out." in report.losses


def test_an_object_hidden_in_a_mask_is_not_counted_as_written(tmp_path: Path) -> None:
    with project_of(tmp_path, Task.SEGMENT, 1) as made:
        with made.transaction("Draw") as s:
            for _ in range(2):
                commands.add_annotation(s, image_id=1, class_id=1, shape=AREA)
        report = exporting.export(made, tmp_path / "out", format="masks")
    assert report.annotations == 1
    assert "1 object is wholly covered by later ones." in report.losses


def test_each_format_says_what_it_cannot_hold_of_another_task() -> None:
    assert by_name("voc").holds(Task.DETECT) == (True, "")
    assert by_name("voc").holds(Task.INSTANCE) == (True, "outlines become boxes")
    assert by_name("csv").holds(Task.DETECT) == (False, "it has classes of whole images only")
    assert by_name("voc").holds(Task.CLASSIFY) == (False, "it has no classes of whole images")
