"""Skeletons of classes: stored, handed down, changed with the points of their objects."""

import numpy as np
import pytest
from project_state import dump

from cvstudio.core.annotation import Source
from cvstudio.core.errors import ProjectError
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.skeleton import COCO_PERSON, Skeleton
from cvstudio.project import (
    class_tree,
    commands,
    points_moving,
    queries,
    skeleton_changes,
    skeletons,
)

ARM = Skeleton(("shoulder", "elbow", "wrist"), ((0, 1), (1, 2)))
POINTS = [(10, 10, 2), (20, 20, 1), (30, 25, 2)]


@pytest.fixture
def arm(project):
    """The project with a skeleton for its first class, and one object of it."""
    with project.transaction("Skeleton") as s:
        skeleton_changes.define(s, class_id=1, skeleton=ARM)
        commands.add_annotation(s, image_id=1, class_id=1, shape=Keypoints.of(POINTS))
    return project


def only(project):
    with project.read() as s:
        (found,) = queries.annotations(s, 1)
    return found


def test_a_skeleton_is_kept_and_undone_in_one_step(project):
    before = dump(project)
    with project.transaction("Skeleton") as s:
        skeleton_changes.define(s, class_id=1, skeleton=COCO_PERSON)
    with project.read() as s:
        assert skeletons.skeletons(s)[1] == COCO_PERSON
    assert project.undo() is not None
    assert dump(project) == before
    with project.read() as s:
        assert skeletons.skeletons(s) == {}


def test_the_points_of_objects_go_with_their_names(arm):
    new = Skeleton(("wrist", "hand", "shoulder"), ((0, 2),))
    with arm.read() as s:
        told = skeleton_changes.plan(s, class_id=1, skeleton=new).sentences()
    assert told == [
        "1 object in 1 image has keypoints of this class.",
        "Their points go with their names in 1 object.",
    ]
    with arm.transaction("Skeleton") as s:
        skeleton_changes.define(s, class_id=1, skeleton=new)
    found = only(arm)
    assert found.shape.points.tolist() == [[30, 25, 2], [20, 20, 1], [10, 10, 2]]
    assert arm.undo() is not None
    assert only(arm).shape == Keypoints.of(POINTS)


def test_a_point_that_goes_is_told_before(arm):
    less = Skeleton(("shoulder", "wrist"), ((0, 1),))
    with arm.read() as s:
        plan = skeleton_changes.plan(s, class_id=1, skeleton=less)
    assert plan.sentences()[:2] == [
        "1 object loses “elbow”.",
        "1 object in 1 image has keypoints of this class.",
    ]
    with arm.transaction("Skeleton") as s:
        skeleton_changes.define(s, class_id=1, skeleton=less)
    assert only(arm).shape.points.tolist() == [[10, 10, 2], [30, 25, 2]]


def test_points_go_with_their_names_into_another_class_and_back(arm):
    leg = Skeleton(("wrist", "toe", "elbow", "shoulder"))
    with arm.transaction("Another skeleton") as s:
        skeleton_changes.define(s, class_id=2, skeleton=leg)
    with arm.transaction("Change class") as s:
        commands.set_class(s, ids=[only(arm).id], class_id=2)
    assert only(arm).shape.points.tolist() == [
        [30, 25, 2], [0, 0, 0], [20, 20, 1], [10, 10, 2],
    ]  # fmt: skip
    with arm.transaction("Change it back") as s:
        commands.set_class(s, ids=[only(arm).id], class_id=1)
    assert only(arm).shape == Keypoints.of(POINTS)


def test_points_keep_their_order_where_another_class_lacks_one_of_them(arm):
    with arm.transaction("Another skeleton") as s:
        skeleton_changes.define(s, class_id=2, skeleton=Skeleton(("wrist", "elbow")))
        commands.set_class(s, ids=[1], class_id=2)
    assert only(arm).shape == Keypoints.of(POINTS)
    assert only(arm).class_id == 2


def test_many_points_that_go_are_told_in_one_sentence(project):
    with project.transaction("Skeleton") as s:
        skeleton_changes.define(s, class_id=1, skeleton=Skeleton(("a", "b", "c", "d", "e")))
        for known in ((2, 2, 1, 2, 2), (2, 2, 2, 2, 0)):
            points = Keypoints.of([(n, n + 1, k) for n, k in enumerate(known)])
            commands.add_annotation(s, image_id=1, class_id=1, shape=points)
    with project.read() as s:
        plan = skeleton_changes.plan(s, class_id=1, skeleton=Skeleton(("a",)))
    assert plan.lost == ("Objects lose “b” in 2, “c” in 2, “d” in 2, “e” in 1.",)


def test_another_skeleton_makes_no_imported_object_the_persons_own(project):
    with project.transaction("Skeleton") as s:
        skeleton_changes.define(s, class_id=1, skeleton=ARM)
        commands.add_annotation(
            s, image_id=1, class_id=1, shape=Keypoints.of(POINTS), source=Source.IMPORT
        )
    with project.transaction("Skeleton") as s:
        turned = Skeleton(ARM.names[::-1], ARM.edges)
        skeleton_changes.define(s, class_id=1, skeleton=turned)
    assert only(project).source is Source.IMPORT
    assert np.array_equal(only(project).shape.points, np.array(POINTS[::-1], float))


