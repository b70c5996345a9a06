"""The open project: one door for writes, one for reads, undo and redo, and who is told."""

from __future__ import annotations

import json
import os
import shlex
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ProjectDamaged, ProjectError, ProjectReadOnly
from cvstudio.project import backup, commands, database, image_classes, rows, steps
from cvstudio.project.changes import ChangeSet, Kind, Notifier, Reach
from cvstudio.project.lock import Lock, user
from cvstudio.project.records import ImageRecord
from cvstudio.project.rows import Change, Recorder, Set
from cvstudio.project.tables import VERSION, ProjectRow

CONTENT = {"image", "annotation", "label_class", "tag", "image_tag", "comment"}
"""Tables in which a row that comes or goes without undo makes older undo steps meaningless."""


class Project:
    """A project folder, open. Use `create` or `open`; close it, or use it in a with statement."""

    def __init__(self, path: Path, engine: Engine, lock: Lock | None) -> None:
        self.path = path
        self.changed = Notifier()
        self._standing = steps.Standing()
        self._engine = engine
        self._lock = lock
        self._writing = threading.RLock()
        self._inside = False
        self._closed = False
        self._read_identity()
        if self.writable:
            with self.read() as session:
                self._standing = steps.standing(session)

    # Opening and closing

    @classmethod
    def create(
        cls, path: Path | str, *, task: Task, name: str = "", classes: Sequence[str] = (),
        several: bool = False,
    ) -> Self:  # fmt: skip
        """Make a project in a new or existing folder and open it.

        `several`: an image may have several classes, where images are classified.
        Raises ProjectError when the folder holds a project already or cannot be written.
        """
        folder = Path(os.path.abspath(path))
        file = folder / database.FILE
        if file.exists():
            raise ProjectError(f"There is a project in {folder} already.", hint="Open it instead.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ProjectError(f"{folder} cannot be made: {error.strerror}.") from error
        lock = Lock(folder)
        engine = database.open_engine(file, write=True)
        try:
            with database.errors_in_words("the project could not be made"):
                _fill(engine, task=task, name=name or folder.name, classes=classes, several=several)
            return cls(folder, engine, lock)
        except BaseException:
            engine.dispose()
            for suffix in ("", "-wal", "-shm"):
                file.with_name(file.name + suffix).unlink(missing_ok=True)
            lock.release()
            raise

    @classmethod
    def open(cls, path: Path | str, *, write: bool = True) -> Self:
        """Open a project folder; with write=False beside whoever writes to it.

        Raises ProjectLocked, ProjectDamaged, ProjectTooNew, or ProjectError.
        """
        folder = Path(os.path.abspath(path))
        file = folder / database.FILE
        if not file.is_file():
            raise ProjectError(f"There is no CVStudio project in {folder}.")
        lock = Lock(folder) if write else None
        engine = database.open_engine(file, write=write)
        try:
            with database.errors_in_words("the project could not be opened"):
                database.check(engine, file)
                if database.version_of(engine) != VERSION:
                    _migrate(folder, engine, write=write)
                return cls(folder, engine, lock)
        except BaseException as error:
            engine.dispose()
            if lock:
                lock.release()
            if isinstance(error, ProjectDamaged) and (saved := backup.backups(folder)):
                error.hint = f"The newest backup is {saved[0].path}."
            raise

    def close(self) -> None:
        """Let go of the files and of the lock. Closing twice does nothing."""
        with self._writing:
            self._closed = True
            self._engine.dispose()
            if self._lock:
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # What it is and where things lie

    name: str
    task: Task

    @property
    def writable(self) -> bool:
        return self._lock is not None

    @property
    def runs_directory(self) -> Path:
        return self.path / "runs"

    @property
    def exports_directory(self) -> Path:
        return self.path / "exports"

    @property
    def images_directory(self) -> Path:
        """Where copied images go."""
        return self.path / "images"

    @property
    def thumbnails_file(self) -> Path:
        return self.path / "thumbnails.db"

    @property
    def embeddings_directory(self) -> Path:
        """What the smart tool's network found in images; it can be deleted at any time."""
        return self.path / "cache" / "smart"

    def image_path(self, image: ImageRecord | str) -> Path:
        """The absolute path of an image's file, from its record or its uri."""
        uri = image if isinstance(image, str) else image.uri
        return self.path / uri

    def uri_of(self, file: Path | str) -> str:
        """How a file is named in the database: relative to the project when inside it."""
        path = Path(os.path.abspath(file))
        if path.is_relative_to(self.path):
            return path.relative_to(self.path).as_posix()
        # The same place may be reached by another way, through a link.
        real = _real(path.parent) / path.name
        if real.is_relative_to(_real(self.path)):
            return real.relative_to(_real(self.path)).as_posix()
        return path.as_posix()

    # Reading

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for queries, on any thread; it sees one state of the project throughout."""
        self._require_open()
        info = {"path": self.path}
        with (
            database.errors_in_words("it could not be read"),
            Session(self._engine, info=info) as s,
        ):
            yield s

    # Writing

    @contextmanager
    def transaction(
        self, label: str, *, source: object = None, undoable: bool = True, into: int = 0
    ) -> Iterator[Session]:
        """The one door for writes: committed and announced at the end, or rolled back whole.

        `label` is the menu text of the undo step. An undoable=False transaction leaves no step;
        when it adds or removes images, annotations, classes or tags, the steps before it go too,
        since they could no longer be replayed. `into`: a step that may take this in, when it is
        the newest and this is the same once more a moment later (steps.merge). Raises ProjectError
        when the disk is full, when the project is open for reading only, and RuntimeError inside
        another transaction.
        """
        with self._writing:
            with self._recorded() as (session, recorder):
                yield session
                changes = ChangeSet(label, "do", source, recorder.touched)
                self._note_history(session, changes)
                after = self._note_step(session, changes, recorder, undoable=undoable, into=into)
            if not recorder.changes:
                return
            self._standing = after
            if undoable and after.back is not None:
                changes = replace(changes, step=after.back.id)
        self._announce(changes)

    def undo(self, *, only: int | None = None) -> ChangeSet | None:
        """Take back the newest step; None when there is none.

        `only`: the id of the step that is meant. When another thread has added one since, nothing
        is taken back.
        """
        return self._travel(partial(self._before_newest, only))

    def redo(self, *, only: int | None = None) -> ChangeSet | None:
        """Do the step again that was taken back last; None when there is none, or when it is not
        the one that is meant."""
        return self._travel(partial(self._next, only))

    def go_to(
        self, step_id: int, *, source: object = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> ChangeSet | None:  # fmt: skip
        """Undo or redo as many steps as it takes so that this one is the last that is done.

        0 undoes all that are kept. All or nothing, and told as one change; None when the project
        stands there already. `progress` is called with the steps that are turned and all of them,
        and may raise to give up.
        """
        return self._travel(lambda: step_id, source, progress)

    def forget_steps(self, until: int) -> None:
        """Forget the done steps up to this id for good, because a person wants their room."""
        with self._writing:
            with self._recorded() as (session, _):
                after = steps.forget(session, until)
            self._standing = after

    @property
    def undo_label(self) -> str | None:
        return self._standing.back.label if self._standing.back else None

    @property
    def redo_label(self) -> str | None:
        return self._standing.forth.label if self._standing.forth else None

    @property
    def undo_reach(self) -> Reach:
        """How far the step went that undo would take back."""
        return self._standing.back.reach if self._standing.back else Reach()

    @property
    def redo_reach(self) -> Reach:
        """How far the step went that redo would do again."""
        return self._standing.forth.reach if self._standing.forth else Reach()

    @property
    def present_step(self) -> int:
        """The id of the newest step that is done; 0 when none is."""
        return self._standing.back.id if self._standing.back else 0

    @property
    def next_step(self) -> int:
        """The id of the step that redo would do again; 0 when there is none."""
        return self._standing.forth.id if self._standing.forth else 0

    def _before_newest(self, only: int | None) -> int | None:
        newest = self.present_step
        return newest - 1 if newest and only in (None, newest) else None

    def _next(self, only: int | None) -> int | None:
        following = self.next_step
        return following if following and only in (None, following) else None

    def _travel(
        self, target: Callable[[], int | None], source: object = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> ChangeSet | None:  # fmt: skip
        """Go to a step that is named inside the lock: another thread may just be adding one."""
        with self._writing:
            to = target()
            if to is None:
                return None
            with self._recorded() as (session, recorder):
                path = steps.way(session, to)
                if not path:
                    return None
                kind: Kind = "undo" if path[0].done else "redo"
                for number, step in enumerate(path):
                    if progress is not None:
                        progress(number, len(path))
                    recorder.changes = []
                    rows.replay(session, steps.changes_of(session, step.id))
                    now = steps.turn(session, step.id, recorder.changes, done=not step.done)
                label = path[0].label if len(path) == 1 else f"{len(path)} steps"
                changes = ChangeSet(label, kind, source, recorder.touched)
                self._note_history(session, changes)
            self._standing = now
        self._announce(changes)
        return changes

    def _note_step(
        self, session: Session, changes: ChangeSet, recorder: Recorder, *, undoable: bool, into: int
    ) -> steps.Standing:
        """Keep what was done as a step, in its own transaction; returns where that leads."""
        now = self._standing
        if recorder.changes and undoable:
            back = recorder.changes
            joined = steps.merge(session, changes, back, into=into, now=now) if into else None
            return joined or steps.note(session, changes, back, now=now)
        if any(_ends_steps(change) for change in recorder.changes):
            return steps.clear(session)
        return now

    @contextmanager
    def _recorded(self) -> Iterator[tuple[Session, Recorder]]:
        self._require_open()
        if not self.writable:
            raise ProjectReadOnly("The project is open for reading only.")
        if self._inside:
            raise RuntimeError("a transaction is open already; give its session on instead")
        self._inside = True
        recorder = Recorder()
        writing = self._engine.execution_options(writing=True)
        session = Session(writing, info={"recorder": recorder, "path": self.path})
        try:
            with database.errors_in_words("the last change was not saved"):
                yield session, recorder
                if recorder.broken:
                    raise RuntimeError("a write failed halfway, and its error was not passed on")
                session.commit()
        finally:
            self._inside = False
            session.close()

    def _require_open(self) -> None:
        # The engine would open the file again by itself, without the lock.
        if self._closed:
            raise ProjectError("The project is closed.")

    def _note_history(self, session: Session, changes: ChangeSet) -> None:
        if not changes.touched:
            return
        connection = session.connection()
        with rows.door(connection):
            connection.exec_driver_sql(
                "INSERT INTO history (at, who, kind, label, counts) VALUES (?, ?, ?, ?, ?)",
                (time.time(), user(), changes.kind, changes.label, json.dumps(changes.counts())),
            )

    def _announce(self, changes: ChangeSet) -> None:
        if changes.touches("project"):
            self._read_identity()
        self.changed.emit(changes)

    def _read_identity(self) -> None:
        with self.read() as session:
            found = session.execute(select(ProjectRow.name, ProjectRow.task)).first()
        if found is None:
            raise database.damaged("it does not say which project it is")
        self.name, self.task = found[0], Task(found[1])


def _ends_steps(change: Change) -> bool:
    """Whether older steps mean nothing once this was done without one: a row came or went, or has
    another shape than the one that a step tells its own from."""
    if isinstance(change, Set):
        return change.table == "annotation" and "payload" in change.columns
    return change.table in CONTENT


@lru_cache(maxsize=4096)
def _real(folder: Path) -> Path:
    return folder.resolve()


def _migrate(folder: Path, engine: Engine, *, write: bool) -> None:
    """Bring an older project to today's tables, with a copy of the old ones beside it."""
    if not write:
        raise ProjectError(
            "The project was written by an older CVStudio and must be brought up to date first.",
            hint=f"Open it once for writing, or: cvstudio upgrade {shlex.quote(str(folder))}"
            " (a backup of the old form is kept).",
        )
    from cvstudio.project.migrations.upgrade import upgrade  # alembic is slow to import

    backup.make(folder, reason=f"before version {VERSION}")
    upgrade(engine)


def _fill(
    engine: Engine, *, task: Task, name: str, classes: Sequence[str], several: bool
) -> None:  # fmt: skip
    """The tables of a new project, its own row, its first classes, how many an image may have."""
    from importlib.metadata import version  # slow to import, and only a new project needs it

    writing = engine.execution_options(writing=True)
    with Session(writing, info={"recorder": Recorder()}) as session:
        database.create_tables(session.connection())
        rows.add(
            session,
            "project",
            ("name", "task", "created", "created_by"),
            [(name, task.value, time.time(), version("cvstudio"))],
        )
        for each in classes:
            commands.add_class(session, name=each, beside=classes)
        if several and task is Task.CLASSIFY:
            image_classes.allow_several(session, True)
        session.commit()
