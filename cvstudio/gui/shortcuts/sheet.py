"""The keys in force on paper: as a page of HTML, or as a PDF of A4 pages."""

from __future__ import annotations

from html import escape
from pathlib import Path

from PySide6.QtCore import QMarginsF
from PySide6.QtGui import QPageLayout, QPageSize, QPdfWriter, QTextDocument

from cvstudio.core.errors import CVStudioError
from cvstudio.gui import keys
from cvstudio.gui.actions import ACTIONS, PAGES
from cvstudio.gui.shortcuts.keymap import CLASS_KEYS, KeyBook

SUFFIXES = (".pdf", ".html")
_STYLE = (
    "body { font-family: Inter, sans-serif; font-size: 9pt; color: #111; }"
    "h1 { font-size: 16pt; } h2 { font-size: 11pt; }"
    "td { padding: 1pt 10pt 1pt 0; vertical-align: top; }"
)


def html(book: KeyBook, *, preset: str) -> str:
    """Every action that has a key, page by page. `preset`: the words of the preset in force."""
    parts = [f"<h1>CVStudio: keys</h1><p>{escape(preset)}</p>"]
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
        parts.append(f"<h2>{title}</h2><table>{''.join(rows)}</table>")
    head = f'<meta charset="utf-8"><title>CVStudio: keys</title><style>{_STYLE}</style>'
    return f"<!DOCTYPE html><html><head>{head}</head><body>{''.join(parts)}</body></html>"


def _row(held: tuple[str, ...], name: str, tip: str) -> str:
    caps = " or ".join(f"<b>{escape(keys.words(key) or key)}</b>" for key in held)
    return f"<tr><td>{caps}</td><td>{escape(name)}</td><td>{escape(tip)}</td></tr>"


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
            QMarginsF(18, 16, 18, 16), QPageLayout.Unit.Millimeter,
        )
    )  # fmt: skip
    document = QTextDocument()
    document.setHtml(text)
    document.print_(writer)
