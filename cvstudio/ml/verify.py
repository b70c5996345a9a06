"""Whether an exported file answers like the checkpoint that it was made from, in checks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from cvstudio.core.annotation import Task
from cvstudio.core.metrics import ImageObjects, match_objects, region_map
from cvstudio.core.networks import network as network_info
from cvstudio.core.predictions import Prediction
from cvstudio.core.run_state import best_metric
from cvstudio.core.snapshot import SnapshotAnnotation, SnapshotImage
from cvstudio.ml.decode import SCORE_FLOOR, probabilities
from cvstudio.ml.load import LoadedNetwork
from cvstudio.ml.predict import OnnxNetwork
from cvstudio.ml.preprocess import Image, place

Arrays = Sequence[NDArray[Any]]
_SAME_BOX = 0.5
"""Of two answers that overlap and tie to the last digit, either may survive suppression."""
_STANDARD = ("", "ai.onnx")


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a file may stray; None: told, but not held against it."""

    score: float | None
    shift: float | None
    maps: float | None
    agreement: float | None
    drop: float


FLOAT = Limits(score=1e-3, shift=0.5, maps=1e-3, agreement=0.999, drop=1e-3)
"""Ten to a thousand times what float arithmetic in another order was seen to change."""
INT8 = Limits(score=None, shift=None, maps=None, agreement=None, drop=0.01)
"""Eight bits change numbers everywhere; what counts is the figure on the whole split."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the verification: a value, what is allowed, and whether it passed.

    `reference` is the checkpoint's own value where there is one. `passed` None only informs.
    """

    check: str
    precision: str
    value: float | None
    allowed: float | None
    passed: bool | None
    reference: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Latency:
    """The time for one image, by repeats after a warm-up, in milliseconds."""

    what: str
    device: str
    median: float
    p95: float
    repeats: int


def as_json(rows: Sequence[Check | Latency]) -> list[dict[str, Any]]:
    """Rows as plain JSON."""
    return [asdict(row) for row in rows]


def check_graph(model: onnx.ModelProto, precision: str) -> list[Check]:
    """The format's own checker, and that any runtime of the standard can run the file.

    Raises onnx.checker.ValidationError when the file is malformed.
    """
    onnx.checker.check_model(model, full_check=True)
    foreign = sum(node.domain not in _STANDARD for node in model.graph.node)
    return [
        Check("Valid by the ONNX checker", precision, 1, 1, True),
        _at_most("Operators outside the ONNX standard", precision, foreign, 0),
    ]


def check_parity(
    network: LoadedNetwork, onnx_network: OnnxNetwork, rgbs: Sequence[Image], limits: Limits
) -> list[Check]:
    """Raw outputs for real images, one at a time and three at a time, against the checkpoint's.

    Where the file takes any size, images are tried a second time at a larger one.
    """
    precision = onnx_network.record.precision
    sizes = {"": network.image_size}
    if "height" in onnx_network.record.input["shape"] and network.config.fit.value != "crop":
        sizes[", larger input"] = network.image_size + 64
    checks = []
    for words, size in sizes.items():
        some = rgbs if not words else rgbs[:3]
        placed = [place(rgb, size=size, fit=network.config.fit)[0] for rgb in some]
        for together in (1, 3):
            text = f"batch {together}{words}"
            found = _differences(network, onnx_network, placed, together)
            checks += _parity_checks(network.task, precision, text, found, limits)
    return checks


@dataclass(slots=True)
class _Difference:
    score: float = 0.0
    shift: float = 0.0
    maps: float = 0.0


def _differences(
    network: LoadedNetwork, onnx_network: OnnxNetwork, placed: Sequence[Image], together: int
) -> _Difference:
    """The largest differences over all images, fed in groups of one shape and that many."""
    found = _Difference()
    listed = network_info(network.config.network).listed
    by_shape: dict[tuple[int, ...], list[Image]] = {}
    for image in placed:
        by_shape.setdefault(image.shape, []).append(image)
    for images in by_shape.values():
        for start in range(0, len(images), together):
            group = [images[(start + i) % len(images)] for i in range(together)]
            ours = np.stack([network.preprocessor.normalise(image) for image in group])
            theirs = np.stack([onnx_network.preprocessor.normalise(image) for image in group])
            with torch.no_grad():
                outputs = network.raw(torch.from_numpy(ours).to(network.device))
            expected = [output.float().cpu().numpy() for output in outputs]
            answered = onnx_network.raw(theirs)
            for row in range(together):
                _compare(
                    network.task, [a[row] for a in expected], [b[row] for b in answered],
                    len(network.classes), found, listed=listed, several=network.several,
                )  # fmt: skip
    return found


