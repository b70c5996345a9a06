"""How long it takes from the end of a batch to its place in the chart, while a training is at work.

The real Train page, painted offscreen, and a real job; an event carries the time at which its batch
ended. With a long run behind it, events come from a process that only speaks. Wall time.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cvstudio.checks.figures import Figure, percentile
from cvstudio.checks.pages import opened, process
from cvstudio.core import events
from cvstudio.core.annotation import Task
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import Start, TrainConfig
from cvstudio.project import launch, runs
from cvstudio.project.project import Project
from cvstudio.project.sample import create_sample

_LIMIT = 250.0

_SPEAKER = """
import os, random, sys, time
import psutil
from pathlib import Path
from cvstudio.core import events
from cvstudio.core.jobdir import JobDir
job = JobDir(Path(sys.argv[1]))
epochs = int(sys.argv[2])
born = psutil.Process().create_time()
job.emit(events.Started(job="train", pid=os.getpid(), process_created=born,
                        total_epochs=10 * epochs, first_epoch=epochs + 1))
for step in range(1, 100_000):
    time.sleep(random.uniform(0.2, 0.5))
    job.emit(events.StepEnded(epoch=epochs + 1, step=step, steps=100_000, losses={"loss": 1 / step},
                              learning_rate=0.001, images_per_second=9.0, memory=2**30))
"""


def latency(*, quick: bool = False) -> list[Figure]:
    """From the end of a batch to the painted chart: of a real training, and far into a long run."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from cvstudio.gui.app import make_application

    make_application()
    seconds = 8 if quick else 60
    return [_of_training(seconds), _of_long_run(seconds, epochs=50 if quick else 300)]


def _of_training(seconds: int) -> Figure:
    with tempfile.TemporaryDirectory(prefix="cvstudio-bench-") as folder:
        project = create_sample(Path(folder) / "p", Task.DETECT)
        run = runs.create_run(project, _config(epochs=1000))
        runs.start(project, run.id)
        values = _measured(project, runs.job_of(run), seconds)
    return _figure("batch end to chart while it trains on this computer", values)


def _of_long_run(seconds: int, *, epochs: int) -> Figure:
    with tempfile.TemporaryDirectory(prefix="cvstudio-bench-") as folder:
        project = create_sample(Path(folder) / "p", Task.DETECT, images=24)
        run = runs.create_run(project, _config(epochs=10 * epochs))
        _write_past(runs.job_of(run), epochs)
        speaker = [sys.executable, "-c", _SPEAKER]
        runs.start(project, run.id, command=lambda path: [*speaker, str(path), str(epochs)])
        values = _measured(project, runs.job_of(run), seconds)
    return _figure(f"batch end to chart after {epochs} epochs of 20 told steps", values)


def _figure(name: str, values: list[float]) -> Figure:
    if not values:
        return Figure(name, None, "ms", _LIMIT, detail="the job told of no step")
    found = np.array(values)
    words = f"median {np.median(found):.0f}, longest {found.max():.0f} ms of {len(found)}"
    return Figure(name, percentile(values), "ms", _LIMIT, detail=words)


def _config(*, epochs: int) -> TrainConfig:
    return TrainConfig(
        task=Task.DETECT, network="yolo11n", start=Start.SCRATCH, epochs=epochs, patience=0,
        image_size=160, batch=8, device="cpu", workers=0,
    )  # fmt: skip


def _write_past(job: JobDir, epochs: int) -> None:
    """The events of a run that was interrupted after that many epochs."""
    lines = []
    begun = time.time() - 20.0 * epochs
    started = events.Started(at=begun, job="train", pid=1, process_created=1.0,
                             total_epochs=10 * epochs)  # fmt: skip
    lines.append(events.to_line(started))
    for epoch in range(1, epochs + 1):
        at = begun + 20.0 * epoch
        loss = {"loss": 3 / epoch, "box": 1 / epoch, "cls": 1 / epoch, "dfl": 1 / epoch}
        lines += [
            events.to_line(
                events.StepEnded(
                    at=at - 20 + step, epoch=epoch, step=step, steps=20, losses=loss,
                    learning_rate=0.001, images_per_second=9, memory=2**30,
                )
            )
            for step in range(1, 21)
        ]  # fmt: skip
        lines.append(
            events.to_line(
                events.EpochEnded(
                    at=at, epoch=epoch, train=loss, val=loss, learning_rate=0.001, seconds=20,
                    metrics={"mAP50": 0.5, "mAP50-95": 0.3}, classes={1: 0.3, 2: 0.2},
                    best=epoch == 1,
                )
            )
        )  # fmt: skip
    lines.append(events.to_line(events.Ended(outcome=events.Outcome.PAUSED)))
    job.events.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _measured(project: Project, job: JobDir, seconds: int) -> list[float]:
    """Milliseconds from the end of each told batch to the chart that shows it, for some time; the
    job is ended then."""
    try:
        return _watched(project, seconds)
    finally:
        launch.end(job, asked_seconds=2)


def _watched(project: Project, seconds: int) -> list[float]:
    values: list[float] = []
    seen: set[float] = set()
    from cvstudio.gui.train.page import TrainPage

    with opened(TrainPage, project) as page:
        draw: Callable[..., None] = page.view.show_run

        def show_run(*given: Any) -> None:
            draw(*given)
            page.view.loss.repaint()
            now = time.time()
            for step in given[3].step_history[-20:]:
                if step.at > begun and step.at not in seen:
                    seen.add(step.at)
                    values.append(1000 * (now - step.at))

        page.view.show_run = show_run
        begun = float("inf")
        deadline = time.monotonic() + 180
        while not page.jobs.state.step_history and time.monotonic() < deadline:
            process()
        begun = time.time()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            process()
    return values
