"""Copy, paste, duplicate, and copying onto the images that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from cvstudio.core.annotation import Annotation, Shape, State
from cvstudio.core.clipping import clipped
from cvstudio.core.words import counted
from cvstudio.gui.actions import Actions
from cvstudio.gui.label import edits
from cvstudio.gui.label.copy_next import CopyNextDialog
from cvstudio.gui.label.document import Document, counted_verb
from cvstudio.gui.label.navigation import ImageOrder
from cvstudio.project import commands

_PASTE_STEP = 12.0  # pixels by which a copy lies beside what it was copied from

Copied = tuple[tuple[int, Shape, Mapping[str, Any]], ...]
"""Class, shape and attributes of each of what was copied."""
_OF_THE_ORIGINAL = frozenset(("coco", "suggested_by"))
"""What says something of the annotation that was copied, and nothing of its copies."""


class Clipboard(QObject):
    """The actions, and what was copied; each of them that adds is one undo step."""

    said = Signal(str)
    pasted = Signal()
    """Copies have come and are selected."""
    answered = Signal()
    """A dialog was closed: the canvas takes the keys again."""

    def __init__(
        self, actions: Actions, document: Document, order: ImageOrder, page: QWidget
    ) -> None:
        super().__init__(page)
        self._document, self._order, self._page = document, order, page
        self._source = 0  # the image that was copied from
        self._shapes: Copied = ()
        self._pasted = 0
        connect = partial(actions.connect, widget=page)
        connect("label.copy", self._copy)
        connect("label.paste", self._paste)
        connect("label.duplicate", self._duplicate)
        connect("label.copy_next", self._copy_to_next)

    def _copy(self) -> None:
        """Remember the selected shapes."""
        shapes = self._selected()
        image = self._document.image
        if shapes and image is not None:
            self._source, self._shapes, self._pasted = image.id, shapes, 0
            self.said.emit(f"{len(shapes)} copied" if len(shapes) > 1 else "Copied")

    def _paste(self) -> None:
        """Add the remembered shapes to the open image, where they were on theirs.

        On the image they come from they are put a little aside. Those that lie outside a smaller
        image do not come.
        """
        image = self._document.image
        if image is None or not self._shapes:
            return
        self._pasted += 1
        aside = _PASTE_STEP * self._pasted if self._source == image.id else 0.0
        if self._add_copies(self._shapes, aside, label="Paste"):
            self.pasted.emit()

    def _duplicate(self) -> None:
        """A second copy of the selected shapes, a little aside."""
        shapes = self._selected()
        if shapes:
            self._add_copies(shapes, _PASTE_STEP, label="Duplicate")

    def _selected(self) -> Copied:
        return tuple(
            (a.class_id, a.shape, _own(a)) for a in self._document.selected() if a.shape is not None
        )

    def _add_copies(self, shapes: Copied, aside: float, *, label: str) -> bool:
        """Whether one of the shapes has come."""
        width, height = self._document.size
        placed, carried = [], []
        for class_id, shape, more in shapes:
            moved = edits.moved(shape, aside, aside)
            inside = clipped(moved, width=width, height=height)
            if inside is not None and class_id in self._document.classes:
                placed.append((class_id, inside))
                carried.append(more)
        if not placed:
            return False
        words = counted_verb(label, len(placed))
        return bool(self._document.add_many(placed, label=words, carried=carried))

    def _copy_to_next(self) -> None:
        """Ask for how many images, and copy what is selected (or everything) onto them."""
        image = self._document.image
        following = self._order.following(image.id if image else 0)
        what = self._to_copy()
        if not following or not what:
            self.said.emit("There is nothing to copy" if following else "This is the last image")
            return
        dialog = CopyNextDialog(self._page, annotations=len(what), following=len(following))
        if dialog.exec():
            self._copy_to(what, following[: dialog.count])
        dialog.deleteLater()
        self.answered.emit()

    def _to_copy(self) -> list[Annotation]:
        """The selection, or all annotations that count."""
        document = self._document
        return document.selected() or [a for a in document.annotations if a.state == State.ACCEPTED]

    def _copy_to(self, what: Sequence[Annotation], image_ids: Sequence[int]) -> None:
        ids = [a.id for a in what]
        self._document.change(
            f"Copy to {counted(len(image_ids), 'image')}",
            lambda s: commands.copy_annotations(s, ids=ids, image_ids=list(image_ids)),
        )


def _own(annotation: Annotation) -> dict[str, Any]:
    carried = annotation.attributes.items()
    return {key: value for key, value in carried if key not in _OF_THE_ORIGINAL}
