"""What the confusion matrix says: counts, or shares of a row or a column."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QWidget

from cvstudio.core.annotation import LabelClass
from cvstudio.core.words import percent, quoted
from cvstudio.gui.widgets.verbatim import tip

FEW = 12
"""Up to so many classes the table is shown whole, with its zeros."""
MISSED, FALSE_ALARM = "missed", "false alarm"
"""The column of labels without a prediction, and the row of predictions without a label."""
_Index = QModelIndex | QPersistentModelIndex


class Figures(StrEnum):
    """What stands in the cells."""

    COUNTS = "counts"
    OF_ROW = "of the row"
    """The share of what is labelled so: the diagonal is the recall of a class."""
    OF_COLUMN = "of the column"
    """The share of what is predicted so: the diagonal is the precision of a class."""


class ConfusionModel(QAbstractTableModel):
    """Counts with the names of their classes; class id 0 is `nothing` (or background)."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.class_ids: tuple[int, ...] = ()
        self._counts: NDArray[np.int64] = np.zeros((0, 0), np.int64)
        self._names: dict[int, str] = {}
        self._unit = ""
        self._of_row = self._of_column = np.zeros((0, 0))
        self.has_last_corner = False
        self.figures = Figures.COUNTS

    def show(
        self, counts: NDArray[np.int64], class_ids: tuple[int, ...],
        classes: Mapping[int, LabelClass], *, nothing: str, unit: str,
    ) -> bool:  # fmt: skip
        """Take over new counts; True when the classes are others. Else the selection stays."""
        names = {0: nothing} | {i: c.name for i, c in classes.items()}
        same = class_ids == self.class_ids and names == self._names
        if not same:
            self.beginResetModel()
        self.class_ids, self._counts, self._unit = class_ids, counts, unit
        self._names = names
        self._of_row = _shares(counts, counts.sum(axis=1, keepdims=True))
        self._of_column = _shares(counts, counts.sum(axis=0, keepdims=True))
        # Where the last class is "nothing", nothing labelled and nothing found has no count.
        self.has_last_corner = unit == "pixels" or 0 not in class_ids
        if same:
            last = self.index(len(class_ids) - 1, len(class_ids) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
        else:
            self.endResetModel()
        return not same

    def rowCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.class_ids)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:
        return self.rowCount(parent)

    def show_figures(self, figures: Figures) -> None:
        """Show counts, or shares."""
        self.figures = figures
        if self.class_ids:
            last = len(self.class_ids) - 1
            self.dataChanged.emit(self.index(0, 0), self.index(last, last))

    def name(self, place: int) -> str:
        return self._names.get(self.class_ids[place], "?")

    def heading(self, place: int, orientation: Qt.Orientation) -> str:
        """The name over a column or before a row; missed and false alarm are named as such."""
        if self.has_nothing and place == len(self.class_ids) - 1:
            return MISSED if orientation == Qt.Orientation.Horizontal else FALSE_ALARM
        return self.name(place)

    def said(self, place: int) -> str:
        """The name as it stands in a sentence."""
        return quoted(self.name(place)) if self.class_ids[place] else self.name(place)

    @property
    def has_nothing(self) -> bool:
        """Whether the last row and column count what has no partner."""
        return bool(self.class_ids) and self.class_ids[-1] == 0 and not self.has_last_corner

    def count(self, row: int, column: int) -> int:
        return int(self._counts[row, column])

    def share(self, row: int, column: int) -> float:
        """The part of its row that a cell holds, 0 to 1; of its column, where those are shown."""
        shares = self._of_column if self.figures is Figures.OF_COLUMN else self._of_row
        return float(shares[row, column])

    def text(self, row: int, column: int) -> str:
        """What stands in a cell; nothing for the zeros of many classes."""
        count = self.count(row, column)
        if not count and len(self.class_ids) > FEW:
            return ""
        if self.figures is Figures.COUNTS:
            return short_count(count)
        percent = 100 * self.share(row, column)
        return "<1 %" if 0 < percent < 0.5 else f"{percent:.0f} %"

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
                return self.text(row, column)
            case Qt.ItemDataRole.ToolTipRole | Qt.ItemDataRole.AccessibleTextRole:
                words = (
                    f"{self.count(row, column):,} {self._unit}: labelled {self.said(row)}, "
                    f"predicted {self.said(column)}"
                    f" ({percent(self._of_row[row, column])} of the row,"
                    f" {percent(self._of_column[row, column])} of the column)"
                )
                return tip(words) if role == Qt.ItemDataRole.ToolTipRole else words
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return self.heading(section, orientation)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(self.heading(section, orientation))
        return None


def _shares(counts: NDArray[np.int64], totals: NDArray[np.int64]) -> NDArray[np.float64]:
    """The part of its total that each count is; 0 of nothing."""
    return np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)


def short_count(count: int) -> str:
    """A count that fits a cell: 9,999, then 12 k, 3.4 M."""
    if count < 10_000:
        return f"{count:,}"
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            value = count / size
            return f"{value:.0f} {letter}" if value >= 10 else f"{value:.1f} {letter}"
    return str(count)


def occurring(counts: NDArray[np.int64], class_ids: tuple[int, ...]) -> NDArray[np.intp]:
    """The places of the classes that are labelled or predicted anywhere; "nothing" stays."""
    met = (counts.sum(axis=0) > 0) | (counts.sum(axis=1) > 0) | (np.asarray(class_ids) == 0)
    return np.flatnonzero(met)


def by_confusion(counts: NDArray[np.int64], class_ids: tuple[int, ...]) -> NDArray[np.intp]:
    """The places of the classes, those with the most that is off the diagonal first; what stands
    for nothing or background stays last."""
    off = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
    nothing = np.asarray(class_ids) == 0
    return np.lexsort((np.arange(len(class_ids)), -off, nothing))
