"""What a run gets right and wrong on a split, for all four tasks in one form.

The Analyze page and `cvstudio errors` read the same: load an Analysis once, then judge it at any
score and overlap. The truth is the snapshot that the predictions were judged against.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import LabelClass, Split, Task
from cvstudio.core.errors import RunError
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir
from cvstudio.core.metrics import (
    NOTHING,
    ClassificationReport,
    ClassifiedImage,
    Curve,
    ErrorKind,
    ImageObjects,
    ObjectError,
    ObjectMatches,
    PixelMatches,
    PixelReport,
    classification_report,
    label_map,
    match_objects,
    match_pixels,
    region_map,
    withheld_sentence,
)
from cvstudio.core.opencv import cv2
from cvstudio.core.predictions import Prediction, read_predictions
from cvstudio.core.snapshot import (
    Snapshot,
    SnapshotImage,
    held_to,
    read_snapshot,
)
from cvstudio.core.words import counted

ALL, LIKELY = "all", "likely label errors"
WRONG, WORST = "wrong class", "worst images"


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to look at: an object, an image or a region that is wrong, or a cell's right one.

    `labelled` and `predicted` are class ids, 0 for nothing (segment: background). `box` is where
    to look; None is the whole image. `figure` is what the case is sorted by, under its picture.
    """

    kind: str
    image_id: int
    annotation_id: int | None
    prediction: int | None
    labelled: int
    predicted: int
    score: float | None
    box: Box | None
    figure: str


@dataclass(frozen=True, slots=True)
class Card:
    """One figure with its count, never a bare number; `value` may be not-a-number."""

    title: str
    value: float
    detail: str
    whole: bool = False
    """Shown as a whole number (a count) instead of a share."""


@dataclass(frozen=True, slots=True)
class Row:
    """One class of the per-class table; values in the order of Verdict.columns."""

    class_id: int
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class KindCount:
    """One kind of error with its number, a tab of the page."""

    kind: str
    title: str
    count: int


@dataclass(frozen=True, eq=False)
class Verdict:
    """Everything at one score and overlap."""

    cards: tuple[Card, ...]
    class_ids: tuple[int, ...]
    """Rows and columns of the confusion; 0 is nothing or background."""
    confusion: NDArray[np.int64]
    unit: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    kinds: tuple[KindCount, ...]
    cases: Callable[[str], list[Case]] = field(repr=False)
    cell: Callable[[int, int], list[Case]] = field(repr=False)
    withheld: str = ""
    """Why no likely label errors are named for some classes; "" when nothing is held back."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """A run's answers on a split beside the truth. Subclasses judge; the page knows only this."""

    snapshot: Snapshot
    split: Split
    images: dict[int, SnapshotImage]
    predictions: dict[int, Prediction]
    report: dict[str, Any]
    """What the evaluation wrote for this split (metrics that need no threshold)."""

    has_scores = False
    """Whether a score and an overlap can be chosen."""

    @property
    def classes(self) -> tuple[LabelClass, ...]:
        return self.snapshot.classes

    def metric(self, name: str) -> float:
        """A figure of the report; not-a-number when the evaluation had none."""
        value = self.report.get("metrics", {}).get(name)
        return math.nan if value is None else float(value)

    def judge(self, *, score: float, iou: float) -> Verdict:
        """The verdict at a score and an overlap; both are ignored where there are none."""
        raise NotImplementedError

    def curves(self, iou: float) -> dict[int, Curve]:
        """Precision against recall by class id; empty where it has no meaning."""
        return {}

    def best_score(self, iou: float) -> float:
        """The score with the best mean F1; not-a-number where it has no meaning."""
        return math.nan

    def _withheld(self, class_ids: list[int]) -> str:
        names = {c.id: c.name for c in self.classes}
        return withheld_sentence([names[i] for i in class_ids if i in names])


