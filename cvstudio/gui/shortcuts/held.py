"""What keys do together with the mouse, or by themselves, without being an action of the table.

They cannot be changed; Help and the sheet of keys list them beside the actions of their page.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Held:
    """Keys as they stand on caps, a name, and what they do on a page."""

    page: str
    keys: str
    text: str
    tip: str


HELD: tuple[Held, ...] = (
    Held("data", "1 … 0", "Class", "of the selected images, where images are classified"),
    Held("label", "1 … 0", "Class",
         "with Select: of what is selected; with a tool that draws: of the next one"),
    Held("label", "Shift+Arrows", "Nudge",
         "move what is selected by one pixel; with Ctrl as well by ten"),
    Held("label", "Space+drag", "Pan",
         "move the picture, in every tool and in the middle of a shape"),
    Held("label", "Wheel", "Zoom", "come closer or go away, where the pointer is"),
    Held("label", "Ctrl+Wheel", "Size", "of the brush, or of what else the tool has a size for"),
    Held("label", "Alt", "The other way",
         "while a tool is used: take away instead of add, or no snapping"),
    Held("label", "Alt+click", "The one below",
         "select what lies under; on a point: remove it, of keypoints: hide or show it"),
    Held("label", "Shift+click", "One more",
         "select another shape as well; with Polygon: another part of the selected polygon,"
         " with Alt a hole in it"),
    Held("label", "Double-click", "New point", "with Select: on an edge of the selected polygon"),
    Held("label", "Shift+right-drag", "Window", "set which values are black and white"),
    Held("label", "Backspace", "Last point", "take the last point of the shape being drawn back"),
    Held("label", "X", "Not in the picture",
         "with Keypoints: the point whose turn it is has no place; right-click: it is hidden."
         " With Select on keypoints: take a point away, or place one that is not there"),
    Held("label", "C", "Hidden",
         "with Keypoints: the point placed last is hidden, or visible again; with Select on"
         " keypoints: the one under the pointer, or in hand"),
    Held("label", "Tab", "Next point",
         "with Keypoints: skip a point for now, Shift+Tab goes back to one; with Select on"
         " keypoints: take one point after another in hand"),
    Held("label", "Right-click", "Menu",
         "what can be done there: comment, suggest, lock and unlock"),
)  # fmt: skip
