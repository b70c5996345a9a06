"""Keypoints: a click places the next point of the class's skeleton; a dragged box drops all of them
at once, as the template has them. Without a skeleton, any points."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from cvstudio.core.annotation import Annotation, State
from cvstudio.core.geometry import Box
from cvstudio.core.keypoints import Keypoints, Visibility
from cvstudio.core.skeleton import Skeleton
from cvstudio.core.skeleton_template import dropped, proportions
from cvstudio.gui.label import turning
from cvstudio.gui.label.bones import paint_keypoints
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.outlines import rect_of
from cvstudio.gui.label.pens import CASING, cosmetic
from cvstudio.gui.label.tools.base import CLICK, Pointer, Surface, Tool
from cvstudio.gui.label.tools.keypoints_draft import KeypointsDraft
from cvstudio.gui.label.tools.point_hand import AWAY, HIDES, WALKS, PointHand, paint_ring
from cvstudio.gui.label.training_words import note_of_keypoints

_DROPPED = "Drag its points where they belong · Tab walks · C: hidden · X: not in the picture"
_DROPPING = "Alt: the other way round · Shift: as wide as in the template"


@dataclass(frozen=True)
class _Stored:
    """A point of the selected keypoints under the button; a drag moves it."""

    annotation: Annotation
    shape: Keypoints
    place: int


class KeypointsTool(Tool):
    """Places the points of one object after another; the last one of a skeleton stores it.

    Tab lets it be another point's turn: what is skipped is asked for at the end.
    """

    name = "keypoints"
    drawn = "Keypoints"

    def __init__(self, document: Document, surface: Surface) -> None:
        super().__init__(document, surface)
        self._draft = KeypointsDraft()
        self._class_id: int | None = None
        """The class for which the draft was begun."""
        self._pointer: Pointer | None = None
        self._pressed: Pointer | None = None
        """Where the left button went down."""
        self._stored: _Stored | None = None
        self._placed: int | None = None
        """The point of the draft that was placed by this press, and goes with the pointer."""
        self._box: Box | None = None
        """Where the template is being dropped."""
        self._hand = PointHand(self)

    @property
    def skeleton(self) -> Skeleton | None:
        """That of the draft, else that of the class of the next one."""
        id = self._class_id if self._draft.begun else self.document.class_id
        return self.document.skeletons.get(id or 0)

    @property
    def draft(self) -> KeypointsDraft:
        """The draft; a fresh one where the class asks for other points than before."""
        names = self.skeleton.names if self.skeleton is not None else ()
        if not self._draft.begun and self._draft.names != names:
            self._draft = KeypointsDraft(names)
        return self._draft

    @property
    def busy(self) -> bool:
        return self._draft.begun or self._box is not None or bool(self.drafts)

    @property
    def ripe(self) -> bool:
        return self._draft.ripe

    @property
    def lacks(self) -> str:
        return "none of its points has a place"

    @property
    def takes_right(self) -> bool:
        return True

    @property
    def nudges(self) -> bool:
        return not self.busy and self._hand.place is not None

    @property
    def own_keys(self) -> frozenset[Qt.Key]:
        named = self.skeleton is not None
        if self._draft.begun:
            return WALKS | {AWAY, HIDES} if named else frozenset({HIDES})
        keys = self._hand.keys(self._pointer)
        if self._hand.place is None:
            keys -= {AWAY}  # with a point only under the pointer, it is said of the next object
        if named and not self._suggested():
            keys |= WALKS
        return keys | {AWAY} if named else keys

    def _suggested(self) -> bool:
        """Whether there are suggestions, which Tab walks to."""
        return any(a.state == State.SUGGESTED for a in self.document.annotations)

    # -- the gesture

    def press(self, pointer: Pointer) -> None:
        self._pointer = self._pressed = pointer
        self._stored = None if self._draft.begun else self._stored_at(pointer)
        if self._stored is not None:
            return
        if self._draft.begun or self.skeleton is None:
            self._placed = self._put(pointer, Visibility.VISIBLE)
        elif not self.document.ready_to_draw():
            self._pressed = None
        self.surface.repaint()

    def press_right(self, pointer: Pointer) -> None:
        self._pointer = pointer
        under = None if self._draft.begun else self._hand.at(pointer)
        if under is not None:
            self._hand.toggle(under)
        else:
            self._put(pointer, Visibility.HIDDEN)
            self._keep_if_complete()

    def move(self, pointer: Pointer, *, held: bool) -> None:
        self._pointer = pointer
        if held and self._pressed is not None and self._far(pointer):
            self._drag(pointer)
        elif not held:
            over = not self._draft.begun and self._hand.at(pointer) is not None
            shape = Qt.CursorShape.PointingHandCursor if over else self.cursor
            self.surface.point_with(shape)
        self.surface.repaint()

    def release(self, pointer: Pointer) -> None:
        pressed, stored, box = self._pressed, self._stored, self._box
        placed, drafts = self._placed, self.drafts
        self._pressed = self._stored = self._placed = self._box = None
        if stored is not None and drafts:
            self.drafts = {}
            self.document.reshape(drafts, label="Move point")
            self.surface.drafts_changed()
        elif box is not None:
            self._drop(box, mirrored=pointer.opposite)
        elif placed is not None:
            self._keep_if_complete()
        elif pressed is not None and stored is not None and pressed.opposite:
            self._hand.toggle(stored.place)
        elif pressed is not None:
            self._put(pressed, Visibility.VISIBLE)
            self._keep_if_complete()
        self.surface.repaint()

    def own_key(self, key: Qt.Key) -> None:
        """See `hint`; without a draft, keys are for the point of the selected object in hand."""
        begun = self._draft.begun
        if not begun and (self._hand.place is not None or key == HIDES):
            self._hand.key(key, self._pointer)
        elif key == AWAY:
            if self._begin():
                self.draft.put(0.0, 0.0, Visibility.ABSENT)
                self._keep_if_complete()
        elif key == HIDES:
            self.draft.toggle()
        elif begun or self._hand.chosen() is None:
            self.draft.walk(-1 if key == Qt.Key.Key_Backtab else 1)
        else:
            self._hand.key(key, self._pointer)
        self._tell()

    def nudge(self, dx: float, dy: float) -> None:
        self._hand.nudge(dx, dy)

    def leave(self) -> None:
        self._pointer = None
        self.surface.repaint()

    def finish(self) -> bool:
        if not self.ripe:
            return False
        self._commit()
        return True

    def step_back(self) -> bool:
        if not self._draft.take_back():
            return False
        self._tell()
        return True

    def cancel(self) -> bool:
        had = self.busy
        self._draft = KeypointsDraft()
        self._pressed = self._stored = self._placed = self._box = None
        super().cancel()
        put_down = not had and self._hand.put_down()
        self.surface.repaint()
        return had or put_down

    # -- parts of it

    def _stored_at(self, pointer: Pointer) -> _Stored | None:
        chosen, place = self._hand.chosen(), self._hand.at(pointer)
        return None if chosen is None or place is None else _Stored(*chosen, place)

    def _far(self, pointer: Pointer) -> bool:
        """Whether the button was dragged, or is on its way already."""
        assert self._pressed is not None
        away = math.hypot(pointer.x - self._pressed.x, pointer.y - self._pressed.y)
        return self._box is not None or away * self.surface.scale >= CLICK

    def _drag(self, pointer: Pointer) -> None:
        x, y = self.on_image(pointer.x, pointer.y)
        if self._stored is not None:
            annotation, shape, place = (
                self._stored.annotation, self._stored.shape, self._stored.place,
            )  # fmt: skip
            moved = shape.with_point(place, x, y, Visibility(int(shape.points[place, 2])))
            known = annotation.id in self.drafts
            self.drafts[annotation.id] = moved  # the canvas draws from this very dict
            if not known:
                self.surface.drafts_changed()
        elif self._placed is not None:
            self._draft.move(self._placed, x, y)
        elif self.skeleton is not None:
            self._box = self._box_to(pointer)

    def _box_to(self, pointer: Pointer) -> Box:
        """The box from where the button went down; with Shift as wide as the template is."""
        assert self._pressed is not None
        assert self.skeleton is not None
        x0, y0 = self.on_image(self._pressed.x, self._pressed.y)
        x, y = self.on_image(pointer.x, pointer.y)
        if pointer.shift:
            wanted = proportions(self.skeleton)
            h = min(abs(y - y0), abs(x - x0) / wanted)
            x, y = x0 + math.copysign(h * wanted, x - x0), y0 + math.copysign(h, y - y0)
        return Box.from_corners(x0, y0, x, y)

    def _drop(self, box: Box, *, mirrored: bool) -> None:
        """Store a whole object, as the template has it."""
        skeleton, class_id = self.skeleton, self.document.class_id
        if skeleton is None or class_id is None:
            return
        if min(box.w, box.h) < 1:
            self.surface.say("That box is thinner than a pixel: nothing was kept")
            return
        shape = dropped(skeleton, box, mirrored=mirrored)
        if self.document.add_many([(class_id, shape)], label="Add keypoints"):
            self.surface.say(_DROPPED)

    def _begin(self) -> bool:
        """Whether there may be a draft; a new one is of the class that is chosen now."""
        if self.draft.begun:
            return True
        if not self.document.ready_to_draw():
            return False
        self._class_id = self.document.class_id
        return True

    def _put(self, pointer: Pointer, known: Visibility) -> int | None:
        """Place the point whose turn it is; returns which, None without a class."""
        if not self._begin():
            return None
        place = self.draft.put(*self.on_image(pointer.x, pointer.y), known)
        self._tell()
        return place

    def _keep_if_complete(self) -> None:
        if self._draft.complete:
            self._commit()

    def _tell(self) -> None:
        if self._draft.begun and not self._draft.complete:
            self.surface.say(self.draft.words())
        self.surface.repaint()

    def _commit(self) -> None:
        assert self._class_id is not None
        if not self.ripe:
            self._draft = KeypointsDraft()
            self.surface.say("None of the points has a place: nothing was kept")
        elif self.document.add_many([(self._class_id, self._draft.shape())], label="Add keypoints"):
            self._draft = KeypointsDraft()  # not before it is stored
            self.surface.say("")
        else:
            self._draft.take_back()  # the next click tries again
        self.surface.repaint()

    def hint(self) -> str:
        begun = self._draft.begun
        if self.skeleton is None:
            words = "Click points, Enter ends · right-click: hidden"
            return (
                f"{words} · C: the last one is hidden · Backspace · Esc drops" if begun else words
            )
        if begun:
            return (
                f"{self.draft.words()} · right-click: hidden · X: not in the picture"
                " · C: hides the last · Tab skips · Enter ends"
            )
        return (
            f"{self.draft.words()} · drag a box: all at once · right-click: hidden"
            " · X: not in the picture"
        )

    def note(self) -> str:
        return note_of_keypoints(self.document.task)

    # -- painting

    def paint(self, painter: QPainter, exposed: QRectF) -> None:
        if self._box is not None and self.skeleton is not None:
            self._paint_template(painter, self._box, self.skeleton)
            return
        if self._draft.begun:
            self._paint_draft(painter)
        elif self._hand.place is not None or self.drafts:
            self._hand.paint(painter, self._pointer)
            return
        if self.skeleton is not None and self._pointer is not None:
            turning.paint_words(painter, self.draft.words(), self._pointer.x, self._pointer.y)

    def _paint_template(self, painter: QPainter, box: Box, skeleton: Skeleton) -> None:
        """The whole object in its box, as it would be stored."""
        assert self._pointer is not None
        painter.setBrush(Qt.BrushStyle.NoBrush)
        colour = self.document.colour()
        for pen in (cosmetic(CASING, width=3), cosmetic(colour, dashes=[4.0, 4.0])):
            painter.setPen(pen)
            painter.drawRect(rect_of(box))
        shape = dropped(skeleton, box, mirrored=self._pointer.opposite)
        scale = self.surface.scale
        paint_keypoints(painter, shape, skeleton.edges, colour, scale, strong=True)
        turning.paint_words(painter, _DROPPING, self._pointer.x, self._pointer.y)

    def _paint_draft(self, painter: QPainter) -> None:
        """The points that are there, and the edges from them to the pointer."""
        draft, scale = self.draft, self.surface.scale
        shape = draft.shape()
        colour = self.document.colour(self._class_id)
        edges = self.document.layer.edges_of(self._class_id or 0, shape)
        paint_keypoints(painter, shape, edges, colour, scale, strong=True)
        turn = draft.points[draft.turn] if draft.turn < len(draft.points) else None
        if turn is not None and turn[2] > 0:
            paint_ring(painter, turn[0], turn[1], scale)
        if self._pointer is None or self._placed is not None:
            return
        skeleton = self.skeleton
        joined = skeleton.edges if skeleton is not None else ()
        here = QPointF(*self.on_image(self._pointer.x, self._pointer.y))
        for pen in (cosmetic(CASING, width=3), cosmetic(colour, dashes=[4.0, 4.0])):
            painter.setPen(pen)
            for edge in joined:
                if draft.turn not in edge:
                    continue
                other = draft.points[sum(edge) - draft.turn]
                if other is not None and other[2] > 0:
                    painter.drawLine(QPointF(other[0], other[1]), here)
