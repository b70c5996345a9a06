"""The dialog about a place: what was said there, to be answered, put right, resolved or deleted."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial

from PySide6.QtCore import QPoint
from PySide6.QtGui import QKeySequence, QShortcut, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from cvstudio.gui.label.layers.pins import Thread, waits
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.layouts import scrolling
from cvstudio.gui.widgets.section import label, link
from cvstudio.project.comments import Comment

_HIGHEST = 260
_AWAY = 40  # px between the place that is talked about and the dialog


@dataclass
class Said:
    """What the person answered: new words, words put right by comment, and what goes.

    `resolve`: True when the thread is dealt with, False when it is open again, None as it was.
    """

    text: str = ""
    edited: dict[int, str] = field(default_factory=dict)
    deleted: int = 0
    resolve: bool | None = None

    def __bool__(self) -> bool:
        return bool(self.text or self.edited or self.deleted or self.resolve is not None)

    @property
    def step(self) -> str:
        """What the menu calls it."""
        if self.deleted:
            return "Delete comment"
        if self.resolve is not None:
            return "Resolve comment" if self.resolve else "Open comment again"
        return "Comment" if self.text else "Edit comment"


class _Row(QWidget):
    """One comment: who said it and when, the words, and what its author can do."""

    def __init__(self, comment: Comment, *, own: bool) -> None:
        super().__init__()
        self.comment = comment
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(4)
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(comment.created))
        done = ", resolved" if comment.resolved else ""
        head = QHBoxLayout()
        head.addWidget(label(f"{comment.author}, {when}{done}", "muted"))
        head.addStretch(1)
        self.edit: QPushButton | None = None
        self.delete: QPushButton | None = None
        if own:
            self.edit = link(
                "Edit", partial(self.open, comment.text), tip="Put what you said into other words"
            )
            self.delete = link("Delete", tip="Take back what you said")
            head.addWidget(self.edit)
            head.addWidget(self.delete)
        column.addLayout(head)
        self.words: QLabel = label(comment.text, wrap=True)
        column.addWidget(self.words)
        self.field = _field("Comment, other words")
        self.field.hide()
        column.addWidget(self.field)

    def open(self, words: str) -> None:
        """Let the words be changed, from these on; once open, it stays as it is."""
        if self.field.isHidden():
            self.words.hide()
            self.field.show()  # first: only words in sight count as other words
            self.field.setPlainText(words)
            self.field.moveCursor(QTextCursor.MoveOperation.End)
        self.field.setFocus()

    @property
    def other_words(self) -> str:
        """What the comment is to say instead; "" when it stays as it is."""
        text = self.field.toPlainText().strip()
        return "" if text == self.comment.text or self.field.isHidden() else text


def _field(name: str) -> QPlainTextEdit:
    field = QPlainTextEdit()
    field.setAccessibleName(name)
    field.setTabChangesFocus(True)
    field.setFixedHeight(84)
    return field


class CommentDialog(StudioDialog):
    """What was said at a place, and a field to say more; `said` holds the answer.

    `begun`: what was written the last time and not sent, new words and other words of comments.
    """

    def __init__(
        self, parent: QWidget | None, thread: Thread, *, writable: bool, person: str,
        begun: Said | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent, "Comment", width=440)
        self.setObjectName("comment")
        self._resolve: bool | None = None
        self._deleted = 0
        self.rows = [_Row(comment, own=writable and comment.author == person) for comment in thread]
        if self.rows:
            self._show_rows()
        self.field = _field("Comment")
        self.field.setPlaceholderText("Answer" if thread else "What is to be said about this place")
        self.field.setEnabled(writable)
        begun = begun or Said()
        self.field.setPlainText(begun.text)
        self.field.moveCursor(QTextCursor.MoveOperation.End)
        self.content.addWidget(self.field)
        self.add_button("Cancel", self.reject)
        if thread and writable:
            words = "Resolve" if waits(thread) else "Open again"
            self.add_button(words, partial(self._answer, resolve=waits(thread)))
        self._words = "Answer" if thread else "Comment"
        self.go = self.add_button(self._words, self.accept, next=True)
        self.go.setToolTip(f"{self._words}: Ctrl+Enter")
        for key in ("Ctrl+Return", "Ctrl+Enter"):  # Enter begins a line
            QShortcut(QKeySequence(key), self, self.go.click)
        self.note("Ctrl+Enter sends. Esc leaves; what is written waits for the next opening.")
        self.field.textChanged.connect(self._show_go)
        self._show_go()
        self.field.setFocus()
        for row in self.rows:
            if row.edit is not None and row.comment.id in begun.edited:
                row.open(begun.edited[row.comment.id])

    def stand_beside(self, place: QPoint) -> None:
        """Leave a place of the screen in sight: right of it, or left where there is no room."""
        self.adjustSize()
        room = self.screen().availableGeometry()
        left = place.x() + _AWAY
        if left + self.width() > room.right():
            left = place.x() - _AWAY - self.width()
        top = min(place.y() - self.height() // 2, room.bottom() - self.height() - _AWAY)
        self.move(max(left, room.left()), max(top, room.top() + _AWAY))

    def _show_rows(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        for row in self.rows:
            column.addWidget(row)
            row.field.textChanged.connect(self._show_go)
            if row.delete is not None:
                row.delete.clicked.connect(partial(self._delete, row.comment.id))
        column.addStretch(1)
        area = scrolling(inside)
        height = inside.sizeHint().height() + 90 * any(row.edit for row in self.rows)
        area.setFixedHeight(min(height, _HIGHEST))
        self.content.addWidget(area)

    @property
    def said(self) -> Said:
        """What the person answered."""
        edited = {row.comment.id: row.other_words for row in self.rows if row.other_words}
        text = self.field.toPlainText().strip()
        return Said(text, edited, self._deleted, self._resolve)

    def _show_go(self) -> None:
        said = self.said
        self.go.setEnabled(bool(said))
        words = "Save" if said.edited else self._words
        self.go.setText(f"{words}  Ctrl+Enter")
        self.go.setAccessibleName(words)

    def _delete(self, comment_id: int, _checked: bool = False) -> None:
        self._deleted = comment_id
        self.accept()

    def _answer(self, *, resolve: bool) -> None:
        self._resolve = resolve
        self.accept()
