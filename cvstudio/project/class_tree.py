"""Classes as a tree of kinds, what a change of them would touch, and splitting one by an attribute.

Queries first, then commands as those of commands.py. The tree is for finding and for order: a
network learns every class by itself.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import State
from cvstudio.core.attributes import (
    Attribute,
    line_of,
    pack,
    values_in,
    with_inherited,
    words_of,
)
from cvstudio.core.errors import ProjectError
from cvstudio.project import (
    attributes,
    commands,
    image_classes,
    points_moving,
    rows,
    skeletons,
)
from cvstudio.project.queries import id_list
from cvstudio.project.reach import Reach, Tally
from cvstudio.project.tables import AnnotationRow, LabelClassRow

_Count = ColumnElement[int]

# Queries


def parents(s: Session) -> dict[int, int | None]:
    """For each class, in the order of the classes, the class that it is a kind of."""
    found = select(LabelClassRow.id, LabelClassRow.parent_id)
    ordered = found.order_by(LabelClassRow.order, LabelClassRow.id)
    return {row.id: row.parent_id for row in s.execute(ordered)}


def reach_of(s: Session, ids: Iterable[int]) -> Reach:
    """The objects of these classes together, and the images on which they are."""
    found = s.execute(select(*_reach()).where(id_list(AnnotationRow.class_id, ids))).one()
    objects, images, suggested, rejected = found
    return Reach(objects, images, suggested, rejected)


def reach_by_class(s: Session) -> dict[int, Reach]:
    """The objects of each class by itself; every class is there."""
    which = AnnotationRow.class_id
    result = {id: Reach() for id in parents(s)}
    for row in s.execute(select(which, *_reach()).group_by(which)):
        id, objects, images, suggested, rejected = row
        result[id] = Reach(objects, images, suggested, rejected)
    return result


def _reach() -> tuple[_Count, _Count, _Count, _Count]:
    """What the database counts for a Reach, in the order of its fields."""
    counts = {state: func.count().filter(AnnotationRow.state == state.value) for state in State}
    image = case((AnnotationRow.state == State.ACCEPTED.value, AnnotationRow.image_id))
    return (
        counts[State.ACCEPTED], func.count(image.distinct()),
        counts[State.SUGGESTED], counts[State.REJECTED],
    )  # fmt: skip


def attribute_values(s: Session, class_id: int) -> dict[str, dict[str, Reach]]:
    """For each attribute of a class's objects its values in words, with how many have each."""
    found: dict[tuple[str, str], Tally] = defaultdict(Tally)
    for _, image, state, key, value in _attributes(s, class_id):
        found[key, value].add(state, image)
    result: dict[str, dict[str, Reach]] = {}
    for (key, value), tally in sorted(found.items(), key=lambda item: item[0]):
        result.setdefault(key, {})[value] = tally.reach
    return result


def _attributes(s: Session, class_id: int) -> Iterable[tuple[int, int, str, str, str]]:
    """Annotation, image, state, attribute and value in words, for all that a class's objects
    carry."""
    row = AnnotationRow
    found = select(row.id, row.image_id, row.state, row.attributes).where(
        row.class_id == class_id, row.attributes.is_not(None)
    )
    for id, image, state, text in s.execute(found):
        for key, value in values_in(json.loads(text or "{}")).items():
            yield id, image, state, key, words_of(value)


# Commands


def arrange(s: Session, tree: Sequence[tuple[int, int | None]]) -> None:
    """Put the classes into this order and under these parents: (class, parent) pairs.

    Raises ProjectError when a class would be a kind of itself.
    """
    known = parents(s)
    wanted = known | {id: parent for id, parent in tree if id in known}
    for id in wanted:
        _refuse_circle(wanted, id)
    commands.reorder_classes(s, ids=[id for id, _ in tree])
    rows.change_each(s, "label_class", ("parent_id",), list(wanted.items()))


def set_parent(s: Session, *, id: int, parent_id: int | None) -> None:
    """Say what a class is a kind of. Raises ProjectError when that would be itself."""
    order = parents(s) | {id: parent_id}
    arrange(s, list(order.items()))


