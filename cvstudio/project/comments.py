"""What people say about an image or a place on it: records, queries and commands.

Commands as those of commands.py: short verbs on a session, without any undo code.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cvstudio.core.errors import ProjectError
from cvstudio.project import rows
from cvstudio.project.lock import user
from cvstudio.project.queries import id_list
from cvstudio.project.tables import CommentRow, ImageRow


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment. `place` is (x, y) in pixels of the image as displayed; None: the whole image."""

    id: int
    image_id: int
    place: tuple[float, float] | None
    text: str
    author: str
    created: float
    resolved: bool


# Queries

_COLUMNS = (
    CommentRow.id, CommentRow.image_id, CommentRow.x, CommentRow.y, CommentRow.text,
    CommentRow.author, CommentRow.created, CommentRow.resolved,
)  # fmt: skip


def comments(s: Session, image_id: int) -> list[Comment]:
    """The comments on an image, oldest first, those that are resolved too."""
    return comments_of(s, [image_id])[image_id]


def comments_of(s: Session, ids: Sequence[int]) -> dict[int, list[Comment]]:
    """The comments on many images, oldest first; every id has a list."""
    result: dict[int, list[Comment]] = {id: [] for id in ids}
    chosen = select(*_COLUMNS).where(id_list(CommentRow.image_id, ids)).order_by(CommentRow.id)
    for id, image_id, x, y, text, author, created, resolved in s.execute(chosen):
        place = None if x is None or y is None else (x, y)
        result[image_id].append(Comment(id, image_id, place, text, author, created, bool(resolved)))
    return result


def open_counts(s: Session) -> dict[int, int]:
    """How many comments wait to be resolved on each image that has any."""
    found = s.execute(
        select(CommentRow.image_id, func.count())
        .where(CommentRow.resolved == 0)
        .group_by(CommentRow.image_id)
    )
    return {row[0]: row[1] for row in found}


# Commands


def add_comment(
    s: Session, *, image_id: int, text: str, place: tuple[float, float] | None = None,
    author: str = "",
) -> int:  # fmt: skip
    """Say something about an image, or about a place on it (x, y in its pixels); returns the id.

    The author is the person at this computer unless named. Raises ProjectError when there are no
    words or no such image.
    """
    if s.scalar(select(ImageRow.id).where(ImageRow.id == image_id)) is None:
        raise ProjectError(f"There is no image {image_id} in the project.")
    x, y = (None, None) if place is None else (float(place[0]), float(place[1]))
    columns = ("image_id", "x", "y", "text", "author", "created")
    row = (image_id, x, y, _words(text), author or user(), time.time())
    (new,) = rows.add(s, "comment", columns, [row])
    return new


def edit_comment(s: Session, *, id: int, text: str) -> None:
    """Put a comment into other words. Raises ProjectError when there are none."""
    rows.change(s, "comment", [id], text=_words(text))


def move_comment(s: Session, *, id: int, place: tuple[float, float] | None) -> None:
    """Pin a comment to another place of its image, or to the whole of it."""
    x, y = (None, None) if place is None else (float(place[0]), float(place[1]))
    rows.change(s, "comment", [id], x=x, y=y)


def resolve_comments(s: Session, *, ids: Iterable[int], resolved: bool = True) -> None:
    """Say that comments are dealt with, or that they are open again."""
    rows.change(s, "comment", ids, resolved=int(resolved))


def delete_comments(s: Session, *, ids: Collection[int]) -> None:
    """Remove comments."""
    rows.remove(s, "comment", ids)


def _words(text: str) -> str:
    words = text.strip()
    if not words:
        raise ProjectError("A comment needs words.")
    return words
