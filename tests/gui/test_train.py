"""The Train page, used like a person does: choose, start, watch, close, come back, mend."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import small_job
from dialog_hands import when_open
from patience import until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDialog,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from cvstudio.core import events
from cvstudio.core.annotation import Split, Task
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import applies, default_config, network
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.recipe import Start, TrainConfig
from cvstudio.core.recipe_limits import fields
from cvstudio.core.snapshot import read_snapshot
from cvstudio.gui import theme
from cvstudio.gui.studio import Studio
from cvstudio.gui.style import StudioStyle
from cvstudio.gui.train import words
from cvstudio.gui.train.new_run import NewRun
from cvstudio.gui.train.page import TrainPage
from cvstudio.gui.train.run_view import RunCard
from cvstudio.gui.widgets.verbatim import face
from cvstudio.project import commands, launch, queries, run_commands, runs
from cvstudio.project.device import Device
from cvstudio.project.pipeline import pipeline
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter
from cvstudio.project.remedies import Remedy
from cvstudio.project.run_status import RunStatus
from cvstudio.project.sample import create_sample


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_sample(tmp_path / "cells", Task.DETECT, images=24).close()
    return tmp_path / "cells"


def raise_it(error: BaseException, *, doing: str = "") -> None:
    """What the window does with a failure in these tests."""
    raise AssertionError(f"{doing or 'it failed'}: {error}") from error


class Window:
    """A studio with the Train page, as the window makes them."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        if theme._Now.keeper is None:
            theme.ThemeKeeper(application, StudioStyle()).choose("dark")
        self.qtbot = qtbot
        self.studio = Studio()
        # Told in a dialog, a failure would wait for somebody to close it until the test's time is
        # over, and say nothing of what went wrong.
        self.studio.fail = raise_it  # type: ignore[method-assign]
        self.studio.jobs.command = small_job.command
        self.studio.open(folder)
        self.page = TrainPage(self.studio)
        qtbot.addWidget(self.page)
        self.page.resize(1370, 800)
        self.page.show()
        self.page.shown()
        self.until(lambda: self.page.checks.texts)

    def until(self, true: Callable[[], object]) -> None:
        until(lambda: bool(true()))

    @property
    def project(self) -> Project:
        assert self.studio.project is not None
        return self.studio.project

    def choose(self, **settings: Any) -> None:
        self.page.new_run.apply({"start": Start.SCRATCH, **settings})

    def start(self, **settings: Any) -> int:
        before = len(runs.all_runs(self.project))
        self.choose(**settings)
        self.until(self.studio.actions["train.start"].isEnabled)  # the run before is prepared
        assert self.studio.actions.trigger("train.start")
        self.until(lambda: len(runs.all_runs(self.project)) == before + 1)
        self.until(lambda: len(self.page.table.model.rows) == before + 1)
        return before + 1

    def words_of(self, run_id: int) -> str:
        rows = {row.run.id: row.words for row in self.page.table.model.rows}
        return rows.get(run_id, "")

    def job(self, run_id: int) -> JobDir:
        return runs.job_of(runs.get(self.project, run_id))

    def close(self) -> None:
        self.page.hidden()
        self.page.release()
        self.page.hide()
        self.studio.shut_down()


@pytest.fixture
def window(qtbot: QtBot, folder: Path) -> Iterator[Window]:
    opened = Window(qtbot, folder)
    yield opened
    if opened.studio.project is not None:
        end_jobs(opened.project)
        opened.close()


def end_jobs(project: Project) -> None:
    for run in runs.all_runs(project):
        launch.end(runs.job_of(run), asked_seconds=0, terminate_seconds=0)


