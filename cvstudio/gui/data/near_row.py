"""The check for images that show the same: looked for when asked, as pictures have to be read.

What finds and shows them is imported then too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.core.words import counted
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import label, link
from cvstudio.project import queries

if TYPE_CHECKING:
    from cvstudio.project.similarity.duplicates import Pair


class NearRow(QWidget):
    """A line of Data health, with what can be done about it."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.pairs: list[Pair] | None = None
        """What was found; None until somebody asked."""
        self._finding = LatestWins(studio.tasks, owner=self, title="Look for near-duplicates")
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 12, 6)
        row.setSpacing(8)
        self._icon = IconLabel("information-outline", "muted")
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(4)
        self.words = label("", "muted", wrap=True)
        column.addWidget(self.words)
        self.find_them = link("Look for them", self.look, tip="Compare how all images look")
        self.show_them = link("Look at the pairs", self._show, tip="See both images of each pair")
        self.move_them = link(
            "Move into one split",
            self._move,
            tip="Train where one of a pair is there, else val",
        )
        for button in (self.find_them, self.show_them, self.move_them):
            button.setAccessibleName(f"Near-duplicates: {button.text()}")
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        row.addLayout(column, 1)
        self._say()

    def follow(self) -> None:
        """The project has changed: splits may be others, and images may be gone."""
        project = self._studio.project
        if self.pairs and project is not None:
            from cvstudio.project.similarity import duplicates

            ids = sorted({i for pair in self.pairs for i in (pair.first, pair.second)})
            with project.read() as s:
                now = {record.id: record.split for record in queries.images(s, ids)}
            self.pairs = [
                duplicates.as_of_now(pair, now)
                for pair in self.pairs
                if pair.first in now and pair.second in now
            ]
        self._say()

    def look(self) -> None:
        """Look for pairs, in a thread; the first time pictures have to be made."""
        project = self._studio.project
        if project is None:
            return

        from cvstudio.project.similarity import duplicates

        def work(control: Control) -> list[Pair] | None:
            return duplicates.find(
                project, cancelled=control.cancelled,
                progress=lambda done, total: control.progress(done, total),
            )  # fmt: skip

        self._finding.request(work, self._found, self._not_found)
        self._say()

    def _found(self, pairs: list[Pair] | None) -> None:
        self.pairs = pairs
        self._say()

    def _not_found(self, error: BaseException) -> None:
        self._say()
        self._studio.fail(error, doing="Look for near-duplicates")

    def _say(self) -> None:
        pairs = self.pairs
        leaks = [pair for pair in pairs or () if pair.leaks]
        project = self._studio.project
        icon, role = "information-outline", "muted"
        if self._finding.busy:
            text = "Looking for images that show the same …"
        elif pairs is None:
            text = "Images that show the same, scaled, compressed or brightened, can be looked for."
        elif leaks:
            icon, role = "alert-outline", "warning"
            many = counted(len(leaks), "pair of images shows", "pairs of images show")
            text = f"{many} the same in different splits: results will look better than they are."
        elif pairs:
            many = counted(len(pairs), "pair of images shows", "pairs of images show")
            text = f"{many} the same, each in one split."
        else:
            icon, text = "check", "No two images show the same."
        self._icon.set(icon, role)
        self.words.setText(text)
        self.find_them.setVisible(not self._finding.busy and not leaks)
        self.find_them.setText("Look for them" if pairs is None else "Look again")
        self.show_them.setVisible(bool(pairs))
        self.move_them.setVisible(bool(leaks) and project is not None and project.writable)

    def _show(self) -> None:
        from cvstudio.gui.near_pairs import show_pairs

        show_pairs(self.window(), self._studio, pairs=self.pairs)
        self.follow()

    def _move(self) -> None:
        from cvstudio.project.similarity import duplicates

        project = self._studio.project
        if project is None or not self.pairs:
            return
        moved = duplicates.separate(
            project, [pair for pair in self.pairs if pair.leaks], source=self
        )
        self.follow()
        if moved:
            self._studio.toast(
                f"{counted(len(moved), 'image')} moved, so that no pair is in two splits",
                level="success", link="Undo", do=self._studio.undo,
            )  # fmt: skip
