"""Where the pages of a document end: never behind a heading, nor inside of what fits on one."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QRectF
from PySide6.QtGui import QTextBlock, QTextCursor, QTextDocument, QTextFormat, QTextFrame

Part = QTextBlock | QTextFrame
_BREAK = QTextFormat.PageBreakFlag.PageBreak_AlwaysBefore


def keep_together(document: QTextDocument) -> None:
    """Begin a new page before each table, picture or heading with what follows it that would be
    torn by the end of a page and is no higher than one."""
    high = document.pageSize().height()
    for group in _groups(document):
        top, bottom = _area(document, group[0]).top(), _area(document, group[-1]).bottom()
        torn = int(top // high) != int((bottom - 1) // high)
        if torn and bottom - top <= high:
            _begin_page(group[0])
            # Else what follows is laid out in part, and some of it nowhere.
            document.markContentsDirty(0, document.characterCount())


def _groups(document: QTextDocument) -> Iterator[list[Part]]:
    """What belongs together: a heading with what it is over, a table with its small words."""
    group: list[Part] = []
    for part in _parts(document.rootFrame()):
        if group and not _belongs(part, group):
            yield group
            group = []
        group.append(part)
    if group:
        yield group


def _belongs(part: Part, group: list[Part]) -> bool:
    """Whether a part goes on what stands before it; lines without words are room between two."""
    told = [each for each in group if isinstance(each, QTextFrame) or each.text()]
    if not told or (isinstance(part, QTextBlock) and not part.text()):
        return True
    if isinstance(part, QTextFrame):
        return _is_heading(told[0]) and not any(isinstance(each, QTextFrame) for each in told)
    return _is_small(part) if isinstance(told[-1], QTextFrame) else _is_heading(told[-1])


def _parts(frame: QTextFrame) -> Iterator[Part]:
    place = frame.begin()
    while not place.atEnd():
        inner = place.currentFrame()
        yield inner if inner is not None else place.currentBlock()
        place += 1


def _is_heading(part: Part) -> bool:
    return isinstance(part, QTextBlock) and part.blockFormat().headingLevel() > 0


def _is_small(block: QTextBlock) -> bool:
    size = block.begin().fragment().charFormat().fontPointSize()
    return 0 < size < block.document().defaultFont().pointSizeF()


def _area(document: QTextDocument, part: Part) -> QRectF:
    layout = document.documentLayout()
    if isinstance(part, QTextFrame):
        return layout.frameBoundingRect(part)
    return layout.blockBoundingRect(part)


def _begin_page(part: Part) -> None:
    if isinstance(part, QTextFrame):
        frame = part.frameFormat()
        frame.setPageBreakPolicy(_BREAK)
        part.setFrameFormat(frame)
        return
    cursor = QTextCursor(part)
    block = part.blockFormat()
    block.setPageBreakPolicy(_BREAK)
    cursor.setBlockFormat(block)
