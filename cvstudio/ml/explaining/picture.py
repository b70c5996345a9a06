"""A picture as a PNG file, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.errors import ImageError
from cvstudio.core.jobdir import replace_file
from cvstudio.core.opencv import cv2


def write_picture(path: Path, rgb: NDArray[np.uint8]) -> None:
    """An RGB array (h, w, 3) as a PNG file. Raises ImageError when it cannot be made."""
    done, data = cv2.imencode(".png", np.ascontiguousarray(rgb[..., ::-1]))
    if not done:
        raise ImageError(f"{path.name} could not be written as PNG.")
    replace_file(path, data.tobytes())
