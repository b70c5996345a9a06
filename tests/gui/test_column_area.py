"""Columns that scroll: what they hold keeps the room that its words need."""

from __future__ import annotations

from patience import until
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QSize
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from cvstudio.gui import theme
from cvstudio.gui.widgets.layouts import scrolling
from cvstudio.gui.widgets.section import label


class Requests(QObject):
    """How often a widget was asked to lay itself out."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.LayoutRequest
        return False


class LateWords(QWidget):
    """A line that needs more room than it had when it was asked, as when its font came late."""

    def __init__(self) -> None:
        super().__init__()
        self.needs = 20
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def sizeHint(self) -> QSize:
        return QSize(100, self.needs)

    def heightForWidth(self, width: int) -> int:
        return self.needs


def test_lines_of_text_are_not_left_lying_over_each_other(
    dressed: theme.ThemeKeeper, qtbot: QtBot
) -> None:
    inside = QWidget()
    column = QVBoxLayout(inside)
    lines = [LateWords() for _ in range(12)]
    for line in lines:
        column.addWidget(line)
    area = scrolling(inside)
    qtbot.addWidget(area)
    area.resize(300, 400)
    area.show()
    QTest.qWait(50)
    assert inside.height() == 400
    for line in lines:
        line.needs = 60
        line.updateGeometry()
    QCoreApplication.removePostedEvents(inside, int(QEvent.Type.LayoutRequest))  # Qt looked before
    inside.update()
    until(lambda: inside.height() >= 12 * 60)


def test_a_column_of_a_fixed_height_is_left_as_it_is(
    dressed: theme.ThemeKeeper, qtbot: QtBot
) -> None:
    inside = QWidget()
    column = QVBoxLayout(inside)
    column.addWidget(label("What it says in words " * 40, wrap=True))
    inside.setFixedHeight(60)
    area = scrolling(inside)
    qtbot.addWidget(area)
    area.resize(300, 200)
    area.show()
    QTest.qWait(50)
    asked = Requests(inside)
    for _ in range(20):  # as often as something in it is painted
        inside.repaint()
        QTest.qWait(5)
    assert inside.height() == 60
    assert asked.count <= 1
