"""The tools of the open project: which there are, which is in hand, and the actions for them."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from cvstudio.core.annotation import Task
from cvstudio.gui.label.borders import Borders
from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.tools.base import Tool
from cvstudio.gui.label.tools.brush_settings import BrushSettings
from cvstudio.gui.label.tools.pen import PenPressure
from cvstudio.gui.label.tools.select import SelectTool
from cvstudio.gui.label.tools.smart import SMART, SmartTool
from cvstudio.gui.label.tools.table import SELECT, ToolInfo, ToolKit, groups_of, tools_for
from cvstudio.gui.studio import Studio


class Toolbox(QObject):
    """Makes the tools of the table that fit the task, and hands one of them to the canvas."""

    taken = Signal()
    """Another tool is in hand."""
    settings_changed = Signal()
    """A key has changed what the tool's options show."""

    def __init__(self, studio: Studio, document: Document, canvas: Canvas, page: QWidget) -> None:
        super().__init__(page)
        self._studio, self._document, self._canvas = studio, document, canvas
        fill = int(studio.settings.get("label.fill"))
        segments = document.task == Task.SEGMENT
        self.brush = BrushSettings(fill_holes=not segments, opacity=fill / 100)
        self._pen = PenPressure(self.brush, canvas.viewport(), self)
        self.borders = Borders(document)
        self.borders.on = bool(studio.memory.get("label.snap", False))
        kit = ToolKit(document, canvas, self.brush, self.borders)
        self._infos = tools_for(document.task)
        self.tools: dict[str, Tool] = {info.action: info.make(kit) for info in self._infos}
        self.groups = groups_of(self._infos)
        self.info: ToolInfo = self._infos[0]
        """The row of the tool that is in hand."""
        self._drew = next((info.action for info in self._infos if info.action != SELECT), SELECT)
        """The tool other than Select that was in hand last."""
        for action in self.tools:
            studio.actions.connect(action, lambda _checked=True, id=action: self.take(id), page)
        connect = partial(studio.actions.connect, widget=page)
        connect("label.smaller", partial(self._resize_brush, -1))
        connect("label.larger", partial(self._resize_brush, 1))
        connect("label.snap", self._toggle_snap)
        connect("label.again", self.again)
        connect("label.smart_other", self._other_answer)
        if self.smart is not None:
            self.smart.prompting.named.connect(self.settings_changed)

    @property
    def select(self) -> SelectTool:
        tool = self.tools[SELECT]
        assert isinstance(tool, SelectTool)
        return tool

    @property
    def smart(self) -> SmartTool | None:
        """The tool that asks a network, in projects where something is drawn."""
        found = self.tools.get(SMART)
        return found if isinstance(found, SmartTool) else None

    def _other_answer(self) -> None:
        if self.smart is not None and self._canvas.tool is self.smart:
            self.smart.other()

    def take(self, action: str = SELECT) -> None:
        """Take a tool in hand, by the id of its action; Select when the project has no such."""
        if action not in self.tools or not self._document.project.writable:
            action = SELECT
        if not self._canvas.set_tool(self.tools[action]):
            action = self.info.action
        for other in self.tools:
            self._studio.actions[other].setChecked(other == action)
        self.info = next(info for info in self._infos if info.action == action)
        if action != SELECT:
            self._drew = action
        self._studio.memory.set(self._remembered, action)
        self.taken.emit()

    def again(self) -> None:
        """From Select back to the tool that was in hand before; in the middle of a shape finish it,
        as the same key does in CVAT."""
        if self._canvas.tool.busy:
            self._canvas.tool.finish()
        else:
            self.take(self._drew)

    def take_first(self) -> None:
        """The tool of last time in a project of this task; Select where nothing is drawn."""
        classifies = self._document.task == Task.CLASSIFY
        last = str(self._studio.memory.get(self._remembered, SELECT))
        self.take(SELECT if classifies else last)

    @property
    def _remembered(self) -> str:
        return f"label.tool.{self._document.task}"

    def _toggle_snap(self) -> None:
        self.borders.on = not self.borders.on
        self._studio.memory.set("label.snap", self.borders.on)
        self.settings_changed.emit()
        self._canvas.say(f"Snapping to borders is {'on' if self.borders.on else 'off'}")

    def _resize_brush(self, steps: int) -> None:
        if self.info.action == SELECT:
            return  # the keys move what is selected in the drawing order then
        self.brush.grow(steps)
        self.settings_changed.emit()
