"""The gallery of cases: a square crop of the image around each, with its shapes drawn over it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from cvstudio.core.geometry import Box
from cvstudio.core.strokes import Stroke
from cvstudio.gui import theme
from cvstudio.gui.tasks import Control, Tasks
from cvstudio.gui.widgets.names import short
from cvstudio.gui.widgets.pixels import to_image

_Index = QModelIndex | QPersistentModelIndex
SIDE = 144
SMALLEST_SIDE = 72
_CAPTION = 24
_LINE = 14
"""Of what there is to say about a crop, under its name and figure."""
_KEPT = 400
CHANGED = "changed since this evaluation"


@dataclass(frozen=True, slots=True)
class CropItem:
    """What one tile shows. `solid` shapes are labels, `dashed` are predictions, in image pixels."""

    image_id: int
    size: tuple[int, int]
    """Width and height of the image."""
    title: str
    figure: str
    box: Box | None
    measure: str = ""
    """What the figure is of, where that does not stand beside it."""
    solid: tuple[tuple[Box, str], ...] = ()
    dashed: tuple[tuple[Box, str], ...] = ()
    lines: tuple[tuple[Stroke, str, bool], ...] = ()
    """Rotated boxes and keypoints as lines, each with its colour and whether it is a prediction."""
    said: str = ""
    """What there is to say about it, where there is room beside the picture."""
    changed: bool = False
    """The label is another one now than the one that was judged by."""


def square_around(box: Box | None, width: int, height: int, *, room: float = 0.6) -> Box:
    """The square to cut out: the box with some room on every side, or the whole image's middle.

    The room gives way before the square grows out of the image, which leaves bars beside it.
    """
    side = float(min(width, height))
    if box is None:
        return Box((width - side) / 2, (height - side) / 2, side, side)
    longest = min(max(box.w, box.h), float(max(width, height)))
    side = max(min(max(longest * (1 + 2 * room), 48.0), side), longest)
    x, y = box.x + box.w / 2 - side / 2, box.y + box.h / 2 - side / 2
    # Stay inside where the image is large enough, so that no tile is half empty.
    x = min(max(x, 0.0), width - side) if side <= width else (width - side) / 2
    y = min(max(y, 0.0), height - side) if side <= height else (height - side) / 2
    return Box(x, y, side, side)


def cut(rgb: np.ndarray, square: Box, side: int) -> QImage:
    """A (side, side) picture of a square of an RGB image; what lies outside is the canvas grey."""
    height, width = rgb.shape[:2]
    inside = square.clipped(width, height)
    x0, y0 = int(inside.x), int(inside.y)
    x1, y1 = max(int(np.ceil(inside.right)), x0 + 1), max(int(np.ceil(inside.bottom)), y0 + 1)
    result = QImage(side, side, QImage.Format.Format_RGB32)
    result.fill(theme.colour("canvas"))
    scale = side / square.w
    painter = QPainter(result)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    target = QRectF(
        (x0 - square.x) * scale, (y0 - square.y) * scale, (x1 - x0) * scale, (y1 - y0) * scale
    )
    painter.drawImage(target, to_image(rgb[y0:y1, x0:x1]))
    painter.end()
    return result


MakeItem = Callable[[], CropItem]
"""Makes what a tile shows when the tile is first seen: of hundreds in a list, few are."""


class CropModel(QAbstractListModel):
    """The cases of a tab or a cell; pictures are decoded in threads when they are first seen."""

    def __init__(self, tasks: Tasks, read: Callable[[int], np.ndarray], parent: QWidget) -> None:
        super().__init__(parent)
        self._tasks, self._read = tasks, read
        self._items: list[CropItem | MakeItem] = []
        self._pictures: OrderedDict[Any, QImage] = OrderedDict()
        self._asked: set[Any] = set()

    def show(self, items: Sequence[CropItem | MakeItem]) -> None:
        """Show other cases."""
        self.beginResetModel()
        self._items = list(items)
        self._asked.clear()
        self.endResetModel()

    def mark(self, changed: Callable[[int], bool]) -> None:
        """Ask of each row that was seen whether its case may have been dealt with; the others are
        made with the answer."""
        other = [
            (row, item) for row, item in enumerate(self._items)
            if isinstance(item, CropItem) and item.changed != changed(row)
        ]  # fmt: skip
        for row, item in other:
            self._items[row] = replace(item, changed=not item.changed)
            self.dataChanged.emit(self.index(row), self.index(row))

    def remove(self, row: int) -> None:
        """Take one case out."""
        self.beginRemoveRows(QModelIndex(), row, row)
        del self._items[row]
        self.endRemoveRows()

    def insert(self, row: int, item: CropItem) -> None:
        """Put one case in."""
        self.beginInsertRows(QModelIndex(), row, row)
        self._items.insert(row, item)
        self.endInsertRows()

    def item(self, row: int) -> CropItem:
        """What a tile shows."""
        found = self._items[row]
        if not isinstance(found, CropItem):
            found = self._items[row] = found()
        return found

    def rowCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._items)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        item = self.item(index.row())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return item.title
            case Qt.ItemDataRole.ToolTipRole | Qt.ItemDataRole.AccessibleTextRole:
                figure = f"{item.measure} {item.figure}".strip()
                said = ", ".join(filter(None, (item.title, item.said, figure)))
                return f"{said}, {CHANGED}" if item.changed else said
            case Qt.ItemDataRole.DecorationRole:
                return self._picture(item)
        return None

    def _picture(self, item: CropItem) -> QImage | None:
        key = (item.image_id, item.box)
        found = self._pictures.get(key)
        if found is not None:
            self._pictures.move_to_end(key)
            return found
        if key not in self._asked:
            self._asked.add(key)

            def work(control: Control) -> QImage:
                control.check()
                rgb = self._read(item.image_id)
                square = square_around(item.box, rgb.shape[1], rgb.shape[0])
                return cut(rgb, square, 2 * SIDE)

            self._tasks.run(
                work, title="Show an image", owner=self,
                done=lambda picture: self._ready(key, picture),
                failed=lambda error: None,  # the tile stays grey; Data lists unreadable files
            )  # fmt: skip
        return None

    def _ready(self, key: Any, picture: QImage) -> None:
        self._pictures[key] = picture
        while len(self._pictures) > _KEPT:
            self._pictures.popitem(last=False)
        for row, item in enumerate(self._items):
            if isinstance(item, CropItem) and (item.image_id, item.box) == key:
                index = self.index(row)
                self.dataChanged.emit(index, index, [Qt.ItemDataRole.DecorationRole])


class CropTile(QStyledItemDelegate):
    """A crop with its shapes, and under it name and figure."""

    side = SIDE
    says = False
    """Whether there is a line for what there is to say."""

    @property
    def below(self) -> int:
        """The height under the picture, with the edges."""
        return _CAPTION + 10 + (_LINE if self.says else 0)

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(self.side + 10, self.side + self.below)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        model = index.model()
        assert isinstance(model, CropModel)
        item = model.item(index.row())
        rect: QRect = option.rect.adjusted(1, 1, -1, -1)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if selected or hover:
            painter.setPen(theme.colour("focus") if selected else Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("selection" if selected else "hover"))
            painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        picture = QRect(rect.x() + 4, rect.y() + 4, self.side, self.side)
        image = index.data(Qt.ItemDataRole.DecorationRole)
        if image is None:
            painter.fillRect(picture, theme.colour("canvas"))
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(picture, image)
            self.paint_shapes(painter, picture, item)
        if item.changed:
            _badge(painter, picture)
        self._caption(painter, picture, item, selected)
        painter.restore()

    def paint_shapes(self, painter: QPainter, picture: QRect, item: CropItem) -> None:
        """The labels and answers of a crop, as they lie in its square."""
        square = square_around(item.box, *item.size)
        scale = picture.width() / square.w
        painter.setClipRect(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for boxes, dash in ((item.solid, None), (item.dashed, [6.0, 4.0])):
            for box, colour in boxes:
                rect = QRectF(
                    QPointF(picture.x() + (box.x - square.x) * scale,
                            picture.y() + (box.y - square.y) * scale),
                    QSize(round(box.w * scale), round(box.h * scale)),
                )  # fmt: skip
                casing = QPen(QColor(0, 0, 0, 76), 3)
                pen = QPen(QColor(colour), 1)
                if dash:
                    pen.setDashPattern(dash)
                for stroke in (casing, pen):
                    painter.setPen(stroke)
                    painter.setBrush(Qt.BrushStyle.NoBrush)
                    painter.drawRect(rect)
        for line, colour, dashed in item.lines:
            places = [
                QPointF(picture.x() + (x - square.x) * scale, picture.y() + (y - square.y) * scale)
                for x, y in line
            ]
            _line(painter, places, QColor(colour), dashed=dashed)
        painter.setClipping(False)

    def _caption(self, painter: QPainter, picture: QRect, item: CropItem, selected: bool) -> None:
        line = QRect(picture.x(), picture.bottom() + 3, picture.width(), _CAPTION - 4)
        painter.setFont(theme.font("caption"))
        metrics = painter.fontMetrics()
        figure = metrics.horizontalAdvance(item.figure)
        room = line.width() - figure - 8
        title = name_in(item.title, metrics, room)
        painter.setPen(theme.colour("selectionMuted" if selected else "muted"))
        painter.drawText(
            line, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), title
        )
        painter.setPen(theme.colour("selectionText" if selected else "text"))
        painter.drawText(
            line, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), item.figure
        )
        if not self.says:
            return
        line.translate(0, _LINE)
        said = metrics.elidedText(item.said, Qt.TextElideMode.ElideRight, line.width())
        painter.drawText(
            line, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), said
        )


def name_in(title: str, metrics: QFontMetrics, room: int) -> str:
    """What tells an image from its neighbours in a width of `room` pixels; "" where that is no
    more than a "…", which says nothing: the tooltip has the name."""
    name = short(title, metrics, room)
    return "" if len(name) < 3 and name != title else name


def _line(painter: QPainter, places: Sequence[QPointF], colour: QColor, *, dashed: bool) -> None:
    """A line with a dark casing, or a dot: hollow for a prediction."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for stroke in (QPen(QColor(0, 0, 0, 76), 3), QPen(colour, 1)):
        if len(places) > 1:
            if dashed and stroke.width() == 1:
                stroke.setDashPattern([6.0, 4.0])
            painter.setPen(stroke)
            painter.drawPolyline(list(places))
            continue
        painter.setPen(stroke)
        painter.setBrush(Qt.BrushStyle.NoBrush if dashed else colour)
        painter.drawEllipse(places[0], 2.0, 2.0)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _badge(painter: QPainter, picture: QRect) -> None:
    """A pill over the picture that tells by words and not by colour alone."""
    painter.setFont(theme.font("small"))
    width = painter.fontMetrics().horizontalAdvance("changed") + 12
    pill = QRectF(picture.right() - width - 3, picture.y() + 4, width, 18)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(theme.colour("warning"))
    painter.setBrush(theme.colour("raised"))
    painter.drawRoundedRect(pill, 9, 9)
    painter.setPen(theme.colour("text"))
    painter.drawText(pill, int(Qt.AlignmentFlag.AlignCenter), "changed")


