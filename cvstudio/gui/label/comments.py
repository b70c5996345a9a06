"""Comments on the open image: pins over it, the list beside it, and the dialog to talk in."""

from __future__ import annotations

import time
from functools import partial

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.geometry import Box
from cvstudio.gui import theme
from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.layers.pins import Pins, Thread, threads_of, waits
from cvstudio.gui.label.navigation import ImageOrder
from cvstudio.gui.label.toolbox import Toolbox
from cvstudio.gui.label.tools.comment import CommentTool
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.section import FoldSection, label
from cvstudio.project import comments
from cvstudio.project.changes import ChangeSet

_MOST_ROWS = 4
_SMALL = 800  # px of the window below which the list starts folded: the pins say enough
_AROUND = 40  # pixels of the image to each side of a place that is gone to


class CommentDialog(StudioDialog):
    """What was said at a place, and a field to say more. `resolve` tells what to do about it."""

    def __init__(self, parent: QWidget | None, thread: Thread, *, writable: bool) -> None:
        super().__init__(parent, "Comment", width=440)
        self.setObjectName("comment")
        self.resolve: bool | None = None
        for comment in thread:
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(comment.created))
            done = ", resolved" if comment.resolved else ""
            self.content.addWidget(label(f"{comment.author}, {when}{done}", "muted"))
            self.content.addWidget(label(comment.text, wrap=True))
        self.field = QPlainTextEdit()
        self.field.setPlaceholderText("Answer" if thread else "What is to be said about this place")
        self.field.setAccessibleName("Comment")
        self.field.setTabChangesFocus(True)
        self.field.setFixedHeight(84)
        self.field.setEnabled(writable)
        self.content.addWidget(self.field)
        self.add_button("Cancel", self.reject)
        if thread and writable:
            words = "Resolve" if waits(thread) else "Open again"
            self.add_button(words, partial(self._answer, resolve=waits(thread)))
        go = self.add_button("Answer" if thread else "Comment", self.accept, next=True)
        go.setEnabled(False)
        self.field.textChanged.connect(lambda: go.setEnabled(bool(self.text)))
        self.field.setFocus()

    @property
    def text(self) -> str:
        """What was written."""
        return self.field.toPlainText().strip()

    def _answer(self, *, resolve: bool) -> None:
        self.resolve = resolve
        self.accept()


class CommentList(QWidget):
    """The threads of the open image; hidden while there is none."""

    chosen = Signal(int)
    opened = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.list = QListWidget()
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setAccessibleName("Comments")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentRowChanged.connect(self.chosen)
        self.list.itemActivated.connect(lambda item: self.opened.emit(self.list.row(item)))
        self.fold = FoldSection("Comments", self.list)
        self.header = self.fold.header
        column.addWidget(self.fold)
        self._folded = False
        self.hide()

    def show_threads(self, threads: list[Thread]) -> None:
        """Show each thread by its first words."""
        self.list.blockSignals(True)
        self.list.clear()
        for number, thread in enumerate(threads, start=1):
            first = thread[0].text.splitlines()[0]
            more = f" (+{len(thread) - 1})" if len(thread) > 1 else ""
            state = "" if waits(thread) else ", resolved"
            item = QListWidgetItem(f"{number}  {first}{more}{state}")
            item.setToolTip("Enter opens what was said")
            self.list.addItem(item)
        self.list.blockSignals(False)
        open_ = sum(waits(thread) for thread in threads)
        self.header.figure.setText(f"{open_:,} open" if open_ else "all resolved")
        self.list.setFixedHeight(min(len(threads), _MOST_ROWS) * theme.size("row") + 4)
        if threads and not self._folded and self.window().height() < _SMALL:
            self._folded = True  # once: who unfolds it keeps it open
            self.fold.set_open(False)
        self.setVisible(bool(threads))


class Comments(QObject):
    """Keeps pins, list and project together, and owns the actions."""

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
        self.pins = Pins()
        canvas.layers.append(self.pins)
        self.list = CommentList()
        self.list.chosen.connect(self._show)
        self.list.opened.connect(self._open)
        tool = toolbox.tools["label.comment"]
        assert isinstance(tool, CommentTool)
        tool.placed = self.at
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
        self.list.show_threads(self.pins.threads)
        self._canvas.viewport().update()

    def at(self, x: float, y: float) -> None:
        """Talk about a place: the thread whose pin is there, else a new one."""
        thread = self.pins.at(self._canvas.to_screen(x, y), self._canvas)
        if thread is not None:
            self._talk(thread, thread[0].place)
        elif self._document.project.writable:
            self._talk((), (x, y))

    def next(self) -> None:
        """Go to the next image with a comment that waits."""
        with self._document.project.read() as session:
            waiting = comments.open_counts(session)
        here = self._document.image.id if self._document.image else 0
        ids = self._order.ids
        place = ids.index(here) if here in ids else -1
        for id in (*ids[place + 1 :], *ids[: max(place, 0)]):
            if id in waiting:
                self._studio.select_image(id)
                return
        self.said.emit("No other image has an open comment")

    def _show(self, row: int) -> None:
        if 0 <= row < len(self.pins.threads):
            place = self.pins.threads[row][0].place
            if place is not None:
                x, y = place
                self._canvas.show_box(Box(x - _AROUND, y - _AROUND, 2 * _AROUND, 2 * _AROUND))

    def _open(self, row: int) -> None:
        thread = self.pins.threads[row]
        self._talk(thread, thread[0].place)

    def _talk(self, thread: Thread, place: tuple[float, float] | None) -> None:
        project, image = self._document.project, self._document.image
        assert image is not None
        dialog = CommentDialog(self._page.window(), thread, writable=project.writable)
        accepted = dialog.exec() == QDialog.DialogCode.Accepted
        text, resolve = dialog.text, dialog.resolve
        dialog.deleteLater()
        ids = [comment.id for comment in thread]
        if accepted and (text or resolve is not None):
            step = {None: "Comment", True: "Resolve comment", False: "Open comment again"}[resolve]
            with project.transaction(step) as session:
                if text:
                    ids.append(
                        comments.add_comment(session, image_id=image.id, text=text, place=place)
                    )
                if resolve is not None:
                    comments.resolve_comments(session, ids=ids, resolved=resolve)
        self.answered.emit()
