"""How far a network is to be believed: whether it may doubt a label, whether it is of any use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cvstudio.core.annotation import Task
from cvstudio.core.run_state import best_metric
from cvstudio.core.words import quoted

LEAST_RIGHT = 5
LEAST_PRECISION = 0.5
_NEXT_TO_NOTHING = 0.01
_BACKGROUND = 0


def believable(*, right: int, sure: int, sure_and_right: int) -> bool:
    """Whether answers of one class count against labels: there must be five right ones to tell how
    sure the network usually is, and of the answers that are as sure at least half must be right."""
    return right >= LEAST_RIGHT and sure > 0 and sure_and_right / sure >= LEAST_PRECISION


def withheld_sentence(names: list[str]) -> str:
    """Why no likely label errors are named for these classes; "" when there are none."""
    if not names:
        return ""
    shown = ", ".join(map(quoted, names[:5])) + (", …" if len(names) > 5 else "")
    return (
        f"No label errors are claimed for {shown}: first {LEAST_RIGHT} answers of a class must be"
        " right, and at least half of the answers that are as sure as those."
    )


def by_guessing(task: Task, report: Mapping[str, Any]) -> float:
    """What the best metric of a task is, by an entry of report.json, for answers that are drawn by
    lot (classify), or that are the commonest class everywhere (segment); 0 where objects are looked
    for, and where nothing is labelled."""
    rows = [row for row in report.get("per_class", []) if row["labelled"]]
    if task in (Task.DETECT, Task.INSTANCE) or not rows:
        return 0.0
    labelled = [row["labelled"] for row in rows]
    if task is Task.SEGMENT:
        return float(max(labelled) / sum(labelled) / len(rows))
    if report.get("several"):
        # Ranked by lot, a class has about the share of images that it is on as its AP.
        images = max(report.get("counts", {}).get("images", 0), 1)
        return float(sum(labelled) / images / len(rows))
    return 1 / len(rows)


def nothing_right(task: Task, report: Mapping[str, Any]) -> str:
    """A warning when an entry of report.json shows a network that has learned nothing; else ""."""
    metrics, rows = report.get("metrics", {}), report.get("per_class", [])
    several = bool(report.get("several"))
    metric = best_metric(task, several=several)
    useless = False
    match task:
        case Task.DETECT | Task.INSTANCE:
            found = metrics.get("mAP50")
            useless = found is not None and found < _NEXT_TO_NOTHING
        case Task.CLASSIFY if several:
            found, labelled = metrics.get("mAP"), any(row["labelled"] for row in rows)
            useless = found is not None and labelled and found <= by_guessing(task, report)
        case Task.CLASSIFY:
            recalls = [row["recall"] for row in rows if row["labelled"]]
            mean = sum(recalls) / max(len(recalls), 1)
            useless = len(recalls) > 1 and mean <= by_guessing(task, report)
        case Task.SEGMENT:
            ious = [row["IoU"] for row in rows if row["class"] != _BACKGROUND and row["labelled"]]
            useless = bool(ious) and max(ious) < _NEXT_TO_NOTHING
    if not useless:
        return ""
    did = "did no better than guessing" if task is Task.CLASSIFY else "found next to nothing right"
    value = metrics.get(metric) or 0
    return (
        f"This network {did} on the images it was judged on ({metric} {value:.3f}):"
        " train it longer, or with more labels."
    )
