"""The pipeline at hand: its edits are undo steps of the project, a drag is a draft until let go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal

from cvstudio.augment import editing, presets
from cvstudio.augment.catalogue import make_step
from cvstudio.augment.editing import Items, Place
from cvstudio.augment.item_form import CHANCE, field_title, new_item, with_value
from cvstudio.augment.presets import Pipeline
from cvstudio.augment.summary import step_title
from cvstudio.core.errors import ConfigError
from cvstudio.core.pipeline import Automatic, Group, GroupKind, Item, Step
from cvstudio.gui.studio import Studio
from cvstudio.project import pipeline as stored
from cvstudio.project.changes import ChangeSet


class PipelineModel(QObject):
    """Steps and groups, the place of the selected one, and the preset that they came from."""

    changed = Signal()
    """Other steps are shown, drafted or stored."""

    def __init__(self, studio: Studio, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.name = ""
        self.steps: Items = ()
        self.selected: Place = (0,)
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
        return self.differs_from(self.choices)

    def differs_from(self, choices: Sequence[Pipeline]) -> bool:
        """As differs, where the choices have been read already."""
        known = next((p for p in choices if p.name == self.name), None)
        return known is None or known.steps != self.steps

    @property
    def item(self) -> Item | None:
        """What is selected: a step, a group or automatic changes."""
        return editing.at(self.steps, self.selected)

    @property
    def step(self) -> Step | None:
        """The selected step; None while something else is selected."""
        return self.item if isinstance(self.item, Step) else None

    @property
    def weighed(self) -> bool:
        """Whether the selected step's chance is its weight in a group."""
        group = editing.at(self.steps, self.selected[:1])
        inside = len(self.selected) == 2
        return inside and isinstance(group, Group) and group.group is GroupKind.ONE_OF

    @property
    def active(self) -> int:
        """How many steps can act; automatic changes count as one."""
        return sum(
            not isinstance(item, Group) and editing.acts(self.steps, place)
            for place, item in editing.flat(self.steps)
        )

    # -- changing

    def select(self, place: Place) -> None:
        """Make an item the one whose settings are shown."""
        if place != self.selected and editing.at(self.steps, place) is not None:
            self.selected = place
            self.changed.emit()

    def draft(self, name: str, value: Any) -> None:
        """Show another value of the selected item while it is being dragged; nothing is stored."""
        if self.item is None:
            return
        steps = self._with(name, value)
        if steps != self.steps:
            self.steps = steps
            self.changed.emit()

    def set_value(self, name: str, value: Any) -> None:
        """Give the selected item another value."""
        item = self.item
        if item is None:
            return
        title = field_title(item, name)
        more = f" of {step_title(item).lower()}" if name == CHANCE else ""
        self._store(f"Change {title}{more}", self._with(name, value))

    def set_values(self, label: str, parameters: dict[str, Any]) -> None:
        """Give the selected step other parameters, in one undo step."""
        if self.step is not None:
            self._store(label, editing.with_parameters(self.steps, self.selected, **parameters))

    def set_enabled(self, place: Place, on: bool) -> None:
        """Switch an item on or off."""
        verb = "Switch on" if on else "Switch off"
        steps = editing.changed(self.steps, place, enabled=on)
        self._store(f"{verb} {self._words(place)}", steps)

    def add(self, name: str) -> None:
        """Add what the catalogue offers under that name behind the selected item, or into it."""
        item = new_item(name) or make_step(name)
        where = editing.after_selected(self.steps, self.selected)
        steps, place = editing.inserted(self.steps, where, item)
        self._store(f"Add {step_title(item).lower()}", steps, selected=place)

    def remove(self, place: Place) -> None:
        """Take an item out, a group with its steps."""
        if editing.at(self.steps, place) is not None:
            label = f"Remove {self._words(place)}"
            self._store(label, editing.removed(self.steps, place))

    def move(self, start: Place, to: Place) -> None:
        """Put an item before what stands at another place; it stays selected."""
        steps, place = editing.moved(self.steps, start, to)
        if steps != self.steps:
            self._store(f"Move {self._words(start)}", steps, selected=place)

    def shift(self, place: Place, down: bool) -> None:
        """Move an item by one row, into groups and out of them."""
        to = editing.neighbour(self.steps, place, down)
        if to is not None:
            self.move(place, to)

    def group(self, kind: GroupKind = GroupKind.ONE_OF) -> None:
        """Put the selected step into a group of its own, to which others can be added."""
        steps, place = editing.grouped(self.steps, self.selected, kind)
        if steps != self.steps:
            self._store(f"Group {self._words(self.selected)}", steps, selected=place)

    def dissolve(self) -> None:
        """Put the steps of the selected group in its place; show automatic changes as steps."""
        if self.item is None:
            return
        steps, place = editing.dissolved(self.steps, self.selected)
        if steps != self.steps:
            words = "Show" if isinstance(self.item, Automatic) else "Dissolve"
            self._store(f"{words} {self._words(self.selected[:1])}", steps, selected=place)

    def reset_step(self) -> None:
        """Give the selected item the catalogue's own values."""
        item = self.item
        if isinstance(item, Step):
            fresh: Item = make_step(item.transform, chance=item.chance, enabled=item.enabled)
        elif isinstance(item, Automatic):
            fresh = Automatic(enabled=item.enabled)
        else:
            return
        steps = editing.replaced(self.steps, self.selected, fresh)
        self._store(f"Reset {self._words(self.selected)}", steps)

    def choose(self, preset: Pipeline, *, label: str = "") -> None:
        """Take the steps of a preset, or of a file."""
        self._store(label or f"Choose {preset.name}", preset.steps, name=preset.name,
                    selected=(0,))  # fmt: skip

    def replace(self, label: str, steps: Sequence[Item]) -> None:
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

    def _show(self, name: str, steps: Items, selected: Place | None = None) -> None:
        self.name, self.steps = name, steps
        self.selected = self._nearest(self.selected if selected is None else selected)
        self.changed.emit()

    def _nearest(self, place: Place) -> Place:
        """A place where something stands: this one, the one before it, or its group."""
        places = [found for found, _item in editing.flat(self.steps)]
        return max((found for found in places if found <= place), default=(0,))

    def _store(
        self, label: str, steps: Items, *, name: str = "", selected: Place | None = None
    ) -> None:
        project = self._studio.project
        if project is None:
            return
        name = name or self.name
        self._show(name, steps, selected)
        if project.writable:
            stored.set_draft(project, label=label, name=name, steps=steps, source=self)

    def _with(self, name: str, value: Any) -> Items:
        assert self.item is not None
        return editing.replaced(self.steps, self.selected, with_value(self.item, name, value))

    def _words(self, place: Place) -> str:
        item = editing.at(self.steps, place)
        return step_title(item).lower() if item is not None else ""
