"""The whole content of a project as a value that can be compared."""

from __future__ import annotations

from typing import Any

from cvstudio.project.project import Project
from cvstudio.project.tables import Base


def dump(project: Project) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but the history and the steps, which tell how it came to be."""
    with project.read() as s:
        return {
            table.name: [tuple(row) for row in s.execute(table.select().order_by("id"))]
            for table in Base.metadata.sorted_tables
            if table.name not in ("history", "step", "step_image")
        }
