"""The draft in hand: whether it waits for Enter, and what it becomes when the person goes on."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from cvstudio.gui.label.document import Document
from cvstudio.gui.label.tools.base import Tool


class Unfinished(QObject):
    """Keeps or drops a draft by the one rule of Tool.settle, and tells it (see drafts.py)."""

    ended = Signal(object, str)
    """The person went on with a draft in hand: the tool, and why the draft was dropped;
    "" when it was kept."""
    changed = Signal()
    """Another draft waits, or none."""

    def __init__(self, document: Document, parent: QObject) -> None:
        super().__init__(parent)
        self._document = document
        self._waiting: tuple[Tool, str] | None = None

    @property
    def waiting(self) -> Tool | None:
        """The tool in hand, while it holds a draft that is not stored."""
        return self._waiting[0] if self._waiting is not None else None

    def settle(self, tool: Tool) -> bool:
        """The person goes on. False when a draft could not be stored: it stays, and so must
        they."""
        document = self._document
        began, before, failures = tool.busy, document.annotations, document.failures
        lacks = tool.lacks
        tool.settle()
        self.note(tool, held=False)
        if document.failures != failures:
            return False
        kept = document.annotations is not before
        if began and document.image is not None:
            self.ended.emit(tool, "" if kept else lacks)
        return True

    def note(self, tool: Tool, *, held: bool) -> None:
        """The draft may be another one. A gesture under way is none that waits; one that waits does
        so until it ends."""
        waits = tool.busy and (not held or self.waiting is tool)
        now = (tool, tool.leaving) if waits else None
        if now != self._waiting:
            self._waiting = now
            self.changed.emit()
