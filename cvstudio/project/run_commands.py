"""What is noted of runs, of the experiments that hold some together, and of the snapshots that
they learn from; commands as in commands.py."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.project import rows
from cvstudio.project.queries import among
from cvstudio.project.tables import ExperimentKind, ExperimentRow, RunRow, SnapshotRow


def add_snapshot(s: Session, *, hash: str, image_count: int, annotation_count: int) -> int:
    """Note a snapshot by its hash and return its id; the same content is noted once."""
    known = s.scalar(select(SnapshotRow.id).where(SnapshotRow.hash == hash))
    if known is not None:
        return known
    columns = ("hash", "created", "image_count", "annotation_count")
    (new,) = rows.add(s, "snapshot", columns, [(hash, time.time(), image_count, annotation_count)])
    return new


def add_run(s: Session, **values: Any) -> int:
    """Add a run and return its id; `values` are columns of tables.RunRow, created is now."""
    known = among(RunRow, values)
    known.setdefault("created", time.time())
    (new,) = rows.add(s, "run", tuple(known), [tuple(known.values())])
    return new


def update_run(s: Session, *, id: int, **values: Any) -> None:
    """Set columns of a run (tables.RunRow), as its events tell."""
    rows.change(s, "run", [id], **among(RunRow, values))


def delete_run(s: Session, *, id: int) -> None:
    """Forget a run; its directory is the caller's to remove."""
    rows.remove(s, "run", [id])


def add_experiment(
    s: Session, *, kind: ExperimentKind, name: str, settings: Mapping[str, Any]
) -> tuple[int, str]:
    """Add an experiment without runs; its id, and its directory relative to the project's."""
    number = rows.next_id(s, "experiment")
    directory = f"experiments/{number:04d}-{kind.value}"
    columns = ("kind", "name", "settings", "directory", "created")
    told = json.dumps(settings, ensure_ascii=False)
    (new,) = rows.add(
        s, "experiment", columns, [(kind.value, name, told, directory, time.time())]
    )  # fmt: skip
    return new, directory


def update_experiment(s: Session, *, id: int, **values: Any) -> None:
    """Set columns of an experiment (tables.ExperimentRow)."""
    rows.change(s, "experiment", [id], **among(ExperimentRow, values))


def experiment_goes_on(s: Session, id: int) -> bool:
    """Whether an experiment is there and was not ended."""
    row = s.get(ExperimentRow, id)
    return row is not None and row.ended is None


def delete_experiment(s: Session, *, id: int) -> None:
    """Forget an experiment; its runs stay as runs of their own, its directory is the caller's."""
    runs = s.scalars(select(RunRow.id).where(RunRow.experiment_id == id)).all()
    rows.change(s, "run", runs, experiment_id=None, role=None)
    rows.remove(s, "experiment", [id])
