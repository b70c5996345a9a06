"""What a run that finds objects gets right and wrong: boxes or masks, at a score and an overlap."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property

from cvstudio.core.annotation import Task
from cvstudio.core.forms import Answers, Form
from cvstudio.core.held import held_to
from cvstudio.core.metrics import (
    NOTHING,
    Curve,
    ErrorKind,
    ImageObjects,
    Judgement,
    ObjectError,
    ObjectMatches,
    best_score,
    match_objects,
)
from cvstudio.core.predictions import Prediction
from cvstudio.project.verdict import ALL, Analysis, Card, Case, KindCount, Row, Verdict

_TITLES = {
    ErrorKind.MISSED: "Missed",
    ErrorKind.FALSE_ALARM: "False alarm",
    ErrorKind.WRONG_CLASS: "Wrong class",
    ErrorKind.DUPLICATE: "Duplicate",
}
_BOTH = {
    Answers.BOXES: "Wrong class and loose",
    Answers.OUTLINES: "Wrong class and loose",
    Answers.ROTATED: "Wrong class and loose",
    Answers.KEYPOINTS: "Wrong class, points off",
}
_LOOSE = {
    Answers.BOXES: "Loose box",
    Answers.OUTLINES: "Loose outline",
    Answers.ROTATED: "Loose box",
    Answers.KEYPOINTS: "Points off",
}
"""What is right but for its place."""
_UNITS = {
    Answers.BOXES: "boxes",
    Answers.OUTLINES: "masks",
    Answers.ROTATED: "rotated boxes",
    Answers.KEYPOINTS: "keypoints",
}


class ObjectAnalysis(Analysis):
    """Detect and instance."""

    has_scores = True

    @cached_property
    def form(self) -> Form:
        """What the run answers with of each object."""
        outlines = self.snapshot.task is Task.INSTANCE
        return Form.from_json(self.report.get("form", {}), outlines=outlines)

    @property
    def measure(self) -> str:
        return "likeness" if self.form.answers is Answers.KEYPOINTS else "overlap"

    @cached_property
    def matches(self) -> ObjectMatches:
        task, form = self.snapshot.task, self.form
        return match_objects(
            (
                ImageObjects(i.id, held_to(i, task, form), self._prediction(i.id).objects)
                for i in self.compared()
            ),
            class_ids=[c.id for c in self.classes],
            form=form,
        )

    def _prediction(self, image_id: int) -> Prediction:
        return self.predictions.get(image_id, Prediction(image_id))

    def curves(self, iou: float) -> dict[int, Curve]:
        if iou not in self._curves:
            self._curves.clear()  # one is shown at a time
            self._curves[iou] = self.matches.curves(iou)
        return self._curves[iou]

    @cached_property
    def _curves(self) -> dict[float, dict[int, Curve]]:
        """The curves at the overlap that was asked for last: a score does not change them."""
        return {}

    def best_score(self, iou: float) -> float:
        return best_score(self.curves(iou).values())

    def judge(self, *, score: float, iou: float, own: bool = False) -> Verdict:
        scores = self.own_scores if own else {}
        judged = self.matches.at(score=score, iou=iou, own=scores)
        counts = judged.counts()
        what = _UNITS[self.form.answers]
        measure = self.measure
        measures = "overlaps" if measure == "overlap" else measure

        def cases(kind: str, limit: int | None = None) -> list[Case]:
            return self._cases(judged.errors(None if kind == ALL else ErrorKind(kind), limit=limit))

        return Verdict(
            cards=(
                Card("mAP50-95", self.metric("mAP50-95"), f"mean over {measures}, {what}"),
                Card("mAP50", self.metric("mAP50"), f"{measure} from 0.50"),
                Card(
                    "Precision",
                    judged.precision,
                    _of(judged.correct, judged.predicted, "predicted"),
                ),
                Card("Recall", judged.recall, _of(judged.correct, judged.labelled, "labelled")),
            ),
            class_ids=(*judged.class_ids, NOTHING),
            confusion=judged.confusion,
            unit=what,
            columns=("Labelled", "Precision", "Recall", "AP50-95"),
            rows=self._rows(judged, scores),
            kinds=(
                KindCount(ALL, "All", sum(counts.values())),
                *(KindCount(kind.value, self._title(kind), counts[kind]) for kind in ErrorKind),
            ),
            cases=cases,
            cell=lambda labelled, predicted, limit=None: self._cases(
                judged.cell(labelled, predicted, limit=limit)
            ),
            answers=self.form.answers,
        )

    def _title(self, kind: ErrorKind) -> str:
        if kind is ErrorKind.BOTH:
            return _BOTH[self.form.answers]
        return _TITLES.get(kind, _LOOSE[self.form.answers])

    def _rows(self, judged: Judgement, own: Mapping[int, float | None]) -> tuple[Row, ...]:
        """The figures of each class; what depends on no score is taken from the report."""
        reported = {row["class"]: row.get("AP50-95") for row in self.report.get("per_class", ())}
        return tuple(
            Row(
                r.class_id,
                (r.labelled, r.precision, r.recall, _number(reported.get(r.class_id))),
                own.get(r.class_id),
            )
            for r in judged.per_class()
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


def _of(part: int, whole: int, word: str) -> str:
    return f"{part:,} of {whole:,} {word}"


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
