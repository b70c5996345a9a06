"""The process that stands for a run while a cluster does it: `cvstudio follow-cluster RUN_DIR`.

It sends the run, or finds again what was sent; appends what the cluster tells to events.jsonl,
brings checkpoints and reports home, and passes requests on. To its watchers it is a job like any.
"""

from __future__ import annotations

import queue
import sys
import tempfile
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cvstudio.core import events
from cvstudio.core.errors import (
    CVStudioError,
    RunError,
    UntrustedFile,
    WeightsMissing,
    file_trouble,
)
from cvstudio.core.events import AnyEvent, Ended, Event, Failed, Note, Outcome, Phase, Progress
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.core.places_to_run import Cluster, cluster_of
from cvstudio.project.cluster.bundle import make_bundle
from cvstudio.project.cluster.client import Client, Sent
from cvstudio.project.cluster.home import Away, Home, InTransit
from cvstudio.project.cluster.reach import Unreachable

LOOK_SECONDS = 0.25
"""How often requests are looked for."""
_STATUS_SECONDS = 3.0
"""How often the cluster is asked whether the job is still there."""
_AGAIN_SECONDS = 2.0
"""The pause before an address that did not answer is tried again."""
_LAST_SECONDS = 6.0
"""How long last events may be on their way when the job itself is over."""
_STOP_SECONDS = 4.0
"""How long a cancelled job is waited for: the watchers have no more than eight."""
_SIGN = "CVSTUDIO: "


class Stopped(Exception):
    """The person has cancelled the run."""


def follow(directory: Path) -> int:
    """Stand for a run until it is over; 0 when it ended by its own decision, 1 when it failed."""
    job = JobDir(directory.resolve())
    try:
        cluster = cluster_of(job.path)
        if cluster is None:
            raise RunError(f"{job.path} names no cluster.")
        ended = Follower(job, cluster).run()
    except Stopped:
        ended = Ended(outcome=Outcome.CANCELLED)
    except Exception as error:  # noqa: BLE001  # the last door: the watchers must hear of anything
        ended = _failed(error)
    job.emit(ended)
    if isinstance(ended, Failed):
        return 1
    if ended.outcome in (Outcome.PAUSED, Outcome.FINISHED_EARLY):
        job.clear_requests()
    return 0


