"""What stands over the suspects: who judges which images, how far one is, and the kinds."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from cvstudio.core.suspects.values import Fault
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.analyze.suspects import words
from cvstudio.gui.analyze.suspects.looking import Looked
from cvstudio.gui.widgets.possible import allow
from cvstudio.gui.widgets.section import label, link, push, tab_bar
from cvstudio.gui.widgets.shortened import Shortened
from cvstudio.project.suspect_decisions import Decision
from cvstudio.project.suspecting import Suspects

_AGAIN = (
    "Train again: the settings of this run on the labels of now; when it is done, the two are"
    " compared here"
)


class Head(QWidget):
    """Two rows; it shows and asks, the view does."""

    judge_chosen = Signal(object)
    kind_chosen = Signal(object)
    folds_wanted = Signal()
    again_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._kinds: list[Fault | None] = [None]
        self.judge = QComboBox()
        self.judge.setAccessibleName("Judged by")
        self.judge.setToolTip("Whose answers the labels are held against")
        self.judge.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.judge.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.judge.activated.connect(lambda _i: self.judge_chosen.emit(self.judge.currentData()))
        self.only_judge = label("")
        self.judged = label("", "muted", wrap=True)
        self.folds = link(words.TRAINING_IMAGES, self.folds_wanted.emit, tip=words.FOLDS_TIP)
        self.tabs = tab_bar()
        self.tabs.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.tabs.setAccessibleName("Kind of fault")
        self.tabs.currentChanged.connect(lambda _place: self.kind_chosen.emit(self.kind))
        self.many = label("", "muted")
        self.progress = Shortened("section")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(96)
        self.bar.setAccessibleName("Decided")
        theme.mark(self.bar, muted=True)
        self.evaluate = push("Evaluate again", small=True)
        self.again = push("Train again…", self.again_wanted.emit, small=True)
        self._show_again(changed=False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        by = label("Judged by", "muted")
        above = self._line(8, by, self.judge, self.only_judge, self.judged, self.folds)
        above.setStretch(3, 1)
        column.addLayout(above)
        below = QFrame()
        theme.mark(below, panel="bar")
        row = self._line(0, self.tabs, self.progress, self.bar, self.evaluate, self.again)
        row.setStretch(1, 1)
        below.setLayout(row)
        column.addWidget(below)
        self.hide()

    @staticmethod
    def _line(room: int, *parts: QWidget) -> QHBoxLayout:
        """Parts beside each other, with so much room above and below them."""
        row = QHBoxLayout()
        row.setContentsMargins(16, room, 16, room)
        row.setSpacing(8)
        for part in parts:
            row.addWidget(part)
        return row

    @property
    def kind(self) -> Fault | None:
        """The kind that is shown; None for all."""
        return self._kinds[max(self.tabs.currentIndex(), 0)]

    def show_judges(self, looked: Looked) -> None:
        """Who judges, and who else could."""
        self.setVisible(bool(looked.judges))
        self.judge.clear()
        for judge in looked.judges:
            self.judge.addItem(judge.title, judge)
        if looked.judge in looked.judges:
            self.judge.setCurrentIndex(looked.judges.index(looked.judge))
        several = len(looked.judges) > 1  # of one there is nothing to choose
        self.judge.setVisible(several)
        self.only_judge.setVisible(not several)
        self.only_judge.setText(self.judge.currentText())
        notes = looked.suspects.notes if looked.suspects is not None else ()
        self.judged.setText(words.judged(looked))
        self.judged.setToolTip("\n".join(notes))
        self.folds.setVisible(looked.judge is None or looked.judge.experiment_id is None)

    def show_kind(self, fault: Fault) -> None:
        """Bring the tab of a kind that is there to the front, unless all kinds are shown."""
        if self.kind is not None and fault in self._kinds:
            self.tabs.blockSignals(True)
            self.tabs.setCurrentIndex(self._kinds.index(fault))
            self.tabs.blockSignals(False)

    def show_counts(self, left: Suspects, decided: Mapping[Decision, int], total: int) -> None:
        """How many there are of each kind, and how far one has come."""
        before = self.kind
        counts = left.counts
        self._kinds = [None, *(fault for fault in Fault if fault in counts or fault is before)]
        self.tabs.blockSignals(True)
        while self.tabs.count() > len(self._kinds):
            self.tabs.removeTab(self.tabs.count() - 1)
        while self.tabs.count() < len(self._kinds):
            self.tabs.addTab("")
        for place, fault in enumerate(self._kinds):
            title = "All" if fault is None else words.TITLES[fault]
            many = len(left.rows) if fault is None else counts.get(fault, 0)
            self.tabs.setTabText(place, f"{title}   {many:,}")
        self.tabs.setCurrentIndex(self._kinds.index(before))
        self.tabs.blockSignals(False)
        self.many.setText(words.many(len(left.rows), left.likely))
        said = words.progress(decided, total)
        self.progress.setText(said or self.many.text())
        theme.mark(self.progress, role="section" if said else "muted")
        self.progress.setToolTip("\n".join(dict.fromkeys((self.progress.text(), self.many.text()))))
        done = sum(decided.values())
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(done)
        self.bar.setVisible(done > 0)
        changed = any(decided.get(one) for one in (Decision.FIXED, Decision.DELETED))
        self._show_again(changed=changed)

    def _show_again(self, *, changed: bool) -> None:
        why = "" if changed else "No label was fixed or deleted here yet"
        allow(self.again, why, does=_AGAIN)

    def show_changed(self, count: int, split: str) -> None:
        """So many labels of the split are other ones than those that the run was judged by."""
        why = "" if count else (
            f"No label of {split} changed since this evaluation; where one of another split did,"
            " choose that split in Errors first"
        )  # fmt: skip
        does = f"Evaluate again on {split}"
        changed = f"{does}: {counted(count, 'label')} changed since this evaluation"
        allow(self.evaluate, why, does=changed if count else does)
