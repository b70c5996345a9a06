"""Copies of the database beside it, and the way back to one."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cvstudio.core.errors import ProjectError
from cvstudio.project import database
from cvstudio.project.lock import Lock

FOLDER = "backups"
KEPT = 10


@dataclass(frozen=True, slots=True)
class Backup:
    """One copy of a project's database; `made` is seconds since 1970, `reason` a word or two."""

    path: Path
    made: float
    reason: str
    size: int


def make(project: Path, *, reason: str) -> Path:
    """Copy a project's database as it is at this moment and return the copy's path.

    Safe while somebody writes to it. The copy is whole or not there at all; above KEPT copies the
    oldest go. Raises ProjectError, for example when the disk is full.
    """
    folder = project / FOLDER
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ProjectError(f"{folder} cannot be made: {error.strerror}.") from error
    stamp = time.strftime("%Y%m%d-%H%M%S")
    path = folder / f"{stamp} {reason}.db"
    number = 1
    while path.exists():
        number += 1
        path = folder / f"{stamp} {reason} {number}.db"
    part = path.with_suffix(".part")
    try:
        with database.errors_in_words("no backup was made"):
            _copy(project / database.FILE, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    for old in backups(project)[KEPT:]:
        old.path.unlink(missing_ok=True)
    return path


def backups(project: Path) -> list[Backup]:
    """The copies that are there, newest first."""
    found = []
    for path in (project / FOLDER).glob("*.db"):
        stamp, _, reason = path.stem.partition(" ")
        try:
            made = time.mktime(time.strptime(stamp, "%Y%m%d-%H%M%S"))
        except ValueError:
            continue  # a file of the user's
        found.append(Backup(path, made, reason, path.stat().st_size))
    return sorted(found, key=lambda each: each.path.name, reverse=True)


def restore(project: Path, backup: Path) -> Path | None:
    """Put a copy in the place of the database; the project must not be open anywhere.

    What was there is kept under the name that is returned (None when nothing was). Raises
    ProjectLocked, ProjectDamaged when the copy itself is not sound, and ProjectError.
    """
    lock = Lock(project)
    try:
        engine = database.open_engine(backup, write=False)
        with database.errors_in_words("the backup could not be read"):
            database.check(engine, backup)
        engine.dispose()
        file = project / database.FILE
        kept = None
        if file.exists():
            kept = file.with_name(time.strftime("project before restoring %Y%m%d-%H%M%S.db"))
            for suffix in ("-wal", "-shm", ""):
                side = file.with_name(file.name + suffix)
                if side.exists():
                    side.rename(kept.with_name(kept.name + suffix))
        with database.errors_in_words("the backup was not restored"):
            _copy(backup, file)
        return kept
    finally:
        lock.release()


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")
