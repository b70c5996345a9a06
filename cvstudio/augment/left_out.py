"""What albumentations has and the catalogue has not, each with the reason.

A test holds that nothing is forgotten. `INSTEAD` are transforms under another name: a file that
uses them is read as steps of the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_SIZE = "The run's image size and the way images are fitted to it decide that."
_VOLUMES = "Made for volumes, not for images."
_OTHERS = "Needs other images as its material, which a step of a pipeline does not hold."
_NUMBERS = "The network's own preprocessing turns pixels into numbers, the same in every use."
_BASE = "Not a transform of its own: others are derived from it."
_COMPOSE = "A whole pipeline, not a step."

LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "BBoxSafeRandomCrop": "“Crop around all objects” does it and keeps the image's size.",
        "CenterCrop": _SIZE,
        "Crop": "Cuts at fixed pixels, which fit one image only.",
        "CropAndPad": "“Trim the borders” crops; “Rotate, scale and shift” below 1 pads.",
        "CropNonEmptyMaskIfExists": "“Crop around an object” does it for masks and boxes alike.",
        "FDA": _OTHERS,
        "FrequencyMasking": "Made for spectrograms; “Hide stripes” does the same.",
        "FromFloat": _NUMBERS,
        "HistogramMatching": _OTHERS,
        "Lambda": "Runs code, which a pipeline must not carry.",
        "LongestMaxSize": _SIZE,
        "MaskDropout": "Takes objects out of the labels; “Hide parts of objects” keeps them right.",
        "Mosaic": "Joins several images: a setting of the run, not a step on one image.",
        "NoOp": "Does nothing.",
        "Normalize": _NUMBERS,
        "OverlayElements": _OTHERS,
        "Pad": _SIZE,
        "PadIfNeeded": _SIZE,
        "PiecewiseAffine": "Takes seconds for an image and folds it; “Bend like a sheet” does not.",
        "PixelDistributionAdaptation": _OTHERS,
        "RandomCrop": "“Crop and enlarge” does it and keeps the image's size.",
        "RandomCropNearBBox": "“Crop around an object” does it for whichever object is drawn.",
        "RandomScale": "The scale of “Rotate, scale and shift” does it and keeps the image's size.",
        "RandomSizedCrop": "“Crop and enlarge” does it.",
        "Resize": _SIZE,
        "Rotate": "“Rotate, scale and shift” does it.",
        "ShiftScaleRotate": "“Rotate, scale and shift” does it.",
        "SmallestMaxSize": _SIZE,
        "SquareSymmetry": "Another name of “All eight positions”.",
        "TextImage": "Writes text with a font file, which would have to travel with every run.",
        "TimeMasking": "Made for spectrograms; “Hide stripes” does the same.",
        "TimeReverse": "Another name of “Flip left to right”.",
        "ToFloat": _NUMBERS,
        "ToRGB": "Images reach the pipeline with three channels.",
        "ToTensorV2": _NUMBERS,
        "ToTensor3D": _VOLUMES,
        "CenterCrop3D": _VOLUMES,
        "CoarseDropout3D": _VOLUMES,
        "CubicSymmetry": _VOLUMES,
        "Pad3D": _VOLUMES,
        "PadIfNeeded3D": _VOLUMES,
        "RandomCrop3D": _VOLUMES,
        "BasicTransform": _BASE,
        "DualTransform": _BASE,
        "ImageOnlyTransform": _BASE,
        "Transform3D": _BASE,
        "BaseCompose": _COMPOSE,
        "Compose": _COMPOSE,
        "ReplayCompose": _COMPOSE,
        "Sequential": "Its steps are read as steps of the pipeline where it always acts.",
        "OneOf": "A group of the pipeline: “One of these”.",
        "OneOrOther": "Read as a group: “One of these”.",
        "SomeOf": "A group of the pipeline: “Some of these”.",
        "RandomOrder": "The order of steps is that of the list.",
        "SelectiveChannelTransform": "Steps act on the whole picture, not on single channels.",
    }
)

INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        "Rotate": "affine",
        "ShiftScaleRotate": "affine",
        "RandomScale": "affine",
        "SquareSymmetry": "eight_positions",
        "TimeReverse": "flip_horizontal",
    }
)
"""The transform of the catalogue that stands for one that is left out."""
