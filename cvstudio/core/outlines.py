"""Polygons made from polygons: joined, cut, simplified, smoothed, mended; all by shapely.

Every result is valid: rings do not cross, holes lie inside their outline, parts do not overlap.
Nothing that is left is a polygon without parts. shapely is imported at the first use, never when
the window opens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cvstudio.core.geometry import Part, Points, Polygon

SLIVER = 1e-3
"""Square pixels below which a piece is a rounding error and not a piece."""

_FINEST = 0.25  # pixels between the points of a ring that is smoothed
_MOST = 4000  # points of such a ring


def is_valid(polygon: Polygon) -> bool:
    """Whether no ring crosses another or itself, and parts do not overlap."""
    import shapely

    if any(len(ring) < 3 for ring in polygon.rings()):
        return False
    parts = [shapely.Polygon(part.outer, part.holes) for part in polygon.parts]
    return bool(shapely.MultiPolygon(parts).is_valid) and polygon.area > 0


def repaired(polygon: Polygon) -> Polygon:
    """The polygon itself when it is valid, else the area that its rings enclose."""
    return polygon if is_valid(polygon) else _polygon(_geometry(polygon))


def union(polygons: Sequence[Polygon]) -> Polygon:
    """What lies in any of the polygons; without the points that lie straight between others."""
    import shapely

    joined = shapely.union_all([_geometry(polygon) for polygon in polygons])
    return _polygon(shapely.simplify(joined, 0))


def subtract(polygon: Polygon, others: Sequence[Polygon]) -> Polygon:
    """What lies in a polygon and in none of the others."""
    import shapely

    taken = shapely.union_all([_geometry(other) for other in others])
    return _polygon(shapely.difference(_geometry(polygon), taken))


def intersect(polygons: Sequence[Polygon]) -> Polygon:
    """What lies in all of the polygons."""
    import shapely

    common = _geometry(polygons[0])
    for other in polygons[1:]:
        common = shapely.intersection(common, _geometry(other))
    return _polygon(common)


def slice_by(polygon: Polygon, line: Points) -> list[Polygon]:
    """The pieces into which a line (n, 2) cuts a polygon, the largest first.

    Parts that the line does not cut stay with the largest piece. Just the polygon itself when
    the line divides nothing (it ends inside, or leads into a hole).
    """
    import shapely

    cut = shapely.LineString(line)
    pieces: list[Any] = []
    whole: list[Any] = []
    for part in _pieces(_geometry(polygon)):
        found = _cut(part, cut)
        (pieces if len(found) > 1 else whole).extend(found)
    if not pieces:
        return [polygon]
    pieces.sort(key=lambda piece: -piece.area)
    pieces[0] = shapely.union_all([pieces[0], *whole])
    return [_polygon(piece) for piece in pieces]


def _cut(part: Any, line: Any) -> list[Any]:
    import shapely

    lines = shapely.union(part.boundary, line)
    found = shapely.get_parts(shapely.polygonize([lines]))
    shapely.prepare(part)
    inside = shapely.contains(part, shapely.point_on_surface(found))
    return [p for p, of in zip(found, inside, strict=True) if of and p.area > SLIVER]


def simplify(polygon: Polygon, tolerance: float) -> Polygon:
    """Fewer points; no border moves by more than the tolerance in pixels."""
    import shapely

    exact = repaired(polygon)
    if tolerance <= 0 or not exact.parts:
        return exact
    simple = Polygon(
        tuple(
            Part(_thinned(p.outer, tolerance), tuple(_thinned(hole, tolerance) for hole in p.holes))
            for p in exact.parts
        )
    )
    if is_valid(simple):
        return simple
    # Rings came too close to each other. GEOS keeps them apart, but drops the point at which a
    # ring begins after the others, and may overstep the tolerance there.
    area = _geometry(exact)
    for step in (tolerance, tolerance / 2, tolerance / 4, tolerance / 8):
        apart = shapely.simplify(area, step)
        if shapely.hausdorff_distance(area.boundary, apart.boundary) <= tolerance:
            return _polygon(apart)
    return exact


def _thinned(ring: Points, tolerance: float) -> Points:
    """A ring without the points that lie within the tolerance of the line without them.

    It begins at the point farthest from its middle, which stays.
    """
    import shapely

    away = ((ring - ring.mean(axis=0)) ** 2).sum(axis=1)
    turned = np.roll(ring, -int(away.argmax()), axis=0)
    line = shapely.LineString(np.vstack([turned, turned[:1]]))
    kept = shapely.get_coordinates(line.simplify(tolerance, preserve_topology=False))[:-1]
    return kept if len(kept) > 2 else ring


def smooth(polygon: Polygon, strength: float) -> Polygon:
    """Rounder borders: bumps shorter than about `strength` pixels go.

    Rings are smoothed along their length, so that thin shapes keep their width; what would
    shrink under a plain blur is put back, and points that say nothing are left out.
    """
    if strength <= 0:
        return repaired(polygon)
    parts = [
        Part(_smooth_ring(p.outer, strength), tuple(_smooth_ring(h, strength) for h in p.holes))
        for p in repaired(polygon).parts
    ]
    return simplify(repaired(Polygon(tuple(parts))), min(strength / 20, 0.5))


def _smooth_ring(ring: Points, strength: float) -> Points:
    closed = np.vstack([ring, ring[:1]])
    lengths = np.hypot(*np.diff(closed, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    around = float(along[-1])
    sigma = min(strength, around / 16)  # a small ring keeps its form
    count = int(np.clip(around / max(sigma / 4, _FINEST), 16, _MOST))
    at = np.linspace(0, around, count, endpoint=False)
    points = np.stack([np.interp(at, along, closed[:, axis]) for axis in (0, 1)], axis=1)
    steps = np.minimum(np.arange(count), count - np.arange(count)) * around / count
    kernel = np.exp(-0.5 * (steps / sigma) ** 2)
    gain = np.fft.rfft(kernel / kernel.sum()).real[:, None]
    # 2g - g² blurs and adds back most of what the blur has taken from the curves.
    kept = np.fft.irfft(np.fft.rfft(points, axis=0) * (2 * gain - gain**2), count, axis=0)
    return np.asarray(kept, np.float64)


def without_holes(polygon: Polygon) -> Polygon:
    """The polygon with its holes filled, and what lay in them taken in."""
    if not any(part.holes for part in polygon.parts):
        return polygon
    return union([Polygon((Part(part.outer),)) for part in polygon.parts])


def without_points(polygon: Polygon, x: float, y: float, *, radius: float) -> Polygon:
    """The polygon without the points inside a circle; rings of fewer than three points go.

    Its rings may cross afterwards: see `repaired`. The same object when no point goes.
    """
    parts, changed = [], False
    for part in polygon.parts:
        rings = []
        for number, ring in enumerate(part.rings()):
            keep = np.hypot(ring[:, 0] - x, ring[:, 1] - y) > radius
            changed = changed or not keep.all()
            left = ring[keep]
            if number == 0 and len(left) < 3:
                break
            if len(left) >= 3:
                rings.append(left)
        if rings:
            parts.append(Part(rings[0], tuple(rings[1:])))
    return Polygon(tuple(parts)) if changed else polygon


def point_count(polygon: Polygon) -> int:
    """How many points all rings have together."""
    return sum(map(len, polygon.rings()))


def contains_points(polygon: Polygon, points: Points) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which of the points (n, 2) lie inside or on the border, as (n,)."""
    import shapely

    area = _geometry(polygon)
    shapely.prepare(area)
    inside: np.ndarray[Any, np.dtype[np.bool_]] = shapely.intersects_xy(
        area, points[:, 0], points[:, 1]
    )
    return inside


