"""A word for what is pressed in vain: a greyed page of the rail, a key of another page."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence

from cvstudio.gui import keys
from cvstudio.gui.action_table import PAGES, ActionInfo
from cvstudio.gui.rail import Rail
from cvstudio.gui.studio import Studio

_HELD = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
"""Only keys with one of these are told of: a letter alone may be meant for anything."""


class InVain(QObject):
    """Watches the rail, and is told by the window of keys that nobody took."""

    hinted = Signal(str)
    """Why the page under the pointer cannot be gone to; "" when the pointer has left."""

    def __init__(self, studio: Studio, rail: Rail) -> None:
        super().__init__(rail)
        self._studio = studio
        for name, button in rail.buttons.items():
            button.refused.connect(partial(self._refuse, name))
            button.pointed.connect(partial(self._point, name))

    def _refuse(self, name: str) -> None:
        self._studio.toast(self._reason(name), about="in vain")

    def _point(self, name: str, at: bool) -> None:
        self.hinted.emit(self._reason(name) if at else "")

    def _reason(self, name: str) -> str:
        action, reason = (
            self._studio.actions[f"go.{name}"],
            self._studio.actions.reason(f"go.{name}"),
        )
        return f"{action.text()}: {reason}" if reason else ""

    def key(self, event: QKeyEvent, front: str) -> bool:
        """Say what a key would do that nobody took on the page `front` ("": there is none)."""
        if not event.modifiers() & _HELD or event.isAutoRepeat():
            return False
        pressed = keys.pressed(event)
        found = [info for info, _ in self._studio.actions.all() if self._has(info.id, pressed)]
        if any(info.page in ("", front) for info in found) and self._studio.project is not None:
            return False  # it belongs here, and its menu says why it is not possible now
        for info in found:
            return self._tell(info, pressed)
        return False

    def _has(self, id: str, pressed: str) -> bool:
        portable = QKeySequence.SequenceFormat.PortableText
        return any(
            QKeySequence(key).toString(portable) == pressed for key in self._studio.actions.keys(id)
        )

    def _tell(self, info: ActionInfo, pressed: str) -> bool:
        if self._studio.project is None:
            if "project" not in info.needs:
                return False
            words = f"{info.text}: {self._studio.actions.reason(info.id)}"
            self._studio.toast(words, about="in vain")
            return True
        if info.page not in PAGES:
            return False
        page = self._studio.actions[f"go.{info.page}"].text()
        self._studio.toast(
            f"{keys.words(pressed)} is “{info.text}” on the page {page}.",
            link=f"Go to {page}",
            do=partial(self._studio.go_to, info.page),
            about="in vain",
        )
        return True
