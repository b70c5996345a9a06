"""Operations on the selected shapes without a gesture: join, cut out, holes, order, lock, hide."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from cvstudio.core.combine import How
from cvstudio.gui.actions import Actions
from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.shape_verbs import ShapeVerbs

HIDDEN = "Hidden: {label.hide_selected} shows it again · hiding is no step that Ctrl+Z takes back"
LOCKED = "Locked shapes stay as they are · {label.lock} unlocks"


class Shaping(QObject):
    """The actions for the verbs."""

    said = Signal(str)

    def __init__(self, actions: Actions, document: Document, canvas: Canvas, page: QWidget) -> None:
        super().__init__(page)
        self._document, self._canvas = document, canvas
        self.verbs = verbs = ShapeVerbs(document)
        for id, verb in (
            ("label.join", partial(verbs.combine, How.JOIN)),
            ("label.subtract", partial(verbs.combine, How.SUBTRACT)),
            ("label.intersect", partial(verbs.combine, How.INTERSECT)),
            ("label.fill_holes", verbs.fill_holes),
            ("label.turn_left", partial(verbs.turn, -1)),
            ("label.turn_right", partial(verbs.turn, 1)),
            ("label.turn_far_left", partial(verbs.turn, -10)),
            ("label.turn_far_right", partial(verbs.turn, 10)),
            ("label.swap_sides", verbs.swap_sides),
            ("label.front", partial(verbs.stack, "front")),
            ("label.back", partial(verbs.stack, "back")),
            ("label.larger", partial(self._stack_with_select, "front")),
            ("label.smaller", partial(self._stack_with_select, "back")),
            ("label.lock", verbs.toggle_lock),
            ("label.unlock_all", verbs.unlock_all),
            ("label.hide_selected", self._toggle_hidden),
        ):
            actions.connect(id, lambda verb=verb: self.said.emit(verb()), page)
        document.locked_met.connect(lambda: self.said.emit(LOCKED))

    def _stack_with_select(self, to: str) -> str:
        """The keys of the brush's size, while nothing is painted and something is selected."""
        selects = self._canvas.tool.name == "select" and self._document.selection
        return self.verbs.stack(to) if selects else ""

    def _toggle_hidden(self) -> str:
        """Hide the selected annotations; when all of them are hidden, show them.

        With nothing selected, what is hidden comes back: the key that hid it is enough.
        """
        document, selection = self._document, self._document.selection
        hidden = document.hidden_ids
        if not selection and not hidden:
            return "Select what to hide first · {label.hide} hides all"
        hides = not selection <= hidden
        document.hidden_ids = hidden | selection if hides else hidden - (selection or hidden)
        document.hidden_changed.emit()
        return HIDDEN if hides else ""
