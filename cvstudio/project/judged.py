"""The figure by which a run is known: of its report, which Analyze and Export show too.

While a network learns, each epoch is measured in passing, and at the end the best one is judged
exactly: the two differ a little. As soon as there is a report, its figure is the run's.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

from cvstudio.core.annotation import Task
from cvstudio.core.jobdir import JobDir
from cvstudio.core.run_state import best_metric
from cvstudio.project import image_classes
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord


def judged(run: RunRecord) -> float | None:
    """The run's metric on val by its own report; None while it has none that can be read."""
    report = JobDir(run.directory).report
    try:
        stat = report.stat()
    except OSError:
        return None
    metrics = _metrics(report, stat.st_mtime_ns, stat.st_size)
    value = metrics.get(run.metric)
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


@lru_cache(maxsize=512)
def _metrics(report: Path, _changed: int, _size: int) -> dict[str, Any]:
    try:
        metrics = json.loads(report.read_text(encoding="utf-8"))["val"]["metrics"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return metrics if isinstance(metrics, dict) else {}


def main_figure(project: Project) -> str:
    """The figure by which the best epoch of the project's runs is chosen."""
    if project.task is not Task.CLASSIFY:
        return best_metric(project.task)
    with project.read() as session:
        return best_metric(project.task, several=image_classes.several(session))
