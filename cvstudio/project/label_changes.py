"""Which labels are other ones now than those that a run was judged by."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cvstudio.core.annotation import Split
from cvstudio.core.geometry import Box, overlap
from cvstudio.core.snapshot import SnapshotImage, shape_to_json
from cvstudio.project import snapshots
from cvstudio.project.project import Project
from cvstudio.project.verdict import Case

_SAME_PLACE = 0.3
"""Overlap from which a changed annotation is the answer to a case at that place."""


@dataclass(frozen=True, slots=True)
class ImageChange:
    """What differs on one image: how many annotations, which, and where they stand or stood."""

    count: int
    ids: frozenset[int]
    boxes: tuple[Box, ...]
    whole: bool = False
    """The image itself came to the split or left it."""

    def concerns(self, case: Case) -> bool:
        """Whether a case of this image may have been dealt with."""
        if self.whole or case.box is None or case.annotation_id in self.ids:
            return True
        if case.annotation_id is None and case.prediction is None:
            return True  # a region of pixels: any stroke on the image may have changed it
        return any(overlap(box, case.box) >= _SAME_PLACE for box in self.boxes)


def changed(
    project: Project, judged: Mapping[int, SnapshotImage], split: Split,
    *, only: Collection[int] | None = None,
) -> dict[int, ImageChange]:  # fmt: skip
    """The images of a split whose labels differ from those judged by; `only` looks at these."""
    with project.read() as session:
        now = {i.id: i for i in snapshots.images(session, project, split=split, only=only)}
    looked_at = judged.keys() | now.keys() if only is None else set(only)
    found = {}
    for image_id in sorted(looked_at):
        before, after = judged.get(image_id), now.get(image_id)
        change = _compare(before, after)
        if change is not None:
            found[image_id] = change
    return found


def _compare(before: SnapshotImage | None, after: SnapshotImage | None) -> ImageChange | None:
    if before is None or after is None:
        there = before or after
        if there is None:
            return None
        boxes = tuple(a.box for a in there.annotations)
        ids = frozenset(a.id for a in there.annotations)
        return ImageChange(max(len(ids), 1), ids, boxes, whole=True)
    old = {a.id: a for a in before.annotations}
    new = {a.id: a for a in after.annotations}
    ids = frozenset(
        i for i in old.keys() | new.keys() if _says(old.get(i)) != _says(new.get(i))
    )  # fmt: skip
    if not ids:
        return None
    boxes = tuple(a[i].box for i in sorted(ids) for a in (old, new) if i in a)
    return ImageChange(len(ids), ids, boxes)


def _says(annotation: Any) -> Any:
    """What an annotation says, in a form that can be compared: shapes hold arrays."""
    if annotation is None:
        return None
    a = annotation
    return a.class_id, a.crowd, a.box, shape_to_json(a.shape)
