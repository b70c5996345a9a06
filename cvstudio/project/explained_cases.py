"""Cases of an evaluation as the job takes them that draws a heat map of each."""

from __future__ import annotations

from collections.abc import Mapping

from cvstudio.core.config import ExplainCase
from cvstudio.project.verdict import Case


def explain_case(case: Case, names: Mapping[int, str]) -> ExplainCase:
    """What to explain of a case; `names` of classes by id, 0 among them, stand in the list."""
    box = case.box
    return ExplainCase(
        image_id=case.image_id, class_id=case.predicted or case.labelled or None,
        box=(box.x, box.y, box.w, box.h) if box is not None else None,
        kind=case.kind, labelled=names.get(case.labelled, "?"),
        predicted=names.get(case.predicted, "?"), score=case.score,
    )  # fmt: skip
