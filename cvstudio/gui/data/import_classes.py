"""The third page of the import wizard: which classes come in, and under which names."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.words import look_alikes
from cvstudio.gui.data.tables import plain_table
from cvstudio.gui.widgets.section import label
from cvstudio.gui.widgets.swatch import swatch_icon
from cvstudio.project.importing import ImportPlan


class ClassesStep(QWidget):
    """Which classes come in, and under which names."""

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(label("Match the classes", "title"))
        words = "A class of the source becomes a class of the project, a new one, or stays out."
        column.addWidget(label(words, "muted", wrap=True))
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels(["In the source", "Annotations", "In the project"])
        plain_table(self.table)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.verticalHeader().setDefaultSectionSize(36)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Fixed)
        self.table.setColumnWidth(1, 100)
        self.table.setColumnWidth(2, 260)
        column.addWidget(self.table, 1)
        self._names: list[str] = []
        self._choices: list[QComboBox] = []

    def show_plan(self, plan: ImportPlan, present: Sequence[str]) -> None:
        """Show the classes of a plan, matched with those of the project by name."""
        counts = plan.class_counts()
        self._names = [c.name for c in plan.classes]
        proposals = look_alikes(self._names, list(present))
        self._choices = []
        self.table.setRowCount(len(self._names))
        for line, name in enumerate(self._names):
            cell = QTableWidgetItem(name)
            colour = plan.classes[line].colour
            if colour:
                cell.setIcon(swatch_icon(colour, 10))
            cell.setFlags(Qt.ItemFlag.ItemIsEnabled)
            figure = QTableWidgetItem(f"{counts.get(name, 0):,}")
            figure.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            figure.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.table.setItem(line, 0, cell)
            self.table.setItem(line, 1, figure)
            choice = self._choice(name, present, proposals.get(name))
            holder = QWidget()
            row = QHBoxLayout(holder)
            row.setContentsMargins(6, 4, 6, 4)
            row.addWidget(choice)
            self.table.setCellWidget(line, 2, holder)
            self._choices.append(choice)

    def _choice(self, name: str, present: Sequence[str], proposal: str | None) -> QComboBox:
        choice = QComboBox()
        choice.setAccessibleName(f"{name} becomes")
        if name in present:
            choice.addItem(name, name)
        else:
            choice.addItem(f"New class: {name}", name)
        for other in dict.fromkeys([*present, *self._names]):
            if other != name:
                words = other if other in present else f"Together with {other}"
                choice.addItem(words, other)
        choice.addItem("Leave out", None)
        if proposal is not None:
            choice.setCurrentIndex(choice.findData(proposal))
        return choice

    def choose(self, name: str, becomes: str | None) -> None:
        """Choose what a class becomes, as a click does; None leaves it out."""
        choice = self._choices[self._names.index(name)]
        place = choice.count() - 1 if becomes is None else choice.findData(becomes)
        choice.setCurrentIndex(place)

    def mapping(self) -> dict[str, str | None]:
        """From each class of the source to its name in the project, None for left out."""
        return {
            name: choice.currentData()
            for name, choice in zip(self._names, self._choices, strict=True)
        }

    def summary(self) -> str:
        """For the list of steps."""
        number = len(self._names)
        return f"{number} class{'es' if number != 1 else ''}" if number else "none"
