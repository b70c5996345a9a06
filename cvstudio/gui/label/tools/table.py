"""The table of tools. A new one is a file beside this, a row here and one in gui/action_table.py.

That row holds what menus, tooltips, the search and the list of keys need to know before any page is
there: words, icon and key. All else (cursor, hint, note, options) the tool says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cvstudio.core.annotation import Task
from cvstudio.gui.action_table import BY_ID
from cvstudio.gui.label.borders import Borders
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.tools.base import Surface, Tool
from cvstudio.gui.label.tools.box import BoxTool
from cvstudio.gui.label.tools.brush import BrushTool, EraserTool
from cvstudio.gui.label.tools.brush_settings import BrushSettings
from cvstudio.gui.label.tools.comment import CommentTool
from cvstudio.gui.label.tools.grabcut import GrabCutTool
from cvstudio.gui.label.tools.keypoints import KeypointsTool
from cvstudio.gui.label.tools.pixel_classifier import PixelClassifierTool
from cvstudio.gui.label.tools.points import PointEraser
from cvstudio.gui.label.tools.polygon import PolygonTool
from cvstudio.gui.label.tools.rotated import RotatedBoxTool
from cvstudio.gui.label.tools.scissors import ScissorsTool
from cvstudio.gui.label.tools.select import SelectTool
from cvstudio.gui.label.tools.slice import SliceTool
from cvstudio.gui.label.tools.smart import SmartTool
from cvstudio.gui.label.tools.superpixels import SuperpixelTool
from cvstudio.gui.label.tools.wand import WandTool


@dataclass(frozen=True)
class ToolKit:
    """What a tool may be made of."""

    document: Document
    surface: Surface
    brush: BrushSettings
    borders: Borders


@dataclass(frozen=True)
class ToolInfo:
    """One tool. `action` is the id of its row in gui/action_table.py; tools of one `group` stand
    together in the palette; `tasks` are the projects in which it is offered."""

    action: str
    make: Callable[[ToolKit], Tool]
    group: str
    tasks: frozenset[Task] = frozenset(Task)

    @property
    def title(self) -> str:
        return BY_ID[self.action].text

    @property
    def icon(self) -> str:
        return BY_ID[self.action].icon

    @property
    def key(self) -> str:
        """The first key of the tool, "" without one."""
        return next(iter(BY_ID[self.action].keys), "")


SELECT = "label.select"
"""The tool that Esc leads back to."""

_DRAWS = frozenset({Task.DETECT, Task.SEGMENT, Task.INSTANCE})

TOOLS: tuple[ToolInfo, ...] = (
    ToolInfo(SELECT, lambda kit: SelectTool(kit.document, kit.surface, kit.borders), "draw"),
    ToolInfo("label.box", lambda kit: BoxTool(kit.document, kit.surface), "draw", _DRAWS),
    ToolInfo(
        "label.rotated_box", lambda kit: RotatedBoxTool(kit.document, kit.surface), "draw", _DRAWS
    ),
    ToolInfo(
        "label.polygon",
        lambda kit: PolygonTool(kit.document, kit.surface, kit.borders),
        "draw",
        _DRAWS,
    ),
    ToolInfo(
        "label.keypoints", lambda kit: KeypointsTool(kit.document, kit.surface), "draw", _DRAWS
    ),
    ToolInfo("label.slice", lambda kit: SliceTool(kit.document, kit.surface), "cut", _DRAWS),
    ToolInfo(
        "label.points", lambda kit: PointEraser(kit.document, kit.surface, kit.brush), "cut", _DRAWS
    ),
    ToolInfo(
        "label.brush", lambda kit: BrushTool(kit.document, kit.surface, kit.brush), "paint", _DRAWS
    ),
    ToolInfo(
        "label.erase", lambda kit: EraserTool(kit.document, kit.surface, kit.brush), "paint", _DRAWS
    ),
    ToolInfo("label.smart", lambda kit: SmartTool(kit.document, kit.surface), "pixels", _DRAWS),
    ToolInfo(
        "label.scissors", lambda kit: ScissorsTool(kit.document, kit.surface), "pixels", _DRAWS
    ),
    ToolInfo("label.wand", lambda kit: WandTool(kit.document, kit.surface), "pixels", _DRAWS),
    ToolInfo("label.grabcut", lambda kit: GrabCutTool(kit.document, kit.surface), "pixels", _DRAWS),
    ToolInfo(
        "label.superpixels", lambda kit: SuperpixelTool(kit.document, kit.surface), "pixels", _DRAWS
    ),
    ToolInfo(
        "label.pixel_classifier",
        lambda kit: PixelClassifierTool(kit.document, kit.surface),
        "pixels",
        _DRAWS,
    ),
    ToolInfo("label.comment", lambda kit: CommentTool(kit.document, kit.surface), "talk"),
)
"""In the order of the palette."""


def tools_for(task: Task) -> tuple[ToolInfo, ...]:
    """The tools that a project of a task offers."""
    return tuple(info for info in TOOLS if task in info.tasks)


def groups_of(infos: tuple[ToolInfo, ...]) -> tuple[tuple[str, ...], ...]:
    """The actions of tools, group by group, as the palette shows them."""
    names = dict.fromkeys(info.group for info in infos)
    return tuple(tuple(i.action for i in infos if i.group == name) for name in names)
