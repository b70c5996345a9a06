"""Going through the images and approving them: next, next that waits, approve and next."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QAbstractButton, QWidget

from cvstudio.core.annotation import Review
from cvstudio.gui.label.canvas import STILL_READING, Canvas
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.navigation import ImageOrder
from cvstudio.gui.label.training_words import idle_words, waiting_words
from cvstudio.gui.studio import Studio
from cvstudio.gui.workspace import Workspace
from cvstudio.project import run_errors
from cvstudio.project.records import ImageFilter


def keeps_arrows(focus: QWidget | None) -> bool:
    """Whether the arrow keys belong to what has the focus: a list, a slider, a field."""
    return not isinstance(focus, Canvas | Workspace | QAbstractButton | None)


class Reviewing(QObject):
    """The actions that lead from one image to another."""

    said = Signal(str)
    all_reviewed = Signal()
    """The last image that waited has been approved."""

    def __init__(
        self, studio: Studio, document: Document, canvas: Canvas, order: ImageOrder, page: QWidget
    ) -> None:
        super().__init__(page)
        self._studio, self._document, self._canvas = studio, document, canvas
        self._order = order
        connect = partial(studio.actions.connect, widget=page)
        connect("label.previous", partial(self.step, -1))
        connect("label.next", partial(self.step, 1))
        connect("label.previous_open", partial(self._step_open, -1))
        connect("label.next_open", partial(self._step_open, 1))
        connect("label.next_unlabelled", self._next_unlabelled)
        connect("label.next_disagreed", self._next_disagreed)
        connect("label.approve", self.approve)

    def step(self, step: int) -> None:
        """Go to the image some steps further on."""
        found = self._order.beside(self._image_id, step)
        if found:
            self._studio.select_image(found)
        else:
            self.said.emit("This is the last image" if step > 0 else "This is the first image")

    def _step_open(self, step: int) -> None:
        found = self._order.open_beside(self._image_id, step)
        if found:
            self._studio.select_image(found)
        else:
            self.said.emit("No other image waits for review")

    def _next_unlabelled(self) -> None:
        wanted = ImageFilter(reviews=(Review.UNLABELLED,))
        self._go_among(wanted, none="No other image is unlabelled")

    def _next_disagreed(self) -> None:
        """Where the newest judged run and the labels differ, in whatever way."""
        with self._document.project.read() as session:
            judged = bool(run_errors.judged_runs(session, ()))
        if not judged:
            self.said.emit("No run has been judged yet: Train makes one, and judges it")
            return
        none = "On no other image do the newest run and the labels differ"
        self._go_among(ImageFilter(query="error:any"), none=none)

    def _go_among(self, wanted: ImageFilter, *, none: str) -> None:
        found = self._order.beside_among(self._image_id, 1, wanted)
        if found:
            self._studio.select_image(found)
        else:
            self.said.emit(none)

    def approve(self) -> None:
        """Mark the open image as reviewed, and go on to the next one that is not."""
        if not self._canvas.settle():
            return
        if self._canvas.unseen:
            self.said.emit(STILL_READING)  # nobody has seen what they approve
            return
        if self._document.image is None or not self._document.approve():
            return
        goes_on = bool(self._studio.settings.get("label.next_after_approving"))
        self._warn_of_idle(goes_on)
        if not goes_on:
            return
        found = self._order.open_beside(self._image_id, 1)
        if found:
            self._studio.select_image(found)
        else:
            self.all_reviewed.emit()

    def _warn_of_idle(self, goes_on: bool) -> None:
        """Tell which annotations do not train or wait; their image may have been left by then."""
        image = self._document.image
        assert image is not None
        where = image.title if goes_on else "this image"
        annotations, task = self._document.annotations, self._document.task
        told = [say(annotations, task, where=where) for say in (idle_words, waiting_words)]
        words = " ".join(filter(None, told))
        if words and goes_on:
            back = partial(self._studio.select_image, image.id)
            self._studio.toast(words, level="warning", link="Show", do=back)
        elif words:
            self._studio.toast(words, level="warning")

    @property
    def _image_id(self) -> int:
        return self._document.image.id if self._document.image else 0
