"""The pipeline as a list: what each step does, how often, on or off, and its place by drag.

Keys: Space or Enter switches a step on and off, Delete takes it out, Alt+Up and Alt+Down move it.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QDropEvent, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionButton,
    QStyleOptionViewItem,
    QWidget,
)

from cvstudio.augment.summary import step_title, summary
from cvstudio.core.pipeline import Step
from cvstudio.gui import theme
from cvstudio.gui.widgets.icons import paint_icon

_GRIP, _CHECK, _TEXT = 16, 34, 58
_MIME = "application/x-cvstudio-step"

Index = QModelIndex | QPersistentModelIndex


class _Steps(QAbstractListModel):
    """Steps as rows; row numbers are the payload of a drag."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.steps: tuple[Step, ...] = ()
        self.warned: frozenset[int] = frozenset()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.steps)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        step = self.steps[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return step_title(step)
            case Qt.ItemDataRole.CheckStateRole:
                return Qt.CheckState.Checked if step.enabled else Qt.CheckState.Unchecked
            case Qt.ItemDataRole.AccessibleTextRole:
                state = "on" if step.enabled else "off"
                return f"{step_title(step)}, {summary(step)}, {step.chance:.0%}, {state}"
            case Qt.ItemDataRole.ToolTipRole:
                return f"{step_title(step)}: {summary(step)}. Space switches it on or off."
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        return (
            Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled
        )

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        data = QMimeData()
        data.setData(_MIME, str(indexes[0].row()).encode())
        return data


class _Delegate(QStyledItemDelegate):
    """Grip, check box, two lines of words, a warning and the chance."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, theme.size("row_two_lines"))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        assert isinstance(model, _Steps)
        step = model.steps[index.row()]
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        view = option.widget
        view.style().drawPrimitive(
            QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, view
        )
        area = option.rect
        active = step.enabled and step.chance > 0
        lively = selected and view.isActiveWindow()
        first = "selectionText" if lively else "text" if active else "muted"
        second = "selectionMuted" if lively else "muted"
        _grip(painter, area, second)
        _check(painter, area, step.enabled, view)
        right = area.right() - 16
        painter.setFont(theme.font("body"))
        painter.setPen(theme.colour(first))
        chance = f"{100 * step.chance:.0f}\N{NO-BREAK SPACE}%"
        upright = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(area.adjusted(0, 0, -16, 0), Qt.AlignmentFlag.AlignRight | upright, chance)
        right -= painter.fontMetrics().horizontalAdvance("100\N{NO-BREAK SPACE}%") + 8
        if index.row() in model.warned:
            where = QRect(right - 16, area.y(), 16, area.height())
            paint_icon(painter, "alert-outline", where, "warning")
            right -= 24
        words = QRect(area.x() + _TEXT, area.y() + 3, right - area.x() - _TEXT, 20)
        elide = Qt.TextElideMode.ElideRight
        metrics = painter.fontMetrics()
        painter.drawText(words, upright, metrics.elidedText(step_title(step), elide, words.width()))
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.colour(second))
        words.translate(0, 19)
        metrics = painter.fontMetrics()
        painter.drawText(words, upright, metrics.elidedText(summary(step), elide, words.width()))
        if option.state & QStyle.StateFlag.State_HasFocus and view.property("keys"):
            painter.setPen(QPen(theme.colour("focus"), 2))
            painter.drawRect(area.adjusted(1, 1, -1, -1))


def _grip(painter: QPainter, area: QRect, role: str) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    colour = QColor(theme.colour(role))
    colour.setAlphaF(0.7)
    painter.setBrush(colour)
    x, middle = area.x() + _GRIP, area.center().y()
    for row in range(-2, 3):
        for column in range(2):
            painter.drawRect(x + column * 3, middle + row * 3, 1, 1)


def _check(painter: QPainter, area: QRect, on: bool, view: QWidget) -> None:
    box = QStyleOptionButton()
    box.rect = QRect(area.x() + _CHECK, area.center().y() - 8, 16, 16)
    state = QStyle.StateFlag.State_On if on else QStyle.StateFlag.State_Off
    box.state = QStyle.StateFlag.State_Enabled | state
    painter.save()
    view.style().drawPrimitive(QStyle.PrimitiveElement.PE_IndicatorCheckBox, box, painter, view)
    painter.restore()


class StepsList(QListView):
    """Shows steps and tells what the person wants; it changes nothing itself."""

    chosen = Signal(int)
    toggled = Signal(int, bool)
    removed = Signal(int)
    moved = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self._steps = _Steps(self)
        self.setModel(self._steps)
        self.setItemDelegate(_Delegate(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDragDropOverwriteMode(False)
        self.setDropIndicatorShown(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Pipeline")
        self.setMinimumHeight(2 * theme.size("row_two_lines"))
        # As high as its rows, so that the settings of a step follow at once.
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.selectionModel().currentRowChanged.connect(
            lambda current, _previous: self.chosen.emit(current.row())
        )

    def show_steps(self, steps: tuple[Step, ...], *, selected: int, warned: frozenset[int]) -> None:
        """Show these steps, one of them selected, some with a warning."""
        model = self._steps
        selection = self.selectionModel()
        selection.blockSignals(True)
        if len(steps) != len(model.steps):
            model.beginResetModel()
            model.steps, model.warned = steps, warned
            model.endResetModel()
            self.updateGeometry()
        else:
            model.steps, model.warned = steps, warned
        if 0 <= selected < len(steps):
            self.setCurrentIndex(model.index(selected))
        selection.blockSignals(False)
        self.viewport().update()

    def sizeHint(self) -> QSize:
        rows = max(self._steps.rowCount(), 1)
        return QSize(240, rows * theme.size("row_two_lines"))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        x = event.position().x()
        super().mouseReleaseEvent(event)
        if index.isValid() and _CHECK - 6 <= x < _TEXT - 2:
            self._toggle(index.row())

    def event(self, event: QEvent) -> bool:
        own = (Qt.Key.Key_Space, Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() in own
        ):
            # They mean something here, whatever they mean to the page.
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        theme.mark(self, keys=True)
        row = self.currentIndex().row()
        alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        match event.key():
            case _ if row < 0:
                super().keyPressEvent(event)
            case Qt.Key.Key_Space | Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self._toggle(row)
            case Qt.Key.Key_Delete | Qt.Key.Key_Backspace:
                self.removed.emit(row)
            case Qt.Key.Key_Up if alt:
                self.moved.emit(row, row - 1)
            case Qt.Key.Key_Down if alt:
                self.moved.emit(row, row + 1)
            case _:
                super().keyPressEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """The step goes to where the line was shown; the list itself is drawn anew."""
        if event.source() is not self:
            event.ignore()
            return
        start = int(event.mimeData().data(_MIME).data())
        end = self._row_at(event.position().toPoint().y())
        # Refused, so that Qt does not remove the row that the pipeline has already moved.
        event.setDropAction(Qt.DropAction.IgnoreAction)
        event.accept()
        self.moved.emit(start, end - 1 if end > start else end)

    def _row_at(self, y: int) -> int:
        rows = self._steps.rowCount()
        height = theme.size("row_two_lines")
        return min(max(round((y + self.verticalOffset()) / height), 0), rows)

    def _toggle(self, row: int) -> None:
        self.toggled.emit(row, not self._steps.steps[row].enabled)
