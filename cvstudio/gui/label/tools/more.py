"""The fields of a tool for which the options bar has no room, behind a button in the bar."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QToolButton, QWidget

from cvstudio.gui import keys, theme
from cvstudio.gui.widgets.icons import icon

_GAP = 4  # px between the button and what it opens
_ENDS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape)


class MoreFields(QFrame):
    """Rows of fields under a button. Enter, Esc and a click elsewhere close it."""

    closed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        theme.mark(self, toast=True)
        # A click on the button closes it, and must not open it again.
        self.setAttribute(Qt.WidgetAttribute.WA_NoMouseReplay)
        self.setAccessibleName("More options")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(14, 12, 14, 12)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(8)

    def take(self, row: int, block: Sequence[QWidget]) -> None:
        """Give these widgets a row of their own."""
        for column, widget in enumerate(block):
            across = 3 if len(block) == 1 else 1
            self._grid.addWidget(widget, row, column, 1, across, Qt.AlignmentFlag.AlignLeft)

    def open_under(self, button: QWidget) -> None:
        """Show the fields, inside the screen; the first one gets the keys."""
        self.ensurePolished()
        self.adjustSize()
        corner = button.mapToGlobal(QPoint(0, button.height() + _GAP))
        room = button.screen().availableGeometry()
        corner.setX(max(min(corner.x(), room.right() - self.width()), room.left()))
        self.move(corner)
        self.show()
        first = next((w for w in self._fields() if w.focusPolicy() != Qt.FocusPolicy.NoFocus), self)
        first.setFocus(Qt.FocusReason.PopupFocusReason)

    def _fields(self) -> list[QWidget]:
        """What can be seen, from above and the left."""
        found = [w for w in self.findChildren(QWidget) if w.isVisible()]
        return sorted(found, key=lambda w: (w.mapTo(self, QPoint(0, 0)).y(), w.x()))

    def event(self, event: QEvent) -> bool:
        """The keys that end it come before the shortcuts of the page."""
        return keys.claimed(event, _ENDS) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _ENDS:
            self.close()
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.closed.emit()


class MoreButton(QToolButton):
    """Opens and closes the fields that have no room."""

    def __init__(self) -> None:
        super().__init__()
        theme.mark(self, filter=True)
        self.setIcon(icon("chevron-down"))
        self.setIconSize(QSize(16, 16))
        # The arrow stands after the word.
        self.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolTip("More: the options for which the bar is too narrow")
        self._words = ("More", "Options")
        self.say(alone=False)
        self.hide()
        self.fields = MoreFields(self)
        self.clicked.connect(lambda _checked=False: self._toggle())

    def say(self, *, alone: bool) -> None:
        """Name the button: whether no option stands before it."""
        self.setText(self._words[alone])
        self.setAccessibleName("Options of the tool" if alone else "More options of the tool")

    def sizeHint(self) -> QSize:
        """As wide as the longer of its words: the room that it takes must not depend on them."""
        advance = self.fontMetrics().horizontalAdvance
        hint = super().sizeHint()
        wider = max(map(advance, self._words)) - advance(self.text())
        return QSize(hint.width() + wider, hint.height())

    def _toggle(self) -> None:
        if self.fields.isVisible():
            self.fields.close()
        else:
            self.fields.open_under(self)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.fields.hide()
