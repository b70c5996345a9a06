"""A run's report on paper: the same blocks as the page of HTML, laid out on A4 by Qt."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html import escape

from PySide6.QtCore import QBuffer, QCoreApplication, QIODevice, QMarginsF, QSizeF, QUrl
from PySide6.QtGui import (
    QFont,
    QGuiApplication,
    QImage,
    QPageLayout,
    QPageSize,
    QPainter,
    QPdfWriter,
    QTextDocument,
)
from PySide6.QtSvg import QSvgRenderer

from cvstudio.paper.pages import keep_together
from cvstudio.project.report.blocks import (
    Block,
    Chart,
    Facts,
    Figure,
    Figures,
    Heading,
    Picture,
    Pictures,
    Report,
    Table,
    Text,
    Tone,
)
from cvstudio.project.report.html import explained

_MARGIN = 18
"""Of the page, in mm."""
_DOTS = 96
"""Units of the layout in an inch."""
_POINTS = 9.5
_SHARPER = 3
"""How many times finer than the layout a chart is drawn."""
_WIDE = 640
"""Units between the margins of A4, a little less."""
_QUIET = "color: #59636e; font-size: 8.5pt"


def to_pdf(report: Report) -> bytes:
    """A report as the bytes of a PDF; on the main thread, for Qt lays out text only there."""
    application = _application()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    _print(report, buffer)
    del application  # not before: fonts are its own
    return bytes(buffer.data().data())


def _application() -> QGuiApplication | QCoreApplication:
    """The window's, or one of its own: on Linux without a display, which a server has not."""
    unseen = ["-platform", "offscreen"] if sys.platform == "linux" else []
    return QGuiApplication.instance() or QGuiApplication(["cvstudio", *unseen])


def _print(report: Report, device: QIODevice) -> None:
    writer = QPdfWriter(device)
    writer.setTitle(report.title)
    writer.setCreator("CVStudio")
    paper = _paper()
    writer.setPageLayout(paper)
    document = laid_out(report, paper.paintRect(QPageLayout.Unit.Inch).size() * _DOTS)
    document.print_(writer)


