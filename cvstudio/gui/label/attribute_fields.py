"""One field for each kind of attribute: check box, choice, number and text.

A field shows the values of all annotations that it is about: their common one, "several values" or
"not set". It tells what a person gives by `given`; None leaves the value open. With the keys: Space
for a check box, the digits for choices and for yes (1) and no (0), Delete for no value.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QWidget

from cvstudio.core.attributes import Attribute, AttributeKind, Value, words_of
from cvstudio.core.words import quoted
from cvstudio.gui.widgets.section import label
from cvstudio.gui.widgets.verbatim import tip

SEVERAL, OPEN = "several values", "not set"
_TITLE = 92
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_WALK = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
_CLEAR = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
_STEPS = (Qt.Key.Key_Up, Qt.Key.Key_Down)
_PLAIN = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)


class AttributeField(QWidget):
    """A row: the attribute's name and its editor."""

    given = Signal(object)
    walked = Signal(int)
    """Tab (1) and Shift+Tab (-1)."""
    left = Signal()
    """Enter or Esc: the canvas takes the keys again."""
    refused = Signal(str)

    def __init__(self, attribute: Attribute) -> None:
        super().__init__()
        self.attribute = attribute
        self.states: tuple[Value | None, ...] = ()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.title = label(attribute.name)
        self.title.setFixedWidth(_TITLE)
        self.title.setToolTip(tip(attribute.name))
        row.addWidget(self.title)
        self.editor = self._make(row)
        self.editor.setAccessibleName(attribute.name)
        self.editor.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.editor.installEventFilter(self)

    def _make(self, row: QHBoxLayout) -> QWidget:
        """Put the editor into the row and return what takes the focus."""
        raise NotImplementedError

    def show_states(self, states: Sequence[Value | None]) -> None:
        """Show what the annotations have, without telling."""
        self.states = tuple(states)
        self._show()

    def _show(self) -> None:
        raise NotImplementedError

    def settle(self) -> None:
        """Give what was typed, if anything."""

    def revert(self) -> None:
        """Drop what was typed."""
        self._show()

    def press(self, key: int) -> bool:
        """A key of the editor's own. False when it has no use for it."""
        if key in _CLEAR:
            self.given.emit(None)
            return True
        return False

    def owns(self, key: int) -> bool:
        """Whether a plain key is for the editor, before any action of the page."""
        return key in (*_CLEAR, Qt.Key.Key_Space) or Qt.Key.Key_0 <= key <= Qt.Key.Key_9

    @property
    def common(self) -> Value | None:
        """The one value that all have; None when they differ or have none."""
        return self.states[0] if len(set(map(repr, self.states))) == 1 else None

    @property
    def state_words(self) -> str:
        """What stands for no common value: that there are several, none, or an unfit one."""
        if len(set(map(repr, self.states))) > 1:
            return SEVERAL
        value = self.states[0] if self.states else None
        if value is None:
            return OPEN
        return "" if self.attribute.taken(value) is not None else words_of(value)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys that the page would take first, or that walk through the fields."""
        if isinstance(event, QKeyEvent):
            key, plain = event.key(), event.modifiers() in _PLAIN
            shifted = event.modifiers() == Qt.KeyboardModifier.ShiftModifier
            walks = key in _WALK and (plain or shifted)
            leaves = plain and key in (*_ENTER, Qt.Key.Key_Escape)
            if event.type() == QEvent.Type.ShortcutOverride and (
                walks or leaves or (plain and self.owns(key))
            ):
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                if walks:
                    back = key == Qt.Key.Key_Backtab or shifted
                    self.settle()
                    self.walked.emit(-1 if back else 1)
                    return True
                if leaves:
                    (self.revert if key == Qt.Key.Key_Escape else self.settle)()
                    self.left.emit()
                    return True
                return plain and self.press(key)
        return super().eventFilter(watched, event)


class _TickBox(QCheckBox):
    """A click says yes, and no where it was yes; half a tick is only shown."""

    def nextCheckState(self) -> None:
        yes = self.checkState() == Qt.CheckState.Checked
        self.setCheckState(Qt.CheckState.Unchecked if yes else Qt.CheckState.Checked)


class CheckField(AttributeField):
    """Yes or no."""

    def _make(self, row: QHBoxLayout) -> QWidget:
        self.box = _TickBox()
        self.box.setTristate(True)
        self.box.setToolTip("Space turns it, 1 says yes, 0 no, Delete neither")
        self.box.clicked.connect(lambda _on=False: self.given.emit(self._ticked()))
        row.addWidget(self.box)
        row.addStretch(1)
        return self.box

    def _ticked(self) -> bool:
        return self.box.checkState() == Qt.CheckState.Checked

    def _show(self) -> None:
        value = None if self.common is None else self.attribute.taken(self.common)
        state = Qt.CheckState.PartiallyChecked
        if value is not None:
            state = Qt.CheckState.Checked if value else Qt.CheckState.Unchecked
        self.box.setCheckState(state)
        self.box.setText(self.state_words or words_of(value))

    def press(self, key: int) -> bool:
        if key in (Qt.Key.Key_0, Qt.Key.Key_1):
            self.given.emit(key == Qt.Key.Key_1)
            return True
        return super().press(key) or Qt.Key.Key_2 <= key <= Qt.Key.Key_9


class ChoiceField(AttributeField):
    """One of several words; the digits choose the first nine."""

    def _make(self, row: QHBoxLayout) -> QWidget:
        self.box = QComboBox()
        self.box.setToolTip("The digits choose, Delete takes the choice away")
        for number, choice in enumerate(self.attribute.choices, start=1):
            self.box.addItem(f"{number}  {choice}" if number < 10 else choice, choice)
        self.box.activated.connect(lambda index: self.given.emit(self.box.itemData(index)))
        self.box.setMinimumContentsLength(6)
        row.addWidget(self.box, 1)
        return self.box

    def _show(self) -> None:
        self.box.setPlaceholderText(self.state_words)
        fits = self.attribute.taken(self.common) if not self.state_words else None
        self.box.setCurrentIndex(-1 if fits is None else self.box.findData(fits))

    def owns(self, key: int) -> bool:
        return super().owns(key) or key in _STEPS

    def press(self, key: int) -> bool:
        place = key - Qt.Key.Key_1
        if 0 <= place < min(len(self.attribute.choices), 9):
            self.given.emit(self.attribute.choices[place])
            return True
        return super().press(key)


class WrittenField(AttributeField):
    """A number or a text, given by Enter, Tab or leaving the field."""

    def _make(self, row: QHBoxLayout) -> QWidget:
        self.line = QLineEdit()
        self.line.editingFinished.connect(self.settle)
        row.addWidget(self.line, 1)
        unit, allowed = self.attribute.unit, self.attribute.range_words()
        if self.attribute.kind is AttributeKind.NUMBER:
            self.line.setToolTip(tip(f"A number, {allowed}" if allowed else "A number"))
            if unit:
                row.addWidget(label(unit, "muted"))
        return self.line

    def _show(self) -> None:
        self.line.setText("" if self.common is None else words_of(self.common))
        self.line.setPlaceholderText(self.state_words)
        self.line.setModified(False)

    def settle(self) -> None:
        if not self.line.isModified():
            return
        self.line.setModified(False)
        text = self.line.text().strip()
        value = self.attribute.taken(text) if text else None
        if text and value is None:
            allowed = self.attribute.range_words() or "a number"
            self.refused.emit(f"{quoted(text)} is no value of {self.attribute.name}: {allowed}")
            self._show()
        else:
            self.given.emit(value)

    def owns(self, key: int) -> bool:
        return key in _CLEAR or key == Qt.Key.Key_Space or Qt.Key.Key_0 <= key <= Qt.Key.Key_9

    def press(self, key: int) -> bool:
        return False


_FIELDS: dict[AttributeKind, type[AttributeField]] = {
    AttributeKind.CHECKBOX: CheckField,
    AttributeKind.CHOICE: ChoiceField,
    AttributeKind.NUMBER: WrittenField,
    AttributeKind.TEXT: WrittenField,
}


def field_of(attribute: Attribute) -> AttributeField:
    """The field for an attribute."""
    return _FIELDS[attribute.kind](attribute)
