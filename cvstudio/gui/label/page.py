"""The Label page: canvas, palette, lists and filmstrip around one Document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import shiboken6
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QVBoxLayout, QWidget

from cvstudio.core.annotation import State, Task
from cvstudio.core.geometry import Box
from cvstudio.gui.actions import BY_ID
from cvstudio.gui.label.bars import OptionsBar, Palette, StripBar
from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.class_choice import ClassChoice
from cvstudio.gui.label.copy_next import CopyNextDialog
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.images import Images
from cvstudio.gui.label.menu import annotation_menu
from cvstudio.gui.label.navigation import ImageOrder
from cvstudio.gui.label.presets import apply_preset
from cvstudio.gui.label.side import LabelSide
from cvstudio.gui.label.tools.base import Tool
from cvstudio.gui.label.tools.box import BoxTool
from cvstudio.gui.label.tools.brush import BrushSettings, BrushTool, EraserTool
from cvstudio.gui.label.tools.polygon import PolygonTool
from cvstudio.gui.label.tools.select import SelectTool
from cvstudio.gui.label.training_window import use_for_training, value_range
from cvstudio.gui.label.training_words import idle_words
from cvstudio.gui.label.words import pixel_words, selection_words
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.empty_state import EmptyState
from cvstudio.gui.widgets.filmstrip import Filmstrip
from cvstudio.gui.widgets.section import line
from cvstudio.gui.workspace import Workspace
from cvstudio.imaging.display import Display, Window
from cvstudio.project import queries
from cvstudio.project.changes import ChangeSet

_READING_SHOWN_AFTER = 300  # ms
_LARGE = 50_000_000  # pixels from which it is plain that reading takes a while: said at once
_CLASS_KEYS = "1234567890"


class LabelPage(Workspace):
    """Draw and review annotations."""

    name, title, icon = "label", "Label", "vector-square-edit"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.document = Document(studio, self)
        self.order = ImageOrder(self.project)
        self.images = Images(studio.tasks, self.project.image_path, self)
        self.canvas = Canvas(self.document)
        fill = int(studio.settings.get("label.fill"))
        segments = self.document.task == Task.SEGMENT
        self.brush = BrushSettings(fill_holes=not segments, opacity=fill / 100)
        self.tools: dict[str, Tool] = self._make_tools()
        self.classes = ClassChoice(self.document, self.canvas, self)
        self._front = False
        self._pointed: tuple[float, float] | None = None
        self._said = ""
        self._pending: tuple[int | None, Box | None] | None = None
        self._back_to = ""
        self._reading = QTimer(self)
        self._reading.setSingleShot(True)
        self._reading.setInterval(_READING_SHOWN_AFTER)
        self._reading.timeout.connect(lambda: self._wait_for_image(True))
        self._build(fill)
        apply_preset(studio.actions, str(studio.settings.get("label.keys")))
        studio.settings.listen(self._on_setting)
        self._connect()
        self._take_tool("label.select" if self.document.task == Task.CLASSIFY else self._first())
        self._open_first()

    # -- building

    def _make_tools(self) -> dict[str, Tool]:
        """Tools by the id of their action, in the order of the palette."""
        document, canvas = self.document, self.canvas
        tools: dict[str, Tool] = {"label.select": SelectTool(document, canvas)}
        if document.task != Task.CLASSIFY:
            tools["label.box"] = BoxTool(document, canvas)
            tools["label.polygon"] = PolygonTool(document, canvas)
            tools["label.brush"] = BrushTool(document, canvas, self.brush)
            tools["label.erase"] = EraserTool(document, canvas, self.brush)
        return tools

    def _first(self) -> str:
        """The tool that most people of a task begin with, when there is nothing to select yet."""
        return str(self.studio.memory.get(f"label.tool.{self.document.task}", "label.select"))

    def _build(self, fill: int) -> None:
        actions = self.studio.actions
        drawing = tuple(
            id for id in ("label.select", "label.box", "label.polygon") if id in self.tools
        )
        painting = tuple(id for id in ("label.brush", "label.erase") if id in self.tools)
        self.palette_bar = Palette(actions, tuple(g for g in (drawing, painting) if g))
        self.bar = OptionsBar(self.document, actions, self.brush)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.canvas)
        self.empty = EmptyState("vector-square-edit", "")
        self.stack.addWidget(self.empty)
        centre = QWidget()
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
        middle.addWidget(self.stack, 1)
        self.strip = Filmstrip(self.studio.thumbnails)
        self.strip.images.open(self.project)
        self.strip.images.set_ids(self.order.ids)
        middle.addWidget(StripBar(self.strip))
        row.addLayout(middle, 1)
        column.addLayout(row, 1)
        self.side = LabelSide(self.document, actions, fill=fill)
        self.class_list, self.tree = self.side.class_list, self.side.tree
        self.display = self.side.display
        self.assemble(centre=centre, right=self.side)

    def _connect(self) -> None:
        document, canvas = self.document, self.canvas
        self.studio.project_changed.connect(self._on_changes)
        self.studio.image_selected.connect(self._on_image_selected)
        self.studio.thumbnails.ready.connect(self._on_thumbnails)
        document.image_changed.connect(self._on_image)
        document.image_updated.connect(self._show_review)
        document.image_updated.connect(self._show_range)
        document.annotations_changed.connect(self._on_annotations)
        document.classes_changed.connect(self._on_classes)
        document.hidden_changed.connect(self._on_classes)
        document.selection_changed.connect(self._on_selection)
        document.class_wanted.connect(self.classes.add)
        document.class_chosen.connect(self._on_class_chosen)
        canvas.pointed.connect(self._on_pointed)
        canvas.zoomed.connect(self.bar.show_zoom)
        self.bar.back_wanted.connect(self._go_back)
        canvas.said.connect(self._say)
        canvas.menu_wanted.connect(self._show_canvas_menu)
        self.tree.menu_wanted.connect(self._show_menu)
        self.class_list.chosen.connect(self.classes.clicked)
        self.class_list.add_wanted.connect(self.classes.add)
        self.classes.said.connect(self._say)
        self.classes.answered.connect(canvas.setFocus)
        self.bar.brush.changed.connect(self._on_brush)
        self.bar.brush.erase_wanted.connect(
            lambda erases: self._take_tool("label.erase" if erases else "label.brush")
        )
        self.display.display_changed.connect(self._show_display)
        self.display.fill_changed.connect(self._set_fill)
        self.display.window_wanted.connect(self._use_window)
        self.strip.chosen.connect(self.studio.select_image)
        self.images.ready.connect(self._on_decoded)
        self.images.failed.connect(self._on_unreadable)
        self._connect_actions()

    def _connect_actions(self) -> None:
        connect = partial(self.studio.actions.connect, widget=self)
        for action_id in self.tools:
            self.studio.actions.connect(
                action_id, lambda _checked=True, id=action_id: self._take_tool(id), self
            )
        document, canvas = self.document, self.canvas
        handlers: dict[str, Callable[[], object]] = {
            "label.previous": lambda: self._step(-1),
            "label.next": lambda: self._step(1),
            "label.previous_open": lambda: self._step_open(-1),
            "label.next_open": lambda: self._step_open(1),
            "label.approve": self.approve,
            "label.finish": self._finish,
            "label.cancel": self._cancel,
            "label.delete": self._delete,
            "label.copy": self._copy,
            "label.paste": self._paste,
            "label.duplicate": document.duplicate,
            "label.copy_next": self._copy_to_next,
            "label.class": self.classes.pick,
            "label.hide": document.toggle_hidden,
            "label.smaller": lambda: self._resize_brush(-1),
            "label.larger": lambda: self._resize_brush(1),
            "label.fit": canvas.fit,
            "label.actual": lambda: canvas.zoom_to(1.0),
            "label.zoom_in": lambda: canvas.zoom_by(1),
            "label.zoom_out": lambda: canvas.zoom_by(-1),
            "label.select_all": self._select_all,
        }
        for action_id, handler in handlers.items():
            connect(action_id, handler)
        for key in _CLASS_KEYS:
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(partial(self.classes.key, key))

    # -- the page's life

    def arrive(
        self,
        image_id: int = 0,
        annotation_id: int | None = None,
        box: Sequence[float] | Box | None = None,
        ids: Sequence[int] | None = None,
        back: tuple[str, str] = ("", ""),
        **_more: Any,
    ) -> None:
        """Show an image, and in it an object: it is selected and stands in the middle.

        `back`: a page and the words that offer to go there again, with `go_on` for its arrive().
        """
        self._back_to = back[0]
        self.bar.offer_back(back[1])
        if ids is not None:
            self.order.give(tuple(ids))
            self.strip.images.set_ids(self.order.ids)
        if image_id:
            if image_id not in self.order.ids:
                self.order.give(None)
                self.strip.images.set_ids(self.order.ids)
            self.studio.select_image(image_id)
            self.document.open(image_id)
        if annotation_id is not None or box is not None:
            place = Box(*box) if box is not None and not isinstance(box, Box) else box
            self._pending = (annotation_id, place)
            if self._front:
                self._show_pending()

    def shown(self) -> None:
        self._front = True
        if self.studio.image_id and self.studio.image_id in self.order.ids:
            self.document.open(self.studio.image_id)
        elif self.document.image is None:
            self._open_first()
        self.canvas.setFocus(Qt.FocusReason.OtherFocusReason)
        self._show_state()
        QTimer.singleShot(0, self._show_pending)

    def hidden(self) -> None:
        self._front = False
        self.canvas.tool.settle()

    def shows(self, changes: ChangeSet) -> bool:
        """Work on one image: the page goes there. Images that come or go need words."""
        came, _, went = changes.counts().get("image", (0, 0, 0))
        images = changes.images()
        if came or went or changes.touches("label_class"):
            return False
        return images is not None and len(images) == 1

    def release(self) -> None:
        self.canvas.tool.settle()
        self.strip.images.open(None)
        self.studio.project_changed.disconnect(self._on_changes)
        self.studio.image_selected.disconnect(self._on_image_selected)
        self.studio.thumbnails.ready.disconnect(self._on_thumbnails)

    def _on_setting(self, key: str, value: object) -> None:
        if not shiboken6.isValid(self):
            return  # the settings outlive the pages of a project
        if key == "label.keys":
            apply_preset(self.studio.actions, str(value))
        elif key == "label.fill":
            self.display.set_fill(int(str(value)))

    def _show_pending(self) -> None:
        """What `arrive` was asked to show, once the canvas has its size."""
        if self._pending is None:
            return
        annotation_id, box = self._pending
        self._pending = None
        annotation = self.document.get(annotation_id)
        if annotation is not None:
            self._take_tool("label.select")
            self.document.select([annotation.id])
            box = box or annotation.box
        if box is not None:
            self.canvas.show_box(box)

    def _go_back(self) -> None:
        self.bar.offer_back("")
        self.studio.go_to(self._back_to, go_on=True)

    def _open_first(self) -> None:
        known = self.studio.image_id
        first = known if known in self.order.ids else self.order.beside(0, 0)
        if first:
            self.studio.select_image(first)
            self.document.open(first)
        self._show_state()

    # -- going through the images

    def _step(self, step: int) -> None:
        found = self.order.beside(self._image_id, step)
        if found:
            self.studio.select_image(found)
        else:
            self._say("This is the last image" if step > 0 else "This is the first image")

    def _step_open(self, step: int) -> None:
        found = self.order.open_beside(self._image_id, step)
        if found:
            self.studio.select_image(found)
        else:
            self._say("No other image waits for review")

    def approve(self) -> None:
        """Mark the open image as reviewed, and go on to the next one that is not."""
        self.canvas.tool.settle()
        if self.canvas.waiting and self.canvas.tiles.preview is None:
            self._say("The image is still being read")  # nobody has seen what they approve
            return
        if self.document.image is None or not self.document.approve():
            return
        goes_on = bool(self.studio.settings.get("label.next_after_approving"))
        self._warn_of_idle(goes_on)
        if not goes_on:
            return
        found = self.order.open_beside(self._image_id, 1)
        if found:
            self.studio.select_image(found)
        else:
            self._show_done()

    def _warn_of_idle(self, goes_on: bool) -> None:
        """Tell which annotations do not train; their image may have been left by then."""
        document = self.document
        assert document.image is not None
        image = document.image
        where = image.title if goes_on else "this image"
        words = idle_words(document.annotations, document.task, where=where)
        if words and goes_on:
            self.studio.toast(
                words, level="warning", link="Show", do=partial(self.studio.select_image, image.id)
            )
        elif words:
            self.studio.toast(words, level="warning")

    @property
    def _image_id(self) -> int:
        return self.document.image.id if self.document.image else 0

    def _on_image_selected(self, image_id: int) -> None:
        if self._front or not image_id:
            self.document.open(image_id)

    def _on_image(self) -> None:
        """Another image is open: its picture may be at hand, else a thumbnail stands in."""
        self._said = ""
        image = self.document.image
        self._wait_for_image(False)
        if image is not None:
            self.canvas.tiles.preview = self.studio.thumbnails.picture(image)
            pyramid = self.images.get(image.id)
            if pyramid is not None:
                self._on_decoded(image.id)
            elif image.width * image.height >= _LARGE:
                self._wait_for_image(True)
            else:
                self._reading.start()
            beside = [self.order.beside(image.id, step) for step in (1, -1)]
            with self.project.read() as session:
                neighbours = queries.images(session, [id for id in beside if id])
            self.images.want([image, *neighbours])
            self.strip.show_image(image.id)
        self.display.show_image()
        self._show_review()
        self._on_annotations()
        self._show_state()
        self._show_status()

    def _wait_for_image(self, on: bool) -> None:
        """Say on the canvas that the image is being read, and let nobody draw meanwhile.

        Nothing is said of a short wait: what is drawn in it lands where it should, for the image's
        size and its annotations are known.
        """
        self._reading.stop()
        self.canvas.wait(on)

    def _on_decoded(self, image_id: int) -> None:
        pyramid = self.images.get(image_id)
        image = self.document.image
        if image is None or image_id != image.id or pyramid is None:
            return
        self._wait_for_image(False)
        if (pyramid.width, pyramid.height) != (image.width, image.height):
            self._say("This file is of another size than when it came into the project")
        self.canvas.tiles.show(pyramid, self.document.size)
        self._show_range()

    def _show_range(self) -> None:
        """Give the display panel the values of the open image and the window it is seen through."""
        pyramid, image = self.canvas.tiles.pyramid, self.document.image
        if pyramid is None or image is None:
            return
        window = image.window or pyramid.window
        self.display.set_range(value_range(pyramid, window), window)
        self._show_display(self.display.display)

    def _on_unreadable(self, image_id: int, words: str) -> None:
        if image_id == self._image_id:
            self._wait_for_image(False)
            self.empty.set(
                words, title=self.document.image.name if self.document.image else "",
                icon_name="image-broken-variant", button="Next image", do=lambda: self._step(1),
            )  # fmt: skip
            self.stack.setCurrentWidget(self.empty)

    def _on_thumbnails(self, ids: Sequence[int]) -> None:
        image = self.document.image
        if image is not None and image.id in ids and self.canvas.tiles.pyramid is None:
            self.canvas.tiles.preview = self.studio.thumbnails.picture(image)
            self.canvas.repaint()

    # -- what changes

    def _on_changes(self, changes: ChangeSet) -> None:
        came_or_went = changes.counts().get("image", (0, 0, 0))
        if came_or_went[0] or came_or_went[2]:
            self.order.refresh()
            self.strip.images.set_ids(self.order.ids)
        self._follow_undo(changes)
        self.document.take_in(changes)
        self.strip.images.take(changes)
        if changes.touches("image"):
            self._show_progress()
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

    def _on_annotations(self) -> None:
        self.side.show_annotations()
        self._show_status()

    def _on_classes(self) -> None:
        self.side.show_classes()
        self.canvas.repaint()

    def _on_class_chosen(self) -> None:
        self.class_list.refresh()
        self._show_status()

    def _on_selection(self) -> None:
        self._said = ""
        self._show_tool()
        self._show_status()

    def _on_brush(self) -> None:
        self._show_tool()
        self.canvas.repaint()

    # -- what the actions do

    def _take_tool(self, action_id: str) -> None:
        if action_id not in self.tools:
            action_id = "label.select"
        for other in self.tools:
            self.studio.actions[other].setChecked(other == action_id)
        self.canvas.set_tool(self.tools[action_id])
        self.studio.memory.set(f"label.tool.{self.document.task}", action_id)
        self._said = ""
        self._show_tool()
        self._show_status()

    def _leave_field(self) -> bool:
        """Enter and Esc in a field of the bar give the keys back to the canvas, no more."""
        if not self.bar.brush.spin.hasFocus():
            return False
        self.canvas.setFocus()
        return True

    def _finish(self) -> None:
        if self._leave_field():
            return
        if not self.canvas.tool.finish():
            hovered = {self.document.hovered} if self.document.hovered else set()
            self.document.accept(self.document.selection or frozenset(hovered))

    def _cancel(self) -> None:
        """Esc backs out one step at a time: field, draft, selection, tool."""
        if self._leave_field() or self.canvas.tool.cancel():
            return
        if self.document.selection:
            self.document.select([])
        else:
            self._take_tool("label.select")

    def _delete(self) -> None:
        if self.document.task == Task.CLASSIFY:
            self.document.classify(None)
        elif self.document.selection:
            self.document.delete(self.document.selection)
        elif self.document.hovered is not None:
            annotation = self.document.get(self.document.hovered)
            if annotation is not None and annotation.state == State.SUGGESTED:
                self.document.delete([annotation.id])

    def _copy(self) -> None:
        count = self.document.copy()
        if count:
            self._say(f"{count} copied" if count > 1 else "Copied")

    def _paste(self) -> None:
        if self.document.paste():
            self._take_tool("label.select")

    def _copy_to_next(self) -> None:
        """Ask for how many images, and copy what is selected (or everything) onto them."""
        following = self.order.following(self._image_id)
        what = self.document.to_copy()
        if not following or not what:
            self._say("There is nothing to copy" if following else "This is the last image")
            return
        dialog = CopyNextDialog(self, annotations=len(what), following=len(following))
        if dialog.exec():
            self.document.copy_to(following[: dialog.count])
        dialog.deleteLater()
        self.canvas.setFocus()

    def _select_all(self) -> None:
        hidden = self.document.hidden()
        self._take_tool("label.select")
        self.document.select(a.id for a in self.document.annotations if a.id not in hidden)

    def _resize_brush(self, steps: int) -> None:
        self.brush.grow(steps)
        self._on_brush()

    def _show_canvas_menu(self, place: QPoint) -> None:
        """Right click on the canvas: what is under the pointer is selected first."""
        hovered = self.document.hovered
        if hovered is None:
            select = self.tools["label.select"]
            assert isinstance(select, SelectTool)
            at = self.canvas.viewport().mapFromGlobal(place).toPointF()
            hovered = select.first_under(*self.canvas.to_image(at))
        if hovered is not None and hovered not in self.document.selection:
            self.document.select([hovered])
        if self.document.selection:
            self._show_menu(place)

    def _show_menu(self, place: QPoint) -> None:
        menu: QMenu = annotation_menu(self.document, self.studio.actions, self)
        menu.exec(place)
        menu.deleteLater()

    # -- what is shown

    def _show_display(self, display: Display) -> None:
        image = self.document.image
        if display.window is None and image is not None and image.window is not None:
            display = replace(display, window=image.window)
        self.canvas.tiles.set_display(display)
        self.canvas.repaint()

    def _use_window(self, window: Window) -> None:
        """The network is to see all images of the open one's depth through one window."""
        if self.document.image is not None:
            self._say(use_for_training(self.project, self.document.image, window))

    def _set_fill(self, opacity: float) -> None:
        self.canvas.shapes.fill = opacity
        self.brush.opacity = opacity
        self.canvas.repaint()

    def _show_tool(self) -> None:
        tool_ = self.canvas.tool
        action_id = next((id for id, t in self.tools.items() if t is tool_), "label.select")
        info = BY_ID[action_id]
        self.bar.show_tool(tool_, title=info.text, icon_name=info.icon)

    def _show_review(self) -> None:
        self.bar.show_image()
        self._show_progress()

    def _show_progress(self) -> None:
        with self.project.read() as session:
            self.side.show_progress(queries.review_counts(session))

    def _show_state(self) -> None:
        """The canvas, or what to do when there is nothing to show."""
        if self.document.image is not None:
            self.stack.setCurrentWidget(self.canvas)
            return
        self.empty.set(
            "Bring in your first images. They stay on this computer and where they are.",
            title="", button="Go to Data", do=lambda: self.studio.go_to("data"),
            icon_name="image-multiple-outline",
        )  # fmt: skip
        self.stack.setCurrentWidget(self.empty)

    def _show_done(self) -> None:
        count = len(self.order.ids)
        self.empty.set(
            f"All {count:,} images are reviewed." if count > 1 else "The image is reviewed.",
            title="", button="Go to Train", do=lambda: self.studio.go_to("train"),
            icon_name="check-circle-outline",
        )  # fmt: skip
        self.stack.setCurrentWidget(self.empty)

    def _on_pointed(self, point: tuple[float, float] | None) -> None:
        self._pointed = point
        self._show_status()

    def _say(self, text: str) -> None:
        self._said = text
        self._show_status()

    def _show_status(self) -> None:
        pyramid = self.canvas.tiles.pyramid
        where, value = pixel_words(pyramid, self._pointed, self.document.size)
        if self.document.image is None:
            self.set_status()
            return
        self.set_status(
            where,
            value,
            self._said or selection_words(self.document, self.canvas.tool),
            right=self.canvas.tool.hint(),
        )