def stored_run(project: Project) -> JobDir:
    """A finished run as it lies on the disk: a stored list of events and its predictions."""
    run = runs.create_run(project, default_config(Task.DETECT, network="yolo26n", epochs=4))
    job = runs.job_of(run)
    val = read_snapshot(job.snapshot).of(Split.VAL)
    job.emit(events.Started(at=0, job="train", pid=1, process_created=1, total_epochs=4))
    for epoch in (1, 2, 3):
        at = 60.0 * epoch
        job.emit(
            events.StepEnded(
                at=at, epoch=epoch, step=5, steps=5, losses={"box": 1}, learning_rate=0.1,
                images_per_second=50, memory=2**30 * epoch, memory_total=8 * 2**30,
            )
        )  # fmt: skip
        parts = {"box": 2.0 / epoch, "cls": 1.0 / epoch}
        job.emit(
            events.EpochEnded(
                at=at, epoch=epoch, train=parts, val=parts, learning_rate=0.1 / epoch, seconds=60,
                metrics={"mAP50": 0.2 * epoch, "mAP50-95": 0.1 * epoch}, best=True,
            )
        )  # fmt: skip
        file = job.predictions(f"epoch-{epoch:04d}")
        found = [
            Prediction(i.id, objects=tuple(Found(1, 0.9, a.box) for a in i.annotations[:epoch]))
            for i in val[:4]
        ]
        write_predictions(file, found)
        job.emit(events.Samples(at=at, epoch=epoch, file=file.relative_to(job.path).as_posix()))
    outcome = events.Outcome.FINISHED_EARLY
    job.emit(events.Ended(at=181, outcome=outcome, metric="mAP50-95", best=0.3, best_epoch=3))
    with project.transaction("End", undoable=False) as session:
        run_commands.update_run(
            session, id=run.id, status="finished early", best=0.3, best_epoch=3, ended=181.0
        )
    return job


def test_an_old_run_shows_its_charts_again(qtbot: QtBot, folder: Path) -> None:
    with Project.open(folder) as project:
        stored_run(project)
    window = Window(qtbot, folder)
    view = window.page.view
    window.until(lambda: view.loss.names)
    assert view.loss.line("train") == ([1, 2, 3], [3.0, 1.5, 1.0])
    assert view.figure.line("mAP50-95")[1] == pytest.approx([0.1, 0.2, 0.3])
    assert view.rate.line("learning rate")[1] == pytest.approx([0.1, 0.05, 0.1 / 3])
    assert view.memory.line("in use") == ([1, 2, 3], [1, 2, 3])
    assert window.words_of(1) == "Finished early"
    model = window.page.table.model
    assert model.index(0, 3).data() == "Early", "the name of the network needs the room"
    assert "finished early" in model.index(0, 3).data(Qt.ItemDataRole.ToolTipRole).lower()
    assert view.card.count.text() == "3"
    assert view.card.buttons["analyze"].isVisible()
    assert not view.card.buttons["pause"].isVisible()
    window.close()


def test_old_runs_that_are_read_slowly_take_one_thread_and_leave_the_others_to_the_window(
    qtbot: QtBot, folder: Path
) -> None:
    with Project.open(folder) as project:
        stored_run(project)
    window = Window(qtbot, folder)
    window.until(lambda: not window.studio.tasks.working)
    window.page.book._states.clear()
    for _ in range(3):  # as when something happens while they are read
        window.page.refresh_runs()
    working = [work.title for work in window.studio.tasks.working]
    assert working.count("Read the runs") == 1
    window.until(lambda: window.page.view.loss.line("train")[0] == [1, 2, 3])
    window.close()


def test_labels_that_change_while_a_run_is_shown_are_counted_beside_it(
    qtbot: QtBot, folder: Path
) -> None:
    with Project.open(folder) as project:
        stored_run(project)
    window = Window(qtbot, folder)
    saw = window.page.saw
    window.until(lambda: saw.same.isVisible() and saw.same.text() == "nothing")
    with window.project.transaction("Add box") as session:
        train = queries.image_ids(session, ImageFilter(splits=(Split.TRAIN,)))
        class_id = queries.classes(session)[0].id
        commands.add_annotation(
            session, image_id=train[0], class_id=class_id, shape=Box(2, 2, 9, 9)
        )
    window.until(lambda: saw.changed.isVisible())
    assert saw.changed.text() == "1 image"
    assert not saw.same.isVisible()
    window.close()


