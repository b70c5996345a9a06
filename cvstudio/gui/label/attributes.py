"""The attributes of what is selected: a compact panel under the list, and the key that opens it."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cvstudio.core.annotation import Annotation, State, Task
from cvstudio.core.attributes import Attribute, Value, values_in, words_of
from cvstudio.core.words import counted, quoted
from cvstudio.gui import theme
from cvstudio.gui.actions import Actions
from cvstudio.gui.label.attribute_fields import AttributeField, field_of
from cvstudio.gui.label.document import Document
from cvstudio.gui.widgets.layouts import scrolling
from cvstudio.gui.widgets.section import SectionHeader, line
from cvstudio.project import attributes, commands

_MOST_ROWS = 5
_GAP = 4


class AttributePanel(QWidget):
    """A row for each attribute that all the annotations have; hidden while there is none."""

    given = Signal(str, object)
    left = Signal()
    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(line())
        self.header = SectionHeader("Attributes")
        column.addWidget(self.header)
        inside = QWidget()
        self._rows = QVBoxLayout(inside)
        padding = theme.size("panel_padding")
        self._rows.setContentsMargins(padding, 0, padding, 8)
        self._rows.setSpacing(_GAP)
        self._area = scrolling(inside)
        column.addWidget(self._area)
        self.fields: list[AttributeField] = []
        self._asked: tuple[Attribute, ...] = ()
        self.hide()

    def show_attributes(
        self, asked: tuple[Attribute, ...], annotations: list[Annotation], *, writable: bool
    ) -> None:
        """Show these attributes of these annotations; rows that fit are kept with the focus."""
        if asked != self._asked:
            self._build(asked)
        values = [values_in(a.attributes) for a in annotations]
        for field in self.fields:
            field.show_states([each.get(field.attribute.name) for each in values])
            field.editor.setEnabled(writable)
        self.header.figure.setText(f"{len(annotations):,} selected" if len(annotations) > 1 else "")
        self.setVisible(bool(asked))

    def _build(self, asked: tuple[Attribute, ...]) -> None:
        self._asked = asked
        for old in self.fields:
            self._rows.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.fields = [field_of(attribute) for attribute in asked]
        for field in self.fields:
            self._rows.addWidget(field)
            field.given.connect(partial(self.given.emit, field.attribute.name))
            field.walked.connect(partial(self._walk, field))
            field.left.connect(self.left)
            field.refused.connect(self.refused)
        shown = min(len(self.fields), _MOST_ROWS)
        row = self.fields[0].sizeHint().height() + _GAP if self.fields else 0
        half = row // 2 if len(self.fields) > _MOST_ROWS else 0
        self._area.setFixedHeight(shown * row + 8 + half)

    def take_focus(self, field: AttributeField) -> None:
        """Give the keys to a field."""
        field.editor.setFocus()
        self._area.ensureWidgetVisible(field)

    def settle(self) -> None:
        """Give what was typed and not yet given."""
        for field in self.fields:
            field.settle()

    def _walk(self, field: AttributeField, step: int) -> None:
        place = (self.fields.index(field) if field in self.fields else -2) + step
        if 0 <= place < len(self.fields):
            self.take_focus(self.fields[place])
        else:
            self.left.emit()


class Attributes(QObject):
    """Keeps the panel in step with the selection, and owns the action; each value is one step."""

    said = Signal(str)
    answered = Signal()
    """The canvas takes the keys again."""

    def __init__(self, actions: Actions, document: Document, page: QWidget) -> None:
        super().__init__(page)
        self._document = document
        self.panel = AttributePanel()
        self._ids: tuple[int, ...] = ()
        """The annotations that the panel shows, also while the selection changes."""
        self.panel.given.connect(self.give)
        self.panel.left.connect(self.answered)
        self.panel.refused.connect(self.said)
        actions.connect("label.attributes", self.open, page)
        document.leaving.connect(self.panel.settle)
        for changed in (
            document.selection_changed, document.annotations_changed, document.classes_changed,
            document.image_changed,
        ):  # fmt: skip
            changed.connect(self.refresh)

    def _about(self) -> list[Annotation]:
        """What is selected; where images are classified, what is said of the image."""
        document = self._document
        if document.task != Task.CLASSIFY:
            return document.selected()
        found = document.annotations
        return [a for a in found if a.shape is None and a.state == State.ACCEPTED]

    def _asked(self, about: list[Annotation]) -> tuple[Attribute, ...]:
        """What the classes of all of them ask, in the same way."""
        asked = [self._document.asked.get(each, ()) for each in {a.class_id for a in about}]
        return tuple(a for a in asked[0] if all(a in each for each in asked)) if asked else ()

    def refresh(self) -> None:
        """The selection, its values or the definitions are other ones."""
        about = self._about()
        if tuple(a.id for a in about) != self._ids:
            self.panel.settle()
            about = self._about()
        self._ids = tuple(a.id for a in about)
        writable = self._document.project.writable
        self.panel.show_attributes(self._asked(about), about, writable=writable)

    def open(self) -> None:
        """Give the keys to the first attribute."""
        about = self._about()
        if self.panel.fields and about:
            self.panel.take_focus(self.panel.fields[0])
        elif not about:
            self.said.emit("Select an annotation first")
        elif len({a.class_id for a in about}) > 1:
            self.said.emit("The classes of the selection share no attribute")
        else:
            name = self._document.classes[about[0].class_id].name
            self.said.emit(f"{quoted(name)} asks for no attributes: Manage classes defines them")

    def give(self, name: str, value: Value | None) -> None:
        """Give the annotations a value; a suggestion is accepted by that."""
        document = self._document
        ids = document.unlocked(self._ids)
        before = {a.id: a for a in document.annotations}
        ids = [id for id in ids if id in before and _held(before[id], name) != (value,)]
        kept = [id for id in ids if before[id].state == State.SUGGESTED]

        def work(session: Any) -> None:
            attributes.set_value(session, ids=ids, name=name, value=value)
            if kept:
                commands.set_state(session, ids=kept, state=State.ACCEPTED)

        of = f" of {counted(len(ids), 'object')}" if len(ids) > 1 else ""
        words = f"Clear {name}{of}"
        if value is not None:
            words = f"Set {name}{of} to {words_of(value)}"
        if not ids or not document.change(words, work):
            self.refresh()


def _held(annotation: Annotation, name: str) -> tuple[Value | None]:
    return (values_in(annotation.attributes).get(name),)