def _compare(
    task: Task,
    ours: Arrays,
    theirs: Arrays,
    count: int,
    found: _Difference,
    *,
    listed: bool,
    several: bool,
) -> None:
    """Widen `found` by the outputs for one image."""
    if any(
        a.shape != b.shape or not np.isfinite(b).all() for a, b in zip(ours, theirs, strict=True)
    ):
        found.score = found.shift = found.maps = math.inf
        return
    if task in (Task.CLASSIFY, Task.SEGMENT):
        mine, other = (probabilities(answer[0], several=several) for answer in (ours, theirs))
        found.score = max(found.score, _largest(mine - other))
        return
    mine, other = ours[0], theirs[0]
    scores = slice(4, 4 + count)
    if listed:  # of two that are as good as each other, either may come first
        order = _pairing(mine, other)
        other, theirs = other[:, order], [other[:, order], *(o[order] for o in theirs[1:])]
    found.score = max(found.score, _largest(mine[scores] - other[scores]))
    reported = np.maximum(mine[scores], other[scores]).max(axis=0) > SCORE_FLOOR
    found.shift = max(found.shift, _largest(mine[:4, reported] - other[:4, reported]))
    if task is Task.INSTANCE:
        maps = (ours[1], theirs[1])
        if listed:  # what fills up the list has no mask that would matter
            maps = (ours[1][reported], theirs[1][reported])
        for a, b in ((mine[4 + count :], other[4 + count :]), maps):
            found.maps = max(found.maps, _largest(a - b) / max(_largest(a), 1e-6))


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


def _parity_checks(
    task: Task, precision: str, words: str, found: _Difference, limits: Limits
) -> list[Check]:
    checks = [
        _at_most(f"Largest difference in a score, {words}", precision, found.score, limits.score)
    ]
    if task in (Task.DETECT, Task.INSTANCE):
        checks.append(
            _at_most(
                f"Largest shift of a box, {words}", precision, found.shift, limits.shift, unit="px"
            )
        )
    if task is Task.INSTANCE:
        checks.append(
            _at_most(
                f"Largest relative difference in a mask map, {words}", precision, found.maps,
                limits.maps,
            )
        )  # fmt: skip
    return checks


def check_answers(
    network: LoadedNetwork,
    precision: str,
    images: Sequence[SnapshotImage],
    ours: Sequence[Prediction],
    theirs: Sequence[Prediction],
    *,
    score: float,
    limits: Limits,
) -> tuple[list[Check], dict[int, float]]:
    """Whether final answers on a whole split agree, and how far each image differs (0 to 1)."""
    match network.task:
        case Task.CLASSIFY:
            if network.several:
                return _same_classes(precision, ours, theirs, score, limits)
            return _same_class(precision, ours, theirs, limits)
        case Task.SEGMENT:
            return _same_pixels(network.class_ids, precision, images, ours, theirs, limits)
        case Task.DETECT | Task.INSTANCE:
            return _same_objects(precision, ours, theirs, score, limits)


def _same_class(
    precision: str, ours: Sequence[Prediction], theirs: Sequence[Prediction], limits: Limits
) -> tuple[list[Check], dict[int, float]]:
    same, differences = 0, {}
    for a, b in zip(ours, theirs, strict=True):
        mine, other = a.scores or {}, b.scores or {}
        same += max(mine, key=lambda k: mine[k]) == max(other, key=lambda k: other[k])
        differences[a.image_id] = max(abs(mine[k] - other[k]) for k in mine)
    allowed = None if limits.agreement is None else len(ours)
    check = _at_least("Images with the same class", precision, same, allowed, len(ours))
    return [check], differences


def _same_classes(
    precision: str, ours: Sequence[Prediction], theirs: Sequence[Prediction], score: float,
    limits: Limits,
) -> tuple[list[Check], dict[int, float]]:  # fmt: skip
    """The same where an image may have several classes: each counts, found or not."""
    same, total, differences = 0, 0, {}
    for a, b in zip(ours, theirs, strict=True):
        mine, other = a.scores or {}, b.scores or {}
        same += sum((mine[k] >= score) == (other[k] >= score) for k in mine)
        total += len(mine)
        differences[a.image_id] = max(abs(mine[k] - other[k]) for k in mine)
    # A class whose probability lies on the threshold itself may fall on either side.
    allowed = None if limits.agreement is None else math.floor(total * limits.agreement)
    return [_at_least("Classes found alike", precision, same, allowed, total)], differences


