"""The ways forward after a run has failed: data that the window shows as buttons and the command
line as a hint, so that both offer the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cvstudio.core.events import Failed
from cvstudio.core.recipe import Start, TrainConfig


@dataclass(frozen=True)
class Remedy:
    """One way forward: continue the run (`resume`) or start a new one, with changed settings."""

    title: str
    """As an option: "Continue from epoch 11 with batch 8"."""
    button: str
    """As a button: "Continue with batch 8"."""
    detail: str
    changes: dict[str, Any]
    resume: bool


def remedies(config: TrainConfig, failed: Failed, *, saved_epoch: int | None) -> tuple[Remedy, ...]:
    """The ways forward, the recommended one first."""
    match failed.cause:
        case "out of memory":
            return _memory(config, saved_epoch)
        case "not a number":
            rate = float(f"{config.learning_rate / 3:.2g}")
            return (
                _again("a third of the learning rate", f"The rate becomes {rate:g}.",
                       {"learning_rate": rate}),
                _again("full precision", "Slower on a GPU, but figures cannot overflow.",
                       {"mixed_precision": False}),
            )  # fmt: skip
        case "weights":
            return (
                _again("random weights", "Needs no file, but far more images and epochs.",
                       {"start": Start.SCRATCH}, title="Start from scratch",
                       button="Start from scratch"),
            )  # fmt: skip
        case "killed" if config.workers > 0:
            fewer = config.workers // 4
            words = "1 reader" if fewer == 1 else f"{fewer} readers"
            return (
                _onward(saved_epoch, f"{words} instead of {config.workers}",
                        "Each reader holds images in memory.",
                        {"workers": fewer, "cache_images": False}),
                _onward(saved_epoch, "the same settings", "If it was ended by hand.", {}),
            )  # fmt: skip
        case "no data" | "config" | "image":
            return ()
        case _:
            return (_onward(saved_epoch, "the same settings", "After the cause is gone.", {}),)


def _memory(config: TrainConfig, saved_epoch: int | None) -> tuple[Remedy, ...]:
    ways = []
    if config.batch > 1:
        half = config.batch // 2
        ways.append(
            _onward(saved_epoch, f"batch {half}", "Needs about half the memory.", {"batch": half})
        )
    if config.image_size >= 256:
        smaller = max(128, config.image_size * 2 // 3 // 32 * 32)
        ways.append(
            _again(f"image size {smaller}", "Small objects may be missed.", {"image_size": smaller})
        )
    if config.device != "cpu":
        ways.append(
            _again("the processor", "No limit but the computer's memory, and much slower.",
                   {"device": "cpu"})
        )  # fmt: skip
    return tuple(ways)


def _onward(saved_epoch: int | None, how: str, detail: str, changes: dict[str, Any]) -> Remedy:
    if saved_epoch is None:
        return _again(how, detail, changes)
    return Remedy(
        f"Continue from epoch {saved_epoch} with {how}",
        f"Continue with {how}" if changes else "Resume",
        detail,
        changes,
        resume=True,
    )


def _again(
    how: str, detail: str, changes: dict[str, Any], *, title: str = "", button: str = ""
) -> Remedy:
    words = f"Start again with {how}"
    return Remedy(title or words, button or words, detail, changes, resume=False)
