"""What may have been meant by words in the query box that are in no file's name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from cvstudio.core.words import counted
from cvstudio.project import finding, queries
from cvstudio.project.records import ImageFilter

_MOST = 2


@dataclass(frozen=True)
class Offer:
    """A filter that may have been meant: "20 images with class:person"."""

    words: str
    filter: ImageFilter


def offers(session: Any, current: ImageFilter) -> tuple[Offer, ...]:
    """Filters in the place of the words, the likeliest first; only those that show images."""
    if not current.text:
        return ()
    meant = (
        replace(current, text="", query=query) for query in finding.readings(session, current.text)
    )
    counts = ((each, queries.image_count(session, each)) for each in meant)
    found = (Offer(f"{counted(n, 'image')} with {f.query}", f) for f, n in counts if n)
    return tuple(islice(found, _MOST))
