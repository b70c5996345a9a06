"""The view Figures: how good the network is, how sure that is, and where most is to be gained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QStackedWidget, QVBoxLayout, QWidget

from cvstudio.core.annotation import Split
from cvstudio.core.error_kinds import ErrorKind
from cvstudio.core.jobdir import JobDir
from cvstudio.core.metrics.choosing import Choice
from cvstudio.core.metrics.sheets import ScoreFree, Sheet
from cvstudio.core.sureness import Correction
from cvstudio.core.thresholds import Aim
from cvstudio.core.words import counted
from cvstudio.gui.analyze.controls import ArrowKeeper
from cvstudio.gui.analyze.figures_view.calibration import CalibrationPanel
from cvstudio.gui.analyze.figures_view.class_table import ClassFigures
from cvstudio.gui.analyze.figures_view.figure_rows import FigureRows
from cvstudio.gui.analyze.figures_view.scores import ScoresPanel
from cvstudio.gui.analyze.view import Subject, View
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.empty_state import EmptyState
from cvstudio.gui.widgets.layouts import scrolling
from cvstudio.gui.widgets.section import SectionHeader, label
from cvstudio.gui.widgets.value_bars import Bar, ValueBars
from cvstudio.gui.widgets.what_is import WhatIs
from cvstudio.project import analysis, choosing, runs
from cvstudio.project.choosing import Calibration
from cvstudio.project.figure_sheet import about_never_found, free_of, sheet_of

_NOTHING = 0.0005
"""A gain that is told as +0.000."""


@dataclass(frozen=True, eq=False)
class _Known:
    """What depends on no score: found once for the answers of a run."""

    free: ScoreFree | None
    calibration: Calibration | None


@dataclass(frozen=True, eq=False)
class _Found:
    """What a thread found out about a subject."""

    sheet: Sheet
    known: _Known


class FiguresView(View):
    """Main figures and calibration at the left, gains at the right, classes and scores below."""

    name, title = "figures", "Figures"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.subject: Subject | None = None
        self.sheet: Sheet | None = None
        self._known: tuple[Subject, _Known] | None = None
        self._chosen: tuple[list[Choice], Aim, float | None] = ([], Aim.F1, None)
        self._latest = LatestWins(studio.tasks, owner=self, title="Compute the figures")
        self._choosing = LatestWins(studio.tasks, owner=self, title="Choose scores of classes")
        self._listing = LatestWins(studio.tasks, owner=self, title="List errors")
        self._lay_out()

    # -- parts

    def _lay_out(self) -> None:
        self.figures = FigureRows()
        self.calibration = CalibrationPanel()
        self.calibration.taken.connect(self._take_correction)
        self.calibration.dropped.connect(lambda: self._take_correction(None))
        self.gains = ValueBars(
            pressable=True,
            tip="What mAP50 would gain if all errors of a kind were put right; press one to see"
            " those errors",
        )
        self.gains.pressed.connect(self._show_errors)
        self.classes = ClassFigures()
        self.scores = ScoresPanel()
        self.scores.asked.connect(lambda aim, wanted: self._choose(aim, wanted))
        self.scores.kept.connect(self._keep_scores)
        self.scores.dropped.connect(self._drop_scores)
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(0)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        top = Qt.AlignmentFlag.AlignTop
        left_half = QWidget()
        left = QVBoxLayout(left_half)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(0)
        left.addWidget(self._section("Figures", "95 % interval", self.figures))
        left.addWidget(self.scores)
        grid.addWidget(left_half, 0, 0, top)
        right_half = QWidget()
        right = QVBoxLayout(right_half)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        self._gain_words = label("", "caption", wrap=True)
        self._gain_section = self._section(
            "What fixing would gain", "What fixing would gain", self.gains, self._gain_words
        )
        right.addWidget(self._gain_section)
        right.addWidget(self.calibration)
        grid.addWidget(right_half, 0, 1, top)
        grid.addWidget(self._section("Classes", "", self.classes), 1, 0, 1, 2)
        grid.setRowStretch(2, 1)
        self.empty = EmptyState("chart-box-outline", "", next_=False)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.area = scrolling(inside)
        self.area.setAccessibleName("Figures of the run")
        self.stack.addWidget(self.area)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.stack)
        self._arrows = ArrowKeeper(self)
        self._arrows.watch(self.gains, self.scores.aim, self.scores.wanted)

    @staticmethod
    def _section(title: str, word: str, *parts: QWidget) -> QWidget:
        section = QWidget()
        column = QVBoxLayout(section)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        header = SectionHeader(title)
        if word:
            header.row.insertWidget(1, WhatIs(word))
        column.addWidget(header)
        for part in parts:
            if isinstance(part, FigureRows):
                column.addWidget(part)
                continue
            padded = QVBoxLayout()
            padded.setContentsMargins(16, 0, 16, 8)
            padded.addWidget(part)
            column.addLayout(padded)
        return section

    def take_focus(self) -> None:
        self.area.setFocus(Qt.FocusReason.OtherFocusReason)

    def release(self) -> None:
        self._latest.drop()
        self._choosing.drop()
        self._listing.drop()

    # -- the subject

    def show_subject(self, subject: Subject) -> None:
        before, self.subject = self.subject, subject
        if not subject.same_place(before):
            self.sheet, self._known = None, None
            self.scores.show_aim(subject.analysis.chosen)
            self.empty.set("Computing the figures …", button="")
            self.stack.setCurrentIndex(0)
        known = None
        if self._known is not None and subject.same_answers(self._known[0]):
            known = self._known[1]
        job = runs.job_of(subject.run)
        self._latest.request(
            lambda control: _find(subject, job, known, control), partial(self._take, subject),
            self._failed,
        )  # fmt: skip
        if not subject.same_answers(before):
            self._choose(self.scores.chosen_aim, self.scores.chosen_share)

    def _failed(self, error: BaseException) -> None:
        self.empty.set("The figures cannot be computed.", button="")
        self.stack.setCurrentIndex(0)
        self.studio.fail(error)

    def _take(self, subject: Subject, found: _Found) -> None:
        sheet = found.sheet
        self.sheet, self._known = sheet, (subject, found.known)
        self.figures.show_figures(sheet.figures)
        nothing = subject.analysis.snapshot.task.no_class
        self.classes.show_figures(sheet.classes, subject.classes, nothing=nothing)
        self.calibration.show_reliability(sheet.reliability)
        self.calibration.show_calibration(found.known.calibration)
        self._show_gains(subject, sheet)
        why_not = choosing.why_no_scores(subject.analysis)
        self.scores.setVisible(not why_not)
        self.scores.show_state(subject.analysis.chosen)
        self.stack.setCurrentIndex(1)
        shown = counted(sheet.images, "image")
        self.say(f"Figures of {shown}", "ranges from drawing the images again")

    def _show_gains(self, subject: Subject, sheet: Sheet) -> None:
        self._gain_section.setVisible(bool(sheet.gains))
        if not sheet.gains:
            return
        titles = {each.kind: each.title for each in subject.verdict.kinds}
        counts = {each.kind: each.count for each in subject.verdict.kinds}
        bars = []
        for each in sheet.gains:
            between = each.gain.interval
            spread = f"  ({between[0]:.3f}–{between[1]:.3f})" if between is not None else ""
            words = f"+{max(each.gain.value, 0.0):.3f}{spread}"
            if each.kind is ErrorKind.MISSED and sheet.never_found and each.gain.value < _NOTHING:
                classes = counted(len(sheet.never_found), "class", "classes")
                words = f"{classes} never found, see below"
            title = titles.get(each.kind.value, each.kind.value)
            bars.append(Bar(f"{title}, {each.count:,}", max(each.gain.value, 0.0), words))
        self.gains.show_bars(bars)
        about = _about_gains(sheet, counts.get(ErrorKind.MISSED.value, 0))
        never = about_never_found(sheet, subject.classes)
        self._gain_words.setText(f"{never}\n\n{about}".lstrip())

    def _show_errors(self, place: int) -> None:
        if self.subject is None or self.sheet is None:
            return
        kind = self.sheet.gains[place].kind
        title = next(e.title for e in self.subject.verdict.kinds if e.kind == kind.value)
        verdict = self.subject.verdict  # a large split has more errors than can be listed at once
        self._listing.request(
            lambda _control: verdict.cases(kind.value), partial(self.cases_wanted.emit, title)
        )

    # -- what is chosen for the run

    def _choose(self, aim: Aim, wanted: float | None) -> None:
        subject = self.subject
        self._choosing.drop()
        self.scores.wait()
        if subject is None or choosing.why_no_scores(subject.analysis):
            return
        job = runs.job_of(subject.run)
        self._choosing.request(
            lambda _control: _choices(job, aim, wanted),
            lambda chosen: self._show_choices(subject, chosen, aim, wanted),
        )

    def _show_choices(
        self, subject: Subject, chosen: list[Choice], aim: Aim, wanted: float | None
    ) -> None:
        self._chosen = (chosen, aim, wanted)
        self.scores.show_choices(chosen, subject.classes)

    def _keep_scores(self) -> None:
        chosen, aim, wanted = self._chosen
        if self.subject is not None and chosen:
            choosing.take(runs.job_of(self.subject.run), chosen, aim, wanted)
            self.reload_wanted.emit()

    def _drop_scores(self) -> None:
        if self.subject is not None:
            choosing.forget(runs.job_of(self.subject.run))
            self.reload_wanted.emit()

    def _take_correction(self, correction: Correction | None) -> None:
        if self.subject is not None:
            choosing.take_correction(runs.job_of(self.subject.run), correction)
            self.reload_wanted.emit()


def _about_gains(sheet: Sheet, missed: int) -> str:
    """What the bars count, and why more may be `missed` at the score in force than they say."""
    never = next(each.count for each in sheet.gains if each.kind is ErrorKind.MISSED)
    words = (
        "mAP50 if all errors of a kind were put right. Gains and counts are over all scores,"
        " however low (TIDE)"
    )
    if missed > never:
        words += (
            f": of the {missed:,} missed at the score chosen above all but {never:,} are answered"
            " below it, or beside the place or as another class, and count there"
        )
    return f"{words}. Press a bar to see the errors at the chosen score."


def _find(subject: Subject, job: JobDir, known: _Known | None, control: Control) -> _Found:
    analysed = subject.analysis
    if known is None:
        free = free_of(analysed, subject.draws)
        control.check()
        known = _Known(free, _calibration(subject, job))
    control.check()
    sheet = sheet_of(
        analysed, subject.draws, score=subject.score, iou=subject.overlap, own=subject.own,
        free=known.free,
    )  # fmt: skip
    control.check()
    return _Found(sheet, known)


def _calibration(subject: Subject, job: JobDir) -> Calibration | None:
    """What a correction would do, where there is one for such answers and val was judged."""
    if choosing.why_no_calibration(subject.analysis):
        return None
    if Split.VAL not in analysis.judged_splits(job):
        return None
    return choosing.calibration(job, subject.analysis)


def _choices(job: JobDir, aim: Aim, wanted: float | None) -> list[Choice]:
    if Split.VAL not in analysis.judged_splits(job):
        return []
    return choosing.choices(job, aim, wanted)
