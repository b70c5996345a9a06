"""The ways forward after a run has failed: data that the window shows as buttons and the command
line as a hint, so that both offer the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from cvstudio.core import nvidia
from cvstudio.core.batch_rule import AUTOMATIC
from cvstudio.core.events import Failed
from cvstudio.core.recipe import Start, TrainConfig


@dataclass(frozen=True)
class Remedy:
    """One way forward: continue the run (`resume`) or start a new one, with changed settings; or go
    somewhere first (`place`), where neither would help as things are."""

    title: str
    """As an option: "Continue from epoch 11 with batch 8"."""
    button: str
    """As a button: "Continue with batch 8"."""
    detail: str
    changes: dict[str, Any]
    resume: bool
    place: Literal["", "divide", "label", "images", "settings", "folder", "command"] = ""


def remedies(
    config: TrainConfig, failed: Failed, *, saved_epoch: int | None, batch: int = 0
) -> tuple[Remedy, ...]:
    """The ways forward, the recommended one first. `batch` is what the run worked with, where its
    config leaves that to the memory; 0 when it failed before it knew."""
    match failed.cause:
        case "out of memory":
            return _memory(config, saved_epoch, config.batch or batch)
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
                _go("settings", "Get the weights", "Get the weights",
                    "The settings go into the new run, where the checks offer to fetch them."),
            )  # fmt: skip
        case "killed":
            return _killed(config, saved_epoch, config.batch or batch)
        case "driver":
            return (
                _again("the processor", "Works at once, and is many times slower.",
                       {"device": "cpu"}),
                _go("command", "Install the torch that fits the driver", "Copy the command",
                    f"In a terminal: {nvidia.COMMAND}"),
            )  # fmt: skip
        case "no data":
            return (
                _go("divide", "Divide the labelled images", "Divide the images",
                    "A run learns from train and is judged on val."),
                _go("label", "Label more images", "Go to Label", "Only labelled images teach."),
            )  # fmt: skip
        case "image":
            return (
                _go("images", "Look at the image that cannot be read", "Show the image",
                    "Delete it or put a whole file in its place, then start again."),
                _again("the same settings", "After the image is mended or taken out.", {}),
            )  # fmt: skip
        case "config":
            return (
                _go("settings", "Change the settings", "Change settings",
                    "They go into the new run."),
            )  # fmt: skip
        case "disk full":
            return (
                _onward(saved_epoch, "the same settings", "After some space is free.", {}),
                _go("folder", "See what fills the disk", "Open the folder",
                    "Runs that are no longer needed can be deleted in the list on the right."),
            )  # fmt: skip
        case _:
            return (_onward(saved_epoch, "the same settings", "After the cause is gone.", {}),)


def _memory(config: TrainConfig, saved_epoch: int | None, batch: int) -> tuple[Remedy, ...]:
    ways = []
    automatic = config.batch == AUTOMATIC
    if batch > 1:
        ways.append(_half(config, saved_epoch, batch))
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
    if automatic:  # a run that goes on keeps the batch that it began with
        why = "Helps when another program held memory: what is free is measured anew."
        ways.append(_again("the memory of now", why, {}))
    return tuple(ways)


def _half(config: TrainConfig, saved_epoch: int | None, batch: int) -> Remedy:
    """Half of the batch that the run worked with."""
    detail = "Needs about half the memory."
    if config.batch == AUTOMATIC:
        detail += f" The automatic batch was {batch}; it is {batch // 2} from then on."
    return _onward(saved_epoch, f"batch {batch // 2}", detail, {"batch": batch // 2})


def way_about(what: str) -> Remedy | None:
    """The way forward that belongs to a note of a run that goes on."""
    match what:
        case "not in val":
            return _go("divide", "Divide the images again", "Divide the images",
                       "So that every class is in train and in val.")  # fmt: skip
        case "driver":
            return _go("command", "Install the torch that fits the driver", "Copy the command",
                       f"In a terminal: {nvidia.COMMAND}")  # fmt: skip
        case _:
            return None


def _killed(config: TrainConfig, saved_epoch: int | None, batch: int) -> tuple[Remedy, ...]:
    """Most often the system took the memory back: less of it first."""
    ways = []
    fewer = config.workers // 4
    gentle: dict[str, Any] = {"workers": fewer} if config.workers else {}
    if config.cache_images:
        gentle["cache_images"] = False
    if gentle:
        words = f"{fewer or 'no'} reader{'s' if fewer != 1 else ''}"
        how = f"{words} instead of {config.workers}" if config.workers else "images on the disk"
        ways.append(
            _onward(saved_epoch, how, "Readers and kept images are what fills the memory.", gentle)
        )
    if batch > 1:
        ways.append(_half(config, saved_epoch, batch))
    ways.append(_onward(saved_epoch, "the same settings", "If it was ended by hand.", {}))
    return tuple(ways)


def _go(
    place: Literal["divide", "label", "images", "settings", "folder", "command"],
    title: str, button: str, detail: str,
) -> Remedy:  # fmt: skip
    return Remedy(title, button, detail, {}, resume=False, place=place)


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
