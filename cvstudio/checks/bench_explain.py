"""How long a heat map of the live process takes at 640 pixels, against one pass through the network
and back.

The process is the one that the window speaks with, through the same pipe; the time is from the
request to the answer in hand: the image is read, prepared, and the map enlarged. The floor is bare
PyTorch in this process: one forward pass, and one backward pass from a class to the input. They are
measured in turns, each with one thread: threads that wait for each other on a busy machine would be
measured instead. What is compared is the time of the processor, of both processes together: other
programs lengthen the time on the clock, which is told beside it.
"""

from __future__ import annotations

import io
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import psutil

from cvstudio.checks.figures import Figure
from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.explaining import method_of
from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import default_config, network
from cvstudio.core.opencv import cv2
from cvstudio.core.recipe import Fit
from cvstudio.core.wire import Message, read_message, write_message
from cvstudio.project.launch import environment, live_command

_SIZE = 640
_LIMIT = 1.3
_NETWORKS = ((Task.CLASSIFY, "resnet50"), (Task.CLASSIFY, "resnet18"), (Task.DETECT, "yolo11n"))
_CLASSES = (LabelClass(1, "one", "#F73C62"), LabelClass(2, "two", "#688BF6"))


def explain(*, quick: bool = False) -> list[Figure]:
    """The ratio for each network, as the median of turns; `quick` takes one network and few."""
    turns, names = (3, _NETWORKS[1:2]) if quick else (11, _NETWORKS)
    with tempfile.TemporaryDirectory(prefix="cvstudio-bench-") as folder:
        picture = _picture(Path(folder))
        return [
            _measured(Path(folder) / name, task, name, picture, turns=turns) for task, name in names
        ]


def _measured(folder: Path, task: Task, name: str, picture: Path, *, turns: int) -> Figure:
    module = _run(folder, task, name)
    floor = _floor(module, task)
    method = "gradcam" if task is Task.CLASSIFY else "usual"
    header = {"run": str(folder), "path": str(picture), "class_id": 2, "method": method}
    own: list[Took] = []
    bare: list[Took] = []
    with _live() as (ask, live):
        for _turn in range(2):  # libraries, the network, and what is remembered of it
            ask(header)
            floor()
        for _turn in range(turns):
            own.append(_timed(lambda: ask(header), live))
            bare.append(_timed(floor, live))
    turned = list(zip(own, bare, strict=True))
    ratio = statistics.median(a.work / b.work for a, b in turned)
    clock = statistics.median(a.clock / b.clock for a, b in turned)
    return Figure(
        f"{method_of(method).heading_for(task)} of {network(name).title} at {_SIZE} px, against"
        " forward and backward",
        ratio, "x", limit=_LIMIT,
        detail=f"{1000 * statistics.median(a.work for a in own):.0f} ms of the processor against"
        f" {1000 * statistics.median(b.work for b in bare):.0f} ms; by the clock {clock:.2f} x",
    )  # fmt: skip


def _picture(folder: Path) -> Path:
    rgb = np.random.default_rng(0).integers(0, 256, (_SIZE, _SIZE, 3), np.uint8)
    path = folder / "noise.png"
    path.write_bytes(cv2.imencode(".png", rgb)[1].tobytes())
    return path


def _run(folder: Path, task: Task, name: str) -> Any:
    """Make the directory of a run with random weights; its module."""
    import torch

    from cvstudio.ml.checkpoint import Checkpoint, write_checkpoint
    from cvstudio.ml.environment import prepare
    from cvstudio.ml.load import load_network
    from cvstudio.ml.networks.build import build
    from cvstudio.ml.preprocess import Preprocessing

    prepare()
    info = network(name)
    torch.manual_seed(0)
    module = build(info, classes=len(_CLASSES), image_size=_SIZE)
    config = default_config(task, network=name, image_size=_SIZE, fit=Fit.STRETCH, device="cpu")
    run = JobDir(folder)
    run.checkpoints.mkdir(parents=True)
    how = Preprocessing(_SIZE, Fit.STRETCH, info.mean, info.std)
    write_checkpoint(run.best, Checkpoint(config, _CLASSES, how, module.state_dict(), epoch=1))
    torch.set_num_threads(1)
    return load_network(folder).module


def _floor(module: Any, task: Task) -> Callable[[], object]:
    """One forward pass, and one backward pass from a class's score to the input."""
    import torch

    from cvstudio.ml.load import outputs_of

    image = torch.rand(1, 3, _SIZE, _SIZE)
    for weight in module.parameters():
        weight.requires_grad_(False)

    def once() -> object:
        seen = image.clone().requires_grad_(True)
        answer = outputs_of(task, module(seen))[0]
        score = answer[0, 1] if task is Task.CLASSIFY else answer[0, 5].max()
        return torch.autograd.grad(score, seen)

    return once


@contextmanager
def _live() -> Iterator[tuple[Callable[[dict[str, Any]], Message], psutil.Process]]:
    """What asks the live process for a heat map and waits for the answer, and that process."""
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            live_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            env={**environment(), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert child.stdin is not None
        assert child.stdout is not None
        requests, answers = child.stdin, cast(BinaryIO, child.stdout)

        def ask(header: dict[str, Any]) -> Message:
            frame = io.BytesIO()
            write_message(frame, Message({**header, "id": 1, "kind": "explain"}))
            requests.write(frame.getvalue())
            requests.flush()
            message = read_message(answers)
            if message is None or not message.header.get("ok"):
                errors.seek(0)
                told = message.header if message is not None else errors.read()[-2000:]
                raise RuntimeError(f"the live process did not explain: {told!r}")
            return message

        yield ask, psutil.Process(child.pid)
        requests.close()
        child.wait(timeout=30)
        answers.close()


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds that something took: of the processor, and by the clock."""

    work: float
    clock: float


def _timed(do: Callable[[], object], live: psutil.Process) -> Took:
    """What something takes in this process and in the live one."""
    begun, before = time.perf_counter(), time.process_time() + _worked(live)
    do()
    return Took(time.process_time() + _worked(live) - before, time.perf_counter() - begun)


def _worked(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