def test_objects_with_other_points_than_the_skeleton_keep_them(project):
    with project.transaction("Free points") as s:
        commands.add_annotation(s, image_id=1, class_id=1, shape=Keypoints.of(POINTS[:2]))
    with project.transaction("Skeleton") as s:
        skeleton_changes.define(s, class_id=1, skeleton=ARM)
    with project.transaction("Skeleton") as s:
        skeleton_changes.define(s, class_id=1, skeleton=Skeleton(("tip",)))
    assert only(project).shape == Keypoints.of(POINTS[:2])


def test_kinds_have_the_skeleton_of_their_class_and_keep_it_without_it(arm):
    with arm.transaction("Kind") as s:
        kind = commands.add_class(s, name="left arm")
        class_tree.set_parent(s, id=kind, parent_id=1)
    with arm.read() as s:
        assert skeletons.skeletons(s)[kind] == ARM
    with arm.transaction("Delete") as s:
        class_tree.delete(s, ids=[1])
    with arm.read() as s:
        assert skeletons.skeletons(s) == {kind: ARM}


def test_a_class_without_a_skeleton_takes_that_of_one_merged_into_it(arm):
    with arm.transaction("Merge") as s:
        class_tree.merge(s, sources=[1], target=2)
    with arm.read() as s:
        assert skeletons.skeletons(s)[2] == ARM


def test_where_the_points_of_labelled_objects_usually_lie(arm):
    with arm.read() as s:
        found = skeletons.labelled(s, 1)
    assert found.names == ARM.names
    assert found.layout == ((0.1, 0.2), (0.5, 0.6), (0.9, 0.8)), "as wide for its height"
    with arm.transaction("More of them, and one with few points") as s:
        for _ in range(2):
            other = [(0, 60, 2), (60, 60, 2), (120, 0, 2)]
            commands.add_annotation(s, image_id=2, class_id=1, shape=Keypoints.of(other))
        lost = [(0, 0, 0), (60, 60, 2), (0, 0, 0)]
        commands.add_annotation(s, image_id=2, class_id=1, shape=Keypoints.of(lost))
    with arm.read() as s:
        found = skeletons.labelled(s, 1)
        assert skeletons.labelled(s, 2) is None
    assert found.layout == ((0.1, 0.7), (0.5, 0.7), (0.9, 0.3))


def merge_words(project, sources, target=2):
    with project.read() as s:
        return points_moving.merging_sentences(s, sources=sources, target=target, name="leg")


def test_a_merge_says_before_what_becomes_of_the_points_and_does_just_that(arm):
    leg = Skeleton(("elbow", "foot", "toe", "shoulder"))
    with arm.transaction("Another skeleton") as s:
        skeleton_changes.define(s, class_id=2, skeleton=leg)
    before = dump(arm)
    assert merge_words(arm, [1]) == [
        "“wrist” is called “toe” then, for it has that place in the skeleton.",
        "In 1 object the points go with their names into the order of “leg”.",
    ]
    with arm.transaction("Merge") as s:
        class_tree.merge(s, sources=[1], target=2)
    assert only(arm).shape.points.tolist() == [
        [20, 20, 1], [0, 0, 0], [30, 25, 2], [10, 10, 2],
    ]  # fmt: skip
    assert arm.undo() is not None
    assert dump(arm) == before


def test_points_that_a_merge_takes_away_are_named_before(arm):
    with arm.transaction("Another skeleton") as s:
        skeleton_changes.define(s, class_id=2, skeleton=Skeleton(("wrist", "shoulder")))
        commands.add_annotation(s, image_id=2, class_id=1, shape=Keypoints.of(POINTS[:2]))
        commands.add_annotation(s, image_id=2, class_id=1, shape=Keypoints.of(POINTS * 2))
    assert merge_words(arm, [1]) == [
        "1 object loses “elbow”.",
        "In 1 object the points go with their names into the order of “leg”.",
        "2 objects have points without names, and keep them; in 1 they get names by their order.",
    ]
    with arm.transaction("Merge") as s:
        class_tree.merge(s, sources=[1], target=2)
    assert only(arm).shape.points.tolist() == [[30, 25, 2], [10, 10, 2]]


def test_a_merge_that_leaves_every_point_where_it_is_says_nothing_of_points(arm):
    with arm.transaction("The same skeleton") as s:
        skeleton_changes.define(s, class_id=2, skeleton=ARM)
    assert merge_words(arm, [1]) == []
    with arm.transaction("None") as s:
        skeleton_changes.define(s, class_id=2, skeleton=None)
    assert merge_words(arm, [1]) == ["“leg” gets their skeleton."]


@pytest.mark.parametrize(
    ("skeleton", "words"),
    [
        (Skeleton(()), "at least one"),
        (Skeleton(("a", "a")), "twice"),
        (Skeleton(("a", " ")), "no name"),
        (Skeleton(("a", "b"), ((0, 2),)), "two different points"),
    ],
)
def test_what_is_no_skeleton_is_refused_in_words(project, skeleton, words):
    with project.read() as s, pytest.raises(ProjectError, match=words):
        skeleton_changes.plan(s, class_id=1, skeleton=skeleton)
