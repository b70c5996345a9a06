"""Every way a training can go wrong, from the event to what the button does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import small_job
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot
from test_train import Window, end_jobs

from cvstudio.core import events, nvidia
from cvstudio.core.annotation import Task
from cvstudio.core.recipe import Start
from cvstudio.core.run_state import RunState
from cvstudio.core.snapshot import read_snapshot
from cvstudio.gui.train import words
from cvstudio.project import runs
from cvstudio.project.bottleneck import bottleneck
from cvstudio.project.sample import create_sample


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[Window]:
    create_sample(tmp_path / "cells", Task.DETECT, images=24).close()
    opened = Window(qtbot, tmp_path / "cells")
    yield opened
    end_jobs(opened.project)
    opened.close()


def failed(window: Window, cause: str, **settings: Any) -> Any:
    """The card of a run that failed after two epochs for a cause."""
    seed = small_job.FAILING + small_job.CAUSES.index(cause)
    title = f"Run {window.start(seed=seed, epochs=4, **settings)} stopped"
    card = window.page.view.failure
    window.until(lambda: card.isVisible() and card.title.text().startswith(title))
    return card


def take(window: Window, card: Any, title: str) -> None:
    """Choose a way by its title and press the button."""
    place = next(n for n, way in enumerate(card.ways) if way.title.startswith(title))
    if card.cards is not None:
        card.cards._press(str(place))
    card.go.click()


def config_of(window: Window, run_id: int) -> Any:
    return runs.config_of(runs.get(window.project, run_id))


def went(window: Window) -> list[tuple[str, dict[str, Any]]]:
    told: list[tuple[str, dict[str, Any]]] = []
    window.studio.went.connect(lambda page, what: told.append((page, what)))
    return told


def test_out_of_memory_says_where_and_at_what_batch_and_goes_on_with_half_of_it(
    window: Window,
) -> None:
    card = failed(window, "out of memory", batch=16)
    assert "stopped: the memory ran out" in card.title.text()
    assert "in epoch 2, at batch 16 and image size" in card.text.text()
    take(window, card, "Continue from epoch 2 with batch 8")
    window.until(lambda: window.words_of(1) == "Finished")
    assert config_of(window, 1).batch == 8
    assert [e.epoch for e in window.job(1).state().epochs] == [1, 2, 3, 4]


def test_after_an_automatic_batch_the_card_says_what_it_was_and_goes_on_with_half_of_it(
    window: Window,
) -> None:
    card = failed(window, "out of memory", batch=0, device="cpu")
    assert "in epoch 2, at batch 16 (automatic) and image size" in card.text.text()
    assert [way.title for way in card.ways] == [
        "Continue from epoch 2 with batch 8",
        "Start again with image size 416",
        "Start again with the memory of now",
    ]
    assert "The automatic batch was 16; it is 8 from then on." in card.ways[0].detail
    take(window, card, "Continue from epoch 2 with batch 8")
    window.until(lambda: window.words_of(1) == "Finished")
    assert config_of(window, 1).batch == 8


def test_an_automatic_batch_that_was_never_found_is_measured_again_or_made_needless() -> None:
    from cvstudio.core.networks import default_config
    from cvstudio.project.remedies import remedies

    config = default_config(Task.DETECT).model_copy(update={"batch": 0, "device": "auto"})
    told = events.Failed(cause="out of memory", text="x")
    ways = remedies(config, told, saved_epoch=None)
    assert [way.title for way in ways] == [
        "Start again with image size 416",
        "Start again with the processor",
        "Start again with the memory of now",
    ]
    assert ways[-1].changes == {}, "the batch stays automatic"
    killed = remedies(config, told.model_copy(update={"cause": "killed"}), saved_epoch=3, batch=32)
    assert "Continue from epoch 3 with batch 16" in [way.title for way in killed]


def test_a_loss_that_is_no_number_starts_again_with_a_third_of_the_rate(window: Window) -> None:
    card = failed(window, "not a number", learning_rate=0.003)
    assert "no longer a number" in card.title.text()
    take(window, card, "Start again with a third of the learning rate")
    window.until(lambda: len(runs.all_runs(window.project)) == 2)
    assert config_of(window, 2).learning_rate == pytest.approx(0.001)


def test_nothing_to_learn_from_leads_to_dividing_the_images_or_to_labelling(
    window: Window,
) -> None:
    card, told = failed(window, "no data"), went(window)
    assert card.go.text() == "Divide the images"
    card.go.click()
    take(window, card, "Label more images")
    assert told == [("data", {"divide": "train"}), ("label", {})]


def test_a_full_disk_goes_on_when_there_is_room_and_shows_what_fills_it(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    card = failed(window, "disk full")
    take(window, card, "See what fills the disk")
    assert [Path(path) for path in opened] == [window.job(1).path]
    take(window, card, "Continue from epoch 2")
    window.until(lambda: window.words_of(1) == "Finished")


def test_missing_weights_start_from_scratch_or_lead_to_the_checks_that_fetch_them(
    window: Window,
) -> None:
    card = failed(window, "weights", batch=3)
    take(window, card, "Get the weights")
    assert window.page.new_run.config.batch == 3
    take(window, card, "Start from scratch")
    window.until(lambda: len(runs.all_runs(window.project)) == 2)
    assert config_of(window, 2).start is Start.SCRATCH


def test_settings_that_do_not_fit_go_into_the_form(window: Window) -> None:
    card = failed(window, "config", batch=5)
    window.page.new_run.apply({"batch": 7})
    card.go.click()
    assert window.page.new_run.config.batch == 5


def test_an_image_that_cannot_be_read_is_shown(window: Window) -> None:
    card, told = failed(window, "image"), went(window)
    named = [read_snapshot(window.job(1).snapshot).images[3].id]
    take(window, card, "Look at the image")
    ((page, what),) = told
    assert page == "data"
    assert what["ids"] == named


def test_a_driver_that_does_not_fit_trains_on_the_processor_or_copies_the_command(
    window: Window,
) -> None:
    card = failed(window, "driver")
    assert "the GPU's driver does not fit" in card.title.text()
    take(window, card, "Install the torch that fits")
    assert QGuiApplication.clipboard().text() == nvidia.COMMAND
    take(window, card, "Start again with the processor")
    window.until(lambda: len(runs.all_runs(window.project)) == 2)
    assert config_of(window, 2).device == "cpu"


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_run_that_the_system_ended_goes_on_with_less_memory(window: Window) -> None:
    window.start(seed=small_job.STRUCK, epochs=4, batch=16, workers=4)
    card = window.page.view.failure
    window.until(card.isVisible)
    assert "ended by the system (signal 9), most often because the memory ran out" in (
        card.text.text()
    )
    assert [way.title for way in card.ways] == [
        "Continue from epoch 2 with 1 reader instead of 4",
        "Continue from epoch 2 with batch 8",
        "Continue from epoch 2 with the same settings",
    ]
    take(window, card, "Continue from epoch 2 with 1 reader")
    window.until(lambda: window.words_of(1) == "Finished")
    config = config_of(window, 1)
    assert (config.workers, config.cache_images, config.batch) == (1, False, 16)


def test_every_cause_has_words_and_a_way_out() -> None:
    from cvstudio.core.networks import default_config
    from cvstudio.project.remedies import remedies

    config = default_config(Task.DETECT)
    causes = events.Failed.model_fields["cause"].annotation.__args__  # type: ignore[union-attr]
    assert set(causes) == {*small_job.CAUSES, "killed"}
    for cause in causes:
        told = events.Failed(cause=cause, text="x")
        for saved in (None, 4):
            ways = remedies(config, told, saved_epoch=saved)
            assert ways, cause
            assert len({way.title for way in ways}) == len(ways)
        assert words.headline(told)
        if cause != "other":
            assert words.headline(told) != "something failed"


def test_a_run_that_waits_for_images_goes_on_with_them_in_memory_by_one_click(
    window: Window,
) -> None:
    window.start(seed=small_job.SLOW, epochs=60, cache_images=False)
    note = window.page.view.note
    window.until(lambda: note.isVisible() and "waits for images 60 % of the time" in note.text)
    assert note._link.text() == "Keep images in memory"
    note._link.click()
    window.until(lambda: config_of(window, 1).cache_images)
    window.until(lambda: window.words_of(1) == "Running")
    state = window.studio.jobs.state
    window.until(lambda: not note.isVisible())
    window.until(lambda: window.words_of(1) == "Finished")
    assert [e.epoch for e in window.job(1).state().epochs] == list(range(1, 61))
    assert any("cache_images True" in n.text for n in window.job(1).state().notes), state.notes


def waiting(share: float, *, device: str = "RTX 4070", count: int = 10) -> RunState:
    state = RunState(device=device)
    for step in range(count):
        state.apply(
            events.StepEnded(
                epoch=1, step=step + 1, steps=99, losses={}, learning_rate=1, waiting=share,
                images_per_second=1,
            )
        )  # fmt: skip
    return state


def test_the_hint_offers_only_what_would_help() -> None:
    from cvstudio.core.networks import default_config

    config = default_config(Task.DETECT, workers=2)
    assert bottleneck(config, waiting(0.1), cores=8) is None
    assert bottleneck(config, waiting(0.9, count=3), cores=8) is None, "too little is known"
    more = bottleneck(config, waiting(0.5), cores=8)
    assert more is not None
    assert more.way is not None
    assert more.way.changes == {"workers": 4}
    full = bottleneck(config, waiting(0.5), cores=3)
    assert full is not None
    assert full.way is None, "every core reads already"
    on_processor = bottleneck(config, waiting(0.5, device="processor"), cores=4)
    assert on_processor is not None
    assert on_processor.way is None, "readers would take the network's cores"
    slow_disk = bottleneck(config.model_copy(update={"cache_images": False}), waiting(0.5), cores=8)
    assert slow_disk is not None
    assert slow_disk.way is not None
    assert slow_disk.way.changes == {"cache_images": True}


def test_a_class_that_val_does_not_have_is_told_with_the_way_to_divide_again(
    window: Window,
) -> None:
    window.start(epochs=2)
    window.until(lambda: window.words_of(1) == "Finished")
    told = went(window)
    text = "No val image has “WBC”: no figure says how well that is found."
    note = events.Note(level="warning", text=text, about="not in val")
    window.page.book.state(runs.get(window.project, 1)).apply(note)
    window.page._draw()
    shown = window.page.view.note
    assert shown.text == text
    shown._link.click()
    assert told == [("data", {"divide": "train"})]


def test_the_time_that_is_left_is_told_from_the_first_steps_already() -> None:
    state = RunState()
    state.apply(
        events.Started(at=0, job="train", pid=1, process_created=1, total_epochs=10,
                       train_images=90, judged_images=27)
    )  # fmt: skip
    assert state.seconds_left() is None
    for step in (1, 2, 3):
        state.apply(
            events.StepEnded(
                at=10.0 + 2 * step, epoch=1, step=step, steps=30, losses={"loss": 1.0},
                learning_rate=1, images_per_second=1.5,
            )
        )  # fmt: skip
    # Two seconds a step, 30 steps, a tenth of them for judging: 66 s an epoch, a hundredth is done.
    left = state.seconds_left()
    assert left == pytest.approx(66 * 9.9)
    shown = words.facts(state, "mAP50-95", now=16.0, live=True)
    assert ("about", "11 min") in [(before, figure) for before, figure, _ in shown]


def test_a_pause_survives_closing_the_window_and_resume_goes_on_after_the_last_epoch(
    qtbot: QtBot, tmp_path: Path
) -> None:
    create_sample(tmp_path / "cells", Task.DETECT, images=24).close()
    first = Window(qtbot, tmp_path / "cells")
    first.start(seed=small_job.PATIENT, epochs=60)
    first.until(lambda: len(first.studio.jobs.state.epochs) >= 3)
    first.until(first.page.view.card.buttons["pause"].isEnabled)
    first.page.view.card.buttons["pause"].click()
    job = first.job(1)
    first.close()  # at once: nobody waits for the pause
    second = Window(qtbot, tmp_path / "cells")
    second.until(lambda: second.words_of(1) == "Paused")
    done = [e.epoch for e in job.state().epochs]
    assert 3 <= len(done) < 60
    second.page.show_run(1)
    second.page.view.card.buttons["resume"].click()
    second.until(lambda: second.words_of(1) == "Finished")
    assert [e.epoch for e in job.state().epochs] == list(range(1, 61))
    told = [e.epoch for e in job.read_events() if isinstance(e, events.EpochEnded)]
    assert len(told) - 60 <= 1, "at most one epoch was done twice"
    view = second.page.view
    second.until(lambda: view.loss.line("train")[0] == list(range(1, 61)))
    end_jobs(second.project)
    second.close()


def test_changing_the_settings_is_offered_once_whether_as_a_way_out_or_beside_it(
    window: Window,
) -> None:
    card = failed(window, "config")
    shown = [b.text() for b in card.findChildren(QPushButton) if b.isVisibleTo(card)]
    assert shown.count("Change settings") == 1
    card = failed(window, "not a number")
    shown = [b.text() for b in card.findChildren(QPushButton) if b.isVisibleTo(card)]
    assert shown.count("Change settings") == 1
