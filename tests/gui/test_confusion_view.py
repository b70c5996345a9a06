"""The confusion matrix of many classes: those that occur, readable names, the missed in view."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cvstudio.core.annotation import LabelClass
from cvstudio.gui import theme
from cvstudio.gui.analyze.confusion import ConfusionView
from cvstudio.gui.analyze.matrix_panel import MatrixPanel

MANY = 80
PRESENT = (3, 17, 40, 79)
CLASSES = {i: LabelClass(i, f"kind of thing {i}", "#F73C62") for i in range(1, MANY + 1)}


def counts(present: tuple[int, ...]) -> np.ndarray:
    """Every class of `present` once right, and twice missed."""
    found = np.zeros((MANY + 1, MANY + 1), np.int64)
    for class_id in present:
        found[class_id - 1, class_id - 1] = 1
        found[class_id - 1, MANY] = 2
    return found


@pytest.fixture
def panel(dressed: theme.ThemeKeeper, qapp: QApplication) -> Iterator[MatrixPanel]:
    made = MatrixPanel()
    made.resize(380, 480)
    made.show()
    yield made
    made.close()
    made.deleteLater()


def show(panel: MatrixPanel, present: tuple[int, ...]) -> ConfusionView:
    ids = (*range(1, MANY + 1), 0)
    panel.matrix.show_counts(counts(present), ids, CLASSES, nothing="nothing", unit="boxes")
    panel.tell("boxes", "", objects=True)
    QApplication.processEvents()
    return panel.matrix


def test_only_the_classes_that_occur_are_shown_until_all_are_asked_for(panel: MatrixPanel) -> None:
    view = show(panel, PRESENT)
    assert view.matrix.class_ids == (*PRESENT, 0)
    assert panel.header.link is not None
    assert panel.header.link.text() == "76 more classes"
    panel.header.link.click()
    assert len(view.matrix.class_ids) == MANY + 1
    panel.tell("boxes", "", objects=True)
    assert panel.header.link.text() == "Only those that occur"


def test_a_few_classes_are_always_shown_whole(panel: MatrixPanel) -> None:
    few = {i: CLASSES[i] for i in (1, 2, 3)}
    found = np.zeros((4, 4), np.int64)
    found[0, 0] = 5
    panel.matrix.show_counts(found, (1, 2, 3, 0), few, nothing="nothing", unit="boxes")
    panel.tell("boxes", "", objects=True)
    assert panel.matrix.matrix.class_ids == (1, 2, 3, 0)
    assert panel.header.link is not None
    assert panel.header.link.isHidden()


def test_what_was_missed_stays_in_view_and_can_be_clicked(panel: MatrixPanel) -> None:
    view = show(panel, tuple(range(1, MANY + 1)))
    area = view.pinned_column()
    assert area is not None
    assert view.horizontalScrollBar().value() == 0
    assert view.viewport().rect().contains(area)
    chosen: list[tuple[int, int]] = []
    view.chosen.connect(lambda labelled, predicted: chosen.append((labelled, predicted)))
    place = QPoint(area.center().x(), view.rowViewportPosition(2) + 5)
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert chosen[-1] == (3, 0)


def test_a_picked_cell_is_never_under_what_stays_in_view(panel: MatrixPanel) -> None:
    view = show(panel, tuple(range(1, MANY + 1)))
    for class_id in (9, 12, 40, 78):
        view.pick(class_id, class_id)
        cell = view.visualRect(view.currentIndex())
        column, row = view.pinned_column(), view.pinned_row()
        assert column is not None
        assert row is not None
        assert cell.right() <= column.x() + 1
        assert cell.bottom() <= row.y() + 1


def test_narrow_columns_carry_their_names_upright(panel: MatrixPanel) -> None:
    view = show(panel, tuple(range(1, MANY + 1)))
    header = view.horizontalHeader()
    assert header.upright  # type: ignore[attr-defined]
    assert header.height() > 80
    picture = header.viewport().grab().toImage()
    ground = theme.colour("window").name()
    width = header.sectionSize(0)
    inked = [
        y for y in range(picture.height())
        if any(picture.pixelColor(x, y).name() != ground for x in range(2, width - 2))
    ]  # fmt: skip
    assert max(inked) - min(inked) > 50, "a name of some length, from the cells upwards"


THREE = {i: CLASSES[i] for i in (1, 2, 3)}
CONFUSED = np.array([[90, 1, 0, 9], [0, 6, 2, 2], [0, 30, 60, 10], [5, 2, 8, 0]], np.int64)
"""Of 100 labelled so, 90 of the first are found; the third is taken for the second 30 times."""


def confused(panel: MatrixPanel) -> ConfusionView:
    panel.matrix.show_counts(CONFUSED, (1, 2, 3, 0), THREE, nothing="nothing", unit="boxes")
    panel.tell("boxes", "", objects=True)
    QApplication.processEvents()
    return panel.matrix


def said(view: ConfusionView, row: int, column: int) -> str:
    found: str = view.matrix.index(row, column).data()
    return found


def test_shares_of_rows_are_recall_and_of_columns_precision(panel: MatrixPanel) -> None:
    view = confused(panel)
    assert said(view, 0, 0) == "90"
    _counts, of_row, of_column = panel.figures.buttons
    QTest.mouseClick(of_row, Qt.MouseButton.LeftButton)
    assert [said(view, 0, c) for c in range(4)] == ["90 %", "1 %", "0 %", "9 %"]
    assert said(view, 2, 1) == "30 %"
    QTest.mouseClick(of_column, Qt.MouseButton.LeftButton)
    assert said(view, 0, 0) == "95 %", "90 of the 95 that are predicted so"
    assert said(view, 2, 1) == "77 %", "30 of 39"


def test_the_most_confused_classes_come_first_and_their_cells_open_what_they_say(
    panel: MatrixPanel,
) -> None:
    view = confused(panel)
    chosen: list[tuple[int, int]] = []
    view.chosen.connect(lambda labelled, predicted: chosen.append((labelled, predicted)))
    QTest.mouseClick(panel.sorted, Qt.MouseButton.LeftButton)
    assert view.matrix.class_ids == (3, 2, 1, 0), "nothing stays last"
    assert said(view, 0, 1) == "30"
    cell = view.visualRect(view.matrix.index(0, 1)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=cell)
    assert chosen[-1] == (3, 2)
    panel.sorted.setFocus()
    QTest.keyClick(panel.sorted, Qt.Key.Key_Space)
    assert view.matrix.class_ids == (1, 2, 3, 0)


def test_missed_and_false_alarm_are_named_as_on_the_tabs(panel: MatrixPanel) -> None:
    view = confused(panel)
    model, across, down = view.matrix, Qt.Orientation.Horizontal, Qt.Orientation.Vertical
    assert model.headerData(3, across) == "missed"
    assert model.headerData(3, down) == "false alarm"
    pixels = np.ones((2, 2), np.int64)
    panel.matrix.show_counts(pixels, (0, 1), THREE, nothing="background", unit="pixels")
    assert [model.headerData(0, o) for o in (across, down)] == ["background", "background"]
