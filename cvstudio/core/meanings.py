"""The words that the program explains, read from resources/words.md: in Help, and in reports."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from cvstudio.core.resources import resources

_WORD = re.compile(r"\*\*(?P<name>[^*]+)\*\*(?: \((?P<also>[^)]*)\))?: (?P<text>.+)")


@dataclass(frozen=True)
class Word:
    """A word, what else it is called, and what it means in a sentence or two."""

    name: str
    also: tuple[str, ...]
    text: str
    group: str


@cache
def words() -> tuple[Word, ...]:
    """All words in the order of the file."""
    text = (resources() / "words.md").read_text(encoding="utf-8")
    found: list[Word] = []
    group = ""
    for paragraph in text.split("\n\n"):
        line = " ".join(paragraph.split())
        if line.startswith("## "):
            group = line.removeprefix("## ")
        elif match := _WORD.fullmatch(line):
            also = tuple(filter(None, (match["also"] or "").split(", ")))
            found.append(Word(match["name"], also, match["text"].replace("*", ""), group))
    return tuple(found)


@cache
def meaning(name: str) -> Word | None:
    """The word that is called so, or is also called so; None for one that Help does not explain."""
    wanted = name.casefold()
    by_name = (w for w in words() if w.name.casefold() == wanted)
    by_other = (w for w in words() if wanted in (a.casefold() for a in w.also))
    return next(by_name, None) or next(by_other, None)
