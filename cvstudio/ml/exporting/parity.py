"""An exported file against the checkpoint, number by number: the same input, and what both answer.

A network that removes doubles itself chooses between boxes. Where the scores of two agree to the
last digits, rounding decides which is kept: a file may then answer with another box, although it
computes the same numbers. So the checkpoint is asked once more what it chooses when its scores
differ by no more than TIE in favour of what the file answers; that is what the file is held to.
A box that the checkpoint does not find, or that it finds and scores otherwise, stays a difference.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cvstudio.core.annotation import Task
from cvstudio.core.forms import Answers
from cvstudio.core.networks import network as network_info
from cvstudio.ml.decode import SCORE_FLOOR, probabilities
from cvstudio.ml.load import LoadedNetwork, outputs_of
from cvstudio.ml.networks.torchvision_detection import Detector
from cvstudio.ml.predict import ExportedNetwork
from cvstudio.ml.preprocess import Image

Arrays = Sequence[NDArray[Any]]
TIE = 1e-5
"""Scores that differ by no more tie; of 32 bits, rounding changes the sixth or seventh digit."""
_SAME = 1e-4
"""Beside the input's side: how near a box must lie to be that box of the original."""
_KEPT = 512 * 2**20
"""Bytes of answers that are kept to hold the next file to."""


