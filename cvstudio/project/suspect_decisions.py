"""What a person decides about suspects: fix the label, keep it, or send its image back.

A decision is kept with the project, one setting an image, in the same undo step as what it does to
labels. It holds for every run: a label that was kept is not suspected again of the same thing.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from cvstudio.core.annotation import Annotation, Shape, Source, State, Task, area_of
from cvstudio.core.combine import How, combined
from cvstudio.core.geometry import Polygon
from cvstudio.core.masks import Mask
from cvstudio.core.suspects.values import NOTHING, Fault
from cvstudio.core.words import counted
from cvstudio.project import commands, image_classes, queries, rejecting
from cvstudio.project.project import Project
from cvstudio.project.suspects import Suspect
from cvstudio.project.suspects_settled import (
    KEPT_CASES,
    KEY,
    Decided,
    Decision,
    Settled,
    read,
    settled,
)

__all__ = [
    "KEPT_CASES", "Decided", "Decision", "Outcome", "Settled", "counts", "decide", "decisions",
    "forget", "note", "settled",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of suspects: how many were decided on, and in words why others were not."""

    done: int
    left: tuple[str, ...] = ()


def decisions(project: Project) -> list[Decided]:
    """Every decision, oldest first."""
    with project.read() as s:
        found = [d for each in settled(s).by_image.values() for d in each]
    return sorted(found, key=lambda d: d.at)


def counts(project: Project, run_ids: Iterable[int] | None = None) -> Counter[Decision]:
    """How many suspects were fixed, kept and rejected; of some runs, when asked."""
    wanted = None if run_ids is None else set(run_ids)
    return Counter(
        d.decision for d in decisions(project) if wanted is None or d.run_id in wanted
    )  # fmt: skip


def decide(
    project: Project, suspects: Sequence[Suspect], decision: Decision, *,
    source: object = None, reason: str = "",
) -> Outcome:  # fmt: skip
    """Decide on suspects, in one undo step. What can no longer be done is left, and said.

    `reason` goes with images that are sent back; without one it is the suspects' own.
    """
    done: list[Suspect] = []
    left: list[str] = []
    with project.transaction(_step(suspects, decision), source=source) as s:
        for suspect in suspects:
            why = _why_not(s, suspect, decision)
            if why:
                left.append(why)
                continue
            if decision is Decision.FIXED:
                _fix(s, project.task, suspect)
            elif decision is Decision.DELETED:
                commands.delete_annotations(s, ids=[_label_of(suspect)])
            done.append(suspect)
        if decision is Decision.REJECTED:
            _send_back(s, done, reason)
        note(s, done, decision)
    return Outcome(len(done), tuple(dict.fromkeys(left)))


def forget(project: Project, suspects: Iterable[Decided], *, source: object = None) -> None:
    """Take decisions back, so that the same is suspected again; labels stay as they are."""
    gone = defaultdict(list)
    for each in suspects:
        gone[each.image_id].append(each)
    with project.transaction("Suspect again", source=source) as s:
        for image_id, some in gone.items():
            left = [d for d in _of_image(s, image_id) if d not in some]
            _store(s, image_id, left)


def _step(suspects: Sequence[Suspect], decision: Decision) -> str:
    many = counted(len(suspects), "suspected label")
    match decision:
        case Decision.FIXED:
            return f"Fix {many}"
        case Decision.KEPT:
            return f"Keep {many}"
        case Decision.DELETED:
            return f"Delete {many}"
        case Decision.REJECTED:
            return f"Send back {many}"


# Fixing


def _why_not(s: Session, suspect: Suspect, decision: Decision) -> str:
    """Why the label cannot be changed so any more; "" when it can, or stays as it is."""
    if decision not in (Decision.FIXED, Decision.DELETED):
        return ""
    if not queries.images(s, [suspect.image_id]):
        return "An image is no longer there."
    if suspect.labelled == NOTHING:
        return "There is no label to delete." if decision is Decision.DELETED else ""
    there = queries.annotations_of(s, [suspect.image_id])[suspect.image_id]
    label = next((a for a in there if a.id == suspect.annotation_id), None)
    if label is None or label.class_id != suspect.labelled:
        return "A label is no longer what was suspected."
    cleared = decision is Decision.FIXED and suspect.fault is Fault.WRONG_REGION
    others = [a for a, _ in _without_pixels(there, suspect)] if cleared else []
    if any(a.locked for a in (label, *others)):
        return "A label is locked: unlock it to change it."
    badly = suspect.fault is Fault.BADLY_PLACED and suspect.shape is None
    if badly and decision is Decision.FIXED:
        return "The network answers with boxes, which cannot take the place of an outline."
    return ""


