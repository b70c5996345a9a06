"""Images a second that come out of a run's loader, against decoding and augmenting them alone."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from cvstudio.augment import presets
from cvstudio.checks.figures import Figure
from cvstudio.core.annotation import Split, Task
from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import default_config
from cvstudio.core.opencv import cv2
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.snapshot import read_snapshot
from cvstudio.ml.freed_memory import keep_freed_memory
from cvstudio.ml.loading import Loader
from cvstudio.project import runs
from cvstudio.project.sample import create_sample

LIMIT = 0.95
WORKERS = 2
BATCH = 8
_TIMES = {Task.CLASSIFY: 4, Task.SEGMENT: 2}
"""So many times the images where they are read fast: in an epoch of a few batches, their start is
measured and not how fast they come. How long the start takes is a figure of its own."""


@dataclass(frozen=True)
class Work:
    """Images a second by the clock, and by it less the time that whoever reads waited for a core;
    seconds of processors for each image, and seconds until the first one was there."""

    speed: float
    undisturbed: float
    processor: float
    first: float


def loader(*, images: int, turns: int) -> Iterator[Figure]:
    """For each task: what readers deliver against one process times their number."""
    # The process that takes the batches needs a core of its own.
    workers = max(min(WORKERS, (os.cpu_count() or 1) - 1), 1)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)  # as in the readers
    keep_freed_memory()  # as every job does, on both sides: else what came before decides
    try:
        for task in Task:
            own = images * _TIMES.get(task, 1)
            yield from _of_task(task, images=own, turns=turns, workers=workers)
    finally:
        torch.set_num_threads(threads)


def _of_task(task: Task, *, images: int, turns: int, workers: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as scratch:
        with create_sample(Path(scratch) / "project", task, images=images) as project:
            config = default_config(task).model_copy(
                update={
                    "batch": BATCH, "cache_images": False, "device": "cpu",
                    "augmentation": presets.default_steps(task),
                }
            )  # fmt: skip
            job = runs.job_of(runs.create_run(project, config))
        bare = _train_loader(job, config)
        ready = Loader(
            bare.dataset, bare.sampler, collate=bare.collate, workers=workers,
            device=torch.device("cpu"), batch_size=BATCH,
        )  # fmt: skip
        alone: list[Work] = []
        read: list[Work] = []
        try:
            _epoch(ready, 1)  # the readers start, files lie in the cache
            readers = [child.pid for child in psutil.Process().children(recursive=True)]
            for turn in range(turns):
                keys = [key for batch in _keys(bare, turn + 2) for key in batch]
                for with_readers in (True, False) if turn % 2 else (False, True):
                    if with_readers:
                        read.append(_measured(_counted(ready, turn + 2), readers))
                    else:
                        alone.append(_measured(bare.dataset[key] for key in keys))
        finally:
            ready.close()
            bare.close()
    pairs = list(zip(alone, read, strict=True))
    ratio = statistics.median(b.speed / (a.speed * workers) for a, b in pairs)
    quiet = statistics.median(b.undisturbed / (a.undisturbed * workers) for a, b in pairs)
    work = statistics.median(b.processor / a.processor for a, b in pairs)
    speeds = [statistics.median(each.speed for each in side) for side in (read, alone)]
    first = statistics.median(each.first for each in read)
    words = f"{speeds[0]:.0f} images/s against {speeds[1]:.0f} x {workers}"
    return [
        Figure(f"{task}: {workers} readers, of alone x {workers}", ratio, "x", LIMIT, at_least=True,
               detail=f"{words}, load {os.getloadavg()[0]:.1f}"),
        Figure(f"{task}: the same, less waiting for a core", quiet, "x", LIMIT, at_least=True),
        Figure(f"{task}: processor time per image, against alone", work, "x", 1 / LIMIT),
        Figure(f"{task}: until the first batch of an epoch is there", first * 1000, "ms",
               detail=f"a batch takes {BATCH / speeds[1] * 1000:.1f} ms alone"),
    ]  # fmt: skip


def _train_loader(job: JobDir, config: TrainConfig) -> Loader:
    """The loader of a run's training images, without readers."""
    from cvstudio.ml.engine.feeding import Feed, read_images
    from cvstudio.ml.engine.object_feed import object_loader
    from cvstudio.ml.engine.session import Session

    session = Session(job, config, read_snapshot(job.snapshot))
    device = torch.device("cpu")
    if config.task in (Task.CLASSIFY, Task.SEGMENT):
        return Feed(session, device).train
    read = read_images(session)
    return object_loader(session, read, Split.TRAIN, batch=BATCH, device=device)


def _keys(made: Loader, epoch: int) -> Sequence[Any]:
    made.sampler.epoch = epoch
    return list(made.sampler)


def _epoch(made: Loader, epoch: int) -> int:
    return sum(1 for _ in _counted(made, epoch))


def _counted(made: Loader, epoch: int) -> Iterable[int]:
    """One for each image that the loader has put into a batch."""
    sizes = [len(keys) for keys in _keys(made, epoch)]
    for size, _ in zip(sizes, made, strict=True):
        yield from range(size)


def _measured(items: Iterable[Any], reading: Sequence[int] = ()) -> Work:
    """How fast images come, and what they cost in this process and its readers; `reading` are the
    processes that read them, by default this one."""
    reading = reading or (os.getpid(),)
    before, waited, begun = _processor(), _waited(reading), time.perf_counter()
    iterator = iter(items)
    next(iterator)
    first = time.perf_counter() - begun
    count = 1 + sum(1 for _ in iterator)
    seconds = time.perf_counter() - begun
    late = (_waited(reading) - waited) / len(reading)
    spent = (_processor() - before) / count
    return Work(count / seconds, count / max(seconds - late, 1e-9), spent, first)


def _processor() -> float:
    me = psutil.Process()
    total = 0.0
    for process in (me, *me.children(recursive=True)):
        times = process.cpu_times()
        total += times.user + times.system
    return total


def _waited(processes: Sequence[int]) -> float:
    """Seconds that processes were ready to work and had no core; 0 where no system tells."""
    total = 0
    for process in processes:
        with suppress(OSError):
            total += int(Path(f"/proc/{process}/schedstat").read_text().split()[1])
    return total / 1e9
