"""What became of the things that were wrong with a source: sentences of an import's report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from cvstudio.core.words import counted
from cvstudio.formats.base import Problem, ProblemKind


def what_became(problems: Iterable[Problem]) -> list[str]:
    """One sentence for each kind of problem, in the order in which they first came up."""
    counts = Counter(problem.kind for problem in problems)
    return [_sentence(kind, count) for kind, count in counts.items()]


def _sentence(kind: ProblemKind, count: int) -> str:
    one, many, outcome = _WORDS[kind]
    return outcome.format(counted(count, one, many))


_WORDS: dict[ProblemKind, tuple[str, str, str]] = {
    ProblemKind.NO_AREA: ("shape", "shapes", "Left out: {} without area."),
    ProblemKind.OUTSIDE: (
        "shape that reached", "shapes that reached",
        "Cut at the border: {} past it; left out where nothing was inside.",
    ),
    ProblemKind.CLASS_UNKNOWN: (
        "entry", "entries", "Left out: {} of classes that the source does not name."
    ),
    ProblemKind.IMAGE_MISSING: (
        "image that is", "images that are", "Left out: {} not there, with the labels."
    ),
    ProblemKind.IMAGE_UNREADABLE: ("file", "files", "Left out: {} that cannot be read."),
    ProblemKind.MALFORMED: (
        "entry makes", "entries make", "{} no sense; left out where they cannot be used."
    ),
    ProblemKind.DUPLICATE: ("thing was", "things were", "{} there twice and taken once."),
    ProblemKind.SAME_CONTENT: (
        "file comes", "files come",
        "{} more than once under other names: all were taken, and copies share a split.",
    ),
    ProblemKind.NOT_TAKEN: ("thing", "things", "Left out: {} that CVStudio cannot hold."),
    ProblemKind.CARRIED: (
        "kind of shape", "kinds of shapes",
        "Kept for an export in the same format, and not shown: {} that CVStudio cannot draw.",
    ),
}  # fmt: skip
