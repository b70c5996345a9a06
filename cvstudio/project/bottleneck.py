"""What holds a running run up, when it is not the network: images that come too slowly."""

from __future__ import annotations

from dataclasses import dataclass

from cvstudio.core.recipe import TrainConfig
from cvstudio.core.run_state import RunState
from cvstudio.core.words import percent
from cvstudio.project.remedies import Remedy

MUCH = 0.3
"""Share of the time above which waiting for images is worth a hint."""

FEW_CORES = 8
"""Cores below which a run on the processor reads its images itself (ml/loading.py)."""


@dataclass(frozen=True)
class Bottleneck:
    """What is slow, in a sentence, and what can be done about it; None where nothing is at hand."""

    text: str
    way: Remedy | None


def bottleneck(config: TrainConfig, state: RunState, *, cores: int) -> Bottleneck | None:
    """What a run waits for, or None while it hardly waits."""
    share = state.waiting
    if share is None or share < MUCH:
        return None
    text = f"The network waits for images {percent(share)} of the time."
    on_gpu = state.device not in ("", "processor", "cpu")
    unfit = any("do not fit into" in note.text for note in state.notes)
    if not config.cache_images and not unfit:
        return _with(
            f"{text} Kept in memory they need not be read again in every epoch.",
            "images kept in memory", "Keep images in memory", {"cache_images": True},
        )  # fmt: skip
    most = max(cores - 1, 1)
    if (on_gpu or cores >= FEW_CORES) and config.workers < most:
        more = min(max(2 * config.workers, 2), most)
        return _with(
            f"{text} More readers prepare more of them at once.",
            f"{more} readers", f"Use {more} readers", {"workers": more},
        )  # fmt: skip
    cause = "Lighter augmentation or smaller images would help."
    if not config.augmentation:
        cause = "Smaller images would help, or a faster disk."
    return Bottleneck(f"{text} {cause}", None)


def _with(text: str, how: str, button: str, changes: dict[str, object]) -> Bottleneck:
    return Bottleneck(
        text,
        Remedy(f"Go on with {how}", button,
               "The run pauses and goes on with it; nothing that was learned is lost.",
               changes, resume=True),
    )  # fmt: skip
