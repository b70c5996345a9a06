"""What happened to a project, as views are told it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from cvstudio.project.rows import Touched

Kind = Literal["do", "undo", "redo"]
Table = Literal["image", "annotation", "comment", "label_class", "tag", "run", "project"]
"""What views ask about; "project" stands for the settings too."""

SHOWN_AS = {"image_tag": "tag", "setting": "project", "snapshot": "run", "experiment": "run"}
"""Tables that views know under the name of another one."""


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
    step: int = 0
    """The step that was kept of it; 0 when none was."""

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
    classes: bool = False
    """Whether it changed label classes."""
    rows: int = 0
    """How many objects, images and other rows it added, changed and removed."""
