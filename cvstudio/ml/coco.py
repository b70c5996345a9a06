"""Average precision by COCO's rules: faster-coco-eval behind one function, for boxes and masks."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from cvstudio.core.annotation import Shape, area_of
from cvstudio.core.convert import to_mask
from cvstudio.core.geometry import Box
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask, Patch
from cvstudio.core.predictions import Prediction
from cvstudio.core.snapshot import SnapshotImage

IouType = Literal["bbox", "segm"]
_log = logging.getLogger(__name__)

NAMES = (
    "AP50-95", "AP50", "AP75", "AP small", "AP medium", "AP large",
    "AR1", "AR10", "AR100", "AR small", "AR medium", "AR large",
)  # fmt: skip
"""COCO's twelve figures in their order; small is below 32 x 32 pixels, large from 96 x 96."""


@dataclass(frozen=True, eq=False, slots=True)
class CocoStatistics:
    """What COCO's evaluation says; not-a-number where there is nothing to find.

    `precision` is (10 overlaps from .5 to .95, 101 recalls, classes), -1 without labels.
    """

    values: tuple[float, ...]
    """In the order of NAMES."""
    category_ids: tuple[int, ...]
    precision: NDArray[np.float64]

    def of_class(self, category_id: int) -> tuple[float, float]:
        """AP50-95 and AP50 of one class; not-a-number when it is not labelled."""
        own = self.precision[:, :, self.category_ids.index(category_id)]
        return _mean(own), _mean(own[0])


def coco_statistics(
    gt: dict[str, Any],
    dt: Sequence[dict[str, Any]],
    iou_type: IouType,
    *,
    max_detections: int = 100,
) -> CocoStatistics:
    """The statistics of COCO results `dt` against a COCO data set `gt`, both as parsed JSON.

    At most `max_detections` of an image and class count, as in COCO (100); AR100 then stands for
    that number. Neither argument is changed.
    """
    return _evaluated(_copied(gt), [dict(item) for item in dt], iou_type, max_detections)


def _evaluated(
    gt: dict[str, Any], dt: list[dict[str, Any]], iou_type: IouType, max_detections: int
) -> CocoStatistics:
    """The statistics of what was made for this alone: the evaluator writes into both."""
    truth = COCO(gt, print_function=_log.debug)
    if not dt or not gt["annotations"]:
        return _nothing(truth, bool(gt["annotations"]))
    found = truth.loadRes(dt)
    evaluation = COCOeval_faster(truth, found, iou_type, print_function=_log.debug)
    evaluation.params.maxDets = [1, 10, max_detections]
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    values = tuple(float(v) if v > -1 else float("nan") for v in evaluation.stats[:12])
    precision = np.asarray(evaluation.eval["precision"], np.float64)[:, :, :, 0, -1]
    return CocoStatistics(values, tuple(int(i) for i in evaluation.params.catIds), precision)


def statistics_of(
    images: Sequence[SnapshotImage],
    predictions: Sequence[Prediction],
    class_ids: Sequence[int],
    iou_type: IouType,
    *,
    max_detections: int,
) -> CocoStatistics:
    """COCO's statistics of predictions against a split's labels (crowds ignored, as in COCO)."""
    sizes = {image.id: (image.height, image.width) for image in images}
    known = frozenset(class_ids)
    annotations: list[dict[str, Any]] = []
    for image in images:
        for a in image.annotations:
            if a.shape is None or a.class_id not in known or a.box.area <= 0:
                continue
            item = {
                "id": len(annotations) + 1,
                "image_id": image.id,
                "category_id": a.class_id,
                "iscrowd": int(a.crowd),
                "bbox": _xywh(a.box),
                "area": area_of(a.shape) if iou_type == "segm" else a.box.area,
            }
            if iou_type == "segm":
                mask = _mask_of(a.shape)
                if mask is None:
                    continue
                item["segmentation"] = whole_image_code(mask, *sizes[image.id])
            annotations.append(item)
    gt = {
        "images": [{"id": i.id, "width": i.width, "height": i.height} for i in images],
        "categories": [{"id": class_id, "name": str(class_id)} for class_id in class_ids],
        "annotations": annotations,
    }
    return _evaluated(gt, _results(predictions, sizes, iou_type), iou_type, max_detections)


def _mask_of(shape: Shape) -> Mask | None:
    """The pixels of a shape; all of a box, which counts among masks as a crowd only."""
    return None if shape is None or isinstance(shape, Keypoints) else to_mask(shape)


def _results(
    predictions: Sequence[Prediction], sizes: dict[int, tuple[int, int]], iou_type: IouType
) -> list[dict[str, Any]]:
    results = []
    for prediction in predictions:
        for found in prediction.objects:
            item: dict[str, Any] = {
                "image_id": prediction.image_id,
                "category_id": found.class_id,
                "score": found.score,
            }
            if iou_type == "bbox":
                item["bbox"] = _xywh(found.box)
            elif found.mask is not None:
                item["segmentation"] = whole_image_code(found.mask, *sizes[prediction.image_id])
            else:
                continue
            results.append(item)
    return results


def whole_image_code(mask: Mask, height: int, width: int) -> dict[str, Any]:
    """The COCO segmentation of a mask on its whole image, {"size", "counts": bytes}.

    Only the mask's own columns are touched: what lies left and right of them is one run each.
    """
    x0, x1 = max(mask.x, 0), min(mask.x + mask.w, width)
    y0, y1 = max(mask.y, 0), min(mask.y + mask.h, height)
    if x0 >= x1 or y0 >= y1:
        runs = [height * width]
    else:
        columns: Patch = np.zeros((x1 - x0, height), np.uint8)
        inside = mask.patch()[y0 - mask.y : y1 - mask.y, x0 - mask.x : x1 - mask.x]
        columns[:, y0:y1] = inside.T
        changes = np.flatnonzero(np.diff(columns.ravel(), prepend=0, append=0)) + x0 * height
        ends = np.append(changes, height * width)
        runs = np.diff(ends, prepend=0).tolist()
    code: dict[str, Any] = coco_mask.frPyObjects(
        {"size": [height, width], "counts": runs}, height, width
    )
    return code


def _copied(gt: dict[str, Any]) -> dict[str, Any]:
    """A data set whose annotations may be written to: the evaluator marks its matches there."""
    return {**gt, "annotations": [dict(item) for item in gt["annotations"]]}


def _nothing(truth: Any, labelled: bool) -> CocoStatistics:
    """No prediction at all finds nothing (0); without labels there is nothing to say."""
    ids = tuple(sorted(int(i) for i in truth.getCatIds()))
    precision = np.full((10, 101, len(ids)), -1.0)
    for place, category in enumerate(ids):
        if truth.getAnnIds(catIds=[category], iscrowd=0):
            precision[:, :, place] = 0
    value = 0.0 if labelled else float("nan")
    return CocoStatistics((value,) * len(NAMES), ids, precision)


def _mean(precision: NDArray[np.float64]) -> float:
    known = precision[precision > -1]
    return float(known.mean()) if known.size else float("nan")


def _xywh(box: Box) -> list[float]:
    return [box.x, box.y, box.w, box.h]
