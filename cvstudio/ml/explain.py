"""Heat maps: where in an image the evidence for one answer of a network lies.

classify: Grad-CAM (Selvaraju 2017) on the last feature map, or on the tokens of the last block; a
map too small to point at anything is joined by those of the stages before (HiResCAM, Draelos 2020).
segment: Seg-Grad-CAM (Vinogradova 2020), the gradient of a class summed over a region, as LayerCAM
(Jiang 2021) over the encoder's feature maps. detect and instance: LayerCAM for one object over the
feature maps that enter the head, or that R-CNNs cut the object out of. Nothing is trained, and the
module is left as it was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cvstudio.core.annotation import Task
from cvstudio.core.config import ExplainConfig
from cvstudio.core.errors import ConfigError, ImageError
from cvstudio.core.events import Outcome, Phase
from cvstudio.core.geometry import Box, iou_matrix
from cvstudio.core.jobdir import JobDir, replace_file, write_json
from cvstudio.core.opencv import cv2
from cvstudio.core.snapshot import read_snapshot
from cvstudio.imaging.decode import read_rgb
from cvstudio.imaging.heat import overlay
from cvstudio.ml.decode import suppress
from cvstudio.ml.load import LoadedNetwork, load_network, outputs_of
from cvstudio.ml.preprocess import Placement

if TYPE_CHECKING:
    from cvstudio.ml.networks.torchvision_detection import Detector

Heat = NDArray[np.float32]
_SMALLEST_MAP = 7
"""A feature map with fewer places a side says too little about where; 7 is usual at 224 pixels."""
_SAME_OBJECT = 0.5


@dataclass(frozen=True, eq=False, slots=True)
class Explanation:
    """The evidence for one answer.

    `heat` is (height, width) of the image, 0 to 1, all 0 when nothing speaks for the class. `score`
    is the probability of the answer (segment: the mean over the region). `box` is the object that
    is explained (detect, instance) or the region that was given (segment).
    """

    heat: Heat
    class_id: int
    score: float
    box: Box | None = None


def explain(
    network: LoadedNetwork,
    rgb: NDArray[np.uint8],
    *,
    class_id: int | None = None,
    box: Box | None = None,
) -> Explanation:
    """Where the evidence in an RGB image lies.

    `class_id` None takes the most likely class. For detect and instance `box` chooses the object
    that overlaps it most (None: the surest one); where no object was found, the answer that came
    closest, so that a missed object can be explained too. For segment `box` is the region whose
    class is explained. Raises ConfigError when the network does not know the class.
    """
    if class_id is not None and class_id not in network.class_ids:
        known = ", ".join(c.name for c in network.classes)
        raise ConfigError(f"The network was not trained on this class. It knows: {known}.")
    index = None if class_id is None else network.class_ids.index(class_id)
    tensor, placement = network.prepare(rgb)
    with _readable(network.module), torch.inference_mode(False), torch.enable_grad():
        tensor = tensor.clone().requires_grad_(True)
        match network.task:
            case Task.CLASSIFY:
                return _classify(network, tensor, placement, index)
            case Task.SEGMENT:
                return _segment(network, tensor, placement, index, box)
            case Task.DETECT | Task.INSTANCE:
                return _object(network, tensor, placement, index, box)


@contextmanager
def _readable(module: nn.Module) -> Iterator[None]:
    """Eval mode and no gradient for any weight, while only the input asks for one."""
    modes = [(part, part.training) for part in module.modules()]
    asking = [(weight, weight.requires_grad) for weight in module.parameters()]
    module.eval()
    for weight, _ in asking:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
        for weight, asked in asking:
            weight.requires_grad_(asked)


@contextmanager
def _hooked(handles: Sequence[Any]) -> Iterator[None]:
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


# -- classify


def _classify(
    network: LoadedNetwork, tensor: torch.Tensor, placement: Placement, index: int | None
) -> Explanation:
    module = network.module
    targets, arrange = _token_target(module, tensor) or _map_targets(module, tensor)
    seen: dict[nn.Module, torch.Tensor] = {}

    def keep(part: nn.Module, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
        seen[part] = output
        return output.clone()  # what follows may work in place

    with _hooked([target.register_forward_hook(keep) for target in targets]):
        (logits,) = network.raw(tensor)
    chosen = int(logits[0].argmax()) if index is None else index
    features = [seen[target] for target in targets]
    several = network.several
    # Where the classes do not exclude each other, a class's own logit is its log odds.
    wanted = logits[0, chosen] if several else _contrast(logits[0], chosen)
    gradients = torch.autograd.grad(wanted, features)
    heat = []
    for place, (feature, gradient) in enumerate(zip(features, gradients, strict=True)):
        weights = arrange(gradient)
        if place == 0:
            weights = weights.mean(dim=(2, 3), keepdim=True)
        heat.append((weights * arrange(feature.detach())).sum(dim=1)[0].clamp(min=0))
    answer = logits[0].detach()
    score = float((answer.sigmoid() if several else answer.softmax(0))[chosen])
    return Explanation(_to_image(heat, placement), network.class_ids[chosen], score)


def _contrast(logits: torch.Tensor, chosen: int) -> torch.Tensor:
    """What speaks for a class rather than for the others: its log odds.

    A logit alone can fall everywhere and still be the largest; then there would be no heat at all.
    """
    others = torch.cat([logits[:chosen], logits[chosen + 1 :]])
    if not len(others):
        return logits[chosen]
    return logits[chosen] - others.logsumexp(0)


Arrange = Callable[[torch.Tensor], torch.Tensor]


def _token_target(module: Any, tensor: torch.Tensor) -> tuple[list[nn.Module], Arrange] | None:
    """Transformers of plain tokens: the norm before the last block's attention.

    Behind that attention only the class token still matters, and the gradient of all others is 0.
    """
    target: Any
    blocks: Any = getattr(module, "blocks", None)
    patches = getattr(module, "patch_embed", None)
    if isinstance(blocks, nn.Sequential) and hasattr(module, "num_prefix_tokens") and patches:
        prefix, patch = int(module.num_prefix_tokens), patches.patch_size
        target = blocks[-1].norm1
    elif hasattr(module, "conv_proj") and hasattr(module, "class_token"):
        prefix, patch = 1, module.conv_proj.kernel_size
        target = module.encoder.layers[-1].ln_1
    else:
        return None
    rows, columns = tensor.shape[2] // patch[0], tensor.shape[3] // patch[1]

    def arrange(tokens: torch.Tensor) -> torch.Tensor:
        grid = tokens[:, prefix:].reshape(tokens.shape[0], rows, columns, -1)
        return grid.permute(0, 3, 1, 2)

    return [target], arrange


def _map_targets(module: nn.Module, tensor: torch.Tensor) -> tuple[list[nn.Module], Arrange]:
    """Networks of feature maps: the last map with more than one place, found by one look; while it
    is small, also the last one of each larger size, up to the first that is not."""
    channels_last = getattr(module, "output_fmt", "NCHW") == "NHWC"
    sizes: list[tuple[nn.Module, int]] = []

    def look(part: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, torch.Tensor) and output.ndim == 4 and part is not module:
            height, width = output.shape[1:3] if channels_last else output.shape[2:4]
            sizes.append((part, min(height, width)))

    handles = [part.register_forward_hook(look) for part in module.modules()]
    with _hooked(handles), torch.no_grad():
        module(tensor)
    last_of = {size: part for part, size in sizes if size > 1}
    targets = []
    for size in sorted(last_of):
        targets.append(last_of[size])
        if size >= _SMALLEST_MAP:
            break

    def arrange(maps: torch.Tensor) -> torch.Tensor:
        return maps.permute(0, 3, 1, 2) if channels_last else maps

    return targets, arrange


# -- segment


def _segment(
    network: LoadedNetwork,
    tensor: torch.Tensor,
    placement: Placement,
    index: int | None,
    box: Box | None,
) -> Explanation:
    encoder: Any = network.module.encoder
    maps: list[torch.Tensor] = []

    def keep(_module: nn.Module, _inputs: Any, output: Sequence[torch.Tensor]) -> Any:
        maps.extend(output)
        return [feature.clone() for feature in output]

    with _hooked([encoder.register_forward_hook(keep)]):
        (logits,) = network.raw(tensor)
    inside = _region(tensor, placement, box)
    chances = logits[0].detach().softmax(0)
    chosen = _class_inside(chances, inside) if index is None else index + 1
    region = inside & (logits[0].detach().argmax(0) == chosen)
    if not region.any():
        # The class is nowhere the best answer: its likeliest hundredth stands in.
        floor = chances[chosen][inside].quantile(0.99) if inside.sum() < 2**24 else chances.max()
        region = inside & (chances[chosen] >= floor)
    deep = [feature for feature in maps if feature.shape[2] * 4 <= tensor.shape[2]]
    gradients = torch.autograd.grad(logits[0, chosen][region].sum(), deep)
    heat = _layer_cam(deep, gradients)
    score = float(chances[chosen][region].mean())
    return Explanation(_to_image(heat, placement), network.class_ids[chosen - 1], score, box)


def _region(tensor: torch.Tensor, placement: Placement, box: Box | None) -> torch.Tensor:
    """The part of the input that a box covers (None: the image, without the padding)."""
    whole = Box(0, 0, placement.width, placement.height)
    area = placement.box_to_input(box or whole).clipped(tensor.shape[3], tensor.shape[2])
    x0, y0 = int(area.x), int(area.y)
    x1, y1 = max(int(np.ceil(area.right)), x0 + 1), max(int(np.ceil(area.bottom)), y0 + 1)
    inside = torch.zeros(tensor.shape[2:], dtype=torch.bool, device=tensor.device)
    inside[y0:y1, x0:x1] = True
    return inside


def _class_inside(chances: torch.Tensor, inside: torch.Tensor) -> int:
    """The most frequent answer other than background; else the likeliest one."""
    answers = torch.bincount(chances.argmax(0)[inside], minlength=len(chances))[1:]
    if int(answers.max()) > 0:
        return int(answers.argmax()) + 1
    return int(chances[1:, inside].mean(1).argmax()) + 1


# -- detect and instance


def _object(
    network: LoadedNetwork,
    tensor: torch.Tensor,
    placement: Placement,
    index: int | None,
    box: Box | None,
) -> Explanation:
    from cvstudio.ml.networks.torchvision_detection import Detector

    if isinstance(network.module, Detector):
        return _object_of_list(network, network.module, tensor, placement, index, box)
    layers: Any = network.module.model
    head = layers[-1]
    maps: list[torch.Tensor] = []
    logits: list[torch.Tensor] = []

    def enter(_module: nn.Module, inputs: Any) -> None:
        maps.extend(inputs[0])

    def leave(module: Any, _inputs: Any, output: Any) -> None:
        raw = output[-1]
        if not isinstance(raw, dict):  # RT-DETR's decoder: boxes, scores of each object, ...
            logits.append(raw[1][-1].transpose(1, 2))
            return
        branch = "one2one" if module.end2end else "one2many"
        logits.append(raw.get(branch, raw)["scores"])

    head.shape = None  # anchors kept from an inference-mode pass cannot take part in gradients
    handles = [head.register_forward_pre_hook(enter), head.register_forward_hook(leave)]
    with _hooked(handles):
        answer = outputs_of(network.task, network.module(tensor))
    raw = answer[0][0].detach().float().cpu().numpy()
    anchor, chosen = _choose(raw, len(network.classes), placement, index, box)
    gradients = torch.autograd.grad(logits[0][0, chosen, anchor], maps, allow_unused=True)
    heat = _layer_cam(maps, gradients)
    corners = _corners(raw[:4, anchor : anchor + 1])[0]
    return Explanation(
        heat=_to_image(heat, placement),
        class_id=network.class_ids[chosen],
        score=float(raw[4 + chosen, anchor]),
        box=placement.box_to_image(*(float(v) for v in corners)),
    )


def _object_of_list(
    network: LoadedNetwork,
    module: Detector,
    tensor: torch.Tensor,
    placement: Placement,
    index: int | None,
    box: Box | None,
) -> Explanation:
    """The same for Faster and Mask R-CNN, which look once more at the features inside a box: what
    there speaks for the class rather than for the others and for background.

    Where nothing was found in `box`, they are asked about that box itself.
    """
    with torch.no_grad():
        raw = network.raw(tensor)[0][0].float().cpu().numpy()
    count = len(network.classes)
    answer, chosen = _choose(raw, count, placement, index, box)
    corners = _corners(raw[:4, answer : answer + 1])
    if box is not None:
        wanted = placement.box_to_input(box)
        if _overlaps(corners, wanted)[0] < _SAME_OBJECT:
            corners = np.array([[wanted.x, wanted.y, wanted.right, wanted.bottom]], np.float32)
    maps, logits = module.logits_at(tensor, torch.from_numpy(corners).to(tensor))
    chances = logits[0].detach().float().softmax(0)
    if index is None and box is not None:
        chosen = int(chances[1:].argmax())
    gradients = torch.autograd.grad(
        _contrast(logits[0].float(), chosen + 1), maps, allow_unused=True
    )
    return Explanation(
        heat=_to_image(_layer_cam(maps, gradients), placement),
        class_id=network.class_ids[chosen],
        score=float(chances[chosen + 1]),
        box=placement.box_to_image(*(float(v) for v in corners[0])),
    )


def _choose(
    raw: NDArray[np.float32],
    count: int,
    placement: Placement,
    index: int | None,
    box: Box | None,
) -> tuple[int, int]:
    """The anchor and the class of the answer that is meant."""
    corners, scores, classes, anchors = suppress(raw, count)
    wanted = np.ones(len(scores), bool) if index is None else classes == index
    if box is None:
        if wanted.any():
            first = int(np.flatnonzero(wanted)[0])  # the best comes first
            return int(anchors[first]), int(classes[first])
    elif wanted.any():
        overlaps = np.where(wanted, _overlaps(corners, placement.box_to_input(box)), -1)
        best = int(np.argmax(overlaps))
        if overlaps[best] >= _SAME_OBJECT:
            return int(anchors[best]), int(classes[best])
    # Nothing was found there: of all answers, the one that comes closest.
    likely = raw[4 : 4 + count] if index is None else raw[4 + index : 5 + index]
    closeness = likely.copy()
    if box is not None:
        closeness *= _overlaps(_corners(raw[:4]), placement.box_to_input(box))[None]
    place, anchor = np.unravel_index(int(np.argmax(closeness)), closeness.shape)
    return int(anchor), int(place) if index is None else index


def _corners(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(4, n) centres and sizes as (n, 4) corners."""
    x, y, w, h = boxes
    return np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=1)


