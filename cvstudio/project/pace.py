"""How fast the labelling goes: images per hour in the sitting at hand, and what the rest may take.

It is read from the history: every committed change has its time, and each undo step knows its
image. Only work on one image at a time counts as images; a bulk step or an import is an act of the
person, no image done. What is undone does not count either.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from sqlalchemy.orm import Session

IDLE = 300.0
"""Seconds between two acts after which the person was away: such a gap is left out as a whole."""

SITTING = 3600.0
"""Seconds between two acts after which another sitting began."""

ENOUGH_IMAGES, ENOUGH_SECONDS = 3, 60.0
"""Before so much is done, a pace would be a guess."""

_MOST = 20_000
"""Acts that are looked at, newest first: more than a day's."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a person did: when, in seconds since 1970, and on which image.

    `image` is None for what was undone and for what touched no image or several.
    """

    at: float
    image: int | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """Images done in this sitting and the seconds of work that they took, idle time left out.

    `per_hour` is None while there is too little to tell from.
    """

    images: int = 0
    seconds: float = 0.0
    per_hour: float | None = None

    def rest(self, to_go: int) -> float | None:
        """Seconds that so many more images may take; None when nothing can be said."""
        if self.per_hour is None:
            return None
        return to_go * 3600.0 / self.per_hour


def pace(acts: Iterable[Act]) -> Pace:
    """The pace of the last sitting.

    The work before the first act of a sitting, and before the first after a rest, left no trace;
    it is taken to be as long as the gap between two acts usually is.
    """
    sitting = _last_sitting(sorted(acts, key=lambda act: act.at))
    images = len({act.image for act in sitting if act.image is not None})
    gaps = [after.at - before.at for before, after in itertools.pairwise(sitting)]
    worked = [gap for gap in gaps if gap <= IDLE]
    if not worked:
        return Pace(images)
    starts = len(sitting) - len(worked)
    seconds = sum(worked) + starts * median(worked)
    enough = images >= ENOUGH_IMAGES and seconds >= ENOUGH_SECONDS
    return Pace(images, seconds, images * 3600.0 / seconds if enough else None)


def _last_sitting(acts: list[Act]) -> list[Act]:
    """The acts after the last long break, oldest first."""
    for place in range(len(acts) - 1, 0, -1):
        if acts[place].at - acts[place - 1].at > SITTING:
            return acts[place:]
    return acts


def acts(s: Session) -> list[Act]:
    """What was done by hand on labels, newest first: the steps with their image, and each undo."""
    connection = s.connection()
    steps = connection.exec_driver_sql(
        "SELECT step.at, step.done, step.images, step.counts, min(step_image.image_id) FROM step"
        " LEFT JOIN step_image ON step_image.step_id = step.id AND step.images = 1"
        " GROUP BY step.id ORDER BY step.id DESC LIMIT ?",
        (_MOST,),
    )
    found = [
        Act(at, image if done and images == 1 else None)
        for at, done, images, counts, image in steps
        if _labels(counts)
    ]
    turned = connection.exec_driver_sql(
        "SELECT at, counts FROM history WHERE kind <> 'do' ORDER BY id DESC LIMIT ?", (_MOST,)
    )
    found += [Act(at) for at, counts in turned if _labels(counts)]
    return found


def _labels(counts: str) -> bool:
    """Whether annotations or review states changed, and no image came or went."""
    told = json.loads(counts)
    came, changed, went = told.get("image", (0, 0, 0))
    return not came and not went and bool(changed or "annotation" in told)
