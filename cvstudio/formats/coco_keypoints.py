"""COCO's keypoints: those of an object beside its outline or box, and the skeletons of categories.

COCO writes outline and keypoints of one object into one item. Here they are two annotations with
the same "link" in what they carry (docs/adr/0008); an export makes one item of them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cvstudio.core.geometry import Box
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.skeleton import Layout, Skeleton
from cvstudio.formats.base import ExportAnnotation
from cvstudio.formats.numbers import numbers_of

ALONE_KEY = "cvstudio_keypoints"
"""Our own field of an item that is keypoints only: "framed" when its bbox is theirs, else
"points"; without it the bbox of an item is a box of its own, which trains."""
LAYOUT_KEY = "cvstudio_layout"
"""Our own field of a category: where its keypoints lie in the template, [x, y] from 0 to 1."""
LINK = "link"
KEYPOINT_KEYS = frozenset(("keypoints", "num_keypoints", ALONE_KEY))


def keypoints_of(item: dict[str, Any], *, width: int, height: int) -> Keypoints | None:
    """The keypoints of an item; None when it has none that can be drawn, and they are carried.

    Those of a crowd, or without any point on the image, say nothing of where an object is.
    """
    told = item.get("keypoints")
    if not isinstance(told, list) or not told or len(told) % 3 or item.get("iscrowd"):
        return None
    try:
        points = np.array(told, np.float64).reshape(-1, 3)
    except (TypeError, ValueError, OverflowError):
        return None
    if not np.isfinite(points).all() or not np.isin(points[:, 2], (0, 1, 2)).all():
        return None
    x, y = points[points[:, 2] > 0, :2].T
    inside = (x >= -1) & (y >= -1)
    if width and height:
        inside &= (x <= width + 1) & (y <= height + 1)
    return Keypoints(points) if inside.any() else None


def stands_alone(item: dict[str, Any]) -> bool:
    """Whether an item is keypoints only."""
    return ALONE_KEY in item or not (item.get("segmentation") or item.get("bbox"))


def framed(points: Keypoints, item: dict[str, Any]) -> Keypoints:
    """Keypoints that stand alone, with the frame that was theirs."""
    sides = numbers_of(item.get("bbox"), 4)
    if item.get(ALONE_KEY) != "framed" or sides is None:
        return points
    return Keypoints(points.points, Box(*sides))


def skeleton_of(category: dict[str, Any]) -> Skeleton | None:
    """The skeleton of a category; None when it tells none that can be drawn."""
    names, pairs_told = category.get("keypoints"), category.get("skeleton", [])
    if not isinstance(names, list) or not isinstance(pairs_told, list):
        return None
    try:
        pairs = [(int(a), int(b)) for a, b in pairs_told]
    except (TypeError, ValueError, OverflowError):
        pairs = []
    first = 0 if any(0 in pair for pair in pairs) else 1  # COCO counts from 1, some from 0
    edges = {(a - first, b - first): None for a, b in pairs if a != b}
    there = range(len(names))
    kept = tuple(edge for edge in edges if edge[0] in there and edge[1] in there)
    found = Skeleton(tuple(str(name) for name in names), kept)
    if found.problem():
        return None
    shaped = replace(found, layout=_layout_of(category.get(LAYOUT_KEY)))
    return found if shaped.problem() else shaped


def _layout_of(told: Any) -> Layout:
    """The places of points in a template; () where they are none."""
    pairs = [numbers_of(pair, 2) for pair in told] if isinstance(told, list) else []
    found = tuple((pair[0], pair[1]) for pair in pairs if pair is not None)
    return found if len(found) == len(pairs) else ()


def category_of(skeleton: Skeleton, known: dict[str, Any]) -> dict[str, Any]:
    """What a category says of a skeleton; nothing new where the source has said just that."""
    if skeleton_of(known) == skeleton:
        return {}
    edges = [[a + 1, b + 1] for a, b in skeleton.edges]
    told: dict[str, Any] = {"keypoints": list(skeleton.names), "skeleton": edges}
    if skeleton.layout or LAYOUT_KEY in known:
        told[LAYOUT_KEY] = [list(place) for place in skeleton.layout]
    return told


def joined(
    annotations: Sequence[ExportAnnotation],
) -> list[tuple[ExportAnnotation, Keypoints | None]]:
    """Each annotation that becomes an item, with the keypoints of the same object where they came
    from one item. Two that are not of one class any more, or say different things, stay apart."""
    outlines: dict[tuple[str, Any], list[int]] = {}
    for place, each in enumerate(annotations):
        if not isinstance(each.shape, Keypoints) and (link := _link(each, or_id=True)) is not None:
            outlines.setdefault((each.class_name, link), []).append(place)
    taken: dict[int, Keypoints] = {}
    gone: set[int] = set()
    for place, each in enumerate(annotations):
        waiting = outlines.get((each.class_name, _link(each)))
        if isinstance(each.shape, Keypoints) and waiting:
            said = _said(each)
            if not said or said == _said(annotations[waiting[0]]):
                taken[waiting.pop(0)] = each.shape
                gone.add(place)
    return [(a, taken.get(place)) for place, a in enumerate(annotations) if place not in gone]


def _link(annotation: ExportAnnotation, *, or_id: bool = False) -> Any:
    """What two annotations from one item share. An outline that came in before keypoints were
    drawn has the item's id only."""
    carried = annotation.attributes.get("coco")
    if not isinstance(carried, dict):
        return None
    found = carried.get(LINK, carried.get("id") if or_id else None)
    return found if isinstance(found, int | str) else None


def _said(annotation: ExportAnnotation) -> dict[str, Any]:
    return {k: v for k, v in annotation.attributes.items() if k not in ("coco", *KEYPOINT_KEYS)}


def written(points: Keypoints) -> dict[str, Any]:
    """The fields of an item; whole numbers as COCO writes them."""
    flat = [int(v) if v.is_integer() else v for v in points.points.ravel().tolist()]
    return {"keypoints": flat, "num_keypoints": len(points.placed())}