class CropGallery(QListView):
    """Crops in rows; `chosen` gives the one that was picked by mouse or keys.

    Where there is no height for a whole row, the crops become smaller, down to SMALLEST_SIDE.
    """

    chosen = Signal(int)

    def __init__(
        self, tasks: Tasks, read: Callable[[int], np.ndarray], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.crops = CropModel(tasks, read, self)
        self.setModel(self.crops)
        self._tile = CropTile(self)
        self._says = False
        self.setItemDelegate(self._tile)
        self.setMinimumHeight(SMALLEST_SIDE + _CAPTION + 10)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setLayoutMode(QListView.LayoutMode.Batched)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setAccessibleName("Cases")
        self.selectionModel().currentChanged.connect(
            lambda now, _before: self.chosen.emit(now.row()) if now.isValid() else None
        )

    @property
    def side(self) -> int:
        """Width and height of a crop on the screen."""
        return self._tile.side

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()
        super().resizeEvent(event)

    def _fit(self, *, says: bool | None = None) -> None:
        """Tiles as large as the height allows, with a line for words where it has room for one."""
        before = self._tile.side, self._tile.says
        self._says = self._says if says is None else says
        height = self.viewport().height()
        self._tile.says = self._says and height >= SMALLEST_SIDE + _CAPTION + 10 + _LINE
        room = height - self._tile.below
        self._tile.side = min(max(room, SMALLEST_SIDE), SIDE)
        if (self._tile.side, self._tile.says) != before:
            self.scheduleDelayedItemsLayout()

    def show_items(
        self, items: Sequence[CropItem | MakeItem], at: int = 0, *, says: bool = False
    ) -> None:  # fmt: skip
        """Show cases and pick the one at a row, the last one where there are not so many; `says`:
        there is something to say under them."""
        self._fit(says=says)
        self.crops.show(items)
        if items:
            self.setCurrentIndex(self.crops.index(min(at, len(items) - 1)))
        else:
            self.chosen.emit(-1)

    def remove(self, row: int) -> None:
        """Take one case out; the next one is picked."""
        self.crops.remove(row)
        left = self.crops.rowCount()
        if left:
            self.setCurrentIndex(self.crops.index(min(row, left - 1)))
            self.chosen.emit(self.currentIndex().row())
        else:
            self.chosen.emit(-1)

    def insert(self, row: int, item: CropItem) -> None:
        """Put one case in, and pick it."""
        self.crops.insert(row, item)
        self.setCurrentIndex(self.crops.index(row))
        self.chosen.emit(row)

    def step(self, by: int) -> None:
        """Pick the next or previous case."""
        row = min(max(self.currentIndex().row() + by, 0), self.crops.rowCount() - 1)
        if row >= 0:
            self.setCurrentIndex(self.crops.index(row))
