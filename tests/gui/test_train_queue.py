"""The queue in the Train page, runs on two GPUs, repetitions, and the comparison of runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dialog_hands import when_open
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from test_train import Window, end_jobs, folder, window  # noqa: F401  # fixtures

from cvstudio.core.annotation import Split
from cvstudio.core.jobdir import JobDir, write_json
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.snapshot import read_snapshot
from cvstudio.gui.train.comparison_dialog import TABS, ComparisonDialog
from cvstudio.gui.train.idle_dialog import IdleDialog
from cvstudio.project import queueing, reproducing, runs
from cvstudio.project.device import Device
from cvstudio.project.run_status import RunStatus

LONG = 2000
"""Epochs of a run that goes on for as long as a test needs."""

SECOND = Device("cuda", "RTX 4070", 2**33, 0, place="cuda:1")
TWO = Device("cuda", "RTX 4070", 2**33, 0, place="cuda:0", others=(SECOND,))


@pytest.fixture
def at_work(window: Window) -> Iterator[Window]:  # noqa: F811
    """A window with a run at work and three in the queue."""
    window.start(epochs=LONG)
    window.until(lambda: window.studio.jobs.current is not None)
    for _ in range(3):
        window.start(epochs=LONG)
    window.until(lambda: window.page.queue.ids == [2, 3, 4])
    yield window
    end_jobs(window.project)


def queue_of(window: Window) -> list[int]:  # noqa: F811
    return [run.id for run in runs.waiting(window.project)]


def test_the_queue_is_ordered_with_alt_and_the_arrows(at_work: Window) -> None:
    rows = at_work.page.queue.rows
    rows.setCurrentRow(2)
    QTest.keyClick(rows, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    at_work.until(lambda: at_work.page.queue.ids == [2, 4, 3])
    QTest.keyClick(rows, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert queue_of(at_work) == [4, 2, 3]
    QTest.keyClick(rows, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert queue_of(at_work) == [4, 2, 3], "the first one stays the first"


def test_a_run_that_is_dropped_elsewhere_in_the_queue_starts_there(at_work: Window) -> None:
    model = at_work.page.queue.rows.model()
    assert model.moveRow(QModelIndex(), 2, QModelIndex(), 0)  # as Qt does with what is dropped
    at_work.until(lambda: queue_of(at_work) == [4, 2, 3])
    assert at_work.page.queue.ids == [4, 2, 3]


def test_the_menu_of_a_run_moves_it_and_says_why_it_cannot(at_work: Window) -> None:
    actions = at_work.studio.actions
    place = at_work.page.queue.rows.visualItemRect(at_work.page.queue.rows.item(0)).center()
    QTest.mouseClick(
        at_work.page.queue.rows.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(place)
    )
    at_work.until(lambda: actions["train.later"].isEnabled())
    assert not actions["train.earlier"].isEnabled()
    assert "Run 2 is the next one" in actions["train.earlier"].toolTip()
    assert actions.trigger("train.later")
    assert queue_of(at_work) == [3, 2, 4]


def test_a_run_told_to_wait_for_a_quiet_moment_says_what_it_waits_for(at_work: Window) -> None:
    at_work.page.show_run(3)

    def answer(dialog: IdleDialog) -> None:
        assert dialog.soon.isChecked()
        dialog.idle.click()
        dialog.spin.setValue(25)
        dialog.accept()

    when_open(IdleDialog, answer)
    assert at_work.studio.actions.trigger("train.when_idle")
    assert queueing.idle_minutes(at_work.project) == {3: 25}
    at_work.until(lambda: "when idle 25 min" in at_work.page.queue.rows.item(1).text())
    assert "after 25 min without work here" in at_work.page.queue.why.text()


def test_mouse_and_keys_in_the_window_count_as_work(at_work: Window) -> None:
    at_work.studio.jobs.wait_for_idle(3, 5)
    idleness = at_work.studio.jobs.quiet.idleness
    now = idleness._clock()
    idleness._clock = lambda: now
    idleness._input -= 600
    idleness._quiet -= 600
    idleness._processor = 0.0
    assert idleness.waits_for(5) == ""
    QTest.keyClick(at_work.page, Qt.Key.Key_F24)
    assert "0 s ago" in idleness.waits_for(5)
    at_work.studio.jobs.wait_for_idle(3, None)
    idleness._input -= 600
    QTest.keyClick(at_work.page, Qt.Key.Key_F24)
    assert idleness.waits_for(5) == "", "nobody is watched when no run waits"


def test_two_gpus_do_two_runs_and_both_are_followed(window: Window) -> None:  # noqa: F811
    window.studio.jobs._device_seen(TWO)
    window.start(epochs=LONG)
    window.until(lambda: window.studio.jobs.current is not None)
    assert window.page.next_step.button.text().startswith("Start")
    window.start(epochs=LONG)
    window.until(lambda: len(window.studio.jobs.live) == 2)
    window.until(lambda: all(window.studio.jobs.state_of(n).epochs for n in (1, 2)))
    assert window.words_of(1) == window.words_of(2) == "Running"
    assert runs.config_of(runs.get(window.project, 2)).device == "cuda:1"
    window.until(lambda: window.page.next_step.button.text().startswith("Queue"))
    window.start(epochs=3)
    window.until(lambda: window.page.queue.ids == [3])
    window.studio.jobs.finish(1)
    window.until(lambda: window.words_of(1) == "Finished early")
    window.until(lambda: window.words_of(3) == "Finished")
    assert window.words_of(2) == "Running"


def judged(job: JobDir, *, without: int) -> None:
    """Answers and a report as a training leaves them; one image is not understood."""
    images = read_snapshot(job.snapshot).of(Split.VAL)
    write_predictions(
        job.predictions("val"),
        [
            Prediction(
                image.id,
                objects=() if place == without else tuple(
                    Found(a.class_id, 0.9, a.box) for a in image.annotations
                ),
            )
            for place, image in enumerate(images)
        ],
    )  # fmt: skip
    rows = [{"class": 1, "labelled": 9, "AP50-95": 0.5 + without / 10}]
    write_json(job.report, {"val": {"metrics": {"mAP50-95": 0.5}, "per_class": rows}})


def test_runs_are_compared_in_all_that_differs_and_an_image_opens_in_analyze(
    window: Window,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for batch in (4, 8):
        number = window.start(epochs=2, batch=batch)
        window.until(lambda: window.words_of(number) == "Finished")  # noqa: B023
        judged(window.job(number), without=number - 1)
    gone: dict[str, object] = {}
    monkeypatch.setattr(window.studio, "go_to", lambda name, **what: gone.update(what, name=name))
    seen: dict[str, object] = {}

    def look(dialog: ComparisonDialog) -> None:
        window.until(lambda: dialog.found is not None)
        seen["curves"] = len(dialog.chart.line("1")[0]), len(dialog.chart.line("2")[0])
        dialog.tabs.setCurrentIndex(TABS.index("Settings"))
        assert dialog.pages.currentWidget() is dialog.settings
        seen["settings"] = [dialog.settings.item(0, c).text() for c in range(3)]
        seen["data"] = dialog.data.item(0, 1).text()
        dialog.tabs.setCurrentIndex(TABS.index("Images"))
        seen["words"] = dialog.images_words.text()
        dialog.images.setCurrentCell(0, 0)
        dialog.images.cellActivated.emit(0, 0)

    window.page.show_run(2)
    window.until(lambda: len(window.page._compared()) == 2)
    when_open(ComparisonDialog, look)
    window.page.comparison.opened.emit()
    assert seen["curves"] == (2, 2)
    assert seen["settings"] == ["Batch", "4", "8"]
    assert seen["data"] == "the same images and labels"
    assert "1 got better and 1 worse" in str(seen["words"])
    assert (gone["name"], gone["run_id"]) == ("analyze", 2)
    images = gone["images"]
    assert isinstance(images, dict)
    assert sorted(images.values()) == ["0.00 → 1.00", "1.00 → 0.00"]


def test_a_run_is_trained_again_from_the_window_and_what_came_out_is_said(
    window: Window,  # noqa: F811
) -> None:
    assert window.start(epochs=2) == 1
    window.until(lambda: window.words_of(1) == "Finished")
    window.until(lambda: window.studio.actions["train.repeat"].isEnabled())
    assert window.studio.actions.trigger("train.repeat")
    window.until(lambda: window.words_of(2) == "Finished")
    again = runs.get(window.project, 2)
    assert reproducing.repeats(again) == 1
    assert RunStatus(again.status) is RunStatus.FINISHED
    window.page.show_run(2)
    window.until(lambda: set(window.page._compared()) == {1, 2})
    said: list[str] = []

    def look(dialog: ComparisonDialog) -> None:
        window.until(lambda: dialog.found is not None)
        said.append(dialog.verdict.text())
        dialog.accept()

    when_open(ComparisonDialog, look)
    window.page.comparison.opened.emit()
    assert said == ["Run 2 has the figures of run 1; its weights differ."]
    assert QApplication.activeModalWidget() is None
