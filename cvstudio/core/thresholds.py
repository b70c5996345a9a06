"""From which score each class of a run counts, and how its sureness is corrected.

This is the one place that knows it: a person's choice on val, which is kept in thresholds.json
beside the run's report.json; else the best scores of that report; else the usual one. Files beside
the run hold the network's own scores; what is asked for here is corrected, and so are answers that
go through `corrected` (ADR 0019). Errors, queries, suggestions, Predict, reports, evaluations,
exported files and their proofs all ask here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir, read_json, write_json
from cvstudio.core.predictions import Prediction
from cvstudio.core.sureness import Correction, Platt, scores_at_temperature

FILE = "thresholds.json"
USUAL_SCORE = 0.25
"""From where answers count when no score is better than another."""


class Aim(StrEnum):
    """What the score of a class is chosen for."""

    F1 = "f1"
    PRECISION = "precision"
    RECALL = "recall"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The scores from which the answers of a run count.

    `score` is the common one; `per_class` has the score of each class by its id, None where a class
    has none of its own. They hold only where `applied`: for images with several classes always, for
    objects when a person chose them (`aim`, and the precision or recall that was `wanted`), and
    otherwise they say where the F1 of each class would be best. `temperature` divides the logits of
    a network that gives each image or each pixel one class, `platt` corrects the scores of objects;
    None leaves them as they are.
    """

    score: float | None = None
    per_class: Mapping[int, float | None] = field(default_factory=dict)
    applied: bool = False
    aim: Aim | None = None
    wanted: float | None = None
    temperature: float | None = None
    platt: Platt | None = None

    @property
    def correction(self) -> Correction | None:
        """What corrects the answers; None for nothing."""
        if self.temperature is None and self.platt is None:
            return None
        return Correction(self.temperature, self.platt)

    def corrected(self, answer: Prediction) -> Prediction:
        """An answer of the network itself, as sure as it is to be read."""
        if self.temperature is not None:
            if answer.scores:
                scores = scores_at_temperature(answer.scores, self.temperature)
                answer = replace(answer, scores=scores)
            if answer.pixels is not None:
                answer = replace(answer, pixels=answer.pixels.at(self.temperature))
        if self.platt is not None and answer.objects:
            platt = self.platt
            objects = tuple(replace(one, score=platt.of(one.score)) for one in answer.objects)
            answer = replace(answer, objects=objects)
        return answer

    def read_as(self, score: float) -> float:
        """A score of the network itself, as it is to be read."""
        return score if self.platt is None else self.platt.of(score)

    def said_as(self, score: float) -> float:
        """The network's own score that is read as this one."""
        return score if self.platt is None else self.platt.back(score)

    @property
    def own(self) -> Mapping[int, float | None]:
        """The scores of single classes as they are to be used: none where they do not hold."""
        return self.per_class if self.applied else {}

    @property
    def common(self) -> float:
        """The score from which every class counts that has none of its own."""
        return USUAL_SCORE if self.score is None else self.score

    def floors(self, class_ids: Iterable[int], score: float | None = None) -> dict[int, float]:
        """By id the score from which each class counts: one that somebody asks for, or else what
        holds."""
        own = self.own if score is None else {}
        common = self.common if score is None else score
        found = {c: own.get(c) for c in class_ids}
        return {c: common if score is None else score for c, score in found.items()}

    def to_json(self) -> dict[str, Any]:
        """What is kept, with the network's own scores: the choice alone; the common score is the
        report's."""
        return {
            "format": 1,
            "per_class": {str(key): value for key, value in self.per_class.items()}
            if self.aim is not None else {},
            "aim": self.aim.value if self.aim is not None else None,
            "wanted": self.wanted,
            "temperature": self.temperature,
            "platt": None if self.platt is None else [self.platt.slope, self.platt.shift],
        }  # fmt: skip


def thresholds_of(run: Path, *, corrected: bool = True) -> Thresholds:
    """What holds for the run in this directory, on the scale on which its answers are read: a
    person's choice, or else its report on val. Not `corrected`: on the network's own.

    Raises RunError when a file of it is damaged.
    """
    bare = _bare(run)
    if not corrected:
        return replace(bare, temperature=None, platt=None)
    if bare.platt is None:
        return bare
    own = {key: None if s is None else bare.platt.of(s) for key, s in bare.per_class.items()}
    return replace(bare, score=bare.platt.of(bare.common), per_class=own)


def _bare(run: Path) -> Thresholds:
    """The same with the network's own scores, as they are kept."""
    found = told_by(read_json(JobDir(run).report))
    return _chosen(found, read_json(run / FILE), run / FILE)


def told_by(report: Mapping[str, Any]) -> Thresholds:
    """What the content of a report.json says that was best on val, which nobody chose: the
    network's own scores, also where it was judged by corrected ones."""
    val = report.get("val", {})
    told = val.get("thresholds", {})
    platt = Platt(*val["platt"]) if val.get("platt") else None

    def own(score: float | None) -> float | None:
        return score if platt is None or score is None else platt.back(score)

    return Thresholds(
        score=own(told.get("score")),
        per_class={int(key): own(value) for key, value in told.get("per_class", {}).items()},
        applied=bool(val.get("several")),
    )


def _chosen(found: Thresholds, chosen: Mapping[str, Any], path: Path) -> Thresholds:
    if not chosen:
        return found
    try:
        if chosen["format"] > 1:
            raise RunError(f"The scores of this run were chosen by a newer CVStudio: {path}")
        temperature = chosen["temperature"]
        if temperature is not None:
            found = replace(found, temperature=_positive(temperature))
        if (platt := chosen.get("platt")) is not None:
            found = replace(found, platt=Platt(float(platt[0]), float(platt[1])))
        if chosen["aim"] is None:
            return found
        return replace(
            found,
            per_class={
                int(key): None if value is None else float(value)
                for key, value in chosen["per_class"].items()
            },
            applied=True, aim=Aim(chosen["aim"]), wanted=chosen["wanted"],
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"The chosen scores of the run are damaged: {path}") from error


def _positive(value: Any) -> float:
    number = float(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(value)
    return number


def written(run: Path) -> int:
    """When a choice was last made for the run, in nanoseconds since 1970; 0: never."""
    try:
        return (run / FILE).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def keep_scores(
    run: Path, per_class: Mapping[int, float | None], *, aim: Aim, wanted: float | None = None
) -> None:
    """From now on the classes of the run count from these scores, as its answers are read now; they
    stay the same answers when these are read otherwise."""
    bare = _bare(run)
    platt = bare.platt
    if platt is not None:
        per_class = {k: None if s is None else platt.back(s) for k, s in per_class.items()}
    _keep(run, replace(bare, per_class=per_class, aim=aim, wanted=wanted))


def forget_scores(run: Path) -> None:
    """Take back a choice of scores; they are again those of the report."""
    _keep(run, replace(_bare(run), aim=None, wanted=None))


def keep_correction(run: Path, correction: Correction | None) -> None:
    """From now on the run's answers are read so; None: as they are."""
    taken = correction or Correction()
    value = None if taken.temperature is None else _positive(taken.temperature)
    _keep(run, replace(_bare(run), temperature=value, platt=taken.platt))


def _keep(run: Path, thresholds: Thresholds) -> None:
    write_json(run / FILE, thresholds.to_json())
