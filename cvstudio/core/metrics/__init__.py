"""How good predictions are, in numpy alone: the window, the jobs and the tests share these rules.

objects.py (detect, instance) · judgement.py (the same at one score) · overlaps.py (what lies over
what) · curves.py (precision and recall) · classes.py (classify) · several.py (with several classes
an image) · pixels.py (segment) · figures.py (of each class). A figure that cannot be computed is
not-a-number.
"""

from cvstudio.core.error_kinds import ErrorKind
from cvstudio.core.metrics.classes import (
    ClassificationReport,
    ClassifiedImage,
    classification_report,
)
from cvstudio.core.metrics.curves import Curve, best_score
from cvstudio.core.metrics.judgement import NOTHING, Judgement, ObjectError
from cvstudio.core.metrics.objects import ObjectMatches, match_objects
from cvstudio.core.metrics.overlaps import ImageObjects
from cvstudio.core.metrics.pixels import (
    PixelMatches,
    PixelReport,
    iou_per_class,
    label_map,
    match_pixels,
    pixel_confusion,
    region_map,
)
from cvstudio.core.metrics.trust import nothing_right, withheld_sentence
from cvstudio.core.thresholds import USUAL_SCORE

__all__ = [
    "NOTHING",
    "USUAL_SCORE",
    "ClassificationReport",
    "ClassifiedImage",
    "Curve",
    "ErrorKind",
    "ImageObjects",
    "Judgement",
    "ObjectError",
    "ObjectMatches",
    "PixelMatches",
    "PixelReport",
    "best_score",
    "classification_report",
    "iou_per_class",
    "label_map",
    "match_objects",
    "match_pixels",
    "nothing_right",
    "pixel_confusion",
    "region_map",
    "withheld_sentence",
]
