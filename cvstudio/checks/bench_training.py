"""Training through CVStudio in turns with the bare libraries, epoch by epoch and as a whole."""

from __future__ import annotations

import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from cvstudio.checks.figures import Figure, ratio_of_pairs
from cvstudio.core.annotation import Task
from cvstudio.core.jobdir import JobDir
from cvstudio.core.pipeline import Step
from cvstudio.core.recipe import Fit, Start, TrainConfig
from cvstudio.project import exporting, queries, runs
from cvstudio.project.project import Project
from cvstudio.project.sample import create_sample

TIME_LIMIT = 1.03
_LOOK = 0.05  # seconds between two looks at what a process has written
_SURE = 2.78  # standard errors that two means of three seeds lie apart by chance, 95 times of 100
_SAME = 0.01  # metrics that near are the same, however little the seeds differ
_FLIP = (Step(transform="flip_horizontal", chance=0.5),)


@dataclass(frozen=True)
class Trial:
    """One task with the settings that both sides share."""

    task: Task
    network: str
    metric: str
    format: str
    images: int
    settings: dict[str, Any]


# Long enough that the networks learn, and enough val images that one more or less right answer
# does not decide.
OWN = (
    Trial(Task.CLASSIFY, "resnet18", "accuracy", "folders", 400,
          {"epochs": 8, "batch": 16, "image_size": 64, "learning_rate": 0.001}),
    Trial(Task.SEGMENT, "unet-resnet18", "mIoU", "masks", 160,
          {"epochs": 8, "batch": 8, "image_size": 128, "learning_rate": 0.001}),
)  # fmt: skip
YOLO = (
    Trial(Task.DETECT, "yolo11n", "mAP50", "yolo", 160,
          {"epochs": 16, "batch": 8, "image_size": 160, "learning_rate": 0.002}),
)  # fmt: skip


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock, and of processors."""

    clock: float
    processor: float


@dataclass(frozen=True)
class Side:
    """One training: what its epochs after the first took (val included), what all took; metric."""

    epochs: Spent
    whole: Spent
    metric: float


def training(trials: Sequence[Trial], *, seeds: int, short: bool) -> Iterator[Figure]:
    """For each trial: the ratios of time, and how far the metrics lie apart; before them each pair
    of trainings as it ends."""
    for trial in trials:
        settings = {**trial.settings, "weight_decay": 0.01, "warmup_epochs": 1.0}
        if short:
            settings["epochs"] = 3
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            images = None if short else trial.images
            create_sample(folder / "project", trial.task, images=images).close()
            yield from _trial(trial, settings, seeds=seeds, folder=folder, judged=not short)


def _trial(
    trial: Trial, settings: dict[str, Any], *, seeds: int, folder: Path, judged: bool
) -> Iterator[Figure]:
    name = f"{trial.task} {trial.network}"
    ours: list[Side] = []
    bare: list[Side] = []
    with Project.open(folder / "project") as project:
        exporting.export(project, folder / "data", format=trial.format)
        with project.read() as session:
            classes = len(queries.classes(session))
        for seed in range(seeds):
            told = {**settings, "seed": seed}
            if seed % 2:  # the second of a pair finds the computer as the first one left it
                bare.append(_bare(folder, trial, told, classes))
            ours.append(_ours(project, trial, told))
            if not seed % 2:
                bare.append(_bare(folder, trial, told, classes))
            yield _pair(f"{name}: seed {seed}, all", ours[-1], bare[-1])
    for part, words in (("epochs", "the epochs"), ("whole", "all, start and judging included")):
        for kind in ("processor", "clock"):
            mine, theirs = (
                [float(getattr(getattr(side, part), kind)) for side in sides]
                for sides in (ours, bare)
            )
            yield _times(f"{name}: {kind} time of {words}", mine, theirs)
    yield _apart(f"{name}: {trial.metric} apart", ours, bare, judged=judged)


def _pair(name: str, ours: Side, bare: Side) -> Figure:
    """What one seed found; nothing is asked of it alone."""
    parts = " / ".join(
        f"{mine.processor / theirs.processor:.3f} {mine.clock / theirs.clock:.3f}"
        for mine, theirs in ((ours.epochs, bare.epochs), (ours.whole, bare.whole))
    )
    return Figure(
        name, ours.whole.clock / bare.whole.clock, "x",
        detail=f"processor and clock of epochs / all {parts}, metric {ours.metric:.3f} against"
        f" {bare.metric:.3f}, load {os.getloadavg()[0]:.1f}",
    )  # fmt: skip


def _apart(name: str, ours: list[Side], bare: list[Side], *, judged: bool) -> Figure:
    """How far the means lie apart; the limit is what the spread over the seeds explains."""
    metrics = [[side.metric for side in sides] for sides in (ours, bare)]
    means = [statistics.mean(values) for values in metrics]
    limit = None
    if judged and len(ours) > 1:
        error = sum(statistics.variance(values) / len(values) for values in metrics) ** 0.5
        limit = max(_SURE * error, _SAME)
    told = " against ".join(" ".join(f"{value:.3f}" for value in values) for values in metrics)
    return Figure(name, abs(means[0] - means[1]), "", limit, detail=told)


def _times(name: str, ours: list[float], bare: list[float]) -> Figure:
    return Figure(
        name, ratio_of_pairs(ours, bare), "x", TIME_LIMIT,
        detail=f"{statistics.median(ours):.1f} s against {statistics.median(bare):.1f} s,"
        f" load {os.getloadavg()[0]:.1f}",
    )  # fmt: skip


def _ours(project: Project, trial: Trial, settings: dict[str, Any]) -> Side:
    config = TrainConfig(
        task=trial.task, network=trial.network, start=Start.SCRATCH, fit=_fit(trial), patience=0,
        augmentation=_FLIP, device="cpu", workers=0, **settings,
    )  # fmt: skip
    run = runs.create_run(project, config)
    job = JobDir(run.directory)
    epochs, whole = _watched(
        [sys.executable, "-m", "cvstudio", "worker", str(run.directory)],
        lambda: _lines(job.events, '"event":"epoch"'), settings["epochs"],
    )  # fmt: skip
    report = json.loads((run.directory / "report.json").read_text())
    return Side(epochs, whole, float(report["val"]["metrics"][trial.metric]))


def _fit(trial: Trial) -> Fit:
    return Fit.PAD if trial.task is Task.DETECT else Fit.STRETCH


def _bare(folder: Path, trial: Trial, settings: dict[str, Any], classes: int) -> Side:
    if trial in YOLO:
        return _yolo(folder, settings)
    out, told = folder / "bare.json", folder / "epochs.txt"
    told.unlink(missing_ok=True)
    plain = {
        **settings, "task": trial.task.value, "data": str(folder / "data"), "classes": classes,
        "out": str(out), "told": str(told),
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(plain))
    epochs, whole = _watched(
        [sys.executable, "-m", "cvstudio.checks.bare_training", str(folder / "settings.json")],
        lambda: _lines(told), settings["epochs"],
    )  # fmt: skip
    return Side(epochs, whole, float(json.loads(out.read_text())["metric"]))


_OFF = (
    "mosaic", "mixup", "cutmix", "copy_paste", "hsv_h", "hsv_s", "hsv_v", "degrees", "translate",
    "scale", "shear", "perspective", "flipud", "erasing",
)  # fmt: skip


def _yolo(folder: Path, settings: dict[str, Any]) -> Side:
    """`yolo train` as its manual has it, with the same settings and the same flip."""
    told = {
        "data": folder / "data" / "data.yaml", "model": "yolo11n.yaml", "pretrained": False,
        "epochs": settings["epochs"], "imgsz": settings["image_size"], "batch": settings["batch"],
        "nbs": settings["batch"], "optimizer": "AdamW", "lr0": settings["learning_rate"],
        "lrf": 0.01, "cos_lr": True, "weight_decay": settings["weight_decay"],
        "warmup_epochs": settings["warmup_epochs"], "seed": settings["seed"], "device": "cpu",
        "workers": 0, "cache": "ram", "plots": False, "amp": False, "verbose": False,
        "project": folder / "bare", "name": str(settings["seed"]), "fliplr": 0.5,
        **dict.fromkeys(_OFF, 0.0),
    }  # fmt: skip
    results = folder / "bare" / str(settings["seed"]) / "results.csv"
    command = str(Path(sys.executable).with_name("yolo"))
    epochs, whole = _watched(
        [command, "detect", "train", *(f"{key}={value}" for key, value in told.items())],
        lambda: _lines(results) - 1, settings["epochs"],
    )  # fmt: skip
    with results.open(newline="") as stream:
        rows = [{k.strip(): float(v) for k, v in row.items()} for row in csv.DictReader(stream)]
    best = max(rows, key=lambda row: row["metrics/mAP50-95(B)"])
    return Side(epochs, whole, best["metrics/mAP50(B)"])


def _lines(path: Path, words: str = "") -> int:
    """How many whole lines of a file have these words."""
    if not path.exists():
        return 0
    return sum(line.endswith("\n") and words in line for line in path.open(encoding="utf-8"))


def _watched(
    command: list[str], epochs_over: Callable[[], int], epochs: int
) -> tuple[Spent, Spent]:
    """Run a program; what passed between its first epoch's end and its last one's, and in all.

    Both sides are watched in the same way, from outside, by what they write. Threads sleep while
    they wait, on both sides: else waiting would count as work.
    """
    environment = {
        **os.environ, "OMP_WAIT_POLICY": "PASSIVE", "YOLO_OFFLINE": "true",
        "YOLO_AUTOINSTALL": "false", "NO_ALBUMENTATIONS_UPDATE": "1", "MPLBACKEND": "Agg",
    }  # fmt: skip
    before = os.times()
    marks: list[Spent] = []
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        inside = psutil.Process(process.pid)
        while process.poll() is None:
            over = epochs_over()
            if (over >= 1 and not marks) or (over >= epochs and len(marks) == 1):
                times = inside.cpu_times()
                marks.append(Spent(time.perf_counter(), times.user + times.system))
            time.sleep(_LOOK)
        if process.returncode or len(marks) < 2:
            said.seek(0)
            raise RuntimeError(said.read().decode(errors="replace")[-2000:])
    after = os.times()
    children = after.children_user - before.children_user
    children += after.children_system - before.children_system
    first, last = marks
    return (
        Spent(last.clock - first.clock, last.processor - first.processor),
        Spent(after.elapsed - before.elapsed, children),
    )
