"""The proof of one file: number by number, on a whole split, and by the figure measured again.

A file of fewer bits is judged by its answers where that figure tells nothing (fewer_bits.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.errors import RunError
from cvstudio.core.export_kinds import Engine, KindInfo, Precision
from cvstudio.core.predictions import Prediction
from cvstudio.core.run_state import best_metric
from cvstudio.core.snapshot import Snapshot, SnapshotImage
from cvstudio.core.thresholds import Thresholds
from cvstudio.ml.evaluate import Predictor, predict_images, read_images
from cvstudio.ml.exporting import proof
from cvstudio.ml.exporting.agreement import Agreement, agreement
from cvstudio.ml.exporting.alone import answers_of_script
from cvstudio.ml.exporting.engines import open_exported
from cvstudio.ml.exporting.fewer_bits import (
    MOST_IMAGES,
    By,
    Judged,
    Standard,
    agreement_checks,
    judge_by_answers,
    judge_by_metric,
)
from cvstudio.ml.exporting.parity import Original, relative
from cvstudio.ml.exporting.proof import Check, Limits
from cvstudio.ml.judge import judge
from cvstudio.ml.load import LoadedNetwork
from cvstudio.ml.onnx_file import FileRecord
from cvstudio.ml.predict import ExportedNetwork
from cvstudio.ml.preprocess import Image, without_normalisation

_CALIBRATION_IMAGES = 100


@dataclass
class Told:
    """How an export tells what it does, and hears that it should stop."""

    phase: Callable[[str], None]
    progress: Callable[[int, int], None]
    note: Callable[[str], None]
    stopped: Callable[[], bool]


@dataclass(frozen=True)
class Reference:
    """The checkpoint's own answers and figure on the split that the files are held to."""

    network: LoadedNetwork
    images: tuple[SnapshotImage, ...]
    rgbs: tuple[Image, ...]
    predictions: tuple[Prediction, ...]
    metric: float | None
    counts: Thresholds
    """From which scores answers count, and at which temperature they are read: as the files say."""
    original: Original
    """What answers number by number, once for all files."""
    standard: Standard
    """What the figure can tell of a file."""
    more: tuple[SnapshotImage, ...]
    """Images besides, on which answers are compared where the figure tells nothing."""
    told: Told

    @cached_property
    def further(self) -> tuple[Prediction, ...]:
        """The checkpoint's answers for `more`, asked once for all files."""
        return tuple(self.counts.corrected(each) for each in self._asked(self.network))

    def of_further(self, exported: ExportedNetwork) -> list[Prediction]:
        """A file's answers for `more`."""
        return self._asked(exported)

    def _asked(self, network: Predictor) -> list[Prediction]:
        if not self.more:
            return []
        progress, stopped = self.told.progress, self.told.stopped
        return predict_images(network, self.more, progress=progress, stopped=stopped)


@dataclass(frozen=True)
class Proof:
    """What was found out about one file."""

    checks: tuple[Check, ...]
    differences: Mapping[int, float]
    metric: float | None
    judged: Judged | None = None
    """Of fewer bits: by what."""
    agreement: Agreement | None = None
    """Of fewer bits: how far its answers are those of the checkpoint."""

    @property
    def passed(self) -> bool | None:
        """Whether the file is proven; None: it can be neither proven nor refused."""
        if any(check.passed is False for check in self.checks):
            return False
        return None if self.judged is not None and self.judged.by is By.NOTHING else True


def refer(
    network: LoadedNetwork,
    images: Sequence[SnapshotImage],
    some: Sequence[SnapshotImage],
    *,
    more: Sequence[SnapshotImage],
    counts: Thresholds,
    told: Told,
) -> Reference:
    """What the checkpoint answers for `images`, read as the files say in `counts`; `some` are those
    that are compared by numbers, `more` others whose answers may be compared."""
    told.phase(f"Asking the checkpoint about {len(images)} images")
    predictions = predict_images(
        network, images, progress=told.progress, stopped=told.stopped, note=told.note
    )
    predictions = [counts.corrected(each) for each in predictions]
    figures = _figures(network, images, predictions, counts)
    rgbs = tuple(
        network.seen_at_once(rgb) for _, rgb in read_images(some, [], network.preprocessor)
    )
    metric = figures["metrics"][best_metric(network.task, several=network.several)]
    return Reference(
        network, tuple(images), rgbs, tuple(predictions), metric, counts, Original(network),
        Standard.of(network, metric, figures, images), tuple(more), told,
    )  # fmt: skip


def _figures(
    network: LoadedNetwork, images: Sequence[SnapshotImage], answers: Sequence[Prediction],
    counts: Thresholds,
) -> dict[str, Any]:  # fmt: skip
    return judge(
        network.task, network.classes, images, answers, score=counts.common,
        several=network.several, class_scores=counts.own, form=network.form,
    )  # fmt: skip


def counted_from(counts: Thresholds, network: LoadedNetwork) -> dict[str, Any] | None:
    """For the certificate: the scores from which answers counted when a file was held to its run,
    the common one and by class name those of single classes, the temperature, and the two numbers
    of Platt scaling where answers are corrected by it; None where no
    answer has a score to count from and none is corrected."""
    single = network.task is Task.SEGMENT or (network.task is Task.CLASSIFY and not network.several)
    if single and counts.temperature is None:
        return None
    if single:
        return {"score": None, "classes": {}, "temperature": counts.temperature}
    names = {c.id: c.name for c in network.classes}
    own = {names[key]: at for key, at in counts.own.items() if key in names and at is not None}
    scaled = {} if counts.platt is None else {"platt": [counts.platt.slope, counts.platt.shift]}
    return {"score": counts.common, "classes": own, "temperature": None, **scaled}


