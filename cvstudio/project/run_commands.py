"""What is noted of runs and of the snapshots that they learn from; commands as in commands.py."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.project import rows
from cvstudio.project.queries import among
from cvstudio.project.tables import RunRow, SnapshotRow


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
