"""What a run on a cluster leaves for the computer that sent it: events and files of one folder.

The folder lies among Ray's logs on the computer where the job's first process runs, because the
dashboard serves what lies there over the one address that the sender has. One actor writes in it;
it also takes requests, and gives a new group of workers the checkpoint to go on from.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cvstudio.core.jobdir import write_json

NAMESPACE = "cvstudio"
"""Where in a cluster the actors of runs are found by name."""

EVENTS = "events.jsonl"
INDEX = "index.json"
"""The list of files: {name: {"size": bytes, "sha256": hex, "stored": where it lies here}}."""

PIECE_BYTES = 4 << 20
_OLD_SECONDS = 7 * 86400.0


class Post:
    """One run's folder on the cluster; every method is short, the workers wait for it."""

    def __init__(self, home: str) -> None:
        self.home = Path(home)
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / EVENTS).touch()
        self._index: dict[str, dict[str, Any]] = {}
        self._groups = self._stored = 0
        self._asked = ""
        self._over = False
        self._before: dict[str, str] = {}

    def begin(self) -> int:
        """A group of workers begins; how many there were, this one included."""
        self._groups += 1
        return self._groups

    def tell(self, lines: bytes, *, last: bool = False) -> None:
        """Append whole event lines; after the `last` ones nothing is taken any more."""
        if self._over:
            return
        with (self.home / EVENTS).open("ab") as stream:
            stream.write(lines)
        self._over = last

    def over(self) -> bool:
        """Whether the last word was said."""
        return self._over

    def put(self, name: str, piece: bytes, *, first: bool, last: bool) -> None:
        """Take one piece of a file; it is listed when the last one is there."""
        part = self.home / "part"
        with part.open("wb" if first else "ab") as stream:
            stream.write(piece)
        if last:
            self._keep(name, part)

    def _keep(self, name: str, part: Path) -> None:
        digest, size = hashlib.sha256(), 0
        with part.open("rb") as stream:
            while piece := stream.read(PIECE_BYTES):
                digest.update(piece)
                size += len(piece)
        self._stored += 1
        stored = f"file-{self._stored:06d}"
        part.rename(self.home / stored)
        # The one before stays for a moment: it may be on its way home.
        older = self._before.pop(name, None)
        if older is not None:
            (self.home / older).unlink(missing_ok=True)
        if name in self._index:
            self._before[name] = self._index[name]["stored"]
        self._index[name] = {"size": size, "sha256": digest.hexdigest(), "stored": stored}
        write_json(self.home / INDEX, self._index)

    def sizes(self) -> Mapping[str, int]:
        """The files that are there, with their bytes."""
        return {name: int(entry["size"]) for name, entry in self._index.items()}

    def piece(self, name: str, offset: int) -> bytes:
        """A piece of a file from there on; empty at its end."""
        stored = str(self._index[name]["stored"])
        with (self.home / stored).open("rb") as stream:
            stream.seek(offset)
            return stream.read(PIECE_BYTES)

    def ask(self, request: str) -> None:
        """Leave a request for the first worker."""
        self._asked = request

    def asked(self) -> str:
        """The request that waits; nothing when there is none."""
        return self._asked


def sweep(folder: Path) -> None:
    """Take away what runs of the week before have left in the cluster's logs."""
    for old in folder.iterdir():
        events = old / EVENTS
        if events.is_file() and time.time() - events.stat().st_mtime > _OLD_SECONDS:
            shutil.rmtree(old, ignore_errors=True)


def pass_on(name: str, request: str) -> int:
    """Leave a request for a run that is at work on this cluster; 1 when it is over."""
    import ray

    ray.init(address="auto", namespace=NAMESPACE)
    try:
        post: Any = ray.get_actor(name, namespace=NAMESPACE)
    except ValueError:
        return 1
    ray.get(post.ask.remote(request))
    return 0
