"""What every page shares: the open project, the image at hand, threads, thumbnails, actions, words.

How a page uses it (each page gets the one Studio when it is made)
    studio.project                      the open Project; pages exist only while there is one
    studio.project_changed.connect(f)   f(ChangeSet), always on the window's thread, undo included
    studio.image_id / select_image(7)   the image at hand; studio.image_selected(int) tells
    studio.selection / select([7, 8])   images selected in a list; studio.selection_changed tells
    studio.go_to("label", image_id=7, annotation_id=3)     the page gets arrive(image_id=..., ...)
    studio.tasks.run(...)               a thread with progress and cancel (gui/tasks.py)
    studio.thumbnails.picture(record)   a QImage or None (gui/thumbnails.py)
    studio.actions.connect("label.box", f, page)           (gui/actions.py)
    studio.keys                         which keys are in force, and changing them (gui/shortcuts)
    studio.settings.get("label.fill"), studio.memory.get("augment.columns", 3)
    studio.toast("364 images came in.", level="success", link="Undo", do=studio.undo)
    studio.fail(error)                  an error in words, when work was asked for
    studio.ask("Remove 3 images?", "Their files stay.", yes="Remove", danger=True) -> bool
    studio.jobs                         runs, their queue, small jobs (gui/jobs.py); made when asked
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shiboken6
from PySide6.QtCore import QObject, Qt, QThread, QTimer, Signal, Slot
from PySide6.QtWidgets import QWidget

from cvstudio.core.errors import CVStudioError, ProjectReadOnly, named_file
from cvstudio.core.settings import Memory, Settings
from cvstudio.gui.action_table import READING
from cvstudio.gui.actions import Actions
from cvstudio.gui.collecting import Collector
from cvstudio.gui.shortcuts.keymap import KeyBook
from cvstudio.gui.tasks import Tasks
from cvstudio.gui.thumbnails import Thumbnails

if TYPE_CHECKING:
    from cvstudio.gui.jobs import Jobs
    from cvstudio.gui.live import LiveProcess
    from cvstudio.project.changes import ChangeSet, Reach
    from cvstudio.project.project import Project

log = logging.getLogger(__name__)

TIDY_MS = 1000
"""When the pages of a closed project are surely gone."""


@dataclass(frozen=True)
class Toast:
    """A sentence that appears for six seconds, with at most one thing to do about it.

    It takes the place of the one before that is `about` the same. `passing`: it goes when another
    image is at hand.
    """

    text: str
    level: str = "info"
    link: str = ""
    do: Callable[[], Any] | None = None
    about: str = ""
    passing: bool = False


@dataclass(frozen=True)
class Filtered:
    """What the gallery shows while a filter holds: images in its order, and the filter's words."""

    ids: tuple[int, ...]
    words: str


