"""Regions that were swapped, removed or shifted come first, by a network that answers honestly.

The network never saw a label: it draws edges a little otherwise, overlooks some regions and takes
some for another class, all by lot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from cvstudio.core.opencv import cv2
from cvstudio.core.suspects import PixelDoubts, Region

FAULTS = ("swapped", "removed", "shifted")
CLASSES = (11, 12, 13)
SIDE, CELL = 128, 42
MISSED, MIXED = 0.05, 0.03
Map = NDArray[np.uint16]


@dataclass(frozen=True)
class Planted:
    """An image with its labels, its answer, and which pixels a fault changed; "" for none."""

    labelled: Map
    found: Map
    changed: NDArray[np.bool_]
    fault: str


def ellipse(canvas: Map, at: NDArray[np.float64], value: int, grown: float = 0.0) -> None:
    """Paint x, y, two half sides and an angle."""
    x, y, a, b, angle = at
    sides = [max(round(side + grown), 1) for side in (a, b)]
    cv2.ellipse(canvas, (round(x), round(y)), sides, angle, 0, 360, int(value), -1)


def painted(chance: np.random.Generator, fault: str) -> Planted:
    labelled, found, true = (np.zeros((SIDE, SIDE), np.uint16) for _ in range(3))
    places = [place for place in range(9) if chance.random() < 0.6] or [4]
    hit = chance.choice(places)
    for place in places:
        middle = np.array([place % 3, place // 3]) * CELL + CELL / 2 + chance.uniform(-5, 5, 2)
        at = np.array([*middle, *chance.uniform(7, 15, 2), chance.uniform(0, 180)])
        value = int(chance.integers(1, 4))
        other = 1 + value % 3
        if chance.random() > MISSED:
            seen = value if chance.random() > MIXED else other
            moved = at + np.array([*chance.normal(0, 0.7, 2), 0, 0, 0])
            ellipse(found, moved, seen, chance.normal(0, 1))
        ellipse(true, at, value)
        planted = fault if place == hit else ""
        if planted == "shifted":
            towards = np.where(at[:2] < SIDE / 2, 1, -1) * chance.uniform(0.6, 1.0) * at[2:4]
            ellipse(labelled, at + np.array([*towards, 0, 0, 0]), value)
        elif planted != "removed":
            ellipse(labelled, at, other if planted == "swapped" else value)
    return Planted(labelled, found, labelled != true, fault)


def images(seed: int, count: int = 120) -> list[Planted]:
    """Every second image has one fault, the kinds in turn."""
    chance = np.random.default_rng(seed)
    return [painted(chance, "" if n % 2 else FAULTS[n // 2 % 3]) for n in range(count)]


def suspects(planted: list[Planted]) -> list[Region]:
    told = [(n, each.labelled, each.found) for n, each in enumerate(planted)]
    return PixelDoubts(lambda: told, CLASSES).regions()


def recall(planted: list[Planted], rows: list[Region], fault: str) -> float:
    """The share of the faults of a kind that most pixels of a suspect in the first 2 × are of, on
    the images that have no other fault."""
    wanted = {n for n, each in enumerate(planted) if each.fault == fault}
    others = {n for n, each in enumerate(planted) if each.fault} - wanted
    some = [row for row in rows if row.doubt.image_id not in others][: 2 * len(wanted)]
    found = set()
    for row in some:
        inside = row.mask.full(SIDE, SIDE).astype(bool)
        if planted[row.doubt.image_id].changed[inside].mean() >= 0.5:
            found.add(row.doubt.image_id)
    return len(found & wanted) / len(wanted)


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_regions_stand_in_the_first_twice_as_many(fault: str) -> None:
    found = []
    for seed in range(3):
        planted = images(seed)
        found.append(recall(planted, suspects(planted), fault))
    assert min(found) >= 0.75, found


def test_a_region_that_is_labelled_otherwise_as_a_whole_is_told_as_one() -> None:
    planted = images(0)
    first = suspects(planted)[0].doubt
    assert first.whole
    assert first.doubt == first.as_sure > 0.5


def square(canvas: Map, x: int, side: int, value: int) -> None:
    canvas[20 : 20 + side, x : x + side] = value


def test_what_a_network_confuses_by_habit_comes_after_what_it_hardly_ever_confuses() -> None:
    """It takes every second region of class 12 for one of class 11, and none of class 13."""
    told: list[tuple[int, Map, Map]] = []
    for number in range(40):
        labelled, found = (np.zeros((64, 128), np.uint16) for _ in range(2))
        for canvas, second in ((labelled, 2), (found, 1 + number % 2)):
            square(canvas, 4, 26, 1)
            square(canvas, 44, 26, second)
            square(canvas, 84, 26, 3)
        told.append((number, labelled, found))
    mistaken = told[7][1]
    mistaken[:, :40] = 0
    square(mistaken, 4, 24, 3)
    first, *others = PixelDoubts(lambda: told, CLASSES).regions()
    assert (first.doubt.image_id, first.doubt.labelled, first.doubt.proposed) == (7, 13, 11)
    assert {(o.doubt.labelled, o.doubt.proposed) for o in others if o.doubt.whole} == {(12, 11)}
    assert first.doubt.doubt > max(o.doubt.doubt for o in others) + 0.1


def test_edges_and_right_labels_are_rarely_called_likely_wrong() -> None:
    chance = np.random.default_rng(5)
    right = [painted(chance, "") for _ in range(60)]
    likely = [row for row in suspects(right) if row.doubt.doubt >= 0.5]
    regions = sum(len(np.unique(each.labelled)) - 1 for each in right)
    # A region that the network takes for another class is doubted; that it overlooks one is not.
    assert len(likely) <= 2 * MIXED * regions * 3
    assert all(row.doubt.proposed for row in likely)
