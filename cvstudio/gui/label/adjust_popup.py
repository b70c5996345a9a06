"""The small popup over the canvas with one amount, what it does in words, and Keep and Drop."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Signal
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.core.annotation import Kind
from cvstudio.gui import theme
from cvstudio.gui.widgets.section import Segments, label, link
from cvstudio.gui.widgets.slider_field import SliderField

KINDS = (Kind.BOX, Kind.ROTATED_BOX, Kind.POLYGON, Kind.MASK)
LARGEST = 20.0
"""Pixels of the image."""

_TOP = 12  # px between it and the edges of the canvas
_WIDTH = 420


class AdjustPopup(QFrame):
    """Tells what the person changes; the canvas shows what comes of it."""

    changed = Signal()
    kept = Signal()
    dropped = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._around = parent
        theme.mark(self, toast=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 14, 8)
        column.setSpacing(8)
        top = QHBoxLayout()
        self.title = label("", "section")
        top.addWidget(self.title)
        top.addStretch(1)
        self.kind = Segments(tuple(kind.capitalize() for kind in KINDS))
        top.addWidget(self.kind)
        column.addLayout(top)
        row = QHBoxLayout()
        self.word = label("", "muted")
        row.addWidget(self.word)
        self.amount = SliderField(0.0, LARGEST, 1.0, step=0.1, unit="px", name="Amount")
        row.addWidget(self.amount, 1)
        column.addLayout(row)
        below = QHBoxLayout()
        self.words = label("", "muted")
        below.addWidget(self.words, 1)
        below.addWidget(link("Drop  Esc", self.dropped.emit))
        below.addWidget(link("Keep  Enter", self.kept.emit))
        column.addLayout(below)
        self.amount.changed.connect(lambda _value: self.changed.emit())
        self.kind.chosen.connect(lambda _index: self.changed.emit())
        self.hide()

    def begin(
        self, title: str, word: str, amount: float, kind: Kind | None, *, about: QRect
    ) -> None:
        """Ask for an amount, and for a kind unless it is None; the field takes the keys.

        `about`: where on the canvas the shapes are that are to be judged.
        """
        self.title.setText(title)
        self.setAccessibleName(title)
        self.word.setText(word)
        self.amount.field.setAccessibleName(f"{title}: {word}")
        self.amount.slider.setAccessibleName(f"{title}: {word}")
        self.amount.set_value(amount)
        self.kind.setVisible(kind is not None)
        if kind is not None:
            self.kind.choose(KINDS.index(kind))
        self.show()  # only what is shown has its dress, and with it its height
        height = self.sizeHint().height()
        width = min(_WIDTH, self._around.width() - 2 * _TOP)
        self.setGeometry(self._clear_of(about, QSize(width, height)))
        self.raise_()
        self.amount.field.setFocus()
        self.amount.field.selectAll()

    def _clear_of(self, about: QRect, size: QSize) -> QRect:
        """The usual place at the top, or the next best one that hides less of the shapes."""
        right = self._around.width() - size.width() - _TOP
        bottom = self._around.height() - size.height() - _TOP
        places = [
            QRect(QPoint(x, y), size)
            for x in ((right + _TOP) // 2, _TOP, right)
            for y in (_TOP, bottom)
        ]

        def hidden(place: QRect) -> int:
            covered = place.intersected(about)
            return max(covered.width(), 0) * max(covered.height(), 0)

        return min(places, key=hidden)

    def ask_amount(self, wanted: bool) -> None:
        """Whether the amount matters now; a field that goes dark hands the keys to the canvas."""
        if not wanted and self.amount.isAncestorOf(QApplication.focusWidget() or self):
            self._around.setFocus()
        self.amount.setEnabled(wanted)

    @property
    def wanted(self) -> Kind:
        """The kind that is chosen."""
        return KINDS[self.kind.index]