def _fix(s: Session, task: Task, suspect: Suspect) -> None:
    match suspect.fault:
        case Fault.WRONG_CLASS if task is Task.CLASSIFY:
            commands.set_image_class(s, image_ids=[suspect.image_id], class_id=suspect.proposed)
        case Fault.WRONG_CLASS:
            commands.set_class(s, ids=[_label_of(suspect)], class_id=suspect.proposed)
        case Fault.BADLY_PLACED:
            commands.set_shape(s, id=_label_of(suspect), shape=suspect.shape)
        case Fault.NOT_THERE:
            commands.delete_annotations(s, ids=[_label_of(suspect)])
        case Fault.OVERLOOKED if task is Task.CLASSIFY:
            _give(s, suspect)
        case Fault.WRONG_REGION if suspect.proposed == NOTHING:
            _clear(s, suspect)
        case Fault.OVERLOOKED | Fault.WRONG_REGION:
            commands.add_annotation(
                s, image_id=suspect.image_id, class_id=suspect.proposed, shape=suspect.shape,
                source=Source.NETWORK, score=suspect.score, run_id=suspect.run_id,
            )  # fmt: skip


def _clear(s: Session, suspect: Suspect) -> None:
    """Take pixels out of every label of the suspected class that has some of them."""
    there = queries.annotations_of(s, [suspect.image_id])[suspect.image_id]
    for a, left in _without_pixels(there, suspect):
        if left is None:
            commands.delete_annotations(s, ids=[a.id])
        else:
            commands.set_shape(s, id=a.id, shape=left)


def _without_pixels(
    there: Iterable[Annotation], suspect: Suspect
) -> Iterator[tuple[Annotation, Shape]]:
    """The labels that have some of a suspect's pixels, each with what is left of it, if anything
    is; none where the pixels belong to another class, which is drawn over them."""
    if suspect.proposed != NOTHING:
        return
    assert isinstance(suspect.shape, Mask)
    for a in there:
        counts = a.class_id == suspect.labelled and a.state is State.ACCEPTED
        if not counts or not isinstance(a.shape, Polygon | Mask):
            continue
        left = combined([a.shape, suspect.shape], How.SUBTRACT)
        if left is None or area_of(left) < area_of(a.shape):
            yield a, left


def _give(s: Session, suspect: Suspect) -> None:
    """Give an image a class that it has too."""
    held = image_classes.classes_of(s, [suspect.image_id]).get(suspect.image_id, [])
    if suspect.proposed not in held:
        image_classes.toggle(s, image_ids=[suspect.image_id], class_id=suspect.proposed)


def _label_of(suspect: Suspect) -> int:
    assert suspect.annotation_id is not None
    return suspect.annotation_id


def _send_back(s: Session, suspects: Sequence[Suspect], reason: str) -> None:
    by_reason: dict[str, list[int]] = defaultdict(list)
    for suspect in suspects:
        by_reason[reason.strip() or suspect.reason].append(suspect.image_id)
    for words, image_ids in by_reason.items():
        rejecting.reject(s, image_ids=image_ids, reason=words)


# Keeping what was decided


def note(s: Session, suspects: Sequence[Suspect], decision: Decision) -> None:
    """Keep a decision with the project, in place of older ones about the same."""
    by_image: dict[int, list[Suspect]] = defaultdict(list)
    for suspect in suspects:
        by_image[suspect.image_id].append(suspect)
    for image_id, some in by_image.items():
        old = [d for d in _of_image(s, image_id) if not any(d.about(one) for one in some)]
        new = [
            Decided(
                decision, one.fault, image_id, one.annotation_id, one.labelled, one.proposed,
                one.box, one.run_id, time.time(),
            )
            for one in some
        ]  # fmt: skip
        _store(s, image_id, [*old, *new])


def _of_image(s: Session, image_id: int) -> list[Decided]:
    return list(read(image_id, queries.setting(s, f"{KEY}{image_id}", [])))


def _store(s: Session, image_id: int, found: Sequence[Decided]) -> None:
    told = [
        {
            "decision": d.decision.value, "fault": d.fault.value, "annotation": d.annotation_id,
            "labelled": d.labelled, "proposed": d.proposed, "run": d.run_id, "at": d.at,
            "xywh": [d.box.x, d.box.y, d.box.w, d.box.h] if d.box is not None else None,
        }
        for d in found
    ]  # fmt: skip
    commands.set_setting(s, f"{KEY}{image_id}", told or None)
