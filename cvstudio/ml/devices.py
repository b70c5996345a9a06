"""The devices that networks run on: choosing one, naming it, and how busy it is."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psutil
import torch

from cvstudio.core import nvidia
from cvstudio.core.errors import ConfigError
from cvstudio.core.recipe import Half, TrainConfig


def device_of(wanted: str) -> torch.device:
    """The device behind "auto", "cpu", "mps", "cuda" or "cuda:1".

    Raises ConfigError when this computer has no such device.
    """
    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda:0")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    device = torch.device(wanted)
    if device.type == "cuda":
        index = device.index or 0
        if index >= torch.cuda.device_count():
            raise ConfigError(
                f"This computer has no {wanted}: torch sees {torch.cuda.device_count()} GPUs.",
                hint='Choose "auto", which takes what there is.',
            )
        return torch.device("cuda", index)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("This computer has no GPU of Apple's.", hint='Choose "auto".')
    return device


def name_of(device: torch.device) -> str:
    """The device as a person would name it."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return "Apple GPU" if device.type == "mps" else "processor"


def half_type(device: torch.device) -> torch.dtype | None:
    """The half precision that a device computes in natively; None where float32 is better.

    torch emulates bfloat16 on cards before Ampere, slower than float32: they take float16.
    Processors gain nothing, and Apple's GPU is not reliable with either.
    """
    if device.type != "cuda":
        return None
    native = torch.version.hip is not None or torch.cuda.get_device_capability(device)[0] >= 8
    return torch.bfloat16 if native else torch.float16


def half_precision(config: TrainConfig, device: torch.device) -> torch.dtype | None:
    """The number format in which a run's network computes beside float32; None is float32 alone.

    A processor gains nothing unless it has units for bfloat16, so there it must be asked for.
    """
    if not config.mixed_precision:
        return None
    if device.type == "cpu":
        return torch.bfloat16 if config.half is Half.BFLOAT16 else None
    native = half_type(device)
    if native is None:
        return None
    wanted = {Half.BFLOAT16: torch.bfloat16, Half.FLOAT16: torch.float16}
    return wanted.get(config.half, native)


def half_refused(config: TrainConfig, half: torch.dtype | None) -> str:
    """Why a run does not compute in the half precision that was asked for by name; "" where it
    does."""
    asked = config.mixed_precision and config.half is not Half.AUTO
    if half is not None or not asked:
        return ""
    return f"{config.half.value} needs a GPU of NVIDIA or AMD: this run computes in float32."


def unused_card(device: torch.device, wanted: str) -> str:
    """Words for a run that is on the processor although there is an NVIDIA card; else ""."""
    if device.type != "cpu" or wanted != "auto":
        return ""
    cards = nvidia.cards()
    if not cards:
        return ""
    return nvidia.unused(cards[0].name, has_cuda=torch.version.cuda is not None)


@dataclass(frozen=True)
class Load:
    """Bytes in use and in all, and the share of time the GPU was busy (None where unknown)."""

    memory: int
    memory_total: int
    utilisation: float | None


_process = psutil.Process()


def load_of(device: torch.device) -> Load:
    """How full and how busy a device is; on the processor, the memory of this process."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return Load(total - free, total, _utilisation(device))
    if device.type == "mps":
        return Load(
            torch.mps.driver_allocated_memory(), int(torch.mps.recommended_max_memory()), None
        )
    return Load(_process.memory_info().rss, psutil.virtual_memory().total, None)


def _utilisation(device: torch.device) -> float | None:
    try:
        return float(torch.cuda.utilization(device)) / 100
    except (ModuleNotFoundError, RuntimeError):
        return None  # NVIDIA's management library is not there, or not for this card


def seed_everything(seed: int, *, deterministic: bool) -> None:
    """Seed Python, numpy and torch on every device; optionally refuse operations that vary."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  # libraries draw from the old generator
    torch.manual_seed(seed)
    # use_deterministic_algorithms would import torch's compiler first: three seconds of every job.
    torch.set_deterministic_debug_mode("warn" if deterministic else "default")
    # Each new tensor would be filled with not-a-number first.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.deterministic = deterministic
    torch.backends.cudnn.benchmark = not deterministic


def empty_cache(device: torch.device) -> None:
    """Give memory that the library keeps for later back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """Where the generators of the processor and the device stand, for a checkpoint."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state


def set_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    """Put the generators where random_state found them; a run may go on on another device."""
    torch.set_rng_state(state["cpu"])
    setters: dict[str, Callable[[torch.Tensor], None]] = {
        "cuda": lambda value: torch.cuda.set_rng_state(value, device),
        "mps": torch.mps.set_rng_state,
    }
    if device.type in setters and device.type in state:
        setters[device.type](state[device.type])
