"""Changing the skeleton of a class: what that does to keypoints is known before, and is one undo
step."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from cvstudio.core.errors import ProjectError
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.skeleton import Skeleton, pack, with_inherited
from cvstudio.project import class_tree, points_moving, rows, skeletons
from cvstudio.project.reach import Reach


@dataclass(frozen=True, slots=True)
class Plan:
    """What another skeleton of a class does; `lost` says whether points go."""

    class_id: int
    skeleton: Skeleton | None
    reach: Reach
    shapes: dict[int, Keypoints]
    moved: Reach
    """Whose points become others."""
    lost: tuple[str, ...] = ()
    """What goes, a sentence for each point."""

    def sentences(self) -> list[str]:
        """The plan in words, losses first."""
        have = self.reach.do("has", "have")
        told = f"{self.reach} {have} keypoints of this class."
        lines = [*self.lost, told if self.reach.rows else "No object of this class has keypoints."]
        if self.shapes:
            lines.append(f"Their points go with their names in {self.moved.things}.")
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
    moved = points_moving.moves(s, concerned, before, after)
    return Plan(
        class_id, skeleton, moved.objects.reach, moved.shapes, moved.changed.reach, moved.losses()
    )


def define(s: Session, *, class_id: int, skeleton: Skeleton | None) -> Plan:
    """Give a class another skeleton, or none; the points of its objects go with their names."""
    made = plan(s, class_id=class_id, skeleton=skeleton)
    rows.change(s, "label_class", [class_id], skeleton=pack(skeleton))
    points_moving.write(s, made.shapes)
    return made
