"""The keys in force on paper: as a page of HTML, or as a PDF of A4 pages."""

from __future__ import annotations

from html import escape
from pathlib import Path

from PySide6.QtCore import QMarginsF
from PySide6.QtGui import QFont, QPageLayout, QPageSize, QPdfWriter, QTextDocument

from cvstudio.core.errors import CVStudioError
from cvstudio.gui import keys
from cvstudio.gui.actions import ACTIONS, PAGES
from cvstudio.gui.shortcuts.keymap import CLASS_KEYS, KeyBook

SUFFIXES = (".pdf", ".html")
_STYLE = (
    "body { font-family: sans-serif; font-size: 9pt; color: #111; }"
    "td { padding: 1pt 10pt 1pt 0; vertical-align: top; }"
)


_WIDTHS = ("26%", "24%", "50%")
"""Of keys, names and what they do: one line down the whole sheet."""


def html(book: KeyBook, *, preset: str) -> str:
    """Every action that has a key, page by page. `preset`: the words of the preset in force."""
    parts = [f"<h1><span style='font-size: 17pt'>CVStudio: keys</span></h1><p>{escape(preset)}</p>"]
    for page in ("", *PAGES):
        rows = [
            _row(book.keys(info.id), info.text, info.tip)
            for info in ACTIONS
            if info.page == page and book.keys(info.id)
        ]
        if page == "label":
            first, last = CLASS_KEYS[0], CLASS_KEYS[-1]
            rows.append(_row((f"{first} … {last}",), "Class", "the class with this key"))
        title = page.capitalize() or "Everywhere"
        parts.append(f"<h2><span style='font-size: 12pt'>{title}</span></h2>")
        parts.append(f"<table width='100%' cellpadding='2'>{''.join(rows)}</table>")
    head = f'<meta charset="utf-8"><title>CVStudio: keys</title><style>{_STYLE}</style>'
    return f"<!DOCTYPE html><html><head>{head}</head><body>{''.join(parts)}</body></html>"


def _row(held: tuple[str, ...], name: str, tip: str) -> str:
    caps = " or ".join(f"<b>{escape(keys.words(key) or key)}</b>" for key in held)
    cells = zip(_WIDTHS, (caps, escape(name), escape(tip)), strict=True)
    return "<tr>" + "".join(f"<td width='{width}'>{cell}</td>" for width, cell in cells) + "</tr>"


def write(path: Path, text: str) -> None:
    """Write a sheet; ".html" is written as it is, all else as PDF. Raises CVStudioError."""
    try:
        if path.suffix.lower() == ".html":
            path.write_text(text, encoding="utf-8")
            return
        path.touch()  # QPdfWriter does not say why a file cannot be written
    except OSError as error:
        raise CVStudioError(f"{path.name} cannot be written: {error.strerror}.") from error
    writer = QPdfWriter(str(path))
    writer.setTitle("CVStudio: keys")
    writer.setPageLayout(
        QPageLayout(
            QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Orientation.Portrait,
            QMarginsF(), QPageLayout.Unit.Millimeter,  # QTextDocument keeps 2 cm free
        )
    )  # fmt: skip
    document = QTextDocument()
    document.setDefaultFont(QFont("sans-serif", 9))  # the window's is in pixels: too small here
    document.setHtml(text)
    document.print_(writer)
