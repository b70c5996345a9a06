"""What lies under the pointer: pure geometry in image pixels, without a window."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from cvstudio.core.annotation import Annotation, Shape, area_of, box_of
from cvstudio.core.geometry import Box, Points, Polygon, polygon_contains
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask, Patch
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.skeleton import Edges
from cvstudio.gui.label.layer import ShapeLayer

HANDLES = ("nw", "n", "ne", "e", "se", "s", "sw", "w")
"""The handles of a selected shape, clockwise from the top left."""

STAND_OFF = 10.0
"""Screen pixels by which the handles of a polygon stand off its box: on it they would lie on edges
and points, which are dragged themselves."""

PatchOf = Callable[[Mask], Patch]


@dataclass(frozen=True, slots=True)
class Place:
    """A point of a polygon: its part, its ring (0 is the outline, then the holes), its index."""

    part: int
    ring: int
    index: int


def shapes_at(
    layer: ShapeLayer,
    x: float,
    y: float,
    *,
    reach: float = 0.0,
    hidden: Collection[int] = (),
    patch_of: PatchOf = Mask.patch,
) -> list[int]:
    """Ids of the annotations under a point, the smallest first, of equal ones the topmost.

    `reach` is how far beside an outline still counts. The smallest comes first so that a small
    box under a big one can be taken; `next_under` walks on through the rest.
    """
    found: list[tuple[float, int, int]] = []
    for row in layer.touching(Box(x, y, 0, 0), margin=reach):
        annotation = layer.annotations[row]
        if annotation.id in hidden:
            continue
        if _is_under(annotation, x, y, reach=reach, patch_of=patch_of):
            size = area_of(annotation.shape)
            if isinstance(shape := annotation.shape, Keypoints):
                edges = layer.edges_of(annotation.class_id, shape)
                # Points are thin: where they are hit themselves, whatever lies under them waits.
                size = 0.0 if is_on(shape, edges, x, y, reach=reach) else size
            found.append((size, -int(row), annotation.id))
    return [item[2] for item in sorted(found)]


def next_under(ids: Sequence[int], current: Collection[int]) -> int | None:
    """The one after the selected one among those under the pointer, round and round."""
    for place, annotation_id in enumerate(ids):
        if annotation_id in current:
            return ids[(place + 1) % len(ids)]
    return ids[0] if ids else None


def shapes_within(layer: ShapeLayer, band: Box, *, hidden: Collection[int] = ()) -> list[int]:
    """Ids of the annotations that a rubber band touches, in drawing order."""
    touched = [layer.annotations[row] for row in layer.touching(band)]
    return [a.id for a in touched if a.id not in hidden and _meets(a, band)]


def handle_points(box: Box) -> Points:
    """The eight handles of a box, (8, 2), in the order of HANDLES."""
    middle_x, middle_y = box.x + box.w / 2, box.y + box.h / 2
    return np.array(
        [
            (box.x, box.y),
            (middle_x, box.y),
            (box.right, box.y),
            (box.right, middle_y),
            (box.right, box.bottom),
            (middle_x, box.bottom),
            (box.x, box.bottom),
            (box.x, middle_y),
        ]
    )


def handle_box(shape: Shape, *, scale: float) -> Box:
    """The box at whose corners and sides the handles of a shape stand."""
    box = box_of(shape)
    if not isinstance(shape, Polygon):
        return box
    off = STAND_OFF / scale
    return Box(box.x - off, box.y - off, box.w + 2 * off, box.h + 2 * off)


def handle_at(box: Box, x: float, y: float, *, reach: float) -> str | None:
    """The handle whose square of side 2 * reach holds a point; of several the nearest."""
    away = np.abs(handle_points(box) - (x, y)).max(axis=1)
    nearest = int(away.argmin())
    return HANDLES[nearest] if away[nearest] <= reach else None


def vertex_at(polygon: Polygon, x: float, y: float, *, reach: float) -> Place | None:
    """The nearest point of a polygon within reach."""
    best, found = reach, None
    for part_index, part in enumerate(polygon.parts):
        for ring_index, ring in enumerate(part.rings()):
            away = np.hypot(ring[:, 0] - x, ring[:, 1] - y)
            nearest = int(away.argmin())
            if away[nearest] <= best:
                best, found = float(away[nearest]), Place(part_index, ring_index, nearest)
    return found


def edge_at(polygon: Polygon, x: float, y: float, *, reach: float) -> Place | None:
    """Where a new point on the nearest edge within reach would be inserted: behind the edge's
    first end, and before its second."""
    best, found = reach, None
    for part_index, part in enumerate(polygon.parts):
        for ring_index, ring in enumerate(part.rings()):
            away = distances_to_edges(ring, x, y)
            nearest = int(away.argmin())
            if away[nearest] <= best:
                best, found = float(away[nearest]), Place(part_index, ring_index, nearest + 1)
    return found


def keypoint_at(shape: Keypoints, x: float, y: float, *, reach: float) -> int | None:
    """Which of the points that have a place is the nearest within reach."""
    away = np.hypot(shape.points[:, 0] - x, shape.points[:, 1] - y)
    away[shape.points[:, 2] <= 0] = np.inf
    nearest = int(away.argmin()) if len(away) else 0
    return nearest if len(away) and away[nearest] <= reach else None


def is_on(shape: Keypoints, edges: Edges, x: float, y: float, *, reach: float) -> bool:
    """Whether a place lies on a point or on an edge, and not only between them."""
    if keypoint_at(shape, x, y, reach=reach) is not None:
        return True
    ends = (shape.points[list(edge), :2] for edge in edges)
    return any(distances_to_edges(pair, x, y).min() <= reach for pair in ends)


def distances_to_edges(ring: Points, x: float, y: float) -> Points:
    """How far a point is from each edge of a closed ring; edge i runs from point i to i + 1."""
    along = np.roll(ring, -1, axis=0) - ring
    to_point = np.array([x, y]) - ring
    length = (along**2).sum(axis=1)
    share = np.divide(
        (along * to_point).sum(axis=1), length, out=np.zeros(len(ring)), where=length > 0
    )
    nearest = ring + along * np.clip(share, 0, 1)[:, None]
    return np.hypot(nearest[:, 0] - x, nearest[:, 1] - y)


def _is_under(
    annotation: Annotation, x: float, y: float, *, reach: float, patch_of: PatchOf
) -> bool:
    match annotation.shape:
        case Box():
            return True  # the layer's boxes have already been asked
        case RotatedBox() as turned:
            u, v = np.abs(turned.own(np.array([(x, y)]))[0]).tolist()
            return bool(u <= turned.w / 2 + reach and v <= turned.h / 2 + reach)
        case Keypoints():
            return True  # as of a box: the frame, or what is between the points
        case Polygon() as polygon:
            return (
                polygon_contains(polygon, x, y) or edge_at(polygon, x, y, reach=reach) is not None
            )
        case Mask() as mask:
            return _mask_near(mask, patch_of(mask), x, y, reach)
        case None:
            return False


def _mask_near(mask: Mask, patch: Patch, x: float, y: float, reach: float) -> bool:
    left, right = int(np.floor(x - reach)) - mask.x, int(np.floor(x + reach)) - mask.x
    top, bottom = int(np.floor(y - reach)) - mask.y, int(np.floor(y + reach)) - mask.y
    return bool(patch[max(top, 0) : max(bottom + 1, 0), max(left, 0) : max(right + 1, 0)].any())


def _meets(annotation: Annotation, band: Box) -> bool:
    """Whether a band really meets a polygon or rotated box, whose box may be mostly empty."""
    shape = annotation.shape
    if isinstance(shape, RotatedBox):
        shape = shape.polygon()
    if not isinstance(shape, Polygon):
        return True
    for part in shape.parts:
        inside = (
            (part.outer[:, 0] >= band.x)
            & (part.outer[:, 0] <= band.right)
            & (part.outer[:, 1] >= band.y)
            & (part.outer[:, 1] <= band.bottom)
        )
        if inside.any():
            return True
    corners = [(band.x, band.y), (band.right, band.y), (band.x, band.bottom)]
    if any(polygon_contains(shape, x, y) for x, y in corners):
        return True
    return any(_edges_cross(part.outer, band) for part in shape.parts)


def _edges_cross(ring: Points, band: Box) -> bool:
    """Whether an edge of a ring passes through a band (each edge clipped to it, Liang-Barsky)."""
    along = np.roll(ring, -1, axis=0) - ring
    enter, leave = np.zeros(len(ring)), np.ones(len(ring))
    for axis, low, high in ((0, band.x, band.right), (1, band.y, band.bottom)):
        moves = along[:, axis] != 0
        steps = np.where(moves, along[:, axis], 1.0)
        first, last = (low - ring[:, axis]) / steps, (high - ring[:, axis]) / steps
        inside = (ring[:, axis] >= low) & (ring[:, axis] <= high)
        first, last = np.minimum(first, last), np.maximum(first, last)
        enter = np.maximum(enter, np.where(moves, first, np.where(inside, 0.0, 2.0)))
        leave = np.minimum(leave, np.where(moves, last, np.where(inside, 1.0, -1.0)))
    return bool((enter <= leave).any())
