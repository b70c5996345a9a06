"""Every action of the window in one table: words, icon, keys, what it does, and what it needs.

How a page uses it
    actions = studio.actions
    actions.connect("label.box", self._take_box, self)   # handler; keys work inside this page only
    button.setDefaultAction(actions["label.box"])
    actions.allow("label.paste", False, why="Copy an annotation first")
Menus, tooltips, the search (Ctrl+K), the list of keys (F1) and the tests all read the table, so an
action that is not in it does not exist. Ids begin with the page's name, or with "app", "project",
"edit", "view", "go" for those that work everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from cvstudio.gui import keys
from cvstudio.gui.widgets.icons import icon


@dataclass(frozen=True)
class ActionInfo:
    """One action. `keys` may hold several shortcuts, the first is shown; `needs` names facts."""

    id: str
    text: str
    icon: str
    keys: tuple[str, ...]
    tip: str
    needs: tuple[str, ...] = ()
    checkable: bool = False
    group: str = ""
    """Checkable actions of one group exclude each other."""

    @property
    def page(self) -> str:
        """The page on which it works, "" when it works everywhere."""
        first = self.id.split(".")[0]
        return first if first in PAGES else ""


PAGES = ("data", "label", "augment", "train", "analyze", "export")

REASONS = {
    "project": "Open a project first",
    "images": "Import images first",
    "selection": "Select images first",
    "undo": "Nothing to undo",
    "redo": "Nothing to redo",
}
"""Why an action cannot be used while a fact is missing; see Studio.refresh_facts."""


def _a(
    id: str, text: str, icon: str, keys: str, tip: str, *needs: str, check: bool = False,
    group: str = "",
) -> ActionInfo:  # fmt: skip
    return ActionInfo(
        id, text, icon, tuple(keys.split(" | ")) if keys else (), tip, needs,
        check or bool(group), group,
    )  # fmt: skip


ACTIONS: tuple[ActionInfo, ...] = (
    # everywhere
    _a("app.search", "Search", "magnify", "Ctrl+K", "find images, classes and actions"),
    _a("app.keys", "Help", "help-circle-outline", "F1",
       "show every action with its keys, and what the words mean"),
    _a("app.words", "Words", "book-open-variant", "Shift+F1",
       "explain epoch, IoU, mAP and the others in plain sentences"),
    _a("app.queries", "Words of queries", "text-box-search-outline", "Ctrl+F1",
       "every word by which images are found, with examples"),
    _a("app.settings", "Settings", "cog-outline", "Ctrl+,", "change how CVStudio looks and works"),
    _a("app.log", "Show the log", "text-box-outline", "", "open the folder with CVStudio's logs"),
    _a("app.quit", "Quit", "exit-to-app", "Ctrl+Q", "close the window; runs go on"),
    _a("project.new", "New project", "folder-plus-outline", "Ctrl+N",
       "start a project in a folder"),
    _a("project.open", "Open project", "folder-open-outline", "Ctrl+Shift+O",
       "open a project's folder"),
    _a("project.close", "Close project", "close", "Ctrl+W", "go back to the list of projects",
       "project"),
    _a("edit.undo", "Undo", "undo", "Ctrl+Z", "take back the last step", "project", "undo"),
    _a("edit.redo", "Redo", "redo", "Ctrl+Shift+Z | Ctrl+Y", "do the step again", "project",
       "redo"),
    _a("edit.history", "History", "history", "Ctrl+Shift+H",
       "every step that was done, to go back to any of them", "project"),
    _a("view.theme", "Dark or light", "theme-light-dark", "Ctrl+Shift+L",
       "switch between the dark and the light theme"),
    _a("view.left", "Left panel", "dock-left", "Ctrl+Alt+Left", "fold or unfold the left panel",
       "project"),
    _a("view.right", "Right panel", "dock-right", "Ctrl+Alt+Right",
       "fold or unfold the right panel", "project"),
    _a("go.data", "Data", "image-multiple-outline", "Alt+1", "bring in and choose images",
       "project"),
    _a("go.label", "Label", "vector-square-edit", "Alt+2", "draw and review annotations",
       "project"),
    _a("go.augment", "Augment", "auto-fix", "Alt+3", "see variations of your images", "project"),
    _a("go.train", "Train", "chart-line", "Alt+4", "train a network and watch it learn", "project"),
    _a("go.analyze", "Analyze", "image-filter-center-focus", "Alt+5",
       "find errors and their causes",
       "project"),
    _a("go.export", "Export", "package-variant-closed", "Alt+6", "take a proven ONNX file home",
       "project"),
    # Data
    _a("data.choose", "Choose a folder", "folder-open-outline", "Ctrl+O",
       "bring in the images of a folder", "project"),
    _a("data.import", "Import", "import", "Ctrl+I", "bring in images, with or without labels",
       "project"),
    _a("data.export", "Export labels", "export", "Ctrl+E", "write labels for another program",
       "project", "images"),
    _a("data.review", "Review images", "arrow-right", "Ctrl+Return",
       "go through the images that wait for review", "project", "images"),
    _a("data.open", "Open in Label", "vector-square-edit", "Return", "label the selected image",
       "project", "selection"),
    _a("data.select_all", "Select all", "select-all", "Ctrl+A", "select every image that is shown",
       "project", "images"),
    _a("data.filter_text", "Find by name", "magnify", "Ctrl+F", "filter by file name or tag",
       "project"),
    _a("data.clear_filter", "Clear the filter", "filter-off-outline", "Ctrl+Shift+F",
       "show every image again", "project"),
    _a("data.save_view", "Save as view", "bookmark-plus-outline", "Ctrl+Shift+S",
       "keep this filter under a name", "project"),
    _a("data.classes", "Manage classes", "shape-outline", "Ctrl+Shift+E",
       "rename, merge, split, arrange and delete classes", "project"),
    _a("data.split", "Edit split", "call-split", "Ctrl+Shift+P",
       "divide the images into train, val and test", "project", "images"),
    _a("data.set_train", "Set split: train", "numeric-1-box-outline", "Shift+1",
       "the selected images train the network", "project", "selection"),
    _a("data.set_val", "Set split: val", "numeric-2-box-outline", "Shift+2",
       "the selected images judge each epoch", "project", "selection"),
    _a("data.set_test", "Set split: test", "numeric-3-box-outline", "Shift+3",
       "the selected images judge the finished network", "project", "selection"),
    _a("data.set_none", "Set split: none", "numeric-0-box-outline", "Shift+0",
       "the selected images take no part in training", "project", "selection"),
    _a("data.mark_reviewed", "Mark as reviewed", "check-circle", "R",
       "the labels of the selected images are right", "project", "selection"),
    _a("data.mark_empty", "Mark as reviewed and empty", "cancel", "E",
       "nothing is to be found on the selected images", "project", "selection"),
    _a("data.mark_labelled", "Mark as to review", "circle-half-full", "T",
       "the labels of the selected images wait for a look", "project", "selection"),
    _a("data.reject", "Reject", "alert-circle-outline", "Ctrl+Backspace",
       "send the labels of the selected images back, with a reason", "project", "selection"),
    _a("data.class", "Set class", "shape-outline", "C",
       "give the selected images, or the objects on them, another class", "project", "selection"),
    _a("data.tag", "Tag", "tag-outline", "Ctrl+T", "give the selected images a tag", "project",
       "selection"),
    _a("data.group", "Keep together", "link-variant", "Ctrl+G",
       "the selected images share a split, as those of one patient do", "project", "selection"),
    _a("data.ungroup", "Let part", "link-variant-off", "Ctrl+Shift+G",
       "each of the selected images may have its own split", "project", "selection"),
    _a("data.remove", "Remove from project", "trash-can-outline", "Del",
       "take the selected images out of the project; files stay", "project", "selection"),
    _a("data.relocate", "Find moved images", "folder-search-outline", "",
       "say where the files are that are not where they were", "project", "images"),
    _a("data.suggest", "Suggest labels", "creation-outline", "Ctrl+L",
       "let a trained network, or an exported file, suggest labels for the selected images",
       "project", "images"),
    _a("data.decide", "Decide on suggestions", "check-all", "Ctrl+Shift+D",
       "accept or reject what networks suggested on the selected images", "project", "selection"),
    _a("data.health", "Check again", "stethoscope", "F5", "look for problems in the data",
       "project", "images"),
    # Label
    _a("label.select", "Select", "cursor-default-outline", "V", "select, move and resize shapes",
       "project", group="tool"),
    _a("label.box", "Box", "vector-square", "R", "draw a box", "project", group="tool"),
    _a("label.rotated_box", "Rotated box", "rhombus-outline", "O",
       "draw a box that lies askew, or turn one", "project", group="tool"),
    _a("label.polygon", "Polygon", "vector-polygon", "P", "draw a polygon point by point",
       "project", group="tool"),
    _a("label.slice", "Slice", "knife", "Shift+J", "cut shapes with a line", "project",
       group="tool"),
    _a("label.points", "Erase points", "vector-polyline-minus", "X",
       "wipe points away from polygons", "project", group="tool"),
    _a("label.brush", "Brush", "brush", "B", "paint the selected mask", "project", group="tool"),
    _a("label.erase", "Erase", "eraser", "E", "take away from the selected mask", "project",
       group="tool"),
    _a("label.smart", "Smart", "target", "S",
       "click an object or drag a box around it, a network finds its border", "project",
       group="tool"),
    _a("label.smart_other", "Other answer", "layers-outline", "Shift+S",
       "show what else the network takes the same clicks for", "project"),
    _a("label.scissors", "Scissors", "content-cut", "I",
       "click along an edge, the line follows it", "project", group="tool"),
    _a("label.wand", "Magic wand", "magic-staff", "W",
       "click pixels that are alike; drag for more or fewer", "project", group="tool"),
    _a("label.grabcut", "GrabCut", "crop-free", "G",
       "drag a loose box, the object inside stands out", "project", group="tool"),
    _a("label.superpixels", "Superpixels", "hexagon-multiple-outline", "K",
       "collect cells that follow the edges", "project", group="tool"),
    _a("label.pixel_classifier", "Pixel classifier", "texture-box", "Y",
       "scribble two classes, the rest is proposed", "project", group="tool"),
    _a("label.comment", "Comment", "comment-plus-outline", "Shift+C",
       "pin a comment to a place, or read one", "project", group="tool"),
    _a("label.next_comment", "Next with an open comment", "comment-outline", "Ctrl+Shift+K",
       "go to the next image with a comment that waits", "project", "images"),
    _a("label.previous", "Previous image", "chevron-left", "A | PgUp | Left",
       "go to the image before", "project", "images"),
    _a("label.next", "Next image", "chevron-right", "D | PgDown | Right",
       "go to the image after", "project", "images"),
    _a("label.previous_open", "Previous to review", "chevron-double-left", "Shift+A",
       "go to the image before that is not reviewed", "project", "images"),
    _a("label.next_open", "Next to review", "chevron-double-right", "Shift+D",
       "go to the next image that is not reviewed", "project", "images"),
    _a("label.next_unlabelled", "Next unlabelled", "circle-outline", "Shift+U",
       "go to the next image without labels", "project", "images"),
    _a("label.next_disagreed", "Next disagreed", "not-equal-variant", "Shift+E",
       "go to the next image on which the newest judged run and the labels differ", "project",
       "images"),
    _a("label.approve", "Approve and next", "check", "Ctrl+Return",
       "mark as reviewed and go on", "project", "images"),
    _a("label.reject", "Reject and next", "alert-circle-outline", "Ctrl+Backspace",
       "send the labels back with a reason, and go on", "project", "images"),
    _a("label.finish", "Finish the shape", "check", "Return", "close the polygon being drawn",
       "project"),
    _a("label.cancel", "Cancel", "close", "Esc", "drop the shape being drawn", "project"),
    _a("label.delete", "Delete", "trash-can-outline", "Del", "delete the selected annotations",
       "project"),
    _a("label.copy", "Copy", "content-copy", "Ctrl+C", "copy the selected annotations", "project"),
    _a("label.paste", "Paste", "content-paste", "Ctrl+V", "paste copied annotations", "project"),
    _a("label.duplicate", "Duplicate", "content-duplicate", "Ctrl+D",
       "a second copy beside the selected annotations", "project"),
    _a("label.copy_next", "Copy to next images", "page-next-outline", "Ctrl+B",
       "repeat annotations on the images that follow", "project"),
    _a("label.track", "Track", "transit-connection-variant", "Shift+T",
       "carry the selected object on through the images that follow", "project"),
    _a("label.interpolate", "Interpolate again", "vector-line", "Ctrl+Shift+T",
       "compute anew what lies between the key shapes of the selected object", "project"),
    _a("label.key_next", "Next key shape", "ray-end-arrow", ".",
       "go to the next image on which a person gave the selected object its shape", "project"),
    _a("label.key_previous", "Previous key shape", "ray-start-arrow", ",",
       "go to the image before on which a person gave the selected object its shape", "project"),
    _a("label.restore", "Restore as of", "file-restore-outline", "Ctrl+H",
       "bring back this image's annotations as they were after an earlier step", "project",
       "images"),
    _a("label.class", "Choose class", "shape-outline", "Ctrl+E",
       "pick the class of the selected or next annotation", "project"),
    _a("label.classes", "Manage classes", "shape-outline", "Ctrl+Shift+E",
       "rename, merge, split, arrange and delete classes", "project"),
    _a("label.attributes", "Attributes", "tag-text-outline", "Q",
       "say what the selected annotations are: Tab walks, Space and digits choose", "project"),
    _a("label.join", "Join", "vector-union", "J", "make one shape of the selected ones", "project"),
    _a("label.subtract", "Subtract", "vector-difference-ab", "Alt+J",
       "cut the smaller selected shapes out of the largest", "project"),
    _a("label.intersect", "Intersect", "vector-intersection", "Ctrl+Shift+J",
       "keep what the selected shapes have in common", "project"),
    _a("label.simplify", "Simplify", "vector-line", "M",
       "leave out points of the selected polygons within a tolerance", "project"),
    _a("label.smooth", "Smooth", "vector-curve", "Shift+M",
       "round the borders of the selected shapes", "project"),
    _a("label.convert", "Convert", "swap-horizontal", "Ctrl+M",
       "make boxes, rotated boxes, polygons or masks of the selected shapes", "project"),
    _a("label.turn_left", "Turn left", "rotate-left", "Alt+Left",
       "turn the selected rotated boxes and polygons by 1° against the clock", "project"),
    _a("label.turn_right", "Turn right", "rotate-right", "Alt+Right",
       "turn the selected rotated boxes and polygons by 1° with the clock", "project"),
    _a("label.turn_far_left", "Turn left by 10°", "rotate-left", "Alt+Shift+Left",
       "turn the selected rotated boxes and polygons by 10° against the clock", "project"),
    _a("label.turn_far_right", "Turn right by 10°", "rotate-right", "Alt+Shift+Right",
       "turn the selected rotated boxes and polygons by 10° with the clock", "project"),
    _a("label.fill_holes", "Fill holes", "circle-slice-8", "U",
       "close the holes of the selected shapes", "project"),
    _a("label.front", "To the front", "arrange-bring-to-front", "Ctrl+]",
       "draw the selected shapes above all others", "project"),
    _a("label.back", "To the back", "arrange-send-to-back", "Ctrl+[",
       "draw the selected shapes below all others", "project"),
    _a("label.lock", "Lock", "lock-outline", "L",
       "shut the selected shapes against clicks and changes, or open them again", "project"),
    _a("label.unlock_all", "Unlock all", "lock-open-outline", "Shift+L",
       "open every locked shape of this image", "project"),
    _a("label.hide_selected", "Hide selected", "eye-off", "Shift+H",
       "hide or show just the selected shapes", "project"),
    _a("label.snap", "Snap to borders", "magnet-on", "Shift+N",
       "draw points to the borders of other shapes, or leave them where they are", "project"),
    _a("label.hide", "Hide", "eye-off-outline", "H", "hide or show the selected annotations",
       "project"),
    _a("label.smaller", "Smaller brush", "minus", "[",
       "make the brush smaller; with Select: send to the back", "project"),
    _a("label.larger", "Larger brush", "plus", "]",
       "make the brush larger; with Select: bring to the front", "project"),
    _a("label.fit", "Fit", "fit-to-screen-outline", "Ctrl+F", "show the whole image", "project"),
    _a("label.keep_zoom", "Keep zoom", "magnify-scan", "",
       "open the next image with this zoom instead of the whole of it", "project", check=True),
    _a("label.actual", "100 %", "magnify", "Ctrl+0", "one pixel of the image per pixel", "project"),
    _a("label.zoom_in", "Zoom in", "magnify-plus-outline", "+ | =", "come closer", "project"),
    _a("label.zoom_out", "Zoom out", "magnify-minus-outline", "-", "see more", "project"),
    _a("label.names", "Names", "label-outline", "F10",
       "the class's name on every object that is large enough", "project", check=True),
    _a("label.crosshair", "Crosshair", "crosshairs", "F6", "lines through the pointer", "project",
       check=True),
    _a("label.grid", "Grid", "grid", "F7", "a grid over the image", "project", check=True),
    _a("label.rulers", "Rulers", "ruler", "F8",
       "rulers and a scale bar, in µm or mm where the file knows its pixels", "project",
       check=True),
    _a("label.minimap", "Minimap", "picture-in-picture-bottom-right-outline", "F9",
       "the whole image in a corner while a part of it fills the view", "project", check=True),
    _a("label.progress", "Progress", "speedometer", "Shift+P",
       "images per hour, what is left and how long it may take", "project", check=True),
    _a("label.select_all", "Select all", "select-all", "Ctrl+A", "select every annotation",
       "project"),
    _a("label.suggest", "Suggest labels", "creation-outline", "Ctrl+L",
       "let a trained network, or an exported file, suggest labels", "project", "images"),
    _a("label.suggestion_next", "Next suggestion", "arrow-right", "Tab",
       "select the next suggestion, the surest first", "project"),
    _a("label.suggestion_previous", "Previous suggestion", "arrow-left", "Shift+Tab",
       "select the suggestion before", "project"),
    _a("label.suggestion_all", "Accept suggestions", "check-all", "Shift+Return",
       "accept all suggestions on this image that reach the score", "project"),
    _a("label.suggestion_image", "Next image with suggestions", "page-next-outline", "Ctrl+Tab",
       "go to the next image that has suggestions", "project", "images"),
    # Augment
    _a("augment.add", "Add a step", "plus", "Ctrl+Shift+A", "add a transform to the pipeline",
       "project"),
    _a("augment.again", "New variants", "dice-5-outline", "Space", "draw other variants",
       "project"),
    _a("augment.use", "Use for the next run", "arrow-right", "Ctrl+Return",
       "train with this pipeline", "project", "images"),
    # Train
    _a("train.start", "Start run", "play", "Ctrl+R", "start or queue a run", "project", "images"),
    _a("train.pause", "Pause", "pause", "Ctrl+P", "stop after this step, to go on later",
       "project"),
    _a("train.finish", "Finish now", "flag-checkered", "Ctrl+Shift+F",
       "keep the best so far and stop",
       "project"),
    _a("train.cancel", "Cancel run", "close", "Ctrl+Shift+C", "stop without a result",
       "project"),
    _a("train.resume", "Resume", "play", "Ctrl+Shift+R", "go on from the last checkpoint",
       "project"),
    _a("train.delete", "Delete run", "trash-can-outline", "Del",
       "take the run out of the list and its files off the disk", "project"),
    _a("train.suggest", "Suggest labels", "creation-outline", "Ctrl+L",
       "let the network of this run suggest labels", "project", "images"),
    # Analyze
    _a("analyze.fix", "Fix this label", "vector-square-edit", "F", "open the object in Label",
       "project"),
    _a("analyze.keep", "Label is right", "check", "K", "keep the label, drop the case",
       "project"),
    _a("analyze.next", "Next error", "chevron-right", "D | Right | Down | PgDown",
       "go to the next error", "project"),
    _a("analyze.previous", "Previous error", "chevron-left", "A | Left | Up | PgUp",
       "go to the error before", "project"),
    _a("analyze.evaluate", "Evaluate again", "refresh", "F5", "judge the run on the labels of now",
       "project"),
    _a("analyze.suggest", "Suggest labels", "creation-outline", "Ctrl+L",
       "let the network of this run suggest labels", "project", "images"),
    # Export
    _a("export.network", "Export network", "package-variant-closed", "Ctrl+Return",
       "write and prove the ONNX file", "project"),
    _a("export.try", "Try on images", "image-search-outline", "Ctrl+T",
       "run the exported file on new images", "project"),
)  # fmt: skip

BY_ID = {info.id: info for info in ACTIONS}

WRITES = frozenset({
    "data.choose", "data.import", "data.split", "data.set_train", "data.set_val", "data.set_test",
    "data.set_none", "data.mark_reviewed", "data.mark_empty", "data.mark_labelled", "data.tag",
    "data.class",
    "data.group", "data.ungroup", "data.remove", "data.relocate", "data.save_view",
    "data.reject", "label.reject", "label.approve", "label.delete",
    "label.paste", "label.duplicate", "label.copy_next",
    "label.track", "label.interpolate",
    "label.restore", "label.join", "label.subtract", "label.intersect", "label.fill_holes",
    "label.simplify", "label.smooth", "label.convert", "label.front", "label.back", "label.lock",
    "label.unlock_all",
    "augment.use", "train.start", "train.pause", "train.finish", "train.cancel", "train.resume",
    "train.delete", "analyze.keep", "analyze.evaluate", "export.network", "data.suggest",
    "data.decide", "label.suggest", "label.suggestion_all", "train.suggest", "analyze.suggest",
})  # fmt: skip
"""What changes the project; besides these, every tool but the one that selects."""

READING = "reading"
"""The fact that the project is open for looking at only."""


def writes(info: ActionInfo) -> bool:
    """Whether an action changes the project."""
    return info.id in WRITES or (info.group == "tool" and info.id != "label.select")


def tooltip(info: ActionInfo, reason: str = "", key: str = "") -> str:
    """Name, colon, what it does, and the key; for a disabled action the reason instead."""
    text = f"{escape(info.text)}: {escape(reason or info.tip)}"
    if not key or reason:
        return text
    return f"<span>{text} &nbsp;<b>{escape(keys.words(key))}</b></span>"


class Actions(QObject):
    """The table as QActions. Made once, by the studio."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._actions: dict[str, QAction] = {}
        self._facts: frozenset[str] = frozenset()
        self._barred: dict[str, str] = {}
        self._reasons: dict[str, str] = {}
        self._keys = {info.id: info.keys for info in ACTIONS}
        self._handlers: dict[str, list[tuple[Callable[..., Any], QWidget | None]]] = {}
        for info in ACTIONS:
            self._actions[info.id] = self._make(info)
        self._update()

    def _make(self, info: ActionInfo) -> QAction:
        action = QAction(info.text, self)
        action.setObjectName(info.id)
        action.setIcon(icon(info.icon))
        action.setProperty("iconName", info.icon)
        action.setShortcuts([QKeySequence(key) for key in info.keys])
        action.setCheckable(info.checkable)
        action.setShortcutContext(
            Qt.ShortcutContext.WidgetWithChildrenShortcut
            if info.page
            else Qt.ShortcutContext.WindowShortcut
        )
        return action

    def __getitem__(self, id: str) -> QAction:
        return self._actions[id]

    def all(self) -> Iterable[tuple[ActionInfo, QAction]]:
        """Every action with its record, in the order of the table."""
        return ((info, self._actions[info.id]) for info in ACTIONS)

    def keys(self, id: str) -> tuple[str, ...]:
        """The keys of an action that are in force now (gui/shortcuts), the one shown first."""
        return self._keys[id]

    def reason(self, id: str) -> str:
        """Why an action is not possible now, as a page that is made knows it; "" when it is."""
        return self._reasons[id]

    def works(self, id: str) -> bool:
        """Whether somebody does something when it is triggered: tools differ between tasks."""
        return any(w is None or isValid(w) for _handler, w in self._handlers.get(id, ()))

    def key_words(self, id: str) -> str:
        """The key that is shown with an action, as a person reads it; "" for none."""
        return keys.words(next(iter(self._keys[id]), ""))

    def said(self, text: str) -> str:
        """Words in which "{label.smaller}" stands for the key of that action."""
        return re.sub(r"\{([a-z_.]+)\}", lambda m: self.key_words(m[1]) or "no key", text)

    def set_keys(self, wanted: Mapping[str, tuple[str, ...]]) -> None:
        """Other keys for some actions; menus and tooltips follow."""
        for id, held in wanted.items():
            if self._keys[id] != held:
                self._keys[id] = held
                self._actions[id].setShortcuts([QKeySequence(key) for key in held])
                self._update_one(BY_ID[id])

    def connect(  # type: ignore[override]
        self, id: str, handler: Callable[..., Any], widget: QWidget | None = None
    ) -> QAction:
        """Call `handler()` when the action is triggered (`handler(checked)` when checkable).

        `widget` is the page: the keys then work while it, or something in it, has the focus, and
        the handler is forgotten when the page is gone.
        """
        action = self._actions[id]
        if id not in self._handlers:
            self._handlers[id] = []
            action.triggered.connect(lambda checked=False: self._dispatch(id, checked))
        self._handlers[id].append((handler, widget))
        if widget is not None:
            widget.addAction(action)
        return action

    def _dispatch(self, id: str, checked: bool) -> None:
        alive = [(h, w) for h, w in self._handlers[id] if w is None or isValid(w)]
        self._handlers[id] = alive
        for handler, _ in alive:
            if BY_ID[id].checkable:
                handler(checked)
            else:
                handler()

    def trigger(self, id: str) -> bool:
        """Do what the action does, as if its key were pressed; False while it is disabled."""
        action = self._actions[id]
        if not action.isEnabled():
            return False
        action.trigger()
        return True

    def allow(self, id: str, allowed: bool, *, why: str = "") -> None:
        """Let a page disable one of its actions, with the reason that its tooltip gives."""
        if allowed:
            self._barred.pop(id, None)
        else:
            self._barred[id] = why or "Not possible now"
        self._update_one(BY_ID[id])

    def set_facts(self, facts: Iterable[str]) -> None:
        """What is true now, out of REASONS; the studio calls this."""
        new = frozenset(facts)
        if new != self._facts:
            self._facts = new
            self._update()

    def _update(self) -> None:
        for info in ACTIONS:
            self._update_one(info)

    def _update_one(self, info: ActionInfo) -> None:
        action = self._actions[info.id]
        missing = [need for need in info.needs if need not in self._facts]
        reason = REASONS[missing[0]] if missing else self._barred.get(info.id, "")
        if READING in self._facts and writes(info):
            reason = "This project is open for reading only"
        self._reasons[info.id] = reason
        action.setEnabled(not reason)
        action.setToolTip(tooltip(info, reason, next(iter(self._keys[info.id]), "")))
