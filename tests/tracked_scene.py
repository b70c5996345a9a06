"""A video of textured squares that wander over a textured ground, and where each of them is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.opencv import cv2

WIDTH, HEIGHT, SIDE, FRAMES = 320, 240, 48, 49

PLACES = {
    "first": lambda frame: (20 + 3 * frame, 30 + round(15 * np.sin(frame / 9))),
    "second": lambda frame: (240 - 4 * frame, 110),
    "third": lambda frame: (30 + 2 * frame, 180 - frame // 3),
    "leaver": lambda frame: (250 + 5 * frame, 185),
}
"""The left upper corner of each square on a frame, in pixels."""


def left_edge(who: str, frame: int) -> int:
    """Where a square begins."""
    return int(PLACES[who](frame)[0])


def _texture(width: int, height: int, seed: int) -> NDArray[np.uint8]:
    random = np.random.default_rng(seed)
    noise = random.integers(0, 255, (height // 4 + 1, width // 4 + 1, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def painted(frame: int) -> NDArray[np.uint8]:
    """A frame, (h, w, 3) BGR."""
    picture = _texture(WIDTH, HEIGHT, 1)
    for seed, where in enumerate(PLACES.values(), 2):
        x, y = where(frame)
        left, right = max(x, 0), min(x + SIDE, WIDTH)
        if right > left:
            patch = _texture(SIDE, SIDE, seed)
            picture[y : y + SIDE, left:right] = patch[:, left - x : right - x]
    return picture


def write_scene(path: Path) -> Path:
    """The video, as Motion-JPEG."""
    code = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, 25.0, (WIDTH, HEIGHT))
    for frame in range(FRAMES):
        writer.write(painted(frame))
    writer.release()
    return path
