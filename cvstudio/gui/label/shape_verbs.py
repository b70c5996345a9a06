"""What can be done to shapes of the open image, in words and undo steps; no widget, no gesture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from cvstudio.core import combine
from cvstudio.core.annotation import Annotation, Shape, Task, area_of, box_of
from cvstudio.core.combine import How
from cvstudio.core.convert import Area
from cvstudio.core.geometry import Box, Points
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.skeleton_template import swapped
from cvstudio.core.words import counted
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.regions import of_other_classes
from cvstudio.gui.label.turning import rotated_words, turned
from cvstudio.project import shaping

_LABELS = {How.JOIN: "Join", How.SUBTRACT: "Subtract", How.INTERSECT: "Intersect"}


class ShapeVerbs:
    """What can be done to shapes of the open image; each verb is one undo step.

    A verb answers with a sentence where nothing could be done, or where there is more to say.
    """

    def __init__(self, document: Document) -> None:
        self._document = document

    def combine(self, how: How) -> str:
        """Make one of the selected shapes. The largest stays, with its class and its place.

        After SUBTRACT what was cut out with stays as well, and is selected.
        """
        chosen = [a for a in self._chosen() if not isinstance(a.shape, Keypoints)]
        if len(chosen) < 2:
            return "Select two shapes or more (Shift + click)"
        chosen.sort(key=lambda a: -area_of(a.shape))
        first, others = chosen[0], [a.id for a in chosen[1:]]
        shapes = [cast(Area, a.shape) for a in chosen]
        if how is not How.JOIN and not _meet(shapes):
            return "The shapes do not overlap"
        made = self._combined(shapes, how)
        if made is None:
            return "Nothing would be left"
        label = f"{_LABELS[how]} {counted(len(chosen), 'annotation')}"
        if how is How.SUBTRACT:
            self._document.reshape({first.id: made}, label=label)
            self._document.select(others)
            return "Cut out · {label.delete} removes what was cut out with"
        if self._document.change(
            label, lambda s: shaping.join(s, id=first.id, shape=made, others=others)
        ):
            self._document.select([first.id])
        return ""

    def _combined(self, shapes: Sequence[Area], how: How) -> Shape:
        """Boxes of a project that learns boxes stay boxes where that is what is meant."""
        boxes = self._document.task == Task.DETECT and all(isinstance(s, Box) for s in shapes)
        made = combine.combined(shapes, how)
        return box_of(made) if boxes and made is not None and how is not How.SUBTRACT else made

    def slice(self, line: Points) -> str:
        """Cut the selected shapes into pieces; all that the line cuts when it cuts none of them."""
        cut = self._cut(line)
        cut = {id: cut[id] for id in cut if id in self._document.selection} or cut
        if not cut:
            return "Nothing was cut: the line must cross a shape from side to side"
        made: list[int] = []

        def work(session: Any) -> None:
            for id, pieces in cut.items():
                made.extend(shaping.divide(session, id=id, shapes=pieces))

        if self._document.change(f"Slice {counted(len(cut), 'annotation')}", work):
            self._document.select(made)
        return f"{counted(len(cut), 'shape')} cut into {len(made)} pieces"

    def _cut(self, line: Points) -> dict[int, list[Shape]]:
        """The pieces of every shape that a line cuts."""
        document = self._document
        away = document.untouchable()
        around = Box.around(line)
        touched = {document.layer.annotations[row].id for row in document.layer.touching(around)}
        cut: dict[int, list[Shape]] = {}
        for annotation in document.layer.annotations:
            if annotation.id in away or annotation.id not in touched:
                continue
            if isinstance(annotation.shape, Keypoints):
                continue
            pieces = combine.sliced(cast(Area, annotation.shape), line)
            if len(pieces) > 1:
                boxed = document.task == Task.DETECT and isinstance(annotation.shape, Box)
                cut[annotation.id] = [box_of(piece) if boxed else piece for piece in pieces]
        return cut

    def fill_holes(self) -> str:
        """Close the holes of the selected shapes.

        Where every pixel has one class, what other classes have in a hole stays theirs.
        """
        chosen = [a for a in self._chosen() if combine.without_holes(a.shape) is not a.shape]
        if not chosen:
            return "No selected shape has a hole"
        filled = {a.id: self._filled(a) for a in chosen}
        changed = {a.id: filled[a.id] for a in chosen if filled[a.id] is not a.shape}
        if changed:
            self._document.reshape(changed, label="Fill holes")
        left = any(combine.without_holes(shape) is not shape for shape in filled.values())
        if not changed:
            return "Nothing was filled: the holes belong to other classes"
        return "What other classes have in the holes stays theirs" if left else ""

    def _filled(self, annotation: Annotation) -> Shape:
        """Its shape with the holes filled that are free.

        A polygon leaves what lies above it as it is: in training and here that is painted over it.
        """
        shape = cast(Area, annotation.shape)
        if self._document.task != Task.SEGMENT:
            return combine.without_holes(shape)
        layer = self._document.layer
        own = layer.row_of[annotation.id]
        beside = of_other_classes(
            layer, annotation.box, class_id=annotation.class_id, id=annotation.id
        )
        others = [
            cast(Area, other.shape)
            for other in beside
            if isinstance(shape, Mask) or layer.row_of[other.id] < own
        ]
        return combine.without_free_holes(shape, others)

    def turn(self, degrees: float) -> str:
        """Turn the selected rotated boxes, polygons or points around their middles, clockwise."""
        chosen = self._chosen()
        found = {a.id: turned(a.shape, degrees) for a in chosen}
        made = {id: shape for id, shape in found.items() if shape is not None}
        if not made:
            boxed = any(isinstance(a.shape, Box) for a in chosen)
            return (
                "A box stays upright: Convert makes a rotated box of it"
                if boxed
                else "Select a rotated box, a polygon or keypoints to turn"
            )
        if any(not self._has_room(shape) for shape in made.values()):
            return "There is no room to turn it: it would leave the image"
        label = f"Turn {counted(len(made), 'annotation')}"
        self._document.reshape(made, label=label, by_key=True)
        only = next(iter(made.values()))
        return rotated_words(only) if len(made) == 1 and isinstance(only, RotatedBox) else ""

    def swap_sides(self) -> str:
        """Let left and right points of the selected keypoints change places, as their names say."""
        skeletons, made, found = self._document.skeletons, {}, 0
        for annotation in self._chosen():
            shape, bones = annotation.shape, skeletons.get(annotation.class_id)
            if not isinstance(shape, Keypoints):
                continue
            found += 1
            if bones is not None and len(bones.names) == len(shape.points):
                other = swapped(shape, bones.names)
                if other != shape:
                    made[annotation.id] = other
        if not found:
            return "Select keypoints whose left and right are to change places"
        if not made:
            return "None of these points has a left and a right"
        many = counted(len(made), "annotation")
        self._document.reshape(made, label=f"Swap left and right of {many}")
        return ""

    def _has_room(self, shape: Shape) -> bool:
        """Whether a turned shape stays on the image; corners of a rotated box may stand out."""
        width, height = self._document.size
        if isinstance(shape, RotatedBox):
            return shape.clipped(width, height) is not None
        box = box_of(shape)
        return box.x >= 0 and box.y >= 0 and box.right <= width and box.bottom <= height

    def stack(self, to: str) -> str:
        """Draw the selected shapes above ("front") or below ("back") all others."""
        document, ids = self._document, [a.id for a in self._chosen()]
        if not ids or document.image is None:
            return "Select a shape first"
        image_id = document.image.id
        label = "Bring to front" if to == "front" else "Send to back"
        document.change(label, lambda s: shaping.stack(s, image_id=image_id, ids=ids, to=to))
        return ""

    def toggle_lock(self) -> str:
        """Lock the selected shapes; when all of them are locked, unlock them."""
        selected = self._document.selected()
        if not selected:
            return "Select a shape first; a locked one in the list of annotations"
        locked = not all(a.locked for a in selected)
        self._set_locked(selected, locked)
        return "Locked: no click meets it now · {label.lock} unlocks" if locked else ""

    def unlock_all(self) -> str:
        """Unlock every annotation of the open image."""
        locked = [a for a in self._document.annotations if a.locked]
        if not locked:
            return "Nothing is locked"
        self._set_locked(locked, False)
        return ""

    def _set_locked(self, annotations: Sequence[Annotation], locked: bool) -> None:
        ids = [a.id for a in annotations]
        label = f"{'Lock' if locked else 'Unlock'} {counted(len(ids), 'annotation')}"
        self._document.change(label, lambda s: shaping.set_locked(s, ids=ids, locked=locked))

    def _chosen(self) -> list[Annotation]:
        """The selected annotations that have a shape and are not locked."""
        return [a for a in self._document.selected() if a.shape is not None and not a.locked]


def _meet(shapes: Sequence[Area]) -> bool:
    """Whether the first shape has something in common with another."""
    return any(
        combine.combined([shapes[0], other], How.INTERSECT) is not None for other in shapes[1:]
    )
