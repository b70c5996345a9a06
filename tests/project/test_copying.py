"""Copies on other images lie where their originals lie, and inside those images."""

import pytest

from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Box, Polygon
from cvstudio.project import commands, copying, queries
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage


@pytest.fixture
def project(tmp_path):
    """A large image, a smaller one, and one as large as the first."""
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=("a",)) as made:
        with made.transaction("Import") as s:
            sizes = ((200, 100), (60, 50), (200, 100))
            commands.add_images(s, [NewImage(f"{n}.png", *size) for n, size in enumerate(sizes)])
        yield made


def on(project, image):
    with project.read() as s:
        return queries.annotations(s, image)


def add(project, shape, image=1, **more):
    with project.transaction("Add") as s:
        return commands.add_annotation(s, image_id=image, class_id=1, shape=shape, **more)


def test_on_a_smaller_image_copies_are_cut_and_what_lies_outside_does_not_come(project):
    whole, cut = add(project, Box(5, 5, 20, 20)), add(project, Box(40, 30, 60, 60))
    ring = add(project, Polygon.simple([(10, 10), (90, 10), (10, 40)]))
    outside = add(project, Box(100, 10, 50, 50))
    with project.transaction("Copy") as s:
        new = copying.copy_annotations(s, ids=[whole, cut, ring, outside], image_ids=[2, 3])
    assert len(new) == 7
    assert [a.box for a in on(project, 2)] == [
        Box(5, 5, 20, 20), Box(40, 30, 20, 20), Box(10, 10, 50, 30),
    ]  # fmt: skip
    assert [a.shape for a in on(project, 3)] == [a.shape for a in on(project, 1)]
    project.undo()
    assert not on(project, 2)


def test_a_copy_on_another_image_is_the_same_object_but_only_once(project):
    first = add(project, Box(5, 5, 20, 20), attributes={"track_id": 4, "note": "x"})
    add(project, Box(9, 9, 9, 9), image=3, attributes={"track_id": 4})
    with project.transaction("Copy") as s:
        copying.copy_annotations(s, ids=[first], image_ids=[2, 3])
    assert on(project, 2)[0].attributes == {"track_id": 4, "note": "x"}
    assert [a.attributes for a in on(project, 3)] == [{"track_id": 4}, {"note": "x"}]


def test_what_a_broken_file_carries_in_place_of_an_objects_number_is_copied_as_it_is(project):
    broken = {"track_id": [1, 2], "note": "x"}
    first = add(project, Box(5, 5, 20, 20), attributes=broken)
    add(project, Box(9, 9, 9, 9), image=3, attributes={"track_id": {"of": 1}})
    add(project, Box(9, 9, 9, 9), image=3, attributes={"track_id": 4})
    with project.transaction("Copy") as s:
        copying.copy_annotations(s, ids=[first], image_ids=[2, 3])
    assert on(project, 2)[0].attributes == broken
    assert on(project, 3)[-1].attributes == broken
