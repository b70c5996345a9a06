"""How long a run will take and what it needs, before it starts: rough, and said with "about".

Calibrated on bare trainings on two processor cores; runs already done on this computer correct it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from cvstudio.core.batch_rule import MOST, on_processor
from cvstudio.core.networks import Family, NetworkInfo, network
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.trial import passes
from cvstudio.project.device import Device, cores

GB = 2**30

_SECONDS: dict[Family, float] = {
    "ultralytics": 0.141, "smp": 0.103, "torchvision": 0.066, "timm": 0.066,
    "torchvision-detection": 0.141,
}  # fmt: skip
"""Two cores' seconds for one training image of 640 px with a network of a million weights."""

_ACTIVATIONS: dict[Family, float] = {
    "ultralytics": 0.11, "smp": 0.25, "torchvision": 0.1, "timm": 0.1,
    "torchvision-detection": 0.11,
}  # fmt: skip
"""GB of mixed-precision activations for the same."""

_GPU_SPEED = 60.0
"""How many times faster a present GPU is than two cores."""


@dataclass(frozen=True)
class Measured:
    """What an earlier run showed: images a second with its settings on a device of that kind."""

    config: TrainConfig
    on_processor: bool
    images_per_second: float


def cost(config: TrainConfig, info: NetworkInfo | None = None) -> float:
    """Seconds that two cores need to train on one image, or crop of one."""
    info = info or network(config.network)
    once = float(_SECONDS[info.family] * info.parameters**0.8 * (config.image_size / 640) ** 2)
    return once * passes(config)


def seconds(
    config: TrainConfig, *, train: float, val: float, device: Device,
    history: Sequence[Measured] = (),
) -> float:  # fmt: skip
    """The time of a whole run, early stopping left out: `train` and `val` are Facts.items. Judging
    costs a third of one pass of training.

    A run with smaller images or a smaller network spent its time on reading and starting more than
    on what grows with them: the dearer the wanted run is beside it, the less it corrects.
    """
    on_processor = device.kind == "cpu" or config.device == "cpu"
    speed = cores() / 2 if on_processor else _GPU_SPEED
    if device.kind == "mps" and not on_processor:
        speed = cores() * 2
    wanted = cost(config)
    known = [
        (m.images_per_second * cost(m.config) / speed) ** min(cost(m.config) / wanted, 1.0)
        for m in history if m.on_processor is on_processor
    ]  # fmt: skip
    if known:
        speed *= median(known)
    return config.epochs * (train + val / 3 / passes(config)) * wanted / speed


def memory(config: TrainConfig) -> int:
    """Bytes on the device: weights, gradients, the optimiser's state and activations.

    With an automatic batch those of the batch that the processor would take.
    """
    info = network(config.network)
    batch = config.batch or on_processor(config.image_size, MOST)
    return memory_of(info, image_size=config.image_size, batch=batch)


def memory_of(info: NetworkInfo, *, image_size: int, batch: int) -> int:
    """The same for a network, before there is a config."""
    weights = info.parameters * 16e6 / GB
    if info.activations:  # counted, two bytes each
        each = info.activations * 2e6 / GB * (image_size / info.image_size) ** 2
    else:
        each = _ACTIVATIONS[info.family] * info.parameters**0.5 * (image_size / 640) ** 2
    return int((0.6 + weights + batch * each) * GB)


def disk(config: TrainConfig) -> int:
    """Bytes of the run's directory: a best checkpoint, a last one with the optimiser, the rest."""
    return int(network(config.network).parameters * 1e6 * 4 * 4) + 20_000_000


def in_words(duration: float) -> str:
    """A time as people say it: "under a minute", "35 min", "2 h 10 min", "3 days"."""
    minutes = round(duration / 60)
    if minutes < 1:
        return "under a minute"
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 10 and rest:
        return f"{hours} h {rest} min"
    return f"{round(minutes / 60)} h" if hours < 48 else f"{round(hours / 24)} days"


def roughly(duration: float) -> str:
    """The same with "about", to a precision that an estimate has: "about 35 min"."""
    minutes = duration / 60
    if minutes < 1:
        return "under a minute"
    step = 1 if minutes < 10 else 5 if minutes < 60 else 30 if minutes < 600 else 60
    return f"about {in_words(round(minutes / step) * step * 60)}"