class Follower:
    """One run on one cluster."""

    def __init__(self, job: JobDir, cluster: Cluster) -> None:
        self._job, self._cluster = job, cluster
        self._client = Client(cluster.address)
        self._away = Away.read(job)
        self._told_at = 0.0
        self._asked: Request | None = None
        self._silent = False

    def run(self) -> Ended | Failed:
        """Send the run, unless it is there already, and take in all that comes of it."""
        sent = None
        if self._away.name and not self._away.heard_all:
            sent = self._client.sent(self._away.name)
        if sent is not None:
            last = self._listen()
            if last is not None or sent.active:
                return last or self._without_word()
        self._send()
        return self._listen() or self._without_word()

    # -- sending ------------------------------------------------------------------------------

    def _send(self) -> None:
        name = f"cvstudio-{self._job.path.name[:4]}-{uuid.uuid4().hex[:8]}"
        self._job.emit(Phase(text="Packing the run for the cluster"))
        with tempfile.TemporaryDirectory(prefix="cvstudio-", dir=self._job.path) as folder:
            make_bundle(self._job, self._cluster, Path(folder), told=self._packed)
            self._job.emit(Phase(text=f"Sending the run to {self._cluster.address}"))
            self._client.submit(Path(folder), name, workers=self._cluster.workers)
        self._away = Away(name=name)
        self._away.write(self._job)

    def _packed(self, done: int, total: int) -> None:
        self._look_for_cancel()
        now = time.monotonic()
        if done == total or now - self._told_at > LOOK_SECONDS:
            self._told_at = now
            self._job.emit(Progress(done=done, total=total))

    # -- listening ----------------------------------------------------------------------------

    def _listen(self) -> Ended | Failed | None:
        """Take in what the run tells to its last word; None when it is over without one."""
        sent = self._wait_for_node()
        home = Home(self._job, self._client, self._away.name, sent.node, self._look_for_cancel)
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        reader = Reader(self._client, sent.node, home.remote("events.jsonl"), lines,
                        skip=self._away.heard)  # fmt: skip
        reader.start()
        looked, over_since = time.monotonic(), 0.0
        while True:
            last = self._take_in(lines, home)
            if last is not None:
                return last
            self._pass_on()
            if time.monotonic() - looked > _STATUS_SECONDS:
                looked = time.monotonic()
                if not over_since and not self._status().active:
                    over_since = looked
            if over_since and time.monotonic() - over_since > _LAST_SECONDS:
                return None

    def _wait_for_node(self) -> Sent:
        """The job as soon as its first process has a place."""
        told = False
        while True:
            sent = self._status()
            if sent.node:
                return sent
            if not sent.active:
                raise RunError(self._why_not(sent))
            if not told:
                self._job.emit(Phase(text="The cluster prepares the run"))
                told = True
            self._look_for_cancel()
            time.sleep(LOOK_SECONDS)

    def _take_in(self, lines: queue.SimpleQueue[bytes], home: Home) -> Ended | Failed | None:
        """Write down what has come; the last word once its files are at home."""
        try:
            line = lines.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            return None
        try:
            event = events.from_line(line)
        except ValidationError:
            event = None
        last = None
        if isinstance(event, Ended | Failed):
            self._patiently(home.bring_all)
            if home.waiting is not None:
                self._job.emit(self._in_our_time(home.waiting))
            self._away.heard_all = True
            last = event.model_copy(update={"at": time.time()})
        elif event is not None and self._patiently(lambda: home.ready_for(event)):
            self._job.emit(self._in_our_time(event))
        self._away.heard += len(line) + 1
        self._away.write(self._job)
        return last

    def _in_our_time(self, event: AnyEvent) -> Event:
        return event.model_copy(update={"at": event.at + self._client.clock_behind})

    def _patiently(self, action: Callable[[], Any]) -> Any:
        """Do something with the cluster, again and again while it does not answer."""
        while True:
            try:
                found = action()
            except (Unreachable, InTransit):
                self._say_silence(True)
                self._look_for_cancel()
                time.sleep(_AGAIN_SECONDS)
            else:
                self._say_silence(False)
                return found

    def _say_silence(self, silent: bool) -> None:
        if silent and not self._silent:
            text = "The cluster does not answer; the run goes on there, and is followed again."
            self._job.emit(Note(level="warning", text=text))
        self._silent = silent

    # -- asking -------------------------------------------------------------------------------

    def _status(self) -> Sent:
        sent: Sent | None = self._patiently(lambda: self._client.sent(self._away.name))
        if sent is None:
            raise RunError(
                "The cluster does not know the run any more: it was started anew, or swept.",
                hint="Resume the run: it is sent again from its last checkpoint.",
            )
        return sent

    def _pass_on(self) -> None:
        self._look_for_cancel()
        asked = self._job.asked()
        if asked is not None and asked is not self._asked:
            self._asked = asked
            self._patiently(lambda: self._client.ask(self._away.name, asked.value))

    def _look_for_cancel(self) -> None:
        """Raises Stopped, once the job on the cluster is stopped, when the person wants that."""
        if self._job.asked() is not Request.CANCEL:
            return
        if self._away.name:
            try:
                self._stop()
            except Unreachable:
                text = (
                    "The cluster does not answer: the run may go on there. Stop it on the cluster."
                )
                self._job.emit(Note(level="warning", text=text))
        raise Stopped

    def _stop(self) -> None:
        self._client.stop(self._away.name)
        until = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < until:
            sent = self._client.sent(self._away.name)
            if sent is None or not sent.active:
                return
            time.sleep(LOOK_SECONDS)

    # -- how it can end otherwise -------------------------------------------------------------

    def _without_word(self) -> Failed:
        saved = [e.epoch for e in self._job.read_events() if isinstance(e, events.Saved)]
        safe = (f" Nothing is lost up to epoch {saved[-1]}: the run can be resumed from there."
                if saved and self._job.last.is_file() else "")  # fmt: skip
        why = self._why_not(self._status())
        self._away.heard_all = True
        self._away.write(self._job)
        return Failed(cause="killed", text=why + safe, detail=self._client.log(self._away.name))

    def _why_not(self, sent: Sent) -> str:
        """Why a job is over that said no last word, in its own words where there are any."""
        said = [line for line in self._client.log(self._away.name).splitlines() if _SIGN in line]
        if said:
            return said[-1].partition(_SIGN)[2]
        reason = sent.message.strip().splitlines()
        return f"The cluster ended the run: {reason[0] if reason else 'it does not say why.'}"


class Reader(threading.Thread):
    """Puts whole event lines into a queue as the cluster writes them, however often it is lost."""

    def __init__(
        self, client: Client, node: str, path: str, lines: queue.SimpleQueue[bytes], *, skip: int
    ) -> None:
        super().__init__(name="events", daemon=True)
        self._client, self._node, self._path, self._lines = client, node, path, lines
        self._heard = skip

    def run(self) -> None:
        while True:
            try:
                self._read()
            except RunError:  # silence, or not there yet
                time.sleep(_AGAIN_SECONDS / 4)

    def _read(self) -> None:
        """Follow one connection to its end; the file always comes from its beginning."""
        skip, rest = self._heard, b""
        for piece in self._client.stream(self._node, self._path):
            dropped = min(skip, len(piece))
            skip -= dropped
            rest += piece[dropped:]
            *whole, rest = rest.split(b"\n")
            for line in whole:
                self._lines.put(line)
                self._heard += len(line) + 1


def _failed(error: Exception) -> Failed:
    """The last word for an error on this side."""
    detail = "".join(traceback.format_exception(error))
    sys.stderr.write(detail)
    if isinstance(error, CVStudioError):
        weights = isinstance(error, WeightsMissing | UntrustedFile)
        text = f"{error.message} {error.hint}".strip()
        return Failed(cause="weights" if weights else "other", text=text, detail=detail)
    if isinstance(error, OSError):
        return Failed(cause="other", text=file_trouble(error), detail=detail)
    text = "CVStudio met an error that it does not know. The details show where."
    return Failed(cause="other", text=text, detail=detail)
