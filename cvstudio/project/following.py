"""Objects followed through the pictures of their sequence, outside every transaction.

Of a video every frame is looked at, also those that are no images of the project: the smaller the
steps, the surer the tracker. Each picture is read once, however many objects are followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cvstudio.core.annotation import Annotation, Shape
from cvstudio.core.errors import ImageError
from cvstudio.core.video_names import is_video_name
from cvstudio.imaging.decode import read_rgb
from cvstudio.imaging.tracking import Follower, Gone, Method, Picture, make_follower
from cvstudio.project import queries
from cvstudio.project.project import Project
from cvstudio.project.records import ImageRecord

_BACKWARDS_BYTES = 192 << 20
_BACKWARDS_MOST = 64
"""Frames that are decoded forwards at a time when a video is looked at backwards, and their bytes:
each time costs the frames since the key frame before."""

Told = Callable[[int, int], None]
"""Called with how many pictures were looked at, and of how many; may raise to stop."""


@dataclass(frozen=True)
class Wanted:
    """An object, and the images on which it is looked for: from its own on, in one direction."""

    annotation: Annotation
    image_ids: tuple[int, ...]


@dataclass
class Trail:
    """Where an object was found: shape and score by image. `lost` says in words why it ended before
    its last image, and `lost_on` is the first image on which it is not."""

    shapes: dict[int, tuple[Shape, float | None]] = field(default_factory=dict)
    lost_on: ImageRecord | None = None
    lost: str = ""


@dataclass(frozen=True)
class _Stop:
    """One picture to look at; `image` is None for a frame between two images."""

    page: int
    path: Path
    window: tuple[float, float] | None
    image: ImageRecord | None


@dataclass
class _Way:
    """An object on its way: who follows it, and the images that are still ahead."""

    follower: Follower
    trail: Trail
    ahead: list[ImageRecord]

    def step(self, stop: _Stop, picture: Picture) -> bool:
        """Look at one more picture; False when that was the last one."""
        found = self.follower.step(picture)
        if isinstance(found, Gone):
            self._end(found.on(self.ahead[0].title))
            return False
        if stop.image is not None and stop.image.id == self.ahead[0].id:
            self.trail.shapes[self.ahead.pop(0).id] = (found.shape, round(found.score, 3))
        return bool(self.ahead)

    def break_off(self, problem: str) -> None:
        """A picture could not be looked at."""
        self._end(problem)

    def _end(self, words: str) -> None:
        self.trail.lost, self.trail.lost_on = words, self.ahead[0]


def follow_objects(
    project: Project,
    wanted: Sequence[Wanted],
    *,
    method: Method = Method.MOVEMENT,
    told: Told = lambda *_: None,
) -> dict[int, Trail]:
    """Follow objects of one image together, forwards or backwards; trails by annotation.

    The images of all run in the same direction. Raises ImageError when the picture on which they
    begin cannot be read; what goes wrong with one object alone is said in its trail.
    """
    trails = {each.annotation.id: Trail() for each in wanted}
    longest = max((each.image_ids for each in wanted), key=len, default=())
    if not longest:
        return trails
    with project.read() as s:
        start, *images = queries.images(s, [wanted[0].annotation.image_id, *longest])
    by_id = {image.id: image for image in images}
    first = Picture(read_rgb(project.image_path(start), start.page, start.window))
    ways: list[_Way] = []
    for each in wanted:
        trail, ahead = trails[each.annotation.id], [by_id[id] for id in each.image_ids]
        try:
            follower = make_follower(each.annotation.shape, first, method)
        except ImageError as error:
            trail.lost = error.message
            trail.lost_on = ahead[0] if ahead else None
            continue
        if ahead:
            ways.append(_Way(follower, trail, ahead))
    stops = _stops(project, start, images)
    _go(ways, _pictures(stops, told, at_once=_at_once(stops, first.rgb.nbytes)))
    return trails


def _go(ways: list[_Way], pictures: Iterator[tuple[_Stop, Picture]]) -> None:
    """Take every object as far as it goes."""
    try:
        while ways:
            found = next(pictures, None)
            if found is None:
                return
            ways[:] = [way for way in ways if way.step(*found)]
    except ImageError as error:
        for way in ways:
            way.break_off(error.message)


def _stops(project: Project, start: ImageRecord, images: Sequence[ImageRecord]) -> list[_Stop]:
    """All pictures from the one behind `start` to the last image."""
    path = project.image_path(start)
    if not is_video_name(start.uri):
        return [_Stop(i.page, project.image_path(i), i.window, i) for i in images]
    by_page = {image.page: image for image in images}
    last = images[-1].page
    step = 1 if last > start.page else -1
    pages = range(start.page + step, last + step, step)
    return [_Stop(page, path, None, by_page.get(page)) for page in pages]


def _at_once(stops: Sequence[_Stop], size: int) -> int:
    """How many pictures of so many bytes are read before the first is looked at: of a video that
    is gone through backwards some, since it is decoded forwards only."""
    if len(stops) < 2 or stops[1].path != stops[0].path or stops[1].page > stops[0].page:
        return 1
    return max(1, min(_BACKWARDS_MOST, _BACKWARDS_BYTES // max(size, 1)))


def _pictures(
    stops: Sequence[_Stop], told: Told, *, at_once: int
) -> Iterator[tuple[_Stop, Picture]]:
    """The pictures as they are asked for, `at_once` read together from the last of them to the
    first. Raises ImageError at the one that cannot be read."""
    for begin in range(0, len(stops), at_once):
        part = stops[begin : begin + at_once]
        read: dict[int, Picture | ImageError] = {}
        for stop in reversed(part):
            told(begin, len(stops))
            try:
                read[stop.page] = Picture(read_rgb(stop.path, stop.page, stop.window))
            except ImageError as error:
                read[stop.page] = error
        for place, stop in enumerate(part, begin):
            told(place, len(stops))
            found = read.pop(stop.page)
            if isinstance(found, ImageError):
                raise found
            yield stop, found
