"""Suggestions lie beside a person's work, never over it, and count nowhere until they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvstudio.core.annotation import LabelClass, Review, Source, Split, State, Task
from cvstudio.core.config import SuggestConfig
from cvstudio.core.errors import RunError
from cvstudio.core.forms import BOXES, ROTATED, Answers, Form
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir, replace_file
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.skeleton import Skeleton
from cvstudio.core.suggestion import ANSWERS, Answer, Unread, write_answer
from cvstudio.project import (
    commands,
    decisions,
    exporting,
    image_classes,
    queries,
    runs,
    skeleton_changes,
    snapshots,
    suggesting,
    suggestions,
)
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

RED, WHITE = 1, 2
CLASSES = (LabelClass(RED, "red", "#FF0000"), LabelClass(WHITE, "white", "#FFFFFF"))


class Lab:
    """A project with a run whose network answers whatever a test wants it to."""

    def __init__(self, folder: Path, task: Task = Task.DETECT) -> None:
        self.folder = folder
        self.project = Project.create(folder, task=task, classes=["red", "white"])
        with self.project.transaction("Fill", undoable=False) as s:
            (folder / "images").mkdir(exist_ok=True)
            names = [f"images/{n}.png" for n in (1, 2, 3)]
            for name in names:
                assert cv2.imwrite(str(folder / name), np.zeros((80, 100, 3), np.uint8))
            commands.add_images(s, [NewImage(name, width=100, height=80) for name in names])
        self.runs = [self.new_run(), self.new_run()]

    def new_run(self) -> int:
        networks = {Task.CLASSIFY: "resnet18", Task.SEGMENT: "unet-mobilenet_v2"}
        name = networks.get(self.project.task, "yolo11n")
        run = runs.create_run(self.project, TrainConfig(task=self.project.task, network=name))
        replace_file(runs.job_of(run).best, b"")
        return run.id

    def answers(
        self,
        *predictions: Prediction,
        run: int = 0,
        file: str = "",
        classes: tuple[LabelClass, ...] = CLASSES,
        unread: tuple[Unread, ...] = (),
        several: bool = False,
        chosen: dict[int, int | str] | None = None,
        form: Form = BOXES,
    ) -> suggestions.Taken:
        """What is taken in when the network answers so."""
        place = Path(self.folder.parent / file) if file else None
        if place is not None:
            place.touch()
        number = None if file else self.runs[run]
        config = suggesting.config_for(
            self.project, run_id=number, file=place, score=0.25, classes=chosen
        )
        of = config.run_directory or self.project.runs_directory
        job = runs.make_job(of / "jobs", config)
        write_predictions(job.predictions(ANSWERS), predictions)
        write_answer(job, Answer(self.project.task, classes, 0.25, unread, several, form))
        return suggestions.take_in(self.project, job)

    def add(self, shape: Any, class_id: int = RED, image: int = 1, **more: Any) -> int:
        with self.project.transaction("Draw") as s:
            return commands.add_annotation(
                s, image_id=image, class_id=class_id, shape=shape, **more
            )

    def there(self, state: State | None = None, image: int = 1) -> list[Any]:
        with self.project.read() as s:
            found = queries.annotations(s, image)
        return [a for a in found if state is None or a.state is state]

    def review(self, image: int = 1) -> Review:
        with self.project.read() as s:
            return queries.image(s, image).review


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path / "cells")
    yield made
    made.project.close()


def objects(*rows: tuple[int, float, Box], image: int = 1) -> Prediction:
    return Prediction(image, objects=tuple(Found(c, score, box) for c, score, box in rows))


NEAR, FAR, THIRD = Box(10, 10, 20, 20), Box(60, 40, 20, 20), Box(10, 50, 15, 15)


def test_suggestions_come_with_score_and_run_and_go_with_one_undo(lab: Lab) -> None:
    taken = lab.answers(objects((RED, 0.9, NEAR), (WHITE, 0.4, FAR)), objects(image=2))
    first, second = lab.there()
    assert (first.state, first.source, first.run_id) == (State.SUGGESTED, Source.NETWORK, 1)
    assert (first.class_id, first.score, first.box) == (RED, 0.9, NEAR)
    assert second.z > first.z
    assert (taken.suggestions, taken.images) == (2, (1,))
    assert lab.review() is Review.UNLABELLED
    assert lab.project.undo_label == "Suggest labels"
    lab.project.undo()
    assert lab.there() == []
    lab.project.redo()
    assert len(lab.there(State.SUGGESTED)) == 2


def test_what_a_person_drew_is_neither_touched_nor_doubled_whatever_its_class(lab: Lab) -> None:
    mine = lab.add(Box(11, 11, 20, 20), WHITE)
    before = lab.there()
    taken = lab.answers(objects((RED, 0.9, NEAR), (RED, 0.8, FAR)))
    assert lab.there(State.ACCEPTED) == before
    assert before[0].id == mine
    assert [a.box for a in lab.there(State.SUGGESTED)] == [FAR]
    assert taken.known == 1
    assert "1 left out where labels are already." in taken.sentences


def test_asking_again_replaces_the_same_runs_suggestions_only(lab: Lab) -> None:
    lab.answers(objects((RED, 0.9, NEAR)), objects((RED, 0.6, FAR), image=2))
    lab.answers(objects((WHITE, 0.7, THIRD)), run=1)
    taken = lab.answers(objects((RED, 0.5, FAR)))
    assert {(a.run_id, a.score) for a in lab.there(State.SUGGESTED)} == {(2, 0.7), (1, 0.5)}
    assert len(lab.there(State.SUGGESTED, image=2)) == 1  # it was not asked about again
    assert taken.replaced == 1
    lab.project.undo()
    assert {(a.run_id, a.score) for a in lab.there(State.SUGGESTED)} == {(2, 0.7), (1, 0.9)}


def test_what_was_kept_stays_when_the_run_is_asked_again(lab: Lab) -> None:
    lab.answers(objects((RED, 0.9, NEAR), (RED, 0.8, FAR)))
    with lab.project.transaction("Keep") as s:
        decisions.keep(s, ids=[lab.there()[0].id])
    lab.answers(objects((RED, 0.9, NEAR), (RED, 0.8, FAR)))
    assert [a.box for a in lab.there(State.ACCEPTED)] == [NEAR]
    assert [a.box for a in lab.there(State.SUGGESTED)] == [FAR]
    assert lab.review() is Review.LABELLED


def test_a_rejected_suggestion_does_not_come_back_but_another_class_may(lab: Lab) -> None:
    lab.answers(objects((RED, 0.9, NEAR)))
    with lab.project.transaction("Reject") as s:
        decisions.reject(s, ids=[lab.there()[0].id])
    taken = lab.answers(objects((RED, 0.8, NEAR), (WHITE, 0.7, NEAR)), run=1)
    assert [a.class_id for a in lab.there(State.SUGGESTED)] == [WHITE]
    assert taken.refused == 1


def test_suggestions_of_a_file_know_their_file_and_are_replaced_by_it(lab: Lab) -> None:
    lab.answers(objects((RED, 0.9, NEAR)), file="a.onnx")
    lab.answers(objects((RED, 0.8, FAR)), file="b.onnx")
    lab.answers(objects((RED, 0.7, THIRD)), file="a.onnx")
    found = {(a.run_id, a.attributes["suggested_by"], a.score) for a in lab.there()}
    assert found == {(None, "a.onnx", 0.7), (None, "b.onnx", 0.8)}


def test_a_renamed_class_is_known_by_its_id_and_a_missing_one_is_named(lab: Lab) -> None:
    with lab.project.transaction("Rename") as s:
        commands.rename_class(s, id=RED, name="erythrocyte")
        commands.delete_class(s, id=WHITE)
    taken = lab.answers(objects((RED, 0.9, NEAR), (WHITE, 0.8, FAR)))
    assert [a.class_id for a in lab.there()] == [RED]
    assert taken.strange == {"white": 1}
    assert "“red” is called “erythrocyte” now." in taken.sentences
    assert "1 of “white” left out: the project has no such class." in taken.sentences


def test_the_classes_of_a_file_are_found_by_name_not_by_number(lab: Lab) -> None:
    other = (LabelClass(1, "white", "#FFF"), LabelClass(2, "Red", "#F00"), LabelClass(3, "x", "#"))
    taken = lab.answers(
        objects((1, 0.9, NEAR), (2, 0.8, FAR), (3, 0.7, THIRD)), file="a.onnx", classes=other
    )
    assert [(a.box, a.class_id) for a in lab.there()] == [(NEAR, WHITE), (FAR, RED)]
    assert taken.strange == {"x": 1}
    assert "“Red” was taken for “red”." in taken.sentences


def test_suggestions_never_train_count_or_leave_until_they_are_kept(lab: Lab) -> None:
    lab.add(NEAR, image=2)
    with lab.project.transaction("Split") as s:
        commands.set_split(s, image_ids=[1, 2], split=Split.TRAIN)
        commands.set_review(s, image_ids=[1], review=Review.REVIEWED)
    lab.answers(objects((RED, 0.9, FAR)), objects((RED, 0.9, FAR), image=2))
    with lab.project.read() as s:
        snapshot = snapshots.build(s, lab.project)
        assert sum(len(image.annotations) for image in snapshot.images) == 1
        assert queries.class_counts(s) == {RED: 1, WHITE: 0}
        assert sum(queries.annotation_counts(s, [1, 2, 3]).values()) == 1
        assert len(queries.box_sides(s)) == 1
        totals = queries.totals(s)
        assert (totals.annotations, totals.suggestions) == (1, 2)
    out = lab.folder.parent / "out"
    report = exporting.export(lab.project, out, format="coco")
    assert (report.images, report.annotations) == (2, 1)
    with lab.project.transaction("Keep") as s:
        assert decisions.keep_from(s, image_ids=[1, 2]) == 2
    with lab.project.read() as s:
        snapshot = snapshots.build(s, lab.project)
    assert sum(len(image.annotations) for image in snapshot.images) == 3


def test_a_threshold_keeps_what_is_surer_and_rejects_the_rest(lab: Lab) -> None:
    lab.answers(
        objects((RED, 0.9, NEAR), (RED, 0.5, FAR), (WHITE, 0.3, THIRD)),
        objects((RED, 0.8, NEAR), image=2),
        objects((RED, 0.8, NEAR), image=3),
    )
    with lab.project.transaction("Keep") as s:
        assert decisions.keep_from(s, image_ids=[1, 2], score=0.5) == 3
    with lab.project.transaction("Reject") as s:
        assert decisions.reject_below(s, image_ids=[1, 2], score=0.5) == 1
    assert [a.state for a in lab.there()] == [State.ACCEPTED, State.ACCEPTED, State.REJECTED]
    assert [a.state for a in lab.there(image=3)] == [State.SUGGESTED]
    with lab.project.read() as s:
        assert decisions.waiting_images(s) == [3]


def test_one_object_that_two_networks_suggest_is_kept_once(lab: Lab) -> None:
    lab.answers(objects((RED, 0.6, NEAR)))
    lab.answers(objects((RED, 0.9, Box(11, 10, 20, 20)), (WHITE, 0.8, NEAR)), run=1)
    with lab.project.transaction("Keep") as s:
        assert decisions.keep_from(s, image_ids=[1]) == 2
    kept = lab.there(State.ACCEPTED)
    assert {(a.class_id, a.score) for a in kept} == {(RED, 0.9), (WHITE, 0.8)}
    assert [a.score for a in lab.there(State.REJECTED)] == [0.6]


def test_images_that_could_not_be_read_are_told_and_keep_their_suggestions(lab: Lab) -> None:
    lab.answers(objects((RED, 0.9, NEAR)))
    taken = lab.answers(unread=(Unread(1, "gone.png is missing."),))
    assert len(lab.there(State.SUGGESTED)) == 1
    assert taken.sentences == ["No suggestions.", "1 image could not be read."]


def test_unfinished_or_damaged_answers_change_nothing(lab: Lab) -> None:
    config = suggesting.config_for(lab.project, run_id=1)
    job = runs.make_job(config.run_directory / "jobs", config)  # type: ignore[operator]
    with pytest.raises(RunError):
        suggestions.take_in(lab.project, job)
    write_answer(job, Answer(Task.DETECT, CLASSES, 0.25))
    replace_file(job.predictions(ANSWERS), b"no gzip")
    step = lab.project.undo_label
    with pytest.raises(RunError):
        suggestions.take_in(lab.project, job)
    assert lab.project.undo_label == step


def test_answers_that_nobody_took_in_are_found_again_once(lab: Lab) -> None:
    config = suggesting.config_for(lab.project, run_id=1)
    job = runs.make_job(config.run_directory / "jobs", config)  # type: ignore[operator]
    assert suggesting.left_behind(lab.project) == []
    write_predictions(job.predictions(ANSWERS), [objects((RED, 0.9, NEAR))])
    write_answer(job, Answer(Task.DETECT, CLASSES, 0.25))
    assert [found.path for found in suggesting.left_behind(lab.project)] == [job.path]
    suggestions.take_in(lab.project, JobDir(job.path))
    assert suggesting.left_behind(lab.project) == []


def test_the_images_to_ask_about_follow_their_review(lab: Lab) -> None:
    lab.add(NEAR, image=2)
    with lab.project.transaction("Review") as s:
        commands.set_review(s, image_ids=[3], review=Review.REVIEWED)
    with lab.project.read() as s:
        assert suggesting.image_ids(s, suggesting.Which.UNLABELLED) == [1]
        assert suggesting.image_ids(s, suggesting.Which.OPEN) == [1, 2]
        assert suggesting.image_ids(s, suggesting.Which.ALL) == [1, 2, 3]


def test_a_run_or_a_file_must_be_there(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run 9"):
        suggesting.config_for(lab.project, run_id=9)
    with pytest.raises(RunError, match="no file"):
        suggesting.config_for(lab.project, file=tmp_path / "no.onnx")
    runs.job_of(runs.get(lab.project, 2)).best.unlink()
    with pytest.raises(RunError, match="no network"):
        suggesting.config_for(lab.project, run_id=2)
    with pytest.raises(RunError, match="no image"):
        suggesting.start(lab.project, suggesting.config_for(lab.project, run_id=1), [])
    with pytest.raises(ValueError, match="a run or a file"):
        SuggestConfig(task=Task.DETECT)


@pytest.fixture
def sorted_lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path / "signs", Task.CLASSIFY)
    yield made
    made.project.close()


def test_an_image_gets_the_likeliest_class_unless_it_has_one(sorted_lab: Lab) -> None:
    lab = sorted_lab
    lab.add(None, RED, image=2)
    sure = {RED: 0.2, WHITE: 0.8}
    taken = lab.answers(Prediction(1, scores=sure), Prediction(2, scores=sure), Prediction(3, {}))
    (only,) = lab.there()
    assert (only.class_id, only.score, only.shape) == (WHITE, 0.8, None)
    assert [a.class_id for a in lab.there(image=2)] == [RED]
    assert (taken.suggestions, taken.known) == (1, 1)


def test_a_kept_class_takes_the_place_of_the_one_before(sorted_lab: Lab) -> None:
    lab = sorted_lab
    lab.answers(Prediction(1, scores={WHITE: 0.8}))
    lab.answers(Prediction(1, scores={RED: 0.6}), run=1)
    lab.add(None, RED)
    with lab.project.transaction("Keep") as s:
        decisions.keep(s, ids=[a.id for a in lab.there() if a.class_id == WHITE])
    assert [a.class_id for a in lab.there(State.ACCEPTED)] == [WHITE]
    assert lab.there(State.SUGGESTED) == []
    lab.project.undo()
    assert len(lab.there(State.SUGGESTED)) == 2


@pytest.fixture
def painted_lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path / "rock", Task.SEGMENT)
    yield made
    made.project.close()


def area(x: int, y: int, w: int, h: int) -> Mask:
    mask = Mask.from_patch(np.ones((h, w), np.uint8), x, y)
    assert mask is not None
    return mask


def test_a_region_is_suggested_only_where_nothing_is_labelled(painted_lab: Lab) -> None:
    lab = painted_lab
    lab.add(area(0, 0, 30, 80), WHITE)
    taken = lab.answers(
        Prediction(1, regions={RED: area(20, 0, 60, 80), WHITE: area(0, 0, 20, 80)})
    )
    (left,) = lab.there(State.SUGGESTED)
    assert (left.class_id, left.box, left.shape.area) == (RED, Box(30, 0, 50, 80), 50 * 80)
    assert left.score is None
    assert taken.known == 1
    with lab.project.transaction("Keep") as s:
        assert decisions.keep_from(s, image_ids=[1], score=0.9) == 1  # regions carry no score


@pytest.mark.parametrize("times", [1, 100])
def test_a_person_may_draw_while_answers_are_matched_and_it_is_not_doubled(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    original, drawn = suggestions._Intake.take, []

    def draw_meanwhile(intake: Any, s: Any, predictions: Any) -> None:
        original(intake, s, predictions)
        if len(drawn) < times and not lab.project._inside:
            drawn.append(lab.add(NEAR, WHITE))

    monkeypatch.setattr(suggestions._Intake, "take", draw_meanwhile)
    taken = lab.answers(objects((RED, 0.9, NEAR), (RED, 0.8, FAR)))
    assert drawn, "the project can be written while answers are matched"
    assert [a.id for a in lab.there(State.ACCEPTED)] == drawn
    assert [a.box for a in lab.there(State.SUGGESTED)] == [FAR]
    assert (taken.suggestions, taken.known) == (1, 1)
    assert lab.project.undo_label == "Suggest labels"


def test_a_network_of_several_classes_suggests_each_that_is_not_said_or_rejected(
    sorted_lab: Lab,
) -> None:
    lab = sorted_lab
    both = Prediction(1, scores={RED: 0.9, WHITE: 0.6})
    assert lab.answers(both, several=True).suggestions == 1, "the project has one class an image"
    with lab.project.transaction("Several") as s:
        image_classes.allow_several(s, True)
    assert lab.answers(both).suggestions == 1, "the network says one class an image"
    taken = lab.answers(both, several=True)
    assert taken.suggestions == 2
    assert [a.class_id for a in lab.there(State.SUGGESTED)] == [RED, WHITE]
    with lab.project.transaction("Say") as s:
        image_classes.toggle(s, image_ids=[1], class_id=RED)
    with lab.project.transaction("Reject") as s:
        decisions.reject(s, ids=[a.id for a in lab.there(State.SUGGESTED)])
    again = lab.answers(both, several=True)
    assert (again.suggestions, again.known, again.refused) == (0, 1, 1)


def test_classes_of_a_file_become_what_was_chosen_and_a_new_one_is_made_in_the_same_step(
    lab: Lab,
) -> None:
    network = tuple(LabelClass(n, name, "#888888") for n, name in enumerate("abcd", 1))
    taken = lab.answers(
        objects((1, 0.9, NEAR), (2, 0.8, FAR), (3, 0.7, THIRD)), file="net.onnx",
        classes=network, chosen={1: WHITE, 2: "dust", 3: 0, 4: "never seen"},
    )  # fmt: skip
    with lab.project.read() as s:
        names = {c.id: c.name for c in queries.classes(s)}
    assert list(names.values()) == ["red", "white", "dust"], "what nobody has found is not made"
    assert [names[a.class_id] for a in lab.there(State.SUGGESTED)] == ["white", "dust"]
    assert "1 of classes that were to be left out." in taken.sentences
    assert not taken.strange
    lab.project.undo()
    assert lab.there() == []
    with lab.project.read() as s:
        assert [c.name for c in queries.classes(s)] == ["red", "white"]


def test_a_new_class_that_is_there_by_now_is_taken_as_it_is(lab: Lab) -> None:
    network = (LabelClass(1, "a", "#888888"),)
    lab.answers(objects((1, 0.9, NEAR)), file="a.onnx", classes=network, chosen={1: "dust"})
    lab.answers(objects((1, 0.9, FAR)), file="b.onnx", classes=network, chosen={1: "Dust "})
    with lab.project.read() as s:
        assert [c.name for c in queries.classes(s)] == ["red", "white", "dust"]
    assert [a.class_id for a in lab.there(State.SUGGESTED)] == [3, 3]


ARROW = Skeleton(("tip", "end"), ((0, 1),))


def test_a_rotated_box_is_suggested_as_one_and_known_by_how_it_lies(lab: Lab) -> None:
    askew = RotatedBox(50, 40, 50, 12, 40)
    lab.add(RotatedBox(50, 40, 50, 12, -40))
    taken = lab.answers(
        Prediction(1, objects=(Found(RED, 0.9, askew.box, rotated=askew),)), form=ROTATED
    )  # fmt: skip
    (found,) = lab.there(State.SUGGESTED)
    assert found.shape == askew, "the boxes around both are the same"
    assert taken.known == 0
    nearly = RotatedBox(51, 40, 50, 12, 41)
    with lab.project.transaction("Keep") as s:
        decisions.keep(s, ids=[found.id])
    taken = lab.answers(
        Prediction(1, objects=(Found(RED, 0.8, nearly.box, rotated=nearly),)), run=1, form=ROTATED
    )
    assert taken.known == 1


def test_suggested_keypoints_are_those_that_the_network_is_sure_of(lab: Lab) -> None:
    with lab.project.transaction("Skeleton") as s:
        skeleton_changes.define(s, class_id=RED, skeleton=ARROW)
    points = Keypoints.of([(10, 10, 2), (30, 30, 2)], frame=NEAR)
    form = Form(Answers.KEYPOINTS, ARROW, frozenset({RED}))
    lab.answers(
        Prediction(1, objects=(Found(RED, 0.9, NEAR, points=points, sure=(0.8, 0.2)),)), form=form
    )  # fmt: skip
    (found,) = lab.there(State.SUGGESTED)
    assert isinstance(found.shape, Keypoints)
    assert found.shape.points[:, 2].tolist() == [2, 0]
    assert found.shape.points[0, :2].tolist() == [10, 10]


def test_suggested_points_go_to_those_of_the_class_with_the_same_names(lab: Lab) -> None:
    with lab.project.transaction("Skeleton") as s:
        skeleton_changes.define(s, class_id=RED, skeleton=Skeleton(("end", "fin", "tip"), ()))
    points = Keypoints.of([(10, 10, 2), (30, 30, 2)], frame=NEAR)
    form = Form(Answers.KEYPOINTS, ARROW, frozenset({RED}))
    lab.answers(
        Prediction(1, objects=(Found(RED, 0.9, NEAR, points=points, sure=(1, 1)),)), form=form
    )
    (found,) = lab.there(State.SUGGESTED)
    assert isinstance(found.shape, Keypoints)
    assert found.shape.points[:, :2].tolist()[0] == [30, 30]
    assert found.shape.points[:, 2].tolist() == [2, 0, 2]
    assert found.shape.points[2, :2].tolist() == [10, 10]
