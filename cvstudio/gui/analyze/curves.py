"""Precision against recall of every class, in the colours of the classes."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtWidgets import QVBoxLayout, QWidget

from cvstudio.core.annotation import LabelClass
from cvstudio.core.metrics import Curve

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

    def show_score(self, score: float, *, chosen: bool) -> None:
        """Put a dot on every curve at the score from which predictions count, if there is one."""
        if not self._curves or self._chart is None:
            return
        from cvstudio.gui.widgets.chart import Chart

        assert isinstance(self._chart, Chart)
        dots = {}
        for name, curve in self._curves.items():
            precision, recall = curve.at(score)
            if chosen and precision == precision:
                dots[name] = (recall, precision)
        self._chart.set_dots(dots)
        self._chart.set_figures(f"dots: at score {score:.2f}" if dots else "")
