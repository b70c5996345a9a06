"""An object followed through the pictures of its sequence, outside every transaction.

Of a video every frame is looked at, also those that are no images of the project: the smaller the
steps, the surer the tracker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Annotation, Shape
from cvstudio.core.errors import ImageError
from cvstudio.core.video_names import is_video_name
from cvstudio.imaging.decode import read_rgb
from cvstudio.imaging.tracking import follow
from cvstudio.project import queries
from cvstudio.project.project import Project
from cvstudio.project.records import ImageRecord


@dataclass
class Trail:
    """Where an object was found: shape and score by image. `lost_on` is the first image on which
    it was not; `problem` says in words why a picture could not be looked at."""

    shapes: dict[int, tuple[Shape, float | None]] = field(default_factory=dict)
    lost_on: ImageRecord | None = None
    problem: str = ""


@dataclass(frozen=True)
class _Stop:
    """One picture to look at; `image` is None for a frame between two images."""

    page: int
    path: Path
    window: tuple[float, float] | None
    image: ImageRecord | None


def follow_object(
    project: Project,
    annotation: Annotation,
    image_ids: Sequence[int],
    *,
    told: Callable[[int, int], None],
) -> Trail:
    """Follow an annotation's object over images that come after its own, in order.

    `told` is called with how many pictures were looked at and of how many; it may raise to stop.
    Raises ImageError when the first picture cannot be read.
    """
    with project.read() as s:
        start, *images = queries.images(s, [annotation.image_id, *image_ids])
    stops = list(_stops(project, start, images))
    first = read_rgb(project.image_path(start), start.page, start.window)
    trail = Trail()
    pictures = _Pictures(stops, trail, told)
    for stop, found in zip(stops, follow(annotation.shape, first, pictures), strict=False):
        if stop.image is not None:
            trail.shapes[stop.image.id] = (found.shape, round(found.score, 3))
    reached = set(trail.shapes)
    trail.lost_on = next((image for image in images if image.id not in reached), None)
    return trail


def _stops(project: Project, start: ImageRecord, images: Sequence[ImageRecord]) -> Iterator[_Stop]:
    if not is_video_name(start.uri):
        for image in images:
            yield _Stop(image.page, project.image_path(image), image.window, image)
        return
    path = project.image_path(start)
    by_page = {image.page: image for image in images}
    for page in range(start.page + 1, max(by_page, default=start.page) + 1):
        yield _Stop(page, path, None, by_page.get(page))


class _Pictures:
    """The pictures as they are asked for; ends where one cannot be read."""

    def __init__(
        self, stops: Sequence[_Stop], trail: Trail, told: Callable[[int, int], None]
    ) -> None:
        self._stops, self._trail, self._told = stops, trail, told

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        for done, stop in enumerate(self._stops):
            self._told(done, len(self._stops))
            try:
                yield read_rgb(stop.path, stop.page, stop.window)
            except ImageError as error:
                self._trail.problem = error.message
                return
