"""What happened to a project, as views are told it and as undo remembers it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from cvstudio.project.rows import Change, Touched

Kind = Literal["do", "undo", "redo"]
Table = Literal["image", "annotation", "label_class", "tag", "run", "project"]
"""What views ask about; "project" stands for the settings too."""

SHOWN_AS = {"image_tag": "tag", "setting": "project", "snapshot": "run"}
"""Tables that views know under the name of another one."""

OVERHEAD = 200
"""Bytes that Python needs for a remembered change besides its rows, about."""


@dataclass(frozen=True)
class ChangeSet:
    """One committed transaction, or its undoing or redoing.

    `source` is whatever the caller of the transaction gave, so that a view can recognise its own
    change.
    """

    label: str
    kind: Kind = "do"
    source: object = None
    touched: Mapping[str, Touched] = field(default_factory=dict)

    def touches(self, *tables: Table, image: int | None = None) -> bool:
        """Whether rows of one of these changed; with `image`, whether rows of that image did."""
        found = [t for name, t in self.touched.items() if SHOWN_AS.get(name, name) in tables]
        if image is None:
            return bool(found)
        return any(t.images is None or image in t.images for t in found)

    def ids(self, table: Table) -> set[int] | None:
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
class Reach:
    """How far a step went, for a question before it is taken back.

    `images` are those whose own row, annotations or tags changed, at most two of them: enough to
    know whether a step is about one image, and which; None when they were too many to be counted.
    """

    images: frozenset[int] | None = frozenset()
    image_count: int | None = 0
    came: int = 0
    """How many images the step brought."""
    went: int = 0
    """How many images it took out of the project."""

    @classmethod
    def of(cls, changes: ChangeSet) -> Reach:
        came, _, went = changes.counts().get("image", (0, 0, 0))
        images = changes.images()
        if images is None:
            return cls(None, None, came, went)
        return cls(frozenset(islice(images, 2)), len(images), came, went)


@dataclass(frozen=True, slots=True)
class UndoStep:
    """One transaction as undo remembers it: its label, and the changes that lead away from here."""

    label: str
    changes: Sequence[Change]
    bytes: int
    reach: Reach = Reach()

    @classmethod
    def of(cls, label: str, changes: Sequence[Change], reach: Reach | None = None) -> UndoStep:
        size = sum(OVERHEAD + change.bytes for change in changes)
        return cls(label, changes, size, reach or Reach())


class UndoStack:
    """Steps back and forth without a limit in number; the oldest fall off above `limit` bytes."""

    def __init__(self, limit: int = 256 << 20) -> None:
        self.limit = limit
        self.bytes = 0
        self.back: deque[UndoStep] = deque()
        self.forth: deque[UndoStep] = deque()

    def done(self, step: UndoStep) -> None:
        """A new step: what was undone before it can no longer be redone."""
        self.bytes -= sum(each.bytes for each in self.forth)
        self.forth.clear()
        self._push(self.back, step)

    def undone(self, step: UndoStep) -> None:
        """The newest step was taken back; `step` does it again."""
        self.bytes -= self.back.pop().bytes
        self._push(self.forth, step)

    def redone(self, step: UndoStep) -> None:
        """The step to redo was done again; `step` takes it back."""
        self.bytes -= self.forth.pop().bytes
        self._push(self.back, step)

    def clear(self) -> None:
        self.back.clear()
        self.forth.clear()
        self.bytes = 0

    def _push(self, steps: deque[UndoStep], step: UndoStep) -> None:
        steps.append(step)
        self.bytes += step.bytes
        # The nearest step in each direction always stays: one import may be larger than the limit.
        for each in (self.back, self.forth):
            while self.bytes > self.limit and len(each) > 1:
                self.bytes -= each.popleft().bytes
