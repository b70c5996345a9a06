"""What a run gets right and wrong on a split, for all four tasks in one form.

The Analyze page and `cvstudio errors` read the same: load an Analysis once, then judge it at any
score and overlap. The truth is the snapshot that the predictions were judged against.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from cvstudio.core.annotation import Split, Task
from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.predictions import read_predictions
from cvstudio.core.snapshot import read_snapshot
from cvstudio.project.image_analysis import ImageAnalysis
from cvstudio.project.object_analysis import ObjectAnalysis
from cvstudio.project.pixel_analysis import PixelAnalysis
from cvstudio.project.several_analysis import SeveralAnalysis
from cvstudio.project.verdict import Analysis

_KINDS: dict[Task, type[Analysis]] = {
    Task.CLASSIFY: ImageAnalysis,
    Task.DETECT: ObjectAnalysis,
    Task.INSTANCE: ObjectAnalysis,
    Task.SEGMENT: PixelAnalysis,
}


def judged_splits(run: JobDir) -> dict[Split, JobDir]:
    """For each split the directory of its newest evaluation: the run's own, or a later job's."""
    found = {}
    for directory in (run, *sorted(_evaluations(run), key=lambda job: job.report.stat().st_mtime)):
        for split in Split:
            if directory.predictions(split).exists():
                found[split] = directory
    return found


def _evaluations(run: JobDir) -> Iterator[JobDir]:
    for path in (run.path / "jobs").glob("evaluate-*"):
        if (job := JobDir(path)).report.exists():
            yield job


def load(run: JobDir, split: Split | str) -> Analysis:
    """The newest evaluation of a split. Raises RunError in words when there is none."""
    split = Split(split)
    directory = judged_splits(run).get(split)
    if directory is None:
        raise RunError(
            f"This run has not been judged on {split} yet.", hint=f"Evaluate it on {split} first."
        )
    snapshot = read_snapshot(directory.snapshot if directory.snapshot.exists() else run.snapshot)
    report = json.loads(directory.report.read_text(encoding="utf-8"))
    figures = report.get(split.value, {})
    kind = SeveralAnalysis if figures.get("several") else _KINDS[snapshot.task]
    return kind(
        snapshot=snapshot,
        split=split,
        images={image.id: image for image in snapshot.of(split)},
        predictions={p.image_id: p for p in read_predictions(directory.predictions(split))},
        report=figures,
    )
