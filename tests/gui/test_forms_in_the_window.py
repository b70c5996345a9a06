"""Rotated boxes and keypoints that networks answer with, as they are drawn and told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from augment_hands import pictures_come
from person import Person, make_images

from cvstudio.core import events
from cvstudio.core.annotation import Review, Shape, Source, Split, State, Task
from cvstudio.core.forms import ROTATED, Answers, Form
from cvstudio.core.jobdir import JobDir
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.skeleton import Skeleton
from cvstudio.core.snapshot import read_snapshot
from cvstudio.gui.analyze.page import AnalyzePage
from cvstudio.gui.augment.page import AugmentPage
from cvstudio.gui.export.proof import _pixels
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.live import LiveProcess
from cvstudio.gui.train.page import TrainPage
from cvstudio.project import commands, queries, run_commands, runs, skeleton_changes
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage
from cvstudio.project.run_status import RunStatus

ARROW = Skeleton(("tip", "middle", "end"), ((0, 1), (1, 2)))
POSED = Keypoints.of([(8, 8, 2), (24, 20, 2), (44, 36, 2)])
OFF = Keypoints.of([(8, 14, 2), (24, 26, 2), (44, 42, 2)])
ASKEW, TURNED = RotatedBox(30, 24, 40, 10, 30), RotatedBox(30, 24, 40, 10, 5)
FORMS = {
    "rotated": (ROTATED, ASKEW, TURNED, "yolo11n-obb"),
    "keypoints": (Form(Answers.KEYPOINTS, ARROW, frozenset({1})), POSED, OFF, "yolo11n-pose"),
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Four images of train and val each with an object of the class "dart"."""
    made = Project.create(tmp_path / "project", task=Task.DETECT, classes=["dart"])
    names = make_images(tmp_path / "images", 4)
    with made.transaction("Fill", undoable=False) as s:
        skeleton_changes.define(s, class_id=1, skeleton=ARROW)
        commands.add_images(
            s,
            [
                NewImage(str(name), 64, 48, split=(Split.TRAIN, Split.VAL)[n % 2],
                         review=Review.REVIEWED)
                for n, name in enumerate(names)
            ],
        )  # fmt: skip
    return made


def label(project: Project, shape: Shape) -> None:
    with project.transaction("Label") as s:
        for image_id in queries.image_ids(s):
            commands.add_annotation(s, image_id=image_id, class_id=1, shape=shape)


def judged_run(project: Project, name: str, form: Form, shapes: Sequence[Shape]) -> JobDir:
    """A run of that network which answers with these shapes on every image of val."""
    run = runs.create_run(project, TrainConfig(task=Task.DETECT, network=name))
    job = runs.job_of(run)
    found = [
        Found(1, 0.9, shape.box, rotated=shape)
        if isinstance(shape, RotatedBox)
        else Found(1, 0.9, shape.box, points=shape, sure=(1, 1, 1))
        for shape in shapes
        if isinstance(shape, RotatedBox | Keypoints)
    ]
    answers = [
        Prediction(i.id, objects=tuple(found)) for i in read_snapshot(job.snapshot).of(Split.VAL)
    ]
    write_predictions(job.predictions("val"), answers)
    metrics = {"mAP50-95": 0.4, "mAP50": 0.5, "precision": 0.5, "recall": 0.5}
    report = {"metrics": metrics, "per_class": [], "form": form.to_json()}
    job.report.write_text(json.dumps({"val": report}))
    job.emit(events.Started(job="train", pid=1, process_created=1, total_epochs=1))
    job.emit(events.Ended(outcome=events.Outcome.FINISHED, metric="mAP50-95", best=0.4))
    with project.transaction("Finish", undoable=False) as s:
        run_commands.update_run(s, id=run.id, status=RunStatus.FINISHED.value, best=0.4)
    return job


