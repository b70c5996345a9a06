"""One shape of a CVAT file as one of ours, and what is carried so that it goes out as it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from cvstudio.core.annotation import Shape
from cvstudio.core.geometry import Box, Points, Polygon
from cvstudio.core.keypoints import Keypoints, Visibility
from cvstudio.core.masks import Mask, Patch
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.skeleton import Skeleton
from cvstudio.formats.base import ExportAnnotation
from cvstudio.formats.cvat_xml import Node
from cvstudio.formats.placing import ellipse, points_of

KEY = "cvat"
"""Under it an annotation carries {"source", "z", "ellipse", "keyframe", "shape", "elements"} and an
image {"shapes"}: what only CVAT has a word for."""
FRAME_KEY = "cvstudio_frame"
"""Our own attribute of a skeleton or of points: x, y, width and height of the object's box."""
SHAPES = frozenset(("box", "polygon", "ellipse", "points", "mask", "skeleton"))
CARRIED = {"polyline": "polyline", "cuboid": "cuboid"}
"""The shapes that cannot be drawn, and what one is called."""
_LARGEST_SIDE = 1 << 20


def shape_of(node: Node, skeleton: Skeleton | None) -> tuple[Shape, dict[str, Any]]:
    """The shape of an element, in pixels, and what is carried of it beside.

    Raises ValueError in words when it is none.
    """
    match node.tag:
        case "box":
            return _box(node), {}
        case "polygon":
            return Polygon.simple(_points(node, least=3)), {}
        case "ellipse":
            cx, cy, rx, ry = _numbers(node, "cx", "cy", "rx", "ry")
            turn = _rotation(node)
            if rx < 0 or ry < 0:
                raise ValueError("its radius is below 0")
            return ellipse(cx, cy, rx, ry, angle=turn), {"ellipse": [cx, cy, rx, ry, turn]}
        case "points":
            points = _points(node, least=1)
            known = Visibility.HIDDEN if node.attrib.get("occluded") == "1" else Visibility.VISIBLE
            rows = np.column_stack([points, np.full(len(points), float(known))])
            return Keypoints(rows, _frame(node)), {}
        case "mask":
            return mask_of(node), {}
    return _skeleton(node, skeleton)


def _numbers(node: Node, *names: str) -> list[float]:
    found = []
    for name in names:
        try:
            value = float(node.attrib[name])
        except (KeyError, ValueError):
            raise ValueError(f"it has no number {name}") from None
        if not (math.isfinite(value) and abs(value) < 1e9):
            raise ValueError(f"its {name} is no place")
        found.append(value)
    return found


def _rotation(node: Node) -> float:
    return _numbers(node, "rotation")[0] if "rotation" in node.attrib else 0.0


def _box(node: Node) -> Box | RotatedBox:
    x0, y0, x1, y1 = _numbers(node, "xtl", "ytl", "xbr", "ybr")
    box = Box.from_corners(x0, y0, x1, y1)
    turn = _rotation(node)
    if turn % 360.0 == 0:
        return box
    return RotatedBox(box.x + box.w / 2, box.y + box.h / 2, box.w, box.h, turn)


def _points(node: Node, *, least: int) -> Points:
    told = node.attrib.get("points", "")
    pairs = [pair.split(",") for pair in told.split(";")]
    points = points_of(pairs, least=least)
    if points is None:
        raise ValueError(f"its points are not at least {least} pairs of numbers")
    return points


def _frame(node: Node) -> Box | None:
    told = points_of([node.attrib.get(FRAME_KEY, "").split(",")[i : i + 2] for i in (0, 2)],
                     least=2)  # fmt: skip
    return Box(*told.ravel().tolist()) if told is not None else None


