"""`cvstudio live` as a child of a test, spoken with through its two pipes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from numpy.typing import NDArray

from cvstudio.core.wire import Message, read_message, write_message


class Live:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cvstudio", "live"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def send(
        self, kind: str, number: int = 1, arrays: Mapping[str, NDArray[Any]] | None = None,
        **header: Any,
    ) -> None:  # fmt: skip
        assert self.process.stdin
        message = Message({"id": number, "kind": kind, **header}, dict(arrays or {}))
        write_message(self.process.stdin, message)

    def receive(self) -> Message:
        assert self.process.stdout
        message = read_message(self.process.stdout)
        assert message is not None
        return message

    def ask(
        self, kind: str, arrays: Mapping[str, NDArray[Any]] | None = None, **header: Any
    ) -> Message:
        """The answer, behind what was told of progress."""
        self.send(kind, arrays=arrays, **header)
        while "progress" in (message := self.receive()).header:
            pass
        return message


@contextmanager
def live_child() -> Iterator[Live]:
    """A child that must have ended well when its pipe was closed."""
    child = Live()
    yield child
    assert child.process.stdin
    child.process.stdin.close()
    assert child.process.wait(timeout=90) == 0
    for stream in (child.process.stdout, child.process.stderr):
        assert stream
        stream.close()
