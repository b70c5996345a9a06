"""Settings of the own loop with torchvision's detectors, and what colours are scaled by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_samples import events_of, run_directory

from cvstudio.core import events
from cvstudio.core.annotation import Split, Task
from cvstudio.core.config import ExportConfig
from cvstudio.core.jobdir import JobDir
from cvstudio.core.network_info import IMAGENET_MEAN, IMAGENET_STD
from cvstudio.core.networks import applies, network
from cvstudio.core.snapshot import read_snapshot
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.checkpoint import read_checkpoint
from cvstudio.ml.environment import prepare
from cvstudio.ml.exporting.job import run_export
from cvstudio.ml.onnx_file import KEY
from cvstudio.ml.predict import OnnxNetwork
from cvstudio.ml.worker import run_job

prepare()
FASTER = "fasterrcnn-mobilenet"


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Also of the run that tests share: more threads add up in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def trained(folder: Path, task: Task, **settings: Any) -> JobDir:
    job = run_directory(folder, task, **{"epochs": 1, **settings})
    assert run_job(job.path) == 0, job.log.read_text()
    return job


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> JobDir:
    """A detector's run without any of these settings."""
    return trained(tmp_path_factory.mktemp("plain"), Task.DETECT, network=FASTER)


def differ(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return any(not torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("name", ["average", "sharpness", "normalise", "quarter_rate"])
def test_the_settings_of_the_own_loop_hold_for_every_network_that_it_trains(name: str) -> None:
    for trains in (FASTER, "maskrcnn-resnet50", "resnet18", "unet-resnet18"):
        assert applies(name, network(trains))
    assert not applies(name, network("yolo26n")), "ultralytics has its own"


@pytest.mark.slow
def test_the_average_of_a_detector_s_weights_is_what_is_judged_and_kept(
    tmp_path: Path, plain: JobDir
) -> None:
    job = trained(tmp_path, Task.DETECT, network=FASTER, average=0.5)
    kept, learning = read_checkpoint(job.last).weights, read_checkpoint(job.last).training
    assert differ(kept, learning["network"])
    assert not differ(learning["network"], read_checkpoint(plain.last).weights), "learned the same"
    moved = "backbone.fpn.inner_blocks.0.0.weight"
    names = [name for name in kept if name.endswith(moved)]
    assert names, "the average holds the detector's own layers"
    assert np.isfinite(events_of(job, events.EpochEnded)[-1].val["loss"])


@pytest.mark.slow
def test_a_detector_looks_for_weights_whose_neighbours_do_well(
    tmp_path: Path, plain: JobDir
) -> None:
    job = trained(tmp_path, Task.DETECT, network=FASTER, sharpness=0.5)
    assert differ(read_checkpoint(job.last).weights, read_checkpoint(plain.last).weights)
    assert np.isfinite(events_of(job, events.EpochEnded)[-1].train["loss"])


def pixels_of(job: JobDir) -> np.ndarray:
    images = read_snapshot(job.snapshot).images
    shown = [read_rgb(i.path) for i in images if i.split is Split.TRAIN]
    return np.stack(shown).reshape(-1, 3) / 255


@pytest.mark.slow
def test_colours_are_scaled_by_what_was_asked_in_training_and_in_the_file_taken_home(
    tmp_path: Path,
) -> None:
    first = trained(tmp_path / "first", Task.CLASSIFY, normalise="weights")
    known = read_checkpoint(first.best).preprocessing
    assert (known.mean, known.std) == (IMAGENET_MEAN, IMAGENET_STD)
    by_itself = trained(tmp_path / "scratch", Task.CLASSIFY)
    pixels = pixels_of(by_itself)
    found = read_checkpoint(by_itself.best).preprocessing
    assert found.mean == pytest.approx(pixels.mean(0), abs=0.01)
    settings = {"start": "run", "weights_file": first.best}
    again = trained(tmp_path / "again", Task.CLASSIFY, **settings)
    assert read_checkpoint(again.best).preprocessing.mean == IMAGENET_MEAN, "as its weights know"
    own = trained(tmp_path / "own", Task.CLASSIFY, normalise="data", **settings)
    scaled = read_checkpoint(own.best).preprocessing
    assert scaled.mean == pytest.approx(pixels.mean(0), abs=0.01)
    assert scaled.std == pytest.approx(pixels.std(0), abs=0.01)
    notes = [event.text for event in events_of(own, events.Note)]
    assert any("mean ± deviation of the training images" in text for text in notes)

    output = tmp_path / "network.onnx"
    job = JobDir(own.path / "jobs" / "export-1")
    job.path.mkdir(parents=True)
    run_export(job, ExportConfig(run_directory=own.path, output=output, parity_images=2))
    kept = OnnxNetwork(output).session.get_modelmeta().custom_metadata_map[KEY]
    inside = json.loads(kept)["input"]["inside"]
    assert inside["mean"] == pytest.approx(list(scaled.mean))
    assert inside["std"] == pytest.approx(list(scaled.std))
