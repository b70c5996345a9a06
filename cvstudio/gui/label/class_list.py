"""The label classes: key, colour, name, how much of the image has it, and an eye to hide it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.attributes import line_of
from cvstudio.core.words import counted, quoted
from cvstudio.gui import theme
from cvstudio.gui.class_colours import fill_colours
from cvstudio.gui.class_manager import manage_classes
from cvstudio.gui.label.class_verbs import ClassVerbs
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.paint import (
    EmptyWords,
    key_width,
    paint_key,
)
from cvstudio.gui.shortcuts.class_keys import ask_key, fill_menu
from cvstudio.gui.widgets.focus_mark import paint_focus
from cvstudio.gui.widgets.icons import paint_icon
from cvstudio.gui.widgets.section import SectionHeader, push, tool
from cvstudio.gui.widgets.swatch import paint_swatch
from cvstudio.gui.widgets.verbatim import tip

ROLE = Qt.ItemDataRole.UserRole
_BELOW = 8  # px under the last row
_NO_LIMIT = 16_777_215  # of Qt, for the height of a widget
_EYE = 44  # px at the right end of a row
_FIGURE = 64
_INDENT = 14  # px by which a kind stands under its class
_DEEPEST = 4  # kinds of kinds beyond that stand no further in: their names need the room

Index = QModelIndex | QPersistentModelIndex


def in_tree(ids: Sequence[int], parents: Mapping[int, int | None]) -> list[int]:
    """Classes with their kinds right below them, else in the order that they have."""
    kinds: dict[int | None, list[int]] = {}
    for id in ids:
        above = parents.get(id)
        kinds.setdefault(above if above in ids else None, []).append(id)

    def walk(above: int | None) -> Iterator[int]:
        for id in kinds.get(above, ()):
            yield id
            yield from walk(id)

    return list(walk(None))


class ClassModel(QAbstractListModel):
    """One row a class, kinds under their class; `figures` are shown at its right."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self.rows: list[LabelClass] = []
        self.figures: dict[int, str] = {}
        self.depths: dict[int, int] = {}
        """How many classes each class is a kind of."""

    def rowCount(self, parent: Index | None = None) -> int:
        return len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        found = self.rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return found.name
        if role == Qt.ItemDataRole.ToolTipRole:
            key = f", key {found.hotkey}" if found.hotkey else ""
            above = self._document.classes.get(self._document.parents.get(found.id) or 0)
            kind = f", a kind of {above.name}" if above else ""
            return tip(f"{found.name}{kind}{key}: double-click renames, right click for more")
        return found if role == ROLE else None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        ClassVerbs(self._document).rename(self.rows[index.row()].id, str(value))
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    def show(self, classes: Mapping[int, LabelClass], figures: dict[int, str]) -> None:
        """Take in classes and figures; rows are only rebuilt when classes come, go or move."""
        tree = self._document.parents
        new = [classes[id] for id in in_tree(list(classes), tree)]
        depths = {c.id: len(line_of(tree, c.id)) - 1 for c in new}
        if [c.id for c in new] != [c.id for c in self.rows] or depths != self.depths:
            self.beginResetModel()
            self.rows, self.figures, self.depths = new, figures, depths
            self.endResetModel()
            return
        changed = [
            row
            for row, c in enumerate(new)
            if c != self.rows[row] or figures.get(c.id) != self.figures.get(c.id)
        ]
        self.rows, self.figures = new, figures
        for row in changed:
            self.dataChanged.emit(self.index(row), self.index(row))


