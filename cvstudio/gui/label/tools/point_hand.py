"""Single points of the selected keypoints under the hand: walked to, moved, hidden, taken away."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter

from cvstudio.core.annotation import Annotation, State
from cvstudio.core.keypoints import Keypoints, Visibility
from cvstudio.gui.label import hit, turning
from cvstudio.gui.label.pens import CASING, cosmetic
from cvstudio.gui.label.tools.base import REACH, Pointer, Tool

HIDES, AWAY = Qt.Key.Key_C, Qt.Key.Key_X
WALKS = frozenset({Qt.Key.Key_Tab, Qt.Key.Key_Backtab})
_RING = 8.0  # screen px
_STATES = {
    Visibility.ABSENT: "not in the picture", Visibility.HIDDEN: "hidden", Visibility.VISIBLE: "",
}  # fmt: skip


class PointHand:
    """What a tool does to single points of the one selected keypoints."""

    def __init__(self, tool: Tool) -> None:
        self._tool = tool
        self._held: tuple[int, int] | None = None
        """The annotation and the place of the point in hand."""

    def chosen(self) -> tuple[Annotation, Keypoints] | None:
        """The selected keypoints, when a hand may change them."""
        found = self._tool.selected()
        if found is None or found.locked or not isinstance(found.shape, Keypoints):
            return None
        return found, found.shape

    @property
    def _is_locked(self) -> bool:
        found = self._tool.selected()
        return found is not None and found.locked and isinstance(found.shape, Keypoints)

    @property
    def place(self) -> int | None:
        """The place of the point in hand; None without one."""
        chosen = self.chosen()
        if chosen is None or self._held is None or self._held[0] != chosen[0].id:
            return None
        return self._held[1] if self._held[1] < len(chosen[1].points) else None

    def take(self, place: int) -> None:
        """Take a point of the selected keypoints in hand, and say which."""
        chosen = self.chosen()
        if chosen is not None:
            self._held = (chosen[0].id, place)
            self._tool.surface.say(self.words(place))
            self._tool.surface.repaint()

    def put_down(self) -> bool:
        """Have no point in hand; False when there was none."""
        had = self.place is not None
        self._held = None
        if had:
            self._tool.surface.repaint()
        return had

    def at(self, pointer: Pointer | None) -> int | None:
        """The point of the selected keypoints under the pointer."""
        chosen = self.chosen()
        if chosen is None or pointer is None:
            return None
        reach = REACH / self._tool.surface.scale
        return hit.keypoint_at(chosen[1], pointer.x, pointer.y, reach=reach)

    def words(self, place: int) -> str:
        """ "3 of 17: right_eye, hidden"; a number where points have no names."""
        chosen = self.chosen()
        if chosen is None:
            return ""
        annotation, shape = chosen
        count = len(shape.points)
        bones = self._tool.document.skeletons.get(annotation.class_id)
        named = bones is not None and len(bones.names) == count
        name = f": {bones.names[place]}" if bones is not None and named else ""
        state = _STATES[Visibility(int(shape.points[place, 2]))]
        return f"{place + 1} of {count}{name}" + (f", {state}" if state else "")

    # -- keys

    def keys(self, pointer: Pointer | None) -> frozenset[Qt.Key]:
        """The plain keys that are for single points now; those of a locked object are told."""
        if self._is_locked:
            return frozenset({HIDES, AWAY} if pointer is not None else ())
        chosen = self.chosen()
        if chosen is None:
            return frozenset()
        suggested = chosen[0].state == State.SUGGESTED  # Tab goes from one of these to the next
        keys = set() if suggested else set(WALKS)
        if pointer is not None or self.place is not None:
            keys.add(AWAY)
        if self.at(pointer) is not None or self.place is not None:
            keys.add(HIDES)
        return frozenset(keys)

    def key(self, key: Qt.Key, pointer: Pointer | None) -> None:
        """One of `keys` was pressed."""
        if self._is_locked:
            self._tool.document.locked_met.emit()
            return
        if key in WALKS:
            self._walk(-1 if key == Qt.Key.Key_Backtab else 1, pointer)
            return
        under = self.at(pointer)
        place = self.place if under is None else under
        if key == HIDES and place is not None:
            self.toggle(place)
        elif key == AWAY:
            self._take_away_or_put(place, pointer)

    def _walk(self, step: int, pointer: Pointer | None) -> None:
        chosen, here = self.chosen(), self.place
        if chosen is None:
            return
        if here is None:
            under = self.at(pointer)
            here = -1 if step > 0 else 0
            here = here if under is None else under - step
        self.take((here + step) % len(chosen[1].points))

    def toggle(self, place: int) -> None:
        """A point that is visible is hidden, and the other way round."""
        chosen = self.chosen()
        if chosen is None:
            return
        annotation, shape = chosen
        x, y, known = shape.points[place].tolist()
        if known == Visibility.ABSENT:
            self._tool.surface.say("It has no place: X puts it where the pointer is")
            return
        hides = known == Visibility.VISIBLE
        wanted = Visibility.HIDDEN if hides else Visibility.VISIBLE
        label = "Hide point" if hides else "Show point"
        self._change(annotation, shape.with_point(place, x, y, wanted), label)

    def _take_away_or_put(self, place: int | None, pointer: Pointer | None) -> None:
        """Take a point out of the picture; where it is not in it, put it under the pointer."""
        chosen = self.chosen()
        if chosen is None:
            return
        annotation, shape = chosen
        away = (shape.points[:, 2] <= 0).nonzero()[0].tolist()
        if place is not None and place not in away:
            if len(shape.placed()) == 1:
                self._tool.surface.say("It is the only point · {label.delete} deletes it")
                return
            other = shape.with_point(place, 0.0, 0.0, Visibility.ABSENT)
            self._change(annotation, other, "Take point away")
        elif pointer is None:
            self._tool.surface.say("Point to where it belongs first")
        elif away:
            x, y = self._tool.on_image(pointer.x, pointer.y)
            wanted = away[0] if place is None else place
            other = shape.with_point(wanted, x, y, Visibility.VISIBLE)
            self._change(annotation, other, "Place point")
        else:
            self._tool.surface.say("All of its points have a place")

    def nudge(self, dx: float, dy: float) -> bool:
        """Move the point in hand by pixels of the image; False without one that has a place."""
        chosen, place = self.chosen(), self.place
        if chosen is None or place is None or chosen[1].points[place, 2] <= 0:
            return False
        annotation, shape = chosen
        x, y, known = shape.points[place].tolist()
        x, y = self._tool.on_image(x + dx, y + dy)
        self._change(annotation, shape.with_point(place, x, y, Visibility(int(known))), by_key=True)
        return True

    def _change(
        self, annotation: Annotation, shape: Keypoints, label: str = "Move point", *,
        by_key: bool = False,
    ) -> None:  # fmt: skip
        self._tool.document.reshape({annotation.id: shape}, label=label, by_key=by_key)
        self._tool.surface.repaint()

    # -- painting

    def paint(self, painter: QPainter, pointer: Pointer | None) -> None:
        """A ring around the point in hand, and its name; else that of the one under the pointer."""
        chosen = self.chosen()
        place = self.place if self.place is not None else self.at(pointer)
        if chosen is None or place is None:
            return
        shape = self._tool.drafts.get(chosen[0].id, chosen[1])
        assert isinstance(shape, Keypoints)
        x, y, known = shape.points[place].tolist()
        if known > 0:
            if place == self.place:
                paint_ring(painter, x, y, self._tool.surface.scale)
            turning.paint_words(painter, self.words(place), x, y)
        elif pointer is not None:  # it has no place: its name is where X would put it
            turning.paint_words(painter, self.words(place), pointer.x, pointer.y)


def paint_ring(painter: QPainter, x: float, y: float, scale: float) -> None:
    """A white ring around a place of the image."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (cosmetic(CASING, width=4), cosmetic(QColor("white"), width=2)):
        painter.setPen(pen)
        painter.drawEllipse(QPointF(x, y), _RING / scale, _RING / scale)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
