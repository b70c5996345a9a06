"""Keypoints: a click places the next point of the class's skeleton; without one, any points."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from cvstudio.core.keypoints import Keypoints, Visibility
from cvstudio.core.skeleton import Skeleton
from cvstudio.gui.label import turning
from cvstudio.gui.label.bones import paint_keypoints
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.shapes_item import CASING, cosmetic
from cvstudio.gui.label.tools.base import Pointer, Surface, Tool

_ABSENT = frozenset({Qt.Key.Key_X})


class KeypointsTool(Tool):
    """Places the points of one object after another; the last one of a skeleton stores it."""

    name = "keypoints"
    drawn = "Keypoints"

    def __init__(self, document: Document, surface: Surface) -> None:
        super().__init__(document, surface)
        self._points: list[tuple[float, float, int]] = []
        self._class_id: int | None = None
        """The class for which the draft was begun."""
        self._pointer: Pointer | None = None

    @property
    def skeleton(self) -> Skeleton | None:
        """That of the draft, else that of the class of the next one."""
        id = self._class_id if self._points else self.document.class_id
        return self.document.skeletons.get(id or 0)

    @property
    def busy(self) -> bool:
        return bool(self._points)

    @property
    def ripe(self) -> bool:
        return any(known for *_, known in self._points)

    @property
    def lacks(self) -> str:
        return "none of its points has a place"

    @property
    def takes_right(self) -> bool:
        return True

    @property
    def own_keys(self) -> frozenset[Qt.Key]:
        return _ABSENT if self.skeleton is not None else frozenset()

    # -- the gesture

    def press(self, pointer: Pointer) -> None:
        self._place(pointer, Visibility.VISIBLE)

    def press_right(self, pointer: Pointer) -> None:
        self._place(pointer, Visibility.HIDDEN)

    def own_key(self, key: Qt.Key) -> None:
        """The point whose turn it is is not in the picture."""
        self._take((0.0, 0.0, Visibility.ABSENT))

    def move(self, pointer: Pointer, *, held: bool) -> None:
        self._pointer = pointer
        self.surface.repaint()

    def leave(self) -> None:
        self._pointer = None
        self.surface.repaint()

    def finish(self) -> bool:
        if not self.ripe:
            return False
        self._commit()
        return True

    def step_back(self) -> bool:
        if not self._points:
            return False
        self._points.pop()
        self._tell()
        self.surface.repaint()
        return True

    def cancel(self) -> bool:
        had = self.busy
        self._points = []
        super().cancel()
        self.surface.repaint()
        return had

    # -- parts of it

    def _place(self, pointer: Pointer, known: Visibility) -> None:
        self._pointer = pointer
        self._take((*self.on_image(pointer.x, pointer.y), known))

    def _take(self, point: tuple[float, float, int]) -> None:
        if not self._points:
            if not self.document.ready_to_draw():
                return
            self._class_id = self.document.class_id
        self._points.append(point)
        skeleton = self.skeleton
        if skeleton is not None and len(self._points) >= len(skeleton.names):
            self._commit()
        else:
            self._tell()
        self.surface.repaint()

    def _tell(self) -> None:
        self.surface.say(self._next())

    def _next(self) -> str:
        """ "3 of 17: right_eye"; for free points how many there are."""
        skeleton, count = self.skeleton, len(self._points)
        if skeleton is None:
            return f"Point {count + 1}"
        if count >= len(skeleton.names):  # it is being stored
            return "Keypoints"
        return f"{count + 1} of {len(skeleton.names)}: {skeleton.names[count]}"

    def _shape(self) -> Keypoints:
        """The draft with the points that are still to come absent."""
        skeleton = self.skeleton
        left = len(skeleton.names) - len(self._points) if skeleton is not None else 0
        return Keypoints.of([*self._points, *[(0.0, 0.0, 0)] * left])

    def _commit(self) -> None:
        assert self._class_id is not None
        if not self.ripe:
            self._points = []
            self.surface.say("None of the points has a place: nothing was kept")
        elif self.document.add_many([(self._class_id, self._shape())], label="Add keypoints"):
            self._points = []  # not before it is stored
            self.surface.say("")
        else:
            self._points.pop()  # the next click tries again
        self.surface.repaint()

    def hint(self) -> str:
        if self.skeleton is None:
            words = "Click points, Enter ends · right-click: hidden"
            return f"{words} · Backspace takes one back · Esc drops" if self._points else words
        words = f"{self._next()} · right-click: hidden · X: not in the picture"
        return f"{words} · Backspace · Enter ends · Esc drops" if self._points else words

    def note(self) -> str:
        return "Keypoints are kept and exported, and do not train yet"

    def paint(self, painter: QPainter, exposed: QRectF) -> None:
        if self._points:
            self._paint_draft(painter)
        if self.skeleton is not None and self._pointer is not None:
            turning.paint_words(painter, self._next(), self._pointer.x, self._pointer.y)

    def _paint_draft(self, painter: QPainter) -> None:
        """The points that are there, and the edges from them to the pointer."""
        shape, scale = self._shape(), self.surface.scale
        colour = self.document.colour(self._class_id)
        edges = self.document.layer.edges_of(self._class_id or 0, shape)
        paint_keypoints(painter, shape, edges, colour, scale, strong=True)
        if self._pointer is None:
            return
        skeleton, following = self.skeleton, len(self._points)
        joined = skeleton.edges if skeleton is not None else ()
        here = QPointF(*self.on_image(self._pointer.x, self._pointer.y))
        for pen in (cosmetic(CASING, width=3), cosmetic(colour, dashes=[4.0, 4.0])):
            painter.setPen(pen)
            for edge in joined:
                if following in edge and max(edge) == following:
                    x, y, known = self._points[min(edge)]
                    if known:
                        painter.drawLine(QPointF(x, y), here)
