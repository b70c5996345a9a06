"""Transforms that move pixels: the geometric part of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cvstudio.augment.fields import (
    BORDER,
    KEEP,
    Float,
    Int,
    Points,
    Range,
    Transform,
    Values,
    number,
)

GROUP = "Position and shape"

# OpenCV's border constants: 0 constant, 1 replicate, 4 reflect without repeating the edge.
_BORDERS = {"background": 0, "black": 0, "edge": 1, "reflect": 4}


def border(values: Values) -> dict[str, Any]:
    """The border mode that a step's choice asks for; constants get their fill from the image."""
    return {"border_mode": _BORDERS[values["border"]]}


def _affine(values: Values) -> dict[str, Any]:
    shift = values["shift"] / 100
    return {
        "rotate": tuple(values["rotation"]),
        "scale": tuple(values["scale"]),
        "keep_ratio": True,
        "translate_percent": {"x": (-shift, shift), "y": (-shift, shift)},
        **border(values),
    }


def _affine_caption(values: Values, drawn: Mapping[str, Any]) -> str:
    parts = []
    # Positive angles turn to the left, against the clock.
    if abs(drawn["rotate"]) >= 0.5:
        parts.append(f"rotate {number(drawn['rotate'])}°")
    if abs(drawn["scale"]["x"] - 1) >= 0.005:
        parts.append(f"scale {drawn['scale']['x']:.2f}")
    # Without a turn or a scale, the last column is how far pixels move.
    moved = max(abs(float(drawn["matrix"][axis][2])) for axis in (0, 1))
    return ", ".join(parts) or (f"shift {number(moved)} px" if moved >= 0.5 else "")


def _turn_caption(values: Values, drawn: Mapping[str, Any]) -> str:
    turn = {0: "", 1: "quarter turn left", 2: "half turn", 3: "quarter turn right"}
    return turn[int(drawn["factor"]) % 4]


_POSITIONS = {
    "e": "",
    "r90": "quarter turn left",
    "r180": "half turn",
    "r270": "quarter turn right",
    "v": "upside down",
    "h": "flipped",
    "t": "transposed",
    "hvt": "transposed, half turn",
}


