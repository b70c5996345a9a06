"""The files of one job's directory; the directory is all that a job and its watchers share."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError

from cvstudio.core.errors import RunError
from cvstudio.core.events import AnyEvent, Event, from_line, to_line
from cvstudio.core.run_state import RunState

RESERVE = 1 << 16
"""Bytes that a job at work keeps for its last word, which may hold a traceback."""


class Request(StrEnum):
    """What a watcher may ask of a running job, as an empty file in control/."""

    PAUSE = "pause"
    FINISH = "finish"
    CANCEL = "cancel"


@dataclass(frozen=True)
class JobDir:
    """A run directory (or the directory of a smaller job inside it)."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def snapshot(self) -> Path:
        return self.path / "snapshot.jsonl.gz"

    @property
    def checks(self) -> Path:
        """What was checked before the run was started."""
        return self.path / "checks.json"

    @property
    def environment(self) -> Path:
        return self.path / "environment.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def log(self) -> Path:
        return self.path / "run.log"

    @property
    def control(self) -> Path:
        return self.path / "control"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def reserve(self) -> Path:
        """Room that is kept on the disk for the last word."""
        return self.path / "reserve"

    @property
    def frames(self) -> Path:
        """Frames of videos as pictures, while the job works."""
        return self.path / "frames"

    @property
    def last(self) -> Path:
        """The checkpoint to resume from."""
        return self.checkpoints / "last.pt"

    @property
    def best(self) -> Path:
        """The checkpoint to judge, explain and export."""
        return self.checkpoints / "best.pt"

    @property
    def report(self) -> Path:
        """The metrics of the last evaluation of each split: {"val": {...}, "test": {...}}."""
        return self.path / "report.json"

    def predictions(self, split: str) -> Path:
        return self.path / "predictions" / f"{split}.jsonl.gz"

    def emit(self, event: Event) -> None:
        """Append one event, whole or not at all: half a line would swallow the next one."""
        append_line(self.events, to_line(event))

    def keep_reserve(self) -> None:
        """Keep some room for the last word. Raises OSError when not even that is left."""
        self.reserve.write_bytes(bytes(RESERVE))

    def last_word(self, event: Event) -> None:
        """Append the event that ends the job; on a full disk the reserve gives the room for it.

        Raises OSError when another program took that room at once.
        """
        self.reserve.unlink(missing_ok=True)
        self.emit(event)

    def read_events(self) -> Iterator[AnyEvent]:
        """All whole events so far; a last line that is still being written is left out."""
        yield from EventTail(self.events).new()

    def state(self) -> RunState:
        """The state that all events so far add up to."""
        state = RunState()
        for event in self.read_events():
            state.apply(event)
        return state

    def ask(self, request: Request) -> None:
        """Leave a request for the running job."""
        self.control.mkdir(exist_ok=True)
        (self.control / request.value).touch()

    def asked(self) -> Request | None:
        """The strongest request that is waiting: cancel before finish before pause."""
        for request in (Request.CANCEL, Request.FINISH, Request.PAUSE):
            if (self.control / request.value).exists():
                return request
        return None

    def clear_requests(self) -> None:
        for request in Request:
            (self.control / request.value).unlink(missing_ok=True)


class FollowersDir(JobDir):
    """A run directory as those of its processes see it that follow another one: they read it, and
    leave the telling to the first."""

    def emit(self, event: Event) -> None:
        """Nothing: the first process tells."""

    def last_word(self, event: Event) -> None:
        """Nothing: neither a word nor the room for it is this one's."""


class LineTail:
    """Reads the lines that were appended to a file since the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new(self) -> list[bytes]:
        """Whole lines since the last call; one that is still being written comes when it is."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read()
        except FileNotFoundError:
            return []
        end = data.rfind(b"\n") + 1
        self._offset += end
        return data[:end].splitlines()


class EventTail:
    """Reads the events that were appended since the last look."""

    def __init__(self, path: Path) -> None:
        self._tail = LineTail(path)

    def new(self) -> Iterator[AnyEvent]:
        """Whole lines since the last call; a line that is no event (a crash cut it) is skipped."""
        for line in self._tail.new():
            try:
                yield from_line(line)
            except ValidationError:
                continue


def read_json(path: Path) -> dict[str, Any]:
    """What write_json wrote; nothing where there is no file. Raises RunError when it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise RunError(f"A file of the run is damaged: {path}") from error
    if not isinstance(content, dict):
        raise RunError(f"A file of the run is damaged: {path}")
    return content


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole or not at all: a crash leaves the old one."""
    replace_file(path, json.dumps(content, ensure_ascii=False, indent=1).encode())


def append_line(path: Path, line: str) -> None:
    """Add a line at the end of a file, whole or not at all, as long as the process lives."""
    rest = memoryview((line + "\n").encode())
    with path.open("ab", buffering=0) as stream:
        before = stream.tell()
        try:
            while rest:
                rest = rest[stream.write(rest) :]
        except OSError:
            stream.truncate(before)
            raise


def replace_file(path: Path, content: bytes) -> None:
    """Write bytes beside a file and move them over it when they are safe on the disk."""
    with replacing(path) as stream:
        stream.write(content)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A stream beside a file, moved over it when all that was written is safe on the disk.

    Where anything goes wrong the file stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)  # half a checkpoint would keep a full disk full
