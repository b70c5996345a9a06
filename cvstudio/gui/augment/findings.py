"""What is known about a pipeline: outcomes of trial images, and what is worth a look."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from cvstudio.augment.advice import Advice
from cvstudio.gui import theme
from cvstudio.gui.widgets.layouts import empty
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import label, link

TRIALS = 200
_ROWS = (
    ("whole", "Kept whole", "muted"),
    ("cut", "Cut at the border", "borderControl"),
    ("lost", "Lost", "warning"),
    ("degenerate", "Boxes without area", "danger"),
)


class OutcomeBar(QWidget):
    """Shares of a whole side by side, 6 px high."""

    def __init__(self) -> None:
        super().__init__()
        self._shares: list[tuple[float, str]] = []
        self.setFixedHeight(8)

    def set_shares(self, shares: Sequence[tuple[float, str]]) -> None:
        """Shares from 0 to 1, each with the role of its colour."""
        self._shares = list(shares)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(theme.colour("border"))
        painter.drawRoundedRect(QRectF(self.rect()), 3, 3)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        left = 0.0
        for share, role in self._shares:
            # What exists is seen, however rare.
            width = max(share * self.width(), 3.0) if share > 0 else 0.0
            painter.fillRect(
                QRectF(left, 0, min(width, self.width() - left), 8), theme.colour(role)
            )
            left += width + (1 if width else 0)


class Outcomes(QWidget):
    """The bar and four rows of figures."""

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.bar = OutcomeBar()
        column.addWidget(self.bar)
        grid = QGridLayout()
        grid.setVerticalSpacing(7)
        grid.setHorizontalSpacing(8)
        grid.setColumnStretch(0, 1)
        column.addLayout(grid)
        self.figures: dict[str, tuple[QLabel, QLabel]] = {}
        for row, (key, title, _role) in enumerate(_ROWS):
            count, share = label("–"), label("", "muted")
            for part in (count, share):
                part.setAlignment(Qt.AlignmentFlag.AlignRight)
            share.setMinimumWidth(48)
            grid.addWidget(label(title), row, 0)
            grid.addWidget(count, row, 1)
            grid.addWidget(share, row, 2)
            self.figures[key] = (count, share)

    def show_outcomes(self, outcomes: Mapping[str, int]) -> None:
        """Counts by outcome; empty shows dashes."""
        total = sum(outcomes.values())
        for key, (count, share) in self.figures.items():
            found = outcomes.get(key, 0)
            count.setText(f"{found:,}" if total else "–")
            share.setText(f"{100 * found / total:.1f}\N{NO-BREAK SPACE}%" if total else "")
            theme.mark(count, role="warning" if key in ("lost", "degenerate") and found else "")
        roles = {key: role for key, _title, role in _ROWS}
        self.bar.set_shares(
            [(outcomes.get(key, 0) / total, roles[key]) for key in roles] if total else []
        )


class AdviceCard(QFrame):
    """One sentence with its remedy as a link below."""

    def __init__(self, advice: Advice, do: Callable[[], object]) -> None:
        super().__init__()
        theme.mark(self, level="warning")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(8)
        row.addWidget(IconLabel("alert-outline", "warning"), 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(2)
        words = label(advice.text, wrap=True)
        words.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        column.addWidget(words)
        if advice.remedy:
            column.addWidget(link(advice.remedy, do), 0, Qt.AlignmentFlag.AlignLeft)
        row.addLayout(column, 1)


class AdviceList(QWidget):
    """Cards under each other. `wanted(advice)` fires when a remedy is pressed."""

    wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self.advice: list[Advice] = []

    def show_advice(self, advice: Sequence[Advice]) -> None:
        """Show these; nothing is rebuilt when they are the same as before."""
        if list(advice) == self.advice:
            return
        self.advice = list(advice)
        empty(self._column)
        for one in self.advice:
            self._column.addWidget(AdviceCard(one, partial(self.wanted.emit, one)))
