"""The annotations of one image as arrays, so that thousands are culled and hit in one step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Annotation
from cvstudio.core.geometry import Box
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.skeleton import Edges, Skeleton


@dataclass(frozen=True)
class ShapeLayer:
    """Annotations that have a shape, in drawing order (the last one lies on top)."""

    annotations: tuple[Annotation, ...] = ()
    skeletons: Mapping[int, Skeleton] = field(default_factory=dict)
    """By class."""

    @classmethod
    def of(
        cls, annotations: Iterable[Annotation], skeletons: Mapping[int, Skeleton] | None = None
    ) -> ShapeLayer:
        """The layer of an image's annotations; image-level ones have no place on it."""
        return cls(tuple(a for a in annotations if a.shape is not None), skeletons or {})

    def edges_of(self, class_id: int, shape: Keypoints) -> Edges:
        """The edges of keypoints of a class both of whose ends have a place."""
        found = self.skeletons.get(class_id)
        return found.edges_of(shape) if found is not None else ()

    def __len__(self) -> int:
        return len(self.annotations)

    @cached_property
    def corners(self) -> NDArray[np.float64]:
        """Shape (n, 4): left, top, right, bottom in pixels."""
        rows = [(a.box.x, a.box.y, a.box.right, a.box.bottom) for a in self.annotations]
        return np.array(rows, np.float64).reshape(-1, 4)

    @cached_property
    def class_ids(self) -> NDArray[np.int64]:
        """Shape (n,): the class of each annotation."""
        return np.array([a.class_id for a in self.annotations], np.int64)

    @cached_property
    def row_of(self) -> dict[int, int]:
        """From an annotation's id to its row."""
        return {a.id: row for row, a in enumerate(self.annotations)}

    def get(self, annotation_id: int | None) -> Annotation | None:
        """The annotation of an id, or None when it is not on this layer."""
        row = self.row_of.get(annotation_id) if annotation_id is not None else None
        return None if row is None else self.annotations[row]

    def touching(self, box: Box, *, margin: float = 0.0) -> NDArray[np.intp]:
        """Rows, in drawing order, whose boxes meet a rectangle grown by a margin."""
        edges = self.corners
        meets = (
            (edges[:, 0] <= box.right + margin)
            & (edges[:, 2] >= box.x - margin)
            & (edges[:, 1] <= box.bottom + margin)
            & (edges[:, 3] >= box.y - margin)
        )
        return np.flatnonzero(meets)
