"""What threads find out for the page: a run's answers judged for the first time, and its rival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cvstudio.core.annotation import Split
from cvstudio.core.jobdir import JobDir
from cvstudio.core.metrics.resampling import Difference, Draws, interval
from cvstudio.gui.analyze.view import Subject
from cvstudio.gui.tasks import Control
from cvstudio.project import analysis, certainty, runs
from cvstudio.project.records import RunRecord
from cvstudio.project.verdict import Analysis


@dataclass(frozen=True, slots=True)
class Standing:
    """How sure the main figure is, and how it compares with the run before (`older`; 0: none)."""

    interval: tuple[float, float] | None = None
    since: Difference | None = None
    older: int = 0


def load(run: RunRecord, split: Split, *, score: float | None, iou: float, own: bool) -> Subject:
    """Read a run's answers and judge them from a score, or from that of the run where it is None,
    and classes from their `own` scores where there are any; the first verdict computes what later
    ones reuse."""
    job = runs.job_of(run)
    loaded = analysis.load(job, split)
    if score is None:
        score = loaded.chosen.common
    subject = Subject(
        run, split, loaded, certainty.draws_for(loaded), score, iou, own=own,
        judged_at=_judged_at(job, split),
    )  # fmt: skip
    subject.verdict, subject.curves  # noqa: B018 - computed here, where nobody waits
    return subject


def standing(
    loaded: Analysis, drawn: Draws, before: Sequence[RunRecord], control: Control
) -> Standing:
    """Compare a run with the newest of those before it that was judged on the same split."""
    known = interval(certainty.main_figure(loaded, drawn))
    for older in reversed(before):
        control.check()
        job = runs.job_of(older)
        if loaded.split in analysis.judged_splits(job):
            other = analysis.load(job, loaded.split)
            if other.views is loaded.views:  # else the views would be taken for the run's merit
                return Standing(known, certainty.compare(loaded, other), older.id)
    return Standing(known)


def _judged_at(job: JobDir, split: Split) -> float:
    directory = analysis.judged_splits(job)[split]
    return directory.state().last_event_at or directory.report.stat().st_mtime
