"""The history of the project, over every page: its named steps, and a click goes to any of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QMenu, QVBoxLayout, QWidget
from shiboken6 import isValid

from cvstudio.core.errors import CVStudioError
from cvstudio.core.words import counted, quoted, size_words
from cvstudio.gui import theme, travelling
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.progress_dialog import run_with_progress
from cvstudio.gui.widgets.section import label, line, link, tool
from cvstudio.gui.widgets.step_list import StepList, StepRow, detail_words, reach_words
from cvstudio.project import steps
from cvstudio.project.changes import ChangeSet
from cvstudio.project.project import Project
from cvstudio.project.steps import Step

MANY_IMAGES = 10
"""From so many images on, a step is asked about before it is done again from here."""

_GOES = "A click goes there. Closing the program keeps the steps."
_UNTIL = "until the next new step, which drops what is undone"

AGES = (
    ("Older than an hour", 3600), ("Older than a day", 86_400),
    ("Older than a week", 7 * 86_400), ("Older than a month", 30 * 86_400),
)  # fmt: skip
"""What old steps can be forgotten by, and seconds."""

_WIDTH, _HEIGHT = 340, 560
_AT_ONCE = 300


class HistoryPanel(QFrame):
    """Lies over the window under its button, until it is closed; work goes on beside it."""

    def __init__(self, studio: Studio, window: QWidget, under: QWidget) -> None:
        super().__init__(window)
        self._studio, self._window, self._under = studio, window, under
        self._before: QWidget | None = None
        self._oldest: int | None = None
        self._present = 0
        theme.mark(self, toast=True)
        self.setObjectName("history")
        self.setAccessibleName("History")
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        head = QHBoxLayout()
        head.setContentsMargins(12, 6, 6, 6)
        head.addWidget(label("History", "section"))
        head.addStretch(1)
        self.figure = label("", "muted")
        head.addWidget(self.figure)
        head.addWidget(tool(icon_name="close", tip="Close", icon_side=16, do=self.close_))
        column.addLayout(head)
        column.addWidget(line())
        self.list = StepList()
        self.list.setAccessibleName("Steps, newest first")
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.chosen.connect(self._go)
        self.list.more_wanted.connect(self._add_more)
        column.addWidget(self.list, 1)
        self.none = label("No step yet. Whatever you do to the project is listed here.", "muted",
                          wrap=True)  # fmt: skip
        self.none.setContentsMargins(12, 12, 12, 12)
        self.none.setAlignment(Qt.AlignmentFlag.AlignTop)
        column.addWidget(self.none, 1)
        self.note = label(_GOES, "muted", wrap=True)
        self.only = link("Only the annotations of one image …", self._only_image)
        foot = QVBoxLayout()
        foot.setContentsMargins(12, 8, 12, 8)
        foot.setSpacing(4)
        foot.addWidget(self.note)
        foot.addWidget(self.only)
        self.forget = link("Forget old steps …", self._offer_to_forget)
        self.forget.setToolTip(
            "No step that is done goes by itself; forgetting old ones makes room"
        )
        foot.addWidget(self.forget)
        column.addWidget(line())
        column.addLayout(foot)
        window.installEventFilter(self)
        studio.project_changed.connect(self._follow)
        studio.project_closing.connect(self.hide)
        self.hide()

    def toggle(self) -> None:
        """Show it, or put it away."""
        if self.isVisible():
            self.close_()
            return
        self._before = QApplication.focusWidget()
        self.refresh()
        self._place()
        self.show()
        self.raise_()
        self.list.setFocus(Qt.FocusReason.PopupFocusReason)

    def close_(self) -> None:
        """Put it away; the keys go where they went before."""
        self.hide()
        if self._before is not None and isValid(self._before) and self._before.isVisible():
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)
        self._before = None

    def refresh(self) -> None:
        """Show the steps as they are now, the present one in view."""
        project = self._studio.project
        if project is None:
            return
        with project.read() as session:
            total, room = steps.count(session), steps.size(session)
            found = steps.listed(session, limit=_AT_ONCE)
            present = steps.standing(session).back
            while found and present and found[-1].id > present.id:  # many wait for redo
                found += steps.listed(session, limit=_AT_ONCE, before=found[-1].id)
            names = steps.image_names(session, found)
        self._present = present.id if present else 0
        complete = len(found) == total
        self._oldest = found[-1].id if found else None
        self.list.show_rows(self._rows(found, names, complete=complete), complete=complete)
        self.figure.setText(f"{counted(total, 'step')} · {size_words(room)}" if total else "")
        self.forget.setVisible(project.writable and total > 1)
        self.list.setVisible(bool(total))
        self.only.setVisible(bool(total) and project.writable and self._studio.image_count > 0)
        self.none.setVisible(not total)
        undone = sum(not step.done for step in found)
        waits = f"{counted(undone, 'undone step stays', 'undone steps stay')} {_UNTIL}."
        self.note.setText(
            "The project is open for reading only."
            if not project.writable
            else f"A click goes there. {waits}" if undone else _GOES
        )  # fmt: skip

    def _rows(
        self, found: Sequence[Step], names: Mapping[int, str], *, complete: bool
    ) -> list[StepRow]:
        rows = [
            StepRow(
                step.id, step.label, detail_words(step, names.get(step.id, "")),
                present=step.id == self._present, future=not step.done,
            )
            for step in found
        ]  # fmt: skip
        if complete and (found or self._oldest is not None):
            rows.append(
                StepRow(0, "Before these steps", "as the project was", present=not self._present)
            )
        return rows

    def _add_more(self) -> None:
        project = self._studio.project
        if project is None or self._oldest is None:
            return
        with project.read() as session:
            found = steps.listed(session, limit=_AT_ONCE, before=self._oldest)
            names = steps.image_names(session, found)
        complete = len(found) < _AT_ONCE
        rows = self._rows(found, names, complete=complete)
        if found:
            self._oldest = found[-1].id
        self.list.add_rows(rows, complete=complete)

    def _follow(self, _changes: object) -> None:
        if self.isVisible():
            self.refresh()

    def _go(self, key: int) -> None:
        """Let the step at `key` be the last one that is done."""
        project = self._studio.project
        if project is None or not project.writable:
            return
        with project.read() as session:
            path = steps.way(session, key)
            reach = steps.image_reach(session, path, self._studio.image_id)
        before = self._present
        if path and self._agreed(path, reach):
            self._travel(project, key, path)
            if path[0].done and project.present_step == key:
                self._offer_way_back(project, key, before, path, reach)
        self.refresh()

    def _offer_way_back(
        self, project: Project, at: int, before: int, path: Sequence[Step],
        reach: tuple[int, int] | None,
    ) -> None:  # fmt: skip
        """A word of what was undone, with the way back to where the project stood `before`."""

        def go_forward() -> None:
            if self._studio.project is not project:
                return
            if project.present_step != at:
                self._studio.toast("The project stands elsewhere by now: see the history.")
                return
            with project.read() as session:
                forth = steps.way(session, before)
            self._travel(project, before, forth)

        name = quoted(path[0].label) if len(path) == 1 else counted(len(path), "step")
        many = reach_words(path[0]) if len(path) == 1 else _images(reach)
        on = f" on {many}" if reach is None or reach[0] else ""
        self._studio.toast(
            f"Undone: {name}{on}.", link="Go forward again", do=go_forward, about="history"
        )

    def _travel(self, project: Project, key: int, path: Sequence[Step]) -> None:
        """Go there; a long way, in a thread. Who gives up on the way stays where they were."""

        def go(control: Control | None) -> ChangeSet | None:
            def look(done: int, total: int) -> None:
                if control is not None:
                    control.check()
                    control.progress(done, total, f"{verb} {counted(total, 'step')}")

            return project.go_to(key, source=self, progress=look)

        verb = "Undo" if path[0].done else "Redo"
        name = quoted(path[0].label) if len(path) == 1 else counted(len(path), "step")
        try:
            travelling.travel(
                self._window, self._studio.tasks, f"{verb} {name}", go,
                far=travelling.is_long(path), can_stop=True,
            )  # fmt: skip
        except CVStudioError as error:
            self._studio.fail(error)

    def _agreed(self, path: Sequence[Step], reach: tuple[int, int] | None) -> bool:
        """Whether the person wants it, when it is more than one step back on the image in view."""
        undo = path[0].done
        far = [step for step in path if step.images is None or step.images >= MANY_IMAGES]
        back = undo and (len(path) > 1 or reach is None or reach[1] > 0)
        if not far and not back:
            return True
        one = len(path) == 1
        what = quoted(path[0].label) if one else counted(len(path), "step")
        said = []
        if reach is None or reach[0]:
            elsewhere = ", not the one in view" if reach == (1, 1) else ""
            many = reach_words(path[0]) if one else _images(reach)
            said.append(f"{'It is' if one else 'They are'} about {many}{elsewhere}.")
        if far and not one:
            largest = max(far, key=lambda step: 10**9 if step.images is None else step.images)
            said.append(f"{quoted(largest.label)} among them is about {reach_words(largest)}.")
        if undo:
            said.append(f"{'It stays' if one else 'They stay'} in this list {_UNTIL}.")
        asked = f"Undo {what}?" if undo else f"Do {what} again?"
        return self._studio.ask(asked, " ".join(said), yes="Undo" if undo else "Do again")

    def _only_image(self) -> None:
        """Restore the image at hand alone, where its annotations are seen."""
        self.close_()
        self._studio.go_to("label", image_id=self._studio.image_id)
        self._studio.actions.trigger("label.restore")

    def _offer_to_forget(self) -> None:
        """A menu of ages, each with what would go."""
        project = self._studio.project
        if project is None:
            return
        menu = QMenu(self)
        with project.read() as session:
            for words, seconds in AGES:
                count, size, last = steps.older(session, time.time() - seconds)
                if count:
                    text = f"{words}: {counted(count, 'step')}, {size_words(size)}"
                    menu.addAction(text, partial(self._forget, last, count, text))
        if menu.isEmpty():
            menu.addAction("None is older than an hour").setEnabled(False)
        menu.exec(self.forget.mapToGlobal(QPoint(0, self.forget.height())))

    def _forget(self, last: int, count: int, words: str) -> None:
        project = self._studio.project
        asked = f"Forget {counted(count, 'step')}?"
        text = f"{words}. They can never be undone then; annotations stay as they are."
        if project is not None and self._studio.ask(asked, text, yes="Forget", danger=True):
            outcome = run_with_progress(
                self._window, self._studio.tasks, f"Forget {counted(count, 'step')}",
                lambda _control: project.forget_steps(last), can_stop=False,
            )  # fmt: skip
            if outcome.error is not None:
                self._studio.fail(outcome.error)
            self.refresh()

    def _place(self) -> None:
        corner = self._under.mapTo(self._window, QPoint(0, self._under.height() + 4))
        left = max(8, min(corner.x(), self._window.width() - _WIDTH - 8))
        room = self._window.height() - corner.y() - 40
        self.setGeometry(left, corner.y(), _WIDTH, max(160, min(_HEIGHT, room)))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._window and event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_()
            return
        super().keyPressEvent(event)


def _images(reach: tuple[int, int] | None) -> str:
    return "more images than can be named" if reach is None else counted(reach[0], "image")
