"""The files of one export, each with its verdict: a row is chosen to see its certificate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QVBoxLayout, QWidget

from cvstudio.core import proof as proof_words
from cvstudio.core.words import size_words
from cvstudio.gui import theme
from cvstudio.gui.export.times import cell
from cvstudio.gui.widgets.layouts import empty
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import label, push
from cvstudio.gui.widgets.verbatim import tip

Row = Mapping[str, Any]
_NAME = 190
"""Pixels that the name of a file may take; the whole one stands in the tooltip and below."""
_MARKS = {
    "verified": ("shield-check-outline", "success"),
    "refused": ("shield-alert-outline", "danger"),
    "not proven": ("help-circle-outline", "warning"),
    "not run here": ("help-circle-outline", "muted"),
}
"""Icon and colour of each word of core/proof.py's standing()."""


class FilesCard(QFrame):
    """One line for each file: verdict, name, metric, what it lost, how much faster, size."""

    def __init__(self, on_choose: Callable[[str], Any]) -> None:
        super().__init__()
        theme.mark(self, card=True)
        self._choose = on_choose
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(label("Files", "section"))
        self._table = QWidget()
        self._grid = QGridLayout(self._table)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(2, 1)
        column.addWidget(self._table)
        self.without = label("", "muted", wrap=True)
        column.addWidget(self.without)

    def show_files(self, content: Mapping[str, Any], chosen: str) -> None:
        """Show the files of a report, `chosen` marked; with one file there is nothing to choose."""
        rows: Sequence[Row] = content.get("files") or []
        left_out: Sequence[Row] = content.get("left_out") or []
        self.setVisible(len(rows) + len(left_out) > 1)
        empty(self._grid)
        heads = ("File", "", str(content.get("metric", "")), "Lost", "Times as fast", "Size")
        for column, text in enumerate(heads, 1):
            self._grid.addWidget(cell(text, "caption", right=column > 2), 0, column)
        for place, row in enumerate(rows, 1):
            self._add_row(place, row, chosen=row["file"] == chosen)
        words = [why for row in rows if (why := proof_words.why_not(row))]
        words += [f"{row['title']} is left out: {row['why']}" for row in left_out]
        self.without.setText("\n".join(words))
        self.without.setVisible(bool(words))

    def _add_row(self, place: int, row: Row, *, chosen: bool) -> None:
        said = proof_words.standing(row)
        icon, role = _MARKS[said]
        mark = IconLabel(icon, role, 16)
        mark.setToolTip(said.capitalize())
        self._grid.addWidget(mark, place, 0)
        name = self.fontMetrics().elidedText(row["file"], Qt.TextElideMode.ElideMiddle, _NAME)
        button = push(name, partial(self._choose, row["file"]), flat=not chosen, small=chosen)
        button.setCheckable(True)
        button.setChecked(chosen)
        button.setAccessibleName(f"{row['file']}, {said}")
        button.setToolTip(tip(f"Show the certificate of {row['file']}"))
        self._grid.addWidget(button, place, 1, Qt.AlignmentFlag.AlignLeft)
        self._grid.addWidget(label(row["title"], "section" if chosen else "muted"), place, 2)
        lost = row.get("drop")
        # A figure that rose by chance is no gain of fewer bits.
        drop = "" if lost is None else proof_words.figure(max(lost, 0.0))
        speed = row.get("speed_up")
        cells = (
            (proof_words.figure(row.get("measured")), ""),
            (drop, "danger" if row["verified"] is False else ""),
            ("" if speed is None else f"{speed:.1f}", ""),
            (size_words(row["size"]), "muted"),
        )
        for column, (text, cell_role) in enumerate(cells, 3):
            self._grid.addWidget(cell(text, cell_role, right=True), place, column)
