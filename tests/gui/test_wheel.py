"""The mouse wheel scrolls a form; it does not change what it passes over."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QSlider,
    QSpinBox,
    QWidget,
)
from pytestqt.qtbot import QtBot

from cvstudio.gui import theme
from cvstudio.gui.widgets.layouts import scrolling


def turn(widget: QWidget, steps: int = -1) -> None:
    """Turn the wheel with the pointer in the middle of a widget, as a mouse does."""
    window = widget.window()
    place = widget.mapTo(window, widget.rect().center())
    QTest.wheelEvent(window.windowHandle(), QPointF(place), QPoint(0, 120 * steps))
    QApplication.processEvents()


def field_of(kind: str) -> QWidget:
    if kind == "combo":
        combo = QComboBox()
        combo.addItems([str(n) for n in range(9)])
        combo.setCurrentIndex(4)
        return combo
    made = {"spin": QSpinBox, "figure": QDoubleSpinBox, "slider": QSlider}[kind]()
    made.setValue(40)
    return made


def value_of(field: QWidget) -> float:
    return field.currentIndex() if isinstance(field, QComboBox) else field.value()  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["spin", "figure", "slider", "combo"])
def test_the_wheel_over_a_field_scrolls_the_form_and_leaves_the_value(
    qtbot: QtBot, dressed: theme.ThemeKeeper, kind: str
) -> None:
    inside = QWidget()
    inside.setFixedHeight(2000)
    other = QLineEdit(inside)
    field = field_of(kind)
    field.setParent(inside)
    field.move(10, 20)
    area = scrolling(inside)
    qtbot.addWidget(area)
    area.resize(200, 200)
    area.show()
    area.activateWindow()
    assert QTest.qWaitForWindowActive(area)
    other.setFocus()
    before = value_of(field)
    turn(field)
    turn(field)
    assert value_of(field) == before
    assert area.verticalScrollBar().value() > 0
    assert not field.hasFocus()


def test_the_wheel_changes_the_field_that_has_the_focus(
    qtbot: QtBot, dressed: theme.ThemeKeeper
) -> None:
    inside = QWidget()
    inside.setFixedHeight(2000)
    field = QSpinBox(inside)
    field.setValue(40)
    area = scrolling(inside)
    qtbot.addWidget(area)
    area.resize(200, 200)
    area.show()
    area.activateWindow()
    assert QTest.qWaitForWindowActive(area)
    field.setFocus()
    turn(field)
    assert field.value() == 39
    assert area.verticalScrollBar().value() == 0


def test_the_wheel_over_a_slider_that_nothing_scrolls_moves_it(
    qtbot: QtBot, dressed: theme.ThemeKeeper
) -> None:
    frame = QWidget()
    other = QLineEdit(frame)
    slider = QSlider(Qt.Orientation.Horizontal, frame)
    slider.move(0, 60)
    slider.setValue(40)
    qtbot.addWidget(frame)
    frame.show()
    frame.activateWindow()
    assert QTest.qWaitForWindowActive(frame)
    other.setFocus()
    turn(slider)
    assert slider.value() != 40
