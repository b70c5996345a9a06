"""The view New images: a run looks at images from elsewhere, and words say how it knows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.drift import Shift, Standing
from cvstudio.core.jobdir import JobDir
from cvstudio.core.words import counted, minus, percent
from cvstudio.gui import theme
from cvstudio.gui.analyze.drift_view.spread import Spread
from cvstudio.gui.analyze.drift_view.strangest import Strangest
from cvstudio.gui.analyze.since import moment
from cvstudio.gui.analyze.view import Subject, View
from cvstudio.gui.one_job import OneJob
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.empty_state import EmptyState
from cvstudio.gui.widgets.layouts import empty, scrolling
from cvstudio.gui.widgets.message import Message
from cvstudio.gui.widgets.section import label, line, link, push
from cvstudio.gui.widgets.table_names import figure_table
from cvstudio.project import drift
from cvstudio.project.at_work import jobs_at_work
from cvstudio.project.drift import Drift

_LEVELS = {
    Standing.SAME: "success",
    Standing.AT_THE_EDGE: "warning",
    Standing.OUT_OF_ITS_DEPTH: "danger",
}
_HEAD = ("Measure", "Its own", "New", "New one is higher")
_ROW = 26
_TITLE = "Looking at the new images"
_READING = "Comparing the new images with its own"


class DriftView(View):
    """Words and figures at the left, the new images, the strangest first, at the right."""

    name, title = "new", "New images"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.subject: Subject | None = None
        self.found: Drift | None = None
        self._of_run = 0
        """The run that `found` is about, or that is looking now."""
        self._shown_again: JobDir | None = None
        """The look of an earlier day that was read again, once."""
        self.job = OneJob(studio, self)
        self.job.moved.connect(self._moved)
        self.job.done.connect(self._looked)
        self.empty = EmptyState("image-multiple-outline", "")
        self.empty.offer_also("Choose files…", self._choose_files)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self._result())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.stack)

    # -- parts

    def _result(self) -> QWidget:
        self.verdict = Message("info", "")
        self.sentences = QVBoxLayout()
        self.sentences.setSpacing(6)
        self.distance = Spread("times as far as usual from what it learned from")
        self.doubt = Spread("how unsure it is, 0 to 1")
        self.table = _table()
        self.pairs = label(
            "In how many of all pairs of a new image and one of its own the new one is higher:"
            " 50 % where nothing differs.", "caption", wrap=True,
        )  # fmt: skip
        figures = QFrame()
        left = QVBoxLayout(figures)
        left.setContentsMargins(16, 12, 16, 12)
        left.setSpacing(12)
        left.addWidget(self.verdict)
        left.addLayout(self.sentences)
        for part in (self.distance, self.doubt, self.table, self.pairs):
            left.addWidget(part)
        left.addStretch(1)
        self.list = Strangest(self.studio)
        self.count = label("", "muted")
        right = QVBoxLayout()
        right.setContentsMargins(16, 12, 16, 12)
        right.setSpacing(8)
        head = QHBoxLayout()
        head.addWidget(label("The strangest first", "heading"))
        head.addStretch(1)
        head.addWidget(self.count)
        right.addLayout(head)
        right.addWidget(self.list, 1)
        right.addLayout(self._foot())
        result = QWidget()
        across = QHBoxLayout(result)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        across.addWidget(scrolling(figures), 5)
        across.addWidget(line(upright=True))
        across.addLayout(right, 6)
        return result

    def _foot(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.other = link("Other images…", self._choose_folder)
        row.addWidget(self.other)
        row.addStretch(1)
        self.bring = push("Bring into the project…", self._bring)
        self.bring.setToolTip("Import the chosen images, or all that are shown, to label them")
        row.addWidget(self.bring)
        return row

    # -- what is shown

    def show_subject(self, subject: Subject) -> None:
        self.subject = subject
        if self.job.running and self._of_run != subject.run.id:
            self.job.cancel()
        if self.found is None or self._of_run != subject.run.id:
            self.found = None
            self._find_looking(subject)
            self._offer()

    @property
    def judges(self) -> bool:
        """New images are held against those that the run learned from, whatever it is judged on."""
        return False

    def take_focus(self) -> None:
        target: QWidget = self.list if self.found is not None else self.empty.button
        target.setFocus(Qt.FocusReason.OtherFocusReason)

    def release(self) -> None:
        self.job.stop()
        self.list.release()

    def _offer(self) -> None:
        if self.subject is None or self.job.running:
            return
        self.stack.setCurrentIndex(0)
        self.empty.set(
            f"Does run {self.subject.run.id} still know what it looks at? Choose new images: from"
            " another day, another instrument, another site. They need not be in the project, and"
            " need no labels.",
            button="Choose a folder…", do=self._choose_folder,
        )  # fmt: skip
        self.empty.offer_also("Choose files…", self._choose_files)
        self.say("")

    # -- looking

    def _choose_folder(self) -> None:
        found = QFileDialog.getExistingDirectory(self, "Choose a folder with new images", "")
        if found:
            self.look([Path(found)])

    def _choose_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Choose new images", "")
        if names:
            self.look([Path(name) for name in names])

    def look(self, sources: Sequence[Path]) -> None:
        """Let the run look at these images and folders."""
        subject, command = self.subject, self.studio.jobs.command
        if subject is None or self.job.running:
            return
        self._of_run = subject.run.id

        def begin(control: Control) -> JobDir:
            return drift.start(subject.run, sources, check=control.check, command=command)

        self.job.start(_TITLE, begin)

    def _find_looking(self, subject: Subject) -> None:
        """Go on with a look that began before the project was opened, or elsewhere; else show what
        the last one found, which may have ended while the project was closed."""
        if self.studio.project is None or self.job.running:
            return
        found = jobs_at_work(self.studio.project, "embed", subject.run, folder=drift.FOLDER)
        self._of_run = subject.run.id
        self.job.go_on(_TITLE, found)
        last = None if self.job.running else drift.latest(subject.run)
        if last is not None and last != self._shown_again:
            self._shown_again = last
            self._read(subject, last, failed=lambda _error: self._offer())

    def _moved(self, text: str) -> None:
        self.say(text)
        if text:
            self.stack.setCurrentIndex(0)
            self.empty.set(text, button="Cancel", do=self.job.cancel, ends=True)
            self.empty.offer_also("")
        elif self.found is None:
            self._offer()
        else:
            self.stack.setCurrentIndex(1)

    def _looked(self, job: JobDir) -> None:
        subject = self.subject
        if subject is not None and subject.run.id == self._of_run:
            # Reading may take a while, in which nothing older is to pass for what was found.
            self.stack.setCurrentIndex(0)
            self.empty.set(f"{_READING}…", button="")
            self.empty.offer_also("")
            self.say(_READING)
            self._read(subject, job, failed=self._not_read)

    def _not_read(self, error: BaseException) -> None:
        """Show what was there before."""
        self._moved("")
        self.studio.fail(error, doing=_READING)

    def _read(
        self, subject: Subject, job: JobDir, *, failed: Callable[[BaseException], Any]
    ) -> None:
        self.studio.tasks.run(
            lambda control: (
                drift.read(subject.run, job, check=control.check), drift.looked_at(job)
            ),
            title=_READING, owner=self, done=partial(self._take, subject), failed=failed,
        )  # fmt: skip

    def _take(self, subject: Subject, answer: tuple[Drift, float]) -> None:
        found, at = answer
        if self.subject is None or self.subject.run.id != subject.run.id or self.job.running:
            return
        self.found = found
        self.verdict.set(_LEVELS[found.standing], found.headline)
        empty(self.sentences)
        for sentence in found.sentences:
            self.sentences.addWidget(label(sentence, wrap=True))
        self.distance.show_values(found.usual_distance, found.new_distance, found.strange.limit)
        self.doubt.show_values(found.usual_doubt, found.new_doubt, found.unsure.limit)
        _fill(self.table, found.shifts)
        self.list.show_images(found.strangers)
        shown, of = self.list.count(), len(found.strangers)
        self.count.setText(f"{shown:,} of {of:,}" if shown < of else counted(of, "image"))
        self.stack.setCurrentIndex(1)
        self.say(
            f"{counted(of, 'new image')} beside {len(found.usual_distance):,} of its own",
            f"looked at {moment(at)}",
        )
        if self.isVisible():
            self.take_focus()

    def _bring(self) -> None:
        paths = dict.fromkeys(one.path for one in self.list.chosen())
        self.studio.go_to("data", sources=[str(path) for path in paths])


def _table() -> QTableWidget:
    table = QTableWidget(0, len(_HEAD))
    for column, title in enumerate(_HEAD):
        table.setHorizontalHeaderItem(column, _item(title, column))
    figure_table(table, "Measures of the images", row=_ROW)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return table


def _fill(table: QTableWidget, shifts: Mapping[str, Shift]) -> None:
    table.setRowCount(len(shifts))
    for row, (title, one) in enumerate(shifts.items()):
        usual, new = (minus(f"{value:,.3g}") for value in (one.usual, one.new))
        words = (title, usual, new, f"{percent(one.more)} of pairs")
        for column, text in enumerate(words):
            item = _item(text, column)
            if one.noticeable:
                font = theme.font("body")
                font.setBold(True)
                item.setFont(font)
            table.setItem(row, column, item)
    table.setFixedHeight(table.horizontalHeader().sizeHint().height() + _ROW * len(shifts) + 2)


def _item(text: str, column: int) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    side = Qt.AlignmentFlag.AlignLeft if not column else Qt.AlignmentFlag.AlignRight
    item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    return item
