"""A report as one file of HTML: it asks for nothing from elsewhere, and prints well."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from html import escape

from cvstudio.core.meanings import Word, meaning, words
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
)

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff; margin: 0; }
main { max-width: 920px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 18px; margin: 36px 0 10px; padding-top: 12px; border-top: 1px solid #d8dde3; }
p { margin: 0 0 10px; }
.quiet, figcaption, .detail { color: #59636e; font-size: 13px; }
.warning { border-left: 3px solid #b35900; padding-left: 10px; }
.figures { display: flex; flex-wrap: wrap; gap: 12px; margin: 12px 0; }
.figure { flex: 1 1 150px; border: 1px solid #d8dde3; border-radius: 6px; padding: 10px 12px; }
.figure b { display: block; font-size: 24px; font-weight: 600; }
.figure span { display: block; }
table { border-collapse: collapse; margin: 8px 0 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 12px 3px 0; text-align: right; border-bottom: 1px solid #eceff2; }
th { font-weight: 500; }
th:first-child, td:first-child { text-align: left; }
.matrix th, .matrix td { padding: 4px 8px; }
.swatch { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 7px; }
.wide { overflow-x: auto; }
figure { margin: 10px 0 18px; break-inside: avoid; }
figure svg, figure img { max-width: 100%; height: auto; }
.pictures { display: grid; gap: 14px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 270px), max-content)); }
.pictures figure { margin: 0; }
.pictures figcaption { overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 18px; margin: 8px 0; }
dt { color: #59636e; } dd { margin: 0; overflow-wrap: anywhere; }
@media print { main { max-width: none; padding: 0; } h2 { break-after: avoid; } }
"""


def to_html(report: Report, *, language: str = "en") -> str:
    """The whole page as text in UTF-8; pictures and drawings are inside."""
    body = "\n".join(_html(block) for block in report.blocks)
    rows = "\n".join(_word(word) for word in explained(report))
    explaining = f"<h2>Words</h2>\n<dl>{rows}</dl>" if rows else ""
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(report.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<main>\n<h1>{escape(report.title)}</h1>\n"
        f'<p class="quiet">{escape(report.subtitle)}</p>\n{body}\n{explaining}\n</main>\n'
        "</body>\n</html>\n"
    )


def explained(report: Report) -> list[Word]:
    """The words of the report's figures and tables that Help explains, in the order of Help."""
    named = {word.name for title in _titles(report) if (word := meaning(title)) is not None}
    return [word for word in words() if word.name in named]


def _titles(report: Report) -> Iterator[str]:
    for block in report.blocks:
        match block:
            case Figures():
                yield from (one.title for one in block.figures)
            case Table():
                yield from block.head
            case Chart():
                yield block.title
            case _:
                pass


def _html(block: Block) -> str:
    match block:
        case Heading():
            return f"<h2>{escape(block.text)}</h2>"
        case Text():
            return f'<p class="{block.tone.value}">{escape(block.text)}</p>'
        case Figures():
            return f'<div class="figures">{"".join(map(_figure, block.figures))}</div>'
        case Table():
            return _table(block)
        case Chart():
            return (
                f'<figure role="img" aria-label="{escape(block.title)}">'
                f"<strong>{escape(block.title)}</strong><br>{block.svg}"
                f"<figcaption>{escape(block.words)}</figcaption></figure>"
            )
        case Pictures():
            return f'<div class="pictures">{"".join(map(_picture, block.pictures))}</div>'
        case Facts():
            rows = (f"<dt>{escape(a)}</dt><dd>{escape(b)}</dd>" for a, b in block.rows)
            return f"<dl>{''.join(rows)}</dl>"


def _figure(one: Figure) -> str:
    between = f'<span class="detail">{escape(one.interval)}</span>' if one.interval else ""
    return (
        f'<div class="figure"><span>{escape(one.title)}</span><b>{escape(one.value)}</b>'
        f'{between}<span class="detail">{escape(one.detail)}</span></div>'
    )


def _table(block: Table) -> str:
    kind = ' class="matrix"' if block.shades else ""
    caption = f'<p class="quiet">{escape(block.caption)}</p>' if block.caption else ""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in block.head)
    rows = "".join(f"<tr>{_row(block, place)}</tr>" for place in range(len(block.rows)))
    return (
        f'<div class="wide"><table{kind}><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{caption}"
    )


def _row(block: Table, place: int) -> str:
    row = block.rows[place]
    swatch = ""
    if block.colours and block.colours[place]:
        swatch = f'<span class="swatch" style="background:{escape(block.colours[place])}"></span>'
    cells = [f'<th scope="row">{swatch}{escape(row[0])}</th>']
    shades = block.shades[place] if block.shades else (None,) * len(row)
    for text, shade in zip(row[1:], shades[1:], strict=True):
        cells.append(f"<td{_shade(shade)}>{escape(text)}</td>")
    return "".join(cells)


def _shade(share: float | None) -> str:
    """Blue, the darker the larger the share; letters stay readable on it."""
    if not share:
        return ""
    letters = ";color:#fff" if share > 0.55 else ""
    return f' style="background:rgba(0,86,163,{share:.2f}){letters}"'


def _picture(one: Picture) -> str:
    data = b64encode(one.jpeg).decode("ascii")
    return (
        f'<figure><img src="data:image/jpeg;base64,{data}" width="{one.width}"'
        f' height="{one.height}" alt="{escape(one.caption)}" loading="lazy">'
        f"<figcaption>{escape(one.caption)}</figcaption></figure>"
    )


def _word(word: Word) -> str:
    return f"<dt>{escape(word.name)}</dt><dd>{escape(word.text)}</dd>"
