"""The scenes of docs/training_film.py: one training from its checks to the run that comes after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from training_hand import LONG, Trainer

FIRST, SECOND, THIRD = 1, 2, 3
"""The numbers of the runs."""


def checks(hand: Trainer) -> None:
    """What has to be settled before the start: the images have no split yet."""
    hand.act("go.train")
    hand.until(lambda: hand.page.checks.texts)
    hand.settle(2.0)
    hand.shot("blocked")


def divide(hand: Trainer) -> None:
    """The way that the check offers, and back with two things less to settle."""
    hand.popup(
        lambda: hand.click_on(hand.link("Divide")),
        lambda dialog: (hand.until(dialog.go.isEnabled), hand.press_button(dialog.go)),
    )
    hand.until(lambda: hand.page.isVisible())
    hand.settle(3.0)
    hand.shot("settled")


def weights(hand: Trainer) -> None:
    """No pretrained weights on this computer: from scratch, as the check offers."""
    hand.reach(hand.page.checks)
    hand.shot("missing")
    hand.click_on(hand.link("Train without them"))
    hand.shot("from-scratch")


def preset(hand: Trainer) -> None:
    """How long it may take."""
    hand.click_on(hand.form.presets.cards["fast"])
    hand.shot("fast")


def chooser(hand: Trainer) -> None:
    """Every network there is, found by typing."""
    hand.click_on(hand.form.network)
    hand.shot("open")
    hand.type("yolo11 n")
    hand.shot("typed")
    hand.key("Return")
    hand.settle()
    hand.shot("chosen")


def settings(hand: Trainer) -> None:
    """The advanced form: groups, search, what differs from the preset, and the way back."""
    hand.fill(hand.form.image_size, str(hand.side))
    hand.fill(hand.form.batch, "4")
    hand.click_on(hand.form.all_link)
    hand.shot("groups")
    editor = hand.find_setting("epochs", "epochs")
    hand.shot("search")
    hand.fill(editor, str(hand.epochs))
    hand.fill(hand.form.form.editors["patience"], "0")
    hand.clear_search()
    hand.click_on(hand.form.form.only_changed)
    hand.shot("only-changed")
    hand.click_on(hand.form.form.only_changed)
    hand.click_on(hand.form.form.groups["Optimiser"].arrow)
    hand.reach(hand.form.form.groups["Optimiser"])
    hand.shot("optimiser")
    hand.click_on(hand.form.all_link)


def rate(hand: Trainer) -> None:
    """The learning rate finder: its curve, and one click that takes the rate over."""

    def wait(dialog: Any) -> None:
        job = lambda: dialog._job is not None and dialog._job.state.rates  # noqa: E731
        hand.until(lambda: job() or dialog.take.isEnabled(), LONG)
        hand.shot("curve")
        hand.until(dialog.take.isEnabled, LONG)
        hand.shot("suggested")
        hand.press_button(dialog.take)

    hand.popup(lambda: hand.click_on(hand.form.rate_link), wait, long=True)
    hand.find_setting("learning rate", "learning_rate")
    hand.shot("taken-over")
    hand.clear_search()
    hand.click_on(hand.form.all_link)


def start(hand: Trainer) -> None:
    """Started; the first steps and the first epoch."""
    hand.act("train.start")
    hand.until(lambda: hand.status(FIRST))
    hand.shot("starting")
    hand.await_run(FIRST, lambda: hand.state(FIRST).step)
    hand.shot("first-steps")
    hand.await_epochs(FIRST, 1)
    hand.shot("first-epoch")
    hand.await_epochs(FIRST, hand.epochs // 3)
    hand.shot("a-third")


def scrub(hand: Trainer) -> None:
    """The film strip: back to the first epochs by the mouse, on by the keys, and to now."""
    film, left = hand.page.view.samples.film, hand.core.Qt.MouseButton.LeftButton
    hand.reach(film)
    hand.shot("now")
    at = [hand.core.QPoint(x, 20) for x in (400, 250, 100, 20)]
    hand.test.mousePress(film, left, pos=at[0])
    for place in at[1:]:
        hand.test.mouseMove(film, place)
        hand.test.qWait(100)
    hand.test.mouseRelease(film, left, pos=at[-1])
    hand.shot("first")
    film.setFocus()
    for _ in range(3):
        hand.key("Right")
    hand.shot("third")
    hand.click_on(hand.page.view.samples.tiles[1])
    hand.key("End")
    hand.shot("other-image")
    hand.turn(hand.page.view.viewport(), 20)


def queue(hand: Trainer) -> None:
    """A second run with one setting changed, which waits for its turn."""
    editor = hand.find_setting("mosaic", "mosaic")
    hand.fill(editor, "0.5")
    hand.shot("setting")
    hand.clear_search()
    hand.click_on(hand.form.all_link)
    hand.act("train.start")
    hand.until(lambda: hand.status(SECOND))
    hand.shot("waiting")


def pause(hand: Trainer) -> None:
    """Paused."""
    hand.page.show_run(FIRST)
    hand.click_on(hand.card.buttons["pause"])
    hand.shot("asked")
    hand.await_run(FIRST, lambda: hand.status(FIRST) == "Paused")
    hand.shot("paused")


def resume(hand: Trainer) -> None:
    """Opened again: the curves are there, and the run goes on in them."""
    hand.act("go.train")
    hand.until(lambda: hand.status(FIRST))
    hand.page.show_run(FIRST)
    hand.shot("opened-again")
    done = len(hand.state(FIRST).epochs)
    hand.click_on(hand.card.buttons["resume"])
    hand.await_epochs(FIRST, done + 1)
    hand.shot("goes-on")


def finish(hand: Trainer) -> None:
    """Enough: the best so far is kept, and judged."""
    hand.page.show_run(FIRST)
    hand.click_on(hand.card.buttons["finish"])
    hand.shot("asked")
    hand.await_end(FIRST)
    hand.shot("finished")


def second(hand: Trainer) -> None:
    """The second run begins by itself."""
    hand.await_epochs(SECOND, 1)
    hand.page.show_run(SECOND)
    hand.shot("begun")
    hand.await_epochs(SECOND, hand.epochs // 4)
    hand.click_on(hand.card.buttons["finish"])
    hand.await_end(SECOND)
    hand.shot("finished")


def compare(hand: Trainer) -> None:
    """Both runs beside each other: curves, figures, settings, data, computer, images."""
    hand.select_runs(FIRST, SECOND)
    hand.shot("selected")
    hand.popup(lambda: hand.click_on(hand.link("Open")), lambda d: _look_at_all(d, hand), long=True)


def _look_at_all(dialog: Any, hand: Trainer) -> None:
    """Every tab of the comparison, by the keys."""
    hand.until(lambda: dialog.found is not None, LONG)
    for tab in range(dialog.tabs.count()):
        dialog.tabs.setFocus()
        if tab:
            hand.key("Right")
        assert dialog.isVisible(), "the comparison was closed"
        hand.shot(dialog.tabs.tabText(tab).casefold())
    hand.key("Esc")


def analyze(hand: Trainer) -> None:
    """From the better run to its errors, the worst first, and those that the labels may have."""
    hand.page.show_run(FIRST)
    hand.click_on(hand.card.buttons["analyze"])
    hand.until(lambda: hand.errors.current is not None, LONG)
    hand.settle(6.0)
    hand.shot("all")
    hand.open_likely()
    hand.settle(3.0)
    hand.shot("likely-label-errors")


def fix(hand: Trainer) -> None:
    """An object that the network found and nobody labelled gets its box, and the way back."""
    for _ in range(hand.errors.count):
        case = hand.errors.current
        if case is not None and case.box is not None and not case.labelled:
            break
        hand.act("analyze.next")
    else:
        raise LookupError("no likely label error is an object without a label")
    hand.act("analyze.fix")
    label = hand.window.page_named("label")
    hand.until(label.isVisible)
    hand.until(lambda: label.document.image and label.document.image.id == case.image_id)
    hand.settle(2.0)
    hand.shot("there")
    before = len(label.document.annotations)
    box = case.box
    hand.act("label.box")
    hand.key(hand.hotkey(case.predicted))
    hand.drag((box.x, box.y), (box.x + box.w, box.y + box.h), stop=True)
    hand.until(lambda: len(label.document.annotations) == before + 1)
    hand.settle()
    assert label.document.annotations[-1].class_id == case.predicted
    hand.shot("labelled")
    hand.click_on(label.bar.back)
    hand.until(lambda: hand.analysis.since.count)
    hand.shot("back")


def judge_again(hand: Trainer) -> None:
    """The same network against the labels of now: one error less."""
    before = hand.errors.count
    hand.click_on(hand.link("Evaluate again", hand.analysis))
    hand.shot("at-work")
    hand.until(lambda: not hand.analysis.since.count and hand.errors.current is not None, LONG)
    hand.open_likely()
    hand.settle(3.0)
    hand.shot("judged")
    assert hand.errors.count < before, f"{hand.errors.count} likely label errors, {before} before"


def again(hand: Trainer) -> None:
    """Trained once more with the settings of the first run, from the labels of now."""
    hand.act("go.train")
    hand.page.show_run(FIRST)
    hand.click_on(hand.card.buttons["again"])
    hand.settle(2.0)
    hand.shot("settings")
    hand.act("train.start")
    hand.until(lambda: hand.status(THIRD))
    hand.await_epochs(THIRD, hand.epochs // 4)
    hand.page.show_run(THIRD)
    hand.shot("at-work")
    hand.click_on(hand.card.buttons["finish"])
    hand.await_end(THIRD)
    hand.shot("finished")


def compare_again(hand: Trainer) -> None:
    """The run after the fix beside the one before: the label that changed is named."""
    hand.select_runs(FIRST, THIRD)
    hand.shot("selected")
    hand.popup(lambda: hand.click_on(hand.link("Open")), lambda d: _look_at_all(d, hand), long=True)


@dataclass(frozen=True)
class Scene:
    """What is done, and the scenes without which it cannot be."""

    name: str
    do: Callable[[Trainer], None]
    needs: tuple[str, ...] = ()


BEFORE = (
    Scene("checks", checks),
    Scene("divide", divide),
    Scene("weights", weights, ("divide",)),
    Scene("preset", preset),
    Scene("chooser", chooser),
    Scene("settings", settings),
    Scene("rate", rate, ("weights", "settings")),
    Scene("start", start, ("weights", "settings")),
    Scene("scrub", scrub, ("start",)),
    Scene("pause", pause, ("start",)),
)
AFTER = (
    Scene("resume", resume, ("pause",)),
    Scene("queue", queue, ("resume",)),
    Scene("finish", finish, ("resume",)),
    Scene("second", second, ("queue", "finish")),
    Scene("compare", compare, ("second",)),
    Scene("analyze", analyze, ("finish",)),
    Scene("fix", fix, ("analyze",)),
    Scene("judge-again", judge_again, ("fix",)),
    Scene("again", again, ("finish",)),
    Scene("compare-again", compare_again, ("again",)),
)
"""What is done in the window that is opened after the first one was closed."""
