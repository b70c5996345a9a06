"""Dialogs of one look: a title, content, and a footer whose answer is the accent button.

class SplitDialog(StudioDialog):
    def __init__(self, parent):
        super().__init__(parent, "Edit split", width=640)
        self.content.addWidget(...)               # QVBoxLayout with the dialog's padding
        self.add_button("Cancel", self.reject)
        self.go = self.add_button("Divide 364 images", self.accept, next=True)
        self.note("One step, undone with Ctrl+Z.")   # words at the left of the footer
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from cvstudio.gui import theme
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import FoldSection, label, link, push


class StudioDialog(QDialog):
    """A dialog with padding, a footer line, and buttons at the right of the footer."""

    def __init__(
        self, parent: QWidget | None, title: str, *, width: int = 480, height: int = 0
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.outer = QVBoxLayout(self)
        self.outer.setContentsMargins(0, 0, 0, 0)
        self.outer.setSpacing(0)
        padding = theme.size("dialog_padding")
        self.content = QVBoxLayout()
        self.content.setContentsMargins(padding, padding, padding, padding)
        self.content.setSpacing(12)
        self.outer.addLayout(self.content, 1)
        footer = QFrame()
        theme.mark(footer, panel="dialog_footer")
        self.footer = QHBoxLayout(footer)
        self.footer.setContentsMargins(padding, 12, padding, 12)
        self.footer.setSpacing(8)
        self._note = label("", "muted", wrap=True)
        self.footer.addWidget(self._note, 1)
        self.outer.addWidget(footer)
        self.setMinimumWidth(width)
        if height:
            self.resize(width, height)

    def note(self, text: str) -> None:
        """Words at the left of the footer: what the answer will do."""
        self._note.setText(text)
        self.settle_footer()

    def settle_footer(self) -> None:
        """Give the buttons room for words that they have just got, before anything is drawn."""
        self.footer.activate()
        self.outer.activate()

    def fit_height(self) -> None:
        """Grow until no words that wrap are cut, however long they have become."""
        self.outer.activate()
        needed = self.outer.totalHeightForWidth(max(self.width(), self.minimumWidth()))
        self.setMinimumHeight(min(needed, self.screen().availableSize().height()))

    def add_button(self, text: str, do: Callable[[], Any], **marks: Any) -> QPushButton:
        """A button at the right of the footer; next=True is the answer, which Enter gives."""
        icon_name = marks.pop("icon_name", "")
        if not marks:
            marks = {"tall": True}
        button = push(text, do, icon_name=icon_name, **marks)
        button.setAutoDefault(False)
        if marks.get("next") or marks.get("danger"):
            theme.mark(button, tall=True)
        button.setDefault(bool(marks.get("next")))  # what destroys is never a mere Enter away
        self.footer.addWidget(button)
        return button


def ask(
    parent: QWidget | None, question: str, text: str = "", *, yes: str, no: str = "Cancel",
    danger: bool = False,
) -> bool:  # fmt: skip
    """A question with two answers; Esc is the second. `danger` colours what destroys, and then
    Enter is the second, too."""
    if danger:
        return choose(parent, question, text, stay=no, destroy=yes) == yes
    return choose(parent, question, text, stay=no, go=yes) == yes


def choose(
    parent: QWidget | None, question: str, text: str = "", *, stay: str, go: str = "",
    destroy: str = "",
) -> str:  # fmt: skip
    """A question with up to three answers; returns the one that was given. Esc is `stay`; Enter is
    `go`, but `stay` where another answer would destroy something."""
    dialog = StudioDialog(parent, question, width=420)
    dialog.setObjectName("question")
    dialog.content.addWidget(label(question, "title", wrap=True))
    if text:
        dialog.content.addWidget(label(text, "muted", wrap=True))
    given = [stay]

    def give(answer: str) -> None:
        given.append(answer)
        dialog.accept()

    leave = dialog.add_button(stay, dialog.reject)
    if go:
        dialog.add_button(go, lambda: give(go), **({"tall": True} if destroy else {"next": True}))
    if destroy:
        dialog.add_button(destroy, lambda: give(destroy), danger=True)
        leave.setDefault(True)
        leave.setFocus()
    dialog.exec()
    dialog.deleteLater()
    return given[-1]


def show_failure(parent: QWidget | None, text: str, hint: str, detail: str = "") -> None:
    """What happened in one sentence, the way forward, and the log folded away where the sentence
    cannot say it all."""
    dialog = StudioDialog(parent, "CVStudio", width=520)
    dialog.setObjectName("failure")
    row = QHBoxLayout()
    row.setSpacing(12)
    mark = IconLabel("alert-circle-outline", "danger", theme.size("page_state"))
    row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
    words = QVBoxLayout()
    words.addWidget(label(text, "run_title", wrap=True))
    if hint:
        words.addWidget(label(hint, "muted", wrap=True))
    row.addLayout(words, 1)
    dialog.content.addLayout(row)
    if detail:
        box = QPlainTextEdit(detail)
        box.setReadOnly(True)
        theme.mark(box, mono=True)
        box.setMinimumHeight(160)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(box)
        column.addWidget(
            link("Copy", lambda: QGuiApplication.clipboard().setText(detail)),
            0,
            Qt.AlignmentFlag.AlignRight,
        )
        fold = FoldSection("Details", inner, open_=False)
        fold.toggled.connect(lambda _open: dialog.adjustSize())
        dialog.content.addWidget(fold)
    dialog.add_button("Close", dialog.accept, next=True).setFocus()
    dialog.exec()
    dialog.deleteLater()


def ask_text(
    parent: QWidget | None, title: str, name: str, text: str, *, yes: str, note: str = "",
    refuse: Callable[[str], str] | None = None,
) -> str:  # fmt: skip
    """Ask for a line of text; "" when the person does not want to.

    `refuse`: why a text cannot be taken, said while it is typed; "" when it can.
    """
    dialog = StudioDialog(parent, title, width=420)
    dialog.setObjectName("text")
    field = QLineEdit(text)
    field.setAccessibleName(name)
    field.selectAll()
    dialog.content.addWidget(label(name))
    dialog.content.addWidget(field)
    dialog.note(note)
    dialog.add_button("Cancel", dialog.reject)
    go = dialog.add_button(yes, dialog.accept, next=True)

    def judge() -> None:
        now = field.text().strip()
        why = refuse(now) if refuse is not None and now else ""
        go.setEnabled(bool(now) and not why)
        dialog.note(why or note)

    field.textChanged.connect(judge)
    judge()
    field.setFocus()
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    answer = field.text().strip()
    dialog.deleteLater()
    return answer if accepted else ""
