"""From an image's own numbers to what a screen shows; the numbers themselves stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.opencv import cv2
from cvstudio.imaging.luts import coloured

Window = tuple[float, float]
"""The values that become black and white."""

_SAMPLE = 1_000_000


@dataclass(frozen=True, slots=True)
class Display:
    """How an image is shown. `brightness` and `contrast` run from -100 to 100, 0 is neutral.

    `window` None means the type's full range for 8 bits and `auto_window` for all others.
    `channel` 0, 1 or 2 shows that channel alone, in grey. `gamma` above 1 lifts the shadows.
    `lut` names a table of luts.LUTS for what is shown in grey; pictures in colour keep theirs.
    """

    window: Window | None = None
    brightness: float = 0.0
    contrast: float = 0.0
    gamma: float = 1.0
    channel: int | None = None
    lut: str = ""


def auto_window(array: NDArray[Any]) -> Window:
    """The range that shows an image well: 0 to 255 for 8 bits, else as fitting_window."""
    return (0.0, 255.0) if array.dtype == np.uint8 else fitting_window(array)


def fitting_window(array: NDArray[Any]) -> Window:
    """The range of an image's values but for 0.1 % at each end, whatever their depth.

    Large images are sampled; NaN and infinities are left out. The second is always the larger.
    """
    rows = max(1, int(np.ceil(np.sqrt(array.size / _SAMPLE))))
    sample = array[::rows, ::rows]
    if sample.ndim == 3 and sample.shape[2] == 4:
        sample = sample[:, :, :3]
    values = sample[np.isfinite(sample)] if sample.dtype.kind == "f" else sample.ravel()
    if values.size == 0:
        return (0.0, 1.0)
    low, high = (float(v) for v in np.percentile(values, (0.1, 99.9)))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low, low + 1.0)


def to_rgb8(
    array: NDArray[Any],
    window: Window | None = None,
    brightness: float = 0.0,
    contrast: float = 0.0,
    *,
    gamma: float = 1.0,
    channel: int | None = None,
) -> NDArray[np.uint8]:
    """An image (h, w) or (h, w, 3|4) of any type as (h, w, 3) uint8 RGB.

    Transparent pixels are laid over white. The arguments are those of Display.
    """
    return apply(array, Display(window, brightness, contrast, gamma, channel))


def apply(array: NDArray[Any], display: Display) -> NDArray[np.uint8]:
    """An image shown in one way: (h, w, 3) uint8 RGB. The result may share memory with `array`
    when there is nothing to change."""
    colour, alpha = array, None
    if array.ndim == 3 and array.shape[2] == 4:
        colour, alpha = array[:, :, :3], array[:, :, 3]
    if display.channel is not None and colour.ndim == 3:
        colour = colour[:, :, min(display.channel, colour.shape[2] - 1)]
    window = display.window or auto_window(array)
    shown = _mapped(colour, window, display)
    if display.lut and shown.ndim == 2:
        shown = coloured(shown, display.lut)
    if alpha is not None:
        shown = _over_white(shown, alpha)
    if shown.ndim == 2:
        return np.asarray(cv2.cvtColor(shown, cv2.COLOR_GRAY2RGB), np.uint8)
    return shown


def _mapped(array: NDArray[Any], window: Window, display: Display) -> NDArray[np.uint8]:
    key = (window, display.brightness, display.contrast, display.gamma)
    if array.dtype == np.uint8:
        if key == ((0.0, 255.0), 0.0, 0.0, 1.0):
            return array
        return np.asarray(cv2.LUT(np.ascontiguousarray(array), _table(256, *key)), np.uint8)
    if array.dtype == np.uint16:
        return np.asarray(np.take(_table(65536, *key), array), np.uint8)
    low, high = window
    steps = (array.astype(np.float32) - low) * (65535.0 / (high - low))
    index = np.nan_to_num(np.rint(steps), nan=0.0, posinf=65535.0, neginf=0.0).clip(0, 65535)
    even = ((0.0, 65535.0), *key[1:])
    return np.asarray(np.take(_table(65536, *even), index.astype(np.uint16)), np.uint8)


@lru_cache(maxsize=64)
def _table(
    size: int, window: Window, brightness: float, contrast: float, gamma: float
) -> NDArray[np.uint8]:
    """The 8-bit value of each of `size` values."""
    low, high = window
    level = ((np.arange(size) - low) / max(high - low, 1e-12)).clip(0, 1)
    if gamma != 1.0:
        level = level ** (1.0 / gamma)
    # Contrast turns the line around mid-grey: -100 is flat, 0 neutral, 100 a hard threshold.
    slope = np.tan((np.clip(contrast, -100, 99.9) / 100 + 1) * np.pi / 4)
    level = (level - 0.5) * slope + 0.5 + brightness / 100
    table = np.asarray(np.round(level.clip(0, 1) * 255), np.uint8)
    table.setflags(write=False)
    return table


def over_brightest(array: NDArray[Any]) -> NDArray[Any]:
    """RGBA (h, w, 4) of any type as RGB of the same type, over the brightest value that it has:
    1 for float."""
    top = float(np.iinfo(array.dtype).max) if array.dtype.kind == "u" else 1.0
    cover = (array[:, :, 3:].astype(np.float64) / top).clip(0, 1)
    if cover.min() >= 1.0:
        return np.ascontiguousarray(array[:, :, :3])
    laid = array[:, :, :3] * cover + top * (1.0 - cover)
    return np.asarray(np.round(laid) if array.dtype.kind == "u" else laid, array.dtype)


def _over_white(shown: NDArray[np.uint8], alpha: NDArray[Any]) -> NDArray[np.uint8]:
    top = float(np.iinfo(alpha.dtype).max) if alpha.dtype.kind == "u" else 1.0
    cover = (alpha.astype(np.float32) / top).clip(0, 1)
    if cover.min() >= 1.0:
        return np.ascontiguousarray(shown)
    if shown.ndim == 3:
        cover = cover[:, :, None]
    blended = shown * cover + 255.0 * (1.0 - cover)
    return np.asarray(np.round(blended), np.uint8)
