"""The class's name on every object that is large enough, with none over another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter

from cvstudio.core.geometry import Box
from cvstudio.gui import theme
from cvstudio.gui.label.overlay import Layer, View, clear_of

_MOST = 400  # tags at once; the largest objects come first
_LEAST = 14.0  # screen pixels of an object's longer side, below which it has no name
_HEIGHT = 15
_WIDEST = 200.0  # px of a name; the tag of an object under the pointer has the whole
_OTHERS = -1  # in the place of a tag: one that is not of this layer
_CELL = 16  # px of the squares by which tags are kept apart


@dataclass(frozen=True)
class Tag:
    """One name: where, what, and how many objects it speaks for."""

    area: QRectF
    text: str
    class_id: int


class Names(Layer):
    """Objects whose tag would lie on another's stay silent; where those are of the same class, the
    tag that is there counts them: "RBC +3"."""

    name = "names"

    def __init__(
        self, covered: Callable[[View], QRectF] = lambda _view: QRectF(),
        told: Callable[[], Mapping[int, QRectF]] = dict,
    ) -> None:  # fmt: skip
        """`covered`: the part of the viewport on which another layer lies; `told`: the annotations
        that have a tag of their own, and where it is."""
        self._covered, self._told = covered, told

    def paint(self, painter: QPainter, view: View) -> None:
        font = theme.font("small")
        painter.setFont(font)
        classes = view.document.classes
        for tag in self.tags(view):
            colour = classes[tag.class_id].colour
            painter.fillRect(tag.area, QColor(colour))
            painter.setPen(theme.tag_text(colour))
            painter.drawText(tag.area, Qt.AlignmentFlag.AlignCenter, tag.text)

    def tags(self, view: View) -> list[Tag]:
        """What is written now, the names of large objects first."""
        document, scale = view.document, view.scale
        layer, seen = document.layer, view.visible()
        rows = layer.touching(Box(seen.x(), seen.y(), seen.width(), seen.height()))
        if not len(rows):
            return []
        corners = layer.corners[rows]
        sides = (corners[:, 2:] - corners[:, :2]).max(axis=1) * scale
        order = np.argsort(-sides, kind="stable")[: 4 * _MOST]
        hidden, covered = document.hidden(), self._covered(view)
        metrics = QFontMetricsF(theme.font("small"))
        told = self._told()
        taken = {cell: _OTHERS for area in told.values() for cell in _cells(area)}
        placed: list[tuple[QRectF, str, int]] = []
        more: list[int] = []
        for place in order.tolist():
            annotation = layer.annotations[rows[place]]
            found = document.classes.get(annotation.class_id)
            if sides[place] < _LEAST or len(placed) >= _MOST:
                break
            if found is None or annotation.id in hidden or annotation.id in told:
                continue
            at = view.to_screen(corners[place, 0], corners[place, 1])
            name = metrics.elidedText(found.name, Qt.TextElideMode.ElideRight, _WIDEST)
            width = metrics.horizontalAdvance(f"{name} +99") + 6
            area = QRectF(round(at.x()), round(at.y()) - _HEIGHT, round(width), _HEIGHT)
            area = clear_of(area, covered)
            cells = _cells(area)
            other = next((taken[cell] for cell in cells if cell in taken), None)
            if other is None:
                taken.update(dict.fromkeys(cells, len(placed)))
                placed.append((area, name, annotation.class_id))
                more.append(0)
            elif other != _OTHERS and placed[other][2] == annotation.class_id:
                more[other] += 1
        return [
            _tag(area, text, class_id, count, metrics)
            for (area, text, class_id), count in zip(placed, more, strict=True)
        ]


def _tag(area: QRectF, name: str, class_id: int, count: int, metrics: QFontMetricsF) -> Tag:
    text = f"{name} +{min(count, 99)}" if count else name
    width = round(metrics.horizontalAdvance(text) + 6)
    return Tag(QRectF(area.x(), area.y(), width, area.height()), text, class_id)


def _cells(area: QRectF) -> list[tuple[int, int]]:
    """The squares of the screen that a tag touches."""
    columns = range(int(area.left() // _CELL), int((area.right() - 1) // _CELL) + 1)
    rows = range(int(area.top() // _CELL), int((area.bottom() - 1) // _CELL) + 1)
    return [(column, row) for row in rows for column in columns]
