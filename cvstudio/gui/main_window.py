"""The window: rail, header, status bar, and the six pages, each made when it is first shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QEvent, QPoint, QRect, QSize, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QActionGroup,
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QResizeEvent,
    QShowEvent,
    QWhatsThisClickedEvent,
)
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QSizePolicy,
    QStackedWidget,
    QStatusBar,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from cvstudio.core import places
from cvstudio.core.errors import CVStudioError, ProjectDamaged, ProjectError, ProjectLocked
from cvstudio.gui import theme
from cvstudio.gui.dropping import Dropping, refusal, usable
from cvstudio.gui.header import Header
from cvstudio.gui.read_only import ReadOnlyBanner
from cvstudio.gui.search import SearchPopup
from cvstudio.gui.studio import Studio, Toast
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.layouts import empty
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.toast import ToastFrame, Toasts
from cvstudio.gui.workspace import Workspace

if TYPE_CHECKING:
    from cvstudio.gui.history_panel import HistoryPanel
    from cvstudio.gui.start import StartPage
    from cvstudio.project.backup import Backup
    from cvstudio.project.changes import ChangeSet

PROJECT_FILE = "project.db"
WATCH_AFTER = 250
"""Milliseconds after which jobs and the device are looked for: the window comes first."""


def _data(studio: Studio) -> Workspace:
    from cvstudio.gui.data.page import DataPage

    return DataPage(studio)


def _label(studio: Studio) -> Workspace:
    from cvstudio.gui.label.page import LabelPage

    return LabelPage(studio)


def _augment(studio: Studio) -> Workspace:
    from cvstudio.gui.augment.page import AugmentPage

    return AugmentPage(studio)


def _train(studio: Studio) -> Workspace:
    from cvstudio.gui.train.page import TrainPage

    return TrainPage(studio)


def _analyze(studio: Studio) -> Workspace:
    from cvstudio.gui.analyze.page import AnalyzePage

    return AnalyzePage(studio)


def _export(studio: Studio) -> Workspace:
    from cvstudio.gui.export.page import ExportPage

    return ExportPage(studio)


@dataclass(frozen=True)
class PageInfo:
    """A page of the rail; its words, icon and key are those of the action go.NAME."""

    name: str
    make: Callable[[Studio], Workspace]


PAGES = (
    PageInfo("data", _data),
    PageInfo("label", _label),
    PageInfo("augment", _augment),
    PageInfo("train", _train),
    PageInfo("analyze", _analyze),
    PageInfo("export", _export),
)

MENU_GROUPS = ("project", "edit", "go", "view", "app")


class MainWindow(QMainWindow):
    """The one window. `page_named("data")` makes and returns a page; `show_page` fronts it."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self.studio = studio
        studio.window = self
        self.setWindowTitle("CVStudio")
        self.setMinimumSize(960, 600)
        self.setAcceptDrops(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self._pages: dict[str, Workspace] = {}
        self._front = ""
        self._closing = False
        self._start: StartPage | None = None
        self._far_step: ToastFrame | None = None
        self._history: HistoryPanel | None = None
        self.stack = QStackedWidget()
        self.header = Header(studio)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(ReadOnlyBanner(studio, self.open_project))
        column.addWidget(self.stack, 1)
        self.setCentralWidget(centre)
        self._make_rail()
        self._make_status()
        self.toasts = Toasts(self, self._free_area)
        self.dropping = Dropping(self, self.take_dropped)
        self.search = SearchPopup(self, self.header.search, studio)
        self._connect_actions()
        studio.went.connect(self._went)
        studio.toasted.connect(self._toast)
        studio.project_opened.connect(self._opened)
        studio.project_closing.connect(self._drop_pages)
        studio.project_closed.connect(self.show_start)
        studio.project_changed.connect(lambda _changes: self._show_saved())
        studio.project_changed.connect(self._tell_far_step)
        self._restore()

    # -- building

    def _make_rail(self) -> None:
        rail = QToolBar()
        rail.setObjectName("rail")
        rail.setMovable(False)
        rail.setFloatable(False)
        rail.setOrientation(Qt.Orientation.Vertical)
        rail.setFixedWidth(theme.size("rail_width"))
        rail.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.addToolBar(Qt.ToolBarArea.LeftToolBarArea, rail)
        column = QWidget()
        layout = QVBoxLayout(column)
        layout.setContentsMargins(3, 4, 4, 8)
        layout.setSpacing(4)
        self._menu_button = self._rail_tool("menu", "Menu: every action that works on all pages")
        self._menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu_button.setMenu(self._main_menu())
        layout.addWidget(self._menu_button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(4)
        group = QActionGroup(self)
        # Without a project no page is the one at hand.
        group.setExclusionPolicy(QActionGroup.ExclusionPolicy.ExclusiveOptional)
        width, height = theme.tokens()["size"]["rail_item"]
        for page in PAGES:
            action = self.studio.actions[f"go.{page.name}"]
            action.setCheckable(True)
            group.addAction(action)
            button = QToolButton()
            theme.mark(button, rail=True)
            button.setDefaultAction(action)
            button.setIcon(icon(str(action.property("iconName")), "muted", "text"))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setIconSize(QSize(theme.size("rail"), theme.size("rail")))
            button.setFixedSize(width, height)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            layout.addWidget(button)
        layout.addStretch(1)
        for id in ("app.keys", "app.settings"):
            action = self.studio.actions[id]
            button = self._rail_tool(str(action.property("iconName")), action.toolTip())
            button.clicked.connect(lambda _checked=False, a=action: a.trigger())
            button.setAccessibleName(action.text())
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        column.setFixedWidth(theme.size("rail_width") - 1)
        rail.addWidget(column)

    def _rail_tool(self, name: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setIcon(icon(name))
        button.setIconSize(QSize(22, 22))
        button.setFixedSize(40, 40)
        button.setToolTip(tip)
        button.setAccessibleName(tip.partition(":")[0])
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _main_menu(self) -> QMenu:
        menu = QMenu(self)
        for group in MENU_GROUPS:
            for info, action in self.studio.actions.all():
                if info.id.startswith(f"{group}."):
                    menu.addAction(action)
            menu.addSeparator()
        return menu

    def _make_status(self) -> None:
        bar = QStatusBar()
        bar.setSizeGripEnabled(False)
        bar.setFixedHeight(theme.size("status"))
        left, right = QWidget(), QWidget()
        self._status = QHBoxLayout(left)
        self._status.setContentsMargins(12, 0, 0, 0)
        self._status.setSpacing(20)
        row = QHBoxLayout(right)
        row.setContentsMargins(0, 0, 12, 0)
        row.setSpacing(6)
        self._hint = QLabel()
        row.addWidget(self._hint)
        row.addSpacing(16)
        self._saved_icon = IconLabel("check", "muted", 14)
        self._saved = QLabel()
        row.addWidget(self._saved_icon)
        row.addWidget(self._saved)
        bar.addWidget(left, 1)
        bar.addPermanentWidget(right)
        self.setStatusBar(bar)

    def _connect_actions(self) -> None:
        connect = self.studio.actions.connect
        connect("app.search", self._focus_search)
        connect("app.keys", self._show_help)
        connect("app.words", lambda: self._show_help(""))
        connect("app.settings", self._show_settings)
        connect("app.log", self._show_log)
        connect("app.quit", self.close)
        connect("project.new", self.new_project)
        connect("project.open", self._choose_project)
        connect("project.close", self.studio.close)
        connect("edit.undo", self._undo)
        connect("edit.redo", self._redo)
        connect("edit.history", self._toggle_history)
        connect("view.theme", self._switch_theme)
        connect("view.left", lambda: self._fold("left"))
        connect("view.right", lambda: self._fold("right"))
        for page in PAGES:
            connect(f"go.{page.name}", lambda name=page.name: self.show_page(name))
        for info, action in self.studio.actions.all():
            if not info.page:
                self.addAction(action)

    # -- pages

    def page_named(self, name: str) -> Workspace:
        """A page, made now if it was not. Raises KeyError for a page that does not exist."""
        if name not in self._pages:
            info = next((page for page in PAGES if page.name == name), None)
            if info is None:
                raise KeyError(name)
            page = info.make(self.studio)
            page.status_changed.connect(self._show_status)
            self._pages[name] = page
            self.stack.addWidget(page)
            page.fit_width(self.width())
        return self._pages[name]

    def show_page(self, name: str, **what: Any) -> None:
        """Bring a page to the front; `what` reaches its arrive()."""
        if self.studio.project is None:
            return
        try:
            page = self.page_named(name)
            old = self._pages.get(self._front)
            if what:
                page.arrive(**what)
            self._front = name
            self.stack.setCurrentWidget(page)
        finally:
            self._mark_rail()  # the click has marked a page that may not have come up
        if old is not page:
            if old is not None:
                old.hidden()
            page.shown()
            focused = page.focusWidget()
            (focused or page).setFocus(Qt.FocusReason.OtherFocusReason)
            self.toasts.place()
        self._show_status()

    def _mark_rail(self) -> None:
        """Mark the page that is shown, and no other."""
        for page in PAGES:
            self.studio.actions[f"go.{page.name}"].setChecked(page.name == self._front)

    @property
    def front(self) -> Workspace | None:
        """The page that is shown, if a project is open."""
        return self._pages.get(self._front)

    def show_start(self) -> None:
        """Show what there is without a project."""
        if self._closing:
            return
        if self._start is None:
            from cvstudio.gui.start import StartPage

            self._start = StartPage(self.studio)
            self.stack.addWidget(self._start)
        self._start.refresh()
        self._start.tell("")
        self._start.new.setFocus(Qt.FocusReason.OtherFocusReason)
        self.stack.setCurrentWidget(self._start)
        self._front = ""
        self._mark_rail()
        self.setWindowTitle("CVStudio")
        self._show_status()

    def _opened(self, project: Any) -> None:
        self.setWindowTitle(f"{project.name} – CVStudio")
        self._front = ""
        self.show_page("data")
        self._watch_soon()

    def _watch_soon(self) -> None:
        QTimer.singleShot(WATCH_AFTER, self, self._after_opening)

    def _after_opening(self) -> None:
        """What can wait until the window is up: jobs and the device."""
        if self.studio.project is None or not self.isVisible():
            return
        jobs = self.studio.jobs
        if not self.property("watching"):
            self.setProperty("watching", True)
            self.header.job.watch()
            jobs.device_changed.connect(self.header.device.show_device)
            jobs.watch_device()
        for run in jobs.take_unseen():
            self.header.job.tell_end(run.id, run.status)

    def _drop_pages(self) -> None:
        if self.front is not None:
            self.front.hidden()
        for page in self._pages.values():
            page.release()
            self.stack.removeWidget(page)
            page.deleteLater()
        self._pages.clear()
        self._front = ""

    def _went(self, name: str, what: dict[str, Any]) -> None:
        match name:
            case "open":
                self.open_project(Path(what["path"]))
            case "sample":
                self.make_sample(str(what["key"]))
            case _:
                self.show_page(name, **what)

    # -- projects

    def open_project(self, path: Path, *, write: bool = True) -> bool:
        """Open a project; when it cannot be, say why on the start page, with a way forward."""
        try:
            self.studio.open(path, write=write)
        except ProjectError as error:
            self.studio.close()
            self.show_start()
            assert self._start is not None
            words = f"{error.message} {error.hint}".strip()
            self._start.tell(words, *self._way_forward(path, error))
            return False
        return True

    def _way_forward(self, path: Path, error: ProjectError) -> tuple[str, Callable[[], Any] | None]:
        """What the person can do about a project that does not open: a link and what it does."""
        if isinstance(error, ProjectLocked):
            return "Open for reading only", partial(self.open_project, path, write=False)
        if isinstance(error, ProjectDamaged):
            from cvstudio.project import backup

            found = backup.backups(path)
            if found:
                when = time.strftime("%d %B, %H:%M", time.localtime(found[0].made))
                return f"Restore the copy of {when}", partial(self._restore_copy, path, found[0])
        return "", None

    def _restore_copy(self, path: Path, copy: Backup) -> None:
        from cvstudio.project import backup

        try:
            backup.restore(path, copy.path)
        except ProjectError as error:
            self.studio.fail(error)
            return
        self.open_project(path)

    def _choose_project(self) -> None:
        start = str(self.studio.memory.get("folder", Path.home()))
        found = QFileDialog.getExistingDirectory(self, "Open the folder of a project", start)
        if found:
            self.studio.memory.set("folder", str(Path(found).parent))
            self.open_project(Path(found))

    def new_project(self, sources: list[Path] | None = None) -> None:
        """Ask what the project is to be, make it, and bring in what was dropped, if anything."""
        from cvstudio.gui.new_project import NewProjectDialog
        from cvstudio.project.project import Project

        location = Path(self.studio.memory.get("projects", Path.home() / "CVStudio"))
        dialog = NewProjectDialog(self, location)
        dialog.exec()
        answer = dialog.answer
        dialog.deleteLater()
        if answer is None:
            return
        self.studio.memory.set("projects", str(answer.path.parent))
        try:
            project = Project.create(
                answer.path, task=answer.task, name=answer.name, classes=answer.classes
            )
        except CVStudioError as error:
            self.studio.fail(error)
            return
        self.studio.adopt(project)
        if sources:
            self.show_page("data", sources=sources)

    def make_sample(self, key: str) -> None:
        """Generate a sample project, with progress, and open it."""
        from cvstudio.gui.sample_dialog import make_sample

        path = make_sample(self, self.studio, key)
        if path is not None:
            self.open_project(path)

    # -- what the actions do

    def _focus_search(self) -> None:
        self.header.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.header.search.selectAll()

    def _show_help(self, word: str | None = None) -> None:
        from cvstudio.gui.help_dialog import HelpDialog

        dialog = HelpDialog(self, self._front, word=word)
        dialog.exec()
        dialog.deleteLater()

    def _show_settings(self) -> None:
        from cvstudio.gui.settings_dialog import SettingsDialog
        from cvstudio.project import device

        offered = {"train.device": device.choices(self.studio.jobs.device)}
        dialog = SettingsDialog(self, self.studio.settings, offered)
        dialog.exec()
        dialog.deleteLater()

    def _show_log(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(places.logs())))

    def _switch_theme(self) -> None:
        self.studio.settings.set("look.theme", theme.LIGHT if theme.dark() else theme.DARK)

    def _undo(self) -> None:
        if self.front is None or self.front.agrees():
            self.studio.undo()

    def _redo(self) -> None:
        if self.front is None or self.front.agrees(redo=True):
            self.studio.redo()

    def _toggle_history(self) -> None:
        if self._history is None:
            from cvstudio.gui.history_panel import HistoryPanel

            self._history = HistoryPanel(self.studio, self, self.header.undo)
        self._history.toggle()

    def _fold(self, side: str) -> None:
        if self.front is not None:
            self.front.toggle_fold(side)

    # -- status and toasts

    def _show_status(self) -> None:
        front = self.front
        teller = self.sender()
        if isinstance(teller, Workspace) and teller is not front:
            return
        empty(self._status)
        for text in front.status_left if front else ():
            words = QLabel(text)
            words.setTextFormat(Qt.TextFormat.PlainText)
            self._status.addWidget(words)
        self._status.addStretch(1)
        self._hint.setText(front.status_right if front else "")
        self._show_saved()

    def _show_saved(self) -> None:
        project = self.studio.project
        has = project is not None
        self._saved_icon.setVisible(has)
        if not has:
            self._saved.setText("No internet needed")
        elif project is not None and not project.writable:
            self._saved.setText("Open for reading only")
        else:
            self._saved.setText("All changes saved")

    def _tell_far_step(self, changes: ChangeSet) -> None:
        """Undo and redo reach over the whole project: say what the page at hand may not show."""
        if self._far_step is not None and isValid(self._far_step):
            self._far_step.deleteLater()  # its link would take back another step by now
        self._far_step = None
        if changes.source is not None and changes.source is self._history:
            return  # the list that was clicked shows where the project stands
        if changes.kind == "do" or (self.front is not None and self.front.shows(changes)):
            return
        undone = changes.kind == "undo"
        self._far_step = self.toasts.show(
            f"{'Undone' if undone else 'Done again'}: {changes.label}.",
            "info",
            "Redo" if undone else "Undo",
            self.studio.redo if undone else self.studio.undo,
        )

    def _free_area(self) -> QRect:
        """Where toasts may lie: clear of the page's buttons and of its filmstrip."""
        area = self.front.free_area() if self.front is not None else self.stack.rect()
        return area.translated(self.stack.mapTo(self, QPoint(0, 0)))

    def _toast(self, toast: Toast) -> None:
        self.toasts.show(toast.text, toast.level, toast.link, toast.do)

    # -- the window itself

    def _restore(self) -> None:
        geometry = self.studio.memory.get("geometry")
        room = self.screen().availableSize()
        self.resize(min(1440, room.width()), min(900, room.height() - 32))
        if isinstance(geometry, str):
            self.restoreGeometry(QByteArray.fromBase64(geometry.encode()))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.studio.project is None and self._start is None:
            self.show_start()
        elif self.studio.project is not None:
            self._watch_soon()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for page in self._pages.values():
            page.fit_width(self.width())

    def closeEvent(self, event: QCloseEvent) -> None:
        titled = [work.title for work in self.studio.tasks.working if work.watched]
        if titled and not self.studio.ask(
            f"Stop “{titled[0]}”?", "It is not finished. Nothing is half done.", yes="Stop it"
        ):
            event.ignore()
            return
        geometry = bytes(self.saveGeometry().toBase64().data()).decode()
        self.studio.memory.set("geometry", geometry)
        self._closing = True
        self.studio.shut_down()
        event.accept()

    def event(self, event: QEvent) -> bool:
        """The question marks of the pages ask for a word."""
        if isinstance(event, QWhatsThisClickedEvent):
            self._show_help(event.href())
            return True
        return super().event(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        self.dropping.enter(event, self.stack)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.dropping.leave()

    def dropEvent(self, event: QDropEvent) -> None:
        self.dropping.drop(event)

    def take_dropped(self, paths: list[Path]) -> None:
        """Open a dropped project; bring in dropped images and folders."""
        fit = usable(paths)
        if len(paths) == 1 and (paths[0] / PROJECT_FILE).exists():
            self.open_project(paths[0])
        elif not fit:
            self.studio.toast(refusal(paths), level="warning")
        elif self.studio.project is not None:
            self.show_page("data", sources=fit)
        else:
            self.new_project(fit)
