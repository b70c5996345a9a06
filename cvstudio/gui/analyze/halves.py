"""The gallery over the pictures, and who gets the height where it is scarce."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QWidget

GALLERY, PICTURES = 240, 360
"""The height of one row of large crops, and what the three pictures need to be compared, in px."""


class Halves(QSplitter):
    """Gallery over pictures. Where height is scarce the pictures get it; a hand at it is final."""

    def __init__(self, gallery: QWidget, detail: QWidget) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self._touched = False
        self.setHandleWidth(1)
        self.setChildrenCollapsible(False)
        self.addWidget(gallery)
        self.addWidget(detail)
        self.setStretchFactor(1, 1)
        self.splitterMoved.connect(self._touch)

    def _touch(self, _position: int, _index: int) -> None:
        self._touched = True

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self._touched:
            gallery = min(max(self.height() - PICTURES, 0), GALLERY)
            self.setSizes([gallery, self.height() - gallery])
