"""The usual heat map of a class is hottest where the only evidence stands, however it is built.

Noise with one patch in a corner, whose colour is the class: whatever the network says, it says it
by that patch. The body has random weights and the last layer is solved for: no long training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from judge_samples import CLASSES, network_of
from torch import nn

from cvstudio.core.annotation import Task
from cvstudio.core.networks import network as catalogued
from cvstudio.core.recipe import Fit
from cvstudio.ml.explaining import by_class
from cvstudio.ml.explaining.explain import explain
from cvstudio.ml.load import LoadedNetwork
from cvstudio.ml.networks.build import head as head_of

CORNERS = [(0, 0), (0, 1), (1, 0), (1, 1)]
COLOURS = ((215, 60, 40), (40, 80, 215))
NETWORKS = [
    ("resnet18", 96), ("convnext_atto", 128), ("vit_tiny", 128), ("swin_tiny", 224),
]  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def pictures(size: int, *, seed: int) -> Iterator[tuple[np.ndarray, int, tuple[slice, slice]]]:
    """Each corner in each colour: the picture, the class, and where its patch lies."""
    random = np.random.default_rng(seed)
    side, margin = size // 4, size // 32
    for down, across in CORNERS:
        for place, colour in enumerate(COLOURS):
            rgb = random.normal(128, 14, (size, size, 3)).clip(0, 255).astype(np.uint8)
            top, left = (size - side - margin if far else margin for far in (down, across))
            patch = slice(top, top + side), slice(left, left + side)
            rgb[patch] = colour
            yield rgb, place, patch


@torch.enable_grad()
def taught(module: nn.Module, batch: torch.Tensor, places: torch.Tensor) -> None:
    """A few steps of ordinary training."""
    optimizer = torch.optim.AdamW(module.parameters(), 1e-3)
    module.train()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 0.5  # few steps, and still its own means and deviations
    for _ in range(12):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(batch), places).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    module.eval()


@torch.no_grad()
def planted(name: str, size: int) -> LoadedNetwork:
    """A network whose last layer tells the two colours apart by what a random body makes of them:
    ridge regression on its features."""
    network = network_of(Task.CLASSIFY, name, size=size, fit=Fit.STRETCH)
    rows = [row for seed in range(3) for row in pictures(size, seed=seed)]
    tensors = [network.prepare(rgb)[0] for rgb, _, _ in rows]
    places = torch.tensor([place for _, place, _ in rows])
    if name == "resnet18":  # its random body alone blurs where something stands
        taught(network.module, torch.cat(tensors), places)
        return network
    weight = next(n for n in head_of(catalogued(name), network.module) if n.endswith("weight"))
    head = dict(network.module.named_modules())[weight.rpartition(".")[0]]
    assert isinstance(head, nn.Linear)
    seen: list[torch.Tensor] = []
    handle = head.register_forward_pre_hook(lambda _part, inputs: seen.append(inputs[0]))
    for tensor in tensors:
        network.module(tensor)
    handle.remove()
    features = torch.cat(seen).double()
    wanted = 1.0 - 2.0 * places.double()
    centred = features - features.mean(0)
    products = centred @ centred.T
    ridge = 1e-3 * products.diagonal().mean() * torch.eye(len(products)).double()
    direction = (centred.T @ torch.linalg.solve(products + ridge, wanted)).float() * 3
    offset = -(features.mean(0).float() @ direction)
    head.weight.copy_(torch.stack([direction, -direction]))
    head.bias.copy_(torch.stack([offset, -offset]))
    return network


def hits(network: LoadedNetwork, size: int) -> int:
    """In how many of eight new pictures the hottest place is on the patch, or half of one beside
    it: maps are a few places a side."""
    found = 0
    for rgb, place, (rows, columns) in pictures(size, seed=99):
        told = explain(network, rgb)
        assert told.class_id == CLASSES[place].id
        y, x = np.unravel_index(int(told.heat.argmax()), told.heat.shape)
        room = size // 8
        found += (
            rows.start - room <= y < rows.stop + room
            and columns.start - room <= x < columns.stop + room
        )
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size"), NETWORKS)
def test_the_map_is_hottest_where_the_only_evidence_stands(name: str, size: int) -> None:
    assert hits(planted(name, size), size) >= 7


@pytest.mark.slow
def test_a_map_that_lies_the_wrong_way_round_would_be_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = planted("swin_tiny", 128)
    right = by_class.ways_of

    def turned(module: nn.Module, tensor: torch.Tensor) -> by_class.Ways:
        ways = right(module, tensor)
        return replace(ways, arrange=lambda maps: ways.arrange(maps).transpose(2, 3))

    assert hits(network, 128) >= 6
    monkeypatch.setattr(by_class, "ways_of", turned)
    assert hits(network, 128) <= 5
