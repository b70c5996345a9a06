"""The writer's lock: one process at a time writes to a project, and the others are told who.

The operating system holds the lock and lets go of it when the process dies, whatever it died of.
The file's content only names the holder; it is not the lock.
"""

from __future__ import annotations

import contextlib
import errno
import getpass
import json
import os
import socket
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from cvstudio.core.errors import ProjectError, ProjectLocked

FILE = "project.lock"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock: since is seconds since 1970."""

    user: str
    host: str
    pid: int
    since: float

    def words(self) -> str:
        """As a sentence tells it: "anna on lab-3 (process 812) since 14:05"."""
        then = time.localtime(self.since)
        same_day = time.strftime("%F", then) == time.strftime("%F")
        since = time.strftime("%H:%M" if same_day else "%F %H:%M", then)
        return f"{self.user} on {self.host} (process {self.pid}) since {since}"


class Lock:
    """Held from construction until `release`. Raises ProjectLocked when another process has it."""

    def __init__(self, folder: Path) -> None:
        try:
            self._file: IO[bytes] = (folder / FILE).open("a+b", buffering=0)
        except OSError as error:
            raise ProjectError(
                f"The project cannot be written: {error.strerror or error}.",
                hint="Open it for reading only, or copy it to a folder that you may write to.",
            ) from error
        try:
            _take(self._file)
        except OSError as error:
            self._file.close()
            raise _refusal(folder, error) from error
        # A full disk must not keep anybody out: the name is a courtesy, not the lock.
        with contextlib.suppress(OSError):
            self._write_holder()

    def _write_holder(self) -> None:
        holder = Holder(user(), socket.gethostname(), os.getpid(), time.time())
        self._file.truncate(0)
        self._file.seek(0)
        self._file.write(json.dumps(asdict(holder)).encode())

    def release(self) -> None:
        """Let the next writer in. The file stays: removing it would let two writers lock two files
        of the same name."""
        if self._file.closed:
            return
        _give(self._file)
        self._file.close()


def _refusal(folder: Path, error: OSError) -> ProjectError:
    if error.errno not in _HELD:
        return ProjectError(
            f"The disk that the project is on cannot lock files: {error.strerror or error}.",
            hint="Copy the project to a disk of this computer.",
        )
    holder = read_holder(folder)
    who = holder.words() if holder else "another program"
    return ProjectLocked(
        f"The project is in use by {who}.",
        hint="Close it there, or open it here for reading only.",
    )


_HELD = {errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK, errno.EDEADLK}
"""What systems answer when somebody else holds a lock; any other answer is a trouble of its own."""


def read_holder(folder: Path) -> Holder | None:
    """Who took the lock last, if that can be read; says nothing about whether it is still held."""
    try:
        data = json.loads((folder / FILE).read_bytes())
        return Holder(str(data["user"]), str(data["host"]), int(data["pid"]), float(data["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def user() -> str:
    """The name of the person at this computer, as the system knows it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no entry for this user id, as in some containers
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "someone"


if sys.platform == "win32":
    import msvcrt

    # Windows locks bytes and nobody may read them, so the locked byte lies far behind the content.
    _BYTE = 1 << 30

    def _take(file: IO[bytes]) -> None:
        file.seek(_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _give(file: IO[bytes]) -> None:
        file.seek(_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    # flock, not lockf: the lock belongs to this open file, so a second opening inside the same
    # process is refused too, and closing another handle of the file does not let go of it.
    def _take(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _give(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_UN)
