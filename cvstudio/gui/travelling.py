"""Undo, redo and the jump of the history: what goes far is done in a thread, behind a dialog."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from cvstudio.gui.tasks import Control, Tasks
from cvstudio.gui.widgets import progress_dialog

if TYPE_CHECKING:
    from cvstudio.project.changes import ChangeSet, Reach
    from cvstudio.project.steps import Step

MANY_ROWS = 10_000
"""Objects and other rows above which a step is taken back in a thread."""

MANY_STEPS = 20
"""Steps above which a jump is made in a thread, however little each of them changed."""

Go = Callable[[Control | None], "ChangeSet | None"]
"""Goes, and tells a control how far it is where it has one."""


def is_far(reach: Reach) -> bool:
    """Whether one step changed so much that a window would stand still while it is taken back."""
    return _is_much(reach.image_count, reach.rows)


def is_long(path: Sequence[Step]) -> bool:
    """Whether these steps, one after the other, are too much for the window's own thread."""
    counts = [step.images for step in path]
    images = None if None in counts else sum(count or 0 for count in counts)
    return len(path) > MANY_STEPS or _is_much(images, sum(step.rows for step in path))


def _is_much(images: int | None, rows: int) -> bool:
    return images is None or images > progress_dialog.MANY_IMAGES or rows > MANY_ROWS


def travel(
    parent: QWidget | None, tasks: Tasks, title: str, go: Go, *, far: bool, can_stop: bool = False
) -> ChangeSet | None:
    """Go, in a thread when it is far. Raises what went wrong; None when it went nowhere.

    `can_stop`: whether the person may give up; `go` then leaves everything as it was.
    """
    if not far:
        return go(None)
    outcome = progress_dialog.run_with_progress(
        parent, tasks, title, go, can_stop=can_stop, whole=True
    )
    if outcome.error is not None:
        raise outcome.error
    found: ChangeSet | None = outcome.result
    return found
