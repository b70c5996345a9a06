"""Small parts of sentences: numbers with their nouns, and names that look alike."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: counted(20_000, "image") is "20,000 images".

    `many` is for other plurals, and for a noun with its verb: "image is", "images are".
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def percent(share: float) -> str:
    """A share from 0 to 1 as people read it: percent(0.126) is "13 %", with ISO 80000's space."""
    return f"{100 * share:.0f} %"


def minus(figures: str) -> str:
    """Figures with a minus sign in the place of each hyphen, which is narrower than a plus."""
    return figures.replace("-", "\N{MINUS SIGN}")


def first_names(names: Sequence[str], most: int = 3) -> str:
    """The first of some names, and how many more there are: "a.jpg, b.jpg and 4 more"."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


_CHOICE = re.compile(r"\[(?:([^\[\]|]*)\|)?([^\[\]|]*)\]")


def agreed(number: int, words: str) -> str:
    """A number with the rest of its sentence, where "[is|are]" stands for what agrees with it.

    "[s]" is an ending for many: agreed(1, "box[es] [was|were] left out") is "1 box was left out".
    """
    one = number == 1
    return f"{number:,} " + _CHOICE.sub(lambda m: (m[1] or "") if one else m[2], words)


def quoted(name: str) -> str:
    """A name in a sentence, always in quotes: it may be a number, or several words, or a verb.

    Names in lists, tables and chips stand alone and have none. Quotes inside become single ones.
    """
    inside = name.replace("“", "‘").replace("”", "’")
    return f"“{inside}”"


def size_words(size: int) -> str:
    """A file's size: "1.4 MB". A MB is 10^6 bytes (ISO 80000-13), as the makers of disks and the
    pages of downloads count; memory of devices is told elsewhere, by their makers' 2^30."""
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= step:
            return f"{size / step:.1f} {unit}"
    return f"{size} bytes"


def folder_names(folders: Iterable[str]) -> dict[str, str]:
    """The last name of each folder, and as much of its parents as tells it from another one.

    "/a/coco/train" and "/b/coco/train" are "a/…/train" and "b/…/train"; "/a/val" is "val". The
    root and the empty path have no name.
    """
    parts = {folder: tuple(part for part in folder.split("/") if part) for folder in folders}
    tails = Counter(path[-n:] for path in parts.values() for n in range(1, len(path) + 1))
    apart = {}
    for folder, path in parts.items():
        lengths = (n for n in range(1, len(path) + 1) if tails[path[-n:]] == 1)
        apart[folder] = path[-next(lengths, len(path)) :] if path else ()
    short = {f: "/".join((t[0], "…", t[-1]) if len(t) > 2 else t) for f, t in apart.items()}
    often = Counter(short.values())
    return {f: name if often[name] == 1 else "/".join(apart[f]) for f, name in short.items()}


def look_alikes(names: Iterable[str], present: Iterable[str]) -> dict[str, str]:
    """For each new name that another one equals but for case, spaces and underscores, that one.

    Names that the project has come first: "platelets" joins "Platelets".
    """
    seen: dict[str, str] = {}
    for name in present:
        seen.setdefault(_bare(name), name)
    found = {}
    for name in names:
        other = seen.setdefault(_bare(name), name)
        if other != name:
            found[name] = other
    return found


def alike_sentences(names: Iterable[str], present: Iterable[str]) -> list[str]:
    """Advice for each new name that may be a slip for another one."""
    return [
        f"{quoted(name)} and {quoted(other)} differ only in case, spaces or dashes:"
        " one of them may be a slip."
        for name, other in look_alikes(names, present).items()
    ]


def _bare(name: str) -> str:
    return "".join(name.casefold().replace("_", " ").replace("-", " ").split())


def ordinal(number: int) -> str:
    """A number as a place in an order: 1st, 2nd, 3rd, 4th, 11th, 21st."""
    teens = 10 <= number % 100 <= 20
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"