def test_looking_back_shows_what_was_found_in_that_epoch(qtbot: QtBot, folder: Path) -> None:
    with Project.open(folder) as project:
        stored_run(project)
    window = Window(qtbot, folder)
    strip = window.page.view.samples
    first = strip.tiles[0]
    window.until(lambda: "3 found" in first.accessibleName())
    strip.slider.setValue(0)
    window.until(lambda: "1 found" in first.accessibleName())
    assert strip.epoch.text() == "1"
    window.close()


def test_missing_weights_bar_the_start_and_from_scratch_opens_it(window: Window) -> None:
    page = window.page
    page.new_run.apply({"network": "yolo11n"})
    assert not window.studio.actions["train.start"].isEnabled()
    assert any("yolo11n.pt" in text for text in page.checks.texts)
    check = next(c for c in page.checks.shown if "yolo11n.pt" in c.text)
    assert str(Path(os.environ["CVSTUDIO_HOME"]) / "weights") in check.detail
    without = next(action for action in check.actions if action.changes)
    page.checks.acted.emit(without)
    assert page.new_run.config.start is Start.SCRATCH
    assert window.studio.actions["train.start"].isEnabled()
    assert page.next_step.button.text() == "Start run 1"


def test_a_run_is_started_watched_and_finished(window: Window) -> None:
    said: list[str] = []  # a short run may be over before anybody looks a second time
    window.studio.jobs.runs_changed.connect(lambda: said.append(window.words_of(1)))
    run_id = window.start(epochs=5)
    window.until(lambda: window.words_of(run_id) == "Finished")
    assert "Running" in said
    view = window.page.view
    window.until(lambda: len(view.loss.line("train")[0]) == 5)
    assert view.card.title.text() == f"Run {run_id}"
    assert runs.get(window.project, run_id).best is not None


def test_the_keyboard_stays_on_the_start_button_while_a_run_is_prepared(window: Window) -> None:
    button = window.page.next_step.button
    window.choose(epochs=1)
    window.until(button.isEnabled)
    window.page.activateWindow()
    button.setFocus(Qt.FocusReason.TabFocusReason)
    window.until(button.hasFocus)
    passed: list[QWidget | None] = []
    QApplication.instance().focusChanged.connect(lambda _old, new: passed.append(new))
    window.start(epochs=1)
    window.until(button.hasFocus)
    assert {each for each in passed if each is not None} == {button}


def test_a_second_run_is_queued_and_begins_by_itself(window: Window) -> None:
    first = window.start(epochs=small_job.LONG)
    window.until(lambda: window.studio.jobs.current is not None)
    window.until(lambda: window.page.next_step.button.text() == "Queue run 2")
    comparison = window.page.comparison
    assert comparison.isHidden() or comparison.chart.names
    window.until(lambda: window.studio.jobs.state.epochs)
    second = window.start(epochs=2)
    assert window.words_of(second) == "Queued"
    # What there is to compare a queued run with is the one at work.
    window.until(lambda: comparison.chart.names == [str(first)] and not comparison.isHidden())
    window.page.show_run(first)
    window.until(window.page.view.card.buttons["finish"].isEnabled)
    window.page.view.card.buttons["finish"].click()
    window.until(lambda: window.words_of(first) == "Finished early")
    window.until(lambda: window.words_of(second) == "Finished")


def test_pause_and_resume_go_on_in_the_same_charts(window: Window) -> None:
    run_id = window.start(seed=small_job.PATIENT, epochs=40)
    view = window.page.view
    window.until(lambda: len(window.studio.jobs.state.epochs) >= 2)
    window.until(view.card.buttons["pause"].isEnabled)
    view.card.buttons["pause"].click()
    window.until(lambda: window.words_of(run_id) == "Paused")
    view.card.buttons["resume"].click()
    window.until(lambda: window.words_of(run_id) == "Finished")
    window.until(lambda: view.loss.line("train")[0] == list(range(1, 41)))


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_killed_job_is_told_in_words_and_resumed_with_one_button(window: Window) -> None:
    run_id = window.start(epochs=small_job.LONG)
    window.until(lambda: len(window.studio.jobs.state.epochs) >= 3)
    process = launch.find(window.job(run_id))
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    card = window.page.view.failure
    window.until(card.isVisible)
    assert "was ended by the system (signal 9)" in card.text.text()
    assert "labels are saved" in card.safe.text()
    assert window.words_of(run_id) == "Stopped"
    ways = [way.title for way in card.ways]
    assert ways[0].startswith("Continue from epoch ")
    card.go.click()
    window.until(lambda: window.words_of(run_id) == "Running")


