"""The parts that were looked at, the worst first: figure, range, and how much below the rest."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    Qt,
    Signal,
)
from PySide6.QtGui import QIcon, QKeyEvent, QPainter, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from cvstudio.core.metrics.slicing import FEWEST_IMAGES
from cvstudio.core.words import counted, minus
from cvstudio.gui import theme
from cvstudio.gui.analyze.figures_view.titles import range_of, said, title_of
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.table_names import figure_table
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.project.slices import Slice, Sliced

_Index = QModelIndex | QPersistentModelIndex
_SLICE = Qt.ItemDataRole.UserRole + 1
_NAME, _KIND, _FIGURE, _RANGE, _GAP, _IMAGES = range(6)
_KINDS = {
    "class": "class", "size": "size", "place": "place", "brightness": "looks",
    "contrast": "looks", "sharpness": "looks", "colour": "looks", "tag": "tag",
    "group": "group", "folder": "folder", "query": "own query", "split": "split",
    "pair": "two properties",
}  # fmt: skip

_MARK = 16
_VERBATIM = ("class", "tag", "group", "folder", "split", "query", "pair")


class SliceModel(QAbstractTableModel):
    """A row per part."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.sliced: Sliced | None = None
        self.slices: tuple[Slice, ...] = ()

    def show(self, sliced: Sliced) -> None:
        """Take over other parts."""
        self.beginResetModel()
        self.sliced, self.slices = sliced, sliced.slices
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.slices)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else 6

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        each, column = self.slices[index.row()], index.column()
        match role:
            case role if role == _SLICE:
                return each
            case Qt.ItemDataRole.DisplayRole:
                return self._words(each, column)
            case Qt.ItemDataRole.ToolTipRole:
                return tip(sentence(each, self.sliced))
            case Qt.ItemDataRole.DecorationRole if column == _NAME:
                return self._mark(each)
            case Qt.ItemDataRole.TextAlignmentRole:
                right = column in (_FIGURE, _GAP, _IMAGES)
                side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
                return Qt.AlignmentFlag.AlignVCenter | side
        return None

    def _mark(self, each: Slice) -> QIcon | QPixmap | None:
        """What marks a part that is worse; the names of the others begin where its name does."""
        if each.worse:
            return icon("arrow-down-bold", "danger")
        if not any(one.worse for one in self.slices):
            return None
        room = QPixmap(_MARK, _MARK)
        room.fill(Qt.GlobalColor.transparent)
        return room

    @staticmethod
    def _words(each: Slice, column: int) -> str:
        gap = each.part.above_rest.value
        return {
            _NAME: called(each),
            _KIND: _KINDS[each.kind],
            _FIGURE: said(each.part.figure.value),
            _RANGE: range_of(each.part.figure),
            _GAP: "–" if gap != gap else minus(f"{gap:+.3f}"),
            _IMAGES: f"{each.part.images:,}",
        }[column]

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Vertical or self.sliced is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            figure = title_of(self.sliced.figure)
            return ("Part", "Of", figure, "95 % interval", "Against the rest", "Images")[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            right = section in (_FIGURE, _GAP, _IMAGES)
            side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
            return Qt.AlignmentFlag.AlignVCenter | side
        return None


def called(each: Slice) -> str:
    """The name at the head of a row; names of classes, tags and queries stay as they are."""
    return each.name if each.kind in _VERBATIM else each.name[:1].upper() + each.name[1:]


def sentence(each: Slice, sliced: Sliced | None) -> str:
    """What is known of a part, in words."""
    figure = title_of(sliced.figure) if sliced is not None else "Figure"
    held = counted(each.part.images, "image")
    if each.objects is not None:
        labelled, predicted = each.objects
        held += f", {labelled:,} labelled and {predicted:,} predicted"
    told = f"{called(each)}: {figure} {said(each.part.figure.value)} ({held})."
    if each.worse:
        looks = sliced.looks if sliced is not None else 0
        return f"{told} Worse than the rest, by more than chance explains among {looks} parts."
    if each.part.images < FEWEST_IMAGES:
        return f"{told} Too few images to say more."
    return f"{told} Chance alone can explain the difference to the rest."


class _RangePainter(QStyledItemDelegate):
    """The interval as a band from 0 to 1, with a thin line where the whole stands."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        style = option.widget.style() if option.widget else None
        if style is not None:
            style.drawPrimitive(
                style.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget
            )
        each: Slice = index.data(_SLICE)
        area = QRectF(option.rect).adjusted(6, 0, -6, 0)
        middle, figure = area.center().y(), each.part.figure
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("border"))
        painter.drawRect(QRectF(area.x(), middle - 0.5, area.width(), 1))
        if figure.interval is not None:
            low, high = figure.interval
            painter.setBrush(theme.colour("danger" if each.worse else "chart1", 0.5))
            wide = max((high - low) * area.width(), 2)
            painter.drawRoundedRect(
                QRectF(area.x() + low * area.width(), middle - 4, wide, 8), 2, 2
            )
        painter.setBrush(theme.colour("text"))
        if figure.value == figure.value:
            at = area.x() + figure.value * area.width()
            painter.drawRect(QRectF(at - 1, middle - 6, 2, 12))
        model = index.model()
        assert isinstance(model, SliceModel)
        whole = model.sliced.whole.value if model.sliced is not None else float("nan")
        if whole == whole:
            painter.setBrush(theme.colour("muted"))
            at = area.x() + whole * area.width()
            painter.drawRect(QRectF(at - 0.5, option.rect.y(), 1, option.rect.height()))
        painter.restore()


class SliceTable(QTableView):
    """`opened(Slice)` with a double click or Enter; `chosen()` when the row changes."""

    opened = Signal(object)
    chosen = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.rows = SliceModel(self)
        self.setModel(self.rows)
        self.setItemDelegateForColumn(_RANGE, _RangePainter(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        figure_table(
            self, "Parts of the images, the worst first", row=theme.size("row"), read_only=False
        )
        self.doubleClicked.connect(lambda index: self.opened.emit(index.data(_SLICE)))
        self.selectionModel().currentRowChanged.connect(lambda _now, _before: self.chosen.emit())

    def show_slices(self, sliced: Sliced) -> None:
        """Show parts; the one that was chosen stays so."""
        before = self.current.name if self.current is not None else ""
        self.rows.show(sliced)
        header = self.horizontalHeader()
        for column in range(6):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(_RANGE, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(_RANGE, 220)
        row = next((i for i, each in enumerate(self.rows.slices) if each.name == before), 0)
        if self.rows.slices:
            self.selectRow(row)
        self.chosen.emit()

    @property
    def current(self) -> Slice | None:
        """The part in the chosen row."""
        row = self.currentIndex().row()
        return self.rows.slices[row] if 0 <= row < len(self.rows.slices) else None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current is not None:
            self.opened.emit(self.current)
            return
        super().keyPressEvent(event)
