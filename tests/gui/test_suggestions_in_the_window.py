"""Suggestions as a person meets them: asked for, seen on the canvas, decided on with the keys."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from onnx_hands import ultralytics_file
from person import Person, make_images
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from cvstudio.core.annotation import Annotation, Review, Source, State, Task
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import replace_file
from cvstudio.core.recipe import TrainConfig
from cvstudio.gui.data.deciding import DecideDialog
from cvstudio.gui.label import suggestion_bar
from cvstudio.gui.label.annotation_tree import maker_words
from cvstudio.gui.label.origins import origin_words
from cvstudio.gui.label.selection_item import tag_words
from cvstudio.gui.suggest_dialog import SuggestDialog
from cvstudio.project import commands, decisions, queries, run_commands, runs
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter, NewImage
from cvstudio.project.suggestions import MAKER

PLACES = (Box(8, 8, 16, 12), Box(30, 8, 16, 12), Box(8, 30, 16, 12))
SCORES = (0.9, 0.6, 0.3)


def suggest(project: Project, image_id: int, **more: Any) -> list[int]:
    """Three suggestions of a network on an image, the surest first."""
    with project.transaction("Suggest labels") as s:
        return [
            commands.add_annotation(
                s, image_id=image_id, class_id=1, shape=box, source=Source.NETWORK, score=score,
                run_id=1, state=State.SUGGESTED, **more,
            )
            for box, score in zip(PLACES, SCORES, strict=True)
        ]  # fmt: skip


def states(project: Project, ids: list[int]) -> list[str]:
    with project.read() as s:
        found = [queries.annotation(s, id) for id in ids]
    return [a.state.value if a is not None else "gone" for a in found]


class Label:
    """The Label page on an unlabelled image with suggestions."""

    def __init__(self, person: Person) -> None:
        self.person = person
        with person.project.read() as s:
            self.bare = queries.image_ids(s, ImageFilter(reviews=(Review.UNLABELLED,)))
        self.ids = suggest(person.project, self.bare[0])
        self.page: Any = person.page("label")
        person.studio.go_to("label", image_id=self.bare[0])
        person.until(lambda: self.page.canvas.tiles.pyramid is not None)
        self.page.canvas.setFocus()
        person.settle()
        self.bar = self.page.suggestions

    def key(self, keys: str) -> None:
        self.person.key(keys, self.page.canvas)

    @property
    def selected(self) -> list[int]:
        return sorted(self.page.document.selection)

    @property
    def states(self) -> list[str]:
        return states(self.person.project, self.ids)


@pytest.fixture
def label(studio_window: Person) -> Label:
    return Label(studio_window)


def test_the_bar_says_how_many_there_are_and_goes_with_the_image(label: Label) -> None:
    assert label.bar.isVisible()
    assert label.bar.words.text() == "3 suggestions on this image by run 1"
    label.key("A")
    assert not label.bar.isVisible()


@pytest.mark.parametrize("width", [1280, 1360, 1440, 1600])
def test_the_bar_takes_no_room_from_the_panel_beside_the_canvas(
    label: Label, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    name = "the network of an evening in November, fine-tuned again"
    monkeypatch.setattr(suggestion_bar, "origins_words", lambda _found: name)
    label.key("A")
    assert not label.bar.isVisible()
    label.person.window.resize(width, 800)
    label.person.settle()
    before = label.page.side.width()
    label.key("D")
    label.bar.score.set_value(0.7)
    label.person.settle()
    assert label.bar.isVisible()
    assert label.page.side.width() == before
    assert label.bar.words.shown().startswith("3 suggestions on"), "what matters stands first"
    assert label.bar.keep.geometry().right() < label.bar.width()
    keys = label.bar.keys
    assert not keys.isVisible() or keys.width() >= keys.sizeHint().width(), "whole, or not at all"
    monkeypatch.setattr(suggestion_bar, "origins_words", lambda _found: "")
    label.bar._show()
    label.person.settle()
    assert label.bar.words.shown() == label.bar.words.text(), "and nothing is cut without need"


def test_tab_goes_from_the_surest_on_and_shift_tab_back(label: Label) -> None:
    first, second, _ = label.ids
    label.key("Tab")
    assert label.selected == [first]
    label.key("Tab")
    assert label.selected == [second]
    label.key("Shift+Tab")
    assert label.selected == [first]


def said(label: Label) -> str:
    return " ".join(label.page.status_left)


@pytest.mark.parametrize(("key", "back", "end"), [("Tab", "Shift+Tab", 2), ("Shift+Tab", "Tab", 0)])
def test_after_the_last_suggestion_tab_says_so_and_then_leaves_the_image(
    label: Label, key: str, back: str, end: int
) -> None:
    for _ in range(3):
        label.key(key)
    assert label.selected == [label.ids[end]]
    label.key(key)
    assert label.page.canvas.hasFocus(), "one press too many is no surprise"
    assert f"{key} again leaves the image" in said(label)
    label.key(back)
    assert label.selected == [label.ids[1]]
    assert "again leaves" not in said(label)
    for _ in range(3):
        label.key(key)
    assert not label.page.canvas.hasFocus()
    assert label.selected == [label.ids[end]], "it stays selected, and nothing is decided"
    assert label.states == ["suggested"] * 3
    assert "again leaves" not in said(label)
    label.person.key(back)
    assert label.page.canvas.hasFocus()
    label.key(key)
    assert label.selected == [label.ids[2 - end]], "the line begins anew"


def test_tab_alone_goes_round_the_whole_page_although_there_are_suggestions(label: Label) -> None:
    seen = set()
    for _ in range(200):
        label.person.key("Tab")
        now = QApplication.focusWidget()
        if now is label.page.canvas and len(seen) > 3:
            break
        seen.add(now)
    assert label.page.tree in seen
    assert QApplication.focusWidget() is label.page.canvas
    assert label.states == ["suggested"] * 3


def test_enter_accepts_and_delete_rejects_and_both_go_on_to_the_next(label: Label) -> None:
    label.key("Tab")
    label.key("Return")
    assert label.states == ["accepted", "suggested", "suggested"]
    assert label.selected == [label.ids[1]]
    label.key("Del")
    assert label.states == ["accepted", "rejected", "suggested"]
    assert label.selected == [label.ids[2]]
    label.key("Return")
    assert label.states == ["accepted", "rejected", "accepted"]
    assert label.selected == []
    label.person.trigger("edit.undo")
    assert label.states == ["accepted", "rejected", "suggested"]


def test_shift_enter_accepts_what_reaches_the_slider_in_one_step(label: Label) -> None:
    label.bar.score.field.setValue(0.6)
    assert label.bar.keep.text() == "Accept 2"
    assert label.bar.drop.text() == "Reject 1"
    label.key("Shift+Return")
    assert label.states == ["accepted", "accepted", "suggested"]
    label.person.trigger("edit.undo")
    assert label.states == ["suggested"] * 3
    label.person.click(label.bar.drop)
    assert label.states == ["suggested", "suggested", "rejected"]


def test_enter_in_the_score_field_decides_nothing(label: Label) -> None:
    label.key("Tab")
    label.bar.score.field.setFocus()
    label.person.key("Return", label.bar.score.field)
    assert label.states == ["suggested"] * 3
    assert label.page.canvas.hasFocus()


def test_tab_moves_the_focus_where_nothing_is_suggested(label: Label) -> None:
    label.key("A")
    label.page.canvas.setFocus()
    label.key("Tab")
    assert not label.page.canvas.hasFocus()


def test_after_the_last_one_the_next_image_with_suggestions_is_offered(label: Label) -> None:
    other = suggest(label.person.project, 3)
    label.bar.score.field.setValue(0.0)
    label.key("Shift+Return")
    assert label.bar.isVisible()
    assert "decided" in label.bar.words.text()
    label.key("Ctrl+Tab")
    assert label.page.document.image.id == 3
    assert label.bar.words.text() == "3 suggestions on this image by run 1"
    with label.person.project.transaction("Reject") as s:
        decisions.reject(s, ids=other)
    label.person.settle()
    assert not label.bar.isVisible()


def test_approving_says_that_suggestions_wait_and_never_that_the_image_is_empty(
    label: Label,
) -> None:
    button = label.page.side.next_step.button
    assert "empty" not in button.text()
    toasts: list[Any] = []
    label.person.studio.toasted.connect(toasts.append)
    label.person.studio.settings.set("label.next_after_approving", False)
    label.person.trigger("label.approve")
    assert [toast.text for toast in toasts] == [
        "3 suggestions wait on this image. It counts as empty until you accept one."
    ]
    label.bar.score.field.setValue(0.6)
    label.key("Shift+Return")
    label.person.trigger("label.approve")
    assert toasts[-1].text == "1 suggestion waits on this image."
    with label.person.project.transaction("Reject") as s:
        decisions.reject(s, ids=label.ids)
    label.person.settle()
    label.person.trigger("label.approve")
    assert len(toasts) == 2
    label.person.trigger("go.data")
    label.person.trigger("go.label")
    label.person.studio.select_image(label.bare[1])
    label.person.settle()
    assert "as empty" in button.text()


def test_suggestions_stand_apart_in_the_list_and_do_not_count(label: Label) -> None:
    with label.person.project.transaction("Draw") as s:
        mine = commands.add_annotation(
            s, image_id=label.bare[0], class_id=1, shape=Box(40, 30, 10, 10)
        )
    label.person.settle()
    rows = label.page.tree.rows
    assert [rows.data(rows.index(row, 0)) for row in range(rows.rowCount())] == [
        "RBC, suggested", "RBC",
    ]  # fmt: skip
    assert [rows.count(rows.index(row, 0)) for row in range(2)] == [3, 1]
    assert rows.index_of(label.page.document.get(mine)).isValid()
    assert label.page.side.header.figure.text() == "1"


def test_who_suggests_is_said_on_the_canvas_in_the_row_and_on_the_bar(label: Label) -> None:
    page = label.page
    assert label.bar.words.text().endswith("by run 1")
    first = next(a for a in page.document.annotations if a.state is State.SUGGESTED)
    assert maker_words(first).startswith("run 1 · 0.")
    index = page.tree.rows.index_of(first)
    assert "Suggested by run 1" in page.tree.rows.data(index, Qt.ItemDataRole.ToolTipRole)
    spoken = page.tree.rows.data(index, Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.endswith("suggested by run 1")
    assert tag_words(first, "RBC").startswith(f"RBC {first.score:.2f} · run 1 · Enter")


def test_a_long_name_of_a_file_is_cut_in_the_row_only() -> None:
    made = Annotation(
        1, 1, 1, Box(0, 0, 5, 5), Box(0, 0, 5, 5), score=0.5, state=State.SUGGESTED,
        source=Source.NETWORK, attributes={MAKER: "a-very-long-name-of-an-exported-file.onnx"},
    )  # fmt: skip
    assert origin_words(made) == "a-very-long-name-of-an-exported-file.onnx"
    assert maker_words(made) == "a-very-long-….onnx · 0.50"


def test_every_suggestion_in_sight_has_its_score_written_beside_it(label: Label) -> None:
    (scores,) = [layer for layer in label.page.canvas.layers if layer.name == "scores"]
    seen = sorted(text for _, text in scores.tags(label.page.canvas))
    assert seen == ["? 0.30", "? 0.60", "? 0.90"]
    label.key("Tab")  # what is selected has a tag of its own
    assert sorted(text for _, text in scores.tags(label.page.canvas)) == ["? 0.30", "? 0.60"]


def test_the_selected_images_are_decided_on_by_score(studio_window: Person) -> None:
    person = studio_window
    first, second = suggest(person.project, 11), suggest(person.project, 12)
    other = suggest(person.project, 1)
    person.page("data")
    person.studio.select([11, 12])

    def decide(dialog: QDialog) -> None:
        assert isinstance(dialog, DecideDialog)
        dialog.score.field.setValue(0.5)
        assert (dialog.keep.text(), dialog.drop.text()) == ("Accept 4", "Reject 2")
        person.click(dialog.keep)
        person.click(dialog.drop)

    person.answer(decide)
    person.trigger("data.decide")
    for ids in (first, second):
        assert states(person.project, ids) == ["accepted", "accepted", "rejected"]
    assert states(person.project, other) == ["suggested"] * 3


JOB = """
import os, sys
from pathlib import Path
import psutil
from cvstudio.core import events
from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.suggestion import ANSWERS, Answer, Unread, read_asked, write_answer
job = JobDir(Path(sys.argv[1]))
me = psutil.Process()
job.emit(events.Started(job="suggest", pid=me.pid, process_created=me.create_time()))
images = read_asked(job)
found = [Prediction(i.id, objects=(Found(1, 0.8, Box(30, 30, 12, 12)),)) for i in images]
job.emit(events.Progress(done=len(images), total=len(images)))
write_predictions(job.predictions(ANSWERS), found)
write_answer(job, Answer(Task.DETECT, (LabelClass(1, "RBC", "#FF0000"),), 0.25))
job.emit(events.Ended(outcome=events.Outcome.FINISHED))
"""


@pytest.fixture
def asking(studio_window: Person, tmp_path: Path) -> Person:
    """The window on a project with a finished run, whose network answers at once."""
    person = studio_window
    run = runs.create_run(person.project, TrainConfig(task=Task.DETECT, network="yolo11n"))
    replace_file(runs.job_of(run).best, b"")
    with person.project.transaction("Finish", undoable=False) as s:
        run_commands.update_run(s, id=run.id, status="finished", best=0.61)
    script = tmp_path / "job.py"
    script.write_text(JOB)
    person.studio.jobs.command = lambda path: [sys.executable, str(script), str(path)]
    return person


def waiting(person: Person) -> list[int]:
    with person.project.read() as s:
        return decisions.waiting_images(s)


def test_a_run_is_asked_about_the_selected_images_in_the_background(asking: Person) -> None:
    asking.page("data")
    asking.studio.select([11, 12])

    def go(dialog: QDialog) -> None:
        assert isinstance(dialog, SuggestDialog)
        assert dialog.network.currentText() == "Run 1 · YOLO11 nano · mAP50-95 0.610"
        assert dialog.images.currentText() == "2 selected images"
        asking.click(dialog.go)

    toasts: list[Any] = []
    asking.studio.toasted.connect(toasts.append)
    asking.answer(go)
    asking.trigger("data.suggest")
    window: Any = asking.window
    assert window.header.suggest.isVisible()
    asking.until(lambda: bool(toasts))
    assert toasts[-1].text == "2 suggestions on 2 images."
    assert not window.header.suggest.isVisible()
    assert waiting(asking) == [11, 12]
    toasts[-1].do()
    asking.settle()
    page: Any = window.page_named("label")
    assert page.document.image.id == 11
    assert page.suggestions.isVisible()
    asking.studio.undo()
    asking.settle()
    assert waiting(asking) == []


def test_the_stop_of_the_header_ends_the_job_and_brings_nothing_in(asking: Person) -> None:
    script = [sys.executable, "-c", "import time; time.sleep(60)"]
    asking.studio.jobs.command = lambda _path: script
    asking.answer(lambda dialog: asking.click(dialog.go))  # type: ignore[attr-defined]
    asking.studio.go_to("suggest", run_id=1)
    window: Any = asking.window
    asking.until(lambda: window.suggesting.job.directory is not None)
    asking.click(window.header.suggest.stop)
    assert not window.header.suggest.isVisible()
    assert not window.suggesting.running
    assert waiting(asking) == []


def test_the_run_to_ask_is_the_one_that_a_page_names_and_files_can_be_chosen(
    asking: Person, tmp_path: Path
) -> None:
    def look(dialog: QDialog) -> None:
        assert isinstance(dialog, SuggestDialog)
        assert dialog.run is not None
        assert dialog.images.currentText() == "Unlabelled images (2)"
        dialog.use_file(ultralytics_file(tmp_path / "net.onnx", ("RBC",)))
        assert dialog.run is None
        assert not dialog.go.isEnabled(), "nobody knows yet what is in it"
        asking.until(lambda: dialog.panel.facts is not None)
        assert dialog.go.isEnabled()
        asking.click(dialog.go)

    asking.answer(look)
    asking.page("train")
    asking.trigger("train.suggest")
    asking.until(lambda: bool(waiting(asking)))
    with asking.project.read() as s:
        (found,) = [a for a in queries.annotations(s, 11) if a.state is State.SUGGESTED]
    assert (found.run_id, found.attributes["suggested_by"]) == (None, "net.onnx")
    asking.idle()


def test_without_a_network_the_dialog_says_what_to_do(studio_window: Person) -> None:
    def look(dialog: QDialog) -> None:
        assert isinstance(dialog, SuggestDialog)
        assert not dialog.go.isEnabled()
        assert "train a network first" in dialog.trouble.text
        dialog.reject()

    studio_window.answer(look)
    studio_window.studio.go_to("suggest")


@pytest.fixture
def sorting(studio: Any, tmp_path: Path, leftovers: None) -> Iterator[Person]:
    """The window on a project that classifies, of three images."""
    from cvstudio.gui.main_window import MainWindow

    project = Project.create(tmp_path / "signs", task=Task.CLASSIFY, classes=["stop", "go"])
    images = make_images(tmp_path / "pictures", 3)
    with project.transaction("Fill", undoable=False) as s:
        commands.add_images(
            s, [NewImage(uri=project.uri_of(p), width=64, height=48) for p in images]
        )
    window = MainWindow(studio)
    window.resize(1440, 900)
    studio.adopt(project)
    window.show()
    QTest.qWaitForWindowExposed(window)
    person = Person(window, studio)
    yield person
    window.close()
    studio.shut_down()
    window.deleteLater()
    person.settle()


def test_the_class_of_an_image_is_accepted_with_enter_and_rejected_with_delete(
    sorting: Person,
) -> None:
    with sorting.project.transaction("Suggest labels") as s:
        ids = [
            commands.add_annotation(
                s, image_id=image, class_id=2, shape=None, source=Source.NETWORK, score=0.83,
                state=State.SUGGESTED,
            )
            for image in (1, 2, 3)
        ]  # fmt: skip
    page: Any = sorting.page("label")
    sorting.studio.go_to("label", image_id=1)
    canvas: QWidget = page.canvas
    sorting.settle()
    assert page.suggestions.words.text() == "Suggested: go 0.83"
    assert page.document.image_class() is None
    sorting.key("Return", canvas)
    assert page.document.image_class() == 2
    sorting.key("Ctrl+Tab", canvas)
    assert page.document.image.id == 2
    sorting.key("Del", canvas)
    assert page.document.image_class() is None
    sorting.key("Ctrl+Tab", canvas)
    page.document.classify(1)  # the person knows better: the suggestion is settled
    sorting.settle()
    assert states(sorting.project, ids) == ["accepted", "rejected", "rejected"]
    assert not page.suggestions.isVisible()
