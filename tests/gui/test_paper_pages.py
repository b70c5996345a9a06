"""Where the pages of a printed report end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QSizeF
from PySide6.QtGui import QTextBlock, QTextDocument, QTextTable

from cvstudio.core.opencv import cv2
from cvstudio.paper import pages
from cvstudio.paper.pdf import laid_out
from cvstudio.project.report.blocks import (
    Block,
    Heading,
    Picture,
    Pictures,
    Report,
    Table,
    Text,
)

PAGE = QSizeF(640, 900)
JPEG = cv2.imencode(".jpg", np.full((90, 120, 3), 128, np.uint8))[1].tobytes()
ROWS = tuple((f"class {n}", "0.5") for n in range(12))


def printed(blocks: Sequence[Block]) -> QTextDocument:
    return laid_out(Report("Run 1", "of a test", tuple(blocks)), PAGE)


def filled(lines: int) -> list[Block]:
    """So many paragraphs above what is looked at."""
    return [Text(f"Line {n}.") for n in range(lines)]


def pages_of(document: QTextDocument, part: pages.Part) -> tuple[int, int]:
    """The page on which a part begins, and the one on which it ends."""
    area = pages._area(document, part)
    return int(area.top() // PAGE.height()), int((area.bottom() - 1) // PAGE.height())


def told(document: QTextDocument) -> list[pages.Part]:
    """The parts of a document without the empty lines between them."""
    every = pages._parts(document.rootFrame())
    return [part for part in every if not isinstance(part, QTextBlock) or part.text()]


@pytest.mark.parametrize("lines", range(18, 40, 3))
def test_a_heading_is_never_alone_at_the_foot_of_a_page(qapp: object, lines: int) -> None:
    document = printed(
        [*filled(lines), Heading("How good it is"), Text("Of each class."), Table(("A", "B"), ROWS)]
    )
    *_, heading, words, table = told(document)
    assert isinstance(table, QTextTable)
    where = {pages_of(document, part) for part in (heading, words, table)}
    assert len(where) == 1
    assert len(set(*where)) == 1, "the table is whole"


@pytest.mark.parametrize("lines", range(16, 40, 3))
def test_pictures_are_not_torn_from_their_words(qapp: object, lines: int) -> None:
    some = tuple(Picture(JPEG, 120, 90, f"image {n}") for n in range(6))
    document = printed([*filled(lines), Pictures(some)])
    rows = [part for part in told(document) if isinstance(part, QTextTable)]
    assert len(rows) == 3
    for row in rows:
        first, last = pages_of(document, row)
        assert first == last


def test_a_table_longer_than_a_page_says_its_head_on_each(qapp: object) -> None:
    many = tuple((f"class {n}", "0.5") for n in range(120))
    document = printed([Heading("Classes"), Table(("Class", "Figure"), many)])
    _title, heading, table = told(document)[:3]
    assert isinstance(table, QTextTable)
    assert table.format().headerRowCount() == 1
    assert pages_of(document, heading) == (0, 0), "it begins where it stands"
    assert document.pageCount() > 2


def test_nothing_is_lost_where_a_page_begins(qapp: object) -> None:
    blocks: list[Block] = []
    for n in range(12):
        blocks += [Heading(f"Part {n}"), Text("What is in it."), Table(("A", "B"), ROWS)]
    document = printed(blocks)
    tops = [pages._area(document, part).top() for part in told(document)]
    assert tops == sorted(tops)
    assert min(b - a for a, b in pairwise(tops)) > 0, "nothing lies on another"
    assert document.pageCount() > 3
