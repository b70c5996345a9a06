"""Which classes the labels of each image have, without reading their shapes."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import State
from cvstudio.project.tables import AnnotationRow


def classes_by_image(s: Session) -> dict[int, list[int]]:
    """For each labelled image the ids of its classes, the most frequent first."""
    number = func.count()
    found = s.execute(
        select(AnnotationRow.image_id, AnnotationRow.class_id, number)
        .where(AnnotationRow.state == State.ACCEPTED.value)
        .group_by(AnnotationRow.image_id, AnnotationRow.class_id)
        .order_by(AnnotationRow.image_id, number.desc(), AnnotationRow.class_id)
    )
    classes: dict[int, list[int]] = {}
    for image_id, class_id, _ in found:
        classes.setdefault(image_id, []).append(class_id)
    return classes
