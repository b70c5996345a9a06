"""A list of named steps, newest first: what, when, who and how much; the present has a mark.

steps = StepList()
steps.show_rows([StepRow(7, "Add box", "14:02 · ada · 1 image", present=True)])
steps.chosen.connect(f)              # key of a row that was clicked, or that took Enter
steps.looked_at.connect(f)           # key of the row at hand, by mouse or arrows
steps.more_wanted.connect(f)         # the end came into view: add_rows brings the next ones
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.widgets.icons import paint_icon
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.project.steps import Step

Index = QModelIndex | QPersistentModelIndex
ROLE = Qt.ItemDataRole.UserRole
_HEIGHT = 44


@dataclass(frozen=True)
class StepRow:
    """One row. `future`: it was undone and waits for redo."""

    key: int
    title: str
    detail: str
    present: bool = False
    future: bool = False


def when(at: float, now: float | None = None) -> str:
    """A moment in as few words as it takes: "14:02" of today, "20 November, 14:02" of this year."""
    then, today = time.localtime(at), time.localtime(now)
    if then[:3] == today[:3]:
        return time.strftime("%H:%M", then)
    form = "%d %B, %H:%M" if then.tm_year == today.tm_year else "%d %B %Y, %H:%M"
    return time.strftime(form, then).lstrip("0")


def reach_words(step: Step) -> str:
    """ "3 images"; of very many the number that came or went, when that is what the step did."""
    if step.images is not None:
        return counted(step.images, "image") if step.images else ""
    came, _, went = step.counts.get("image", (0, 0, 0))
    return counted(max(came, went), "image") if came or went else "more than 5,000 images"


def detail_words(step: Step, image: str = "") -> str:
    """When, who, and on how many images, or on which one."""
    return " · ".join(filter(None, (when(step.at), step.who, image or reach_words(step))))


class StepModel(QAbstractListModel):
    """The rows; told to views and screen readers as words."""

    more_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[StepRow] = []
        self.complete = True

    def rowCount(self, parent: Index | None = None) -> int:
        return len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(f"{row.title}: {row.detail}" if row.detail else row.title)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            state = "present, " if row.present else "undone, " if row.future else ""
            return f"{row.title}, {state}{row.detail}"
        return row if role == ROLE else None

    def canFetchMore(self, parent: Index) -> bool:
        return not self.complete

    def fetchMore(self, parent: Index) -> None:
        self.more_wanted.emit()

    def show(self, rows: Sequence[StepRow], *, complete: bool) -> None:
        """Show these rows; when not complete, more are asked for at the end."""
        self.beginResetModel()
        self.rows, self.complete = list(rows), complete
        self.endResetModel()

    def add(self, rows: Sequence[StepRow], *, complete: bool) -> None:
        """Rows that follow those that are shown."""
        self.complete = complete
        if rows:
            self.beginInsertRows(QModelIndex(), len(self.rows), len(self.rows) + len(rows) - 1)
            self.rows += rows
            self.endInsertRows()


class _Delegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(100, _HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: StepRow = index.data(ROLE)
        rect: QRect = option.rect
        on = bool(option.state & QStyle.StateFlag.State_Selected)
        if on:
            painter.fillRect(rect, theme.colour("selection"))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, theme.colour("hover"))
        loud = "selectionText" if on else "disabled" if row.future else "text"
        quiet = "selectionMuted" if on else "disabled" if row.future else "muted"
        mark = "circle-medium" if row.present else "redo" if row.future else "circle-small"
        colour = "accent" if row.present and not on else quiet
        left = rect.left() + 10
        paint_icon(painter, mark, QRect(left, rect.top(), 18, rect.height()), colour)
        area = rect.adjusted(36, 5, -12, -5)
        painter.setFont(theme.font("body"))
        painter.setPen(theme.colour(loud))
        top = QRect(area.left(), area.top(), area.width(), area.height() // 2)
        elide, align = Qt.TextElideMode.ElideRight, Qt.AlignmentFlag.AlignVCenter
        metrics = painter.fontMetrics()
        painter.drawText(top, align, metrics.elidedText(row.title, elide, top.width()))
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour(quiet))
        metrics = painter.fontMetrics()
        bottom = top.translated(0, top.height())
        painter.drawText(bottom, align, metrics.elidedText(row.detail, elide, bottom.width()))
        focus = QStyle.StateFlag.State_HasFocus | QStyle.StateFlag.State_KeyboardFocusChange
        if option.state & focus == focus:
            option.widget.style().drawPrimitive(
                QStyle.PrimitiveElement.PE_FrameFocusRect, option, painter, option.widget
            )


class StepList(QListView):
    """See the module."""

    chosen = Signal(int)
    looked_at = Signal(int)
    more_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.steps = StepModel()
        self.setModel(self.steps)
        self.setItemDelegate(_Delegate(self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.steps.more_wanted.connect(self.more_wanted)
        self.clicked.connect(lambda index: self.chosen.emit(index.data(ROLE).key))

    def show_rows(self, rows: Sequence[StepRow], *, complete: bool = True) -> None:
        """Show rows, with the present one at hand and in view."""
        self.steps.show(rows, complete=complete)
        place = next((n for n, row in enumerate(rows) if row.present), 0)
        if rows:
            self.setCurrentIndex(self.steps.index(place))
            self.scrollTo(self.steps.index(place))

    def add_rows(self, rows: Sequence[StepRow], *, complete: bool) -> None:
        """The rows that follow."""
        self.steps.add(rows, complete=complete)

    @property
    def key(self) -> int | None:
        """The key of the row at hand."""
        index = self.currentIndex()
        return index.data(ROLE).key if index.isValid() else None

    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        if current.isValid():
            self.looked_at.emit(current.data(ROLE).key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.key is not None:
            self.chosen.emit(self.key)
            return
        super().keyPressEvent(event)
