"""The room of the right panel: classes, annotations and display one below the other, in shares."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QSplitter, QSplitterHandle, QWidget

from cvstudio.core.settings import Memory
from cvstudio.gui import theme
from cvstudio.gui.label.class_list import ClassList
from cvstudio.gui.label.display_panel import DisplayPanel

_OPEN = "label.display"
_FEW = 5
"""So many classes, and so many rows of the list below them, are seen beside the open display."""
_KEYED = 10
"""Where no list stands below the classes, all that have a digit as key are seen."""
_MANY = 9
"""So many classes are seen before the list below them has more than half of the room."""
_LEAST = 3  # classes that are seen beside the longest list
_KEPT = 4
"""So many rows of the list stay in view beside a display that was opened where it has little."""
_SHARE = 0.36  # of the room, for such a display where even they find no place


class _Handle(QSplitterHandle):
    """The line between two parts; a double click leaves their heights to the window again."""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        stack = self.splitter()
        assert isinstance(stack, SideStack)
        stack.forget()


class SideStack(QSplitter):
    """Classes above, `middle` below them, the display at the foot.

    As long as the person says nothing, the heights follow the window, and the display is folded
    where the lists would be too short beside it. What is dragged or folded by hand is remembered.
    `middle` None: the class list has all that the display leaves.
    """

    def __init__(
        self, memory: Memory, name: str, upper: QWidget, classes: ClassList,
        display: DisplayPanel, middle: QWidget | None,
    ) -> None:  # fmt: skip
        super().__init__(Qt.Orientation.Vertical)
        self._memory, self._key = memory, f"label.heights.{name}"
        self._classes, self._display, self._middle = classes, display, middle
        self._parts = [upper, display] if middle is None else [upper, middle, display]
        self.setHandleWidth(1)
        self.setChildrenCollapsible(False)
        for part in self._parts:
            self.addWidget(part)
        for index, part in enumerate(self._parts):
            self.setStretchFactor(index, int(part is (middle or upper)))
        self._settling = False
        self.splitterMoved.connect(self._on_moved)
        display.section.toggled.connect(self._on_toggled)
        display.rows_changed.connect(self.share)
        classes.rows_changed.connect(self.share)

    def createHandle(self) -> QSplitterHandle:
        handle = _Handle(self.orientation(), self)
        handle.setToolTip("Drag to share the room, double click for the heights as they come")
        return handle

    def forget(self) -> None:
        """Heights as they come, and the display folded or not as the window asks."""
        self._memory.set(self._key, {})
        self._memory.set(_OPEN, None)
        self.share()

    def share(self) -> None:
        """Give each part its height."""
        if not self.height():
            return
        opens = self._opens()
        if opens != self._display.is_open:
            self._settling = True
            self._display.section.set_open(opens)
            self._settling = False
        kept: dict[str, int] = self._memory.get(self._key, {})
        whole, least = self._room, self._least
        display = self._display.natural_height
        if self._display.is_open:
            display = kept.get("display", min(display, self._share_of_display(whole, least)))
        display = min(display, max(whole - sum(least), self._display.least_height))
        rest = whole - display
        if self._middle is None:
            self.setSizes([rest, display])
            return
        classes = kept.get("classes", self._classes_share(rest))
        classes = max(min(classes, rest - least[1]), self._classes.minimumSizeHint().height())
        self.setSizes([classes, rest - classes, display])

    def _share_of_display(self, whole: int, least: list[int]) -> int:
        """Pixels for an open display: what the lists can spare, or a share of all."""
        rows = 0 if self._middle is None else _KEPT * theme.size("row_compact")
        spared = whole - least[0] - rows
        if self._middle is not None:
            spared -= theme.size("section_header")
        return max(spared, round(_SHARE * whole))

    @property
    def _room(self) -> int:
        """Pixels for the parts, without the lines between them."""
        return self.height() - self.handleWidth() * (len(self._parts) - 1)

    @property
    def _least(self) -> list[int]:
        """Pixels that the parts above the display cannot do without."""
        least = [part.minimumSizeHint().height() for part in self._parts[:-1]]
        # The first class alone is seen where nothing else can give way.
        more = self._classes.height_of(min(self._classes.count, _LEAST))
        least[0] += more - self._classes.minimumSizeHint().height()
        return least

    def _opens(self) -> bool:
        """Whether the display is open: as the person said, or where there is room for it."""
        said = self._memory.get(_OPEN)
        if said is not None:
            return bool(said)
        column = self.parentWidget()
        # What stands above for some images only (a comment) must not open and fold it.
        height = column.height() if column is not None else self.height()
        seen = _KEYED if self._middle is None else _FEW
        need = self._classes.height_of(min(self._classes.count, seen))
        if self._middle is None:
            need += self._least[0] - self._classes.height_of(min(self._classes.count, _LEAST))
        else:
            need += theme.size("section_header") + (_FEW - 1) * theme.size("row_compact")
        return height - self._display.open_height >= need

    def _classes_share(self, room: int) -> int:
        """Whole rows of classes: all, or half of the room, or what the list below can spare."""
        below = theme.size("section_header") + _MANY * theme.size("row_compact")
        spared = min(room - below, self._classes.height_of(_MANY))
        most = max(room // 2, spared)
        count = self._classes.count
        while count > _LEAST and self._classes.height_of(count) > most:
            count -= 1
        return self._classes.height_of(count)

    def _on_toggled(self, open_: bool) -> None:
        if not self._settling:
            self._memory.set(_OPEN, open_)
            self.share()

    def _on_moved(self, _position: int, index: int) -> None:
        name = "display" if index == len(self._parts) - 1 else "classes"
        height = self.sizes()[-1 if name == "display" else 0]
        if name == "display" and not self._display.is_open:
            return
        self._memory.set(self._key, {**self._memory.get(self._key, {}), name: height})

    def minimumSizeHint(self) -> QSize:
        """What is listed for one image must not make the window higher."""
        return QSize(super().minimumSizeHint().width(), 0)

    def event(self, event: QEvent) -> bool:
        """A part has come or gone, or needs another height."""
        done = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:
            self.share()
        return done

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.share()
