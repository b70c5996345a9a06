"""What the page says before there is a run to judge."""

from __future__ import annotations

from collections.abc import Sequence

from cvstudio.core.words import counted
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.empty_state import EmptyState
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus

_MOMENT = 40
"""Seconds that are not told as minutes."""


def tell(empty: EmptyState, studio: Studio, all_runs: Sequence[RunRecord]) -> None:
    """Say when errors will appear, and lead to where that can be seen."""
    at_work = next((r for r in all_runs if r.status == RunStatus.RUNNING), None)
    if at_work is None:
        empty.set("Errors appear here after the first run.", button="Go to Train",
                  do=lambda: studio.go_to("train"))  # fmt: skip
    else:
        left = studio.jobs.state.seconds_left()
        minutes = counted(max(round((left or 0) / 60), 1), "more minute")
        more = " is at work" if not left else " is over in a moment"
        if left and left >= _MOMENT:
            more = f" needs {minutes}"
        empty.set(
            f"Errors appear here after the first run. Run {at_work.id}{more}.",
            button=f"Show run {at_work.id}", do=lambda: studio.go_to("train"),
        )  # fmt: skip
