"""The class colours that a project begins with can be told apart without full colour vision."""

import pytest

from cvstudio.core.colour_sight import SIGHTS, least_difference
from cvstudio.gui import theme


@pytest.mark.parametrize("sight", SIGHTS)
def test_no_two_of_the_twelve_look_alike(sight):
    colours = [entry["hex"] for entry in theme.tokens()["label_classes"]["colours"]]
    least = theme.tokens()["label_classes"]["at_least"][sight]
    assert len(colours) == 12
    assert least_difference(colours, sight) >= least
