"""The best figure of several runs in one chart: the small one of Train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cvstudio.core.run_state import RunState
from cvstudio.gui.widgets.chart import Chart
from cvstudio.gui.widgets.section import SectionHeader

MOST_COMPARED = 5
"""Lines that one chart can hold and still be read."""


class Comparison(QWidget):
    """A small chart of the best figure of up to five runs. `opened()` asks for the large one."""

    opened = Signal()

    def __init__(self, metric: str) -> None:
        super().__init__()
        self._metric = metric
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.header = SectionHeader("Compare", link_text="Open", do=self.opened.emit)
        column.addWidget(self.header)
        self.chart = Chart("", x="epoch", y=metric, framed=False, height=180, fixed=True)
        self.chart.figures.hide()
        self.chart.title.hide()
        column.addWidget(self.chart)

    def show_runs(self, states: Mapping[int, RunState]) -> None:
        """Draw these runs; the oldest is the solid line."""
        draw_runs(self.chart, states, self._metric)
        numbers = sorted(states)
        if len(numbers) == 1:
            self.header.title.setText(f"Run {numbers[0]}")
        elif numbers:
            most = ", ".join(map(str, numbers[:-1]))
            self.header.title.setText(f"Compare {most} and {numbers[-1]}")
        self.setVisible(bool(numbers))


def draw_runs(chart: Chart, states: Mapping[int, RunState], metric: str) -> None:
    """One line of the metric for each run, over the longest of them."""
    lines = {}
    for run_id, state in states.items():
        xs, ys = state.series(metric)
        lines[run_id] = ([float(x) for x in xs], ys)
    longest = max((state.total_epochs for state in states.values()), default=0)
    draw_lines(chart, lines, share=True, end=longest)


def draw_lines(
    chart: Chart, lines: Mapping[int, tuple[Sequence[float], Sequence[float]]], *, share: bool,
    end: int = 0,
) -> None:  # fmt: skip
    """One line for each run, by its number; `share` is a figure from 0 to 1.

    Runs have their colours by age, so that a run looks the same wherever it is compared.
    """
    chart.clear()
    last = float(max(end, 2))
    for place, (run_id, (xs, ys)) in enumerate(sorted(lines.items())[:MOST_COMPARED]):
        if len(xs):
            chart.set_line(str(run_id), xs, ys, place=place)
            last = max(last, xs[-1])
    chart.set_range(x=(0, last), y=(0, 1 if share else None))
