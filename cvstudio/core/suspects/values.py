"""What may be wrong with a label, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cvstudio.core.geometry import Box

NOTHING = 0
"""Stands in the place of a class id where nothing is labelled, or nothing is proposed."""

LEAST = 0.1
"""Doubt below which nothing is said."""
SILENCE = 0.5
"""How much it weighs that a network finds nothing, beside that it finds something."""
UNPROVEN = 0.5
"""How much it weighs what a network says of a class that it knows too little of."""


class Fault(StrEnum):
    """What is suspected of a label, or of a place without one."""

    WRONG_CLASS = "wrong class"
    OVERLOOKED = "overlooked"
    """Something is there and has no label; of a whole image: a class that it has too."""
    BADLY_PLACED = "badly placed"
    NOT_THERE = "not there"
    """A label on nothing; of a whole image: a class that it does not have."""
    WRONG_REGION = "wrong region"
    """Pixels that belong to another class or to none."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """One label, or one place without a label, that out-of-sample answers speak against.

    `labelled` and `proposed` are class ids, NOTHING for none. `doubt`, 0 .. 1, is how likely the
    label is wrong; `believed` says whether enough is known of the proposed class to claim that.
    """

    fault: Fault
    image_id: int
    annotation_id: int | None
    labelled: int
    proposed: int
    doubt: float
    believed: bool = True
    score: float | None = None
    """How sure the network is of what is proposed."""
    label_score: float | None = None
    """How sure it is of the label's class, where it says."""
    as_sure: float = 0.0
    """The share of answers as sure as this one that agree with their labels."""
    alike: int = 0
    """Labels of this class that the network takes for the proposed one."""
    overlap: float | None = None
    """That of label and answer, where there are both."""
    prediction: int | None = None
    """The place of the answer in Prediction.objects."""
    whole: bool = False
    """Of pixels: whether all that was answered here as one region is doubted together."""
    box: Box | None = None
    """Where to look, in pixels of the image, if neither label nor answer say it."""
