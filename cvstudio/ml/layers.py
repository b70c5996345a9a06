"""The layers of a network whose values can stand for an image, and their values while it answers.

A layer is named by its module ("layer4", "model.22") or by how deep it lies: `deep` is the last
one before the answer is made, where things are told apart; `fine` is an early one, of colours and
texture. Networks of maps have one layer for each size of map; transformers one for each block.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from cvstudio.core.config import Depth
from cvstudio.core.errors import ConfigError

_BLOCK = re.compile(r"\d+$")
_PARTS_OF_A_BLOCK = 3
_DEPTH = {Depth.FINE: 1 / 4, Depth.MIDDLE: 2 / 3, Depth.DEEP: 1.0}


@dataclass(frozen=True, slots=True)
class _Seen:
    name: str
    part: nn.Module
    shape: tuple[int, ...]


class Tap:
    """Reads the values of one layer while the network works on a batch.

    `values()` are those of the last batch as maps (N, C, h, w).
    """

    def __init__(self, name: str, part: nn.Module, *, channels_last: bool) -> None:
        self.name = name
        self._part, self._channels_last = part, channels_last
        self._kept: torch.Tensor | None = None

    @contextmanager
    def open(self) -> Iterator[None]:
        """Listen, for as long as the block lasts."""
        handle = self._part.register_forward_hook(self._keep)
        try:
            yield
        finally:
            handle.remove()
            self._kept = None

    def values(self, size: tuple[int, int]) -> torch.Tensor:
        """The layer's values for the last batch as maps (N, C, h, w), float32; `size` is the height
        and the width of the network's input, which tells where tokens lie."""
        assert self._kept is not None  # a layer is chosen because it took part
        kept = self._kept.float()
        if kept.ndim == 4:
            return kept.permute(0, 3, 1, 2) if self._channels_last else kept
        return _grid(kept, size)

    def _keep(self, _part: nn.Module, _inputs: Any, output: Any) -> None:
        self._kept = output.detach()


def tap(module: nn.Module, example: torch.Tensor, layer: str) -> Tap:
    """The layer of a name or a depth, found by one look at `example` (1, C, H, W).

    Raises ConfigError when the network has no such layer, or it has no values of a usable form.
    """
    nhwc = getattr(module, "output_fmt", "NCHW") == "NHWC"
    seen = _look(module, example)
    if layer not in {depth.value for depth in Depth}:
        return _named(module, seen, layer, nhwc=nhwc)
    choices = _choices(seen, nhwc=nhwc)
    if not choices:
        raise ConfigError("This network has no layer that can stand for an image.")
    place = max(round(_DEPTH[Depth(layer)] * len(choices)), 1) - 1
    found = choices[place]
    return Tap(found.name, found.part, channels_last=nhwc)


def _named(module: nn.Module, seen: list[_Seen], layer: str, *, nhwc: bool) -> Tap:
    if layer not in dict(module.named_modules()):
        raise ConfigError(
            f"This network has no layer {layer}.",
            hint=f"Choose {', '.join(depth.value for depth in Depth)}, or a layer such as"
            f" {', '.join(found.name for found in _choices(seen, nhwc=nhwc)[-3:])}.",
        )
    found = next((each for each in seen if each.name == layer), None)
    if found is None:
        raise ConfigError(f"The layer {layer} gives no map and no tokens of an image.")
    return Tap(found.name, found.part, channels_last=nhwc)


def _look(module: nn.Module, example: torch.Tensor) -> list[_Seen]:
    """The parts that gave maps or tokens, in the order in which they did."""
    seen: list[_Seen] = []
    names = {part: name for name, part in module.named_modules()}
    inside = {name for root in _trunk(module) for name in _names_under(names, root)}

    def keep(part: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, torch.Tensor) and output.ndim in (3, 4) and len(output) == 1:
            seen.append(_Seen(names[part], part, tuple(output.shape)))

    handles = [p.register_forward_hook(keep) for p, name in names.items() if name in inside]
    try:
        with torch.no_grad():
            module(example)
    finally:
        for handle in handles:
            handle.remove()
    # A part that takes part several times, as an activation that layers share, is no one layer.
    often = Counter(each.part for each in seen)
    return [each for each in seen if often[each.part] == 1]


def _trunk(module: Any) -> list[nn.Module]:
    """The parts that look at an image, without those that make the answer of it."""
    if hasattr(module, "encoder") and hasattr(module, "decoder"):
        return [module.encoder]
    if hasattr(module, "backbone") and hasattr(module, "roi_heads"):
        return [module.backbone]
    layers = getattr(module, "model", None)
    if isinstance(layers, nn.Sequential) and hasattr(layers[-1], "nc"):  # a YOLO and its head
        return list(layers[:-1])
    return list(module.children())


def _names_under(names: dict[nn.Module, str], root: nn.Module) -> Iterator[str]:
    for part in root.modules():
        yield names[part]


def _choices(seen: list[_Seen], *, nhwc: bool) -> list[_Seen]:
    """The layers to choose a depth among, the earliest first."""
    tokens = [each for each in seen if len(each.shape) == 3 and each.shape[1] > 1]
    maps = [each for each in seen if len(each.shape) == 4 and _side(each, nhwc=nhwc) > 1]
    if tokens and (not maps or seen.index(tokens[-1]) > seen.index(maps[-1])):
        blocks = [
            each for each in tokens
            if _BLOCK.search(each.name)
            and len(list(each.part.children())) >= _PARTS_OF_A_BLOCK
            and each.shape == tokens[-1].shape
        ]  # fmt: skip
        return blocks or tokens
    # What has parts of its own is a block or a stage; what has none may be in the middle of one.
    last_of = {_side(each, nhwc=nhwc): each for each in maps}
    last_of |= {_side(e, nhwc=nhwc): e for e in maps if any(True for _ in e.part.children())}
    return [last_of[side] for side in sorted(last_of, reverse=True)]


def _side(seen: _Seen, *, nhwc: bool) -> int:
    return min(seen.shape[1:3] if nhwc else seen.shape[2:4])


def _grid(tokens: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Tokens (N, T, C) as maps (N, C, h, w) without those that stand for no place; all of them as
    one row where it is not known where they lie."""
    count, height, width = tokens.shape[1], *size
    for rows in range(int(count**0.5) + 1, 0, -1):
        columns = round(rows * width / height)
        if columns > 0 and rows * columns <= count <= rows * columns + _PREFIX:
            places = tokens[:, count - rows * columns :]
            return places.reshape(len(tokens), rows, columns, -1).permute(0, 3, 1, 2)
    return tokens.permute(0, 2, 1)[:, :, None]


_PREFIX = 5
"""Tokens that may stand in front of those of places: class, distillation, registers."""
