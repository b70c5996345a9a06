"""A double click on what becomes "Cancel" begins the work and does not end it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from cvstudio.gui import theme
from cvstudio.gui.widgets.empty_state import EmptyState
from cvstudio.gui.widgets.message import Message

LEFT = Qt.MouseButton.LeftButton


def double_click(button: QPushButton) -> None:
    """As a display sends it: press, release, the second press as a double click, release."""
    middle = button.rect().center()
    QTest.mouseClick(button, LEFT, pos=middle)
    place = QPointF(button.rect().center())
    second = QMouseEvent(
        QEvent.Type.MouseButtonDblClick, place, QPointF(button.mapToGlobal(place.toPoint())),
        LEFT, LEFT, Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(button, second)
    QTest.mouseRelease(button, LEFT, pos=QPoint(place.toPoint()))


def shown(page: QWidget) -> QPushButton:
    page.resize(600, 300)
    page.show()
    QTest.qWait(20)
    return next(b for b in page.findChildren(QPushButton) if b.isVisible())


def test_a_double_click_on_make_the_map_does_not_cancel_it(dressed: theme.ThemeKeeper) -> None:
    done: list[str] = []

    def make() -> None:
        done.append("make")
        page.set("Making the map", button="Cancel", do=lambda: done.append("cancel"))

    page = EmptyState("close", "No map yet.", button="Make the map", do=make)
    button = shown(page)
    double_click(button)
    assert done == ["make"]
    QTest.mouseClick(button, LEFT)
    assert done == ["make", "cancel"], "one press still ends it"
    page.close()
    page.deleteLater()


def test_a_double_click_on_evaluate_again_does_not_cancel_it(dressed: theme.ThemeKeeper) -> None:
    done: list[str] = []

    def again() -> None:
        done.append("again")
        strip.set_link("Cancel", lambda: done.append("cancel"))

    strip = Message("warning", "2 labels changed.", link_text="Evaluate again", do=again)
    button = shown(strip)
    double_click(button)
    assert done == ["again"]
    QTest.mouseClick(button, LEFT)
    assert done == ["again", "cancel"]
    strip.close()
    strip.deleteLater()
