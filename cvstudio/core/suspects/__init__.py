"""How doubtful each label is, and why, from answers of networks that never learned from it."""

from cvstudio.core.suspects.images import ConfidentJoint, SeveralDoubts
from cvstudio.core.suspects.objects import ObjectDoubts, boxes_in_order
from cvstudio.core.suspects.pixels import PixelDoubts, Region
from cvstudio.core.suspects.values import NOTHING, Doubt, Fault

__all__ = [
    "NOTHING",
    "ConfidentJoint",
    "Doubt",
    "Fault",
    "ObjectDoubts",
    "PixelDoubts",
    "Region",
    "SeveralDoubts",
    "boxes_in_order",
]
