"""What comes home from a cluster: which files, when, and what is already here."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from cvstudio.core import events
from cvstudio.core.errors import RunError
from cvstudio.core.events import AnyEvent
from cvstudio.core.jobdir import JobDir
from cvstudio.project.cluster.client import Client

_WELCOME = re.compile(
    r"checkpoints/(last|best)\.pt|predictions/[\w-]+\.jsonl\.gz|report\.json|environment\.json"
    r"|run\.log"
)
"""The files that a run leaves. A cluster may name others: they are not taken in."""
_ELSEWHERE = {"run.log": "cluster.log"}
"""run.log is what the follower itself prints."""
_CHECKPOINTS_SHARE = 0.1
"""Share of the time that may go into bringing checkpoints while the training goes on."""


class InTransit(RunError):
    """A file has changed on the cluster while it was on its way."""


@dataclass
class Away:
    """What is known of the job that was sent: its name, how many bytes of events were heard, and
    whether its last word was."""

    name: str = ""
    heard: int = 0
    heard_all: bool = False

    @classmethod
    def read(cls, job: JobDir) -> Away:
        """What the directory says; nothing is known where it says nothing that can be read."""
        try:
            told = json.loads((job.path / "sent.json").read_bytes())
            return cls(str(told["name"]), int(told["heard"]), bool(told["heard_all"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return cls()

    def write(self, job: JobDir) -> None:
        part = job.path / "sent.json.part"
        part.write_text(json.dumps(asdict(self)))
        part.replace(job.path / "sent.json")


class Home:
    """Brings files of one run into its directory, whole or not at all."""

    def __init__(
        self, job: JobDir, client: Client, name: str, node: str, told: Callable[[], None]
    ) -> None:
        self._job, self._client, self._name, self._node = job, client, name, node
        self._told = told
        self._here: dict[str, str] = {}
        self._brought_at = self._took = 0.0
        self.waiting: events.Saved | None = None
        """The last checkpoint that was not brought at once; `bring_all` brings it."""

    def remote(self, file: str) -> str:
        """Where a file of the run lies among the cluster's logs."""
        return f"cvstudio/{self._name}/{file}"

    def ready_for(self, event: AnyEvent) -> bool:
        """Bring the files that an event speaks of; False when it had better not be told: the
        checkpoint stays away, because bringing it takes longer than an epoch."""
        if isinstance(event, events.Samples):
            return self._bring(lambda name: name == event.file)
        if not isinstance(event, events.Saved):
            return True
        now = time.monotonic()
        if now - self._brought_at < self._took / _CHECKPOINTS_SHARE:
            self.waiting = event
            return False
        self.waiting = None
        # best.pt goes first: last.pt never speaks of a best epoch that is not on the disk.
        self._bring(lambda name: name == "checkpoints/best.pt")
        brought = self._bring(lambda name: name == "checkpoints/last.pt")
        self._brought_at = time.monotonic()
        self._took = self._brought_at - now
        return brought

    def bring_all(self) -> None:
        """Bring everything that is new."""
        self._bring(lambda _: True)

    def _bring(self, wanted: Callable[[str], bool]) -> bool:
        """Bring files by name; whether there was one. Raises InTransit when one has changed."""
        data = self._client.read(self._node, self.remote("index.json"))
        try:
            index: dict[str, dict[str, Any]] = json.loads(data or b"{}")
        except ValueError as error:
            raise InTransit("The list of files was cut.") from error
        found = sorted(name for name in index if _WELCOME.fullmatch(name) and wanted(name))
        for name in found:
            entry = index[name]
            if self._here.get(name) != entry["sha256"]:
                self._fetch(name, str(entry["stored"]), str(entry["sha256"]))
        return bool(found)

    def _fetch(self, name: str, stored: str, digest: str) -> None:
        if not re.fullmatch(r"file-\d+", stored):
            raise RunError(f"The cluster names {stored!r} where a file of the run should be.")
        target = self._job.path / _ELSEWHERE.get(name, name)
        part = target.with_name(target.name + ".part")
        found = self._client.download(self._node, self.remote(stored), part, told=self._told)
        if found[1] != digest:
            part.unlink()
            raise InTransit(f"{name} has changed while it came home.")
        part.replace(target)
        self._here[name] = digest