@pytest.mark.parametrize("kind", FORMS)
def test_analyze_draws_what_was_answered_and_calls_it_by_its_name(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    form, truth, answer, network = FORMS[kind]
    label(studio_window.project, truth)
    judged_run(studio_window.project, network, form, [answer])
    monkeypatch.setattr(type(studio_window.studio.live), "request", lambda *a, **k: 1)
    page = studio_window.page("analyze")
    assert isinstance(page, AnalyzePage)
    studio_window.until(lambda: page.errors.verdict is not None)
    studio_window.idle()
    assert page.errors.verdict is not None
    likeness = page._bar.measure
    assert likeness.text() == ("Overlap from" if kind == "rotated" else "Likeness from")
    assert "agree" in likeness.toolTip()
    assert ("keypoints" in likeness.toolTip()) is (kind == "keypoints")
    title = "Loose box" if kind == "rotated" else "Points off"
    counts = {one.title: one.count for one in page.errors.verdict.kinds}
    assert counts[title] == 2
    assert counts["Missed"] == counts["False alarm"] == 0
    tab = [one.title for one in page.errors.verdict.kinds].index(title)
    page.errors.gallery.tabs.setCurrentIndex(tab)
    studio_window.until(lambda: page.errors.detail.place.text() != "")
    assert page.errors.detail.place.text().startswith(f"1 of 2 · {title.lower()} at x")
    words = "rotated box around" if kind == "rotated" else "points of"
    assert f"The network's {words} “dart” is" in page.errors.detail.said.text().replace(
        " are", " is"
    )
    (labelled,), (found,) = (view._items for view in (page.errors.detail.labels.view,
                                                      page.errors.detail.answers.view))  # fmt: skip
    assert type(labelled.shape) is type(found.shape) is type(truth)
    assert found.edges == labelled.edges == (() if kind == "rotated" else ARROW.edges)


@pytest.mark.parametrize("kind", FORMS)
def test_a_suggestion_is_drawn_as_it_lies_on_the_canvas(studio_window: Person, kind: str) -> None:
    _form, shape, _other, _network = FORMS[kind]
    with studio_window.project.transaction("Suggest") as s:
        (first, *_rest) = queries.image_ids(s)
        commands.add_annotation(
            s, image_id=first, class_id=1, shape=shape, source=Source.NETWORK, score=0.9,
            state=State.SUGGESTED,
        )  # fmt: skip
    page = studio_window.page("label")
    assert isinstance(page, LabelPage)
    studio_window.studio.go_to("label", image_id=first)
    studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
    studio_window.settle()
    seen = page.canvas.viewport().grab().toImage()
    ratio = page.canvas.devicePixelRatioF()

    def drawn(x: float, y: float) -> bool:
        """Whether the class's red lies within two pixels of a place of the grey image."""
        at = page.canvas.to_screen(x, y) * ratio
        near = [
            seen.pixelColor(round(at.x()) + dx, round(at.y()) + dy)
            for dx in range(-2, 3)
            for dy in range(-2, 3)
        ]
        return any(colour.red() > colour.green() + 40 for colour in near)

    if isinstance(shape, RotatedBox):
        on_it = shape.corners().tolist()
        beside = [(shape.box.x + 1, shape.box.bottom - 1)]
    else:
        assert isinstance(shape, Keypoints)
        on_it = [*shape.points[:, :2].tolist(), (16, 14), (34, 28)]
        beside = [(40, 10)]
    assert all(drawn(x, y) for x, y in on_it)
    assert not any(drawn(x, y) for x, y in beside)


def test_the_train_page_offers_the_networks_for_what_is_labelled(studio_window: Person) -> None:
    page = studio_window.page("train")
    assert isinstance(page, TrainPage)
    studio_window.until(lambda: page.preparing.facts is not None)
    box = page.new_run.network
    assert box.findData("yolo26n-pose") < 0
    label(studio_window.project, POSED)
    studio_window.until(lambda: box.findData("yolo26n-pose") >= 0)
    assert box.findData("yolo26n-obb") < 0
    label(studio_window.project, ASKEW)
    studio_window.until(lambda: box.findData("yolo26n-obb") >= 0)
    (link,) = [link for link in page.checks.findChildren(type(page.new_run.all_link))
               if link.text() == "Use keypoints"]  # fmt: skip
    link.click()
    assert page.new_run.config.network == "yolo26s-pose"
    assert box.currentData() == "yolo26s-pose"


def test_augment_carries_keypoints_along_and_draws_them(
    studio_window: Person, live_process: LiveProcess
) -> None:
    label(studio_window.project, POSED)
    studio_window.studio._live = live_process
    page = studio_window.page("augment")
    assert isinstance(page, AugmentPage)
    pictures_come(page)
    assert page.original_head.figure.text() == "1 annotation"
    shown = [picture.items for picture in page.grid.pictures]
    assert all(isinstance(item.shape, Keypoints) for items in shown for item in items)
    whole = [items[0] for items in shown if items and items[0].edges == ARROW.edges]
    assert whole, "edges join the points that are left"
    page.preview.stop()
    studio_window.studio._live = None


def test_the_proof_says_how_many_channels_a_file_takes() -> None:
    given = {"range": [0, 1], "fit": "pad", "shape": ["batch", 5, 64, 64]}
    assert _pixels(given) == "RGB, 0 to 1, padded to a square"
    assert _pixels({**given, "sees": "all"}) == (
        "5 channels with all values, 0 and 1 at the ends of the window, padded to a square"
    )
