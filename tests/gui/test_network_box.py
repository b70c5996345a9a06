"""The box that chooses a network, where there is little room."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cvstudio.core.annotation import Task
from cvstudio.core.forms import ALWAYS, Answers
from cvstudio.core.networks import network
from cvstudio.gui import theme
from cvstudio.gui.train.network_box import NetworkBox
from cvstudio.gui.train.network_chooser import NetworkChooser


def test_a_network_with_a_long_name_is_told_from_its_neighbours(
    dressed: theme.ThemeKeeper,
) -> None:
    box = NetworkBox(Task.SEGMENT)
    shown = []
    for row in range(box.count()):
        box.blockSignals(True)  # as the page does when it shows a run's settings
        box.setCurrentIndex(row)
        box.blockSignals(False)
        room = box.fontMetrics().horizontalAdvance("U-Net, EfficientNet")
        shown.append(box.shown_in(room))
        assert box.fontMetrics().horizontalAdvance(shown[-1]) <= room
        QApplication.sendEvent(box, QHelpEvent(QEvent.Type.ToolTip, QPoint(), QPoint()))
        assert "M weights" in box.toolTip()
        assert box.currentText().split(",")[0] in box.toolTip()
    assert len(set(shown)) == box.count()
    box.deleteLater()


def opened(task: Task) -> tuple[NetworkBox, NetworkChooser]:
    box = NetworkBox(task, lambda: (224, 32))
    box.show()
    QTest.keyClick(box, Qt.Key.Key_F4)
    assert box.chooser is not None
    assert box.chooser.isVisible()
    return box, box.chooser


def column(chooser: NetworkChooser, place: int) -> list[str]:
    return [
        str(chooser.model.index(row, place).data()) for row in range(chooser.model.rowCount())
    ]  # fmt: skip


def test_any_network_is_found_by_typing_and_taken_by_return(dressed: theme.ThemeKeeper) -> None:
    box, chooser = opened(Task.CLASSIFY)
    assert chooser.field.hasFocus()
    assert column(chooser, 0)[: box.count()] == [
        network(box.itemData(row)).title for row in range(box.count())
    ]
    assert len(column(chooser, 0)) > 1300
    told: list[int] = []
    box.currentIndexChanged.connect(told.append)
    QTest.keyClicks(chooser.field, "v2 nano convnext")
    assert column(chooser, 0) == ["convnextv2_nano"]
    row = [column(chooser, place)[0] for place in range(1, 5)]
    assert row[:3] == ["15.6 M", "82.7 %", "no"]
    assert row[3].endswith(" GB")
    QTest.keyClick(chooser.field, Qt.Key.Key_Return)
    assert not chooser.isVisible()
    assert box.currentData() == "timm:convnextv2_nano"
    assert len(told) == 1
    box.deleteLater()


def test_the_list_opens_at_the_chosen_network_and_arrows_move_in_it(
    dressed: theme.ThemeKeeper,
) -> None:
    box, chooser = opened(Task.SEGMENT)
    first = chooser.table.currentIndex().row()
    assert chooser.model.rows[first].name == box.currentData()
    QTest.keyClick(chooser.field, Qt.Key.Key_Down)
    QTest.keyClick(chooser.field, Qt.Key.Key_Down)
    QTest.keyClick(chooser.field, Qt.Key.Key_Up)
    QTest.keyClick(chooser.field, Qt.Key.Key_Return)
    assert box.currentIndex() == first + 1
    box.showPopup()
    QTest.keyClicks(chooser.field, "nothing of the kind")
    assert chooser.note.text() == "No network has these words."
    QTest.keyClick(chooser.field, Qt.Key.Key_Return)
    assert chooser.isVisible()
    QTest.keyClick(chooser.field, Qt.Key.Key_Escape)
    assert not chooser.isVisible()
    assert box.currentIndex() == first + 1
    box.deleteLater()


def test_weights_on_this_computer_are_told(dressed: theme.ThemeKeeper, private_home: Path) -> None:
    box, chooser = opened(Task.DETECT)
    assert set(column(chooser, 3)) == {"no"}
    chooser.hide()
    (private_home / "weights").mkdir(exist_ok=True)
    (private_home / "weights" / "yolo26s.pt").write_bytes(b"weights")
    box.showPopup()
    here = dict(zip([i.name for i in chooser.model.rows], column(chooser, 3), strict=True))
    assert here["yolo26s"] == "yes"
    assert here["rtdetr-l"] == "no"
    box.deleteLater()


def test_networks_for_other_forms_are_offered_where_such_are_labelled(
    dressed: theme.ThemeKeeper,
) -> None:
    """And are found by typing in any project; the chosen one stays, whatever is offered."""
    box, chooser = opened(Task.DETECT)
    chooser.hide()

    def answers() -> set[Answers]:
        return {network(box.itemData(row)).answers for row in range(box.count())}

    assert answers() == {Answers.BOXES}
    assert {info.answers for info in chooser.model.rows} == {Answers.BOXES}
    QTest.keyClicks(chooser.field, "yolo26 nano keypoints")
    assert [info.name for info in chooser.model.rows] == ["yolo26n-pose"]
    box.show_network("yolo26n-pose")
    box.offer(ALWAYS | {Answers.ROTATED})
    assert box.currentData() == "yolo26n-pose"
    assert answers() == {Answers.BOXES, Answers.ROTATED, Answers.KEYPOINTS}
    box.show_network("yolo26n")
    box.offer(ALWAYS | {Answers.KEYPOINTS})
    assert answers() == {Answers.BOXES, Answers.KEYPOINTS}
    QTest.keyClick(box, Qt.Key.Key_F4)
    assert {info.answers for info in chooser.model.rows} == {Answers.BOXES, Answers.KEYPOINTS}
    assert chooser.note.text().startswith(f"{box.count()} ")
    box.deleteLater()


def test_the_few_networks_that_take_colours_only_say_so_in_the_list(
    dressed: theme.ThemeKeeper,
) -> None:
    box, chooser = opened(Task.CLASSIFY)

    def tip_of(words: str) -> str:
        chooser.field.setText(words)
        return str(chooser.model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole))

    assert "as they are displayed only" in tip_of("csatv2_21m")
    assert "displayed" not in tip_of("resnet18")
    box.deleteLater()
