"""Sending labels back: Reject asks for the reason and goes on; the reason stands in the panel."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.navigation import ImageOrder
from cvstudio.gui.reject_dialog import ask_reason
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.section import label
from cvstudio.project import rejecting


class Rejecting(QObject):
    """The action, and the note that says why the open image was rejected."""

    def __init__(
        self, studio: Studio, document: Document, canvas: Canvas, order: ImageOrder, page: QWidget
    ) -> None:
        super().__init__(page)
        self._canvas = canvas
        self._studio, self._document, self._order, self._page = studio, document, order, page
        self.note = label("", "warning", wrap=True)
        self.note.setContentsMargins(16, 8, 16, 8)
        self.note.setAccessibleName("Why it was rejected")
        self.note.hide()
        studio.actions.connect("label.reject", self.reject, page)
        document.image_changed.connect(self.refresh)
        document.image_updated.connect(self.refresh)

    def refresh(self, *_what: object) -> None:
        """Show the reason of the open image, if there is one."""
        image = self._document.image
        reason = "" if image is None else image.reject_reason
        self.note.setText(f"Rejected: {reason}" if reason else "")
        self.note.setVisible(bool(reason))

    def reject(self) -> None:
        """Ask why, send the labels of the open image back, and go to the next that waits."""
        image = self._document.image
        if image is None:
            return
        # What was begun is not lost, and not asked about.
        if not self._canvas.settle():
            return
        reason = ask_reason(self._page.window(), self._document.project, image.title)
        if not reason:
            return
        with self._document.project.transaction(f"Reject {image.title}") as session:
            rejecting.reject(session, image_ids=[image.id], reason=reason)
        if found := self._order.open_beside(image.id, 1):
            self._studio.select_image(found)
