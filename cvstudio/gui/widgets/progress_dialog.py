"""A dialog for long work that was asked for: a sentence, a bar, the time left, and Cancel.

    outcome = run_with_progress(parent, tasks, "Import 364 images", function)
    if outcome.error: ...           # an exception
    elif outcome.cancelled: ...
    else: outcome.result
The function gets a Control (gui/tasks.py) and runs in a thread; the window stays alive behind the
dialog. Nothing is shown for the first 300 ms.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QProgressBar, QWidget
from shiboken6 import isValid

from cvstudio.gui import theme
from cvstudio.gui.tasks import Control, Tasks
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.section import label

MANY_IMAGES = 500
"""Images above which a change of them is made in a thread, behind this dialog."""


@dataclass(frozen=True)
class Outcome:
    """How the work ended."""

    result: Any = None
    error: BaseException | None = None
    cancelled: bool = False


class ProgressDialog(StudioDialog):
    """Shows how far some work is; `stopped` is whether the person pressed Cancel."""

    def __init__(self, parent: QWidget | None, title: str, *, can_stop: bool = True) -> None:
        super().__init__(parent, title, width=460)
        self.setObjectName("progress")
        self.setModal(True)
        self.stopped = False
        self.on_stop: Callable[[], None] | None = None
        self._began = time.monotonic()
        self.content.addWidget(label(title, "section", wrap=True))
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 0)
        theme.mark(self.bar, job=True)
        self.content.addWidget(self.bar)
        self.words = label(" ", "muted")
        self.content.addWidget(self.words)
        self.cancel = self.add_button("Cancel", self.reject)
        self._can_stop = can_stop
        self.cancel.setVisible(can_stop)

    def advance(self, done: int, total: int, text: str) -> None:
        """Show how far it is; a total of 0 means that nobody knows."""
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        parts = [text] if text else []
        if total:
            parts.append(f"{done:,} of {total:,}")
            passed = time.monotonic() - self._began
            if 0 < done < total and passed > 1:
                parts.append(f"{_time(passed / done * (total - done))} left")
        self.words.setText(", ".join(parts) or " ")

    def reject(self) -> None:
        """Ask the work to stop; the dialog closes when it has."""
        if self._can_stop and not self.stopped:
            self.stopped = True
            self.cancel.setEnabled(False)
            self.words.setText("Stopping")
            if self.on_stop is not None:
                self.on_stop()

    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()
        self.reject()


def _time(seconds: float) -> str:
    return f"{round(seconds / 60)} min" if seconds >= 90 else f"{max(round(seconds), 1)} s"


def run_with_progress(
    parent: QWidget | None, tasks: Tasks, title: str, function: Callable[[Control], Any], *,
    can_stop: bool = True, whole: bool = False,
) -> Outcome:  # fmt: skip
    """Run a function in a thread until it ended, was cancelled, or failed.

    `can_stop`: whether there is a Cancel; not for what is done whole once it has begun.
    `whole`: it changes all or nothing, and is not called cancelled when Cancel came after that.
    """
    dialog = ProgressDialog(parent, title, can_stop=can_stop)
    loop = QEventLoop()
    found: dict[str, Any] = {}
    work = tasks.run(
        function,
        title=title,
        done=lambda result: found.update(result=result),
        failed=lambda error: found.update(error=error),
        progress=dialog.advance,
        whole=whole,
    )
    work.ended = loop.quit
    dialog.on_stop = work.cancel
    soon = QTimer()
    soon.setSingleShot(True)
    soon.timeout.connect(dialog.show)
    soon.start(theme.tokens()["motion"]["busy_shown_after"])
    window = parent.window() if parent is not None else None
    focused = window.focusWidget() if window is not None else None
    if window is not None:
        window.setEnabled(False)
        dialog.setEnabled(True)
    loop.exec()
    soon.stop()
    if window is not None:
        window.setEnabled(True)
    dialog.hide()
    if focused is not None and isValid(focused):
        focused.setFocus()  # a window that was disabled has lost it
    dialog.deleteLater()
    error = found.get("error")
    if dialog.stopped and "result" not in found:
        return Outcome(cancelled=True)
    return Outcome(result=found.get("result"), error=error)
