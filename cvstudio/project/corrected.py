"""What correcting labels did: to the figure of a run, and by training again on them.

A run that was judged again answers as before, and is held to other labels; a run that was trained
again with the same settings answers otherwise. Both differences come with the range of a paired
bootstrap, over the images that both were judged on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cvstudio.core.annotation import Split
from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.metrics.resampling import Difference, difference
from cvstudio.core.run_state import best_metric
from cvstudio.core.snapshot import read_snapshot
from cvstudio.project import analysis, better_worse, certainty, comparing, runs
from cvstudio.project.better_worse import ImageChange
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus
from cvstudio.project.verdict import Analysis


@dataclass(frozen=True)
class Effect:
    """A run's main figure by the labels that it was first judged by, and by those of now."""

    metric: str
    before: float
    after: float
    change: Difference | None
    """With its range; None where there are too few images to tell."""
    images: tuple[ImageChange, ...]
    """Whose figure is another one, the largest change first; in the order of what they changed."""

    @property
    def better(self) -> int:
        """How many images the answers fit better than before."""
        return sum(image.gain > 0 for image in self.images)


@dataclass(frozen=True)
class Again:
    """A run that was trained like an older one, on other labels: how much better it is."""

    older: RunRecord
    newer: RunRecord
    metric: str
    change: Difference | None
    relabelled: int
    """Images whose labels differ between the two."""


def effect(run: JobDir, split: Split) -> Effect | None:
    """What the labels that changed since did to a run's figure on a split; None where it was judged
    once. The answers of the first evaluation are held to those of the newest."""
    there = analysis.evaluations(run, split)
    if len(there) < 2:
        return None
    before, after = (analysis.load_from(place, run, split) for place in (there[0], there[-1]))
    if type(before) is not type(after) or before.views is not after.views:
        return None  # looked at from other sides: what differs is not the labels alone
    both = [i for i in after.images if i in before.images and _answered(i, before, after)]
    if not both:
        return None
    first, second = certainty.only(before, both), certainty.only(after, both)
    once = np.ones((1, len(both)), np.float32)
    old, new = (float(certainty.main_figure(a, once)[0]) for a in (first, second))
    drawn = certainty.draws_for(second)
    known = None
    if not math.isnan(new - old):
        known = difference(
            new - old, certainty.main_figure(second, drawn), certainty.main_figure(first, drawn),
            images=len(both),
        )  # fmt: skip
    figures = better_worse.figures(first), better_worse.figures(second)
    changed = [
        ImageChange(i, figures[0][i], figures[1][i])
        for i in both if i in figures[0] and i in figures[1] and figures[0][i] != figures[1][i]
    ]  # fmt: skip
    changed.sort(key=lambda c: (-abs(c.gain), c.image_id))
    return Effect(_metric(after), old, new, known, tuple(changed))


def trained_again(project: Project, run: RunRecord, split: Split) -> Again | None:
    """The newest pair of a run and one with the same settings that learned from other labels of the
    same images: `run` is one of the two. A fold, which is judged on images of its own, is no pair
    of a run outside its experiment. None where there is none that was judged on the split."""
    like = runs.config_of(run)
    others = [
        other for other in runs.all_runs(project)
        if other.id != run.id and other.experiment_id == run.experiment_id
        and RunStatus(other.status).has_network and runs.whole(other)
        and not comparing.settings([like, runs.config_of(other)])
        and split in analysis.judged_splits(runs.job_of(other))
    ]  # fmt: skip
    own = read_snapshot(runs.job_of(run).snapshot)
    for other in reversed(others):
        theirs = read_snapshot(runs.job_of(other).snapshot)
        older, newer = (other, run) if other.id < run.id else (run, other)
        before, after = (theirs, own) if other.id < run.id else (own, theirs)
        relabelled = len(comparing.data(before, after).relabelled)
        if not relabelled:
            continue
        try:
            new, old = (analysis.load(runs.job_of(each), split) for each in (newer, older))
        except RunError:
            continue  # its answers are gone since
        if new.views is old.views:
            change = certainty.compare(new, old)
            return Again(older, newer, _metric(new), change, relabelled)
    return None


def _metric(analysed: Analysis) -> str:
    return best_metric(analysed.snapshot.task, several=bool(analysed.report.get("several")))


def _answered(image_id: int, before: Analysis, after: Analysis) -> bool:
    return image_id in before.predictions and image_id in after.predictions
