"""A slider with two handles for a range; Tab reaches each handle, arrow keys move it.

slider = RangeSlider(-180, 180, step=1);  slider.set_values(-25, 25)
slider.changing.connect(f)    # low, high: while a handle is dragged
slider.changed.connect(f)     # low, high: when it is let go, and after each key
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from cvstudio.gui import theme

_KEYS = {
    Qt.Key.Key_Left: -1, Qt.Key.Key_Down: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: 1,
    Qt.Key.Key_PageDown: -10, Qt.Key.Key_PageUp: 10,
}  # fmt: skip


class RangeSlider(QWidget):
    """Two handles that cannot pass each other."""

    changing = Signal(float, float)
    changed = Signal(float, float)

    def __init__(self, low: float, high: float, *, step: float = 1) -> None:
        super().__init__()
        self._low, self._high, self._step = low, high, step
        self._values = [low, high]
        self._handle = 0
        self._dragged = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(60)
        self.setFixedHeight(theme.size("field"))

    @property
    def values(self) -> tuple[float, float]:
        return self._values[0], self._values[1]

    def set_values(self, low: float, high: float) -> None:
        """Show a range without telling."""
        self._values = [low, high]
        self._tell_accessibility()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, self.minimumHeight())

    def _tell_accessibility(self) -> None:
        self.setAccessibleDescription(f"{self._values[0]:g} to {self._values[1]:g}")

    def _radius(self) -> float:
        return theme.size("slider_handle") / 2

    def _place(self, value: float) -> float:
        radius = self._radius()
        share = (value - self._low) / (self._high - self._low)
        return radius + share * (self.width() - 2 * radius)

    def _value_at(self, x: float) -> float:
        radius = self._radius()
        share = (x - radius) / max(self.width() - 2 * radius, 1)
        return self._low + share * (self._high - self._low)

    def _move(self, handle: int, value: float) -> bool:
        """Move a handle to the step nearest to a value, not past the other one."""
        steps = round((value - self._low) / self._step)
        value = round(self._low + steps * self._step, 6)
        low = self._low if handle == 0 else self._values[0]
        high = self._high if handle == 1 else self._values[1]
        value = min(max(value, low), high)
        if value == self._values[handle]:
            return False
        self._values[handle] = value
        self._tell_accessibility()
        self.update()
        return True

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        x = event.position().x()
        first, second = (self._place(value) for value in self._values)
        if abs(first - second) < 1:
            # On top of each other: the one that can go where the pointer is.
            self._handle = 1 if x >= first else 0
        else:
            self._handle = 0 if abs(x - first) <= abs(x - second) else 1
        self._dragged = True
        if self._move(self._handle, self._value_at(x)):
            self.changing.emit(*self.values)
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragged and self._move(self._handle, self._value_at(event.position().x())):
            self.changing.emit(*self.values)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._dragged:
            self._dragged = False
            self.changed.emit(*self.values)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        value = self._values[self._handle]
        if key in _KEYS:
            value += _KEYS[key] * self._step
        elif key == Qt.Key.Key_Home:
            value = self._low
        elif key == Qt.Key.Key_End:
            value = self._high
        else:
            super().keyPressEvent(event)
            return
        if self._move(self._handle, value):
            self.changed.emit(*self.values)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab goes from the first handle to the second before it leaves."""
        if forward and self._handle == 0:
            self._handle = 1
        elif not forward and self._handle == 1:
            self._handle = 0
        else:
            return super().focusNextPrevChild(forward)
        self.update()
        return True

    def focusInEvent(self, event: QFocusEvent) -> None:
        if event.reason() == Qt.FocusReason.TabFocusReason:
            self._handle = 0
        elif event.reason() == Qt.FocusReason.BacktabFocusReason:
            self._handle = 1
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle = self.height() / 2
        groove = theme.size("slider_groove")
        first, second = (self._place(value) for value in self._values)
        painter.setBrush(theme.colour("border"))
        painter.drawRoundedRect(QRectF(0, middle - groove / 2, self.width(), groove), 2, 2)
        on = self.isEnabled()
        painter.setBrush(theme.colour("muted" if on else "disabled"))
        painter.drawRect(QRectF(first, middle - groove / 2, second - first, groove))
        for handle, x in enumerate((first, second)):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("text" if on else "disabled"))
            painter.drawEllipse(QPointF(x, middle), self._radius(), self._radius())
            if self.hasFocus() and handle == self._handle:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(theme.colour("focus"), 2))
                painter.drawEllipse(QPointF(x, middle), self._radius() - 1, self._radius() - 1)
