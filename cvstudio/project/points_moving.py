"""Keypoints of objects that get another skeleton: a point goes with its name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Kind, pack_shape, unpack_shape
from cvstudio.core.geometry import Box
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.skeleton import Skeleton, followed, rearranged
from cvstudio.core.words import quoted
from cvstudio.project import rows, skeletons
from cvstudio.project.finding import id_list
from cvstudio.project.reach import Reach, Tally
from cvstudio.project.tables import AnnotationRow

_MOST_SENTENCES = 3


@dataclass(slots=True)
class Moves:
    """What becomes of the keypoints of some classes' objects under other skeletons."""

    objects: Tally = field(default_factory=Tally)
    """All that have keypoints."""
    shapes: dict[int, Keypoints] = field(default_factory=dict)
    """By annotation, the keypoints that become others."""
    changed: Tally = field(default_factory=Tally)
    """Whose keypoints become others."""
    losing: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    """Which objects lose a point that has a place, by its name."""
    renamed: dict[str, str] = field(default_factory=dict)
    """Names of points that are called something else then."""
    nameless: Tally = field(default_factory=Tally)
    """Objects that keep their points as they are, for they have other points than a skeleton."""
    named: int = 0
    """Those of them that then have as many points as the skeleton, and get its names by order."""

    def losses(self) -> tuple[str, ...]:
        """What goes: a sentence for each point, or one for many of them."""
        losing = {name: tally.reach for name, tally in self.losing.items()}
        if len(losing) > _MOST_SENTENCES:
            told = (f"{quoted(name)} in {_short(reach)}" for name, reach in losing.items())
            return (f"Objects lose {', '.join(told)}.",)
        return tuple(
            f"{reach.things} {reach.do('loses', 'lose')} {quoted(name)}."
            for name, reach in losing.items()
        )


def moves(
    s: Session, classes: Iterable[int], before: Mapping[int, Skeleton],
    after: Mapping[int, Skeleton],
) -> Moves:  # fmt: skip
    """What other skeletons of these classes would do to the keypoints of their objects.

    Objects with another number of points than the skeleton had, or whose class had none, keep
    their points as they are.
    """
    found = Moves()
    for id, image, of, state, shape in _stored(s, id_list(AnnotationRow.class_id, classes)):
        found.objects.add(state, image)
        old, new = before.get(of), after.get(of)
        if old is None or new is None or len(shape.points) != len(old.names):
            found.nameless.add(state, image)
            found.named += new is not None and len(shape.points) == len(new.names)
            continue
        places = new.moved_from(old)
        for gone in set(range(len(old.names))) - set(places):
            if shape.points[gone, 2] > 0:
                found.losing[old.names[gone]].add(state, image)
        for name, place in zip(new.names, places, strict=True):
            if place is not None and old.names[place] != name and shape.points[place, 2] > 0:
                found.renamed[old.names[place]] = name
        moved = rearranged(shape, places)
        if moved != shape:
            found.shapes[id] = moved
            found.changed.add(state, image)
    return found


def _short(reach: Reach) -> str:
    """A number alone where all are objects."""
    return f"{reach.objects:,}" if reach.rows == reach.objects else reach.things


def _stored(
    s: Session, which: ColumnElement[bool]
) -> Iterator[tuple[int, int, int, str, Keypoints]]:
    """Annotation, image, class, state and keypoints of what has some."""
    row = AnnotationRow
    shape_ = (row.x, row.y, row.w, row.h, row.payload)
    stored = select(row.id, row.image_id, row.class_id, row.state, *shape_)
    stored = stored.where(row.kind == Kind.KEYPOINTS.value, which)
    for id, image, of, state, x, y, w, h, payload in s.execute(stored):
        shape = unpack_shape(Kind.KEYPOINTS, Box(x, y, w, h), payload or b"")
        assert isinstance(shape, Keypoints)
        yield id, image, of, state, shape


def take_along(s: Session, *, ids: Iterable[int], class_id: int) -> None:
    """Before annotations get another class: their keypoints go with their names, where none of
    them would be lost (core.skeleton.followed)."""
    bones = skeletons.skeletons(s)
    new = bones.get(class_id)
    if new is None:
        return
    stored = _stored(s, id_list(AnnotationRow.id, ids))
    moved = ((id, shape, followed(shape, bones.get(of), new)) for id, _, of, _, shape in stored)
    shapes = {id: other for id, shape, other in moved if other is not shape}
    if shapes:
        write(s, shapes)


def merging(s: Session, *, sources: Iterable[int], target: int) -> Moves:
    """What becomes of the keypoints of classes whose objects get another class."""
    gone = [id for id in sources if id != target]
    bones = skeletons.skeletons(s)
    wanted = merged(bones, gone, target)
    return moves(s, gone, bones, {} if wanted is None else dict.fromkeys(gone, wanted))


def merged(bones: Mapping[int, Skeleton], sources: Iterable[int], target: int) -> Skeleton | None:
    """The skeleton of a class after others went into it: its own, else the first there is."""
    return next((bones[id] for id in (target, *sources) if id in bones), None)


def merging_sentences(s: Session, *, sources: Iterable[int], target: int, name: str) -> list[str]:
    """What a merge does to keypoints, in words, losses first; nothing where it does nothing.

    `name` is that of the target.
    """
    gone = [id for id in sources if id != target]
    found, bones = merging(s, sources=gone, target=target), skeletons.skeletons(s)
    lines = list(found.losses())
    if target not in bones and merged(bones, gone, target) is not None:
        lines.append(f"{quoted(name)} gets their skeleton.")
    called = (f"{quoted(old)} is called {quoted(new)}" for old, new in found.renamed.items())
    if words := ", ".join(called):
        lines.append(f"{words} then, for it has that place in the skeleton.")
    if found.shapes:
        lines.append(
            f"In {found.changed.reach.things} the points go with their names into the"
            f" order of {quoted(name)}."
        )
    if found.nameless and (target in bones or found.named):
        reach = found.nameless.reach
        words = f"{reach.things} {reach.do('has', 'have')} points without names, and"
        words += f" {reach.do('keeps', 'keep')} them"
        words += f"; in {found.named:,} they get names by their order" if found.named else ""
        lines.append(f"{words}.")
    return lines


def write(s: Session, shapes: Mapping[int, Keypoints]) -> None:
    """Store keypoints as they are: nobody has moved a point by hand."""
    moved = [
        (id, shape.box.x, shape.box.y, shape.box.w, shape.box.h, shape.area, pack_shape(shape))
        for id, shape in shapes.items()
    ]
    rows.change_each(s, "annotation", ("x", "y", "w", "h", "area", "payload"), moved)
