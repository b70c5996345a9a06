"""The checks before a run on the page: what stops it apart from advice, and near-duplicates."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import small_job
from patience import until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot
from test_train import Window

from cvstudio.core.annotation import Split, Task
from cvstudio.core.networks import default_config
from cvstudio.core.opencv import cv2
from cvstudio.core.recipe import Start
from cvstudio.gui.studio import Studio
from cvstudio.gui.train.checks_list import ChecksList
from cvstudio.gui.train.page import TrainPage
from cvstudio.gui.widgets.verbatim import face
from cvstudio.project import commands, learned, queries, run_checks, runs
from cvstudio.project.check import Action, Check, Level
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage
from cvstudio.project.sample import create_sample


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project in which one val image is one of train, brighter and saved anew."""
    create_sample(tmp_path / "cells", Task.DETECT, images=24).close()
    with Project.open(tmp_path / "cells") as project:
        with project.read() as session:
            records = queries.images(session, queries.image_ids(session))
        source = next(record for record in records if record.split is Split.TRAIN)
        pixels = cv2.imread(str(project.image_path(source)))
        assert pixels is not None
        copy = tmp_path / "copy.jpg"
        cv2.imwrite(str(copy), cv2.convertScaleAbs(pixels, alpha=0.9, beta=20))
        with project.transaction("Copy") as session:
            new = NewImage(
                project.uri_of(copy), source.width, source.height, split=Split.VAL,
                review=source.review,
            )  # fmt: skip
            commands.add_images(session, [new])
    return tmp_path / "cells"


def test_a_run_says_what_it_was_started_in_spite_of_and_one_without_checks_nothing(
    window: Window,
) -> None:
    until(lambda: any("looks like one in train" in text for text in window.page.checks.texts))
    run_id = window.start(epochs=2)
    kept = run_checks.kept(window.job(run_id))
    assert kept is not None
    assert kept.overruled == tuple(
        check.text for check in window.page.checks.shown if check.level is Level.ADVICE
    )
    told = window.page.view.card.overruled
    until(told.isVisible)
    assert told.text().startswith(f"Started in spite of: {kept.overruled[0]}; ")
    assert all(text in told.toolTip() for text in kept.overruled)
    plain = runs.create_run(window.project, runs.config_of(runs.get(window.project, run_id)))
    window.page.refresh_runs()
    window.page.show_run(plain.id)
    until(lambda: window.page.view.card.title.text() == f"Run {plain.id}")
    assert not told.isVisible()
    window.page.show_run(run_id)
    until(told.isVisible)
    until(lambda: window.words_of(run_id) == "Finished")


@pytest.fixture
def window(qtbot: QtBot, folder: Path) -> Iterator[Window]:
    opened = Window(qtbot, folder)
    yield opened
    opened.close()


def button(window: Window, text: str) -> QPushButton:
    buttons = window.page.checks.findChildren(QPushButton)
    return next(b for b in buttons if b.text() == face(text))


def headings(window: Window) -> list[str]:
    labels = window.page.checks.findChildren(QLabel)
    wanted = ("To settle before the start", "Worth a look, stops nothing", "In order")
    return [found.text() for found in labels if found.text() in wanted and found.isVisible()]


def test_a_near_duplicate_in_val_is_found_beside_the_work_and_moved_to_train_by_one_click(
    window: Window,
) -> None:
    checks = window.page.checks

    def told() -> bool:
        return any("1 val or test image looks like one in train" in text for text in checks.texts)

    window.until(told)
    copies = [c for c in checks.shown if "looks like one in train" in c.text]
    (copy,) = copies[0].actions[1].image_ids
    button(window, "Move to train").click()
    window.until(lambda: any("No val or test image looks" in text for text in checks.texts))
    with window.project.read() as session:
        moved = queries.image(session, copy)
    assert moved is not None
    assert moved.split is Split.TRAIN
    window.studio.undo()
    window.until(told)


def test_what_stops_a_run_stands_apart_from_advice(window: Window) -> None:
    window.choose()
    window.until(lambda: headings(window) == ["In order"])  # advice comes first, unnamed
    window.choose(device="cuda:7")
    told = [
        "To settle before the start", "Worth a look, stops nothing", "In order",
    ]  # fmt: skip
    window.until(lambda: headings(window) == told)
    assert window.page.checks.header.figure.text() == "1 to settle first"


def test_nothing_starts_before_the_checks_are_known(qtbot: QtBot, folder: Path) -> None:
    studio = Studio()
    studio.jobs.command = small_job.command
    studio.open(folder)
    page = TrainPage(studio)
    qtbot.addWidget(page)
    for what in ("train.start", "train.several"):
        assert not studio.actions[what].isEnabled()
        assert "The checks are being made" in studio.actions[what].toolTip()
    page.new_run.apply({"start": Start.SCRATCH})
    assert not studio.actions.trigger("train.start")
    until(lambda: studio.actions["train.start"].isEnabled())
    assert studio.actions["train.several"].isEnabled()
    page.release()
    studio.shut_down()


