"""One row of thumbnails under an image; the image at hand is the selected one.

strip = Filmstrip(studio.thumbnails)
strip.images.open(project); strip.images.set_ids(ids)
strip.show_image(7)                 # selects and scrolls, without telling
strip.show_dots({7: True, 8: False})  # full, ring
strip.chosen.connect(f)             # image id that the person clicked
"""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QItemSelectionModel, QSize, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView, QWidget

from cvstudio.gui import theme
from cvstudio.gui.thumbnails import Thumbnails
from cvstudio.gui.widgets.thumbnail_grid import ThumbnailDelegate
from cvstudio.gui.widgets.thumbnail_model import ThumbnailModel


class Filmstrip(QListView):
    """100 px high, as wide as there is room."""

    chosen = Signal(int)

    def __init__(self, thumbnails: Thumbnails, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.images = ThumbnailModel(thumbnails, self)
        self.setModel(self.images)
        self._delegate = delegate = ThumbnailDelegate(self.images, self)
        delegate.overlays = False
        delegate.short_names = True
        delegate.split_shown = False
        height = theme.size("filmstrip")
        delegate.gap, delegate.pad = 4, 1
        delegate.cell = QSize(98, height - 4)
        self.setItemDelegate(delegate)
        self.setFixedHeight(height)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setUniformItemSizes(True)
        self.setGridSize(delegate.cell)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        # A click must leave the canvas keys alive.
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Filmstrip")
        self.clicked.connect(lambda index: self.chosen.emit(index.data(Qt.ItemDataRole.UserRole)))

    def show_image(self, image_id: int) -> None:
        """Select an image and bring it to the middle, if it is in the strip."""
        row = self.images.row_of(image_id)
        if row < 0:
            self.clearSelection()
            return
        index = self.images.index(row)
        self.selectionModel().setCurrentIndex(
            index, QItemSelectionModel.SelectionFlag.ClearAndSelect
        )
        self.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)

    def show_dots(self, dots: Mapping[int, bool]) -> None:
        """Mark images by a dot under their pictures: full (True) or a ring (False)."""
        if dots != self._delegate.dots:
            self._delegate.dots = dict(dots)
            self.viewport().update()

    @property
    def dots(self) -> Mapping[int, bool]:
        """The images that are marked."""
        return self._delegate.dots

    def scroll_by(self, pictures: int) -> None:
        """Scroll by some pictures, as the arrows at the ends do."""
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() + pictures * self.gridSize().width())

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.angleDelta().y() or event.angleDelta().x()
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - turned)
        event.accept()

    def keyboardSearch(self, search: str) -> None:
        """Letters are keys of the page."""