def _overlaps(corners: NDArray[np.float32], box: Box) -> NDArray[np.float64]:
    """The overlap (IoU) of corners (n, 4) with one box of the input."""
    boxes = corners.astype(np.float64)
    boxes[:, 2:] -= boxes[:, :2]
    return iou_matrix(boxes, np.array([[box.x, box.y, box.w, box.h]]))[:, 0]


# -- common


def _layer_cam(
    maps: Sequence[torch.Tensor], gradients: Sequence[torch.Tensor | None]
) -> list[torch.Tensor]:
    """LayerCAM of each feature map: activations weighted where they are by positive gradients."""
    heat = []
    for feature, gradient in zip(maps, gradients, strict=True):
        if gradient is not None:
            evidence = (gradient.clamp(min=0) * feature.detach()).sum(1)[0]
            heat.append(evidence.clamp(min=0))
    return heat


def _to_image(maps: Sequence[torch.Tensor], placement: Placement) -> Heat:
    """Maps of any resolution as one map of the image, scaled to 1 where it is hottest.

    Evidence adds up over maps, and a place of a coarse map spreads its share over more pixels: so
    the density counts, and a deep map lends breadth without washing out the fine ones.
    """
    size = (placement.input_width, placement.input_height)
    canvas = np.zeros((placement.input_height, placement.input_width), np.float32)
    for level in maps:
        array = level.float().cpu().numpy()
        canvas += cv2.resize(array * array.size, size, interpolation=cv2.INTER_LINEAR)
    heat = np.ascontiguousarray(placement.map_to_image(canvas, smooth=True), np.float32)
    peak = float(heat.max(initial=0))
    if not np.isfinite(peak) or peak <= 0:
        return np.zeros_like(heat)
    return np.asarray(np.clip(heat / peak, 0, 1), np.float32)


