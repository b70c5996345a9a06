"""The view Errors: what is wrong, from the figures down to the one object, and to its label."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.gui.analyze import finding, kept, words
from cvstudio.gui.analyze.controls import ArrowKeeper
from cvstudio.gui.analyze.curves import CurveChart, Curves
from cvstudio.gui.analyze.detail import Detail
from cvstudio.gui.analyze.figures import CardRow, ClassTable
from cvstudio.gui.analyze.finding import Standing
from cvstudio.gui.analyze.gallery import Gallery
from cvstudio.gui.analyze.halves import Content, Halves, beside, figure_column
from cvstudio.gui.analyze.matrix_panel import MatrixPanel
from cvstudio.gui.analyze.pictures import Pictures
from cvstudio.gui.analyze.since import Since, moment
from cvstudio.gui.analyze.view import Subject, View, image_cases
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.project import analysis, certainty, deciding, runs
from cvstudio.project.deciding import WhatDecides
from cvstudio.project.project import Project
from cvstudio.project.run_status import RunStatus
from cvstudio.project.verdict import CHOSEN, COMPARED, LIKELY, WORST, Case, Verdict

MOST = 500
"""Cases that are shown until more are wanted: few enough to follow a drag."""


class ErrorsView(View):
    """Cards, matrix, table and curves; crops of the cases behind them, and the one at hand."""

    name, title = "errors", "Errors"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.subject: Subject | None = None
        self.standing = Standing()
        """How sure the main figure is and how it compares; empty until a thread has found out."""
        self._comparing = LatestWins(studio.tasks, owner=self)
        self._finding = LatestWins(studio.tasks, owner=self)
        self._since: Since | None = None
        self._list_again: Callable[[int, int], None] = lambda _most, _at: None
        """Shows what is listed once more: so many at most, beginning with the row at hand."""
        self._stale = False  # whether the kept cases may be other ones than the gallery knows
        self._make_parts(studio)
        self._lay_out()
        studio.actions.connect("analyze.deciding", self._show_deciding, self)
        studio.project_changed.connect(self._on_changes)

    @property
    def verdict(self) -> Verdict | None:
        """What is shown; None before there is a run."""
        return self.subject.verdict if self.subject is not None else None

    # -- parts

    def _make_parts(self, studio: Studio) -> None:
        self.cards = CardRow(studio.actions["analyze.deciding"])
        self.matrix_panel = MatrixPanel()
        self.matrix_panel.toggled.connect(self._classes_toggled)
        self.matrix = self.matrix_panel.matrix
        self.matrix.chosen.connect(self._show_cell)
        self.table = ClassTable()
        self.chart = CurveChart()
        self.gallery = Gallery(studio.tasks, self)
        self.gallery.tab_chosen.connect(self._show_kind)
        self.gallery.more_wanted.connect(self._show_more)
        self.gallery.cell_dropped.connect(lambda: self._show_kind(self.gallery.kind))
        self.gallery.case_chosen.connect(self._show_case)
        self.detail = Detail(studio, self)
        self.detail.stepped.connect(self.gallery.step)
        self.detail.listed = self.gallery.cases

    def _lay_out(self) -> None:
        figures = figure_column(self.matrix_panel, self.table, self.chart)
        across = beside(figures, Halves(self.gallery, self.detail))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(Content(self.cards, across))
        self._arrows = ArrowKeeper(self)
        self._arrows.watch(
            self.matrix, self.gallery.tabs, self.detail.class_box, *self.detail.how.arrow_users
        )

    @property
    def foot(self) -> QWidget:
        """The sentence that explains the error at hand."""
        return self.detail.footer

    def take_focus(self) -> None:
        """Let the keys work on the errors."""
        self.gallery.crops.setFocus(Qt.FocusReason.OtherFocusReason)
        self._follow_kept()

    def release(self) -> None:
        self._comparing.drop()
        self._finding.drop()
        self.detail.release()

    # -- what the page tells

    @property
    def _project(self) -> Project:
        assert self.studio.project is not None
        return self.studio.project

    def _classes(self) -> Mapping[int, LabelClass]:
        return self.subject.classes if self.subject is not None else {}

    @property
    def nothing(self) -> str:
        """What stands for no class."""
        subject = self.subject
        task = subject.analysis.snapshot.task if subject is not None else Task.DETECT
        return task.no_class

    def show_subject(self, subject: Subject) -> None:
        before, self.subject = self.subject, subject
        if not subject.same_answers(before):
            self.gallery.use(Pictures(subject.analysis.images))
            self.detail.use(subject.run, subject.analysis, self.gallery.pictures)
        # Judged again: the same view with new figures.
        self._take(subject, fresh=not subject.same_place(before))
        self._show_curves(subject, fresh=not subject.same_answers(before))
        if not subject.same_answers(before):
            self._compare(subject)

    def _take(self, subject: Subject, *, fresh: bool = False) -> None:
        verdict, classes = subject.verdict, subject.classes
        self._show_cards(subject)
        self.matrix.show_counts(
            verdict.confusion, verdict.class_ids, classes, nothing=self.nothing, unit=verdict.unit
        )
        self._tell_matrix()
        self._show_table(verdict)
        self.gallery.show_kinds(verdict.kinds, fresh=fresh)
        if fresh:
            self.matrix.unpick()
            self._show_kind(self.gallery.kind)
        elif self.gallery.cell is not None and set(self.gallery.cell) <= set(verdict.class_ids):
            self._show_cell(*self.gallery.cell)
        else:
            self._show_kind(self.gallery.kind)

    def _show_curves(self, subject: Subject, *, fresh: bool) -> None:
        analysed = subject.analysis
        score = subject.score if analysed.has_scores else None
        own = analysed.own_scores if subject.own else {}
        curves = Curves(lambda: subject.curves, subject.classes, score, own)
        self.chart.show_curves(curves, fresh=fresh)

    def show_cases(
        self, said: str, cases: Sequence[Case], most: int = MOST, at: int = 0
    ) -> None:  # fmt: skip
        """Show what somebody came for, as from the comparison of two runs, named on a chip; `most`
        of it, with the case at row `at` at hand."""
        if self.subject is None:
            return
        self._list_again = partial(self.show_cases, said, cases)
        known = [case for case in cases if case.image_id in self.subject.analysis.images]
        if known:
            self._finding.drop()
            self.matrix.unpick()
            self.gallery.show_images(
                said, known[:most], self._classes(), analysed=self.subject.analysis,
                total=len(known), at=at,
            )  # fmt: skip

    def show_changes(self, since: Since) -> None:
        """Mark what changed since the evaluation, in the list and in words."""
        self._since = since
        self.gallery.mark_changed(since.concerns)
        case = self.detail.case
        self.detail.mark_changed(case is not None and since.concerns(case))
        self._tell_matrix()

    # -- figures

    def _compare(self, subject: Subject) -> None:
        """Find out in a thread whether the run is better than the newest one before it."""
        self._say_standing(Standing())
        before = [
            r for r in runs.all_runs(self._project)
            if r.id < subject.run.id and RunStatus(r.status).has_network
        ]  # fmt: skip

        find = partial(finding.standing, subject.analysis, subject.draws, before)
        self._comparing.request(find, self._say_standing)

    def _say_standing(self, standing: Standing) -> None:
        self.standing = standing
        if standing.interval is not None and self.subject is not None:
            self._show_cards(self.subject)
        self.cards.show_since(standing.since, standing.older)
        known = standing.since is not None
        self.studio.actions.allow(
            "analyze.deciding", known, why="No older run was judged on these images"
        )

    def _show_deciding(self) -> None:
        """List the images that decide whether the run is better than the one before."""
        subject, older = self.subject, self.standing.older
        if subject is None or not older:
            return
        before = runs.job_of(runs.get(self._project, older))

        def find(_control: Control) -> WhatDecides | None:
            return deciding.decide(subject.analysis, analysis.load(before, subject.split))

        def show(found: WhatDecides | None) -> None:
            if found is None or self.subject is not subject:
                return
            said = deciding.words(
                found, newer=subject.run.id, older=older, metric=subject.verdict.cards[0].title
            )
            parts = found.deciding or found.parts
            figures = {p.image_id: f"{p.before:.2f} → {p.after:.2f}" for p in parts}
            self.show_cases(f"decide against run {older}", image_cases(figures, kind=COMPARED))
            self.studio.toast(said, about="deciding")

        self._finding.request(find, show)

    def _show_cards(self, subject: Subject) -> None:
        sure = {}
        if self.standing.interval is not None:
            sure[subject.verdict.cards[0].title] = self.standing.interval
        sure |= certainty.intervals(
            subject.analysis, subject.draws, score=subject.score, iou=subject.overlap,
            own=subject.own,
        )  # fmt: skip
        self.cards.show_cards(subject.verdict.cards, sure, views=subject.analysis.views)

    def _tell_matrix(self) -> None:
        if self.subject is not None:
            changed = self._since is not None and self._since.count
            of = moment(self.subject.judged_at) if changed else ""
            verdict = self.subject.verdict
            self.matrix_panel.tell(verdict.unit, of, objects=verdict.answers is not None)

    def _show_table(self, verdict: Verdict) -> None:
        """The figures of the classes that the matrix shows."""
        shown = set(self.matrix.matrix.class_ids)
        rows = tuple(row for row in verdict.rows if row.class_id in shown)
        self.table.show_rows(verdict.columns, rows, self._classes(), nothing=self.nothing)

    def _classes_toggled(self) -> None:
        if self.verdict is not None:
            self._tell_matrix()
            self._show_table(self.verdict)

    # -- cases

    def _show_more(self) -> None:
        """List as many again, and go to the first of them."""
        listed = self.gallery.count
        self._list_again(listed + MOST, listed)

    def _show_kind(self, kind: str, most: int = MOST, at: int = 0) -> None:
        if self.subject is None:
            return
        self._list_again = partial(self._show_kind, kind)
        self._finding.drop()
        self.matrix.unpick()
        verdict = self.subject.verdict
        likely = kind == LIKELY
        if likely:
            cases, total = kept.likely(self._project, self.subject.run, verdict, most)
        else:
            cases = verdict.cases(kind, most)
            total = next((one.count for one in verdict.kinds if one.kind == kind), 0)
        self.gallery.show_cases(
            cases, self._classes(), nothing=self.nothing, analysed=self.subject.analysis,
            withheld=verdict.withheld if likely else "", total=total, at=at,
        )  # fmt: skip

    def _show_cell(self, labelled: int, predicted: int, most: int = MOST, at: int = 0) -> None:
        if self.subject is None:
            return
        self._list_again = partial(self._show_cell, labelled, predicted)
        subject, verdict = self.subject, self.subject.verdict
        ids = verdict.class_ids
        total = int(verdict.confusion[ids.index(labelled), ids.index(predicted)])

        def show(cases: list[Case]) -> None:
            if self.subject is subject:
                self.gallery.show_cell(
                    (labelled, predicted), cases, self._classes(), nothing=self.nothing,
                    analysed=subject.analysis, total=len(cases) if len(cases) < most else total,
                    at=at,
                )  # fmt: skip

        # Where the pixels of a cell lie is found by painting image after image.
        self._finding.request(lambda _control: verdict.cell(labelled, predicted, most), show)

    def _show_case(self, case: Case | None) -> None:
        if case is None or self.subject is None:
            self.detail.clear()
        else:
            self.detail.show_case(
                case, self.subject.verdict, self.gallery.position,
                score=self.subject.score, nothing=self.nothing,
            )  # fmt: skip
            if self._since is not None:
                self.detail.mark_changed(self._since.concerns(case))
        self.verbs_changed.emit()
        self._status()

    def _status(self) -> None:
        if self.subject is not None:
            said = words.amount(self.subject.verdict, len(self.subject.analysis.images))
            self.say(said, f"{self.gallery.count:,} in this view")

    # -- towards the label

    def why_not(self, verb: str) -> str:
        case = self.detail.case
        if verb in ("fix", "keep") and case is None:
            return "Choose an error first"
        if verb == "keep" and case is not None:
            nothing = case.kind in ("right", WORST, COMPARED, CHOSEN)
            return "Nothing to keep here" if nothing else ""
        return ""

    def step(self, by: int) -> None:
        self.gallery.step(by)

    def fix(self) -> None:
        """Open the object behind the case in Label."""
        case = self.gallery.current
        if case is not None:
            self.label_wanted.emit(case.image_id, case.annotation_id, case.box)

    def keep(self) -> None:
        """The label is right and the network is wrong: take the case out of the likely errors."""
        case = self.gallery.current
        if case is None or self.subject is None:
            return
        kept.keep(self._project, self.subject.run, case, source=self)
        self.gallery.remove_current()

    def _on_changes(self, changes: Any) -> None:
        own = changes.source is self and changes.kind == "do"
        if not own and changes.touches("project"):
            self._stale = True
            self._follow_kept()

    def _follow_kept(self) -> None:
        """Undo and redo, here or on another page, may have changed which cases are kept."""
        if not self._stale or self.subject is None or not self.isVisible():
            return
        self._stale = False
        if self.gallery.cell is None and self.gallery.kind == LIKELY:
            self._show_kind(LIKELY)
        else:
            self.gallery.follow(partial(kept.without, self._project, self.subject.run))
