"""What a run that finds objects gets right and wrong: boxes or masks, at a score and an overlap."""

from __future__ import annotations

import math
from functools import cached_property

from cvstudio.core.annotation import Task
from cvstudio.core.metrics import (
    NOTHING,
    Curve,
    ErrorKind,
    ImageObjects,
    Judgement,
    ObjectError,
    ObjectMatches,
    match_objects,
)
from cvstudio.core.predictions import Prediction
from cvstudio.core.snapshot import held_to
from cvstudio.core.words import counted
from cvstudio.project.verdict import ALL, LIKELY, Analysis, Card, Case, KindCount, Row, Verdict

_TITLES = {
    ErrorKind.MISSED: "Missed",
    ErrorKind.EXTRA: "Extra",
    ErrorKind.WRONG_CLASS: "Wrong class",
    ErrorKind.LOOSE_BOX: "Loose box",
    ErrorKind.DUPLICATE: "Duplicate",
}


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
                    self._likely_detail(len(likely), _in_images(likely), withheld),
                    whole=True,
                ),
            ),
            class_ids=(*judged.class_ids, NOTHING),
            confusion=judged.confusion,
            unit=what,
            columns=("Labelled", "Precision", "Recall", "AP50-95"),
            rows=self._rows(judged),
            kinds=(
                KindCount(ALL, "All", sum(counts.values())),
                *(KindCount(kind.value, title, counts[kind]) for kind, title in _TITLES.items()),
                KindCount(LIKELY, "Likely label errors", len(likely)),
            ),
            cases=cases,
            cell=lambda labelled, predicted: self._cases(judged.cell(labelled, predicted)),
            withheld=withheld,
        )

    def _rows(self, judged: Judgement) -> tuple[Row, ...]:
        """The figures of each class; what depends on no score is taken from the report."""
        reported = {row["class"]: row.get("AP50-95") for row in self.report.get("per_class", ())}
        return tuple(
            Row(r.class_id, (r.labelled, r.precision, r.recall, _number(reported.get(r.class_id))))
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


def _in_images(errors: list[ObjectError]) -> str:
    images = len({error.image_id for error in errors})
    return f"in {counted(images, 'image')}"


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
