"""Which images a run gets wrong, by kind of error, as queries ask for them.

A run has to be compared with its labels once for that, which takes seconds where it has found very
much: `uncompared` tells whether a query waits for it, `compare` does it, in any thread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core import thresholds
from cvstudio.core.annotation import Split
from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.project import analysis, likely
from cvstudio.project.query_language import QueryError, Term, parse
from cvstudio.project.suspects_settled import Settled, settled
from cvstudio.project.tables import RunRow
from cvstudio.project.verdict import Case, go_on

log = logging.getLogger(__name__)

_IOU = 0.5
LABEL_ERROR = "likely label error"
"""What a query calls a case of likely.py."""
ByKind = Mapping[str, frozenset[int]]


@dataclass(frozen=True, eq=False)
class _Errors:
    """What an evaluation found: images by kind of error, and the suspects among their labels."""

    by_kind: ByKind
    likely: tuple[Case, ...]

    def images(self, kind: str, settled: Settled) -> frozenset[int]:
        """The images of a kind; without those whose suspects a person has all decided on."""
        if kind != LABEL_ERROR:
            return self.by_kind.get(kind, frozenset())
        return frozenset(
            case.image_id for case in self.likely if not settled.holds(likely.suspect_of(case))
        )


@dataclass(frozen=True)
class Evaluation:
    """A run's answers on one split, as they were written at one moment."""

    run_id: int
    run: Path
    split: Split
    job: Path
    written: tuple[int, int]
    """When the answers were, and the scores that a person chose for the run (0: none)."""


class _Compared:
    """The errors of each evaluation, computed once, by whichever thread asks first.

    What fails is kept too: the same files would fail again.
    """

    def __init__(self) -> None:
        self._found: dict[Evaluation, _Errors | RunError] = {}
        self._at_work: dict[Evaluation, threading.Lock] = {}
        self._door = threading.Lock()

    def holds(self, evaluation: Evaluation) -> bool:
        """Whether its errors are known by now."""
        with self._door:
            return evaluation in self._found

    def errors(self, evaluation: Evaluation, check: Callable[[], None] = go_on) -> _Errors:
        """What it found; who asks while another thread computes waits for that one."""
        with self._door:
            lock = self._at_work.setdefault(evaluation, threading.Lock())
        with lock:
            with self._door:
                found = self._found.get(evaluation)
            if found is None:
                found = _errors_or_why_not(evaluation, check)
                self._keep(evaluation, found)
        if isinstance(found, RunError):
            raise RunError(found.message, hint=found.hint) from found
        return found

    def _keep(self, evaluation: Evaluation, found: _Errors | RunError) -> None:
        """Keep it in the place of what an earlier evaluation of that split said."""
        with self._door:
            same = (evaluation.run, evaluation.split)
            for old in [e for e in self._found if (e.run, e.split) == same]:
                del self._found[old]
            self._found[evaluation] = found
            self._at_work.pop(evaluation, None)


_compared = _Compared()


def judged_runs(s: Session, ids: Sequence[int]) -> list[JobDir]:
    """Those of these runs that have been judged; without ids the newest one, if there is any."""
    return [JobDir(path) for _id, path in _judged(s, ids)]


def images_with_errors(s: Session, ids: Sequence[int], kinds: Sequence[str]) -> set[int]:
    """The images on which these runs (none: the newest judged one) make errors of these kinds.

    Each run is judged from the scores that hold for it (core/thresholds.py), on every split that
    it was evaluated on. Raises RunError where its files are damaged.
    """
    found: set[int] = set()
    known = settled(s)
    for evaluation in _evaluations(s, ids):
        errors = _compared.errors(evaluation)
        for kind in (*errors.by_kind, LABEL_ERROR) if "any" in kinds else kinds:
            found |= errors.images(kind, known)
    return found


def uncompared(s: Session, query: str) -> tuple[Evaluation, ...]:
    """The evaluations that have to be compared with their labels before a query can be answered."""
    try:
        terms = parse(query)
    except QueryError:
        return ()
    if not any(term.key == "error" for term in terms):
        return ()
    return tuple(e for e in _evaluations(s, runs_named(terms)) if not _compared.holds(e))


def compare(evaluations: Iterable[Evaluation], check: Callable[[], None]) -> None:
    """Compare runs with their labels, so that queries about their errors are answered at once.

    `check` is called between two images, and stops it by raising. A run whose files are damaged is
    told when its errors are asked for.
    """
    for evaluation in evaluations:
        with suppress(RunError):
            _compared.errors(evaluation, check)


def runs_named(terms: Iterable[Term]) -> list[int]:
    """The runs whose errors the terms of a query speak of; none: the newest judged one."""
    return [int(v) for term in terms if term.key == "run" and not term.negated for v in term.values]


def _judged(s: Session, ids: Sequence[int]) -> list[tuple[int, Path]]:
    stored = select(RunRow.id, RunRow.directory).order_by(RunRow.id.desc())
    if ids:
        stored = stored.where(RunRow.id.in_(ids))
    found = ((row.id, s.info["path"] / row.directory) for row in s.execute(stored))
    judged = (each for each in found if analysis.judged_splits(JobDir(each[1])))
    return list(judged if ids else islice(judged, 1))


def _evaluations(s: Session, ids: Sequence[int]) -> list[Evaluation]:
    return [
        Evaluation(
            id, path, split, job.path,
            (job.predictions(split).stat().st_mtime_ns, thresholds.written(path)),
        )
        for id, path in _judged(s, ids)
        for split, job in analysis.judged_splits(JobDir(path)).items()
    ]  # fmt: skip


def _errors_or_why_not(evaluation: Evaluation, check: Callable[[], None]) -> _Errors | RunError:
    try:
        return _errors(evaluation, check)
    except (RunError, OSError, ValueError, LookupError) as error:
        log.warning("run %s on %s", evaluation.run_id, evaluation.split, exc_info=True)
        words = f"The files of run {evaluation.run_id} on {evaluation.split} are damaged."
        return RunError(words, hint=f"Evaluate it on {evaluation.split} again. ({error})")


def _errors(evaluation: Evaluation, check: Callable[[], None]) -> _Errors:
    loaded = analysis.load(JobDir(evaluation.run), evaluation.split, check=check)
    verdict = loaded.judge(score=loaded.chosen.common, iou=_IOU, own=True)
    by_kind = {
        each.kind: frozenset(case.image_id for case in verdict.cases(each.kind))
        for each in verdict.kinds
    }
    told = likely.of(loaded)
    return _Errors(by_kind, () if told is None else told.cases)
