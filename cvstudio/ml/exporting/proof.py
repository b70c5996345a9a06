"""Whether an exported file answers like the checkpoint that it was made from, in checks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import onnx

from cvstudio.core.annotation import Task
from cvstudio.core.export_kinds import Precision
from cvstudio.core.forms import BOXES, Answers, Form
from cvstudio.core.metrics import ImageObjects, match_objects, region_map
from cvstudio.core.predictions import Prediction
from cvstudio.core.run_state import best_metric
from cvstudio.core.snapshot import SnapshotAnnotation, SnapshotImage
from cvstudio.core.thresholds import Thresholds
from cvstudio.ml.decode import SCORE_FLOOR, suppress
from cvstudio.ml.exporting.parity import Difference, Original, chooses, differences, largest
from cvstudio.ml.load import LoadedNetwork
from cvstudio.ml.predict import ExportedNetwork
from cvstudio.ml.preprocess import Image

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
    turn: float | None = None
    relative: float | None = None


FLOAT = Limits(
    score=1e-3, shift=0.5, maps=1e-3, agreement=0.999, drop=1e-3, turn=0.5, relative=1e-3
)
"""Ten to a thousand times what float arithmetic in another order was seen to change."""
REDUCED = Limits(score=None, shift=None, maps=None, agreement=None, drop=0.01)
"""Fewer bits change numbers everywhere; what counts is the figure on the whole split, or where it
tells nothing, the answers (fewer_bits.py)."""


def limits_for(precision: str, allowed_drop: float) -> Limits:
    """What a file is held to; `allowed_drop` is what fewer bits may lose of the metric."""
    return FLOAT if precision == Precision.FLOAT32 else replace(REDUCED, drop=allowed_drop)


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


def as_json(rows: Sequence[Check]) -> list[dict[str, Any]]:
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
        at_most("Operators outside the ONNX standard", precision, foreign, 0),
    ]


def check_parity(
    original: Original, exported: ExportedNetwork, rgbs: Sequence[Image], limits: Limits
) -> list[Check]:
    """Raw outputs for real images, one at a time and three at a time, against the checkpoint's.

    Where the file takes any size, images are tried a second time at a larger one.
    """
    network = original.network
    precision = exported.record.precision
    sizes = {"": network.image_size}
    if "height" in exported.record.input["shape"] and network.config.fit.value != "crop":
        sizes[", larger input"] = network.image_size + 64
    checks = []
    for words, size in sizes.items():
        some = rgbs if not words else rgbs[:3]
        how = replace(network.preprocessor, size=size)
        placed = [how.place(rgb)[0] for rgb in some]
        for together in (1, 3):
            text = f"batch {together}{words}"
            held = limits.relative is not None
            found = differences(original, exported, placed, together, ties=held)
            answers = network.form.answers
            checks += _parity_checks(network.task, answers, precision, text, found, limits)
            if held and chooses(network):
                text = f"Objects chosen otherwise at a tie of scores, {text}"
                checks.append(at_most(text, precision, found.ties, None))
    return checks


def check_list(
    everywhere: ExportedNetwork, listing: ExportedNetwork, rgbs: Sequence[Image]
) -> Check:
    """Whether a file that removes doubles itself keeps what decode.suppress() keeps of the same
    graph's answers for every place: the share of objects in either list that are in both."""
    both = total = 0
    count = len(listing.classes)
    for rgb in rgbs:
        batch, _ = listing.preprocessor.prepare(rgb)
        corners, scores, classes, _ = suppress(everywhere.outputs(batch)[0][0], count)
        rows = listing.outputs(batch)[0][0]
        rows = rows[rows[:, 4] > SCORE_FLOOR]
        ours = np.column_stack([corners, 100 * scores, 1e6 * classes])
        theirs = rows[:, :6] * (1, 1, 1, 1, 100, 1e6)
        total += max(len(ours), len(theirs))
        waiting = np.ones(len(theirs), bool)
        for row in ours:
            near = waiting & (np.abs(theirs - row).max(axis=1, initial=0) < _SAME_OBJECT)
            if near.any():
                both += 1
                waiting[int(np.argmax(near))] = False
    # Of two that tie to the last digit at the end of the list, either may be left out.
    return at_least("Objects listed as outside", listing.record.precision, both,
                     math.floor(total * 0.99), total)  # fmt: skip


_SAME_OBJECT = 0.1
"""Of two lists: pixels of a corner, and hundredths of a score."""


