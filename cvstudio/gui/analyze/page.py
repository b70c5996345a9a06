"""The Analyze page: choose a run and a split, see what is wrong, look at it, and fix the label."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import QPoint, QRect, Qt, QTimer
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from cvstudio.core.annotation import LabelClass, Split, Task
from cvstudio.core.errors import RunError
from cvstudio.core.metrics.resampling import Draws, draw
from cvstudio.core.snapshot import read_split_sizes
from cvstudio.gui.analyze import finding, kept, no_run, words
from cvstudio.gui.analyze.controls import ArrowKeeper, Controls
from cvstudio.gui.analyze.curves import CurveChart
from cvstudio.gui.analyze.detail import Detail
from cvstudio.gui.analyze.evaluation import Evaluation
from cvstudio.gui.analyze.figures import CardRow, ClassTable
from cvstudio.gui.analyze.finding import Loaded, Standing
from cvstudio.gui.analyze.gallery import Gallery
from cvstudio.gui.analyze.halves import Content, Halves, beside, figure_column
from cvstudio.gui.analyze.matrix_panel import MatrixPanel
from cvstudio.gui.analyze.pictures import Pictures
from cvstudio.gui.analyze.since import Since, SinceBar, moment
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.empty_state import EmptyState
from cvstudio.gui.workspace import Workspace
from cvstudio.project import analysis, certainty, runs
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus
from cvstudio.project.verdict import COMPARED, LIKELY, WORST, Analysis, Case, Verdict

_DRAG_MS = 25
_READING_SAID_AFTER = 300  # ms


class AnalyzePage(Workspace):
    """Errors of a finished run, from the figures down to the one object."""

    name, title, icon = "analyze", "Analyze", "image-filter-center-focus"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.run: RunRecord | None = None
        self.analysis: Analysis | None = None
        self.verdict: Verdict | None = None
        self.standing = Standing()
        """How sure the main figure is and how it compares; empty until a thread has found out."""
        self._drawn: Draws = draw(0)
        self._comparing = LatestWins(studio.tasks, owner=self)
        self._finding = LatestWins(studio.tasks, owner=self)
        self._wanted_run: int | None = None
        self._wanted_images: tuple[Mapping[int, str], str] = ({}, "")
        self._judged_at = 0.0
        self._stale = False  # whether the kept cases may be other ones than the gallery knows
        self._shown: tuple[int, Split] | None = None  # what the gallery shows
        self._make_helpers(studio)
        self._make_parts(studio)
        self._lay_out()
        self._connect_actions(studio)

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
        self.since = Since(studio, self)
        self.since.moved.connect(self._show_since)

    def _make_parts(self, studio: Studio) -> None:
        self._bar = self._make_bar()
        train = partial(studio.go_to, "train")
        self.since_bar = SinceBar(self._evaluate, self.evaluation.cancel, train)
        self.cards = CardRow()
        self.matrix_panel = MatrixPanel()
        self.matrix_panel.toggled.connect(self._classes_toggled)
        self.matrix = self.matrix_panel.matrix
        self.matrix.chosen.connect(self._show_cell)
        self.table = ClassTable()
        self.chart = CurveChart()
        self.gallery = Gallery(studio.tasks, self)
        self.gallery.tab_chosen.connect(self._show_kind)
        self.gallery.cell_dropped.connect(lambda: self._show_kind(self.gallery.kind))
        self.gallery.case_chosen.connect(self._show_case)
        self.detail = Detail(studio, self)
        self.detail.stepped.connect(self.gallery.step)
        self.empty = EmptyState("image-filter-center-focus", "")

    def _lay_out(self) -> None:
        figures = figure_column(self.matrix_panel, self.table, self.chart)
        across = beside(figures, Halves(self.gallery, self.detail))
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(Content(self.since_bar, self.cards, across))
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._bar)
        column.addWidget(self.stack, 1)
        self.assemble(centre=centre)
        self._arrows = ArrowKeeper(self)
        self._arrows.watch(*self._bar.arrow_users, self.matrix, self.gallery.tabs,
                           self.detail.class_box)  # fmt: skip

    def free_area(self) -> QRect:
        """Above the sentence that explains the error at hand."""
        area, foot = super().free_area(), self.detail.footer
        if foot.isVisible():
            area.setBottom(min(area.bottom(), foot.mapTo(self, QPoint(0, 0)).y()))
        return area

    def _connect_actions(self, studio: Studio) -> None:
        actions = studio.actions
        actions.connect("analyze.fix", self._fix, self)
        actions.connect("analyze.keep", self._keep, self)
        actions.connect("analyze.next", lambda: self.gallery.step(1), self)
        actions.connect("analyze.previous", lambda: self.gallery.step(-1), self)
        actions.connect("analyze.evaluate", self._evaluate, self)
        actions.connect("analyze.suggest", self._suggest, self)
        studio.jobs.runs_changed.connect(self._list_runs)
        studio.project_changed.connect(self._on_changes)

    def _make_bar(self) -> Controls:
        tip = self.studio.actions["analyze.evaluate"].toolTip()
        bar = Controls(best=self._best_score, again=self._evaluate, again_tip=tip)
        bar.offer("Suggest labels", self._suggest, self.studio.actions["analyze.suggest"].toolTip())
        self.run_box, self.split_box = bar.run, bar.split
        self.score_field, self.overlap_field = bar.score, bar.overlap
        bar.run.activated.connect(lambda _index: self._choose_run())
        bar.split.activated.connect(lambda _index: self._load())
        bar.score.valueChanged.connect(self._score_changed)
        bar.overlap.valueChanged.connect(lambda _v: self._later.start())
        for field in (bar.score, bar.overlap):
            field.lineEdit().returnPressed.connect(self._focus_errors)
        return bar

    # -- hooks

    def arrive(self, **what: Any) -> None:
        if what.get("run_id"):
            self._wanted_run = int(what["run_id"])
        self._wanted_images = (what.get("images", {}), what.get("words", ""))

    def shown(self) -> None:
        self._list_runs()
        self._follow_kept()
        self._focus_errors()

    def _focus_errors(self) -> None:
        """Let the keys work on the errors."""
        self.gallery.crops.setFocus(Qt.FocusReason.OtherFocusReason)

    def release(self) -> None:
        self._later.stop()
        self._reading.stop()
        self._comparing.drop()
        self._finding.drop()
        self.since.drop()
        self.evaluation.stop()
        self.detail.release()

    # -- runs and splits

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
            self._show_no_run(all_runs)
        elif self.run is None or self.run.id != found.id or self.analysis is None:
            self._choose_run()
        else:
            self._show_wanted(self.analysis)

    def _show_no_run(self, all_runs: list[RunRecord]) -> None:
        self._reading.stop()
        self.run, self.analysis, self.verdict = None, None, None
        self._bar.hide()
        no_run.tell(self.empty, self.studio, all_runs)
        self.stack.setCurrentIndex(0)

    def _choose_run(self) -> None:
        self.run = self.run_box.currentData()
        if self.run is None:
            return
        self._bar.show()
        try:
            counts = read_split_sizes(runs.job_of(self.run).snapshot)
        except RunError as error:
            self.analysis = self.verdict = None
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
        run, split = self.run, self.split
        if run is None or split is None:
            return
        job = runs.job_of(run)
        if split not in analysis.judged_splits(job):
            self._show_not_judged(run, split)
            return

        iou = self.overlap_field.value()
        self._reading.start()
        self.studio.tasks.run(
            lambda _control: finding.load(job, split, iou=iou),
            title=f"Read the answers of run {run.id}", owner=self,
            done=lambda found: self._loaded(run, split, found), failed=self._not_loaded,
        )  # fmt: skip

    def _not_loaded(self, error: BaseException) -> None:
        self._reading.stop()
        if self.stack.currentIndex() == 0:
            self.empty.set("The answers of this run cannot be read.", button="")
        self.studio.fail(error)

    def _say_reading(self) -> None:
        if self.stack.currentIndex() == 0 and self.run is not None:
            self.empty.set(f"Reading the answers of run {self.run.id} …", button="")

    def _loaded(self, run: RunRecord, split: Split, found: Loaded) -> None:
        if self.run is None or run.id != self.run.id or split != self.split:
            return
        self._reading.stop()
        loaded = found.analysis
        self.analysis, self._drawn = loaded, found.drawn
        self._bar.show_scores(loaded.has_scores, overlaps=loaded.has_overlaps)
        again = self._shown == (run.id, split)
        self._shown, self._judged_at = (run.id, split), found.judged_at
        if not again:
            self._bar.set_score(found.score)
        self.gallery.use(Pictures(loaded.images))
        self.detail.use(run, loaded, self.gallery.pictures)
        self.chart.show_curves(found.curves, self._classes())
        self.stack.setCurrentIndex(1)
        self.since.follow(loaded)
        if again:
            self._judge()  # judged again: the same view at the same score, with new figures
        else:
            self._take(found.verdict, fresh=True)
        self._show_wanted(loaded)
        if self.isVisible():
            self._focus_errors()
        self._compare(run, split, loaded)

    def _compare(self, run: RunRecord, split: Split, loaded: Analysis) -> None:
        """Find out in a thread whether the run is better than the newest one before it."""
        self._say_standing(Standing())
        before = [
            r for r in runs.all_runs(self.project)
            if r.id < run.id and RunStatus(r.status).has_network
        ]  # fmt: skip

        find = partial(finding.standing, loaded, self._drawn, before)
        self._comparing.request(find, self._say_standing)

    def _say_standing(self, standing: Standing) -> None:
        self.standing = standing
        if standing.interval is not None and self.verdict is not None:
            self._show_cards(self.verdict)
        self.cards.show_since(standing.since, standing.older)

    def _show_cards(self, verdict: Verdict) -> None:
        sure = {}
        if self.standing.interval is not None:
            sure[verdict.cards[0].title] = self.standing.interval
        if self.analysis is not None:
            sure |= certainty.intervals(
                self.analysis, self._drawn,
                score=self.score_field.value(), iou=self.overlap_field.value(),
            )  # fmt: skip
        self.cards.show_cards(verdict.cards, sure)

    def _show_not_judged(self, run: RunRecord, split: Split) -> None:
        self._reading.stop()
        self.analysis = self.verdict = None
        said = f"Run {run.id} has not been judged on {split} yet."
        self.empty.set(said, button=f"Judge it on {split}", do=self._evaluate)
        self.stack.setCurrentIndex(0)

    def _evaluate(self) -> None:
        if self.run is not None and self.split is not None:
            self.evaluation.start(self.run, self.split)

    def _show_since(self) -> None:
        """Mark what changed since the evaluation, in the list and in words."""
        self.since_bar.show_changes(self.since.count, self._judged_at)
        self.gallery.mark_changed(self.since.concerns)
        case = self.detail.case
        self.detail.mark_changed(case is not None and self.since.concerns(case))
        self._tell_matrix()

    def _tell_matrix(self) -> None:
        if self.verdict is not None:
            of = moment(self._judged_at) if self.since.count else ""
            self.matrix_panel.tell(self.verdict.unit, of)

    def _evaluation_moved(self, text: str) -> None:
        self.set_status(text)
        self.since_bar.show_work(text)
        if self.stack.currentIndex() == 0 and text:
            self.empty.set(text, button="Cancel", do=self.evaluation.cancel)

    # -- verdicts

    def _classes(self) -> Mapping[int, LabelClass]:
        return {c.id: c for c in self.analysis.classes} if self.analysis else {}

    @property
    def nothing(self) -> str:
        """What stands for no class."""
        segment = self.analysis is not None and self.analysis.snapshot.task is Task.SEGMENT
        return "background" if segment else "nothing"

    def _score_changed(self, score: float) -> None:
        self._bar.set_score(score)
        self._later.start()

    def _best_score(self) -> None:
        if self.analysis is not None:
            best = self.analysis.best_score(self.overlap_field.value())
            if not math.isnan(best):
                self.score_field.setValue(best)

    def _judge(self) -> None:
        if self.analysis is not None:
            iou = self.overlap_field.value()
            self._take(self.analysis.judge(score=self.score_field.value(), iou=iou))
            self.chart.show_curves(self.analysis.curves(iou), self._classes())

    def _take(self, verdict: Verdict, *, fresh: bool = False) -> None:
        self.verdict = verdict
        classes = self._classes()
        self._show_cards(verdict)
        self.since_bar.show_unlearned(words.hardly_learned(verdict))
        self.matrix.show_counts(
            verdict.confusion, verdict.class_ids, classes, nothing=self.nothing, unit=verdict.unit
        )
        self._tell_matrix()
        self._show_table(verdict)
        score = self.score_field.value()
        has_scores = self.analysis is not None and self.analysis.has_scores
        self.chart.show_score(score, chosen=has_scores)
        self.gallery.show_kinds(verdict.kinds, fresh=fresh)
        if fresh:
            self.matrix.unpick()
            self._show_kind(self.gallery.kind)
        elif self.gallery.cell is not None and set(self.gallery.cell) <= set(verdict.class_ids):
            self._show_cell(*self.gallery.cell)
        else:
            self._show_kind(self.gallery.kind)

    def _show_wanted(self, loaded: Analysis) -> None:
        """Show the images that somebody came for, as from the comparison of two runs."""
        (images, said), self._wanted_images = self._wanted_images, ({}, "")
        cases = [
            Case(COMPARED, image_id, None, None, 0, 0, None, None, figure)
            for image_id, figure in images.items() if image_id in loaded.images
        ]  # fmt: skip
        if cases:
            self.gallery.show_images(said, cases, self._classes(), analysed=loaded)

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

    def _show_kind(self, kind: str) -> None:
        if self.verdict is None:
            return
        self._finding.drop()
        self.matrix.unpick()
        cases = self.verdict.cases(kind)
        if kind == LIKELY and self.run is not None:
            cases = kept.without(self.project, self.run, cases)
        self.gallery.show_cases(
            cases, self._classes(), nothing=self.nothing, analysed=self.analysis,
            withheld=self.verdict.withheld if kind == LIKELY else "",
        )  # fmt: skip

    def _show_cell(self, labelled: int, predicted: int) -> None:
        if self.verdict is None:
            return
        verdict = self.verdict

        def show(cases: list[Case]) -> None:
            if self.verdict is verdict:
                self.gallery.show_cell(
                    (labelled, predicted), cases, self._classes(), nothing=self.nothing,
                    analysed=self.analysis,
                )  # fmt: skip

        # Where the pixels of a cell lie is found by painting image after image.
        self._finding.request(lambda _control: verdict.cell(labelled, predicted), show)

    def _show_case(self, case: Case | None) -> None:
        if case is None or self.verdict is None:
            self.detail.clear()
            self._status()
            return
        said = words.explain(case, self.verdict, self._classes(), nothing=self.nothing)
        self.detail.show_case(case, self.gallery.position, said, score=self.score_field.value())
        self.detail.mark_changed(self.since.concerns(case))
        keepable = case.kind not in ("right", WORST, COMPARED)
        self.studio.actions.allow("analyze.keep", keepable, why="Nothing to keep here")
        self._status()

    def _status(self) -> None:
        if self.analysis is None or self.verdict is None:
            return
        said = words.amount(self.verdict, len(self.analysis.images))
        self.set_status(said, f"{self.gallery.count:,} in this view")

    # -- towards the label

    def _fix(self) -> None:
        """Open the object behind the case in Label."""
        case = self.gallery.current
        if case is None:
            return
        box = (case.box.x, case.box.y, case.box.w, case.box.h) if case.box else None
        self.studio.go_to(
            "label", image_id=case.image_id, annotation_id=case.annotation_id, box=box,
            back=("analyze", "Back to the errors"),
        )  # fmt: skip

    def _keep(self) -> None:
        """The label is right and the network is wrong: take the case out of the likely errors."""
        case = self.gallery.current
        if case is None or self.run is None:
            return
        kept.keep(self.project, self.run, case, source=self)
        self.gallery.remove_current()

    def _on_changes(self, changes: Any) -> None:
        self.since.take(changes)
        own = changes.source is self and changes.kind == "do"
        if not own and changes.touches("project"):
            self._stale = True
            self._follow_kept()

    def _follow_kept(self) -> None:
        """Undo and redo, here or on another page, may have changed which cases are kept."""
        if not self._stale or self.run is None or not self.isVisible():
            return
        self._stale = False
        if self.gallery.cell is None and self.gallery.kind == LIKELY:
            self._show_kind(LIKELY)
        else:
            self.gallery.follow(partial(kept.without, self.project, self.run))
