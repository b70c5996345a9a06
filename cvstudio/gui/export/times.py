"""How long the files of an export take on this computer: bars for one image, and all times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from cvstudio.gui import theme
from cvstudio.gui.widgets.layouts import empty
from cvstudio.gui.widgets.section import FoldSection, label


class TimesCard(QFrame):
    """Milliseconds per image: a bar to the median, a whisker to where 95 of 100 lie."""

    def __init__(self) -> None:
        super().__init__()
        theme.mark(self, card=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        head = QHBoxLayout()
        head.addWidget(label("Time for one image", "section"))
        head.addStretch(1)
        head.addWidget(label("this computer", "muted"))
        column.addLayout(head)
        self.bars = _TimeBars()
        column.addWidget(self.bars)
        self._rows = QWidget()
        self._grid = QGridLayout(self._rows)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(0, 1)
        self.table = FoldSection("All times", self._rows, open_=False)
        self.table.header.row.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table)

    def show_times(
        self, times: Sequence[dict[str, Any]], every: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """Show the times of a report, and `every` measurement by images at once and threads;
        without any, the card is hidden."""
        self.setVisible(bool(times))
        self.bars.show_times(times)
        self.table.setVisible(bool(every))
        empty(self._grid)
        for column, text in enumerate(_HEADS):
            self._grid.addWidget(cell(text, "caption", right=column > 0), 0, column)
        for place, row in enumerate(every, 1):
            for column, text in enumerate(_cells(row)):
                self._grid.addWidget(cell(text, "", right=column > 0), place, column)


_HEADS = ("What", "Threads", "At once", "Median, ms", "95 %", "99 %", "A second")
_USUAL = "processor"
"""The device that need not be named on each line."""


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A measurement: for so many threads and images at once, milliseconds that half, 95 and 99 of
    100 stay below, and how many images that makes in a second."""
    return (
        _named(row), str(row["threads"] or ""), str(row["batch"]),
        f"{row['median']:.1f}", f"{row['p95']:.1f}", f"{row['p99']:.1f}",
        f"{row['images_per_second']:,.1f}",
    )  # fmt: skip


def _named(row: Mapping[str, Any]) -> str:
    """What was measured, and where, unless that is the processor."""
    what, device = str(row["what"]), str(row["device"])
    return what if device == _USUAL else f"{what}, {device}"


FOOT = "milliseconds per image, whisker: 95 % are faster"
_FOOT = 48
"""Pixels under the bars: the axis, and two lines of words."""


class _TimeBars(QWidget):
    _ROW = 30

    def __init__(self) -> None:
        super().__init__()
        self._times: list[tuple[str, float, float]] = []

    def show_times(self, times: Sequence[dict[str, Any]]) -> None:
        self._times = [(_named(t), float(t["median"]), float(t["p95"])) for t in times]
        self.setAccessibleName(", ".join(f"{w}: {m:.1f} ms" for w, m, _ in self._times))
        self.setFixedHeight(self._ROW * len(self._times) + _FOOT)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(400, self._ROW * len(self._times) + _FOOT)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._times:
            return
        painter = QPainter(self)
        painter.setFont(theme.font())
        left, right = 190, 170
        room = max(self.width() - left - right, 40)
        most = max(p95 for *_, p95 in self._times) * 1.02
        for place, (what, median, p95) in enumerate(self._times):
            y = place * self._ROW
            middle = y + self._ROW // 2
            painter.setPen(theme.colour("text"))
            row = QRect(0, y, left - 12, self._ROW)
            painter.drawText(row, int(Qt.AlignmentFlag.AlignVCenter), what)
            painter.fillRect(
                QRectF(left, middle - 8, room * median / most, 16),
                theme.colour("chart1" if place == 0 else "muted"),
            )
            painter.setPen(QPen(theme.colour("text"), 1))
            end = round(left + room * p95 / most)
            painter.drawLine(round(left + room * median / most), middle, end, middle)
            painter.drawLine(end, middle - 4, end, middle + 4)
            words = QRect(self.width() - right + 8, y, right - 8, self._ROW)
            painter.setFont(theme.font("control"))
            painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), f"{median:.1f} ms")
            painter.setFont(theme.font())
            painter.setPen(theme.colour("muted"))
            flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(words, int(flags), f"{1000 / median:,.0f} a second")
        y = self._ROW * len(self._times) + 2
        painter.setPen(QPen(theme.colour("borderControl"), 1))
        painter.drawLine(left, y, left + room, y)
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour("chartAxis"))
        painter.drawText(QRect(left, y + 2, 40, 14), 0, "0")
        painter.drawText(
            QRect(left + room - 60, y + 2, 60, 14), int(Qt.AlignmentFlag.AlignRight), f"{most:.0f}"
        )
        # Over the whole width: under the axis alone it would be cut in a narrow card.
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(QRect(0, y + 16, self.width(), _FOOT - 18), int(flags), FOOT)


def cell(text: str, role: str, *, right: bool) -> QLabel:
    """A cell of a table of words and figures; figures stand at the right."""
    result = label(text, role)
    if right:
        result.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return result