def test_after_the_memory_ran_out_the_one_accent_button_continues_with_half_the_batch(
    window: Window,
) -> None:
    run_id = window.start(seed=small_job.HUNGRY, batch=16, epochs=5)
    card = window.page.view.failure
    window.until(card.isVisible)
    assert "at batch 16 and image size" in card.text.text()
    assert card.go.text() == "Continue with batch 8"
    window.until(lambda: card.go.property("next"))
    assert not window.page.next_step.button.property("next")
    card.go.click()
    window.until(lambda: window.words_of(run_id) == "Finished")
    assert runs.config_of(runs.get(window.project, run_id)).batch == 8
    assert window.page.next_step.button.property("next")


def test_a_failed_run_holds_the_queue_until_stop_here(window: Window) -> None:
    window.start(seed=small_job.HUNGRY, batch=16, epochs=5)
    second = window.start(seed=0, batch=4, epochs=3)
    window.until(lambda: window.words_of(second) == "Waiting")
    window.page.show_run(1)
    window.until(window.page.view.failure.leave.isVisible)
    window.page.view.failure.leave.click()
    window.until(lambda: window.words_of(second) == "Finished")


def test_the_training_outlives_the_window_and_a_new_window_shows_its_live_chart(
    qtbot: QtBot, folder: Path
) -> None:
    first = Window(qtbot, folder)
    run_id = first.start(epochs=small_job.LONG)
    first.until(lambda: len(first.studio.jobs.state.epochs) >= 3)
    job = first.job(run_id)
    first.close()
    assert launch.alive(job)
    second = Window(qtbot, folder)
    second.until(lambda: second.studio.jobs.current is not None)
    second.until(lambda: second.words_of(run_id) == "Running")
    seen = len(second.studio.jobs.state.epochs)
    second.until(lambda: len(second.page.view.loss.line("train")[0]) > seen)
    assert second.page.view.loss.line("train")[0][:3] == [1, 2, 3]
    end_jobs(second.project)
    second.close()


def asked_by_cancel(window: Window, answer: Callable[[QDialog], None]) -> list[str]:
    """Click Cancel of the shown run; the words of the question that comes up."""
    words: list[str] = []

    def look(dialog: QDialog) -> None:
        buttons = [button.text() for button in dialog.findChildren(QPushButton)]
        words.extend([*(text.text() for text in dialog.findChildren(QLabel)), *buttons])
        answer(dialog)

    when_open(QDialog, look)
    window.page.view.card.buttons["cancel"].click()
    return words


def press(words: str) -> Callable[[QDialog], None]:
    """Click the button of a dialog that says so."""

    def act(dialog: QDialog) -> None:
        next(b for b in dialog.findChildren(QPushButton) if b.text() == face(words)).click()

    return act


def test_neither_enter_nor_esc_cancels_a_run_and_cancelling_ends_its_job(window: Window) -> None:
    run_id = window.start(epochs=small_job.LONG)
    window.until(lambda: len(window.studio.jobs.state.epochs) >= 1)
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Space):
        asked = asked_by_cancel(
            window, lambda dialog, key=key: QTest.keyClick(dialog.focusWidget(), key)
        )
        assert f"Cancel run {run_id}?" in asked
        assert asked[-3:] == ["Go on training", "Finish early, keep the best", "Cancel run 1"]
        assert launch.alive(window.job(run_id))
    assert not list(window.job(run_id).control.glob("*"))
    asked_by_cancel(window, press(f"Cancel run {run_id}"))
    window.until(lambda: window.words_of(run_id) == "Cancelled")
    assert not launch.alive(window.job(run_id))


