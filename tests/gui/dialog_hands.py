"""Hands on dialogs, which hold up the test that opens them until somebody answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from patience import LIMIT
from person import Person
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QDialog, QPushButton

from cvstudio.gui.class_manager import ClassManager
from cvstudio.gui.widgets.progress_dialog import ProgressDialog

Kind = TypeVar("Kind", bound=QDialog)


def when_open(kind: type[Kind], do: Callable[[Kind], None], *, over: QDialog | None = None) -> None:
    """Do something with the next dialog of a kind as soon as it is up; to be called before what
    opens it. `over` is a dialog that is up already. Where it fails, the dialog is closed. One that
    says how far work is may come up first: only who names its kind gets it."""
    end = time.monotonic() + LIMIT

    def look() -> None:
        dialog = QApplication.activeModalWidget()
        tells = kind is QDialog and isinstance(dialog, ProgressDialog)
        if not isinstance(dialog, kind) or dialog is over or tells or not dialog.isVisible():
            assert time.monotonic() < end, f"no {kind.__name__} came up"
            QTimer.singleShot(20, look)
            return
        try:
            do(dialog)
        except BaseException:
            dialog.reject()
            raise

    QTimer.singleShot(0, look)


def answer_over(under: QDialog, do: Callable[[QDialog], None]) -> None:
    """Do something with the next dialog that comes up over another one, and close it."""

    def act(dialog: QDialog) -> None:
        do(dialog)
        dialog.close()

    when_open(QDialog, act, over=under)


def press(words: str, dialog: QDialog) -> None:
    """Press a button of a dialog by what stands on it."""
    (button,) = [b for b in dialog.findChildren(QPushButton) if b.text() == words]
    button.click()


def in_manager(person: Person, do: Callable[[ClassManager], None]) -> None:
    """Open the manager of classes from the Data page and do something in it."""

    def act(manager: ClassManager) -> None:
        do(manager)
        manager.accept()

    person.page("data")
    when_open(ClassManager, act)
    person.trigger("data.classes")
