"""Every error that CVStudio raises on purpose; each message is a sentence a user can read.

CVStudioError
├── ProjectError            the project folder cannot be used as asked
│   ├── ProjectLocked       somebody else writes to it; the message names who
│   ├── ProjectDamaged      the database fails its integrity check
│   ├── ProjectTooNew       written by a newer CVStudio
│   └── ProjectReadOnly     it is open for looking at, and something was to be changed
├── ImageError              one image file cannot be read; the message says why
├── FormatError             a label file cannot be read or written; carries file and line
├── ConfigError             a setting is out of its range or does not fit the task
├── WeightsMissing          pretrained weights are not on this computer; says where to put them
├── UntrustedFile           a file would have to run code to be loaded, and is refused
└── RunError                a run or a job cannot be started, found or continued
    ├── ExperimentOver      its experiment was ended while it was being made
    └── DamagedFile         a checkpoint or another file of weights cannot be read
"""

from __future__ import annotations

import errno
from pathlib import Path


class CVStudioError(Exception):
    """Base of all errors with a message for the user; `hint` is the way forward."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ProjectError(CVStudioError):
    """The project folder cannot be used as asked."""


class ProjectLocked(ProjectError):
    """Another process writes to the project."""


class ProjectDamaged(ProjectError):
    """The project's database fails its integrity check."""


class ProjectTooNew(ProjectError):
    """The project was written by a newer CVStudio."""


class ProjectReadOnly(ProjectError):
    """The project is open for reading only."""


class ImageError(CVStudioError):
    """One image file cannot be read."""


class FormatError(CVStudioError):
    """A label file cannot be read or written."""

    def __init__(
        self, message: str, *, path: Path | None = None, line: int | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.path = path
        self.line = line


class ConfigError(CVStudioError):
    """A setting is out of its range or does not fit the task."""


class WeightsMissing(CVStudioError):
    """Pretrained weights are not on this computer."""

    def __init__(self, message: str, *, filename: str, folder: Path, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.filename = filename
        self.folder = folder


class UntrustedFile(CVStudioError):
    """A file would have to run code to be loaded, and is refused."""


class RunError(CVStudioError):
    """A run or a job cannot be started, found or continued."""


class ExperimentOver(RunError):
    """A run was to be made for an experiment that was stopped or deleted meanwhile."""


class DamagedFile(RunError):
    """A checkpoint or another file of weights that cannot be read."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


_REASONS = {
    errno.ENOENT: "is not there",
    errno.EACCES: "may not be read or written by you",
    errno.EPERM: "may not be changed by you",
    errno.EROFS: "is on a disk that cannot be written to",
    errno.EEXIST: "is there already",
    errno.EISDIR: "is a folder",
    errno.ENOTDIR: "is not a folder",
    errno.ENOTEMPTY: "is not empty",
    errno.ENAMETOOLONG: "has too long a name",
    errno.EIO: "could not be read or written: the disk does not answer",
}


def file_trouble(error: OSError) -> str:
    """What the operating system refused, as a sentence."""
    if error.errno == errno.ENOSPC:
        return "The disk is full."
    if error.errno == errno.EMFILE:
        return "Too many files are open at once."
    reason, name = _REASONS.get(error.errno or 0), named_file(error)
    if reason and name:
        return f"{name} {reason}."
    said = (error.strerror or "the operating system refused it").rstrip(".")
    return f"{name}: {said}." if name else f"{said[:1].upper()}{said[1:]}."


def named_file(error: OSError) -> str:
    """The file of an error as the person named it: what is written first beside it, and then takes
    its place, is nothing they know."""
    return str(error.filename or "").removesuffix(".part")
