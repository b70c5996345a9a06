"""An object followed from picture to picture: by its movement or, boxes, by its looks.

follower = make_follower(shape, Picture(first), Method.MOVEMENT)
found = follower.step(Picture(next))    # Followed, or Gone
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cvstudio.core.annotation import Shape
from cvstudio.core.geometry import Box
from cvstudio.imaging.tracking.appearance import AppearanceFollower
from cvstudio.imaging.tracking.flow import FlowFollower
from cvstudio.imaging.tracking.values import Followed, Follower, Gone, Method, Picture, Rgb

__all__ = ["Followed", "Follower", "Gone", "Method", "Picture", "follow", "make_follower"]


def make_follower(shape: Shape, first: Picture, method: Method = Method.MOVEMENT) -> Follower:
    """What follows one object of the first picture through the next ones, a step each.

    By appearance only boxes are followed: anything else is followed by movement. Raises
    ImageError, in words, for a shape without pixels in the picture and for one that is too large.
    """
    if method is Method.APPEARANCE and isinstance(shape, Box):
        return AppearanceFollower(shape, first)
    return FlowFollower(shape, first)


def follow(
    shape: Shape, first: Rgb, pictures: Iterable[Rgb], method: Method = Method.MOVEMENT
) -> Iterator[Followed]:
    """Where an object of the first picture is on each of the next ones, until it is gone.

    Pictures are (h, w, 3) RGB of one size. By movement the shape keeps its kind: an outline is
    turned and scaled, a box scaled, a mask bent; by appearance a box keeps its size.
    """
    follower = make_follower(shape, Picture(first), method)
    for rgb in pictures:
        found = follower.step(Picture(rgb))
        if isinstance(found, Gone):
            return
        yield found
