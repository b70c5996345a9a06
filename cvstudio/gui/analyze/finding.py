"""What threads find out for the page: a run's answers judged for the first time, and its rival."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cvstudio.core.annotation import Split
from cvstudio.core.jobdir import JobDir
from cvstudio.core.metrics import Curve
from cvstudio.core.metrics.resampling import Difference, Draws, interval
from cvstudio.gui.tasks import Control
from cvstudio.project import analysis, certainty, runs
from cvstudio.project.records import RunRecord
from cvstudio.project.verdict import Analysis, Verdict

DEFAULT_SCORE = 0.25


@dataclass(frozen=True, eq=False, slots=True)
class Loaded:
    """A run on a split, judged at the score that is best there."""

    analysis: Analysis
    verdict: Verdict
    score: float
    curves: dict[int, Curve]
    drawn: Draws
    judged_at: float
    """When the evaluation was made, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How sure the main figure is, and how it compares with the run before (`older`; 0: none)."""

    interval: tuple[float, float] | None = None
    since: Difference | None = None
    older: int = 0


def load(job: JobDir, split: Split, *, iou: float) -> Loaded:
    """Read the answers and judge them; the first verdict computes what later ones reuse."""
    loaded = analysis.load(job, split)
    best = loaded.best_score(iou)
    score = DEFAULT_SCORE if math.isnan(best) else max(round(best, 2), 0.01)
    verdict = loaded.judge(score=score, iou=iou)
    drawn = certainty.draws_for(loaded)
    judged_at = _judged_at(job, split)
    return Loaded(loaded, verdict, score, loaded.curves(iou), drawn, judged_at)


def standing(
    loaded: Analysis, drawn: Draws, before: Sequence[RunRecord], control: Control
) -> Standing:
    """Compare a run with the newest of those before it that was judged on the same split."""
    known = interval(certainty.main_figure(loaded, drawn))
    for older in reversed(before):
        control.check()
        job = runs.job_of(older)
        if loaded.split in analysis.judged_splits(job):
            since = certainty.compare(loaded, analysis.load(job, loaded.split))
            return Standing(known, since, older.id)
    return Standing(known)


def _judged_at(job: JobDir, split: Split) -> float:
    directory = analysis.judged_splits(job)[split]
    return directory.state().last_event_at or directory.report.stat().st_mtime
