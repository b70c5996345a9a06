"""Asking a network about images, one after another; what cannot be read is told and left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cvstudio.core.annotation import Task
from cvstudio.core.answers import Answered, Line, Skipped, Teller
from cvstudio.core.config import Views
from cvstudio.core.errors import ImageError, RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.predictions import Prediction
from cvstudio.core.recipe import Fit
from cvstudio.core.snapshot import read_snapshot
from cvstudio.core.thresholds import thresholds_of
from cvstudio.core.video_names import is_video_name
from cvstudio.imaging import video
from cvstudio.imaging.decode import is_image_name, probe
from cvstudio.imaging.display import Window
from cvstudio.ml.answer import moved
from cvstudio.ml.decode import best_of, regions_of
from cvstudio.ml.evaluate import Predictor
from cvstudio.ml.preprocess import Image
from cvstudio.ml.seeing import see
from cvstudio.ml.tiles import pieces_of

if TYPE_CHECKING:
    from cvstudio.ml.load import LoadedNetwork


@dataclass(frozen=True)
class ReadyNetwork:
    """A network that is ready, what is known of it, and the window of its deeper images."""

    network: Predictor
    teller: Teller
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """An image to look at: a file, a page of it, or a frame that is shown after so many seconds."""

    path: Path
    page: int = 0
    pages: int = 1
    seconds: float | None = None


def open_file(file: Path, *, views: Views = Views.ONE) -> ReadyNetwork:
    """An exported file of CVStudio's or ultralytics'. Raises FormatError."""
    from cvstudio.ml.predict import OnnxNetwork, teller_of

    network = OnnxNetwork(file, views=views)
    return ReadyNetwork(network, teller_of(network, file.name), network.record.window)


def open_run(run: Path, *, device: str = "auto", views: Views = Views.ONE) -> ReadyNetwork:
    """The best checkpoint of the run in a directory. Raises RunError and others of load_network."""
    from cvstudio.ml.load import load_network

    return asked_run(run, load_network(run, device=device, views=views))


def asked_run(run: Path, network: LoadedNetwork) -> ReadyNetwork:
    """A run's network that is loaded already, with what lies in its directory: its answers are
    corrected as a person chose."""
    found = thresholds_of(run)
    own = {key: score for key, score in found.per_class.items() if score is not None}
    snapshot = JobDir(run).snapshot
    window = read_snapshot(snapshot).window if snapshot.is_file() else None
    teller = Teller(
        run.name,
        network.task,
        network.classes,
        network.several,
        network.form,
        found.score,
        own,
        found.applied,
    )
    return ReadyNetwork(network.corrected(found.correction), teller, window)


def targets_of(
    sources: Sequence[Path], *, step: int = 1, told: video.Told | None = None,
    passed: Callable[[Path], bool] = lambda _file: False,
) -> Iterator[Target | Skipped]:  # fmt: skip
    """The images of files and folders, every page, and each step-th frame of videos; in order.

    `told` hears how far the look through a video is, and may raise to end it; files of folders for
    which `passed` holds are passed over.
    """
    for source in sources:
        if source.is_dir():
            names = (p for p in sorted(source.rglob("*")) if p.is_file())
            known = (p for p in names if is_image_name(p.name) or is_video_name(p.name))
            files = [path for path in known if not passed(path)]
        else:
            files = [source]
        for file in files:
            try:
                yield from _targets(file, step, told)
            except ImageError as error:
                yield Skipped(file, error.message)


def _targets(file: Path, step: int, told: video.Told | None) -> Iterator[Target]:
    if is_video_name(file.name):
        index = video.index_of(file, told)
        chosen = video.Step(frames=step).choose(index)
        yield from (Target(file, n, len(index), index.seconds_at(n)) for n in chosen)
        return
    infos = probe(file)
    yield from (Target(file, info.page, len(infos)) for info in infos)


def ask(
    asked: ReadyNetwork,
    targets: Iterable[Target | Skipped],
    *,
    tiles: bool = False,
    least: float = 0.0,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Line]:
    """The answers one by one; objects below `least` are left out. Numbered from 1 on.

    Raises RunError when an image needs more memory than there is: the next ones would too.
    """
    number = 0
    for target in targets:
        if stopped():
            return
        if isinstance(target, Skipped):
            yield target
            continue
        try:
            rgb = see(target.path, target.page, asked.window, asked.network.preprocessor)
        except ImageError as error:
            yield Skipped(target.path, error.message)
            continue
        number += 1
        start = time.perf_counter()
        answer = answer_of(asked.network, rgb, number, tiles=tiles, least=least)
        took = 1000 * (time.perf_counter() - start)
        height, width = rgb.shape[:2]
        yield Answered(
            target.path, target.page, target.pages, width, height, answer, took, target.seconds
        )


def answer_of(
    network: Predictor, rgb: Image, number: int, *, tiles: bool = False, least: float = 0.0
) -> Prediction:
    """The answer for one image, in pieces where that is wished for and makes a difference."""
    try:
        if tiles and _goes_in_pieces(network, rgb):
            answer = _by_pieces(network, rgb, number)
        else:
            (answer,) = network.predict([rgb], [number])
    except MemoryError as error:
        height, width = rgb.shape[:2]
        raise RunError(
            f"An image of {width:,} × {height:,} pixels needs more memory than is free.",
            hint="Look at large images in pieces (tiles).",
        ) from error
    kept = tuple(one for one in answer.objects if one.score >= least)
    return Prediction(number, answer.scores, kept, answer.regions)


def _goes_in_pieces(network: Predictor, rgb: Image) -> bool:
    how = network.preprocessor
    return (
        network.task is not Task.CLASSIFY
        and how.fit is not Fit.CROP  # sees images at their own scale anyway
        and max(rgb.shape[:2]) > how.size
    )


def _by_pieces(network: Predictor, rgb: Image, number: int) -> Prediction:
    """An image larger than the input, looked at in pieces of its own scale."""
    height, width = rgb.shape[:2]
    ids = [c.id for c in network.classes]
    labels = np.zeros((height, width), np.uint16)
    found = []
    for tile in pieces_of(width, height, network.preprocessor.size):
        part = np.ascontiguousarray(rgb[tile.seen.slices])
        (answer,) = network.predict([part], [number])
        inside = np.zeros(part.shape[:2], np.uint16)
        for key, mask in (answer.regions or {}).items():
            mask.paint(inside, ids.index(key) + 1)
        labels[tile.kept.slices] = inside[tile.kept.within(tile.seen).slices]
        for one in (moved(each, tile.seen.left, tile.seen.top) for each in answer.objects):
            if tile.kept.contains(one.box.x + one.box.w / 2, one.box.y + one.box.h / 2):
                found.append(one)
    if network.task is Task.SEGMENT:
        return Prediction(number, regions=regions_of(labels, ids))
    return Prediction(number, objects=best_of(found))
