"""What this computer can train on, found without torch: nvidia-smi, else the processor's name."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass, replace
from typing import Literal

import psutil

from cvstudio.core import nvidia
from cvstudio.core.computer import processor_name
from cvstudio.core.errors import ConfigError


@dataclass(frozen=True)
class Device:
    """A place where networks are trained. Memory in bytes; `busy` is 0 to 1 where it is known."""

    kind: Literal["cuda", "mps", "cpu"]
    name: str
    """As a person would name it: "RTX 4070", "Apple M2", "processor"."""
    memory: int
    used: int
    busy: float | None = None
    place: str = "cpu"
    """What a config calls it: "cuda:0", "mps", "cpu"."""
    others: tuple[Device, ...] = ()
    """Further GPUs that a run can be sent to by their place."""
    unused: str = ""
    """The name of an NVIDIA card that the installed torch cannot use."""

    @property
    def title(self) -> str:
        """For the header: "RTX 4070 · 5.1 of 12 GB"."""
        return f"{self.name} · {self.used / 2**30:.1f} of {self.memory / 2**30:.0f} GB"


def detect() -> Device:
    """The device that "auto" will take. Call it off the window's thread: nvidia-smi may be slow."""
    cards = nvidia.cards()
    if not cards:
        return processor()
    if not nvidia.torch_has_cuda():
        return replace(processor(), unused=cards[0].name)
    gpus = [
        Device("cuda", card.name, card.memory, card.used, card.busy, place=f"cuda:{place}")
        for place, card in enumerate(cards)
    ]
    return replace(gpus[0], others=tuple(gpus[1:]))


def processor() -> Device:
    """The processor with the computer's memory; on a new Mac, its GPU, which shares the memory."""
    memory = psutil.virtual_memory()
    used = memory.total - memory.available
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return Device("mps", processor_name(), memory.total, used, place="mps")
    return Device("cpu", processor_name(), memory.total, used)


def for_config(wanted: str, found: Device) -> Device:
    """The device that a config's `device` means on this computer.

    Raises ConfigError when there is no such device.
    """
    if wanted == "auto":
        return found
    if wanted == "cpu":
        return replace(processor(), kind="cpu", place="cpu")
    place = "cuda:0" if wanted == "cuda" else wanted
    there = [device for device in (found, *found.others) if device.kind != "cpu"]
    match = next((device for device in there if device.place == place), None)
    if match is not None:
        return match
    if place == "mps":
        raise ConfigError("This computer has no GPU of Apple's.")
    if found.kind != "cuda":
        raise ConfigError("There is no NVIDIA GPU that can be used on this computer.")
    count = len(there)
    raise ConfigError(f"There is no {place}: this computer has {count} GPU{'s'[: count != 1]}.")


def choices(found: Device | None) -> list[tuple[str, str]]:
    """What a person can choose from: the config's value, and the device's name."""
    offered = [("auto", "GPU if there is one"), ("cpu", "Processor")]
    if found is None or found.kind == "cpu":
        return offered
    gpus = (found, *found.others)
    numbered = len(gpus) > 1
    for place, gpu in enumerate(gpus):
        name = "Apple GPU" if gpu.kind == "mps" else gpu.name
        offered.append((gpu.place, f"{name}, GPU {place}" if numbered else name))
    return offered


def cores() -> int:
    """How many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
