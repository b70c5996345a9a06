"""What a run gets right and wrong at one score and overlap: the values that the page shows.

An Analysis makes a Verdict; what a mistake is depends on the task (object_analysis.py,
image_analysis.py, pixel_analysis.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import LabelClass, Split
from cvstudio.core.config import Views
from cvstudio.core.forms import Answers
from cvstudio.core.geometry import Box
from cvstudio.core.metrics import Curve
from cvstudio.core.predictions import Prediction
from cvstudio.core.snapshot import Snapshot, SnapshotImage
from cvstudio.core.thresholds import Thresholds

ALL, LIKELY = "all", "likely label errors"
WRONG, WORST = "wrong class", "worst images"
COMPARED = "compared image"
"""An image that another run answers otherwise; its figure says how: "0.20 → 0.90"."""
CHOSEN = "chosen"
"""An image or an object that somebody picked elsewhere, as from a map or a slice."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to look at: an object, an image or a region that is wrong, or a cell's right one.

    `labelled` and `predicted` are class ids, 0 for nothing (segment: background). `box` is where
    to look; None is the whole image. `figure` is what the case is sorted by, under its picture.
    """

    kind: str
    image_id: int
    annotation_id: int | None
    prediction: int | None
    labelled: int
    predicted: int
    score: float | None
    box: Box | None
    figure: str


@dataclass(frozen=True, slots=True)
class Card:
    """One figure with its count, never a bare number; `value` may be not-a-number."""

    title: str
    value: float
    detail: str
    whole: bool = False
    """Shown as a whole number (a count) instead of a share."""


@dataclass(frozen=True, slots=True)
class Row:
    """One class of the per-class table; values in the order of Verdict.columns."""

    class_id: int
    values: tuple[float, ...]
    counts_from: float | None = None
    """The score from which the class counts, where it has one of its own."""


@dataclass(frozen=True, slots=True)
class KindCount:
    """One kind of error with its number, a tab of the page."""

    kind: str
    title: str
    count: int


class CasesOfKind(Protocol):
    """The cases of a kind in their order; so many of them at most, when asked: a split may have
    more than anybody can look at."""

    def __call__(self, kind: str, limit: int | None = None, /) -> list[Case]: ...


class CasesOfCell(Protocol):
    """The same of a cell of the confusion: class ids, labelled and predicted."""

    def __call__(
        self, labelled: int, predicted: int, limit: int | None = None, /
    ) -> list[Case]: ...


@dataclass(frozen=True, eq=False)
class Verdict:
    """Everything at one score and overlap."""

    cards: tuple[Card, ...]
    class_ids: tuple[int, ...]
    """Rows and columns of the confusion; 0 is nothing or background."""
    confusion: NDArray[np.int64]
    unit: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    kinds: tuple[KindCount, ...]
    cases: CasesOfKind = field(repr=False)
    cell: CasesOfCell = field(repr=False)
    answers: Answers | None = None
    """What the network reports of each object; None where it looks for none."""
    withheld: str = ""
    """Why no likely label errors are named for some classes; "" when nothing is held back."""
    likely: Callable[[int, int | None, int | None], int] | None = field(default=None, repr=False)
    """What `likely_at` says; None until likely.py has looked for likely label errors."""

    def likely_at(
        self, image_id: int, annotation_id: int | None, prediction: int | None
    ) -> int:  # fmt: skip
        """How many likely label errors are about this annotation and prediction of an image."""
        return 0 if self.likely is None else self.likely(image_id, annotation_id, prediction)


def go_on() -> None:
    """The check of work that nobody stops."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """A run's answers on a split beside the truth. Subclasses judge; the page knows only this."""

    snapshot: Snapshot
    split: Split
    images: dict[int, SnapshotImage]
    predictions: dict[int, Prediction]
    report: dict[str, Any]
    """What the evaluation wrote for this split (metrics that need no threshold)."""

    chosen: Thresholds = field(default_factory=Thresholds)
    """What holds for the run: the scores that a person gave its classes, and its temperature."""

    check: Callable[[], None] = go_on
    """Called for each image that is compared; stops the comparison by raising."""

    has_scores = False
    """Whether a score can be chosen."""

    @property
    def measure(self) -> str:
        """How well a prediction agrees with a label: by "overlap", or by "likeness" of points."""
        return "overlap"

    has_overlaps = True
    """Whether an overlap can be chosen with it."""

    @property
    def classes(self) -> tuple[LabelClass, ...]:
        return self.snapshot.classes

    def compared(self) -> Iterator[SnapshotImage]:
        """The images one by one, as they are compared."""
        for image in self.images.values():
            self.check()
            yield image

    @property
    def views(self) -> Views:
        """From how many sides the network looked at each image."""
        return Views(self.report.get("views", Views.ONE))

    def metric(self, name: str) -> float:
        """A figure of the report; not-a-number when the evaluation had none."""
        value = self.report.get("metrics", {}).get(name)
        return math.nan if value is None else float(value)

    @property
    def own_scores(self) -> Mapping[int, float | None]:
        """The scores chosen on val from which single classes count; empty where none were."""
        return self.chosen.own if self.has_scores else {}

    def judge(self, *, score: float, iou: float, own: bool = False) -> Verdict:
        """The verdict at a score and an overlap; both are ignored where there are none. With `own`
        a class counts from its own score where it has one."""
        raise NotImplementedError

    def curves(self, iou: float) -> dict[int, Curve]:
        """Precision against recall by class id; empty where it has no meaning."""
        return {}

    def best_score(self, iou: float) -> float:
        """The score with the best mean F1; not-a-number where it has no meaning."""
        return math.nan
