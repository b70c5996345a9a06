"""The database file: how it is opened, whether it is sound, and its errors in words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from cvstudio.core.errors import ProjectDamaged, ProjectError, ProjectTooNew
from cvstudio.project import rows
from cvstudio.project.tables import VERSION, Base

FILE = "project.db"
BUSY_SECONDS = 10
SMALL = 16 << 20
"""Up to that many bytes, a database is checked wholly when it is opened."""


def open_engine(file: Path, *, write: bool) -> Engine:
    """An engine over an existing or new database file; WAL, foreign keys, and the guard of rows."""

    def connect() -> sqlite3.Connection:
        # isolation_level None: transactions begin where we say, not where sqlite3 guesses.
        connection = sqlite3.connect(
            file if write else f"{file.resolve().as_uri()}?mode={_read_mode(file)}",
            uri=not write,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA foreign_keys = ON")
        if write:
            connection.execute("PRAGMA page_size = 8192")  # of a new file; masks are long
            connection.execute("PRAGMA journal_mode = WAL")
            # In WAL mode a commit survives the death of the process; FULL would only add the
            # death of the machine within the last moments, at a disk flush per shape drawn.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA journal_size_limit = 67108864")
        # An upper limit, in KiB; a smaller one would write a large import twice.
        connection.execute("PRAGMA cache_size = -262144")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, max_overflow=32)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    rows.guard(engine)
    return engine


def _read_mode(file: Path) -> str:
    """On a medium that cannot be written, WAL's side files cannot be made: nobody else writes."""
    return "ro" if os.access(file.parent, os.W_OK) else "ro&immutable=1"


def create_tables(connection: Connection) -> None:
    """All tables in their newest shape, marked with its version as alembic would mark it."""
    Base.metadata.create_all(connection)
    connection.exec_driver_sql(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    with rows.door(connection):
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (VERSION,))


def version_of(engine: Engine) -> str:
    """The version of the tables in a file. Raises ProjectError when it is no project."""
    with engine.connect() as connection:
        names = {
            row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master").all()
        }
        if "alembic_version" not in names:
            raise ProjectError(f"{FILE} in this folder is not a CVStudio project.")
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    version = str(found or "")
    if version > VERSION:
        raise ProjectTooNew(
            "The project was written by a newer CVStudio.",
            hint="Install the newest version to open it.",
        )
    return version


def check(engine: Engine, file: Path) -> None:
    """Raise ProjectDamaged when the file is not sound.

    A small file gets SQLite's whole check. In a large one, comparing each index with its table
    would take the larger part of opening (0.22 of 0.25 s for 250,000 annotations), so there it is
    left out: every page is still read and every row and constraint looked at (0.07 s).
    """
    whole = file.stat().st_size <= SMALL
    with engine.connect() as connection:
        sql = f"PRAGMA {'integrity_check' if whole else 'quick_check'}(1)"
        found = connection.exec_driver_sql(sql).scalars().all()
    if found != ["ok"]:
        raise damaged(str(found[0]))


def damaged(detail: str) -> ProjectDamaged:
    """The error for a file that fails its check."""
    return ProjectDamaged(
        f"The project's database is damaged ({detail.strip().splitlines()[-1]}).",
        hint="Restore a backup, or copy the project from where it is whole.",
    )


@contextmanager
def errors_in_words(doing: str) -> Iterator[None]:
    """Turn what SQLite says into a ProjectError: `doing` ends "The disk is full: ..."."""
    try:
        yield
    except DBAPIError as error:
        raise in_words(error.orig, doing) from error
    except sqlite3.DatabaseError as error:
        raise in_words(error, doing) from error


def in_words(error: BaseException | None, doing: str) -> ProjectError:
    """A database error as a sentence with a way forward."""
    name = getattr(error, "sqlite_errorname", "") or ""
    for prefix, make in _WORDS.items():
        if name.startswith(prefix):
            return make(str(error), doing)
    return ProjectError(f"The project's database refused: {error} ({doing}).")


def _full(_detail: str, doing: str) -> ProjectError:
    return ProjectError(
        f"The disk is full: {doing}.", hint="Free some space and try again; nothing else is lost."
    )


def _busy(_detail: str, doing: str) -> ProjectError:
    return ProjectError(
        f"Another program keeps the project's database busy: {doing}.", hint="Try again."
    )


def _readonly(_detail: str, doing: str) -> ProjectError:
    return ProjectError(f"The project cannot be written here: {doing}.")


def _unreadable(detail: str, _doing: str) -> ProjectError:
    return damaged(detail)


def _io(detail: str, doing: str) -> ProjectError:
    return ProjectError(f"The disk could not be read or written ({detail}): {doing}.")


_WORDS: dict[str, Callable[[str, str], ProjectError]] = {
    "SQLITE_FULL": _full,
    "SQLITE_BUSY": _busy,
    "SQLITE_LOCKED": _busy,
    "SQLITE_READONLY": _readonly,
    "SQLITE_CORRUPT": _unreadable,
    "SQLITE_NOTADB": _unreadable,
    "SQLITE_IOERR_SHMSIZE": _full,  # its side file finds no room
    "SQLITE_IOERR": _io,
    "SQLITE_CANTOPEN": _io,
}
