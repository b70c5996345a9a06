"""The view Slices: where the network does worse, and parts that a person asks for by a query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QStackedWidget, QVBoxLayout

from cvstudio.core.annotation import LabelClass
from cvstudio.core.words import counted
from cvstudio.gui.analyze.figures_view.titles import in_brackets, said, title_of
from cvstudio.gui.analyze.slices_view.slice_table import SliceTable, sentence
from cvstudio.gui.analyze.view import Subject, View, image_cases
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.empty_state import EmptyState
from cvstudio.gui.widgets.layouts import bar_row
from cvstudio.gui.widgets.possible import allow
from cvstudio.gui.widgets.section import label, line, link, push
from cvstudio.gui.widgets.what_is import WhatIs
from cvstudio.imaging.measures import ImageMeasures
from cvstudio.project import runs, slices
from cvstudio.project.measuring import measure
from cvstudio.project.project import Project
from cvstudio.project.query_language import QueryError, quote
from cvstudio.project.slices import Slice, Sliced
from cvstudio.project.verdict import CHOSEN

_INDENT = 10
"""Pixels by which rows begin further right than a table's own, below the words over them."""
_LONGEST_EXAMPLE = 20


class SlicesView(View):
    """A bar for one's own queries, the table of parts, and what is known of the chosen one."""

    name, title = "slices", "Slices"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.subject: Subject | None = None
        self.sliced: Sliced | None = None
        self._looks: Mapping[int, ImageMeasures] = {}
        self._looks_of: Subject | None = None
        self._latest = LatestWins(studio.tasks, owner=self, title="Look at the parts")
        self._listing = LatestWins(studio.tasks, owner=self, title="List errors")
        self._lay_out()
        studio.project_changed.connect(self._on_changes)

    @property
    def _project(self) -> Project:
        assert self.studio.project is not None
        return self.studio.project

    # -- parts

    def _lay_out(self) -> None:
        bar = QFrame()
        row = bar_row(bar)
        self.words = label("", "section")
        row.addWidget(self.words)
        row.addWidget(WhatIs("Slice"))
        row.addStretch(1)
        self.query = QLineEdit()
        self.query.setToolTip("A query as in the search of Data: its images become a part")
        self.query.setAccessibleName("Query of a part of your own")
        self.query.setMinimumWidth(380)
        self.query.returnPressed.connect(self._add)
        self.add = push("Add part", self._add, small=True)
        self.add.setToolTip("Keep the query with the project and look at its images")
        row.addWidget(self.query)
        row.addWidget(self.add)
        self.problem = label("", "danger_caption", wrap=True)
        self.problem.setContentsMargins(16, 4, 16, 4)
        self.problem.hide()
        self.table = SliceTable()
        self.table.opened.connect(self._open)
        self.table.chosen.connect(self._tell)
        self.empty = EmptyState("chart-pie", "", next_=False)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.table)
        self.sentence = label("", wrap=True)
        self.errors = push("Show its errors", self._open_current, small=True)
        self.images = link("Show its images", self._open_images)
        self.remove = link("Remove", self._remove)
        self.remove.setToolTip("Forget this query")
        self.verbs = QFrame()
        foot = QHBoxLayout(self.verbs)
        foot.setContentsMargins(16, 8, 16, 8)
        foot.setSpacing(12)
        foot.addWidget(self.sentence, 1)
        for part in (self.remove, self.images, self.errors):
            foot.addWidget(part)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(bar)
        column.addWidget(self.problem)
        rows = QVBoxLayout()
        rows.setContentsMargins(_INDENT, 0, 0, 0)
        rows.addWidget(self.stack)
        column.addLayout(rows, 1)
        column.addWidget(line())
        column.addWidget(self.verbs)
        self.verbs.hide()

    def take_focus(self) -> None:
        # While it is looking there is no table: the keys wait for it and go nowhere else.
        seen = self.stack.currentWidget() is self.table
        (self.table if seen else self).setFocus(Qt.FocusReason.OtherFocusReason)

    def release(self) -> None:
        self._latest.drop()
        self._listing.drop()

    # -- the subject

    def show_subject(self, subject: Subject) -> None:
        before, self.subject = self.subject, subject
        if not subject.same_place(before):
            self.sliced = None
            self.words.setText("")
            self.verbs.hide()  # they would be about the parts of another run
            self.query.setPlaceholderText(f"A part of your own{_example(subject.classes.values())}")
            self.empty.set("Looking at the images and their parts …", button="")
            self.stack.setCurrentIndex(0)
        self._look()

    def _look(self) -> None:
        subject = self.subject
        if subject is None:
            return
        project = self._project
        known = self._looks if subject.same_answers(self._looks_of) else None
        self._latest.request(
            lambda control: _find(project, subject, known, control), partial(self._take, subject),
            self._failed,
        )  # fmt: skip

    def _failed(self, error: BaseException) -> None:
        self.empty.set("The parts cannot be looked at.", button="")
        self.stack.setCurrentIndex(0)
        self.studio.fail(error)

    def _take(self, subject: Subject, found: tuple[Sliced, Mapping[int, ImageMeasures]]) -> None:
        self.sliced, self._looks = found
        self._looks_of = subject
        sliced, worst = self.sliced, len(self.sliced.worst)
        self.words.setText(
            f"All together: {title_of(sliced.figure)} {said(sliced.whole.value)}"
            f"{in_brackets(sliced.whole)}"
        )
        if not sliced.slices:
            self.empty.set(
                "There are no parts to compare: one class, no tags, groups or folders, and too few"
                " images for their looks. Add one by a query above.", button="",
            )  # fmt: skip
        self.table.show_slices(sliced)
        self.stack.setCurrentIndex(1 if sliced.slices else 0)
        if self.hasFocus():
            self.take_focus()
        self.verbs.setVisible(bool(sliced.slices))
        looked = counted(sliced.looks, "part")
        self.say(f"{looked} looked at", f"{worst} worse than chance explains")

    def _tell(self) -> None:
        """What is known of the chosen part, and what can be done with it."""
        each = self.table.current
        self.sentence.setText(sentence(each, self.sliced) if each is not None else "")
        why = "" if each is not None and each.image_ids else "No part with images is chosen"
        allow(self.errors, why, does="Show the errors of the chosen part as crops (Enter)")
        allow(self.images, why, does="Show all images of the chosen part")
        self.remove.setVisible(each is not None and each.kind == "query")

    # -- what is done with a part

    def _open_current(self) -> None:
        if self.table.current is not None:
            self._open(self.table.current)

    def _open(self, each: Slice) -> None:
        if self.subject is None:
            return
        verdict = self.subject.verdict
        self._listing.request(
            lambda _control: each.cases(verdict.cases(verdict.kinds[0].kind)),
            partial(self.cases_wanted.emit, each.name),
        )

    def _open_images(self) -> None:
        each = self.table.current
        if each is not None:
            self.cases_wanted.emit(
                each.name, image_cases(dict.fromkeys(each.image_ids, ""), kind=CHOSEN)
            )

    def _add(self) -> None:
        text = self.query.text().strip()
        if not text:
            return
        try:
            slices.add_query(self._project, text, source=self)
        except QueryError as error:
            self.problem.setText(error.message)
            self.problem.show()
            return
        self.problem.hide()
        self.query.clear()

    def _remove(self) -> None:
        each = self.table.current
        if each is not None and each.kind == "query":
            slices.remove_query(self._project, each.name, source=self)

    def _on_changes(self, changes: Any) -> None:
        if changes.touches("project") and self.subject is not None:
            self._look()


def _example(classes: Iterable[LabelClass]) -> str:
    """Such a query with one of the project's own classes, whose name leaves it whole."""
    names = [quote(one.name) for one in classes]
    short = [name for name in names if len(name) <= _LONGEST_EXAMPLE]
    return f", such as class:{short[0]}" if short else ""


def _find(
    project: Project, subject: Subject, known: Mapping[int, ImageMeasures] | None, control: Control
) -> tuple[Sliced, Mapping[int, ImageMeasures]]:
    ids = list(subject.analysis.images)
    looks = known if known is not None else measure(project, ids, check=control.check)
    with project.read() as session:
        facts = slices.facts_of(session, ids, looks)
    others = slices.on_other_splits(runs.job_of(subject.run), subject.analysis, check=control.check)
    sliced = slices.look(
        subject.analysis, facts, score=subject.score, iou=subject.overlap, own=subject.own,
        others=others,
    )  # fmt: skip
    return sliced, looks
