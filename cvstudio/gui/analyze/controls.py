"""The bar of the Analyze page: run, split, score and overlap, and judging again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QLabel,
    QSlider,
    QWidget,
)

from cvstudio.core.annotation import Split
from cvstudio.core.words import counted
from cvstudio.gui.analyze.finding import DEFAULT_SCORE
from cvstudio.gui.widgets.layouts import bar_row
from cvstudio.gui.widgets.section import label, line, link
from cvstudio.gui.words import meaning
from cvstudio.project.records import RunRecord
from cvstudio.project.run_titles import run_title

_ARROWS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down)


class ArrowKeeper(QObject):
    """Lets a widget that has the focus use the arrow keys itself.

    Everywhere else on the page they step through the errors.
    """

    def watch(self, *widgets: QWidget) -> None:
        """Keep the arrow keys for these."""
        for widget in widgets:
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() in _ARROWS
        ):
            event.accept()
            return True
        return super().eventFilter(watched, event)


class Controls(QFrame):
    """Fields that the page reads and fills; it connects what they mean."""

    def __init__(
        self, *, best: Callable[[], Any], again: Callable[[], Any], again_tip: str
    ) -> None:
        super().__init__()
        row = bar_row(self)
        self.run = _choice("Run")
        self.split = _choice("Split")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(1, 99)
        self.slider.setFixedWidth(120)
        self.slider.setAccessibleName("Score from")
        self.slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.score = _share_field("Score from")
        self.overlap = _share_field("Overlap from", low=0.10)
        self.overlap.setValue(0.5)
        self.score.setValue(DEFAULT_SCORE)
        self.slider.setValue(round(100 * DEFAULT_SCORE))
        self.slider.valueChanged.connect(lambda v: self.score.setValue(v / 100))
        best_link = link("Best F1", best, tip="Best F1: the score with the best mean F1")
        self._of_scores = [
            line(upright=True), _explained("Score from"), self.slider,
            self.score, best_link,
        ]  # fmt: skip
        self._of_overlaps = [_explained("Overlap from", "Overlap"), self.overlap]
        heads = [label("Run", "muted"), self.run, label("Split", "muted"), self.split]
        for part in (*heads, *self._of_scores, *self._of_overlaps):
            row.addWidget(part)
        row.addStretch(1)
        again_link = link("Evaluate again", again)
        again_link.setToolTip(again_tip)
        row.addWidget(again_link)
        self._row = row

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

    def offer(self, text: str, do: Callable[[], Any], tip: str) -> None:
        """One more link before the last one."""
        offered = link(text, do)
        offered.setToolTip(tip)
        self._row.insertWidget(self._row.count() - 1, offered)

    @property
    def arrow_users(self) -> tuple[QWidget, ...]:
        """What needs the arrow keys while it has the focus."""
        return self.run, self.split, self.slider, self.score, self.overlap

    def show_scores(self, on: bool, *, overlaps: bool) -> None:
        """Show the fields of score and overlap where a verdict depends on them."""
        for part in self._of_scores:
            part.setVisible(on)
        for part in self._of_overlaps:
            part.setVisible(on and overlaps)

    def set_score(self, score: float) -> None:
        """Show a score without telling."""
        for widget in (self.score, self.slider):
            widget.blockSignals(True)
        self.score.setValue(score)
        self.slider.setValue(round(100 * score))
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
    result = label(text, "muted")
    known = meaning(word or text)
    if known is not None:
        result.setToolTip(f"<p>{escape(known.text)}</p>")
    return result


def _share_field(name: str, *, low: float = 0.01) -> QDoubleSpinBox:
    field = QDoubleSpinBox()
    field.setRange(low, 0.99)
    field.setSingleStep(0.01)
    field.setDecimals(2)
    field.setFixedWidth(76)
    field.setAccessibleName(name)
    return field
