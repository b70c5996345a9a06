"""The field of the filter bar: parts of a file name, or a query, with completion as one types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QApplication, QLineEdit, QListView, QWidget

from cvstudio.core.words import counted
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.told_rows import ABOUT, ToldRows
from cvstudio.project.query_language import Completion, Option, complete

_NARROW, _USUAL, _WIDE = 200, 240, 1200
_WANTED, _MOST = 300, 560
_AROUND = 84  # px beside the text: the icon, the cross, the margins
_MOST_ROWS = 9
_LIST_WIDTH = 440
_STEPS = {
    Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: _MOST_ROWS,
    Qt.Key.Key_PageUp: -_MOST_ROWS,
}  # fmt: skip
_TAKE = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab)


class QueryBox(QLineEdit):
    """A line with completion. `grown` when it wants more or less room."""

    grown = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.names: Mapping[str, Sequence[str]] = {}
        """What completion offers, by key: finding.vocabulary."""
        self.count: Callable[[str], int] | None = None
        """How many images a query finds; told beside filters that are offered for a name."""
        self.setPlaceholderText("Find images")
        self.addAction(icon("magnify"), QLineEdit.ActionPosition.LeadingPosition).setText("Find")
        self.setClearButtonEnabled(True)
        self.setAccessibleName("Filter by file name or query")
        self.setToolTip('Find images: a part of the name, or class:RBC count>5 name~"slide 3"')
        self._rows = QStandardItemModel(self)
        self._completion = Completion(0, 0)
        self.popup = QListView(self)
        """The list of completions: a part of the window, no window of its own, so that keys stay
        with the line and a click elsewhere does there what it always does."""
        self.popup.hide()
        self.popup.setModel(self._rows)
        self.popup.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.popup.setItemDelegate(ToldRows(self.popup))
        self.popup.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.popup.setMouseTracking(True)
        self.popup.setAccessibleName("Completions")
        self.popup.clicked.connect(self._accept)
        self.popup.entered.connect(self.popup.setCurrentIndex)
        self.popup.installEventFilter(self)
        self.destroyed.connect(self.popup.deleteLater)
        self.textEdited.connect(lambda _text: self.offer())
        self.textChanged.connect(lambda _text: self._take_room())
        self._take_room()

    def _take_room(self) -> None:
        """A query needs room to be read; a part of a name does not."""
        wide = ":" in self.text() or len(self.text()) > 16
        needed = self.fontMetrics().horizontalAdvance(self.text()) + _AROUND
        self.setMaximumWidth(_WIDE if wide else _USUAL)
        self.setMinimumWidth(min(max(needed, _WANTED), _MOST) if wide else _NARROW)
        self.grown.emit()

    def offer(self, *, everything: bool = False) -> None:
        """Show what can follow at the cursor; `everything`: where nothing is typed yet, too."""
        found = complete(self.text(), self.cursorPosition(), self.names)
        value = self.text()[: found.start].endswith((":", ","))
        if not found.options or not (value or everything or found.end > found.start):
            self._close_list()
            return
        self._completion = found
        self._rows.clear()
        for option in found.options:
            row = QStandardItem(option.text)
            row.setData(self._about(option), ABOUT)
            self._rows.appendRow(row)
        # Enter takes the first value; a first key could be meant as a part of a name.
        first = self._rows.index(0, 0) if value else QModelIndex()
        self._open_list()
        self.popup.setCurrentIndex(first)

    def _open_list(self) -> None:
        """Lay the list under the line, over what stands there."""
        window = self.window()
        if self.popup.parentWidget() is not window:
            self.popup.setParent(window)
        if not self.popup.isVisible():
            _application().installEventFilter(self)
        rows = min(self._rows.rowCount(), _MOST_ROWS)
        high = rows * self.popup.sizeHintForRow(0) + 2 * self.popup.frameWidth() + 4
        place = self.mapTo(window, QPoint(0, self.height() + 2))
        left = max(min(place.x(), window.width() - _LIST_WIDTH), 0)
        self.popup.setGeometry(left, place.y(), min(_LIST_WIDTH, window.width()), high)
        self.popup.show()
        self.popup.raise_()

    def _close_list(self) -> None:
        _application().removeEventFilter(self)
        self.popup.hide()

    def _about(self, option: Option) -> str:
        """What an option means; for the name of a class or a tag, how many images it finds."""
        if self.count is None or not option.whole:
            return option.about
        return f"{option.about}, {counted(self.count(option.text), 'image')}"

    def _accept(self, index: QModelIndex) -> None:
        text = str(index.data())
        self._close_list()
        found = self._completion
        before, after = self.text()[: found.start], self.text()[found.end :]
        key = text.endswith((":", ">"))
        middle = text if key else text + ("" if after.startswith(" ") else " ")
        self.setText(before + middle + after)
        self.setCursorPosition(len(before) + len(middle))
        if key:
            self.offer()

    def event(self, event: QEvent) -> bool:
        """While the list is open, the keys that are for it are for nobody else: Tab takes what is
        highlighted before it goes on to the next control."""
        if isinstance(event, QKeyEvent) and event.type() in (
            QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress,
        ) and self._is_for_list(event):  # fmt: skip
            event.accept()
            if event.type() == QEvent.Type.KeyPress:
                self._give_list(Qt.Key(event.key()))
            return True
        return super().event(event)

    def _is_for_list(self, event: QKeyEvent) -> bool:
        if not self.popup.isVisible() or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        key = Qt.Key(event.key())
        takes = key in _TAKE and self.popup.currentIndex().isValid()
        return takes or key in _STEPS or key == Qt.Key.Key_Escape

    def _give_list(self, key: Qt.Key) -> None:
        if key == Qt.Key.Key_Escape:
            self._close_list()
        elif key in _TAKE:
            self._accept(self.popup.currentIndex())
        else:
            current, last = self.popup.currentIndex().row(), self._rows.rowCount() - 1
            row = min(max(current + _STEPS[key], 0), last)
            if key == Qt.Key.Key_Down and current == last:
                row = 0
            elif key == Qt.Key.Key_Up and current <= 0:
                row = last
            self.popup.setCurrentIndex(self._rows.index(row, 0))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Down:
            self.offer(everything=True)
            return
        super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._close_list()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A press beside the list closes it, and goes on to what was pressed."""
        if isinstance(event, QKeyEvent) and watched is self.popup:
            QApplication.sendEvent(self, event)
            return True
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonPress:
            own = isinstance(watched, QWidget) and (
                watched in (self, self.popup) or self.popup.isAncestorOf(watched)
            )
            if isinstance(watched, QWidget) and not own:
                self._close_list()
        return super().eventFilter(watched, event)


def _application() -> QApplication:
    found = QApplication.instance()
    assert isinstance(found, QApplication)
    return found
