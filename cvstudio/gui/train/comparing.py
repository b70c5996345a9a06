"""Runs beside each other: which ones, the large chart, and the settings in which they differ."""

from __future__ import annotations

from collections.abc import Sequence

from cvstudio.core.recipe import TrainConfig
from cvstudio.core.run_state import RunState
from cvstudio.gui.studio import Studio
from cvstudio.gui.train.run_book import RunBook
from cvstudio.gui.train.run_list import draw_runs
from cvstudio.gui.widgets.chart import Chart
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.section import label
from cvstudio.project import runs
from cvstudio.project.run_status import RunStatus

_MOST = 4
"""Lines that one chart can hold and still be read."""


def compared(book: RunBook, selected: Sequence[int], run_id: int) -> dict[int, RunState]:
    """The runs in the small chart: the selected ones, or this one and the last two finished."""
    chosen = list(selected)
    if len(chosen) < 2:
        finished = [r.id for r in reversed(book.runs) if RunStatus(r.status).has_network]
        chosen = [run_id, *[i for i in finished if i != run_id][:2]]
    found = {i: book.state(run) for i in chosen[:_MOST] if (run := book.get(i)) is not None}
    return {i: state for i, state in found.items() if state.epochs}


def open_comparison(
    studio: Studio, book: RunBook, states: dict[int, RunState], *, title: str, metric: str
) -> None:
    """The chart in a dialog, with what the settings of the runs differ in."""
    dialog = StudioDialog(studio.window, title, width=880, height=600)
    chart = Chart(f"{metric} on val", x="epoch", y=metric)
    draw_runs(chart, states, metric)
    dialog.content.addWidget(chart, 1)
    dialog.content.addWidget(label(differences(book, list(states)), "muted", wrap=True))
    dialog.add_button("Close", dialog.accept)
    dialog.exec()


def differences(book: RunBook, ids: Sequence[int]) -> str:
    """The settings in which runs differ, a line each."""
    configs = {i: runs.config_of(run) for i in ids if (run := book.get(i)) is not None}
    lines = []
    for name, field in TrainConfig.model_fields.items():
        values = {i: getattr(config, name) for i, config in configs.items()}
        if name != "augmentation" and len({str(value) for value in values.values()}) > 1:
            shown = ", ".join(f"run {i}: {value}" for i, value in values.items())
            lines.append(f"{field.title or name.capitalize()}: {shown}")
    return "\n".join(lines) or "These runs have the same settings."
