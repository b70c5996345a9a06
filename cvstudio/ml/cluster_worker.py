"""One of the workers that Ray Train starts for a run: it trains as `cvstudio worker` does.

Each has a run directory of its own, laid out from the bundle; they share no disk. The first one's
events and files go to the post (cluster_post.py) as they come, and the person's requests come back.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray
import ray.train

import cvstudio
from cvstudio.core import events
from cvstudio.core.jobdir import JobDir, Request, write_json
from cvstudio.core.snapshot import copy_snapshot
from cvstudio.core.words import counted
from cvstudio.ml.cluster_post import NAMESPACE, PIECE_BYTES
from cvstudio.ml.engine.together import PATIENCE as PATIENCE
from cvstudio.ml.failures import tells_of_loss

_LOOK_SECONDS = 0.25
_NEEDS_FILES = (events.Saved, events.Samples)
"""Events that speak of files: these are at the post before."""
_LAST_WORDS = (events.Ended, events.Failed)
_FILES = (
    "environment.json", "checkpoints/best.pt", "checkpoints/last.pt", "report.json", "run.log",
    "predictions/*.jsonl.gz",
)  # fmt: skip


class WorkerLost(RuntimeError):
    """Another worker of the run is gone: Ray Train begins again from the last checkpoint."""


class TrainingFailed(RuntimeError):
    """The run cannot be done, as its last word at the post says."""


def bundle() -> Path:
    """The folder that was sent: this very program lies in it."""
    return Path(cvstudio.__file__).parent.parent


def train_loop(sent: dict[str, Any]) -> None:
    """Train as one of the group that Ray Train has made.

    Raises WorkerLost and TrainingFailed, which end the whole group; the next group finds the last
    word at the post and ends at once, or goes on from the checkpoint that lies there.
    """
    post: Any = ray.get_actor(sent["name"], namespace=NAMESPACE)
    if ray.get(post.over.remote()):
        return
    context = ray.train.get_context()
    rank, size = context.get_world_rank(), context.get_world_size()
    place = Path(tempfile.gettempdir()) / f"{sent['name']}-{rank}"
    shutil.rmtree(place, ignore_errors=True)
    try:
        job = _laid_out(place, post)
        _train(job, post, rank=rank, size=size)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _train(job: JobDir, post: Any, *, rank: int, size: int) -> None:
    from cvstudio.ml.worker import run_job

    if size == 1:
        for variable in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
            os.environ.pop(variable, None)  # libraries that read them would train in their own way
    relay = Relay(job, post, size=size) if rank == 0 else None
    if relay is not None:
        _say_it_goes_on(job, ray.get(post.begin.remote()), size)
        relay.start()
    code = run_job(job.path)
    if relay is not None:
        relay.stop()
    word = next((e for e in reversed(list(job.read_events())) if isinstance(e, _LAST_WORDS)), None)
    lost = isinstance(word, events.Failed) and tells_of_loss(word)
    if word is not None and not lost:
        if relay is not None:
            relay.upload()
        line = events.to_line(word) + "\n"
        ray.get(post.tell.remote(line.encode(), last=True))
    if lost:
        raise WorkerLost("another worker of this run is gone")
    if code:
        raise TrainingFailed("the training failed; its last event says why")


def _laid_out(place: Path, post: Any) -> JobDir:
    """A run directory for this worker, from the bundle and from what an earlier group has saved."""
    source, job = bundle(), JobDir(place / "run")
    job.checkpoints.mkdir(parents=True)
    home = place / "home"
    (home / "weights").mkdir(parents=True)
    os.environ["CVSTUDIO_HOME"] = str(home)
    for file in (source / "weights").glob("*"):
        (home / "weights" / file.name).symlink_to(file)
    settings = json.loads((source / job.config.name).read_bytes())
    if settings["weights_file"] is not None:
        settings["weights_file"] = str(source / settings["weights_file"])
    write_json(job.config, settings)
    copy_snapshot(source / job.snapshot.name, job.snapshot, lambda path: str(source / path))
    saved = ray.get(post.sizes.remote())
    names = [path.relative_to(job.path).as_posix() for path in (job.last, job.best)]
    for name in names:
        if name in saved:
            with (job.path / name).open("wb") as stream:
                stream.writelines(_pieces(post, name))
        elif not saved.keys() & set(names) and (source / name).is_file():
            shutil.copy2(source / name, job.path / name)
    return job


def _pieces(post: Any, name: str) -> Iterator[bytes]:
    offset = 0
    while piece := ray.get(post.piece.remote(name, offset)):
        yield piece
        offset += len(piece)


def _say_it_goes_on(job: JobDir, group: int, size: int) -> None:
    if group > 1:
        where = "its last checkpoint" if job.last.is_file() else "the beginning"
        text = f"A worker of the cluster was lost: {counted(size, 'worker')} went on from {where}."
        job.emit(events.Note(level="warning", text=text))


class Relay(threading.Thread):
    """Carries what the first worker says and saves to the post, and requests back."""

    def __init__(self, job: JobDir, post: Any, *, size: int) -> None:
        super().__init__(name="relay", daemon=True)
        self._job, self._post, self._size = job, post, size
        self._end = threading.Event()
        self._offset = 0
        self._sent: dict[str, tuple[int, int]] = {}

    def run(self) -> None:
        while not self._end.wait(_LOOK_SECONDS):
            self._carry()
        self._carry()

    def stop(self) -> None:
        """Carry what is left but the last word, and end."""
        self._end.set()
        self.join()

    def upload(self) -> None:
        """Bring every file that is new since the last time."""
        for pattern in _FILES:
            for path in sorted(self._job.path.glob(pattern)):
                name = path.relative_to(self._job.path).as_posix()
                with path.open("rb") as stream:
                    found = os.fstat(stream.fileno())
                    seen = (found.st_mtime_ns, found.st_size)
                    if self._sent.get(name) != seen:
                        self._put(name, stream, found.st_size)
                        self._sent[name] = seen

    def _put(self, name: str, stream: Any, size: int) -> None:
        left, first = size, True
        while first or left:
            piece = stream.read(min(PIECE_BYTES, left))
            left -= len(piece)
            last = left == 0 or not piece
            ray.get(self._post.put.remote(name, piece, first=first, last=last))
            first = False
            if last:
                return

    def _carry(self) -> None:
        lines = self._new_lines()
        if any(isinstance(event, _NEEDS_FILES) for event in lines):
            self.upload()
        told = [events.to_line(self._placed(e)) + "\n" for e in lines
                if not isinstance(e, _LAST_WORDS)]  # fmt: skip
        if told:
            ray.get(self._post.tell.remote("".join(told).encode()))
        asked = ray.get(self._post.asked.remote())
        if asked and self._job.asked() is None:
            self._job.ask(Request(asked))

    def _new_lines(self) -> list[events.AnyEvent]:
        try:
            with self._job.events.open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read()
        except FileNotFoundError:
            return []
        end = data.rfind(b"\n") + 1
        self._offset += end
        return [events.from_line(line) for line in data[:end].splitlines()]

    def _placed(self, event: events.AnyEvent) -> events.AnyEvent:
        if not isinstance(event, events.Started):
            return event
        words = f"{counted(self._size, 'worker')} of the cluster, {event.device}"
        return event.model_copy(update={"device": words})
