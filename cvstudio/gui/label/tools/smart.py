"""Smart: click an object or drag a box around it, and a network finds its border."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QSizePolicy

from cvstudio.core.geometry import Box
from cvstudio.gui import smart_network
from cvstudio.gui.actions import Actions
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.keeping import Keeper
from cvstudio.gui.label.outlines import rect_of
from cvstudio.gui.label.pens import CASING, cosmetic
from cvstudio.gui.label.prompting import Prompt, Prompting, Question
from cvstudio.gui.label.tools.base import CLICK, Pointer, Surface
from cvstudio.gui.label.tools.grabcut import EXCLUDE, INCLUDE
from cvstudio.gui.label.tools.options import ToolOptions
from cvstudio.gui.label.tools.region import RegionTool
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.widgets.section import Segments, push, tool
from cvstudio.imaging.regions import smart_view
from cvstudio.imaging.regions.view import Place, Region, Sight
from cvstudio.imaging.tiles import Pyramid

SMART, OTHER = "label.smart", "label.smart_other"

_DOT = 5.0  # px, the radius of a prompt
_RING = 11.0  # px, the radius of the progress around the last prompt
_NAME = 130  # px for the network's name
_OUT_OF_SIGHT = "Zoom out until all of the object is on the screen"
_SEES = "The network sees the picture as it is shown, with its window, gamma and colours."


class SmartOptions(ToolOptions):
    """Which network, which part of the image it looks at, and its other answers."""

    def __init__(self) -> None:
        super().__init__()
        self._tool: SmartTool | None = None
        self.file = push("Choose file…", self._choose, icon_name="folder-open-outline", small=True)
        self.file.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.file.setAccessibleName("Network of the smart tool")
        self.row.addWidget(self.file)
        self.part = Segments(
            ("Whole", "View"),
            tips=(
                f"Look at the whole image, once. {_SEES}",
                f"Look at what is on the screen: finer, and again for each other place. {_SEES}",
            ),
        )
        self.part.setAccessibleName("What the network looks at")
        self.part.chosen.connect(self._set_part)
        self.row.addWidget(self.part)
        self.other = tool(icon_name="layers-outline")
        self.row.addWidget(self.other)

    def show_keys(self, actions: Actions) -> None:
        self.other.setDefaultAction(actions[OTHER])

    def show_tool(self, smart: SmartTool) -> None:
        """Show the settings as they are; what is changed here is changed in them."""
        self._tool = smart
        network = smart.prompting.network
        words = "Choose file…"
        if network is not None:
            words = smart.prompting.title or network.name
        metrics = self.file.fontMetrics()
        self.file.setText(metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, _NAME))
        tip = "Choose a file of SAM, SAM 2 or MobileSAM"
        self.file.setToolTip(f"{network}. {tip}" if network is not None else tip)
        self.file.setAccessibleDescription(words)
        self.part.choose(1 if smart.by_view else 0)

    def _choose(self) -> None:
        if self._tool is not None:
            smart_network.choose(self.window(), self._tool.document.studio)

    def _set_part(self, index: int) -> None:
        if self._tool is not None:
            self._tool.by_view = index == 1
            self.changed.emit()


class _Thinking(LatestWins):
    """The tool's thread and its questions to the live process, as one."""

    def __init__(self, document: Document, prompting: Prompting) -> None:
        super().__init__(document.studio.tasks, owner=document, title="Look at the picture")
        self._prompting = prompting

    @property
    def busy(self) -> bool:
        return self._prompting.busy or super().busy

    def drop(self) -> None:
        self._prompting.drop()
        super().drop()

    def settle(self) -> None:
        if self._prompting.busy:
            self._prompting.settle()
        else:
            super().settle()


