"""Why a job could not do its work: the error that names a cause, and the event it becomes."""

from __future__ import annotations

import errno
from typing import Literal

from cvstudio.core.errors import (
    ConfigError,
    CVStudioError,
    DamagedFile,
    ImageError,
    RunError,
    UntrustedFile,
    WeightsMissing,
    file_trouble,
)
from cvstudio.core.events import Failed

Cause = Literal[
    "out of memory",
    "not a number",
    "no data",
    "disk full",
    "weights",
    "config",
    "image",
    "driver",
    "other",
]


class JobFailure(RunError):
    """A job cannot go on; `cause` selects the way forward that the window offers."""

    def __init__(self, cause: Cause, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.cause: Cause = cause


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch, CUDA or Python says that memory ran out."""
    if isinstance(error, MemoryError):
        return True
    words = str(error).lower()
    return isinstance(error, RuntimeError) and any(
        sign in words
        for sign in ("out of memory", "can't allocate memory", "cublas_status_alloc_failed",
                     "unable to find an engine", "not enough memory")
    )  # fmt: skip


def lost_the_others(error: BaseException) -> bool:
    """Whether an error says no more than that another process of the run has ended."""
    return isinstance(error, RuntimeError) and _speaks_of_loss(str(error))


def tells_of_loss(event: Failed) -> bool:
    """Whether a job's last word says no more than that another process of the run has ended."""
    last = event.detail.strip().rpartition("\n")[2]
    return event.cause == "other" and _speaks_of_loss(last)


def _speaks_of_loss(words: str) -> bool:
    signs = ("connection closed by peer", "connection reset by peer", "socket closed")
    return any(sign in words.lower() for sign in signs)


def is_of_the_driver(error: BaseException) -> bool:
    """Whether CUDA says that driver, card and torch do not fit together."""
    signs = (
        "driver version is insufficient", "no kernel image is available", "driver is too old",
        "forward compatibility was attempted", "driver/library version mismatch",
        "cuda driver initialization failed", "no nvidia driver on your system",
        "unsupported toolchain",
    )  # fmt: skip
    words = str(error).lower()
    return isinstance(error, RuntimeError | AssertionError) and any(s in words for s in signs)


def out_of_memory(place: str, batch: int, *, device_type: str) -> JobFailure:
    """The failure when even smaller pieces did not fit."""
    who = "This computer" if device_type == "cpu" else "The GPU"
    return JobFailure(
        "out of memory",
        f"{who} ran out of memory during {place} at batch {batch}.",
        hint="Use a smaller batch or a smaller image size.",
    )


def diverged(epoch: int, step: int) -> JobFailure:
    """The failure when the loss is no number any more."""
    return JobFailure(
        "not a number",
        f"The loss became not-a-number in epoch {epoch}, step {step}: training has diverged.",
        hint="Use a smaller learning rate, or switch mixed precision off.",
    )


def _of_other_weights(error: BaseException) -> bool:
    """Whether a file of weights is damaged that another one can stand for; a run that goes on has
    its own last checkpoint only."""
    return isinstance(error, DamagedFile) and error.path.name != "last.pt"


def failed_event(error: BaseException, *, detail: str, goes_on: bool = True) -> Failed:
    """The event for an error that ended a job: a cause, a sentence, and the details for experts.

    `goes_on`: whether such a job can be continued, as a run can, or is only started again.
    """
    text = error.message if isinstance(error, CVStudioError) else ""
    if isinstance(error, CVStudioError) and error.hint:
        text = f"{text} {error.hint}"
    if isinstance(error, JobFailure):
        return Failed(cause=error.cause, text=text, detail=detail)
    if isinstance(error, WeightsMissing | UntrustedFile) or _of_other_weights(error):
        return Failed(cause="weights", text=text, detail=detail)
    if isinstance(error, ConfigError):
        return Failed(cause="config", text=text, detail=detail)
    if isinstance(error, ImageError):
        return Failed(cause="image", text=text, detail=detail)
    if isinstance(error, CVStudioError):
        return Failed(cause="other", text=text, detail=detail)
    if is_of_the_driver(error):
        return Failed(
            cause="driver",
            text="The GPU's driver and the installed torch do not fit together.",
            detail=detail,
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        then = "continue the run" if goes_on else "start again"
        return Failed(
            cause="disk full",
            text=f"The disk is full. Free some space, then {then}.",
            detail=detail,
        )
    if is_out_of_memory(error):
        return Failed(
            cause="out of memory",
            text="The memory ran out. Use a smaller batch or a smaller image size.",
            detail=detail,
        )
    if isinstance(error, OSError) and error.filename:
        return Failed(cause="other", text=file_trouble(error), detail=detail)
    return Failed(
        cause="other",
        text="CVStudio met an error that it does not know. The details show where.",
        detail=detail,
    )
