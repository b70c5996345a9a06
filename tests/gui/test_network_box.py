"""The box that chooses a network, where there is little room."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication

from cvstudio.core.annotation import Task
from cvstudio.gui import theme
from cvstudio.gui.train.network_box import NetworkBox


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
