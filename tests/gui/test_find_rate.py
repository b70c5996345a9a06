"""The dialog that finds a learning rate, in the Train page with a job process that stands in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import small_job
from patience import until
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from test_train import Window, folder, window  # noqa: F401  # fixtures

from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import Start
from cvstudio.gui.train.rate_dialog import RateDialog
from cvstudio.project import launch


def in_the_dialog(act: Callable[[RateDialog], None]) -> list[BaseException]:
    """Let a person act in the dialog as soon as it is open; what goes wrong there."""
    wrong: list[BaseException] = []

    def there() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, RateDialog)
        try:
            act(dialog)
        except BaseException as error:  # noqa: BLE001  # told to the test, which is out there
            wrong.append(error)
            dialog.reject()

    QTimer.singleShot(0, there)
    return wrong


def ready(window: Window, **settings: object) -> None:  # noqa: F811
    """Settings that nothing speaks against."""
    window.choose(**settings)
    window.until(window.studio.actions["train.find_rate"].isEnabled)


def jobs_of(window: Window) -> list[JobDir]:  # noqa: F811
    return [JobDir(p) for p in window.project.runs_directory.glob("jobs/find-rate-*")]


def test_a_rate_that_was_found_is_taken_over_with_one_press(window: Window) -> None:  # noqa: F811
    ready(window, epochs=3)

    def act(dialog: RateDialog) -> None:
        assert not dialog.take.isEnabled()
        until(dialog.take.isEnabled)
        assert "falls fastest at" in dialog._note.text()
        rates = dialog.chart.line("smoothed")[0]
        assert len(rates) == 100
        bottom = dialog.chart.plot.getAxis("bottom")
        assert bottom.label.toPlainText().strip() == "learning rate"
        ticks = bottom.tickValues(*bottom.range, 500)[0][1]
        told = bottom.tickStrings(ticks, 1, 1)
        assert {"0.0001", "0.01"} <= set(told), "rates are told as they are typed"
        assert rates[0] * 0.9 <= min(map(float, told)) <= max(map(float, told)) <= rates[-1] * 1.1
        QTest.mouseClick(dialog.take, Qt.MouseButton.LeftButton)

    wrong = in_the_dialog(act)
    QTest.mouseClick(window.page.new_run.rate_link, Qt.MouseButton.LeftButton)
    assert wrong == []
    assert window.page.new_run.config.learning_rate == pytest.approx(3e-3, rel=0.6)
    assert window.page.new_run.config.epochs == 3


def test_without_a_fall_nothing_is_offered(window: Window) -> None:  # noqa: F811
    ready(window, seed=small_job.BROKEN, learning_rate=0.004)

    def act(dialog: RateDialog) -> None:
        until(lambda: "falls at none" in dialog._note.text())
        assert not dialog.take.isEnabled()
        dialog.reject()

    wrong = in_the_dialog(act)
    assert window.studio.actions.trigger("train.find_rate")
    assert wrong == []
    assert window.page.new_run.config.learning_rate == 0.004


def test_leaving_the_dialog_ends_its_job(window: Window) -> None:  # noqa: F811
    ready(window)

    def act(dialog: RateDialog) -> None:
        until(lambda: dialog.job.directory is not None)
        QTest.keyClick(dialog, Qt.Key.Key_Escape)

    wrong = in_the_dialog(act)
    assert window.studio.actions.trigger("train.find_rate")
    assert wrong == []
    until(lambda: all(not launch.alive(job) for job in jobs_of(window)))
    assert len(jobs_of(window)) == 1


def test_a_job_that_cannot_start_says_why(window: Window) -> None:  # noqa: F811
    ready(window)
    window.studio.jobs.command = lambda _directory: ["/nowhere/cvstudio"]

    def act(dialog: RateDialog) -> None:
        until(dialog.problem.isVisible)
        assert "could not be started" in dialog.problem._words.text()
        assert not dialog.chart.isVisible()
        assert dialog.height() < 400, "small screens have room for what went wrong"
        assert dialog.take.isVisible()
        dialog.reject()

    wrong = in_the_dialog(act)
    assert window.studio.actions.trigger("train.find_rate")
    assert wrong == []


def test_no_rate_is_looked_for_while_the_checks_block_a_run(window: Window) -> None:  # noqa: F811
    allowed = window.studio.actions["train.find_rate"].isEnabled
    ready(window)
    assert window.page.new_run.rate_link.isEnabled()
    window.choose(start=Start.PRETRAINED)
    window.until(lambda: not allowed())
    link = window.page.new_run.rate_link
    assert not link.isEnabled()
    assert "weights" in link.toolTip()
    window.choose(start=Start.SCRATCH)
    window.until(allowed)
    assert link.isEnabled()
    assert link.toolTip() == ""
