"""The smart tool's side of the live process: looks at pictures, answers prompts about them.

A picture is known by the sha256 of its pixels as they are displayed, so that one that was looked at
ahead, in this process, is the one that the window asks about later.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.errors import ImageError, RunError
from cvstudio.core.geometry import Box
from cvstudio.core.wire import Message
from cvstudio.imaging.display import Display
from cvstudio.imaging.large_tiff import open_pyramid
from cvstudio.imaging.regions import smart_view
from cvstudio.imaging.regions.view import Sight
from cvstudio.ml.embeddings import Embeddings
from cvstudio.ml.sam import GaveWay, Prompts, SmartNetwork

GiveWay = Callable[[], bool]
Tell = Callable[[float], None]


class Smart:
    """Keeps one network and what it found in the pictures of late."""

    def __init__(self, embeddings: Embeddings | None = None) -> None:
        self.embeddings = embeddings or Embeddings()
        self._network: tuple[tuple[Path, int, int, str], SmartNetwork] | None = None

    def network(self, message: Message) -> Message:
        """header: network (file), device. Answers title, hash: it can be used.

        Raises RunError or UntrustedFile, which say why it cannot.
        """
        network = self._loaded(message)
        return Message({"title": network.title, "hash": network.hash})

    def look(self, message: Message, *, tell: Tell, give_way: GiveWay) -> Message:
        """header: network, device, key, cache (a folder or null). arrays: rgb (h, w, 3).

        Answers title and seen: whether it had been looked at before. Raises GaveWay.
        """
        rgb = message.arrays["rgb"]
        key = str(message.header["key"])
        network = self._loaded(message)
        seen = self._look(network, key, rgb, message, tell=tell, give_way=give_way)
        return Message({"title": network.title, "seen": seen})

    def ahead(
        self, message: Message, *, tell: Callable[[str, float], None],
        give_way: Callable[[str], bool],
    ) -> Message:  # fmt: skip
        """header: network, device, cache, path, page, display (the fields of Display).

        Answers gave_way: true when others had to be served; it may be asked again. A picture that
        cannot be read, or is too large to be looked at whole, is left for the day that it is open.
        `tell` and `give_way` are given the picture's key.
        """
        header = message.header
        display = dict(header["display"])
        window = display.pop("window", None)
        try:
            shown = Display(window=tuple(window) if window else None, **display)
            with contextlib.closing(
                open_pyramid(Path(header["path"]), int(header["page"]))
            ) as file:
                sight = Sight(file, shown)
                place = smart_view.whole(sight)
                if place is None:
                    return Message({"gave_way": False, "left": True})
                rgb = sight.take(place).rgb
        except (ImageError, OSError, MemoryError):
            return Message({"gave_way": False, "left": True})
        key = smart_view.key_of(rgb)
        if give_way(key):
            return Message({"gave_way": True})
        network = self._loaded(message)
        try:
            self._look(
                network, key, rgb, message, tell=partial(tell, key), give_way=partial(give_way, key)
            )
        except GaveWay:
            return Message({"gave_way": True})
        return Message({"gave_way": False, "left": False})

    def prompt(self, message: Message) -> Message:
        """header: network, device, cache, key, size (height, width), points [[x, y, include]], box
        (x, y, w, h, or null), others.

        Answers scores and the array "masks", (n, h, packed w) with eight pixels a byte; or missing:
        true when the picture has to be looked at first.
        """
        header = message.header
        network = self._loaded(message)
        found = self.embeddings.get((str(header["key"]), network.hash), _cache(message))
        if found is None:
            return Message({"missing": True})
        points = tuple((float(x), float(y), bool(inside)) for x, y, inside in header["points"])
        box = Box(*header["box"]) if header.get("box") else None
        if not points and box is None:
            raise RunError("There is nothing to look for: no point and no box was given.")
        height, width = header["size"]
        answer = network.answer(
            found, (int(height), int(width)), Prompts(points, box), others=bool(header["others"])
        )
        packed = np.packbits(answer.masks, axis=2)
        return Message({"missing": False, "scores": list(answer.scores)}, {"masks": packed})

    def _look(
        self, network: SmartNetwork, pixels: str, rgb: NDArray[Any],
        message: Message, *, tell: Tell, give_way: GiveWay,
    ) -> bool:  # fmt: skip
        key, folder = (pixels, network.hash), _cache(message)
        if self.embeddings.get(key, folder) is not None:
            return True
        found = network.embed(np.asarray(rgb, np.uint8), progress=tell, give_way=give_way)
        self.embeddings.put(key, found, folder)
        return False

    def _loaded(self, message: Message) -> SmartNetwork:
        """The network of a request; a file that was replaced is read again."""
        path, device = Path(message.header["network"]), str(message.header.get("device", "cpu"))
        if not path.is_file():
            raise RunError(
                f"The smart tool's network is not where it was: {path}.",
                hint="Choose the file again.",
            )
        stat = path.stat()
        stamp = (path, stat.st_mtime_ns, stat.st_size, device)
        if self._network is None or self._network[0] != stamp:
            self._network = None  # two large ones need not be held at once
            self._network = (stamp, SmartNetwork(path, device=device))
        return self._network[1]


def _cache(message: Message) -> Path | None:
    folder = message.header.get("cache")
    return Path(folder) if folder else None