def test_images_that_go_in_the_moment_of_the_start_are_missed_before_there_is_a_run(
    window: Window,
) -> None:
    window.choose()
    said: list[BaseException] = []
    window.studio.fail = lambda error, **_about: said.append(error)  # type: ignore[method-assign]
    window.until(lambda: window.studio.actions["train.start"].isEnabled())
    with window.project.transaction("Divide nothing") as session:
        commands.set_split(session, image_ids=queries.image_ids(session), split=None)
    assert window.studio.actions.trigger("train.start")
    window.until(lambda: said)
    assert str(said[0]).startswith("The run cannot start. No labelled image is in train, and ")
    assert not runs.all_runs(window.project)
    window.until(lambda: not window.studio.actions["train.start"].isEnabled())


def trained_once(window: Window, moved: int) -> tuple[Path, list[int]]:
    """The checkpoint of a run, and as many images that it learned from and that judge by now."""
    with window.project.read() as session:
        records = queries.images(session, queries.image_ids(session))
    run = runs.create_run(window.project, default_config(Task.DETECT, start=Start.SCRATCH))
    best = runs.job_of(run).best
    best.parent.mkdir()
    best.write_bytes(b"weights")
    known = [record.id for record in records if record.split is Split.TRAIN][:moved]
    with window.project.transaction("Move to val") as session:
        commands.set_split(session, image_ids=known, split=Split.VAL)
    return best, known


def test_a_run_that_begins_with_one_that_knows_val_is_warned_of_beside_the_work(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    real = learned.earlier

    def earlier(*asked: Any) -> learned.Earlier | None:
        threads.append(threading.current_thread())
        return real(*asked)

    monkeypatch.setattr(learned, "earlier", earlier)
    best, known = trained_once(window, 2)
    window.choose(start=Start.RUN, weights_file=best)

    def told() -> bool:
        return any(text.startswith("Run 1 learned from 2 of ") for text in window.page.checks.texts)

    window.until(told)
    assert threading.main_thread() not in threads, "snapshots are not read in the window's thread"
    asked = len(threads)
    window.choose(start=Start.RUN, weights_file=best, epochs=7)
    window.choose(start=Start.SCRATCH)
    assert not told()
    window.choose(start=Start.RUN, weights_file=best)
    assert told(), "what is known is not read again"
    assert len(threads) == asked
    button(window, "Move to train").click()
    window.until(lambda: "Run 1 learned from no val or test image" in window.page.checks.texts)
    with window.project.read() as session:
        assert {each.split for each in queries.images(session, known)} == {Split.TRAIN}


def test_a_figure_that_changes_leaves_the_other_lines_and_the_focus_where_they_are(
    window: Window,
) -> None:
    window.choose(image_size=640)
    window.until(lambda: any("Fewer than 300" in text for text in window.page.checks.texts))
    checks = window.page.checks
    pressed = button(window, "Use pretrained")
    pressed.setFocus()
    parts = checks.findChildren(QPushButton)
    before = [text for text in checks.texts if "free memory" in text]
    window.choose(image_size=320)
    assert [text for text in checks.texts if "free memory" in text] != before
    shown = [part.text() for part in checks.findChildren(QLabel) if part.isVisible()]
    assert [text for text in shown if "free memory" in text] == [
        text for text in checks.texts if "free memory" in text
    ]
    assert checks.findChildren(QPushButton) == parts, "they are the same ones as before"
    assert window.page.focusWidget() is pressed


def test_lines_that_come_and_go_stand_in_their_order_and_tab_follows_it(window: Window) -> None:
    checks = window.page.checks

    def from_above(parts: list[Any]) -> list[Any]:
        seen = [part for part in parts if part.isVisible()]
        return sorted(seen, key=lambda part: part.mapTo(checks, part.rect().topLeft()).y())

    def said() -> list[str]:
        labels = from_above(checks.findChildren(QLabel))
        return [part.text() for part in labels if part.text() in checks.texts]

    for device in ("cuda:7", "cpu", "cuda:7", "cpu"):
        window.choose(device=device)
        window.until(lambda: said() == checks.texts)
    links = from_above(checks.findChildren(QPushButton))
    links[0].setFocus()
    for following in links[1:]:
        QTest.keyClick(window.page.focusWidget(), Qt.Key.Key_Tab)
        assert window.page.focusWidget() is following


def test_a_way_that_changed_with_its_figure_does_what_it_says_now(
    qtbot: QtBot, window: Window
) -> None:
    checks = ChecksList()
    qtbot.addWidget(checks)
    done: list[Action] = []
    checks.acted.connect(done.append)
    ways = [Action(f"Use {size}", "set", {"image_size": size}) for size in (960, 480)]
    checks.show_checks([Check(Level.ADVICE, "12 boxes are under 8 px wide", (ways[0],))])
    (before,) = checks.findChildren(QPushButton)
    checks.show_checks([Check(Level.ADVICE, "70 boxes are under 8 px wide", (ways[1],))])
    (after,) = checks.findChildren(QPushButton)
    assert after is before
    assert after.text() == "Use 480"
    after.click()
    assert done == [ways[1]]
