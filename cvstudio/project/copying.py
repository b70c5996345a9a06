"""Annotations copied onto other images, where they fit."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import (
    Kind,
    Source,
    State,
    area_of,
    box_of,
    kind_of,
    pack_shape,
    unpack_shape,
)
from cvstudio.core.clipping import clipped
from cvstudio.core.geometry import Box
from cvstudio.project import commands, queries, rows
from cvstudio.project.commands import ANNOTATION_COLUMNS
from cvstudio.project.finding_attributes import READABLE
from cvstudio.project.queries import id_list
from cvstudio.project.tables import AnnotationRow


def copy_annotations(s: Session, *, ids: Collection[int], image_ids: Iterable[int]) -> list[int]:
    """Copy annotations onto other images, above what is there; returns the new ids.

    A copy is the user's own work, whoever made the original. It lies where the original lies, cut
    at the edge of a smaller image; what lies outside does not come. An image has an object of a
    track once: a second one is an object of its own.
    """
    columns = [getattr(AnnotationRow, name) for name in ANNOTATION_COLUMNS]
    copied = s.execute(
        select(*columns)
        .where(id_list(AnnotationRow.id, ids))
        .order_by(AnnotationRow.z, AnnotationRow.id)
    ).all()
    targets = list(image_ids)
    tops, sizes = queries.tops(s, targets), queries.sizes(s, targets)
    numbered = any('"track_id"' in (row.attributes or "") for row in copied)
    tracked = _tracked(s, targets) if numbered else {}
    now = time.time()
    new = []
    for image in targets:
        for step, row in enumerate(copied, start=1):
            values = dict(zip(ANNOTATION_COLUMNS, row, strict=True))
            if not _put_inside(values, *sizes[image]):
                continue
            _leave_track(values, tracked.get(image, ()))
            values |= {"image_id": image, "z": tops.get(image, -1) + step, "created": now}
            values |= {"updated": now, "source": Source.HUMAN.value, "run_id": None}
            values |= {"score": None, "state": State.ACCEPTED.value}
            new.append(tuple(values.values()))
    added = rows.add(s, "annotation", ANNOTATION_COLUMNS, new)
    commands.follow_review(s, targets)
    return list(added)


def _tracked(s: Session, image_ids: Collection[int]) -> dict[int, set[Any]]:
    """The numbers of the objects that images have."""
    number = func.json_extract(READABLE, "$.track_id")
    query = select(AnnotationRow.image_id, number)
    found: dict[int, set[Any]] = {}
    for image_id, track in s.execute(
        query.where(id_list(AnnotationRow.image_id, image_ids))
        .where(AnnotationRow.attributes.is_not(None))
        .where(AnnotationRow.state != State.REJECTED.value)
    ):
        found.setdefault(image_id, set()).add(track)
    return found


def _put_inside(values: dict[str, Any], width: int, height: int) -> bool:
    """Cut a row's shape at the edges of an image; whether something of it is left."""
    if values["kind"] == Kind.IMAGE.value:
        values |= {"w": float(width), "h": float(height)}
        return True
    box = Box(values["x"], values["y"], values["w"], values["h"])
    if box.x >= 0 and box.y >= 0 and box.right <= width and box.bottom <= height:
        return True
    shape = unpack_shape(values["kind"], box, values["payload"] or b"")
    shape = clipped(shape, width=width, height=height)
    if shape is None:
        return False
    box = box_of(shape)
    values |= {"kind": kind_of(shape).value, "x": float(box.x), "y": float(box.y)}
    values |= {"w": float(box.w), "h": float(box.h), "area": float(area_of(shape))}
    values["payload"] = pack_shape(shape) or None
    return True


def _leave_track(values: dict[str, Any], present: Collection[Any]) -> None:
    """Take a row's number of an object away where the image has that object already."""
    if not present or '"track_id"' not in (values["attributes"] or ""):
        return
    carried = json.loads(values["attributes"])
    number = carried.get("track_id")
    if isinstance(number, int | float | str) and number in present:  # broken files carry lists
        del carried["track_id"]
        values["attributes"] = json.dumps(carried, ensure_ascii=False) if carried else None
