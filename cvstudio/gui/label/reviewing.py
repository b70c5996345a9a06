"""Going through the images and approving them: next, next that waits, approve and next."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QAbstractButton, QWidget

from cvstudio.core.annotation import Review
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.label.canvas import STILL_READING, Canvas
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.navigation import ImageOrder
from cvstudio.gui.label.training_words import idle_words, waiting_words
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.workspace import Workspace
from cvstudio.project import queries, run_errors
from cvstudio.project.records import ImageFilter


def keeps_arrows(focus: QWidget | None) -> bool:
    """Whether the arrow keys belong to what has the focus: a list, a slider, a field."""
    return not isinstance(focus, Canvas | Workspace | QAbstractButton | None)


class Reviewing(QObject):
    """The actions that lead from one image to another."""

    said = Signal(str)
    all_reviewed = Signal()
    """The last image that waited has been approved."""
    filter_unwanted = Signal()
    """What is sought lies outside the filter, and the person wants to go there."""

    def __init__(
        self, studio: Studio, document: Document, canvas: Canvas, order: ImageOrder, page: QWidget
    ) -> None:
        super().__init__(page)
        self._studio, self._document, self._canvas = studio, document, canvas
        self._order, self._page = order, page
        self._unread = (0, "")
        self._comparing = LatestWins(studio.tasks, owner=self, title="Compare run and labels")
        self._slow = QTimer(
            self, singleShot=True, interval=theme.tokens()["motion"]["busy_shown_after"]
        )
        self._slow.timeout.connect(self._tell_comparing)
        connect = partial(studio.actions.connect, widget=page)
        connect("label.previous", partial(self.step, -1))
        connect("label.next", partial(self.step, 1))
        connect("label.first", partial(self._go_to_end, 0))
        connect("label.last", partial(self._go_to_end, -1))
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

    def _go_to_end(self, place: int) -> None:
        found = self._order.ids[place] if self._order.ids else 0
        if found and found != self._image_id:
            self._studio.select_image(found)
        else:
            self.said.emit("This is the last image" if place else "This is the first image")

    def _step_open(self, step: int) -> None:
        found = self._order.open_beside(self._image_id, step)
        if found:
            self._studio.select_image(found)
        else:
            self.said.emit("No other image waits for review")

    def _next_unlabelled(self) -> None:
        wanted = ImageFilter(reviews=(Review.UNLABELLED,))
        found = self._order.beside_among(self._image_id, 1, wanted)
        outside = 0 if found else self._order.outside(self._image_id, wanted)
        if not outside:
            self._go(found, none="No other image is unlabelled")
            return
        are = counted(outside, "unlabelled image is", "unlabelled images are")
        self._studio.toast(
            f"No other image within the filter is unlabelled; {are} outside it.",
            link="Clear the filter", do=self.filter_unwanted.emit,
            about="unlabelled", passing=True,
        )  # fmt: skip

    def _next_disagreed(self) -> None:
        """Where the newest judged run and the labels differ, in whatever way.

        A run is compared in a thread, once: that takes seconds where it has found very much.
        """
        project = self._document.project
        begun = self._image_id

        def look(_control: Control) -> frozenset[int] | None:
            with project.read() as session:
                if not run_errors.judged_runs(session, ()):
                    return None
                return frozenset(queries.image_ids(session, ImageFilter(query="error:any")))

        self._comparing.request(look, partial(self._go_to_disagreed, begun))
        self._slow.start()

    def _tell_comparing(self) -> None:
        if self._comparing.busy:
            self.said.emit("Comparing the newest run with the labels")

    def _go_to_disagreed(self, begun: int, found: frozenset[int] | None) -> None:
        self._slow.stop()
        if found is None:
            self.said.emit("No run has been judged yet: Train makes one, and judges it")
        elif begun != self._image_id or self._canvas.tool.busy or not self._page.isVisible():
            self.said.emit("The newest run has been compared with the labels: press again to go")
        else:
            none = "On no other image do the newest run and the labels differ"
            self._go(self._order.beside_these(begun, 1, found), none=none)

    def _go(self, found: int, *, none: str) -> None:
        if found:
            self._studio.select_image(found)
        else:
            self.said.emit(none)

    def show_unread(self, image_id: int, words: str) -> None:
        """Remember of an image that it cannot be read, and why."""
        self._unread = (image_id, words)

    def forget_unread(self) -> None:
        """The open image has been read."""
        self._unread = (0, "")

    def approve(self) -> None:
        """Mark the open image as reviewed, and go on to the next one that is not."""
        if not self._canvas.settle():
            return
        if self._canvas.unseen:
            self.said.emit(STILL_READING)  # nobody has seen what they approve
            return
        unread, words = self._unread
        if unread and unread == self._image_id:
            self._studio.toast(f"Not approved: {words}", level="warning", passing=True)
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
