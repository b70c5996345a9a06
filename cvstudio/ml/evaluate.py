"""Judge a network on a split: predictions and figures, written where Analyze reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from cvstudio.core.annotation import LabelClass, Review, Task
from cvstudio.core.config import EvaluateConfig, Views
from cvstudio.core.errors import ImageError, RunError
from cvstudio.core.events import Note, Outcome, Phase, Progress
from cvstudio.core.forms import Form
from cvstudio.core.jobdir import JobDir, Request, read_json, write_json
from cvstudio.core.predictions import Prediction, write_predictions
from cvstudio.core.snapshot import SnapshotImage, read_snapshot
from cvstudio.core.thresholds import Thresholds, thresholds_of
from cvstudio.ml.judge import Report, judge
from cvstudio.ml.preprocess import Image, Preprocessing
from cvstudio.ml.seeing import see

_MOST_BYTES = 192_000_000
"""Of whole images that are held at once."""
Told = Callable[[int, int], None]


class Predictor(Protocol):
    """What is judged: a LoadedNetwork or an OnnxNetwork."""

    @property
    def task(self) -> Task: ...
    @property
    def classes(self) -> tuple[LabelClass, ...]: ...
    @property
    def several(self) -> bool: ...
    @property
    def form(self) -> Form: ...
    @property
    def preprocessor(self) -> Preprocessing: ...
    def predict(self, rgbs: Sequence[Image], image_ids: Sequence[int]) -> list[Prediction]: ...


class ImageFile(Protocol):
    """What is needed to read an image: SnapshotImage and AskedImage have it."""

    @property
    def id(self) -> int: ...
    @property
    def path(self) -> Path: ...
    @property
    def page(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def window(self) -> tuple[float, float] | None: ...


AnyImage = TypeVar("AnyImage", bound=ImageFile)


class Stopped(Exception):
    """The user cancelled; whatever was written before stays as it was."""


def evaluate(
    network: Predictor,
    images: Sequence[SnapshotImage],
    *,
    split: str,
    directory: Path,
    batch: int = 8,
    progress: Told | None = None,
    stopped: Callable[[], bool] | None = None,
    note: Callable[[str], None] | None = None,
    views: Views = Views.ONE,
    thresholds: Thresholds | None = None,
) -> Report:
    """Predict images, write predictions/SPLIT.jsonl.gz and the split's entry of report.json.

    `views` is how the network looks, for the record. Objects and classes are counted from the
    scores that hold for the run, `thresholds` (None: those in the directory); on val itself from
    the best, but for classes whose score a person chose. So does what corrects them, which
    the predictions written do not have. Images that
    cannot be read are noted and left out; raises RunError when none is left, and Stopped.
    """
    job = JobDir(directory)
    predictions = predict_images(
        network, images, batch=batch, progress=progress, stopped=stopped, note=note
    )
    write_predictions(job.predictions(split), predictions)
    report = read_report(job)
    told = thresholds_of(directory) if thresholds is None else thresholds
    best = split == "val"
    figures = judge(
        network.task, network.classes, images, predictions, score=None if best else told.score,
        several=network.several, form=network.form, correction=told.correction,
        class_scores=None if best and told.aim is None else told.own or None,
    )  # fmt: skip
    if views is not Views.ONE:
        figures["views"] = views.value
    report[split] = figures
    write_json(job.report, report)
    return figures


def predict_images(
    network: Predictor,
    images: Sequence[SnapshotImage],
    *,
    batch: int = 8,
    progress: Told | None = None,
    stopped: Callable[[], bool] | None = None,
    note: Callable[[str], None] | None = None,
) -> list[Prediction]:
    """The network's answers for a split, a batch at a time so that memory stays bounded."""
    predictions: list[Prediction] = []
    problems: list[str] = []
    done = 0
    how = network.preprocessor
    for some in batches(images, batch, how):
        if stopped is not None and stopped():
            raise Stopped
        ids, rgbs = [], []
        for image, rgb in read_images(some, problems, how):
            ids.append(image.id)
            rgbs.append(rgb)
        if rgbs:
            predictions += network.predict(rgbs, ids)
        done += len(some)
        if progress is not None:
            progress(done, len(images))
    if note is not None:
        for problem in problems:
            note(f"Left out: {problem}")
    if not predictions:
        reason = f" {problems[0]}" if problems else ""
        raise RunError(f"There is no image to judge the network on.{reason}")
    return predictions


def batches(images: Sequence[AnyImage], batch: int, how: Preprocessing) -> Iterator[list[AnyImage]]:
    """The images in order, `batch` at a time or fewer when they are large."""
    some: list[AnyImage] = []
    most = _MOST_BYTES // how.bytes_per_pixel
    pixels = 0
    for image in images:
        own = image.width * image.height
        if some and (len(some) == batch or pixels + own > most):
            yield some
            some, pixels = [], 0
        some.append(image)
        pixels += own
    if some:
        yield some


def read_images(
    images: Sequence[AnyImage], problems: list[str], how: Preprocessing
) -> Iterator[tuple[AnyImage, Image]]:
    """Images as a network with that preprocessing is shown them; what cannot be read is added to
    `problems` instead."""
    for image in images:
        try:
            rgb = see(image.path, image.page, image.window, how)
        except ImageError as error:
            problems.append(error.message)
            continue
        if rgb.shape[:2] != (image.height, image.width):
            problems.append(
                f"{image.path.name} is {rgb.shape[1]} × {rgb.shape[0]} pixels now and was"
                f" {image.width} × {image.height} when it was labelled."
            )
            continue
        yield image, rgb


def read_report(job: JobDir) -> dict[str, Any]:
    """The figures of all splits that were judged so far. Raises RunError when damaged."""
    return read_json(job.report)


def run_evaluate(job: JobDir, config: EvaluateConfig) -> Outcome:
    """The evaluate job: judge a run's best checkpoint, on the job's own snapshot if it has one."""
    from cvstudio.ml.load import load_network

    run = JobDir(config.run_directory)
    snapshot = read_snapshot(job.snapshot if job.snapshot.is_file() else run.snapshot)
    images = [i for i in snapshot.of(config.split) if i.review is not Review.UNLABELLED]
    job.emit(Phase(text=f"Loading the network of {config.run_directory.name}"))
    network = load_network(config.run_directory, device=config.device, views=config.views)
    job.emit(Phase(text=f"Judging {len(images)} {config.split} images"))
    try:
        evaluate(
            network, images, split=config.split, directory=job.path, batch=config.batch,
            thresholds=thresholds_of(run.path),
            progress=lambda done, total: job.emit(Progress(done=done, total=total)),
            stopped=lambda: job.asked() is Request.CANCEL,
            note=lambda text: job.emit(Note(level="warning", text=text)), views=config.views,
        )  # fmt: skip
    except Stopped:
        return Outcome.CANCELLED
    return Outcome.FINISHED
