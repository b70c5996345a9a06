"""What can be wrong with one annotation or prediction; apart, so that the words need no arrays."""

from __future__ import annotations

from enum import StrEnum


class ErrorKind(StrEnum):
    """What can be wrong with one annotation or prediction."""

    MISSED = "missed"
    FALSE_ALARM = "false alarm"
    WRONG_CLASS = "wrong class"
    LOOSE_BOX = "loose box"
    BOTH = "wrong class and loose"
    DUPLICATE = "duplicate"


_FORMER = {"extra": ErrorKind.FALSE_ALARM.value}
"""What kinds were called in the queries and files of earlier versions."""


def kind_named(word: str) -> str:
    """The name of a kind of error as it is written everywhere, of a word that somebody typed.

    Capitals and joined words are as good: False-Alarm and false_alarm are "false alarm". A word
    that names no kind comes back in this form too.
    """
    plain = " ".join(word.casefold().replace("-", " ").replace("_", " ").split())
    return _FORMER.get(plain, plain)
