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
from cvstudio.project import copying, tracks
from cvstudio.project.sequences import sequence_of

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
        self._outcome = ""
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

        On the image they come from they are put a little aside. On a smaller image they are cut at
        its edge, and those that lie outside do not come; both is said.
        """
        image = self._document.image
        if image is None or not self._shapes:
            return
        self._pasted += 1
        aside = _PASTE_STEP * self._pasted if self._source == image.id else 0.0
        if self._add_copies(self._shapes, aside, label="Paste"):
            self.pasted.emit()
        self.said.emit(self._outcome)

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
        present = {tracks.track_id(a) for a in self._document.annotations}
        placed, carried, cut, outside = [], [], 0, 0
        for class_id, shape, more in shapes:
            if class_id not in self._document.classes:
                continue
            moved = edits.moved(shape, aside, aside)
            inside = clipped(moved, width=width, height=height)
            if inside is None:
                outside += 1
                continue
            cut += inside != moved
            placed.append((class_id, inside))
            number = more.get(tracks.TRACK)
            twice = isinstance(number, int) and number in present
            carried.append({k: v for k, v in more.items() if not (twice and k == tracks.TRACK)})
        self._outcome = _outcome(len(placed), cut, outside)
        if not placed:
            return False
        words = counted_verb(label, len(placed))
        return bool(self._document.add_many(placed, label=words, carried=carried))

    def _copy_to_next(self) -> None:
        """Ask for how many images, and copy what is selected (or everything) onto them.

        From a frame of a video or a page of a file they go no further than that video or file.
        """
        image = self._document.image
        following, within = self._following(image.id if image else 0)
        what = self._to_copy()
        if not following or not what:
            last = f"This is the last image of {within}" if within else "This is the last image"
            self.said.emit("There is nothing to copy" if following else last)
            return
        dialog = CopyNextDialog(
            self._page, annotations=len(what), following=len(following), within=within
        )
        if dialog.exec():
            self._copy_to(what, following[: dialog.count])
        dialog.deleteLater()
        self.answered.emit()

    def _following(self, image_id: int) -> tuple[list[int], str]:
        """The images behind one in the order of the page, and the file that they all belong to."""
        following = self._order.following(image_id)
        with self._document.project.read() as session:
            sequence = sequence_of(session, image_id)
        if not sequence.one_file:
            return following, ""
        return [id for id in following if id in sequence.places], sequence.name

    def _to_copy(self) -> list[Annotation]:
        """The selection, or all annotations that count."""
        document = self._document
        return document.selected() or [a for a in document.annotations if a.state == State.ACCEPTED]

    def _copy_to(self, what: Sequence[Annotation], image_ids: Sequence[int]) -> None:
        ids, made = [a.id for a in what], []
        images = counted(len(image_ids), "image")
        if not self._document.change(
            f"Copy to {images}",
            lambda s: made.extend(copying.copy_annotations(s, ids=ids, image_ids=list(image_ids))),
        ):
            return
        outside = len(ids) * len(image_ids) - len(made)
        left = f" · {outside} would lie outside a smaller image" if outside else ""
        self.said.emit(f"Copied to {images}{left}")


def _outcome(placed: int, cut: int, outside: int) -> str:
    """What became of copies on an image that may be smaller; "" when all came whole."""
    if not cut and not outside:
        return ""
    parts = [f"{placed} pasted" if placed else "Nothing pasted"]
    if cut:
        parts.append(f"{cut} cut at the edge of this image")
    if outside:
        parts.append(f"{outside} would lie outside it")
    return " · ".join(parts)


def _own(annotation: Annotation) -> dict[str, Any]:
    carried = annotation.attributes.items()
    return {key: value for key, value in carried if key not in _OF_THE_ORIGINAL}
