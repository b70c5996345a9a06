"""F6 and Shift+F6: from one part of the window to the next, however many controls it has.

The parts are the row at the top, the rail of pages, and the panels and the middle of the page.
Each takes the keys where it had them last, or where its page says (Workspace.hearts).
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid


class RegionWalk(QObject):
    """Remembers which control of each part had the keys last."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._last: dict[QWidget, QWidget] = {}
        self._regions: Sequence[QWidget] = ()
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._remember)

    def go(self, by: int, regions: Sequence[QWidget], hearts: Sequence[QWidget]) -> None:
        """Give the keys to the region after (1) or before (-1) the one that has them.

        `hearts`: the controls that have the keys where a region had none yet.
        """
        self._regions = regions
        places = [n for n, region in enumerate(regions) if _holds(region, _focused())]
        if places:
            self._last[regions[places[0]]] = _focused() or regions[places[0]]
        here = places[0] if places else -1 if by > 0 else 0
        for step in range(1, len(regions) + 1):
            region = regions[(here + by * step) % len(regions)]
            control = self._control(region, hearts)
            if control is not None:
                control.setFocus(Qt.FocusReason.TabFocusReason)
                return

    def _control(self, region: QWidget, hearts: Sequence[QWidget]) -> QWidget | None:
        last = self._last.get(region)
        if last is not None and isValid(last) and _takes_keys(last) and _holds(region, last):
            return last
        heart = next((h for h in hearts if _holds(region, h) and _takes_keys(h)), None)
        return heart or _first_in(region)

    def _remember(self, _old: QWidget | None, new: QWidget | None) -> None:
        self._last = {r: w for r, w in self._last.items() if isValid(r) and isValid(w)}
        for region in self._regions:
            if new is not None and isValid(region) and _holds(region, new):
                self._last[region] = new


def _focused() -> QWidget | None:
    return QApplication.focusWidget()


def _holds(region: QWidget, widget: QWidget | None) -> bool:
    return widget is not None and (region is widget or region.isAncestorOf(widget))


def _takes_keys(widget: QWidget) -> bool:
    tab = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
    return tab and widget.isEnabled() and widget.isVisible()


def _first_in(region: QWidget) -> QWidget | None:
    """The control of a region to which Tab comes first."""
    if not region.isVisible():
        return None
    found: QWidget | None = region
    while found is not None:
        if _takes_keys(found) and _holds(region, found):
            return found
        found = found.nextInFocusChain()
        if found is region:
            break
    return None
