"""Images of val and test that look like images of train: figures on them say too much.

The quick check before a training, which says only what is beyond doubt; a person who wants to look
for themselves gets more from similarity/duplicates.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from cvstudio.core.annotation import Split
from cvstudio.imaging import likeness
from cvstudio.project.project import Project
from cvstudio.project.similarity.looks import looks_of


def near_duplicates(
    project: Project,
    divided: Mapping[int, Split],
    *,
    cancelled: Callable[[], bool] = lambda: False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[tuple[int, int], ...] | None:
    """The pairs (image of train, image of val or test that looks like it); None when cancelled.

    Slow the first time, as thumbnails are made where there are none: call it in a thread.
    """
    looks = looks_of(project, divided, cancelled=cancelled, progress=progress)
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
