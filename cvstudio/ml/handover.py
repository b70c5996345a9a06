"""Batches handed from reader processes to the run through memory that both keep.

A batch that a reader puts into fresh shared memory costs both sides a page fault for each 4 kB and
an exchange of file handles for each tensor, at 640 px about a third of what an image costs to read.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psutil
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

log = logging.getLogger(__name__)

_LARGE = 1 << 16
"""Tensors from so many bytes on go through the kept memory, smaller ones through the pipe."""
_STEP = 64  # where a tensor may begin
_SHARE = 8
"""The kept memory takes at most this part of what is free."""

Numbered = tuple[int, list[Any]]
"""A batch's keys and the place of the kept memory that it is written to."""


@dataclass(frozen=True)
class _Lent:
    """Where in its place a tensor lies: first byte, shape as it lies there, and how to turn it."""

    begin: int
    shape: tuple[int, ...]
    dtype: torch.dtype
    back: tuple[int, ...]


@dataclass(frozen=True)
class _Parcel:
    """A batch as it goes through the pipe; its large tensors lie at a place of the memory."""

    place: int
    content: Any


class ReadBatches(Dataset[Any]):
    """Whole batches of a dataset, made by readers; `unpacked` makes tensors of them again."""

    def __init__(self, dataset: Any, collate: Callable[[list[Any]], Any]) -> None:
        self._dataset, self._collate = dataset, collate
        self._memory: torch.Tensor | None = None

    def keep_memory(self, first: Sequence[Any], *, batch: int, places: int) -> None:
        """Take the memory, before the readers start: `places` times a batch like that of `first`.

        Without enough of it batches go in the usual way. Raises what reading `first` raises.
        """
        if self._memory is not None or not first:
            return
        tensors = _tensors(self._collate([self._dataset[first[0]]]))
        room = sum(_up(tensor.nbytes) for tensor in tensors) * batch
        if not room or room * places > psutil.virtual_memory().available / _SHARE:
            return
        try:
            memory = torch.empty((places, room), dtype=torch.uint8)
            self._memory = memory.share_memory_()  # type: ignore[no-untyped-call]
        except RuntimeError as error:  # a container with little of /dev/shm
            log.info("batches go through fresh memory: %s", error)

    def __getitem__(self, numbered: Numbered) -> Any:
        place, keys = numbered
        batch = self._collate([self._dataset[key] for key in keys])
        if self._memory is None:
            return batch
        packing = _Packing(self._memory[place])
        return _Parcel(place, _mapped(batch, packing.packed))

    def unpacked(self, batch: Any, *, pinned: bool) -> Any:
        """The batch with tensors of its own, `pinned` for the way to a card."""
        content, memory = batch, None
        if isinstance(batch, _Parcel):
            assert self._memory is not None
            content, memory = batch.content, self._memory[batch.place]

        def own(part: Any) -> Any:
            tensor = _unpacked(part, memory)
            return tensor.pin_memory() if pinned and isinstance(tensor, torch.Tensor) else tensor

        return _mapped(content, own)


class Places(Sampler[Numbered]):
    """Each batch of keys with the next of `places` places, round and round over all epochs."""

    def __init__(self, batches: Any, places: int) -> None:
        self._batches, self._places, self._next = batches, places, 0

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Numbered]:
        for keys in self._batches:
            yield self._next, keys
            self._next = (self._next + 1) % self._places


@dataclass(frozen=True)
class _Small:
    """A tensor that goes through the pipe as it is."""

    array: NDArray[Any]


class _Packing:
    """Writes the tensors of one batch into a place, one behind the other."""

    def __init__(self, memory: torch.Tensor) -> None:
        self._memory, self._used = memory, 0

    def packed(self, part: Any) -> Any:
        """What stands for a tensor in the pipe; other things stay what they are."""
        if not isinstance(part, torch.Tensor):
            return part
        if part.nbytes < _LARGE:
            return _Small(part.numpy())
        end = self._used + part.nbytes
        if end > self._memory.numel():
            return part  # more than the first images had: in the usual way
        strides = part.stride()
        order = sorted(range(part.dim()), key=lambda side: (-strides[side], side))
        dense = part.permute(order).contiguous()
        self._memory[self._used : end].copy_(dense.view(-1).view(torch.uint8))
        back = tuple(order.index(side) for side in range(part.dim()))
        lent = _Lent(self._used, tuple(dense.shape), part.dtype, back)
        self._used = _up(end)
        return lent


def _unpacked(part: Any, memory: torch.Tensor | None) -> Any:
    if isinstance(part, _Lent):
        assert memory is not None
        end = part.begin + math.prod(part.shape) * part.dtype.itemsize
        there = memory[part.begin : end].view(part.dtype).view(part.shape)
        return there.clone().permute(part.back)
    return torch.from_numpy(part.array) if isinstance(part, _Small) else part


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same lists, tuples and dicts with each leaf changed."""
    if isinstance(value, dict):
        return {name: _mapped(part, change) for name, part in value.items()}
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(_mapped(part, change) for part in value)
    return change(value)


def _tensors(batch: Any) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []

    def note(part: Any) -> Any:
        if isinstance(part, torch.Tensor):
            found.append(part)
        return part

    _mapped(batch, note)
    return found


def _up(count: int) -> int:
    return -(-count // _STEP) * _STEP
