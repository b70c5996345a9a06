"""What the tests of Augment share."""

from __future__ import annotations

from patience import until
from PySide6.QtWidgets import QApplication

from cvstudio.gui.augment.page import AugmentPage


def pictures_come(page: AugmentPage) -> None:
    """Wait until what is shown belongs to what is set; they may have come already."""
    QApplication.processEvents()
    until(lambda: page.grid.pictures and not waits(page))


def waits(page: AugmentPage) -> bool:
    """Whether an answer is awaited, or about to be asked for."""
    return page.preview._soon.isActive() or page.preview._asked_at is not None
