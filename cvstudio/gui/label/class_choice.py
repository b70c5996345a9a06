"""Which class: named by a key, a click on its row, the picker, or made new."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from cvstudio.core.annotation import Task
from cvstudio.core.words import quoted
from cvstudio.gui.actions import Actions
from cvstudio.gui.class_manager import manage_classes
from cvstudio.gui.label.canvas import STILL_READING, Canvas
from cvstudio.gui.label.class_picker import ClassPicker
from cvstudio.gui.label.class_verbs import ClassVerbs
from cvstudio.gui.label.document import Document
from cvstudio.gui.shortcuts.class_keys import presses, refusal
from cvstudio.gui.shortcuts.keymap import CLASS_KEYS


class ClassChoice(QObject):
    """Takes what the person says about classes to where it belongs."""

    said = Signal(str)
    answered = Signal()
    """A dialog was closed: the canvas takes the keys again."""

    def __init__(self, actions: Actions, document: Document, canvas: Canvas, page: QWidget) -> None:
        super().__init__(page)
        self._document = document
        self._canvas = canvas
        self._page = page
        document.class_wanted.connect(self.add)
        actions.connect("label.class", self.pick, page)
        actions.connect("label.classes", lambda: manage_classes(document.studio), page)
        self._actions, self._shortcuts = actions, dict[str, QShortcut]()
        document.classes_changed.connect(self._follow_classes)
        document.studio.keys.changed.connect(self._follow_classes)
        self._follow_classes()

    def _follow_classes(self) -> None:
        """Listen to the classes' keys as they are now; an action that has one keeps it."""
        classes = self._document.classes.values()
        held = {found.hotkey: found.name for found in classes if found.hotkey}
        wanted = {*CLASS_KEYS, *(key for key in held if not refusal(self._actions, key))}
        for key in set(self._shortcuts) - wanted:
            self._shortcuts.pop(key).deleteLater()
        for key in sorted(wanted - set(self._shortcuts)):
            shortcut = QShortcut(QKeySequence(key), self._page)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(partial(self.key, key))
            self._shortcuts[key] = shortcut
        self._document.studio.keys.class_keys = {presses(k)[0]: n for k, n in held.items()}

    def key(self, key: str) -> None:
        """A class's key was pressed."""
        found = next((c for c in self._document.classes.values() if c.hotkey == key), None)
        if found is None:
            self.said.emit(f"No class has the key {key}")
        else:
            self.use(found.id)

    def use(self, class_id: int) -> None:
        """A class was named by key or picker: it goes to what is selected, else to what comes.

        With a drawing tool in hand it is always for what comes next: the shape drawn last is
        still selected then, and must not change its class by surprise.
        """
        document = self._document
        if document.task == Task.CLASSIFY:
            self._classify(class_id)
        elif document.selection and self._canvas.tool.name == "select":
            document.relabel(document.selection, class_id)
        elif document.selection:
            document.select([])
            self.said.emit(f"The next one is {quoted(document.classes[class_id].name)}")
        document.choose_class(class_id)

    def clicked(self, class_id: int) -> None:
        """A row of the class list was clicked: what is selected keeps its class."""
        document = self._document
        if document.task == Task.CLASSIFY:
            self._classify(class_id)
        elif self._canvas.tool.name != "select":
            document.select([])
        document.choose_class(class_id)

    def _classify(self, class_id: int) -> None:
        """Say what the image is, once there is something to see of it."""
        if self._canvas.unseen:
            self.said.emit(STILL_READING)
        else:
            self._document.classify(class_id)

    def pick(self) -> None:
        """The searchable picker, for what is selected or for what comes next."""
        document = self._document
        selected = bool(document.selection)
        title = "Class of the selection" if selected else "Class of the next annotation"
        if document.task == Task.CLASSIFY:
            title = "Class of this image"
        class_id = self._ask(title)
        if class_id is None:
            return
        if selected and document.task != Task.CLASSIFY:
            document.relabel(document.selection, class_id)
            document.choose_class(class_id)
        else:
            self.use(class_id)

    def add(self) -> None:
        """Ask for the name of a new class."""
        class_id = self._ask("Add a class", adding=True)
        if class_id is not None:
            self._document.choose_class(class_id)

    def _ask(self, title: str, *, adding: bool = False) -> int | None:
        classes = list(self._document.classes.values())
        picker = ClassPicker(self._page, classes, title=title, adding=adding)
        picker.exec()
        class_id, name = picker.class_id, picker.new_name
        picker.deleteLater()
        self.answered.emit()
        return ClassVerbs(self._document).add(name) if name else class_id
