"""Which images a run gets wrong, by kind of error, as queries ask for them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Split
from cvstudio.core.jobdir import JobDir
from cvstudio.core.metrics import USUAL_SCORE
from cvstudio.project import analysis
from cvstudio.project.tables import RunRow
from cvstudio.project.verdict import LIKELY

_IOU = 0.5


def judged_runs(s: Session, ids: Sequence[int]) -> list[JobDir]:
    """Those of these runs that have been judged; without ids the newest one, if there is any."""
    stored = select(RunRow.directory).order_by(RunRow.id.desc())
    if ids:
        stored = stored.where(RunRow.id.in_(ids))
    jobs = (JobDir(s.info["path"] / directory) for directory in s.scalars(stored))
    judged = (job for job in jobs if analysis.judged_splits(job))
    return list(judged if ids else islice(judged, 1))


def images_with_errors(s: Session, ids: Sequence[int], kinds: Sequence[str]) -> set[int]:
    """The images on which these runs (none: the newest judged one) make errors of these kinds.

    Each run is judged at its best score, on every split that it was evaluated on.
    """
    found: set[int] = set()
    for run in judged_runs(s, ids):
        for split, job in analysis.judged_splits(run).items():
            stamp = job.predictions(split).stat().st_mtime_ns
            by_kind = _errors(run.path, split, job.path, stamp)
            for kind in by_kind if "any" in kinds else kinds:
                found |= by_kind.get(kind, frozenset())
    return found


@lru_cache(maxsize=16)
def _errors(
    run: Path, split: Split, _job: Path, _stamp: int
) -> Mapping[str, frozenset[int]]:  # fmt: skip
    """Images by kind of error; computed once for each evaluation."""
    loaded = analysis.load(JobDir(run), split)
    best = loaded.best_score(_IOU)
    verdict = loaded.judge(score=USUAL_SCORE if math.isnan(best) else best, iou=_IOU)
    words = {LIKELY: "likely label error"}
    return {
        words.get(each.kind, each.kind): frozenset(
            case.image_id for case in verdict.cases(each.kind)
        )
        for each in verdict.kinds
    }