class Studio(QObject):
    """The window's context. Made once, by app.py (and by tests)."""

    project_opened = Signal(object)
    project_closing = Signal()
    """Last chance of pages and supervisors to let go of the project."""
    project_closed = Signal()
    project_changed = Signal(object)
    image_selected = Signal(int)
    """The id of the image at hand; 0 when there is none."""
    selection_changed = Signal(object)
    """The ids of the images selected in a list."""
    went = Signal(str, object)
    """A page was asked for: its name and what it gets."""
    toasted = Signal(object)
    _committed = Signal(object)

    def __init__(
        self, settings: Settings | None = None, memory: Memory | None = None,
        parent: QObject | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.collector = Collector(self)
        self.settings = settings or Settings()
        self.memory = memory or Memory()
        self.actions = Actions(self)
        self.keys = KeyBook(self.actions, self.settings, self)
        self.tasks = Tasks(self)
        self.thumbnails = Thumbnails(
            self.tasks, self, megabytes=int(self.settings.get("memory.thumbnails"))
        )
        self.settings.listen(self._on_setting)
        self.project: Project | None = None
        self.image_id = 0
        self.selection: tuple[int, ...] = ()
        self.filtered: Filtered | None = None
        """What the Data page has filtered; None while it shows every image."""
        self.window: QWidget | None = None
        """The main window, as the parent of dialogs."""
        self.ground: QWidget | None = None
        """Where the pages of the window lie, as their parent from the first moment on."""
        self._jobs: Jobs | None = None
        self._live: LiveProcess | None = None
        self.image_count = 0
        self.ending = False
        """Whether the project closes because everything does: nothing is begun any more."""
        self._committed.connect(self._on_committed, Qt.ConnectionType.QueuedConnection)
        self._tidy = QTimer(self, singleShot=True, interval=TIDY_MS)
        self._tidy.timeout.connect(self._let_go)
        self.tasks.failed.connect(self._on_failed_work)

    # -- the project

    def open(self, path: Path, *, write: bool = True) -> None:
        """Open a project and show it. Raises ProjectError with a sentence for the person.

        write=False: to look at, beside whoever writes to it.
        """
        from cvstudio.project.project import Project

        self.close()
        self.adopt(Project.open(path, write=write))

    def adopt(self, project: Project) -> None:
        """Show a project that is already open (just made, or of a test)."""
        self.close()
        self.collector.start()
        self.project = project
        project.changed.connect(self._on_changed)
        self.thumbnails.open(project.thumbnails_file, project.image_path)
        self.memory.opened(project.path)
        self.refresh_facts()
        if self._jobs is not None:
            self._jobs.open(project)
        self.project_opened.emit(project)

    def close(self) -> None:
        """Close the project, if one is open."""
        if self.project is None:
            return
        project = self.project
        self.project_closing.emit()
        if self._jobs is not None:
            self._jobs.leave()
        self.tasks.stop()
        self.thumbnails.close()
        project.changed.disconnect(self._on_changed)
        self.project = None
        self.image_id, self.selection, self.image_count = 0, (), 0
        self.filtered = None
        project.close()
        self.refresh_facts()
        self.project_closed.emit()
        self._tidy.start()

    def _let_go(self) -> None:
        """Free what the pages of a closed project held: pictures, predictions, menus."""
        self.actions.forget_gone()
        self.collector.search_all()

    def shut_down(self) -> None:
        """Close the project and end every thread; jobs go on without the window. Harmless when
        it was done before."""
        if not shiboken6.isValid(self):
            return
        self.ending = True
        self.close()
        if self._jobs is not None:
            self._jobs.close()
            self._jobs = None
        if self._live is not None:
            self._live.close()
            self._live = None
        self.tasks.stop()
        self._tidy.stop()
        self.collector.stop()
        self.ending = False

    @property
    def jobs(self) -> Jobs:
        """The runs of the open project and the device. Made late: the window starts without."""
        if self._jobs is None:
            from cvstudio.gui.jobs import Jobs

            self._jobs = Jobs(self)
            self._jobs.trouble.connect(lambda text: self.toast(text, level="warning"))
        if self.project is not None and self._jobs.project is None:
            self._jobs.open(self.project)
        return self._jobs

    @property
    def live(self) -> LiveProcess:
        """The process that makes previews and heat maps; started with its first request."""
        if self._live is None:
            from cvstudio.gui.live import LiveProcess

            self._live = LiveProcess(self)
            self._live.trouble.connect(lambda text: self.toast(text, level="warning"))
        return self._live

    def _on_setting(self, key: str, value: Any) -> None:
        if key == "memory.thumbnails":
            self.thumbnails.set_limit(int(value))

    def _on_changed(self, changes: ChangeSet) -> None:
        """Called on whichever thread committed."""
        if QThread.currentThread() is self.thread():
            self._tell(changes)
        else:
            self._committed.emit(changes)

    @Slot(object)
    def _on_committed(self, changes: ChangeSet) -> None:
        if self.project is not None:
            self._tell(changes)

    def _tell(self, changes: ChangeSet) -> None:
        if changes.touches("image"):
            self._drop_removed()
        self.refresh_facts()
        self.project_changed.emit(changes)

    def _drop_removed(self) -> None:
        """Images may be gone: what was selected must still exist."""
        assert self.project is not None
        from cvstudio.project import queries
        from cvstudio.project.records import ImageFilter

        wanted = {*self.selection, self.image_id} - {0}
        if not wanted:
            return
        with self.project.read() as session:
            left = set(queries.image_ids(session, ImageFilter(ids=sorted(wanted))))
        if self.image_id and self.image_id not in left:
            self.select_image(0)
        if any(i not in left for i in self.selection):
            self.select([i for i in self.selection if i in left])

    def refresh_facts(self) -> None:
        """Find out what is possible now and enable the actions accordingly."""
        facts = set()
        project = self.project
        if project is not None:
            from cvstudio.project import queries

            facts.add("project")
            if not project.writable:
                facts.add(READING)
            with project.read() as session:
                self.image_count = sum(queries.review_counts(session).values())
            if self.image_count:
                facts.add("images")
            if project.undo_label is not None:
                facts.add("undo")
            if project.redo_label is not None:
                facts.add("redo")
        if self.selection:
            facts.add("selection")
        self.actions.set_facts(facts)

    def undo(self, *, only: int | None = None) -> None:
        """Take back the last step, if there is one. `only`: the step that the person was asked
        about or saw; when it is not the last one any more, they are told instead."""
        project = self.project
        if project is None:
            return
        title = f"Undo {project.undo_label}"
        if not self.travel(title, project.undo, project.undo_reach, only) and only:
            self.toast("Other work came after that step, so it was not undone. See the history")

    def redo(self, *, only: int | None = None) -> None:
        """Do the step again that was taken back; `only` as in `undo`."""
        project = self.project
        if project is None:
            return
        title = f"Redo {project.redo_label}"
        if not self.travel(title, project.redo, project.redo_reach, only) and only:
            self.toast("Other work came meanwhile, so nothing was done again. See the history")

    def travel(
        self, title: str, go: Callable[..., ChangeSet | None], reach: Reach, only: int | None, *,
        parent: QWidget | None = None,
    ) -> bool:  # fmt: skip
        """Whether a step was taken back or done again; one that went far, in a thread, behind a
        dialog over `parent` or else the window. Raises what went wrong."""
        from cvstudio.gui import travelling

        far = travelling.is_far(reach)
        gone = travelling.travel(
            parent or self.window, self.tasks, title, lambda _control: go(only=only), far=far
        )
        return gone is not None

    # -- what is at hand

    def select_image(self, image_id: int) -> None:
        """Make an image the one at hand, for every page."""
        if image_id != self.image_id:
            self.image_id = image_id
            self.image_selected.emit(image_id)

    def select(self, image_ids: Sequence[int]) -> None:
        """Select images; the actions for selected images follow."""
        new = tuple(image_ids)
        if new != self.selection:
            had = bool(self.selection)
            self.selection = new
            if had != bool(new):
                self.refresh_facts()
            self.selection_changed.emit(new)

    def go_to(self, page: str, **what: Any) -> None:
        """Show a page; `what` reaches its arrive(). An image_id becomes the image at hand."""
        if what.get("image_id"):
            self.select_image(int(what["image_id"]))
        self.went.emit(page, what)

    # -- words to the person

    def toast(
        self, text: str, *, level: str = "info", link: str = "",
        do: Callable[[], Any] | None = None, about: str = "", passing: bool = False,
    ) -> None:  # fmt: skip
        """Show a sentence for six seconds; levels: info, success, warning, danger; see Toast."""
        self.toasted.emit(Toast(text, level, link, do, about, passing))

    def fail(self, error: BaseException, *, doing: str = "") -> None:
        """Tell the person that work they asked for did not succeed; the log gets the traceback."""
        from cvstudio.gui.widgets.dialogs import show_failure

        detail = "".join(traceback.format_exception(error))
        if isinstance(error, ProjectReadOnly):
            self.toast(f"{error.message} Nothing was changed.", level="warning")
            return
        log.error("%s: %s", doing or "work failed", detail)
        if isinstance(error, CVStudioError):
            show_failure(self.window, error.message, error.hint)  # its words are the whole story
        else:
            text, hint = in_words(error)
            show_failure(self.window, f"{doing}: {text}" if doing else text, hint, detail)

    def ask(self, question: str, text: str = "", *, yes: str, danger: bool = False) -> bool:
        """Ask before something that the person may not want; True when they do."""
        from cvstudio.gui.widgets.dialogs import ask

        return ask(self.window, question, text, yes=yes, danger=danger)

    def choose(
        self, question: str, text: str = "", *, stay: str, go: str = "", destroy: str = ""
    ) -> str:
        """Ask with up to three answers; the one that was given. Esc is `stay`, and Enter is where
        another one would destroy something."""
        from cvstudio.gui.widgets.dialogs import choose

        return choose(self.window, question, text, stay=stay, go=go, destroy=destroy)

    @Slot(str, object)
    def _on_failed_work(self, title: str, error: BaseException) -> None:
        self.fail(error, doing=title)


def in_words(error: BaseException) -> tuple[str, str]:
    """An error of the system as a sentence and a way forward."""
    if isinstance(error, OSError) and error.errno == 28:
        return "The disk is full.", "Free some space and try again. Nothing was half written."
    if isinstance(error, PermissionError):
        return f"There is no permission to use {named_file(error)}.", "Choose another folder."
    if isinstance(error, FileNotFoundError):
        return f"{named_file(error)} is not there any more.", ""
    if isinstance(error, MemoryError):
        return "The computer ran out of memory.", "Close other programs and try again."
    return (
        "Something went wrong that CVStudio did not foresee. Labels are saved.",
        "The details help to find out why.",
    )
