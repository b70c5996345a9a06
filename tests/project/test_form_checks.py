"""What the checks say of a network that answers with something else than what is labelled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cvstudio.augment.catalogue import make_step
from cvstudio.core.annotation import Kind, Review, Shape, Split, Task
from cvstudio.core.forms import ALWAYS, Answers
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.networks import default_config, network
from cvstudio.core.recipe import Fit, Start, TrainConfig
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.skeleton import Skeleton
from cvstudio.project import commands, skeleton_changes, training_facts
from cvstudio.project.check import Check, Level
from cvstudio.project.form_checks import form_checks, in_form, offered
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage
from cvstudio.project.runs import changed_config
from cvstudio.project.training_facts import Facts

FISH, BIRD, STONE = 1, 2, 3
ARROW = Skeleton(("tip", "end"), ((0, 1),))
WINGS = Skeleton(("beak", "left wing", "right wing"), ((0, 1), (0, 2)))
UPRIGHT, ASKEW = Box(10, 10, 40, 20), RotatedBox(50, 50, 40, 20, 30)
RING = Polygon.simple([(60, 60), (90, 60), (75, 90)])
TWO, THREE = Keypoints.of([(10, 10, 2), (30, 30, 2)]), Keypoints.of([(50, 10, 2), (40, 20, 2),
                                                                    (60, 20, 1)])  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project.create(tmp_path / "p", task=Task.DETECT, classes=["fish", "bird", "stone"])
    with made.transaction("Add") as s:
        commands.add_images(
            s,
            [
                NewImage(f"{n}.png", 100, 100, split=split, review=Review.REVIEWED)
                for n, split in enumerate([Split.TRAIN, Split.VAL])
            ],
        )
    yield made
    made.close()


def draw(project: Project, *shapes: tuple[Shape, int], image_id: int = 1) -> Facts:
    """The facts with these objects labelled on an image besides what is there."""
    with project.transaction("Draw") as s:
        for shape, class_id in shapes:
            commands.add_annotation(s, image_id=image_id, class_id=class_id, shape=shape)
    with project.read() as s:
        return training_facts.gather(s, project)


def bones(project: Project, class_id: int, skeleton: Skeleton) -> None:
    with project.transaction("Skeleton") as s:
        skeleton_changes.define(s, class_id=class_id, skeleton=skeleton)


def config(name: str, **over: Any) -> TrainConfig:
    return default_config(Task.DETECT, network=name, start=Start.SCRATCH, **over)


def told(facts: Facts, name: str, **over: Any) -> list[Check]:
    return form_checks(facts, config(name, **over))


def taken(check: Check, before: TrainConfig) -> TrainConfig:
    """The settings after the one way that a check offers."""
    (action,) = check.actions
    return changed_config(before, {**action.changes})


def test_networks_are_offered_for_what_is_labelled(project: Project) -> None:
    assert offered(draw(project, (UPRIGHT, FISH))) == ALWAYS
    assert offered(draw(project, (TWO, FISH))) == ALWAYS, "points without a skeleton have no names"
    assert offered(draw(project, (RING, FISH))) == ALWAYS | {Answers.ROTATED}
    bones(project, FISH, ARROW)
    assert offered(draw(project)) == ALWAYS | {Answers.ROTATED, Answers.KEYPOINTS}


def test_rotated_boxes_learned_as_upright_ones_are_told_with_the_network_that_learns_them(
    project: Project,
) -> None:
    facts = draw(project, (ASKEW, FISH), (ASKEW, STONE), (UPRIGHT, FISH))
    (line,) = told(facts, "yolo26s")
    assert (line.level, line.text) == (Level.ADVICE, "2 rotated boxes learned as upright ones")
    assert taken(line, config("yolo26s")).network == "yolo26s-obb"
    few = draw(project, (UPRIGHT, FISH), (UPRIGHT, FISH), (UPRIGHT, FISH))
    assert told(few, "yolo26s") == []


def test_a_stretching_run_pads_once_it_takes_the_network_for_rotated_boxes(
    project: Project,
) -> None:
    facts = draw(project, (ASKEW, FISH))
    (line,) = told(facts, "yolo26s", fit=Fit.STRETCH)
    after = taken(line, config("yolo26s", fit=Fit.STRETCH))
    assert (after.network, after.fit) == ("yolo26s-obb", Fit.PAD)
    (line,) = form_checks(facts, config("rtdetr-l"))
    assert network(taken(line, config("rtdetr-l")).network).answers is Answers.ROTATED


def test_a_network_for_rotated_boxes_says_when_there_is_no_angle_to_learn(
    project: Project,
) -> None:
    assert told(draw(project), "yolo26n-obb") == []
    (line,) = told(draw(project, (UPRIGHT, FISH)), "yolo26n-obb")
    assert (line.level, line.text) == (Level.ADVICE, "No rotated box in train")
    assert taken(line, config("yolo26n-obb")).network == "yolo26n"
    (line,) = told(draw(project, (ASKEW, FISH), (RING, FISH)), "yolo26n-obb")
    assert (line.level, line.text) == (Level.OK, "1 of 3 objects in train are rotated boxes")


def test_keypoints_left_out_are_told_and_the_network_that_learns_them_is_one_click_away(
    project: Project,
) -> None:
    bones(project, FISH, ARROW)
    facts = draw(project, (TWO, FISH), (UPRIGHT, STONE))
    (line,) = told(facts, "yolo11m")
    assert (line.level, line.text) == (Level.ADVICE, "1 object has keypoints, left out")
    assert taken(line, config("yolo11m")).network == "yolo11m-pose"


def test_a_network_for_keypoints_cannot_start_without_any(project: Project) -> None:
    (line,) = told(draw(project, (UPRIGHT, FISH)), "yolo26n-pose")
    assert (line.level, line.text) == (
        Level.BLOCKING, "No object in train has keypoints of a skeleton",
    )  # fmt: skip
    assert taken(line, config("yolo26n-pose")).network == "yolo26n"
    bones(project, FISH, ARROW)
    on_val = draw(project, (TWO, FISH), image_id=2)
    assert told(on_val, "yolo26n-pose")[0].level is Level.BLOCKING


def test_one_skeleton_is_learned_and_the_classes_with_another_are_named(project: Project) -> None:
    bones(project, FISH, ARROW)
    bones(project, BIRD, WINGS)
    facts = draw(project, (TWO, FISH), (TWO, FISH), (THREE, BIRD))
    learned, left = told(facts, "yolo26n-pose")
    assert (learned.level, learned.text) == (Level.OK, "Learns 2 points from 2 objects in train")
    assert learned.detail == "tip, end"
    assert (left.level, left.text) == (Level.ADVICE, "Another skeleton, left out: “bird”")
    counts = in_form(facts, config("yolo26n-pose")).counts[Split.TRAIN]
    assert {id: count for id, count in counts.items() if count} == {FISH: 2}
    assert in_form(facts, config("yolo26n")) is facts
    assert facts.kinds[Split.TRAIN][BIRD, Kind.KEYPOINTS] == 1


def test_points_that_a_mirror_should_exchange_must_be_named_so(project: Project) -> None:
    flip = (make_step("flip_horizontal"),)
    bones(project, FISH, ARROW)
    facts = draw(project, (TWO, FISH))
    assert "Mirrored variants exchange no points" in [
        line.text for line in told(facts, "yolo26n-pose", augmentation=flip)
    ]
    assert len(told(facts, "yolo26n-pose", augmentation=())) == 1
    off = (flip[0].model_copy(update={"enabled": False}),)
    assert len(told(facts, "yolo26n-pose", augmentation=off)) == 1
    bones(project, BIRD, WINGS)
    more = draw(project, (THREE, BIRD), (THREE, BIRD))
    words = [line.text for line in told(more, "yolo26n-pose", augmentation=flip)]
    assert "Learns 3 points from 2 objects in train" in words
    assert "Mirrored variants exchange no points" not in words


def test_other_tasks_are_told_nothing(tmp_path: Path) -> None:
    with Project.create(tmp_path / "q", task=Task.INSTANCE, classes=["fish"]) as made:
        with made.read() as s:
            facts = training_facts.gather(s, made)
        assert form_checks(facts, default_config(Task.INSTANCE)) == []
