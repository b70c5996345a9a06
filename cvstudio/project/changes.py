"""What happened to a project, as views are told it and as undo remembers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cvstudio.project.rows import Change, Touched

Kind = Literal["do", "undo", "redo"]

SHOWN_AS = {"image_tag": "tag", "setting": "project", "snapshot": "run"}
"""Tables that views know under the name of another one."""


@dataclass(frozen=True)
class ChangeSet:
    """One committed transaction, or its undoing or redoing.

    Tables are "image", "annotation", "label_class", "tag", "run" and "project" (which stands for
    the settings too). `source` is whatever the caller of the transaction gave, so that a view can
    recognise its own change.
    """

    label: str
    kind: Kind = "do"
    source: object = None
    touched: Mapping[str, Touched] = field(default_factory=dict)

    def touches(self, table: str, *, image: int | None = None) -> bool:
        """Whether rows of a table changed; with `image`, whether rows of that image did."""
        found = [t for name, t in self.touched.items() if SHOWN_AS.get(name, name) == table]
        if image is None:
            return bool(found)
        return any(t.images is None or image in t.images for t in found)

    def ids(self, table: str) -> set[int] | None:
        """The ids of the changed rows of a table; None when they are many."""
        found: set[int] = set()
        for name, touched in self.touched.items():
            if SHOWN_AS.get(name, name) != table:
                continue
            if touched.ids is None or name != table:
                return None
            found |= touched.ids
        return found

    def images(self) -> set[int] | None:
        """The images whose own row, annotations or tags changed; None when they are many."""
        found: set[int] = set()
        for touched in self.touched.values():
            if touched.images is None:
                return None
            found |= touched.images
        return found

    def counts(self) -> dict[str, tuple[int, int, int]]:
        """How many rows of each table were added, changed and removed."""
        return {name: (t.added, t.changed, t.removed) for name, t in self.touched.items()}


class Notifier:
    """Calls functions with each ChangeSet, on the thread that committed it, in connected order."""

    def __init__(self) -> None:
        self._functions: list[Callable[[ChangeSet], object]] = []

    def connect(self, function: Callable[[ChangeSet], object]) -> None:
        self._functions.append(function)

    def disconnect(self, function: Callable[[ChangeSet], object]) -> None:
        self._functions.remove(function)

    def emit(self, changes: ChangeSet) -> None:
        for function in tuple(self._functions):
            function(changes)


@dataclass(frozen=True, slots=True)
class UndoStep:
    """One transaction as undo remembers it: its label, and the changes that lead away from here."""

    label: str
    changes: Sequence[Change]

    @property
    def bytes(self) -> int:
        return sum(change.bytes for change in self.changes)


class UndoStack:
    """Steps back and forth without a limit in number; the oldest fall off above `limit` bytes."""

    def __init__(self, limit: int = 256 << 20) -> None:
        self.limit = limit
        self.back: list[UndoStep] = []
        self.forth: list[UndoStep] = []

    @property
    def bytes(self) -> int:
        return sum(step.bytes for step in (*self.back, *self.forth))

    def done(self, step: UndoStep) -> None:
        """A new step: what was undone before it can no longer be redone."""
        self.forth.clear()
        self.back.append(step)
        self._trim()

    def undone(self, step: UndoStep) -> None:
        """The newest step was taken back; `step` does it again."""
        self.back.pop()
        self.forth.append(step)
        self._trim()

    def redone(self, step: UndoStep) -> None:
        """The step to redo was done again; `step` takes it back."""
        self.forth.pop()
        self.back.append(step)
        self._trim()

    def clear(self) -> None:
        self.back.clear()
        self.forth.clear()

    def _trim(self) -> None:
        # The nearest step in each direction always stays: one import may be larger than the limit.
        total = self.bytes
        while total > self.limit and len(self.back) > 1:
            total -= self.back.pop(0).bytes
        while total > self.limit and len(self.forth) > 1:
            total -= self.forth.pop(0).bytes