class SmartTool(RegionTool):
    """A left click is of the object, a right click (or one with Shift, Alt or Ctrl) is not; a drag
    is a box around it. Enter keeps what is shown."""

    name = "smart"
    word = "Smart tool"
    options_type = SmartOptions

    def __init__(self, document: Document, surface: Surface) -> None:
        super().__init__(document, surface)
        self.prompting = Prompting(document)
        self.prompting.changed.connect(self._on_looked)
        self.thinking = _Thinking(document, self.prompting)
        self.keeper = Keeper(document, self.thinking, surface.say)
        self.by_view = False
        """Whether the network looks at what is on the screen, of images of every size."""
        self.prompts: list[Prompt] = []
        self._part: tuple[Pyramid, Place] | None = None
        """The part of a picture that was looked at last, where that is not the whole of it."""
        self._answers: list[Region | None] = []
        self._pick = 0
        self._pressed: Pointer | None = None
        self._corner: tuple[float, float] | None = None
        """Where the button went down; the box reaches from there while it is dragged."""
        self._box: Box | None = None

    @property
    def busy(self) -> bool:
        return bool(self.prompts) or self._box is not None or super().busy

    @property
    def takes_right(self) -> bool:
        return self.prompting.network is not None

    # -- the gesture

    def press(self, pointer: Pointer) -> None:
        if self._sight() is not None:
            self._pressed, self._corner = pointer, self.on_image(pointer.x, pointer.y)

    def press_right(self, pointer: Pointer) -> None:
        if self._pressed is None and self._sight() is not None:
            self._click(pointer, include=False)

    def move(self, pointer: Pointer, *, held: bool) -> None:
        start = self._pressed
        if start is None or self._corner is None or not held:
            return
        far = math.hypot(pointer.x - start.x, pointer.y - start.y) * self.surface.scale
        if self._box is not None or far >= CLICK:
            self._box = Box.from_corners(*self._corner, *self.on_image(pointer.x, pointer.y))
            self.surface.repaint()

    def release(self, pointer: Pointer) -> None:
        start, box = self._pressed, self._box
        self._pressed = self._corner = self._box = None
        if start is None:
            return
        if box is None:
            self._click(start, include=not (start.shift or start.opposite))
        elif min(box.w, box.h) * self.surface.scale >= CLICK:
            self._add(Prompt(box=box))
        self.surface.repaint()

    def step_back(self) -> bool:
        if not self.prompts:
            return False
        self._finishing = None
        self.prompts.pop()
        if any(prompt.include for prompt in self.prompts):
            self._ask()
        else:
            self.clear()
        return True

    def other(self) -> None:
        """Show the network's next answer to the same prompts."""
        if not self._answers:
            self.surface.say("Click an object first; then there are other answers")
        elif len(self._answers) > 1:
            self._show((self._pick + 1) % len(self._answers))
        else:
            self._ask(others=True)

    def clear(self) -> None:
        self.prompts, self._answers, self._pick = [], [], 0
        self._pressed = self._corner = self._box = None
        super().clear()

    def settle(self) -> None:
        """What Enter was pressed for is waited for: with its image, while the network looks at it,
        which may take long; here, when only the answer is missing."""
        before = self.document.failures
        if self._confirmed_early():
            self.document.failures += 1
            self._say_waiting()
            return
        super().settle()
        if self.document.failures == before:
            self.prompting.leave()

    def _confirmed_early(self) -> bool:
        return self._finishing is not None and self.prompting.busy and self.prompting.looking

    def _say_waiting(self) -> None:
        self.surface.say("The network still looks: your object is kept then. Esc drops it")

    @property
    def lacks(self) -> str:
        return super().lacks if self.region is not None else "the network had not answered yet"

    def hint(self) -> str:
        if self.prompting.note:
            return "Choose a network's file in the bar above · Space + drag pans"
        if not self.prompts:
            return "Click the object, or drag a box around it · Space + drag pans"
        return "Click adds · Right click takes away · Enter keeps · Backspace · Esc drops"

    def note(self) -> str:
        return self.prompting.note

    def fill_options(self, options: ToolOptions) -> None:
        assert isinstance(options, SmartOptions)
        options.show_tool(self)

    # -- looking

    def look(self) -> None:
        """Let the network look at the open image, before anybody clicks."""
        sight = self.surface.sight()
        if sight is not None and self.document.image is not None:
            place = self._place_for(sight)
            if place is not None:
                self.prompting.look(sight, place)

    def _sight(self) -> Sight | None:
        if self.prompting.network is None:
            self.surface.say("Choose a network's file first, in the bar above")
            return None
        if self._confirmed_early():
            self._say_waiting()
            return None
        return self.ready()

    def _place_for(self, sight: Sight) -> Place | None:
        """What the network is to look at: the image, or what is seen of it."""
        if not self.by_view and (place := smart_view.whole(sight)) is not None:
            return place
        width, height = self.document.size
        seen = self.surface.visible() & QRectF(0, 0, width, height)
        area = Box(seen.x(), seen.y(), seen.width(), seen.height())
        known = self._part
        if known is not None and known[0] is sight.pyramid and smart_view.serves(known[1], area):
            return known[1]
        place = smart_view.part(sight, area, scale=self.surface.scale)
        self._part = (sight.pyramid, place) if place is not None else None
        return place

    def _click(self, pointer: Pointer, *, include: bool) -> None:
        width, height = self.document.size
        if not (0 <= pointer.x < width and 0 <= pointer.y < height):
            return
        if not include and not self.prompts:
            self.surface.say("First click what belongs to the object")
            return
        self._add(Prompt(point=(pointer.x, pointer.y), include=include))

    def _add(self, prompt: Prompt) -> None:
        sight = self.surface.sight()
        place = self._place_for(sight) if sight is not None else None
        wanted = [*self.prompts, prompt]
        if prompt.box is not None:  # it takes the place of an earlier one
            wanted = [p for p in self.prompts if p.box is None] + [prompt]
        if place is None or not _sees(place, wanted):
            self.surface.say(_OUT_OF_SIGHT)
            return
        self.prompts = wanted
        self._ask()

    def _ask(self, *, others: bool = False) -> None:
        sight = self.surface.sight()
        place = self._place_for(sight) if sight is not None else None
        if sight is None:
            return
        if place is None or not _sees(place, self.prompts):  # the view was moved meanwhile
            self.surface.say(_OUT_OF_SIGHT)
            if not others:  # what is shown belongs to other prompts
                self.prompting.drop()
                self._unanswered("")
            return
        pick = 1 if others else 0
        self.prompting.ask(
            Question(
                sight, place, tuple(self.prompts), others,
                done=lambda answers: self._answered(answers, pick), failed=self._unanswered,
            )
        )  # fmt: skip
        if self.prompting.busy and self.prompting.looking:
            self._say_progress()
        self.surface.repaint()

    def _answered(self, answers: list[Region | None], pick: int) -> None:
        self._answers = answers
        self._show(min(pick, len(answers) - 1))
        self.answered()

    def _unanswered(self, words: str) -> None:
        self._unconfirm()
        self.show(None)
        if words:
            self.surface.say(words)

    def _show(self, pick: int) -> None:
        self._pick = pick
        region, count = self._answers[pick], len(self._answers)
        self.show(region)
        if region is None:
            self.surface.say("The network finds nothing there")
        else:
            self.surface.say(f"Answer {pick + 1} of {count}" if count > 1 else "")

    def _on_looked(self) -> None:
        if self.prompting.busy and self.prompting.looking:
            self._say_progress()
        self.surface.repaint()

    def _say_progress(self) -> None:
        share = round(100 * self.prompting.share)
        self.surface.say(f"Looking at the picture… {share} %" if share else "Thinking…")

    # -- painting

    def paint(self, painter: QPainter, exposed: QRectF) -> None:
        super().paint(painter, exposed)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        boxes = [p.box for p in self.prompts if p.box is not None]
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for box in [*boxes, *([self._box] if self._box is not None else [])]:
            painter.setPen(cosmetic(CASING, width=3))
            painter.drawRect(rect_of(box))
            painter.setPen(cosmetic(self.document.colour(), dashes=[4.0, 4.0]))
            painter.drawRect(rect_of(box))
        for prompt in self.prompts:
            if prompt.point is not None:
                self._paint_dot(painter, prompt.point, INCLUDE if prompt.include else EXCLUDE)
        if self.prompts and self.prompting.busy:
            self._paint_progress(painter, self.prompts[-1].corners[-1])
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_dot(self, painter: QPainter, point: tuple[float, float], colour: QColor) -> None:
        radius = _DOT / self.surface.scale
        painter.setPen(cosmetic(QColor("#FFFFFF"), width=2))
        painter.setBrush(colour)
        painter.drawEllipse(QPointF(*point), radius, radius)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_progress(self, painter: QPainter, point: tuple[float, float]) -> None:
        """A ring that closes while the network looks at the picture."""
        radius = _RING / self.surface.scale
        ring = QRectF(point[0] - radius, point[1] - radius, 2 * radius, 2 * radius)
        painter.setPen(cosmetic(CASING, width=4))
        painter.drawEllipse(ring)
        painter.setPen(cosmetic(QColor("#FFFFFF"), width=2))
        painter.drawArc(ring, 90 * 16, -round(max(self.prompting.share, 0.04) * 360 * 16))


def _sees(place: Place, prompts: Sequence[Prompt]) -> bool:
    """Whether all of the prompts lie in a place or on its border."""
    box = place.box
    corners = [corner for prompt in prompts for corner in prompt.corners]
    return all(box.x <= x <= box.right and box.y <= y <= box.bottom for x, y in corners)
