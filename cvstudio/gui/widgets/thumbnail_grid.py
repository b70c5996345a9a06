"""Thumbnails of many images: a list view over a ThumbnailModel, and how each cell is painted.

grid = ThumbnailGrid(model); grid.set_side(148)
grid.selected.connect(f)     # tuple of image ids
grid.opened.connect(f)       # image id: double click or Enter
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QRect,
    QRectF,
    QSize,
    QSizeF,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QFontMetrics,
    QImage,
    QKeyEvent,
    QPainter,
    QPen,
    QPixmap,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from cvstudio.core.annotation import LabelClass
from cvstudio.gui import theme
from cvstudio.gui.widgets import names
from cvstudio.gui.widgets.badges import paint_badges, paint_dot
from cvstudio.gui.widgets.icons import REVIEW_ICONS, paint_icon
from cvstudio.gui.widgets.overlay import paint_items
from cvstudio.gui.widgets.swatch import paint_swatch
from cvstudio.gui.widgets.thumbnail_model import ID_ROLE, Index, ThumbnailModel
from cvstudio.project.records import ImageRecord

_PIXMAPS_KEPT = 500
_CAPTION = 24
_PAD = 4
_GAP = 8
_SWATCH = 20
"""Pixels of a class's swatch, with the room on both of its sides."""
_CLASS_SHARE = 0.4
"""The share of the caption that a long class name gets beside a long file name."""
_LEAST_OF_NAME = 8
"""Letters below which the start of a cut name would take the room that its end needs."""
_LEAST_OF_CLASS = 4
"""Letters, with the dots, below which a cut class name says less than its swatch alone."""


