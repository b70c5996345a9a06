"""What a thread finds out for the view Suspects: who may judge, and what is suspected."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from cvstudio.core.annotation import LabelClass, Split
from cvstudio.core.errors import RunError
from cvstudio.core.skeleton import Skeleton
from cvstudio.core.snapshot import SnapshotImage
from cvstudio.gui.tasks import Control
from cvstudio.project import (
    corrected,
    queries,
    runs,
    skeletons,
    snapshots,
    suspect_decisions,
    suspecting,
)
from cvstudio.project.corrected import Again, Effect
from cvstudio.project.experiments import book
from cvstudio.project.image_analysis import ImageAnalysis
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.suspect_decisions import Decision
from cvstudio.project.suspecting import Judge, Suspects
from cvstudio.project.verdict import Analysis


@dataclass(frozen=True, eq=False)
class Looked:
    """All suspects of one judge with their images, and how far a person has come with them."""

    judges: tuple[Judge, ...]
    """All that could judge labels, the one in force among them."""
    judge: Judge | None = None
    suspects: Suspects | None = None
    images: Mapping[int, SnapshotImage] = field(default_factory=dict)
    """The images of the suspects with their labels of now."""
    classes: Mapping[int, LabelClass] = field(default_factory=dict)
    bones: Mapping[int, Skeleton] = field(default_factory=dict)
    """How keypoints are joined, by class."""
    examples: Mapping[int, SnapshotImage] = field(default_factory=dict)
    """Of whole images, one of each class: of which the network is surest, and right."""
    decided: Mapping[Decision, int] = field(default_factory=dict)
    trouble: str = ""
    """Why nothing can be judged; "" when it can."""


@dataclass(frozen=True)
class Since:
    """What came of correcting labels: for the run that is shown, and by training again."""

    effect: Effect | None = None
    again: Again | None = None


def look(
    project: Project, run: RunRecord, analysed: Analysis, wanted: Judge | None, control: Control
) -> Looked:
    """Let `wanted` judge the labels of now, or else the run itself, or else whoever can."""
    found = tuple(suspecting.judges(project))
    own = next((judge for judge in found if judge.run_id == run.id), None)
    judge = wanted if wanted in found else own or next(iter(found), None)
    if judge is None:
        return Looked(found, trouble="No run has been judged on images that it did not learn from.")
    try:
        suspects = suspecting.find(project, judge, check=control.check)
    except RunError as error:
        return Looked(found, judge, trouble=f"{error.message} {error.hint}".strip())
    with project.read() as s:
        ids = {row.image_id for row in suspects.rows}
        examples = _examples(analysed, ids)
        ids |= {image.id for image in examples.values()}
        images = {image.id: image for image in snapshots.images(s, project, only=ids)}
        classes = {c.id: c for c in queries.classes(s)}
        bones = skeletons.skeletons(s)
    counts = suspect_decisions.counts(project, _runs_of(project, judge))
    known = {c: images[i.id] for c, i in examples.items() if i.id in images}
    return Looked(found, judge, suspects, images, classes, bones, known, counts)


def _examples(analysed: Analysis, suspected: Collection[int]) -> dict[int, SnapshotImage]:
    """Of each class the image of which the network is surest and that nobody doubts."""
    best: dict[int, tuple[float, SnapshotImage]] = {}
    if not isinstance(analysed, ImageAnalysis):
        return {}
    for image in analysed.images.values():
        answer = analysed.predictions.get(image.id)
        label = next((a.class_id for a in image.annotations if a.shape is None), None)
        if label is None or answer is None or not answer.scores or image.id in suspected:
            continue
        score = answer.scores.get(label, 0.0)
        if score >= max(answer.scores.values()) and score > best.get(label, (0.0, image))[0]:
            best[label] = (score, image)
    return {class_id: image for class_id, (_score, image) in best.items()}


def _runs_of(project: Project, judge: Judge) -> list[int]:
    """The runs whose answers a judge stands for."""
    if judge.experiment_id is None:
        return [judge.run_id or 0]
    return [run.id for run in book.runs_of(project, book.get(project, judge.experiment_id))]


def look_back(project: Project, run: RunRecord, split: Split, control: Control) -> Since:
    """What correcting labels did to a run's figure, and what training again did."""
    effect = corrected.effect(runs.job_of(run), split)
    control.check()
    return Since(effect, corrected.trained_again(project, run, split))
