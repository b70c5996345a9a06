"""The view Suspects: labels that are likely wrong, and what to do with each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.suspects.values import NOTHING, Fault
from cvstudio.gui.analyze.controls import ArrowKeeper, EnterKeeper
from cvstudio.gui.analyze.pictures import Pictures
from cvstudio.gui.analyze.since import Since
from cvstudio.gui.analyze.suspects import looking, words
from cvstudio.gui.analyze.suspects.at_hand import AtHand
from cvstudio.gui.analyze.suspects.came_of_it import CameOfIt
from cvstudio.gui.analyze.suspects.head import Head
from cvstudio.gui.analyze.suspects.looking import Looked
from cvstudio.gui.analyze.suspects.suspect_list import Ranking, SuspectList, item_of
from cvstudio.gui.analyze.view import Subject, View, image_cases
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.empty_state import EmptyState
from cvstudio.project import suspect_decisions
from cvstudio.project.project import Project
from cvstudio.project.suspect_decisions import Decision
from cvstudio.project.suspecting import Judge, Suspect, Suspects
from cvstudio.project.verdict import CHOSEN

_OWN = ("take_answer", "delete_label", "send_back")


class SuspectsView(View):
    """The ranked list at the left, the suspect at hand at the right."""

    name, title = "suspects", "Suspects"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.subject: Subject | None = None
        self.looked = Looked(())
        self.rows: list[Suspect] = []
        """What the list shows: the suspects of the chosen kind that nobody has decided on."""
        self._left: list[Suspect] = []  # of every kind
        self._decided: dict[Decision, int] = {}
        self._judge: Judge | None = None
        self._opened: list[Suspect] = []
        self._settled: list[Suspect] = []  # those that were decided on here, the latest last
        self._by_hand = 0
        self._stale = False
        self._pictures = Pictures({})
        self._latest = LatestWins(studio.tasks, owner=self, title="Look for suspected labels")
        self._back = LatestWins(studio.tasks, owner=self, title="Compare evaluations")
        self._lay_out()
        actions = studio.actions
        actions.connect("analyze.take_answer", partial(self._decide, Decision.FIXED), self)
        actions.connect("analyze.delete_label", partial(self._decide, Decision.DELETED), self)
        actions.connect("analyze.send_back", partial(self._decide, Decision.REJECTED), self)
        studio.project_changed.connect(self._on_changes)

    # -- parts

    def _lay_out(self) -> None:
        self.head = Head()
        self.head.judge_chosen.connect(self._choose_judge)
        self.head.kind_chosen.connect(lambda _fault: self._show_rows())
        self.head.folds_wanted.connect(self._plan_folds)
        self.head.again_wanted.connect(self._train_again)
        self.head.evaluate.clicked.connect(lambda _checked=False: self.evaluate_wanted.emit())
        self.came = CameOfIt()
        self.came.images_wanted.connect(self._show_images)
        self.came.run_wanted.connect(lambda run_id: self.studio.go_to("analyze", run_id=run_id))
        self.list = SuspectList(self.studio.tasks, self._read)
        self.list.chosen.connect(self._show_suspect)
        self.at_hand = AtHand(self.studio, self._project.task)
        across = QSplitter(Qt.Orientation.Horizontal)
        across.setHandleWidth(1)
        across.setChildrenCollapsible(False)
        across.addWidget(Ranking(self.list))
        across.addWidget(self.at_hand)
        across.setStretchFactor(1, 1)
        across.setSizes([440, 900])
        self.empty = EmptyState("tag-search-outline", "", next_=False)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(across)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (self.came, self.head):
            column.addWidget(part)
        column.addWidget(self.stack, 1)
        self._arrows = ArrowKeeper(self)
        self._arrows.watch(self.head.judge, self.head.tabs)
        self._enter = EnterKeeper(self)
        self._enter.watch(self.head.judge, self.head.tabs, *self.findChildren(QAbstractButton))

    @property
    def foot(self) -> QWidget:
        return self.at_hand.footer

    @property
    def judges(self) -> bool:
        """Who judges here says which splits, and no threshold decides who is suspected."""
        return False

    def take_focus(self) -> None:
        self.list.setFocus(Qt.FocusReason.OtherFocusReason)

    def release(self) -> None:
        self._latest.drop()
        self._back.drop()
        self.at_hand.release()

    @property
    def _project(self) -> Project:
        assert self.studio.project is not None
        return self.studio.project

    # -- looking

    def show_subject(self, subject: Subject) -> None:
        before, self.subject = self.subject, subject
        if subject.same_answers(before):
            return  # no threshold decides who is suspected
        if before is None or before.run.id != subject.run.id:
            self._judge, self._opened, self._by_hand = None, [], 0
        self._look()
        project, run, split = self._project, subject.run, subject.split
        self._back.request(
            lambda control: looking.look_back(project, run, split, control), self._show_since
        )

    def show_changes(self, since: Since) -> None:
        self.head.show_changed(since.count, since.split.value)

    def _show_since(self, since: looking.Since) -> None:
        if self.subject is not None:
            self.came.show_since(since, self.subject.run, self.subject.split)

    def _look(self) -> None:
        """Let the judge look at the labels of now, in a thread."""
        if self.subject is None:
            return
        project, run, wanted = self._project, self.subject.run, self._judge
        analysed = self.subject.analysis
        if self.looked.suspects is None:
            self.empty.set("Looking for labels that are likely wrong …", button="")
            self.stack.setCurrentIndex(0)
        self._latest.request(
            lambda control: looking.look(project, run, analysed, wanted, control),
            self._take, self._failed,
        )  # fmt: skip

    def _failed(self, error: BaseException) -> None:
        self.empty.set("The suspects cannot be found.", button="")
        self.stack.setCurrentIndex(0)
        self.studio.fail(error)

    def _take(self, looked: Looked) -> None:
        at_hand, row, before = self.current, self.list.row, self._left
        self.looked = looked
        self._left = list(looked.suspects.rows) if looked.suspects is not None else []
        back = self._came_back(before)
        self._decided = dict(looked.decided)
        self._count_by_hand()
        self._pictures = Pictures(looked.images)
        self.at_hand.use(self._pictures)
        self.head.show_judges(looked)
        if back is not None:
            self._tell()
            self.head.show_kind(back.fault)
        self._show_rows(at_hand=back or at_hand, row=max(row, 0))

    def _came_back(self, before: Sequence[Suspect]) -> Suspect | None:
        """The suspect whose decision was just taken back: nobody should have to search it."""
        new = {_exactly(row) for row in self._left} - {_exactly(row) for row in before}
        return next((one for one in reversed(self._settled) if _exactly(one) in new), None)

    def _count_by_hand(self) -> None:
        """Those that were opened on Label, and are suspected no more without a decision."""
        gone = [one for one in self._opened if not any(_same(one, row) for row in self._left)]
        self._by_hand += len(gone)
        self._opened = [one for one in self._opened if one not in gone]

    def _choose_judge(self, judge: Judge) -> None:
        self._judge = judge
        self._opened, self._by_hand = [], 0
        self._look()

    # -- the list

    @property
    def current(self) -> Suspect | None:
        """The suspect at hand."""
        return self.rows[self.list.row] if 0 <= self.list.row < len(self.rows) else None

    def _show_rows(self, *, at_hand: Suspect | None = None, row: int = 0) -> None:
        """Fill the list; the suspect at hand stays at hand, or else the row does."""
        self._tell()
        fault = self.head.kind
        images, classes, task = self.looked.images, self.looked.classes, self._project.task
        self.rows = [
            one for one in self._left
            if (fault is None or one.fault is fault) and one.image_id in images
        ]  # fmt: skip
        kept = self._place_of(at_hand, row)
        items = [partial(item_of, one, images[one.image_id], classes, task) for one in self.rows]
        self.stack.setCurrentIndex(1 if items else 0)
        if not items:
            self.empty.set(self._why_none(fault), button="")
        self.list.show_items(items, kept)

    def _place_of(self, wanted: Suspect | None, usual: int) -> int:
        """The row that means the same label as a suspect, the same place of it if there is one."""
        places = [place for place, one in enumerate(self.rows) if _same(one, wanted)]
        exact = (p for p in places if wanted and _exactly(self.rows[p]) == _exactly(wanted))
        return next(exact, next(iter(places), usual))

    def _why_none(self, fault: Fault | None) -> str:
        looked = self.looked
        if looked.trouble:
            return looked.trouble
        if fault is not None and self._left:
            return f"No label is suspected any more: {words.TITLES[fault].lower()}."
        judged = words.judged(looked)
        return f"No label is suspected. Judged: {judged}" if judged else ""

    def _tell(self) -> None:
        """The counts: of each kind, of what is decided, and of what is left."""
        decided = self._decided | {
            Decision.FIXED: self._decided.get(Decision.FIXED, 0) + self._by_hand
        }
        total = len(self._left) + sum(decided.values())
        self.head.show_counts(Suspects(Judge(), tuple(self._left)), decided, total)
        self.say(self.head.many.text())

    def _show_suspect(self, row: int) -> None:
        if not 0 <= row < len(self.rows):
            self.at_hand.clear("Nothing is suspected here.")
        else:
            one, looked = self.rows[row], self.looked
            answer = None
            if self.subject is not None and self.subject.run.id == one.run_id:
                answer = self.subject.analysis.predictions.get(one.image_id)
            self.at_hand.show_suspect(
                one, (row + 1, len(self.rows)), looked.images[one.image_id], looked.classes,
                looked.bones, answer, looked.examples.get(one.proposed),
            )  # fmt: skip
        self._allow_own()
        self.verbs_changed.emit()

    def _read(self, image_id: int) -> np.ndarray:
        return self._pictures.read(image_id)

    # -- decisions

    def why_not(self, verb: str) -> str:
        return "" if self.current is not None else "Choose a suspect first"

    def _allow_own(self) -> None:
        one = self.current
        for name in _OWN:
            why = "" if one is not None else "Choose a suspect first"
            if name == "delete_label" and one is not None and one.labelled == NOTHING:
                why = "Nothing is labelled here"
            self.studio.actions.allow(f"analyze.{name}", not why, why=why)

    def step(self, by: int) -> None:
        self.list.pick(self.list.row + by)

    def fix(self) -> None:
        """Open the label on Label."""
        one = self.current
        if one is None:
            return
        self._opened = [*(other for other in self._opened if not _same(other, one)), one]
        self.label_wanted.emit(one.image_id, one.annotation_id, one.box)

    def keep(self) -> None:
        """The label is right."""
        self._decide(Decision.KEPT)

    def _decide(self, decision: Decision) -> None:
        one = self.current
        if one is None or not self.isVisible():
            return
        outcome = suspect_decisions.decide(self._project, [one], decision, source=self)
        if not outcome.done:
            self.studio.toast(" ".join(outcome.left), level="warning")
            return
        self._decided[decision] = self._decided.get(decision, 0) + 1
        self._settled.append(one)
        gone = [one]
        if decision in (Decision.FIXED, Decision.DELETED) and one.annotation_id is not None:
            # What else was suspected of this label was suspected of another one.
            gone += [o for o in self._left if o.annotation_id == one.annotation_id and o != one]
        self._remove(gone)

    def _remove(self, gone: Sequence[Suspect]) -> None:
        ids = {id(one) for one in gone}
        rows = [place for place, one in enumerate(self.rows) if id(one) in ids]
        self._left = [one for one in self._left if id(one) not in ids]
        self.rows = [one for one in self.rows if id(one) not in ids]
        self.list.remove(rows)
        self._tell()
        if not self.rows:
            self.empty.set(self._why_none(self.head.kind), button="")
            self.stack.setCurrentIndex(0)

    def _on_changes(self, changes: Any) -> None:
        """Labels changed elsewhere, or a decision was taken back: look again."""
        own = changes.source is self and changes.kind == "do"
        if not own and changes.touches("annotation", "image", "label_class", "project"):
            self._stale = True
            self._look_if_seen()

    def _look_if_seen(self) -> None:
        """Look again, once somebody sees it: who labels is not to pay for every stroke."""
        if self._stale and self.isVisible():
            self._stale = False
            self._look()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._look_if_seen()

    # -- what comes of it

    def _show_images(self, said: str, figures: Any) -> None:
        self.cases_wanted.emit(said, image_cases(figures, kind=CHOSEN))

    def _plan_folds(self) -> None:
        self.studio.go_to("train")
        self.studio.actions.trigger("train.several")

    def _train_again(self) -> None:
        """The form of Train with the settings of this run; it learns from the labels of now."""
        if self.subject is not None:
            self.studio.go_to("train", like=self.subject.run.id)


def _same(one: Suspect, other: Suspect | None) -> bool:
    """Whether two lists mean the same label by these."""
    return other is not None and (one.fault, one.image_id, one.annotation_id, one.proposed) == (
        other.fault, other.image_id, other.annotation_id, other.proposed,
    )  # fmt: skip


def _exactly(one: Suspect) -> tuple[object, ...]:
    """A suspect without its doubt; of one class, several may be overlooked on an image."""
    return one.fault, one.image_id, one.annotation_id, one.proposed, one.box
