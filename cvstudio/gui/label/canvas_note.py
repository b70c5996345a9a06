"""The note of the tool in hand, over the canvas: whole at every width of the window."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from cvstudio.gui import theme
from cvstudio.gui.widgets.icons import LEVEL_ICONS
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import label

_MARGIN = 12  # px that stay free around it


class CanvasNote(QFrame):
    """A sentence at the top of the canvas. The mouse goes through it."""

    def __init__(self) -> None:
        super().__init__()
        self._around: QWidget | None = None
        theme.mark(self, level="warning")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        row.setSpacing(8)
        row.addWidget(IconLabel(LEVEL_ICONS["warning"], "warning"), 0, Qt.AlignmentFlag.AlignTop)
        self.words = label("", wrap=True)
        row.addWidget(self.words, 1)
        self.hide()

    def lay_over(self, canvas: QWidget) -> None:
        """Stand over this widget from now on."""
        self.setParent(canvas)
        self._around = canvas
        canvas.installEventFilter(self)

    def text(self) -> str:
        """What it says; "" while there is nothing to say."""
        return self.words.text()

    def set_text(self, text: str) -> None:
        """Say something else; "" says nothing."""
        if text == self.text():
            return
        self.words.setText(text)
        self.setAccessibleName(text)
        self.setVisible(bool(text))
        self._place()

    def _place(self) -> None:
        """In the middle of the upper edge, as wide as the words, in more lines if need be."""
        layout = self.layout()
        if self._around is None or layout is None or not self.text():
            return
        room = max(self._around.width() - 2 * _MARGIN, 80)
        words = self.words.fontMetrics().horizontalAdvance(self.text())
        width = min(words + 56, room)
        height = layout.heightForWidth(width)
        self.setGeometry((self._around.width() - width) // 2, _MARGIN, width, height)
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False
