"""The window around the pages: rail, header, undo, search, settings, errors, what it may load."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from patience import until
from person import Person
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QDialog,
    QFrame,
    QLabel,
    QLineEdit,
    QScrollArea,
    QWidget,
)

from cvstudio.core.annotation import Review, Task
from cvstudio.core.errors import ConfigError, ProjectError
from cvstudio.core.settings import SETTINGS, Memory, Settings
from cvstudio.gui import theme
from cvstudio.gui.action_table import ACTIONS, BY_ID, PAGES, REASONS
from cvstudio.gui.header import time_left
from cvstudio.gui.help_dialog import HelpDialog
from cvstudio.gui.new_project import NewProjectDialog, folder_name, split_names
from cvstudio.gui.settings_dialog import SettingsDialog
from cvstudio.gui.shortcuts.held import HELD
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.train.page import TrainPage
from cvstudio.gui.widgets.toast import ToastFrame
from cvstudio.project import commands, queries
from cvstudio.project.project import Project

HEAVY = (
    "torch", "torchvision", "ultralytics", "timm", "segmentation_models_pytorch", "albumentations",
    "onnx", "onnxruntime", "onnxslim", "faster_coco_eval",
)  # fmt: skip


# -- what the window process may load


def _in_fresh_process(code: str, tmp_path: Path) -> str:
    environment = {
        **os.environ, "QT_QPA_PLATFORM": "offscreen", "CVSTUDIO_HOME": str(tmp_path / "home"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=120, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_window_never_loads_a_training_library(project: Project, tmp_path: Path) -> None:
    path = project.path
    project.close()
    said = _in_fresh_process(
        f"""
        import sys
        from pathlib import Path
        from PySide6.QtTest import QTest
        from cvstudio.gui import app
        from cvstudio.gui.main_window import MainWindow
        from cvstudio.gui.pages import PAGES
        application = app.make_application()
        studio = app.make_studio(application)
        window = MainWindow(studio)
        assert window.open_project(Path({str(path)!r}))
        window.show()
        for page in PAGES:
            window.show_page(page.name)
            QTest.qWait(100)
        window.close()
        print(sorted(set(sys.modules) & set({HEAVY!r})))
        """,
        tmp_path,
    )
    assert said.strip().endswith("[]")


def test_the_window_starts_without_what_it_does_not_need_yet(
    project: Project, tmp_path: Path
) -> None:
    path = project.path
    project.close()
    said = _in_fresh_process(
        f"""
        import sys
        from pathlib import Path
        from cvstudio.gui import app
        from cvstudio.gui.main_window import MainWindow
        studio = app.make_studio(app.make_application())
        window = MainWindow(studio)
        window.open_project(Path({str(path)!r}))
        window.show()
        print(sorted(set(sys.modules) & {{"pyqtgraph", "alembic", "qtawesome", "scipy"}}))
        window.close()
        """,
        tmp_path,
    )
    assert said.strip() == "[]"


def test_void_calls_do_not_eat_references_to_none(dressed: theme.ThemeKeeper) -> None:
    """One PySide6 release lost one reference to None at every void call and then aborted."""
    field = QLineEdit()
    for _ in range(100):
        field.update()
    # From Python 3.12 on None is immortal, and its count says nothing.
    if sys.version_info >= (3, 12):
        pytest.skip("None is immortal in this Python")
    before = sys.getrefcount(None)
    for _ in range(2000):
        field.update()
        field.repaint()
        field.setText("")
    assert abs(sys.getrefcount(None) - before) < 500


# -- the table of actions


def test_every_action_says_what_it_does_and_why_it_cannot() -> None:
    assert len(BY_ID) == len(ACTIONS)
    for info in ACTIONS:
        assert info.text[0].isupper() or info.text[0].isdigit(), info.id
        assert not info.text.endswith("."), info.id
        assert info.tip, info.id
        assert set(info.needs) <= set(REASONS), info.id
        for key in info.keys:
            assert not QKeySequence(key).isEmpty(), (info.id, key)


def test_no_two_actions_of_a_page_share_a_key() -> None:
    for page in PAGES:
        seen: dict[str, str] = {}
        for info in ACTIONS:
            if info.page not in ("", page):
                continue
            for key in info.keys:
                text = QKeySequence(key).toString()
                assert text not in seen, f"{info.id} and {seen.get(text)} share {text} on {page}"
                seen[text] = info.id


def test_every_action_can_be_reached_by_keyboard(studio_window: Person) -> None:
    """By its own key, or through the search, or as a button that Tab reaches."""
    window = studio_window.window
    for info, action in studio_window.studio.actions.all():
        if not info.page:
            assert action in window.actions(), info.id
        elif info.keys:
            continue
    for button in window.findChildren(QAbstractButton):
        if button.isVisible() and button.isEnabled():
            policy = button.focusPolicy()
            clear = button.objectName() == "qt_toolbar_ext_button" or isinstance(
                button.parentWidget(), QLineEdit
            )
            assert clear or policy & Qt.FocusPolicy.TabFocus, (
                f"Tab does not reach {button.text() or button.accessibleName()!r}"
            )


def test_every_button_without_words_has_a_name_for_screen_readers(studio_window: Person) -> None:
    for button in studio_window.window.findChildren(QAbstractButton):
        if button.isVisible() and not isinstance(button.parentWidget(), QLineEdit):
            named = button.text() or button.accessibleName() or button.toolTip()
            if button.objectName() != "qt_toolbar_ext_button":
                assert named, button


def test_a_disabled_action_says_why(empty_window: Person) -> None:
    actions = empty_window.studio.actions
    assert not actions.trigger("data.import")
    assert "Open a project first" in actions["data.import"].toolTip()
    assert "Ctrl+Shift+O" in actions["project.open"].toolTip()


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
    QTest.keyClicks(field, "no such thing")
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


# -- settings and keys


def test_a_setting_holds_at_once_is_kept_sparse_and_survives(
    studio: Studio, tmp_path: Path
) -> None:
    path = tmp_path / "settings.json"
    settings = Settings(path)
    heard: list[tuple[str, object]] = []
    settings.listen(lambda key, value: heard.append((key, value)))
    settings.set("label.fill", 40)
    settings.set("look.compact", False)
    assert heard == [("label.fill", 40)]
    assert "look" not in path.read_text(encoding="utf-8")
    assert Settings(path).get("label.fill") == 40
    settings.set("label.fill", 25)
    assert Settings(path).get("label.fill") == 25
    with pytest.raises(ConfigError, match="at most 100 %"):
        settings.set("label.fill", 101)
    with pytest.raises(ConfigError):
        settings.set("look.theme", "pink")


def test_memory_and_device_hold_at_once(studio_window: Person) -> None:
    studio, thumbnails = studio_window.studio, studio_window.studio.thumbnails
    big = QImage(2560, 2560, QImage.Format.Format_RGB32)  # 25 MB
    thumbnails._take(({}, {-1: big, -2: big.copy()}), thumbnails._generation)
    studio.settings.set("memory.thumbnails", 32)
    assert -1 not in thumbnails._pictures
    assert -2 in thumbnails._pictures
    train = studio_window.page("train")
    assert isinstance(train, TrainPage)
    assert train.new_run.config.device == "auto"
    studio.settings.set("train.device", "cpu")
    assert train.new_run.config.device == "cpu"
    studio.close()
    studio.settings.set("train.device", "auto")


def test_a_damaged_settings_file_costs_settings_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"label.fill": "much", "look.theme": "dark", "gone": 1', encoding="utf-8")
    assert Settings(path).get("label.fill") == 25
    path.write_text('{"label.fill": "much", "look.theme": "dark", "gone": 1}', encoding="utf-8")
    settings = Settings(path)
    assert settings.get("look.theme") == "dark"
    assert settings.problems == ["Fill of masks cannot be 'much'."]


def test_every_setting_has_a_control_that_changes_it(
    dressed: theme.ThemeKeeper, studio: Studio
) -> None:
    dialog = SettingsDialog(None, studio.settings)
    assert set(dialog.editors) == {setting.key for setting in SETTINGS if setting.shown}
    combo = dialog.editors["look.theme"]
    combo.setCurrentIndex(2)  # type: ignore[attr-defined]
    assert studio.settings.get("look.theme") == "light"
    dialog.editors["label.fill"].setValue(70)  # type: ignore[attr-defined]
    assert studio.settings.get("label.fill") == 70
    dialog.deleteLater()


def test_a_gpu_of_this_computer_can_be_made_the_one_for_all_runs(
    dressed: theme.ThemeKeeper, studio: Studio
) -> None:
    offered = {"train.device": [("auto", "GPU if there is one"), ("cuda:1", "RTX 3060, GPU 1")]}
    dialog = SettingsDialog(None, studio.settings, offered)
    combo = dialog.editors["train.device"]
    combo.setCurrentIndex(1)  # type: ignore[attr-defined]
    assert studio.settings.get("train.device") == "cuda:1"
    dialog.deleteLater()
    later = SettingsDialog(None, studio.settings)  # the GPU is not there any more
    assert later.editors["train.device"].currentData() == "cuda:1"  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="Device can be auto, cpu"):
        studio.settings.set("train.device", "gpu")
    later.deleteLater()


def test_the_list_of_keys_has_every_action_and_finds_by_key(dressed: theme.ThemeKeeper) -> None:
    dialog = HelpDialog(None, "label")
    dialog.show()
    assert len(dialog.keys.rows) == len(ACTIONS) + len(HELD)
    dialog.field.setText("ctrl+shift+z")
    assert [words for row, words in dialog.keys.rows if row.isVisible()] == [
        "redo do the step again ctrl+shift+z ctrl+y"
    ]
    dialog.close()
    dialog.deleteLater()


def test_memory_forgets_projects_that_are_gone(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "window.json")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        memory.opened(tmp_path / name)
    memory.opened(tmp_path / "a")
    assert [p.name for p in memory.recent()] == ["a", "b"]
    (tmp_path / "a").rmdir()
    assert [p.name for p in Memory(tmp_path / "window.json").recent()] == ["b"]


# -- threads and errors


def test_work_in_a_thread_tells_progress_and_its_result(studio: Studio, qtbot: object) -> None:
    seen: list[tuple[int, int, str]] = []
    got: list[int] = []

    def work(control: object) -> int:
        control.progress(3, 3, "counting")  # type: ignore[attr-defined]
        return 42

    studio.tasks.run(work, done=got.append, progress=lambda *p: seen.append(p))
    until(lambda: bool(got))
    assert (got, seen) == ([42], [(3, 3, "counting")])


def test_cancelled_work_stops_and_says_nothing_more(studio: Studio) -> None:
    got: list[object] = []

    def work(control: object) -> None:
        while True:
            control.check()  # type: ignore[attr-defined]

    running = studio.tasks.run(work, done=got.append, failed=got.append)
    running.cancel()
    until(lambda: not running.running)
    assert not got


def test_an_answer_for_a_widget_that_is_gone_is_dropped(studio: Studio) -> None:
    import shiboken6
    from PySide6.QtCore import QObject

    owner = QObject()
    got: list[int] = []
    running = studio.tasks.run(lambda _c: 1, done=got.append, owner=owner)
    shiboken6.delete(owner)
    until(lambda: not running.running)
    assert not got


def test_an_error_is_shown_in_words_with_the_details_folded(studio_window: Person) -> None:
    said: list[str] = []

    def look(dialog: QDialog) -> None:
        from PySide6.QtWidgets import QPlainTextEdit

        said.extend(label.text() for label in dialog.findChildren(QLabel) if label.isVisible())
        details = dialog.findChild(QPlainTextEdit)
        assert not details.isVisible()
        assert "ProjectError" in details.toPlainText()
        dialog.accept()

    studio_window.answer(look)
    studio_window.studio.fail(ProjectError("The disk is full.", hint="Free some space."))
    assert "The disk is full." in said
    assert "Free some space." in said


def test_an_uncaught_error_is_told_and_the_window_stays(studio_window: Person) -> None:
    from cvstudio.gui import app

    before = sys.excepthook, __import__("threading").excepthook
    seen: list[str] = []
    try:
        app._catch_everything(studio_window.studio)

        def look(dialog: QDialog) -> None:
            seen.append(dialog.objectName())
            dialog.accept()

        studio_window.answer(look)
        error = ZeroDivisionError("oops")
        sys.excepthook(type(error), error, None)
        studio_window.until(lambda: seen == ["failure"])
    finally:
        sys.excepthook, __import__("threading").excepthook = before
    assert studio_window.window.isVisible()


def test_closing_the_window_ends_its_threads(
    studio: Studio, project: Project, leftovers: None
) -> None:
    from cvstudio.gui.main_window import MainWindow

    window = MainWindow(studio)
    studio.adopt(project)
    window.show()
    QTest.qWait(200)
    window.close()
    assert studio.project is None
    assert not studio.tasks.working
    window.deleteLater()


@pytest.mark.parametrize("watched", [True, False])
def test_closing_asks_before_it_stops_an_import_and_not_before_a_reading(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch, watched: bool
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(studio_window.studio, "ask", lambda text, *_, **__: asked.append(text))

    def wait_until_cancelled(control: Control) -> None:
        while not control.cancelled():
            time.sleep(0.01)

    work = studio_window.studio.tasks.run(
        wait_until_cancelled,
        title="Import 3 images" if watched else "Read the runs",
        progress=(lambda *_: None) if watched else None,
    )
    stayed = not studio_window.window.close()
    work.cancel()
    studio_window.until(lambda: not work.running)
    assert asked == (["Stop “Import 3 images”?"] if watched else [])
    assert stayed is watched


def test_without_a_display_the_command_says_so_and_exits(tmp_path: Path) -> None:
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    environment["CVSTUDIO_HOME"] = str(tmp_path)
    if sys.platform != "linux":
        pytest.skip("only Linux runs without a display")
    done = subprocess.run(
        [sys.executable, "-m", "cvstudio"],
        capture_output=True, text=True, env=environment, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "There is no display" in done.stderr
    assert "Traceback" not in done.stderr


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


def test_every_action_of_the_table_does_something(studio_window: Person) -> None:
    for page in PAGES:
        studio_window.page(page)
    idle = [
        info.id
        for info in ACTIONS
        if not any(True for _ in studio_window.studio.actions._handlers.get(info.id, ()))
    ]
    assert not idle
    studio_window.page("data")
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


def test_libraries_can_be_loaded_after_qt() -> None:
    """Shiboken's look into each import must not break packages that are still being imported."""
    script = (
        "import cvstudio.gui.theme, sys\n"
        "from shibokensupport import feature\n"
        "feature.inspect.getsource = lambda module: sys.exit(3)\n"
        "import pydantic, sqlalchemy.orm, cvstudio.core.events\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


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
