"""The confusion matrix: rows labelled, columns predicted; a cell opens the images behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from cvstudio.core.annotation import LabelClass
from cvstudio.gui import theme
from cvstudio.gui.widgets.swatch import paint_swatch
from cvstudio.gui.widgets.verbatim import tip

CELL = QSize(68, 40)
NARROWEST = 30
_SWATCH = 10
_Index = QModelIndex | QPersistentModelIndex


class ConfusionModel(QAbstractTableModel):
    """Counts with the names of their classes; class id 0 is `nothing` (or background)."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.class_ids: tuple[int, ...] = ()
        self._counts: NDArray[np.int64] = np.zeros((0, 0), np.int64)
        self._names: dict[int, str] = {}
        self._unit = ""
        self.has_last_corner = False

    def show(
        self, counts: NDArray[np.int64], class_ids: tuple[int, ...],
        classes: Mapping[int, LabelClass], *, nothing: str, unit: str,
    ) -> None:  # fmt: skip
        """Take over new counts; the selection stays when the classes are the same."""
        names = {0: nothing} | {i: c.name for i, c in classes.items()}
        same = class_ids == self.class_ids and names == self._names
        if not same:
            self.beginResetModel()
        self.class_ids, self._counts, self._unit = class_ids, counts, unit
        self._names = names
        # Where the last class is "nothing", nothing labelled and nothing found has no count.
        self.has_last_corner = unit == "pixels" or 0 not in class_ids
        if same:
            last = self.index(len(class_ids) - 1, len(class_ids) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
        else:
            self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.class_ids)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:
        return self.rowCount(parent)

    def name(self, place: int) -> str:
        return self._names.get(self.class_ids[place], "?")

    def count(self, row: int, column: int) -> int:
        return int(self._counts[row, column])

    def share(self, row: int, column: int) -> float:
        """The part of its row that a cell holds, 0 to 1."""
        total = int(self._counts[row].sum())
        return self.count(row, column) / total if total else 0.0

    def empty(self, row: int, column: int) -> bool:
        """Whether the cell is the corner that has no meaning."""
        last = len(self.class_ids) - 1
        return not self.has_last_corner and row == column == last

    def flags(self, index: _Index) -> Qt.ItemFlag:
        if self.empty(index.row(), index.column()):
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = index.row(), index.column()
        if self.empty(row, column):
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return short_count(self.count(row, column))
            case Qt.ItemDataRole.ToolTipRole | Qt.ItemDataRole.AccessibleTextRole:
                words = (
                    f"{self.count(row, column):,} {self._unit}: labelled {self.name(row)}, "
                    f"predicted {self.name(column)} ({self.share(row, column):.0%} of the row)"
                )
                return tip(words) if role == Qt.ItemDataRole.ToolTipRole else words
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return self.name(section)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(self.name(section))
        return None


def short_count(count: int) -> str:
    """A count that fits a cell: 9,999, then 12 k, 3.4 M."""
    if count < 10_000:
        return f"{count:,}"
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            value = count / size
            return f"{value:.0f} {letter}" if value >= 10 else f"{value:.1f} {letter}"
    return str(count)


class _Header(QHeaderView):
    """Class names with their swatches, in the order of the matrix."""

    def __init__(self, orientation: Qt.Orientation, parent: ConfusionView) -> None:
        super().__init__(orientation, parent)
        self._view = parent
        self.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.setHighlightSections(False)
        self.setSectionsClickable(False)

    def sizeHint(self) -> QSize:
        if self.orientation() == Qt.Orientation.Horizontal:
            return QSize(0, 28)
        metrics = self.fontMetrics()
        model = self._view.matrix
        widths = [metrics.horizontalAdvance(model.name(i)) for i in range(model.rowCount())]
        return QSize(min(max(widths, default=60), 110) + _SWATCH + 22, 0)

    def paintSection(self, painter: QPainter, rect: QRect, logicalIndex: int) -> None:
        model = self._view.matrix
        colour = self._view.colours.get(model.class_ids[logicalIndex])
        name = model.name(logicalIndex)
        painter.save()
        painter.setFont(theme.font("caption"))
        swatch = _SWATCH + 6 if colour else 0
        room = rect.width() - 12 - swatch
        text = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, room)
        width = painter.fontMetrics().horizontalAdvance(text) + swatch
        if self.orientation() == Qt.Orientation.Horizontal:
            x = rect.x() + (rect.width() - width) // 2
        else:
            x = rect.right() - width - 8
        if colour:
            y = rect.center().y() - _SWATCH // 2 + 1
            paint_swatch(painter, QRect(x, y, _SWATCH, _SWATCH), colour)
        painter.setPen(theme.colour("text" if colour else "muted"))
        painter.drawText(
            QRect(x + swatch, rect.y(), width, rect.height()),
            int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text,
        )  # fmt: skip
        painter.restore()