def _same_pixels(
    class_ids: Sequence[int],
    precision: str,
    images: Sequence[SnapshotImage],
    ours: Sequence[Prediction],
    theirs: Sequence[Prediction],
    limits: Limits,
) -> tuple[list[Check], dict[int, float]]:
    sizes = {image.id: (image.height, image.width) for image in images}
    same, total, differences = 0, 0, {}
    for a, b in zip(ours, theirs, strict=True):
        height, width = sizes[a.image_id]
        maps = [
            region_map(p.regions or {}, height=height, width=width, class_ids=class_ids)
            for p in (a, b)
        ]
        equal = int((maps[0] == maps[1]).sum())
        same, total = same + equal, total + height * width
        differences[a.image_id] = 1 - equal / (height * width)
    check = _at_least(
        "Share of pixels with the same class", precision, same / total, limits.agreement, 1
    )
    return [check], differences


def _same_objects(
    precision: str,
    ours: Sequence[Prediction],
    theirs: Sequence[Prediction],
    score: float,
    limits: Limits,
) -> tuple[list[Check], dict[int, float]]:
    """Objects from `score` upwards that both report: one class, an overlap of half or more.

    A checkpoint that reports none at that score proves nothing: then the line only informs.
    """
    pairs = []
    for a, b in zip(ours, theirs, strict=True):
        kept = [
            SnapshotAnnotation(place, found.class_id, found.box, found.box)
            for place, found in enumerate(a.objects)
            if found.score >= score
        ]
        pairs.append(ImageObjects(a.image_id, kept, b.objects))
    judged = match_objects(pairs).at(score=score, iou=_SAME_BOX)
    scores = {(a.image_id, place): f.score for a in ours for place, f in enumerate(a.objects)}
    differences = dict.fromkeys((a.image_id for a in ours), 0.0)
    for class_id in judged.class_ids:
        for pair in judged.cell(class_id, class_id):
            mine = scores[pair.image_id, pair.annotation_id or 0]
            change = abs(mine - (pair.score or 0))
            differences[pair.image_id] = max(differences[pair.image_id], change)
    for image_id in judged.images():
        differences[image_id] = 1.0
    allowed = None
    if limits.agreement is not None:
        # An object whose score lies on the threshold itself may fall on either side.
        allowed = min(judged.labelled - 1, math.floor(judged.labelled * limits.agreement))
    if not judged.labelled:
        allowed = None  # nothing to keep proves nothing
    check = _at_least("Predictions kept", precision, judged.correct, allowed, judged.labelled)
    return [check], differences


def check_metric(
    network: LoadedNetwork, precision: str, ours: float | None, theirs: float | None, limits: Limits
) -> Check:
    """The figure of the task, measured again from the exported file's answers."""
    metric = best_metric(network.task, several=network.several)
    name = f"{metric}, measured again"
    if ours is None or theirs is None:
        same = ours is None and theirs is None
        return Check(name, precision, theirs, None, None if same else False, ours)
    return _at_least(name, precision, theirs, max(ours - limits.drop, 0.0), ours)


def measure_latency(
    run: Callable[[], object], *, what: str, device: str, seconds: float = 3.0, most: int = 100
) -> Latency:
    """Median and 95th percentile of up to `most` repeats within about `seconds`."""
    for _ in range(3):
        run()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < most and (len(times) < 5 or time.perf_counter() < end):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1000)
    median, p95 = (float(v) for v in np.percentile(times, (50, 95)))
    return Latency(what, device, median, p95, len(times))


def _at_most(
    name: str, precision: str, value: float, allowed: float | None, *, unit: str = ""
) -> Check:
    passed = None if allowed is None else value <= allowed
    told = float(value) if math.isfinite(value) else None
    return Check(name, precision, told, allowed, passed, unit=unit)


def _at_least(
    name: str, precision: str, value: float, allowed: float | None, reference: float
) -> Check:
    passed = None if allowed is None else value >= allowed
    return Check(name, precision, value, allowed, passed, reference)


def _largest(values: NDArray[Any]) -> float:
    return float(np.abs(values).max(initial=0))
