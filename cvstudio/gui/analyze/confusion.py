"""The confusion matrix: rows labelled, columns predicted; a cell opens the images behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen, QResizeEvent
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
from cvstudio.gui.analyze.confusion_model import (
    FEW,
    ConfusionModel,
    Figures,
    by_confusion,
    occurring,
)
from cvstudio.gui.widgets.swatch import paint_swatch
from cvstudio.gui.widgets.table_names import name_table

CELL = QSize(68, 40)
_CENTRE = int(Qt.AlignmentFlag.AlignCenter)
NARROWEST = 30
_LONGEST = 96
"""Pixels of a name that stands upright above its column."""
_SWATCH = 10
_Index = QModelIndex | QPersistentModelIndex


class _Header(QHeaderView):
    """Class names with their swatches, in the order of the matrix.

    Names that do not fit above narrow columns stand upright.
    """

    def __init__(self, orientation: Qt.Orientation, parent: ConfusionView) -> None:
        super().__init__(orientation, parent)
        self._view = parent
        self.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.setHighlightSections(False)
        self.setSectionsClickable(False)

    upright = False

    def longest(self) -> int:
        """The width of the longest name in px."""
        metrics = QFontMetrics(theme.font("caption"))
        model = self._view.matrix
        heads = [model.heading(i, self.orientation()) for i in range(model.rowCount())]
        widths = [metrics.horizontalAdvance(head) for head in heads]
        return max(widths, default=60)

    def sizeHint(self) -> QSize:
        if self.orientation() == Qt.Orientation.Horizontal:
            high = min(self.longest(), _LONGEST) + _SWATCH + 22
            return QSize(0, high if self.upright else 28)
        return QSize(min(self.longest(), 110) + _SWATCH + 22, 0)

    def paintSection(self, painter: QPainter, rect: QRect, logicalIndex: int) -> None:
        model = self._view.matrix
        pinned = self._view.pinned_column() if self.upright else None
        if pinned is not None and logicalIndex < self.count() - 1 and rect.right() > pinned.x():
            return  # half of a name that stands upright says nothing
        colour = self._view.colours.get(model.class_ids[logicalIndex])
        name = model.heading(logicalIndex, self.orientation())
        painter.save()
        painter.setFont(theme.font("caption"))
        if self.upright:
            # From here on x runs from the cells upwards and y from left to right.
            painter.translate(rect.x(), rect.y() + rect.height())
            painter.rotate(-90)
            rect = QRect(0, 0, rect.height(), rect.width())
        level = self.orientation() == Qt.Orientation.Horizontal and not self.upright
        swatch = _SWATCH + (4 if level else 6) if colour else 0
        room = rect.width() - (2 if level else 12) - swatch
        text = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, room)
        width = painter.fontMetrics().horizontalAdvance(text) + swatch
        if self.upright:
            x = rect.x() + 6
        elif level:
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

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        level = self.orientation() == Qt.Orientation.Horizontal
        pinned = self._view.pinned_column() if level else self._view.pinned_row()
        if pinned is None:
            return
        area = self.viewport().rect()
        if level:
            area.setLeft(pinned.x())
        else:
            area.setTop(pinned.y())
        painter = QPainter(self.viewport())
        painter.fillRect(area, theme.colour("window"))
        self.paintSection(painter, area, self.count() - 1)


class _Cell(QStyledItemDelegate):
    """The diagonal mixes towards selection, the rest towards warning, by its share of the row (or
    of the column where that is shown)."""

    def __init__(self, parent: ConfusionView) -> None:
        super().__init__(parent)
        self._view = parent
        self.dress()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        model = index.model()
        assert isinstance(model, ConfusionModel)
        row, column = index.row(), index.column()
        if model.empty(row, column):
            return
        count = model.count(row, column)
        rect: QRect = option.rect.adjusted(0, 0, -1, -1)
        painter.fillRect(rect, self._ground(count, model.share(row, column), row == column))
        text = model.text(row, column)
        if text and not self._view.covers(rect, column):
            font, colour = self._words[count > 0]
            painter.setFont(font)
            painter.setPen(colour)
            painter.drawText(rect, _CENTRE, text)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(theme.colour("focus"), 2))
            painter.drawRect(rect.adjusted(1, 1, -1, -1))

    @staticmethod
    def _ground(count: int, share: float, right: bool) -> QColor:
        if not count:
            return theme.colour("raised")
        if right:
            return theme.mix("raised", "selection", 0.35 + 0.65 * share)
        return theme.mix("raised", "warning", 0.10 + 0.32 * share)

    def dress(self) -> None:
        """Take fonts and colours of words from the theme: once for all cells of a picture."""
        self._words = (
            (theme.font("body"), theme.colour("muted")),
            (theme.font("control"), theme.colour("text")),
        )


@dataclass(frozen=True, eq=False, slots=True)
class _Counts:
    """What was asked to be shown, before the classes that stand nowhere are left out."""

    counts: NDArray[np.int64]
    class_ids: tuple[int, ...]
    classes: Mapping[int, LabelClass]
    nothing: str
    unit: str


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
        self._cells = _Cell(self)
        self.setItemDelegate(self._cells)
        self.setShowGrid(False)
        self.setCornerButtonEnabled(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        # A click leaves the focus where errors are stepped through; Tab brings it here.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._whole = False
        self._sorted = False
        self._shown: _Counts | None = None
        name_table(self, "Labelled against predicted")
        self.selectionModel().currentChanged.connect(self._picked)
        self.clicked.connect(self._picked)

    def show_counts(
        self, counts: NDArray[np.int64], class_ids: tuple[int, ...],
        classes: Mapping[int, LabelClass], *, nothing: str, unit: str,
    ) -> None:  # fmt: skip
        """Show new counts; the picked cell stays picked when the classes are the same."""
        self._shown = _Counts(counts, class_ids, classes, nothing, unit)
        self._show()

    def _show(self) -> None:
        now = self._shown
        if now is None:
            return
        places = np.arange(len(now.class_ids))
        if not self._whole and len(places) > FEW:
            places = occurring(now.counts, now.class_ids)
        if self._sorted:
            ids = tuple(now.class_ids[place] for place in places)
            places = places[by_confusion(now.counts[np.ix_(places, places)], ids)]
        ids = tuple(now.class_ids[place] for place in places)
        self.colours = {i: QColor(c.colour) for i, c in now.classes.items()}
        counts = now.counts[np.ix_(places, places)]
        if self.matrix.show(counts, ids, now.classes, nothing=now.nothing, unit=now.unit):
            self._fit()

    @property
    def absent(self) -> int:
        """How many classes stand nowhere in the counts; 0 where the table is small anyway."""
        if self._shown is None or len(self._shown.class_ids) <= FEW:
            return 0
        met = occurring(self._shown.counts, self._shown.class_ids)
        return len(self._shown.class_ids) - len(met)

    @property
    def whole(self) -> bool:
        """Whether classes that stand nowhere are shown too."""
        return self._whole

    def show_whole(self, whole: bool) -> None:
        """Show all classes, or those that are labelled or predicted somewhere."""
        self._whole = whole
        self._show()

    def show_sorted(self, on: bool) -> None:
        """The classes that are confused most first, or in their own order."""
        self._sorted = on
        self._show()

    def show_figures(self, figures: Figures) -> None:
        """Counts, or shares of rows or columns."""
        self.matrix.show_figures(figures)

    def pick(self, labelled: int, predicted: int) -> None:
        """Pick the cell of two class ids, as a click does."""
        if not {labelled, predicted} <= set(self.matrix.class_ids):
            self.show_whole(True)
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

    # -- what stays in view

    def pinned_column(self) -> QRect | None:
        """Where the column of what was missed stays while the others scroll under it."""
        if not self.matrix.has_nothing or self.horizontalScrollBar().maximum() == 0:
            return None
        area, width = self.viewport().rect(), self.columnWidth(self.matrix.rowCount() - 1)
        return QRect(area.width() - width, 0, width, area.height())

    def pinned_row(self) -> QRect | None:
        """The same for the row of what nobody labelled."""
        if not self.matrix.has_nothing or self.verticalScrollBar().maximum() == 0:
            return None
        area, height = self.viewport().rect(), self.rowHeight(self.matrix.rowCount() - 1)
        return QRect(0, area.height() - height, area.width(), height)

    def covers(self, cell: QRect, column: int) -> bool:
        """Whether the column that stays in view lies over a part of a cell of another one: of a
        count of 250 its "25" would be read."""
        pinned, last = self.pinned_column(), self.matrix.rowCount() - 1
        return pinned is not None and column < last and cell.right() >= pinned.x()

    def indexAt(self, pos: QPoint) -> QModelIndex:
        found = super().indexAt(pos)
        last = self.matrix.rowCount() - 1
        column, row = self.pinned_column(), self.pinned_row()
        in_column = column is not None and column.contains(pos)
        in_row = row is not None and row.contains(pos)
        if not (in_column or in_row):
            return found
        at_row = last if in_row else self.rowAt(pos.y())
        at_column = last if in_column else self.columnAt(pos.x())
        return self.matrix.index(at_row, at_column)

    def _in_view(self) -> tuple[range, range]:
        """The rows and the columns of which something is seen; without the last of both."""
        last, area = self.matrix.rowCount() - 1, self.viewport().rect()
        rows, columns = self.rowAt(area.bottom()), self.columnAt(area.right())
        return (
            range(max(self.rowAt(0), 0), last if rows < 0 else min(rows + 1, last)),
            range(max(self.columnAt(0), 0), last if columns < 0 else min(columns + 1, last)),
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        self._cells.dress()
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        last = self.matrix.rowCount() - 1
        row, column = self.pinned_row(), self.pinned_column()
        rows, columns = self._in_view()
        if row is not None:
            painter.fillRect(row, theme.colour("window"))
            for place in columns:
                x, width = self.columnViewportPosition(place), self.columnWidth(place)
                self._paint_cell(painter, QRect(x, row.y(), width, row.height()), last, place)
        if column is not None:
            painter.fillRect(column, theme.colour("window"))
            bottom = self.viewport().height() if row is None else row.y()
            painter.setClipRect(QRect(column.x(), 0, column.width(), bottom))
            for place in rows:
                y, height = self.rowViewportPosition(place), self.rowHeight(place)
                self._paint_cell(painter, QRect(column.x(), y, column.width(), height), place, last)
            painter.setClipping(False)
            if row is not None:
                corner = QRect(column.x(), row.y(), column.width(), row.height())
                self._paint_cell(painter, corner, last, last)
        painter.setPen(theme.colour("border"))
        if column is not None:
            painter.drawLine(column.x() - 1, 0, column.x() - 1, column.height())
        if row is not None:
            painter.drawLine(0, row.y() - 1, row.width(), row.y() - 1)

    def _paint_cell(self, painter: QPainter, rect: QRect, row: int, column: int) -> None:
        if not rect.intersects(self.viewport().rect()):
            return
        index = self.matrix.index(row, column)
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        option.rect = rect
        if self.selectionModel().isSelected(index):
            option.state |= QStyle.StateFlag.State_Selected
        self.itemDelegate().paint(painter, option, index)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        super().scrollContentsBy(dx, dy)
        # Scrolling moves painted pixels, also those that are to stay.
        for part in (self, self.horizontalHeader(), self.verticalHeader()):
            part.viewport().update()

    def scrollTo(
        self, index: _Index,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:  # fmt: skip
        super().scrollTo(index, hint)
        rect, last = self.visualRect(index), self.matrix.rowCount() - 1
        column, row = self.pinned_column(), self.pinned_row()
        if column is not None and index.column() != last:
            bar = self.horizontalScrollBar()
            bar.setValue(bar.value() + max(rect.right() - column.x(), 0))
        if row is not None and index.row() != last:
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + max(rect.bottom() - row.y(), 0))

    def _fit(self) -> None:
        """Cells share the room; with many classes they stay readable and the view scrolls."""
        count = self.matrix.rowCount()
        header = self.horizontalHeader()
        assert isinstance(header, _Header)
        room = self.viewport().width()
        stretch = count * NARROWEST <= max(room, 1)
        mode = QHeaderView.ResizeMode.Stretch if stretch else QHeaderView.ResizeMode.Fixed
        header.setSectionResizeMode(mode)
        header.setMinimumSectionSize(NARROWEST)
        header.setDefaultSectionSize(NARROWEST)
        width = room // max(count, 1) if stretch else NARROWEST
        header.upright = width < CELL.width() and header.longest() + _SWATCH + 12 > width
        rows = self.verticalHeader()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(CELL.height() if count <= 8 else 28)
        high = header.sizeHint().height()
        header.setFixedHeight(high)
        height = high + count * rows.defaultSectionSize() + 2
        self.setFixedHeight(min(height + (0 if stretch else 12), 420))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
