"""Batches of items on their way to a network: in which order, and who reads them."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import psutil
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from cvstudio.core.opencv import cv2
from cvstudio.ml.data import Key
from cvstudio.ml.handover import Collate, Places, ReadBatches, Stack, stack
from cvstudio.ml.pace import Pace
from cvstudio.ml.preprocess import Image
from cvstudio.ml.sampling import Order, Pick
from cvstudio.ml.tiles import most_at_once


class Batches(Sampler[list[Key]]):
    """The batches of an epoch, in the order of a training; others set `epoch` and `start`.

    Without an order, images of one size follow each other; `bounded` keeps a batch of whole images
    below tiles.WHOLE pixels. `start` leaves out the batches that an interrupted epoch has already
    seen. A last batch of one image is dropped while training: batch normalisation cannot learn from
    it. `part` (nth, of) takes every of-th image, from the nth, of batches `of` times as large.
    """

    def __init__(
        self,
        sizes: Sequence[tuple[int, int]],
        batch: int,
        *,
        order: Order | None,
        bounded: bool = False,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        self._sizes, self._batch, self._order, self._bounded = sizes, batch, order, bounded
        self._nth, self._of = part
        self.epoch, self.start = 1, 0

    def __len__(self) -> int:
        return len(self._plan()) - self.start

    def __iter__(self) -> Iterator[list[Key]]:
        epoch = self.epoch
        for members in self._plan()[self.start :]:
            yield [(epoch, index, again) for index, again in members]

    def _plan(self) -> list[list[Pick]]:
        batch = self._batch
        if self._order is None:
            runs = _same_size_runs(self._sizes, batch, bounded=self._bounded)
            return [[(index, 0) for index in members] for members in runs]
        picks = self._order.epoch(self.epoch)
        whole = batch * self._of
        plan = [picks[at : at + whole] for at in range(0, len(picks), whole)]
        if len(plan) > 1 and len(plan[-1]) < 2 * self._of:
            plan.pop()
        return [members[self._nth :: self._of] for members in plan]


def _same_size_runs(
    sizes: Sequence[tuple[int, int]], batch: int, *, bounded: bool
) -> list[list[int]]:
    plan: list[list[int]] = []
    for index, size in enumerate(sizes):
        most = min(batch, most_at_once(*size)) if bounded else batch
        if plan and len(plan[-1]) < most and sizes[plan[-1][0]] == size:
            plan[-1].append(index)
        else:
            plan.append([index])
    return plan


_PREFETCHED = 4
"""So many batches each reader has ready or in work."""
_HELD = 4
"""So many more the run holds at once: the present one, the last one, one ahead, one to spare."""


class Loader:
    """Batches of a dataset from reader processes, or read here; for a card one ahead in a thread.

    `pace` clocks them. Close it when the run is over: readers must not outlive their job.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        batches: Batches,
        *,
        collate: Collate,
        workers: int,
        device: torch.device,
        batch_size: int,
    ) -> None:
        self.dataset, self.sampler, self.batch_size = dataset, batches, batch_size
        self.collate = collate
        self.drop_last, self.num_workers = False, workers
        self.pace = Pace(device)
        if workers:
            # Before they are forked: OpenCV's threads do not come along, and a reader that asks for
            # fewer would wait for them, or die.
            cv2.setNumThreads(1)
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        self._ahead = device.type != "cpu"
        self._device = device
        self._places = Places(batches, workers * _PREFETCHED + _HELD)
        self._batches = ReadBatches(dataset, collate)
        self._loader: DataLoader[Any] = DataLoader(
            self._batches,
            sampler=self._places,
            batch_size=None,  # items are batches
            num_workers=workers,
            collate_fn=_as_it_is,
            persistent_workers=workers > 0,
            multiprocessing_context=context if workers else None,
            worker_init_fn=_one_thread if workers else None,
            prefetch_factor=_PREFETCHED if workers else None,
            # Else each epoch draws from the generator that dropout uses, also an interrupted one.
            generator=torch.Generator(),
        )

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[Any]:
        if self.num_workers:
            first = next(iter(self.sampler), [])
            self._batches.keep_memory(first, batch=self.batch_size, places=self._places.count)
        pinned = self._device.type == "cuda"
        source = (
            self._batches.unpacked(each, self._places, pinned=pinned) for each in self._loader
        )
        return self.pace.batches(read_ahead(source, self._device) if self._ahead else source)

    def endless(self) -> Iterator[Any]:
        """The batches of epoch after epoch."""
        for epoch in count(1):
            self.sampler.epoch = epoch
            yield from self

    def reset(self) -> None:
        """Nothing is held between epochs that would have to be forgotten."""

    def close(self) -> None:
        """End the reader processes and wait for them."""
        iterator = getattr(self._loader, "_iterator", None)
        if iterator is not None and hasattr(iterator, "_shutdown_workers"):
            iterator._shutdown_workers()
        self._loader._iterator = None


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)
    if cv2.getNumThreads() != 1:  # started afresh: a forked one has it from its parent
        cv2.setNumThreads(1)


def _as_it_is(batch: Any) -> Any:
    return batch


def read_ahead(items: Iterator[Any], device: torch.device) -> Iterator[Any]:
    """The same items, the next one made in a thread while the present one is used.

    `device` is the one that the thread may pin memory for.
    """

    def begin() -> None:
        if device.type == "cuda":
            torch.cuda.set_device(device)

    end = object()
    with ThreadPoolExecutor(1, "read ahead", initializer=begin) as pool:
        waiting = pool.submit(next, items, end)
        while (item := waiting.result()) is not end:
            waiting = pool.submit(next, items, end)
            yield item


def stacked(
    items: list[tuple[Image, Any, int]], stack: Stack = stack
) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """A batch: images (n, h, w, channels), targets (n,), (n, k) or (n, h, w),
    places in the split."""
    images, targets, places = zip(*items, strict=True)
    return stack(images), stack(targets), list(places)


def readers(wanted: int, *, device: torch.device, kept: bool) -> int:
    """How many reader processes serve a run best.

    On the processor they would take cores from the network unless there are many. Where processes
    cannot inherit memory, images that are already kept are served faster by a thread.
    """
    cores = psutil.cpu_count() or 1
    if device.type != "cuda" and cores < 8:
        return 0
    if kept and sys.platform != "linux":
        return 0
    return min(wanted, max(cores - 1, 0))
