"""Where the evidence for one answer of a network lies, by any method of the table.

By default: classify: Grad-CAM on the last feature map, or on the tokens of the last block; a map
too small to point at anything is joined by those of the stages before (HiResCAM). segment:
LayerCAM of the class summed over a region, over the encoder's maps. detect and instance: LayerCAM
for one object over the maps that enter the head. Nothing is trained, and the module is left as it
was found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.explaining import OCCLUSION, ROLLOUT, USUAL, method_of
from cvstudio.core.geometry import Box
from cvstudio.core.pieces import in_windows, windows
from cvstudio.ml.explaining import by_class, by_object, by_region, occlusion, rollout
from cvstudio.ml.explaining.combining import CAMS, layer_cam
from cvstudio.ml.explaining.heat import Explanation, Heat, Layer, to_image
from cvstudio.ml.explaining.tracing import Answer, Traced, readable
from cvstudio.ml.load import LoadedNetwork
from cvstudio.ml.preprocess import Image, Placement

_APART = (
    "This map does not lead to the object: the network found it by another one. Choose all maps."
)
_WHOLE_IMAGE = "It is about the whole image and the same for every class."


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a class (its id; None the likeliest), an object or region, a method of
    core.explaining, and a layer ("" the method's own, "1" the last map, "all")."""

    class_id: int | None = None
    box: Box | None = None
    method: str = USUAL
    layer: str = ""


def explain(
    network: LoadedNetwork,
    rgb: Image,
    *,
    class_id: int | None = None,
    box: Box | None = None,
    method: str = USUAL,
    layer: str = "",
    tell: occlusion.Tell | None = None,
) -> Explanation:
    """Where the evidence in an image lies, read as the network is shown it (ml/seeing.py).

    `class_id` None takes the most likely class. For detect and instance `box` chooses the object
    that overlaps it most (None: the surest one); where no object was found, the answer that came
    closest, so that a missed object can be explained too. For segment `box` is the region whose
    class is explained. `tell` hears of the progress of occlusion. Raises ConfigError when the
    network does not know the class or the layer, or the method cannot be asked of it.
    """
    question = Question(class_id, box, method, layer)
    return ask(network, rgb, question, tell=tell)


def ask(
    network: LoadedNetwork, rgb: Image, question: Question, *, tell: occlusion.Tell | None = None
) -> Explanation:
    """The same for a question made before."""
    index = index_of(network, question.class_id)
    if question.method == OCCLUSION:
        return _occluded(network, rgb, question, tell)
    if in_windows(network.task, network.config.fit):
        heat, traced, tensor = _over_windows(network, rgb, question)
    else:
        tensor, placement = network.prepare(rgb)
        heat, traced = evidence(network, tensor, placement, index, question)
    tokens = network.task is Task.CLASSIFY and rollout.can(
        by_class.tokens_of(network.module, tensor)
    )
    how = method_of(question.method)
    note = "" if how.of_class else _WHOLE_IMAGE
    if how.of_class and traced.chosen and network.task is not Task.CLASSIFY and not heat.any():
        note = _APART
    looked = [traced.layers[place].words for place in traced.chosen]
    joined = looked[0] if len(looked) == 1 else f"{len(looked)} maps together" if looked else ""
    return Explanation(
        heat, network.class_ids[traced.class_index], traced.score, traced.box, traced.layers,
        joined if how.layers else "", tokens, note,
    )  # fmt: skip


def _over_windows(
    network: LoadedNetwork, rgb: Image, question: Question
) -> tuple[Heat, Traced, torch.Tensor]:
    """The evidence in the windows by which an image is classified: their mean, each weighed by how
    sure the network is of the class there. With what was asked last."""
    how, size = network.preprocessor, network.image_size
    scores = network.predict([rgb], [0])[0].scores or {}
    index = index_of(network, question.class_id)
    if index is None:
        index = network.class_ids.index(max(scores, key=lambda class_id: scores[class_id]))
    height, width = rgb.shape[:2]
    total, looks = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    for left, top, right, bottom in windows(width, height, size):
        part = np.ascontiguousarray(rgb[top:bottom, left:right])
        tensor = torch.from_numpy(how.prepare_windows([part])).to(network.device)
        here = Placement(1.0, 1.0, 0, 0, right - left, bottom - top, size, size)
        heat, traced = evidence(network, tensor, here, index, question)
        total[top:bottom, left:right] += heat * traced.score
        looks[top:bottom, left:right] += 1
    mean = total / looks.clip(min=1)
    peak = float(mean.max(initial=0))
    told = replace(traced, score=scores[network.class_ids[index]])
    return (mean / peak if peak > 0 else mean), told, tensor


def index_of(network: LoadedNetwork, class_id: int | None) -> int | None:
    """The place of a class among the network's outputs. Raises ConfigError when it has it not."""
    if class_id is None:
        return None
    if class_id not in network.class_ids:
        known = ", ".join(c.name for c in network.classes)
        raise ConfigError(f"The network was not trained on this class. It knows: {known}.")
    return network.class_ids.index(class_id)


