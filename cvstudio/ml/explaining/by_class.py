"""Evidence for a class of the whole image (classify): the maps of a network, or its tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from cvstudio.ml.explaining.combining import grad_cam, hires_cam
from cvstudio.ml.explaining.heat import Layer, layer_of
from cvstudio.ml.explaining.tracing import (
    Answer,
    Arrange,
    Traced,
    contrast,
    hooked,
    kept,
    places_of,
)
from cvstudio.ml.load import LoadedNetwork

_SMALLEST_MAP = 7
"""A feature map with fewer places a side says too little about where; 7 is usual at 224 pixels."""


@dataclass(frozen=True, eq=False, slots=True)
class Ways:
    """What may be looked at in a classifier for inputs of one size, from the last to the first:
    modules, their words, how an output becomes (1, C, h, w), and which are joined by default."""

    targets: tuple[nn.Module, ...]
    layers: tuple[Layer, ...]
    arrange: Arrange
    joined: tuple[int, ...]


_known: WeakKeyDictionary[nn.Module, dict[tuple[int, ...], Ways]] = WeakKeyDictionary()


def ways_of(module: nn.Module, tensor: torch.Tensor) -> Ways:
    """The maps of a network for inputs of that shape; found by one look, and remembered."""
    known = _known.setdefault(module, {})
    shape = tuple(tensor.shape)
    if shape not in known:
        known[shape] = _of_tokens(module, tensor) or _of_maps(module, tensor)
    return known[shape]


def trace(
    network: LoadedNetwork, tensor: torch.Tensor, index: int | None, *, layer: str, joined: bool
) -> Traced:
    """Ask for a class (None: the likeliest); `joined`: small maps with larger ones before them."""
    ways = ways_of(network.module, tensor)
    chosen = places_of(layer, ways.layers, ways.joined if joined else (0,))
    seen: dict[int, torch.Tensor] = {}

    def keeper(place: int) -> Callable[..., torch.Tensor]:
        def keep(_part: nn.Module, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
            one: list[torch.Tensor] = []
            answer = kept(output, one)
            seen[place] = one[0]
            return answer

        return keep

    handles = [ways.targets[p].register_forward_hook(keeper(p)) for p in chosen]
    with hooked(handles):
        (logits,) = network.raw(tensor)
    best = int(logits[0].argmax()) if index is None else index
    answer = logits[0].detach().float()
    chances = answer.sigmoid() if network.several else answer.softmax(0)
    own = logits[0, best]
    return Traced(
        maps=[seen[place] for place in chosen],
        arrange=ways.arrange,
        logit=own,
        # Where the classes do not exclude each other, a class's own logit is its log odds.
        contrast=own if network.several else contrast(logits[0], best),
        answer=Answer(best),
        class_index=best,
        score=float(chances[best]),
        layers=ways.layers,
        chosen=chosen,
    )


@dataclass(frozen=True, eq=False, slots=True)
class Tokens:
    """A network of plain tokens: its blocks, the grid of patches, and the tokens before them."""

    blocks: tuple[nn.Module, ...]
    norms: tuple[nn.Module, ...]
    rows: int
    columns: int
    prefix: int


def tokens_of(module: Any, tensor: torch.Tensor) -> Tokens | None:
    """timm's and torchvision's transformers of plain tokens (ViT); None for any other network."""
    blocks: Any = getattr(module, "blocks", None)
    patches = getattr(module, "patch_embed", None)
    if isinstance(blocks, nn.Sequential) and hasattr(module, "num_prefix_tokens") and patches:
        prefix, patch = int(module.num_prefix_tokens), patches.patch_size
        parts, name = tuple(blocks), "norm1"
    elif hasattr(module, "conv_proj") and hasattr(module, "class_token"):
        prefix, patch = 1, module.conv_proj.kernel_size
        parts, name = tuple(module.encoder.layers), "ln_1"
    else:
        return None
    rows, columns = tensor.shape[2] // patch[0], tensor.shape[3] // patch[1]
    return Tokens(parts, tuple(getattr(part, name) for part in parts), rows, columns, prefix)


def _of_tokens(module: Any, tensor: torch.Tensor) -> Ways | None:
    """Transformers of plain tokens: the norm before a block's attention.

    Behind the last block's attention only the class token still matters, and the gradient of all
    others is 0.
    """
    tokens = tokens_of(module, tensor)
    if tokens is None:
        return None
    rows, columns, prefix = tokens.rows, tokens.columns, tokens.prefix

    def arrange(values: torch.Tensor) -> torch.Tensor:
        grid = values[:, prefix:].reshape(values.shape[0], rows, columns, -1)
        return grid.permute(0, 3, 1, 2)

    norms = tokens.norms[::-1]
    layers = tuple(layer_of(p, rows, columns, last="last block") for p in range(len(norms)))
    return Ways(norms, layers, arrange, (0,))


def _of_maps(module: nn.Module, tensor: torch.Tensor) -> Ways:
    """Networks of feature maps: the last map of each size with more than one place. Joined by
    default are the last, and while it is small those before it, up to the first that is not."""
    channels_last = getattr(module, "output_fmt", "NCHW") == "NHWC"
    found: dict[int, tuple[nn.Module, int, int]] = {}
    ratio = tensor.shape[2] / tensor.shape[3]

    def look(part: nn.Module, _inputs: Any, output: Any) -> None:
        if not isinstance(output, torch.Tensor) or output.ndim != 4 or part is module:
            return
        height, width = output.shape[1:3] if channels_last else output.shape[2:4]
        # Windows and heads of attention have four axes too, and other proportions.
        lies = abs(height - ratio * width) <= 1 and len(output) == len(tensor)
        if lies and min(height, width) > 1:
            found[min(height, width)] = (part, int(height), int(width))

    handles = [part.register_forward_hook(look) for part in module.modules()]
    with hooked(handles), torch.no_grad():
        module(tensor)
    sizes = sorted(found)
    layers = tuple(layer_of(place, *found[size][1:]) for place, size in enumerate(sizes))
    large = next((p for p, size in enumerate(sizes) if size >= _SMALLEST_MAP), len(sizes) - 1)

    def arrange(maps: torch.Tensor) -> torch.Tensor:
        return maps.permute(0, 3, 1, 2) if channels_last else maps

    targets = tuple(found[size][0] for size in sizes)
    return Ways(targets, layers, arrange, tuple(range(large + 1)))


def joined_evidence(traced: Traced) -> list[torch.Tensor]:
    """The usual map: Grad-CAM on the class's log odds by the last map, HiResCAM by those before."""
    heat = []
    pairs = zip(traced.maps, traced.gradients(traced.contrast), strict=True)
    for place, (feature, gradient) in enumerate(pairs):
        if gradient is not None:
            how = hires_cam if place else grad_cam
            heat.append(how(traced.arrange(feature.detach()), traced.arrange(gradient)))
    return heat
