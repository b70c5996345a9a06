"""Precision against recall of every class, in the colours of the classes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from PySide6.QtWidgets import QVBoxLayout, QWidget

from cvstudio.core.annotation import LabelClass
from cvstudio.core.metrics import Curve
from cvstudio.core.metrics.several import counting

MOST_CLASSES = 12


class CurveChart(QWidget):
    """The chart; made when there is something to draw. With many classes, the largest are shown."""

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._chart: object | None = None
        self._curves: dict[str, Curve] = {}

    def show_curves(self, curves: Mapping[int, Curve], classes: Mapping[int, LabelClass]) -> None:
        """Show the curves of a split; without any, the chart takes no room."""
        known = [c for c in curves.values() if c.labelled and c.class_id in classes]
        chosen = sorted(known, key=lambda c: -c.labelled)[:MOST_CLASSES]
        self.setVisible(bool(chosen))
        if not chosen:
            self._curves = {}
            return
        from cvstudio.gui.widgets.chart import Chart

        if self._chart is None:
            self._chart = Chart(
                "Precision and recall", x="recall", y="precision", framed=False, height=240,
                ground="window",
            )  # fmt: skip
            self._chart.set_range(x=(0, 1), y=(0, 1))
            self._column.addWidget(self._chart)
        chart = self._chart
        assert isinstance(chart, Chart)
        chart.clear()
        self._curves = {classes[c.class_id].name: c for c in chosen}
        for name, curve in self._curves.items():
            chart.set_line(
                name, curve.recall.tolist(), curve.precision.tolist(),
                colour=classes[curve.class_id].colour,
            )  # fmt: skip

    def show_score(
        self, score: float, *, chosen: bool, own: Mapping[int, float | None] = MappingProxyType({})
    ) -> None:
        """Put a dot on every curve at the score from which predictions count, if there is one;
        those in `own` count from theirs."""
        if not self._curves or self._chart is None:
            return
        from cvstudio.gui.widgets.chart import Chart

        assert isinstance(self._chart, Chart)
        dots = {}
        for name, curve in self._curves.items():
            (from_,) = counting((curve.class_id,), score, own)
            precision, recall = curve.at(from_)
            if chosen and precision == precision:
                dots[name] = (recall, precision)
        self._chart.set_dots(dots)
        at = "each class's own score" if own else f"score {score:.2f}"
        self._chart.set_figures(f"dots: at {at}" if dots else "")
