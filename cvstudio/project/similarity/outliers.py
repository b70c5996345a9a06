"""Images, or objects, that are unlike what a run was trained on: strangers, or slips of a label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cvstudio.core import similarity
from cvstudio.core.annotation import Split
from cvstudio.core.embedding import Embeddings
from cvstudio.core.errors import RunError
from cvstudio.core.words import quoted
from cvstudio.project import queries
from cvstudio.project.project import Project

NEIGHBOURS = 10
FEWEST = 5
"""Training images (or objects) without which nothing can be called unusual."""


@dataclass(frozen=True, slots=True)
class Outlier:
    """A row of the embeddings that lies far from those of train; `times` as far as is usual."""

    row: int
    image_id: int
    annotation_id: int
    times: float
    reason: str


def find(
    project: Project, embeddings: Embeddings, *, count: int = 50,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Outlier]:  # fmt: skip
    """The rows that lie farthest from the training images (or labelled objects), farthest first.

    Where fewer than five are in train, all images are what they are compared with. Objects that
    the network found are left out. Raises RunError when there are too few to compare with,
    similarity.Stopped.
    """
    with project.read() as s:
        records = queries.images(s, sorted(set(embeddings.images.tolist())))
        names = {c.id: c.name for c in queries.classes(s)}
    splits = {record.id: record.split for record in records}
    rows = np.flatnonzero(~embeddings.predicted & np.isin(embeddings.images, list(splits)))
    train = rows[[splits[int(embeddings.images[row])] is Split.TRAIN for row in rows]]
    of_train = len(train) >= FEWEST
    reference = train if of_train else rows
    if len(reference) < FEWEST:
        raise RunError("There are too few images to tell which are unusual.")
    known = embeddings.vectors[reference]
    times = np.ones(len(embeddings), np.float32)
    times[reference] = similarity.strangeness(
        known, known, NEIGHBOURS, same=True, stopped=cancelled
    )
    others = np.setdiff1d(rows, reference)
    if len(others):
        times[others] = similarity.strangeness(
            embeddings.vectors[others], known, NEIGHBOURS, stopped=cancelled
        )
    first = rows[np.argsort(-times[rows], kind="stable")[:count]]
    around = "its nearest training images" if of_train else "the images nearest to it"
    if embeddings.of_objects:
        around = around.replace("images", "objects")
    return [
        Outlier(
            int(row), int(embeddings.images[row]), int(embeddings.annotations[row]),
            float(times[row]),
            f"{times[row]:.1f} times as far from {around} as usual"
            + _class_words(embeddings, int(row), names),
        )
        for row in first
    ]  # fmt: skip


def _class_words(embeddings: Embeddings, row: int, names: dict[int, str]) -> str:
    name = names.get(int(embeddings.classes[row]))
    return f", labelled {quoted(name)}" if name is not None else ""
