"""What a person has decided about suspects, as the project keeps it: one setting an image."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core.geometry import Box, overlap
from cvstudio.core.suspects.values import NOTHING, Fault
from cvstudio.project.suspects import Suspect
from cvstudio.project.tables import SettingRow

KEY = "suspects."
KEPT_CASES = "analyze.kept."
"""Where likely label errors that a person kept lie, by run: [image, annotation or 0, answer]."""
_SAME_PLACE = 0.5
"""Overlap from which two places without a label are the same one."""


class Decision(StrEnum):
    """What a person decides about a suspect."""

    FIXED = "fixed"
    """The proposal is right, and taken."""
    KEPT = "kept"
    """The label is right as it is."""
    DELETED = "deleted"
    """There is nothing to label: the label is deleted, whatever was proposed."""
    REJECTED = "rejected"
    """Neither is right: the image waits for review again, with the reason."""


_LASTING = (Decision.KEPT, Decision.REJECTED)
"""What leaves the label as it is."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision, and the suspect that it is about. `at` is seconds since 1970."""

    decision: Decision
    fault: Fault
    image_id: int
    annotation_id: int | None
    labelled: int
    proposed: int
    box: Box | None
    run_id: int
    at: float

    def about(self, suspect: Suspect) -> bool:
        """Whether it settles a suspect of whatever run: the same thing of the same label."""
        if (self.image_id, self.fault, self.labelled) != (
            suspect.image_id, suspect.fault, suspect.labelled,
        ):  # fmt: skip
            return False
        if self.labelled != NOTHING and self.fault is not Fault.WRONG_REGION:
            return self.annotation_id == suspect.annotation_id
        if self.proposed != suspect.proposed:
            return False
        if self.box is None or suspect.box is None:
            return self.box is suspect.box
        return overlap(self.box, suspect.box) >= _SAME_PLACE


@dataclass(frozen=True)
class Settled:
    """All decisions, by image, and the labels that were kept among the likely label errors."""

    by_image: dict[int, tuple[Decided, ...]]
    kept: frozenset[tuple[int, int]] = frozenset()
    """Images and annotations."""

    def holds(self, suspect: Suspect) -> bool:
        """Whether a person has decided to leave a suspect. One that was fixed does not come again
        by itself, and if another network doubts the new label, that is to be seen."""
        if (suspect.image_id, suspect.annotation_id) in self.kept:
            return True
        return any(
            d.decision in _LASTING and d.about(suspect)
            for d in self.by_image.get(suspect.image_id, ())
        )


def settled(s: Session) -> Settled:
    """Every decision as the project holds it."""
    stored = select(SettingRow.key, SettingRow.value).where(SettingRow.key.startswith(KEY))
    by_image = {
        int(key.removeprefix(KEY)): tuple(read(int(key.removeprefix(KEY)), json.loads(value)))
        for key, value in s.execute(stored)
    }
    others = select(SettingRow.value).where(SettingRow.key.startswith(KEPT_CASES))
    kept = {
        (image_id, annotation_id)
        for value in s.scalars(others)
        for image_id, annotation_id, _prediction in json.loads(value)
        if annotation_id
    }
    return Settled(by_image, frozenset(kept))


def read(image_id: int, stored: Iterable[dict[str, Any]]) -> Iterable[Decided]:
    """The decisions on an image, from how they are stored."""
    for one in stored:
        box = Box(*one["xywh"]) if one["xywh"] is not None else None
        yield Decided(
            Decision(one["decision"]), Fault(one["fault"]), image_id, one["annotation"],
            one["labelled"], one["proposed"], box, one["run"], one["at"],
        )  # fmt: skip
