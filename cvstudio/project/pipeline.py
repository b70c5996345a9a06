"""The augmentation that the next run of a project trains with: chosen in Augment, used by Train."""

from __future__ import annotations

from collections.abc import Sequence

from cvstudio.augment.presets import DEFAULT, Pipeline, dump_steps, load_steps, presets_for
from cvstudio.core.pipeline import Item
from cvstudio.project import commands, queries
from cvstudio.project.project import Project

_KEY = "augmentation"
_DRAFT = "augmentation draft"


def pipeline(project: Project) -> Pipeline:
    """The pipeline for the next run; the task's own until the person has chosen.

    Raises ConfigError when what was stored cannot be used by this CVStudio.
    """
    with project.read() as session:
        stored = queries.setting(session, _KEY)
    if stored is None:
        wanted = DEFAULT[project.task]
        return next(preset for preset in presets_for(project.task) if preset.name == wanted)
    return Pipeline(stored["name"], "", load_steps(stored["steps"]))


def set_pipeline(project: Project, *, name: str, steps: Sequence[Item]) -> None:
    """Let the next runs train with these steps; one undo step."""
    with project.transaction(f"Use {name} for training") as session:
        commands.set_setting(session, _KEY, {"name": name, "steps": dump_steps(steps)})


def draft(project: Project) -> Pipeline:
    """The pipeline that is being put together in Augment; the next run's until it is changed.

    Raises ConfigError when what was stored cannot be used by this CVStudio.
    """
    with project.read() as session:
        stored = queries.setting(session, _DRAFT)
    if stored is None:
        return pipeline(project)
    return Pipeline(stored["name"], "", load_steps(stored["steps"]))


def set_draft(
    project: Project, *, label: str, name: str, steps: Sequence[Item], source: object = None
) -> None:
    """Keep the pipeline that is being put together; `label` is the undo step's menu text."""
    with project.transaction(label, source=source) as session:
        commands.set_setting(session, _DRAFT, {"name": name, "steps": dump_steps(steps)})