class ObjectAnalysis(Analysis):
    """Detect and instance."""

    has_scores = True

    @cached_property
    def matches(self) -> ObjectMatches:
        masks = self.snapshot.task is Task.INSTANCE
        return match_objects(
            (
                ImageObjects(i.id, held_to(i, self.snapshot.task), self._prediction(i.id).objects)
                for i in self.images.values()
            ),
            class_ids=[c.id for c in self.classes],
            masks=masks,
        )

    def _prediction(self, image_id: int) -> Prediction:
        return self.predictions.get(image_id, Prediction(image_id))

    def curves(self, iou: float) -> dict[int, Curve]:
        return self.matches.curves(iou)

    def best_score(self, iou: float) -> float:
        return self.matches.best_score(iou)

    def judge(self, *, score: float, iou: float) -> Verdict:
        judged = self.matches.at(score=score, iou=iou)
        counts = judged.counts()
        likely = judged.likely_label_errors()
        withheld = self._withheld(judged.withheld_classes())
        per_class_ap = {
            row["class"]: row.get("AP50-95") for row in self.report.get("per_class", ())
        }
        titles = {
            ErrorKind.MISSED: "Missed",
            ErrorKind.EXTRA: "Extra",
            ErrorKind.WRONG_CLASS: "Wrong class",
            ErrorKind.LOOSE_BOX: "Loose box",
            ErrorKind.DUPLICATE: "Duplicate",
        }
        what = "masks" if self.snapshot.task is Task.INSTANCE else "boxes"

        def cases(kind: str) -> list[Case]:
            if kind == ALL:
                return self._cases(judged.errors())
            if kind == LIKELY:
                return self._cases(likely)
            return self._cases(judged.errors(ErrorKind(kind)))

        return Verdict(
            cards=(
                Card("mAP50-95", self.metric("mAP50-95"), f"mean over overlaps, {what}"),
                Card("mAP50", self.metric("mAP50"), "overlap from 0.50"),
                Card(
                    "Precision",
                    judged.precision,
                    _of(judged.correct, judged.predicted, "predicted"),
                ),
                Card("Recall", judged.recall, _of(judged.correct, judged.labelled, "labelled")),
                Card(
                    "Likely label errors",
                    len(likely),
                    _likely_detail(len(likely), _in_images(likely), withheld),
                    whole=True,
                ),
            ),
            class_ids=(*judged.class_ids, NOTHING),
            confusion=judged.confusion,
            unit=what,
            columns=("Labelled", "Precision", "Recall", "AP50-95"),
            rows=tuple(
                Row(
                    r.class_id,
                    (
                        r.labelled,
                        r.precision,
                        r.recall,
                        _number(per_class_ap.get(r.class_id)),
                    ),
                )
                for r in judged.per_class()
            ),
            kinds=(
                KindCount(ALL, "All", sum(counts.values())),
                *(KindCount(k.value, titles[k], counts[k]) for k in titles),
                KindCount(LIKELY, "Likely label errors", len(likely)),
            ),
            cases=cases,
            cell=lambda labelled, predicted: self._cases(judged.cell(labelled, predicted)),
            withheld=withheld,
        )

    def _cases(self, found: list[ObjectError]) -> list[Case]:
        return [self._case(error) for error in found]

    def _case(self, error: ObjectError) -> Case:
        image = self.images[error.image_id]
        box = None
        if error.prediction is not None:
            box = self._prediction(error.image_id).objects[error.prediction].box
        elif error.annotation_id is not None:
            box = next(a.box for a in image.annotations if a.id == error.annotation_id)
        return Case(
            kind=error.kind.value if error.kind else "right",
            image_id=error.image_id,
            annotation_id=error.annotation_id,
            prediction=error.prediction,
            labelled=error.labelled,
            predicted=error.predicted,
            score=error.score,
            box=box,
            figure=f"{error.score:.2f}" if error.score is not None else "missed",
        )


class ImageAnalysis(Analysis):
    """Classify."""

    @cached_property
    def judged(self) -> ClassificationReport:
        answers = []
        for image in self.images.values():
            answer = self.predictions.get(image.id)
            label = next((a for a in image.annotations if a.shape is None), None)
            if answer is not None and answer.scores and label is not None:
                answers.append(ClassifiedImage(image.id, label.class_id, answer.scores))
        return classification_report(answers, class_ids=[c.id for c in self.classes])

    def curves(self, iou: float) -> dict[int, Curve]:
        result = {}
        for c in self.classes:
            scores = np.array([i.scores.get(c.id, 0.0) for i in self.judged.images])
            right = np.array([i.labelled == c.id for i in self.judged.images], bool)
            order = np.argsort(-scores, kind="stable")
            result[c.id] = Curve.of(c.id, int(right.sum()), scores[order], right[order])
        return result

    def judge(self, *, score: float, iou: float) -> Verdict:
        report = self.judged
        wrong, likely = report.wrong(), report.likely_label_errors()
        withheld = self._withheld(report.withheld_classes())
        total = len(report.images)

        def cases(kind: str) -> list[Case]:
            return [self._case(image) for image in (likely if kind == LIKELY else wrong)]

        return Verdict(
            cards=(
                Card("Balanced accuracy", report.balanced_accuracy, "mean recall of the classes"),
                Card(
                    "Accuracy",
                    report.accuracy,
                    f"{total - len(wrong):,} of {counted(total, 'image')}",
                ),
                Card("Macro F1", report.macro_f1, "mean of the classes"),
                Card("Wrong", len(wrong), f"of {counted(total, 'image')}", whole=True),
                Card(
                    "Likely label errors",
                    len(likely),
                    _likely_detail(len(likely), "surer than usual", withheld),
                    whole=True,
                ),
            ),
            class_ids=report.class_ids,
            confusion=report.confusion,
            unit="images",
            columns=("Labelled", "Precision", "Recall", "F1"),
            rows=tuple(
                Row(r.class_id, (r.labelled, r.precision, r.recall, r.f1))
                for r in report.per_class()
            ),
            kinds=(
                KindCount(WRONG, "Wrong class", len(wrong)),
                KindCount(LIKELY, "Likely label errors", len(likely)),
            ),
            cases=cases,
            cell=lambda labelled, predicted: [
                self._case(image) for image in report.cell(labelled, predicted)
            ],
            withheld=withheld,
        )

    def _case(self, answer: ClassifiedImage) -> Case:
        right = answer.labelled == answer.predicted
        return Case(
            kind="right" if right else WRONG,
            image_id=answer.image_id,
            annotation_id=next(
                a.id for a in self.images[answer.image_id].annotations if a.shape is None
            ),
            prediction=None,
            labelled=answer.labelled,
            predicted=answer.predicted,
            score=answer.score,
            box=None,
            figure=f"{answer.score:.2f}",
        )


