"""Several runs in Train: asked for in a dialog, grouped in the list, read from plots and bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import experiment_hands
import pytest
from dialog_hands import when_open
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QPushButton
from pytestqt.qtbot import QtBot
from test_train import Window, end_jobs

from cvstudio.core.annotation import Task
from cvstudio.core.networks import default_config
from cvstudio.core.recipe import Start
from cvstudio.gui.train.experiment_view import ExperimentView
from cvstudio.gui.train.run_list import Heading
from cvstudio.gui.train.several_dialog import SeveralDialog
from cvstudio.gui.widgets.parallel import Axis, ParallelPlot
from cvstudio.project import run_commands, runs
from cvstudio.project.check import Level
from cvstudio.project.experiments import book, folds
from cvstudio.project.experiments.plans import Dimension, FoldsPlan, SearchPlan
from cvstudio.project.project import Project
from cvstudio.project.records import ExperimentRecord, Role
from cvstudio.project.sample import create_sample

RATE = Dimension(name="learning_rate", low=1e-5, high=1, log=True)
TRIALS = [
    ({"learning_rate": 1e-3, "optimizer": "adamw"}, 0.30, None),
    ({"learning_rate": 1e-2, "optimizer": "sgd"}, 0.62, None),
    ({"learning_rate": 1e-4, "optimizer": "sgd"}, 0.10, 4),
    ({"learning_rate": 3e-2, "optimizer": "adamw"}, 0.55, None),
    ({"learning_rate": 5e-2, "optimizer": "adamw"}, 0.44, None),
]


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[Window]:
    create_sample(tmp_path / "cells", Task.DETECT, images=24).close()
    opened = Window(qtbot, tmp_path / "cells")
    opened.studio.jobs.command = experiment_hands.command
    yield opened
    end_jobs(opened.project)
    opened.close()


def searched(project: Project) -> ExperimentRecord:
    """A search that is over, as it lies in the project."""
    config = default_config(Task.DETECT, network="yolo26n", epochs=20, start="scratch")
    made = book.create(project, SearchPlan(config=config, space=(RATE,), trials=len(TRIALS)))
    for number, (values, best, pruned) in enumerate(TRIALS, start=1):
        run = runs.create_run(
            project, runs.changed_config(config, values), title=f"Trial {number}",
            experiment_id=made.id, role=Role(trial=number, values=values, pruned=pruned),
        )  # fmt: skip
        status = "finished" if pruned is None else "finished early"
        with project.transaction("End", undoable=False) as session:
            run_commands.update_run(session, id=run.id, status=status, best=best, ended=9.0)
    book.end(project, made.id)
    return made


@pytest.fixture
def search(window: Window) -> ExperimentView:
    """The view of a search that is over, with the mouse and the keyboard in front of it."""
    made = searched(window.project)
    window.page.refresh_runs()
    window.page.show_experiment(made.id)
    view = window.page.experiments.view
    window.until(lambda: len(view.plot.lines) == len(TRIALS))
    QApplication.processEvents()
    return view


def with_dialog(window: Window, do: Callable[[SeveralDialog], None]) -> None:
    """Press "Several runs" and do something with the dialog."""
    done = []

    def act(dialog: SeveralDialog) -> None:
        do(dialog)
        done.append(True)
        if dialog.isVisible():
            dialog.reject()

    when_open(SeveralDialog, act)
    button = next(b for b in window.page.findChildren(QPushButton) if b.text() == "Several runs")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert done


def names(window: Window) -> list[str]:
    lines = window.page.table.model.lines
    return [each.experiment.name if isinstance(each, Heading) else each.name for each in lines]


def test_folds_are_asked_for_trained_and_shown_with_their_spread(window: Window) -> None:
    window.choose(epochs=2, network="yolo26n")

    def ask(dialog: SeveralDialog) -> None:
        dialog.folds.k.setValue(2)
        assert dialog.go.text() == "Start 2 runs"
        QTest.keyClick(dialog, Qt.Key.Key_Return)

    with_dialog(window, ask)
    table = window.page.table
    window.until(lambda: "2 folds" in names(window))
    window.until(lambda: any(
        isinstance(line, Heading) and line.words == "2 of 2" for line in table.model.lines
    ))  # fmt: skip
    window.until(lambda: book.every(window.project)[0].ended is not None)
    view = window.page.experiments.view
    window.until(lambda: len(view.fold_bars.bars) == 2)
    window.until(lambda: view.answers.text().endswith("predictions.jsonl.gz"))
    assert view.of_folds.isVisible()
    assert "±" in view.fold_header.figure.text()
    assert len(view.class_bars.bars) == 0  # this job tells no AP50-95 of classes
    QTest.mouseClick(view.fold_bars, Qt.MouseButton.LeftButton, pos=QPoint(40, 40))
    assert window.page.view.card.title.text() == "Run 2"


def test_folds_that_begin_from_a_run_are_said_to_know_what_they_are_judged_on(
    window: Window, tmp_path: Path
) -> None:
    best = tmp_path / "best.pt"
    best.write_bytes(b"weights")
    window.choose(epochs=1, network="yolo26n", start=Start.RUN, weights_file=best)

    def look(dialog: SeveralDialog) -> None:
        assert dialog.problem.isVisible()
        assert "their figures come out too good" in dialog.problem.text
        assert dialog.go.isEnabled()
        dialog.choose(1)
        assert not dialog.problem.isVisible()

    with_dialog(window, look)


def test_what_is_worth_a_look_stands_in_the_dialog_once_for_all_its_runs(window: Window) -> None:
    window.choose(epochs=1, network="yolo26n")
    on_page = [c.text for c in window.page.checks.shown if c.level is Level.ADVICE]
    scratch = next(text for text in on_page if text.startswith("From scratch with"))

    def look(dialog: SeveralDialog) -> None:
        dialog.choose(1)
        assert dialog.checks.isVisible()
        assert dialog.checks.texts.count(scratch) == 1
        assert not any(check.actions for check in dialog.checks.shown)
        assert dialog.go.isEnabled(), "advice stops nothing"
        _setting, values = dialog.values.rows[0]
        values.clear()
        assert not dialog.checks.isVisible()

    with_dialog(window, look)


def test_a_search_is_begun_with_the_chosen_settings_and_stopped(window: Window) -> None:
    window.choose(epochs=2000, network="yolo26n")

    def ask(dialog: SeveralDialog) -> None:
        dialog.choose(2)
        for each in dialog.search.ranges:
            each.box.setChecked(each.dimension.name == "learning_rate")
        dialog.search.trials.setValue(9)
        assert dialog.go.text() == "Start up to 9 runs"
        QTest.mouseClick(dialog.go, Qt.MouseButton.LeftButton)

    with_dialog(window, ask)
    window.until(lambda: window.studio.jobs.current is not None)
    view = window.page.experiments.view
    assert view.card.title.text() == "Search over 1 setting"
    asked: list[str] = []

    def yes(question: str, text: str = "", *, yes: str, danger: bool = False) -> bool:
        asked.append(question)
        return True

    window.studio.ask = yes  # type: ignore[method-assign]
    QTest.mouseClick(view.card.buttons["stop"], Qt.MouseButton.LeftButton)
    assert asked == ["Stop Search over 1 setting?"]
    window.until(lambda: book.every(window.project)[0].message == "Stopped by hand.")
    assert window.studio.jobs.current is not None  # the run at work goes on
    assert not view.card.buttons["stop"].isVisible()
    assert view.card.buttons["more"].isVisible()


def test_a_search_whose_first_trial_fails_says_what_it_waits_for_and_why_it_ended(
    window: Window,
) -> None:
    broken = default_config(
        Task.DETECT, network="yolo26n", start="scratch", seed=experiment_hands.BROKEN_SEED
    )
    plan = SearchPlan(config=broken, space=(RATE,), trials=2, prune=False)
    made = book.create(window.project, plan)
    window.page.show_experiment(made.id)
    window.studio.jobs.look()
    facts = window.page.experiments.view.card.facts
    window.until(lambda: "wait until you decide about it." in facts.text())
    (failed,) = book.runs_of(window.project, made)
    assert (
        facts.text()
        == f"Run {failed.id} failed, and the other runs wait until you decide about it."
    )
    runs.decide(window.project, failed.id)
    window.until(lambda: "No run came to a good end." in facts.text())
    assert "It broke." in facts.text()


def test_wrong_values_are_refused_in_words_and_bar_the_start(window: Window) -> None:
    window.choose(network="yolo26n")

    def ask(dialog: SeveralDialog) -> None:
        dialog.choose(1)
        _setting, values = dialog.values.rows[0]
        values.clear()
        assert not dialog.go.isEnabled()
        QTest.keyClicks(values, "7, 8")
        told = [words.text() for words in dialog.problem.findChildren(QLabel)]
        assert "Learning rate must be 1 or less, not 7." in told
        assert not dialog.go.isEnabled()
        values.clear()
        QTest.keyClicks(values, "0.1, 0.01, 0.001")
        assert dialog.go.isEnabled()
        assert dialog.go.text() == "Start 3 runs"
        assert "3 runs one after the other" in dialog._note.text()

    with_dialog(window, ask)
    assert book.every(window.project) == []


def test_the_runs_of_a_search_lie_folded_below_its_name(window: Window) -> None:
    made = searched(window.project)
    window.page.show_run(0)
    window.page.refresh_runs()
    table = window.page.table
    table._open.clear()
    window.page.show_experiment(made.id)
    window.page.refresh_runs()
    assert names(window) == [made.name]
    QTest.keyClick(table.view, Qt.Key.Key_Right)
    assert names(window) == [made.name, *(f"Trial {n}" for n in (5, 4, 3, 2, 1))]
    words = {row.name: row.words for row in table.model.rows}
    assert words["Trial 3"] == "Pruned"
    window.page.show_run(3)
    assert window.page.view.card.settings.text().startswith("Trial 3 · ")
    assert window.page.view.card._fact_labels[0][1].text() == "Stopped early (pruned)"
    window.page.show_experiment(made.id)
    QTest.keyClick(table.view, Qt.Key.Key_Left)
    assert names(window) == [made.name]
    chevron = table.view.visualRect(table.model.index(0, 0)).center()
    QTest.mouseClick(table.view.viewport(), Qt.MouseButton.LeftButton, pos=chevron)
    assert len(names(window)) == 6


def test_a_brush_on_an_axis_leaves_only_the_trials_inside(search: ExperimentView) -> None:
    plot = search.plot
    x = round(plot.axis_x(len(plot.axes) - 1))
    top, middle = round(plot.y_of(1.0)), round(plot.y_of(0.6))
    QTest.mousePress(plot, Qt.MouseButton.LeftButton, pos=QPoint(x, top))
    QTest.mouseMove(plot, QPoint(x, (top + middle) // 2))
    QTest.mouseMove(plot, QPoint(x, middle))
    QTest.mouseRelease(plot, Qt.MouseButton.LeftButton, pos=QPoint(x, middle))
    assert plot.inside == {2, 4, 5}
    assert shown_trials(search) == {2, 4, 5}
    assert search.plot_header.figure.text() == "3 of 5"
    QTest.mouseClick(search.reset, Qt.MouseButton.LeftButton)
    assert shown_trials(search) == {1, 2, 3, 4, 5}


def shown_trials(view: ExperimentView) -> set[int]:
    table = view.table
    return {
        int(table.item(row, 0).text())
        for row in range(table.rowCount())
        if not table.isRowHidden(row)
    }


def test_a_click_on_a_line_opens_its_run(window: Window, search: ExperimentView) -> None:
    plot = search.plot
    line = next(each for each in plot.lines if each.name == "Trial 4")
    first, second = plot.points(line)[:2]
    between = QPointF((first.x() * 0.7 + second.x() * 0.3), (first.y() * 0.7 + second.y() * 0.3))
    assert plot.line_at(between) is line
    QTest.mouseClick(plot, Qt.MouseButton.LeftButton, pos=between.toPoint())
    assert window.page.view.card.title.text() == "Run 4"
    assert window.page.table.current == 4


def test_the_best_settings_go_into_the_form_of_the_next_run(
    window: Window, search: ExperimentView
) -> None:
    assert "Best mAP50-95 0.620, trial 2." in search.card.facts.text()
    assert "1 trial stopped early (pruned)." in search.card.facts.text()
    QTest.mouseClick(search.card.buttons["take"], Qt.MouseButton.LeftButton)
    taken = window.page.new_run.config
    assert (taken.learning_rate, taken.optimizer.value) == (1e-2, "sgd")
    search.table.selectRow(0)
    assert search.card.buttons["take"].text() == "Use trial 1's settings"
    QTest.mouseClick(search.card.buttons["take"], Qt.MouseButton.LeftButton)
    assert window.page.new_run.config.learning_rate == 1e-3


def test_what_made_the_difference_is_told_once_there_are_enough_trials(
    window: Window, search: ExperimentView
) -> None:
    window.until(lambda: search.bars.bars)
    assert {bar.name for bar in search.bars.bars} == {"Learning rate", "Optimiser"}
    assert sum(bar.value for bar in search.bars.bars) == pytest.approx(1)


def test_an_experiment_is_deleted_from_the_list_and_its_runs_can_stay(
    window: Window, search: ExperimentView
) -> None:
    def keep(dialog: QDialog) -> None:
        button = next(b for b in dialog.findChildren(QPushButton) if b.text() == "Keep its runs")
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    when_open(QDialog, keep)
    assert window.studio.actions.trigger("train.delete")
    assert book.every(window.project) == []
    assert len(runs.all_runs(window.project)) == len(TRIALS)
    window.until(lambda: len(window.page.table.model.lines) == len(TRIALS))
    assert not any(isinstance(line, Heading) for line in window.page.table.model.lines)


def test_folds_of_a_project_opened_again_go_on_without_train_being_looked_at(
    qtbot: QtBot, tmp_path: Path
) -> None:
    create_sample(tmp_path / "cells", Task.DETECT, images=24).close()
    with Project.open(tmp_path / "cells") as project:
        config = default_config(Task.DETECT, network="yolo26n", epochs=1, start="scratch")
        folds.create(project, FoldsPlan(config=config, k=2))
    opened = Window(qtbot, tmp_path / "cells")
    opened.studio.jobs.command = experiment_hands.command
    opened.page.hidden()
    opened.until(lambda: book.every(opened.project)[0].ended is not None)
    assert [run.status for run in runs.all_runs(opened.project)] == ["finished"] * 2
    end_jobs(opened.project)
    opened.close()


def test_values_lie_on_an_axis_where_they_belong() -> None:
    rates = Axis.of("rate", [1e-4, 1e-2])
    assert rates.log
    assert rates.place(1e-3) == pytest.approx(0.5)
    assert rates.place(None) is None
    words = Axis.of("loss", ["focal", "standard", None])
    assert [words.place(w) for w in ("focal", "standard")] == [0.0, 1.0]
    flags = Axis.of("balance", [True, False])
    assert flags.words == ("no", "yes")
    same = Axis.of("size", [64, 64])
    assert same.place(64) == pytest.approx(0.5)


def test_an_empty_plot_says_why(qtbot: QtBot, dressed: object) -> None:
    plot = ParallelPlot()
    qtbot.addWidget(plot)
    plot.resize(400, 240)
    plot.show()
    assert plot.line_at(QPointF(50, 50)) is None
    QTest.mouseClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    assert plot.brushes == {}
