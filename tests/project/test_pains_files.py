"""What people complain of about label files and imports, as tests: each names the pain in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import small_job
from PIL import Image

from cvstudio.core.annotation import Review, Source, Split, Task
from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.core.networks import default_config
from cvstudio.core.snapshot import read_snapshot
from cvstudio.project import commands, exporting, importing, launch, queries, runs
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

ORDER = ("Zebra", "apple", "10", "2", "Cell")  # neither alphabetical nor by number


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Projects of two images each; all are closed at the end."""
    made: list[Project] = []

    def new(task: Task, classes: tuple[str, ...] = (), *, images: int = 2) -> Project:
        folder = tmp_path / f"project {len(made)}"
        project = Project.create(folder, task=task, classes=classes)
        made.append(project)
        (folder / "images").mkdir(exist_ok=True)
        noise = np.random.default_rng(len(made))
        with project.transaction("Fill", undoable=False) as s:
            for n in range(images):
                file = folder / "images" / f"{n}.png"
                Image.fromarray(noise.integers(0, 255, (80, 100, 3), np.uint8)).save(file)
                commands.add_images(s, [NewImage(project.uri_of(file), 100, 80)])
        return project

    yield new
    for project in made:
        project.close()


def bring(project: Project, source: Path) -> None:
    importing.run(project, importing.plan(project, source))


def test_yolo_keeps_the_order_of_classes_through_export_and_import(make, tmp_path: Path) -> None:
    """The classes of a YOLO file come in alphabetical order, and every label is wrong."""
    first, second = make(Task.DETECT, ORDER), make(Task.DETECT, images=0)
    with first.transaction("Draw") as s:
        for number, label in enumerate(queries.classes(s)):
            commands.add_annotation(
                s, image_id=1, class_id=label.id, shape=Box(10 * number, 5, 8, 8)
            )
    exporting.export(first, tmp_path / "out", format="yolo")
    (lines,) = (
        text
        for text in (p.read_text() for p in (tmp_path / "out").rglob("*.txt"))
        if len(text.splitlines()) == len(ORDER)
        and all(len(line.split()) == 5 for line in text.splitlines())
    )
    assert [int(line.split()[0]) for line in lines.splitlines()] == list(range(len(ORDER)))
    bring(second, tmp_path / "out")
    with second.read() as s:
        names = {c.id: c.name for c in queries.classes(s)}
        assert tuple(names.values()) == ORDER
        found = sorted(queries.annotations(s, 1), key=lambda a: a.box.x)
    assert tuple(names[a.class_id] for a in found) == ORDER


def test_a_space_behind_a_class_name_in_a_file_does_no_harm(make, tmp_path: Path) -> None:
    """One space too many in the list of classes, and nothing can be exported, without a reason."""
    source, project = tmp_path / "yolo", make(Task.DETECT, images=0)
    (source / "images").mkdir(parents=True)
    (source / "labels").mkdir()
    Image.new("RGB", (100, 80)).save(source / "images" / "a.png")
    (source / "labels" / "a.txt").write_text("1 0.5 0.5 0.2 0.2\n")
    (source / "classes.txt").write_text("red cell \nwhite cell  \n")
    bring(project, source)
    with project.read() as s:
        assert [c.name for c in queries.classes(s)] == ["red cell", "white cell"]
    report = exporting.export(project, tmp_path / "out", format="yolo")
    assert report.images == 1
    assert list((tmp_path / "out").rglob("a.txt"))


