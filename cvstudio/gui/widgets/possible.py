"""A button that cannot be pressed says why: to the eye in its tooltip, to a screen reader too."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from cvstudio.gui.widgets.verbatim import tip


def allow(widget: QWidget, why_not: str, *, does: str) -> None:
    """Let a widget be used, or not where `why_not` says something; `does` is its usual tooltip."""
    widget.setEnabled(not why_not)
    widget.setToolTip(tip(". ".join(filter(None, (why_not, does)))))
    widget.setAccessibleDescription(why_not)


def follow(widget: QWidget, action: QAction) -> None:
    """Let a widget be used as its action is, whose tooltip tells the reason where it cannot."""
    widget.setEnabled(action.isEnabled())
    widget.setToolTip(action.toolTip())
    widget.setAccessibleDescription("" if action.isEnabled() else action.toolTip())
