"""The open image as every part of the page sees it: annotations, classes, selection, and edits.

Tools and lists change the project only through the verbs here, each of which is one transaction
and therefore one undo step. What they show comes back from the project's own notice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QColor

from cvstudio.core.annotation import Annotation, LabelClass, Review, Shape, State, Task
from cvstudio.core.attributes import Attribute
from cvstudio.core.errors import ProjectError
from cvstudio.core.skeleton import Skeleton
from cvstudio.core.words import quoted
from cvstudio.gui.label.layer import ShapeLayer
from cvstudio.gui.label.regions import Regions
from cvstudio.gui.studio import Studio
from cvstudio.project import (
    attributes,
    class_tree,
    commands,
    decisions,
    image_classes,
    queries,
    skeletons,
)
from cvstudio.project.changes import ChangeSet
from cvstudio.project.project import Project
from cvstudio.project.records import ImageRecord

_FEW = 40  # annotations that are read one by one; more are read with their whole image


class Document(QObject):
    """The state of the page. All ids are those of the project."""

    leaving = Signal()
    """The open image is about to be left; drafts that are complete are kept now."""
    image_changed = Signal()
    """Another image is open, or none."""
    image_updated = Signal()
    """The open image's own record (its review state) is another one."""
    annotations_changed = Signal()
    classes_changed = Signal()
    class_chosen = Signal()
    """The class that the next shape gets is another one."""
    selection_changed = Signal()
    hover_changed = Signal()
    hidden_changed = Signal()
    locked_met = Signal()
    """Somebody wanted to change what is locked."""
    class_wanted = Signal()
    """Somebody wanted to draw and there is no class yet."""

    def __init__(self, studio: Studio, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.studio = studio
        self.image: ImageRecord | None = None
        self.failures = 0
        """How many changes could not be stored so far."""
        self._key_step = 0  # of the last key that changed shapes a little
        self.selected_before: frozenset[int] = frozenset()
        """What was selected when the last change began."""
        self.annotations: tuple[Annotation, ...] = ()
        self.layer = ShapeLayer()
        self.classes: dict[int, LabelClass] = {}
        self.parents: dict[int, int | None] = {}
        """The class that each class is a kind of."""
        self.asked: dict[int, tuple[Attribute, ...]] = {}
        """What each class asks about its annotations."""
        self.skeletons: dict[int, Skeleton] = {}
        """The keypoints of each class that has some."""
        self.several = False
        """Whether an image may have several classes, where images are classified."""
        self.class_id: int | None = None
        """The class that the next shape gets."""
        self.selection: frozenset[int] = frozenset()
        self.hovered: int | None = None
        self.hidden_classes: frozenset[int] = frozenset()
        self.hidden_ids: frozenset[int] = frozenset()
        self._regions = Regions()
        self._read_classes()

    # -- what is there

    @property
    def project(self) -> Project:
        assert self.studio.project is not None
        return self.studio.project

    @property
    def task(self) -> Task:
        return self.project.task

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the open image, (0, 0) without one."""
        return (self.image.width, self.image.height) if self.image else (0, 0)

    def colour(self, class_id: int | None = None) -> QColor:
        """The colour of a class, or of the class that the next shape gets."""
        found = self.classes.get(class_id or self.class_id or 0)
        return QColor(found.colour) if found else QColor("#A9AEB6")

    def get(self, annotation_id: int | None) -> Annotation | None:
        """An annotation of the open image."""
        return next((a for a in self.annotations if a.id == annotation_id), None)

    def selected(self) -> list[Annotation]:
        """The selected annotations in drawing order."""
        return [a for a in self.annotations if a.id in self.selection]

    def only_selected(self) -> Annotation | None:
        """The selected annotation, when it is one and has a shape."""
        if len(self.selection) != 1:
            return None
        return self.layer.get(next(iter(self.selection)))

    def hidden(self) -> frozenset[int]:
        """Ids of annotations that are not to be seen, and cannot be hit."""
        if not self.hidden_classes:
            return self.hidden_ids
        of_classes = (a.id for a in self.annotations if a.class_id in self.hidden_classes)
        return self.hidden_ids | frozenset(of_classes)

    def untouchable(self) -> frozenset[int]:
        """Ids of annotations that the pointer does not meet: hidden or locked ones."""
        return self.hidden() | {a.id for a in self.annotations if a.locked}

    def image_class(self) -> int | None:
        """The class of the whole image in a project that classifies; None when it has none."""
        return next(iter(self.image_classes()), None)

    def image_classes(self) -> list[int]:
        """The classes of the whole image, the one that was given first in front."""
        found = self.annotations
        return [a.class_id for a in found if a.shape is None and a.state == State.ACCEPTED]

    def counts(self) -> dict[int, int]:
        """How many annotations of the open image each class has."""
        result = dict.fromkeys(self.classes, 0)
        for annotation in self.annotations:
            if annotation.state == State.ACCEPTED and annotation.class_id in result:
                result[annotation.class_id] += 1
        return result

    def covered_shares(self) -> dict[int, float]:
        """How much of the open image is trained as each class, in percent.

        Where shapes overlap, the pixel is of the class that lies on top.
        """
        result = dict.fromkeys(self.classes, 0.0)
        result.update(self._regions.shares(self.layer, *self.size))
        return {id: share for id, share in result.items() if id in self.classes}

    def count_of_class(self, class_id: int) -> int:
        """How many annotations a class has in the whole project."""
        with self.project.read() as session:
            return queries.class_counts(session).get(class_id, 0)

    # -- what is shown

    def open(self, image_id: int) -> None:
        """Show an image; 0 shows none."""
        if image_id == (self.image.id if self.image else 0):
            return
        before = self.failures
        if self.image is not None:
            self.leaving.emit()
        if self.image is not None and image_id and self.failures != before:
            # What was drawn could not be stored: nothing may be lost, so its image stays.
            QTimer.singleShot(0, partial(self.studio.select_image, self.image.id))
            return
        self.image = None
        self.annotations, self.layer = (), ShapeLayer()
        if image_id:
            with self.project.read() as session:
                self.image = queries.image(session, image_id)
                found = queries.annotations(session, image_id)
            self._take(found)
        had_selection, self.selection = self.selection, frozenset()
        self.hovered, self.hidden_ids = None, frozenset()
        self.image_changed.emit()
        if had_selection:
            self.selection_changed.emit()

    def select(self, ids: Iterable[int]) -> None:
        """Select annotations of the open image, and only these."""
        known = {a.id for a in self.annotations}
        new = frozenset(ids) & known
        if new == self.selection:
            return
        self.selection = new
        only = self.only_selected()
        if only is not None and only.class_id in self.classes:
            self._choose(only.class_id)
        self.selection_changed.emit()

    def hover(self, annotation_id: int | None) -> None:
        """The annotation under the pointer, on the canvas or in the list."""
        if annotation_id != self.hovered:
            self.hovered = annotation_id
            self.hover_changed.emit()

    def choose_class(self, class_id: int) -> None:
        """Make a class the one that the next shape gets."""
        if class_id in self.classes:
            self._choose(class_id)

    def toggle_class(self, class_id: int) -> None:
        """Hide or show the annotations of a class."""
        self.hidden_classes ^= {class_id}
        self.hidden_changed.emit()

    def toggle_hidden(self) -> None:
        """Hide the selected annotations, or all; when some are hidden show them again."""
        if self.hidden_ids:
            self.hidden_ids = frozenset()
        else:
            self.hidden_ids = self.selection or frozenset(a.id for a in self.annotations)
        self.hidden_changed.emit()

    def show_hidden(self) -> None:
        """Show again what was hidden by hand; classes that are hidden stay so."""
        self.hidden_ids = frozenset()
        self.hidden_changed.emit()

    def ready_to_draw(self) -> bool:
        """Whether a shape can be drawn now; asks for a class when there is none."""
        if self.image is None:
            return False
        if self.class_id is None:
            self.class_wanted.emit()
            return False
        if self.class_id in self.hidden_classes:
            self.toggle_class(self.class_id)
        return True

    # -- verbs: each is one undo step

    def add(
        self, shape: Shape, *, label: str, also: Mapping[int, Shape] | None = None
    ) -> int | None:
        """Add a shape of the current class, and select it. None when it was not possible.

        `also` gives other annotations new shapes in the same step; None deletes one.
        """
        if self.class_id is None:
            return None
        return next(iter(self.add_many([(self.class_id, shape)], label=label, also=also)), None)

    def add_many(
        self, shapes: Sequence[tuple[int, Shape]], *, label: str,
        also: Mapping[int, Shape] | None = None, carried: Sequence[Mapping[str, Any]] = (),
    ) -> list[int]:  # fmt: skip
        """Add (class, shape) pairs in one step, and select them; `also` as in `add`.

        `carried`: the attributes of each, where they are copies.
        """
        if self.image is None:
            return []
        made: list[int] = []
        image_id = self.image.id

        def work(session: Any) -> None:
            made.extend(
                commands.add_annotation(
                    session, image_id=image_id, class_id=c, shape=shape, attributes=more
                )
                for (c, shape), more in zip_longest(shapes, carried)
            )
            self._set_shapes(session, also or {})

        if not self.change(label, work):
            return []
        self.select(made)
        return made

    def reshape(self, shapes: Mapping[int, Shape], *, label: str, by_key: bool = False) -> bool:
        """Give annotations other shapes; a shape of None deletes its annotation.

        `by_key`: a small change that a key does; the same key a moment later joins its step.

        A suggestion that a person has put right is accepted by that. False when nothing changed.
        """
        free = self.unlocked(shapes)
        suggested = {a.id for a in self.annotations if a.state == State.SUGGESTED}
        kept = [id for id in free if id in suggested and shapes[id] is not None]
        if not free:
            return False

        def work(session: Any) -> None:
            self._set_shapes(session, shapes)
            if kept:
                commands.set_state(session, ids=kept, state=State.ACCEPTED)

        done = self.change(label, work, into=self._key_step if by_key else 0)
        if by_key:
            self._key_step = self.project.present_step
        return done

    def _set_shapes(self, session: Any, shapes: Mapping[int, Shape]) -> None:
        free = self.unlocked(shapes)
        gone = [id for id in free if shapes[id] is None]
        for annotation_id in free:
            if (shape := shapes[annotation_id]) is not None:
                commands.set_shape(session, id=annotation_id, shape=shape)
        if gone:
            commands.delete_annotations(session, ids=gone)

    def delete(self, ids: Collection[int]) -> None:
        """Delete annotations. A suggestion is rejected instead, so that it does not come back."""
        suggested = {a.id for a in self.annotations if a.state == State.SUGGESTED}
        ids = self.unlocked(ids)
        rejected = [id for id in ids if id in suggested]
        deleted = [id for id in ids if id not in suggested]
        if not ids:
            return

        def work(session: Any) -> None:
            if rejected:
                commands.set_state(session, ids=rejected, state=State.REJECTED)
            if deleted:
                commands.delete_annotations(session, ids=deleted)

        self.change(counted_verb("Delete", len(ids)) if deleted else "Reject suggestion", work)

    def accept(self, ids: Collection[int]) -> bool:
        """Accept suggestions. False when none of them is one."""
        kept = [a.id for a in self.annotations if a.id in ids and a.state == State.SUGGESTED]
        return bool(kept) and self.change(
            "Accept suggestion", lambda s: decisions.keep(s, ids=kept)
        )

    def relabel(self, ids: Collection[int], class_id: int) -> None:
        """Give annotations another class; a suggestion is accepted by that."""
        free = set(self.unlocked(ids))
        wrong = [a for a in self.annotations if a.id in free and a.class_id != class_id]
        changed = [a.id for a in wrong]
        kept = [a.id for a in wrong if a.state == State.SUGGESTED]
        if not changed or class_id not in self.classes:
            return

        def work(session: Any) -> None:
            commands.set_class(session, ids=changed, class_id=class_id)
            if kept:
                commands.set_state(session, ids=kept, state=State.ACCEPTED)

        self.change(f"Change class to {quoted(self.classes[class_id].name)}", work)

    def unlocked(self, ids: Collection[int]) -> list[int]:
        """Those annotations that may be changed; tells when one of them may not."""
        locked = {a.id for a in self.annotations if a.locked}
        if not locked.isdisjoint(ids):
            self.locked_met.emit()
        return [id for id in ids if id not in locked]

    def classify(self, class_id: int | None) -> None:
        """Say which class the whole image is, in place of what was said before; where it may have
        several, give it this one or take it away. None takes away all."""
        if self.image is None:
            return
        image_id, had = self.image.id, self.image_classes()
        if self.several and class_id is not None:
            verb = "Take away class" if class_id in had else "Give class"
            self.change(
                f"{verb} {quoted(self.classes[class_id].name)}",
                lambda s: image_classes.toggle(s, image_ids=[image_id], class_id=class_id),
            )
            return
        if had == ([] if class_id is None else [class_id]):
            return
        name = quoted(self.classes[class_id].name) if class_id else "none"
        self.change(
            f"Set class to {name}",
            lambda s: commands.set_image_class(s, image_ids=[image_id], class_id=class_id),
        )

    def approve(self) -> bool:
        """Mark the open image as reviewed; without annotations as reviewed and empty."""
        if self.image is None:
            return False
        image_id = self.image.id
        if self.image.review in (Review.REVIEWED, Review.EMPTY):
            return True
        return self.change(
            "Approve image",
            lambda s: commands.set_review(s, image_ids=[image_id], review=Review.REVIEWED),
        )

    # -- the project's notice

    def take_in(self, changes: ChangeSet) -> None:
        """Something in the project has changed: read again what concerns the open image."""
        if changes.touches("label_class", "project"):
            self._read_classes()
        if self.image is None:
            return
        image_id = self.image.id
        if changes.touches("image", image=image_id):
            with self.project.read() as session:
                found = queries.images(session, [image_id])
            if not found:
                return  # the studio is about to tell that the image is gone
            if found[0] != self.image:
                self.image = found[0]
                self.image_updated.emit()
        if changes.touches("annotation", image=image_id) or changes.touches("label_class"):
            before = {a.id: a.class_id for a in self.annotations}
            self._read_annotations(changes.ids("annotation"))
            if changes.kind != "do":
                self._choose_again(before)

    def _choose_again(self, before: Mapping[int, int]) -> None:
        """The class that undo took from shapes is not drawn next: the one they have again is."""
        known = [a for a in self.annotations if a.id in before]
        moved = [(before[a.id], a.class_id) for a in known if before[a.id] != a.class_id]
        now = {had for _was, had in moved}
        if len(now) == 1 and self.class_id in {was for was, _had in moved}:
            self.choose_class(now.pop())

    def _read_annotations(self, ids: set[int] | None) -> None:
        assert self.image is not None
        with self.project.read() as session:
            if ids is not None and 0 < len(ids) <= _FEW:
                read = [queries.annotation(session, each) for each in ids]
                fresh = [a for a in read if a is not None and a.image_id == self.image.id]
                found = [a for a in self.annotations if a.id not in ids] + fresh
                found.sort(key=lambda a: (a.z, a.id))
            else:
                found = queries.annotations(session, self.image.id)
        self._take(found)
        known = {a.id for a in self.annotations}
        self.hidden_ids &= known
        if self.hovered not in known:
            self.hover(None)
        self.annotations_changed.emit()
        if not self.selection <= known:
            self.selection &= known
            self.selection_changed.emit()

    def _take(self, found: list[Annotation]) -> None:
        """Keep the old objects of what did not change: views recognise shapes by them."""
        old = {a.id: a for a in self.annotations}
        self.annotations = tuple(
            old[a.id] if a.id in old and old[a.id] == a else a
            for a in found
            if a.state != State.REJECTED
        )
        self.layer = ShapeLayer.of(self.annotations, self.skeletons)

    def _read_classes(self) -> None:
        with self.project.read() as session:
            self.classes = {c.id: c for c in queries.classes(session)}
            self.parents = class_tree.parents(session)
            self.asked = attributes.asked(session)
            self.skeletons = skeletons.skeletons(session)
            self.several = image_classes.several(session)
        self.hidden_classes &= frozenset(self.classes)
        if self.class_id not in self.classes:
            self.class_id = next(iter(self.classes), None)
        self.classes_changed.emit()

    def _choose(self, class_id: int) -> None:
        if class_id != self.class_id:
            self.class_id = class_id
            self.class_chosen.emit()

    def change(self, label: str, work: Callable[[Any], object], *, into: int = 0) -> bool:
        """One undo step of commands; what stops it is told, and nothing has changed then.

        `into`: the step that this may join, see Project.transaction.
        """
        self.selected_before = self.selection
        try:
            with self.project.transaction(label, source=self, into=into) as session:
                work(session)
        except ProjectError as error:
            self.failures += 1
            self.studio.fail(error)
            return False
        return True


def counted_verb(verb: str, count: int) -> str:
    """The label of a step: "Paste annotation", "Paste 3 annotations"."""
    return f"{verb} annotation" if count == 1 else f"{verb} {count} annotations"
