"""Processes that train one network together, under torchrun or Ray Train; the first one writes.

Each takes its part of every batch, and gradients are added up before the weights move: N processes
with a batch of B learn what one with a batch of N x B does. A network's norms that average over a
batch do so over all of it on GPUs (SyncBatchNorm); gloo has no such norms, so on processors each
process averages over its own part.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import distributed, nn

from cvstudio.core.errors import ConfigError
from cvstudio.core.program import program

Value = TypeVar("Value")

PATIENCE = timedelta(hours=12)
"""How long processes wait for each other: the first may judge a whole data set alone."""
_NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK")


@dataclass
class Group:
    """The processes of a run, and which of them this one is; `size` 1 is a run on its own."""

    rank: int = 0
    size: int = 1
    local: int = 0
    """The place of this process on its computer: which of the GPUs is its own."""
    control: Any = None

    @property
    def chief(self) -> bool:
        """Whether this process tells, saves and decides."""
        return self.rank == 0

    @property
    def part(self) -> tuple[int, int]:
        """Which part of every batch this process takes, and of how many."""
        return self.rank, self.size

    def from_chief(self, value: Value) -> Value:
        """What the chief has in that place; every process must come by."""
        if self.size == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0, group=self.control)
        return box[0]

    @contextmanager
    def chief_first(self) -> Iterator[None]:
        """A block that the chief has left before the others enter it."""
        if self.size > 1 and not self.chief:
            distributed.barrier(group=self.control)
        yield
        if self.size > 1 and self.chief:
            distributed.barrier(group=self.control)

    def begin_alike(self, module: nn.Module) -> nn.Module:
        """The network with the chief's weights, and with norms that know of the other processes."""
        if self.size == 1:
            return module
        self.share_buffers(module)
        for value in module.parameters():
            distributed.broadcast(value.data, src=0)
        if next(module.parameters()).is_cuda:
            module = nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
        return module

    def share_buffers(self, module: nn.Module) -> None:
        """Give every process the chief's running means."""
        if self.size > 1:
            for value in module.buffers():
                distributed.broadcast(value, src=0)

    def mean_gradients(self, module: nn.Module, count: int) -> None:
        """Turn gradients of the mean over `count` images here into those over all processes'."""
        if self.size > 1:
            self._add_up(module, float(count))

    def sum_gradients(self, module: nn.Module) -> None:
        """Turn gradients of a sum over images into those of the sum over all processes'."""
        if self.size > 1:
            self._add_up(module, None)

    def _add_up(self, module: nn.Module, count: float | None) -> None:
        learning = [value for value in module.parameters() if value.requires_grad]
        for value in learning:
            if value.grad is None:
                value.grad = torch.zeros_like(value)
        gradients = [value.grad for value in learning if value.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        if count is None:
            distributed.all_reduce(flat)
        else:
            flat = torch.cat([flat * count, flat.new_tensor([count])])
            distributed.all_reduce(flat)
            flat = flat[:-1] / flat[-1]
        pieces = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, piece in zip(gradients, pieces, strict=True):
            gradient.copy_(piece.view_as(gradient))

    def leave(self) -> None:
        """Part from the others.

        No reference to torch's groups may remain: their threads end with the last one, and a
        thread that still frees a message while Python shuts down aborts the whole process.
        """
        if self.size > 1:
            self.control = None
            distributed.destroy_process_group()


ALONE = Group()


def devices_of(wanted: str) -> list[str]:
    """The devices that a config names: "cuda:0,1" are two."""
    kind, _, numbers = wanted.partition(":")
    return [f"{kind}:{number}" for number in numbers.split(",")] if numbers else [wanted]


def lead(directory: Path, count: int) -> int:
    """Start so many processes of this program for one run, and wait until all are over.

    This is torchrun, from within: what it starts is ended with it, and one that fails ends all.
    Returns 0 when every one of them did.
    """
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    options = ["--standalone", f"--nproc-per-node={count}", "--no-python"]
    try:
        arguments = parse_args([*options, *program("worker", str(directory))])  # type: ignore[no-untyped-call]
        run(arguments)  # type: ignore[no-untyped-call]
    except ChildFailedError:
        return 1
    return 0


def join() -> Group:
    """The group that the environment of torchrun or Ray Train describes; this process alone when
    there is none.

    The variables are taken away: libraries that read them would train in their own way.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE
    rank, size, local = (int(os.environ.pop(name)) for name in _NAMES)
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    if not distributed.is_initialized():  # Ray Train has made the group already
        distributed.init_process_group(backend, rank=rank, world_size=size, timeout=PATIENCE)
    control = distributed.new_group(backend="gloo", timeout=PATIENCE)
    return Group(rank, size, local, control)


def device_for(wanted: str, group: Group) -> str:
    """The device of this process among those of a config: "cuda:1" of "cuda:0,1".

    Raises ConfigError when there are more processes than devices.
    """
    if wanted == "auto" and group.size > 1 and torch.cuda.is_available():
        wanted = "cuda:" + ",".join(str(n) for n in range(torch.cuda.device_count()))
    devices = devices_of(wanted)
    if group.size == 1 or not devices[0].startswith("cuda"):
        return devices[0]
    if group.local >= len(devices):
        raise ConfigError(
            f"{group.size} processes were started for {len(devices)} GPUs.",
            hint="Start as many as the device setting names.",
        )
    return devices[group.local]
