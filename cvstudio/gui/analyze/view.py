"""What a view of the Analyze page is, and what it is told: the run, the split and the threshold.

    class SlicesView(View):
        name, title = "slices", "Slices"

        def show_subject(self, subject): ...   # another run, split, evaluation, score or overlap
        def release(self): ...                 # the project closes: stop timers, drop threads

A view gets a new Subject whenever one of its parts changes while the view is in front, and the
newest one when it comes to the front. It never reaches into the page: it asks with its signals.
What takes longer than a frame is computed in a thread (gui/latest_wins.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from cvstudio.core.annotation import LabelClass, Split
from cvstudio.core.metrics import Curve
from cvstudio.core.metrics.resampling import Draws
from cvstudio.gui.analyze.since import Since
from cvstudio.gui.studio import Studio
from cvstudio.project import likely
from cvstudio.project.records import RunRecord
from cvstudio.project.verdict import Analysis, Case, Verdict


@dataclass(frozen=True, eq=False)
class Subject:
    """What is looked at: a run's answers on a split, and the threshold they are judged at.

    `score` is the confidence from which predictions count, `overlap` the IoU from which they fit;
    `own`: each class counts from a score of its own where it has one. `draws` are the images drawn
    again and again for intervals: (draws, images). `judged_at`: when the evaluation was made, in
    seconds since 1970.
    """

    run: RunRecord
    split: Split
    analysis: Analysis
    draws: Draws
    score: float
    overlap: float
    own: bool = False
    judged_at: float = 0.0

    @property
    def classes(self) -> Mapping[int, LabelClass]:
        """The classes of the run by id."""
        return {c.id: c for c in self.analysis.classes}

    @cached_property
    def verdict(self) -> Verdict:
        """What is right and wrong at this threshold; computed when first asked."""
        return likely.judged(self.analysis, score=self.score, iou=self.overlap, own=self.own)

    @cached_property
    def curves(self) -> dict[int, Curve]:
        """Precision against recall by class id; empty where the task has none."""
        return self.analysis.curves(self.overlap)

    def same_answers(self, other: Subject | None) -> bool:
        """Whether another subject is about the same evaluation, whatever its threshold."""
        return other is not None and other.analysis is self.analysis

    def same_place(self, other: Subject | None) -> bool:
        """Whether another subject is about the same run and split, maybe judged again since."""
        return other is not None and (other.run.id, other.split) == (self.run.id, self.split)


class View(QWidget):
    """One way to look at a run. Made when it is first shown; the page keeps it until it closes."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""

    cases_wanted = Signal(str, object)
    """Show these cases (a sequence of Case) as crops on Errors; the words name them there."""
    label_wanted = Signal(int, object, object)
    """Open an image on Label: its id, the id of an annotation or None, a Box to look at or None."""
    score_wanted = Signal(float)
    """Judge everything from this score on."""
    reload_wanted = Signal()
    """What lies with the run changed (its own scores, another evaluation): read it again."""
    evaluate_wanted = Signal()
    """Judge the run again, on the labels of now."""
    status_changed = Signal()
    """`status` says something else."""
    verbs_changed = Signal()
    """`why_not` answers otherwise."""
    judging_changed = Signal()
    """`judges` says something else."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self.studio = studio
        self.status: tuple[str, ...] = ()
        """The words in the status bar while the view is in front."""

    def show_subject(self, subject: Subject) -> None:
        """Show this; often the same answers at another threshold."""
        raise NotImplementedError

    def release(self) -> None:
        """The project closes; the view will be deleted."""

    def show_changes(self, since: Since) -> None:
        """Labels changed since the evaluation, or no longer do: mark what that concerns."""

    def show_like(self, image_id: int) -> None:
        """Show what the network takes for most like an image, where the view can."""

    def take_focus(self) -> None:
        """The view came to the front: give the keys to what they mostly serve."""
        self.setFocus()

    @property
    def judges(self) -> bool:
        """Whether the split and the threshold above make a difference to what is shown."""
        return True

    @property
    def foot(self) -> QWidget | None:
        """What stands at the bottom and must not be covered by a passing word."""
        return None

    # -- the verbs of the page: keys and menus reach the view in front

    def why_not(self, verb: str) -> str:
        """Why "fix", "keep", "next" or "previous" does nothing now; "" when it does something."""
        return f"Nothing to go through in {self.title}"

    def step(self, by: int) -> None:
        """Go so many things on, or back."""

    def fix(self) -> None:
        """Put the label at hand right."""

    def keep(self) -> None:
        """The label at hand is right."""

    def say(self, *texts: str) -> None:
        """Other words for the status bar."""
        if texts != self.status:
            self.status = texts
            self.status_changed.emit()


def image_cases(images: Mapping[int, str], *, kind: str) -> list[Case]:
    """Whole images as cases of a kind, with the figure that stands under each, in their order."""
    return [Case(kind, i, None, None, 0, 0, None, None, figure) for i, figure in images.items()]
