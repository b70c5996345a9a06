"""What a class asks about its objects: the attributes in a list, and a form for each.

While it is changed the dialog says what the values would become; `plan` holds the answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.attributes import Attribute, AttributeKind, Value, words_of
from cvstudio.core.errors import ProjectError
from cvstudio.core.words import quoted
from cvstudio.gui import theme
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.one_step import ONE_STEP
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.dialogs import StudioDialog, ask
from cvstudio.gui.widgets.progress_dialog import Outcome, run_with_progress
from cvstudio.gui.widgets.section import Segments, label, tool
from cvstudio.project import attribute_changes, attributes, queries
from cvstudio.project.attribute_changes import Edit, Plan
from cvstudio.project.changes import ChangeSet

_KINDS = (
    (AttributeKind.CHECKBOX, "Check box", "Yes or no"),
    (AttributeKind.CHOICE, "Choice", "One of a few words"),
    (AttributeKind.NUMBER, "Number", "A number, in a range and with a unit if you like"),
    (AttributeKind.TEXT, "Text", "Any words"),
)
_MOST_LINES = 6
_SOON = 200  # ms without a key after which it is worked out what the values become


@dataclass
class Draft:
    """One attribute while it is written; numbers and the default are still text."""

    was: str = ""
    name: str = ""
    kind: AttributeKind = AttributeKind.CHECKBOX
    choices: tuple[str, ...] = ()
    low: str = ""
    high: str = ""
    unit: str = ""
    default: str = ""
    fill: bool = False

    @classmethod
    def of(cls, attribute: Attribute) -> Draft:
        """The draft of an attribute that is there already."""
        low, high = ("" if n is None else _in_full(n) for n in (attribute.low, attribute.high))
        default = "" if attribute.default is None else _in_full(attribute.default)
        return cls(
            attribute.name, attribute.name, attribute.kind, attribute.choices, low, high,
            attribute.unit, default,
        )  # fmt: skip

    def edit(self) -> Edit:
        """What is written. Raises ProjectError when it cannot be asked like this."""
        name = self.name.strip()
        number = self.kind is AttributeKind.NUMBER
        asked = Attribute(
            name=name,
            kind=self.kind,
            choices=self.choices if self.kind is AttributeKind.CHOICE else (),
            low=_number(self.low) if number else None,
            high=_number(self.high) if number else None,
            unit=self.unit.strip() if number else "",
        )
        if problem := asked.problem():
            raise ProjectError(problem)
        text = self.default.strip()
        default = asked.taken(text) if text else None
        if text and default is None:
            raise ProjectError(f"{quoted(text)} is no value of {quoted(name)}: choose its default.")
        whole = Attribute(
            asked.name, asked.kind, asked.choices, asked.low, asked.high, asked.unit, default
        )
        return Edit(whole, self.was, self.fill and default is not None)


def _in_full(value: Value) -> str:
    """A value with all its digits, so that reading it gives the same one."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return words_of(value)


