"""Batches handed from reader processes to the run through memory that both keep.

A batch that a reader puts into fresh shared memory costs both sides a page fault for each 4 kB and
an exchange of file handles for each tensor, at 640 px about a third of what an image costs to read.
Here a reader stacks images where the run then sees them: nothing is copied twice. A place of the
memory is written to again only when no tensor of the batch that lay there is left.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
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
NOWHERE = -1
"""In the place of a batch that finds none free: it goes in the usual way."""

Stack = Callable[[Sequence[Any]], torch.Tensor]
"""Arrays or tensors of one shape (...) as one tensor (n, ...)."""
Collate = Callable[[list[Any], Stack], Any]
"""Makes a batch of items; what is stacked by the given function is not copied again."""
Numbered = tuple[int, list[Any]]
"""A batch's keys and the place of the kept memory that it is written to."""


def stack(parts: Sequence[Any]) -> torch.Tensor:
    """Arrays or tensors of one shape (...) as one tensor (n, ...), in memory of its own."""
    arrays = [np.asarray(part) for part in parts]
    found = np.empty((len(arrays), *arrays[0].shape), arrays[0].dtype)
    return torch.from_numpy(np.stack(arrays, out=found))


@dataclass(frozen=True)
class _Lent:
    """Where in its place a tensor lies: first byte, and shape, strides and type of its values."""

    begin: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype


@dataclass(frozen=True)
class _Parcel:
    """A batch as it goes through the pipe; its large tensors lie at a place of the memory."""

    place: int
    content: Any


class ReadBatches(Dataset[Any]):
    """Whole batches of a dataset, made by readers; `unpacked` makes tensors of them again."""

    def __init__(self, dataset: Any, collate: Collate) -> None:
        self._dataset, self._collate = dataset, collate
        self._memory: torch.Tensor | None = None

    def keep_memory(self, first: Sequence[Any], *, batch: int, places: int) -> None:
        """Take the memory, before the readers start: `places` times a batch like that of `first`.

        Without enough of it batches go in the usual way. Raises what reading `first` raises.
        """
        if self._memory is not None or not first:
            return
        tensors = _tensors(self._collate([self._dataset[first[0]]], stack))
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
        items = [self._dataset[key] for key in keys]
        if self._memory is None or place == NOWHERE:
            return self._collate(items, stack)
        packing = _Packing(self._memory[place])
        return _Parcel(place, _mapped(self._collate(items, packing.stack), packing.packed))

    def unpacked(self, batch: Any, places: Places, *, pinned: bool) -> Any:
        """The batch with tensors of its own, `pinned` for the way to a card."""
        content, memory = batch, None
        if isinstance(batch, _Parcel):
            assert self._memory is not None
            content, memory = batch.content, places.lend(batch.place, self._memory)

        def own(part: Any) -> Any:
            tensor = _unpacked(part, memory)
            return tensor.pin_memory() if pinned and isinstance(tensor, torch.Tensor) else tensor

        return _mapped(content, own)


class Places(Sampler[Numbered]):
    """Each batch of keys with a free one of `count` places of the kept memory.

    A place is taken while a reader has it or its batch is on the way, and as long as any tensor
    that was made of it lives.
    """

    def __init__(self, batches: Any, count: int) -> None:
        self._batches, self.count = batches, count
        self._sent: set[int] = set()
        self._lent: set[int] = set()

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Numbered]:
        # The readers have by now done what an epoch that was broken off had asked them for.
        self._sent.clear()
        for keys in self._batches:
            place = self._free()
            self._sent.add(place)
            yield place, keys

    def _free(self) -> int:
        taken = self._sent | self._lent
        return next((place for place in range(self.count) if place not in taken), NOWHERE)

    def lend(self, place: int, memory: torch.Tensor) -> torch.Tensor:
        """A batch's part of the memory, which is taken until the last tensor made of it is gone."""
        # A tensor keeps the array that it is made of, through all views and whoever holds them.
        array = memory[place].numpy()
        self._lent.add(place)
        self._sent.discard(place)
        weakref.finalize(array, self._lent.discard, place).atexit = False
        return torch.from_numpy(array)


@dataclass(frozen=True)
class _Small:
    """A tensor that goes through the pipe as it is."""

    array: NDArray[Any]


class _Packing:
    """Writes the tensors of one batch into a place, one behind the other."""

    def __init__(self, memory: torch.Tensor) -> None:
        self._memory, self._used = memory, 0
        self._begin = memory.data_ptr()

    def stack(self, parts: Sequence[Any]) -> torch.Tensor:
        """Parts of one shape stacked at the place; elsewhere where they are small or do not fit."""
        arrays = [np.asarray(part) for part in parts]
        first = arrays[0]
        if first.nbytes * len(arrays) < _LARGE:
            return stack(arrays)
        dtype = torch.from_numpy(np.empty(0, first.dtype)).dtype
        found = self._room((len(arrays), *first.shape), dtype)
        if found is None:
            return stack(arrays)
        for there, array in zip(found.numpy(), arrays, strict=True):
            there[...] = array  # for images of 224 px half the time of numpy.stack
        return found

    def packed(self, part: Any) -> Any:
        """What stands for a tensor in the pipe; other things stay what they are."""
        if not isinstance(part, torch.Tensor):
            return part
        if part.nbytes < _LARGE:
            return _Small(part.numpy())
        begin = part.data_ptr() - self._begin
        if not 0 <= begin < self._memory.numel():
            strides = part.stride()
            order = sorted(range(part.dim()), key=lambda side: (-strides[side], side))
            found = self._room(tuple(part.shape[side] for side in order), part.dtype)
            if found is None:
                return part  # more than the first images had: in the usual way
            back = [order.index(side) for side in range(part.dim())]
            begin = found.data_ptr() - self._begin
            part = found.permute(back).copy_(part)
        return _Lent(begin, tuple(part.shape), part.stride(), part.dtype)

    def _room(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor | None:
        """A tensor of that shape in what is free of the place; None where too little is."""
        end = self._used + int(np.prod(shape)) * dtype.itemsize
        if end > self._memory.numel():
            return None
        there = self._memory[self._used : end].view(dtype).view(shape)
        self._used = _up(end)
        return there


def _unpacked(part: Any, memory: torch.Tensor | None) -> Any:
    if isinstance(part, _Lent):
        assert memory is not None
        values = memory.view(part.dtype)  # a place is a multiple of _STEP bytes
        return values.as_strided(part.shape, part.strides, part.begin // part.dtype.itemsize)
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
