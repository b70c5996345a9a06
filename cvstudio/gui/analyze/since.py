"""What happened to the labels since the run was judged: followed, and told in a bar."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cvstudio.core.annotation import Split
from cvstudio.core.snapshot import SnapshotImage
from cvstudio.core.words import counted
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.message import Message
from cvstudio.project import label_changes
from cvstudio.project.changes import ChangeSet
from cvstudio.project.label_changes import ImageChange
from cvstudio.project.verdict import Analysis, Case


def moment(at: float) -> str:
    """A time as people say it: "22:14" today, else "20 November, 22:14"."""
    then = time.localtime(at)
    today = time.localtime()
    same = (then.tm_year, then.tm_yday) == (today.tm_year, today.tm_yday)
    clock = time.strftime("%H:%M", then)
    return clock if same else f"{then.tm_mday} {time.strftime('%B', then)}, {clock}"


class Since(QObject):
    """The images whose labels are other ones than those judged by; `moved` when that changed."""

    moved = Signal()

    def __init__(self, studio: Studio, parent: QObject) -> None:
        super().__init__(parent)
        self._studio = studio
        self._latest = LatestWins(studio.tasks, owner=parent)
        self._judged: dict[int, SnapshotImage] | None = None
        self.split = Split.VAL
        """The split whose labels are compared."""
        self._stale: set[int] | None = set()
        """The images to look at again; None for all of them."""
        self.changes: Mapping[int, ImageChange] = {}
        self.count = 0
        """How many labels changed."""

    def follow(self, shown: Analysis | None) -> None:
        """Compare the labels with those of this analysis from now on."""
        self._latest.drop()
        self._judged = None if shown is None else shown.images
        self._found({})
        if shown is not None:
            self.split = shown.split
            self._stale = None
            self._look()
        self.moved.emit()

    def take(self, changes: ChangeSet) -> None:
        """Labels may have changed: look at the images that were touched."""
        if self._judged is None or not changes.touches("annotation", "image"):
            return
        touched = changes.images()
        self._stale = None if touched is None or self._stale is None else self._stale | touched
        self._look()

    def concerns(self, case: Case) -> bool:
        """Whether a case may have been dealt with since."""
        change = self.changes.get(case.image_id)
        return change is not None and change.concerns(case)

    def drop(self) -> None:
        """The page goes away."""
        self._latest.drop()

    def _found(self, changes: Mapping[int, ImageChange]) -> None:
        self.changes = changes
        self.count = sum(change.count for change in changes.values())

    def _look(self) -> None:
        project, judged, split = self._studio.project, self._judged, self.split
        if project is None or judged is None:
            return
        only = None if self._stale is None else frozenset(self._stale)

        def found(now: dict[int, ImageChange]) -> None:
            kept = {} if only is None else {i: c for i, c in self.changes.items() if i not in only}
            self._found(kept | now)
            self._stale = set()
            self.moved.emit()

        self._latest.request(
            lambda _control: label_changes.changed(project, judged, split, only=only), found
        )


class SinceBar(QWidget):
    """Says what to know before the errors are looked at, with the way forward as one click.

    That labels changed since the evaluation, or that the network has hardly learned.
    """

    def __init__(
        self, again: Callable[[], Any], cancel: Callable[[], Any], train: Callable[[], Any]
    ) -> None:
        super().__init__()
        self._again, self._cancel, self._train = again, cancel, train
        self._count, self._at, self._work, self._unlearned = 0, 0.0, "", ""
        self.message = Message("warning", "")
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 0)
        column.addWidget(self.message)
        self.hide()

    def show_changes(self, count: int, judged_at: float) -> None:
        """So many labels changed since an evaluation of then; none takes the bar away."""
        self._count, self._at = count, judged_at
        self._tell()

    def show_work(self, words: str) -> None:
        """How far a new evaluation is; "" when there is none."""
        self._work = words
        self._tell()

    def show_unlearned(self, words: str) -> None:
        """What to do about a network that has hardly learned; "" when it has."""
        self._unlearned = words
        self._tell()

    def _tell(self) -> None:
        self.setVisible(bool(self._work or self._count or self._unlearned))
        if self._work:
            self.message.set("info", f"{self._work}.")
            self.message.set_link("Cancel", self._cancel)
        elif self._count:
            self.message.set(
                "warning",
                f"{counted(self._count, 'label')} changed since this evaluation"
                f" ({moment(self._at)}): figures, table and errors are still those of then."
                f" {self._unlearned}".rstrip(),
            )
            self.message.set_link("Evaluate again", self._again)
        elif self._unlearned:
            self.message.set("warning", self._unlearned)
            self.message.set_link("Go to Train", self._train)
