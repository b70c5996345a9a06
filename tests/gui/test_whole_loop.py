"""The whole loop in the real window, with mouse and keys, a real job process and a real ONNX file:
label, augment, train, see an error, fix its label, export, and read the proof."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from person import Person
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QSpinBox

from cvstudio.core.annotation import Task
from cvstudio.gui.analyze.page import AnalyzePage
from cvstudio.gui.augment.page import AugmentPage
from cvstudio.gui.export.page import ExportPage
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.train.page import TrainPage
from cvstudio.project import launch, queries, runs
from cvstudio.project.pipeline import pipeline
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus, log_tail
from cvstudio.project.sample import create_sample

TRAINING, ANSWER = 150, 60
"""Seconds that a tiny training or export may take, and an answer of the live process."""

NETWORKS = {
    Task.DETECT: "yolo11n",
    Task.INSTANCE: "yolo11n-seg",
    Task.SEGMENT: "unet-mobilenet_v2",
    Task.CLASSIFY: "mobilenet_v3_small",
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def task(request: pytest.FixtureRequest) -> Task:
    return Task(request.param)


@pytest.fixture
def project(tmp_path: Path, task: Task, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The sample of a task, small; the window of `studio_window` opens it."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    made = create_sample(tmp_path / "sample", task, images=14)
    yield made
    made.close()
    with Project.open(tmp_path / "sample") as left:
        for run in runs.all_runs(left):
            launch.end(runs.job_of(run), asked_seconds=0, terminate_seconds=0)


def choose(person: Person, box: QComboBox, value: str) -> None:
    """Choose an entry of a list by its keys, as a person without a mouse does."""
    row = box.findData(value)
    assert row >= 0, f"{box.accessibleName()} has no {value}"
    box.setFocus()
    while box.currentIndex() != row:
        before = box.currentIndex()
        QTest.keyClick(box, Qt.Key.Key_Down if before < row else Qt.Key.Key_Up)
        assert box.currentIndex() != before
    person.settle()


def enter(person: Person, box: QSpinBox | QDoubleSpinBox, value: float) -> None:
    """Type a number over the one that stands there."""
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, str(value))
    QTest.keyClick(box, Qt.Key.Key_Return)
    person.settle()


def set_up_run(person: Person, page: TrainPage, *, epochs: int) -> None:
    """Make the next run a tiny one, with the controls of the page."""
    new = page.new_run
    choose(person, new.network, NETWORKS[person.project.task])
    enter(person, new.image_size, 64)
    enter(person, new.batch, 4)
    new.all_link.click()
    person.until(new.form.isVisible)
    wanted = {"start": "scratch", "epochs": epochs, "workers": 0}
    for name, value in wanted.items():
        editor = new.form.editors[name]
        if isinstance(editor, QComboBox):
            choose(person, editor, str(value))
        else:
            assert isinstance(editor, QSpinBox)
            enter(person, editor, int(str(value)))
    config = new.config
    assert (config.network, config.image_size, config.batch) == (
        NETWORKS[person.project.task], 64, 4,
    )  # fmt: skip
    assert {name: getattr(config, name) for name in wanted} == wanted
    assert not new.form.editors["frozen_epochs"].isEnabled()  # it has no effect from scratch


def train(person: Person, *, epochs: int) -> RunRecord:
    """Train through the page until the run is over; the charts must move while it runs."""
    page = person.page("train")
    assert isinstance(page, TrainPage)
    person.until(lambda: bool(page.checks.texts))
    set_up_run(person, page, epochs=epochs)
    person.until(page.next_step.button.isEnabled)
    assert page.next_step.button.text() == "Start run 1"
    person.click(page.next_step.button)
    person.until(lambda: len(runs.all_runs(person.project)) == 1)
    live: set[int] = set()

    def over() -> bool:
        run = runs.get(person.project, 1)
        now = RunStatus(run.status)
        if person.studio.jobs.current is not None:
            live.add(len(page.view.loss.line("train")[0]))
        if now is RunStatus.FAILED:
            pytest.fail(f"{page.view.failure.text.text()}\n{log_tail(runs.job_of(run))}")
        return now.over

    person.until(over, TRAINING)
    run = runs.get(person.project, 1)
    assert run.status == RunStatus.FINISHED
    assert max(live) >= 1, "the chart stood still while the run ran"
    person.until(lambda: page.view.loss.line("train")[0] == list(range(1, epochs + 1)))
    assert all(np.isfinite(page.view.loss.line("train")[1]))
    assert page.view.card.count.text() == str(epochs)
    person.until(page.view.card.buttons["analyze"].isVisible)
    return run


def analyze(person: Person, run: RunRecord) -> AnalyzePage:
    """Go from the run to its errors."""
    page = person.window.page_named("train")
    assert isinstance(page, TrainPage)
    person.click(page.view.card.buttons["analyze"])
    front = person.window.front
    assert isinstance(front, AnalyzePage)
    person.until(lambda: front.errors.verdict is not None)
    person.idle()
    assert front.run is not None
    assert front.run.id == run.id
    return front


def error_cell(page: AnalyzePage) -> QModelIndex:
    """A cell with errors on labelled objects; an untrained network makes some of all tasks."""
    matrix = page.errors.matrix.matrix
    ids = matrix.class_ids
    for row, labelled in enumerate(ids):
        for column, predicted in enumerate(ids):
            if labelled and labelled != predicted and matrix.count(row, column):
                return matrix.index(row, column)
    raise AssertionError("one epoch made a faultless network")


def open_cell(person: Person, page: AnalyzePage) -> tuple[int, int]:
    """Click a cell of the matrix; its labelled and predicted class."""
    index = error_cell(page)
    person.click(page.errors.matrix.viewport(), page.errors.matrix.visualRect(index).center())
    ids = page.errors.matrix.matrix.class_ids
    cell = (ids[index.row()], ids[index.column()])
    person.until(lambda: page.errors.gallery.cell == cell)
    assert page.errors.gallery.count >= 1
    assert page.errors.gallery.chip.isVisible()
    case = page.errors.gallery.current
    assert case is not None
    assert case.labelled == cell[0]
    person.until(lambda: page.errors.detail.case is case)
    return cell


def export(person: Person, run: RunRecord) -> Path:
    """Export through the page until its proof is shown; the file."""
    page = person.page("export")
    assert isinstance(page, ExportPage)
    assert page.run is not None
    assert page.run.id == run.id
    failures: list[BaseException] = []

    def proven() -> bool:
        assert not failures, failures
        return page.proof is not None

    with pytest.MonkeyPatch.context() as patch:  # its dialog would wait for a person
        patch.setattr(person.studio, "fail", lambda error, **_more: failures.append(error))
        person.click(page.next_step.button)
        person.until(proven, TRAINING)
    assert page.proof is not None
    assert page.card.isVisible()
    assert page.proof.passed, json.dumps(page.proof.content["checks"], indent=1)
    passed, judged = page.proof.counts
    assert passed == judged >= 2
    assert f"{passed} of {judged} checks passed" in page.status_left
    return page.proof.file


def runs_alone(file: Path, project: Project, size: int = 64) -> None:
    """The file answers any number of images in a bare ONNX Runtime and says what they mean."""
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    for count in (1, 3):
        answers = session.run(None, {name: np.zeros((count, 3, size, size), np.float32)})
        assert answers[0].shape[0] == count
    said = json.loads(session.get_modelmeta().custom_metadata_map["cvstudio"])
    with project.read() as s:
        assert [c["name"] for c in said["classes"]] == [c.name for c in queries.classes(s)]
    assert said["task"] == project.task


@pytest.mark.parametrize("task", ["detect"], indirect=True)
def test_draw_undo_augment_train_fix_a_label_and_export(studio_window: Person) -> None:
    person = studio_window
    draw_undo_and_redo_a_box(person)
    change_the_augmentation(person)
    run = train(person, epochs=2)
    assert runs.config_of(run).augmentation == pipeline(person.project).steps
    page = analyze(person, run)
    cell = open_cell(person, page)
    person.until(lambda: heat_of(page) is not None, ANSWER)
    fix_the_label(person, page, cell)
    runs_alone(export(person, run), person.project)


@pytest.mark.parametrize("task", ["classify", "segment", "instance"], indirect=True)
def test_every_task_goes_from_train_to_a_verified_file(studio_window: Person) -> None:
    run = train(studio_window, epochs=1)
    page = analyze(studio_window, run)
    open_cell(studio_window, page)
    runs_alone(export(studio_window, run), studio_window.project)


def draw_undo_and_redo_a_box(person: Person) -> None:
    page = person.page("label")
    assert isinstance(page, LabelPage)
    person.until(lambda: page.canvas.tiles.pyramid is not None)
    image = page.document.image
    assert image is not None

    def boxes() -> dict[int, object]:
        with person.project.read() as s:
            return {a.id: a.shape for a in queries.annotations(s, image.id)}

    before = boxes()
    person.key("R", page.canvas)
    person.drag(page.canvas, (20, 30), (90, 100))
    drawn = boxes()
    (new,) = drawn.keys() - before.keys()
    box = drawn[new]
    assert np.allclose((box.x, box.y, box.w, box.h), (20, 30, 70, 70), atol=1)  # type: ignore[attr-defined]
    person.key("Ctrl+Z")
    assert boxes() == before
    person.key("Ctrl+Shift+Z")
    assert boxes() == drawn


def change_the_augmentation(person: Person) -> None:
    """Switch a step off and see other variants come; use the pipeline for the next run."""
    page = person.page("augment")
    assert isinstance(page, AugmentPage)
    person.until(lambda: len(page.grid.pictures) == 9, ANSWER)
    first = page.grid.pictures
    page.side.steps.setFocus()
    page.side.steps.setCurrentIndex(page.side.steps.model().index(0, 0))
    person.key("Space", page.side.steps)
    assert not page.pipeline.steps[0].enabled
    person.until(lambda: page.grid.pictures is not first and len(page.grid.pictures) == 9, ANSWER)
    assert any(a.image != b.image for a, b in zip(first, page.grid.pictures, strict=True))
    person.click(page.next_step.button)
    assert isinstance(person.window.front, TrainPage)
    used = pipeline(person.project)
    assert not used.steps[0].enabled


def heat_of(page: AnalyzePage) -> object:
    """The heat map that is shown, once there is one."""
    heat = page.errors.detail.heat.view._heat
    return heat if heat is not None and heat.width() > 1 else None


def fix_the_label(person: Person, page: AnalyzePage, cell: tuple[int, int]) -> None:
    """Go to the object behind a case, give it another class, and find the case again."""
    case = page.errors.gallery.current
    assert case is not None
    assert case.annotation_id is not None
    person.click(page.errors.detail.fix)
    label = person.window.front
    assert isinstance(label, LabelPage)
    document = label.document
    person.until(lambda: document.selection == {case.annotation_id})
    assert document.image is not None
    assert document.image.id == case.image_id
    with person.project.read() as s:
        other = next(c for c in queries.classes(s) if c.id != cell[0])
        assert {a.id: a.class_id for a in queries.annotations(s, case.image_id)}[
            case.annotation_id
        ] == cell[0]
    person.key(other.hotkey, label.canvas)
    with person.project.read() as s:
        now = {a.id: a.class_id for a in queries.annotations(s, case.image_id)}
    assert now[case.annotation_id] == other.id
    back = person.page("analyze")
    assert back is page
    assert page.errors.gallery.cell == cell
    assert page.errors.gallery.current == case
