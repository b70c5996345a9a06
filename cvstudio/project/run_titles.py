"""How a run is called where one is chosen: its number, its network, and its figure on val."""

from __future__ import annotations

from cvstudio.core.networks import title_of
from cvstudio.project.judged import judged
from cvstudio.project.records import RunRecord


def run_title(run: RunRecord) -> str:
    """A run in one line: "Run 2 · YOLO11 nano · mAP50-95 0.517".

    The figure is the one that Analyze shows; while there is none, the best of the training.
    """
    value = judged(run)
    value = run.best if value is None else value
    figure = f" · {run.metric} {value:.3f}" if value is not None else ""
    return f"Run {run.id} · {title_of(run.network)}{figure}"
