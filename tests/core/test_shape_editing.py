"""Operations on shapes hold for any shape: areas add up, conversions are exact, results valid."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cvstudio.core import combine, convert, outlines
from cvstudio.core.annotation import Kind, pack_shape, unpack_shape
from cvstudio.core.combine import How
from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.core.masks import Mask, from_coco, mask_of, outline_of, to_coco
from cvstudio.core.opencv import cv2

WIDTH, HEIGHT = 60, 44


@st.composite
def masks(draw):
    """Masks of any pixels: diagonal touches, holes, crumbs."""
    h, w = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    bits = draw(st.lists(st.integers(0, 1), min_size=h * w, max_size=h * w))
    patch = np.array(bits, np.uint8).reshape(h, w)
    big = draw(st.integers(1, 3))
    patch = np.kron(patch, np.ones((big, big), np.uint8))
    made = Mask.from_patch(patch, draw(st.integers(0, 20)), draw(st.integers(0, 12)))
    assume(made is not None)
    return made


@st.composite
def stars(draw, holes=True):
    """Polygons of one part around a middle, perhaps with a hole: always valid."""
    x, y = draw(st.floats(15, 40)), draw(st.floats(15, 30))
    count = draw(st.integers(3, 14))
    radii = draw(st.lists(st.floats(4, 14), min_size=count, max_size=count))
    angles = np.arange(count) * 2 * math.pi / count
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    outer = directions * np.array(radii)[:, None] + (x, y)
    if not holes or not draw(st.booleans()):
        return Polygon((Part(outer),))
    # A ring of small radius stays inside the star, whose edges come at worst to r·cos(π/3).
    return Polygon((Part(outer, (directions[::-1] * 1.5 + (x, y),)),))


def scribbles():
    """Polygons as hands draw them: crossing themselves, several parts over each other."""
    point = st.tuples(st.integers(0, 50), st.integers(0, 40))
    ring = st.lists(point, min_size=3, max_size=8).map(lambda ps: np.array(ps, np.float64))
    return st.lists(ring.map(Part), min_size=1, max_size=3).map(lambda ps: Polygon(tuple(ps)))


def lines():
    point = st.tuples(st.floats(-5, 65), st.floats(-5, 50))
    return st.lists(point, min_size=2, max_size=4).map(lambda ps: np.array(ps, np.float64))


def pixels(shape):
    mask = convert.to_mask(shape) if shape is not None else None
    if mask is None:
        return np.zeros((HEIGHT + 40, WIDTH + 40), np.uint8)
    return mask.full(HEIGHT + 40, WIDTH + 40)


# -- conversions


@given(masks())
def test_a_mask_comes_back_from_its_outline_pixel_by_pixel(mask):
    polygon = convert.to_polygon(mask)
    assert outlines.is_valid(polygon)
    assert polygon.area == mask.area
    assert convert.to_mask(polygon) == mask


@given(masks())
def test_a_mask_comes_back_from_coco_and_from_the_projects_bytes(mask):
    coco = to_coco(mask, height=60, width=80)
    assert from_coco(coco["counts"], height=60, width=80) == mask
    assert unpack_shape(Kind.MASK, mask.box, pack_shape(mask)) == mask


@given(stars())
def test_a_polygon_comes_back_from_the_projects_bytes(polygon):
    assert unpack_shape(Kind.POLYGON, polygon.box, pack_shape(polygon)) == polygon


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 20), st.integers(1, 20))
def test_a_box_on_whole_pixels_is_the_same_box_as_mask_and_polygon(x, y, w, h):
    box = Box(x, y, w, h)
    assert convert.converted(box, Kind.MASK) == Mask.from_patch(np.ones((h, w), np.uint8), x, y)
    for kind in (Kind.POLYGON, Kind.MASK):
        assert convert.converted(convert.converted(box, kind), Kind.BOX) == box


@given(masks(), st.floats(0.1, 3))
def test_a_tolerance_keeps_the_outline_of_a_mask_near_its_pixels(mask, tolerance):
    exact = convert.to_polygon(mask)
    rough = convert.converted(mask, Kind.POLYGON, tolerance=tolerance)
    assert outlines.point_count(rough) <= outlines.point_count(exact)
    assert rough.parts
    assert outlines.is_valid(rough)
    for part in rough.parts:
        assert outlines.distance_to(exact, part.outer).max() <= tolerance + 1e-9


def test_a_slanted_edge_of_pixels_needs_few_points_at_the_tolerance_first_offered():
    y, x = np.mgrid[:600, :700]
    inside = (x * 0.3 + y > 100) & (x * -0.2 + y < 500) & (x < 650) & (y > 0.31 * x - 50)
    mask = Mask.from_patch(inside.astype(np.uint8))
    rough = convert.to_polygon(mask, tolerance=1.5)
    assert outlines.point_count(outline_of(mask)) > 500
    assert outlines.point_count(rough) <= 12
    assert rough.area == pytest.approx(mask.area, rel=0.002)


# -- joining and cutting


@given(masks(), masks())
def test_joining_and_cutting_masks_is_exact_to_the_pixel(a, b):
    one, two = pixels(a), pixels(b)
    assert (pixels(combine.combined([a, b], How.JOIN)) == one | two).all()
    assert (pixels(combine.combined([a, b], How.INTERSECT)) == one & two).all()
    assert (pixels(combine.combined([a, b], How.SUBTRACT)) == one & ~two & 1).all()


@given(stars(), stars())
def test_the_areas_of_joined_and_cut_polygons_add_up(a, b):
    parts = {how: combine.combined([a, b], how) for how in How}
    area = {how: shape.area if shape else 0.0 for how, shape in parts.items()}
    assert area[How.JOIN] + area[How.INTERSECT] == pytest.approx(a.area + b.area, abs=0.02)
    assert area[How.SUBTRACT] + area[How.INTERSECT] == pytest.approx(a.area, abs=0.02)
    assert all(outlines.is_valid(shape) for shape in parts.values() if shape)


@given(scribbles(), scribbles())
def test_polygons_that_cross_themselves_give_valid_ones(a, b):
    for how in How:
        shape = combine.combined([a, b], how)
        assert shape is None or outlines.is_valid(shape)
    mended = outlines.repaired(a)
    assert not mended.parts or outlines.is_valid(mended)


@given(stars(), lines())
def test_the_pieces_of_a_sliced_polygon_add_up_and_do_not_overlap(polygon, line):
    pieces = combine.sliced(polygon, line)
    assert sum(piece.area for piece in pieces) == pytest.approx(polygon.area, abs=0.05)
    assert [p.area for p in pieces] == sorted((p.area for p in pieces), reverse=True)
    for number, piece in enumerate(pieces):
        assert outlines.is_valid(piece)
        for other in pieces[number + 1 :]:
            assert outlines.intersect([piece, other]).area < 0.05


@given(masks(), lines())
def test_every_pixel_of_a_sliced_mask_is_in_just_one_piece(mask, line):
    pieces = combine.sliced(mask, line)
    assert (sum(pixels(piece).astype(int) for piece in pieces) == pixels(mask)).all()


def test_a_line_that_ends_inside_or_leads_into_a_hole_cuts_nothing():
    ring = Polygon((convert.to_polygon(Box(0, 0, 30, 30)).parts[0],))
    assert combine.sliced(ring, np.array([(-5.0, 15.0), (15.0, 15.0)])) == [ring]
    hole = convert.to_polygon(Box(10, 10, 10, 10)).parts[0].outer
    with_hole = Polygon((Part(ring.parts[0].outer, (hole,)),))
    assert combine.sliced(with_hole, np.array([(-5.0, 15.0), (15.0, 15.0)])) == [with_hole]
    assert len(combine.sliced(with_hole, np.array([(-5.0, 15.0), (35.0, 15.0)]))) == 2


def test_a_box_cut_square_gives_boxes_and_a_box_cut_askew_polygons():
    box = Box(10, 10, 30, 20)
    assert combine.sliced(box, np.array([(20.0, 0.0), (20.0, 40.0)])) == [
        Box(20, 10, 20, 20),
        Box(10, 10, 10, 20),
    ]
    askew = combine.sliced(box, np.array([(12.0, 0.0), (28.0, 40.0)]))
    assert [type(piece) for piece in askew] == [Polygon, Polygon]


def test_parts_that_the_line_does_not_touch_stay_with_the_largest_piece():
    two = Polygon(tuple(convert.to_polygon(Box(x, 0, 10, 10)).parts[0] for x in (0, 20)))
    first, second = combine.sliced(two, np.array([(3.0, -5.0), (3.0, 15.0)]))
    assert (first.area, len(first.parts), second.area) == (170, 2, 30)


def test_a_mask_joined_with_a_box_is_a_mask_of_both():
    mask = Mask.from_patch(np.ones((4, 4), np.uint8), 0, 0)
    joined = combine.combined([mask, Box(2, 0, 6, 4)], How.JOIN)
    assert joined == Mask.from_patch(np.ones((4, 8), np.uint8), 0, 0)


# -- simplify, smooth, holes, points


@given(stars(), st.floats(0.1, 3))
def test_simplifying_moves_no_border_by_more_than_the_tolerance(polygon, tolerance):
    simple = outlines.simplify(polygon, tolerance)
    assert outlines.is_valid(simple)
    assert outlines.point_count(simple) <= outlines.point_count(polygon)
    assert outlines.distance_to(simple, polygon.parts[0].outer).max() <= tolerance + 1e-9


@settings(max_examples=50)
@given(stars(), st.floats(0.5, 4))
def test_smoothing_gives_a_valid_shape_of_about_the_same_area(polygon, strength):
    smooth = combine.smoothed(polygon, strength)
    assert outlines.is_valid(smooth)
    assert smooth.box.w <= polygon.box.w * 1.2


def test_smoothing_rounds_the_steps_of_a_disc_and_keeps_its_area():
    y, x = np.mgrid[:80, :80]
    disc = Mask.from_patch(((x - 40) ** 2 + (y - 40) ** 2 <= 900).astype(np.uint8))
    smooth = outlines.smooth(outline_of(disc), 3)
    assert smooth.area == pytest.approx(disc.area, rel=0.01)
    away = np.hypot(*(smooth.parts[0].outer - 40.5).T)
    assert away.max() - away.min() < 0.8, "the steps of the pixels are 1 px high"
    assert combine.smoothed(disc, 3).area == pytest.approx(disc.area, rel=0.02)


def test_smoothing_keeps_a_thin_shape():
    thin = convert.to_polygon(Box(0, 10, 60, 2))
    assert outlines.smooth(thin, 3).area == pytest.approx(120, rel=0.15)


@given(masks())
def test_filled_holes_are_those_that_the_mask_closes_all_around(mask):
    filled = combine.without_holes(mask)
    patch = np.pad(1 - mask.patch(), 1, constant_values=1)
    _, outside = cv2.connectedComponents(patch, connectivity=4)
    expected = (outside[1:-1, 1:-1] != outside[0, 0]).astype(np.uint8)
    assert (filled.patch() == expected).all()


def test_a_filled_polygon_takes_in_what_lay_in_its_hole():
    outer = convert.to_polygon(Box(0, 0, 30, 30)).parts[0].outer
    hole = convert.to_polygon(Box(5, 5, 20, 20)).parts[0].outer
    island = convert.to_polygon(Box(10, 10, 4, 4)).parts[0]
    filled = combine.without_holes(Polygon((Part(outer, (hole,)), island)))
    assert (filled.area, len(filled.parts), filled.parts[0].holes) == (900, 1, ())


@given(stars(), st.floats(10, 45), st.floats(10, 35), st.floats(1, 12))
def test_the_vertex_eraser_leaves_no_point_within_its_radius(polygon, x, y, radius):
    left = outlines.without_points(polygon, x, y, radius=radius)
    for part in left.parts:
        for ring in part.rings():
            assert len(ring) >= 3
            assert np.hypot(*(ring - (x, y)).T).min() > radius
    mended = outlines.repaired(left)
    assert not mended.parts or outlines.is_valid(mended)


def test_the_mask_of_a_polygon_with_a_hole_has_the_hole():
    outer = convert.to_polygon(Box(0, 0, 10, 10)).parts[0].outer
    hole = convert.to_polygon(Box(2, 2, 4, 4)).parts[0].outer
    mask = mask_of(Polygon((Part(outer, (hole,)),)))
    assert mask.area == 84
    assert not mask.contains(3.5, 3.5)