def merge(s: Session, *, sources: Iterable[int], target: int) -> None:
    """Give the objects of the sources to the target and remove them; their kinds follow.

    The target asks for the attributes of the sources too, unless it has some of that name, and has
    the skeleton of the first source that has one, unless it has its own; keypoints go with their
    names into it (points_moving.py).
    """
    gone = [id for id in sources if id != target]
    wanted, bones = attributes.asked(s), skeletons.skeletons(s)
    points_moving.write(s, points_moving.merging(s, sources=gone, target=target).shapes)
    heirloom = points_moving.merged(bones, gone, target)
    if heirloom is not None:
        bones[target] = heirloom
    wanted[target] += gained(s, target, gone)
    for id in gone:
        _leave(s, id, target)
    commands.merge_classes(s, source=gone, target=target)
    image_classes.say_once(s, class_id=target)
    _go_on_asking(s, wanted)
    skeletons.keep(s, bones)


def delete(s: Session, *, ids: Iterable[int]) -> None:
    """Remove classes with their objects; their kinds move up to where they were, and go on asking
    for the attributes that they had from them."""
    wanted, bones = attributes.asked(s), skeletons.skeletons(s)
    for id in ids:
        _leave(s, id, None)
        commands.delete_class(s, id=id)
    _go_on_asking(s, wanted)
    skeletons.keep(s, bones)


def gained(s: Session, id: int, others: Iterable[int]) -> tuple[Attribute, ...]:
    """What the others ask and a class does not, by name."""
    asked = attributes.asked(s)
    known = {each.name for each in asked.get(id, ())}
    found: dict[str, Attribute] = {}
    for other in others:
        for each in asked.get(other, ()):
            if each.name not in known:
                found.setdefault(each.name, each)
    return tuple(found.values())


def _go_on_asking(s: Session, wanted: Mapping[int, Sequence[Attribute]]) -> None:
    """Let each class ask for what it asked before, whatever it is a kind of now."""
    tree, own = parents(s), attributes.own(s)
    now = with_inherited(own, tree)
    for id in sorted(tree, key=lambda each: len(line_of(tree, each))):
        missing = {each.name: each for each in wanted.get(id, ()) if each not in now[id]}
        if missing:
            kept = [each for each in own.get(id, ()) if each.name not in missing]
            own[id] = (*kept, *missing.values())
            rows.change(s, "label_class", [id], attributes=pack(own[id]))
            now = with_inherited(own, tree)


def _leave(s: Session, id: int, heir: int | None) -> None:
    """Take a class out of the tree: its kinds go to the heir, or to what it was a kind of."""
    tree = parents(s)
    above = tree.get(id)
    kinds = [kind for kind, parent in tree.items() if parent == id and kind != heir]
    if heir is not None and id in line_of(tree, heir):
        rows.change(s, "label_class", [heir], parent_id=above)
    rows.change(s, "label_class", kinds, parent_id=above if heir is None else heir)


def split_by_attribute(s: Session, *, id: int, attribute: str) -> list[int]:
    """Give the objects of a class to a class for each value of an attribute; returns their ids.

    The new classes are kinds of the old one, which keeps the objects without the attribute. A class
    of such a name that is there already is used. Who made the objects stays as it was.
    """
    by_value: dict[str, list[int]] = defaultdict(list)
    for annotation, _, _, key, value in _attributes(s, id):
        if key == attribute:
            by_value[value].append(annotation)
    if not by_value:
        raise ProjectError(f"No object of this class has the attribute “{attribute}”.")
    name = s.scalar(select(LabelClassRow.name).where(LabelClassRow.id == id))
    made = []
    for value, ids in sorted(by_value.items()):
        title = split_name(str(name), attribute, value)
        there = s.scalar(select(LabelClassRow.id).where(LabelClassRow.name == title))
        kind = commands.add_class(s, name=title) if there is None else there
        if there is None:
            rows.change(s, "label_class", [kind], parent_id=id)
        rows.change(s, "annotation", ids, class_id=kind)
        made.append(kind)
    return made


def split_name(name: str, attribute: str, value: str) -> str:
    """What the class for a value is called: "RBC round", "RBC crushed: yes"."""
    return f"{name} {attribute}: {value}" if value in ("yes", "no") else f"{name} {value}"


def _refuse_circle(tree: Mapping[int, int | None], id: int) -> None:
    if id in line_of(tree, tree[id]):
        raise ProjectError("A class cannot be a kind of itself, nor of one of its kinds.")
