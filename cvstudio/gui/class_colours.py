"""Colours of classes as menus offer them, and what is asked before those that look alike change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from PySide6.QtGui import QColor
from PySide6.QtWidgets import QColorDialog, QMenu, QWidget

from cvstudio.core.annotation import LabelClass
from cvstudio.core.palette import class_colours, next_colour
from cvstudio.core.words import counted, quoted
from cvstudio.gui import theme
from cvstudio.gui.widgets.swatch import swatch_icon

_NAMED = 3  # classes that the question names; the others are counted


def fill_colours(
    menu: QMenu, found: LabelClass, classes: Collection[LabelClass], *,
    give: Callable[[str], Any], over: QWidget,
) -> None:  # fmt: skip
    """Offer the twelve colours, one that is least like all others, and any other.

    `found` is the class that gets the colour, among all `classes`; `give` takes it as "#RRGGBB".
    `over`: where the dialog for any other colour opens.
    """
    for entry in theme.tokens()["label_classes"]["colours"]:
        colour = str(entry["hex"]).upper()
        name = str(entry["name"]).capitalize()
        menu.addAction(swatch_icon(colour), name, partial(give, colour))
    menu.addSeparator()
    others = [each.colour for each in classes if each.id != found.id]
    unlike = next_colour([*others, *class_colours()])
    menu.addAction(swatch_icon(unlike), "Least like all others", partial(give, unlike))
    menu.addAction("Another colour…", partial(_pick, over, found.colour, give))


def _pick(over: QWidget, old: str, give: Callable[[str], Any]) -> None:
    new = QColorDialog.getColor(QColor(old), over, "Colour of the class")
    if new.isValid():
        give(new.name().upper())


def spread_question(alike: Mapping[int, str], classes: Mapping[int, LabelClass]) -> tuple[str, str]:
    """What is asked before classes that look alike get other colours, and what it says below.

    `alike`: the new colours by class id, at least one.
    """
    named = ", ".join(quoted(classes[id].name) for id in list(alike)[:_NAMED])
    more = f" and {len(alike) - _NAMED} more" if len(alike) > _NAMED else ""
    one = len(alike) == 1
    text = (
        f"{named}{more} {'looks' if one else 'look'} like a class above"
        f" {'it' if one else 'them'}, to some or to all eyes, and {'gets' if one else 'get'} the"
        " colour that looks least like any other."
    )
    return f"Give {counted(len(alike), 'class', 'classes')} another colour?", text
