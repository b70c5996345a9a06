"""Templates of skeletons: where their points lie, how they are dropped, and their two sides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvstudio.core import skeleton_edits
from cvstudio.core.geometry import Box
from cvstudio.core.skeleton import COCO_PERSON, Skeleton, pack, unpack
from cvstudio.core.skeleton_template import (
    dropped,
    free_place,
    laid_out,
    other_side,
    swapped,
    with_other_sides,
)

names = st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=9, unique=True).map(tuple)


@given(names, st.floats(0, 500), st.floats(0, 500), st.floats(1, 500), st.floats(1, 500))
def test_a_dropped_template_fills_its_box_and_stays_in_it(
    found: tuple[str, ...], x: float, y: float, w: float, h: float
) -> None:
    box = Box(x, y, w, h)
    shape = dropped(Skeleton(found), box)
    assert shape.points.shape == (len(found), 3)
    assert (shape.points[:, 2] == 2).all()
    around = shape.box
    assert around.x >= x - 1e-9
    assert around.y >= y - 1e-9
    assert around.right <= x + w + 1e-9
    assert around.bottom <= y + h + 1e-9
    if len(found) > 2:
        assert (around.w, around.h) == pytest.approx((w, h))


def test_a_mirrored_template_has_each_point_on_the_other_side() -> None:
    box = Box(100, 50, 80, 200)
    plain, other = dropped(COCO_PERSON, box), dropped(COCO_PERSON, box, mirrored=True)
    left, right = COCO_PERSON.names.index("left_wrist"), COCO_PERSON.names.index("right_wrist")
    assert plain.points[left, 0] > plain.points[right, 0], "somebody who looks at us"
    assert other.points[left, 0] < other.points[right, 0]
    assert np.allclose(plain.points[:, 0] + other.points[:, 0], 2 * 100 + 80)
    assert np.array_equal(plain.points[:, 1], other.points[:, 1])


def test_points_in_one_line_lie_in_the_middle_of_the_other_side() -> None:
    line = Skeleton(("a", "b"), (), ((0.2, 0.5), (0.8, 0.5)))
    assert dropped(line, Box(0, 0, 60, 40)).points[:, :2].tolist() == [[0, 20], [60, 20]]
    one = Skeleton(("a",), (), ((0.2, 0.5),))
    assert dropped(one, Box(0, 0, 60, 40)).points[:, :2].tolist() == [[30, 20]]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("left_eye", "right_eye"), ("RIGHT EAR", "LEFT EAR"), ("LeftKnee", "RightKnee"),
        ("kneeLeft", "kneeRight"), ("l_eye", "r_eye"), ("eye.R", "eye.L"), ("earL", "earR"),
        ("rHip", "lHip"), ("nose", None), ("bright spot", None), ("leaflet", None), ("rib", None),
        ("eye right", "eye left"),
    ],
)  # fmt: skip
def test_the_name_of_the_other_side(name: str, other: str | None) -> None:
    assert other_side(name) == other


@given(st.lists(st.integers(0, 2), min_size=17, max_size=17))
def test_swapping_the_sides_twice_gives_the_same_points_back(known: list[int]) -> None:
    shape = dropped(COCO_PERSON, Box(0, 0, 100, 200))
    shape.points[:, 2] = known
    once = swapped(shape, COCO_PERSON.names)
    assert once.points[0].tolist() == shape.points[0].tolist(), "the nose has no other side"
    assert once.points[1].tolist() == shape.points[2].tolist()
    assert swapped(once, COCO_PERSON.names) == shape


def test_the_other_sides_are_added_with_their_edges() -> None:
    half = Skeleton(
        ("nose", "left_eye", "left_ear"), ((0, 1), (1, 2)), ((0.5, 0.5), (0.7, 0.3), (0.9, 0.4))
    )
    whole = with_other_sides(half)
    assert whole.names == (*half.names, "right_eye", "right_ear")
    assert whole.edges == ((0, 1), (1, 2), (0, 3), (3, 4))
    assert whole.layout == (*half.layout, (0.3, 0.3), (0.1, 0.4))
    assert with_other_sides(whole) == whole


def test_a_layout_is_kept_and_skeletons_from_before_have_none() -> None:
    shaped = laid_out(COCO_PERSON)
    assert len(shaped.layout) == 17
    assert unpack(pack(shaped)) == shaped
    assert unpack('{"names": ["a", "b"], "edges": [[0, 1]]}') == Skeleton(("a", "b"), ((0, 1),))


@pytest.mark.parametrize("layout", [((0.1, 0.2),), ((0.1, 0.2), (0.5, 1.2))])
def test_a_layout_that_is_none_is_refused(layout: tuple[tuple[float, float], ...]) -> None:
    assert Skeleton(("a", "b"), (), layout).problem()


@given(st.lists(st.sampled_from("amdjpr"), max_size=25))
def test_whatever_a_hand_does_leaves_a_skeleton(steps: list[str]) -> None:
    made = Skeleton(())
    for number, step in enumerate(steps):
        count = len(made.names)
        if step == "a":
            made = skeleton_edits.with_point(made, number / 20, -number)
        elif count and step == "m":
            made = skeleton_edits.with_point_at(made, number % count, 2, 0.25)
        elif count and step == "d":
            made = skeleton_edits.without_point(made, number % count)
        elif count and step == "j":
            made = skeleton_edits.joined(made, number % count, (number * 7 + 1) % count)
        elif made.edges and step == "p":
            made = skeleton_edits.parted(made, made.edges[number % len(made.edges)])
        elif count and step == "r":
            made = skeleton_edits.renamed(made, number % count, f"named {number}")
        assert not made.names or made.problem() == ""
        assert len(set(map(frozenset, made.edges))) == len(made.edges), "no edge is there twice"


def test_a_point_that_goes_takes_its_edges_along() -> None:
    four = Skeleton(("a", "b", "c", "d"), ((0, 1), (1, 2), (2, 3)), ((0.0, 0.0),) * 4)
    left = skeleton_edits.without_point(four, 1)
    assert left == Skeleton(("a", "c", "d"), ((1, 2),), ((0.0, 0.0),) * 3)


def test_a_new_point_finds_room() -> None:
    taken = ((0.5, 0.5), (0.1, 0.1), (0.9, 0.9))
    x, y = free_place(taken)
    assert min(np.hypot(x - a, y - b) for a, b in taken) > 0.4
