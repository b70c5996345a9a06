"""How far apart colours look, to full and to colour-blind sight.

Sight is simulated after Machado, Oliveira and Fernandes 2009 at full severity, difference is
CIEDE2000: 1 is about the least that is seen side by side, 10 is told at a glance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

SIGHTS: dict[str, Numbers] = {
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
"""What each kind of sight makes of linear RGB."""

_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
     [0.0193339, 0.1191920, 0.9503041]]
)  # fmt: skip
_WHITE = np.array([0.95047, 1.0, 1.08883])


def lab(colours: Sequence[str], sight: str = "normal") -> Numbers:
    """CIE L*a*b* (n, 3) of "#RRGGBB" colours as somebody sees them."""
    raw = bytes.fromhex("".join(colour[1:] for colour in colours))
    srgb = np.frombuffer(raw, np.uint8).reshape(-1, 3) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    xyz = np.clip(linear @ SIGHTS[sight].T, 0, 1) @ _TO_XYZ.T / _WHITE
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1
    )


def difference(one: Numbers, two: Numbers) -> Numbers:
    """CIEDE2000 between L*a*b* values of shape (..., 3), after Sharma, Wu and Dalal 2005."""
    mean_chroma = (np.hypot(one[..., 1], one[..., 2]) + np.hypot(two[..., 1], two[..., 2])) / 2
    g = 1 + 0.5 * (1 - np.sqrt(mean_chroma**7 / (mean_chroma**7 + 25.0**7)))
    c1, c2 = np.hypot(g * one[..., 1], one[..., 2]), np.hypot(g * two[..., 1], two[..., 2])
    h1 = np.degrees(np.arctan2(one[..., 2], g * one[..., 1])) % 360
    h2 = np.degrees(np.arctan2(two[..., 2], g * two[..., 1])) % 360
    coloured = c1 * c2 > 0
    dh = np.where(coloured, (h2 - h1 + 180) % 360 - 180, 0.0)
    mean_h = np.where(coloured, (h1 + dh / 2) % 360, h1 + h2)
    mean_l, mean_c = (one[..., 0] + two[..., 0]) / 2, (c1 + c2) / 2

    def wave(factor: float, shift: float) -> Numbers:
        return np.asarray(np.cos(np.radians(factor * mean_h + shift)), np.float64)

    t = 1 - 0.17 * wave(1, -30) + 0.24 * wave(2, 0) + 0.32 * wave(3, 6) - 0.2 * wave(4, -63)
    dl = (two[..., 0] - one[..., 0]) / (
        1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    )
    dc = (c2 - c1) / (1 + 0.045 * mean_c)
    dhue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(dh / 2)) / (1 + 0.015 * mean_c * t)
    turn = np.sin(np.radians(60 * np.exp(-(((mean_h - 275) / 25) ** 2))))
    rt = -2 * np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)) * turn
    return np.asarray(np.sqrt(np.maximum(dl**2 + dc**2 + dhue**2 + rt * dc * dhue, 0)), np.float64)


def least_difference(colours: Sequence[str], sight: str) -> float:
    """How far apart the two most alike of these colours look; infinite for less than two."""
    seen = lab(colours, sight) if colours else np.zeros((0, 3))
    first, second = np.triu_indices(len(seen), 1)
    return float(difference(seen[first], seen[second]).min(initial=np.inf))
