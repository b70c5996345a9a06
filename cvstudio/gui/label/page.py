"""The Label page: its parts around one Document, and what passes between them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Box
from cvstudio.gui.label.adjusting import Adjusting
from cvstudio.gui.label.attributes import Attributes
from cvstudio.gui.label.bars import OptionsBar, StripBar
from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.centre import Centre
from cvstudio.gui.label.class_choice import ClassChoice
from cvstudio.gui.label.clipboard import Clipboard
from cvstudio.gui.label.comments import Comments
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.drafts import Drafts
from cvstudio.gui.label.editing import Editing
from cvstudio.gui.label.image_loader import ImageLoader
from cvstudio.gui.label.last_image import LastImage
from cvstudio.gui.label.layers.scale import PRINTED
from cvstudio.gui.label.looking_ahead import LookingAhead
from cvstudio.gui.label.navigation import ImageOrder
from cvstudio.gui.label.progress_card import ProgressCard
from cvstudio.gui.label.rejecting import Rejecting
from cvstudio.gui.label.restoring import Restoring
from cvstudio.gui.label.reviewing import Reviewing, keeps_arrows
from cvstudio.gui.label.shaping import Shaping
from cvstudio.gui.label.side import LabelSide
from cvstudio.gui.label.status import Status
from cvstudio.gui.label.suggestion_bar import SuggestionBar
from cvstudio.gui.label.tool_palette import Palette
from cvstudio.gui.label.toolbox import Toolbox
from cvstudio.gui.label.tools.brush_settings import BrushSettings
from cvstudio.gui.label.tracking import Tracking
from cvstudio.gui.label.undoing import Undoing
from cvstudio.gui.label.viewing import Viewing
from cvstudio.gui.studio import Filtered, Studio
from cvstudio.gui.widgets.filmstrip import Filmstrip
from cvstudio.gui.widgets.section import line
from cvstudio.gui.workspace import Workspace
from cvstudio.project import queries
from cvstudio.project.changes import ChangeSet

_GOING = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End)
"""Keys that lead to other images and that lists and sliders have a use for."""


class LabelPage(Workspace):
    """Draw and review annotations."""

    name, title, icon = "label", "Label", "vector-square-edit"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.document = Document(studio, self)
        self.last_image = LastImage(self.document, self)
        self.order = ImageOrder(self.project)
        self.canvas = Canvas(self.document)
        self.hearts = (self.canvas,)
        self.toolbox = Toolbox(studio, self.document, self.canvas, self)
        self.status = Status(self.document, self.canvas, self)
        self._front = False
        self._pending: tuple[int | None, Box | None] | None = None
        self._back_to = ""
        self._shown_uri = ""
        self._followed: Filtered | None = None
        self._build()
        self._add_verbs()
        studio.settings.listen(self._on_setting)
        self._connect()
        self.toolbox.take_first()
        self._open_first()

    # -- building

    def _build(self) -> None:
        actions = self.studio.actions
        self.palette_bar = Palette(actions, self.toolbox.groups)
        self.bar = OptionsBar(self.document, actions)
        self.bar.note.lay_over(self.canvas)
        self.stack = Centre(self.studio, self.canvas)
        self.progress = ProgressCard(self.document, self.canvas)
        self.empty = self.stack.empty
        self.strip = Filmstrip(self.studio.thumbnails)
        self.strip.images.open(self.project)
        self.strip_bar = StripBar(self.strip)
        self.side = LabelSide(
            self.document, actions, fill=int(self.studio.settings.get("label.fill"))
        )
        self.class_list, self.tree = self.side.class_list, self.side.tree
        self.display = self.side.display
        self.assemble(centre=self._laid_out(), right=self.side)
        # Now, as each step of putting it into the page lays all its pictures out again.
        self.strip.images.set_ids(self.order.ids)

    def _laid_out(self) -> QWidget:
        """The bar above, the palette at the left, the filmstrip under the canvas."""
        centre = QWidget(self.splitter)
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(self.palette_bar)
        row.addWidget(line(upright=True))
        middle = QVBoxLayout()
        middle.setSpacing(0)
        self.suggestions = SuggestionBar(self.studio, self.document, self.canvas, self.order)
        middle.addWidget(self.suggestions)
        middle.addWidget(self.stack, 1)
        middle.addWidget(self.strip_bar)
        row.addLayout(middle, 1)
        column.addLayout(row, 1)
        return centre

    def _add_verbs(self) -> None:
        """The parts that own the page's actions, each its share."""
        studio, document, canvas, order = self.studio, self.document, self.canvas, self.order
        actions = studio.actions
        self.loader = ImageLoader(studio, document, canvas, order, self)
        self.ahead = LookingAhead(document, canvas, order, lambda: self._front, self)
        self.viewing = Viewing(document, canvas, self.display, self.toolbox.brush, actions, self)
        self.classes = ClassChoice(actions, document, canvas, self)
        self.reviewing = Reviewing(studio, document, canvas, order, self)
        self.rejecting = Rejecting(studio, document, canvas, order, self)
        self.side.body.insertWidget(0, self.rejecting.note)
        self.comments = Comments(studio, document, canvas, order, self.toolbox, self)
        self.side.body.insertWidget(1, self.comments.list)
        self.attributes = Attributes(actions, document, self)
        self.side.add_attributes(self.attributes.panel)
        self.clipboard = Clipboard(actions, document, order, self)
        self.editing = Editing(actions, document, canvas, self.toolbox, self.bar, self)
        self.editing.comment_at = self.comments.at
        self.undoing = Undoing(document)
        self.tracking = Tracking(studio, document, self.strip, self)
        self.restoring = Restoring(studio, document, self)
        self.drafts = Drafts(studio, canvas, self)
        self.shaping = Shaping(actions, document, canvas, self)
        self.adjusting = Adjusting(actions, document, canvas, self.toolbox, self)
        for shaping in (self.shaping, self.adjusting):
            shaping.said.connect(self.status.say)
        connect = partial(actions.connect, widget=self)
        connect("label.suggest", self.suggestions.ask)
        connect("label.list", self.tree.take_keys)
        connect("label.suggestion_image", self.suggestions.next_image)
        self.suggestions.said.connect(self.status.say)
        connect("label.fit", canvas.fit)
        connect("label.actual", partial(canvas.zoom_to, 1.0))
        connect("label.zoom_in", partial(canvas.zoom_by, 1))
        connect("label.zoom_out", partial(canvas.zoom_by, -1))
        for key in ("label.keep_zoom", "label.progress"):
            connect(key, partial(studio.settings.set, key))
            self._on_setting(key, studio.settings.get(key))

    def _connect(self) -> None:
        self.studio.project_changed.connect(self._on_changes)
        self.studio.image_selected.connect(self._on_image_selected)
        self.studio.keys.changed.connect(self._on_tool)
        self._connect_document()
        self._connect_tools()
        self.bar.back_wanted.connect(self._go_back)
        self.tree.menu_wanted.connect(self.editing.show_menu)
        self.class_list.chosen.connect(self.classes.clicked)
        self.class_list.add_wanted.connect(self.classes.add)
        self.strip.chosen.connect(self.studio.select_image)
        self.loader.shown.connect(self.viewing.show_range)
        self.viewing.displayed.connect(self._tell_seen)
        self.loader.shown.connect(self.ahead.begin)
        self.loader.shown.connect(self.reviewing.forget_unread)
        self.loader.shown.connect(self.status.show)
        self.loader.failed.connect(self._on_unreadable)
        self.reviewing.all_reviewed.connect(self._show_done)
        self.reviewing.filter_unwanted.connect(self._go_through)
        self.strip_bar.chip.removed.connect(self._go_through)
        self.comments.said.connect(self.status.say)
        for part in (
            self.loader, self.viewing, self.classes, self.reviewing, self.clipboard, self.restoring,
            self.attributes, self.tracking,
        ):  # fmt: skip
            part.said.connect(self.status.say)
        for asking in (
            self.classes,
            self.clipboard,
            self.restoring,
            self.comments,
            self.attributes,
            self.tracking,
        ):
            asking.answered.connect(self.canvas.setFocus)

    def _connect_document(self) -> None:
        document = self.document
        document.image_changed.connect(self._on_image)
        document.image_updated.connect(self._on_image_updated)
        document.annotations_changed.connect(self._on_annotations)
        document.classes_changed.connect(self._on_classes)
        document.hidden_changed.connect(self._on_classes)
        document.selection_changed.connect(self._on_tool)
        document.class_chosen.connect(self._on_class_chosen)

    def _connect_tools(self) -> None:
        canvas, toolbox, bar = self.canvas, self.toolbox, self.bar
        canvas.zoomed.connect(bar.show_zoom)
        toolbox.taken.connect(self._on_tool)
        toolbox.settings_changed.connect(self._on_tool_settings)
        for change in (toolbox.taken, toolbox.settings_changed):
            change.connect(self.ahead.begin)
        bar.options_changed.connect(self._on_tool_settings)
        bar.tool_wanted.connect(toolbox.take)
        self.clipboard.pasted.connect(toolbox.take)

    @property
    def brush(self) -> BrushSettings:
        """The settings of brush and eraser."""
        return self.toolbox.brush

    # -- the page's life

    def arrive(
        self,
        image_id: int = 0,
        annotation_id: int | None = None,
        box: Sequence[float] | Box | None = None,
        ids: Sequence[int] | None = None,
        words: str = "",
        back: tuple[str, str] = ("", ""),
        **_more: Any,
    ) -> None:
        """Show an image, and in it an object: it is selected and stands in the middle.

        `ids`, `words`: go through these images only, and what they have in common.
        `back`: a page and the words that offer to go there again.
        """
        self._back_to = back[0]
        self.bar.offer_back(back[1])
        self._follow_filter()
        if ids is not None:
            self._go_through(tuple(ids), words)
        if image_id:
            if image_id not in self.order.ids:
                self._go_through()
            self.studio.select_image(image_id)
            self.document.open(image_id)
        if annotation_id is not None or box is not None:
            place = Box(*box) if box is not None and not isinstance(box, Box) else box
            self._pending = (annotation_id, place)
            if self._front:
                self._show_pending()

    def shown(self) -> None:
        self._front = True
        self._follow_filter()
        if self.studio.image_id and self.studio.image_id in self.order.ids:
            self.document.open(self.studio.image_id)
        elif self._image_id not in self.order.ids:
            self._open_first()
        self.canvas.setFocus(Qt.FocusReason.OtherFocusReason)
        self._show_state()
        self.ahead.begin()
        QTimer.singleShot(0, self._show_pending)

    def hidden(self) -> None:
        self._front = False
        self.canvas.settle()

    def shows(self, changes: ChangeSet) -> bool:
        """Work on one image: the page goes there. Images that come or go need words."""
        came, _, went = changes.counts().get("image", (0, 0, 0))
        images = changes.images()
        if came or went or changes.touches("label_class"):
            return False
        return images is not None and len(images) == 1

    def agrees(self, *, redo: bool = False) -> bool:
        return self.undoing.agrees(redo=redo)

    def free_area(self) -> QRect:
        return QRect(self.stack.mapTo(self, QPoint(0, 0)), self.stack.size())

    def event(self, event: QEvent) -> bool:
        """Keys go through the images, unless a list or a slider has a use for them."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() in _GOING
            and keeps_arrows(QApplication.focusWidget())
        ):
            event.accept()
            return True
        return super().event(event)

    def settled(self) -> bool:
        return self.canvas.settle()

    def release(self) -> None:
        self.last_image.write()
        self.canvas.settle()
        self.drafts.release()
        self.strip.images.open(None)
        self.studio.settings.unlisten(self._on_setting)
        if self.toolbox.smart is not None:
            self.toolbox.smart.prompting.release()
        self.studio.project_changed.disconnect(self._on_changes)
        self.studio.image_selected.disconnect(self._on_image_selected)
        self.studio.keys.changed.disconnect(self._on_tool)
        self.progress.release()
        self.loader.release()
        self.viewing.release()

    def _on_setting(self, key: str, value: object) -> None:
        if key == "label.fill":
            self.display.set_fill(int(str(value)))
        elif key == PRINTED:
            self.canvas.repaint()
        elif key == "label.keep_zoom":
            self.canvas.keeps_zoom = bool(value)
            self.studio.actions[key].setChecked(bool(value))
        elif key == "label.progress":
            self.progress.show_card(bool(value))
            self.studio.actions[key].setChecked(bool(value))

    def _show_pending(self) -> None:
        """What `arrive` was asked to show, once the canvas has its size."""
        if self._pending is None:
            return
        annotation_id, box = self._pending
        self._pending = None
        annotation = self.document.get(annotation_id)
        if self.document.task == Task.CLASSIFY:
            self.canvas.fit()  # the object is the image
            return
        if annotation is not None:
            self.toolbox.take()
            self.document.select([annotation.id])
            box = box or annotation.box
        if box is not None:
            self.canvas.show_box(box)

    def _go_back(self) -> None:
        self.bar.offer_back("")
        self.studio.go_to(self._back_to)

    def _open_first(self) -> None:
        known = (self.studio.image_id, self.last_image.id, self.order.beside(0, 0))
        first = next((id for id in known if id in self.order.ids), 0)
        if first:
            self.studio.select_image(first)
            self.document.open(first)
        self._show_state()

    # -- which images

    def _go_through(self, ids: tuple[int, ...] | None = None, words: str = "") -> None:
        """Go through these images only; None goes through all."""
        self.order.give(ids, words)
        self.strip.images.set_ids(self.order.ids)
        self.strip_bar.chip.show_words(self.order.words)
        self.strip.show_image(self._image_id)

    def _follow_filter(self) -> None:
        """The Data page has another filter than when this page last looked."""
        found = self.studio.filtered
        if found != self._followed:
            self._followed = found
            self._go_through(*((found.ids, found.words) if found else ()))

    def _show_done(self) -> None:
        self.stack.show_done(
            len(self.order.ids), show_all=self._show_every_image if self.order.words else None
        )

    def _show_every_image(self) -> None:
        self._go_through()
        self._show_state()

    # -- another image

    @property
    def _image_id(self) -> int:
        return self.document.image.id if self.document.image else 0

    def _on_image_selected(self, image_id: int) -> None:
        if self._front or not image_id:
            self.document.open(image_id)

    def _on_image(self) -> None:
        self.status.say("")
        self.loader.load()
        if self.document.image is not None:
            self._shown_uri = self.document.image.uri
            self.strip.show_image(self.document.image.id)
        self.display.show_image()
        self._show_review()
        self._on_annotations()
        self._show_state()
        self.status.show()

    def _on_unreadable(self, words: str) -> None:
        image = self.document.image
        missing = image is not None and not self.project.image_path(image).is_file()
        self.reviewing.show_unread(image.id if image else 0, words)
        go_on = partial(self.reviewing.step, 1)
        self.stack.show_unreadable(image.name if image else "", words, go_on, missing=missing)

    def _on_image_updated(self) -> None:
        image = self.document.image
        if image is not None and image.uri != self._shown_uri:
            self._on_image()  # its file has been found again elsewhere
        else:
            self._show_review()

    # -- what changes

    def _on_changes(self, changes: ChangeSet) -> None:
        came_or_went = changes.counts().get("image", (0, 0, 0))
        if came_or_went[0] or came_or_went[2]:
            self.order.refresh()
            self.strip.images.set_ids(self.order.ids)
        self._follow_undo(changes)
        known = {a.id for a in self.document.annotations}
        self.undoing.remember(changes)
        self.document.take_in(changes)
        self.tracking.take(changes)
        self._select_changed(changes, known)
        if changes.kind != "do" and self._front:
            self.status.say(self.undoing.tell(changes))
        self.strip.images.take(changes)
        if changes.touches("image"):
            self._show_progress()
        self.progress.refresh_soon()
        if self.document.image is None and self._front:
            self._open_first()

    def _follow_undo(self, changes: ChangeSet) -> None:
        """Undo crosses images: show the one on which something came back."""
        images = changes.images()
        if changes.kind == "do" or not self._front or not images or len(images) != 1:
            return
        (image_id,) = images
        if image_id != self._image_id and image_id in self.order.ids:
            self.studio.select_image(image_id)

    def _select_changed(self, changes: ChangeSet, known: set[int]) -> None:
        """What undo or redo brought back or changed is selected, so that it is seen."""
        ids = changes.ids("annotation")
        drawn = self.document.task != Task.CLASSIFY and changes.images() == {self._image_id}
        if changes.kind != "do" and self._front and drawn and ids:
            chosen = self.undoing.selection_after(changes, known)
            if chosen is not None:
                self.document.select(chosen)

    def _on_annotations(self) -> None:
        self.side.show_annotations()
        self.status.show()

    def _on_classes(self) -> None:
        self.side.show_classes()
        self.canvas.repaint()

    def _on_class_chosen(self) -> None:
        self.class_list.refresh()
        self.status.show()

    def _on_tool(self) -> None:
        """Another tool is in hand, or it is about another selection."""
        self.status.say("")
        self.bar.show_tool(self.canvas.tool, self.toolbox.info)
        self._tell_seen()

    def _tell_seen(self) -> None:
        """How the picture is displayed, where the tool in hand works on that."""
        sees = self.canvas.tool.sees_pixels
        self.bar.show_seen(self.viewing.words if sees else "")

    def _on_tool_settings(self) -> None:
        self.bar.show_tool(self.canvas.tool, self.toolbox.info)
        self.canvas.repaint()

    # -- what is shown

    def _show_review(self) -> None:
        self.bar.show_image()
        self._show_progress()

    def _show_progress(self) -> None:
        with self.project.read() as session:
            self.side.show_progress(queries.review_counts(session))

    def _show_state(self) -> None:
        """The canvas, or what to do when there is nothing to show."""
        if self.document.image is not None:
            self.stack.show_canvas()
        else:
            self.stack.show_no_images()
