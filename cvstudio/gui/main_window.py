"""The window: rail, header, status bar, and the seven pages, each made when it is first shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QKeyEvent,
    QResizeEvent,
    QShowEvent,
    QWhatsThisClickedEvent,
)
from PySide6.QtWidgets import (
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from cvstudio.core import places
from cvstudio.gui import pages_ahead, theme, window_place
from cvstudio.gui.dropping import Dropping
from cvstudio.gui.header import Header
from cvstudio.gui.in_vain import InVain
from cvstudio.gui.opening import Opening
from cvstudio.gui.pages import PAGES
from cvstudio.gui.rail import Rail
from cvstudio.gui.read_only import ReadOnlyBanner
from cvstudio.gui.region_walk import RegionWalk
from cvstudio.gui.search import SearchPopup
from cvstudio.gui.status_bar import StatusBar
from cvstudio.gui.studio import Studio, Toast
from cvstudio.gui.suggesting import Suggesting
from cvstudio.gui.widgets.toast import ToastFrame, Toasts
from cvstudio.gui.workspace import Workspace

if TYPE_CHECKING:
    from cvstudio.gui.history_panel import HistoryPanel
    from cvstudio.gui.start import StartPage
    from cvstudio.project.changes import ChangeSet

WATCH_AFTER = 250
"""Milliseconds after which jobs and the device are looked for: the window comes first."""


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
        self.stack = studio.ground = QStackedWidget()
        self.header = Header(studio)
        self.suggesting = Suggesting(studio, self)
        self.header.suggest.follow(self.suggesting)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(ReadOnlyBanner(studio, self.open_project))
        column.addWidget(self.stack, 1)
        self.setCentralWidget(centre)
        self.rail = Rail(studio.actions)
        self.addToolBar(Qt.ToolBarArea.LeftToolBarArea, self.rail)
        self.in_vain = InVain(studio, self.rail)
        self.in_vain.hinted.connect(self._hint)
        self.status = StatusBar()
        self.setStatusBar(self.status)
        self.opening = Opening(self, studio, self._refused)
        self.toasts = Toasts(self, self._free_area)
        self.dropping = Dropping(self, self.opening.take)
        self.search = SearchPopup(self, self.header.search, studio, lambda: self._front)
        self._connect_actions()
        studio.went.connect(self._went)
        studio.toasted.connect(self._toast)
        studio.image_selected.connect(self.toasts.forget_passing)
        studio.project_opened.connect(self._opened)
        studio.project_closing.connect(self._drop_pages)
        studio.project_closed.connect(self.show_start)
        studio.project_changed.connect(lambda _changes: self._tell_saved())
        studio.project_changed.connect(self._tell_far_step)
        window_place.restore(self, studio.memory)

    def _connect_actions(self) -> None:
        connect = self.studio.actions.connect
        connect("app.search", self._focus_search)
        connect("app.keys", self._show_help)
        connect("app.words", lambda: self._show_help(""))
        connect("app.queries", lambda: self._show_help(queries=True))
        connect("app.settings", self._show_settings)
        connect("app.log", self._show_log)
        connect("app.quit", self.close)
        connect("project.new", self.opening.new)
        connect("project.open", self.opening.choose)
        connect("project.close", self.studio.close)
        connect("edit.undo", self._undo)
        connect("edit.redo", self._redo)
        connect("edit.history", self._toggle_history)
        connect("view.theme", self._switch_theme)
        connect("view.left", lambda: self._fold("left"))
        connect("view.right", lambda: self._fold("right"))
        walk = RegionWalk(self)
        for name, by in (("next", 1), ("previous", -1)):
            connect(f"view.{name}_region", lambda by=by: walk.go(by, *self._regions()))
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
            had_keys = page.focusWidget() is not None
            self.stack.setCurrentWidget(page)
            if old is not page and not had_keys:  # the stack took the first button, as if Tab had
                page.setFocus(Qt.FocusReason.OtherFocusReason)
        finally:
            self.rail.mark(self._front)  # the click has marked a page that may not have come up
        if old is not page:
            if old is not None:
                old.hidden()
            page.shown()
            focused = page.focusWidget()
            (focused or page).setFocus(Qt.FocusReason.OtherFocusReason)
            self.toasts.place()
        self._show_status()

    def _regions(self) -> tuple[list[QWidget], tuple[QWidget, ...]]:
        """The parts of the window in the order of F6, and where their pages want the keys."""
        shown = self.front
        parts = [self.stack] if shown is None else shown.parts
        return [self.header, self.rail, *parts], () if shown is None else shown.hearts

    @property
    def front(self) -> Workspace | None:
        """The page that is shown, if a project is open."""
        return self._pages.get(self._front)

    def show_start(self) -> None:
        """Show what there is without a project."""
        if self._closing or self.studio.ending:
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
        self.rail.mark(self._front)
        self.setWindowTitle("CVStudio")
        self._show_status()

    def _opened(self, project: Any) -> None:
        self.setWindowTitle(f"{project.name} – CVStudio")
        self.studio.memory.call(project.path, project.name)
        self._front = ""
        self.show_page("data")
        self._watch_soon()

    def _watch_soon(self) -> None:
        QTimer.singleShot(WATCH_AFTER, self, self._after_opening)

    def _after_opening(self) -> None:
        """What can wait until the window is up: jobs and the device, then all other pages."""
        if self.studio.project is not None and self.isVisible():
            self.studio.tasks.run(pages_ahead.import_jobs, done=self._watch, owner=self)

    def _watch(self, _imported: None) -> None:
        jobs = self.studio.jobs
        if not self.property("watching"):
            self.setProperty("watching", True)
            self.studio.tasks.run(
                pages_ahead.import_pages, failed=pages_ahead.not_imported, owner=self
            )
            self.header.job.watch()
            self.header.export.watch()
            jobs.device_changed.connect(self.header.device.show_device)
            jobs.watch_device()
        for run in jobs.take_unseen():
            self.header.job.tell_end(run.id, run.status)
        self.suggesting.find_left_behind()

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
                self.opening.sample(str(what["key"]))
            case "suggest":
                self.suggesting.ask(**what)
            case _:
                self.show_page(name, **what)

    def open_project(self, path: Path, *, write: bool = True) -> bool:
        """Open a project; when it cannot be, say why on the start page, with a way forward."""
        return self.opening.open(path, write=write)

    def _refused(self, words: str, link: str, do: Callable[[], Any] | None) -> None:
        self.show_start()
        assert self._start is not None
        self._start.tell(words, link, do)

    # -- what the actions do

    def _focus_search(self) -> None:
        self.search.open()

    def _show_help(self, word: str | None = None, *, queries: bool = False) -> None:
        from cvstudio.gui.help_dialog import HelpDialog

        dialog = HelpDialog(self, self._front, word=word, book=self.studio.keys, queries=queries)
        dialog.exec()
        dialog.deleteLater()

    def _show_settings(self) -> None:
        from cvstudio.gui import smart_network
        from cvstudio.gui.settings_dialog import SettingsDialog
        from cvstudio.gui.shortcuts.dialog import edit_keys
        from cvstudio.project import device

        offered = {"train.device": device.choices(self.studio.jobs.device)}
        edit = partial(edit_keys, self, self.studio.keys)
        choose = partial(smart_network.choose, self, self.studio)
        more = {
            "label.keys": ("Change keys", edit),
            smart_network.SETTING: ("Choose file", choose),
        }
        dialog = SettingsDialog(self, self.studio.settings, offered, more)
        dialog.exec()
        dialog.deleteLater()

    def _show_log(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(places.logs())))

    def _switch_theme(self) -> None:
        self.studio.settings.set("look.theme", theme.LIGHT if theme.dark() else theme.DARK)

    def _undo(self) -> None:
        """Take back the step that is asked about, although another thread may add one meanwhile."""
        project = self.studio.project
        newest = project.present_step if project is not None else None
        if self.front is None or self.front.agrees():
            self.studio.undo(only=newest)

    def _redo(self) -> None:
        project = self.studio.project
        following = project.next_step if project is not None else None
        if self.front is None or self.front.agrees(redo=True):
            self.studio.redo(only=following)

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
        if front is None:
            self.status.tell(())
        else:
            self.status.tell(front.status_left, hint=front.status_right)
        self._tell_saved()

    def _hint(self, words: str) -> None:
        if words:
            self.status.tell((words,))
        else:
            self._show_status()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that nobody took."""
        if not self.in_vain.key(event, self._front):
            super().keyPressEvent(event)

    def _tell_saved(self) -> None:
        unsaved = self.front.unsaved if self.front is not None else ""
        self.status.tell_saved(self.studio.project, unsaved=unsaved)

    def _tell_far_step(self, changes: ChangeSet) -> None:
        """Undo and redo reach over the whole project: say what the page at hand may not show."""
        if self._far_step is not None and isValid(self._far_step):
            self._far_step.deleteLater()  # its link would take back another step by now
        self._far_step = None
        if changes.source is not None and changes.source is self._history:
            return  # the list that was clicked shows where the project stands
        if changes.kind == "do" or (self.front is not None and self.front.shows(changes)):
            return
        undone, project = changes.kind == "undo", self.studio.project
        assert project is not None
        back = (
            partial(self.studio.redo, only=project.next_step)
            if undone
            else partial(self.studio.undo, only=project.present_step)
        )
        self._far_step = self.toasts.show(
            f"{'Undone' if undone else 'Done again'}: {changes.label}.",
            "info",
            "Redo" if undone else "Undo",
            back,
        )

    def _free_area(self) -> QRect:
        """Where toasts may lie: clear of the page's buttons and of its filmstrip."""
        area = self.front.free_area() if self.front is not None else self.stack.rect()
        return area.translated(self.stack.mapTo(self, QPoint(0, 0)))

    def _toast(self, toast: Toast) -> None:
        self.toasts.show(
            toast.text, toast.level, toast.link, toast.do, about=toast.about, passing=toast.passing
        )

    # -- the window itself

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
        if (
            self.front is not None
            and not self.front.settled()
            and not self.studio.ask(
                "Close without the shape?", "It could not be stored.", yes="Close", danger=True
            )
        ):
            event.ignore()
            return
        window_place.remember(self, self.studio.memory)
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
