"""The figures of each class with their ranges, one class a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from cvstudio.core.annotation import LabelClass
from cvstudio.core.meanings import meaning
from cvstudio.core.metrics.resampling import Measured
from cvstudio.gui import theme
from cvstudio.gui.analyze.figures_view.titles import NO_RANGE, range_of, said, title_of
from cvstudio.gui.widgets.swatch import swatch
from cvstudio.gui.widgets.table_names import figure_table
from cvstudio.gui.widgets.verbatim import tip

_Index = QModelIndex | QPersistentModelIndex
_RANGE = Qt.ItemDataRole.UserRole + 1
_ROW, _MOST_ROWS = 38, 12


class ClassModel(QAbstractTableModel):
    """A row per class: its name, then a column per figure."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._columns: tuple[str, ...] = ()
        self._rows: list[tuple[int, Mapping[str, Measured]]] = []
        self._classes: Mapping[int, LabelClass] = {}
        self._nothing = ""

    def show(
        self, figures: Mapping[int, Mapping[str, Measured]], classes: Mapping[int, LabelClass],
        *, nothing: str,
    ) -> None:  # fmt: skip
        """Take over other figures, by class id."""
        self.beginResetModel()
        self._rows, self._classes, self._nothing = list(figures.items()), classes, nothing
        self._columns = tuple(dict.fromkeys(name for _id, own in self._rows for name in own))
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else 1 + len(self._columns)

    def _name(self, class_id: int) -> str:
        found = self._classes.get(class_id)
        return found.name if found is not None else self._nothing

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        class_id, own = self._rows[index.row()]
        if index.column() == 0:
            match role:
                case Qt.ItemDataRole.DisplayRole:
                    return self._name(class_id)
                case Qt.ItemDataRole.ToolTipRole:
                    return tip(self._name(class_id))
                case Qt.ItemDataRole.DecorationRole if class_id in self._classes:
                    return swatch(self._classes[class_id].colour)
            return None
        name = self._columns[index.column() - 1]
        figure = own.get(name, Measured(float("nan")))
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return said(figure.value)
            case role if role == _RANGE:
                return range_of(figure)
            case Qt.ItemDataRole.ToolTipRole:
                told = f"{title_of(name)} of {self._name(class_id)}: {said(figure.value)}"
                if figure.why_no_range:
                    return tip(f"{told}, {NO_RANGE}")
                return tip(f"{told}, 95 % {range_of(figure)}" if figure.interval else told)
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Vertical:
            return None
        if section == 0:
            left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
            shown = {Qt.ItemDataRole.DisplayRole: "Class", Qt.ItemDataRole.TextAlignmentRole: left}
            return shown.get(Qt.ItemDataRole(role))
        name = self._columns[section - 1]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return title_of(name)
            case Qt.ItemDataRole.ToolTipRole:
                known = meaning(name)
                return tip(known.text) if known is not None else None
            case Qt.ItemDataRole.TextAlignmentRole:
                return Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        return None


class _TwoLines(QStyledItemDelegate):
    """The figure, and below it, smaller, the range."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        if index.column() == 0:
            super().paint(painter, option, index)
            return
        area = QRect(option.rect).adjusted(4, 3, -6, -3)
        right = Qt.AlignmentFlag.AlignRight
        between = str(index.data(_RANGE) or "")
        painter.save()
        painter.setPen(theme.colour("text"))
        upper = right | (Qt.AlignmentFlag.AlignTop if between else Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(area, upper, str(index.data()))
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour("muted"))
        painter.drawText(area, right | Qt.AlignmentFlag.AlignBottom, between)
        painter.restore()


class ClassFigures(QTableView):
    """As high as its rows up to twelve, then it scrolls."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = ClassModel(self)
        self.setModel(self.rows)
        self.setItemDelegate(_TwoLines(self))
        figure_table(self, "Figures of each class with their ranges", row=_ROW)
        theme.mark(self, narrow=True)

    def show_figures(
        self, figures: Mapping[int, Mapping[str, Measured]], classes: Mapping[int, LabelClass],
        *, nothing: str,
    ) -> None:  # fmt: skip
        """Show the figures by class id; `nothing` is what the class 0 is called."""
        self.rows.show(figures, classes, nothing=nothing)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(88)
        shown = min(len(figures), _MOST_ROWS)
        self.setFixedHeight(header.height() + shown * _ROW + 2)

    def sizeHint(self) -> QSize:
        return QSize(600, self.height())
