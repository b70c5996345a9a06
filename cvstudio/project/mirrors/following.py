"""Follows a run to its end and shows it in each mirror; a mirror that fails is left, and said so
once in the run's own events."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace

from cvstudio.core import events
from cvstudio.core.errors import file_trouble
from cvstudio.core.jobdir import EventTail, JobDir
from cvstudio.project import launch
from cvstudio.project.mirrors import targets as kept
from cvstudio.project.mirrors.contents import Mirror
from cvstudio.project.mirrors.targets import Targets

LOOK_SECONDS = 1.0

_LAST_WORD_SECONDS = 5.0
"""How long a run's last word is waited for when its process is gone."""


class Follower:
    """Shows one run in its mirrors."""

    def __init__(self, job: JobDir, targets: Targets) -> None:
        self._job, self._targets = job, targets
        self._mirrors: list[Mirror] = []
        self.failed: dict[str, str] = {}
        """What went wrong, by the name of the mirror."""
        if targets.tensorboard:
            self._attempt("TensorBoard", self._open_tensorboard)
        if targets.mlflow:
            self._attempt("MLflow", self._open_mlflow)

    @property
    def targets(self) -> Targets:
        """Where the run is mirrored to, with what is known there of it."""
        return self._targets

    def follow(self, *, look_seconds: float = LOOK_SECONDS) -> None:
        """Show what was said and what is being said, until the run's process is gone."""
        tail = EventTail(self._job.events)
        began = launch.find(self._job)
        deadline: float | None = None
        over = False
        while self._mirrors:
            # Asked first: whatever a dying job said is in the file when it is found dead.
            alive = launch.alive(self._job) and launch.find(self._job) == began
            for event in tail.new():
                over = isinstance(event, events.Ended | events.Failed) or (
                    over and not isinstance(event, events.Started)
                )
                for mirror in list(self._mirrors):
                    self._attempt(mirror.name, lambda m=mirror, e=event: m.take(e))  # type: ignore[misc]
            if not alive:
                deadline = deadline or time.monotonic() + _LAST_WORD_SECONDS
                if over or began is None or time.monotonic() > deadline:
                    break
            time.sleep(look_seconds if alive else 0.05)
        for mirror in list(self._mirrors):
            self._attempt(mirror.name, mirror.end)

    def _open_tensorboard(self) -> None:
        from cvstudio.project.mirrors.tensorboard_files import TensorBoard

        mirror = TensorBoard(self._job, self._targets)
        self._keep(replace(self._targets, files=(str(mirror.file),)))
        self._mirrors.append(mirror)

    def _open_mlflow(self) -> None:
        from cvstudio.project.mirrors.mlflow_store import MLflow

        def remember(told: Targets) -> None:
            self._keep(
                replace(self._targets, mlflow_run=told.mlflow_run, mlflow_until=told.mlflow_until)
            )

        self._mirrors.append(MLflow(self._job, self._targets, remember))

    def _keep(self, targets: Targets) -> None:
        self._targets = targets
        kept.write(self._job, targets)

    def _attempt(self, name: str, do: Callable[[], None]) -> None:
        try:
            do()
        except Exception as error:  # noqa: BLE001  # whatever a library or a server throws at one
            # mirror must cost neither the run nor the other mirror
            traceback.print_exc(file=sys.stderr)
            self._mirrors = [mirror for mirror in self._mirrors if mirror.name != name]
            self.failed[name] = _reason(error)
            text = f"The mirror to {name} stopped: {self.failed[name]} The run itself goes on."
            self._job.emit(events.Note(level="warning", text=text))


def _reason(error: Exception) -> str:
    """An error in one line of at most 300 characters, ended by a full stop."""
    told = file_trouble(error) if isinstance(error, OSError) else str(error)
    words = " ".join(f"{told} {getattr(error, 'hint', '')}".split()) or type(error).__name__
    words = words if len(words) <= 300 else f"{words[:297]}…"
    return words if words.endswith((".", "!", "…")) else f"{words}."
