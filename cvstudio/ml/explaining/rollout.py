"""Attention rollout: which patches reach a transformer's answer through all of its attention."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from cvstudio.core.errors import ConfigError
from cvstudio.ml.explaining.by_class import Tokens
from cvstudio.ml.explaining.tracing import hooked


def rolled_out(attentions: Sequence[torch.Tensor]) -> torch.Tensor:
    """Attention rollout (Abnar 2020, eq. 1): attention of each block, (heads, T, T) from the first
    block on, averaged over heads, half of it the token itself (the residual connection), and
    multiplied through. Gives (T, T); each row sums to 1."""
    size = attentions[0].shape[-1]
    own = torch.eye(size, device=attentions[0].device)
    through = own
    for attention in attentions:
        mixed = (attention.float().mean(dim=0) + own) / 2
        through = (mixed / mixed.sum(dim=-1, keepdim=True)) @ through
    return through


def rollout_map(through: torch.Tensor, tokens: Tokens) -> torch.Tensor:
    """How much of each patch (rows, columns) the answer is made of: by the class token where there
    is one, else by the mean of all tokens.

    The least over patches is taken away: every patch gets that much.
    """
    first = through[0] if tokens.prefix else through.mean(dim=0)
    patches = first[tokens.prefix :].reshape(tokens.rows, tokens.columns)
    return patches - patches.min()


def can(tokens: Tokens | None) -> bool:
    """Whether attention can be read: every block has the one that this knows how to ask."""
    return tokens is not None and all(_attention(block) is not None for block in tokens.blocks)


def attentions_of(
    ask: Callable[[], torch.Tensor], tokens: Tokens
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """What `ask` answers, and the attention (heads, T, T) of each block while it did.

    timm's blocks compute it only while fused attention is off; torchvision's give it when asked.
    Raises ConfigError where a block's attention is none from token to token.
    """
    found: dict[int, torch.Tensor] = {}
    handles = []
    parts = [_attention(block) for block in tokens.blocks]
    for place, part in enumerate(parts):
        handles += _watch(part, place, found)
    with hooked(handles), _spelled_out(parts):
        answer = ask()
    side = tokens.rows * tokens.columns + tokens.prefix
    if len(found) < len(parts) or any(f.shape[-2:] != (side, side) for f in found.values()):
        raise ConfigError("The attention of this network cannot be followed from token to token.")
    return answer, [found[place] for place in range(len(parts))]


def _attention(block: Any) -> nn.Module | None:
    """The attention of a block, where it can be read."""
    own = getattr(block, "self_attention", None)
    if isinstance(own, nn.MultiheadAttention):
        return own
    theirs = getattr(block, "attn", None)
    if isinstance(theirs, nn.Module) and isinstance(getattr(theirs, "attn_drop", None), nn.Module):
        return theirs if hasattr(theirs, "fused_attn") else None
    return None


def _watch(part: Any, place: int, found: dict[int, torch.Tensor]) -> list[Any]:
    if isinstance(part, nn.MultiheadAttention):

        def ask(_part: nn.Module, inputs: Any, names: dict[str, Any]) -> Any:
            return inputs, {**names, "need_weights": True, "average_attn_weights": False}

        def take(_part: nn.Module, _inputs: Any, output: Any) -> None:
            found[place] = output[1].detach()[0]

        return [
            part.register_forward_pre_hook(ask, with_kwargs=True),
            part.register_forward_hook(take),
        ]

    def keep(_part: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        found[place] = output.detach()[0]

    return [part.attn_drop.register_forward_hook(keep)]


@contextmanager
def _spelled_out(parts: Sequence[Any]) -> Iterator[None]:
    """Attention computed step by step, as it was before afterwards."""
    before = [(part, part.fused_attn) for part in parts if hasattr(part, "fused_attn")]
    for part, _ in before:
        part.fused_attn = False
    try:
        yield
    finally:
        for part, fused in before:
            part.fused_attn = fused
