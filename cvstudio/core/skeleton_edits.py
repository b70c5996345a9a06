"""What a hand does to a skeleton: each step makes another one, with a place for every point."""

from __future__ import annotations

from cvstudio.core.skeleton import Layout, Skeleton


def with_point(skeleton: Skeleton, x: float, y: float) -> Skeleton:
    """With one point more, behind the others, under a name that none has."""
    number = len(skeleton.names) + 1
    while f"point {number}" in skeleton.names:
        number += 1
    names = (*skeleton.names, f"point {number}")
    return Skeleton(names, skeleton.edges, (*skeleton.layout, _within(x, y)))


def without_point(skeleton: Skeleton, place: int) -> Skeleton:
    """Without a point and the edges that ended in it."""

    def left(each: tuple[int, int]) -> tuple[int, int]:
        a, b = each
        return a - (a > place), b - (b > place)

    edges = tuple(left(edge) for edge in skeleton.edges if place not in edge)
    names = skeleton.names[:place] + skeleton.names[place + 1 :]
    return Skeleton(names, edges, skeleton.layout[:place] + skeleton.layout[place + 1 :])


def with_point_at(skeleton: Skeleton, place: int, x: float, y: float) -> Skeleton:
    """With a point somewhere else in the template."""
    layout: Layout = (
        *skeleton.layout[:place], _within(x, y), *skeleton.layout[place + 1 :],
    )  # fmt: skip
    return Skeleton(skeleton.names, skeleton.edges, layout)


def renamed(skeleton: Skeleton, place: int, name: str) -> Skeleton:
    """With another name for a point."""
    names = (*skeleton.names[:place], name, *skeleton.names[place + 1 :])
    return Skeleton(names, skeleton.edges, skeleton.layout)


def joined(skeleton: Skeleton, a: int, b: int) -> Skeleton:
    """With an edge between two points; as it was where they are one, or joined already."""
    if a == b or {(a, b), (b, a)}.intersection(skeleton.edges):
        return skeleton
    return Skeleton(skeleton.names, (*skeleton.edges, (a, b)), skeleton.layout)


def parted(skeleton: Skeleton, edge: tuple[int, int]) -> Skeleton:
    """Without an edge."""
    left = tuple(each for each in skeleton.edges if each != edge)
    return Skeleton(skeleton.names, left, skeleton.layout)


def _within(x: float, y: float) -> tuple[float, float]:
    """A place inside the template, to a thousandth of its side."""
    return round(min(max(x, 0.0), 1.0), 3), round(min(max(y, 0.0), 1.0), 3)
