"""The window around the pages: rail, header, start page, undo, search, panels, status."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from person import Person
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialog,
    QFrame,
    QLabel,
    QScrollArea,
    QWidget,
)

from cvstudio.core.annotation import Review, Task
from cvstudio.gui import theme
from cvstudio.gui.action_table import PAGES
from cvstudio.gui.header import time_left
from cvstudio.gui.new_project import NewProjectDialog, folder_name, split_names
from cvstudio.gui.train.page import TrainPage
from cvstudio.gui.widgets.toast import ToastFrame
from cvstudio.project import commands, queries
from cvstudio.project.project import Project

# -- start page and projects


def test_without_a_project_the_window_offers_to_make_one(empty_window: Person) -> None:
    empty_window.button("New project")
    empty_window.button("Open project")
    assert len(empty_window.window.findChildren(QAbstractButton, "")) > 5
    assert empty_window.window.front is None


def test_a_new_project_opens_on_its_empty_data_page(empty_window: Person, tmp_path: Path) -> None:
    def fill(dialog: QDialog) -> None:
        assert isinstance(dialog, NewProjectDialog)
        assert not dialog.go.isEnabled()
        dialog.location.setText(str(tmp_path))
        empty_window.type(dialog.name, "Leaf spots")
        dialog.choose_task(Task.SEGMENT)
        empty_window.type(dialog.classes, "rust, mildew, rust")
        empty_window.click(dialog.go)

    empty_window.answer(fill)
    empty_window.trigger("project.new")
    project = empty_window.project
    assert (project.name, project.task) == ("Leaf spots", Task.SEGMENT)
    with project.read() as session:
        assert [c.name for c in queries.classes(session)] == ["rust", "mildew"]
    assert empty_window.window.front is not None
    assert empty_window.window.windowTitle().startswith("Leaf spots")


def test_names_that_file_systems_refuse_become_folders_anyway() -> None:
    assert folder_name('a/b: "c"?') == "a_b_ _c__"
    assert split_names("a; b ,a\nc") == ("a", "b", "c")


def test_a_folder_without_a_project_is_refused_in_words(
    empty_window: Person, tmp_path: Path
) -> None:
    assert not empty_window.window.open_project(tmp_path)
    start = empty_window.window._start
    assert start is not None
    assert str(tmp_path) in start.message.text  # type: ignore[attr-defined]
    assert start.message.isVisible()  # type: ignore[attr-defined]


def test_a_project_that_another_process_writes_to_names_who(
    empty_window: Person, project: Project, tmp_path: Path
) -> None:
    path = project.path
    project.close()
    holder = subprocess.Popen(
        [
            sys.executable, "-c",
            f"from cvstudio.project.project import Project\n"
            f"p = Project.open({str(path)!r})\nprint('open', flush=True)\ninput()",
        ],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "open"
        assert not empty_window.window.open_project(path)
        text = empty_window.window._start.message.text  # type: ignore[union-attr]
        assert str(holder.pid) in text
        empty_window.click(empty_window.button("Open for reading only"))
        assert not empty_window.project.writable
        saved = empty_window.window.status.saved.text()
        assert saved == "Open for reading only"
    finally:
        holder.communicate("\n")


def test_a_damaged_project_offers_its_newest_copy(empty_window: Person, project: Project) -> None:
    from cvstudio.project import backup

    path = project.path
    backup.make(path, reason="test")
    project.close()
    file = path / "project.db"
    content = bytearray(file.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    file.write_bytes(content)
    assert not empty_window.window.open_project(path)
    start = empty_window.window._start
    assert start is not None
    assert "damaged" in start.message.text
    link = next(
        b for b in start.findChildren(QAbstractButton) if b.text().startswith("Restore the copy")
    )
    empty_window.click(link)
    assert len(empty_window.page("data").model.ids) == 12  # type: ignore[attr-defined]


def test_closing_a_project_goes_back_to_the_start_and_remembers_it(
    studio_window: Person, project: Project
) -> None:
    studio_window.trigger("project.close")
    assert studio_window.studio.project is None
    assert studio_window.studio.memory.recent() == [project.path]
    assert studio_window.window.front is None
    assert studio_window.window.open_project(project.path)


def test_keys_come_to_recent_projects_before_samples_and_arrows_walk_over_both(
    studio_window: Person, project: Project
) -> None:
    studio_window.trigger("project.close")
    start = studio_window.window._start
    assert start is not None
    new, open_, row, *cards = start.stops()
    assert row.accessibleName() == f"Open {project.path.name.capitalize()}"
    new.setFocus()
    for key, reached in (
        ("Tab", open_), ("Tab", row), ("Tab", cards[0]), ("Up", row), ("Down", cards[0]),
        ("Down", cards[1]), ("Down", cards[2]), ("Down", cards[2]), ("Up", cards[1]),
        ("Shift+Tab", cards[0]), ("Shift+Tab", row),
    ):  # fmt: skip
        studio_window.key(key)
        assert QApplication.focusWidget() is reached, key
    before = row.grab().toImage()
    new.setFocus()
    assert row.grab().toImage() != before, "the row that has the keys is marked"


def test_a_dropped_project_is_opened(empty_window: Person, project: Project) -> None:
    project.close()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(project.path))])
    event = QDropEvent(
        QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    empty_window.window.dropEvent(event)
    assert empty_window.project.name == "Cells"


# -- undo, search, folds


def test_undo_and_redo_bear_the_name_of_the_step(studio_window: Person) -> None:
    header = studio_window.window.header
    actions = studio_window.studio.actions
    assert not actions["edit.undo"].isEnabled()
    with studio_window.project.transaction("Add class Platelets") as s:
        commands.add_class(s, name="Platelets")
    assert header.undo.text().strip() == "Undo Add class Platelets"
    studio_window.key("Ctrl+Z", studio_window.window)
    assert actions["edit.redo"].text() == "Redo Add class Platelets"
    assert not actions["edit.undo"].isEnabled()
    studio_window.key("Ctrl+Shift+Z", studio_window.window)
    with studio_window.project.read() as s:
        assert [c.name for c in queries.classes(s)][-1] == "Platelets"


def test_a_change_made_in_a_thread_is_told_on_the_windows_thread(studio_window: Person) -> None:
    from PySide6.QtCore import QThread

    told: list[bool] = []
    studio = studio_window.studio
    studio.project_changed.connect(
        lambda _c: told.append(QThread.currentThread() is studio.thread())
    )

    def work(_control: object) -> None:
        with studio_window.project.transaction("Add class") as s:
            commands.add_class(s, name="from a thread")

    studio.tasks.run(work)
    studio_window.until(lambda: bool(told))
    assert told == [True]
    studio_window.idle()


def test_search_finds_classes_images_and_actions_and_goes_there(studio_window: Person) -> None:
    window = studio_window.window
    studio_window.key("Ctrl+K", window)
    field = window.header.search
    QTest.keyClicks(field, "wbc")
    popup = window.search
    assert popup.isVisible()
    studio_window.key("Return", field)
    page = window.page_named("data")
    assert page.filter.class_ids  # type: ignore[attr-defined]
    studio_window.trigger("app.search")
    QTest.keyClicks(field, "slide_12")
    assert popup.list.count() == 1
    studio_window.key("Esc", field)
    assert not popup.isVisible()
    QTest.keyClicks(field, "xyzzy")
    assert popup.list.item(0).text() == "Nothing has this name."


def test_panels_fold_when_the_window_is_narrow_and_come_back(studio_window: Person) -> None:
    page = studio_window.page("data")
    assert page.right is not None
    assert page.left is not None
    assert page.right.isVisible()
    studio_window.window.resize(1280, 760)
    studio_window.settle()
    assert not page.right.isVisible()
    assert page.left.isVisible()
    studio_window.click(studio_window.button("Unfold the right panel"))
    assert page.right.isVisible()
    studio_window.click(studio_window.button("Fold the right panel"))
    assert not page.right.isVisible()
    studio_window.window.resize(1000, 700)
    studio_window.settle()
    assert page.left.isVisible(), "the panel with the next step stays"
    label = studio_window.page("label")
    assert label.right is not None
    assert label.right.isVisible(), "classes and Approve stay in sight in a narrow window"
    export = studio_window.page("export")
    studio_window.window.resize(1280, 720)
    studio_window.settle()
    assert export.left is not None
    assert export.right is not None
    studio_window.click(studio_window.button("Unfold the right panel", export))
    assert export.right.isVisible()
    assert not export.left.isVisible(), "the middle would be cut beside both"
    studio_window.click(studio_window.button("Fold the right panel", export))
    assert export.left.isVisible()
    assert not export.right.isVisible()
    studio_window.click(studio_window.button("Unfold the right panel", export))
    studio_window.click(studio_window.button("Unfold the left panel", export))
    assert export.left.isVisible()
    assert not export.right.isVisible(), "one at a time"
    studio_window.page("data")
    studio_window.window.resize(1440, 900)
    studio_window.settle()
    assert export.left.isVisibleTo(export)
    assert export.right.isVisibleTo(export)
    studio_window.page("data")
    studio_window.window.resize(1440, 900)
    studio_window.settle()
    assert page.right.isVisible()
    studio_window.trigger("view.left")
    assert not page.left.isVisible()
    studio_window.trigger("view.left")
    assert page.left.isVisible()


def test_widths_of_panels_are_remembered(studio_window: Person) -> None:
    page = studio_window.page("data")
    assert page.left is not None
    page.splitter.moveSplitter(260, 1)
    width = page.left.width()
    path = studio_window.project.path
    studio_window.trigger("project.close")
    studio_window.window.open_project(path)
    studio_window.settle()
    again = studio_window.page("data")
    assert again.left is not None
    assert abs(again.left.width() - width) <= 1


def test_toasts_stack_offer_a_way_back_and_go(studio_window: Person) -> None:
    did: list[str] = []
    studio = studio_window.studio
    studio.toast("Three images removed.", link="Undo", do=lambda: did.append("undo"))
    studio.toast("Saved.", level="success")
    studio_window.settle()
    frames = studio_window.window.findChildren(ToastFrame)
    assert len(frames) == 2
    assert not frames[0].geometry().intersects(frames[1].geometry())
    first = next(f for f in frames if f.words.text().startswith("Three"))
    studio_window.click(studio_window.button("Undo", first))
    assert did == ["undo"]
    studio_window.until(lambda: len(studio_window.window.findChildren(ToastFrame)) == 1)


# -- what stands around the pages


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0.2, "1 s left"), (59, "59 s left"), (1440, "24 min left"),
     (7500, "2 h 5 min left")],
)  # fmt: skip
def test_time_is_told_as_people_say_it(seconds: float | None, words: str) -> None:
    assert time_left(seconds) == words


def test_the_status_bar_belongs_to_the_page_in_front(studio_window: Person) -> None:
    page = studio_window.page("data")
    page.set_status("12 of 12 images shown", right="Space pans")
    studio_window.settle()
    texts = [w.text() for w in studio_window.window.status.findChildren(QLabel) if w.isVisible()]
    assert "12 of 12 images shown" in texts
    assert "Space pans" in texts
    assert "All changes saved" in texts


def test_review_words_in_the_table_cover_every_state() -> None:
    from cvstudio.gui.data.filters import REVIEW_WORDS

    assert set(REVIEW_WORDS) == set(Review)


def test_a_page_of_a_project_that_was_closed_hears_nothing_more(studio_window: Person) -> None:
    path = studio_window.project.path
    old = studio_window.page("data")
    heard: list[str] = []
    old.choose_folder = lambda: heard.append("old")  # type: ignore[attr-defined]
    studio_window.studio.actions.connect("data.health", lambda: heard.append("old"), old)
    studio_window.trigger("project.close")
    studio_window.window.open_project(path)
    new = studio_window.page("data")
    assert new is not old
    studio_window.studio.actions.connect("data.health", lambda: heard.append("new"), new)
    studio_window.trigger("data.health")
    studio_window.studio.settings.set("data.overlays", False)
    assert heard == ["new"]
    assert new.grid.delegate.overlays is False  # type: ignore[attr-defined]
    studio_window.idle()


def test_every_page_survives_both_themes_and_a_closed_project(studio_window: Person) -> None:
    for page in PAGES:
        studio_window.page(page)
    for scheme in ("light", "dark"):
        theme.keeper().choose(scheme)
        studio_window.settle()
    studio_window.trigger("project.close")
    studio_window.settle()
    assert studio_window.window.front is None


def test_the_running_job_stands_in_the_header_and_turns_into_its_message(
    studio_window: Person,
) -> None:
    from cvstudio.core import events
    from cvstudio.core.run_state import RunState

    state = RunState()
    state.apply(
        events.Started(
            at=100, job="train", pid=1, process_created=1, device="cpu", total_epochs=100
        )
    )
    state.apply(
        events.EpochEnded(
            at=160, epoch=1, train={}, val={}, metrics={}, learning_rate=0.1, seconds=60
        )
    )
    pill = studio_window.window.header.job
    went: list[tuple[str, dict[str, int]]] = []
    studio_window.studio.went.disconnect(studio_window.window._went)
    studio_window.studio.went.connect(lambda name, what: went.append((name, what)))
    pill._show(7, state)
    assert pill.isVisible()
    assert pill.accessibleName() == "Run 7 epoch 1 of 100"
    assert pill._left.text() == "1 h 39 min left"
    assert pill._bar.value() == 10
    studio_window.click(pill)
    assert went == [("train", {"run_id": 7})]
    pill.tell_end(7, "failed")
    assert pill._title.text() == "Run 7 stopped"
    assert "Run 7 stopped. Labels are saved." in studio_window.window.toasts.texts()
    studio_window.key("Return", pill)
    assert went[-1] == ("train", {"run_id": 7})
    assert not pill.isVisible()
    pill._show(8, state)
    pill.tell_end(8, "finished")
    assert not pill.isVisible()
    assert "Run 8 is finished." in studio_window.window.toasts.texts()


# -- what a newcomer met


def test_enter_presses_the_button_that_has_the_focus_on_the_start_page(
    empty_window: Person,
) -> None:
    start = empty_window.window._start
    assert start is not None
    assert start.new.hasFocus()
    seen: list[QDialog] = []

    def look(dialog: QDialog) -> None:
        seen.append(dialog)
        dialog.reject()

    empty_window.answer(look)
    empty_window.key("Return")
    assert isinstance(seen[0], NewProjectDialog)


def test_the_rail_marks_the_page_that_is_shown_when_another_fails_to_open(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("no page")

    monkeypatch.setattr(TrainPage, "__init__", fail)
    actions = studio_window.studio.actions
    actions["go.train"].setChecked(True)  # what the click does before the page is made
    with pytest.raises(RuntimeError):
        studio_window.window.show_page("train")
    assert studio_window.window.front is not None
    assert studio_window.window.front.name == "data"
    assert [name for name in PAGES if actions[f"go.{name}"].isChecked()] == ["data"]


def test_no_corner_is_painted_where_two_scroll_bars_cross(dressed: theme.ThemeKeeper) -> None:
    dressed.choose("light")  # where the dark line is seen best
    area, inside = QScrollArea(), QWidget()
    inside.setFixedSize(500, 500)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidget(inside)
    area.resize(200, 200)
    area.show()
    QTest.qWait(20)
    picture = area.grab().toImage()
    corner = {picture.pixelColor(x, y).name() for x in range(186, 200) for y in range(186, 200)}
    assert corner == {theme.colour("window").name()}
    area.close()
    area.deleteLater()
    dressed.choose("dark")
