"""A stored shape comes back bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from cvstudio.core.annotation import Shape, box_of, kind_of, pack_shape, unpack_shape
from cvstudio.core.geometry import (
    Box,
    Part,
    Polygon,
    iou_matrix,
    polygon_contains,
)
from cvstudio.core.masks import Mask

RING = np.array([[0.1, 0.2], [30.7, 1 / 3], [12.0, 40.25]])
SHAPES: list[Shape] = [
    None,
    Box(1.25, 2.5, 1e-3, 1e5),
    Polygon.simple(RING),
    Polygon((Part(RING, (RING / 4 + 8, RING / 8 + 9)), Part(RING + 100))),
    Mask.from_patch(np.eye(9, dtype=np.uint8), x=-3, y=70_000),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: type(shape).__name__)
def test_a_shape_survives_storage(shape: Shape) -> None:
    box = box_of(shape, width=10, height=10)
    assert unpack_shape(kind_of(shape).value, box, pack_shape(shape)) == shape


def test_a_hole_is_outside() -> None:
    square = np.array([[0, 0], [20, 0], [20, 20], [0, 20]], np.float64)
    polygon = Polygon((Part(square, (square / 2 + 5,)),))
    assert polygon_contains(polygon, 2, 2)
    assert not polygon_contains(polygon, 10, 10)
    assert not polygon_contains(polygon, 21, 10)
    assert polygon.area == 300


def test_a_clipped_box_keeps_only_what_is_in_the_image() -> None:
    assert Box(-5, 5, 20, 20).clipped(10, 10) == Box(0, 5, 10, 5)
    assert Box(30, 30, 5, 5).clipped(10, 10).area == 0


def test_overlap_of_boxes() -> None:
    a = np.array([[0, 0, 10, 10.0]])
    b = np.array([[5, 0, 10, 10.0], [0, 0, 10, 10], [50, 50, 1, 1], [3, 3, 0, 0]])
    np.testing.assert_allclose(iou_matrix(a, b)[0], [1 / 3, 1, 0, 0])