def evidence(
    network: LoadedNetwork, tensor: torch.Tensor, placement: Placement, index: int | None,
    question: Question, *, told: Answer | None = None,
) -> tuple[Heat, Traced]:  # fmt: skip
    """The heat on the image, and what was asked on the way; `told` asks the same once more.

    Raises ConfigError when the method cannot be asked of this network.
    """
    method = _known(network, question.method)
    with readable(network.module):
        tensor = tensor.clone()
        if method == ROLLOUT:
            return _rolled(network, tensor, placement, told.index if told is not None else index)
        if network.task is not Task.CLASSIFY:
            # The maps come at once here: an earlier one counts with what later ones make of it too.
            tensor.requires_grad_(True)
        traced = _trace(network, tensor, placement, index, question, told)
        if method != USUAL:
            maps = _read(traced, method)
        elif network.task is Task.CLASSIFY:
            maps = by_class.joined_evidence(traced)
        else:
            maps = [
                layer_cam(traced.arrange(feature.detach()), traced.arrange(gradient))
                for feature, gradient in zip(
                    traced.maps, traced.gradients(traced.contrast), strict=True
                )
                if gradient is not None
            ]
    return to_image([level.float().cpu().numpy() for level in maps], placement), traced


def _known(network: LoadedNetwork, method: str) -> str:
    if method not in {USUAL, ROLLOUT, *CAMS}:
        raise ConfigError(f"There is no method {method}.")
    if network.task not in method_of(method).tasks:
        raise ConfigError(f"{method_of(method).title} is for networks that classify.")
    return method


def _trace(
    network: LoadedNetwork, tensor: torch.Tensor, placement: Placement, index: int | None,
    question: Question, told: Answer | None,
) -> Traced:  # fmt: skip
    """Ask once, keeping the maps. Without a layer, methods of their own name look at one map, but
    for objects, which are found by one map or another, at all that lead to the head."""
    layer, box, usual = question.layer, question.box, question.method == USUAL
    match network.task:
        case Task.CLASSIFY:
            wanted = told.index if told is not None else index
            return by_class.trace(network, tensor, wanted, layer=layer, joined=usual)
        case Task.SEGMENT:
            return by_region.trace(
                network, tensor, placement, index, box, layer=layer, joined=usual, told=told
            )
        case Task.DETECT | Task.INSTANCE:
            joined = usual or CAMS[question.method].gradient
            return by_object.trace(
                network, tensor, placement, index, box, layer=layer, joined=joined, told=told
            )


def _read(traced: Traced, method: str) -> list[torch.Tensor]:
    """Each map by a method of its own name, as its paper has it: on the class's own logit."""
    cam = CAMS[method]
    gradients = traced.gradients(traced.logit) if cam.gradient else [None] * len(traced.maps)
    heat = []
    for feature, gradient in zip(traced.maps, gradients, strict=True):
        if gradient is None and cam.gradient:
            continue
        activations = traced.arrange(feature.detach())
        weights = traced.arrange(gradient) if gradient is not None else activations
        heat.append(cam.combine(activations, weights))
    return heat


def _rolled(
    network: LoadedNetwork, tensor: torch.Tensor, placement: Placement, index: int | None
) -> tuple[Heat, Traced]:
    tokens = by_class.tokens_of(network.module, tensor)
    if tokens is None or not rollout.can(tokens):
        raise ConfigError(
            "Attention rollout needs a transformer of plain tokens (ViT).",
            hint="Choose another method for this network.",
        )
    with torch.no_grad():
        logits, attentions = rollout.attentions_of(lambda: network.raw(tensor)[0], tokens)
    row = logits[0].float()
    chosen = int(row.argmax()) if index is None else index
    chances = row.sigmoid() if network.several else row.softmax(0)
    found = rollout.rollout_map(rollout.rolled_out(attentions), tokens)
    layers = by_class.ways_of(network.module, tensor).layers
    traced = Traced(
        (), lambda values: values, row[chosen], row[chosen], Answer(chosen), chosen,
        float(chances[chosen]), layers, (),
    )  # fmt: skip
    return to_image([found.cpu().numpy()], placement), traced


def _occluded(
    network: LoadedNetwork, rgb: Image, question: Question, tell: occlusion.Tell | None
) -> Explanation:
    """Occlusion of a checkpoint; what it could also be asked is told with it."""

    def compute(batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        with torch.no_grad():
            outputs = network.raw(torch.from_numpy(batch).to(network.device))
        return [output.float().cpu().numpy() for output in outputs]

    asked = occlusion.Answering(
        network.task, network.class_ids, network.preprocessor, compute, network.several
    )
    with readable(network.module):
        found = occlusion.occlude(
            asked, rgb, class_id=question.class_id, box=question.box, tell=tell
        )
        layers, tokens = offered(network, rgb)
    return Explanation(
        found.heat, found.class_id, found.score, found.box, layers=layers, tokens=tokens
    )


def offered(network: LoadedNetwork, rgb: Image) -> tuple[tuple[Layer, ...], bool]:
    """The maps of a network that may be looked at in this image, and whether it is one of plain
    tokens whose attention can be followed."""
    tensor, placement = network.prepare(network.seen_at_once(rgb))
    with readable(network.module):
        if network.task is Task.CLASSIFY:
            tokens = rollout.can(by_class.tokens_of(network.module, tensor))
            return by_class.ways_of(network.module, tensor).layers, tokens
        return _trace(network, tensor, placement, None, Question(), None).layers, False
