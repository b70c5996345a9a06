"""Arrays of pixels as Qt's images. Imports little: the page that opens first uses it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage


def to_image(array: NDArray[np.uint8]) -> QImage:
    """A QImage with its own memory from (h, w, 3) RGB, (h, w, 4) RGBA or (h, w) grey."""
    array = np.ascontiguousarray(array)
    height, width = array.shape[:2]
    if array.ndim == 2:
        layout, channels = QImage.Format.Format_Grayscale8, 1
    elif array.shape[2] == 4:
        layout, channels = QImage.Format.Format_RGBA8888, 4
    else:
        layout, channels = QImage.Format.Format_RGB888, 3
    return QImage(array.data, width, height, channels * width, layout).copy()
