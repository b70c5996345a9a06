"""The class colours that a project begins with can be told apart without full colour vision."""

from itertools import combinations

import numpy as np
import pytest

from cvstudio.gui import theme

# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]]
    ),
}  # fmt: skip
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
     [0.0193339, 0.1191920, 0.9503041]]
)  # fmt: skip


def lab(code, sight):
    """CIE L*a*b* of a colour as somebody sees it."""
    srgb = np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(SIGHT[sight] @ linear, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(one, two):
    """CIEDE2000, after Sharma, Wu and Dalal 2005."""
    mean_chroma = (np.hypot(*one[1:]) + np.hypot(*two[1:])) / 2
    g = 0.5 * (1 - np.sqrt(mean_chroma**7 / (mean_chroma**7 + 25.0**7)))
    (c1, h1), (c2, h2) = (
        (np.hypot((1 + g) * a, b), np.degrees(np.arctan2(b, (1 + g) * a)) % 360)
        for _, a, b in (one, two)
    )
    dh = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0.0
    mean_h = (h1 + dh / 2) % 360 if c1 * c2 else h1 + h2
    mean_l, mean_c = (one[0] + two[0]) / 2, (c1 + c2) / 2
    rad = np.radians
    t = (
        1 - 0.17 * np.cos(rad(mean_h - 30)) + 0.24 * np.cos(rad(2 * mean_h))
        + 0.32 * np.cos(rad(3 * mean_h + 6)) - 0.2 * np.cos(rad(4 * mean_h - 63))
    )  # fmt: skip
    sl = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    sc, sh = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    turn = np.sin(rad(60 * np.exp(-(((mean_h - 275) / 25) ** 2))))
    rt = -2 * np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)) * turn
    dl, dc = (two[0] - one[0]) / sl, (c2 - c1) / sc
    dhue = 2 * np.sqrt(c1 * c2) * np.sin(rad(dh / 2)) / sh
    return float(np.sqrt(dl**2 + dc**2 + dhue**2 + rt * dc * dhue))


def test_the_difference_is_the_one_of_the_published_examples():
    examples = (
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    )
    for one, two, wanted in examples:
        assert difference(np.array(one), np.array(two)) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("sight", SIGHT)
def test_no_two_of_the_twelve_look_alike(sight):
    colours = [entry["hex"] for entry in theme.tokens()["label_classes"]["colours"]]
    least = theme.tokens()["label_classes"]["at_least"][sight]
    assert len(colours) == 12
    for one, two in combinations(colours, 2):
        seen = difference(lab(one, sight), lab(two, sight))
        assert seen >= least, f"{one} and {two} differ by {seen:.1f} with {sight}"
