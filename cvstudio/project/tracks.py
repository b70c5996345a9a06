"""One object over the images of a sequence: its key shapes, and what is put between and after them.

Annotations of one object share a number under `track_id`. A key shape is one that a person drew or
edited, that was imported, or that a network found and a person kept; everything else of the track
was computed, says by what (`suggested_by`), and may be computed anew. Nothing here changes a key.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import (
    Annotation,
    Shape,
    Source,
    State,
    area_of,
    box_of,
    kind_of,
    pack_shape,
)
from cvstudio.core.clipping import clipped
from cvstudio.core.interpolation import between
from cvstudio.project import commands, queries, rows
from cvstudio.project.finding_attributes import READABLE
from cvstudio.project.sequences import Sequence, sequence_of
from cvstudio.project.suggestions import MAKER
from cvstudio.project.tables import AnnotationRow

TRACK = "track_id"
"""The attribute that says which object an annotation is; COCO files call it the same."""
INTERPOLATION, TRACKER = "Interpolation", "Tracker"
"""Who made a shape that is no key, under MAKER."""

Gap = tuple[int, int, tuple[int, ...]]
"""Two neighbouring key images of an object, and the images that lie between them."""

Placed = tuple[Shape, float | None]
"""A computed shape and its score."""

_RENEWED = (
    "kind", "x", "y", "w", "h", "area", "payload", "score", "state", "attributes",
)  # fmt: skip
_NOT_OF_COPIES = (MAKER, "coco")


@dataclass(frozen=True)
class Track:
    """An object as it is now. `keys` and `others` are annotations by image, without the rejected;
    `id` is None for an object of one shape that has no number yet."""

    id: int | None
    class_id: int
    sequence: Sequence
    keys: Mapping[int, Annotation]
    others: Mapping[int, Annotation] = field(default_factory=dict)

    def key_images(self) -> list[int]:
        """The images with a key shape, in order."""
        return [i for i in self.sequence.ids if i in self.keys]

    def gaps(self) -> list[Gap]:
        """Neighbouring key images with the images that lie between them, where there are some."""
        places, ids = self.sequence.places, self.sequence.ids
        pairs = itertools.pairwise(self.key_images())
        found = ((a, b, ids[places[a] + 1 : places[b]]) for a, b in pairs)
        return [gap for gap in found if gap[2]]

    def gaps_beside(self, image_id: int) -> list[Gap]:
        """The gaps that end or begin at a key image."""
        return [gap for gap in self.gaps() if image_id in gap[:2]]

    def computed_in(self, gaps: Collection[Gap]) -> int:
        """How many images of these gaps hold a computed shape."""
        return sum(image in self.others for gap in gaps for image in gap[2])

    def beside(self, image_id: int, step: int) -> int:
        """The next (1) or previous (-1) image with a key shape; 0 for none."""
        here = self.sequence.places.get(image_id, -1)
        places = [self.sequence.places[i] for i in self.key_images()]
        further = [p for p in places if (p > here if step > 0 else p < here)]
        if not further:
            return 0
        return self.sequence.ids[min(further) if step > 0 else max(further)]


def track_id(annotation: Annotation) -> int | None:
    """The number of the object that an annotation is; None when it has none."""
    found = annotation.attributes.get(TRACK)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def is_key(annotation: Annotation) -> bool:
    """Whether a person stands for this shape, or has kept what a network found."""
    return annotation.state is State.ACCEPTED and not is_computed(annotation)


def is_computed(annotation: Annotation) -> bool:
    """Whether the shape was interpolated or tracked, and may be computed anew."""
    made = annotation.attributes.get(MAKER) in (INTERPOLATION, TRACKER)
    return made and annotation.source is Source.NETWORK


def track_of(s: Session, annotation: Annotation) -> Track:
    """The track of an annotation; of itself alone when it has no number."""
    return tracks_of(s, [annotation])[0]


def tracks_of(s: Session, annotations: Iterable[Annotation]) -> list[Track]:
    """The tracks of annotations of one image, in their order."""
    wanted = list(annotations)
    if not wanted:
        return []
    sequence = sequence_of(s, wanted[0].image_id)
    numbers = {number for number in map(track_id, wanted) if number is not None}
    members = _members(s, sequence.ids, numbers) if numbers else {}
    return [_track(each, sequence, members) for each in wanted]


def _track(
    annotation: Annotation, sequence: Sequence, members: Mapping[int, list[Annotation]]
) -> Track:
    number = track_id(annotation)
    if number is None:
        alone = {annotation.image_id: annotation} if is_key(annotation) else {}
        return Track(None, annotation.class_id, sequence, alone)
    return _collected(sequence, number, annotation.class_id, members.get(number, ()))


def find_track(s: Session, image_id: int, number: int) -> Track | None:
    """The object of a number in the sequence of an image; None when it is nowhere there."""
    sequence = sequence_of(s, image_id)
    found = _collected(sequence, number, 0, _members(s, sequence.ids, [number]).get(number, ()))
    members = [*found.keys.values(), *found.others.values()]
    return replace(found, class_id=members[0].class_id) if members else None


def _collected(
    sequence: Sequence, number: int, class_id: int, members: Iterable[Annotation]
) -> Track:
    keys: dict[int, Annotation] = {}
    others: dict[int, Annotation] = {}
    for each in members:
        if is_key(each):
            keys.setdefault(each.image_id, each)
        elif each.state is not State.REJECTED:
            others.setdefault(each.image_id, each)
    others = {image: each for image, each in others.items() if image not in keys}
    return Track(number, class_id, sequence, keys, others)


def _members(
    s: Session, image_ids: Collection[int], numbers: Collection[int]
) -> dict[int, list[Annotation]]:
    """The annotations of objects on some images, by the object's number, in drawing order."""
    found = s.execute(
        select(*queries.ANNOTATION)
        .where(queries.id_list(AnnotationRow.image_id, image_ids))
        .where(AnnotationRow.attributes.is_not(None))
        .where(func.json_extract(READABLE, f"$.{TRACK}").in_(numbers))
        .order_by(AnnotationRow.z, AnnotationRow.id)
    )
    members: dict[int, list[Annotation]] = {}
    for each in map(queries.as_annotation, found):
        number = track_id(each)
        if number is not None:
            members.setdefault(number, []).append(each)
    return members


