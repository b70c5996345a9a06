"""Transforms that put something before the scene, or hide pieces of it: weather, dirt, patches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cvstudio.augment.fields import (
    KEEP,
    OBJECTS,
    Choice,
    Float,
    Int,
    Range,
    Transform,
    Values,
    number,
)

WEATHER = "Weather and dirt"
HIDING = "Hidden parts"


def _share(pair: list[float] | tuple[float, float]) -> tuple[float, float]:
    return pair[0] / 100, pair[1] / 100


def _hole_caption(values: Values, drawn: Mapping[str, Any]) -> str:
    count = len(drawn["holes"])
    return "1 patch hidden" if count == 1 else f"{count} patches hidden" if count else ""


def _stripes(values: Values, height: int, width: int) -> dict[str, Any]:
    """The width of stripes in pixels, at least one and short of the whole image."""
    low, high = _share(values["width"])
    return {
        name: (max(round(low * side), 1), max(round(high * side), 1))
        for name, side in (("mask_x_length", width), ("mask_y_length", height))
    }


_FILL = Choice(
    "fill",
    "Fill with",
    (("grey", "Grey"), ("black", "Black"), ("noise", "Noise")),
    "grey",
)
_FILLS: dict[str, Any] = {"grey": 114, "black": 0, "noise": "random"}

COVERS: tuple[Transform, ...] = (
    Transform(
        "fog",
        "Fog",
        WEATHER,
        "Veils the image, as fog, steam or a dirty slide does.",
        "RandomFog",
        lambda v: {"fog_coef_range": _share(v["density"]), "alpha_coef": 0.1},
        parameters=(Range("density", "Density", 5, 100, (10, 40), unit="%"),),
        caption=lambda v, d: f"fog {number(100 * d['intensity'])} %",
        grey=False,
        deep=False,
    ),
    Transform(
        "rain",
        "Rain",
        WEATHER,
        "Streaks of rain and a duller image, for cameras outdoors.",
        "RandomRain",
        lambda v: {
            "slant_range": tuple(v["slant"]),
            "rain_type": v["kind"],
            "blur_value": v["blur"],
            "brightness_coefficient": v["brightness"] / 100,
        },
        parameters=(
            Choice(
                "kind",
                "Kind",
                (("drizzle", "Drizzle"), ("default", "Rain"), ("heavy", "Heavy rain")),
                "drizzle",
                brief=True,
            ),
            Range("slant", "Slant", -20, 20, (-10, 10), unit="°", brief=False),
            Int("blur", "Blur", 1, 9, 3, unit="px", brief=False),
            Int("brightness", "Brightness", 30, 100, 80, unit="%", brief=False),
        ),
        caption=lambda v, d: "rain",
        grey=False,
        deep=False,
    ),
    Transform(
        "snow",
        "Snow",
        WEATHER,
        "Bleaches bright places, as snow on the ground does.",
        "RandomSnow",
        lambda v: {
            "snow_point_range": _share(v["amount"]),
            "brightness_coeff": float(v["brightness"]),
            "method": "bleach",
        },
        parameters=(
            Range("amount", "Amount", 5, 90, (10, 30), unit="%"),
            Float("brightness", "Brightness", 1.1, 4, 2, step=0.1, brief=False),
        ),
        caption=lambda v, d: "snow",
        grey=False,
        deep=False,
    ),
    Transform(
        "sun_flare",
        "Sun flare",
        WEATHER,
        "Light that shines into the lens.",
        "RandomSunFlare",
        lambda v: {
            "flare_roi": (0.0, 0.0, 1.0, 1.0),
            "src_radius": v["radius"],
            "num_flare_circles_range": (3, 6),
        },
        parameters=(Int("radius", "Radius", 10, 400, 80, unit="px", step=10),),
        caption=lambda v, d: "flare",
        grey=False,
        deep=False,
    ),
    Transform(
        "spatter",
        "Spatter",
        WEATHER,
        "Drops or mud on the lens or the slide.",
        "Spatter",
        lambda v: {"mode": v["kind"], "intensity": _share(v["strength"])},
        parameters=(
            Choice("kind", "Kind", (("rain", "Drops"), ("mud", "Mud")), "rain", brief=True),
            Range("strength", "Strength", 10, 100, (30, 60), unit="%"),
        ),
        caption=lambda v, d: "spatter",
        grey=False,
        deep=False,
    ),
    Transform(
        "gravel",
        "Gravel",
        WEATHER,
        "Small specks in heaps, as of grit or dust.",
        "RandomGravel",
        lambda v: {"gravel_roi": (0.0, 0.0, 1.0, 1.0), "number_of_patches": v["heaps"]},
        parameters=(Int("heaps", "Heaps", 1, 12, 3),),
        caption=lambda v, d: "gravel",
        deep=False,
    ),
    Transform(
        "hide_patches",
        "Hide small patches",
        HIDING,
        "Covers small rectangles, so that the network learns from every part of an object.",
        "CoarseDropout",
        lambda v: {
            "num_holes_range": (int(v["patches"][0]), int(v["patches"][1])),
            "hole_height_range": _share(v["size"]),
            "hole_width_range": _share(v["size"]),
            "fill": _FILLS[v["fill"]],
        },
        parameters=(
            Range("patches", "Patches", 1, 40, (2, 6)),
            Range("size", "Size", 1, 60, (4, 10), unit="%"),
            _FILL,
            KEEP,
        ),
        caption=_hole_caption,
        hides=True,
    ),
    Transform(
        "hide_grid",
        "Hide a grid",
        HIDING,
        "Covers squares in a regular grid.",
        "GridDropout",
        lambda v: {
            "ratio": v["ratio"] / 100,
            "holes_number_xy": (v["cells"], v["cells"]),
            "random_offset": True,
            "fill": _FILLS[v["fill"]],
        },
        parameters=(
            Int("cells", "Cells", 2, 20, 6, scales=False),
            Int("ratio", "Size", 10, 80, 35, unit="%"),
            _FILL,
            KEEP,
        ),
        caption=lambda v, d: "grid hidden",
        hides=True,
    ),
    Transform(
        "drop_pixels",
        "Drop pixels",
        HIDING,
        "Single pixels go black.",
        "PixelDropout",
        lambda v: {"dropout_prob": v["share"] / 100, "drop_value": 0},
        parameters=(Float("share", "Share", 0.1, 30, 1, unit="%", step=0.1),),
        caption=lambda v, d: "pixels dropped",
    ),
    Transform(
        "erase",
        "Erase a rectangle",
        HIDING,
        "Covers one rectangle of any size and place.",
        "Erasing",
        lambda v: {"scale": _share(v["area"]), "ratio": (0.5, 2.0), "fill": _FILLS[v["fill"]]},
        parameters=(
            Range("area", "Area", 1, 50, (2, 15), unit="%", weak=1),
            _FILL,
            KEEP,
        ),
        caption=_hole_caption,
        hides=True,
    ),
    Transform(
        "hide_stripes",
        "Hide stripes",
        HIDING,
        "Covers stripes from edge to edge, as cracks, hairs and lost lines do.",
        "XYMasking",
        lambda v: {
            "num_masks_x": (0, v["upright"]),
            "num_masks_y": (0, v["across"]),
            "fill": _FILLS[v["fill"]],
        },
        parameters=(
            Int("upright", "Upright", 0, 12, 2),
            Int("across", "Across", 0, 12, 2),
            Range("width", "Width", 1, 30, (1, 4), unit="%", brief=False),
            _FILL,
            KEEP,
        ),
        caption=lambda v, d: "stripes hidden" if len(d["holes"]) else "",
        hides=True,
        sized=_stripes,
    ),
    Transform(
        "hide_parts",
        "Hide parts of objects",
        HIDING,
        "Covers a piece of every object, so that the rest of it must be enough.",
        "ConstrainedCoarseDropout",
        lambda v: {
            "num_holes_range": (int(v["patches"][0]), int(v["patches"][1])),
            "hole_height_range": _share(v["size"]),
            "hole_width_range": _share(v["size"]),
            "fill": _FILLS[v["fill"]],
            "bbox_labels": [1],
        },
        parameters=(
            Range("patches", "Patches", 1, 5, (1, 1)),
            Range("size", "Size", 5, 90, (15, 35), unit="%"),
            _FILL,
            KEEP,
        ),
        caption=_hole_caption,
        tasks=OBJECTS,
        hides=True,
        sees=True,
    ),
)
