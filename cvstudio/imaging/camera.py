"""Cameras of this computer, by their numbers."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.errors import ImageError
from cvstudio.core.opencv import cv2

_USUAL_FPS = 25.0
_MISSED = 5
"""Pictures that a camera may fail to give in a row before it counts as gone."""
_DEVICES = Path("/dev")
"""Where Linux has its cameras, as files."""


class Camera:
    """An open camera. Raises ImageError, in words, when there is none of that number."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._capture = cv2.VideoCapture(number)
        if not self._capture.isOpened():
            self._capture.release()
            raise _refusal(number)
        # The newest picture is wanted, not those that waited meanwhile.
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def __enter__(self) -> Camera:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    @property
    def fps(self) -> float:
        """Pictures in a second, as the camera says; a usual figure where it does not."""
        told = float(self._capture.get(cv2.CAP_PROP_FPS))
        return told if 1 <= told <= 1000 else _USUAL_FPS

    def read(self) -> NDArray[np.uint8]:
        """The next picture (h, w, 3) RGB. Raises ImageError when the camera gives none any more."""
        for _ in range(_MISSED):
            fine, bgr = self._capture.read()
            if fine and bgr is not None:
                return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
        raise ImageError(
            f"Camera {self.number} gives no picture any more.",
            hint="See that it is plugged in and no other program uses it; then start it again.",
        )

    def close(self) -> None:
        """Let go of the camera, so that its light goes out."""
        self._capture.release()


def _refusal(number: int) -> ImageError:
    """Why a camera does not open: what Linux says of it in its files, or what may be elsewhere."""
    which = "no camera" if number == 0 else f"no camera with the number {number}"
    device = _DEVICES / f"video{number}"
    if not (_DEVICES / "null").exists():  # a system without such files
        return ImageError(
            f"There is {which} on this computer, or another program has it.",
            hint="Plug one in, close other programs that use it, allow CVStudio to use it in the"
            " system’s privacy settings, or choose another number.",
        )
    if not device.exists():
        others = sorted(int(d.name[5:]) for d in _DEVICES.glob("video*") if d.name[5:].isdigit())
        numbers = f"Choose another number ({', '.join(map(str, others))}), or plug one in."
        return ImageError(
            f"There is {which} on this computer.", hint=numbers if others else "Plug one in."
        )
    if not os.access(device, os.R_OK | os.W_OK):
        return ImageError(
            f"You may not use camera {number}.",
            hint="Have your account added to the group “video”, and sign in again.",
        )
    return ImageError(
        f"Camera {number} is there and gives no picture.",
        hint="Close other programs that use it, or choose another number: some cameras have a"
        " second one that gives none.",
    )
