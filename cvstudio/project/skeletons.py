"""The skeletons of classes, as stored. How one changes is in skeleton_changes.py.

Queries first, then commands as those of commands.py. A kind has the skeleton of the class above it
unless it has its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core.skeleton import Skeleton, pack, unpack, with_inherited
from cvstudio.project import rows
from cvstudio.project.tables import LabelClassRow

# Queries


def own(s: Session) -> dict[int, Skeleton]:
    """The skeleton that each class has by itself; classes without one are not there."""
    stored = select(LabelClassRow.id, LabelClassRow.skeleton)
    found = s.execute(stored.where(LabelClassRow.skeleton.is_not(None)))
    return {id: skeleton for id, text in found if (skeleton := unpack(text)) is not None}


def skeletons(s: Session) -> dict[int, Skeleton]:
    """The skeleton of each class that has one, with those of the classes above."""
    mine = own(s)
    return with_inherited(mine, _parents(s)) if mine else {}


def _parents(s: Session) -> dict[int, int | None]:
    found = s.execute(select(LabelClassRow.id, LabelClassRow.parent_id))
    return {row.id: row.parent_id for row in found}


# Commands


def keep(s: Session, before: Mapping[int, Skeleton]) -> None:
    """Let each class have the skeleton that it had, whatever it is a kind of now."""
    now, tree = skeletons(s), _parents(s)
    for id in sorted(tree.keys() & before.keys()):
        if before[id] != now.get(id):
            rows.change(s, "label_class", [id], skeleton=pack(before[id]))
            now = skeletons(s)