def test_the_question_of_cancel_can_keep_the_best_network_instead(window: Window) -> None:
    run_id = window.start(epochs=small_job.LONG)
    window.until(lambda: len(window.studio.jobs.state.epochs) >= 1)
    asked = asked_by_cancel(window, press("Finish early, keep the best"))
    (lost,) = [text for text in asked if "would be lost" in text]
    whole = len(window.job(run_id).state().epochs)
    assert 1 <= int(lost.partition("learned in ")[2].split()[0]) <= whole
    window.until(lambda: runs.get(window.project, run_id).status == RunStatus.FINISHED_EARLY)
    assert window.job(run_id).best.exists()


def test_every_setting_of_a_run_has_a_field_with_its_own_limits(window: Window) -> None:
    form = window.page.new_run.form
    window.page.new_run.all_link.click()
    assert form.isVisible()
    told = {n for n, f in TrainConfig.model_fields.items() if f.title}
    assert set(form.editors) == told
    for name in ("image_size", "batch"):
        assert not form.rows[name].isVisibleTo(form), "that stands above the form"
    epochs = form.editors["epochs"]
    assert isinstance(epochs, QSpinBox)
    assert (epochs.minimum(), epochs.maximum()) == (1, 10_000)
    epochs.setValue(7)
    assert window.page.new_run.config.epochs == 7
    balance = form.editors["class_weights"]
    assert isinstance(balance, QCheckBox)
    balance.click()
    assert window.page.new_run.config.class_weights
    for name, editor in form.editors.items():
        assert editor.accessibleName() == fields()[name].title


def test_another_preset_brings_its_own_size_and_keeps_the_rest(window: Window) -> None:
    new = window.page.new_run
    new.apply({"seed": 7, "image_size": 960})
    window.qtbot.mouseClick(new.presets.cards["fast"], Qt.MouseButton.LeftButton)
    expected = default_config(Task.DETECT, "fast")  # type: ignore[arg-type]
    assert new.config.image_size == expected.image_size
    assert new.config.network == expected.network
    assert new.config.seed == 7
    assert new.presets.cards["fast"].figure.text()


def test_the_settings_of_an_old_run_go_into_the_new_one(window: Window) -> None:
    window.start(epochs=2, batch=3, seed=11)
    window.until(lambda: window.words_of(1) == "Finished")
    window.page.new_run.apply({"epochs": 9, "batch": 5, "seed": 1})
    window.page.view.card.buttons["again"].click()
    config = window.page.new_run.config
    assert (config.epochs, config.batch, config.seed) == (2, 3, 11)


def test_a_project_without_labels_says_how_many_are_needed(qtbot: QtBot, tmp_path: Path) -> None:
    Project.create(tmp_path / "empty", task=Task.DETECT, classes=["cell"]).close()
    window = Window(qtbot, tmp_path / "empty")
    assert window.page.centre.currentWidget() is window.page.empty
    assert "0 of the 20 images" in window.page.empty.words.text()
    assert window.page.empty.button.text() == "Bring in images"
    assert not window.studio.actions["train.start"].isEnabled()
    window.close()


def test_labelled_images_without_a_split_are_to_be_divided_not_labelled_again(
    qtbot: QtBot, folder: Path
) -> None:
    with Project.open(folder) as project, project.transaction("No split") as session:
        ids = queries.image_ids(session)
        commands.set_split(session, image_ids=ids, split=None)
    window = Window(qtbot, folder)
    assert "22 labelled images are in no split" in window.page.empty.words.text()
    assert window.page.empty.button.text() == "Divide the images"
    went: list[str] = []
    window.studio.went.connect(lambda name, _what: went.append(name))
    window.page.empty.button.click()
    assert went == ["data"]
    window.close()


def test_a_run_that_ended_while_no_window_was_open_is_told_when_one_opens(window: Window) -> None:
    window.start(epochs=2)
    window.until(lambda: window.words_of(1) == "Finished")
    project, jobs = window.project, window.studio.jobs
    jobs.leave()
    runs._store(project, 1, status=RunStatus.RUNNING.value)  # as a closed window leaves it
    jobs.open(project)
    assert [(run.id, run.status) for run in jobs.take_unseen()] == [(1, RunStatus.FINISHED)]
    assert jobs.take_unseen() == (), "it is told once"
    jobs.leave()
    jobs.open(project)
    assert jobs.take_unseen() == ()


