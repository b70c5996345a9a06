"""The context menu of annotations, the same on the canvas and in the list."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QMenu, QWidget

from cvstudio.core.annotation import State
from cvstudio.gui.actions import Actions
from cvstudio.gui.label.document import Document
from cvstudio.gui.widgets.swatch import swatch_icon
from cvstudio.gui.widgets.verbatim import face


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
    menu.addAction(actions["label.hide"])
    if len(selected) == 1 and len(document.layer) > 1:
        order = menu.addMenu("Order")
        only = selected[0].id
        for words, to in (("To the front", "front"), ("To the back", "back")):
            order.addAction(words, partial(document.reorder, only, to))
    menu.addSeparator()
    menu.addAction(actions["label.delete"])
    return menu