def partner(s: Session, annotation: Annotation) -> Annotation | None:
    """What `partners` finds for one annotation."""
    return partners(s, [annotation]).get(annotation.id)


def partners(s: Session, annotations: Iterable[Annotation]) -> dict[int, Annotation]:
    """For annotations of one image, by id, the shape of the same class that is most likely the
    same object: on the nearest image that has shapes of this class without a number, before if
    there is one, and there the one whose middle is nearest, no shape being taken twice. Those
    without one are left out, and so are all where no image lies between."""
    found: dict[int, Annotation] = {}
    by_class: dict[int, list[Annotation]] = {}
    for each in annotations:
        by_class.setdefault(each.class_id, []).append(each)
    if by_class:
        sequence = sequence_of(s, next(iter(by_class.values()))[0].image_id)
        for members in by_class.values():
            found |= _paired(members, _free_beside(s, sequence, members[0]))
    return found


def _paired(mine: list[Annotation], others: list[Annotation]) -> dict[int, Annotation]:
    """Which of some shapes belongs to which: the nearest first, then exchanged as long as that
    makes the ways shorter in sum, so that a row of objects that moves on by one stays a row."""
    found: dict[int, Annotation] = {}
    taken: set[int] = set()
    pairs = itertools.product(mine, others)
    for one, other in sorted(pairs, key=lambda pair: _apart(*pair)):
        if one.id not in found and other.id not in taken:
            found[one.id] = other
            taken.add(other.id)
    better = True
    while better:
        better = False
        paired = [one for one in mine if one.id in found]
        for one, two in itertools.combinations(paired, 2):
            a, b = found[one.id], found[two.id]
            if _apart(one, b) + _apart(two, a) < _apart(one, a) + _apart(two, b) - 1e-9:
                found[one.id], found[two.id] = b, a
                better = True
    return found


def _free_beside(s: Session, sequence: Sequence, annotation: Annotation) -> list[Annotation]:
    """The shapes of a class without a number on the nearest image that has some; none when no
    image lies between."""
    here = sequence.places[annotation.image_id]
    found = s.execute(
        select(AnnotationRow.id, AnnotationRow.image_id)
        .where(queries.id_list(AnnotationRow.image_id, sequence.ids))
        .where(AnnotationRow.class_id == annotation.class_id)
        .where(AnnotationRow.state == State.ACCEPTED.value)
        .where(AnnotationRow.image_id != annotation.image_id)
        .where(AnnotationRow.kind != "image")
        .where(
            func.coalesce(func.json_type(AnnotationRow.attributes, f"$.{TRACK}"), "") != "integer"
        )
    ).all()
    by_place: dict[int, list[int]] = {}
    for id, image_id in found:
        by_place.setdefault(sequence.places[image_id], []).append(id)
    before = sorted((p for p in by_place if p < here), reverse=True)
    for place in (*before, *sorted(p for p in by_place if p > here)):
        there = [queries.annotation(s, id) for id in by_place[place]]
        free = [a for a in there if a is not None and is_key(a) and track_id(a) is None]
        if free:
            return free if abs(place - here) > 1 else []
    return []


def _apart(a: Annotation, b: Annotation) -> float:
    dx = a.box.x + a.box.w / 2 - b.box.x - b.box.w / 2
    dy = a.box.y + a.box.h / 2 - b.box.y - b.box.h / 2
    return dx * dx + dy * dy