def test_the_form_is_as_it_was_left_when_the_project_is_opened_again(
    qtbot: QtBot, folder: Path
) -> None:
    first = Window(qtbot, folder)
    qtbot.mouseClick(first.page.new_run.presets.cards["fast"], Qt.MouseButton.LeftButton)
    first.choose(image_size=96, epochs=4)
    left = first.page.new_run.config
    first.close()
    again = Window(qtbot, folder)
    assert again.page.new_run.presets.key == "fast"
    assert again.page.new_run.config == left
    again.close()


def test_the_time_on_the_chosen_card_is_that_of_the_settings(window: Window) -> None:
    new = window.page.new_run
    before = new.presets.cards["balanced"].figure.text()
    assert "first guess" in new.times_note.text()
    window.choose(epochs=1, image_size=32)
    assert new.presets.cards["balanced"].figure.text() == "under a minute" != before
    assert words.times_from([4, 1]) == "Times from the speed of runs 1, 4."


def test_the_run_list_can_be_narrowed_to_runs_with_a_network(window: Window) -> None:
    window.start(epochs=2)
    window.until(lambda: window.words_of(1) == "Finished")
    window.start(seed=small_job.BROKEN)
    window.until(lambda: window.words_of(2) == "Failed")
    window.page.table.show_kind("With a network")
    assert [row.run.id for row in window.page.table.model.rows] == [1]
    window.page.table.show_kind("All runs")
    assert [row.run.id for row in window.page.table.model.rows] == [2, 1]
    assert runs.status(runs.get(window.project, 1)) is RunStatus.FINISHED


def test_undoing_the_choice_of_a_pipeline_shows_the_one_before_it(window: Window) -> None:
    shown = window.page.new_run.augment
    before = shown.currentText()
    place = next(i for i in range(shown.count()) if shown.itemText(i) != before)
    shown.setCurrentIndex(place)
    shown.activated.emit(place)
    assert pipeline(window.project).name == shown.currentText() != before
    window.studio.undo()
    window.until(lambda: shown.currentText() == before)


def test_a_finished_run_can_be_started_from_and_left_again(window: Window) -> None:
    form = window.page.new_run.form
    start = form.editors["start"]
    assert isinstance(start, QComboBox)
    assert start.findText("Run") < 0
    window.start(epochs=1, network="yolo11n")
    window.until(lambda: window.words_of(1) == "Finished")
    best = window.job(1).best
    window.page.new_run.apply({"network": "yolo26s"})
    place = next(i for i in range(start.count()) if start.itemText(i).startswith("Run 1, "))
    start.setCurrentIndex(place)
    config = window.page.new_run.config
    assert (config.start, config.weights_file) == (Start.RUN, best)
    assert config.network == "yolo11n"
    assert window.studio.actions["train.start"].isEnabled()
    assert window.studio.actions.trigger("train.start")
    window.until(lambda: window.words_of(2) == "Finished")
    assert runs.get(window.project, 2).parent_id == 1
    window.page.new_run.apply({"start": Start.PRETRAINED})
    assert window.page.new_run.config.weights_file is None
    assert start.currentText() == "Pretrained"


def test_a_failed_run_that_started_from_a_run_is_started_again_from_it(window: Window) -> None:
    window.start(epochs=1)
    window.until(lambda: window.words_of(1) == "Finished")
    best = window.job(1).best
    window.start(start=Start.RUN, weights_file=best, epochs=1)
    window.until(lambda: window.words_of(2) == "Finished")
    window.page.show_run(2)
    window.page.control.take_way(Remedy("again", "again", "", {"batch": 2}, resume=False))
    window.until(lambda: len(runs.all_runs(window.project)) == 3)
    third = runs.get(window.project, 3)
    assert third.parent_id == 1
    assert (runs.config_of(third).batch, runs.config_of(third).weights_file) == (2, best)


