"""Precision against recall of every class, in the colours of the classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cvstudio.core.annotation import LabelClass
from cvstudio.core.metrics import Curve
from cvstudio.core.metrics.several import counting

if TYPE_CHECKING:
    from cvstudio.gui.widgets.chart import Chart

MOST_CLASSES = 12


@dataclass(frozen=True, eq=False, slots=True)
class Curves:
    """What the chart shows: curves by class id, which are found when they are asked for, and the
    score from which predictions count, None where there is none to choose; classes in `own` count
    from theirs."""

    find: Callable[[], Mapping[int, Curve]]
    classes: Mapping[int, LabelClass]
    score: float | None
    own: Mapping[int, float | None] = field(default_factory=dict)


class CurveChart(QWidget):
    """The chart; made when there is something to draw. With many classes, the largest are shown.

    While it lies out of view it is left as it is, and drawn when it comes into view: a hand at the
    overlap moves every point of every curve.
    """

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._chart: Chart | None = None
        self._due: Curves | None = None
        self._drawn: Mapping[int, Curve] | None = None
        self._curves: dict[str, Curve] = {}
        self._colours: dict[str, str] = {}
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self._draw_due)

    def show_curves(self, curves: Curves, *, fresh: bool) -> None:
        """Show the curves of a split; without any, the chart takes no room. `fresh`: of other
        answers than before, which may have other classes."""
        self._due = curves
        if fresh or not self.visibleRegion().isEmpty():
            self._draw_due()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._due is not None:
            self._later.start()

    def _draw_due(self) -> None:
        due, self._due = self._due, None
        if due is None:
            return
        found = due.find()
        if found is not self._drawn:  # a score does not change them
            self._drawn = found
            self._draw(found, due.classes)
        self._draw_score(due)

    def _draw(self, curves: Mapping[int, Curve], classes: Mapping[int, LabelClass]) -> None:
        known = [c for c in curves.values() if c.labelled and c.class_id in classes]
        chosen = sorted(known, key=lambda c: -c.labelled)[:MOST_CLASSES]
        self.setVisible(bool(chosen))
        self._curves = {classes[c.class_id].name: c for c in chosen}
        if not chosen:
            return
        chart = self._chart or self._make()
        colours = {name: classes[c.class_id].colour for name, c in self._curves.items()}
        if list(colours.items()) != list(self._colours.items()):
            self._colours = colours
            chart.clear()
        for name, curve in self._curves.items():
            chart.set_line(name, curve.recall, curve.precision, colour=colours[name])

    def _make(self) -> Chart:
        from cvstudio.gui.widgets.chart import Chart

        self._chart = Chart(
            "Precision and recall", x="recall", y="precision", framed=False, height=240,
            ground="window",
        )  # fmt: skip
        self._chart.set_range(x=(0, 1), y=(0, 1))
        self._column.addWidget(self._chart)
        return self._chart

    def _draw_score(self, shown: Curves) -> None:
        """Put a dot on every curve at the score from which predictions count, if there is one."""
        if not self._curves or self._chart is None:
            return
        if shown.score is None:
            self._chart.set_dots({})
            self._chart.set_figures("")
            return
        dots = {}
        for name, curve in self._curves.items():
            (from_,) = counting((curve.class_id,), shown.score, shown.own)
            precision, recall = curve.at(from_)
            if precision == precision:
                dots[name] = (recall, precision)
        self._chart.set_dots(dots)
        at = "each class's own score" if shown.own else f"score {shown.score:.2f}"
        self._chart.set_figures(f"dots: at {at}" if dots else "")
