"""Transforms of brightness and colour: the pixels stay where they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cvstudio.augment.fields import Bool, Choice, Float, Int, Range, Transform, Values, number

LIGHT = "Light"
COLOUR = "Colour"

_NO_COLOUR = "Images without colour do not change."


def _share(pair: list[float] | tuple[float, float]) -> tuple[float, float]:
    return pair[0] / 100, pair[1] / 100


def _light_caption(values: Values, drawn: Mapping[str, Any]) -> str:
    parts = []
    # Contrast multiplies by alpha and brightness adds beta (of 255).
    if abs(drawn["beta"]) >= 2.55:
        word = "brighter" if drawn["beta"] > 0 else "darker"
        parts.append(f"{word} {number(abs(drawn['beta']) / 2.55)} %")
    if abs(drawn["alpha"] - 1) >= 0.05:
        parts.append(f"contrast {number(100 * (drawn['alpha'] - 1), sign=True)} %")
    return ", ".join(parts)


def _hue_caption(values: Values, drawn: Mapping[str, Any]) -> str:
    parts = []
    if abs(drawn["hue_shift"]) >= 0.5:
        parts.append(f"hue {number(2 * drawn['hue_shift'], sign=True)}°")
    if abs(drawn["sat_shift"]) >= 1:
        parts.append(f"saturation {number(drawn['sat_shift'], sign=True)}")
    if abs(drawn["val_shift"]) >= 1:
        parts.append(f"value {number(drawn['val_shift'], sign=True)}")
    return ", ".join(parts)


COLOURS: tuple[Transform, ...] = (
    Transform(
        "brightness_contrast",
        "Brightness and contrast",
        LIGHT,
        "Lighter, darker, flatter or harder, as lamps and exposure differ.",
        "RandomBrightnessContrast",
        lambda v: {
            "brightness_limit": _share(v["brightness"]),
            "contrast_limit": _share(v["contrast"]),
        },
        parameters=(
            Range("brightness", "Brightness", -90, 90, (-15, 15), unit="%"),
            Range("contrast", "Contrast", -90, 90, (-15, 15), unit="%"),
        ),
        caption=_light_caption,
    ),
    Transform(
        "gamma",
        "Gamma",
        LIGHT,
        "Lifts or lowers the middle tones and leaves black and white alone.",
        "RandomGamma",
        lambda v: {"gamma_limit": (100 * v["gamma"][0], 100 * v["gamma"][1])},
        parameters=(Range("gamma", "Gamma", 0.3, 3.0, (0.8, 1.25), step=0.05, weak=1),),
        caption=lambda v, d: f"gamma {d['gamma']:.2f}",
    ),
    Transform(
        "tone_curve",
        "Tone curve",
        LIGHT,
        "Bends the curve from dark to bright, as scanners and cameras do.",
        "RandomToneCurve",
        lambda v: {"scale": v["strength"] / 100, "per_channel": v["per_channel"]},
        parameters=(
            Int("strength", "Strength", 1, 60, 10, unit="%"),
            Bool("per_channel", "Each channel by itself", False),
        ),
        caption=lambda v, d: "tone curve",
    ),
    Transform(
        "clahe",
        "Local contrast (CLAHE)",
        LIGHT,
        "Brings out detail in dark and pale places, a common step in microscopy.",
        "CLAHE",
        lambda v: {"clip_limit": tuple(v["limit"]), "tile_grid_size": (v["tiles"], v["tiles"])},
        parameters=(
            Range("limit", "Limit", 1, 16, (1, 4), step=0.5),
            Int("tiles", "Tiles", 2, 16, 8, brief=False),
        ),
        caption=lambda v, d: f"local contrast {d['clip_limit']:.1f}",
        deep=False,
    ),
    Transform(
        "equalize",
        "Equalise",
        LIGHT,
        "Spreads the brightness over the whole range.",
        "Equalize",
        lambda v: {"mode": "cv", "by_channels": v["per_channel"]},
        parameters=(Bool("per_channel", "Each channel by itself", False),),
        brief="full range of brightness",
        caption=lambda v, d: "equalised",
        deep=False,
    ),
    Transform(
        "auto_contrast",
        "Automatic contrast",
        LIGHT,
        "Stretches the brightness until black is black and white is white.",
        "AutoContrast",
        lambda v: {"cutoff": float(v["cutoff"])},
        parameters=(Float("cutoff", "Leave out", 0, 20, 1, unit="%", step=0.5),),
        caption=lambda v, d: "automatic contrast",
    ),
    Transform(
        "illumination",
        "Uneven light",
        LIGHT,
        "One side or the middle is brighter, as under a badly centred lamp.",
        "Illumination",
        lambda v: {
            "mode": v["shape"],
            "intensity_range": _share(v["strength"]),
            "effect_type": "both",
        },
        parameters=(
            Range("strength", "Strength", 1, 20, (5, 15), unit="%"),
            Choice(
                "shape",
                "Shape",
                (("linear", "From one side"), ("corner", "From a corner"), ("gaussian", "A spot")),
                "gaussian",
            ),
        ),
        caption=lambda v, d: "uneven light",
    ),
    Transform(
        "cloudy_light",
        "Cloudy light",
        LIGHT,
        "Soft patches of more and less light and contrast.",
        "PlasmaBrightnessContrast",
        lambda v: {
            "brightness_range": _share(v["brightness"]),
            "contrast_range": _share(v["contrast"]),
        },
        parameters=(
            Range("brightness", "Brightness", -60, 60, (-20, 20), unit="%"),
            Range("contrast", "Contrast", -60, 60, (-15, 15), unit="%"),
        ),
        caption=lambda v, d: "cloudy light",
    ),
    Transform(
        "shadow",
        "Shadow",
        LIGHT,
        "A shadow with hard edges falls on the image.",
        "RandomShadow",
        lambda v: {
            "shadow_roi": (0.0, 0.0, 1.0, 1.0),
            "num_shadows_limit": (1, v["shadows"]),
            "shadow_intensity_range": _share(v["strength"]),
        },
        parameters=(
            Range("strength", "Strength", 5, 90, (20, 50), unit="%"),
            Int("shadows", "At most", 1, 5, 2, brief=False),
        ),
        caption=lambda v, d: "shadow",
    ),
    Transform(
        "soft_shadow",
        "Soft shadow",
        LIGHT,
        "Shadows without edges, as from dirt out of focus.",
        "PlasmaShadow",
        lambda v: {"shadow_intensity_range": _share(v["strength"])},
        parameters=(Range("strength", "Strength", 5, 90, (20, 50), unit="%"),),
        caption=lambda v, d: f"soft shadow {number(100 * d['intensity'])} %",
    ),
    Transform(
        "posterize",
        "Fewer tones",
        LIGHT,
        "Keeps only a few steps between dark and bright.",
        "Posterize",
        lambda v: {"num_bits": (int(v["bits"][0]), int(v["bits"][1]))},
        parameters=(Range("bits", "Bits", 1, 7, (4, 6), weak=7),),
        caption=lambda v, d: f"{d['num_bits']} bits",
    ),
    Transform(
        "solarize",
        "Solarise",
        LIGHT,
        "Inverts everything brighter than a threshold.",
        "Solarize",
        lambda v: {"threshold_range": _share(v["threshold"])},
        parameters=(Range("threshold", "Threshold", 10, 100, (60, 90), unit="%", weak=100),),
        caption=lambda v, d: f"solarised above {number(100 * d['threshold'])} %",
        warning="Far from any real image; use it only with a low chance.",
    ),
    Transform(
        "invert",
        "Invert",
        LIGHT,
        "Turns bright into dark, as between bright field and dark field.",
        "InvertImg",
        lambda v: {},
        brief="bright becomes dark",
        unbounded=True,
        caption=lambda v, d: "inverted",
    ),
    Transform(
        "hue_saturation",
        "Hue and saturation",
        COLOUR,
        "Other tints and stronger or weaker colours, as stains and cameras differ.",
        "HueSaturationValue",
        # OpenCV counts hue in half degrees.
        lambda v: {
            "hue_shift_limit": (v["hue"][0] / 2, v["hue"][1] / 2),
            "sat_shift_limit": tuple(v["saturation"]),
            "val_shift_limit": tuple(v["value"]),
        },
        parameters=(
            Range("hue", "Hue", -180, 180, (-10, 10), unit="°"),
            Range("saturation", "Saturation", -120, 120, (-20, 20)),
            Range("value", "Value", -120, 120, (0, 0)),
        ),
        caption=_hue_caption,
        grey=False,
        warning=_NO_COLOUR,
        deep=False,
    ),
    Transform(
        "rgb_shift",
        "Colour cast",
        COLOUR,
        "Adds or takes away red, green and blue, as white balance does.",
        "RGBShift",
        lambda v: {
            "r_shift_limit": tuple(v["red"]),
            "g_shift_limit": tuple(v["green"]),
            "b_shift_limit": tuple(v["blue"]),
        },
        parameters=(
            Range("red", "Red", -120, 120, (-12, 12)),
            Range("green", "Green", -120, 120, (-12, 12)),
            Range("blue", "Blue", -120, 120, (-12, 12)),
        ),
        caption=lambda v, d: "colour cast",
        grey=False,
        warning="Grey images become coloured.",
        deep=False,
    ),
    Transform(
        "colour_jitter",
        "Colour jitter",
        COLOUR,
        "Brightness, contrast, saturation and hue together, in any order.",
        "ColorJitter",
        lambda v: {
            "brightness": tuple(v["brightness"]),
            "contrast": tuple(v["contrast"]),
            "saturation": tuple(v["saturation"]),
            "hue": (v["hue"][0] / 360, v["hue"][1] / 360),
        },
        parameters=(
            Range("brightness", "Brightness", 0.2, 2, (0.85, 1.15), step=0.05, weak=1),
            Range("contrast", "Contrast", 0.2, 2, (0.85, 1.15), step=0.05, weak=1),
            Range("saturation", "Saturation", 0, 2, (0.8, 1.2), step=0.05, weak=1),
            Range("hue", "Hue", -180, 180, (-7, 7), unit="°"),
        ),
        caption=lambda v, d: "colour jitter",
        grey=False,
        warning=_NO_COLOUR,
        deep=False,
    ),
    Transform(
        "colour_temperature",
        "Colour temperature",
        COLOUR,
        "Warmer or cooler light, around the white of 6000 K.",
        "PlanckianJitter",
        lambda v: {
            "mode": "blackbody",
            # The range always holds the white of 6000 K.
            "temperature_limit": (
                min(int(v["temperature"][0]), 6000),
                max(int(v["temperature"][1]), 6000),
            ),
        },
        parameters=(
            Range(
                "temperature",
                "Temperature",
                3000,
                15000,
                (4500, 9000),
                unit="K",
                step=100,
                weak=6000,
            ),
        ),
        caption=lambda v, d: f"{d['temperature']} K",
        grey=False,
        warning="Grey images become coloured.",
        deep=False,
    ),
    Transform(
        "stain",
        "Stain (H&E)",
        COLOUR,
        "More or less haematoxylin and eosin, for stained tissue.",
        "HEStain",
        lambda v: {
            "method": "random_preset",
            "intensity_scale_range": tuple(v["strength"]),
            "intensity_shift_range": (-v["shift"] / 100, v["shift"] / 100),
            "augment_background": False,
        },
        parameters=(
            Range("strength", "Strength", 0.3, 2, (0.8, 1.2), step=0.05, weak=1),
            Int("shift", "Shift", 0, 50, 10, unit="%", plus_minus=True),
        ),
        caption=lambda v, d: "stain",
        grey=False,
        warning="Made for tissue stained with haematoxylin and eosin only.",
        deep=False,
    ),
    Transform(
        "grey",
        "Remove colour",
        COLOUR,
        "Shows the image in grey, so that the network does not lean on colour.",
        "ToGray",
        lambda v: {"num_output_channels": 3, "method": "weighted_average"},
        brief="grey",
        caption=lambda v, d: "grey",
        grey=False,
        warning=_NO_COLOUR,
        deep=False,
    ),
    Transform(
        "sepia",
        "Sepia",
        COLOUR,
        "Brown tones, as in old photographs.",
        "ToSepia",
        lambda v: {},
        brief="brown tones",
        caption=lambda v, d: "sepia",
        grey=False,
        warning="Grey images become coloured.",
        deep=False,
    ),
    Transform(
        "channel_shuffle",
        "Swap channels",
        COLOUR,
        "Red, green and blue change places.",
        "ChannelShuffle",
        lambda v: {},
        brief="red, green, blue in any order",
        caption=lambda v, d: "channels swapped",
        grey=False,
        warning="Wrong where colour tells the classes apart.",
    ),
    Transform(
        "channel_dropout",
        "Drop a channel",
        COLOUR,
        "One of red, green and blue goes black.",
        "ChannelDropout",
        lambda v: {"channel_drop_range": (1, 1), "fill": 0},
        brief="one channel goes black",
        caption=lambda v, d: "a channel dropped",
        grey=False,
        warning="Wrong where colour tells the classes apart.",
    ),
    Transform(
        "colour_fringes",
        "Colour fringes",
        COLOUR,
        "Red and blue at edges, as cheap lenses show them.",
        "ChromaticAberration",
        lambda v: {
            "primary_distortion_limit": (-v["strength"] / 100, v["strength"] / 100),
            "secondary_distortion_limit": (-v["strength"] / 100, v["strength"] / 100),
            "mode": "random",
        },
        parameters=(Float("strength", "Strength", 0.5, 20, 4, unit="%", step=0.5),),
        caption=lambda v, d: "colour fringes",
        grey=False,
        warning="Grey images become coloured.",
        deep=False,
    ),
    Transform(
        "main_colours",
        "Along the main colours",
        COLOUR,
        "Shifts colours the way they already differ within the image (PCA).",
        "FancyPCA",
        lambda v: {"alpha": v["strength"] / 100},
        parameters=(Int("strength", "Strength", 1, 100, 15, unit="%"),),
        caption=lambda v, d: "main colours",
        grey=False,
    ),
)