def distance_to(polygon: Polygon, points: Points) -> Points:
    """How far each of the points (n, 2) lies outside the polygon, as (n,); 0 inside."""
    import shapely

    away: Points = shapely.distance(_geometry(polygon), shapely.points(points))
    return away


def _geometry(polygon: Polygon) -> Any:
    """shapely's own, made valid, in one piece or several; parts that overlap become one."""
    import shapely

    parts = []
    for part in polygon.parts:
        if len(part.outer) < 3:
            continue
        made = shapely.Polygon(part.outer, [hole for hole in part.holes if len(hole) > 2])
        if not made.is_valid:
            made = shapely.make_valid(made, method="structure", keep_collapsed=False)
        parts.append(made)
    return parts[0] if len(parts) == 1 else shapely.union_all(parts)


def _pieces(geometry: Any) -> Iterator[Any]:
    """The polygons of a geometry that are more than a sliver; lines and points are left out."""
    import shapely

    for piece in shapely.get_parts(geometry):
        if piece.geom_type == "Polygon":
            if piece.area > SLIVER:
                yield piece
        elif hasattr(piece, "geoms"):
            yield from _pieces(piece)


def _polygon(geometry: Any) -> Polygon:
    return Polygon(tuple(_part(piece) for piece in _pieces(geometry)))


def _part(piece: Any) -> Part:
    def ring(line: Any) -> Points:
        return np.array(line.coords, np.float64)[:-1, :2]

    return Part(ring(piece.exterior), tuple(ring(hole) for hole in piece.interiors))