def run_explain(job: JobDir, config: ExplainConfig) -> Outcome:
    """The explain job: a PNG of the heat over the image, and heat.json in the job's own directory
    with what it explains."""
    job.emit(Phase(text=f"Loading the network of {config.run_directory.name}"))
    network = load_network(config.run_directory, device=config.device)
    job.emit(Phase(text=f"Looking at {config.image.name}"))
    rgb = read_rgb(config.image, config.page, _window(config))
    box = Box(*config.box) if config.box is not None else None
    explanation = explain(network, rgb, class_id=config.class_id, box=box)
    write_picture(config.output or job.path / "heat.png", overlay(rgb, explanation.heat))
    found = explanation.box
    write_json(
        job.path / "heat.json",
        {
            "class": explanation.class_id,
            "score": explanation.score,
            "box": [found.x, found.y, found.w, found.h] if found else None,
        },
    )
    return Outcome.FINISHED


def _window(config: ExplainConfig) -> tuple[float, float] | None:
    """The window under which the run saw this image; of a stranger, that of most of its images."""
    path = JobDir(config.run_directory).snapshot
    if not path.is_file():
        return None
    snapshot = read_snapshot(path)
    for image in snapshot.images:
        if image.path == config.image and image.page == config.page:
            return image.window
    return snapshot.window


def write_picture(path: Path, rgb: NDArray[np.uint8]) -> None:
    """An RGB array as a PNG file, whole or not at all. Raises ImageError when it cannot be made."""
    done, data = cv2.imencode(".png", np.ascontiguousarray(rgb[..., ::-1]))
    if not done:
        raise ImageError(f"{path.name} could not be written as PNG.")
    replace_file(path, data.tobytes())
