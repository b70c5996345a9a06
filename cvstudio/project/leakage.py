"""Images of val and test that look like images of train: figures on them say too much.

The quick check before a training, which says only what is beyond doubt; a person who wants to look
for themselves gets more from similarity/duplicates.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

from cvstudio.core.annotation import Split
from cvstudio.imaging import likeness
from cvstudio.imaging.likeness import Looks
from cvstudio.project.project import Project
from cvstudio.project.similarity.looks import looks_of

Pairs = tuple[tuple[int, int], ...]
"""Of an image of train, and one of val or test that looks like it."""

COMPARING = 10.0
"""Seconds after which comparing is given up: 20,000 images take less."""


def _nothing(_done: int, _total: int) -> None:
    """Progress that nobody follows."""


def near_duplicates(
    project: Project,
    divided: Mapping[int, Split],
    *,
    cancelled: Callable[[], bool] = lambda: False,
    progress: Callable[[int, int], None] = _nothing,
) -> Pairs | None:
    """The pairs (image of train, image of val or test that looks like it); None when cancelled.

    Slow the first time, as thumbnails are made where there are none: call it in a thread.
    """
    looks = looks_of(project, divided, cancelled=cancelled, progress=progress)
    return _pairs(looks, divided, cancelled)


def near_in_time(
    project: Project, divided: Mapping[int, Split], *, seconds: float, comparing: float = COMPARING
) -> tuple[Pairs | None, int]:
    """The same of what can be known soon, for whoever does not want to wait, and how many images it
    does not tell of.

    Images that were looked at before count at once. Others are looked at for so many seconds, those
    of val and test first, and that is kept. The pairs are None when comparing them takes longer
    than `comparing` seconds.
    """
    judged_first = sorted(divided, key=lambda image: divided[image] is Split.TRAIN)
    looking = _Deadline(seconds)
    looks = looks_of(project, judged_first, cancelled=looking.over, progress=_nothing)
    left = len(divided) - len(looks) if looking.met else 0  # else those cannot be read
    pairs = _pairs(looks, divided, _Deadline(comparing).over)
    return (None, len(divided)) if pairs is None else (pairs, left)


class _Deadline:
    """Seconds from now, and whether somebody asked after they were over: `met`."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self.met = False

    def over(self) -> bool:
        self.met = self.met or time.monotonic() >= self._end
        return self.met


def _pairs(
    looks: Mapping[int, Looks], divided: Mapping[int, Split], cancelled: Callable[[], bool]
) -> Pairs | None:
    train = [image for image in looks if divided[image] is Split.TRAIN]
    judged = [image for image in looks if divided[image] is not Split.TRAIN]
    if cancelled():
        return None
    if not train or not judged:
        return ()
    found = likeness.alike(
        np.stack([looks[image] for image in train]),
        np.stack([looks[image] for image in judged]),
        cancelled=cancelled,
    )
    return None if cancelled() else tuple((train[a], judged[b]) for a, b in found)
