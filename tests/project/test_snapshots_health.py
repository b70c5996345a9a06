"""A run trains on exactly what counts, and the health check finds what is wrong with the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cvstudio.core.annotation import Kind, Review, Split, State, Task, kind_of
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.snapshot import read_snapshot, write_snapshot
from cvstudio.project import commands, health, queries, snapshots
from cvstudio.project.health import Finding, Level
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

BOX = Box(1, 2, 30, 40)


@pytest.fixture
def split_up(project: Project) -> Project:
    """Images 1 to 6 train, 7 and 8 val, 9 test, the rest without; 1 to 8 have a box of class 1."""
    with project.transaction("Prepare") as s:
        commands.set_split(s, image_ids=range(1, 7), split=Split.TRAIN)
        commands.set_split(s, image_ids=[7, 8], split=Split.VAL)
        commands.set_split(s, image_ids=[9], split=Split.TEST)
        for image in range(1, 9):
            commands.add_annotation(s, image_id=image, class_id=1, shape=BOX)
    return project


# Snapshots


def test_a_snapshot_holds_what_can_be_trained_on_and_nothing_else(split_up: Project) -> None:
    with split_up.transaction("Complicate") as s:
        commands.delete_annotations(s, ids=[2])  # image 2: unlabelled
        commands.set_review(s, image_ids=[9], review=Review.EMPTY)
        commands.update_images(s, ("problem",), [(6, "cut short")])
        commands.add_annotation(s, image_id=10, class_id=1, shape=BOX)  # no split
        commands.add_annotation(s, image_id=1, class_id=2, shape=BOX, state=State.SUGGESTED)
        commands.add_annotation(s, image_id=1, class_id=2, shape=BOX, state=State.REJECTED)
        commands.add_annotation(s, image_id=1, class_id=2, shape=Box(5, 5, 0, 9))
        commands.add_annotation(s, image_id=1, class_id=3, shape=None)
        commands.add_annotation(
            s, image_id=1, class_id=2, shape=BOX, attributes={"iscrowd": 1, "n": 2}
        )
        commands.update_images(s, ("window_low", "window_high"), [(3, 100.0, 4000.0)])
    with split_up.read() as s:
        snapshot = snapshots.build(s, split_up)
    assert snapshot.task is Task.DETECT
    assert [c.id for c in snapshot.classes] == [1, 2, 3]
    assert [i.id for i in snapshot.images] == [1, 3, 4, 5, 7, 8, 9]
    assert [i.split for i in snapshot.images[-3:]] == [Split.VAL, Split.VAL, Split.TEST]
    first = snapshot.images[0]
    assert first.path == split_up.path / "images" / "img 1.png"
    assert [(a.class_id, a.shape, a.crowd) for a in first.annotations] == [
        (1, BOX, False), (3, None, False), (2, BOX, True),
    ]  # fmt: skip
    assert snapshot.images[1].window == (100.0, 4000.0)
    assert snapshot.images[-1].review is Review.EMPTY
    assert snapshot.images[-1].annotations == ()


def test_a_snapshot_survives_its_file_and_its_hash_follows_the_labels(
    split_up: Project, tmp_path: Path
) -> None:
    triangle = Polygon.simple([(0, 0), (9, 0), (9, 9.5)])
    mask = Mask.from_patch(np.ones((4, 5), np.uint8), 3, 3)
    with split_up.transaction("Shapes") as s:
        commands.add_annotation(s, image_id=1, class_id=2, shape=triangle)
        commands.add_annotation(s, image_id=1, class_id=2, shape=mask)

    def taken() -> str:
        with split_up.read() as s:
            snapshot = snapshots.build(s, split_up)
        digest = write_snapshot(tmp_path / "s.jsonl.gz", snapshot)
        assert read_snapshot(tmp_path / "s.jsonl.gz") == snapshot
        return digest

    first = taken()
    assert taken() == first
    with split_up.transaction("Move") as s:
        commands.set_shape(s, id=1, shape=Box(2, 2, 30, 40))
    assert taken() != first
    split_up.undo()
    assert taken() == first


# Health


def findings(project: Project, *, files: bool = False) -> dict[str, Finding]:
    with project.read() as s:
        found = health.check(s, project, files=files)
    assert [list(Level).index(f.level) for f in found] == sorted(
        list(Level).index(f.level) for f in found
    )
    assert all(f.text.endswith(".") for f in found)
    return {f.kind: f for f in found}


def test_sound_data_has_no_errors_and_no_warnings_but_missing_classes(split_up: Project) -> None:
    with split_up.transaction("Complete") as s:
        commands.add_annotation(s, image_id=9, class_id=1, shape=BOX)
        commands.remove_images(s, ids=[10, 11, 12])
    found = findings(split_up)
    assert found.keys() == {"unused class"}
    assert found["unused class"].level is Level.NOTE


def test_shapes_without_area_or_outside_of_the_image_are_found(split_up: Project) -> None:
    with split_up.transaction("Spoil") as s:
        commands.add_annotation(s, image_id=2, class_id=1, shape=Box(5, 5, 0, 9))
        commands.add_annotation(s, image_id=2, class_id=1, shape=Box(5, 5, 9, 0))
        commands.add_annotation(s, image_id=3, class_id=1, shape=Box(200, 5, 9, 9))
        commands.add_annotation(s, image_id=4, class_id=1, shape=Box(195, 5, 9, 9))
        commands.add_annotation(s, image_id=5, class_id=1, shape=Box(191.9, -0.9, 9, 9))
        commands.add_annotation(s, image_id=6, class_id=1, shape=BOX)
    found = findings(split_up)
    assert found["no area"].image_ids == (2,)
    assert "2 annotations" in found["no area"].text
    assert found["outside"].image_ids == (3,)
    assert found["over the edge"].image_ids == (4,)
    assert found["repeated"].image_ids == (6,)


def test_copies_in_two_splits_are_an_error_and_inside_one_a_note(split_up: Project) -> None:
    with split_up.transaction("Hashes") as s:
        hashes = [(1, "aa"), (2, "aa"), (3, "bb"), (7, "bb"), (4, "cc"), (10, "cc"), (5, "dd")]
        commands.update_images(s, ("sha256",), hashes)
    found = findings(split_up)
    assert found["copies across splits"].image_ids == (3, 7)
    assert found["copies across splits"].level is Level.ERROR
    assert found["copies"].image_ids == (1, 2, 4, 10)


def test_pages_of_one_file_are_not_copies_of_each_other(project: Project) -> None:
    with project.transaction("Add") as s:
        pages = [NewImage("s.tif", 5, 5, page=p, pages=2, sha256="aa") for p in range(2)]
        commands.add_images(s, pages)
    assert "copies" not in findings(project)


def test_a_group_in_two_splits_is_found(split_up: Project) -> None:
    with split_up.transaction("Groups") as s:
        commands.set_group(s, image_ids=[1, 7], group="patient 1")
        commands.set_group(s, image_ids=[2, 3, 10], group="patient 2")
    assert findings(split_up)["group across splits"].image_ids == (1, 7)


def test_classes_and_splits_that_are_missing_are_named(split_up: Project) -> None:
    with split_up.transaction("Only on val") as s:
        commands.add_annotation(s, image_id=7, class_id=2, shape=BOX)
        commands.add_annotation(s, image_id=10, class_id=1, shape=BOX)
    with split_up.read() as s:
        found = health.check(s, split_up, files=False)
    texts = {f.text for f in found if f.kind == "class missing in split"}
    assert 'No image of train shows “he said "x/y"”.' in texts
    assert found[0].level is Level.ERROR
    assert {f.kind: f for f in found}["no split"].image_ids == (10,)
    with split_up.transaction("No val") as s:
        commands.set_split(s, image_ids=[7, 8, 9], split=Split.TRAIN)
    kinds = findings(split_up)
    assert kinds["no val"].level is Level.ERROR
    assert kinds["no test"].level is Level.NOTE


def test_files_that_are_gone_or_cannot_be_read_are_found(split_up: Project) -> None:
    there = split_up.image_path("images/img 5.png")
    there.parent.mkdir()
    there.touch()
    with split_up.transaction("Broken") as s:
        commands.update_images(s, ("problem",), [(5, "cut short")])
    found = findings(split_up, files=True)
    assert found["unreadable"].image_ids == (5,)
    assert found["missing file"].image_ids == tuple(i for i in range(1, 13) if i != 5)


def test_unfinished_work_is_mentioned(split_up: Project) -> None:
    with split_up.transaction("Suggest") as s:
        commands.add_annotation(s, image_id=10, class_id=1, shape=BOX, state=State.SUGGESTED)
    found = findings(split_up)
    assert found["unlabelled"].image_ids == (9, 10, 11, 12)
    assert found["suggestions"].image_ids == (10,)


@pytest.mark.parametrize("task", list(Task))
def test_annotations_that_the_task_cannot_learn_from_are_found(tmp_path: Path, task: Task) -> None:
    shapes = [
        BOX,
        Polygon.simple([(0, 0), (9, 0), (9, 9)]),
        Mask.from_patch(np.ones((4, 5), np.uint8)),
        None,
    ]
    with Project.create(tmp_path / "p", task=task, classes=["a"]) as project:
        with project.transaction("Add") as s:
            ids = commands.add_images(s, [NewImage(f"{n}.png", 50, 50) for n in range(4)])
            for id, shape in zip(ids, shapes, strict=True):
                commands.add_annotation(s, image_id=id, class_id=1, shape=shape)
        finding = findings(project)["kind"]
        if task is Task.INSTANCE:
            assert finding.text == (
                "1 box and 1 class of a whole image are left out:"
                " outlining learns from polygons and masks only."
            )
        unfit = set(finding.image_ids)
    useful = {kind_of(shape) for id, shape in zip(ids, shapes, strict=True) if id not in unfit}
    assert (
        useful
        == {
            Task.CLASSIFY: {Kind.IMAGE},
            Task.DETECT: {Kind.BOX, Kind.POLYGON, Kind.MASK},
            Task.SEGMENT: {Kind.POLYGON, Kind.MASK},
            Task.INSTANCE: {Kind.POLYGON, Kind.MASK},
        }[task]
    )


def test_classes_that_differ_in_case_only_are_asked_about(project: Project) -> None:
    assert "classes alike" not in findings(project)
    with project.transaction("Class") as s:
        commands.add_class(s, name="Red_Cell")
    found = findings(project)["classes alike"]
    assert found.text.startswith("“Red_Cell” and “red cell” differ only")


# Rotated boxes and keypoints


def test_detect_is_held_to_what_can_be_seen_of_a_rotated_box_at_the_edge(
    split_up: Project,
) -> None:
    with split_up.transaction("Draw") as s:
        width = queries.image(s, 1).width
        shape = RotatedBox(width - 10, 30, 60, 10, 45)
        id = commands.add_annotation(s, image_id=1, class_id=2, shape=shape)
    with split_up.read() as s:
        images = snapshots.build(s, split_up).images
        found = {finding.kind: finding for finding in health.check(s, split_up)}
    (annotation,) = (a for image in images for a in image.annotations if a.id == id)
    assert annotation.shape == shape
    assert annotation.box.right == width
    assert annotation.box.x == pytest.approx(shape.box.x)
    assert "over the edge" not in found  # a corner rightly stands out there


def test_two_rotated_boxes_that_cross_are_not_the_same_annotation_twice(
    split_up: Project,
) -> None:
    with split_up.transaction("Draw") as s:
        for angle in (30, -30):
            commands.add_annotation(
                s, image_id=1, class_id=2, shape=RotatedBox(50, 50, 60, 10, angle)
            )
    with split_up.read() as s:
        assert "repeated" not in {finding.kind for finding in health.check(s, split_up)}
    with split_up.transaction("Draw again") as s:
        commands.add_annotation(s, image_id=1, class_id=2, shape=RotatedBox(50, 50, 60, 10, 30))
    with split_up.read() as s:
        found = {finding.kind: finding for finding in health.check(s, split_up)}
    assert found["repeated"].image_ids == (1,)


def test_keypoints_count_where_networks_for_them_can_be_trained(split_up: Project) -> None:
    with split_up.transaction("Draw") as s:
        shape = Keypoints.of([(5, 5, 2), (9, 9, 1)])
        commands.add_annotation(s, image_id=1, class_id=2, shape=shape)
    with split_up.read() as s:
        found = {finding.kind: finding for finding in health.check(s, split_up)}
    assert "kind" not in found
