"""The context menu of annotations, the same on the canvas and in the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtWidgets import QMenu, QWidget

from cvstudio.core.annotation import Annotation, State
from cvstudio.gui.actions import Actions
from cvstudio.gui.label.document import Document
from cvstudio.gui.widgets.swatch import swatch_icon
from cvstudio.gui.widgets.verbatim import face

SHAPE_ACTIONS = (
    "label.simplify", "label.smooth", "label.convert", "label.fill_holes", "label.turn_left",
    "label.turn_right", "label.swap_sides",
)  # fmt: skip
"""What the menu offers for one shape or more."""


Comment = Callable[[], object]
"""Opens the dialog that talks about the place that was clicked."""


def annotation_menu(
    document: Document, actions: Actions, parent: QWidget, comment: Comment | None = None
) -> QMenu:
    """What can be done with the selected annotations; `comment`, where a place was clicked."""
    menu = _menu(parent)
    selected = document.selected()
    if any(a.state == State.SUGGESTED for a in selected):
        ids = [a.id for a in selected]
        menu.addAction("Accept suggestion", partial(document.accept, ids))
        menu.addSeparator()
    classes = menu.addMenu("Class")
    for found in document.classes.values():
        action = classes.addAction(swatch_icon(found.colour), face(found.name))
        action.setCheckable(True)
        action.setChecked(all(a.class_id == found.id for a in selected))
        action.triggered.connect(
            lambda _checked=False, id=found.id: document.relabel(document.selection, id)
        )
    menu.addAction(actions["label.copy"])
    menu.addAction(actions["label.duplicate"])
    if len(selected) == 1 and selected[0].shape is not None:
        menu.addAction(actions["label.track"])
    menu.addAction(actions["label.hide_selected"])
    _add_lock(menu, actions, locked=bool(selected) and all(a.locked for a in selected))
    _add_shaping(menu, actions, selected)
    if comment is not None:
        menu.addSeparator()
        _add_comment(menu, actions, comment)
    menu.addAction(actions["label.suggest"])
    menu.addSeparator()
    menu.addAction(actions["label.delete"])
    return menu


def canvas_menu(actions: Actions, parent: QWidget, comment: Comment) -> QMenu:
    """What can be done where no annotation is."""
    menu = _menu(parent)
    _add_comment(menu, actions, comment)
    menu.addAction(actions["label.suggest"])
    menu.addSeparator()
    for id in ("label.paste", "label.select_all", "label.hide", "label.unlock_all"):
        menu.addAction(actions[id])
    menu.addSeparator()
    for id in ("label.fit", "label.actual"):
        menu.addAction(actions[id])
    return menu


def _menu(parent: QWidget) -> QMenu:
    """A menu whose grey entries say why they are grey."""
    menu = QMenu(parent)
    menu.setToolTipsVisible(True)
    return menu


def _add_comment(menu: QMenu, actions: Actions, comment: Comment) -> None:
    tool = actions["label.comment"]
    entry = menu.addAction(tool.icon(), _with_key("Comment here", actions, "label.comment"))
    entry.setEnabled(tool.isEnabled())
    entry.setToolTip(tool.toolTip())
    entry.triggered.connect(lambda _checked=False: comment())


def _add_lock(menu: QMenu, actions: Actions, *, locked: bool) -> None:
    """Lock, or the way out of it under its own name."""
    if not locked:
        menu.addAction(actions["label.lock"])
        return
    opened = actions["label.unlock_all"]
    entry = menu.addAction(opened.icon(), _with_key("Unlock", actions, "label.lock"))
    entry.setEnabled(actions["label.lock"].isEnabled())
    entry.triggered.connect(lambda _checked=False: actions.trigger("label.lock"))
    menu.addAction(opened)


def _with_key(words: str, actions: Actions, id: str) -> str:
    """What follows a tab stands at the right, where keys stand in menus."""
    key = actions.key_words(id)
    return f"{words}\t{key}" if key else words


def _add_shaping(menu: QMenu, actions: Actions, selected: Sequence[Annotation]) -> None:
    """What changes the shapes themselves and their order, where it can do something."""
    shaped = [a for a in selected if a.shape is not None and not a.locked]
    if not shaped:
        return
    menu.addSeparator()
    if len(shaped) > 1:
        for id in ("label.join", "label.subtract", "label.intersect"):
            menu.addAction(actions[id])
    shapes = menu.addMenu("Shape")
    for id in SHAPE_ACTIONS:
        shapes.addAction(actions[id])
    order = menu.addMenu("Order")
    for id in ("label.front", "label.back"):
        order.addAction(actions[id])
