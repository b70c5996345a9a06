"""Undo after the program was started again, with a large import and much work in the history."""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
from contextlib import closing
from pathlib import Path

from cvstudio.checks.figures import Figure, ratio_of_pairs, timed
from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Box
from cvstudio.project import commands, database, rows
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

UNDO_LIMIT = 50.0
OPEN_LIMIT = 1.2
TURNS = 15


def history(*, annotations: int, steps: int) -> list[Figure]:
    """The median time of undo beside raw SQLite taking one row out of the same table, and the
    opening of the project with its steps beside the opening of a copy without any."""
    with tempfile.TemporaryDirectory() as scratch:
        full, bare = Path(scratch) / "full", Path(scratch) / "bare"
        for path, undoable in ((full, True), (bare, False)):
            _make(path, annotations=annotations, steps=steps, undoable=undoable)
        with Project.open(full) as project:
            ours = [timed(project.undo) for _ in range(TURNS)]
        floor = _floor(bare / database.FILE)
        pairs = [(timed(lambda: _open(full)), timed(lambda: _open(bare))) for _ in range(TURNS)]
    undo = statistics.median(ours) * 1000
    opened, peer = zip(*pairs, strict=True)
    return [
        Figure(
            f"undo of a box, {annotations:,} imported before", undo, "ms", UNDO_LIMIT,
            detail=f"raw SQLite {floor * 1000:.2f} ms, longest {max(ours) * 1000:.1f} ms",
        ),
        Figure(
            f"open with {steps:,} steps", ratio_of_pairs(opened, peer), "x", OPEN_LIMIT,
            detail=f"{statistics.median(opened) * 1000:.0f} ms against"
            f" {statistics.median(peer) * 1000:.0f} ms without",
        ),
    ]  # fmt: skip


def _make(path: Path, *, annotations: int, steps: int, undoable: bool) -> None:
    with Project.create(path, task=Task.DETECT, classes=["cell"]) as project:
        with project.transaction("Import", undoable=undoable) as s:
            new = [NewImage(f"{n}.jpg", width=1280, height=960) for n in range(annotations // 25)]
            ids = commands.add_images(s, new)
            row = {"class_id": 1, "shape": Box(20, 15, 60, 50), "width": 1280, "height": 960}
            drawn = [
                commands.annotation_row(image_id=ids[n % len(ids)], **row)  # type: ignore[arg-type]
                for n in range(annotations)
            ]
            rows.add(s, "annotation", commands.ANNOTATION_COLUMNS, drawn)
        for n in range(steps):
            with project.transaction(f"Add box {n}", undoable=undoable) as s:
                commands.add_annotation(
                    s, image_id=ids[n % len(ids)], class_id=1, shape=Box(n % 99, 5, 9, 9)
                )


def _open(path: Path) -> None:
    Project.open(path).close()


def _floor(file: Path) -> float:
    """Seconds that SQLite itself takes to remove a row of the same table, and to commit."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")

        def remove() -> None:
            with connection:
                connection.execute(
                    "DELETE FROM annotation WHERE id = (SELECT max(id) FROM annotation)"
                )

        return statistics.median(timed(remove) for _ in range(TURNS))
