"""A list of images, each with its picture and the reason why it is listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from cvstudio.gui import theme
from cvstudio.gui.thumbnails import Thumbnails
from cvstudio.gui.widgets.names import elided
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.project.records import ImageRecord

Index = QModelIndex | QPersistentModelIndex
_PICTURE, _MARGIN = 56, 8
_HEIGHT = 72


@dataclass(frozen=True)
class Reason:
    """An image of the list: its record, why it is there, and the row of the map it stands for."""

    record: ImageRecord
    text: str
    row: int = -1


class _Model(QAbstractListModel):
    def __init__(self, thumbnails: Thumbnails) -> None:
        super().__init__()
        self.thumbnails = thumbnails
        self.reasons: list[Reason] = []
        thumbnails.ready.connect(self._came)

    def show_reasons(self, reasons: Sequence[Reason]) -> None:
        self.beginResetModel()
        self.reasons = list(reasons)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.reasons)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        reason = self.reasons[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{reason.record.title}. {reason.text}" if reason.text else reason.record.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(f"{reason.record.title}: {reason.text}" if reason.text else "")
        return None

    def _came(self, ids: list[int]) -> None:
        if set(ids).intersection(reason.record.id for reason in self.reasons):
            self.dataChanged.emit(self.index(0), self.index(len(self.reasons) - 1))


class _Delegate(QStyledItemDelegate):
    def __init__(self, model: _Model) -> None:
        super().__init__()
        self._model = model

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, _HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        reason = self._model.reasons[index.row()]
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        if chosen or hovered:
            painter.fillRect(option.rect, theme.colour("selection" if chosen else "hover"))
        area = option.rect.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        box = QRect(area.left(), area.top(), _PICTURE, _PICTURE)
        picture = self._model.thumbnails.picture(reason.record)
        if picture is None:
            painter.fillRect(box, theme.colour("raised"))
        else:
            size = picture.size().scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(box.topLeft(), size)
            target.moveCenter(box.center())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(target, picture)
        words = area.adjusted(_PICTURE + 10, 0, 0, 0)
        painter.setFont(theme.font("body"))
        painter.setPen(theme.colour("selectionText" if chosen else "text"))
        line = painter.fontMetrics().height()
        title = elided(reason.record.title, painter.fontMetrics(), words.width())
        painter.drawText(QRect(words.left(), words.top(), words.width(), line), 0, title)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.colour("selectionMuted" if chosen else "muted"))
        rest = words.adjusted(0, line + 2, 0, 0)
        painter.drawText(rest, Qt.TextFlag.TextWordWrap, reason.text)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(theme.colour("focus"))
            painter.drawRect(option.rect.adjusted(0, 0, -1, -1))


class ReasonList(QListView):
    """Rows to go through; `at_hand` tells the Reason of the current one, `opened` that it is to be
    opened."""

    at_hand = Signal(object)
    opened = Signal(object)

    def __init__(self, thumbnails: Thumbnails) -> None:
        super().__init__()
        self._model = _Model(thumbnails)
        self._delegate = _Delegate(self._model)
        self.setModel(self._model)
        self.setItemDelegate(self._delegate)
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Listed images")
        self.selectionModel().currentChanged.connect(self._moved)
        self.doubleClicked.connect(lambda index: self._open(index.row()))

    @property
    def reasons(self) -> list[Reason]:
        """What is listed, in order."""
        return self._model.reasons

    def show_reasons(self, reasons: Sequence[Reason]) -> None:
        """List these."""
        self._model.show_reasons(reasons)
        self.scrollToTop()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._open(self.currentIndex().row())
        else:
            super().keyPressEvent(event)

    def _moved(self, index: QModelIndex, _before: QModelIndex) -> None:
        if index.isValid():
            self.at_hand.emit(self.reasons[index.row()])

    def _open(self, row: int) -> None:
        self.opened.emit(self.reasons[row])
