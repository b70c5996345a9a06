"""The context menu of annotations, the same on the canvas and in the list."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtWidgets import QMenu, QWidget

from cvstudio.core.annotation import Annotation, State
from cvstudio.gui.actions import Actions
from cvstudio.gui.label.document import Document
from cvstudio.gui.widgets.swatch import swatch_icon
from cvstudio.gui.widgets.verbatim import face

SHAPE_ACTIONS = ("label.simplify", "label.smooth", "label.convert", "label.fill_holes")
"""What the menu offers for one shape or more."""


def annotation_menu(document: Document, actions: Actions, parent: QWidget) -> QMenu:
    """What can be done with the selected annotations."""
    menu = QMenu(parent)
    selected = document.selected()
    if any(a.state == State.SUGGESTED for a in selected):
        ids = [a.id for a in selected]
        menu.addAction("Keep suggestion", partial(document.accept, ids))
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
    menu.addAction(actions["label.hide_selected"])
    menu.addAction(actions["label.lock"])
    _add_shaping(menu, actions, selected)
    menu.addSeparator()
    menu.addAction(actions["label.delete"])
    return menu


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
