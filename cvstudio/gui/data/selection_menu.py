"""The menu of the selected images."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from PySide6.QtWidgets import QMenu, QWidget

from cvstudio.core.annotation import LabelClass
from cvstudio.gui.actions import Actions
from cvstudio.gui.data.bulk import Bulk
from cvstudio.gui.widgets.verbatim import face


def selection_menu(
    actions: Actions, bulk: Bulk, parent: QWidget, *, classes: Iterable[LabelClass] = ()
) -> QMenu:
    """What can be done to the selected images; `classes` are those a whole image may have."""
    menu = QMenu(parent)
    menu.addAction(actions["data.open"])
    menu.addSeparator()
    for id in ("data.mark_reviewed", "data.mark_empty", "data.mark_labelled"):
        menu.addAction(actions[id])
    split = menu.addMenu("Set split")
    for id in ("data.set_train", "data.set_val", "data.set_test", "data.set_none"):
        split.addAction(actions[id])
    kinds = tuple(classes)
    if kinds:
        of_image = menu.addMenu("Set class")
        for found in kinds:
            entry = of_image.addAction(face(f"{found.name}\t{found.hotkey}"))
            entry.triggered.connect(partial(_set_class, bulk, found.id))
    menu.addAction(actions["data.tag"])
    menu.addAction(actions["data.group"])
    menu.addAction(actions["data.ungroup"])
    menu.addSeparator()
    menu.addAction(actions["data.select_all"])
    menu.addAction(actions["data.export"])
    menu.addAction(actions["data.relocate"])
    menu.addSeparator()
    menu.addAction(actions["data.remove"])
    return menu


def _set_class(bulk: Bulk, class_id: int, _checked: bool = False) -> None:
    bulk.set_class(class_id)