GEOMETRY: tuple[Transform, ...] = (
    Transform(
        "flip_horizontal",
        "Flip left to right",
        GROUP,
        "Mirrors the image; right for anything that has no left and right.",
        "HorizontalFlip",
        lambda v: {},
        brief="mirror image",
        caption=lambda v, d: "flipped",
        points=Points.FLIP_X,
        warning="Letters, hands and other things that have a left and a right change meaning.",
    ),
    Transform(
        "flip_vertical",
        "Flip top to bottom",
        GROUP,
        "Turns the image upside down; right for views from above and through a microscope.",
        "VerticalFlip",
        lambda v: {},
        brief="upside down",
        caption=lambda v, d: "upside down",
        points=Points.FLIP_Y,
        warning="Photographs of scenes are rarely upside down.",
    ),
    Transform(
        "quarter_turns",
        "Quarter turns",
        GROUP,
        "Turns by 90, 180 or 270 degrees without losing a pixel.",
        "RandomRotate90",
        lambda v: {},
        brief="90°, 180° or 270°",
        caption=_turn_caption,
        points=Points.QUARTERS,
        warning="Images that are not square change their format.",
    ),
    Transform(
        "transpose",
        "Swap rows and columns",
        GROUP,
        "Mirrors the image along its diagonal.",
        "Transpose",
        lambda v: {},
        brief="mirror along the diagonal",
        caption=lambda v, d: "transposed",
        points=Points.TRANSPOSE,
        warning="Images that are not square change their format.",
    ),
    Transform(
        "eight_positions",
        "All eight positions",
        GROUP,
        "Turns and mirrors at once: each of the eight ways in which a square can lie.",
        "D4",
        lambda v: {},
        brief="turned and mirrored",
        caption=lambda v, d: _POSITIONS[str(d["group_element"])],
        points=Points.EIGHT,
        warning="Images that are not square change their format. Letters change their meaning.",
    ),
    Transform(
        "affine",
        "Rotate, scale and shift",
        GROUP,
        "Turns, enlarges and moves the image by any amount.",
        "Affine",
        _affine,
        parameters=(
            Range("rotation", "Rotation", -180, 180, (-15, 15), unit="°"),
            Range("scale", "Scale", 0.3, 3.0, (0.9, 1.1), step=0.05, weak=1),
            Int("shift", "Shift", 0, 50, 5, unit="%", plus_minus=True),
            BORDER,
            KEEP,
        ),
        caption=_affine_caption,
        points=Points.MATRIX,
        filled=True,
    ),
    Transform(
        "turn_whole",
        "Turn without losing corners",
        GROUP,
        "Turns by any angle and makes the image smaller, so that nothing leaves it.",
        "SafeRotate",
        lambda v: {"limit": tuple(v["rotation"]), **border(v)},
        parameters=(Range("rotation", "Rotation", -180, 180, (-20, 20), unit="°"), BORDER, KEEP),
        caption=lambda v, d: f"rotate {number(d['rotate'])}°",
        points=Points.MATRIX,
        filled=True,
        warning="Objects become smaller and, in images that are not square, change proportions.",
    ),
    Transform(
        "shear",
        "Shear",
        GROUP,
        "Slants the image, as a scanner that moves askew does.",
        "Affine",
        lambda v: {
            "shear": {"x": tuple(v["horizontal"]), "y": tuple(v["vertical"])},
            **border(v),
        },
        parameters=(
            Range("horizontal", "Sideways", -45, 45, (-8, 8), unit="°"),
            Range("vertical", "Upright", -45, 45, (0, 0), unit="°"),
            BORDER,
            KEEP,
        ),
        caption=lambda v, d: "sheared",
        points=Points.MATRIX,
        filled=True,
    ),
    Transform(
        "stretch",
        "Stretch",
        GROUP,
        "Scales width and height each by its own amount.",
        "Affine",
        lambda v: {"scale": {"x": tuple(v["width"]), "y": tuple(v["height"])}, **border(v)},
        parameters=(
            Range("width", "Width", 0.3, 3.0, (0.9, 1.1), step=0.05, weak=1),
            Range("height", "Height", 0.3, 3.0, (0.9, 1.1), step=0.05, weak=1),
            BORDER,
            KEEP,
        ),
        caption=lambda v, d: f"stretch {d['scale']['x']:.2f} × {d['scale']['y']:.2f}",
        points=Points.MATRIX,
        filled=True,
    ),
    Transform(
        "perspective",
        "Perspective",
        GROUP,
        "Tilts the image, as a camera that looks from the side does.",
        "Perspective",
        lambda v: {
            "scale": (v["tilt"][0] / 100, v["tilt"][1] / 100),
            "keep_size": True,
            **border(v),
        },
        parameters=(
            Range("tilt", "Tilt", 0, 25, (2, 8), unit="%", step=0.5),
            BORDER,
            KEEP,
        ),
        caption=lambda v, d: "perspective",
        points=Points.PERSPECTIVE,
        filled=True,
    ),
    Transform(
        "elastic",
        "Elastic",
        GROUP,
        "Bends the image smoothly, as soft tissue bends.",
        "ElasticTransform",
        lambda v: {"alpha": float(v["strength"]), "sigma": float(v["smoothness"]), **border(v)},
        parameters=(
            Float("strength", "Strength", 0, 800, 120, step=10),
            Float("smoothness", "Smoothness", 4, 50, 10, unit="px", step=1, scales=False),
            BORDER,
            KEEP,
        ),
        caption=lambda v, d: "elastic",
        points=Points.MAP,
        filled=True,
        warning="Boxes are only approximate on strongly bent images.",
    ),
    Transform(
        "grid_distortion",
        "Grid distortion",
        GROUP,
        "Stretches some parts of the image and squeezes others.",
        "GridDistortion",
        lambda v: {
            "num_steps": v["cells"],
            "distort_limit": (-v["strength"] / 100, v["strength"] / 100),
            **border(v),
        },
        parameters=(
            Int("cells", "Cells", 2, 10, 5, brief=False),
            Int("strength", "Strength", 0, 60, 20, unit="%", plus_minus=True),
            BORDER,
            KEEP,
        ),
        caption=lambda v, d: "grid distortion",
        points=Points.MAP,
        filled=True,
    ),
    Transform(
        "lens",
        "Lens distortion",
        GROUP,
        "Bulges or pinches the image, as a cheap lens does.",
        "OpticalDistortion",
        lambda v: {"distort_limit": (v["strength"][0] / 100, v["strength"][1] / 100), **border(v)},
        parameters=(
            Range("strength", "Strength", -60, 60, (-20, 20), unit="%"),
            BORDER,
            KEEP,
        ),
        caption=lambda v, d: "lens distortion",
        points=Points.MAP,
        filled=True,
    ),
    Transform(
        "thin_plate",
        "Bend like a sheet",
        GROUP,
        "Moves a few points of the image and bends the rest along.",
        "ThinPlateSpline",
        lambda v: {
            "scale_range": (v["strength"][0] / 100, v["strength"][1] / 100),
            "num_control_points": v["points"],
            **border(v),
        },
        parameters=(
            Range("strength", "Strength", 0, 30, (2, 8), unit="%", step=0.5),
            Int("points", "Points", 2, 6, 3, brief=False),
            BORDER,
            KEEP,
        ),
        caption=lambda v, d: "bent",
        points=Points.MAP,
        filled=True,
    ),
    Transform(
        "grid_elastic",
        "Bent grid",
        GROUP,
        "Moves the corners of a grid, and each field of it bends along.",
        "GridElasticDeform",
        lambda v: {"num_grid_xy": (v["cells"], v["cells"])},
        parameters=(
            Float("strength", "Strength", 0.5, 6, 1.5, unit="%", step=0.5),
            Int("cells", "Cells", 2, 10, 4, scales=False),
            KEEP,
        ),
        caption=lambda v, d: "bent grid",
        points=Points.MESH,
        sized=lambda v, height, width: {
            "magnitude": max(round(v["strength"] / 100 * min(height, width)), 1)
        },
        warning="Outlines show a bend at the edges of the grid's fields.",
    ),
)
