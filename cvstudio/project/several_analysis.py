"""What a run gets right and wrong where images have several classes: each class is missed or
extra by itself."""

from __future__ import annotations

from functools import cached_property

from cvstudio.core.error_kinds import ErrorKind
from cvstudio.core.metrics import NOTHING, Curve
from cvstudio.core.metrics.several import SeveralMatches, TagCase, TaggedImage
from cvstudio.core.snapshot import tags_of
from cvstudio.core.words import counted
from cvstudio.project.verdict import ALL, Analysis, Card, Case, KindCount, Row, Verdict


class SeveralAnalysis(Analysis):
    """Classify, where an image may have several classes."""

    has_scores = True
    has_overlaps = False

    @cached_property
    def matches(self) -> SeveralMatches:
        return SeveralMatches.of(
            (
                TaggedImage(image.id, tags_of(image), answer.scores)
                for image in self.compared()
                if (answer := self.predictions.get(image.id)) is not None and answer.scores
            ),
            class_ids=[c.id for c in self.classes],
        )

    def curves(self, iou: float) -> dict[int, Curve]:
        return self.matches.curves

    def best_score(self, iou: float) -> float:
        return self.matches.best_score()

    def judge(self, *, score: float, iou: float, own: bool = False) -> Verdict:
        scores = self.own_scores if own else {}
        report = self.matches.at(score, scores)
        errors = report.errors()
        missed, extra = ([e for e in errors if e.missed], [e for e in errors if e.extra])
        averages = self.matches.average_precisions()
        images = len(report.found)
        by_kind = {ALL: errors, ErrorKind.MISSED: missed, ErrorKind.FALSE_ALARM: extra}
        return Verdict(
            cards=(
                Card("mAP", self.matches.mean_average_precision, "mean over the classes"),
                Card("Macro F1", report.macro_f1, "mean of the classes"),
                Card(
                    "Exact match", report.exact_match,
                    f"{report.exact:,} of {counted(images, 'image')}",
                ),
                Card(
                    "Errors", len(errors),
                    f"{len(missed):,} missed, {counted(len(extra), 'false alarm')}", whole=True,
                ),
            ),
            class_ids=(*report.class_ids, NOTHING),
            confusion=report.confusion,
            unit="classes of images",
            columns=("Labelled", "Precision", "Recall", "AP"),
            rows=tuple(
                Row(r.class_id, (r.labelled, r.precision, r.recall, averages[r.class_id]),
                    scores.get(r.class_id))
                for r in report.per_class()
            ),
            kinds=(
                KindCount(ALL, "All", len(errors)),
                KindCount(ErrorKind.MISSED.value, "Missed", len(missed)),
                KindCount(ErrorKind.FALSE_ALARM.value, "False alarm", len(extra)),
            ),
            cases=lambda kind, limit=None: [self._case(e) for e in by_kind[kind][:limit]],
            cell=lambda labelled, predicted, limit=None: [
                self._case(found) for found in report.cell(labelled, predicted)[:limit]
            ],
        )  # fmt: skip

    def _case(self, found: TagCase) -> Case:
        kind = ErrorKind.MISSED if found.missed else ErrorKind.FALSE_ALARM if found.extra else None
        return Case(
            kind="right" if kind is None else kind.value,
            image_id=found.image_id,
            annotation_id=next(
                (
                    a.id for a in self.images[found.image_id].annotations
                    if a.shape is None and a.class_id == found.labelled
                ), None,
            ),
            prediction=None,
            labelled=found.labelled,
            predicted=found.predicted,
            score=found.score,
            box=None,
            figure=f"{found.score:.2f}",
        )  # fmt: skip
