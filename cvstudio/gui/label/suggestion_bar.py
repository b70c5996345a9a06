"""What networks suggest on the open image: a bar over the canvas, and the keys to decide by."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout

from cvstudio.core.annotation import Annotation, State
from cvstudio.core.geometry import Box
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.layers.scores import Scores
from cvstudio.gui.label.navigation import ImageOrder
from cvstudio.gui.label.origins import origins_words
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.names import NameLabel
from cvstudio.gui.widgets.section import label, push
from cvstudio.gui.widgets.slider_field import SliderField
from cvstudio.project import decisions

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_NONE = "No suggestion on this image"
_LAST = "That was the last suggestion: Tab again leaves the image, Shift+Tab goes back"
_FIRST = "That was the first suggestion: Shift+Tab again leaves the image, Tab goes on"
_DECIDE = "Enter accept · {label.delete} reject"
_KEYS = f"Tab next · {_DECIDE} · {{view.next_region}} leaves the image"


class SuggestionBar(QFrame):
    """Hidden while nothing is suggested on the open image, and nothing has just been decided."""

    said = Signal(str)

    def __init__(
        self, studio: Studio, document: Document, canvas: Canvas, order: ImageOrder
    ) -> None:
        super().__init__()
        theme.mark(self, panel="bar")
        self._studio, self._document, self._canvas = studio, document, canvas
        self._order = order
        self._current: int | None = None
        self._line: list[int] = []
        """The suggestions of the image in the order of Tab, as they were when last looked at."""
        self._busy_here = False
        """Whether something was suggested on the open image since it was opened."""
        self._at_end = 0
        """The way on which the end of the line was said; one press more leaves the canvas."""
        self._left = False
        """Whether Tab left the canvas at an end: when it comes back, the line begins anew."""
        self._build()
        canvas.layers.append(Scores())
        document.image_changed.connect(self._on_image)
        document.annotations_changed.connect(self._on_annotations)
        document.selection_changed.connect(self._on_selection)
        studio.keys.changed.connect(self._share_room)
        self._connect_actions()
        self._on_image()

    def _build(self) -> None:
        self.setFixedHeight(theme.size("tool_options_bar"))
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 0, 12, 0)
        row.setSpacing(8)
        row.addWidget(IconLabel("creation-outline", "link", 18))
        self.words = NameLabel(role="section", front=1.0)
        row.addWidget(self.words)
        self.keys = label("", "muted")
        self.keys.setMinimumWidth(1)  # it asks for no room: it is there when all of it has some
        row.addWidget(self.keys)
        row.addStretch(1)
        self.score = SliderField(0.0, 1.0, 0.5, step=0.01)
        self.score.setFixedWidth(160)
        self.score.slider.setAccessibleName("Accept from this score")
        self.score.field.setAccessibleName("Accept from this score")
        self.score.changed.connect(lambda _value: self._show())
        self.score.field.installEventFilter(self)
        self._from = label("from", "muted")
        row.addWidget(self._from)
        row.addWidget(self.score)
        self.keep = push("", self.accept_from, icon_name="check-all", small=True)
        self.drop = push("", self.reject_below, icon_name="close", small=True)
        self.further = push("Next image", self.next_image, icon_name="arrow-right", small=True)
        self.further.setAccessibleName("Next image with suggestions")
        row.addWidget(self.keep)
        row.addWidget(self.drop)
        row.addWidget(self.further)
        for button, action in ((self.keep, "all"), (self.further, "image")):
            button.setToolTip(self._studio.actions[f"label.suggestion_{action}"].toolTip())

    def _connect_actions(self) -> None:
        connect = self._studio.actions.connect
        # Tab steps through suggestions on the canvas only: everywhere else it moves the focus.
        connect("label.suggestion_next", partial(self.step, 1), self._canvas)
        connect("label.suggestion_previous", partial(self.step, -1), self._canvas)
        connect("label.suggestion_all", self.accept_from, self._canvas)

    # -- what is suggested

    def suggested(self) -> list[Annotation]:
        """The suggestions on the open image, the surest first; those of hidden classes are not."""
        away = self._document.hidden()
        found = [
            a for a in self._document.annotations
            if a.state == State.SUGGESTED and a.id not in away
        ]  # fmt: skip
        return sorted(found, key=lambda a: (-(a.score if a.score is not None else 1.0), a.id))

    def reaching(self) -> list[Annotation]:
        """Those that are at least as sure as the slider says; regions carry no score."""
        least = self.score.value
        return [a for a in self.suggested() if a.score is None or a.score >= least - 1e-9]

    # -- verbs

    def step(self, by: int) -> None:
        """Select the suggestion after (1) or before (-1) the selected one.

        At the end of the line that is said, and the next press leaves the canvas: Tab comes to
        every control, and never by surprise to one on which Enter does something else.
        """
        line = [a.id for a in self.suggested() if a.shape is not None]
        if not line or self._canvas.tool.busy:
            return
        if self._current not in line or self._left:
            self._show_one(line[0 if by > 0 else -1])
            return
        place = line.index(self._current) + by
        if 0 <= place < len(line):
            self._show_one(line[place])
        elif self._at_end != by:
            self._at_end = by
            self.said.emit(_LAST if by > 0 else _FIRST)
        else:
            self._at_end, self._left = 0, True
            self.said.emit("")
            self._canvas.leave(forward=by > 0)

    def accept_from(self) -> None:
        """Accept all on this image that reach the score, in one step."""
        self._decide(
            "Accept suggestions",
            lambda s, ids: decisions.keep_from(s, image_ids=ids, score=self._least),
        )

    def reject_below(self) -> None:
        """Reject all on this image that do not reach the score, in one step."""
        self._decide(
            "Reject suggestions",
            lambda s, ids: decisions.reject_below(s, image_ids=ids, score=self._least),
        )

    def ask(self) -> None:
        """Let a network look at the open image, or at others."""
        image = self._document.image
        self._studio.go_to("suggest", ids=(image.id,) if image is not None else ())

    def next_image(self) -> None:
        """Go to the next image that has suggestions."""
        found = self._next_image()
        if found:
            self._studio.select_image(found)
            self._canvas.setFocus()
        else:
            self.said.emit("No other image has suggestions")

    @property
    def _least(self) -> float:
        return self.score.value - 1e-9

    def _decide(self, step: str, do: Callable[[Any, list[int]], object]) -> None:
        image = self._document.image
        if image is None or not self.suggested():
            return
        self._document.change(step, lambda s: do(s, [image.id]))
        self._canvas.setFocus()

    def _next_image(self) -> int:
        """The next image with suggestions in the order of the page, round the end; 0 for none."""
        image = self._document.image
        with self._document.project.read() as session:
            waiting = set(decisions.waiting_images(session))
        ids = self._order.ids
        if image is None or image.id not in ids:
            return next((id for id in ids if id in waiting), 0)
        place = ids.index(image.id)
        others = ids[place + 1 :] + ids[:place]
        return next((id for id in others if id in waiting), 0)

    # -- following the document

    def _on_image(self) -> None:
        self._current, self._busy_here = None, False
        self._at_end, self._left = 0, False
        self._line = [a.id for a in self.suggested()]
        self._show()

    def _on_selection(self) -> None:
        chosen = self._document.selection
        line = {a.id for a in self.suggested()}
        only = next(iter(chosen)) if len(chosen) == 1 else None
        self._begin_anew()
        self._current = only if only in line else None

    def _on_annotations(self) -> None:
        """Where the selected suggestion has been decided on, the next one is selected."""
        left = [a.id for a in self.suggested()]
        decided = self._current
        if decided is not None and decided not in left and decided in self._line:
            place = self._line.index(decided)
            after = [id for id in self._line[place:] + self._line[:place] if id in left]
            self._current = None
            if after:
                self._show_one(after[0])
            else:
                self._document.select([])
        self._line = left
        self._show()

    def _begin_anew(self) -> None:
        """Something else is selected: the end of the line is no matter any more."""
        if self._at_end:
            self.said.emit("")
        self._at_end, self._left = 0, False

    def _show_one(self, annotation_id: int) -> None:
        annotation = self._document.get(annotation_id)
        if annotation is None:
            return
        self._document.select([annotation_id])
        self._current = annotation_id
        self._begin_anew()
        box: Box = annotation.box
        if not self._canvas.visible().contains(box.x + box.w / 2, box.y + box.h / 2):
            self._canvas.show_box(box)

    # -- what is shown

    def _show(self) -> None:
        found = self.suggested()
        allow = self._studio.actions.allow
        shaped = any(a.shape is not None for a in found)
        for name in ("next", "previous"):
            allow(f"label.suggestion_{name}", shaped, why=_NONE)
        allow("label.suggestion_all", bool(found), why=_NONE)
        self._busy_here = self._busy_here or bool(found)
        further = self._busy_here and bool(self._next_image())
        self.setVisible(bool(found) or further)
        self.further.setVisible(further)
        self.further.setText("" if found else "Next image")
        scored = any(a.score is not None for a in found)
        for part in (self.score, self._from):
            part.setVisible(scored and shaped)
        self.keep.setVisible(bool(found))
        if not found:
            self.words.setText("All suggestions on this image are decided")
            self.drop.hide()
            self._share_room()
            return
        self.words.setText(self._headline(found))
        keep = len(self.reaching())
        self.keep.setText(f"Accept {keep:,}" if shaped else "Accept")
        self.keep.setEnabled(keep > 0)
        self.drop.setText(f"Reject {len(found) - keep:,}")
        self.drop.setVisible(len(found) > keep)
        self._share_room()

    def _headline(self, found: list[Annotation]) -> str:
        first = found[0]
        by = f" by {origins}" if (origins := origins_words(found)) else ""
        if first.shape is not None:
            return f"{counted(len(found), 'suggestion')} on this image{by}"
        known = self._document.classes.get(first.class_id)
        score = f" {first.score:.2f}" if first.score is not None else ""
        return f"Suggested{by}: {known.name if known else '?'}{score}"

    def _share_room(self) -> None:
        found = self.suggested()
        whole = bool(found) and found[0].shape is None
        self.keys.setText(self._studio.actions.said(_DECIDE if whole else _KEYS))
        self.keys.setVisible(bool(found) and self._free() >= self.keys.sizeHint().width())

    def _free(self) -> int:
        """Pixels that are left for the keys when every other part has what it asks for."""
        row = self.layout()
        assert row is not None
        items = (row.itemAt(place) for place in range(row.count()))
        parts = [item.widget() for item in items if item is not None]
        wanted = [
            max(part.sizeHint().width(), part.minimumWidth()) + row.spacing()
            for part in parts
            if part is not None and part is not self.keys and not part.isHidden()
        ]
        margins = row.contentsMargins()
        return self.width() - sum(wanted) - margins.left() - margins.right() - 2 * row.spacing()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_room()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter in the field gives the keys back to the canvas, and decides nothing."""
        if isinstance(event, QKeyEvent) and event.key() in _ENTER:
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                self._canvas.setFocus()
                return True
        return super().eventFilter(watched, event)
