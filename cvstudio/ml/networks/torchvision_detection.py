"""Faster R-CNN and Mask R-CNN of torchvision, answering with as many objects for every image.

torchvision's parts are kept, with the names that its files of weights have, and so are its rules:
which anchors and proposals teach what, which objects suppress which. What is new is their form.
Answers have a fixed length and come from a whole batch at once, so that they go through ONNX and
through the one decoder that YOLO's answers go through; crowds teach nothing; classes can weigh.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torchvision
from torch import nn
from torch.nn import functional
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import maskrcnn_loss
from torchvision.ops import box_iou, nms, roi_align

from cvstudio.core.annotation import Task
from cvstudio.core.networks import NetworkInfo
from cvstudio.ml.decode import MOST_OBJECTS, SCORE_FLOOR

Weights = dict[str, torch.Tensor]
Target = dict[str, torch.Tensor]
"""What is in one image: "boxes" (k, 4) corners in input pixels, "labels" (k,) from 1, "crowds"
(c, 4) corners, and for masks "masks" (k, h, w), of the input's sides divided by one number."""

PARTS = ("objectness", "proposals", "class", "box", "mask")
"""What the loss is the sum of: whether something is somewhere, where, what, and where exactly."""
_MOST_MASKS = 100
"""Objects with masks that an image can have; each costs a network of its own."""
_IN_CROWD = 0.5
"""Share of an anchor or proposal that lies in a crowd for it to teach nothing."""


def build(info: NetworkInfo, *, classes: int, image_size: int) -> nn.Module:
    """The network with random weights, for square images."""
    make = getattr(torchvision.models.detection, info.architecture)
    whole = make(weights=None, weights_backbone=None, num_classes=classes + 1)
    most = _MOST_MASKS if info.task is Task.INSTANCE else MOST_OBJECTS
    return Detector(whole, most=most)


def adapt(module: nn.Module, weights: Weights) -> Weights:
    """Weights of a backbone alone, under the names that they have in the whole network."""
    if any(name.startswith("backbone.") for name in weights):
        return weights
    return {f"backbone.body.{name.removeprefix('features.')}": v for name, v in weights.items()}


def head(module: nn.Module) -> frozenset[str]:
    """The names of the parameters that turn features into classes, boxes and masks."""
    own = ("roi_heads.box_predictor.", "roi_heads.mask_predictor.")
    return frozenset(name for name, _ in module.named_parameters() if name.startswith(own))


@dataclass(frozen=True)
class Candidates:
    """What the boxes of objects are chosen from: `corners` (n, p, classes, 4) in input pixels and
    `scores` (n, p, classes), from maps of features of images with `side` (height, width)."""

    corners: torch.Tensor
    scores: torch.Tensor
    features: Any
    side: tuple[int, int]


