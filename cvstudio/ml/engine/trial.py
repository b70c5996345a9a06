"""A trial batch: a few real steps of a recipe, timed, before a run of it is made."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from statistics import median

import psutil
import torch

from cvstudio.core.annotation import Split
from cvstudio.core.config import TryBatchConfig
from cvstudio.core.events import Outcome
from cvstudio.core.jobdir import JobDir
from cvstudio.core.snapshot import Snapshot, SnapshotImage, read_snapshot
from cvstudio.core.trial import Trial, write_trial
from cvstudio.ml.devices import device_of, load_of, name_of
from cvstudio.ml.engine.batch_size import decide, stepping_of
from cvstudio.ml.engine.session import Cancelled, Session
from cvstudio.ml.failures import is_out_of_memory, out_of_memory

_AHEAD = 2
"""Batches that each reader holds ready before the first step: they would make steps look fast."""


def run_try_batch(job: JobDir, config: TryBatchConfig) -> Outcome:
    """The try-batch job: what a step takes goes to trial.json, and nothing that is learned is kept.

    The snapshot lies in the job's directory, as for a run; of its images a few batches are read.
    Raises JobFailure when the memory does not hold a step.
    """
    began = time.perf_counter()
    whole = read_snapshot(job.snapshot)
    session = Session(job, config.train, whole)
    session.whole_batches = True
    device = device_of(session.device_name)
    try:
        decide(session)
        session.snapshot = _some(whole, session, config.steps)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        with stepping_of(session)(session) as step:
            session.phase("Trying a batch")
            memory = _Memory(device)
            took: list[float] = []
            start = 0.0
            for number in range(config.steps + 1):
                before = time.perf_counter()
                step(session.config.learning_rate)
                memory.look()
                now = time.perf_counter()
                if number:
                    took.append(now - before)
                else:
                    start = now - began
                session.progress(number, config.steps)
                if took and now - began - start > config.seconds:
                    break
            memory.look()
    except Cancelled:
        return Outcome.CANCELLED
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise out_of_memory(
                "a trial batch", session.config.batch, device_type=device.type
            ) from error
        raise
    trial = Trial(
        device=name_of(device), batch=session.config.batch, images=_images(session),
        steps=len(took), seconds=_typical(took), start=start, memory=memory.most,
        memory_total=memory.total,
    )  # fmt: skip
    write_trial(job, trial)
    session.note(
        f"A step of {trial.images} images takes {trial.seconds:.2f} s:"
        f" {trial.images_per_second:.1f} images a second."
    )
    return Outcome.FINISHED


def _typical(took: list[float]) -> float:
    """The time of a step. Readers that fall behind hold up some steps and not others: the mean
    counts those; the first half, when all was read ahead, is left out where there are enough."""
    late = took[len(took) // 2 :] if len(took) >= 6 else took
    return max(sum(late) / len(late), median(took))


def _images(session: Session) -> int:
    """The images that a step learned from."""
    config = session.config
    together = 1 if session.info.family == "ultralytics" else config.accumulate
    return config.batch * together


def _some(whole: Snapshot, session: Session, steps: int) -> Snapshot:
    """A snapshot with as many images as the steps need: a run would read or keep all of them."""
    config = session.config
    ahead = _AHEAD * max(config.workers, 1)
    count = _images(session) * (steps + ahead + 1)
    chosen: list[SnapshotImage] = []
    for split, most in ((Split.TRAIN, count), (Split.VAL, config.batch)):
        images = list(whole.of(split))
        random.Random(0).shuffle(images)
        chosen += images[:most]
    return replace(whole, images=tuple(chosen))


class _Memory:
    """The most memory that was in use whenever somebody looked."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._me = psutil.Process()
        self.most = self.total = 0

    def look(self) -> None:
        """Look how much is in use now; a GPU keeps its own account of the most."""
        load = load_of(self._device)
        self.total = load.memory_total
        used = load.memory
        if self._device.type == "cuda":
            used = int(torch.cuda.max_memory_reserved(self._device))
        elif self._device.type == "cpu":
            used += sum(map(_own, self._me.children(recursive=True)))
        self.most = max(self.most, used)


def _own(process: psutil.Process) -> int:
    """What a reader holds that it does not share; 0 when it is gone."""
    try:
        info = process.memory_info()
    except psutil.NoSuchProcess:
        return 0
    return int(max(info.rss - getattr(info, "shared", 0), 0))
