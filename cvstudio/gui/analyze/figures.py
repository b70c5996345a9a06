"""The figures of the page: metric cards on top, and the table of classes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QAction, QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import LabelClass
from cvstudio.core.config import Views
from cvstudio.core.metrics.resampling import Difference
from cvstudio.gui import theme
from cvstudio.gui.analyze import words
from cvstudio.gui.widgets.section import label, link
from cvstudio.gui.widgets.swatch import swatch
from cvstudio.gui.widgets.table_names import figure_table
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.gui.widgets.what_is import WhatIs
from cvstudio.project.verdict import Card, Row

Interval = tuple[float, float]
_Index = QModelIndex | QPersistentModelIndex


def figure(value: float, *, whole: bool = False) -> str:
    """A share with three places, a count with its thousands, or a dash when there is none."""
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if whole else f"{value:.3f}"


_PLURALS = ("Likely label errors",)


class CardRow(QWidget):
    """The cards of a verdict, side by side and of one width."""

    def __init__(self, deciding: QAction | None = None) -> None:
        """`deciding` shows the images that decide against an older run."""
        super().__init__()
        self._deciding = deciding
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(16, 12, 16, 12)
        self._row.setSpacing(8)
        self._cards: list[_CardFrame] = []
        self.folded = False
        self.views = Views.ONE
        """From how many sides the network looked for what is shown."""

    def fold(self, folded: bool) -> None:
        """Show each card as one line, its words in the tooltip only; or in full again."""
        if folded != self.folded:
            self.folded = folded
            self._row.setContentsMargins(16, 4 if folded else 12, 16, 4 if folded else 12)
            for frame in self._cards:
                frame.fold(folded)

    def show_cards(
        self, cards: Sequence[Card], intervals: Mapping[str, Interval], *, views: Views = Views.ONE
    ) -> None:
        """Show a verdict's cards with the 95 % intervals of those that have one, by title.

        `views`: from how many sides the network looked, said beside the main figure. Frames are
        kept so that nothing flickers while dragging.
        """
        while len(self._cards) > len(cards):
            gone = self._cards.pop()
            self._row.removeWidget(gone)
            gone.deleteLater()
        while len(self._cards) < len(cards):
            self._cards.append(_CardFrame(None if self._cards else self._deciding))
            self._cards[-1].fold(self.folded)
            self._row.addWidget(self._cards[-1], 1)
        for frame, card in zip(self._cards, cards, strict=True):
            frame.show_card(card, intervals.get(card.title))
        if self._cards:
            self._cards[0].show_views(views.words)
        self.views = views

    def show_since(self, since: Difference | None, older: int) -> None:
        """Say on the first card how it compares with an older run; None takes it away."""
        if self._cards:
            self._cards[0].show_since(since, older)


class _CardFrame(QFrame):
    def __init__(self, deciding: QAction | None) -> None:
        super().__init__()
        theme.mark(self, card=True)
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(2)
        self._title = label("", "muted")
        self._interval = label("", "caption")
        self._card: Card | None = None
        self._since: tuple[Difference, int] | None = None
        self._views = ""
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self._title)
        self._what = WhatIs()
        head.addWidget(self._what)
        head.addStrut(20)  # cards without a question mark are as high
        head.addStretch(1)
        head.addWidget(self._interval)
        self._short = label("", "section")
        self._short.hide()
        head.addWidget(self._short)
        self._value = label("", "figure")
        self._detail = label("", "caption", wrap=True)
        self._body = QWidget()
        row = QHBoxLayout(self._body)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._value)
        row.addWidget(self._detail, 1, Qt.AlignmentFlag.AlignVCenter)
        self._deciding = link("Why", deciding.trigger) if deciding is not None else None
        if deciding is not None and self._deciding is not None:
            self._deciding.setToolTip(deciding.toolTip())
            self._deciding.hide()
            row.addWidget(self._deciding, 0, Qt.AlignmentFlag.AlignVCenter)
        self._value.setMinimumHeight(34)  # two lines of small words fit beside it
        column.addLayout(head)
        column.addWidget(self._body)
        column.addStretch(1)

    def fold(self, folded: bool) -> None:
        edge = 2 if folded else 8
        self._column.setContentsMargins(12, edge, 12, edge)
        self._column.setSpacing(0 if folded else 2)
        self._body.setHidden(folded)
        self._interval.setHidden(folded)
        self._short.setHidden(not folded)

    def show_card(self, card: Card, interval: Interval | None) -> None:
        self._card = card
        self._title.setText(card.title)
        self._what.set_word(card.title.removesuffix("s") if card.title in _PLURALS else card.title)
        self._value.setText(figure(card.value, whole=card.whole))
        self._short.setText(self._value.text())
        between = "" if interval is None else f"95 %: {interval[0]:.2f}–{interval[1]:.2f}"
        self._interval.setText(between)
        self._tell()

    def show_views(self, views: str) -> None:
        if views != self._views:
            self._views = views
            self._tell()

    def show_since(self, since: Difference | None, older: int) -> None:
        self._since = None if since is None else (since, older)
        if self._deciding is not None:
            self._deciding.setVisible(since is not None and since.value != 0)
        self._tell()

    def _tell(self) -> None:
        """The words beside the figure, and everything in the tooltip."""
        card = self._card
        if card is None:
            return
        said, lines = card.detail, [f"{card.title}: {self._value.text()} ({card.detail})"]
        if self._interval.text():
            lines.append(f"{self._interval.text()}, were other images of the kind judged")
        role = "caption"
        if self._since is not None:
            since, older = self._since
            said, role = words.since(since, older), _since_role(since)
            lines.append(words.since_in_full(since, older, card.title))
        if self._views:
            said = f"{self._views}, {said}"
            lines.append(f"Judged {self._views} of each image")
        self._detail.setText(said)
        theme.mark(self._detail, role=role)
        self.setAccessibleName(f"{card.title} {self._value.text()}, {said}")
        self.setToolTip("\n".join(lines))


def _since_role(since: Difference) -> str:
    if not since.certain:
        return "caption"
    return "success_caption" if since.value > 0 else "danger_caption"


class ClassModel(QAbstractTableModel):
    """One row per class: swatch and name, then the verdict's columns."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._columns: tuple[str, ...] = ()
        self._rows: tuple[Row, ...] = ()
        self._names: dict[int, str] = {}
        self._colours: dict[int, str] = {}
        self._swatches: dict[int, QPixmap] = {}

    def show(
        self, columns: tuple[str, ...], rows: tuple[Row, ...], classes: Mapping[int, LabelClass],
        *, nothing: str,
    ) -> None:  # fmt: skip
        """Take over other rows; of the same classes only the figures move."""
        colours = {i: c.colour for i, c in classes.items()}
        names = {0: nothing} | {i: c.name for i, c in classes.items()}
        same = (columns, names, colours) == (self._columns, self._names, self._colours)
        if same and [r.class_id for r in rows] == [r.class_id for r in self._rows]:
            self._rows = rows
            if rows:
                self.dataChanged.emit(self.index(0, 1), self.index(len(rows) - 1, len(columns)))
            return
        self.beginResetModel()
        self._columns, self._rows, self._names = columns, rows, names
        if colours != self._colours:
            self._colours = colours
            self._swatches = {i: swatch(colour) for i, colour in colours.items()}
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else 1 + len(self._columns)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self._rows[index.row()], index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole if column == 0:
                return self._names.get(row.class_id, "?")
            case Qt.ItemDataRole.DisplayRole:
                whole = self._columns[column - 1] == "Labelled"
                return figure(row.values[column - 1], whole=whole)
            case Qt.ItemDataRole.ToolTipRole if column == 0:
                return tip(self._names.get(row.class_id, "?"))
            case Qt.ItemDataRole.DecorationRole if column == 0:
                return self._swatches.get(row.class_id)
            case Qt.ItemDataRole.TextAlignmentRole:
                side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
                return Qt.AlignmentFlag.AlignVCenter | side
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Vertical:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return "Class" if section == 0 else self._columns[section - 1]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if section == 0 else Qt.AlignmentFlag.AlignRight
            return Qt.AlignmentFlag.AlignVCenter | side
        return None


