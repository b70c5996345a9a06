"""Comments on the open image: pins over it, the list beside it, and what can be done to them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.errors import ProjectError
from cvstudio.core.geometry import Box
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.label.begun import Begun
from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.comment_dialog import CommentDialog, Said
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.layers.pins import Pins, Thread, threads_of, waits
from cvstudio.gui.label.navigation import ImageOrder
from cvstudio.gui.label.toolbox import Toolbox
from cvstudio.gui.label.tools.comment import CommentTool
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.section import FoldSection
from cvstudio.project import comments
from cvstudio.project.changes import ChangeSet
from cvstudio.project.lock import user

_MOST_ROWS = 4
_SMALL = 800  # px of the window below which the list starts folded: the pins say enough
_AROUND = 40  # pixels of the image to each side of a place that is gone to
_KEYS = (
    "Enter opens, Space resolves or opens again, Delete deletes, Shift with arrows moves the pin"
)
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class CommentList(QWidget):
    """The threads of the open image; hidden while there is none."""

    chosen = Signal(int)
    opened = Signal(int)
    resolve_wanted = Signal(int)
    delete_wanted = Signal(int)
    nudged = Signal(float, float)
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.list = QListWidget()
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setAccessibleName("Comments")
        self.list.setViewportMargins(theme.size("panel_padding") - 3, 0, 0, 0)  # cells have 3 more
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentRowChanged.connect(self.chosen)
        self.list.itemActivated.connect(lambda item: self.opened.emit(self.list.row(item)))
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._show_menu)
        self.list.installEventFilter(self)
        self.fold = FoldSection("Comments", self.list)
        self.header = self.fold.header
        column.addWidget(self.fold)
        self._folded = False
        self._threads: list[Thread] = []
        self.hide()

    def show_threads(self, threads: list[Thread]) -> None:
        """Show each thread by its first words; the row in hand stays so."""
        row, self._threads = self.list.currentRow(), threads
        self.list.blockSignals(True)
        self.list.clear()
        for number, thread in enumerate(threads, start=1):
            first = thread[0].text.splitlines()[0]
            more = f" (+{len(thread) - 1})" if len(thread) > 1 else ""
            state = "" if waits(thread) else ", resolved"
            item = QListWidgetItem(f"{number}  {first}{more}{state}")
            item.setToolTip(_KEYS)
            self.list.addItem(item)
        if row < len(threads):
            self.list.setCurrentRow(row)
        self.list.blockSignals(False)
        open_ = sum(waits(thread) for thread in threads)
        self.header.figure.setText(f"{open_:,} open" if open_ else "all resolved")
        self.list.setFixedHeight(min(len(threads), _MOST_ROWS) * theme.size("row") + 4)
        if threads and not self._folded and self.window().height() < _SMALL:
            self._folded = True  # once: who unfolds it keeps it open
            self.fold.set_open(False)
        self.setVisible(bool(threads))

    def menu(self, row: int) -> QMenu:
        """What can be done with a thread."""
        menu = QMenu(self)
        menu.addAction("Open", partial(self.opened.emit, row))
        words = "Resolve" if waits(self._threads[row]) else "Open again"
        menu.addAction(words, partial(self.resolve_wanted.emit, row))
        menu.addSeparator()
        menu.addAction("Delete", partial(self.delete_wanted.emit, row))
        return menu

    def _show_menu(self, place: QPoint) -> None:
        item = self.list.itemAt(place)
        if item is not None:
            menu = self.menu(self.list.row(item))
            menu.exec(self.list.viewport().mapToGlobal(place))
            menu.deleteLater()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The keys of the list go before those of the page: Enter opens, Space resolves, Delete
        deletes, Shift and the arrows move the pin, Esc leaves."""
        if not isinstance(event, QKeyEvent) or self.list.currentRow() < 0:
            return super().eventFilter(watched, event)
        does = self._meant(Qt.Key(event.key()), event.modifiers())
        if does is not None and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if does is not None and event.type() == QEvent.Type.KeyPress:
            does()
            return True
        return super().eventFilter(watched, event)

    def _meant(self, key: Qt.Key, held: Qt.KeyboardModifier) -> Callable[[], None] | None:
        row = self.list.currentRow()
        if held == Qt.KeyboardModifier.ShiftModifier and key in _ARROWS:
            return partial(self.nudged.emit, *_ARROWS[key])
        if held not in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier):
            return None
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            return partial(self.opened.emit, row)
        if key == Qt.Key.Key_Space:
            return partial(self.resolve_wanted.emit, row)
        if key == Qt.Key.Key_Delete:
            return partial(self.delete_wanted.emit, row)
        return self.left.emit if key == Qt.Key.Key_Escape else None