def test_an_object_in_two_pieces_stays_one_object(make, tmp_path: Path) -> None:
    """An object that something stands in front of comes back from a file as two objects."""
    square = np.array([(0.0, 0.0), (20.0, 0.0), (20.0, 30.0), (0.0, 30.0)])
    places = np.array([(10.0, 10.0), (60.0, 20.0)])
    split = Polygon(tuple(Part(square + place) for place in places))
    first = make(Task.INSTANCE, ("car",))
    with first.transaction("Draw") as s:
        commands.add_annotation(s, image_id=1, class_id=1, shape=split)
    for format in ("coco", "yolo"):
        second = make(Task.INSTANCE, images=0)
        exporting.export(first, tmp_path / format, format=format)
        bring(second, tmp_path / format)
        with second.read() as s:
            (found,) = queries.annotations(s, 1)
        assert (found.box.x, found.box.y) == pytest.approx((10, 10), abs=0.01)
        assert found.box.w == pytest.approx(70, abs=0.01)


def test_importing_a_file_again_leaves_what_was_edited_since(make, tmp_path: Path) -> None:
    """Labels are read again from the old file, and hand-made corrections are overwritten."""
    first = make(Task.DETECT, ("cell",))
    with first.transaction("Draw") as s:
        commands.add_annotation(s, image_id=1, class_id=1, shape=Box(10, 10, 20, 20))
    exporting.export(first, tmp_path / "out", format="coco")
    second = make(Task.DETECT, images=0)
    bring(second, tmp_path / "out")
    with second.transaction("Correct") as s:
        (mine,) = queries.annotations(s, 1)
        commands.set_shape(s, id=mine.id, shape=Box(12, 11, 25, 22))
    bring(second, tmp_path / "out")
    with second.read() as s:
        boxes = {a.id: (a.shape, a.source) for a in queries.annotations(s, 1)}
    assert boxes[mine.id] == (Box(12, 11, 25, 22), Source.HUMAN)


def test_a_damaged_mask_is_named_and_does_not_stop_the_export_of_the_others(
    make, tmp_path: Path
) -> None:
    """One damaged mask among thousands, found by the export at the end of the project."""
    source, project = tmp_path / "coco", make(Task.INSTANCE, images=0)
    source.mkdir()
    Image.new("RGB", (20, 10)).save(source / "a.png")
    good = {"size": [10, 20], "counts": [50, 50, 100]}
    bad = {"size": [10, 20], "counts": [50, 500]}
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 20, "height": 10}],
        "categories": [{"id": 1, "name": "cell"}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 1, "segmentation": runs_, "area": 50,
             "bbox": [0, 0, 5, 10], "iscrowd": 1}
            for n, runs_ in ((1, good), (2, bad))
        ],
    }  # fmt: skip
    (source / "labels.json").write_text(json.dumps(content))
    plan = importing.plan(project, source)
    assert plan.annotation_count == 1
    assert plan.problems, "the damaged one is told before anything is taken in"
    importing.run(project, plan)
    report = exporting.export(project, tmp_path / "out", format="coco")
    assert report.annotations == 1


def test_one_labels_on_while_a_training_runs(make) -> None:
    """While a network trains one can only wait, or it trains on what is changed meanwhile."""
    project = make(Task.DETECT, ("cell",), images=4)
    with project.transaction("Draw") as s:
        for image_id, split in zip((1, 2, 3, 4), [Split.TRAIN] * 3 + [Split.VAL], strict=True):
            commands.add_annotation(s, image_id=image_id, class_id=1, shape=Box(10, 10, 30, 20))
            commands.set_split(s, image_ids=[image_id], split=split)
            commands.set_review(s, image_ids=[image_id], review=Review.REVIEWED)
    run = runs.create_run(project, default_config(Task.DETECT, network="yolo26n", epochs=50))
    job = runs.job_of(run)
    try:
        runs.start(project, run.id, command=small_job.command)
        with project.transaction("Add box") as s:
            commands.add_annotation(s, image_id=1, class_id=1, shape=Box(50, 10, 30, 20))
        with project.read() as s:
            assert len(queries.annotations(s, 1)) == 2
        (image,) = (i for i in read_snapshot(job.snapshot).images if i.id == 1)
        assert len(image.annotations) == 1, "the run keeps the labels it was started with"
        assert launch.alive(job)
    finally:
        launch.end(job, asked_seconds=0, terminate_seconds=0)
