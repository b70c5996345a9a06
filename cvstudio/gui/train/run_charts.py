"""The charts of one run: losses and their parts, figures on val by class, learning rate, memory."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QSlider, QVBoxLayout, QWidget

from cvstudio.core.annotation import LabelClass
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.run_state import RunState
from cvstudio.core.words import percent
from cvstudio.gui.studio import Studio
from cvstudio.gui.train import words
from cvstudio.gui.widgets.chart import Chart
from cvstudio.gui.widgets.chart_figures import shown
from cvstudio.gui.widgets.section import Segments, label
from cvstudio.project.records import RunRecord

GB = 2**30

MOST_CLASSES = 8
"""Classes whose lines are drawn: of more, the weakest of the last epoch."""

_KEPT = "train.charts"


class RunCharts(QWidget):
    """Four charts under a row that says how they are read. `clear` before another run."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._memory = studio.memory
        self._classes: Mapping[int, LabelClass] = {}
        self._shown: tuple[RunRecord, TrainConfig, RunState, float | None] | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.bar = QWidget()
        column.addWidget(self.bar)
        self.loss = Chart("Loss", x="epoch", y="loss", fixed=True)
        self.figure = Chart("Accuracy on val", x="epoch", y="on val", fixed=True)
        self.rate = Chart("Learning rate", x="epoch", y="rate", fixed=True)
        self.memory = Chart("Memory", x="minutes", y="GB", fixed=True)
        self._grid = QGridLayout()
        self._grid.setSpacing(8)
        for place, chart in enumerate(self.charts):
            self._grid.addWidget(chart, place // 2, place % 2)
            self._grid.setColumnStretch(place % 2, 1)
        column.addLayout(self._grid)
        self._fill_bar()

    @property
    def charts(self) -> tuple[Chart, Chart, Chart, Chart]:
        """Loss, metric, learning rate, memory."""
        return self.loss, self.figure, self.rate, self.memory

    def _fill_bar(self) -> None:
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        kept = dict(self._memory.get(_KEPT, {}))
        self.parts = Segments(
            ("Loss", "Its parts"),
            tips=("Loss: the whole loss on train and val", "Its parts: what the loss is made of"),
        )
        self.by_class = Segments(
            ("All", "By class"),
            tips=("All: the figures of all classes together", "By class: a line for each class"),
        )
        self.log = QCheckBox("Log scale")
        self.log.setToolTip("Log scale: equal distances are equal factors, for losses and rate")
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, 95)
        self.smoothing.setFixedWidth(64)
        self.smoothing.setAccessibleName("Smoothing of the curves")
        self.smoothing.setToolTip(
            "Smooth: a running mean, with the values themselves pale behind it"
        )
        for segments, name in ((self.parts, "parts"), (self.by_class, "classes")):
            segments.choose(int(bool(kept.get(name))))
            segments.chosen.connect(lambda _index: self._read_again())
            row.addWidget(segments)
        row.addStretch(1)
        self.log.setChecked(bool(kept.get("log")))
        self.log.toggled.connect(lambda _on: self._read_again())
        row.addWidget(self.log)
        row.addSpacing(8)
        words_ = label("Smooth", "muted")
        words_.setBuddy(self.smoothing)
        row.addWidget(words_)
        row.addWidget(self.smoothing)
        self.smoothing.setValue(int(kept.get("smoothing", 0)))
        self.smoothing.valueChanged.connect(lambda _value: self._read_again())
        self._apply_reading()

    def _read_again(self) -> None:
        """Another way to read the charts was chosen."""
        self._memory.set(
            _KEPT,
            {
                "parts": self.parts.index, "classes": self.by_class.index,
                "log": self.log.isChecked(), "smoothing": self.smoothing.value(),
            },
        )  # fmt: skip
        self._apply_reading()
        if self._shown is not None:
            run, config, state, judged = self._shown
            for chart in (self.loss, self.figure):
                chart.clear()
            self.show_run(run, config, state, judged=judged)

    def _apply_reading(self) -> None:
        for chart in (self.loss, self.rate):
            chart.set_log(self.log.isChecked())
        for chart in (self.loss, self.figure):
            chart.set_smoothing(self.smoothing.value() / 100)

    def open(self, classes: Mapping[int, LabelClass]) -> None:
        """Begin to show another run, of a project with these classes."""
        self._classes, self._shown = classes, None
        for chart in self.charts:
            chart.clear()
        self.memory.set_limit(None)

    def show_only_why(self, failed: bool) -> None:
        """Beside the card of a failure, what led to it is enough."""
        self.bar.setVisible(not failed)
        for chart in (self.figure, self.rate):
            chart.setVisible(not failed)
        row, column = (0, 1) if failed else (1, 1)
        self._grid.addWidget(self.memory, row, column)

    def show_run(
        self, run: RunRecord, config: TrainConfig, state: RunState, *, judged: float | None
    ) -> None:
        """Show a run as it is now; `judged`: the exact figure of the best epoch once it is over."""
        self._shown = (run, config, state, judged)
        end = float(max(state.total_epochs or config.epochs, 2))
        self._show_losses(state)
        if state.epochs:
            self._show_figures(run, state, judged)
            epochs = [float(e.epoch) for e in state.epochs]
            self.rate.set_line("learning rate", epochs, [e.learning_rate for e in state.epochs])
            self.rate.set_figures(shown(state.epochs[-1].learning_rate))
        self.loss.set_range(x=(0, end))
        self.figure.set_range(x=(0, end), y=(0, 1))
        self.rate.set_range(x=(0, end))
        best = state.best_epoch
        for chart in (self.loss, self.figure):
            chart.set_mark(best, f"best, {best}" if best is not None else "")
        self.bar.setVisible(self.figure.isVisibleTo(self) and bool(state.epochs))
        self.by_class.setVisible(any(e.classes for e in state.epochs[-1:]))
        self.parts.setVisible(len(words.loss_parts(state)) > 1)
        self._show_memory(state)

    def _show_losses(self, state: RunState) -> None:
        parts = words.loss_parts(state)
        names = parts if self.parts.index and len(parts) > 1 else []
        figures = []
        for dashed, of in enumerate(("train", "val")):
            if not names:
                xs, ys = words.loss_series(state.epochs, of)
                if of == "train":
                    xs, ys = _with_steps(state, xs, ys, "")
                if xs:
                    self.loss.set_line(of, xs, ys)
                    figures.append(f"{shown(ys[-1])} {of}")
            for place, name in enumerate(names):
                ints, values = state.series(name, of=of)
                xs = [float(x) for x in ints]
                if of == "train":
                    xs, values = _with_steps(state, xs, values, name)
                if xs:
                    twin = f"{name} val" if dashed else name
                    self.loss.set_line(twin, xs, values, place=place, dashed=bool(dashed))
                    figures.append(f"{shown(values[-1])}")
        self.loss.set_figures(", ".join(figures if not names else figures[: len(names)]))

    def _show_figures(self, run: RunRecord, state: RunState, judged: float | None) -> None:
        last = state.epochs[-1].classes
        if not (self.by_class.index and last):
            for name in words.curves(run):
                xs, ys = state.series(name)
                if xs:
                    self.figure.set_line(name, [float(x) for x in xs], ys)
            self.figure.set_figures(words.on_val(run, state, judged))
            return
        weakest = sorted(last, key=last.__getitem__)[:MOST_CLASSES]
        names = {f"class {key}" if key not in self._classes else self._classes[key].name: key
                 for key in weakest}  # fmt: skip
        if set(self.figure.names) - set(names):
            self.figure.clear()
        for name, key in names.items():
            known = [e for e in state.epochs if key in e.classes]
            colour = self._classes[key].colour if key in self._classes else ""
            when = [float(e.epoch) for e in known]
            self.figure.set_line(name, when, [e.classes[key] for e in known], colour=colour)
        least = next(iter(names))
        few = f", {len(names)} weakest of {len(last)} classes" if len(last) > len(names) else ""
        self.figure.set_figures(f"least {last[names[least]]:.3f} {least}{few}")

    def _show_memory(self, state: RunState) -> None:
        steps = [s for s in state.step_history if s.memory]
        if not steps or state.started_at is None:
            return
        begin = state.started_at
        self.memory.set_title("GPU memory" if words.on_gpu(state) else "Memory")
        self.memory.set_line(
            "in use", [(s.at - begin) / 60 for s in steps], [s.memory / GB for s in steps]
        )
        text = f"{steps[-1].memory / GB:.1f} GB"
        if steps[-1].utilisation is not None:
            text += f", {percent(steps[-1].utilisation)} busy"
        self.memory.set_figures(text)
        total = steps[-1].memory_total / GB
        if total:
            self.memory.set_limit(total, f"{total:.0f} GB fitted")


def _with_steps(
    state: RunState, xs: list[float], ys: list[float], name: str
) -> tuple[list[float], list[float]]:
    """A line over epochs with what the epoch at work has come to: while the first one is at work
    all that is known of it, later its newest figure."""
    at_work = state.epoch > len(state.epochs) and state.running
    if not at_work:
        return xs, ys
    steps = [s for s in reversed(state.step_history) if s.epoch == state.epoch]
    steps = steps[:1] if xs else steps[::-1]
    for step in steps:
        value = step.losses.get(name or "loss")
        if value is None and not name and step.losses:
            value = sum(step.losses.values())
        if value is not None and step.steps:
            xs, ys = [*xs, state.epoch - 1 + step.step / step.steps], [*ys, value]
    return xs, ys
