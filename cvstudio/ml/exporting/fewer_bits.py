"""What proves a file of fewer bits: its metric where that can tell, else its answers themselves.

Numbers change everywhere when bits go, so such a file is held to what it loses of the metric. Of a
network that has learned next to nothing, or on a handful of images, there is nothing to lose: then
the file has to give the run's own answers, and where these say nothing either, it is neither proven
nor refused. ADR 0021 tells why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from cvstudio.core.annotation import Task
from cvstudio.core.metrics import nothing_right
from cvstudio.core.metrics.trust import by_guessing
from cvstudio.core.snapshot import SnapshotImage
from cvstudio.core.words import counted, percent
from cvstudio.ml.exporting.agreement import Agreement
from cvstudio.ml.exporting.proof import Check, at_least
from cvstudio.ml.load import LoadedNetwork

LEAST_SHARE = 0.9
"""Of the run's answers, those that a file must give too where its metric cannot tell."""
LEAST_ANSWERS = 30
"""Of 30 answers that all agree at most one in ten can differ, with 95 % certainty: 0.9^30 < 0.05.
As many labels must be there for a metric to tell."""
MOST_ANYWAY = 0.75
"""Answers of which more than this would hold for any other image too do not hang on the image."""
LEAST_LEARNED = 0.1
"""How far a metric must lie above guessing to tell what is lost of it."""
MOST_IMAGES = 100
"""Images that answers are compared on; where val has fewer, others are taken as well."""


class By(StrEnum):
    """What a file of fewer bits was judged by."""

    METRIC = "metric"
    ANSWERS = "answers"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Judged:
    """What a file was judged by, and where nothing could: in words, why not."""

    by: By
    checks: tuple[Check, ...]
    unjudged: str = ""
    because: str = ""


@dataclass(frozen=True, slots=True)
class Standard:
    """What the metric of a run can tell of a file: `figures` are those of the run, as judge() gives
    them, on the images that files are held to."""

    taught: bool
    """Whether it does better than guessing."""
    learned: float
    """How far its metric lies above guessing."""
    labels: int

    @classmethod
    def of(
        cls, network: LoadedNetwork, metric: float | None, figures: Mapping[str, Any],
        images: Sequence[SnapshotImage],
    ) -> Standard:  # fmt: skip
        """From the run's own figures."""
        guessed = by_guessing(network.task, figures)
        learned = 0.0 if metric is None else metric - guessed
        taught = metric is not None and not nothing_right(network.task, figures)
        return cls(taught, learned, _labels(network.task, figures, images))

    def tells(self, drop: float) -> bool:
        """Whether the metric would show it if a file lost what the network has learned."""
        enough = self.labels >= LEAST_ANSWERS and self.learned >= LEAST_LEARNED
        return self.taught and enough and self.learned > drop


def _labels(task: Task, figures: Mapping[str, Any], images: Sequence[SnapshotImage]) -> int:
    if task is Task.SEGMENT:  # of pixels there are always many: regions count
        return sum(len({a.class_id for a in image.annotations}) for image in images)
    return int(figures["counts"]["labelled"])


def judge_by_metric(metric: Check, standard: Standard, drop: float) -> Judged | None:
    """The verdict where the metric gives one: it tells, or is lost. None: ask for the answers."""
    if metric.passed is False and standard.taught:
        return Judged(By.METRIC, (metric,))
    if metric.passed is True and standard.tells(drop):
        return Judged(By.METRIC, (metric,))
    return None


def judge_by_answers(metric: Check, standard: Standard, found: Agreement) -> Judged:
    """The verdict by the answers of a file, where the metric gives none."""
    told = metric if standard.taught else replace(metric, passed=None, allowed=None)
    rows = agreement_checks(metric.precision, found)
    held = (told, *agreement_checks(metric.precision, found, held=True))
    on = counted(found.images, "image")
    many = counted(found.answers, "answer")
    if found.answers < LEAST_ANSWERS and (standard.taught or found.images < LEAST_ANSWERS):
        because = f"On {on} the run gives {many}; {LEAST_ANSWERS} are needed to tell."
        return Judged(By.NOTHING, (told, *rows), TOO_FEW, because)
    if found.answers < LEAST_ANSWERS:
        few = f"no more than {many}" if found.answers else "no answer"
        because = f"On {on} the run gives {few} that count{'' if found.answers > 1 else 's'}."
    elif found.anyway > MOST_ANYWAY:
        because = (
            f"{percent(found.anyway)} of the run's answers on {on} would be the same for another"
            " image."
        )
    elif found.share >= LEAST_SHARE or standard.taught:
        return Judged(By.ANSWERS, held)
    else:
        because = (
            f"It gives {percent(found.share)} of the run's answers on {on}, but these are no better"
            " than guesses, which a rounding can turn."
        )
    why = TOO_ALIKE if standard.taught else TOO_LITTLE
    return Judged(By.NOTHING, (told, *rows), why, because)


TOO_LITTLE = "the network has learned too little for this file to be judged"
TOO_ALIKE = "the run's answers are too alike for this file to be judged"
TOO_FEW = "there are too few images for this file to be judged"


def agreement_checks(precision: str, found: Agreement, *, held: bool = False) -> tuple[Check, ...]:
    """How far answers agree, as lines of the verification; not `held`, they only inform."""
    limit = LEAST_SHARE if held else None
    anyway = MOST_ANYWAY if held else None
    share = at_least("Share of the run's answers", precision, found.share, limit, 1)
    by_chance = Check(
        "Share that its answers to other images have", precision, found.anyway, anyway,
        None if anyway is None else found.anyway <= anyway,
    )  # fmt: skip
    return share, by_chance
