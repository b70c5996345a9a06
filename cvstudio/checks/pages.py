"""A page of the window for the benches: opened on a project, and given the time to work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cvstudio.project.project import Project

SIZE = (1440, 900)


@contextmanager
def opened(kind: Callable[[Any], Any], project: Project) -> Iterator[Any]:
    """A page of that class, shown on a project; closed with all that it started."""
    from cvstudio.gui.studio import Studio

    studio = Studio()
    studio.adopt(project)
    page = kind(studio)
    page.resize(*SIZE)
    page.show()
    page.shown()
    try:
        yield page
    finally:
        page.hidden()
        page.release()
        page.close()
        page.deleteLater()
        studio.jobs.leave()
        studio.shut_down()
        process()


def process() -> None:
    """Handle what has come, or sleep a little: spinning would take the core of what is measured."""
    from PySide6.QtCore import QEventLoop, QTimer
    from PySide6.QtWidgets import QApplication

    QTimer.singleShot(1, lambda: None)
    QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


def wait(ready: Callable[[], Any], *, seconds: float, missing: str) -> None:
    """Let the window work until something is there. Raises TimeoutError with those words."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(missing)
        process()
