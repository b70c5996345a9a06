"""Comments that were written and not sent: they wait, also until another day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cvstudio.core.settings import Memory
from cvstudio.gui.label.comment_dialog import Said

_NAME = "label.comments"


class Begun:
    """What was begun in a project, by image and first comment of the thread (0: a new one)."""

    def __init__(self, memory: Memory, project: Path) -> None:
        self._memory, self._project = memory, project

    def keep(self, image_id: int, thread: int, said: Said) -> None:
        """Keep the words of an answer on the disk; without words, forget what was kept."""
        others = [row for row in self._rows() if tuple(row[:2]) != (image_id, thread)]
        edited = [[id, text] for id, text in said.edited.items()]
        mine = [[image_id, thread, said.text, edited]] if said.text or edited else []
        self._memory.set_for(self._project, _NAME, [*mine, *others] or None)

    def of(self, image_id: int, thread: int) -> Said:
        """What was written there and not sent."""
        for row in self._rows():
            if tuple(row[:2]) == (image_id, thread):
                return Said(str(row[2]), {int(id): str(text) for id, text in row[3]})
        return Said()

    def _rows(self) -> list[list[Any]]:
        return list(self._memory.get_for(self._project, _NAME, []))