def _parity_checks(
    task: Task, answers: Answers, precision: str, words: str, found: Difference, limits: Limits
) -> list[Check]:
    checks = [
        at_most(f"Largest difference in a score, {words}", precision, found.score, limits.score),
        at_most(f"Largest relative error, {words}", precision, found.relative, limits.relative),
    ]
    if task in (Task.DETECT, Task.INSTANCE):
        checks.append(
            at_most(
                f"Largest shift of a box, {words}", precision, found.shift, limits.shift, unit="px"
            )
        )
    if answers is Answers.ROTATED:
        checks.append(
            at_most(f"Largest turn of a box, {words}", precision, found.turn, limits.turn, unit="°")
        )
    if answers is Answers.KEYPOINTS:
        checks.append(
            at_most(
                f"Largest shift of a point, {words}", precision, found.points, limits.shift,
                unit="px",
            )
        )  # fmt: skip
    if task is Task.INSTANCE:
        checks.append(
            at_most(
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
    counts: Thresholds,
    limits: Limits,
) -> tuple[list[Check], dict[int, float]]:
    """Whether final answers on a whole split agree, and how far each image differs (0 to 1)."""
    match network.task:
        case Task.CLASSIFY:
            if network.several:
                floors = counts.floors(network.class_ids)
                return _same_classes(precision, ours, theirs, floors, limits)
            return _same_class(precision, ours, theirs, limits)
        case Task.SEGMENT:
            return _same_pixels(network.class_ids, precision, images, ours, theirs, limits)
        case Task.DETECT | Task.INSTANCE:
            # The points and masks of either of two that tie are compared number by number.
            form = network.form if network.form.answers is Answers.ROTATED else BOXES
            return _same_objects(precision, ours, theirs, counts, limits, form)


def _same_class(
    precision: str, ours: Sequence[Prediction], theirs: Sequence[Prediction], limits: Limits
) -> tuple[list[Check], dict[int, float]]:
    same, differences = 0, {}
    for a, b in zip(ours, theirs, strict=True):
        mine, other = a.scores or {}, b.scores or {}
        same += max(mine, key=lambda k: mine[k]) == max(other, key=lambda k: other[k])
        differences[a.image_id] = max(abs(mine[k] - other[k]) for k in mine)
    allowed = None if limits.agreement is None else len(ours)
    check = at_least("Images with the same class", precision, same, allowed, len(ours))
    return [check], differences


def _same_classes(
    precision: str, ours: Sequence[Prediction], theirs: Sequence[Prediction],
    floors: Mapping[int, float], limits: Limits,
) -> tuple[list[Check], dict[int, float]]:  # fmt: skip
    """The same where an image may have several classes: each counts, found or not."""
    same, total, differences = 0, 0, {}
    for a, b in zip(ours, theirs, strict=True):
        mine, other = a.scores or {}, b.scores or {}
        same += sum((mine[k] >= floors[k]) == (other[k] >= floors[k]) for k in mine)
        total += len(mine)
        differences[a.image_id] = max(abs(mine[k] - other[k]) for k in mine)
    # A class whose probability lies on the threshold itself may fall on either side.
    allowed = None if limits.agreement is None else math.floor(total * limits.agreement)
    return [at_least("Classes found alike", precision, same, allowed, total)], differences


def _same_pixels(
    class_ids: Sequence[int],
    precision: str,
    images: Sequence[SnapshotImage],
    ours: Sequence[Prediction],
    theirs: Sequence[Prediction],
    limits: Limits,
) -> tuple[list[Check], dict[int, float]]:
    sizes = {image.id: (image.height, image.width) for image in images}
    same, total, differences, surer = 0, 0, {}, 0.0
    for a, b in zip(ours, theirs, strict=True):
        if a.pixels is not None and b.pixels is not None:
            surer = max(surer, largest(a.pixels.chances - b.pixels.chances))
        height, width = sizes[a.image_id]
        maps = [
            region_map(p.regions or {}, height=height, width=width, class_ids=class_ids)
            for p in (a, b)
        ]
        equal = int((maps[0] == maps[1]).sum())
        same, total = same + equal, total + height * width
        differences[a.image_id] = 1 - equal / (height * width)
    check = at_least(
        "Share of pixels with the same class", precision, same / total, limits.agreement, 1
    )
    sure = at_most(
        "Largest difference in how sure it is of a pixel", precision, surer, limits.score
    )
    return [check, sure], differences


def _same_objects(
    precision: str,
    ours: Sequence[Prediction],
    theirs: Sequence[Prediction],
    counts: Thresholds,
    limits: Limits,
    form: Form,
) -> tuple[list[Check], dict[int, float]]:
    """Objects that count by `counts` and that both report: one class, an overlap of half or more.

    A checkpoint that reports none at that score proves nothing: then the line only informs.
    """
    pairs = []
    floors = counts.floors({found.class_id for a in ours for found in a.objects})
    for a, b in zip(ours, theirs, strict=True):
        kept = [
            SnapshotAnnotation(place, found.class_id, found.rotated or found.box, found.box)
            for place, found in enumerate(a.objects)
            if found.score >= floors[found.class_id]
        ]
        pairs.append(ImageObjects(a.image_id, kept, b.objects))
    matches = match_objects(pairs, form=form)
    judged = matches.at(score=counts.common, iou=_SAME_BOX, own=counts.own)
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
    check = at_least("Predictions kept", precision, judged.correct, allowed, judged.labelled)
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
    return at_least(name, precision, theirs, max(ours - limits.drop, 0.0), ours)


def at_most(
    name: str, precision: str, value: float, allowed: float | None, *, unit: str = ""
) -> Check:
    """A check that a value keeps below what is allowed; None: it only informs, if it is one."""
    passed = value <= allowed if allowed is not None else None if math.isfinite(value) else False
    told = float(value) if math.isfinite(value) else None
    return Check(name, precision, told, allowed, passed, unit=unit)


def at_least(
    name: str, precision: str, value: float, allowed: float | None, reference: float
) -> Check:
    """A check that a value reaches what is allowed; None: it only informs."""
    passed = None if allowed is None else value >= allowed
    return Check(name, precision, value, allowed, passed, reference)
