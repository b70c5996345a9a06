"""The class picker (Ctrl+E): type a few letters, Enter; a name that is new becomes a class."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import LabelClass
from cvstudio.core.words import quoted
from cvstudio.gui import theme
from cvstudio.gui.widgets.section import label, push
from cvstudio.gui.widgets.swatch import swatch_icon

_ROLE = Qt.ItemDataRole.UserRole
_MOST_ROWS = 10


class ClassPicker(QDialog):
    """`exec` returns Accepted with either `class_id` or `new_name` set.

    `adding`: for a new class; the name of one that is there already chooses that one.
    """

    def __init__(
        self,
        parent: QWidget | None,
        classes: Sequence[LabelClass],
        *,
        title: str,
        adding: bool = False,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.class_id: int | None = None
        self.new_name = ""
        self._classes = tuple(classes)
        self._adding = adding
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(8)
        column.addWidget(label(title, "section"))
        self.search = QLineEdit()
        self.search.setPlaceholderText(
            "Name of the class" if adding or not classes else "Type a class"
        )
        self.search.setAccessibleName(title)
        column.addWidget(self.search)
        self.list = QListWidget()
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setIconSize(QSize(16, 16))
        self.list.setUniformItemSizes(True)
        column.addWidget(self.list)
        self.setMinimumWidth(320)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        cancel = push("Cancel", self.reject)
        self.go = push("Add" if adding else "Choose", self._take, next=True)
        for button in (cancel, self.go):
            button.setAutoDefault(False)  # Enter is the field's
            buttons.addWidget(button)
        column.addLayout(buttons)
        self.search.textChanged.connect(self._filter)
        self.search.returnPressed.connect(self._take)
        self.search.installEventFilter(self)
        self.list.itemClicked.connect(lambda _item: self._take())
        self._filter("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Up and down in the field move in the list."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None and self.list.count():
                row = (self.list.currentRow() + step) % self.list.count()
                self.list.setCurrentRow(row)
                return True
        return super().eventFilter(watched, event)

    def _filter(self, text: str) -> None:
        self.list.clear()
        wanted = text.strip().casefold()
        for found in sorted(self._classes, key=lambda c: not c.name.casefold().startswith(wanted)):
            same = found.name.casefold() == wanted
            if self._adding and same:
                item = QListWidgetItem(swatch_icon(found.colour), f"{found.name} is there already")
                item.setData(_ROLE, found.id)
                self.list.addItem(item)
            elif not self._adding and wanted in found.name.casefold():
                key = f"   {found.hotkey}" if found.hotkey else ""
                item = QListWidgetItem(swatch_icon(found.colour), found.name + key)
                item.setData(_ROLE, found.id)
                self.list.addItem(item)
        if wanted and all(c.name.casefold() != wanted for c in self._classes):
            item = QListWidgetItem(f"Add class {quoted(text.strip())}")
            item.setData(_ROLE, 0)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        rows = min(max(self.list.count(), 1), _MOST_ROWS)
        self.list.setFixedHeight(rows * theme.size("row"))
        self.list.setVisible(self.list.count() > 0)
        self.go.setEnabled(self.list.count() > 0)
        known = self._adding and self.list.count() > 0 and self.list.item(0).data(_ROLE)
        self.go.setText("Choose" if known or not self._adding else "Add")
        self.adjustSize()

    def _take(self) -> None:
        item = self.list.currentItem()
        if item is None:
            return
        self.class_id = item.data(_ROLE) or None
        self.new_name = "" if self.class_id else self.search.text().strip()
        self.accept()
