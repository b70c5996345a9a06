"""Transforms that cut out a piece of the image and bring it back to the image's size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cvstudio.augment.fields import (
    KEEP,
    OBJECTS,
    Int,
    Points,
    Range,
    Transform,
    Values,
    number,
)
from cvstudio.core.annotation import Task

GROUP = "Crops"

NEAREST_EXACT = 6
"""OpenCV's plain nearest neighbour shifts by half a pixel when it enlarges; this one does not."""


def _caption(values: Values, drawn: Mapping[str, Any]) -> str:
    x0, y0, x1, y1 = drawn["crop_coords"]
    height, width = drawn["shape"][:2]
    return f"crop {number(100 * (x1 - x0) * (y1 - y0) / (width * height))} %"


def _proportions(values: Values, height: int, width: int) -> dict[str, Any]:
    """The image's own size and proportions: a piece of it is a smaller image of the same form."""
    return {"size": (height, width), "ratio": (width / height, width / height)}


def _sides(values: Values, height: int, width: int) -> dict[str, Any]:
    """The sides of a piece of which `side` % are left."""
    share = values["side"] / 100
    return {"height": max(round(share * height), 1), "width": max(round(share * width), 1)}


CROPS: tuple[Transform, ...] = (
    Transform(
        "crop",
        "Crop and enlarge",
        GROUP,
        "Cuts out a piece and brings it back to the size of the image.",
        "RandomResizedCrop",
        lambda v: {
            "scale": (v["area"][0] / 100, v["area"][1] / 100),
            "mask_interpolation": NEAREST_EXACT,
        },
        parameters=(
            Range("area", "Area left", 5, 100, (50, 100), unit="%", weak=100),
            KEEP,
        ),
        caption=_caption,
        points=Points.CROP,
        sized=_proportions,
        warning="Objects outside the piece are lost.",
    ),
    Transform(
        "crop_whole_objects",
        "Crop around all objects",
        GROUP,
        "Cuts away what lies around the objects; every one of them stays whole.",
        "RandomSizedBBoxSafeCrop",
        lambda v: {"erosion_rate": 0.0, "mask_interpolation": NEAREST_EXACT},
        parameters=(KEEP,),
        brief="all objects stay",
        caption=_caption,
        points=Points.CROP,
        tasks=OBJECTS,
        sized=lambda v, height, width: {"height": height, "width": width},
        sees=True,
        warning="Changes the proportions of the image.",
    ),
    Transform(
        "crop_to_object",
        "Crop around an object",
        GROUP,
        "Cuts out a piece that holds at least one object, and enlarges it.",
        "AtLeastOneBBoxRandomCrop",
        lambda v: {"erosion_factor": 0.0},
        parameters=(
            Int("side", "Side left", 10, 95, 60, unit="%", weak=95),
            KEEP,
        ),
        caption=_caption,
        points=Points.CROP,
        tasks=OBJECTS,
        sized=_sides,
        restored=True,
        sees=True,
        warning="Objects outside the piece are lost.",
    ),
    Transform(
        "trim",
        "Trim the borders",
        GROUP,
        "Takes a strip off each side, every time of another width, and enlarges the rest.",
        "RandomCropFromBorders",
        lambda v: {
            "crop_left": v["sides"] / 100,
            "crop_right": v["sides"] / 100,
            "crop_top": v["ends"] / 100,
            "crop_bottom": v["ends"] / 100,
        },
        parameters=(
            Int("sides", "Left, right", 0, 45, 8, unit="%"),
            Int("ends", "Top, bottom", 0, 45, 8, unit="%"),
            KEEP,
        ),
        caption=_caption,
        points=Points.CROP,
        restored=True,
        warning="Changes the proportions of the image a little.",
    ),
    Transform(
        "shuffle_tiles",
        "Shuffle tiles",
        GROUP,
        "Cuts the image into tiles that change places, so that texture counts and form does not.",
        "RandomGridShuffle",
        lambda v: {"grid": (v["rows"], v["columns"])},
        parameters=(
            Int("rows", "Rows", 1, 8, 3),
            Int("columns", "Columns", 1, 8, 3),
        ),
        caption=lambda v, d: "tiles shuffled",
        points=Points.TILES,
        tasks=frozenset((Task.CLASSIFY, Task.SEGMENT)),
        warning="Objects are cut at the edges of tiles.",
    ),
)
