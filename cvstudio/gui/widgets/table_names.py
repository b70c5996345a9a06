"""How tables of figures look, and what screen readers call them and the parts that Qt makes."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QTableView

from cvstudio.gui import theme


def figure_table(table: QTableView, name: str, *, row: int, read_only: bool = True) -> None:
    """Give a table no grid, no frame, no numbers before its rows, which are `row` px high, and a
    name. `read_only`: nothing in it is chosen, so that the keys pass it by."""
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(row)
    table.horizontalHeader().setFixedHeight(theme.size("table_header"))
    table.horizontalHeader().setHighlightSections(False)
    table.setShowGrid(False)
    table.setFrameShape(QTableView.Shape.NoFrame)
    if read_only:
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    name_table(table, name)


def name_table(table: QTableView, name: str) -> None:
    """Name a table, its two headers, and the button in their corner."""
    table.setAccessibleName(name)
    table.horizontalHeader().setAccessibleName(f"{name}: columns")
    table.verticalHeader().setAccessibleName(f"{name}: rows")
    for button in table.findChildren(QAbstractButton):
        if button.parentWidget() is table:
            button.setAccessibleName(f"{name}: select all")
