"""The bar of the Analyze page: run, split, score and overlap."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from html import escape
from typing import Any, ClassVar

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QLabel,
    QSizePolicy,
    QSlider,
    QWidget,
)

from cvstudio.core.annotation import Split
from cvstudio.core.meanings import meaning
from cvstudio.core.metrics import USUAL_SCORE
from cvstudio.core.words import counted
from cvstudio.gui import keys
from cvstudio.gui.widgets.layouts import bar_row
from cvstudio.gui.widgets.section import label, line, link
from cvstudio.project.records import RunRecord
from cvstudio.project.run_titles import run_title
from cvstudio.project.verdict import Analysis

_ARROWS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down)


class ArrowKeeper(QObject):
    """Lets a widget that has the focus use the arrow keys itself.

    Everywhere else on the page they step through the errors.
    """

    own: ClassVar[Collection[Qt.Key]] = _ARROWS

    def watch(self, *widgets: QWidget) -> None:
        """Keep the keys for these."""
        for widget in widgets:
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        return keys.claimed(event, self.own) or super().eventFilter(watched, event)


class EnterKeeper(ArrowKeeper):
    """The same of Enter, where it does something to what is listed: on a button it presses it."""

    own = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class Controls(QFrame):
    """Fields that the page reads and fills; it connects what they mean."""

    def __init__(self, *, best: Callable[[], Any]) -> None:
        super().__init__()
        row = bar_row(self)
        self.run = _choice("Run")
        self.split = _choice("Split")
        self.split.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(1, 99)
        self.slider.setMinimumWidth(56)  # it gives way before the words of the choices do
        self.slider.setMaximumWidth(120)
        self.slider.setAccessibleName("Score from")
        self.slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.score = _share_field("Score from")
        self.overlap = _share_field("Overlap from", low=0.10)
        self.overlap.setValue(0.5)
        self.score.setValue(USUAL_SCORE)
        self.slider.setValue(round(100 * USUAL_SCORE))
        self._exact = self._shown = USUAL_SCORE
        self.slider.valueChanged.connect(lambda v: self.score.setValue(v / 100))
        self.own = QCheckBox("Each class its own")
        self.own.setToolTip(
            "Each class its own: a class counts from the score that was chosen for it on val, as in"
            " the exported file; a class with too few images there counts from the one at the left"
        )
        self.own.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.own.setChecked(True)
        self.own.hide()
        best_link = link("Best F1", best, tip="Best F1: the score with the best mean F1")
        self._best = best_link
        self.own.toggled.connect(self._own_toggled)
        self._of_scores = [
            line(upright=True), _explained("Score from"), self.slider,
            self.score, best_link, self.own,
        ]  # fmt: skip
        self.measure = _explained("Overlap from", "Overlap")
        self._of_overlaps = [self.measure, self.overlap]
        self._judging = True
        self._has = False, False, False  # scores, scores of classes, overlaps
        self._of_split = [label("Split", "muted"), self.split]
        heads = [label("Run", "muted"), self.run]
        for part in (*heads, *self._of_split, *self._of_scores, *self._of_overlaps):
            row.addWidget(part)
        for part in (*self._of_scores, *self._of_overlaps):
            part.hide()  # until answers are read that depend on them
        row.addStretch(1)

    def list_runs(self, found: Sequence[RunRecord], keep: int | None) -> RunRecord | None:
        """Offer these runs and choose the one with the id `keep`, or else the first."""
        self.run.clear()
        for each in found:
            self.run.addItem(run_title(each), each)
        kept = next((place for place, each in enumerate(found) if each.id == keep), 0)
        self.run.setCurrentIndex(kept)
        return found[kept] if found else None

    def list_splits(self, sizes: Mapping[Split, int]) -> None:
        """Offer the splits that have images, with how many; the chosen one stays chosen."""
        before = self.split.currentData()
        self.split.clear()
        for split in (Split.VAL, Split.TEST, Split.TRAIN):
            if sizes.get(split):
                self.split.addItem(f"{split}, {counted(sizes[split], 'image')}", split)
        self.split.setCurrentIndex(max(self.split.findData(before), 0))

    @property
    def arrow_users(self) -> tuple[QWidget, ...]:
        """What needs the arrow keys while it has the focus."""
        return self.run, self.split, self.slider, self.score, self.overlap

    @property
    def each_its_own(self) -> bool:
        """Whether a class counts from a score of its own."""
        return self.own.isChecked() and self._has[1]

    def _own_toggled(self, on: bool) -> None:
        for part in (self.slider, self.score, self._best):
            part.setEnabled(not on)

    def show_scores(self, shown: Analysis) -> None:
        """Show the fields of scores and overlap where a verdict depends on them."""
        self._has = shown.has_scores, bool(shown.own_scores), shown.has_overlaps
        self._show_parts()
        self._own_toggled(self.each_its_own)
        _explain(self.measure, f"{shown.measure.capitalize()} from", shown.measure)
        self.overlap.setAccessibleName(self.measure.text())

    def show_judging(self, on: bool) -> None:
        """Show what says which answers are judged and from where on, or put it away where that
        makes no difference."""
        if on != self._judging:
            self._judging = on
            self._show_parts()

    def _show_parts(self) -> None:
        scores, own, overlaps = self._has
        for part in self._of_split:
            part.setVisible(self._judging)
        for part in self._of_scores:
            part.setVisible(self._judging and scores)
        self.own.setVisible(self._judging and own)
        for part in self._of_overlaps:
            part.setVisible(self._judging and scores and overlaps)

    @property
    def exact_score(self) -> float:
        """The score to count from: with all its places, of which the field shows two."""
        return self._exact if self.score.value() == self._shown else self.score.value()

    def set_score(self, score: float) -> None:
        """Show a score without telling."""
        for widget in (self.score, self.slider):
            widget.blockSignals(True)
        self.score.setValue(score)
        self.slider.setValue(round(100 * score))
        self._exact, self._shown = score, self.score.value()
        for widget in (self.score, self.slider):
            widget.blockSignals(False)


def _choice(name: str) -> QComboBox:
    box = QComboBox()
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    box.setAccessibleName(name)
    # A choice with the mouse leaves the focus where errors are stepped through.
    box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return box


def _explained(text: str, word: str = "") -> QLabel:
    """A label that says under the pointer what its word means; the bar has no room for more."""
    result = label("", "muted")
    _explain(result, text, word)
    return result


def _explain(shown: QLabel, text: str, word: str) -> None:
    shown.setText(text)
    known = meaning(word or text)
    shown.setToolTip(f"<p>{escape(known.text)}</p>" if known is not None else "")


def _share_field(name: str, *, low: float = 0.01) -> QDoubleSpinBox:
    field = QDoubleSpinBox()
    field.setRange(low, 0.99)
    field.setSingleStep(0.01)
    field.setDecimals(2)
    field.setFixedWidth(76)
    field.setAccessibleName(name)
    return field
