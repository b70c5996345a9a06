"""`cvstudio selftest`: proves in a few minutes that an installation works, frozen or not.

The window with its seven pages, the live process, and for each task one tiny training in a job
process, an ONNX file and its proof. One line per check; the exit code is 0 when all passed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, cast

from cvstudio.core.annotation import Task
from cvstudio.core.config import ExportConfig
from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import default_config
from cvstudio.core.pipeline import Step
from cvstudio.core.recipe import Preset, Start
from cvstudio.core.run_state import BEST_METRIC
from cvstudio.core.wire import Message, read_message, write_message
from cvstudio.project import launch, queries, runs
from cvstudio.project.project import Project
from cvstudio.project.run_status import RunStatus
from cvstudio.project.sample import create_sample

_IMAGES = 16
_JOB_SECONDS = 600
_NETWORKS = {
    Task.CLASSIFY: "resnet18",
    Task.DETECT: "yolo11n",
    Task.SEGMENT: "unet-resnet18",
    Task.INSTANCE: "yolo11n-seg",
}
_TRAINING_LIBRARIES = ("torch", "torchvision", "ultralytics", "albumentations", "onnxruntime")


@dataclass(frozen=True)
class Done:
    """What came out of one check."""

    check: str
    passed: bool
    seconds: float
    told: str


class CheckFailed(Exception):
    """A check did not find what it must find; the message says what."""


def main(arguments: Sequence[str]) -> int:
    """Run every check, also after one failed; 0 when all passed. "--json" prints them as JSON."""
    as_json = "--json" in arguments
    done: list[Done] = []
    with tempfile.TemporaryDirectory(prefix="cvstudio-selftest-") as scratch:
        folder = Path(scratch)
        checks: list[tuple[str, Callable[[], str]]] = [
            ("sample", lambda: _sample(folder)),
            ("window", lambda: _window(folder)),
            ("live process", lambda: _live(folder)),
        ]
        checks += [(f"{task} job", lambda t=task: _job(folder, t)) for task in Task]  # type: ignore[misc]
        for name, check in checks:
            done.append(_run(name, check))
            if not as_json:
                _say(done[-1])
    if as_json:
        sys.stdout.write(json.dumps([asdict(one) for one in done], indent=1) + "\n")
    return 0 if all(one.passed for one in done) else 1


def _run(name: str, check: Callable[[], str]) -> Done:
    start = time.monotonic()
    try:
        told, passed = check(), True
    except CheckFailed as error:
        told, passed = str(error), False
    except Exception as error:  # noqa: BLE001  # whatever goes wrong is the finding of this check
        told, passed = f"{type(error).__name__}: {error}", False
    return Done(name, passed, round(time.monotonic() - start, 1), told)


def _say(done: Done) -> None:
    word = "ok" if done.passed else "FAILED"
    sys.stdout.write(f"{word:<7}{done.check:<14}{done.seconds:6.1f} s  {done.told}\n")
    sys.stdout.flush()


def _sample(folder: Path) -> str:
    for task in Task:
        create_sample(folder / task.value, task, images=_IMAGES).close()
    return f"{len(Task)} projects of {_IMAGES} images"


def _window(folder: Path) -> str:
    """Every page of the real window with a project; nothing of the training libraries is loaded."""
    if sys.platform == "linux" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QTimer

    from cvstudio.gui.app import make_application, make_studio
    from cvstudio.gui.main_window import MainWindow
    from cvstudio.gui.pages import PAGES

    application = make_application()
    studio = make_studio(application)
    window = MainWindow(studio)
    window.resize(1440, 900)
    window.open_project(folder / Task.DETECT.value)
    window.show()
    shown: list[int] = []

    def step() -> None:
        if len(shown) == len(PAGES):
            application.quit()
            return
        page = PAGES[len(shown)].name
        studio.go_to(page)
        shown.append(window.grab().width())

    timer = QTimer(interval=400)
    timer.timeout.connect(step)
    timer.start()
    application.exec()
    timer.stop()
    platform = application.platformName()
    window.close()
    studio.shut_down()
    loaded = [name for name in _TRAINING_LIBRARIES if name in sys.modules]
    if loaded:
        raise CheckFailed(f"the window loaded {', '.join(loaded)}")
    return f"{len(shown)} pages on {platform}"


def _live(folder: Path) -> str:
    """A variant of a sample image comes back from the live process."""
    with Project.open(folder / Task.DETECT.value, write=False) as project, project.read() as s:
        record = queries.images(s, queries.image_ids(s))[0]
        path = project.image_path(record)
    header = {
        "id": 1, "kind": "augment", "task": "detect", "fit": "pad", "size": 160, "seed": 0,
        "steps": [Step(transform="flip_horizontal", chance=1.0).model_dump()], "epochs": [1],
        "thumbnail": 0, "classes": [], "image": {"id": 1, "path": str(path), "annotations": []},
    }  # fmt: skip
    with subprocess.Popen(
        launch.live_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, env=launch.environment(),
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        write_message(cast(BinaryIO, process.stdin), Message(header))
        answer = read_message(cast(BinaryIO, process.stdout))
        process.stdin.close()
        process.wait(30)
    if answer is None or not answer.header.get("ok"):
        raise CheckFailed(f"no variant came back: {answer.header if answer else 'no answer'}")
    variant, original = answer.arrays["variant 0"], answer.arrays["original"]
    return f"a variant of {variant.shape[1]} × {variant.shape[0]} from {original.shape[1]} px"


def _job(folder: Path, task: Task) -> str:
    """One epoch, an ONNX file and its verification, each in a job process."""
    with Project.open(folder / task.value) as project:
        config = default_config(
            task, Preset.FAST, network=_NETWORKS[task], epochs=1, image_size=64, batch=4,
            start=Start.SCRATCH, device="cpu", workers=0, patience=0,
        )  # fmt: skip
        run = runs.create_run(project, config)
        runs.start(project, run.id)
        state = _wait(runs.job_of(run))
        runs.sync(project)
        if not RunStatus(runs.get(project, run.id).status).has_network:
            raise CheckFailed(state)
        output = folder / f"{task}.onnx"
        export = ExportConfig(run_directory=run.directory, output=output, parity_images=4)
        _wait(runs.start_job(project, run.id, export))
    report = output.with_suffix(".verification.json")
    if not report.exists():
        found = sorted(p.name for p in folder.glob(f"{task}*"))
        raise CheckFailed(f"the export is not proven: {', '.join(found)}")
    checks = json.loads(report.read_text())["checks"]
    metric = BEST_METRIC[task]
    return f"{config.network}, {metric} {state}, ONNX proven by {len(checks)} checks"


def _wait(job: JobDir) -> str:
    """Wait for a job; its best figure in words. Raises CheckFailed with the job's own sentence."""
    deadline = time.monotonic() + _JOB_SECONDS
    while launch.alive(job):
        if time.monotonic() > deadline:
            launch.end(job)
            raise CheckFailed(f"{job.path.name} took more than {_JOB_SECONDS} s")
        time.sleep(0.2)
    state = job.state()
    if state.failed is not None:
        raise CheckFailed(state.failed.text)
    if state.ended is None:
        raise CheckFailed(f"{job.path.name} ended without a word")
    return f"{state.ended.best:.3f}" if state.ended.best is not None else ""
