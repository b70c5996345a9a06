"""What an import makes of silence (no annotations) and of what belongs together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from cvstudio.core.annotation import Review, Split, Task
from cvstudio.project import commands, exporting, importing, queries, splits
from cvstudio.project.project import Project

New = Callable[..., Project]


@pytest.fixture
def new(tmp_path: Path) -> Iterator[New]:
    made: list[Project] = []

    def make(task: Task = Task.DETECT) -> Project:
        made.append(Project.create(tmp_path / f"project{len(made)}", task=task))
        return made[-1]

    yield make
    for project in made:
        project.close()


def picture(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def reviews(project: Project) -> dict[str, Review]:
    with project.read() as s:
        return {r.name: r.review for r in queries.images(s, queries.image_ids(s))}


def groups(project: Project) -> dict[str, str]:
    with project.read() as s:
        return {r.title: r.group for r in queries.images(s, queries.image_ids(s))}


def half_labelled_coco(folder: Path) -> Path:
    """Three images of which the first has a box."""
    for n in range(3):
        picture(folder / f"{n}.png", n)
    data = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 50, "height": 40} for n in range(3)],
        "categories": [{"id": 1, "name": "cell"}],
        "annotations": [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [1, 2, 10, 10]}],
    }
    (folder / "labels.json").write_text(json.dumps(data))
    return folder


def yolo(folder: Path) -> Path:
    """One labelled image, one with an empty label file, one without a label file."""
    for n in range(3):
        picture(folder / "images" / f"{n}.png", n)
    labels = folder / "labels"
    labels.mkdir()
    (labels / "0.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (labels / "1.txt").write_text("")
    (folder / "data.yaml").write_text("train: images\nval: images\nnames: [cell]\n")
    return folder


def test_an_image_that_coco_only_lists_never_becomes_a_negative_by_itself(
    new: New, tmp_path: Path
) -> None:
    project, source = new(), half_labelled_coco(tmp_path / "source")
    plan = importing.plan(project, source)
    assert (plan.empty_count, plan.bare_count) == (0, 2)
    (said,) = plan.silence()
    assert said.startswith("2 images have no annotation, and the source does not say why")
    report = importing.run(project, plan)
    assert reviews(project) == {
        "0.png": Review.LABELLED,
        "1.png": Review.UNLABELLED,
        "2.png": Review.UNLABELLED,
    }
    assert (report.empty, report.bare) == (0, 2)
    assert any(line.startswith("2 images without") for line in report.sentences())


def test_the_person_can_say_that_images_without_annotations_are_empty(
    new: New, tmp_path: Path
) -> None:
    project, source = new(), half_labelled_coco(tmp_path / "source")
    report = importing.run(project, importing.plan(project, source), bare="empty")
    assert [reviews(project)[name] for name in ("1.png", "2.png")] == [Review.EMPTY] * 2
    assert (report.empty, report.bare) == (2, 0)
    assert any("negatives in training" in line for line in report.sentences())


def test_an_empty_yolo_file_says_empty_and_a_missing_one_says_nothing(
    new: New, tmp_path: Path
) -> None:
    source = yolo(tmp_path / "source")
    project = new()
    plan = importing.plan(project, source)
    assert (plan.empty_count, plan.bare_count) == (1, 1)
    importing.run(project, plan)
    wanted = {"0.png": Review.LABELLED, "1.png": Review.EMPTY, "2.png": Review.UNLABELLED}
    assert reviews(project) == wanted
    project = new()
    importing.run(project, importing.plan(project, source), bare="unlabelled")
    assert reviews(project) == {**wanted, "1.png": Review.UNLABELLED}


def test_a_coco_export_says_what_was_reviewed_and_is_empty(new: New, tmp_path: Path) -> None:
    first, source = new(), half_labelled_coco(tmp_path / "source")
    importing.run(first, importing.plan(first, source))
    with first.transaction("Review") as s:
        commands.set_review(s, image_ids=[2], review=Review.EMPTY)
    exporting.export(first, tmp_path / "out", format="coco", unlabelled=True)
    second = new()
    importing.run(second, importing.plan(second, tmp_path / "out"))
    assert reviews(second) == reviews(first)


def test_voc_says_which_parts_of_its_objects_stay_outside(new: New, tmp_path: Path) -> None:
    picture(tmp_path / "voc" / "a.png", 1)
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    outline = "<polygon><x1>1</x1><y1>1</y1></polygon>"
    objects = f"<object><name>cell</name>{box}{outline}</object>" * 2
    xml = f"<annotation><filename>a.png</filename>{objects}</annotation>"
    (tmp_path / "voc" / "a.xml").write_text(xml)
    (tmp_path / "voc" / "SegmentationObject").mkdir()
    plan = importing.plan(new(), tmp_path / "voc", format="voc")
    texts = [problem.text for problem in plan.problems]
    said = "2 objects have a polygon in the label file: the box comes in, the rest does not."
    assert said in texts
    assert any("masks in SegmentationObject are not taken" in text for text in texts)


def test_labels_for_a_file_of_several_pages_say_that_they_took_the_first(
    new: New, tmp_path: Path
) -> None:
    folder = half_labelled_coco(tmp_path / "source")
    stack = np.random.default_rng(0).integers(0, 255, (3, 40, 50), np.uint8)
    tifffile.imwrite(folder / "0.tif", stack, photometric="minisblack")
    text = (folder / "labels.json").read_text().replace("0.png", "0.tif")
    (folder / "labels.json").write_text(text)
    plan = importing.plan(new(), folder)
    assert "0.tif has 3 pages; the labels speak of one, so page 1 was taken." in [
        problem.text for problem in plan.problems
    ]


# Groups


def stacks(folder: Path, count: int = 4, pages: int = 5) -> Path:
    folder.mkdir()
    random = np.random.default_rng(1)
    for n in range(count):
        pixels = random.integers(0, 255, (pages, 40, 50), np.uint8)
        tifffile.imwrite(folder / f"stack{n}.tif", pixels, photometric="minisblack")
    return folder


@pytest.mark.parametrize("copy", [False, True])
def test_pages_of_one_file_never_land_in_different_splits(
    new: New, tmp_path: Path, copy: bool
) -> None:
    project = new()
    plan = importing.plan(project, stacks(tmp_path / "stacks"))
    importing.run(project, plan, copy=copy, splits=(0.5, 0.25, 0.25))
    with project.read() as s:
        records = queries.images(s, queries.image_ids(s))
        assert queries.has_groups(s)
        anew = splits.propose(s, keep=False, seed=5)
    assert len(records) == 20
    by_file: dict[str, set[Split | None]] = {}
    for record in records:
        by_file.setdefault(record.name, set()).add(record.split)
        assert anew[record.id] == anew[next(r.id for r in records if r.group == record.group)]
    assert all(len(found) == 1 for found in by_file.values())
    assert len({record.group for record in records}) == 4


def test_images_of_one_folder_can_stay_together(new: New, tmp_path: Path) -> None:
    source = tmp_path / "patients"
    for n in range(6):
        picture(source / f"patient {n % 3}" / f"{n}.png", n)
    project = new()
    with project.read() as s:
        assert not queries.has_groups(s)
    plan = importing.plan_images(project, [source])
    importing.run(project, plan, group_by="folder", copy=True, splits=(0.4, 0.3, 0.3))
    found = groups(project)
    assert found["0.png"] == found["3.png"] != found["1.png"]
    assert found["0.png"].endswith("patient 0")
    with project.read() as s:
        records = {r.name: r.split for r in queries.images(s, queries.image_ids(s))}
    assert all(records[f"{n}.png"] == records[f"{n + 3}.png"] for n in range(3))


def test_single_images_stand_alone(new: New, tmp_path: Path) -> None:
    project = new()
    importing.run(project, importing.plan(project, half_labelled_coco(tmp_path / "source")))
    assert set(groups(project).values()) == {""}