class _Delegate(QStyledItemDelegate):
    def __init__(self, document: Document, view: QListView) -> None:
        super().__init__(view)
        self._document = document

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(100, theme.size("row"))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        found: LabelClass = index.data(ROLE)
        rect: QRect = option.rect
        current = found.id in self._current()
        hidden = found.id in self._document.hidden_classes
        hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        if current:
            painter.fillRect(rect, theme.colour("selection"))
        elif hover:
            painter.fillRect(rect, theme.colour("hover"))
        text = "selectionText" if current else "disabled" if hidden else "text"
        quiet = "selectionMuted" if current else "muted"
        x = rect.left() + theme.size("panel_padding")
        if found.hotkey:
            paint_key(painter, QRect(x, rect.center().y() - 9, 20, 20), found.hotkey, text)
            x += max(0, key_width(found.hotkey) - 20)
        model = index.model()
        assert isinstance(model, ClassModel)
        x += min(model.depths.get(found.id, 0), _DEEPEST) * _INDENT
        paint_swatch(painter, QRect(x + 28, rect.center().y() - 5, 12, 12), found.colour)
        figure = self._figure(index)
        painter.setFont(theme.font("body"))
        right = rect.right() - _EYE
        painter.setPen(theme.colour(quiet))
        painter.drawText(
            QRect(right - _FIGURE, rect.top(), _FIGURE, rect.height()),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
            figure,
        )
        painter.setPen(theme.colour(text))
        name = QRect(x + 48, rect.top(), right - _FIGURE - x - 52, rect.height())
        if not figure:
            name.setRight(right)
        elided = painter.fontMetrics().elidedText(
            found.name, Qt.TextElideMode.ElideRight, name.width()
        )
        painter.drawText(name, Qt.AlignmentFlag.AlignVCenter, elided)
        if self._document.task == Task.CLASSIFY:
            if current:
                paint_icon(painter, "check", self.eye(rect), text)
        else:
            name_of_icon = "eye-off-outline" if hidden else "eye-outline"
            paint_icon(painter, name_of_icon, self.eye(rect), quiet)
        paint_focus(painter, option, rect)

    def _current(self) -> Collection[int | None]:
        """What the image is where images are classified, else what the next shape will be."""
        document = self._document
        return document.image_classes() if document.task == Task.CLASSIFY else (document.class_id,)

    @staticmethod
    def eye(rect: QRect) -> QRect:
        """Where the eye of a row is."""
        return QRect(rect.right() - _EYE + 8, rect.top(), 28, rect.height())

    def _figure(self, index: Index) -> str:
        model = index.model()
        assert isinstance(model, ClassModel)
        return model.figures.get(index.data(ROLE).id, "")

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = QLineEdit(parent)
        editor.setFrame(True)
        return editor

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> None:
        rect: QRect = option.rect
        editor.setGeometry(rect.adjusted(56, 2, -_EYE, -2))

    def editorEvent(
        self,
        event: QEvent,
        model: QAbstractItemModel,
        option: QStyleOptionViewItem,
        index: Index,
    ) -> bool:
        """The eye is a button of its own."""
        if isinstance(event, QMouseEvent) and event.button() == Qt.MouseButton.LeftButton:
            inside = self.eye(option.rect).contains(event.position().toPoint())
            if inside and self._document.task != Task.CLASSIFY:
                if event.type() == QEvent.Type.MouseButtonRelease:
                    self._document.toggle_class(index.data(ROLE).id)
                return True
        return super().editorEvent(event, model, option, index)