def prove(
    network: LoadedNetwork,
    path: Path,
    info: KindInfo,
    record: FileRecord,
    reference: Reference,
    limits: Limits,
    told: Told,
    *,
    everywhere: ExportedNetwork | None = None,
) -> Proof:
    """Hold a file to the checkpoint. Of one that lists its objects, `everywhere` is the same graph
    before that: its numbers are compared, and the list with what follows from them."""
    exported = open_exported(path, record=record)
    checks: list[Check] = []
    if info.engine is Engine.ONNX:
        checks += proof.check_graph(onnx.load(path), info.precision)
    told.phase(f"Comparing {info.title} with the checkpoint, number by number")
    checks += proof.check_parity(reference.original, everywhere or exported, reference.rgbs, limits)
    if everywhere is not None:
        checks.append(proof.check_list(everywhere, exported, reference.rgbs))
    if info.engine is Engine.TORCHSCRIPT:
        checks.append(_in_a_fresh_process(path, exported, reference, limits))
    told.phase(f"Judging {info.title} on {len(reference.images)} images")
    answers = predict_images(
        exported, reference.images, progress=told.progress, stopped=told.stopped
    )
    more, differences = proof.check_answers(
        network, info.precision, reference.images, reference.predictions, answers,
        counts=reference.counts, limits=limits,
    )  # fmt: skip
    figures = _figures(network, reference.images, answers, reference.counts)
    metric = figures["metrics"][best_metric(network.task, several=network.several)]
    again = proof.check_metric(network, info.precision, reference.metric, metric, limits)
    if info.precision is Precision.FLOAT32:
        return Proof((*checks, *more, again), differences, metric)
    judged = judge_by_metric(again, reference.standard, limits.drop)
    if judged is not None:
        found = _agreement(reference, answers)
        told_too = agreement_checks(info.precision, found)
    else:
        told.phase(f"Comparing the answers of {info.title} with the checkpoint's")
        found = _agreement(reference, answers, exported)
        judged, told_too = judge_by_answers(again, reference.standard, found), ()
    return Proof(
        (*checks, *more, *judged.checks, *told_too), differences, metric, judged, found
    )  # fmt: skip


def _agreement(
    reference: Reference, answers: Sequence[Prediction], exported: ExportedNetwork | None = None
) -> Agreement:
    """How far a file's answers for the judged images are the checkpoint's; with `exported`, the
    further images count as well."""
    images, ours = reference.images, reference.predictions
    if exported is not None:
        images, ours = (*images, *reference.more), (*ours, *reference.further)
        answers = [*answers, *reference.of_further(exported)]
    return agreement(reference.network, images, ours, answers, reference.counts)


def _in_a_fresh_process(
    path: Path, exported: ExportedNetwork, reference: Reference, limits: Limits
) -> Check:
    """Whether a program that knows nothing of CVStudio gets the same numbers from the file."""
    batches = [exported.preprocessor.prepare(rgb)[0] for rgb in reference.rgbs[:2]]
    ours = [exported.outputs(batch) for batch in batches]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        theirs = pool.submit(answers_of_script, path, batches).result()
    worst = max(
        relative(a, b) for one, other in zip(ours, theirs, strict=True)
        for a, b in zip(one, other, strict=True)
    )  # fmt: skip
    return proof.at_most(
        "Largest relative error, loaded by a fresh process", exported.record.precision, worst,
        limits.relative,
    )  # fmt: skip


# -- which images


def judged_images(images: Sequence[SnapshotImage]) -> tuple[Split, tuple[SnapshotImage, ...]]:
    """The images a file is held to: val, or the next split that has any."""
    for split in (Split.VAL, Split.TEST, Split.TRAIN):
        chosen = tuple(i for i in images if i.split == split and i.review is not Review.UNLABELLED)
        if chosen:
            return split, chosen
    raise RunError("The run's snapshot has no labelled image to verify the file with.")


def further_images(
    judged: Sequence[SnapshotImage], every: Sequence[SnapshotImage]
) -> list[SnapshotImage]:
    """Other images to compare answers on, where those that are judged are few: no label is needed,
    nor that the network has never seen them. Those that are gone from the disk are left out."""
    found = compared_images(judged, every, max(MOST_IMAGES, len(judged)))[len(judged) :]
    return [image for image in found if image.path.is_file()]


def compared_images(
    judged: Sequence[SnapshotImage], every: Sequence[SnapshotImage], count: int
) -> list[SnapshotImage]:
    """The images whose numbers are compared: judged ones, and others where these are too few."""
    known = {image.id for image in judged}
    return [*judged, *(image for image in every if image.id not in known)][:count]


def calibration(network: LoadedNetwork, snapshot: Snapshot) -> Iterator[NDArray[np.float32]]:
    """Up to a hundred training images spread over the split, as the exported file takes them."""
    images = snapshot.of(Split.TRAIN)
    plain = without_normalisation(network.preprocessor)
    step = max(len(images) / _CALIBRATION_IMAGES, 1)
    chosen = [images[int(i * step)] for i in range(min(len(images), _CALIBRATION_IMAGES))]
    for _, rgb in read_images(chosen, [], plain):
        yield plain.prepare(network.seen_at_once(rgb))[0]
