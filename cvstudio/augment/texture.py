"""Transforms of sharpness and noise: the pixels stay where they are."""

from __future__ import annotations

from typing import Any

from cvstudio.augment.fields import Choice, Float, Int, Range, Transform, number

SHARPNESS = "Sharpness"
NOISE = "Noise and compression"


def _odd(pair: list[float] | tuple[float, float]) -> tuple[int, int]:
    """A range of odd kernel sizes that holds at least one."""
    low, high = int(pair[0]) | 1, int(pair[1])
    high = high if high % 2 else high - 1
    return low, max(low, high)


def _share(pair: list[float] | tuple[float, float]) -> tuple[float, float]:
    return pair[0] / 100, pair[1] / 100


def _noise(kind: str, low: float, high: float) -> dict[str, Any]:
    """albumentations' parameters of a noise of that kind, as a share of full brightness."""
    if kind == "uniform":
        return {"ranges": [(-high, high)]}
    if kind == "laplace":
        return {"mean_range": (0.0, 0.0), "scale_range": (low, high)}
    return {"alpha_range": (0.5, 1.5), "beta_range": (0.5, 1.5), "scale_range": (low, high)}


TEXTURES: tuple[Transform, ...] = (
    Transform(
        "blur",
        "Blur",
        SHARPNESS,
        "A soft blur, as slightly out of focus.",
        "GaussianBlur",
        lambda v: {"blur_limit": 0, "sigma_limit": tuple(v["radius"])},
        parameters=(Range("radius", "Radius", 0.2, 8, (0.5, 1.5), unit="px", step=0.1),),
        caption=lambda v, d: "blur",
    ),
    Transform(
        "box_blur",
        "Even blur",
        SHARPNESS,
        "Averages over a small square, as binning of pixels does.",
        "Blur",
        lambda v: {"blur_limit": _odd(v["size"])},
        parameters=(Range("size", "Size", 3, 21, (3, 5), unit="px", step=2),),
        caption=lambda v, d: f"blur {d['kernel']} px",
    ),
    Transform(
        "median_blur",
        "Median blur",
        SHARPNESS,
        "Removes specks and keeps edges.",
        "MedianBlur",
        lambda v: {"blur_limit": _odd(v["size"])},
        parameters=(Range("size", "Size", 3, 11, (3, 5), unit="px", step=2),),
        caption=lambda v, d: f"median {d['kernel']} px",
    ),
    Transform(
        "motion_blur",
        "Motion blur",
        SHARPNESS,
        "A blur in one direction, as when the stage or the camera moves.",
        "MotionBlur",
        lambda v: {"blur_limit": _odd(v["length"]), "allow_shifted": False},
        parameters=(Range("length", "Length", 3, 31, (3, 9), unit="px", step=2),),
        caption=lambda v, d: "motion blur",
    ),
    Transform(
        "defocus",
        "Defocus",
        SHARPNESS,
        "The discs that a lens out of focus makes of points.",
        "Defocus",
        lambda v: {"radius": (int(v["radius"][0]), int(v["radius"][1])), "alias_blur": (0.1, 0.3)},
        parameters=(Range("radius", "Radius", 1, 12, (1, 3), unit="px"),),
        caption=lambda v, d: f"defocus {d['radius']} px",
    ),
    Transform(
        "zoom_blur",
        "Zoom blur",
        SHARPNESS,
        "A blur away from the middle, as when zooming.",
        "ZoomBlur",
        lambda v: {"max_factor": (1.01, 1 + v["strength"] / 100), "step_factor": (0.01, 0.02)},
        parameters=(Int("strength", "Strength", 2, 30, 6, unit="%"),),
        caption=lambda v, d: "zoom blur",
    ),
    Transform(
        "glass_blur",
        "Frosted glass",
        SHARPNESS,
        "Swaps neighbouring pixels, as seen through frosted glass.",
        "GlassBlur",
        lambda v: {
            "sigma": float(v["softness"]),
            "max_delta": v["reach"],
            "iterations": 1,
            "mode": "fast",
        },
        parameters=(
            Int("reach", "Reach", 1, 8, 2, unit="px"),
            Float("softness", "Softness", 0.1, 3, 0.6, step=0.1, brief=False),
        ),
        caption=lambda v, d: "frosted glass",
    ),
    Transform(
        "sharpen",
        "Sharpen",
        SHARPNESS,
        "Crisper edges, as cameras and viewers add them.",
        "Sharpen",
        lambda v: {"alpha": _share(v["strength"]), "lightness": (1.0, 1.0)},
        parameters=(Range("strength", "Strength", 0, 100, (10, 40), unit="%"),),
        caption=lambda v, d: f"sharper {number(100 * d['alpha'])} %",
    ),
    Transform(
        "unsharp_mask",
        "Unsharp mask",
        SHARPNESS,
        "Crisper edges with a radius, as image programs do it.",
        "UnsharpMask",
        lambda v: {
            "blur_limit": _odd(v["size"]),
            "sigma_limit": 0.0,
            "alpha": _share(v["strength"]),
            "threshold": 5,
        },
        parameters=(
            Range("strength", "Strength", 0, 100, (10, 40), unit="%"),
            Range("size", "Size", 3, 21, (3, 7), unit="px", step=2, brief=False),
        ),
        caption=lambda v, d: f"sharper {number(100 * d['alpha'])} %",
    ),
    Transform(
        "emboss",
        "Emboss",
        SHARPNESS,
        "Light from one side, as in interference contrast.",
        "Emboss",
        lambda v: {"alpha": _share(v["share"]), "strength": tuple(v["strength"])},
        parameters=(
            Range("share", "Share", 0, 100, (10, 40), unit="%"),
            Range("strength", "Strength", 0, 3, (0.2, 0.7), step=0.1, brief=False),
        ),
        caption=lambda v, d: "embossed",
    ),
    Transform(
        "ringing",
        "Ringing",
        SHARPNESS,
        "Echoes along edges, as hard filters leave them.",
        "RingingOvershoot",
        lambda v: {"blur_limit": _odd(v["size"])},
        parameters=(Range("size", "Size", 3, 21, (5, 9), unit="px", step=2),),
        caption=lambda v, d: "ringing",
    ),
    Transform(
        "gauss_noise",
        "Noise",
        NOISE,
        "Even grain, as sensors add it.",
        "GaussNoise",
        lambda v: {"std_range": _share(v["strength"]), "per_channel": v["colour"] == "colour"},
        parameters=(
            Range("strength", "Strength", 0, 40, (2, 6), unit="%", step=0.5),
            Choice("colour", "Kind", (("grey", "Grey"), ("colour", "Coloured")), "grey"),
        ),
        caption=lambda v, d: "noise",
    ),
    Transform(
        "iso_noise",
        "Camera noise",
        NOISE,
        "Coloured grain, as at a high ISO setting.",
        "ISONoise",
        lambda v: {"color_shift": _share(v["colour"]), "intensity": _share(v["strength"])},
        parameters=(
            Range("strength", "Strength", 1, 100, (10, 40), unit="%"),
            Range("colour", "Colour", 0, 30, (1, 5), unit="%", brief=False),
        ),
        caption=lambda v, d: f"camera noise {number(100 * d['intensity'])} %",
        grey=False,
        warning="Grey images become coloured.",
        deep=False,
    ),
    Transform(
        "shot_noise",
        "Shot noise",
        NOISE,
        "Grain of few photons, as in fluorescence and electron microscopy.",
        "ShotNoise",
        lambda v: {"scale_range": _share(v["strength"])},
        parameters=(Range("strength", "Strength", 1, 60, (5, 15), unit="%"),),
        caption=lambda v, d: "shot noise",
    ),
    Transform(
        "multiplicative_noise",
        "Multiplied noise",
        NOISE,
        "Grain that grows with brightness, as speckle in ultrasound.",
        "MultiplicativeNoise",
        lambda v: {"multiplier": tuple(v["factor"]), "elementwise": True, "per_channel": False},
        parameters=(Range("factor", "Factor", 0.3, 2, (0.9, 1.1), step=0.05, weak=1),),
        caption=lambda v, d: "speckle",
    ),
    Transform(
        "salt_pepper",
        "Salt and pepper",
        NOISE,
        "Single white and black pixels, as dead sensor cells.",
        "SaltAndPepper",
        lambda v: {"amount": _share(v["amount"])},
        parameters=(Range("amount", "Amount", 0, 20, (0.5, 2), unit="%", step=0.5),),
        caption=lambda v, d: "salt and pepper",
    ),
    Transform(
        "jpeg",
        "JPEG compression",
        NOISE,
        "The blocks that strong compression leaves.",
        "ImageCompression",
        lambda v: {
            "compression_type": "jpeg",
            "quality_range": (int(v["quality"][0]), int(v["quality"][1])),
        },
        parameters=(Range("quality", "Quality", 5, 100, (50, 95), weak=100),),
        caption=lambda v, d: f"JPEG {d['quality']}",
    ),
    Transform(
        "downscale",
        "Lower resolution",
        NOISE,
        "Makes the image smaller and large again, so that detail is lost.",
        "Downscale",
        # OpenCV's constants: 3 averages on the way down, 1 interpolates on the way up.
        lambda v: {
            "scale_range": _share(v["scale"]),
            "interpolation_pair": {"downscale": 3, "upscale": 1},
        },
        parameters=(Range("scale", "Resolution", 10, 99, (50, 80), unit="%", weak=99),),
        caption=lambda v, d: f"{number(100 * d['scale'])} % resolution",
        deep=False,
    ),
    Transform(
        "superpixels",
        "Patches of one colour",
        NOISE,
        "Replaces small regions by their mean colour.",
        "Superpixels",
        lambda v: {"p_replace": _share(v["share"]), "n_segments": (v["regions"], v["regions"])},
        parameters=(
            Range("share", "Share", 0, 100, (5, 20), unit="%"),
            Int("regions", "Regions", 20, 500, 150, step=10, brief=False),
        ),
        caption=lambda v, d: "patches of one colour",
    ),
    Transform(
        "other_noise",
        "Noise of another kind",
        NOISE,
        "Grain that is not bell-shaped: flat, with outliers, or towards one side.",
        "AdditiveNoise",
        lambda v: {
            "noise_type": v["kind"],
            "spatial_mode": "per_pixel" if v["colour"] == "colour" else "shared",
            "noise_params": _noise(v["kind"], *_share(v["strength"])),
        },
        parameters=(
            Range("strength", "Strength", 1, 40, (3, 8), unit="%"),
            Choice(
                "kind",
                "Kind",
                (("laplace", "Outliers"), ("uniform", "Flat"), ("beta", "Both ends")),
                "laplace",
                brief=True,
            ),
            Choice("colour", "Colour", (("grey", "Grey"), ("colour", "Coloured")), "grey"),
        ),
        caption=lambda v, d: "noise",
    ),
    Transform(
        "thicken",
        "Thicken or thin",
        SHARPNESS,
        "Bright or dark strokes grow by a pixel or two, as in prints and scans.",
        "Morphological",
        lambda v: {
            "scale": (v["size"], v["size"]),
            "operation": "dilation" if v["kind"] == "bright" else "erosion",
        },
        parameters=(
            Int("size", "Size", 2, 9, 2, unit="px"),
            Choice("kind", "Grows", (("bright", "Bright"), ("dark", "Dark")), "dark", brief=True),
        ),
        caption=lambda v, d: f"{v['kind']} strokes thicker",
        warning="Labels stay as they are, while edges move by half the size.",
    ),
    Transform(
        "uneven_blur",
        "Uneven blur",
        SHARPNESS,
        "A blur that is longer in one direction and not quite regular, as of real lenses.",
        "AdvancedBlur",
        lambda v: {
            "blur_limit": (3, 15),
            "sigma_x_limit": tuple(v["radius"]),
            "sigma_y_limit": tuple(v["radius"]),
            "rotate_limit": (-90, 90),
        },
        parameters=(Range("radius", "Radius", 0.2, 8, (0.3, 2), unit="px", step=0.1),),
        caption=lambda v, d: "uneven blur",
    ),
)