class Comments(QObject):
    """Keeps pins, list and project together, and owns the actions; each change is one step."""

    said = Signal(str)
    answered = Signal()
    """The dialog was closed: the canvas takes the keys again."""

    def __init__(
        self, studio: Studio, document: Document, canvas: Canvas, order: ImageOrder,
        toolbox: Toolbox, page: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(page)
        self._studio, self._document, self._canvas = studio, document, canvas
        self._order, self._page = order, page
        self._held: Thread = ()
        """The thread whose pin is in hand, or was looked at last."""
        self._begun = Begun(studio.memory, document.project.path)
        self.pins = Pins()
        canvas.layers.append(self.pins)
        self.list = CommentList()
        self.list.chosen.connect(self._show)
        self.list.opened.connect(self._open)
        self.list.resolve_wanted.connect(self.resolve)
        self.list.delete_wanted.connect(self.delete)
        self.list.nudged.connect(self.nudge)
        self.list.left.connect(self.answered)
        tool = toolbox.tools["label.comment"]
        assert isinstance(tool, CommentTool)
        tool.keeper = self
        document.image_changed.connect(self.refresh)
        studio.project_changed.connect(self._on_changes)
        studio.actions.connect("label.next_comment", self.next, page)

    def _on_changes(self, changes: ChangeSet) -> None:
        if changes.touches("comment"):
            self.refresh()

    def refresh(self) -> None:
        """Read the comments of the open image."""
        image = self._document.image
        found: list[comments.Comment] = []
        if image is not None:
            with self._document.project.read() as session:
                found = comments.comments(session, image.id)
        self.pins.threads = threads_of(found)
        self.pins.moved = None
        self.list.show_threads(self.pins.threads)
        held = {comment.id for comment in self._held}
        self._held = next((t for t in self.pins.threads if t[0].id in held), ())
        self._canvas.viewport().update()

    # -- the pins, by the tool

    def at(self, x: float, y: float) -> None:
        """Talk about a place: the thread whose pin is there, else a new one."""
        thread = self.pins.at(self._canvas.to_screen(x, y), self._canvas)
        if thread is not None:
            self._talk(thread, thread[0].place)
        elif self._document.project.writable:
            self._talk((), (x, y))

    def grab(self, x: float, y: float) -> bool:
        """Take the pin at a place in hand."""
        thread = self.pins.at(self._canvas.to_screen(x, y), self._canvas)
        if thread is None or not self._document.project.writable:
            return False
        self._held = thread
        return True

    def drag(self, x: float, y: float) -> None:
        """Show the pin in hand at another place."""
        self.pins.moved = (self._held, (x, y))
        self._canvas.viewport().update()

    def drop(self) -> None:
        """Keep the pin where it is shown."""
        if self.pins.moved is not None:
            self._move(*self.pins.moved)

    def let_go(self) -> None:
        """Show the pin where it was."""
        self.pins.moved = None
        self._canvas.viewport().update()

    def nudge(self, dx: float, dy: float) -> None:
        """Move the pin that was looked at last by some pixels of the image."""
        if not self._held or self._held[0].place is None or not self._document.project.writable:
            return
        x, y = self._held[0].place
        width, height = self._document.size
        to = min(max(x + dx, 0.0), width - 1.0), min(max(y + dy, 0.0), height - 1.0)
        if to != (x, y):
            self._move(self._held, to)

    def _move(self, thread: Thread, place: tuple[float, float]) -> None:
        self._held = thread

        def work(session: Any) -> None:
            for comment in thread:
                comments.move_comment(session, id=comment.id, place=place)

        if not self._document.change("Move comment", work):
            self.let_go()

    # -- the list

    def next(self) -> None:
        """Go to the next comment that waits: on this image, then on those that follow."""
        threads = self.pins.threads
        row = self.list.list.currentRow()
        for place in range(row + 1, len(threads)):
            if waits(threads[place]):
                self.list.list.setCurrentRow(place)
                return
        with self._document.project.read() as session:
            waiting = comments.open_counts(session)
        here = self._document.image.id if self._document.image else 0
        ids = self._order.ids
        at = ids.index(here) if here in ids else -1
        for id in (*ids[at + 1 :], *ids[: max(at, 0)]):
            if id in waiting:
                self._studio.select_image(id)
                self._show_first()
                return
        waiting_here = [place for place, thread in enumerate(threads) if waits(thread)]
        if waiting_here and waiting_here != [row]:
            self.list.list.setCurrentRow(waiting_here[0])
        else:
            self.said.emit("No other image has an open comment")

    def _show_first(self) -> None:
        """On an image that was gone to for its comments, the first that waits."""
        first = (place for place, thread in enumerate(self.pins.threads) if waits(thread))
        self.list.list.setCurrentRow(next(first, -1))

    def _show(self, row: int) -> None:
        if 0 <= row < len(self.pins.threads):
            self._held = self.pins.threads[row]
            place = self._held[0].place
            if place is not None:
                x, y = place
                self._canvas.show_box(Box(x - _AROUND, y - _AROUND, 2 * _AROUND, 2 * _AROUND))

    def _open(self, row: int) -> None:
        thread = self.pins.threads[row]
        self._talk(thread, thread[0].place)

    def resolve(self, row: int) -> None:
        """Say that a thread is dealt with, or open it again when it was."""
        thread = self.pins.threads[row]
        self._store(thread, thread[0].place, Said(resolve=waits(thread)))

    def delete(self, row: int) -> None:
        """Delete a thread, when this person alone has said what is in it."""
        thread = self.pins.threads[row]
        if any(comment.author != user() for comment in thread):
            self.said.emit("Others have spoken there: resolve it, or open it and delete your words")
            return
        ids = [comment.id for comment in thread]
        words = "Delete comment" if len(ids) == 1 else f"Delete {counted(len(ids), 'comment')}"
        self._document.change(words, lambda s: comments.delete_comments(s, ids=ids))

    # -- the dialog

    def _talk(self, thread: Thread, place: tuple[float, float] | None) -> None:
        writable = self._document.project.writable
        image = self._document.image
        about = image.id if image else 0, thread[0].id if thread else 0
        dialog = CommentDialog(
            self._page.window(), thread, writable=writable, person=user(),
            begun=self._begun.of(*about),
        )  # fmt: skip
        if place is not None:
            here = self._canvas.to_screen(*place).toPoint()
            dialog.stand_beside(self._canvas.viewport().mapToGlobal(here))
        accepted = dialog.exec() == QDialog.DialogCode.Accepted
        said = dialog.said
        dialog.deleteLater()
        sent = accepted and bool(said) and self._store(thread, place, said)
        if writable:
            self._begun.keep(*about, Said() if sent else said)
        if writable and not sent and (said.text or said.edited):
            self.said.emit("Not sent: what you wrote is there when you comment here again")
        self.answered.emit()

    def _store(self, thread: Thread, place: tuple[float, float] | None, said: Said) -> bool:
        """Store an answer in one step; False when it could not be."""
        image = self._document.image
        if image is None or not self._document.project.writable:
            return False
        ids = [comment.id for comment in thread if comment.id != said.deleted]
        try:
            with self._document.project.transaction(said.step) as session:
                if said.deleted:
                    comments.delete_comments(session, ids=[said.deleted])
                for id, text in said.edited.items():
                    if id != said.deleted:
                        comments.edit_comment(session, id=id, text=text)
                if said.text:
                    ids.append(
                        comments.add_comment(
                            session, image_id=image.id, text=said.text, place=place
                        )
                    )
                if said.resolve is not None:
                    comments.resolve_comments(session, ids=ids, resolved=said.resolve)
        except ProjectError as error:
            self._studio.fail(error)
            return False
        return True
