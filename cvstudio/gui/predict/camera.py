"""A camera whose newest picture is answered, again and again, by the live process.

A thread reads the camera; a picture is asked about when the last one was answered, so that the
answers are as fresh as the network is fast. `shown` tells a picture with its answer.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QThread, QTimer, Signal

from cvstudio.core.answers import Teller
from cvstudio.core.errors import ImageError
from cvstudio.core.predictions import Prediction, from_json
from cvstudio.core.wire import Message
from cvstudio.gui.live import LiveProcess

Rgb = NDArray[np.uint8]


class Source(Protocol):
    """What gives pictures: imaging.camera.Camera."""

    def read(self) -> Rgb: ...
    def close(self) -> None: ...


Opener = Callable[[int], Source]

_PATIENCE = 3000
"""Milliseconds for which letting go of a camera waits for its thread."""
_SILENT = 5000
"""Milliseconds without a picture after which that is told: drivers wait much longer."""
_slow: set[_Reader] = set()
"""Threads whose camera did not answer when it was let go of: one at work must not be deleted."""


def usual_camera(number: int) -> Source:
    """A camera of this computer. Raises ImageError."""
    from cvstudio.imaging.camera import Camera

    return Camera(number)


class _Reader(QThread):
    """Reads the camera and keeps the newest picture."""

    came = Signal()
    failed = Signal(str, str)

    def __init__(self, number: int, opener: Opener, parent: QObject) -> None:
        super().__init__(parent)
        self._number, self._opener = number, opener
        self._lock = threading.Lock()
        self._newest: Rgb | None = None
        self.over = False

    def run(self) -> None:
        try:
            source = self._opener(self._number)
        except ImageError as error:
            self.failed.emit(error.message, error.hint)
            return
        try:
            while not self.over:
                picture = source.read()
                with self._lock:
                    waiting = self._newest is not None
                    self._newest = picture
                if not waiting:
                    self.came.emit()
        except ImageError as error:
            self.failed.emit(error.message, error.hint)
        finally:
            source.close()

    def take(self) -> Rgb | None:
        """The newest picture, once."""
        with self._lock:
            picture, self._newest = self._newest, None
        return picture


class CameraWatch(QObject):
    """The camera at work, or not."""

    shown = Signal(object, object)
    """A picture (h, w, 3) and the Prediction for it."""
    told = Signal(object)
    """The Teller, with the first answer."""
    silent = Signal()
    """It has given no picture for a while, and may still."""
    failed = Signal(str)
    """It ended by itself, and why."""

    def __init__(
        self, live: LiveProcess, parent: QObject, *, opener: Opener = usual_camera
    ) -> None:
        super().__init__(parent)
        self._live, self.opener = live, opener
        self._reader: _Reader | None = None
        self._header: dict[str, Any] = {}
        self._asking = False
        self._knows = False
        self._times: deque[float] = deque(maxlen=20)
        self._silence = QTimer(self, singleShot=True, interval=_SILENT)
        self._silence.timeout.connect(self.silent)

    @property
    def running(self) -> bool:
        return self._reader is not None

    @property
    def rate(self) -> float:
        """Answers in a second, over the last ones; 0 while there are too few."""
        if len(self._times) < 2:
            return 0.0
        return (len(self._times) - 1) / max(self._times[-1] - self._times[0], 1e-6)

    def start(self, number: int, header: dict[str, Any]) -> None:
        """Watch a camera; `header` names the network for the live process."""
        self.stop()
        self._header, self._asking, self._knows = header, False, False
        self._times.clear()
        reader = _Reader(number, self.opener, self)
        self._reader = reader
        reader.came.connect(self._next)
        reader.failed.connect(lambda text, hint: self._fail(f"{text} {hint}".strip()))
        reader.start()
        self._silence.start()

    def stop(self) -> None:
        """Let go of the camera."""
        reader, self._reader = self._reader, None
        self._silence.stop()
        self._live.drop(self)
        if reader is not None:
            reader.over = True
            reader.came.disconnect()
            reader.failed.disconnect()
            reader.setParent(None)
            _slow.difference_update([each for each in _slow if each.isFinished()])
            if reader.wait(_PATIENCE):
                reader.deleteLater()
            else:
                _slow.add(reader)

    def _next(self) -> None:
        if self._reader is None or self._asking:
            return
        picture = self._reader.take()
        if picture is None:
            return
        self._asking = True
        self._silence.stop()
        self._live.request(
            "predict", self._header, owner=self, arrays={"rgb": picture},
            done=lambda message: self._answered(picture, message),
            failed=lambda text, hint: self._fail(f"{text} {hint}".strip()),
        )  # fmt: skip

    def _answered(self, picture: Rgb, message: Message) -> None:
        self._asking = False
        if self._reader is None:
            return
        self._silence.start()
        self._times.append(time.monotonic())
        if not self._knows:
            self._knows = True
            self.told.emit(Teller.from_json(message.header["teller"]))
        answer: Prediction = from_json(message.header["prediction"])
        self.shown.emit(picture, answer)
        self._next()

    def _fail(self, text: str) -> None:
        self.stop()
        self.failed.emit(text)
