"""What a network for objects answers with: boxes, outlines, rotated boxes or keypoints."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cvstudio.core.annotation import Task
from cvstudio.core.skeleton import Skeleton


class Answers(StrEnum):
    """What a network reports of each object."""

    BOXES = "boxes"
    OUTLINES = "outlines"
    ROTATED = "rotated boxes"
    KEYPOINTS = "keypoints"


@dataclass(frozen=True, slots=True)
class Form:
    """What a network answers with; for keypoints their skeleton, and the classes that have it."""

    answers: Answers = Answers.BOXES
    skeleton: Skeleton | None = None
    class_ids: frozenset[int] = frozenset()

    @property
    def points(self) -> int:
        """How many keypoints each object has."""
        return len(self.skeleton.names) if self.skeleton is not None else 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: {"answers"}, and of keypoints {"skeleton": {"names", "edges", "classes"}}."""
        told: dict[str, Any] = {"answers": self.answers.value}
        if self.skeleton is not None:
            told["skeleton"] = {
                "names": list(self.skeleton.names),
                "edges": [list(edge) for edge in self.skeleton.edges],
                "classes": sorted(self.class_ids),
            }
        return told

    @classmethod
    def from_json(cls, data: dict[str, Any], *, outlines: bool = False) -> Form:
        """The inverse of to_json; without "answers" boxes, or outlines. Raises ValueError for
        answers that this CVStudio does not know."""
        usual = Answers.OUTLINES if outlines else Answers.BOXES
        answers = Answers(data.get("answers", usual))
        bones = data.get("skeleton")
        if bones is None:
            return cls(answers)
        edges = tuple((int(a), int(b)) for a, b in bones["edges"])
        skeleton = Skeleton(tuple(bones["names"]), edges)
        return cls(answers, skeleton, frozenset(bones["classes"]))


ALWAYS = frozenset({Answers.BOXES, Answers.OUTLINES})
"""What networks are offered for whatever shapes the labels have."""
BOXES = Form(Answers.BOXES)
OUTLINES = Form(Answers.OUTLINES)
ROTATED = Form(Answers.ROTATED)


def plain_form(task: Task) -> Form:
    """What networks of a task answer with unless they say otherwise."""
    return OUTLINES if task is Task.INSTANCE else BOXES
