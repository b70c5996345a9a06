"""The trial batch before a run: its time and memory in words, and what else becomes of it."""

from __future__ import annotations

import small_job
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLabel
from test_train import Window, folder, window  # noqa: F401  # fixtures

from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import Preset
from cvstudio.project import launch, runs


def press(window: Window, title: str) -> None:  # noqa: F811
    """Press a way that the checks offer, as soon as it can be seen."""

    def offered() -> list[QAbstractButton]:
        found = window.page.checks.findChildren(QAbstractButton)
        return [part for part in found if part.text() == title and part.isVisible()]

    window.until(offered)
    QTest.mouseClick(offered()[0], Qt.MouseButton.LeftButton)


def said(window: Window, start: str) -> str:  # noqa: F811
    """The line of the checks that begins so; "" without one."""
    return next((text for text in window.page.checks.texts if text.startswith(start)), "")


def time_on_card(window: Window) -> str:  # noqa: F811
    cards = window.page.new_run.presets
    figure = cards.cards[cards.key].figure
    assert isinstance(figure, QLabel)
    return figure.text()


def trials(window: Window) -> list[JobDir]:  # noqa: F811
    return [JobDir(p) for p in window.project.runs_directory.glob("jobs/try-batch-*")]


def test_a_trial_batch_tells_time_and_memory_until_the_settings_change(
    window: Window,  # noqa: F811
) -> None:
    window.choose(batch=16, epochs=2000)
    assert said(window, "The time is a guess")
    press(window, "Try a batch")
    window.until(lambda: said(window, "Tried: "))
    assert said(window, "Tried: ").startswith("Tried: 16 images in 250 ms, about ")
    assert said(window, "Tried: ").endswith(" for 2,000 epochs")
    assert said(window, "Took ") == "Took 3.0 of 8 GB memory"
    length = said(window, "Tried: ").removeprefix("Tried: 16 images in 250 ms, ")
    assert time_on_card(window) == length.removesuffix(" for 2,000 epochs")
    window.choose(epochs=40)
    assert said(window, "Tried: ").endswith(" for 40 epochs"), "a step takes as long as before"
    window.choose(batch=8)
    assert said(window, "The time is a guess"), "other settings take another time"
    assert not said(window, "Took ")
    window.choose(batch=16)
    assert said(window, "Tried: "), "going back asks for no second trial"
    assert len(trials(window)) == 1
    card = window.page.new_run.presets.cards[Preset.FAST.value]
    QTest.mouseClick(card, Qt.MouseButton.LeftButton)
    assert not said(window, "Tried: ")


def test_a_trial_batch_that_the_memory_does_not_hold_offers_half_of_it(
    window: Window,  # noqa: F811
) -> None:
    window.choose(batch=16, seed=small_job.HUNGRY)
    press(window, "Try a batch")
    window.until(lambda: said(window, "The trial batch failed"))
    assert said(window, "The trial batch failed") == (
        "The trial batch failed: The GPU ran out of memory during a trial batch at batch 16"
    )
    assert window.studio.actions["train.start"].isEnabled(), "it is advice: a run divides its batch"
    press(window, "Use batch 8")
    assert window.page.new_run.config.batch == 8
    press(window, "Try a batch")
    window.until(lambda: said(window, "Tried: 8 images"))


def test_a_trial_at_work_can_be_cancelled_and_ends_when_a_run_starts(
    window: Window,  # noqa: F811
) -> None:
    window.choose(seed=small_job.STUBBORN)
    assert window.studio.actions.trigger("train.try_batch")
    window.until(lambda: said(window, "Trying a batch, step 1 of 12"))
    window.page.new_run.image_size.setValue(320)  # the window is free
    assert not said(window, "Trying"), "it is of other settings now"
    window.page.new_run.image_size.setValue(640)
    window.choose(image_size=640)
    press(window, "Cancel")
    window.until(lambda: said(window, "The time is a guess"))
    window.until(lambda: all(not launch.alive(job) for job in trials(window)))
    assert window.studio.actions.trigger("train.try_batch")
    window.until(lambda: said(window, "Trying a batch, step"))
    window.start(epochs=1, seed=0)
    window.until(lambda: all(not launch.alive(job) for job in trials(window)))
    window.until(lambda: window.words_of(1) == "Finished")


def test_while_a_run_is_at_work_no_batch_is_tried(window: Window) -> None:  # noqa: F811
    window.start(seed=small_job.STUBBORN)
    window.until(lambda: window.studio.jobs.live)
    window.until(lambda: said(window, "A batch can be tried when no run is at work"))
    assert not window.studio.actions["train.try_batch"].isEnabled()
    assert runs.get(window.project, 1) is not None
