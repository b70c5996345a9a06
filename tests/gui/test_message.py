"""The tinted message: where its icon stands."""

from __future__ import annotations

from patience import until
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cvstudio.gui import theme
from cvstudio.gui.widgets.message import IconLabel, Message

LONG = "A sentence that is too long for one line, since it tells what happened and what to do. " * 3


def test_the_icon_stands_beside_one_line_and_at_the_top_of_several(
    dressed: theme.ThemeKeeper,
) -> None:
    page = QWidget()
    column = QVBoxLayout(page)
    message = Message("warning", "One line.", link_text="Show")
    column.addWidget(message)
    column.addStretch(1)
    page.resize(500, 300)
    page.show()
    mark = message.findChild(IconLabel)
    assert mark is not None

    def in_the_middle() -> bool:
        return abs(mark.geometry().center().y() - message.rect().center().y()) <= 1

    until(in_the_middle)
    message.set("warning", LONG)
    until(lambda: mark.geometry().bottom() < message.rect().center().y())
    message.set("warning", "One line again.")
    until(in_the_middle)
    page.close()
    page.deleteLater()
