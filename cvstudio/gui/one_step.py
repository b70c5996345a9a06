"""One undo step that the window makes of commands: at once, or where it reaches far in a thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QWidget

from cvstudio.core.errors import CVStudioError
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.progress_dialog import Outcome, run_with_progress

ONE_STEP = "One step, undone with Ctrl+Z."
"""What dialogs promise of it."""


def make_step(
    studio: Studio, source: QWidget, step: str, do: Callable[[Any], object], *, far: bool
) -> Outcome:
    """Do something with a session of the open project, as the undo step of that name.

    `far`: it takes a while, so it is done in a thread behind a dialog that says how far it is and
    can cancel it. `source` stands behind that dialog, and is named to those who are told of the
    change. What stops it is in the outcome, and nothing has changed then.
    """
    project = studio.project
    assert project is not None

    def work(control: Control | None = None) -> None:
        with project.transaction(step, source=source) as session:
            do(session)
            if control is not None:
                control.check()

    if far:
        return run_with_progress(source, studio.tasks, step, work, whole=True)
    try:
        work()
    except CVStudioError as error:
        return Outcome(error=error)
    return Outcome()