def _skeleton(node: Node, skeleton: Skeleton | None) -> tuple[Shape, dict[str, Any]]:
    """The points of a skeleton's elements, in the order of its class."""
    elements = [child for child in node.children if child.tag == "points"]
    names = [child.attrib.get("label", "") for child in elements]
    order = skeleton.names if skeleton is not None else tuple(dict.fromkeys(names))
    rows = np.zeros((len(order), 3))
    kept: dict[str, Any] = {}
    for name, child in zip(names, elements, strict=True):
        if name not in order:
            raise ValueError(f"its point {name or 'without a label'} is not of its skeleton")
        values = values_of(child)
        if values:
            kept[name] = values
        if child.attrib.get("outside") == "1":
            continue
        hidden = child.attrib.get("occluded") == "1"
        x, y = _points(child, least=1)[0].tolist()
        rows[order.index(name)] = (x, y, Visibility.HIDDEN if hidden else Visibility.VISIBLE)
    if not (rows[:, 2] > 0).any():
        raise ValueError("none of its points has a place")
    return Keypoints(rows, _frame(node)), {"elements": kept} if kept else {}


def points_at(joints: Sequence[Node], frame: str) -> list[Node]:
    """The points of a skeleton on a frame, where each has a track of its own (CVAT before 2.3):
    where it was seen last, as an element of the skeleton."""
    result = []
    for joint in joints:
        before = [
            point for point in joint.children
            if point.attrib.get("frame", "").isdigit() and frame.isdigit()
            and int(point.attrib["frame"]) <= int(frame)
        ]  # fmt: skip
        if before:
            last = max(before, key=lambda point: int(point.attrib["frame"]))
            attrib = {**last.attrib, "label": joint.attrib.get("label", "")}
            result.append(Node(last.tag, attrib, last.line, children=last.children))
    return result


def is_gone(node: Node) -> bool:
    """Whether an object of a track is not in the picture; a skeleton, when no point of it is."""
    points = [child for child in node.children if child.tag == "points"]
    no_point = bool(points) and all(point.attrib.get("outside") == "1" for point in points)
    return node.attrib.get("outside") == "1" or (node.tag == "skeleton" and no_point)


def values_of(node: Node) -> dict[str, str]:
    """The values of the attributes of an element, as text."""
    return {
        child.attrib["name"]: child.text.strip()
        for child in node.children
        if child.tag == "attribute" and child.attrib.get("name")
    }


def mask_of(node: Node) -> Mask | None:
    """A mask from its runs along the rows of its rectangle, the first of which is outside; None
    when no pixel is set. Raises ValueError."""
    left, top, width, height = (int(v) for v in _numbers(node, "left", "top", "width", "height"))
    if not (0 < width < _LARGEST_SIDE and 0 < height < _LARGEST_SIDE and width * height < 1 << 29):
        raise ValueError(f"its mask is {width} × {height}")
    try:
        runs = np.array(node.attrib.get("rle", "").split(","), np.int64)
    except (ValueError, OverflowError):
        raise ValueError("its runs are no numbers") from None
    if runs.min() < 0 or runs.max() > width * height or int(runs.sum()) != width * height:
        raise ValueError(f"its runs do not add up to {width} × {height} pixels")
    values = np.zeros(len(runs), np.uint8)
    values[1::2] = 1
    patch = np.repeat(values, runs).reshape(height, width)
    return Mask.from_patch(patch, left, top)


def runs_of(patch: Patch) -> list[int]:
    """The runs along the rows of a patch (h, w); the first is outside, and 0 when none is."""
    flat = patch.ravel()
    changes = np.flatnonzero(np.diff(flat)) + 1
    ends = np.concatenate([[0], changes, [len(flat)]])
    runs: list[int] = np.diff(ends).tolist()
    return [0, *runs] if flat[0] else runs


def orders_of(annotations: Sequence[ExportAnnotation]) -> list[int]:
    """The place of each annotation in the order of painting: what the source has said while that
    still is the order, else how many are below. What is new lies over what is below it."""
    found: list[int] = []
    for annotation in annotations:
        kept = annotation.attributes.get(KEY)
        below = max(found[-1], 0) if found else 0
        found.append(int(kept["z"]) if isinstance(kept, dict) and "z" in kept else below)
    return list(range(len(found))) if any(a > b for a, b in pairwise(found)) else found
