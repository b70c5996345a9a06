"""Names for screen readers of a table and of the parts that Qt makes for it."""

from __future__ import annotations

from PySide6.QtWidgets import QAbstractButton, QTableView


def name_table(table: QTableView, name: str) -> None:
    """Name a table, its two headers, and the button in their corner."""
    table.setAccessibleName(name)
    table.horizontalHeader().setAccessibleName(f"{name}: columns")
    table.verticalHeader().setAccessibleName(f"{name}: rows")
    for button in table.findChildren(QAbstractButton):
        if button.parentWidget() is table:
            button.setAccessibleName(f"{name}: select all")
