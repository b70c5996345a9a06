"""Which runs stand beside each other in the small chart, and the dialog that compares them."""

from __future__ import annotations

from collections.abc import Sequence

from cvstudio.core.run_state import RunState
from cvstudio.gui.studio import Studio
from cvstudio.gui.train.compare_chart import MOST_COMPARED
from cvstudio.gui.train.comparison_dialog import ComparisonDialog
from cvstudio.gui.train.run_book import RunBook
from cvstudio.project import reproducing
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus


def compared(book: RunBook, selected: Sequence[int], run_id: int) -> dict[int, RunState]:
    """The runs in the small chart: the selected ones, or this one and the last two that learned.

    A repetition stands beside the run that it repeats.
    """
    chosen = list(selected)
    if len(chosen) < 2:
        run = book.get(run_id)
        original = reproducing.repeats(run) if run is not None else None
        learned = [r.id for r in reversed(book.runs) if _has_learned(book, r)]
        others = [original] if original is not None else learned
        chosen = [run_id, *[i for i in others if i != run_id][:2]]
    found = {i: book.state(run) for i in chosen[:MOST_COMPARED] if (run := book.get(i)) is not None}
    return {i: state for i, state in found.items() if state.epochs}


def _has_learned(book: RunBook, run: RunRecord) -> bool:
    """Whether a run has a network, or is on its way to one."""
    status = book.status(run)
    on_its_way = status in (RunStatus.RUNNING, RunStatus.PAUSED) and bool(book.state(run).epochs)
    return status.has_network or on_its_way


def open_comparison(
    studio: Studio, book: RunBook, states: dict[int, RunState], *, metric: str
) -> None:
    """The dialog about these runs; the oldest is the one that the others are held against."""
    ids = sorted(states)
    chosen = [run for i in ids if (run := book.get(i)) is not None]
    ordered = {i: states[i] for i in ids}
    ComparisonDialog(studio, book.project, chosen, ordered, metric=metric).exec()
