"""Small signs on a thumbnail: open comments, suggestions that wait, labels that were sent back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from cvstudio.core.annotation import Annotation, State
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.widgets.icons import paint_icon
from cvstudio.project.records import ImageRecord

_GROUND = QColor(0, 0, 0, 190)
_INK = QColor(255, 255, 255)
_HEIGHT, _ICON, _EDGE, _DOT = 18, 14, 4, 8


@dataclass(frozen=True, slots=True)
class Badge:
    """One sign: its icon, a figure beside it ("" for none), and what it says in words."""

    icon: str
    figure: str
    words: str


def badges_of(
    record: ImageRecord, annotations: Iterable[Annotation], open_comments: int
) -> tuple[Badge, ...]:
    """What is to be known of an image beside its review state, the most pressing first."""
    found = []
    if record.reject_reason:
        found.append(Badge("alert-circle-outline", "", f"rejected: {record.reject_reason}"))
    if open_comments:
        words = counted(open_comments, "open comment")
        found.append(Badge("comment-outline", str(open_comments), words))
    if waiting := sum(a.state == State.SUGGESTED for a in annotations):
        found.append(Badge("auto-fix", str(waiting), counted(waiting, "suggestion")))
    return tuple(found)


def paint_badges(painter: QPainter, picture: QRect, badges: Sequence[Badge]) -> None:
    """The badges in the upper right corner of a picture, from right to left; what has no room
    is left out."""
    if not badges:
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(theme.font("caption"))
    right = picture.right() - _EDGE
    for badge in badges:
        figure = painter.fontMetrics().horizontalAdvance(badge.figure)
        width = _ICON + 6 + (figure + 3 if badge.figure else 0)
        pill = QRect(right - width, picture.top() + _EDGE, width, _HEIGHT)
        if pill.left() < picture.left() + _EDGE:
            break
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_GROUND)
        painter.drawRoundedRect(QRectF(pill), 4, 4)
        icon = QRect(pill.left() + 3, pill.top(), _ICON, _HEIGHT)
        paint_icon(painter, badge.icon, icon, "accentText", _ICON)
        painter.setPen(_INK)
        numbers = pill.adjusted(_ICON + 5, 0, -3, 0)
        painter.drawText(numbers, Qt.AlignmentFlag.AlignVCenter, badge.figure)
        right = pill.left() - _EDGE
    painter.restore()


def paint_dot(painter: QPainter, picture: QRect, *, full: bool) -> None:
    """A dot at the foot of a picture in the middle: full, or a ring."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    ground = QRectF(0, 0, _DOT + 6, _DOT + 6)
    ground.moveCenter(QPointF(picture.center().x() + 0.5, picture.bottom() - _DOT))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_GROUND)
    painter.drawEllipse(ground)
    painter.setPen(QPen(_INK, 1.5))
    painter.setBrush(_INK if full else Qt.BrushStyle.NoBrush)
    painter.drawEllipse(ground.adjusted(3.5, 3.5, -3.5, -3.5))
    painter.restore()