class PixelAnalysis(Analysis):
    """Segment."""

    def _ids(self) -> list[int]:
        return [c.id for c in self.classes]

    def maps(self, image_id: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
        """The (height, width) class maps of one image: labelled and predicted; 0 is background."""
        image, ids = self.images[image_id], self._ids()
        size = {"height": image.height, "width": image.width}
        regions = self.predictions.get(image_id, Prediction(image_id)).regions or {}
        return (
            label_map(image.annotations, class_ids=ids, **size),
            region_map(regions, class_ids=ids, **size),
        )

    def _maps(self) -> Iterator[tuple[int, NDArray[np.uint16], NDArray[np.uint16]]]:
        for image_id in self.images:
            if image_id in self.predictions:
                yield (image_id, *self.maps(image_id))

    @cached_property
    def matches(self) -> PixelMatches:
        return match_pixels(self._maps(), class_ids=self._ids())

    def judge(self, *, score: float, iou: float) -> Verdict:
        matches = self.matches
        report = matches.report()
        pixels = int(report.confusion.sum())
        right = int(np.trace(report.confusion))
        worst = matches.worst()

        return Verdict(
            cards=(
                Card("mIoU", report.mean_iou, _mean_words(report)),
                Card("Dice", report.mean_dice, "mean of the same classes"),
                Card("Pixel accuracy", report.pixel_accuracy, _share_of_pixels(right, pixels)),
                Card(
                    "Images",
                    len(matches.image_ids),
                    f"{pixels / 1e6:.1f} million pixels",
                    whole=True,
                ),
            ),
            class_ids=report.class_ids,
            confusion=report.confusion,
            unit="pixels",
            columns=("Share", "IoU", "Dice", "Recall"),
            rows=tuple(
                Row(
                    r.class_id,
                    (r.labelled / pixels if pixels else math.nan, r.iou, r.dice, r.recall),
                )
                for r in report.per_class()
            ),
            kinds=(KindCount(WORST, "Worst images", len(worst)),),
            cases=lambda kind: [
                Case(WORST, image_id, None, None, 0, 0, value, None, f"{value:.2f}")
                for image_id, value in worst
            ],
            cell=self._cell,
        )

    def _cell(self, labelled: int, predicted: int) -> list[Case]:
        ids = (0, *self._ids())
        cases = []
        for image_id, count in self.matches.cell(labelled, predicted)[:200]:
            truth, answer = self.maps(image_id)
            here = (truth == ids.index(labelled)) & (answer == ids.index(predicted))
            kind = "right" if labelled == predicted else WRONG
            cases.append(
                Case(
                    kind,
                    image_id,
                    self._annotation_at(image_id, labelled),
                    None,
                    labelled,
                    predicted,
                    None,
                    _largest_piece(here),
                    f"{count:,} px",
                )
            )
        return cases

    def _annotation_at(self, image_id: int, class_id: int) -> int | None:
        of_class = [a for a in self.images[image_id].annotations if a.class_id == class_id]
        return max(of_class, key=lambda a: a.box.area).id if of_class else None


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
    return _KINDS[snapshot.task](
        snapshot=snapshot,
        split=split,
        images={image.id: image for image in snapshot.of(split)},
        predictions={p.image_id: p for p in read_predictions(directory.predictions(split))},
        report=report.get(split.value, {}),
    )


def _largest_piece(here: NDArray[np.bool_]) -> Box | None:
    count, _, stats, _ = cv2.connectedComponentsWithStats(here.astype(np.uint8), connectivity=8)
    if count < 2:
        return None
    x, y, w, h, _ = (int(v) for v in stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))])
    return Box(x, y, w, h)


def _of(part: int, whole: int, word: str) -> str:
    return f"{part:,} of {whole:,} {word}"


def _mean_words(report: PixelReport) -> str:
    """Over which classes the mean is taken: without those that no image of the split has."""
    labelled = report.confusion.sum(axis=1) > 0
    classes = int(labelled[1:].sum())
    background = " and background" if labelled[0] else ""
    if classes == len(report.class_ids) - 1:
        return f"mean of all classes{background}"
    return f"mean of {counted(classes, 'labelled class', 'labelled classes')}{background}"


def _share_of_pixels(right: int, pixels: int) -> str:
    return f"{right / 1e6:.1f} of {pixels / 1e6:.1f} million pixels"


def _likely_detail(count: int, where: str, withheld: str) -> str:
    """Under the number of likely label errors: none at all is otherwise taken for good labels."""
    return "none claimed yet" if withheld and not count else where


def _in_images(errors: list[ObjectError]) -> str:
    images = len({error.image_id for error in errors})
    return f"in {counted(images, 'image')}"


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
