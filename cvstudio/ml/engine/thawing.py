"""Which layers learn in which epoch: the head first, then the backbone from the top down."""

from __future__ import annotations

from torch import nn

from cvstudio.core.recipe import Layers, Start, TrainConfig

QUARTERS = 4
_MOST = {Layers.ALL: QUARTERS, Layers.LAST: 1, Layers.HEAD: 0}


def quarters_of(module: nn.Module, head: frozenset[str]) -> dict[str, int]:
    """In which quarter each parameter of the backbone lies: 0 at the input, 3 below the head."""
    backbone = [name for name, _ in module.named_parameters() if name not in head]
    return {name: place * QUARTERS // len(backbone) for place, name in enumerate(backbone)}


class Thawing:
    """Freezes and thaws the layers of one network as a config says.

    From scratch all learn at all times: random layers that stay random teach nothing.
    """

    def __init__(self, module: nn.Module, *, head: frozenset[str], config: TrainConfig) -> None:
        self.module, self.head, self.config = module, head, config
        self.quarter = quarters_of(module, head)
        self.fixed = frozenset(n for n, v in module.named_parameters() if not v.requires_grad)
        self.learning: int | None = None
        """How many quarters of the backbone learn now; None before the first epoch."""

    def learning_in(self, epoch: int) -> int:
        """How many quarters of the backbone learn in an epoch (from 1)."""
        config = self.config
        if config.start is Start.SCRATCH:
            return QUARTERS
        most, since = _MOST[config.layers], epoch - config.frozen_epochs
        if since <= 0:
            return 0
        if config.thaw_epochs:
            return min(1 + (since - 1) // config.thaw_epochs, most)
        return most

    def begin(self, epoch: int) -> str:
        """Let the layers of an epoch learn; what changed in words, or ""."""
        wanted, before = self.learning_in(epoch), self.learning
        if wanted == before:
            return ""
        self.learning = wanted
        for name, value in self.module.named_parameters():
            awake = self.quarter.get(name, QUARTERS) >= QUARTERS - wanted
            value.requires_grad_(awake and name not in self.fixed)
        if wanted == QUARTERS:
            return "Training the whole network" if before is not None else ""
        if not wanted:
            return "Training the head"
        return f"Training the head and the last {wanted} quarters of the network".replace(
            "last 1 quarters", "last quarter"
        )

    @property
    def partial(self) -> bool:
        """Whether a part of the network does not learn now."""
        return self.learning is not None and self.learning < QUARTERS


def train_mode(module: nn.Module) -> None:
    """Training mode, except for norms that are frozen: their running means must not drift."""
    module.train()
    for part in module.modules():
        own = list(part.parameters(recurse=False))
        if own and not any(value.requires_grad for value in own):
            part.eval()
