"""Class colours are told apart by the colour-blind as far as colours can tell so many."""

import numpy as np
import pytest

from cvstudio.core.colour_sight import SIGHTS, difference, lab, least_difference
from cvstudio.core.palette import class_colours, colours_for, next_colour, spread, tell_apart


@pytest.mark.parametrize(
    ("one", "two", "wanted"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
        ((50, 0, 0), (50, -1, 2), 2.3669),
    ],
)
def test_the_difference_is_the_one_of_the_published_examples(one, two, wanted):
    assert difference(np.array(one), np.array(two)) == pytest.approx(wanted, abs=1e-4)


def test_red_and_green_of_one_lightness_look_alike_without_green_cones():
    pair = ["#B07A30", "#6C9430"]
    assert least_difference(pair, "normal") > 25
    assert least_difference(pair, "deuteranopia") < 8


LEAST = {
    12: {"normal": 19, "protanopia": 10, "deuteranopia": 10, "tritanopia": 8},
    24: {"normal": 8.5, "protanopia": 8.5, "deuteranopia": 8.5, "tritanopia": 6},
    80: {"normal": 4, "protanopia": 4, "deuteranopia": 4, "tritanopia": 3},
}
"""CIEDE2000 of the two most alike. 80 classes are not told at a glance: names are on then."""


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("count", LEAST)
def test_no_two_of_so_many_classes_look_more_alike_than_this(count, sight):
    colours = colours_for(count)
    assert len(set(colours)) == count
    assert least_difference(colours, sight) >= LEAST[count][sight]


def test_colours_tell_two_dozen_classes_and_not_eighty_nor_any_that_come_twice():
    assert tell_apart(colours_for(24))
    assert not tell_apart(colours_for(80))
    assert not tell_apart(["#F73C62", "#688BF6", "#f73c62"])
    assert tell_apart([])


def test_the_next_colour_keeps_away_from_those_that_were_chosen_by_hand():
    mine = [*class_colours(), "#00FF00", "#0000FF", "#FF0000"]
    found = next_colour(mine)
    for sight in ("normal", "protanopia", "deuteranopia"):
        assert difference(lab([found], sight), lab(mine, sight)).min() > 9


@pytest.mark.parametrize("count", [20, 80])
def test_colours_that_were_told_apart_are_not_changed_once_more(count):
    colours = {number: class_colours()[number % 12] for number in range(count)}
    found = spread(colours)
    assert len(found) == count - 12
    assert spread(colours | found) == {}


def test_only_what_looks_like_an_earlier_class_gets_another_colour():
    one, two, *_ = class_colours()
    found = spread({1: one, 2: two, 3: one, 4: "#688BF5"})
    assert set(found) == {3, 4}
    assert tell_apart([one, two, *found.values()])
