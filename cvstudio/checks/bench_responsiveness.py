"""The window's event loop while a training runs beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from cvstudio.checks.figures import Figure
from cvstudio.core.annotation import Task
from cvstudio.core.recipe import Start, TrainConfig
from cvstudio.project import runs
from cvstudio.project.project import Project
from cvstudio.project.sample import create_sample

TIMER_LIMIT = 40.0

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
