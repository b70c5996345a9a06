"""What a run that classifies gets right and wrong: one class for each image."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from cvstudio.core.metrics import (
    ClassificationReport,
    ClassifiedImage,
    Curve,
    classification_report,
)
from cvstudio.core.words import counted
from cvstudio.project.verdict import WRONG, Analysis, Card, Case, KindCount, Row, Verdict


class ImageAnalysis(Analysis):
    """Classify."""

    @cached_property
    def judged(self) -> ClassificationReport:
        answers = []
        for image in self.compared():
            answer = self.predictions.get(image.id)
            labels = [a for a in image.annotations if a.shape is None]
            if answer is not None and answer.scores and len(labels) == 1:
                answers.append(ClassifiedImage(image.id, labels[0].class_id, answer.scores))
        return classification_report(answers, class_ids=[c.id for c in self.classes])

    def curves(self, iou: float) -> dict[int, Curve]:
        result = {}
        for c in self.classes:
            scores = np.array([i.scores.get(c.id, 0.0) for i in self.judged.images])
            right = np.array([i.labelled == c.id for i in self.judged.images], bool)
            order = np.argsort(-scores, kind="stable")
            result[c.id] = Curve.of(c.id, int(right.sum()), scores[order], right[order])
        return result

    def judge(self, *, score: float, iou: float, own: bool = False) -> Verdict:
        return self._verdict

    @cached_property
    def _verdict(self) -> Verdict:
        """The same at every score: an image has the class that is most likely."""
        report = self.judged
        wrong = report.wrong()
        total = len(report.images)

        def cases(kind: str, limit: int | None = None) -> list[Case]:
            return [self._case(image) for image in wrong[:limit]]

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
            ),
            class_ids=report.class_ids,
            confusion=report.confusion,
            unit="images",
            columns=("Labelled", "Precision", "Recall", "F1"),
            rows=tuple(
                Row(r.class_id, (r.labelled, r.precision, r.recall, r.f1))
                for r in report.per_class()
            ),
            kinds=(KindCount(WRONG, "Wrong class", len(wrong)),),
            cases=cases,
            cell=lambda labelled, predicted, limit=None: [
                self._case(image) for image in report.cell(labelled, predicted)[:limit]
            ],
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