def _paper() -> QPageLayout:
    margins = QMarginsF(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
    return QPageLayout(
        QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Orientation.Portrait, margins,
        QPageLayout.Unit.Millimeter,
    )  # fmt: skip


def laid_out(report: Report, page: QSizeF) -> QTextDocument:
    """A report on pages of a size, in units of the layout; what belongs together is on one page."""
    document = QTextDocument()
    font = QFont("sans-serif")  # the window's is in pixels: too small on paper
    font.setPointSizeF(_POINTS)
    document.setDefaultFont(font)
    document.setDocumentMargin(0)
    document.setPageSize(page)
    document.setHtml(_page(report, document))
    keep_together(document)
    return document


def _page(report: Report, document: QTextDocument) -> str:
    words = [(word.name, word.text) for word in explained(report)]
    explaining: tuple[Block, ...] = (Heading("Words"), Facts(tuple(words))) if words else ()
    parts = [
        f"<p><span style='font-size: 16pt; font-weight: bold'>{escape(report.title)}</span><br>"
        f"<span style='{_QUIET}'>{escape(report.subtitle)}</span></p>"
    ]
    for number, block in enumerate((*report.blocks, *explaining)):
        parts += _html(block, number, document)
    return "".join(parts)


def _html(block: Block, number: int, document: QTextDocument) -> Iterator[str]:
    match block:
        case Heading():
            yield f"<h2 style='font-size: 12.5pt'>{escape(block.text)}</h2>"
        case Text():
            yield _text(block)
        case Figures():
            yield _figures(block)
        case Table():
            yield _table(block)
        case Chart():
            name = f"chart-{number}"
            document.addResource(
                QTextDocument.ResourceType.ImageResource.value, QUrl(name), _drawn(block)
            )
            yield (
                f"<p><b>{escape(block.title)}</b><br><img src='{name}' width='{block.width}'"
                f" height='{block.height}'><br><span style='{_QUIET}'>{escape(block.words)}</span>"
                "</p>"
            )
        case Pictures():
            yield _pictures(block, number, document)
        case Facts():
            rows = (
                f"<tr><td style='{_QUIET}' width='130'>{escape(a)}</td><td>{_folding(b)}</td></tr>"
                for a, b in block.rows
            )
            yield f"<table width='100%' cellpadding='2'>{''.join(rows)}</table>"


def _text(block: Text) -> str:
    words = escape(block.text)
    match block.tone:
        case Tone.QUIET:
            return f"<p style='{_QUIET}'>{words}</p>"
        case Tone.WARNING:
            return f"<p style='color: #8a4500'><b>{words}</b></p>"
        case Tone.PLAIN:
            return f"<p>{words}</p>"


def _figures(block: Figures) -> str:
    width = 100 // len(block.figures)
    cells = "".join(f"<td width='{width}%'>{_figure(one)}</td>" for one in block.figures)
    return f"<table width='100%' cellpadding='4' border='0'><tr>{cells}</tr></table>"


def _figure(one: Figure) -> str:
    lines = [line for line in (one.interval, one.detail) if line]
    small = "<br>".join(f"<span style='{_QUIET}'>{escape(line)}</span>" for line in lines)
    return (
        f"{escape(one.title)}<br><span style='font-size: 15pt; font-weight: bold'>"
        f"{escape(one.value)}</span><br>{small}"
    )


def _table(block: Table) -> str:
    head = "".join(
        f"<th align='{'left' if not place else 'right'}'>{escape(name)}</th>"
        for place, name in enumerate(block.head)
    )
    rows = "".join(f"<tr>{_row(block, place)}</tr>" for place in range(len(block.rows)))
    caption = f"<p style='{_QUIET}'>{escape(block.caption)}</p>" if block.caption else ""
    # The head is said again on each page.
    head = f"<thead><tr>{head}</tr></thead>"
    return f"<table cellpadding='3' cellspacing='0'>{head}{rows}</table>{caption}"


def _row(block: Table, place: int) -> str:
    row = block.rows[place]
    colour = block.colours[place] if block.colours else ""
    swatch = f"<span style='color: {escape(colour)}'>■ </span>" if colour else ""
    cells = [f"<td>{swatch}{escape(row[0])}</td>"]
    shades = block.shades[place] if block.shades else (None,) * len(row)
    for text, shade in zip(row[1:], shades[1:], strict=True):
        cells.append(f"<td align='right'{_shade(shade)}>{escape(text)}</td>")
    return "".join(cells)


def _shade(share: float | None) -> str:
    if not share:
        return ""
    mixed = [round(255 - (255 - full) * share) for full in (0, 86, 163)]
    letters = " style='color: #ffffff'" if share > 0.55 else ""
    return f" bgcolor='#{mixed[0]:02x}{mixed[1]:02x}{mixed[2]:02x}'{letters}"


def _pictures(block: Pictures, number: int, document: QTextDocument) -> str:
    """Two beside each other. Each row is a table of its own: the end of a page would come between
    a picture and its words."""
    cells = []
    for place, one in enumerate(block.pictures):
        name = f"picture-{number}-{place}"
        document.addResource(
            QTextDocument.ResourceType.ImageResource.value, QUrl(name), QImage.fromData(one.jpeg)
        )
        cells.append(_picture(one, name))
    pairs = (cells[place : place + 2] for place in range(0, len(cells), 2))
    return "".join(f"<table cellpadding='4'><tr>{''.join(pair)}</tr></table>" for pair in pairs)


def _picture(one: Picture, name: str) -> str:
    width = min(_WIDE // 2 - 16, one.width)
    height = round(one.height * width / one.width)
    return (
        f"<td width='50%'><img src='{name}' width='{width}' height='{height}'><br>"
        f"<span style='{_QUIET}'>{_folding(one.caption)}</span></td>"
    )


def _folding(words: str) -> str:
    """Words that may be broken after a comma even where no space follows it."""
    return escape(words).replace(",", ",\u200b")


def _drawn(chart: Chart) -> QImage:
    image = QImage(
        chart.width * _SHARPER, chart.height * _SHARPER, QImage.Format.Format_ARGB32_Premultiplied
    )
    image.fill(0xFFFFFFFF)
    painter = QPainter(image)
    QSvgRenderer(chart.svg.encode()).render(painter)
    painter.end()
    return image
