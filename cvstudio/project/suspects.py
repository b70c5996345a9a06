"""A suspect: a label that is likely wrong, or a place that likely lacks one."""

from __future__ import annotations

from dataclasses import dataclass

from cvstudio.core.annotation import Shape
from cvstudio.core.geometry import Box
from cvstudio.core.suspects.values import Fault

LIKELY = 0.5
"""From this doubt on a label is more likely wrong than right."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """One label, or one place without a label, that is likely wrong.

    `labelled` and `proposed` are class ids, 0 for none. `box` is where to look, None is the whole
    image; `shape` is what is drawn when the proposal is taken, None where nothing is. `doubt` 0 ..
    1 says how surely the label is wrong, `reason` says why in a sentence or two, `score` is how
    sure the network is, `run_id` is the run whose answer speaks against the label.
    """

    fault: Fault
    image_id: int
    annotation_id: int | None
    labelled: int
    proposed: int
    box: Box | None
    shape: Shape
    doubt: float
    score: float | None
    reason: str
    run_id: int
