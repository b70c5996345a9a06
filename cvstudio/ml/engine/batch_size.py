"""The batch of a run whose batch is automatic: as many images as the GPU's memory holds.

Memory grows with the images of a step by the same amount each: two small batches of the run's own
network and settings tell how much, and the batch that follows is tried once.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch

from cvstudio.core.annotation import Split, Task
from cvstudio.core.batch_rule import AUTOMATIC, most, on_processor, power_of_two
from cvstudio.core.recipe import TrainConfig
from cvstudio.ml.checkpoint import read_checkpoint
from cvstudio.ml.devices import device_of
from cvstudio.ml.engine.session import Session
from cvstudio.ml.failures import JobFailure, is_out_of_memory

FREE = 0.2
"""Share of the memory that stays free: for judging, for fragments, for other programs."""
_SMALL, _LARGER = 2, 4
_GB = 2**30

Measure = Callable[[int], int | None]
"""The most bytes that a step of so many images takes; None when the memory did not hold it."""


def decide(session: Session) -> None:
    """Give a session whose batch is automatic the batch that it works with, and say which.

    A run that goes on keeps the batch that it began with. In a group the chief decides.
    """
    if session.config.batch != AUTOMATIC:
        return
    batch, why = session.group.from_chief(_decided(session) if session.group.chief else (0, ""))
    session.config = session.config.model_copy(update={"batch": batch})
    session.note(f"Batch {batch}: {why}")


def _decided(session: Session) -> tuple[int, str]:
    """The batch, and why in words."""
    if session.job.last.is_file():
        kept = read_checkpoint(session.job.last).config.batch
        if kept != AUTOMATIC:
            return kept, "as before the interruption."
    config, device = session.config, device_of(session.device_name)
    images = len(session.snapshot.of(Split.TRAIN))
    top = most(images, accumulate=config.accumulate, processes=session.group.size)
    if device.type != "cuda":
        batch = on_processor(config.image_size, top)
        if batch == top:
            return batch, "more would leave an epoch fewer than eight steps."
        return batch, "a larger one saves no time without a GPU."
    session.phase("Looking how many images the memory holds")
    free = torch.cuda.mem_get_info(device)[0]
    batch, need = fitting(lambda size: peak_on_cuda(session, size, device), free=free, top=top)
    told = f"{need / _GB:.1f} of {free / _GB:.1f} GB free GPU memory"
    if batch == top:
        return batch, f"more would leave an epoch fewer than eight steps. It takes {told}."
    return batch, f"it takes {told}."


def fitting(measure: Measure, *, free: int, top: int) -> tuple[int, int]:
    """The largest power of two up to `top` whose step leaves a fifth of `free` bytes, and the bytes
    that it takes; 1 where even that is not held."""
    room = free * (1 - FREE)
    small = measure(_SMALL)
    if small is None:
        return 1, 0
    larger = measure(_LARGER) if top > _SMALL else None
    if larger is None:
        return min(_SMALL, top), small
    each = max((larger - small) / (_LARGER - _SMALL), 1.0)
    whole = small - _SMALL * each
    batch = min(power_of_two(int(max((room - whole) / each, 1.0))), top)
    while batch > _LARGER:
        need = measure(batch)
        if need is not None and need <= room:
            return batch, need
        batch //= 2
    return (batch, larger if batch == _LARGER else small) if batch > 1 else (1, small)


def trial_config(config: TrainConfig, batch: int) -> TrainConfig:
    """A config whose step takes as much memory as the largest one of a run at that batch."""
    side = config.image_size
    if config.multi_scale:
        side = int(side * (1 + config.multi_scale)) // 32 * 32
    return config.model_copy(
        update={
            "batch": batch, "image_size": side, "first_size": 0, "multi_scale": 0.0,
            "accumulate": 1, "frozen_epochs": 0, "thaw_epochs": 0, "compile": False,
            "cache_images": False, "cache_on_disk": False, "workers": 0,
        }
    )  # fmt: skip


def peak_on_cuda(session: Session, batch: int, device: torch.device) -> int | None:
    """The most bytes that the second step of a new network takes: by then the optimiser has its
    state. None when the memory did not hold it.

    Nothing of the trial stays: its network is thrown away, and the run seeds itself afterwards.
    """
    here = session.config.model_copy(update={"device": str(device)})
    trial = Session(session.job, trial_config(here, batch), session.snapshot)
    trial.whole_batches = True
    before = torch.cuda.memory_allocated(device)
    try:
        with stepping_of(session)(trial) as step:
            step(session.config.learning_rate)
            torch.cuda.synchronize(device)
            torch.cuda.reset_peak_memory_stats(device)
            step(session.config.learning_rate)
            torch.cuda.synchronize(device)
            return int(torch.cuda.max_memory_allocated(device) - before)
    except (RuntimeError, JobFailure) as error:
        if is_out_of_memory(error) or getattr(error, "cause", "") == "out of memory":
            return None
        raise
    finally:
        gc.collect()
        torch.cuda.empty_cache()


def stepping_of(
    session: Session,
) -> Callable[[Session], AbstractContextManager[Callable[[float], float]]]:
    """What gives steps of a new network, of the engine that trains the session's network."""
    chosen: Any
    if session.config.task in (Task.CLASSIFY, Task.SEGMENT):
        from cvstudio.ml.engine.own import stepping as chosen
    elif session.info.family == "torchvision-detection":
        from cvstudio.ml.engine.detectors import stepping as chosen
    else:
        from cvstudio.ml.engine.yolo import stepping as chosen
    found: Callable[[Session], AbstractContextManager[Callable[[float], float]]] = chosen
    return found
