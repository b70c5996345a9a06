"""The third page of the import wizard: which classes come in, and under which names."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.palette import colours_for
from cvstudio.core.words import counted, look_alikes
from cvstudio.gui.data.import_preview import ImportPreview
from cvstudio.gui.data.tables import plain_table
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.section import label
from cvstudio.gui.widgets.swatch import swatch_icon
from cvstudio.project.importing import ImportPlan


class ClassesStep(QWidget):
    """Which classes come in, under which names, and a picture of what they are."""

    def __init__(self, studio: Studio) -> None:
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
        self.table.setColumnWidth(2, 340)
        column.addWidget(self.table, 1)
        self.without = QCheckBox("")
        self.without.toggled.connect(self._leave_out_unused)
        column.addWidget(self.without)
        self.preview = ImportPreview(studio)
        column.addWidget(self.preview)
        self._names: list[str] = []
        self._unused: list[str] = []
        self._lines: list[_Becomes] = []

    def show_plan(self, plan: ImportPlan, present: Sequence[str]) -> None:
        """Show the classes of a plan, matched with those of the project by name."""
        counts = plan.class_counts()
        self._names = [c.name for c in plan.classes]
        self._unused = [name for name in self._names if not counts.get(name)]
        proposals = look_alikes(self._names, list(present))
        palette = colours_for(len(plan.classes))
        colours = {c.name: c.colour or palette[place] for place, c in enumerate(plan.classes)}
        self._lines = []
        self.table.setRowCount(len(self._names))
        for line, name in enumerate(self._names):
            cell = QTableWidgetItem(name)
            cell.setIcon(swatch_icon(colours[name], 10))
            cell.setFlags(Qt.ItemFlag.ItemIsEnabled)
            figure = QTableWidgetItem(f"{counts.get(name, 0):,}")
            figure.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            figure.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.table.setItem(line, 0, cell)
            self.table.setItem(line, 1, figure)
            becomes = _Becomes(name, present, self._names, proposals.get(name))
            self.table.setCellWidget(line, 2, becomes)
            self._lines.append(becomes)
        self._offer_leaving_out()
        self.preview.show_plan(plan, colours)

    def _offer_leaving_out(self) -> None:
        many = counted(len(self._unused), "class", "classes")
        self.without.setText(f"Leave out classes without annotations ({many})")
        self.without.setVisible(0 < len(self._unused) < len(self._names))
        self.without.blockSignals(True)
        self.without.setChecked(False)
        self.without.blockSignals(False)

    def _leave_out_unused(self, out: bool) -> None:
        for name in self._unused:
            becomes = self._lines[self._names.index(name)]
            if out:
                becomes.choose(None)
            else:
                becomes.propose()

    def choose(self, name: str, becomes: str | None) -> None:
        """Choose what a class becomes, as a click does; None leaves it out."""
        self._lines[self._names.index(name)].choose(becomes)

    def call(self, name: str, new: str) -> None:
        """Let a new class have another name than in the source, as typing it does."""
        self._lines[self._names.index(name)].name.setText(new)

    def mapping(self) -> dict[str, str | None]:
        """From each class of the source to its name in the project, None for left out."""
        return {name: line.value for name, line in zip(self._names, self._lines, strict=True)}

    def summary(self) -> str:
        """For the list of steps."""
        number = len(self._names)
        return f"{number} class{'es' if number != 1 else ''}" if number else "none"


class _Becomes(QWidget):
    """What one class of the source becomes: a list, and a field for the name of a new class."""

    def __init__(
        self, source: str, present: Sequence[str], names: Sequence[str], proposal: str | None
    ) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 4, 6, 4)
        row.setSpacing(6)
        self._source = source
        self.choice = QComboBox()
        self.choice.setAccessibleName(f"{source} becomes")
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.choice.setSizeAdjustPolicy(policy)
        self.choice.setMinimumContentsLength(8)  # the name needs as much room as the list
        self.choice.addItem(source if source in present else "New class", source)
        for other in dict.fromkeys([*present, *names]):
            if other != source:
                words = other if other in present else f"Together with {other}"
                self.choice.addItem(words, other)
        self.choice.addItem("Leave out", None)
        self._proposal = self.choice.findData(proposal) if proposal is not None else 0
        self.name = QLineEdit(source)
        self.name.setAccessibleName(f"Name of the new class for {source}")
        self.name.setPlaceholderText(source)
        row.addWidget(self.choice, 1)
        row.addWidget(self.name, 1)
        self._new = source not in present
        self.choice.currentIndexChanged.connect(self._show)
        self.propose()
        self._show()

    def _show(self, _index: int = 0) -> None:
        self.name.setVisible(self._new and self.choice.currentIndex() == 0)

    def propose(self) -> None:
        """Choose what fits by name."""
        self.choice.setCurrentIndex(self._proposal)

    def choose(self, becomes: str | None) -> None:
        """Choose a class of the project or the source; None leaves it out."""
        last = self.choice.count() - 1
        self.choice.setCurrentIndex(last if becomes is None else self.choice.findData(becomes))

    @property
    def value(self) -> str | None:
        """The name in the project, None for left out."""
        if self._new and self.choice.currentIndex() == 0:
            return self.name.text().strip() or self._source
        found: str | None = self.choice.currentData()
        return found
