"""Training through CVStudio in turns with the bare libraries, and the window's pulse meanwhile."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cvstudio.checks.figures import Figure, ratio_of_pairs
from cvstudio.core.annotation import Task
from cvstudio.core.pipeline import Step
from cvstudio.core.recipe import Fit, Start, TrainConfig
from cvstudio.project import exporting, queries, runs
from cvstudio.project.project import Project
from cvstudio.project.sample import create_sample

TIME_LIMIT = 1.05
METRIC_LIMIT = 0.03
TIMER_LIMIT = 40.0
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


# Long enough that the networks learn and start-up is the small part that it is for users; enough
# val images that one more or less right answer does not decide.
TRIALS = (
    Trial(Task.CLASSIFY, "resnet18", "accuracy", "folders", 400,
          {"epochs": 15, "batch": 16, "image_size": 64, "learning_rate": 0.001}),
    Trial(Task.SEGMENT, "unet-resnet18", "mIoU", "masks", 160,
          {"epochs": 16, "batch": 8, "image_size": 128, "learning_rate": 0.001}),
    Trial(Task.DETECT, "yolo11n", "mAP50", "yolo", 160,
          {"epochs": 25, "batch": 8, "image_size": 160, "learning_rate": 0.002}),
)  # fmt: skip


@dataclass(frozen=True)
class Side:
    """One training: seconds of its epochs (val included), of all, of processors for all; metric."""

    epochs: float
    clock: float
    processor: float
    metric: float


def training(*, seeds: int, short: bool) -> list[Figure]:
    """For each task: the ratio of whole processes, and how far the metrics lie apart."""
    figures = []
    for trial in TRIALS:
        settings = {**trial.settings, "weight_decay": 0.01, "warmup_epochs": 1.0}
        images = None
        if not short:
            images = trial.images
        else:
            settings["epochs"] = 2
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            create_sample(folder / "project", trial.task, images=images).close()
            figures += _trial(trial, settings, seeds=seeds, folder=folder, judged=not short)
    return figures


def _trial(
    trial: Trial, settings: dict[str, Any], *, seeds: int, folder: Path, judged: bool
) -> list[Figure]:
    ours: list[Side] = []
    bare: list[Side] = []
    with Project.open(folder / "project") as project:
        exporting.export(project, folder / "data", format=trial.format)
        with project.read() as session:
            classes = len(queries.classes(session))
        for seed in range(seeds):
            ours.append(_ours(project, trial, {**settings, "seed": seed}))
            bare.append(_bare(folder, trial, {**settings, "seed": seed}, classes))
    name = f"{trial.task} {trial.network}"
    metrics = [statistics.mean(side.metric for side in sides) for sides in (ours, bare)]
    return [
        _times(f"{name}: time of the epochs", [s.epochs for s in ours], [s.epochs for s in bare]),
        _times(
            f"{name}: time of all, with start-up and final judgement",
            [s.clock for s in ours], [s.clock for s in bare],
        ),
        _times(
            f"{name}: processor time of all",
            [s.processor for s in ours], [s.processor for s in bare],
        ),
        Figure(
            f"{name}: {trial.metric} apart", abs(metrics[0] - metrics[1]), "",
            METRIC_LIMIT if judged else None,
            detail=f"{metrics[0]:.3f} against {metrics[1]:.3f}, {seeds} seeds",
        ),
    ]  # fmt: skip


def _times(name: str, ours: list[float], bare: list[float]) -> Figure:
    return Figure(
        name, ratio_of_pairs(ours, bare), "x", TIME_LIMIT,
        detail=f"{statistics.median(ours):.0f} s against {statistics.median(bare):.0f} s",
    )  # fmt: skip


def _ours(project: Project, trial: Trial, settings: dict[str, Any]) -> Side:
    config = TrainConfig(
        task=trial.task, network=trial.network, start=Start.SCRATCH, fit=_fit(trial), patience=0,
        augmentation=_FLIP, device="cpu", workers=0, **settings,
    )  # fmt: skip
    run = runs.create_run(project, config)
    clock, processor = _seconds([sys.executable, "-m", "cvstudio", "worker", str(run.directory)])
    report = json.loads((run.directory / "report.json").read_text())
    epochs = sum(epoch.seconds for epoch in runs.state(project, run.id).epochs)
    return Side(epochs, clock, processor, float(report["val"]["metrics"][trial.metric]))


def _fit(trial: Trial) -> Fit:
    return Fit.PAD if trial.task is Task.DETECT else Fit.STRETCH


def _bare(folder: Path, trial: Trial, settings: dict[str, Any], classes: int) -> Side:
    out = folder / "bare.json"
    told = {
        **settings, "task": trial.task.value, "data": str(folder / "data"), "classes": classes,
        "out": str(out), "scratch": str(folder / "bare"),
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(told))
    clock, processor = _seconds(
        [sys.executable, "-m", "cvstudio.checks.bare_training", str(folder / "settings.json")]
    )
    told = json.loads(out.read_text())
    return Side(float(told["seconds"]), clock, processor, float(told["metric"]))


def _seconds(command: list[str]) -> tuple[float, float]:
    """Clock and processor seconds of a process and its children.

    Processor time is the steadier one on a shared machine. Threads sleep while they wait, on both
    sides: else waiting would count as work.
    """
    environment = {
        **os.environ, "OMP_WAIT_POLICY": "PASSIVE", "YOLO_OFFLINE": "true",
        "YOLO_AUTOINSTALL": "false", "NO_ALBUMENTATIONS_UPDATE": "1", "MPLBACKEND": "Agg",
    }  # fmt: skip
    before = os.times()
    subprocess.run(command, check=True, env=environment, capture_output=True)
    after = os.times()
    children = after.children_user - before.children_user
    children += after.children_system - before.children_system
    return after.elapsed - before.elapsed, children


_PULSE = """
import json, sys, time
from pathlib import Path
from PySide6.QtCore import QTimer, Qt
from cvstudio.gui.app import make_application, make_studio
from cvstudio.gui.main_window import MainWindow
application = make_application()
studio = make_studio(application)
window = MainWindow(studio)
window.resize(1440, 900)
window.open_project(Path(sys.argv[1]))
window.show()
studio.go_to("train")
beats = []
timer = QTimer(interval=16)
timer.setTimerType(Qt.TimerType.PreciseTimer)
timer.timeout.connect(lambda: beats.append(time.perf_counter()))
QTimer.singleShot(3000, timer.start)
QTimer.singleShot(3000 + 1000 * int(sys.argv[2]), application.quit)
application.exec()
print(json.dumps([b - a for a, b in zip(beats, beats[1:])]))
studio.shut_down()
"""


def responsiveness(*, seconds: int) -> list[Figure]:
    """The gaps of a 16 ms timer in the window, on the Train page, while its run is at work."""
    with tempfile.TemporaryDirectory() as scratch:
        with create_sample(Path(scratch) / "project", Task.DETECT) as project:
            config = TrainConfig(
                task=Task.DETECT, network="yolo11n", start=Start.SCRATCH, epochs=1000, patience=0,
                image_size=160, batch=8, device="cpu", workers=0,
            )  # fmt: skip
            run = runs.create_run(project, config)
            runs.start(project, run.id)
            _wait_for_epoch(project, run.id)
            path = project.path
        environment = {**os.environ, "CVSTUDIO_HOME": scratch}
        if not environment.get("DISPLAY"):
            environment.setdefault("QT_QPA_PLATFORM", "offscreen")
        try:
            done = subprocess.run(
                [sys.executable, "-c", _PULSE, str(path), str(seconds)],
                check=True, capture_output=True, text=True, env=environment,
            )  # fmt: skip
        finally:
            with Project.open(path) as project:
                runs.cancel(project, run.id)
    gaps = 1000 * np.array(json.loads(done.stdout.splitlines()[-1]))
    return [
        Figure(
            "16 ms timer while training, 99th percentile", float(np.percentile(gaps, 99)), "ms",
            TIMER_LIMIT, detail=f"median {np.median(gaps):.1f}, longest {gaps.max():.0f} ms",
        )
    ]  # fmt: skip


def _wait_for_epoch(project: Project, run_id: int) -> None:
    deadline = time.monotonic() + 180
    while not runs.state(project, run_id).epochs:
        if time.monotonic() > deadline:
            raise TimeoutError("the run did not come to its first epoch")
        time.sleep(0.5)