class ThumbnailDelegate(QStyledItemDelegate):
    """Paints picture, outlines, name, split and review state; pictures are kept when composed."""

    def __init__(self, model: ThumbnailModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.side = 148
        self.cell = QSize(164, 152)
        self.overlays = True
        self.short_names = False
        """Show only the end of a name, as the filmstrip does."""
        self.split_shown = True
        self.gap, self.pad = _GAP, _PAD
        self.dots: dict[int, bool] = {}
        """Images with a dot at the foot of their picture: full (True) or a ring."""
        self._composed: OrderedDict[tuple[Any, ...], QPixmap] = OrderedDict()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return self.cell

    def picture_rect(self, cell: QRect) -> QRect:
        """Where the picture stands in a cell."""
        width = cell.width() - 2 * self.gap
        height = cell.height() - _CAPTION - 2 * self.gap
        return QRect(cell.x() + self.gap, cell.y() + self.gap - 2, width, height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        record = self._model.record(index.row())
        if record is None:
            return
        cell = option.rect
        area = self.picture_rect(cell)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        if selected:
            frame = QRectF(cell).adjusted(self.pad - 0.5, 1.5, -self.pad + 0.5, -3.5)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(theme.colour("selection"))
            painter.setPen(QPen(theme.colour("focus"), 1))
            painter.drawRoundedRect(frame, 4, 4)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(theme.colour("hover"))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawRoundedRect(QRectF(cell).adjusted(self.pad, 1, -self.pad, -3), 4, 4)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        if (
            option.state & QStyle.StateFlag.State_HasFocus
            and option.state & QStyle.StateFlag.State_KeyboardFocusChange
        ):
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("focus"), 2))
            painter.drawRoundedRect(QRectF(cell).adjusted(self.pad, 2, -self.pad, -4), 4, 4)
        self._paint_picture(painter, area, record)
        paint_badges(painter, area, self._model.badges(record.id))
        if record.id in self.dots:
            paint_dot(painter, area, full=self.dots[record.id])
        self._paint_caption(painter, area, record, selected)
        painter.restore()

    def _paint_picture(self, painter: QPainter, area: QRect, record: ImageRecord) -> None:
        ratio = painter.device().devicePixelRatio()
        picture = self._model.thumbnails.picture(record)
        if picture is None:
            painter.fillRect(area, theme.colour("canvas"))
            if record.problem or self._model.thumbnails.failure(record.id):
                paint_icon(painter, "image-broken-variant", area, "warning", 24)
            return
        layer = self._model.layer(record.id) if self.overlays else None
        key = (
            record.id, area.width(), area.height(), ratio, self.overlays, theme.dark(),
            self._model.generation, layer.cacheKey() if layer is not None else 0,
            picture.cacheKey(),
        )  # fmt: skip
        found = self._composed.get(key)
        if found is None:
            found = self._compose(picture, layer, area.size(), ratio, record)
            self._composed[key] = found
            while len(self._composed) > _PIXMAPS_KEPT:
                self._composed.popitem(last=False)
        else:
            self._composed.move_to_end(key)
        painter.drawPixmap(area.topLeft(), found)

    def _compose(
        self, picture: QImage, layer: QImage | None, size: QSize, ratio: float, record: ImageRecord
    ) -> QPixmap:
        pixmap = QPixmap(size * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(theme.colour("canvas"))
        shown = picture.size().scaled(size, Qt.AspectRatioMode.KeepAspectRatio)
        target = QRect(
            (size.width() - shown.width()) // 2,
            (size.height() - shown.height()) // 2,
            shown.width(),
            shown.height(),
        )
        painter = QPainter(pixmap)
        scaled = picture.scaled(
            shown * ratio,
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        painter.drawImage(QRectF(target), scaled)
        if self.overlays:
            if layer is not None:
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
                painter.drawImage(QRectF(target), layer)
            items = self._model.items(record.id)
            paint_items(painter, QRectF(target), QSizeF(record.width, record.height), items)
        painter.end()
        return pixmap

    def _paint_caption(
        self, painter: QPainter, area: QRect, record: ImageRecord, selected: bool
    ) -> None:
        line = QRect(area.x(), area.bottom() + 3, area.width(), 20)
        painter.setFont(theme.font("caption"))
        metrics = painter.fontMetrics()
        right = line.right() - 14
        paint_icon(
            painter,
            REVIEW_ICONS[str(record.review)],
            QRect(right - 1, line.y(), 16, line.height()),
            "selectionText" if selected else "muted",
            14,
        )
        painter.setPen(theme.colour("selectionText" if selected else "muted"))
        name = self.name_of(record)
        if found := self._model.image_classes(record.id):
            wanted = metrics.horizontalAdvance(name)
            right = self._paint_class(painter, line, right - 6, found, wanted=wanted)
        elif self.split_shown and record.split is not None:
            width = metrics.horizontalAdvance(record.split)
            painter.drawText(
                QRect(right - 6 - width, line.y(), width + 2, line.height()),
                Qt.AlignmentFlag.AlignVCenter,
                record.split,
            )
            right -= width + 8
        painter.setPen(theme.colour("selectionText" if selected else "text"))
        room = QRect(line.x(), line.y(), max(right - line.x() - 2, 0), line.height())
        painter.drawText(
            room, Qt.AlignmentFlag.AlignVCenter, self.shown_name(name, metrics, room.width())
        )

    def shown_name(self, name: str, metrics: QFontMetrics, room: int) -> str:
        """A name in so many pixels: cut in its middle, and in little room at its start."""
        if self.short_names:
            return names.short(name, metrics, room)
        text = names.elided(name, metrics, room)
        few = len(text) < _LEAST_OF_NAME and text != name
        return names.elided(name, metrics, room, front=0) if few else text

    @staticmethod
    def name_of(record: ImageRecord) -> str:
        """The name under a thumbnail: without its ending, unless the page stands behind that."""
        if record.pages > 1:
            return record.title
        return record.title.rpartition(".")[0] or record.title

    def _paint_class(
        self, painter: QPainter, line: QRect, right: int, classes: Sequence[LabelClass], *,
        wanted: int,
    ) -> int:  # fmt: skip
        """The class of the whole image, as a swatch with its name ("RBC +1" where it has several);
        returns where it begins.

        `wanted` is the width of the image's own name. In the filmstrip there is room for the
        swatch only.
        """
        metrics = painter.fontMetrics()
        found, more = classes[0], f" +{len(classes) - 1}" if len(classes) > 1 else ""
        whole = metrics.horizontalAdvance(found.name + more)
        free = right - line.x() - _SWATCH - 2
        room = 0 if self.short_names else class_room(free, wanted, whole)
        text = found.name + more
        if whole > room:
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
            text = text if len(text) >= _LEAST_OF_CLASS else ""
        width = metrics.horizontalAdvance(text)
        painter.drawText(
            QRect(right - width, line.y(), width + 2, line.height()),
            Qt.AlignmentFlag.AlignVCenter,
            text,
        )
        gap = _SWATCH - 6 if text else 10
        square = QRect(right - width - gap, line.center().y() - 4, 10, 10)
        paint_swatch(painter, square, found.colour)
        return square.x() - 6


def class_room(available: int, name: int, kind: int) -> int:
    """How many of the pixels that a name and a class share are the class's; both if they fit."""
    if name + kind <= available:
        return kind
    return max(available - name, min(kind, round(_CLASS_SHARE * available)), 0)


class ThumbnailGrid(QListView):
    """The gallery: columns fill the width, several can be selected, arrows and letters move."""

    selected = Signal(object)
    opened = Signal(int)

    def __init__(self, model: ThumbnailModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.images = model
        theme.mark(self, ground="canvas")
        self.setModel(model)
        self.delegate = ThumbnailDelegate(model, self)
        self.setItemDelegate(self.delegate)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName("Images")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.selectionModel().selectionChanged.connect(self._tell)
        model.modelAboutToBeReset.connect(self._before_reset)
        model.modelReset.connect(self._after_reset)
        self.doubleClicked.connect(lambda index: self.opened.emit(index.data(ID_ROLE)))
        self._kept: tuple[tuple[int, ...], int] = ((), 0)
        self._quiet = False
        self._side = 148
        self._lay_out()

    # -- size

    def set_side(self, side: int) -> None:
        """About how wide a thumbnail is; the columns then fill the width evenly."""
        self._side = side
        self._lay_out()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._lay_out()
        super().resizeEvent(event)

    def _lay_out(self) -> None:
        room = max(self.viewport().width() - 1, 1)
        columns = max(1, round(room / (self._side + 2 * _GAP)))
        width = room // columns
        picture = width - 2 * _GAP
        cell = QSize(width, round(picture * 0.75) + _CAPTION + 2 * _GAP)
        if cell != self.delegate.cell or self.gridSize() != cell:
            self.delegate.cell = cell
            self.setGridSize(cell)
        self.verticalScrollBar().setSingleStep(48)

    @property
    def columns(self) -> int:
        """How many thumbnails stand in one row."""
        return max(1, (self.viewport().width() - 1) // self.delegate.cell.width())

    # -- selection

    def selected_ids(self) -> tuple[int, ...]:
        """The selected images in the order of the gallery."""
        found: list[int] = []
        start = 0
        parts = self.selectionModel().selection().toList()
        for first, last in sorted((part.top(), part.bottom()) for part in parts):
            found += self.images.ids[max(first, start) : last + 1]
            start = max(start, last + 1)
        return tuple(found)

    def selectAll(self) -> None:
        """Select every image: as one range, where Qt would ask the model of each of them."""
        rows = len(self.images.ids)
        if rows:
            every = QItemSelection(self.images.index(0), self.images.index(rows - 1))
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
            self.selectionModel().select(every, flags)

    def select_ids(self, image_ids: Sequence[int], *, scroll: bool = False) -> None:
        """Select images that are shown; the others are left out."""
        rows = sorted(row for i in image_ids if (row := self.images.row_of(i)) >= 0)
        selection = QItemSelection()
        start = 0
        while start < len(rows):
            end = start
            while end + 1 < len(rows) and rows[end + 1] == rows[end] + 1:
                end += 1
            selection.select(self.images.index(rows[start]), self.images.index(rows[end]))
            start = end + 1
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
        self.selectionModel().select(selection, flags)
        if rows:
            index = self.images.index(rows[0])
            self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
            if scroll:
                self.scrollTo(index)

    def current_id(self) -> int:
        """The image under the keyboard's cursor; 0 when there is none."""
        index = self.currentIndex()
        return int(index.data(ID_ROLE)) if index.isValid() else 0

    def _tell(self) -> None:
        if not self._quiet:
            self.selected.emit(self.selected_ids())

    def _before_reset(self) -> None:
        self._kept = (self.selected_ids(), self.current_id())
        self._quiet = True

    def _after_reset(self) -> None:
        ids, current = self._kept
        self.select_ids(ids)
        row = self.images.row_of(current)
        if row >= 0:
            self.selectionModel().setCurrentIndex(
                self.images.index(row), QItemSelectionModel.SelectionFlag.NoUpdate
            )
        self._quiet = False
        if self.selected_ids() != ids:
            self._tell()

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        """What to repaint when the selection changes: Qt would add up every selected cell."""
        return QRegion(self.viewport().rect())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current_id():
            self.opened.emit(self.current_id())
            return
        super().keyPressEvent(event)

    def keyboardSearch(self, search: str) -> None:
        """Letters are keys of actions here, not a search by name."""