class _View(QListView):
    chosen = Signal(int)
    menu_wanted = Signal(int, QPoint)
    resized = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.rows = 1
        """How many rows there are to see when there is room."""

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.rows * theme.size("row"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Who comes by key sees where: on the first row, until the arrows have moved on."""
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self.model().rowCount():
            self.setCurrentIndex(self.model().index(0, 0))
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and Space do what a click does."""
        takes = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
        if event.key() in takes and self.currentIndex().isValid():
            self.chosen.emit(self.currentIndex().data(ROLE).id)
            return
        super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Enter here is not the window's Enter, which finishes a shape."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
            if enter and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
                event.accept()
                return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        index = self.indexAt(event.position().toPoint())
        eye = _Delegate.eye(self.visualRect(index)) if index.isValid() else QRect()
        if (
            index.isValid()
            and event.button() == Qt.MouseButton.LeftButton
            and not eye.contains(event.position().toPoint())
        ):
            self.chosen.emit(index.data(ROLE).id)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        index = self.indexAt(event.pos())
        if index.isValid():
            self.menu_wanted.emit(index.data(ROLE).id, event.globalPos())


class ClassList(QWidget):
    """The section "Classes". `chosen(id)` is a click on a row; `add_wanted` the plus."""

    chosen = Signal(int)
    add_wanted = Signal()
    rows_changed = Signal()
    """There are more classes than before, or fewer."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._seen: int | None = None  # the class that was brought into view last
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, _BELOW)
        column.setSpacing(0)
        header = SectionHeader("Classes")
        self.plus = tool(icon_name="plus", tip="Add a class", do=self.add_wanted.emit)
        header.add(self.plus)
        header.row.setContentsMargins(16, 0, 10, 0)
        column.addWidget(header)
        self.view = _View()
        self.model = ClassModel(document)
        self.view.setModel(self.model)
        self.view.setItemDelegate(_Delegate(document, self.view))
        self.view.setFrameShape(QFrame.Shape.NoFrame)
        self.view.setMouseTracking(True)
        self.view.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.view.setSelectionMode(QListView.SelectionMode.NoSelection)
        self.view.setEditTriggers(
            QListView.EditTrigger.DoubleClicked | QListView.EditTrigger.EditKeyPressed
        )
        self.view.setAccessibleName("Classes")
        self.view.chosen.connect(self.chosen)
        self.view.menu_wanted.connect(self._show_menu)
        self.view.resized.connect(self._show_current)
        column.addWidget(self.view)
        self.first = push("Add a class", self.add_wanted.emit, icon_name="plus")
        self._words = EmptyWords("Name what you are looking for.", self.first)
        column.addWidget(self._words)
        if document.task == Task.CLASSIFY:
            column.addStretch(1)
        for button in (self.plus, self.first):
            button.setEnabled(document.project.writable)
        self.refresh()

    @property
    def count(self) -> int:
        """How many classes there are."""
        return len(self.model.rows)

    def height_of(self, count: int) -> int:
        """Pixels in which so many rows are seen whole."""
        if not self.count:
            return self.sizeHint().height()
        return theme.size("section_header") + count * theme.size("row") + _BELOW

    def refresh(self) -> None:
        """Classes, current class, visibility or figures are other ones."""
        classes, before = self._document.classes, self.count
        self.model.show(classes, figures(self._document))
        self.view.setVisible(bool(classes))
        self._words.setVisible(not classes)
        if self.count != before or self.view.rows != max(self.count, 1):
            self._take_room()
        if self._document.class_id != self._seen:
            self._show_current()
        self.view.viewport().update()

    def _take_room(self) -> None:
        """Rows as far as there is room."""
        self.view.rows = max(self.count, 1)
        row = theme.size("row")
        self.view.setMinimumHeight(row)
        self.view.setMaximumHeight(self.view.rows * row)
        self.view.updateGeometry()
        limited = self.count and self._document.task != Task.CLASSIFY
        self.setMaximumHeight(self.height_of(self.count) if limited else _NO_LIMIT)
        self.rows_changed.emit()

    def _show_current(self) -> None:
        """Bring the class into view that was chosen, be it by a key or on the canvas."""
        self._seen = self._document.class_id
        for row, found in enumerate(self.model.rows):
            if found.id == self._seen:
                self.view.scrollTo(self.model.index(row))

    def rename(self, class_id: int) -> None:
        """Edit a class's name in its row."""
        for row, found in enumerate(self.model.rows):
            if found.id == class_id:
                self.view.edit(self.model.index(row))

    def menu(self, class_id: int) -> QMenu:
        """What can be done with a class."""
        document, found = self._document, self._document.classes[class_id]
        verbs = ClassVerbs(document)
        menu = QMenu(self)
        menu.addAction("Rename", lambda: self.rename(class_id))
        colours = menu.addMenu("Colour")
        recolour = partial(verbs.recolour, class_id)
        fill_colours(colours, found, document.classes.values(), give=recolour, over=self)
        keys = menu.addMenu("Key")
        fill_menu(
            keys, found, document.classes.values(),
            give=partial(verbs.set_hotkey, class_id), ask=partial(self._ask_key, class_id),
        )  # fmt: skip
        menu.addSeparator()
        menu.addAction("Delete class", lambda: self._delete(class_id))
        menu.addSeparator()
        menu.addAction(
            "Manage classes…", lambda: manage_classes(document.studio, class_id=class_id)
        )
        return menu

    def _show_menu(self, class_id: int, place: QPoint) -> None:
        menu = self.menu(class_id)
        menu.exec(place)
        menu.deleteLater()

    def _ask_key(self, class_id: int) -> None:
        document = self._document
        chosen, classes = document.classes[class_id], document.classes.values()
        key = ask_key(self, document.studio.actions, chosen, classes)
        if key is not None:
            ClassVerbs(document).set_hotkey(class_id, key)

    def _delete(self, class_id: int) -> None:
        document = self._document
        name, count = document.classes[class_id].name, document.count_of_class(class_id)
        gone = counted(count, "annotation goes", "annotations go")
        text = f"{gone} with it, on all images. Ctrl+Z brings all back."
        if count == 0 or document.studio.ask(
            f"Delete the class {quoted(name)}?", text, yes="Delete class", danger=True
        ):
            ClassVerbs(document).delete(class_id)


def figures(document: Document) -> dict[int, str]:
    """What stands beside each class: its annotations on the image, or the covered share."""
    if document.image is None or document.task == Task.CLASSIFY:
        return {}
    if document.task == Task.SEGMENT:
        shares = document.covered_shares()
        return {id: f"{share:.1f} %" if share else "0 %" for id, share in shares.items()}
    return {id: str(count) for id, count in document.counts().items()}
