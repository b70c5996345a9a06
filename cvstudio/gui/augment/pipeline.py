"""The pipeline at hand: its edits are undo steps of the project, a drag is a draft until let go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal

from cvstudio.augment import presets
from cvstudio.augment.catalogue import make_step, transform
from cvstudio.augment.presets import Pipeline
from cvstudio.core.errors import ConfigError
from cvstudio.core.pipeline import Step
from cvstudio.gui.studio import Studio
from cvstudio.project import pipeline as stored
from cvstudio.project.changes import ChangeSet

CHANCE = "chance"


class PipelineModel(QObject):
    """Steps and the name of the preset that they came from."""

    changed = Signal()
    """Other steps are shown, drafted or stored."""

    def __init__(self, studio: Studio, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.name = ""
        self.steps: tuple[Step, ...] = ()
        self.selected = 0
        self.reload()
        studio.project_changed.connect(self._take)

    # -- reading

    def reload(self) -> None:
        """Show what the project holds; its task's own pipeline when that cannot be used."""
        project = self._studio.project
        if project is None:
            return
        try:
            found = stored.draft(project)
        except ConfigError as error:
            self._studio.toast(f"{error.message} The standard pipeline is shown.", level="warning")
            name = presets.DEFAULT[project.task]
            found = Pipeline(name, "", presets.default_steps(project.task))
        self._show(found.name, found.steps)

    @property
    def choices(self) -> list[Pipeline]:
        """The ready and the saved pipelines for the project's task."""
        assert self._studio.project is not None
        return [*presets.presets_for(self._studio.project.task), *presets.saved()]

    @property
    def differs(self) -> bool:
        """Whether the steps are other ones than those of the preset of that name."""
        known = next((p for p in self.choices if p.name == self.name), None)
        return known is None or known.steps != self.steps

    @property
    def step(self) -> Step | None:
        """The selected step."""
        return self.steps[self.selected] if self.selected < len(self.steps) else None

    @property
    def active(self) -> int:
        """How many steps can act."""
        return sum(step.enabled and step.chance > 0 for step in self.steps)

    # -- changing

    def select(self, index: int) -> None:
        """Make a step the one whose settings are shown."""
        if 0 <= index < len(self.steps) and index != self.selected:
            self.selected = index
            self.changed.emit()

    def draft(self, name: str, value: Any) -> None:
        """Show another value of the selected step while it is being dragged; nothing is stored."""
        steps = self._with(self.selected, name, value)
        if steps != self.steps:
            self.steps = steps
            self.changed.emit()

    def set_value(self, name: str, value: Any) -> None:
        """Give the selected step another value."""
        step = self.step
        if step is None:
            return
        if name == CHANCE:
            label = f"Change chance of {_title(step).lower()}"
        else:
            record = transform(step.transform)
            field = next(f for f in record.parameters if f.name == name)
            label = f"Change {field.title.lower()}"
        self._store(label, self._with(self.selected, name, value))

    def set_enabled(self, index: int, on: bool) -> None:
        """Switch a step on or off."""
        step = self.steps[index]
        verb = "Switch on" if on else "Switch off"
        self._store(
            f"{verb} {_title(step).lower()}",
            self._replaced(index, step.model_copy(update={"enabled": on})),
        )

    def add(self, name: str) -> None:
        """Add a step of the catalogue after the selected one."""
        at = min(self.selected + 1, len(self.steps))
        step = make_step(name)
        steps = (*self.steps[:at], step, *self.steps[at:])
        self._store(f"Add {_title(step).lower()}", steps, selected=at)

    def remove(self, index: int) -> None:
        """Take a step out."""
        if 0 <= index < len(self.steps):
            label = f"Remove {_title(self.steps[index]).lower()}"
            self._store(label, self.steps[:index] + self.steps[index + 1 :])

    def move(self, index: int, to: int) -> None:
        """Move a step to another place; it stays selected."""
        if index == to or not (0 <= index < len(self.steps) and 0 <= to < len(self.steps)):
            return
        steps = list(self.steps)
        steps.insert(to, steps.pop(index))
        self._store(f"Move {_title(steps[to]).lower()}", tuple(steps), selected=to)

    def reset_step(self) -> None:
        """Give the selected step the catalogue's own values."""
        step = self.step
        if step is not None:
            fresh = make_step(step.transform, chance=step.chance, enabled=step.enabled)
            self._store(f"Reset {_title(step).lower()}", self._replaced(self.selected, fresh))

    def choose(self, preset: Pipeline) -> None:
        """Take the steps of a preset."""
        self._store(f"Choose {preset.name}", preset.steps, name=preset.name, selected=0)

    def replace(self, label: str, steps: Sequence[Step]) -> None:
        """Take other steps under the same name, as a remedy gives them."""
        self._store(label, tuple(steps))

    def save(self, name: str) -> None:
        """Keep the steps under a name on this computer. Raises ConfigError."""
        presets.save(name, self.steps)
        self._store(f"Save pipeline {name}", self.steps, name=name.strip())
        self.changed.emit()

    def use(self) -> None:
        """Let the next runs train with these steps."""
        assert self._studio.project is not None
        stored.set_pipeline(self._studio.project, name=self.name, steps=self.steps)

    # -- inside

    def _take(self, changes: ChangeSet) -> None:
        # Undo and redo come from outside; so may the command line's changes.
        if changes.touches("project") and changes.source is not self:
            self.reload()

    def _show(self, name: str, steps: tuple[Step, ...], selected: int | None = None) -> None:
        self.name, self.steps = name, steps
        wanted = self.selected if selected is None else selected
        self.selected = max(0, min(wanted, len(steps) - 1))
        self.changed.emit()

    def _store(
        self, label: str, steps: tuple[Step, ...], *, name: str = "", selected: int | None = None
    ) -> None:
        project = self._studio.project
        if project is None:
            return
        name = name or self.name
        self._show(name, steps, selected)
        if project.writable:
            stored.set_draft(project, label=label, name=name, steps=steps, source=self)

    def _with(self, index: int, name: str, value: Any) -> tuple[Step, ...]:
        step = self.steps[index]
        if name == CHANCE:
            return self._replaced(index, step.model_copy(update={"chance": value / 100}))
        parameters = {**step.parameters, name: value}
        return self._replaced(index, step.model_copy(update={"parameters": parameters}))

    def _replaced(self, index: int, step: Step) -> tuple[Step, ...]:
        return (*self.steps[:index], step, *self.steps[index + 1 :])


def _title(step: Step) -> str:
    return transform(step.transform).title
