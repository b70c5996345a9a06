"""The augmentation that the next run of a project trains with: chosen in Augment, used by Train."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import TypeAdapter

from cvstudio.augment import presets
from cvstudio.augment.presets import Pipeline
from cvstudio.core.config import Step
from cvstudio.project import commands, queries
from cvstudio.project.project import Project

_KEY = "augmentation"
_STEPS: TypeAdapter[tuple[Step, ...]] = TypeAdapter(tuple[Step, ...])


def pipeline(project: Project) -> Pipeline:
    """The pipeline for the next run; a careful one until the person has chosen."""
    with project.read() as session:
        stored = queries.setting(session, _KEY)
    if stored is None:
        return next(p for p in presets.PRESETS if p.name == "Careful" and project.task in p.tasks)
    return Pipeline(stored["name"], "", _STEPS.validate_python(stored["steps"]))


def set_pipeline(project: Project, *, name: str, steps: Sequence[Step]) -> None:
    """Let the next runs train with these steps; one undo step."""
    content = {"name": name, "steps": [step.model_dump(mode="json") for step in steps]}
    with project.transaction(f"Use {name} for training") as session:
        commands.set_setting(session, _KEY, content)
