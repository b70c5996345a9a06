"""The menu of the selected images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from PySide6.QtWidgets import QMenu, QWidget

from cvstudio.core.annotation import LabelClass
from cvstudio.gui.actions import Actions
from cvstudio.gui.data.bulk import Bulk
from cvstudio.gui.widgets.verbatim import face


def selection_menu(
    actions: Actions,
    bulk: Bulk,
    parent: QWidget,
    *,
    classes: Iterable[LabelClass] = (),
    tags: Mapping[str, bool],
) -> QMenu:
    """What can be done to the selected images.

    `classes` are those a whole image may have; `tags` are the project's, each with whether all
    selected images carry it.
    """
    menu = QMenu(parent)
    menu.addAction(actions["data.open"])
    menu.addSeparator()
    for id in ("data.mark_reviewed", "data.mark_empty", "data.mark_labelled", "data.reject"):
        menu.addAction(actions[id])
    menu.addSeparator()
    for id in ("data.suggest", "data.decide"):
        menu.addAction(actions[id])
    menu.addSeparator()
    split = menu.addMenu("Set split")
    for id in ("data.set_train", "data.set_val", "data.set_test", "data.set_none"):
        split.addAction(actions[id])
    kinds = tuple(classes)
    if not kinds:
        menu.addAction(actions["data.class"])
    else:
        of_image = menu.addMenu("Set class")
        for found in kinds:
            entry = of_image.addAction(face(f"{found.name}\t{found.hotkey}"))
            entry.triggered.connect(partial(_set_class, bulk, found.id))
    menu.addAction(actions["data.attribute"])
    if tags:
        menu.addMenu(_tag_menu(actions, bulk, menu, tags))
    else:
        menu.addAction(actions["data.tag"])
    menu.addAction(actions["data.group"])
    menu.addAction(actions["data.ungroup"])
    menu.addSeparator()
    menu.addAction(actions["data.like"])
    menu.addAction(actions["data.select_all"])
    menu.addAction(actions["data.export"])
    menu.addAction(actions["data.relocate"])
    menu.addSeparator()
    menu.addAction(actions["data.remove"])
    return menu


def _tag_menu(actions: Actions, bulk: Bulk, parent: QMenu, tags: Mapping[str, bool]) -> QMenu:
    """The project's tags with a tick where all carry it, and a new one."""
    menu = QMenu("Tags", parent)
    for name, on in tags.items():
        entry = menu.addAction(face(name))
        entry.setCheckable(True)
        entry.setChecked(on)
        entry.toggled.connect(partial(_set_tag, bulk, name))
    menu.addSeparator()
    new = menu.addAction("New tag…")
    new.setIcon(actions["data.tag"].icon())
    new.triggered.connect(lambda: actions.trigger("data.tag"))
    return menu


def _set_tag(bulk: Bulk, name: str, on: bool) -> None:
    if on:
        bulk.tag(name)
    else:
        bulk.untag(name)


def _set_class(bulk: Bulk, class_id: int, _checked: bool = False) -> None:
    bulk.set_class(class_id)