def test_settings_without_effect_on_the_network_are_not_shown(qtbot: QtBot) -> None:
    for task, smoothing, fits in ((Task.DETECT, False, 3), (Task.SEGMENT, True, 3)):
        new = NewRun(task)
        qtbot.addWidget(new)
        new.all_link.click()
        form = new.form
        for group in form.groups:
            form.open_group(group)
        assert form.editors["label_smoothing"].isVisibleTo(form) is smoothing
        assert form.editors["frozen_epochs"].isVisibleTo(form)
        fit = form.editors["fit"]
        assert isinstance(fit, QComboBox)
        assert fit.count() == fits
        new.apply({"fit": "crop"})
        assert fit.currentText() == "Crop"
        told = sum(applies(name, network(new.config.network)) for name in fields())
        new.all_link.click()
        assert new.all_link.text() == f"All {told} settings"


def test_the_gpus_of_this_computer_can_be_picked(window: Window) -> None:
    gpus = tuple(Device("cuda", f"GPU {n}", 8 * 2**30, 0, place=f"cuda:{n}") for n in (0, 1))
    window.page.jobs._device_seen(replace(gpus[0], others=gpus[1:]))
    box = window.page.new_run.form.editors["device"]
    assert isinstance(box, QComboBox)
    assert [box.itemData(i) for i in range(box.count())] == ["auto", "cpu", "cuda:0", "cuda:1"]
    box.setCurrentIndex(3)
    assert window.page.new_run.config.device == "cuda:1"
    window.page.jobs._device_seen(gpus[0])  # the second one is gone
    assert window.page.new_run.config.device == "cuda:1"
    assert any("no cuda:1" in text for text in window.page.checks.texts)
    assert not window.studio.actions["train.start"].isEnabled()


def test_only_what_can_be_asked_of_the_shown_run_is_enabled(window: Window) -> None:
    actions = window.studio.actions

    def enabled() -> set[str]:
        return {what for what in words.ASKED if actions[f"train.{what}"].isEnabled()}

    assert enabled() == set()
    assert "No run yet" in actions["train.pause"].toolTip()
    window.start(epochs=small_job.LONG)
    window.until(lambda: enabled() == {"pause", "finish", "cancel"})
    assert actions.trigger("train.pause")
    window.until(lambda: window.words_of(1) == "Paused")
    window.until(lambda: "cancel" in enabled())
    assert "pause" not in enabled()
    assert "Run 1 is paused" in actions["train.pause"].toolTip()


@pytest.mark.parametrize(
    ("status", "begun", "saved", "possible"),
    [
        (RunStatus.RUNNING, False, False, {"cancel"}),
        (RunStatus.RUNNING, True, False, {"pause", "finish", "cancel"}),
        (RunStatus.PAUSED, False, True, {"cancel", "resume"}),
        (RunStatus.FAILED, False, True, {"resume"}),
        (RunStatus.FAILED, False, False, set()),
        (RunStatus.QUEUED, False, False, {"cancel"}),
        (RunStatus.FINISHED, False, False, set()),
    ],
)
def test_each_state_of_a_run_allows_its_own_steps_and_gives_reasons(
    status: RunStatus, begun: bool, saved: bool, possible: set[str]
) -> None:
    reasons = words.why_not(4, status, begun=begun, saved=saved)
    assert {what for what, why in reasons.items() if not why} == possible
    assert all("Run 4" in why for why in reasons.values() if why)


def test_curves_that_show_learning_by_heart_are_put_in_words(qtbot: QtBot, folder: Path) -> None:
    with Project.open(folder) as project:
        job = stored_run(project)
        falls, rises = [1.0, 0.8, 0.6, 0.5, 0.4, 0.3], [1.0, 0.8, 0.9, 1.0, 1.1, 1.2]
        for epoch, (on_train, on_val) in enumerate(zip(falls, rises, strict=True), start=4):
            job.emit(
                events.EpochEnded(
                    at=300.0 + epoch, epoch=epoch, train={"loss": on_train}, val={"loss": on_val},
                    learning_rate=0.1, seconds=60, metrics={"mAP50-95": 0.1}, best=False,
                )
            )  # fmt: skip
    window = Window(qtbot, folder)
    note = window.page.view.note
    window.until(lambda: note.isVisible() and "by heart" in note._words.text())
    window.close()


