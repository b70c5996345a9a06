"""The new images in the order of their strangeness, as pictures that come when they are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import QListView, QListWidget, QListWidgetItem

from cvstudio.core.errors import ImageError
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.names import elided
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.imaging import thumbnails
from cvstudio.project.drift import Stranger

MOST = 60
_SIDE = 112
_ROOM = QSize(_SIDE + 20, _SIDE + 44)


class Strangest(QListWidget):
    """`opened`: a picture was double-clicked, or entered; its Stranger."""

    opened = Signal(object)

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._making = LatestWins(studio.tasks, owner=self, title="Thumbnails of new images")
        self._shown: tuple[Stranger, ...] = ()
        self.setAccessibleName("New images, the strangest first")
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.setIconSize(QSize(_SIDE, _SIDE))
        self.setGridSize(_ROOM)
        self.setSpacing(4)
        self.itemActivated.connect(lambda item: self.opened.emit(self._shown[self.row(item)]))

    def show_images(self, strangers: Sequence[Stranger]) -> None:
        """Show the first of them; their pictures are made in a thread."""
        self.clear()
        self._shown = tuple(strangers[:MOST])
        for one in self._shown:
            # Files of one day or instrument begin alike: what tells them apart has to stay.
            name = elided(one.path.name, self.fontMetrics(), _SIDE)
            item = QListWidgetItem(f"{name}\n{one.times:.1f} × usual")
            item.setTextAlignment(Qt.AlignmentFlag.AlignHCenter)
            item.setToolTip(tip(str(one.path)))
            item.setSizeHint(_ROOM)
            self.addItem(item)
        if self._shown:
            self._making.request(partial(_pictures, self._shown), self._take)

    def chosen(self) -> list[Stranger]:
        """The selected ones; all that are shown when none is."""
        rows = sorted(index.row() for index in self.selectedIndexes())
        return [self._shown[row] for row in rows] if rows else list(self._shown)

    def release(self) -> None:
        """Drop the pictures that are still being made."""
        self._making.drop()

    def _take(self, pictures: list[bytes | None]) -> None:
        for row, jpeg in enumerate(pictures):
            item = self.item(row)
            if jpeg is not None and item is not None:
                item.setIcon(QIcon(QPixmap.fromImage(QImage.fromData(jpeg))))


def _pictures(strangers: Sequence[Stranger], control: Control) -> list[bytes | None]:
    return [_picture(one, control.check) for one in strangers]


def _picture(one: Stranger, check: Callable[[], None]) -> bytes | None:
    check()
    try:
        return thumbnails.make(one.path, one.page, _SIDE)
    except ImageError:
        return None
