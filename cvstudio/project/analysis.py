"""What a run gets right and wrong on a split, for all four tasks in one form.

The Analyze page and `cvstudio errors` read the same: load an Analysis once, then judge it at any
score and overlap. The truth is the snapshot that the predictions were judged against.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from cvstudio.core.annotation import Split, Task
from cvstudio.core.collector import collector_at_rest
from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir, read_json
from cvstudio.core.predictions import Prediction, read_predictions
from cvstudio.core.snapshot import read_snapshot
from cvstudio.core.thresholds import Thresholds, thresholds_of
from cvstudio.project.image_analysis import ImageAnalysis
from cvstudio.project.object_analysis import ObjectAnalysis
from cvstudio.project.pixel_analysis import PixelAnalysis
from cvstudio.project.several_analysis import SeveralAnalysis
from cvstudio.project.verdict import Analysis, go_on

_KINDS: dict[Task, type[Analysis]] = {
    Task.CLASSIFY: ImageAnalysis,
    Task.DETECT: ObjectAnalysis,
    Task.INSTANCE: ObjectAnalysis,
    Task.SEGMENT: PixelAnalysis,
}


_LARGE = 1_000_000
"""Bytes of files that become so many objects that a search for garbage among them would be felt."""


def judged_splits(run: JobDir) -> dict[Split, JobDir]:
    """For each split the directory of its newest evaluation: the run's own, or a later job's."""
    return {split: there[-1] for split in Split if (there := evaluations(run, split))}


def evaluations(run: JobDir, split: Split) -> list[JobDir]:
    """The directories of all evaluations of a split, the oldest first."""
    later = sorted(_later(run), key=lambda job: job.report.stat().st_mtime)
    return [each for each in (run, *later) if each.predictions(split).exists()]


def _later(run: JobDir) -> Iterator[JobDir]:
    for path in (run.path / "jobs").glob("evaluate-*"):
        if (job := JobDir(path)).report.exists():
            yield job


def load(
    run: JobDir,
    split: Split | str,
    *,
    check: Callable[[], None] = go_on,
    corrected: bool = True,
) -> Analysis:
    """The newest evaluation of a split. Raises RunError in words when there is none.

    `check` is called now and then while it is read and judged, and stops that by raising. Answers
    are corrected as a person chose for the run, but where that is not wanted.
    """
    split = Split(split)
    directory = judged_splits(run).get(split)
    if directory is None:
        raise RunError(
            f"This run has not been judged on {split} yet.", hint=f"Evaluate it on {split} first."
        )
    return load_from(directory, run, split, check=check, corrected=corrected)


def load_from(
    directory: JobDir,
    run: JobDir,
    split: Split,
    *,
    check: Callable[[], None] = go_on,
    corrected: bool = True,
) -> Analysis:
    """One of a run's `evaluations`, the newest or an older one."""
    snapshot_file = directory.snapshot if directory.snapshot.exists() else run.snapshot
    answers_file = directory.predictions(split)
    size = sum(file.stat().st_size for file in (snapshot_file, answers_file) if file.exists())
    with collector_at_rest(aside=size > _LARGE):
        return _read(directory, run, split, check, corrected)


def _read(
    directory: JobDir,
    run: JobDir,
    split: Split,
    check: Callable[[], None],
    corrected: bool,
) -> Analysis:
    snapshot = read_snapshot(directory.snapshot if directory.snapshot.exists() else run.snapshot)
    report = read_json(directory.report)  # none where a kill came before its last line
    figures = report.get(split.value, {})
    kind = SeveralAnalysis if figures.get("several") else _KINDS[snapshot.task]
    chosen = thresholds_of(run.path, corrected=corrected)
    return kind(
        snapshot=snapshot,
        split=split,
        images={image.id: image for image in snapshot.of(split)},
        predictions=dict(_answers(directory.predictions(split), check, chosen)),
        report=figures,
        chosen=chosen,
        check=check,
    )


def _answers(
    path: Path, check: Callable[[], None], chosen: Thresholds
) -> Iterator[tuple[int, Prediction]]:
    """The answers as they are to be read: files hold those of the network itself."""
    for answer in read_predictions(path):
        check()
        yield answer.image_id, chosen.corrected(answer)
