"""The field of the filter bar: parts of a file name, or a query, with completion as one types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QPainter,
    QStandardItem,
    QStandardItemModel,
)
from PySide6.QtWidgets import (
    QCompleter,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from cvstudio.gui import theme
from cvstudio.gui.widgets.icons import icon
from cvstudio.project.query_language import Completion, complete

_ABOUT = Qt.ItemDataRole.UserRole + 1
_NARROW, _USUAL, _WIDE = 112, 168, 1200
_WANTED, _MOST = 300, 560
_AROUND = 84  # px beside the text: the icon, the cross, the margins
_MOST_ROWS = 9

Index = QModelIndex | QPersistentModelIndex


class _Rows(QStyledItemDelegate):
    """What may be chosen, and in quieter letters what it means."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(100, theme.size("row"))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        rect: QRect = option.rect
        painter.fillRect(rect, theme.colour("selection" if chosen else "raised"))
        inside = rect.adjusted(12, 0, -12, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font("body"))
        text = str(index.data())
        painter.setPen(theme.colour("selectionText" if chosen else "text"))
        painter.drawText(inside, middle, painter.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideRight, inside.width()
        ))  # fmt: skip
        if about := str(index.data(_ABOUT) or ""):
            left = max(painter.fontMetrics().horizontalAdvance(text) + 16, 88)
            painter.setPen(theme.colour("selectionMuted" if chosen else "muted"))
            rest = inside.adjusted(left, 0, 0, 0)
            painter.drawText(rest, middle, painter.fontMetrics().elidedText(
                about, Qt.TextElideMode.ElideRight, rest.width()
            ))  # fmt: skip


class QueryBox(QLineEdit):
    """A line with completion. `grown` when it wants more or less room."""

    grown = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.names: Mapping[str, Sequence[str]] = {}
        """What completion offers, by key: finding.vocabulary."""
        self.setPlaceholderText("Find images")
        self.addAction(icon("magnify"), QLineEdit.ActionPosition.LeadingPosition).setText("Find")
        self.setClearButtonEnabled(True)
        self.setAccessibleName("Filter by file name or query")
        self.setToolTip('Find images: a part of the name, or class:RBC count>5 name~"slide 3"')
        self._rows = QStandardItemModel(self)
        self._completion = Completion(0, 0)
        self._completer = QCompleter(self._rows, self)
        self._completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self._completer.setMaxVisibleItems(_MOST_ROWS)
        self._completer.setWidget(self)
        view = QListView()
        self._completer.setPopup(view)
        view.setItemDelegate(_Rows(view))
        view.setAccessibleName("Completions")
        self._completer.activated[QModelIndex].connect(self._accept)  # type: ignore[index]
        self.textEdited.connect(lambda _text: self.offer())
        self.textChanged.connect(lambda _text: self._take_room())
        self._take_room()

    @property
    def popup(self) -> QListView:
        """The list of completions."""
        view = self._completer.popup()
        assert isinstance(view, QListView)
        return view

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
            self.popup.hide()
            return
        self._completion = found
        self._rows.clear()
        for option in found.options:
            row = QStandardItem(option.text)
            row.setData(option.about, _ABOUT)
            self._rows.appendRow(row)
        self._completer.complete(QRect(QPoint(0, 0), QSize(440, self.height() + 2)))
        # Enter takes the first value; a first key could be meant as a part of a name.
        first = self._completer.completionModel().index(0, 0) if value else QModelIndex()
        self.popup.setCurrentIndex(first)

    def _accept(self, index: QModelIndex) -> None:
        text = str(index.data())
        found = self._completion
        before, after = self.text()[: found.start], self.text()[found.end :]
        key = not before.endswith((":", ","))
        middle = text if key else text + ("" if after.startswith(" ") else " ")
        self.setText(before + middle + after)
        self.setCursorPosition(len(before) + len(middle))
        if key:
            self.offer()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Down and not self.popup.isVisible():
            self.offer(everything=True)
            return
        super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self.popup.hide()
