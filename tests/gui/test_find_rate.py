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


def jobs_of(window: Window) -> list[JobDir]:  # noqa: F811
    return [JobDir(p) for p in window.project.runs_directory.glob("jobs/find-rate-*")]


def test_a_rate_that_was_found_is_taken_over_with_one_press(window: Window) -> None:  # noqa: F811
    window.choose(epochs=3)

    def act(dialog: RateDialog) -> None:
        assert not dialog.take.isEnabled()
        until(dialog.take.isEnabled)
        assert "falls fastest at" in dialog._note.text()
        assert len(dialog.chart.line("smoothed")[0]) == 100
        QTest.mouseClick(dialog.take, Qt.MouseButton.LeftButton)

    wrong = in_the_dialog(act)
    QTest.mouseClick(window.page.new_run.rate_link, Qt.MouseButton.LeftButton)
    assert wrong == []
    assert window.page.new_run.config.learning_rate == pytest.approx(2e-3, rel=0.6)
    assert window.page.new_run.config.epochs == 3


def test_without_a_fall_nothing_is_offered(window: Window) -> None:  # noqa: F811
    window.choose(seed=small_job.BROKEN, learning_rate=0.004)

    def act(dialog: RateDialog) -> None:
        until(lambda: "falls at none" in dialog._note.text())
        assert not dialog.take.isEnabled()
        dialog.reject()

    wrong = in_the_dialog(act)
    assert window.studio.actions.trigger("train.find_rate")
    assert wrong == []
    assert window.page.new_run.config.learning_rate == 0.004


def test_leaving_the_dialog_ends_its_job(window: Window) -> None:  # noqa: F811
    def act(dialog: RateDialog) -> None:
        until(lambda: dialog._job is not None)
        QTest.keyClick(dialog, Qt.Key.Key_Escape)

    wrong = in_the_dialog(act)
    assert window.studio.actions.trigger("train.find_rate")
    assert wrong == []
    until(lambda: all(not launch.alive(job) for job in jobs_of(window)))
    assert len(jobs_of(window)) == 1


def test_a_job_that_cannot_start_says_why(window: Window) -> None:  # noqa: F811
    window.studio.jobs.command = lambda _directory: ["/nowhere/cvstudio"]

    def act(dialog: RateDialog) -> None:
        until(dialog.problem.isVisible)
        assert "could not be started" in dialog.problem._words.text()
        dialog.reject()

    wrong = in_the_dialog(act)
    assert window.studio.actions.trigger("train.find_rate")
    assert wrong == []