class _Cell(QStyledItemDelegate):
    """The diagonal mixes towards selection, the rest towards warning, by its share of the row."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        model = index.model()
        assert isinstance(model, ConfusionModel)
        row, column = index.row(), index.column()
        if model.empty(row, column):
            return
        count, share = model.count(row, column), model.share(row, column)
        ground = theme.colour("raised")
        if count and row == column:
            ground = theme.mix("raised", "selection", 0.35 + 0.65 * share)
        elif count:
            ground = theme.mix("raised", "warning", 0.10 + 0.32 * share)
        rect: QRect = option.rect.adjusted(0, 0, -1, -1)
        painter.fillRect(rect, ground)
        painter.setFont(theme.font("control" if count else "body"))
        painter.setPen(theme.colour("text" if count else "muted"))
        painter.drawText(rect, int(Qt.AlignmentFlag.AlignCenter), index.data())
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(theme.colour("focus"), 2))
            painter.drawRect(rect.adjusted(1, 1, -1, -1))


class ConfusionView(QTableView):
    """The matrix; `chosen` gives the class ids (labelled, predicted) of the picked cell."""

    chosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.matrix = ConfusionModel(self)
        self.colours: dict[int, QColor] = {}
        self.setHorizontalHeader(_Header(Qt.Orientation.Horizontal, self))
        self.setVerticalHeader(_Header(Qt.Orientation.Vertical, self))
        self.setModel(self.matrix)
        self.setItemDelegate(_Cell(self))
        self.setShowGrid(False)
        self.setCornerButtonEnabled(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAccessibleName("Labelled against predicted")
        self.selectionModel().currentChanged.connect(self._picked)
        self.clicked.connect(self._picked)

    def show_counts(
        self, counts: NDArray[np.int64], class_ids: tuple[int, ...],
        classes: Mapping[int, LabelClass], *, nothing: str, unit: str,
    ) -> None:  # fmt: skip
        """Show new counts; the picked cell stays picked when the classes are the same."""
        self.colours = {i: QColor(c.colour) for i, c in classes.items()}
        self.matrix.show(counts, class_ids, classes, nothing=nothing, unit=unit)
        self._fit()

    def pick(self, labelled: int, predicted: int) -> None:
        """Pick the cell of two class ids, as a click does."""
        ids = self.matrix.class_ids
        self.setCurrentIndex(self.matrix.index(ids.index(labelled), ids.index(predicted)))

    def unpick(self) -> None:
        """No cell is picked any more; `chosen` is not emitted."""
        self.selectionModel().blockSignals(True)
        self.selectionModel().clear()
        self.selectionModel().blockSignals(False)
        self.viewport().update()

    def _picked(self, index: _Index) -> None:
        if index.isValid() and not self.matrix.empty(index.row(), index.column()):
            ids = self.matrix.class_ids
            self.chosen.emit(ids[index.row()], ids[index.column()])

    def _fit(self) -> None:
        """Cells share the room; with many classes they stay readable and the view scrolls."""
        count = self.matrix.rowCount()
        header = self.horizontalHeader()
        room = self.viewport().width()
        stretch = count * NARROWEST <= max(room, 1)
        mode = QHeaderView.ResizeMode.Stretch if stretch else QHeaderView.ResizeMode.Fixed
        header.setSectionResizeMode(mode)
        header.setMinimumSectionSize(NARROWEST)
        header.setDefaultSectionSize(NARROWEST)
        rows = self.verticalHeader()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(CELL.height() if count <= 8 else 28)
        height = header.sizeHint().height() + count * rows.defaultSectionSize() + 2
        self.setFixedHeight(min(height + (0 if stretch else 10), 420))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
