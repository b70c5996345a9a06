"""The field of the filter bar: parts of a file name, or a query, with completion as one types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QCompleter, QLineEdit, QListView

from cvstudio.core.words import counted
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.told_rows import ABOUT, ToldRows
from cvstudio.project.query_language import Completion, Option, complete

_NARROW, _USUAL, _WIDE = 200, 240, 1200
_WANTED, _MOST = 300, 560
_AROUND = 84  # px beside the text: the icon, the cross, the margins
_MOST_ROWS = 9


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
        self._completer = QCompleter(self._rows, self)
        self._completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self._completer.setMaxVisibleItems(_MOST_ROWS)
        self._completer.setWidget(self)
        view = QListView()
        self._completer.setPopup(view)
        view.setItemDelegate(ToldRows(view))
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
            row.setData(self._about(option), ABOUT)
            self._rows.appendRow(row)
        self._completer.complete(QRect(QPoint(0, 0), QSize(440, self.height() + 2)))
        # Enter takes the first value; a first key could be meant as a part of a name.
        first = self._completer.completionModel().index(0, 0) if value else QModelIndex()
        self.popup.setCurrentIndex(first)

    def _about(self, option: Option) -> str:
        """What an option means; for the name of a class or a tag, how many images it finds."""
        if self.count is None or not option.whole:
            return option.about
        return f"{option.about}, {counted(self.count(option.text), 'image')}"

    def _accept(self, index: QModelIndex) -> None:
        text = str(index.data())
        found = self._completion
        before, after = self.text()[: found.start], self.text()[found.end :]
        key = text.endswith((":", ">"))
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
