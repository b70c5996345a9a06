"""A file that keeps the other of two boxes whose scores tie computes the same as its run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from judge_samples import network_of
from numpy.typing import NDArray
from test_torchvision_detectors import FASTER, few_regions, lively, one_thread

from cvstudio.core.annotation import Task
from cvstudio.ml.environment import prepare
from cvstudio.ml.exporting.parity import Difference, Original, differences
from cvstudio.ml.load import LoadedNetwork
from cvstudio.ml.networks.torchvision_detection import Candidates

prepare()
__all__ = ["few_regions", "one_thread"]  # fixtures
SIDE = 64
CLASS = 1
Change = Callable[[NDArray[Any]], None]


@dataclass
class File:
    """Answers as the checkpoint does, but for what a test changes of the list (4 + classes, k)."""

    network: LoadedNetwork
    leaning: torch.Tensor
    change: Change

    @property
    def preprocessor(self) -> Any:
        return self.network.preprocessor

    def raw(self, batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        module: Any = self.network.module
        with torch.no_grad():
            found = module.candidates(torch.from_numpy(batch))
            listed = module.answer(found, leaning=self.leaning).numpy().copy()
        self.change(listed[0])
        return [listed]


def compared(gap: float, change: Change = lambda _listed: None, *, ties: bool = True) -> Difference:
    """A file that keeps the second of two doubles, whose score is lower by `gap`."""
    loaded = network_of(Task.DETECT, FASTER, size=SIDE)
    rng = np.random.default_rng(3)
    image = rng.integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    tensor = torch.from_numpy(loaded.preprocessor.normalise(image)[None])
    module: Any = lively(loaded.module, torch.cat([tensor, tensor.flip(3)]))
    untouched = module.candidates
    with torch.no_grad():
        found = untouched(tensor)
    first = int(found.scores[0, :, CLASS].argmax())
    second = int(found.scores[0, :, CLASS].argmin())

    def tied(images: torch.Tensor) -> Candidates:
        every = untouched(images)
        scores, corners = every.scores.clone(), every.corners.clone()
        scores[0, second, CLASS] = scores[0, first, CLASS] - gap
        corners[0, second, CLASS] = corners[0, first, CLASS] + torch.tensor([0.0, 1.0, 0.0, 0.0])
        return replace(every, scores=scores, corners=corners)

    module.candidates = tied
    leaning = torch.zeros_like(found.scores)
    leaning[0, second, CLASS] = gap + 1e-6
    return differences(Original(loaded), File(loaded, leaning, change), [image], 1, ties=ties)


@pytest.mark.usefixtures("few_regions", "one_thread")
def test_the_other_of_two_boxes_that_tie_is_no_error_and_is_counted() -> None:
    assert compared(2e-6, ties=False).relative > 1e-2  # what it was taken for
    found = compared(2e-6)
    assert found.relative < 1e-5
    assert found.shift < 1e-3
    assert found.ties >= 1


def _half_a_pixel(listed: NDArray[Any]) -> None:
    listed[0, 0] += 0.5


def _all_moved(listed: NDArray[Any]) -> None:
    listed[:2] += 0.2


def _surer(listed: NDArray[Any]) -> None:
    listed[4 + CLASS, int(listed[4 + CLASS].argmax())] *= 0.99


def _one_gone(listed: NDArray[Any]) -> None:
    listed[4:, 0] = 0


def _another_class(listed: NDArray[Any]) -> None:
    listed[4:, 0] = np.roll(listed[4:, 0], 1)


@pytest.mark.usefixtures("few_regions", "one_thread")
@pytest.mark.parametrize("change", [_half_a_pixel, _all_moved, _surer, _one_gone, _another_class])
def test_a_file_with_a_fault_is_found_although_boxes_tie_in_it(change: Change) -> None:
    assert compared(2e-6, change).relative > 1e-3


@pytest.mark.usefixtures("few_regions", "one_thread")
def test_the_worse_of_two_boxes_that_do_not_tie_is_an_error() -> None:
    found = compared(1e-3)
    assert found.relative > 1e-2
    assert found.ties == 0
