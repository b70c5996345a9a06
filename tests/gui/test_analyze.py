"""The Analyze page: from a figure to the object behind it, and from there to its label."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from person import Person, fill_project, make_images
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cvstudio.core import events
from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.jobdir import JobDir
from cvstudio.core.masks import Mask
from cvstudio.core.metrics import NOTHING
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.snapshot import read_snapshot
from cvstudio.core.wire import Message
from cvstudio.gui.analyze.compare_view import CompareView
from cvstudio.gui.analyze.page import AnalyzePage
from cvstudio.gui.label.page import LabelPage
from cvstudio.project import commands, queries, run_commands, runs, splits
from cvstudio.project.pixel_analysis import PixelAnalysis
from cvstudio.project.project import Project
from cvstudio.project.run_status import RunStatus
from cvstudio.project.verdict import Case


def finished_run(project: Project, *, trusted: bool = False) -> JobDir:
    """A run whose network finds each first box, one extra thing, and misses the rest.

    A trusted one finds all boxes, four more on each image, and an extra thing in the first only.
    """
    if trusted:
        with project.transaction("Fill") as s:
            for image_id, labels in queries.annotations_of(s, queries.image_ids(s)).items():
                for place, label in enumerate(4 * labels[:1]):
                    shape, class_id = Box(1 + 15 * place, 1, 9, 9), label.class_id
                    commands.add_annotation(s, image_id=image_id, class_id=class_id, shape=shape)
    with project.read() as s:
        proposed = splits.propose(s, fractions=(0.5, 0.5, 0.0))
    with project.transaction("Split") as s:
        commands.set_splits(s, proposed)
    run = runs.create_run(project, TrainConfig(task=Task.DETECT, network="yolo11n"))
    job = runs.job_of(run)
    snapshot = read_snapshot(job.snapshot)
    answers = []
    for image in snapshot.of("val"):
        right = image.annotations[0]
        found = [
            Found(right.class_id, 0.9, right.box),
            Found(right.class_id, 0.8 if answers else 0.95, Box(40, 30, 12, 12)),
        ]
        if trusted:
            known = [Found(a.class_id, 0.9, a.box) for a in image.annotations]
            found = known if answers else [*known, found[1]]
        answers.append(Prediction(image.id, objects=tuple(found)))
    write_predictions(job.predictions("val"), answers)
    metrics = {"mAP50-95": 0.4, "mAP50": 0.5, "precision": 0.5, "recall": 0.5}
    job.report.write_text(json.dumps({"val": {"metrics": metrics, "per_class": []}}))
    job.emit(events.Started(job="train", pid=1, process_created=1, total_epochs=1))
    job.emit(events.Ended(outcome=events.Outcome.FINISHED, metric="mAP50-95", best=0.4))
    with project.transaction("Finish", undoable=False) as s:
        run_commands.update_run(s, id=run.id, status=RunStatus.FINISHED.value, best=0.4)
    return job


@pytest.fixture
def page(studio_window: Person, monkeypatch: pytest.MonkeyPatch) -> AnalyzePage:
    """The page on a finished run; heat maps are not under test here."""
    finished_run(studio_window.project)
    monkeypatch.setattr(type(studio_window.studio.live), "request", lambda *a, **k: 1)
    found = studio_window.page("analyze")
    assert isinstance(found, AnalyzePage)
    studio_window.until(lambda: found.errors.verdict is not None)
    studio_window.idle()
    return found


def test_the_page_says_what_to_do_before_the_first_run(studio_window: Person) -> None:
    page = studio_window.page("analyze")
    assert isinstance(page, AnalyzePage)
    assert "after the first run" in page.empty.words.text()
    studio_window.click(studio_window.button("Go to Train"))
    assert studio_window.window.front.name == "train"


def test_a_cell_opens_its_objects_and_fix_lands_on_the_label(
    studio_window: Person, page: AnalyzePage
) -> None:
    assert page.errors.verdict is not None
    labelled = page.errors.verdict.class_ids[1]
    page.errors.matrix.pick(labelled, NOTHING)
    studio_window.idle()
    missed = page.errors.verdict.cell(labelled, NOTHING)
    assert page.errors.gallery.count == len(missed) > 0
    case = page.errors.gallery.current
    assert case is not None
    assert case.annotation_id is not None
    assert "does not report" in page.errors.detail.said.text()
    studio_window.trigger("analyze.fix")
    assert studio_window.window.front.name == "label"
    assert studio_window.studio.image_id == case.image_id
    many = page.errors.gallery.count
    studio_window.click(studio_window.button("Back to the errors"))
    assert studio_window.window.front is page
    assert page.errors.gallery.position == (1, many), "the same error, in the same view"
    label = studio_window.page("label")
    assert isinstance(label, LabelPage)
    assert label.bar.back.isHidden(), "the offer is taken once"


def test_in_a_low_window_the_gallery_gives_its_height_to_the_three_pictures(
    studio_window: Person, page: AnalyzePage
) -> None:
    assert page.errors.gallery.crops.side == 144
    studio_window.window.resize(1280, 720)
    studio_window.settle()
    assert page.errors.detail.labels.view.height() >= 200
    crops = page.errors.gallery.crops
    assert 72 <= crops.side < 144
    assert crops.side + 24 <= crops.viewport().height(), "one row is whole"


def test_dragging_the_score_moves_every_figure(studio_window: Person, page: AnalyzePage) -> None:
    page.score_field.setValue(0.85)
    studio_window.until(
        lambda: (
            page.errors.verdict is not None and page.errors.verdict.kinds[2].count == 1
        )  # the surest extra
    )
    assert page.errors.verdict is not None
    precision = next(c for c in page.errors.verdict.cards if c.title == "Precision")
    right, _, said = precision.detail.partition(" of ")
    assert int(said.split()[0]) == int(right) + 1
    page.score_field.setValue(0.5)
    studio_window.until(
        lambda: page.errors.verdict is not None and page.errors.verdict.kinds[2].count > 1
    )


def test_a_label_that_is_right_leaves_the_list_and_undo_brings_it_back(
    studio_window: Person, explainer: Explainer
) -> None:
    finished_run(studio_window.project, trusted=True)
    page = judged_page(studio_window)
    page.errors.gallery.tabs.setCurrentIndex(page.errors.gallery.tabs.count() - 1)
    studio_window.idle()
    before = page.errors.gallery.count
    assert before > 0
    studio_window.trigger("analyze.keep")
    assert page.errors.gallery.count == before - 1
    studio_window.trigger("edit.undo")
    assert page.errors.gallery.count == before


class Explainer:
    """Stands in for the live process: keeps what is asked, and answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, Any], Callable[[Message], None]]] = []

    def request(self, kind: str, header: dict[str, Any], **more: Any) -> int:
        assert kind == "explain"
        self.asked.append((header, more["done"]))
        return len(self.asked)

    def drop(self, _owner: object) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing runs."""

    @property
    def last(self) -> dict[str, Any]:
        return self.asked[-1][0]

    def answer(self, class_id: int, score: float, *, number: int = -1) -> None:
        header = {"ok": True, "class_id": class_id, "score": score, "box": None}
        heat = np.ones((48, 64), np.float32)
        self.asked[number][1](Message(header, {"heat": heat}))


@pytest.fixture
def explainer(studio_window: Person, monkeypatch: pytest.MonkeyPatch) -> Explainer:
    made = Explainer()
    monkeypatch.setattr(studio_window.studio, "_live", made)
    return made


def judged_page(person: Person) -> AnalyzePage:
    found = person.page("analyze")
    assert isinstance(found, AnalyzePage)
    person.until(lambda: found.errors.verdict is not None)
    person.idle()
    return found


def press(view: CompareView, start: tuple[float, float], end: tuple[float, float] | None = None,
          keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:  # fmt: skip
    """Click at a place of the image, or drag from one to another."""
    target, size = view._target(), view._size
    scale = target.width() / size.width()
    left = Qt.MouseButton.LeftButton
    places = [
        QPoint(round(target.x() + x * scale), round(target.y() + y * scale))
        for x, y in (start, end or start)
    ]
    QTest.mousePress(view, left, keys, places[0])
    if end is not None:
        event = QMouseEvent(
            QEvent.Type.MouseMove, QPointF(places[1]), view.mapToGlobal(QPointF(places[1])),
            Qt.MouseButton.NoButton, left, keys,
        )  # fmt: skip
        QApplication.sendEvent(view, event)
    QTest.mouseRelease(view, left, keys, places[1])


def test_the_heat_map_of_an_older_case_is_not_shown_for_a_newer_one(
    studio_window: Person, explainer: Explainer
) -> None:
    finished_run(studio_window.project)
    page = judged_page(studio_window)
    first = len(explainer.asked) - 1
    page.errors.gallery.step(1)
    studio_window.idle()
    assert len(explainer.asked) > first + 1
    shown, title = page.errors.detail.heat.view._heat, page.errors.detail.heat.figure.text()
    explainer.answer(1, 0.5, number=first)
    assert page.errors.detail.heat.view._heat is shown
    assert page.errors.detail.heat.figure.text() == title


def test_a_missed_object_is_explained_for_its_label_and_the_title_is_the_answers(
    studio_window: Person, explainer: Explainer
) -> None:
    finished_run(studio_window.project)
    page = judged_page(studio_window)
    assert page.errors.verdict is not None
    page.errors._show_kind("missed")
    studio_window.idle()
    case = page.errors.detail.case
    assert case is not None
    assert case.predicted == 0
    assert explainer.last["class_id"] == case.labelled
    assert case.box is not None
    assert explainer.last["box"] == [case.box.x, case.box.y, case.box.w, case.box.h]
    names = {i: c.name for i, c in page.errors._classes().items()}
    other = next(c for c in names if c != case.labelled)
    explainer.answer(other, 0.31)
    assert page.errors.detail.heat.title.text() == "LayerCAM"
    assert page.errors.detail.heat.figure.text() == f"“{names[other]}” 0.31"


def test_a_click_on_any_object_explains_it(studio_window: Person, explainer: Explainer) -> None:
    finished_run(studio_window.project)
    page = judged_page(studio_window)
    assert page.errors.detail.case is not None
    image = page.analysis.images[page.errors.detail.case.image_id]  # type: ignore[union-attr]
    label = image.annotations[0]
    count = len(explainer.asked)
    press(page.errors.detail.labels.view, (60, 45))
    assert len(explainer.asked) == count  # nothing lies there
    press(page.errors.detail.labels.view, (label.box.x + 2, label.box.y + 2))
    assert explainer.last["class_id"] == label.class_id
    assert explainer.last["box"] == [label.box.x, label.box.y, label.box.w, label.box.h]
    assert page.errors.detail.answers.view._frame == label.box
    press(page.errors.detail.answers.view, (46, 36))
    assert explainer.last["box"] == [40, 30, 12, 12]


@pytest.fixture
def tissue(studio_window: Person, explainer: Explainer, tmp_path: Path) -> AnalyzePage:
    """A run that segments: on every image it found a part of the square of the first class."""
    folder = tmp_path / "tissue"
    project = Project.create(folder, task=Task.SEGMENT, name="T", classes=["nucleus", "wall"])
    fill_project(project, make_images(tmp_path / "slides", 6), boxes=0)
    with project.transaction("Fill") as s:
        first = queries.classes(s)[0].id
        for image_id in queries.image_ids(s):
            square = Polygon.simple([(8, 8), (24, 8), (24, 24), (8, 24)])
            commands.add_annotation(s, image_id=image_id, class_id=first, shape=square)
        commands.set_splits(s, splits.propose(s, fractions=(0.5, 0.5, 0.0)))
    run = runs.create_run(project, TrainConfig(task=Task.SEGMENT, network="unet-resnet18"))
    job = runs.job_of(run)
    patch = Mask.from_patch(np.ones((10, 10), np.uint8), x=8, y=8)
    assert patch is not None
    images = read_snapshot(job.snapshot).of("val")
    write_predictions(
        job.predictions("val"), [Prediction(i.id, regions={first: patch}) for i in images]
    )
    job.report.write_text(json.dumps({"val": {"metrics": {"mIoU": 0.5}, "per_class": []}}))
    with project.transaction("Finish", undoable=False) as s:
        run_commands.update_run(s, id=run.id, status=RunStatus.FINISHED.value, best=0.5)
    studio_window.studio.adopt(project)
    return judged_page(studio_window)


def test_where_the_pixels_of_a_cell_lie_is_found_while_the_window_goes_on(
    studio_window: Person, tissue: AnalyzePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    cell = PixelAnalysis._cell

    def watched(
        self: PixelAnalysis, labelled: int, predicted: int, limit: int | None = None
    ) -> list[Case]:
        threads.append(threading.current_thread())
        return cell(self, labelled, predicted, limit)

    monkeypatch.setattr(PixelAnalysis, "_cell", watched)
    tissue._judge()  # a verdict that asks the watched one
    first = class_ids(studio_window.project)[0]
    tissue.errors.matrix.pick(first, 0)
    studio_window.idle()
    assert tissue.errors.gallery.cell == (first, 0)
    assert tissue.errors.gallery.count == 3
    assert threads
    assert threading.main_thread() not in threads


def test_a_segment_heat_map_is_for_the_chosen_class_or_the_drawn_rectangle(
    studio_window: Person, explainer: Explainer, tissue: AnalyzePage
) -> None:
    first, second = class_ids(studio_window.project)
    assert explainer.last["class_id"] is None
    box = tissue.errors.detail.class_box
    assert box.currentIndex() == -1
    mask = tissue.errors.detail.answers.view._layer  # seen on the picture that was read after it
    assert mask is not None
    assert mask.pixelColor(12, 12).alpha() > 0
    assert mask.pixelColor(40, 40).alpha() == 0
    explainer.answer(first, 0.8)
    assert box.currentText() == "“nucleus” 0.80", "the score stands by its class"
    box.setCurrentIndex(1)
    box.activated.emit(1)
    assert explainer.last["class_id"] == second
    press(tissue.errors.detail.heat.view, (4, 6), (44, 36), Qt.KeyboardModifier.ShiftModifier)
    assert explainer.last["class_id"] is None
    assert explainer.last["box"] == pytest.approx([4, 6, 40, 30], abs=0.5)
    box.setCurrentIndex(0)
    box.activated.emit(0)
    assert explainer.last["class_id"] == first
    assert explainer.last["box"] == pytest.approx([4, 6, 40, 30], abs=0.5)


def class_ids(project: Project) -> list[int]:
    with project.read() as s:
        return [c.id for c in queries.classes(s)]


def test_the_first_card_says_whether_the_run_is_better_than_the_one_before(
    studio_window: Person, explainer: Explainer
) -> None:
    older = finished_run(studio_window.project)
    nothing = [Prediction(i.id) for i in read_snapshot(older.snapshot).of("val")]
    write_predictions(older.predictions("val"), nothing)
    finished_run(studio_window.project)
    page = judged_page(studio_window)
    studio_window.until(lambda: page.errors.standing.since is not None)
    assert page.errors.standing.since is not None
    assert page.errors.standing.since.certain
    card = page.errors.cards._cards[0]
    assert (
        card._detail.text() == f"{page.errors.standing.since.value:.3f} better than run 1, certain"
    )
    assert "on the 5 images that both were judged on" in card.toolTip()
    page.score_field.setValue(0.85)
    studio_window.until(lambda: not page._later.isActive())
    assert "better than run 1" in card._detail.text()  # dragging the score does not take it away
    assert card._interval.text().startswith("95 %: ")
    recall = next(c for c in page.errors.cards._cards if c._title.text() == "Recall")
    assert recall._interval.text().startswith("95 %: ")
    page.run_box.setCurrentIndex(1)
    page._choose_run()
    studio_window.until(lambda: page.errors.standing.since is None)
    studio_window.idle()
    assert "better" not in card._detail.text()


def test_an_image_that_is_gone_is_said_in_its_place(
    studio_window: Person, page: AnalyzePage
) -> None:
    case = page.errors.gallery.current
    assert case is not None
    assert page.analysis is not None
    page.analysis.images[case.image_id].path.unlink()
    page.errors.gallery.use(type(page.errors.gallery.pictures)(page.analysis.images))
    page.errors.detail.use(page.run, page.analysis, page.errors.gallery.pictures)
    page.errors.detail.clear()
    page.errors._show_case(case)
    studio_window.idle()
    assert "slide_" in page.errors.detail.labels.view._words


def test_judging_again_leaves_the_window_free(
    studio_window: Person, page: AnalyzePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    def start(project: Project, run_id: int, config: object, **more: object) -> JobDir:
        """A job that is over at once."""
        threads.append(threading.current_thread())
        assert more["snapshot"] is not None
        job = JobDir(runs.job_of(runs.get(project, run_id)).path / "jobs" / "evaluate-1")
        job.path.mkdir(parents=True)
        gone = {"pid": 1, "created": 1.0, "launched_at": 0.0}
        (job.path / "process.json").write_text(json.dumps(gone))
        job.emit(events.Started(job="evaluate", pid=1, process_created=1))
        job.emit(events.Ended(outcome=events.Outcome.FINISHED))
        return job

    done: list[bool] = []
    monkeypatch.setattr(runs, "start_job", start)
    page.evaluation.done.connect(lambda: done.append(True))
    studio_window.trigger("analyze.evaluate")
    studio_window.until(lambda: bool(done))
    assert threads
    assert threads[0] is not threading.main_thread()
    assert not page.evaluation.running


def test_projects_are_judged_with_the_labels_that_the_run_saw(studio_window: Person) -> None:
    job = finished_run(studio_window.project)
    with studio_window.project.read() as s:
        ids = queries.image_ids(s)
        labels = [a.id for i in ids for a in queries.annotations(s, i)]
    with studio_window.project.transaction("Delete") as s:
        commands.delete_annotations(s, ids=labels)
    page = studio_window.page("analyze")
    assert isinstance(page, AnalyzePage)
    studio_window.until(lambda: page.errors.verdict is not None)
    assert page.analysis is not None
    assert sum(len(i.annotations) for i in page.analysis.images.values()) > 0
    assert job.snapshot.exists()


def test_where_nobody_labelled_anything_no_label_is_called_right(
    studio_window: Person, page: AnalyzePage
) -> None:
    detail, tabs = page.errors.detail, page.errors.gallery.tabs
    kinds = [one.kind for one in page.errors.gallery._kinds]
    said = {}
    for kind in ("missed", "false alarm"):
        tabs.setCurrentIndex(kinds.index(kind))
        studio_window.idle()
        assert page.errors.gallery.current is not None
        said[kind] = detail.keep.accessibleName(), detail.fix.text()
    assert said == {
        "missed": ("Label is right", "Fix this label"),
        "false alarm": ("Nothing to label here", "Label it"),
    }


def test_the_table_counts_the_kinds_that_its_words_say(
    studio_window: Person, page: AnalyzePage
) -> None:
    verdict = page.errors.verdict
    assert verdict is not None
    assert page.errors.matrix_panel.caption.text().endswith(
        "Missed and false alarm hold the loose and the double ones too"
    )
    many = {one.kind: one.count for one in verdict.kinds}
    extra = int(verdict.confusion[-1].sum())
    kinds = ("false alarm", "duplicate", "loose box", "wrong class and loose")
    assert extra == sum(many[kind] for kind in kinds) > 0
