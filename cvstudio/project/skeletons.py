"""The skeletons of classes, as stored. How one changes is in skeleton_changes.py.

Queries first, then commands as those of commands.py. A kind has the skeleton of the class above it
unless it has its own.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Kind, State, unpack_shape
from cvstudio.core.geometry import Box
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.skeleton import Skeleton, pack, unpack, with_inherited
from cvstudio.core.skeleton_template import laid_out
from cvstudio.project import rows
from cvstudio.project.tables import AnnotationRow, LabelClassRow

_MOST_ASKED = 2000
"""Objects that are looked at for where points usually lie."""
_MOST = 0.75
"""The share of its points that such an object has."""

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


def labelled(s: Session, class_id: int) -> Skeleton | None:
    """A class's skeleton with its points where they usually lie in objects that are labelled.

    The median of those of the class that have most of their points; a point that none of them has
    stays where it is. None without a skeleton or such objects.
    """
    bones = skeletons(s).get(class_id)
    if bones is None:
        return None
    row = AnnotationRow
    stored = select(row.x, row.y, row.w, row.h, row.payload).where(
        row.class_id == class_id,
        row.kind == Kind.KEYPOINTS.value,
        row.state == State.ACCEPTED.value,
    )
    figures, proportions = [], []
    for x, y, w, h, payload in s.execute(stored.limit(_MOST_ASKED)):
        shape = unpack_shape(Kind.KEYPOINTS, Box(x, y, w, h), payload or b"")
        assert isinstance(shape, Keypoints)
        there = shape.points[:, 2] > 0
        around = Box.around(shape.placed()) if there.any() else None
        if len(there) != len(bones.names) or there.mean() < _MOST or around is None:
            continue
        if around.area <= 0:
            continue
        shares = (shape.points[:, :2] - (around.x, around.y)) / (around.w, around.h)
        figures.append(np.where(there[:, None], shares, np.nan))
        proportions.append(around.w / around.h)
    return _usual(bones, np.array(figures), float(np.median(proportions))) if figures else None


def _usual(bones: Skeleton, figures: NDArray[np.float64], proportion: float) -> Skeleton:
    """The median of figures (n, points, 2), each from 0 to 1, in a square with a margin."""
    full = laid_out(bones)
    known = ~np.isnan(figures).all(axis=(0, 2))
    layout = np.array(full.layout)
    middle = np.nanmedian(figures[:, known], axis=0)
    fit = np.array([min(1.0, proportion), min(1.0, 1.0 / proportion)]) * 0.8
    layout[known] = np.clip(0.5 + (middle - 0.5) * fit, 0.0, 1.0)
    places = tuple((round(x, 3), round(y, 3)) for x, y in layout.tolist())
    return Skeleton(full.names, full.edges, places)


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
