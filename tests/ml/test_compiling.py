"""Compiled networks and the order of values in memory: the settings work, and where one cannot the
run says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from training_samples import events_of, run_directory

from cvstudio.core import events
from cvstudio.core.annotation import Task
from cvstudio.core.config import ExportConfig
from cvstudio.core.errors import ConfigError
from cvstudio.core.events import Outcome
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.core.networks import check_settings, network
from cvstudio.ml.checkpoint import read_checkpoint
from cvstudio.ml.environment import prepare
from cvstudio.ml.exporting import timing
from cvstudio.ml.exporting.job import run_export
from cvstudio.ml.load import load_network
from cvstudio.ml.worker import run_job

prepare()
KINDS = (
    (Task.CLASSIFY, "mobilenet_v3_small"), (Task.SEGMENT, "unet-mobilenet_v2"),
    (Task.DETECT, "yolo11n"), (Task.DETECT, "fasterrcnn-mobilenet"),
)  # fmt: skip
SMALL: dict[str, Any] = {"epochs": 1, "train": 4, "val": 2, "batch": 2}
Ran = list[int]


def made(folder: Path, task: Task, name: str, **settings: Any) -> JobDir:
    """A run that is over."""
    job = run_directory(folder, task, network=name, **{**SMALL, **settings})
    assert run_job(job.path) == 0, job.log.read_text()
    return job


def weights_of(job: JobDir) -> dict[str, torch.Tensor]:
    return read_checkpoint(job.last).weights


def alike(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def warnings_of(job: JobDir) -> list[str]:
    return [note.text for note in events_of(job, events.Note) if note.level == "warning"]


Backend = Callable[[torch.fx.GraphModule, list[torch.Tensor]], Callable[..., Any]]


def compiled_by(monkeypatch: pytest.MonkeyPatch, backend: Backend) -> None:
    """Let torch trace networks as it does, and this backend compute them."""
    compiling: Any = torch.compile
    monkeypatch.setattr(torch, "compile", lambda call: compiling(call, backend=backend))


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ran]:
    """How many images each pass through a compiled network had; compiling takes no time."""
    torch._dynamo.reset()
    passes: Ran = []

    def backend(graph: torch.fx.GraphModule, _inputs: list[torch.Tensor]) -> Callable[..., Any]:
        def run(*inputs: torch.Tensor) -> Any:
            images = next(v for v in inputs if isinstance(v, torch.Tensor) and v.ndim == 4
                          and v.shape[1] == 3 and not v.requires_grad)  # fmt: skip
            passes.append(len(images))
            return graph.forward(*inputs)

        return run

    compiled_by(monkeypatch, backend)
    yield passes
    torch._dynamo.reset()


@pytest.mark.slow
@pytest.mark.parametrize(("task", "name"), KINDS)
def test_a_compiled_network_learns_the_same_and_its_weights_keep_their_names(
    tmp_path: Path, ran: Ran, task: Task, name: str
) -> None:
    plain = weights_of(made(tmp_path / "plain", task, name))
    assert not ran
    job = made(tmp_path / "compiled", task, name, compile=True)
    assert ran == [2, 2], "two steps learn from two images each, and val is judged as it is"
    assert alike(weights_of(job), plain)
    assert not warnings_of(job)


@pytest.mark.slow
def test_a_compiled_run_goes_on_after_a_pause_and_is_exported(
    tmp_path: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick: Any = timing.repeat
    monkeypatch.setattr(timing, "repeat", lambda run, **_words: quick(run, seconds=0.01, most=5))
    task, name, more = *KINDS[0], {"average": 0.9, "sharpness": 0.05, "accumulate": 2, "train": 12}
    whole = made(tmp_path / "whole", task, name, **more)
    parts = run_directory(tmp_path / "parts", task, network=name, compile=True, **SMALL | more)
    parts.ask(Request.PAUSE)
    assert run_job(parts.path) == 0
    assert list(parts.read_events())[-1].outcome is Outcome.PAUSED
    before = len(ran)
    assert run_job(parts.path) == 0
    assert len(ran) > before > 0
    assert alike(weights_of(parts), weights_of(whole))
    assert load_network(parts.path).module._compiled_call_impl is None
    export = JobDir(parts.path / "jobs" / "export-1")
    export.path.mkdir(parents=True)
    config = ExportConfig(run_directory=parts.path, output=tmp_path / "net.onnx", parity_images=2)
    assert run_export(export, config) is Outcome.FINISHED


@pytest.mark.slow
@pytest.mark.parametrize(("task", "name"), KINDS[1:3])
def test_a_computer_without_a_compiler_trains_all_the_same_and_says_so(
    tmp_path: Path, task: Task, name: str
) -> None:
    from torch._inductor import config, cpp_builder

    cpp_builder.cpp_compiler_search.cache_clear()
    with config.patch({"cpp.cxx": (None, "no-such-compiler")}):
        job = made(tmp_path, task, name, compile=True)
    assert warnings_of(job) == [
        "The network is not compiled: this computer has no C++ compiler."
        " It computes as it is, only slower."
    ]
    cpp_builder.cpp_compiler_search.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize(("task", "name"), [KINDS[0], KINDS[3]])
def test_a_network_that_cannot_be_compiled_learns_as_it_is_and_the_run_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: Task, name: str
) -> None:
    tried: list[int] = []

    def backend(_graph: torch.fx.GraphModule, _inputs: list[torch.Tensor]) -> Callable[..., Any]:
        tried.append(1)
        raise RuntimeError("no kernel for this")

    torch._dynamo.reset()
    plain = weights_of(made(tmp_path / "plain", task, name))
    compiled_by(monkeypatch, backend)
    job = made(tmp_path / "compiled", task, name, compile=True)
    torch._dynamo.reset()
    assert tried == [1], "its parts are not tried one by one, which takes minutes"
    assert alike(weights_of(job), plain)
    (told,) = warnings_of(job)
    assert "torch.compile cannot do it here (no kernel for this)" in told


def test_networks_that_see_labels_beside_the_image_are_not_compiled() -> None:
    check_settings(network("yolo11n"), ["compile"])
    with pytest.raises(ConfigError, match="Compile the network"):
        check_settings(network("rtdetr-l"), ["compile"])


@pytest.mark.slow
@pytest.mark.parametrize("last", [True, False], ids=["last", "first"])
@pytest.mark.parametrize(("task", "name"), KINDS)
def test_images_and_weights_lie_in_memory_as_the_setting_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: Task, name: str, last: bool
) -> None:
    seen: list[tuple[bool, bool]] = []
    real = torch.nn.Conv2d.forward

    def look(layer: torch.nn.Conv2d, values: torch.Tensor) -> torch.Tensor:
        if layer.training and values.shape == (2, 3, 64, 64):
            seen.append((values.is_contiguous(), layer.weight.is_contiguous()))
        return real(layer, values)

    monkeypatch.setattr(torch.nn.Conv2d, "forward", look)
    made(tmp_path, task, name, channels_last=last)
    assert seen
    assert set(seen) == {(not last, not last)}