def _number(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        raise ProjectError(f"{quoted(text)} is no number.") from None
    if not math.isfinite(value):
        raise ProjectError(f"{quoted(text)} is no number.")
    return value


class AttributeForm(QWidget):
    """The form of one draft; `changed` after each key."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._draft: Draft | None = None
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        self.name = self._line("Name")
        self.kind = Segments([words for _, words, _ in _KINDS], tips=[tip for *_, tip in _KINDS])
        self.kind.setAccessibleName("Kind")
        self.kind.chosen.connect(self._take_kind)
        self.choices = QPlainTextEdit()
        self.choices.setAccessibleName("Choices, one a line")
        self.choices.setPlaceholderText("One a line")
        self.choices.setTabChangesFocus(True)
        self.choices.setFixedHeight(92)
        self.choices.textChanged.connect(self._take)
        self.low, self.high = self._line("From"), self._line("To")
        self.unit = self._line("Unit")
        self.default_choice = QComboBox()
        self.default_choice.setAccessibleName("Default")
        self.default_choice.activated.connect(lambda _index: self._take())
        self.default = self._line("Default")
        self.default.setPlaceholderText("none")
        self.fill = QCheckBox("Give it to objects that have no value yet")
        self.fill.toggled.connect(lambda _on: self._take())
        range_ = QWidget()
        row = QHBoxLayout(range_)
        row.setContentsMargins(0, 0, 0, 0)
        for words, field in (("", self.low), ("to", self.high), ("unit", self.unit)):
            if words:
                row.addWidget(label(words, "muted"))
            row.addWidget(field)
        default = QWidget()
        row = QHBoxLayout(default)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.default)
        row.addWidget(self.default_choice, 1)
        self._rows: dict[str, tuple[QWidget, QWidget]] = {}
        for place, (words, widget) in enumerate(
            (("Name", self.name), ("Kind", self.kind), ("Choices", self.choices),
             ("Range", range_), ("Default", default), ("", self.fill))
        ):  # fmt: skip
            title = label(words)
            title.setMinimumHeight(theme.size("field"))  # beside the first line of what it names
            grid.addWidget(title, place, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(widget, place, 1)
            self._rows[words or "Fill"] = (title, widget)
        grid.setRowStretch(6, 1)

    def _line(self, name: str) -> QLineEdit:
        field = QLineEdit()
        field.setAccessibleName(name)
        field.textEdited.connect(lambda _text: self._take())
        return field

    def show_draft(self, draft: Draft | None) -> None:
        """Show a draft, which follows what is written from now on."""
        self._draft = None
        self.setEnabled(draft is not None)
        draft_ = draft or Draft()
        self.name.setText(draft_.name)
        self.kind.choose([kind for kind, *_ in _KINDS].index(draft_.kind))
        self.choices.setPlainText("\n".join(draft_.choices))
        self.low.setText(draft_.low)
        self.high.setText(draft_.high)
        self.unit.setText(draft_.unit)
        self.default.setText(draft_.default)
        self.fill.setChecked(draft_.fill)
        self._draft = draft
        self._show_kind(draft_)

    def _show_kind(self, draft: Draft) -> None:
        chosen = draft.kind in (AttributeKind.CHECKBOX, AttributeKind.CHOICE)
        for name, kind in (("Choices", AttributeKind.CHOICE), ("Range", AttributeKind.NUMBER)):
            for part in self._rows[name]:
                part.setVisible(draft.kind is kind)
        self.default.setVisible(not chosen)
        self.default_choice.setVisible(chosen)
        words = draft.choices if draft.kind is AttributeKind.CHOICE else ("yes", "no")
        offered = ["", *words]
        if [self.default_choice.itemData(i) for i in range(self.default_choice.count())] != offered:
            self.default_choice.clear()
            for each in offered:
                self.default_choice.addItem(each or "none", each)
        self.default_choice.setCurrentIndex(max(self.default_choice.findData(draft.default), 0))
        self.fill.setEnabled(bool(draft.default.strip()))

    def _take_kind(self, index: int) -> None:
        if self._draft is not None:
            self._draft.kind, self._draft.default = _KINDS[index][0], ""
            self.default.clear()
            self._show_kind(self._draft)
            self.changed.emit()

    def _take(self) -> None:
        draft = self._draft
        if draft is None:
            return
        lines = (line.strip() for line in self.choices.toPlainText().splitlines())
        draft.name, draft.choices = self.name.text(), tuple(line for line in lines if line)
        draft.low, draft.high, draft.unit = self.low.text(), self.high.text(), self.unit.text()
        if draft.kind in (AttributeKind.CHECKBOX, AttributeKind.CHOICE):
            draft.default = str(self.default_choice.currentData() or "")
            known = draft.choices if draft.kind is AttributeKind.CHOICE else ("yes", "no")
            draft.default = draft.default if draft.default in known else ""
        else:
            draft.default = self.default.text()
        draft.fill = self.fill.isChecked()
        self._show_kind(draft)
        self.changed.emit()


class AttributesDialog(StudioDialog):
    """Add, change, order and remove what a class asks; `plan` after it was accepted."""

    def __init__(self, parent: QWidget | None, studio: Studio, class_id: int) -> None:
        assert studio.project is not None
        self._project, self._tasks = studio.project, studio.tasks
        with self._project.read() as session:
            names = {c.id: c.name for c in queries.classes(session)}
            own = attributes.own(session).get(class_id, ())
            asked = attributes.asked(session)[class_id]
        super().__init__(parent, f"Attributes of {quoted(names[class_id])}", width=640)
        self.setObjectName("attributes")
        self._class_id = class_id
        self._before = own
        self.drafts = [Draft.of(each) for each in own]
        mine = {each.name for each in own}
        inherited = [each.name for each in asked if each.name not in mine]
        self._latest = LatestWins(studio.tasks, owner=self)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON)
        self._soon.timeout.connect(self._ask_for_plan)
        self.plan: Plan | None = None
        """What becomes of the values by what is written now; None until that is known."""
        words = "Objects are asked for these on the Label page, and found by them on the Data page."
        if inherited:
            words += f" From the class above: {', '.join(inherited)}."
        self.content.addWidget(label(words, "muted", wrap=True))
        self.content.addLayout(self._body(), 1)
        self.effects = label("", "caption", wrap=True)
        self.content.addWidget(self.effects)
        self.add_button("Cancel", self.reject)
        self.go = self.add_button("Change attributes", self.accept, next=True)
        self._over = False
        studio.project_changed.connect(self._on_project)
        self._show_list(0)
        self._on_change()

    def _body(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(16)
        column = QVBoxLayout()
        column.setSpacing(4)
        self.list = QListWidget()
        self.list.setAccessibleName("Attributes")
        theme.mark(self.list, ground="field")
        self.list.setFixedWidth(180)
        self.list.setMinimumHeight(200)
        self.list.currentRowChanged.connect(self._show_draft)
        column.addWidget(self.list, 1)
        buttons = QHBoxLayout()
        self.plus = tool(icon_name="plus", tip="Add an attribute", do=self.add)
        self.minus = tool(icon_name="trash-can-outline", tip="Remove it", do=self.remove)
        self.up = tool(icon_name="chevron-up", tip="Ask it earlier", do=lambda: self.shift(-1))
        self.down = tool(icon_name="chevron-down", tip="Ask it later", do=lambda: self.shift(1))
        for button in (self.plus, self.minus, self.up, self.down):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column.addLayout(buttons)
        row.addLayout(column)
        self.form = AttributeForm()
        self.form.changed.connect(self._on_change)
        row.addWidget(self.form, 1)
        return row

    @property
    def edits(self) -> list[Edit]:
        """What is written. Raises ProjectError when one cannot be asked like this."""
        return [draft.edit() for draft in self.drafts]

    # -- the list

    def _show_list(self, row: int) -> None:
        self.list.blockSignals(True)
        self.list.clear()
        self.list.addItems([draft.name or "New attribute" for draft in self.drafts])
        self.list.blockSignals(False)
        self.list.setCurrentRow(min(row, len(self.drafts) - 1))
        self._show_draft(self.list.currentRow())

    def _show_draft(self, row: int) -> None:
        there = 0 <= row < len(self.drafts)
        self.form.show_draft(self.drafts[row] if there else None)
        self.minus.setEnabled(there)
        self.up.setEnabled(there and row > 0)
        self.down.setEnabled(there and row < len(self.drafts) - 1)

    def add(self) -> None:
        """Begin another attribute."""
        self.drafts.append(Draft())
        self._show_list(len(self.drafts) - 1)
        self.form.name.setFocus()
        self._on_change()

    def remove(self) -> None:
        """Ask for the chosen attribute no more."""
        row = self.list.currentRow()
        del self.drafts[row]
        self._show_list(max(row - 1, 0))
        self._on_change()

    def shift(self, step: int) -> None:
        """Ask for the chosen attribute earlier or later."""
        row = self.list.currentRow()
        self.drafts.insert(row + step, self.drafts.pop(row))
        self._show_list(row + step)
        self._on_change()

    # -- what it would do

    def _on_change(self) -> None:
        row = self.list.currentRow()
        if 0 <= row < len(self.drafts):
            item = self.list.item(row)
            assert item is not None
            item.setText(self.drafts[row].name or "New attribute")
        self.plan = None
        self._latest.drop()
        try:
            edits = self.edits
        except ProjectError as error:
            self._tell(error.message, possible=False)
            return
        if not edits and not self._before:
            self._tell("Nothing is asked yet: add an attribute with the plus.", possible=False)
            return
        self.go.setEnabled(True)
        self._soon.start()

    def _on_project(self, changes: ChangeSet) -> None:
        """What a thread has changed meanwhile counts as well."""
        if not self._over and (changes.touches("annotation") or changes.touches("label_class")):
            self._on_change()

    def _ask_for_plan(self) -> None:
        try:
            edits = self.edits
        except ProjectError:
            return  # it has been told when it was written
        self.effects.setText("Looking what becomes of the values.")
        self._latest.request(partial(self._planned, edits), self._show_plan, self._refused)

    def _planned(self, edits: Sequence[Edit], control: Control) -> Plan:
        """For a thread: very many objects take seconds."""
        told = partial(_told, control)
        with self._project.read() as session:
            return attribute_changes.plan(session, class_id=self._class_id, edits=edits, told=told)

    def _show_plan(self, plan: Plan) -> None:
        self.plan = plan
        lines = plan.lines[:_MOST_LINES]
        if len(plan.lines) > _MOST_LINES:
            lines.append(f"And {len(plan.lines) - _MOST_LINES} more changes.")
        self._tell("\n".join(lines) or "No value of any object changes.", possible=True)

    def _refused(self, error: BaseException) -> None:
        self._tell(error.message if isinstance(error, ProjectError) else str(error), possible=False)

    def _tell(self, words: str, *, possible: bool) -> None:
        self.effects.setText(words)
        self.go.setEnabled(possible)
        self.note(ONE_STEP if possible else "")
        self.fit_height()

    def accept(self) -> None:
        """Close with the plan; values that would be lost are asked about."""
        try:
            edits = self.edits
        except ProjectError as error:
            self._tell(error.message, possible=False)
            return
        if self.plan is None and not self._plan_now(edits):
            return
        assert self.plan is not None
        text = "\n".join([*self.plan.lines, ONE_STEP])
        lost = self.plan.lost
        if lost and not ask(self, "Lose these values?", text, yes="Lose them", danger=True):
            return
        super().accept()

    def _plan_now(self, edits: Sequence[Edit]) -> bool:
        """Plan what nobody has waited for, seen by the person. False when it did not come to it."""
        self._soon.stop()
        self._latest.drop()
        outcome = run_with_progress(
            self, self._tasks, "Look what becomes of the values", partial(self._planned, edits)
        )
        if outcome.error is not None:
            self._refused(outcome.error)
        elif not outcome.cancelled:
            self._show_plan(outcome.result)
        return self.plan is not None

    def carry_out(self, step: str, *, source: QObject) -> Outcome:
        """Change the class and its objects as planned, in a thread, as one undo step."""
        plan, project = self.plan, self._project
        assert plan is not None

        def work(control: Control) -> None:
            with project.transaction(step, source=source) as session:
                attribute_changes.carry_out(session, plan, told=partial(_told, control))
                control.check()

        return run_with_progress(self.parentWidget(), self._tasks, step, work, whole=True)

    def done(self, result: int) -> None:
        self._over = True
        self._soon.stop()
        self._latest.drop()
        super().done(result)


def _told(control: Control, done: int, total: int) -> None:
    control.check()
    control.progress(done, total, "Objects")
