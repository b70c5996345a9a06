"""F1: every action of the window with its keys, from the table of actions."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from cvstudio.gui import keys, theme
from cvstudio.gui.actions import ACTIONS, PAGES, ActionInfo
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.section import SectionHeader, label


class KeysDialog(StudioDialog):
    """A list that can be searched; `page` is the group that stands first."""

    def __init__(self, parent: QWidget | None, page: str = "") -> None:
        super().__init__(parent, "Keys", width=640, height=680)
        self.setObjectName("keys")
        self.field = QLineEdit()
        self.field.setPlaceholderText("Find an action or a key")
        self.field.addAction(icon("magnify"), QLineEdit.ActionPosition.LeadingPosition)
        self.field.textChanged.connect(self._filter)
        self.content.addWidget(self.field)
        area = QScrollArea()
        theme.mark(area, plain=True)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        inside = QWidget()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 0, 8, 0)
        self._column.setSpacing(0)
        self._rows: list[tuple[QWidget, str]] = []
        self._headers: list[tuple[QWidget, list[QWidget]]] = []
        order = ["", *PAGES]
        if page in PAGES:
            order.remove(page)
            order.insert(0, page)
        for group in order:
            self._add_group(group)
        self._column.addStretch(1)
        area.setWidget(inside)
        self.content.addWidget(area, 1)
        self.add_button("Close", self.accept)

    def _add_group(self, group: str) -> None:
        header = SectionHeader(group.capitalize() or "Everywhere", padded=False)
        self._column.addWidget(header)
        rows = []
        for info in ACTIONS:
            if info.page == group:
                row = _row(info)
                rows.append(row)
                words = " ".join(keys.words(key) for key in info.keys)
                self._rows.append((row, f"{info.text} {info.tip} {words}".casefold()))
                self._column.addWidget(row)
        self._headers.append((header, rows))

    def _filter(self, text: str) -> None:
        wanted = text.casefold().split()
        for row, words in self._rows:
            row.setVisible(all(word in words for word in wanted))
        for header, rows in self._headers:
            header.setVisible(any(not row.isHidden() for row in rows))


def _row(info: ActionInfo) -> QWidget:
    row = QWidget()
    row.setMinimumHeight(28)
    grid = QGridLayout(row)
    grid.setContentsMargins(0, 2, 0, 2)
    grid.setColumnMinimumWidth(0, 180)
    grid.setColumnStretch(1, 1)
    grid.addWidget(label(info.text), 0, 0)
    grid.addWidget(label(info.tip, "muted"), 0, 1)
    caps = QHBoxLayout()
    for key in info.keys:
        caps.addWidget(label(keys.words(key), "key"))
    grid.addLayout(caps, 0, 2, Qt.AlignmentFlag.AlignRight)
    return row
