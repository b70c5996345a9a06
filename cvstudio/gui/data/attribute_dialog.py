"""A value of an attribute for all objects of a class on the selected images, counted before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLineEdit, QWidget

from cvstudio.core.annotation import Task
from cvstudio.core.attributes import Attribute, AttributeKind, Value, words_of
from cvstudio.core.words import counted, quoted
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.one_step import ONE_STEP
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.progress_dialog import Outcome, run_with_progress
from cvstudio.gui.widgets.section import label
from cvstudio.gui.widgets.swatch import swatch_icon
from cvstudio.project import attribute_values, attributes, queries, relabelling
from cvstudio.project.attribute_values import Objects, Reach

_CHOSEN = (AttributeKind.CHECKBOX, AttributeKind.CHOICE)
_MOST_SHOWN = 6


class AttributeDialog(StudioDialog):
    """`class_id`, `attribute`, `value` (None takes it away) and `keeps` are the answer."""

    def __init__(self, parent: QWidget, studio: Studio, ids: Sequence[int]) -> None:
        assert studio.project is not None
        many = counted(len(ids), "image")
        super().__init__(parent, f"Attribute on {many}", width=480)
        self.setObjectName("attribute_of_images")
        self._project, self._tasks, self._ids = studio.project, studio.tasks, tuple(ids)
        self._thing = "image" if self._project.task is Task.CLASSIFY else "object"
        self._objects: Objects | None = None
        self.reach = Reach()
        """What the value would do, as far as it is known."""
        self._latest = LatestWins(studio.tasks, owner=self, title="Count objects")
        with self._project.read() as session:
            counts = relabelling.class_counts(session, image_ids=self._ids)
            asked = attributes.asked(session)
            self._classes = [
                c for c in queries.classes(session) if counts.get(c.id) and asked.get(c.id)
            ]
        self._asked = {c.id: asked[c.id] for c in self._classes}
        self.class_box, self.attribute_box = QComboBox(), QComboBox()
        self.choice, self.line = QComboBox(), QLineEdit()
        for found in self._classes:
            words = f"{found.name} ({counts[found.id]:,})"
            self.class_box.addItem(swatch_icon(found.colour), words, found.id)
        self.keep = QCheckBox("Leave those that have a value")
        self.away = QCheckBox("Take the value away")
        self._lay_out()
        self.figures = label("", "muted", wrap=True)
        self.content.addWidget(self.figures)
        self.note(ONE_STEP)
        self.add_button("Cancel", self.reject)
        self.go = self.add_button("Set", self.accept, next=True)
        if self.possible:
            self._show_attributes()

    @property
    def possible(self) -> bool:
        """Whether a class of objects on the images asks for anything."""
        return bool(self._classes)

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(10)
        grid.setColumnStretch(1, 1)
        rows = (
            (f"{self._thing.capitalize()}s of", self.class_box), ("Attribute", self.attribute_box),
            ("becomes", self.choice), ("", self.line), ("", self.away), ("", self.keep),
        )  # fmt: skip
        for row, (words, widget) in enumerate(rows):
            widget.setAccessibleName(words or "becomes")
            if words:
                grid.addWidget(label(words), row, 0)
            # Both editors of the value stand at one place: only one of them is shown.
            grid.addWidget(widget, 2 if widget is self.line else row, 1)
        for check in (self.keep, self.away):
            check.setAccessibleName(check.text())
            check.toggled.connect(lambda _on: self._count())
        self.content.addLayout(grid)
        self.now = label("", "caption", wrap=True)
        self.content.addWidget(self.now)
        self.class_box.currentIndexChanged.connect(lambda _row: self._show_attributes())
        self.attribute_box.currentIndexChanged.connect(lambda _row: self._look())
        self.choice.currentIndexChanged.connect(lambda _row: self._count())
        self.line.textChanged.connect(lambda _text: self._count())

    # -- the answer

    @property
    def class_id(self) -> int:
        """The class whose objects are meant."""
        found: int = self.class_box.currentData()
        return found

    @property
    def attribute(self) -> Attribute:
        """What they are asked."""
        return self._asked[self.class_id][self.attribute_box.currentIndex()]

    @property
    def value(self) -> Value | None:
        """What is written as the attribute holds it; None when it is none of its values."""
        if self.away.isChecked():
            return None
        chosen = self.choice.currentData() if self.attribute.kind in _CHOSEN else self.line.text()
        return self.attribute.taken(chosen) if chosen else None

    @property
    def keeps(self) -> bool:
        """Whether objects that have a value keep it."""
        return self.keep.isChecked() and not self.away.isChecked()

    @property
    def step(self) -> str:
        """What it does, as the undo step is called."""
        name, things = self.attribute.name, counted(self.reach.objects, self._thing)
        if self.value is None:
            return f"Clear {name} of {things}"
        return f"Set {name} of {things} to {words_of(self.value)}"

    def carry_out(self, *, source: QObject) -> Outcome:
        """Give the value in a thread, as one undo step; the result is what it has reached."""
        project, step = self._project, self.step
        work = partial(
            attribute_values.give, image_ids=self._ids, class_id=self.class_id,
            name=self.attribute.name, value=self.value, keep=self.keeps,
        )  # fmt: skip

        def change(control: Control) -> Reach:
            with project.transaction(step, source=source) as session:
                reached = work(session, told=partial(_told, control))
                control.check()
                return reached

        return run_with_progress(self.parentWidget(), self._tasks, step, change, whole=True)

    # -- what is shown

    def _show_attributes(self) -> None:
        self.attribute_box.blockSignals(True)
        self.attribute_box.clear()
        self.attribute_box.addItems([each.name for each in self._asked[self.class_id]])
        self.attribute_box.blockSignals(False)
        self._look()

    def _look(self) -> None:
        """Another attribute: read what it says now, in a thread, since objects may be many."""
        asked = self.attribute
        self._objects = None
        chosen = asked.kind in _CHOSEN
        words = asked.choices if asked.kind is AttributeKind.CHOICE else ("yes", "no")
        for editor in (self.choice, self.line):
            editor.blockSignals(True)
            editor.clear()
        for each in words if chosen else ():
            self.choice.addItem(each, each)
        self.choice.setCurrentIndex(-1)
        for editor in (self.choice, self.line):
            editor.setPlaceholderText("Choose a value" if chosen else "Its value")
            editor.setVisible(chosen is (editor is self.choice))
            editor.blockSignals(False)
        self.away.setChecked(False)
        allowed = asked.range_words()
        self.line.setToolTip(f"A number, {allowed}" if allowed else "")
        self.now.setText("")
        self._count()
        read = partial(
            attribute_values.objects, image_ids=self._ids, class_id=self.class_id, name=asked.name
        )

        def look(control: Control) -> Objects:
            with self._project.read() as session:
                return read(session, told=partial(_told, control))

        self._latest.request(look, self._take)

    def _take(self, found: Objects) -> None:
        self._objects = found
        counts = found.counts()
        shown = [f"{_said(value)} ({number:,})" for value, number in counts[:_MOST_SHOWN]]
        if len(counts) > _MOST_SHOWN:
            shown.append(counted(len(counts) - _MOST_SHOWN, "other value"))
        self.now.setText(f"Now: {', '.join(shown)}")
        self._count()

    def _count(self) -> None:
        """Say what the value would do."""
        away, asked = self.away.isChecked(), self.attribute
        for editor in (self.choice, self.line):
            editor.setEnabled(not away)
        self.keep.setEnabled(not away)
        value = self.value
        self.reach = Reach()
        if self._objects is None:
            words = "Counting"
        elif value is None and not away:
            typed = self.line.text().strip() if asked.kind not in _CHOSEN else ""
            words = "Say which value." if not typed else (
                f"{quoted(typed)} is no value of {asked.name}: {asked.range_words() or 'a number'}."
            )  # fmt: skip
        else:
            self.reach = self._objects.reach(value, keep=self.keeps)
            words = self._effect(self.reach, value)
        self.go.setEnabled(self.reach.objects > 0)
        self.figures.setText(words)
        self.fit_height()

    def _effect(self, reach: Reach, value: Value | None) -> str:
        name, one = self.attribute.name, reach.objects == 1
        things = counted(reach.objects, self._thing)
        if self._thing == "object":
            things += f" on {counted(reach.images, 'image')}"
        words = ["Nothing changes."]
        if reach.objects and value is None:
            words = [f"{things} {'loses' if one else 'lose'} the value of {quoted(name)}."]
        elif reach.objects:
            words = [f"{things} {'gets' if one else 'get'} {name} = {words_of(value)}."]
        if reach.alike:
            words.append(f"{counted(reach.alike, 'stays as it is', 'stay as they are')}.")
        if reach.locked:
            words.append(f"{counted(reach.locked, 'locked one stays', 'locked ones stay')}.")
        suggested = self._objects.suggested if self._objects is not None else 0
        if suggested:
            stay = counted(suggested, "suggestion stays as it is", "suggestions stay as they are")
            words.append(f"{stay}.")
        return " ".join(words)

    def done(self, result: int) -> None:
        self._latest.drop()
        super().done(result)


def _told(control: Control, done: int, total: int) -> None:
    control.check()
    control.progress(done, total, "Objects")


def _said(value: Value | None) -> str:
    return "not set" if value is None else words_of(value)
