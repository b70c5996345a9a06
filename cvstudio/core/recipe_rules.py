"""What settings may be together: one table of rules for the form, the command line and the job."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.networks import NetworkInfo, fits, network
from cvstudio.core.recipe import Fit, Loss, TrainConfig

_LOSSES = {
    Task.CLASSIFY: (Loss.STANDARD, Loss.FOCAL, Loss.BINARY),
    Task.SEGMENT: (
        Loss.STANDARD, Loss.CROSS_ENTROPY, Loss.FOCAL, Loss.DICE, Loss.TVERSKY, Loss.LOVASZ,
    ),
}  # fmt: skip


def losses(info: NetworkInfo) -> tuple[Loss, ...]:
    """The losses that a network can learn by; detectors bring their own."""
    return _LOSSES.get(info.task, (Loss.STANDARD,))


CHOICES: dict[str, Callable[[NetworkInfo], tuple[StrEnum, ...]]] = {"fit": fits, "loss": losses}
"""Settings whose choices depend on the network, and what they can be."""


def check(config: TrainConfig) -> None:
    """Raise ConfigError in words when settings contradict each other or the network."""
    info = network(config.network)
    for rule in _RULES:
        rule(config, info)


def _crops(config: TrainConfig, info: NetworkInfo) -> None:
    if config.fit not in fits(info):
        what = "crops" if config.fit is Fit.CROP else f"images fitted by “{config.fit}”"
        ways = " or ".join(f"“{fit}”" for fit in fits(info))
        raise ConfigError(
            f"{info.title} cannot be trained on {what}.", hint=f"Fit images by {ways}."
        )


def _loss(config: TrainConfig, info: NetworkInfo) -> None:
    if config.loss not in losses(info):
        offered = ", ".join(losses(info))
        raise ConfigError(
            f"{info.title} cannot learn by the loss “{config.loss}”.",
            hint=f"Losses for {info.task}: {offered}.",
        )


def _size(config: TrainConfig, info: NetworkInfo) -> None:
    if not info.takes(config.image_size):
        raise ConfigError(
            f"{info.title} cannot see images of {config.image_size} pixels.",
            hint=f"The nearest size that it takes is {info.nearest(config.image_size)}.",
        )


def _several(config: TrainConfig, info: NetworkInfo) -> None:
    if config.several_classes and config.loss is not Loss.BINARY:
        raise ConfigError(
            "Several classes an image are learned by the loss “binary” alone: the others hold that"
            " exactly one class is right.",
            hint="Set loss to binary, or turn “Several classes an image” off.",
        )


def _growing(config: TrainConfig, info: NetworkInfo) -> None:
    if config.first_size >= config.image_size:
        raise ConfigError(
            f"Images cannot begin at {config.first_size} pixels and grow to {config.image_size}.",
            hint="Begin at a smaller size, or at 0 for the full one at once.",
        )


_BY_THE_STEP = ("deeplabv3", "deeplabv3plus", "pan", "upernet")
"""Networks for segment that normalise the mean of each image over the images of a step."""


def _single(config: TrainConfig, info: NetworkInfo) -> None:
    if config.batch == 1 and info.family == "smp" and info.architecture in _BY_THE_STEP:
        raise ConfigError(
            f"{info.title} compares the images of a batch and cannot learn from one at a time.",
            hint="Raise the batch to 2.",
        )


_RULES: tuple[Callable[[TrainConfig, NetworkInfo], None], ...] = (
    _size, _crops, _loss, _several, _growing, _single,
)  # fmt: skip
