"""Copy, paste, duplicate, and copying onto the images that follow."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from cvstudio.gui.actions import Actions
from cvstudio.gui.label.copy_next import CopyNextDialog
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.navigation import ImageOrder


class Clipboard(QObject):
    """The actions; what was copied is kept by the document."""

    said = Signal(str)
    pasted = Signal()
    """Copies have come and are selected."""
    answered = Signal()
    """A dialog was closed: the canvas takes the keys again."""

    def __init__(
        self, actions: Actions, document: Document, order: ImageOrder, page: QWidget
    ) -> None:
        super().__init__(page)
        self._document, self._order, self._page = document, order, page
        connect = partial(actions.connect, widget=page)
        connect("label.copy", self._copy)
        connect("label.paste", self._paste)
        connect("label.duplicate", document.duplicate)
        connect("label.copy_next", self._copy_to_next)

    def _copy(self) -> None:
        count = self._document.copy()
        if count:
            self.said.emit(f"{count} copied" if count > 1 else "Copied")

    def _paste(self) -> None:
        if self._document.paste():
            self.pasted.emit()

    def _copy_to_next(self) -> None:
        """Ask for how many images, and copy what is selected (or everything) onto them."""
        image = self._document.image
        following = self._order.following(image.id if image else 0)
        what = self._document.to_copy()
        if not following or not what:
            self.said.emit("There is nothing to copy" if following else "This is the last image")
            return
        dialog = CopyNextDialog(self._page, annotations=len(what), following=len(following))
        if dialog.exec():
            self._document.copy_to(following[: dialog.count])
        dialog.deleteLater()
        self.answered.emit()
