"""Calibration in words, with its diagram, and the correction that a person may take."""

from __future__ import annotations

import math

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout

from cvstudio.core.metrics.calibration import Reliability
from cvstudio.gui.analyze.figures_view.diagram import ReliabilityDiagram
from cvstudio.gui.analyze.figures_view.explained_panel import ExplainedPanel
from cvstudio.gui.analyze.figures_view.titles import in_brackets, said
from cvstudio.gui.widgets.layouts import show_or_hide
from cvstudio.gui.widgets.section import label, link
from cvstudio.gui.widgets.what_is import WhatIs
from cvstudio.project.choosing import Calibration

_HARDLY = 0.02
"""A tendency below this is none to speak of."""


class CalibrationPanel(ExplainedPanel):
    """`taken(Correction)` when the person wants it, `dropped()` when no more."""

    taken = Signal(object)
    dropped = Signal()

    def __init__(self) -> None:
        super().__init__("Calibration", "Calibration")
        inside = self.inside
        self.words = label("", wrap=True)
        self.diagram = ReliabilityDiagram()
        self.offer = label("", "caption", wrap=True)
        self.take = link("", self._press)
        inside.addWidget(self.words)
        inside.addWidget(self.diagram)
        inside.addWidget(self.offer)
        row = QHBoxLayout()
        row.addWidget(self.take)
        self._warmth, self._scaling = WhatIs("Temperature"), WhatIs("Platt scaling")
        row.addWidget(self._warmth)
        row.addWidget(self._scaling)
        row.addStretch(1)
        inside.addLayout(row)
        self._found: Calibration | None = None
        self.show_calibration(None)

    def show_reliability(self, found: Reliability | None) -> None:
        """Show how sure and how often right the answers of the split are."""
        self.setVisible(found is not None)
        self.diagram.show_reliability(found)
        if found is not None:
            self.words.setText(verdict(found))

    def show_calibration(self, found: Calibration | None) -> None:
        """Offer the correction that fits val; None where there is none to offer."""
        self._found = found
        for part in (self.offer, self.take):
            show_or_hide(part, found is not None)
        scales = found is not None and found.fitted.platt is not None
        show_or_hide(self._warmth, found is not None and not scales)
        show_or_hide(self._scaling, scales)
        if found is None:
            return
        if found.taken is not None:
            self.offer.setText(
                f"The answers are read at {found.taken.words}, fitted on val;"
                " so are evaluations, predictions and exported files."
            )
            self.take.setText("Read them as they are")
            self.take.setToolTip("Take the correction off this run again")
        else:
            self.offer.setText(
                f"At {found.fitted.words} the ECE on val is"
                f" {said(found.after.error.value)} instead of {said(found.before.error.value)}."
                " No answer changes, only how sure it sounds."
                + (" Scores of classes move along: they keep the same objects." if scales else "")
            )
            self.take.setText(f"Use {found.fitted.words}")
            self.take.setToolTip(
                "Keep it with the run: evaluations, predictions and exported files use it"
            )

    def _press(self) -> None:
        if self._found is None:
            return
        if self._found.taken is not None:
            self.dropped.emit()
        else:
            self.taken.emit(self._found.fitted)


def verdict(found: Reliability) -> str:
    """Whether the network is too sure, in a sentence with its figures."""
    if not found.count or math.isnan(found.tendency):
        return "There are no answers to compare."
    ece = f"ECE {said(found.error.value)}{in_brackets(found.error)}"
    gap = found.tendency
    if abs(gap) < _HARDLY:
        return f"{ece}. On average it is as sure as it is right."
    how = "surer than it is right" if gap > 0 else "less sure than it is right"
    return f"{ece}. On average it is {100 * abs(gap):.0f} % {how}."
