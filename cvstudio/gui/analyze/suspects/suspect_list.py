"""The ranked list of suspects: a crop, what is suspected, why, and how surely."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QTextOption
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListView,
    QStyle,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import LabelClass, Task, box_of
from cvstudio.core.snapshot import SnapshotImage
from cvstudio.gui import theme
from cvstudio.gui.analyze.crops import CropItem, CropModel, CropTile, MakeItem
from cvstudio.gui.analyze.suspects import words
from cvstudio.gui.tasks import Tasks
from cvstudio.gui.widgets.section import label
from cvstudio.project.suspecting import Suspect

_Index = QModelIndex | QPersistentModelIndex
_SIDE, _EDGE = 72, 8
_NO_CLASS = "#FFFFFF"
_WRAPPED = int(Qt.TextFlag.TextWordWrap)


def colour_of(class_id: int, classes: Mapping[int, LabelClass]) -> str:
    """The colour of a class, or of what has none."""
    return classes[class_id].colour if class_id in classes else _NO_CLASS


def item_of(
    suspect: Suspect, image: SnapshotImage, classes: Mapping[int, LabelClass], task: Task
) -> CropItem:
    """A suspect as a row: the label solid, what the network answers dashed."""

    label = next((a for a in image.annotations if a.id == suspect.annotation_id), None)
    solid, dashed = [], []
    if label is not None and label.shape is not None:
        solid.append((label.box, colour_of(suspect.labelled, classes)))
    if suspect.shape is not None:
        dashed.append((box_of(suspect.shape), colour_of(suspect.proposed, classes)))
    return CropItem(
        image_id=suspect.image_id,
        size=(image.width, image.height),
        title=words.headline(suspect, classes, task),
        figure=f"{suspect.doubt:.2f}",
        measure="doubt",
        box=suspect.box,
        solid=tuple(solid),
        dashed=tuple(dashed),
        said=suspect.reason,
    )


class _Row(CropTile):
    """The crop at the left, headline and doubt in a line, the reason in two under it."""

    side = _SIDE

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(200, _SIDE + 2 * _EDGE)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        model = index.model()
        assert isinstance(model, CropModel)
        item, rect = model.item(index.row()), QRect(option.rect)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        if selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, theme.colour("selection" if selected else "hover"))
        picture = QRect(rect.x() + 16, rect.y() + _EDGE, _SIDE, _SIDE)
        image = index.data(Qt.ItemDataRole.DecorationRole)
        if image is None:
            painter.fillRect(picture, theme.colour("canvas"))
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(picture, image)
            self.paint_shapes(painter, picture, item)
        room = QRect(picture.right() + 13, rect.y() + _EDGE, 0, _SIDE)
        room.setRight(rect.right() - 16)
        self._words(painter, room, item, selected=selected)
        painter.restore()

    def _words(self, painter: QPainter, room: QRect, item: CropItem, *, selected: bool) -> None:
        painter.setFont(theme.font("control"))
        metrics = painter.fontMetrics()
        high, wide = metrics.height() + 4, metrics.horizontalAdvance(item.figure) + 12
        line = QRect(room.x(), room.y(), room.width(), high)
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        painter.setPen(theme.colour("selectionText" if selected else "text"))
        painter.drawText(line, middle | int(Qt.AlignmentFlag.AlignRight), item.figure)
        title = headline_in(item.title, metrics, room.width() - wide)
        painter.drawText(line, middle | int(Qt.AlignmentFlag.AlignLeft), title)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.colour("selectionMuted" if selected else "muted"))
        left = QRectF(room.x(), room.y() + high, room.width(), room.height() - high)
        rows = int(left.height() // painter.fontMetrics().lineSpacing())
        left.setHeight(rows * painter.fontMetrics().lineSpacing())
        wrapped = QTextOption(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        wrapped.setWrapMode(QTextOption.WrapMode.WordWrap)
        painter.drawText(left, said_in(item.said, painter.fontMetrics(), left.toRect()), wrapped)


def headline_in(title: str, metrics: QFontMetrics, room: int) -> str:
    """A headline in a width of `room` pixels. Where it has no room, its classes are worth more than
    the kind of suspicion before them, which the reason below says too."""
    if metrics.horizontalAdvance(title) > room:
        title = title.partition(": ")[2] or title
    return metrics.elidedText(title, Qt.TextElideMode.ElideRight, room)


def said_in(text: str, metrics: QFontMetrics, room: QRect) -> str:
    """As many words as can be read in an area; "…" stands for the rest."""
    left, kept = text.split(" "), text
    inside = QRect(0, 0, room.width(), 10_000)
    while metrics.boundingRect(inside, _WRAPPED, kept).height() > room.height() and left:
        left.pop()
        kept = " ".join(left) + " …"
    return kept


class SuspectList(QListView):
    """The suspects from the most doubtful on; `chosen` gives the row at hand, -1 for none."""

    chosen = Signal(int)

    def __init__(self, tasks: Tasks, read: Callable[[int], np.ndarray]) -> None:
        super().__init__()
        self.crops = CropModel(tasks, read, self)
        self.setModel(self.crops)
        self.setItemDelegate(_Row(self))
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setAccessibleName("Suspected labels")
        self.setMinimumWidth(280)
        self.selectionModel().currentChanged.connect(
            lambda now, _before: self.chosen.emit(now.row() if now.isValid() else -1)
        )

    @property
    def row(self) -> int:
        """The row at hand; -1 for none."""
        return self.currentIndex().row()

    def show_items(self, items: Sequence[MakeItem], row: int = 0) -> None:
        """Show other suspects and pick a row, the last one where there are fewer."""
        self.crops.show(items)
        self.pick(row)

    def pick(self, row: int) -> None:
        """Make a row the one at hand."""
        last = self.crops.rowCount() - 1
        if last < 0:
            self.chosen.emit(-1)
        else:
            self.setCurrentIndex(self.crops.index(min(max(row, 0), last)))

    def remove(self, rows: Sequence[int]) -> None:
        """Take rows out; the next one that stays is picked."""
        here = self.row
        after = here - sum(row < here for row in rows)
        for row in sorted(rows, reverse=True):
            self.crops.remove(row)
        self.pick(after)
        self.chosen.emit(self.row)


class Ranking(QWidget):
    """The list under the names of what stands in its rows."""

    def __init__(self, suspects: SuspectList) -> None:
        super().__init__()
        names = QHBoxLayout()
        names.setContentsMargins(16, 8, 16, 4)
        doubt = label(words.DOUBT, "caption")
        doubt.setToolTip(words.DOUBT_TIP)
        names.addWidget(label("Suspected label", "caption"))
        names.addStretch(1)
        names.addWidget(doubt)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(names)
        column.addWidget(suspects, 1)
