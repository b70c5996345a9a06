"""The window's side of the live process: previews and heat maps, where the latest request wins.

How a page uses it
    studio.live.request("augment", header, done=self._show, failed=self._sorry, owner=self)
`done(message)` and `failed(text, hint)` are called on the window's thread: one of them, once, and
neither when the owner asked for the same kind again meanwhile or is gone. A process that dies
is started again with the next request; the person is told once.
"""

from __future__ import annotations

import io
import json
import logging
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shiboken6
from numpy.typing import NDArray
from PySide6.QtCore import QDeadlineTimer, QObject, QProcess, QProcessEnvironment, Signal

from cvstudio.core import places
from cvstudio.core.wire import Message, read_message, write_message
from cvstudio.project.launch import environment, live_command

log = logging.getLogger(__name__)

Done = Callable[[Message], None]
Failed = Callable[[str, str], None]
Progress = Callable[[float], None]

_LOST = "The preview stopped unexpectedly. Labels are saved."
_LOST_HINT = "It starts again with your next change."


@dataclass(frozen=True)
class _Wish:
    kind: str
    done: Done
    failed: Failed | None
    owner: QObject | None
    progress: Progress | None = None

    def wanted(self) -> bool:
        return self.owner is None or shiboken6.isValid(self.owner)


class LiveProcess(QObject):
    """Starts `cvstudio live` when it is first needed and speaks with it in frames of core.wire."""

    trouble = Signal(str)
    """The process died; told once, however often it happens again."""
    busy = Signal(bool)
    """Whether an answer is awaited."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None
        self._wishes: dict[int, _Wish] = {}
        self._next = 1
        self._received = bytearray()
        self._expected = 0
        self._told = False
        self._closing = False

    def warm(self) -> None:
        """Start the process and let it load its libraries, so that the first preview is quick."""
        self.request("warm", {}, done=lambda message: None)

    def request(
        self,
        kind: str,
        header: Mapping[str, Any],
        *,
        done: Done,
        failed: Failed | None = None,
        owner: QObject | None = None,
        arrays: Mapping[str, NDArray[Any]] | None = None,
        progress: Progress | None = None,
    ) -> int:
        """Ask; an older request of the same kind and owner will not be answered any more.

        `progress(share)` is called before the answer, of what tells it.
        """
        for number, wish in list(self._wishes.items()):
            if wish.kind == kind and wish.owner is owner:
                del self._wishes[number]
        number = self._next
        self._next += 1
        self._wishes[number] = _Wish(kind, done, failed, owner, progress)
        frame = io.BytesIO()
        write_message(frame, Message({**header, "id": number, "kind": kind}, dict(arrays or {})))
        self._running().write(frame.getvalue())
        self.busy.emit(True)
        return number

    def drop(self, owner: QObject) -> None:
        """Forget what an owner asked for."""
        self._wishes = {n: wish for n, wish in self._wishes.items() if wish.owner is not owner}

    def wait(self, owner: QObject, milliseconds: int) -> bool:
        """Let an owner's answers come now, for at most so long; False when some are still out.

        The window does not listen to anybody else meanwhile.
        """
        deadline = QDeadlineTimer(milliseconds)
        while any(wish.owner is owner for wish in self._wishes.values()):
            if self._process is None or deadline.hasExpired():
                return False
            self._process.waitForReadyRead(deadline.remainingTime())
        return True

    @property
    def pid(self) -> int:
        """The process's id, 0 while there is none."""
        return self._process.processId() if self._process is not None else 0

    def close(self) -> None:
        """End the process; whatever it was doing is dropped."""
        self._closing = True
        self._wishes.clear()
        process, self._process = self._process, None
        if process is not None:
            process.blockSignals(True)
            process.closeWriteChannel()
            if not process.waitForFinished(300):
                process.kill()
                process.waitForFinished(3000)
            process.deleteLater()
        self._closing = False

    def _running(self) -> QProcess:
        if self._process is not None:
            return self._process
        program, *arguments = live_command()
        process = QProcess(self)
        variables = QProcessEnvironment()
        for name, value in environment().items():
            variables.insert(name, value)
        process.setProcessEnvironment(variables)
        process.setStandardErrorFile(str(places.logs() / "live.log"))
        process.readyReadStandardOutput.connect(self._read)
        process.finished.connect(self._ended)
        process.errorOccurred.connect(self._trouble)
        self._received.clear()
        self._expected = 0
        process.start(program, arguments)
        self._process = process
        return process

    def _trouble(self, error: QProcess.ProcessError) -> None:
        # Every other error is followed by `finished`.
        if error == QProcess.ProcessError.FailedToStart:
            self._ended()

    def _ended(self) -> None:
        process, self._process = self._process, None
        if process is None or self._closing:
            return
        log.error("the live process ended: %s", process.errorString())
        process.deleteLater()
        wishes, self._wishes = self._wishes, {}
        for wish in wishes.values():
            if wish.failed is not None and wish.wanted():
                wish.failed(_LOST, _LOST_HINT)
        self.busy.emit(False)
        if not self._told:
            self._told = True
            self.trouble.emit(f"{_LOST} {_LOST_HINT}")

    def _read(self) -> None:
        if self._process is None:
            return
        self._received += self._process.readAllStandardOutput().data()
        while (message := self._take()) is not None:
            self._answer(message)

    def _take(self) -> Message | None:
        """The next whole message of what was received; None while it is not all there."""
        if not self._expected:
            self._expected = _frame_size(self._received)
        if not self._expected or len(self._received) < self._expected:
            return None
        message = read_message(io.BytesIO(bytes(self._received[: self._expected])))
        del self._received[: self._expected]
        self._expected = 0
        return message

    def _answer(self, message: Message) -> None:
        if "progress" in message.header:
            self._tell_progress(message)
            return
        wish = self._wishes.pop(int(message.header.get("id") or 0), None)
        if not self._wishes:
            self.busy.emit(False)
        if wish is None or not wish.wanted() or message.header.get("superseded"):
            return
        if message.header["ok"]:
            wish.done(message)
        elif wish.failed is not None:
            wish.failed(str(message.header["error"]), str(message.header.get("hint", "")))
        else:
            log.warning("the live process could not %s: %s", wish.kind, message.header["error"])

    def _tell_progress(self, message: Message) -> None:
        wish = self._wishes.get(int(message.header["id"]))
        if wish is not None and wish.progress is not None and wish.wanted():
            wish.progress(float(message.header["progress"]))


def _frame_size(received: bytearray) -> int:
    """The length of the frame that begins there, as its header says; 0 while that is not known."""
    if len(received) < 4:
        return 0
    (length,) = struct.unpack_from("<I", received)
    if len(received) < 4 + length:
        return 0
    arrays = json.loads(bytes(received[4 : 4 + length]))["arrays"]
    return (
        4
        + int(length)
        + sum(math.prod(item["shape"]) * np.dtype(item["dtype"]).itemsize for item in arrays)
    )
