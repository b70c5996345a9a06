"""The files of an import copied into the project, by pieces: one can watch and stop, and neither
that nor a full disk or the end of the power leaves half a file under its name."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from cvstudio.core.errors import ProjectError
from cvstudio.core.video_names import is_video_name
from cvstudio.formats.base import Work
from cvstudio.imaging import video

_PIECE = 4 << 20
_MANY = 64 << 20
"""Bytes from which on bytes are counted, and not files."""
_PARTIAL = ".partial"


def copy_files(
    paths: Iterable[Path], folder: Path, work: Work, *, copied: list[Path]
) -> dict[Path, Path]:
    """Copy files into a folder under free names; their new places. What lies there already stays.

    `copied` is what a failure later on must remove. Raises ProjectError in words, or Cancelled.
    """
    wanted = list(paths)
    places: dict[Path, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"*{_PARTIAL}"):
            left.unlink()  # of an import that was killed
        taken = {entry.name.lower() for entry in os.scandir(folder)}
        count = _Count(work, wanted)
        for path in wanted:
            if path.is_relative_to(folder):
                places[path] = path
                continue
            target = folder / _free_name(path, taken)
            copied.append(target)
            _copy_file(path, target, count)
            if is_video_name(path):
                video.copied(path, target)
            places[path] = target
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ProjectError(
                "The disk is full: nothing was imported, and what was copied is removed again.",
                hint="Free some space, or import without copying the images.",
            ) from error
        reason = error.strerror or str(error)
        raise ProjectError(f"The images could not be copied: {reason}.") from error
    return places


class _Count:
    """How much has been copied: files, or megabytes where there are many."""

    def __init__(self, work: Work, paths: list[Path]) -> None:
        self._work, self._files = work, len(paths)
        self._total = sum(path.stat().st_size for path in paths)
        self._done = self._whole = 0

    def piece(self, size: int) -> None:
        """A piece of a file has been copied. Raises Cancelled when the user has had enough."""
        self._done += size
        self._tell()

    def file(self) -> None:
        """A file has been copied to its end."""
        self._whole += 1
        self._tell()

    def _tell(self) -> None:
        if self._total < _MANY:
            self._work.step("Copying images", self._whole, self._files)
        else:
            done = min(self._done, self._total)  # a file may grow meanwhile
            self._work.step("Megabytes copied", done >> 20, self._total >> 20)


def _copy_file(source: Path, target: Path, count: _Count) -> None:
    partial = target.with_name(target.name + _PARTIAL)
    try:
        with source.open("rb", buffering=0) as read, partial.open("wb", buffering=0) as write:
            while piece := read.read(_PIECE):
                _write(write, piece)
                count.piece(len(piece))
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    count.file()


def _write(stream: BinaryIO, piece: bytes) -> None:
    """All of a piece: without a buffer a write may take less than it is given."""
    rest = memoryview(piece)
    while rest:
        rest = rest[stream.write(rest) :]


def _free_name(path: Path, taken: set[str]) -> str:
    name, number = path.name, 1
    while name.lower() in taken:
        number += 1
        name = f"{path.stem}_{number}{path.suffix}"
    taken.add(name.lower())
    return name
