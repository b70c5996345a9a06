"""Regions that a tool found become annotations: masks, or a part of the one mask of their class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cvstudio.core.annotation import Annotation, Shape, State, Task
from cvstudio.core.masks import Mask, Patch
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.layer import ShapeLayer
from cvstudio.gui.label.regions import without
from cvstudio.imaging.regions.view import Region

Found = Sequence[tuple[int, Region]]
"""Class ids and what was found of them."""


def keep(document: Document, found: Found, *, label: str) -> bool:
    """Add regions to the open image in one step; False when nothing was added.

    In a project that segments, a class is one mask, which grows, and a pixel has one class: the
    others lose it. In all others each region becomes a mask of its own.
    """
    patches = [(class_id, *region.full(*document.size)) for class_id, region in found]
    if document.task == Task.SEGMENT:
        return _grow(document, patches, label=label)
    shapes = [(class_id, Mask.from_patch(patch, x, y)) for class_id, patch, x, y in patches]
    kept: list[tuple[int, Shape]] = [(c, mask) for c, mask in shapes if mask is not None]
    return bool(kept) and bool(document.add_many(kept, label=label))


def _grow(
    document: Document, patches: Sequence[tuple[int, Patch, int, int]], *, label: str
) -> bool:
    now = list(document.layer.annotations)
    new: list[tuple[int, Shape]] = []
    for class_id, patch, x, y in patches:
        target = _mask_of_class(now, class_id)
        painted = patch.copy()
        if target is not None and isinstance(target.shape, Mask):
            target.shape.moved(-x, -y).paint(painted, 0)
        others = without(ShapeLayer(tuple(now)), painted, x, y, target=target)
        grown = _together(target, patch, x, y)
        if target is None and grown is not None:
            new.append((class_id, grown))
        elif target is not None:
            others[target.id] = grown
        now = [replace(a, shape=others[a.id]) if a.id in others else a for a in now]
        now = [a for a in now if a.shape is not None]
    left = {a.id: a.shape for a in now}
    changed: dict[int, Shape] = {
        a.id: left.get(a.id)
        for a in document.layer.annotations
        if a.id not in left or left[a.id] is not a.shape
    }
    if new:
        return bool(document.add_many(new, label=label, also=changed))
    return bool(changed) and document.reshape(changed, label=label)


def _mask_of_class(annotations: Sequence[Annotation], class_id: int) -> Annotation | None:
    """The mask that lies on top of the others of its class, and may be changed."""
    return next(
        (
            a
            for a in reversed(annotations)
            if a.class_id == class_id
            and isinstance(a.shape, Mask)
            and a.state == State.ACCEPTED
            and not a.locked
        ),
        None,
    )


def _together(target: Annotation | None, patch: Patch, x: int, y: int) -> Mask | None:
    if target is None or not isinstance(target.shape, Mask):
        return Mask.from_patch(patch, x, y)
    old = target.shape
    left, top = min(old.x, x), min(old.y, y)
    right = max(old.x + old.w, x + patch.shape[1])
    bottom = max(old.y + old.h, y + patch.shape[0])
    canvas = np.zeros((bottom - top, right - left), np.uint8)
    canvas[y - top : y - top + patch.shape[0], x - left : x - left + patch.shape[1]] = patch
    old.moved(-left, -top).paint(canvas, 1)
    return Mask.from_patch(canvas, left, top)
