"""Changing the skeleton of a class: what that does to keypoints is known before, and is one undo
step."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Kind, pack_shape, unpack_shape
from cvstudio.core.errors import ProjectError
from cvstudio.core.geometry import Box
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.skeleton import Skeleton, pack, rearranged, with_inherited
from cvstudio.core.words import counted, quoted
from cvstudio.project import class_tree, rows, skeletons
from cvstudio.project.class_tree import Reach
from cvstudio.project.finding import id_list
from cvstudio.project.tables import AnnotationRow


@dataclass(frozen=True, slots=True)
class Plan:
    """What another skeleton of a class does; `lost` says whether points go."""

    class_id: int
    skeleton: Skeleton | None
    reach: Reach
    shapes: dict[int, Keypoints]
    lost: tuple[str, ...] = ()
    """What goes, a sentence for each point."""

    def sentences(self) -> list[str]:
        """The plan in words, losses first."""
        have = "has" if self.reach.objects == 1 else "have"
        lines = [*self.lost, f"{self.reach} {have} keypoints of this class."]
        if self.shapes:
            many = counted(len(self.shapes), "object")
            lines.append(f"Their points go with their names in {many}.")
        return lines


def plan(s: Session, *, class_id: int, skeleton: Skeleton | None) -> Plan:
    """What another skeleton would do. Raises ProjectError when there can be no such.

    Points go with their names; where objects have another number of points than the skeleton had,
    or it had none, they keep them as they are.
    """
    if skeleton is not None and (problem := skeleton.problem()):
        raise ProjectError(problem)
    mine, tree = skeletons.own(s), class_tree.parents(s)
    before = with_inherited(mine, tree)
    changed = {id: each for id, each in mine.items() if id != class_id}
    after = with_inherited(changed | ({class_id: skeleton} if skeleton else {}), tree)
    concerned = [id for id in tree if id == class_id or before.get(id) != after.get(id)]
    objects, images = 0, set()
    shapes: dict[int, Keypoints] = {}
    lost: dict[str, list[int]] = {}
    row = AnnotationRow
    stored = select(row.id, row.image_id, row.class_id, row.x, row.y, row.w, row.h, row.payload)
    stored = stored.where(row.kind == Kind.KEYPOINTS.value, id_list(row.class_id, concerned))
    for id, image, of, x, y, w, h, payload in s.execute(stored):
        objects += 1
        images.add(image)
        old, new = before.get(of), after.get(of)
        shape = unpack_shape(Kind.KEYPOINTS, Box(x, y, w, h), payload or b"")
        assert isinstance(shape, Keypoints)
        if old is None or new is None or len(shape.points) != len(old.names):
            continue
        places = new.moved_from(old)
        for gone in set(range(len(old.names))) - set(places):
            if shape.points[gone, 2] > 0:
                lost.setdefault(old.names[gone], []).append(id)
        moved = rearranged(shape, places)
        if moved != shape:
            shapes[id] = moved
    told = tuple(
        f"{counted(len(ids), 'object')} {'loses' if len(ids) == 1 else 'lose'} {quoted(name)}."
        for name, ids in lost.items()
    )
    return Plan(class_id, skeleton, Reach(objects, len(images)), shapes, told)


def define(s: Session, *, class_id: int, skeleton: Skeleton | None) -> Plan:
    """Give a class another skeleton, or none; the points of its objects go with their names."""
    made = plan(s, class_id=class_id, skeleton=skeleton)
    rows.change(s, "label_class", [class_id], skeleton=pack(skeleton))
    # Written as they are: nobody has moved a point by hand.
    moved = [
        (id, shape.box.x, shape.box.y, shape.box.w, shape.box.h, shape.area, pack_shape(shape))
        for id, shape in made.shapes.items()
    ]
    rows.change_each(s, "annotation", ("x", "y", "w", "h", "area", "payload"), moved)
    return made
