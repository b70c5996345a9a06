"""The tracks of CVAT for video: where an object is from frame to frame, and where it is gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd

from cvstudio.core.masks import Mask
from cvstudio.core.video_names import is_video_name
from cvstudio.formats.base import ExportAnnotation, ExportImage, Writing
from cvstudio.formats.coco_carried import fingerprint
from cvstudio.formats.cvat_shapes import KEY, orders_of


@dataclass(frozen=True, slots=True)
class Place:
    """An object on one frame; `outside` says that it has left the picture there."""

    frame: int
    annotation: ExportAnnotation
    order: int
    key: bool = True
    outside: bool = False


def tracks_of(frames: Sequence[tuple[int, ExportImage]], writing: Writing) -> list[list[Place]]:
    """The tracks, in the order in which their objects first come up.

    Annotations of a class with the same `track_id` in one video or folder are one; every other is
    a track of its own. Behind a frame where an object is comes one that says it is gone, unless it
    is in the next frame too.
    """
    found: dict[Hashable, list[Place]] = defaultdict(list)
    for frame, image in frames:
        orders = orders_of(image.annotations)
        for number, (annotation, order) in enumerate(zip(image.annotations, orders, strict=True)):
            if annotation.shape is None:
                continue
            key = _key(frame, image, annotation, number, writing)
            if found.get(key) and found[key][-1].frame == frame:
                key = (frame, number)  # an object is at one place at a time
            found[key].append(Place(frame, annotation, order, key=_is_key(annotation)))
    numbers = [frame for frame, _ in frames]
    # Frames that nobody has labelled may be missing: what lies between all others is one step.
    step = gcd(*(b - a for a, b in pairwise(numbers))) if len(numbers) > 1 else 0
    following = {frame: frame + step for frame in numbers[:-1]}
    return [_with_gaps(places, following) for places in found.values()]


def _key(
    frame: int, image: ExportImage, annotation: ExportAnnotation, number: int, writing: Writing
) -> Hashable:
    track = annotation.attributes.get("track_id")
    if track is None:
        return frame, number
    if isinstance(annotation.shape, Mask):
        writing.lose("mask[s] left [its|their] track: CVAT follows no masks")
        return frame, number
    sequence = image.path if is_video_name(image.path) or image.pages > 1 else image.path.parent
    return sequence, annotation.class_name, str(track)


def _is_key(annotation: ExportAnnotation) -> bool:
    """Whether somebody set the object there; the source has said which were computed."""
    kept = annotation.attributes.get(KEY)
    if not isinstance(kept, dict) or kept.get("keyframe") != 0:
        return True
    return bool(kept.get("shape") != fingerprint(annotation.shape))


def _with_gaps(places: list[Place], following: dict[int, int]) -> list[Place]:
    result = []
    for each, after in zip(places, [*places[1:], None], strict=True):
        result.append(each)
        gone = following.get(each.frame)
        if gone is not None and (after is None or after.frame != gone):
            result.append(Place(gone, each.annotation, each.order, outside=True))
    return result
