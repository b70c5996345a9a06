"""The pixels of a snapshot's images, decoded in threads and kept while memory allows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.snapshot import SnapshotImage
from cvstudio.imaging.decode import read_rgb

_BYTES = 256 * 2**20


class Pictures:
    """Reads RGB images by id. Safe to call from several threads."""

    def __init__(self, images: Mapping[int, SnapshotImage]) -> None:
        self._images = images
        self._kept: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, image_id: int) -> NDArray[np.uint8]:
        """The image as (h, w, 3) RGB of 8 bits. Raises ImageError in words."""
        with self._lock:
            if image_id in self._kept:
                self._kept.move_to_end(image_id)
                return self._kept[image_id]
        image = self._images[image_id]
        rgb = read_rgb(image.path, image.page, image.window)
        with self._lock:
            self._kept[image_id] = rgb
            while len(self._kept) > 1 and sum(a.nbytes for a in self._kept.values()) > _BYTES:
                self._kept.popitem(last=False)
        return rgb
