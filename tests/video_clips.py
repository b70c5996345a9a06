"""Small videos of which every frame says its own number in large squares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.opencv import cv2

WIDTH, HEIGHT = 320, 240
BITS = 10
KINDS = {"MJPG": "avi", "mp4v": "mp4", "XVID": "avi", "VP80": "webm", "FFV1": "mkv"}
"""What OpenCV's FFmpeg can write here, and in which container."""


def painted(number: int) -> NDArray[np.uint8]:
    """A frame (h, w, 3) BGR: its number in ten black or white squares, and a moving rectangle."""
    frame = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    for bit in range(BITS):
        frame[0:32, bit * 32 : bit * 32 + 32] = 255 if number >> bit & 1 else 0
    left = 10 + 2 * number % 250
    frame[80:140, left : left + 40] = (30, 160, 240)
    return frame


def number_on(rgb: NDArray[np.uint8]) -> int:
    """The number that a frame says; -1 when a square is neither black nor white."""
    found = 0
    for bit in range(BITS):
        light = float(rgb[10:22, bit * 32 + 10 : bit * 32 + 22].mean())
        if 80 < light < 175:
            return -1
        found |= int(light > 128) << bit
    return found


def write_clip(path: Path, *, frames: int, codec: str = "mp4v", fps: float = 25.0) -> Path:
    """A video of frames 0 .. frames - 1."""
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), fps, (WIDTH, HEIGHT)
    )
    assert writer.isOpened(), codec
    for number in range(frames):
        writer.write(painted(number))
    writer.release()
    return path


def write_uneven_clip(path: Path, steps: list[int], *, source: Path) -> Path:
    """The frames of an MPEG-4 video in a Matroska file, frame i shown `steps[i]` milliseconds."""
    packets = cv2.VideoCapture(str(source), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1])
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"FMP4"), 1000.0, (WIDTH, HEIGHT),
        [cv2.VIDEOWRITER_PROP_RAW_VIDEO, 1],
    )  # fmt: skip
    assert writer.isOpened()
    extra = packets.retrieve(flag=int(packets.get(cv2.CAP_PROP_CODEC_EXTRADATA_INDEX)))[1]
    now = 0
    for number, step in enumerate(steps):
        done, packet = packets.read()
        assert done
        key = int(packets.get(cv2.CAP_PROP_LRF_HAS_KEY_FRAME))
        if number == 0:
            packet = np.concatenate([extra.ravel(), packet.ravel()])
        writer.set(cv2.VIDEOWRITER_PROP_KEY_FLAG, key)
        writer.set(cv2.VIDEOWRITER_PROP_PTS, now)
        writer.set(cv2.VIDEOWRITER_PROP_DTS_DELAY, 0)
        writer.write(packet.reshape(1, -1))
        now += step
    writer.release()
    packets.release()
    return path
