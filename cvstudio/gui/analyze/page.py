"""The Analyze page: which run, which split and which threshold; a row of views shows the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import QPoint, QRect, QTimer
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from cvstudio.core.annotation import Split
from cvstudio.core.config import Views
from cvstudio.core.errors import RunError
from cvstudio.core.geometry import Box
from cvstudio.core.snapshot import read_split_sizes
from cvstudio.core.thresholds import Thresholds
from cvstudio.gui.analyze import finding, no_run, words
from cvstudio.gui.analyze.controls import ArrowKeeper, Controls
from cvstudio.gui.analyze.errors_view import ErrorsView
from cvstudio.gui.analyze.evaluation import Evaluation
from cvstudio.gui.analyze.reporting import Reporting
from cvstudio.gui.analyze.since import Since, SinceBar
from cvstudio.gui.analyze.view import Subject, View, image_cases
from cvstudio.gui.analyze.view_row import ViewRow, ViewStack
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import ThreadWork
from cvstudio.gui.widgets.empty_state import EmptyState
from cvstudio.gui.workspace import Workspace
from cvstudio.project import analysis, runs
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus
from cvstudio.project.verdict import COMPARED, Analysis

_DRAG_MS = 25
_READING_SAID_AFTER = 300  # ms

_VERBS = ("fix", "keep", "next", "previous")
"""What the view in front does, by the actions of the page."""


class AnalyzePage(Workspace):
    """What all views share: run, split, score and overlap, the answers that were read, and what
    happened to the labels since."""

    name, title, icon = "analyze", "Analyze", "image-filter-center-focus"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.run: RunRecord | None = None
        self.subject: Subject | None = None
        """What the views show; None before a run that was judged is chosen."""
        self._told: dict[View, Subject] = {}
        self._loading: ThreadWork | None = None
        self._wanted_run: int | None = None
        self._wanted_images: tuple[Mapping[int, str], str] = ({}, "")
        self._make_helpers(studio)
        self._make_parts(studio)
        self._lay_out()
        self._connect_actions(studio)
        self.views.show_remembered()

    # -- parts

    def _make_helpers(self, studio: Studio) -> None:
        """What works beside the widgets: timers, the job that judges, the count of changes."""
        self._later = QTimer(self, singleShot=True, interval=_DRAG_MS)
        self._later.timeout.connect(self._judge)
        self._reading = QTimer(self, singleShot=True, interval=_READING_SAID_AFTER)
        self._reading.timeout.connect(self._say_reading)
        self.evaluation = Evaluation(studio, self)
        self.evaluation.done.connect(self._load)
        self.evaluation.moved.connect(self._evaluation_moved)
        self.reporting = Reporting(studio, self)
        self.since = Since(studio, self)
        self.since.moved.connect(self._show_since)

    def _make_parts(self, studio: Studio) -> None:
        self._bar = self._make_bar()
        train = partial(studio.go_to, "train")
        self.since_bar = SinceBar(self._evaluate, self.evaluation.cancel, train)
        self.row = ViewRow(studio)
        for text, name in (
            ("Suggest labels", "suggest"), ("Evaluate again…", "evaluate_views"),
            ("Report…", "report"),
        ):  # fmt: skip
            self.row.offer(text, studio.actions[f"analyze.{name}"])
        self.views = ViewStack(studio, self.row, self)
        self.views.made.connect(self._view_made)
        self.views.came.connect(self._view_came)
        self.empty = EmptyState("image-filter-center-focus", "")

    def _make_bar(self) -> Controls:
        bar = Controls(best=self._best_score)
        self.run_box, self.split_box = bar.run, bar.split
        self.score_field, self.overlap_field = bar.score, bar.overlap
        bar.run.activated.connect(lambda _index: self._choose_run())
        bar.split.activated.connect(lambda _index: self._load())
        bar.score.valueChanged.connect(self._score_changed)
        bar.overlap.valueChanged.connect(lambda _v: self._judge_soon())
        bar.own.toggled.connect(lambda _on: self._judge_soon())
        for field in (bar.score, bar.overlap):
            field.lineEdit().returnPressed.connect(self._focus_view)
        return bar

    def _lay_out(self) -> None:
        judged = QWidget()
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(judged)
        centre = QWidget()
        for column, parts in (
            (QVBoxLayout(judged), (self.row, self.since_bar, self.views)),
            (QVBoxLayout(centre), (self._bar, self.stack)),
        ):
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            for part in parts:
                column.addWidget(part)
            column.setStretch(column.count() - 1, 1)
        self.assemble(centre=centre)
        self._arrows = ArrowKeeper(self)
        self._arrows.watch(*self._bar.arrow_users, *self.row.segments.buttons)

    def free_area(self) -> QRect:
        """Above what the view in front has to say at its bottom."""
        area = super().free_area()
        foot = self.views.front.foot if self.views.front is not None else None
        if foot is not None and foot.isVisible():
            area.setBottom(min(area.bottom(), foot.mapTo(self, QPoint(0, 0)).y()))
        return area

    def _connect_actions(self, studio: Studio) -> None:
        actions = studio.actions
        actions.connect("analyze.fix", lambda: self._front.fix(), self)
        actions.connect("analyze.keep", lambda: self._front.keep(), self)
        actions.connect("analyze.next", lambda: self._front.step(1), self)
        actions.connect("analyze.previous", lambda: self._front.step(-1), self)
        actions.connect("analyze.evaluate", self._evaluate, self)
        actions.connect("analyze.evaluate_views", partial(self._evaluate, ask=True), self)
        actions.connect("analyze.suggest", self._suggest, self)
        actions.connect("analyze.report", self._report, self)
        studio.jobs.runs_changed.connect(self._list_runs)
        studio.project_changed.connect(self.since.take)

    # -- views

    @property
    def _front(self) -> View:
        front = self.views.front
        assert front is not None
        return front

    @property
    def analysis(self) -> Analysis | None:
        """The answers that are shown."""
        return self.subject.analysis if self.subject is not None else None

    @property
    def errors(self) -> ErrorsView:
        """The view Errors; made when it was not shown before."""
        found = self.views.view("errors")
        assert isinstance(found, ErrorsView)
        return found

    def _view_made(self, view: View) -> None:
        view.cases_wanted.connect(self._show_cases)
        view.label_wanted.connect(self._open_label)
        view.score_wanted.connect(self.score_field.setValue)
        view.reload_wanted.connect(self._load)
        view.evaluate_wanted.connect(self._evaluate)
        view.status_changed.connect(self._status)
        view.verbs_changed.connect(self._allow)
        view.judging_changed.connect(self._offer_judging)

    def _view_came(self, view: View) -> None:
        self._tell(view)
        self._allow()
        self._offer_judging()
        self._status()
        if self.isVisible():
            view.take_focus()

    def _tell(self, view: View) -> None:
        """Hand the view what is looked at, unless it has it."""
        if self.subject is not None and self._told.get(view) is not self.subject:
            self._told[view] = self.subject
            view.show_subject(self.subject)
            view.show_changes(self.since)

    def _allow(self) -> None:
        """Let the actions do what the view in front can do now."""
        for verb in _VERBS:
            why = self._front.why_not(verb)
            self.studio.actions.allow(f"analyze.{verb}", not why, why=why)

    def _offer_judging(self) -> None:
        """Show the split and the threshold where they make a difference, or lead on."""
        front = self.views.front
        self._bar.show_judging(self.subject is None or front is None or front.judges)

    def _status(self) -> None:
        if self.subject is not None:
            self.set_status(*self._front.status)

    def _show_cases(self, said: str, cases: Any) -> None:
        self.views.show_view("errors")
        self.errors.show_cases(said, cases)

    def _open_label(self, image_id: int, annotation_id: int | None, box: Box | None) -> None:
        where = None if box is None else (box.x, box.y, box.w, box.h)
        self.studio.go_to(
            "label", image_id=image_id, annotation_id=annotation_id, box=where,
            back=("analyze", f"Back to the {self._front.title.lower()}"),
        )  # fmt: skip

    # -- hooks

    def arrive(self, **what: Any) -> None:
        if what.get("run_id"):
            self._wanted_run = int(what["run_id"])
        self._wanted_images = (what.get("images", {}), what.get("words", ""))
        if what.get("view"):
            self.views.show_view(str(what["view"]))
        if what.get("like"):
            self._front.show_like(int(what["like"]))

    def shown(self) -> None:
        self._list_runs()
        self.evaluation.find()
        self._focus_view()

    def _focus_view(self) -> None:
        self._front.take_focus()

    def release(self) -> None:
        self._later.stop()
        self._reading.stop()
        self.since.drop()
        self.evaluation.stop()
        self.reporting.stop()
        for view in self.views.views.values():
            view.release()

    # -- runs and splits

    def _report(self) -> None:
        """Save the shown run as one file."""
        if self.run is not None and self.analysis is not None:
            self.reporting.ask(self.run)

    def _suggest(self) -> None:
        """Let the shown run look at images that wait for labels."""
        self.studio.go_to("suggest", run_id=self.run.id if self.run is not None else 0)

    def _list_runs(self) -> None:
        """Fill the list of runs that have a network; show the wanted, the same, or the newest."""
        if self.studio.project is None:
            return
        all_runs = runs.all_runs(self.project)
        judged = [
            r for r in reversed(all_runs) if RunStatus(r.status).has_network and runs.whole(r)
        ]
        keep = self._wanted_run or (self.run.id if self.run else None)
        self._wanted_run = None
        found = self._bar.list_runs(judged, keep)
        if found is None:
            self._reading.stop()
            self.run = self.subject = None
            self._bar.hide()
            no_run.tell(self.empty, self.studio, all_runs)
            self.stack.setCurrentIndex(0)
        elif self.run is None or self.run.id != found.id or self.subject is None:
            self._choose_run()
        else:
            self._show_wanted(self.subject)

    def _choose_run(self) -> None:
        self.run = self.run_box.currentData()
        if self.run is None:
            return
        self._bar.show()
        try:
            counts = read_split_sizes(runs.job_of(self.run).snapshot)
        except RunError as error:
            self.subject = None
            self.empty.set(error.message, button="", do=None)
            self.stack.setCurrentIndex(0)
            return
        self._bar.list_splits(counts)
        self._load()

    @property
    def split(self) -> Split | None:
        """The split that is shown."""
        found = self.split_box.currentData()
        return Split(found) if found else None

    def _load(self) -> None:
        """Read the run's answers in a thread, then judge them."""
        if self._loading is not None:
            self._loading.cancel()  # what it has read may be older than what is read now
        run, split = self.run, self.split
        if run is None or split is None:
            return
        if split not in analysis.judged_splits(runs.job_of(run)):
            self._show_not_judged(run, split)
            return

        # Judged again: the same score; another run: that of the run.
        again = self.subject is not None and self._here(self.subject)
        score = self._bar.exact_score if again else None
        iou, own = self.overlap_field.value(), self._bar.own.isChecked()
        self._reading.start()
        self._loading = self.studio.tasks.run(
            lambda _control: finding.load(run, split, score=score, iou=iou, own=own),
            title=f"Read the answers of run {run.id}", owner=self,
            done=self._loaded, failed=self._not_loaded,
        )  # fmt: skip

    def _here(self, subject: Subject) -> bool:
        """Whether this is about the run and the split that are chosen."""
        run = self.run
        return run is not None and (subject.run.id, subject.split) == (run.id, self.split)

    def _not_loaded(self, error: BaseException) -> None:
        self._reading.stop()
        if self.stack.currentIndex() == 0:
            self.empty.set("The answers of this run cannot be read.", button="")
        self.studio.fail(error)

    def _say_reading(self) -> None:
        if self.stack.currentIndex() == 0 and self.run is not None:
            self.empty.set(f"Reading the answers of run {self.run.id} …", button="")

    def _loaded(self, found: Subject) -> None:
        if not self._here(found):
            return
        self._reading.stop()
        self._bar.show_scores(found.analysis)
        if self.subject is not None and found.same_place(self.subject):
            self._move_score(self.subject.analysis.chosen, found.analysis.chosen)
            found = self._at_threshold(found)
        else:
            self._bar.set_score(found.score)
        self.stack.setCurrentIndex(1)
        self.since.follow(found.analysis)
        self._take(found)
        self._show_wanted(found)
        if self.isVisible():
            self._focus_view()

    def _move_score(self, before: Thresholds, now: Thresholds) -> None:
        """Where scores are read otherwise now, the one that is shown keeps the same objects."""
        if before.platt != now.platt:
            self._bar.set_score(now.read_as(before.said_as(self._bar.exact_score)))

    def _show_not_judged(self, run: RunRecord, split: Split) -> None:
        self._reading.stop()
        self.subject = None
        self._offer_judging()
        said = f"Run {run.id} has not been judged on {split} yet."
        self.empty.set(said, button=f"Evaluate on {split}", do=self._evaluate)
        self.stack.setCurrentIndex(0)

    def _show_wanted(self, subject: Subject) -> None:
        """Show the images that somebody came for, as from the comparison of two runs."""
        (images, said), self._wanted_images = self._wanted_images, ({}, "")
        here = {i: figure for i, figure in images.items() if i in subject.analysis.images}
        if here:
            self._show_cases(said, image_cases(here, kind=COMPARED))

    # -- judging again

    def _evaluate(self, *, ask: bool = False) -> None:
        """Judge again as it was judged, or ask how."""
        if self.run is not None and self.split is not None:
            views = self.subject.analysis.views if self.subject is not None else Views.ONE
            begin = self.evaluation.ask if ask else self.evaluation.judge
            begin(self.run, self.split, views)

    def _evaluation_moved(self, text: str) -> None:
        self.set_status(text)
        self.since_bar.show_work(text)
        if self.stack.currentIndex() == 0 and text:
            self.empty.set(text, button="Cancel", do=self.evaluation.cancel, ends=True)

    def _show_since(self) -> None:
        """Tell what changed since the evaluation."""
        if self.subject is not None:
            self.since_bar.show_changes(self.since.count, self.subject.judged_at)
            if self.subject is self._told.get(self._front):
                self._front.show_changes(self.since)

    # -- the threshold

    def _score_changed(self, score: float) -> None:
        self._bar.set_score(score)
        self._judge_soon()

    def _judge_soon(self) -> None:
        """Judge in a moment. Moves that come before then are one with this one and do not put it
        off: the page goes along with a hand that never rests."""
        if not self._later.isActive():
            self._later.start()

    def _best_score(self) -> None:
        if self.subject is not None:
            best = self.subject.analysis.best_score(self.overlap_field.value())
            if not math.isnan(best):
                self.score_field.setValue(best)

    def _at_threshold(self, subject: Subject) -> Subject:
        """The same answers from the score and the overlap that the bar shows now."""
        return replace(
            subject, score=self._bar.exact_score, overlap=self.overlap_field.value(),
            own=self._bar.each_its_own,
        )  # fmt: skip

    def _judge(self) -> None:
        if self.subject is not None:
            self._take(self._at_threshold(self.subject))

    def _take(self, subject: Subject) -> None:
        """Look at this from now on, all views."""
        self.subject = subject
        self._offer_judging()
        self.since_bar.show_unlearned(words.hardly_learned(subject.verdict))
        self._show_since()
        self._tell(self._front)
