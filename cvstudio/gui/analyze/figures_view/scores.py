"""The score from which each class counts: chosen for the best F1, a precision or a recall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
)

from cvstudio.core.annotation import LabelClass
from cvstudio.core.metrics.choosing import Choice
from cvstudio.core.thresholds import Aim, Thresholds
from cvstudio.gui.analyze.figures_view.explained_panel import ExplainedPanel
from cvstudio.gui.analyze.figures_view.titles import said
from cvstudio.gui.widgets.layouts import empty, show_or_hide
from cvstudio.gui.widgets.possible import allow
from cvstudio.gui.widgets.section import label, link, push
from cvstudio.gui.widgets.verbatim import tip

_AIMS = (
    ("the best F1", Aim.F1),
    ("a precision of", Aim.PRECISION),
    ("a recall of", Aim.RECALL),
)

_MOST_NAMES, _MOST_REASONS = 8, 20
"""Classes without a score that are named, and whose reason the tooltip tells."""

_KEEP = "Evaluations, errors and exported files count each class from its own score"


class ScoresPanel(ExplainedPanel):
    """`asked(aim, wanted)` when other scores are to be looked for, `kept()` and `dropped()`."""

    asked = Signal(object, object)
    kept = Signal()
    dropped = Signal()

    def __init__(self) -> None:
        super().__init__("Score of each class", "Score from")
        inside = self.inside
        inside.setSpacing(8)
        self.state = label("", wrap=True)
        inside.addWidget(self.state)
        row = QHBoxLayout()
        row.addWidget(label("Choose for", "muted"))
        self.aim = QComboBox()
        self.aim.setAccessibleName("What the score of a class is chosen for")
        self.aim.setToolTip("What each class should have on val, counted from its own score")
        for words, aim in _AIMS:
            self.aim.addItem(words, aim)
        self.wanted = QDoubleSpinBox()
        self.wanted.setRange(0.05, 1.0)
        self.wanted.setSingleStep(0.05)
        self.wanted.setDecimals(2)
        self.wanted.setValue(0.9)
        self.wanted.setAccessibleName("Wanted share")
        self.wanted.setKeyboardTracking(False)
        row.addWidget(self.aim)
        row.addWidget(self.wanted)
        self.keep = push("Keep with the run", self.kept.emit, small=True)
        self.drop = link("One score for all", self.dropped.emit)
        self.drop.setToolTip("Count all classes from one score again")
        row.addWidget(self.keep)
        row.addWidget(self.drop)
        row.addStretch(1)
        inside.addLayout(row)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(24)
        self._grid.setVerticalSpacing(2)
        held = QHBoxLayout()
        held.addLayout(self._grid)
        held.addStretch(1)
        inside.addLayout(held)
        self.without = label("", "caption", wrap=True)
        self.without.hide()
        inside.addWidget(self.without)
        self.aim.activated.connect(lambda _index: self._ask())
        self.wanted.valueChanged.connect(lambda _value: self._ask())
        self.wanted.hide()

    @property
    def chosen_aim(self) -> Aim:
        """What is chosen for."""
        return Aim(self.aim.currentData())

    @property
    def chosen_share(self) -> float | None:
        """The precision or recall that is wanted; None for the best F1."""
        return None if self.chosen_aim is Aim.F1 else self.wanted.value()

    def _ask(self) -> None:
        self.wanted.setVisible(self.chosen_aim is not Aim.F1)
        self.asked.emit(self.chosen_aim, self.chosen_share)

    def show_aim(self, told: Thresholds) -> None:
        """Begin with what the scores of a run were chosen for, or with the best F1."""
        aim = told.aim if told.aim is not None else Aim.F1
        self.aim.setCurrentIndex(self.aim.findData(aim))
        if told.wanted is not None:
            self.wanted.blockSignals(True)
            self.wanted.setValue(told.wanted)
            self.wanted.blockSignals(False)
        self.wanted.setVisible(aim is not Aim.F1)

    def show_state(self, told: Thresholds) -> None:
        """Say what holds for the run now."""
        show_or_hide(self.drop, told.aim is not None)
        if told.aim is None:
            own = "each class from its own" if told.applied else "all classes from one score"
            self.state.setText(f"Now {own}. What would each class have on val from its own?")
            return
        words = next(text for text, aim in _AIMS if aim is told.aim)
        share = f" {told.wanted:.2f}" if told.wanted is not None else ""
        self.state.setText(
            f"Each class counts from its own score, chosen on val for {words}{share}."
        )

    def wait(self) -> None:
        """Other choices are on their way: those that are shown are not what is asked for."""
        allow(self.keep, "The scores are being chosen", does=_KEEP)

    def show_choices(self, chosen: Sequence[Choice], classes: Mapping[int, LabelClass]) -> None:
        """Show what each class would have."""
        empty(self._grid)
        for place, words in enumerate(("Class", "Score from", "Precision", "Recall")):
            right = Qt.AlignmentFlag.AlignRight if place else Qt.AlignmentFlag.AlignLeft
            self._grid.addWidget(label(words, "caption"), 0, place, right)
        names = {c.class_id: classes[c.class_id].name for c in chosen if c.class_id in classes}
        with_score = [(each, each.score) for each in chosen if each.score is not None]
        self._show_without([each for each in chosen if each.score is None], names)
        for row, (each, score) in enumerate(with_score, start=1):
            self._grid.addWidget(label(names.get(each.class_id, "?")), row, 0)
            for place, value in enumerate((score, each.precision, each.recall), start=1):
                self._grid.addWidget(label(said(value)), row, place, Qt.AlignmentFlag.AlignRight)
        why = "" if with_score else "No class has a score of its own here"
        allow(self.keep, why, does=_KEEP)

    def _show_without(self, without: Sequence[Choice], names: Mapping[int, str]) -> None:
        """Name the classes that would count from the common score, and why in the tooltip."""
        show_or_hide(self.without, bool(without))
        told = [names.get(each.class_id, "?") for each in without]
        more = f" and {len(told) - _MOST_NAMES} more" if len(told) > _MOST_NAMES else ""
        self.without.setText(f"From the common score: {', '.join(told[:_MOST_NAMES])}{more}")
        reasons = [
            f"{name}: {each.why_not}"
            for name, each in zip(told[:_MOST_REASONS], without, strict=False)
        ]
        self.without.setToolTip(tip("\n".join(reasons)))
