"""Likely label errors among a run's errors: the suspects of its split, from a doubt of a half on.

There is one rule of what is likely wrong with a label, that of core/suspects (ADR 0017). The view
Suspects asks it about the labels of now; here it is asked about those that an evaluation saw, so
that what it finds stands beside the errors of the same evaluation. A score or an overlap that is
chosen moves errors, and does not move these.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from cvstudio.core.annotation import Split
from cvstudio.core.error_kinds import ErrorKind
from cvstudio.core.metrics import withheld_sentence
from cvstudio.core.suspects import (
    NOTHING,
    ConfidentJoint,
    Doubt,
    Fault,
    ObjectDoubts,
    SeveralDoubts,
    boxes_in_order,
)
from cvstudio.core.words import counted
from cvstudio.project.image_analysis import ImageAnalysis
from cvstudio.project.object_analysis import ObjectAnalysis
from cvstudio.project.several_analysis import SeveralAnalysis
from cvstudio.project.suspects import LIKELY as FROM
from cvstudio.project.suspects import Suspect
from cvstudio.project.verdict import LIKELY, Analysis, Card, Case, KindCount, Verdict

TITLE = "Likely label errors"
LEARNED = (
    "No label errors are claimed: the network learned from these images, and cannot judge their"
    " labels."
)
_KINDS = {
    Fault.WRONG_CLASS: ErrorKind.WRONG_CLASS,
    Fault.OVERLOOKED: ErrorKind.FALSE_ALARM,
    Fault.BADLY_PLACED: ErrorKind.LOOSE_BOX,
    Fault.NOT_THERE: ErrorKind.MISSED,
}
"""What an error is called whose label is suspected of a fault."""
FAULTS = {kind.value: fault for fault, kind in _KINDS.items()}
"""What the label is suspected of in a case of a kind."""


@dataclass(frozen=True, eq=False)
class LabelErrors:
    """The cases in which a label is more likely wrong than right, the most doubtful first."""

    cases: tuple[Case, ...] = ()
    withheld: str = ""
    """Why nothing is claimed of some classes, or of any."""

    @cached_property
    def images(self) -> int:
        """On how many images they are."""
        return len({case.image_id for case in self.cases})

    @cached_property
    def about(self) -> frozenset[tuple[int, int | None, int | None]]:
        """The image, annotation and prediction of each."""
        return frozenset((c.image_id, c.annotation_id, c.prediction) for c in self.cases)


_known: weakref.WeakKeyDictionary[Analysis, LabelErrors] = weakref.WeakKeyDictionary()


def of(analysed: Analysis) -> LabelErrors | None:
    """The likely label errors of an analysis, found once; None where none are told as errors:
    pixels have no errors one by one."""
    if not isinstance(analysed, ImageAnalysis | SeveralAnalysis | ObjectAnalysis):
        return None
    found = _known.get(analysed)
    if found is None:
        found = _known[analysed] = _find(analysed)
    return found


def judged(analysed: Analysis, *, score: float, iou: float, own: bool = False) -> Verdict:
    """The verdict at a score and an overlap; its last card and its last kind of error are the
    suspects, as likely label errors."""
    verdict = analysed.judge(score=score, iou=iou, own=own)
    found = of(analysed)
    return verdict if found is None else _with(verdict, found)


def _with(verdict: Verdict, found: LabelErrors) -> Verdict:
    count = len(found.cases)
    on = counted(found.images, "image")
    # A bare 0 would be taken for good labels.
    detail = "none claimed yet" if found.withheld and not count else f"on {on}"

    def cases(kind: str, limit: int | None = None) -> list[Case]:
        return list(found.cases[:limit]) if kind == LIKELY else verdict.cases(kind, limit)

    return replace(
        verdict,
        cards=(*verdict.cards, Card(TITLE, count, detail, whole=True)),
        kinds=(*verdict.kinds, KindCount(LIKELY, TITLE, count)),
        cases=cases,
        likely=lambda *case: int(case in found.about),
        withheld=found.withheld,
    )


def suspect_of(case: Case, run_id: int = 0) -> Suspect:
    """What is suspected in a case, as decisions on suspects know it."""
    return Suspect(
        FAULTS.get(case.kind, Fault.WRONG_CLASS), case.image_id, case.annotation_id, case.labelled,
        case.predicted, case.box, None, FROM, case.score, "", run_id,
    )  # fmt: skip


# -- finding


def _find(analysed: ImageAnalysis | SeveralAnalysis | ObjectAnalysis) -> LabelErrors:
    if analysed.split is Split.TRAIN:
        return LabelErrors(withheld=LEARNED)
    doubts = _doubts(analysed)
    learned = {image.sha256 for image in analysed.snapshot.of(Split.TRAIN) if image.sha256}
    cases = [
        _case(analysed, doubt)
        for doubt in doubts.doubts()
        if doubt.doubt >= FROM
        and doubt.image_id in analysed.predictions
        and analysed.images[doubt.image_id].sha256 not in learned
    ]
    names = {c.id: c.name for c in analysed.classes}
    unproven = [names[c] for c in doubts.unproven() if c in names]
    return LabelErrors(tuple(cases), withheld_sentence(unproven))


def _doubts(
    analysed: ImageAnalysis | SeveralAnalysis | ObjectAnalysis,
) -> ConfidentJoint | SeveralDoubts | ObjectDoubts:
    if isinstance(analysed, SeveralAnalysis):
        return SeveralDoubts(analysed.matches)
    if isinstance(analysed, ImageAnalysis):
        images = analysed.judged.images
        ids = sorted({class_id for image in images for class_id in image.scores})
        return ConfidentJoint.of(images, class_ids=ids)
    table = analysed.matches.overlaps
    boxes = [np.array(list(rows), np.float64).reshape(-1, 4) for rows in _boxes(analysed)]
    return ObjectDoubts(table, boxes_in_order(table, boxes))


def _boxes(analysed: Analysis) -> Iterator[Iterable[tuple[float, float, float, float]]]:
    """The boxes of the answers of each image, in the order of the images."""
    for image_id in analysed.images:
        answer = analysed.predictions.get(image_id)
        yield (
            () if answer is None else ((f.box.x, f.box.y, f.box.w, f.box.h) for f in answer.objects)
        )


def _case(analysed: Analysis, doubt: Doubt) -> Case:
    labels = analysed.images[doubt.image_id].annotations
    label, box = doubt.annotation_id, None
    if isinstance(analysed, ObjectAnalysis):
        if doubt.prediction is not None:
            box = analysed.predictions[doubt.image_id].objects[doubt.prediction].box
        else:
            box = next((a.box for a in labels if a.id == label), None)
    elif doubt.labelled != NOTHING:
        of_class = (a.id for a in labels if a.shape is None and a.class_id == doubt.labelled)
        label = next(of_class, None)
    return Case(
        _KINDS[doubt.fault].value, doubt.image_id, label, doubt.prediction, doubt.labelled,
        doubt.proposed, doubt.score, box, f"{doubt.doubt:.2f}",
    )  # fmt: skip