class ClassTable(QTableView):
    """The per-class table; as high as its rows up to ten, then it scrolls."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = ClassModel(self)
        self.setModel(self.rows)
        figure_table(self, "Figures of each class", row=theme.size("row_compact"))
        theme.mark(self, narrow=True)
        self.caption = label("", "caption", wrap=True)
        """Above the table: the scores that classes count from, where each has its own."""

    def show_rows(
        self, columns: tuple[str, ...], rows: tuple[Row, ...], classes: Mapping[int, LabelClass],
        *, nothing: str,
    ) -> None:  # fmt: skip
        """Show a verdict's rows."""
        self.rows.show(columns, rows, classes, nothing=nothing)
        said = words.own_scores(rows, classes)
        self.caption.setText(said)
        self.caption.setVisible(bool(said))
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setMinimumSectionSize(24)
        heads, figures = header.fontMetrics(), self.fontMetrics()
        for place, name in enumerate(columns):
            whole = name == "Labelled"
            texts = ("0.000", *(figure(row.values[place], whole=whole) for row in rows))
            widest = max(figures.horizontalAdvance(text) for text in texts)
            # No wider than it has to be: the rest is for the names of the classes.
            header.resizeSection(place + 1, max(heads.horizontalAdvance(name), widest) + 12)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        shown = min(len(rows), 10)
        self.setFixedHeight(header.height() + shown * theme.size("row_compact") + 2)
