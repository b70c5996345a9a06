"""The keys in force on paper: as a page of HTML, or as a PDF of A4 pages in two columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from PySide6.QtCore import QMarginsF, QSizeF
from PySide6.QtGui import QFont, QPageLayout, QPageSize, QPdfWriter, QTextDocument

from cvstudio.core.errors import CVStudioError
from cvstudio.gui import keys
from cvstudio.gui.action_table import ACTIONS, PAGES
from cvstudio.gui.shortcuts.held import HELD
from cvstudio.gui.shortcuts.keymap import KeyBook

SUFFIXES = (".pdf", ".html")
_STYLE = (
    "body { font-family: sans-serif; font-size: 9pt; color: #111; }"
    "td { padding: 1pt 10pt 1pt 0; vertical-align: top; }"
)
_WIDTHS = (26, 24, 50)
"""Percent of keys, names and what they do: one line down the whole sheet."""

_PAPER = QSizeF(1123, 794)  # A4 on its side, at 96 dots per inch
_MARGIN, _SIZE = 36, 7.5  # px around, pt of the letters
_LINES = 43
"""What one column holds, under the heading of the page."""
_SIGNS = (23, 21, 50)
"""How many letters one line of each cell holds, roughly."""
_HEAD = 2.4  # lines that a heading takes
_LEAST = 6  # lines of a group that stand under its heading at least


@dataclass(frozen=True)
class Row:
    """Keys as they stand on caps, the name of what they do, and what that is."""

    caps: tuple[str, ...]
    name: str
    tip: str

    @property
    def lines(self) -> int:
        """How many lines it takes in a column of paper."""
        said = (" or ".join(self.caps), self.name, self.tip)
        return max(math.ceil(len(t) / most) for t, most in zip(said, _SIGNS, strict=True))


def groups(book: KeyBook) -> list[tuple[str, list[Row]]]:
    """Every action that has a key and what keys do besides, page by page."""
    found = []
    for page in ("", *PAGES):
        rows = [
            Row(tuple(keys.words(key) or key for key in book.keys(info.id)), info.text, info.tip)
            for info in ACTIONS
            if info.page == page and book.keys(info.id)
        ]
        rows += [Row((held.keys,), held.text, held.tip) for held in HELD if held.page == page]
        found.append((page.capitalize() or "Everywhere", rows))
    return found


def html(book: KeyBook, *, preset: str) -> str:
    """All of it below one another. `preset`: the words of the preset in force."""
    parts = [_title(preset)]
    for title, rows in groups(book):
        parts += [_heading(title), _table(rows)]
    head = f'<meta charset="utf-8"><title>CVStudio: keys</title><style>{_STYLE}</style>'
    return f"<!DOCTYPE html><html><head>{head}</head><body>{''.join(parts)}</body></html>"


def paper(book: KeyBook, *, preset: str) -> str:
    """The same in columns side by side, two on a page."""
    columns = list(_columns(groups(book)))
    pages = []
    for first in range(0, len(columns), 2):
        cells = "".join(f"<td width='50%'>{each}</td>" for each in columns[first : first + 2])
        if len(columns) - first == 1:
            cells += "<td width='50%'></td>"
        head = _title(preset) if first == 0 else _title(preset, broken=True)
        pages.append(f"{head}<table width='100%' cellspacing='6'><tr>{cells}</tr></table>")
    return f"<html><body>{''.join(pages)}</body></html>"


def _columns(found: Sequence[tuple[str, list[Row]]]) -> Iterator[str]:
    """Groups one below the other as far as a column goes; a heading never stands alone."""
    parts: list[str] = []
    used = 0.0
    for title, rows in found:
        held: list[Row] = []
        needed = min(sum(row.lines for row in rows), _LEAST)
        if parts and used + _HEAD + needed > _LINES:
            yield "".join(parts)
            parts, used = [], 0.0
        parts.append(_heading(title))
        used += _HEAD
        for row in rows:
            if used + row.lines > _LINES:
                yield "".join((*parts, _table(held)))
                parts, held, used = [_heading(f"{title}, continued")], [], _HEAD
            held.append(row)
            used += row.lines
        parts.append(_table(held))
    yield "".join(parts)


def _title(preset: str, *, broken: bool = False) -> str:
    place = " style='page-break-before: always'" if broken else ""
    return (
        f"<p{place}><span style='font-size: 14pt; font-weight: bold'>CVStudio: keys</span>"
        f" &nbsp; {'' if preset == 'CVStudio' else escape(preset)}</p>"
    )


def _heading(title: str) -> str:
    return f"<h2><span style='font-size: 10.5pt'>{escape(title)}</span></h2>"


def _table(rows: Sequence[Row]) -> str:
    return f"<table width='100%' cellpadding='1'>{''.join(map(_row, rows))}</table>"


def _row(row: Row) -> str:
    caps = " or ".join(f"<b>{escape(cap)}</b>" for cap in row.caps)
    cells = zip(_WIDTHS, (caps, escape(row.name), escape(row.tip)), strict=True)
    return "<tr>" + "".join(f"<td width='{width}%'>{cell}</td>" for width, cell in cells) + "</tr>"


def save(path: Path, book: KeyBook, *, preset: str) -> None:
    """Write a sheet; ".html" as one long page, all else as PDF. Raises CVStudioError."""
    try:
        if path.suffix.lower() == ".html":
            path.write_text(html(book, preset=preset), encoding="utf-8")
            return
        path.touch()  # QPdfWriter does not say why a file cannot be written
    except OSError as error:
        raise CVStudioError(f"{path.name} cannot be written: {error.strerror}.") from error
    writer = QPdfWriter(str(path))
    writer.setTitle("CVStudio: keys")
    writer.setPageLayout(
        QPageLayout(
            QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Orientation.Landscape,
            QMarginsF(), QPageLayout.Unit.Millimeter,
        )
    )  # fmt: skip
    document = QTextDocument()
    font = QFont("sans-serif")  # the window's is in pixels: too small on paper
    font.setPointSizeF(_SIZE)
    document.setDefaultFont(font)
    document.setPageSize(_PAPER)
    document.setDocumentMargin(_MARGIN)
    document.setHtml(paper(book, preset=preset))
    document.print_(writer)