@dataclass
class Original:
    """The network that files are held to. It answers once for all of them, as far as the answers
    fit into memory."""

    network: LoadedNetwork
    _known: dict[bytes, list[NDArray[Any]]] = field(default_factory=dict)
    _size: int = 0

    def outputs(self, batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        """The raw outputs for a normalised batch (N, channels, H, W)."""
        key = hashlib.sha256(repr(batch.shape).encode() + batch.tobytes()).digest()
        if key in self._known:
            return self._known[key]
        with torch.no_grad():
            outputs = self.network.raw(torch.from_numpy(batch).to(self.network.device))
        found = [output.float().cpu().numpy() for output in outputs]
        self._size += (size := sum(output.nbytes for output in found))
        if self._size <= _KEPT:
            self._known[key] = found
        else:
            self._size -= size
        return found


@dataclass(slots=True)
class Difference:
    """The largest that was found of each kind: of a score, of a box in pixels, of a mask map beside
    its largest value, of an angle in degrees, of a point in pixels, of any number beside the
    largest; and how many objects were chosen otherwise where scores tie."""

    score: float = 0.0
    shift: float = 0.0
    maps: float = 0.0
    turn: float = 0.0
    points: float = 0.0
    relative: float = 0.0
    ties: int = 0


def differences(
    original: Original, exported: ExportedNetwork, placed: Sequence[Image], together: int,
    *, ties: bool = True,
) -> Difference:  # fmt: skip
    """The largest differences over all images, fed in groups of one shape and that many. `ties`:
    what the checkpoint could as well have chosen is no difference, and is counted."""
    found = Difference()
    network = original.network
    listed = network_info(network.config.network).listed
    by_shape: dict[tuple[int, ...], list[Image]] = {}
    for image in placed:
        by_shape.setdefault(image.shape, []).append(image)
    for images in by_shape.values():
        for start in range(0, len(images), together):
            group = [images[(start + i) % len(images)] for i in range(together)]
            ours = np.stack([network.preprocessor.normalise(image) for image in group])
            theirs = np.stack([exported.preprocessor.normalise(image) for image in group])
            expected = original.outputs(ours)
            answered = exported.raw(theirs)
            for row in range(together):
                mine: Arrays = [a[row] for a in expected]
                other = [b[row] for b in answered]
                if ties and chooses(network):
                    mine, decided = _leaning(network, ours[row : row + 1], mine, other)
                    found.ties += decided
                _compare(
                    network.task, mine, other, len(network.classes), found, listed=listed,
                    several=network.several, answers=network.form.answers,
                )  # fmt: skip
    return found


def _compare(
    task: Task,
    ours: Arrays,
    theirs: Arrays,
    count: int,
    found: Difference,
    *,
    listed: bool,
    several: bool,
    answers: Answers,
) -> None:
    """Widen `found` by the outputs for one image."""
    if any(
        a.shape != b.shape or not np.isfinite(b).all() for a, b in zip(ours, theirs, strict=True)
    ):
        found.score = found.shift = found.maps = found.relative = math.inf
        return
    if task in (Task.CLASSIFY, Task.SEGMENT):
        found.relative = max(found.relative, relative(ours[0], theirs[0]))
        mine, other = (probabilities(answer[0], several=several) for answer in (ours, theirs))
        found.score = max(found.score, largest(mine - other))
        return
    mine, other = ours[0], theirs[0]
    scores = slice(4, 4 + count)
    if listed:  # of two that are as good as each other, either may come first
        order = _pairing(mine, other)
        other, theirs = other[:, order], [other[:, order], *(o[order] for o in theirs[1:])]
    found.score = max(found.score, largest(mine[scores] - other[scores]))
    reported = np.maximum(mine[scores], other[scores]).max(axis=0) > SCORE_FLOOR
    found.shift = max(found.shift, largest(mine[:4, reported] - other[:4, reported]))
    for rows in (slice(0, 4), scores):
        some = relative(mine[rows, reported], other[rows, reported])
        found.relative = max(found.relative, some)
    rest = mine[4 + count :, reported] - other[4 + count :, reported]
    if answers is Answers.ROTATED:
        found.turn = max(found.turn, largest(np.degrees(rest)))
    if answers is Answers.KEYPOINTS:
        found.points = max(found.points, largest(rest[0::3]), largest(rest[1::3]))
        found.score = max(found.score, largest(rest[2::3]))
    if task is Task.INSTANCE:
        maps = (ours[1], theirs[1])
        if listed:  # what fills up the list has no mask that would matter
            maps = (ours[1][reported], theirs[1][reported])
        for a, b in ((mine[4 + count :], other[4 + count :]), maps):
            found.maps = max(found.maps, relative(a, b))


def _pairing(mine: NDArray[Any], other: NDArray[Any]) -> NDArray[np.int64]:
    """Which answer of another list each answer of a list is: the nearest by score and place."""
    waiting = np.ones(mine.shape[1], bool)
    order = np.empty(mine.shape[1], np.int64)
    for row in range(mine.shape[1]):
        apart = np.abs(other - mine[:, row, None])
        distance = apart[:4].max(axis=0) + 1e3 * apart[4:].max(axis=0)
        order[row] = int(np.argmin(np.where(waiting, distance, np.inf)))
        waiting[order[row]] = False
    return order


# -- ties


def chooses(network: LoadedNetwork) -> bool:
    """Whether boxes are chosen inside the network by a rule that can be asked again."""
    return isinstance(network.module, Detector)


def _leaning(
    network: LoadedNetwork, image: NDArray[np.float32], mine: Arrays, other: Arrays
) -> tuple[Arrays, int]:
    """What the checkpoint answers for one image (1, channels, H, W) where scores that tie are
    decided as the file decided, and how many objects of the file that explains.

    What it answers anyway, and 0, where no other choice explains anything.
    """
    if any(
        a.shape != b.shape or not np.isfinite(b).all() for a, b in zip(mine, other, strict=True)
    ):
        return mine, 0
    count, near = len(network.classes), _SAME * max(image.shape[2:])
    before = _strays(mine[0], other[0], count, near)
    if not before:
        return mine, 0
    module = network.module
    assert isinstance(module, Detector)
    with torch.no_grad():
        found = module.candidates(torch.from_numpy(image).to(network.device))
        chosen = _chosen(
            other[0], found.corners[0].cpu().numpy(), found.scores[0].cpu().numpy(), near
        )
        leaning = torch.from_numpy(np.where(chosen, TIE / 2, -TIE / 2)).to(found.scores)[None]
        outputs = outputs_of(network.task, module.answer(found, leaning=leaning))
    again = [output[0].float().cpu().numpy() for output in outputs]
    decided = before - _strays(again[0], other[0], count, near)
    return (again, decided) if decided > 0 else (mine, 0)


def _strays(mine: NDArray[Any], other: NDArray[Any], count: int, near: float) -> int:
    """Reported objects of a file (4 + classes, k) that another list does not have."""
    rest = other[:, _pairing(mine, other)]
    scores = slice(4, 4 + count)
    reported = np.maximum(mine[scores], rest[scores]).max(axis=0) > SCORE_FLOOR
    apart = np.abs(mine - rest)
    stray = (apart[:4].max(axis=0) > near) | (apart[scores].max(axis=0) > TIE)
    return int((stray & reported).sum())


def _chosen(
    listed: NDArray[Any], corners: NDArray[Any], scores: NDArray[Any], near: float
) -> NDArray[np.bool_]:
    """Which candidates (p, classes, 4) with scores (p, classes) a list (4 + classes, k) has."""
    chosen = np.zeros(scores.shape, bool)
    for row in listed.T:
        number = int(np.argmax(row[4:]))
        half = row[2:4] / 2
        box = np.concatenate([row[:2] - half, row[:2] + half])
        apart = np.abs(corners[:, number] - box).max(axis=1)
        apart = np.where(np.abs(scores[:, number] - row[4 + number]) <= TIE, apart, np.inf)
        place = int(np.argmin(apart))
        if row[4 + number] > SCORE_FLOOR and apart[place] <= near:
            chosen[place, number] = True
    return chosen


def largest(values: NDArray[Any]) -> float:
    """The largest size of any value; 0 where there is none."""
    return float(np.abs(values).max(initial=0))


def relative(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """The largest difference of two arrays of one shape, beside the largest value of the first."""
    return largest(ours - theirs) / max(largest(ours), 1e-6)
