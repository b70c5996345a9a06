"""What the curves of a run say in a sentence: it learns by heart, stopped too soon, hardly learns.

Losses are compared with earlier ones of their own curve only: those of train and val are not alike,
since augmentation, dropout and smoothing raise the first alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cvstudio.core.events import EpochEnded, Outcome
from cvstudio.core.run_state import RunState
from cvstudio.core.words import percent

_FEWEST = 6
"""Epochs below which curves say nothing."""

_RECENT = 3
"""Epochs over which the end of a curve is averaged."""

_RISE = 1.1
"""Losses on val above this multiple of their lowest have risen."""

_STILL = 0.97
"""Losses below this multiple of those a fifth of the run earlier are still falling."""

_HARDLY = 0.95
"""Losses on train above this multiple of the first epoch's have hardly fallen."""


def loss_of(losses: Mapping[str, float]) -> float | None:
    """The loss that stands for an epoch: the one called so, else the sum of its parts."""
    if not losses:
        return None
    return losses["loss"] if "loss" in losses else sum(losses.values())


def reading(state: RunState) -> str:
    """One sentence with what to do, or "" while the curves look as they should."""
    pairs = [(e, loss_of(e.train), loss_of(e.val)) for e in state.epochs]
    known = [(e, train, val) for e, train, val in pairs if train is not None and val is not None]
    if len(known) < _FEWEST:
        return ""
    epochs = [epoch for epoch, _, _ in known]
    train, val = [t for _, t, _ in known], [v for _, _, v in known]
    return (
        _by_heart(state, epochs, train, val)
        or _hardly(epochs, train)
        or _too_soon(state, train, val)
    )


def _by_heart(
    state: RunState, epochs: Sequence[EpochEnded], train: Sequence[float], val: Sequence[float]
) -> str:
    """Overfitting: val rises and train falls, and the figure on val is no longer getting better."""
    lowest = min(range(len(val)), key=val.__getitem__)
    since = len(val) - 1 - lowest
    better = state.best_epoch is not None and state.best_epoch > epochs[-1].epoch - _RECENT
    if since < _RECENT or better:
        return ""
    if _end(val) < val[lowest] * _RISE or _end(train) >= train[lowest]:
        return ""
    return (
        f"It has learned by heart since about epoch {epochs[lowest].epoch}: the loss on val rose"
        f" from {val[lowest]:.3g} to {_end(val):.3g} while it fell on train. More images or"
        " stronger augmentation help; the best epoch is kept."
    )


def _hardly(epochs: Sequence[EpochEnded], train: Sequence[float]) -> str:
    """Underfitting: the network does not even learn its own images."""
    if train[0] <= 0 or _end(train) < train[0] * _HARDLY:
        return ""
    return (
        f"It hardly learns: after {epochs[-1].epoch} epochs the loss on train is still"
        f" {percent(_end(train) / train[0])} of the first one. Try another learning rate,"
        " pretrained weights or a larger network, and look at the labels."
    )


def _too_soon(state: RunState, train: Sequence[float], val: Sequence[float]) -> str:
    """Underfitting: the epochs ran out while both losses were falling."""
    if state.ended is None or state.ended.outcome is not Outcome.FINISHED:
        return ""
    before = max(len(val) // 5, _RECENT)
    if len(val) < before + _RECENT:
        return ""
    falling = all(
        _end(curve) < _end(curve[:-before]) * _STILL and _end(curve) > 0 for curve in (train, val)
    )
    if not falling:
        return ""
    return "It was still learning at the end: both losses were falling. More epochs would help."


def _end(curve: Sequence[float]) -> float:
    recent = curve[-_RECENT:]
    return sum(recent) / len(recent)
