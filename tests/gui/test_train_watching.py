"""Watching a run: parts and classes in the charts, log scale, smoothing, best epoch, the film."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from own_time import own_seconds
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from test_train import Window, stored_run

from cvstudio.core import events
from cvstudio.core.annotation import Split, Task
from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import default_config
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.run_state import RunState
from cvstudio.core.snapshot import read_snapshot
from cvstudio.core.thinning import MOST_STEPS
from cvstudio.gui.train.film import GAP, WIDTH
from cvstudio.gui.train.run_charts import RunCharts, _with_steps
from cvstudio.project import run_commands, runs
from cvstudio.project.project import Project
from cvstudio.project.sample import create_sample


def more_epochs(job: JobDir, last: int) -> None:
    """Go on with the stored run of three epochs, as one that tells all that can be told."""
    val = read_snapshot(job.snapshot).of(Split.VAL)
    for epoch in range(4, last + 1):
        parts = {"box": 2.0 / epoch, "cls": 1.0 / epoch}
        job.emit(
            events.EpochEnded(
                at=60.0 * epoch, epoch=epoch, train={"loss": 3 / epoch, **parts},
                val={"loss": 4 / epoch, **parts}, learning_rate=0.1 / epoch, seconds=60,
                metrics={"mAP50": 0.6, "mAP50-95": 0.4}, best=epoch == 5,
                classes={1: 0.4 + epoch / 100, 2: 0.1},
            )
        )  # fmt: skip
        file = job.predictions(f"epoch-{epoch:04d}")
        write_predictions(
            file,
            [Prediction(i.id, objects=tuple(Found(1, 0.9, a.box) for a in i.annotations[:2]))
             for i in val[:4]],
        )  # fmt: skip
        file_ = file.relative_to(job.path).as_posix()
        job.emit(events.Samples(at=60.0 * epoch, epoch=epoch, file=file_))


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[Window]:
    create_sample(tmp_path / "cells", Task.DETECT, images=24).close()
    with Project.open(tmp_path / "cells") as project:
        more_epochs(stored_run(project), 30)
    opened = Window(qtbot, tmp_path / "cells")
    opened.until(lambda: opened.page.view.loss.names)
    yield opened
    opened.close()


def charts(window: Window) -> RunCharts:
    return window.page.view.readings


def test_the_parts_of_the_loss_are_shown_for_train_and_val(window: Window) -> None:
    shown = charts(window)
    assert shown.loss.names == ["train", "val"]
    shown.parts._group.button(1).click()
    assert shown.loss.names == ["box", "cls", "box val", "cls val"]
    assert [name for name, _, _ in shown.loss.legend._entries] == ["box", "cls", "val"]
    assert shown.loss.line("box val")[1][-1] == pytest.approx(2 / 30)
    solid, dashed = shown.loss._pen("box"), shown.loss._pen("box val")
    assert solid.color() == dashed.color()
    assert not solid.dashPattern()
    assert dashed.dashPattern()
    shown.parts._group.button(0).click()
    assert shown.loss.names == ["train", "val"]


def test_each_class_has_a_line_in_its_own_colour_and_the_weakest_is_named(window: Window) -> None:
    shown = charts(window)
    shown.by_class._group.button(1).click()
    project = window.project
    with project.read() as session:
        from cvstudio.project import queries

        classes = {c.id: c for c in queries.classes(session)}
    assert set(shown.figure.names) == {classes[1].name, classes[2].name}
    assert shown.figure.line(classes[2].name) == (list(range(4, 31)), [0.1] * 27)
    assert shown.figure._pen(classes[1].name).color().name().upper() == classes[1].colour.upper()
    assert shown.figure.figures.text() == f"least 0.100 {classes[2].name}"


def test_log_scale_and_smoothing_are_kept_for_the_next_time(window: Window) -> None:
    shown = charts(window)
    QTest.mouseClick(shown.log, Qt.MouseButton.LeftButton, pos=QPoint(8, shown.log.height() // 2))
    shown.smoothing.setValue(80)
    assert shown.loss._log
    assert not shown.figure._log, "shares of one are read as they are"
    assert shown.figure._smoothing == 0.8
    again = RunCharts(window.studio)
    assert again.log.isChecked()
    assert again.smoothing.value() == 80
    assert again.loss._log
    again.deleteLater()


def test_the_best_epoch_is_marked_in_losses_and_figures(window: Window) -> None:
    shown = charts(window)
    assert shown.loss.mark == shown.figure.mark == (5, "best, 5")


def test_a_gpu_is_shown_with_its_memory_and_how_busy_it_is(window: Window) -> None:
    shown = charts(window)
    assert shown._shown is not None
    run, config, _state, _judged = shown._shown
    state = RunState()
    state.apply(events.Started(
        at=0, job="train", pid=1, process_created=1, total_epochs=3, device="NVIDIA RTX 4070",
    ))  # fmt: skip
    state.apply(events.StepEnded(
        at=60, epoch=1, step=1, steps=4, losses={"loss": 1.0}, learning_rate=1,
        images_per_second=1, memory=3 * 2**30, memory_total=8 * 2**30, utilisation=0.83,
    ))  # fmt: skip
    shown.show_run(run, config, state, judged=None)
    assert shown.memory.title.text() == "GPU memory"
    assert shown.memory.figures.text() == "3.0 GB, 83 % busy"
    assert shown.memory.line("in use") == ([1.0], [3.0])


def test_the_epoch_at_work_is_in_the_chart_before_it_is_over() -> None:
    state = RunState()
    started = events.Started(at=0, job="train", pid=1, process_created=1, total_epochs=3)
    state.apply(started)

    def step(epoch: int, step: int, loss: float) -> None:
        state.apply(
            events.StepEnded(
                epoch=epoch, step=step, steps=4, losses={"loss": loss, "box": loss / 2},
                learning_rate=1, images_per_second=1,
            )
        )  # fmt: skip

    step(1, 1, 4.0)
    step(1, 2, 3.0)
    assert _with_steps(state, [], [], "") == ([0.25, 0.5], [4.0, 3.0])
    assert _with_steps(state, [], [], "box")[1] == [2.0, 1.5]
    state.apply(
        events.EpochEnded(epoch=1, train={}, val={}, metrics={}, learning_rate=1, seconds=1)
    )
    assert _with_steps(state, [1.0], [2.5], "") == ([1.0], [2.5])
    step(2, 1, 2.4)
    step(2, 3, 2.2)
    assert _with_steps(state, [1.0], [2.5], "") == ([1.0, 1.75], [2.5, 2.2])
    state.apply(events.Ended(outcome=events.Outcome.CANCELLED))
    assert _with_steps(state, [1.0], [2.5], "") == ([1.0], [2.5]), "it is never over"


def test_the_film_is_scrubbed_by_mouse_and_keys_and_the_large_pictures_follow(
    window: Window,
) -> None:
    samples = window.page.view.samples
    film, tile = samples.film, samples.tiles[0]
    window.until(lambda: not film.missing)
    assert len(film.places) < 30, "they have no room at once"
    assert film.places[0] == 0
    assert film.places[-1] == 29
    window.until(lambda: "2 found" in tile.accessibleName())
    QTest.mousePress(film, Qt.MouseButton.LeftButton, pos=QPoint(5, 20))
    window.until(lambda: "1 found" in tile.accessibleName())
    assert samples.epoch.text() == "1"
    assert samples.slider.value() == 0
    QTest.mouseMove(film, QPoint(len(film.places) * (WIDTH + GAP), 20))
    QTest.mouseRelease(film, Qt.MouseButton.LeftButton, pos=QPoint(5, 20))
    film.setFocus()
    QTest.keyClick(film, Qt.Key.Key_End)
    assert samples.epoch.text() == "30"
    QTest.keyClick(film, Qt.Key.Key_Left)
    assert samples.epoch.text() == "29"
    QTest.keyClick(film, Qt.Key.Key_Home)
    assert samples.epoch.text() == "1"
    samples.slider.setValue(12)
    assert film._current == 12


def test_a_click_on_a_picture_shows_that_image_in_the_film(window: Window) -> None:
    samples = window.page.view.samples
    window.until(lambda: not samples.film.missing)
    before = samples.film._pictures[30]
    QTest.mouseClick(samples.tiles[1], Qt.MouseButton.LeftButton)
    window.until(lambda: not samples.film.missing)
    assert samples.film._pictures[30] != before
    assert samples.tiles[1]._chosen
    assert not samples.tiles[0]._chosen


def test_the_first_steps_of_a_run_that_is_not_over_make_the_times_better(
    qtbot: QtBot, tmp_path: Path
) -> None:
    create_sample(tmp_path / "cells", Task.DETECT, images=24).close()
    with Project.open(tmp_path / "cells") as project:
        run = runs.create_run(project, default_config(Task.DETECT, network="yolo26n"))
        job = runs.job_of(run)
        job.emit(events.Started(job="train", pid=1, process_created=1, device="processor",
                                total_epochs=9))  # fmt: skip
        for step, speed in enumerate([900.0, *[4.0] * 10], start=1):
            job.emit(
                events.StepEnded(
                    epoch=1, step=step, steps=99, losses={"loss": 1.0}, learning_rate=1,
                    images_per_second=speed,
                )
            )  # fmt: skip
        job.emit(events.Ended(outcome=events.Outcome.CANCELLED))
        with project.transaction("End", undoable=False) as session:
            run_commands.update_run(session, id=run.id, status="cancelled", ended=9.0)
    window = Window(qtbot, tmp_path / "cells")
    window.until(lambda: window.page.book.history())
    assert window.page.book.history()[1].images_per_second == 4.0, "one odd step decides nothing"
    window.until(lambda: "speed of run 1" in window.page.new_run.times_note.text())
    window.close()


def test_the_row_over_the_charts_is_not_cut_beside_both_panels(window: Window) -> None:
    view = window.page.view
    window.page.resize(1366 - 73, 660)  # the window without the rail
    window.until(lambda: view.widget().width() <= view.viewport().width())
    bar = charts(window).bar
    assert charts(window).parts.isVisible()
    assert charts(window).by_class.isVisible()
    right = view.viewport().mapToGlobal(view.viewport().rect().topRight()).x()
    for part in bar.findChildren(QWidget):
        if part.isVisible():
            assert part.mapToGlobal(part.rect().topRight()).x() <= right


def test_a_run_of_a_thousand_epochs_is_drawn_fluently_and_keeps_its_peaks(window: Window) -> None:
    state = RunState()
    state.apply(events.Started(at=0, job="train", pid=1, process_created=1, total_epochs=1200))
    for epoch in range(1, 1001):
        for step in range(1, 31):
            spike = epoch == 400 and step == 17
            state.apply(
                events.StepEnded(
                    at=epoch + step / 30, epoch=epoch, step=step, steps=30, losses={"loss": 1.0},
                    learning_rate=1e-3, images_per_second=9, memory=(7 if spike else 1) * 2**30,
                )
            )  # fmt: skip
        loss = 9.0 if epoch == 500 else 1 / epoch
        state.apply(
            events.EpochEnded(
                at=epoch + 1, epoch=epoch, train={"loss": loss, "box": loss}, val={"loss": loss},
                metrics={"mAP50": 0.5, "mAP50-95": 0.4}, learning_rate=1e-3, seconds=1,
                best=epoch == 900, classes={1: 0.4, 2: 0.3},
            )
        )  # fmt: skip
    run = runs.get(window.project, 1)
    shown, config = charts(window), runs.config_of(run)
    shown.show_run(run, config, state, judged=None)

    def draw() -> None:
        shown.show_run(run, config, state, judged=None)
        QApplication.processEvents()

    assert own_seconds(draw, tries=5) < 0.25, "a picture would lag behind the run"
    assert max(shown.memory.line("in use")[1]) == 7.0
    assert max(shown.loss.line("train")[1]) == 9.0
    assert len(shown.memory.line("in use")[0]) <= MOST_STEPS
