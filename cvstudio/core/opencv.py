"""The one door to OpenCV: imported without its traces in Qt's environment, with few threads."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

_QT_VARIABLES = ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR")
_before = {name: os.environ.get(name) for name in _QT_VARIABLES}

# What FFmpeg has to say about a damaged video reaches the user as an ImageError.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2  # noqa: E402

# The non-headless wheel points Qt at its own, older plugins; either wheel must be harmless.
for _name, _value in _before.items():
    if _value is None:
        os.environ.pop(_name, None)
    else:
        os.environ[_name] = _value

# Images are decoded in several threads of our own; many inside OpenCV only get in the way.
cv2.setNumThreads(min(4, os.cpu_count() or 1))
# What a decoder has to say about a damaged file reaches the user as an ImageError instead.
cv2.utils.logging.setLogLevel(0)

__all__ = ["cv2", "resized"]

_AT_ONCE = 4
"""Channels that OpenCV resizes together in every way that it knows."""


def resized(array: NDArray[Any], width: int, height: int, how: int) -> NDArray[Any]:
    """cv2.resize of (h, w) or (h, w, c) with any number of channels, of which none is lost."""
    size = (width, height)
    if array.ndim == 2:
        return np.asarray(cv2.resize(array, size, interpolation=how))
    parts = [
        cv2.resize(np.ascontiguousarray(array[:, :, at : at + _AT_ONCE]), size, interpolation=how)
        for at in range(0, array.shape[2], _AT_ONCE)
    ]
    if len(parts) == 1:
        return np.asarray(parts[0]).reshape(height, width, array.shape[2])
    return np.concatenate([part.reshape(height, width, -1) for part in parts], axis=2)