def test_a_deleted_run_is_asked_about_with_its_size_and_gone_from_list_and_disk(
    qtbot: QtBot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Project.open(folder) as project:
        job = stored_run(project)
    files = sum(path.is_file() for path in job.path.rglob("*"))
    window = Window(qtbot, folder)
    asked: list[str] = []
    answers = [False, True]

    def ask(question: str, text: str = "", *, yes: str, danger: bool = False) -> bool:
        asked.append(f"{question} {text}")
        return answers.pop(0)

    monkeypatch.setattr(window.studio, "ask", ask)
    assert window.studio.actions.trigger("train.delete")
    assert job.path.is_dir()
    assert window.studio.actions.trigger("train.delete")
    window.until(lambda: not list(window.project.runs_directory.iterdir()))
    assert not window.page.table.model.rows
    assert asked[0].startswith(f"Delete run 1? Its settings and log go: {files} files, ")
    assert "cannot be undone" in asked[0]
    assert not job.path.exists()
    assert window.page.centre.currentWidget() is window.page.empty
    assert window.page.next_step.button.text().startswith("Start run 2")
    window.close()


def test_a_running_run_cannot_be_deleted(window: Window) -> None:
    window.start(epochs=small_job.LONG)
    window.until(lambda: window.page.view.card.buttons["pause"].isEnabled())
    action = window.studio.actions["train.delete"]
    assert not action.isEnabled()
    assert "Run 1 is running: cancel it first" in action.toolTip()


@pytest.mark.parametrize("width", [1366, 1290])
def test_nothing_of_a_run_is_cut_beside_its_panels(qtbot: QtBot, folder: Path, width: int) -> None:
    with Project.open(folder) as project:
        stored_run(project)
    window = Window(qtbot, folder)
    view = window.page.view
    window.until(lambda: view.loss.names)
    window.page.resize(width - 73, 660)  # the window without the rail
    view.figure.set_figures("epoch 12: 0.123 mAP50, 0.123 mAP50-95")
    window.until(lambda: view.widget().width() <= view.viewport().width())
    right = view.viewport().mapToGlobal(view.viewport().rect().topRight()).x()
    shown = [button for button in view.card.buttons.values() if button.isVisible()]
    assert view.card.buttons["analyze"] in shown
    for part in (*shown, *view.charts):
        assert part.mapToGlobal(part.rect().topRight()).x() <= right
    for button in shown:
        assert button.width() >= button.minimumSizeHint().width()
    window.close()


def test_all_that_is_known_of_a_run_is_read_whole_in_a_narrow_middle(window: Window) -> None:
    page, card = QWidget(), RunCard(window.studio)
    window.qtbot.addWidget(page)
    column = QVBoxLayout(page)
    column.addWidget(card)
    column.addStretch(1)
    for button in card.buttons.values():
        button.hide()
    page.resize(560, 300)
    facts = [
        ("", "2 min 13 s", "so far"), ("", "1 min", "left, until 12:03"), ("", "32", "images/s"),
        ("", "17 %", "waiting for images"), ("best mAP50-95", "0.123", "at epoch 12"),
    ]  # fmt: skip
    page.show()
    card._show_facts(facts)
    boxes = [parts[1].parentWidget() for parts in card._fact_labels]
    window.until(lambda: len({box.y() for box in boxes}) == 2)
    window.until(lambda: all(card.contentsRect().contains(box.geometry()) for box in boxes))
    for parts, told in zip(card._fact_labels, facts, strict=True):
        shown = [part for part in parts if part.isVisible()]
        assert [part.text() for part in shown] == [text for text in told if text]
        for part in shown:
            assert part.width() >= part.sizeHint().width()
    card._show_facts(facts[:1])
    window.until(lambda: [box.isVisible() for box in boxes] == [True, False, False, False, False])