def shapes_between(
    track: Track, gaps: Collection[Gap], *, told: Callable[[int, int], None] = lambda *_: None
) -> dict[int, Placed]:
    """The shape of the object on each image of these gaps, by image. Masks take a while: `told` is
    called with how many images are done and of how many; it may raise to stop."""
    shapes: dict[int, Placed] = {}
    total = sum(len(images) for _, _, images in gaps)
    for first, last, images in gaps:
        start, end = track.keys[first].shape, track.keys[last].shape
        for image_id in images:
            told(len(shapes), total)
            share = track.sequence.share(first, last, image_id)
            shapes[image_id] = (between(start, end, share), None)
    return shapes


# -- commands


def link(s: Session, *, ids: Collection[int]) -> int:
    """Make annotations one object; returns its number. One that has a number already gives it."""
    members = [a for a in (queries.annotation(s, id) for id in ids) if a is not None]
    number = next((t for t in map(track_id, members) if t is not None), None)
    if number is None:
        number = _free_number(s)
    for each in members:
        if track_id(each) != number:
            commands.set_attributes(s, id=each.id, attributes={**each.attributes, TRACK: number})
    return number


def _free_number(s: Session) -> int:
    highest = s.scalar(
        select(func.max(func.json_extract(READABLE, f"$.{TRACK}")))
        .where(AnnotationRow.attributes.is_not(None))
        .where(func.json_type(READABLE, f"$.{TRACK}") == "integer")
    )
    return int(highest or 0) + 1


def place(
    s: Session,
    *,
    track: Track,
    shapes: Mapping[int, Placed],
    maker: str,
    state: State = State.SUGGESTED,
) -> int:
    """Put computed shapes of an object on images, as suggestions or accepted; returns how many.

    Key shapes and locked ones stay. A computed shape that is there gets the new form, and stays
    accepted when a person has accepted it; a rejected one gives way, for this was asked for. Shapes
    are cut at the image's edge; of one that lies outside nothing is put.
    """
    assert track.id is not None
    present = _present(s, shapes, track.id)
    sizes, tops = queries.sizes(s, shapes), queries.tops(s, shapes)
    attributes = _carried(track)
    new, renewed, gone, placed = [], [], [], 0
    for image_id, (shape, score) in shapes.items():
        there = present.get(image_id, ())
        if image_id not in sizes or any(is_key(a) or a.locked for a in there):
            continue
        width, height = sizes[image_id]
        inside = clipped(shape, width=width, height=height)
        old = [a for a in there if is_computed(a) and a.state is not State.REJECTED]
        gone += [a.id for a in there if a.state is State.REJECTED and is_computed(a)]
        if inside is None:
            gone += [a.id for a in old]
            continue
        placed += 1
        if old:
            renewed.append(_renewed(old[0], inside, score, {**attributes, MAKER: maker}, state))
            gone += [a.id for a in old[1:]]
            continue
        new.append(
            commands.annotation_row(
                image_id=image_id, class_id=track.class_id, shape=inside, width=width,
                height=height, z=tops.get(image_id, -1) + 1, source=Source.NETWORK, score=score,
                attributes={**attributes, TRACK: track.id, MAKER: maker}, state=state,
            )
        )  # fmt: skip
    if gone:
        commands.delete_annotations(s, ids=gone)
    rows.change_each(s, "annotation", _RENEWED, renewed)
    rows.add(s, "annotation", commands.ANNOTATION_COLUMNS, new)
    commands.follow_review(s, list(shapes))
    return placed


def _present(s: Session, image_ids: Collection[int], number: int) -> dict[int, list[Annotation]]:
    found: dict[int, list[Annotation]] = {}
    for each in _members(s, image_ids, [number]).get(number, ()):
        found.setdefault(each.image_id, []).append(each)
    return found


def _carried(track: Track) -> dict[str, Any]:
    """What the object's first key shape says of it besides its place."""
    keys = track.key_images()
    found = track.keys[keys[0]].attributes if keys else {}
    return {key: value for key, value in found.items() if key not in _NOT_OF_COPIES}


def _renewed(
    old: Annotation, shape: Shape, score: float | None, attributes: dict[str, Any], state: State
) -> tuple[Any, ...]:
    """The row of a computed annotation with another shape: its id and the values of _RENEWED. It
    stays computed, stays accepted, and keeps what was said of it."""
    box = box_of(shape)
    said = {**attributes, **_own(old), MAKER: attributes[MAKER]}
    accepted = State.ACCEPTED in (old.state, state)
    return (
        old.id, kind_of(shape).value, float(box.x), float(box.y), float(box.w), float(box.h),
        float(area_of(shape)), pack_shape(shape) or None, score,
        (State.ACCEPTED if accepted else old.state).value, json.dumps(said, ensure_ascii=False),
    )  # fmt: skip


def _own(annotation: Annotation) -> dict[str, Any]:
    return {key: value for key, value in annotation.attributes.items() if key != MAKER}
