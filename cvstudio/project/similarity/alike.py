"""What looks most like one image, or one object, to a network: its nearest embeddings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cvstudio.core import similarity
from cvstudio.core.embedding import Embeddings


@dataclass(frozen=True, slots=True)
class Alike:
    """A row of the embeddings with how alike it is to the one asked about: the cosine of their
    angle about the mean of all, 1 for the same, 0 for nothing in common."""

    row: int
    image_id: int
    annotation_id: int
    alike: float


def find(
    embeddings: Embeddings, row: int, *, count: int = 50,
    stopped: Callable[[], bool] = lambda: False,
) -> list[Alike]:  # fmt: skip
    """The rows most like `row`, the most alike first and without itself. Raises
    similarity.Stopped."""
    about_mean = similarity.centred(embeddings.vectors, embeddings.vectors)
    others = np.delete(np.arange(len(embeddings)), row)
    found = similarity.nearest(
        about_mean[[row]], about_mean[others], count, stopped=stopped
    )  # fmt: skip
    return [
        Alike(
            int(place), int(embeddings.images[place]), int(embeddings.annotations[place]),
            1 - float(distance),
        )
        for place, distance in zip(others[found.places[0]], found.distances[0], strict=True)
    ]  # fmt: skip
