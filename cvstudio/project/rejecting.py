"""Labels that a reviewer sends back: the image waits for review again, with the reason."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Review
from cvstudio.core.errors import ProjectError
from cvstudio.project import commands, rows
from cvstudio.project.tables import ImageRow


def reasons(s: Session) -> list[str]:
    """The reasons in use, the most frequent first."""
    given = select(ImageRow.reject_reason).where(ImageRow.reject_reason != "")
    grouped = given.group_by(ImageRow.reject_reason)
    return list(s.scalars(grouped.order_by(func.count().desc(), ImageRow.reject_reason)))


def rejected_count(s: Session) -> int:
    """How many images are rejected."""
    return s.scalar(select(func.count()).where(ImageRow.reject_reason != "")) or 0


def reject(s: Session, *, image_ids: Collection[int], reason: str) -> None:
    """Send the labels of images back with a reason; they are to be reviewed again.

    Marking an image as reviewed takes the reason away. Raises ProjectError without a reason.
    """
    words = reason.strip()
    if not words:
        raise ProjectError("A rejection needs a reason.")
    commands.set_review(s, image_ids=image_ids, review=Review.LABELLED)
    rows.change(s, "image", image_ids, reject_reason=words)
