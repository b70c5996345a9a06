"""Evidence for one object (detect, instance): the maps that enter the head, or that R-CNNs cut the
object out of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from cvstudio.core.geometry import Box
from cvstudio.ml.explaining.choosing import SAME_OBJECT, choose_object, corners_of, overlaps_of
from cvstudio.ml.explaining.heat import layer_of
from cvstudio.ml.explaining.tracing import Answer, Traced, contrast, hooked, kept, places_of
from cvstudio.ml.load import LoadedNetwork, outputs_of
from cvstudio.ml.preprocess import Placement

if TYPE_CHECKING:
    from cvstudio.ml.networks.torchvision_detection import Detector


def trace(
    network: LoadedNetwork, tensor: torch.Tensor, placement: Placement, index: int | None,
    box: Box | None, *, layer: str, joined: bool, told: Answer | None = None,
) -> Traced:  # fmt: skip
    """Ask for an object (choosing.choose_object); `told` asks what was asked."""
    from cvstudio.ml.networks.torchvision_detection import Detector

    if isinstance(network.module, Detector):
        return _of_list(
            network, network.module, tensor, placement, index, box,
            layer=layer, joined=joined, told=told,
        )  # fmt: skip
    parts: Any = network.module.model
    head = parts[-1]
    maps: list[torch.Tensor] = []
    logits: list[torch.Tensor] = []

    def enter(_module: nn.Module, inputs: Any) -> Any:
        return ([kept(feature, maps) for feature in inputs[0]], *inputs[1:])

    def leave(module: Any, _inputs: Any, output: Any) -> None:
        raw = output[-1]
        if not isinstance(raw, dict):  # RT-DETR's decoder: boxes, scores of each object, ...
            logits.append(raw[1][-1].transpose(1, 2))
            return
        branch = "one2one" if module.end2end else "one2many"
        logits.append(raw.get(branch, raw)["scores"])

    head.shape = None  # anchors kept from an inference-mode pass cannot take part in gradients
    handles = [head.register_forward_pre_hook(enter), head.register_forward_hook(leave)]
    with hooked(handles):
        answer = outputs_of(network.task, network.module(tensor))
    raw = answer[0][0].detach().float().cpu().numpy()
    if told is None:
        anchor, chosen = choose_object(raw, len(network.classes), placement, index, box)
        told = Answer(chosen, anchor)
    anchor, chosen = told.place, told.index
    corners = corners_of(raw[:4, anchor : anchor + 1])[0]
    logit = logits[0][0, chosen, anchor]
    return _traced(
        maps, logit, logit, told, layer, joined,
        score=float(raw[4 + chosen, anchor]),
        box=placement.box_to_image(*(float(v) for v in corners)),
    )  # fmt: skip


def _of_list(
    network: LoadedNetwork, module: Detector, tensor: torch.Tensor, placement: Placement,
    index: int | None, box: Box | None, *, layer: str, joined: bool, told: Answer | None,
) -> Traced:  # fmt: skip
    """The same for Faster and Mask R-CNN, which look once more at the features inside a box: what
    there speaks for the class rather than for the others and for background.

    Where nothing was found in `box`, they are asked about that box itself.
    """
    if told is None:
        with torch.no_grad():
            raw = network.raw(tensor)[0][0].float().cpu().numpy()
        answer, chosen = choose_object(raw, len(network.classes), placement, index, box)
        corners = corners_of(raw[:4, answer : answer + 1])
        if box is not None:
            wanted = placement.box_to_input(box)
            if overlaps_of(corners, wanted)[0] < SAME_OBJECT:
                corners = np.array([[wanted.x, wanted.y, wanted.right, wanted.bottom]], np.float32)
    else:
        chosen, corners = told.index, told.place

    maps, logits = module.logits_at(tensor, torch.from_numpy(corners).to(tensor))
    chances = logits[0].detach().float().softmax(0)
    if told is None and index is None and box is not None:
        chosen = int(chances[1:].argmax())
    row = logits[0].float()
    return _traced(
        maps, row[chosen + 1], contrast(row, chosen + 1), Answer(chosen, corners), layer, joined,
        score=float(chances[chosen + 1]),
        box=placement.box_to_image(*(float(v) for v in corners[0])),
    )  # fmt: skip


def _traced(
    maps: Sequence[torch.Tensor], logit: torch.Tensor, against: torch.Tensor, answer: Answer,
    layer: str, joined: bool, *, score: float, box: Box,
) -> Traced:  # fmt: skip
    """All maps unless one is named, or the method joins none."""
    back = list(reversed(maps))
    layers = tuple(layer_of(p, *feature.shape[2:]) for p, feature in enumerate(back))
    places = places_of(layer, layers, range(len(back)) if joined else (0,))
    return Traced(
        maps=[back[place] for place in places],
        arrange=lambda values: values,
        logit=logit,
        contrast=against,
        answer=answer,
        class_index=answer.index,
        score=score,
        layers=layers,
        chosen=places,
        box=box,
    )
