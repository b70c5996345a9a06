"""Look-up tables: which colour each grey level is shown in. The data are never touched."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.opencv import cv2

Lut = NDArray[np.uint8]

_OPENCV = {
    "viridis": cv2.COLORMAP_VIRIDIS,
    "magma": cv2.COLORMAP_MAGMA,
    "inferno": cv2.COLORMAP_INFERNO,
    "cividis": cv2.COLORMAP_CIVIDIS,
    "turbo": cv2.COLORMAP_TURBO,
}
# ImageJ's "fire" and "ice": every eighth entry of its tables, which it fills in evenly too.
_FIRE = (
    (0, 0, 1, 25, 49, 73, 98, 122, 146, 162, 173, 184, 195, 207, 217, 229, 240, 252, *[255] * 14),
    (*[0] * 13, 14, 35, 57, 79, 101, 117, 133, 147, 161, 175, 190, 205, 219, 234, 248, *[255] * 4),
    (0, 61, 96, 130, 165, 192, 220, 227, 210, 181, 151, 122, 93, 64, 35, 5, *[0] * 11, 35, 98, 160,
     223, 255),
)  # fmt: skip
_ICE = (
    (0, 0, 0, 0, 0, 0, 19, 29, 50, 48, 79, 112, 134, 158, 186, 201, 217, 229, 242, 250, 250, 250,
     250, 251, 250, 250, 250, 250, 251, 251, 243, 230),
    (156, 165, 176, 184, 190, 196, 193, 184, 171, 162, 146, 125, 107, 93, 81, 87, 92, 97, 95, 93,
     93, 90, 85, 69, 64, 54, 47, 35, 19, 0, 4, 0),
    (140, 147, 158, 166, 170, 176, 209, 220, 234, 225, 236, 246, 250, 251, 250, 250, 245, 230, 230,
     222, 202, 180, 163, 142, 123, 114, 106, 94, 84, 64, 26, 27),
)  # fmt: skip

LUTS: dict[str, str] = {
    "": "Grey",
    "inverted": "Inverted",
    "viridis": "Viridis",
    "magma": "Magma",
    "inferno": "Inferno",
    "cividis": "Cividis",
    "turbo": "Turbo",
    "fire": "Fire",
    "ice": "Ice",
    "red": "Red",
    "green": "Green",
    "blue": "Blue",
    "cyan": "Cyan",
    "magenta": "Magenta",
    "yellow": "Yellow",
}
"""Names, and what people call them; "" leaves grey as it is."""

_PURE = {
    "red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1),
    "cyan": (0, 1, 1), "magenta": (1, 0, 1), "yellow": (1, 1, 0),
}  # fmt: skip


@cache
def lut(name: str) -> Lut:
    """A table of shape (256, 3), RGB. Raises KeyError for a name that is not in LUTS."""
    ramp = np.arange(256, dtype=np.uint8)
    if name in _OPENCV:
        table = cv2.applyColorMap(ramp[:, None], _OPENCV[name])[:, 0, ::-1]
    elif name in ("fire", "ice"):
        points = _FIRE if name == "fire" else _ICE
        places = np.linspace(0, 255, 32)
        table = np.stack([np.interp(ramp, places, channel) for channel in points], axis=1).round()
    elif name in ("", "inverted"):
        table = np.repeat((ramp[::-1] if name else ramp)[:, None], 3, axis=1)
    else:
        table = ramp[:, None] * np.array(_PURE[name])
    result = np.ascontiguousarray(table, np.uint8)
    result.setflags(write=False)
    return result


def coloured(grey: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """A picture (h, w) in the colours of a table: (h, w, 3) RGB."""
    return np.asarray(cv2.applyColorMap(np.ascontiguousarray(grey), lut(name)[:, None]), np.uint8)
