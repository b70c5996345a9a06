"""The pipeline as a list: what each item does, how often, on or off, and its place by drag.

Steps of a group stand below it, further right. Keys: Space or Enter switches an item on and off,
Delete takes it out, Alt+Up and Alt+Down move it, into groups and out of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QDropEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
)
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

from cvstudio.augment.editing import Items, Place, acts, flat
from cvstudio.augment.summary import step_title, summary
from cvstudio.core.pipeline import Group, GroupKind, Item
from cvstudio.gui import theme
from cvstudio.gui.widgets.icons import paint_icon

_GRIP, _CHECK, _TEXT = 16, 34, 58
_INDENT = 22
_MIME = "application/x-cvstudio-step"

Index = QModelIndex | QPersistentModelIndex


class _Steps(QAbstractListModel):
    """Items as rows, steps of a group below it; row numbers are the payload of a drag."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.items: Items = ()
        self.rows: list[tuple[Place, Item]] = []
        self.warned: frozenset[Place] = frozenset()
        self.times: Mapping[Place, float] = {}
        self.timed: Mapping[Place, Item] = {}
        """What the times were measured of."""

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        place, item = self.rows[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return step_title(item)
            case Qt.ItemDataRole.CheckStateRole:
                return Qt.CheckState.Checked if item.enabled else Qt.CheckState.Unchecked
            case Qt.ItemDataRole.AccessibleTextRole:
                state = "on" if item.enabled else "off"
                inside = "in a group, " if len(place) == 2 else ""
                words = f"{step_title(item)}, {inside}{summary(item)}, {self.chance(place)}"
                return ", ".join(part for part in (words, state, self.time(place)) if part)
            case Qt.ItemDataRole.ToolTipRole:
                time = self.time(place)
                lasts = f" It takes {time} on this image." if time else ""
                return f"{step_title(item)}: {summary(item)}.{lasts} Space switches it on or off."
        return None

    def chance(self, place: Place) -> str:
        """How often an item acts: its chance, or its share of the group's choices."""
        item = dict(self.rows)[place]
        share = item.chance
        group = self.items[place[0]]
        if len(place) == 2 and isinstance(group, Group) and group.group is GroupKind.ONE_OF:
            total = sum(step.chance for step in group.steps if step.enabled)
            share = item.chance / total if total and item.enabled else 0.0
        return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"

    def time(self, place: Place) -> str:
        """How long an item takes on the image at hand; empty while that is not known."""
        took, timed = self.times.get(place), self.timed.get(place)
        if took is None or timed is None or not dict(self.rows)[place].enabled:
            return ""
        if step_title(timed) != step_title(dict(self.rows)[place]):
            return ""  # something else stands there by now
        if took < 0.05:
            return "<\N{NO-BREAK SPACE}0.1\N{NO-BREAK SPACE}ms"  # below what can be told apart
        return f"{took:.{0 if took >= 9.95 else 1}f}\N{NO-BREAK SPACE}ms"

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
        place, step = model.rows[index.row()]
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        view = option.widget
        view.style().drawPrimitive(
            QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, view
        )
        area = QRect(option.rect)
        if len(place) == 2:
            x = area.x() + _CHECK + 8
            painter.fillRect(x, area.y(), 1, area.height(), theme.colour("border"))
            area.setLeft(area.left() + _INDENT)
        active = acts(model.items, place)
        lively = selected and view.isActiveWindow()
        first = "selectionText" if lively else "text" if active else "muted"
        second = "selectionMuted" if lively else "muted"
        _grip(painter, area, second)
        _check(painter, area, step.enabled, view)
        right = area.right() - 16
        painter.setFont(theme.font("body"))
        painter.setPen(theme.colour(first))
        upright, far = Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignRight
        time = model.time(place)
        top = QRect(area.x(), area.y() + 3, right - area.x(), 20)
        painter.drawText(top if time else top.translated(0, 10), far | upright, model.chance(place))
        right -= painter.fontMetrics().horizontalAdvance("100\N{NO-BREAK SPACE}%") + 8
        if place in model.warned:
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
        if time:
            words.setRight(min(words.right(), area.right() - 24 - metrics.horizontalAdvance(time)))
        painter.drawText(words, upright, metrics.elidedText(summary(step), elide, words.width()))
        painter.drawText(top.translated(0, 19), far | upright, time)
        if option.state & QStyle.StateFlag.State_HasFocus and view.property("keys"):
            painter.setPen(QPen(theme.colour("focus"), 2))
            painter.drawRect(option.rect.adjusted(1, 1, -1, -1))


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
    """Shows items and tells what the person wants; it changes nothing itself."""

    chosen = Signal(object)
    toggled = Signal(object, bool)
    removed = Signal(object)
    moved = Signal(object, object)
    """The item at the first place goes before what stands at the second."""
    shifted = Signal(object, bool)
    """An item goes down (True) or up by one row."""
    menu_wanted = Signal(QPoint)
    """The menu of the selected item is wanted, at that point of the screen."""

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
            lambda current, _previous: self.chosen.emit(self._place(current.row()))
        )
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.DefaultContextMenu)

    def _place(self, row: int) -> Place:
        rows = self._steps.rows
        return rows[row][0] if 0 <= row < len(rows) else ()

    def row_of(self, place: Place) -> int:
        """The row of what stands at a place; -1 when nothing does."""
        return next((n for n, row in enumerate(self._steps.rows) if row[0] == place), -1)

    def show_steps(self, items: Items, *, selected: Place, warned: frozenset[Place]) -> None:
        """Show this pipeline, one item of it selected, some with a warning."""
        model = self._steps
        selection = self.selectionModel()
        selection.blockSignals(True)
        rows = flat(items)
        model.items, model.warned = items, warned
        if [place for place, _ in rows] != [place for place, _ in model.rows]:
            model.beginResetModel()
            model.rows = rows
            model.endResetModel()
            self.updateGeometry()
        else:
            model.rows = rows
        row = self.row_of(selected)
        if row >= 0:
            self.setCurrentIndex(model.index(row))
        selection.blockSignals(False)
        self.viewport().update()

    def show_times(self, times: Mapping[Place, float]) -> None:
        """Show how many milliseconds each item that stands here now takes on the image at hand."""
        self._steps.times, self._steps.timed = times, dict(self._steps.rows)
        self.viewport().update()

    def sizeHint(self) -> QSize:
        rows = max(self._steps.rowCount(), 1)
        return QSize(240, rows * theme.size("row_two_lines"))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        x = event.position().x()
        super().mouseReleaseEvent(event)
        if not index.isValid() or event.button() != Qt.MouseButton.LeftButton:
            return
        x -= _INDENT if len(self._place(index.row())) == 2 else 0
        if _CHECK - 6 <= x < _TEXT - 2:
            self._toggle(index.row())

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Mouse:
            index = self.indexAt(event.pos())
            if not index.isValid():
                return
            self.setCurrentIndex(index)
            self.menu_wanted.emit(event.globalPos())
        elif self.currentIndex().isValid():
            area = self.visualRect(self.currentIndex())
            self.menu_wanted.emit(self.viewport().mapToGlobal(area.bottomLeft()))

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
                self.removed.emit(self._place(row))
            case Qt.Key.Key_Up | Qt.Key.Key_Down if alt:
                self.shifted.emit(self._place(row), event.key() == Qt.Key.Key_Down)
            case _:
                super().keyPressEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """The item goes to where the line was shown; the list itself is drawn anew."""
        if event.source() is not self:
            event.ignore()
            return
        start = int(event.mimeData().data(_MIME).data())
        point = event.position().toPoint()
        # Refused, so that Qt does not remove the row that the pipeline has already moved.
        event.setDropAction(Qt.DropAction.IgnoreAction)
        event.accept()
        self.moved.emit(self._place(start), self.place_at(point.x(), point.y()))

    def place_at(self, x: int, y: int) -> Place:
        """Where something dropped there goes.

        Below the last step of a group it goes into the group when it is dropped as far right as
        the group's steps stand.
        """
        rows = self._steps.rows
        height = theme.size("row_two_lines")
        gap = min(max(round((y + self.verticalOffset()) / height), 0), len(rows))
        if gap < len(rows) and len(rows[gap][0]) == 2:
            return rows[gap][0]
        if gap == 0:
            return (0,)
        before, item = rows[gap - 1]
        if x >= _INDENT + _CHECK:
            if len(before) == 2:
                return (before[0], before[1] + 1)
            if isinstance(item, Group):
                return (before[0], 0)
        return (before[0] + 1,)

    def _toggle(self, row: int) -> None:
        place, item = self._steps.rows[row]
        self.toggled.emit(place, not item.enabled)