class Detector(nn.Module):
    """Faster R-CNN, or Mask R-CNN where it has masks, over normalised images (n, 3, h, w).

    Answers (n, 4 + classes, k): as decode.decode() reads them, x and y of the centre, width and
    height in input pixels and a score per class, of which at most one is more than 0; best first.
    With masks, a pair: that and (n, k, s, s), each object's chance to be at a place of its box.
    """

    def __init__(self, whole: Any, *, most: int) -> None:
        super().__init__()
        self.backbone, self.rpn, self.roi_heads = whole.backbone, whole.rpn, whole.roi_heads
        self.most = most

    @property
    def with_masks(self) -> bool:
        """Whether this is Mask R-CNN."""
        return bool(self.roi_heads.has_mask())

    # -- answering -----------------------------------------------------------------------------

    def forward(self, images: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        return self.answer(self.candidates(images))

    def candidates(self, images: torch.Tensor) -> Candidates:
        """All boxes of objects in images (n, 3, h, w), before doubles are removed."""
        features = self.backbone(images)
        side = (images.shape[2], images.shape[3])
        proposals, known = self._proposals(images, features)
        return self._candidates(features, proposals, known, side)

    def answer(
        self, found: Candidates, *, leaning: torch.Tensor | None = None
    ) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """What the network answers with these candidates. `leaning`, of the shape of their scores,
        is added to them where boxes are chosen, and not to what is answered."""
        corners, scores, classes = self._objects(found, leaning)
        count = int(found.scores.shape[2])
        low, high = corners[..., :2], corners[..., 2:]
        boxes = torch.cat([(low + high) / 2, high - low], dim=2).transpose(1, 2)
        table = torch.zeros_like(boxes[:, :1]).repeat(1, count, 1)
        table = table.scatter(1, classes.unsqueeze(1), scores.unsqueeze(1))
        answer = torch.cat([boxes, table], dim=1)
        if not self.with_masks:
            return answer
        return answer, self._masks(found.features, corners, classes, found.side)

    def logits_at(self, images: torch.Tensor, corners: torch.Tensor) -> tuple[Any, torch.Tensor]:
        """The feature maps of one image, and what they say about boxes (k, 4) of it: logits
        (k, classes + 1), background first."""
        features = self.backbone(images)
        side = (images.shape[2], images.shape[3])
        seen = self._pooled(self.roi_heads.box_roi_pool, features, corners.unsqueeze(0), side)
        logits, _ = self.roi_heads.box_predictor(self.roi_heads.box_head(seen))
        return list(features.values()), logits

    def _proposals(self, images: torch.Tensor, features: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Where objects may be: corners (n, p, 4), and for each whether it is one at all."""
        maps = list(features.values())
        rpn = self.rpn
        objectness, deltas = rpn.head(maps)
        anchors = self._anchors(images, maps)
        most, in_all = rpn.pre_nms_top_n(), rpn.post_nms_top_n()
        corners, chances = [], []
        start = 0
        for answer, delta in zip(objectness, deltas, strict=True):
            chance = answer.detach().float().permute(0, 2, 3, 1).flatten(1)
            count = int(chance.shape[1])
            delta = delta.detach().float().permute(0, 2, 3, 1).reshape(-1, count, 4)
            chance, best = chance.topk(min(most, count), dim=1)
            delta = delta.gather(1, best.unsqueeze(2).expand(-1, -1, 4))
            own = anchors[start : start + count][best]
            start += count
            boxes = rpn.box_coder.decode_single(delta.reshape(-1, 4), own.reshape(-1, 4))
            boxes = _clipped(boxes.reshape(own.shape), images.shape[3], images.shape[2])
            chance = chance.sigmoid() * _is_box(boxes, rpn.min_size)
            corners.append(boxes)
            chances.append(_suppressed(boxes, chance, rpn.nms_thresh, rpn.score_thresh))
        boxes, chance = torch.cat(corners, dim=1), torch.cat(chances, dim=1)
        chance, best = chance.topk(min(in_all, int(chance.shape[1])), dim=1)
        return boxes.gather(1, best.unsqueeze(2).expand(-1, -1, 4)), chance > 0

    def _anchors(self, images: torch.Tensor, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        sides = [(int(images.shape[2]), int(images.shape[3]))]
        anchors: torch.Tensor = self.rpn.anchor_generator(ImageList(images[:1], sides), maps)[0]
        return anchors

    def _candidates(
        self, features: Any, proposals: torch.Tensor, known: torch.Tensor, side: tuple[int, int]
    ) -> Candidates:
        heads = self.roi_heads
        pooled = self._pooled(heads.box_roi_pool, features, proposals, side)
        logits, deltas = heads.box_predictor(heads.box_head(pooled))
        count, number = int(logits.shape[1]), int(proposals.shape[1])
        boxes = heads.box_coder.decode_single(deltas.float(), proposals.reshape(-1, 4))
        boxes = _clipped(boxes.reshape(-1, number, count, 4)[:, :, 1:], side[1], side[0])
        scores = logits.float().softmax(1).reshape(-1, number, count)[..., 1:]
        scores = scores * known.unsqueeze(2) * _is_box(boxes, 1e-2)
        return Candidates(boxes, scores, features, side)

    def _objects(
        self, found: Candidates, leaning: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The best objects of each image: corners (n, k, 4), scores and classes (n, k) from 0."""
        boxes, scores = found.corners, found.scores
        chances = scores if leaning is None else scores + leaning
        number, count = int(scores.shape[1]), int(scores.shape[2])
        # One class of one image after the other: (n * classes, p).
        own = boxes.transpose(1, 2).reshape(-1, number, 4)
        kept = _suppressed(
            own, chances.transpose(1, 2).reshape(-1, number), self.roi_heads.nms_thresh, SCORE_FLOOR
        )
        kept = kept.reshape(-1, count, number).transpose(1, 2).reshape(-1, number * count)
        best_scores, best = kept.topk(min(self.most, number * count), dim=1)
        if leaning is not None:
            best_scores = scores.reshape(-1, number * count).gather(1, best) * (best_scores > 0)
        flat = boxes.reshape(-1, number * count, 4)
        corners = flat.gather(1, best.unsqueeze(2).expand(-1, -1, 4))
        return corners, best_scores, best % count

    def _masks(
        self, features: Any, corners: torch.Tensor, classes: torch.Tensor, side: tuple[int, int]
    ) -> torch.Tensor:
        heads = self.roi_heads
        pooled = self._pooled(heads.mask_roi_pool, features, corners, side)
        logits = heads.mask_predictor(heads.mask_head(pooled)).float()
        chosen = (classes.reshape(-1, 1, 1, 1) + 1).expand(-1, 1, logits.shape[2], logits.shape[3])
        cells = int(logits.shape[2])
        own: torch.Tensor = logits.gather(1, chosen).sigmoid()
        return own.reshape(-1, int(corners.shape[1]), cells, cells)

    def _pooled(
        self, pool: Any, features: Any, corners: torch.Tensor, side: tuple[int, int]
    ) -> torch.Tensor:
        """The features (n * k, channels, s, s) of boxes (n, k, 4), each from the map that suits
        its size."""
        number = int(corners.shape[1])
        places = torch.arange(corners.shape[0], device=corners.device)
        places = places.reshape(-1, 1, 1).expand(-1, number, 1)
        rois = torch.cat([places.to(corners.dtype), corners], dim=2).reshape(-1, 5)
        return pooled(pool, features, rois, side)

    # -- learning ------------------------------------------------------------------------------

    def losses(
        self, images: torch.Tensor, targets: Sequence[Target], weights: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """The PARTS of the loss over images (n, 3, h, w); without masks the last is left out.
        `weights` (classes,) is what a wrong class costs."""
        features = self.backbone(images)
        maps = list(features.values())
        objectness, deltas = self.rpn.head(maps)
        anchors = self._anchors(images, maps)
        labels, matched = self.rpn.assign_targets_to_anchors([anchors] * len(targets), targets)
        seen = _clipped(anchors, images.shape[3], images.shape[2])
        for own, target in zip(labels, targets, strict=True):
            own[(own == 0) & _in_crowd(seen, target["crowds"])] = -1
        wanted = self.rpn.box_coder.encode(matched, [anchors] * len(targets))
        flat, ways = _rows(objectness, 1), _rows(deltas, 4)
        if any((own >= 0).any() for own in labels):
            found, where = self.rpn.compute_loss(flat, ways, labels, wanted)
        else:  # nothing but crowds
            found, where = flat.sum() * 0, ways.sum() * 0
        with torch.no_grad():
            proposals, known = self._proposals(images, features)
        rest = self._head_losses(
            features, [p[k] for p, k in zip(proposals, known, strict=True)], targets, weights,
            (images.shape[2], images.shape[3]),
        )  # fmt: skip
        return dict(zip(PARTS, (found, where, *rest), strict=False))

    def _head_losses(
        self, features: Any, proposals: list[torch.Tensor], targets: Sequence[Target],
        weights: torch.Tensor | None, side: tuple[int, int],
    ) -> Iterator[torch.Tensor]:  # fmt: skip
        heads = self.roi_heads
        proposals, matched, labels, wanted = self._sampled(proposals, targets)
        rois = _rois(proposals)
        seen = heads.box_head(pooled(heads.box_roi_pool, features, rois, side))
        logits, deltas = heads.box_predictor(seen)
        flat = torch.cat(labels)
        if weights is not None:
            weights = torch.cat([weights.new_ones(1), weights])
        none = logits.sum() * 0
        yield functional.cross_entropy(logits.float(), flat, weights) if len(flat) else none
        rows = torch.where(flat > 0)[0]
        own = deltas.float().reshape(len(flat), logits.shape[1], 4)[rows, flat[rows]]
        yield functional.smooth_l1_loss(
            own, torch.cat(wanted)[rows], beta=1 / 9, reduction="sum"
        ) / max(len(flat), 1)
        if not self.with_masks:
            return
        objects = [label > 0 for label in labels]
        positive = [p[o] for p, o in zip(proposals, objects, strict=True)]
        places = [m[o] for m, o in zip(matched, objects, strict=True)]
        pooled_masks = pooled(heads.mask_roi_pool, features, _rois(positive), side)
        answers = heads.mask_predictor(heads.mask_head(pooled_masks)).float()
        if not len(answers):
            yield answers.sum() * 0
            return
        cells = [t["masks"].shape[-1] / side[1] if len(t["masks"]) else 1.0 for t in targets]
        yield maskrcnn_loss(
            answers, [p * c for p, c in zip(positive, cells, strict=True)],
            [t["masks"] for t in targets], [t["labels"] for t in targets], places,
        )  # fmt: skip

    def _sampled(self, proposals: list[torch.Tensor], targets: Sequence[Target]) -> tuple[Any, ...]:
        """The proposals that teach: with the object that each matches, its class (0: none) and the
        way from the proposal to its box."""
        heads = self.roi_heads
        boxes = [target["boxes"] for target in targets]
        proposals = heads.add_gt_proposals(proposals, boxes)
        matched, labels = heads.assign_targets_to_proposals(
            proposals, boxes, [target["labels"] for target in targets]
        )
        for own, places, target in zip(labels, proposals, targets, strict=True):
            own[(own == 0) & _in_crowd(places, target["crowds"])] = -1
        ways = []
        for place, chosen in enumerate(heads.subsample(labels)):
            proposals[place], labels[place], matched[place] = (
                values[place][chosen] for values in (proposals, labels, matched)
            )
            known = boxes[place] if len(boxes[place]) else boxes[place].new_zeros(1, 4)
            ways.append(known[matched[place]])
        return proposals, matched, labels, heads.box_coder.encode(ways, proposals)


def pooled(pool: Any, features: Any, rois: torch.Tensor, side: tuple[int, int]) -> torch.Tensor:
    """The features (k, channels, s, s) of rois (k, 5): the image's place, then its corners.

    As torchvision's MultiScaleRoIAlign gives them, without a loop over images.
    """
    maps = [features[name] for name in pool.featmap_names if name in features]
    shifts = [round(math.log2(int(m.shape[2]) / int(side[0]))) for m in maps]
    areas = (rois[:, 3] - rois[:, 1]) * (rois[:, 4] - rois[:, 2])
    level = pool.canonical_level + torch.log2(areas.clamp(min=1e-12).sqrt() / pool.canonical_scale)
    level = torch.floor(level + 1e-6).clamp(-shifts[0], -shifts[-1]) + shifts[0]
    size = pool.output_size
    result: torch.Tensor = (
        maps[0]
        .new_zeros((1, 1, 1, 1))
        .expand(rois.shape[0], int(maps[0].shape[1]), size[0], size[1])
    )
    for number, (values, shift) in enumerate(zip(maps, shifts, strict=True)):
        (members,) = torch.where(level == number)
        part = roi_align(values, rois[members], size, 2.0**shift, pool.sampling_ratio)
        result = result.index_put((members,), part.to(result.dtype))
    return result


def _rows(maps: Sequence[torch.Tensor], values: int) -> torch.Tensor:
    """The answers for all anchors of all images, image by image: (n * anchors, values)."""
    flat = [m.float().permute(0, 2, 3, 1).reshape(m.shape[0], -1, values) for m in maps]
    return torch.cat(flat, dim=1).reshape(-1, values)


def _rois(boxes: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.cat(
        [torch.cat([b.new_full((len(b), 1), place), b], 1) for place, b in enumerate(boxes)]
    )


def _clipped(corners: torch.Tensor, width: int, height: int) -> torch.Tensor:
    x, y = corners[..., 0::2].clamp(0, width), corners[..., 1::2].clamp(0, height)
    return torch.stack([x[..., 0], y[..., 0], x[..., 1], y[..., 1]], dim=-1)


def _is_box(corners: torch.Tensor, least: float) -> torch.Tensor:
    """1 where a box has sides of at least so many pixels, else 0."""
    sides = corners[..., 2:] - corners[..., :2]
    return (sides >= least).all(dim=-1).to(corners.dtype)


def _in_crowd(boxes: torch.Tensor, crowds: torch.Tensor) -> torch.Tensor:
    """Which boxes (k, 4) lie in crowds (c, 4) for the larger part."""
    if not len(crowds):
        return torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    iou = box_iou(boxes, crowds)
    areas, others = ((b[:, 2:] - b[:, :2]).prod(1) for b in (boxes, crowds))
    shared = iou * (areas[:, None] + others[None]) / (1 + iou)
    inside: torch.Tensor = (shared / areas[:, None].clamp(min=1e-6)).amax(1) >= _IN_CROWD
    return inside


def _suppressed(
    corners: torch.Tensor, scores: torch.Tensor, overlap: float, floor: float
) -> torch.Tensor:
    """Scores (b, p), 0 where a better box of the same row overlaps a box (b, p, 4) by more."""
    tracing = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    script = tracing and not torch.onnx.is_in_onnx_export()
    keep = torch.jit.script(_kept) if script else _Suppression.apply
    kept = keep(corners, scores, overlap, floor)
    rows = torch.zeros_like(scores).index_put(
        (kept[:, 0], kept[:, 2]), torch.ones_like(kept[:, 0], dtype=scores.dtype)
    )
    return scores * rows


def _kept(
    corners: torch.Tensor, scores: torch.Tensor, overlap: float, floor: float
) -> torch.Tensor:
    """What is left in each row, (n, 3) of row, 0 and place, as ONNX's NonMaxSuppression tells it.

    A TorchScript file holds it as it stands here, in the Python that TorchScript knows, since
    another image has another number of boxes than those that a network is traced with.
    """
    found: list[torch.Tensor] = []
    for row, (own, chances) in enumerate(zip(corners.float(), scores.float())):  # noqa: B905
        members = torch.where(chances > floor)[0]
        members = members[nms(own[members], chances[members], overlap)]
        kept = functional.pad(members.unsqueeze(1), [2, 0])
        kept[:, 0] = row
        found.append(kept)
    return torch.cat(found)


class _Suppression(torch.autograd.Function):
    """Non-maximum suppression of each row alone; in ONNX it is one operator of the standard."""

    @staticmethod
    def forward(
        ctx: Any, corners: torch.Tensor, scores: torch.Tensor, overlap: float, floor: float
    ) -> torch.Tensor:
        return _kept(corners, scores, overlap, floor)

    @staticmethod
    def symbolic(g: Any, corners: Any, scores: Any, overlap: float, floor: float) -> Any:
        def constant(value: float | int) -> Any:
            return g.op("Constant", value_t=torch.tensor([value]))

        return g.op(
            "NonMaxSuppression", corners, g.op("Unsqueeze", scores, constant(1)),
            constant(2**31 - 1), constant(float(overlap)), constant(float(floor)),
        )  # fmt: skip
