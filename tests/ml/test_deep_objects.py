"""ultralytics' networks on every bit and channel: what they learn that no 8-bit picture shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from deep_samples import WINDOW, boxed, fainter, outlined, trained, two_stains
from training_samples import events_of, written

from cvstudio.core.annotation import Split, Task
from cvstudio.core.config import ExportConfig
from cvstudio.core.events import Note
from cvstudio.core.jobdir import JobDir, Request, write_json
from cvstudio.core.recipe import Fit, Sees
from cvstudio.core.snapshot import read_snapshot
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.checkpoint import read_checkpoint
from cvstudio.ml.engine.object_feed import prepared
from cvstudio.ml.environment import prepare
from cvstudio.ml.explaining.explain import explain
from cvstudio.ml.load import load_network
from cvstudio.ml.predict import OnnxNetwork, predict_files
from cvstudio.ml.preprocess import Preprocessing
from cvstudio.ml.seeing import see
from cvstudio.ml.worker import run_job

prepare()

LONG: dict[str, Any] = {
    "network": "yolo11n", "sees": "all", "epochs": 35, "learning_rate": 5e-3, "batch": 4,
}  # fmt: skip
SHORT: dict[str, Any] = {"sees": "all", "epochs": 1, "batch": 2, "mosaic": 0.5, "plain_epochs": 0}
SCENES = {"fifth channel": two_stains, "low bits": fainter}
Learned = Callable[[str], JobDir]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    """A run that has learned classes which look alike as displayed."""

    @cache
    def made(scene: str) -> JobDir:
        folder = tmp_path_factory.mktemp("objects")
        return trained(folder / "run", Task.DETECT, boxed(folder, SCENES[scene]), **LONG)

    return made


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
def test_yolo_tells_classes_apart_that_look_alike_as_displayed(
    learned: Learned, scene: str
) -> None:
    job = learned(scene)
    images = list(read_snapshot(job.snapshot).images)
    for even, odd in zip(images[::2], images[1::2], strict=True):
        assert np.array_equal(read_rgb(even.path, 0, WINDOW), read_rgb(odd.path, 0, WINDOW))
    # Whoever sees what is displayed finds every disc and is right about half of them.
    assert json.loads(job.report.read_text())["val"]["metrics"]["mAP50"] > 0.85
    told = [e.text for e in events_of(job, Note) if e.text.startswith("The network sees")]
    assert len(told) == 1


@pytest.mark.slow
def test_an_exported_yolo_takes_every_channel_and_is_proven(
    learned: Learned, tmp_path: Path
) -> None:
    run, path = learned("fifth channel"), tmp_path / "net.onnx"
    job = JobDir(run.path / "jobs" / "export-1")
    job.path.mkdir(parents=True)
    config = ExportConfig(run_directory=run.path, output=path, device="cpu")
    write_json(job.config, config.model_dump(mode="json"))
    assert run_job(job.path) == 0, job.log.read_text()
    record = OnnxNetwork(path).record
    assert (record.input["shape"][1], record.input["sees"]) == (5, "all")
    assert record.verification is not None
    assert record.verification["verified"] is True
    images = read_snapshot(run.snapshot).of(Split.VAL)
    found = predict_files(path, [image.path for image in images], score=0.3)["images"]
    best = [max(row["objects"], key=lambda one: one["score"])["class"] for row in found]
    names = {c.id: c.name for c in read_snapshot(run.snapshot).classes}
    assert best == [names[image.annotations[0].class_id] for image in images]


@pytest.mark.slow
def test_the_heat_map_of_such_a_yolo_is_made_from_all_channels(learned: Learned) -> None:
    network = load_network(learned("fifth channel").path)
    image = read_snapshot(learned("fifth channel").snapshot).of(Split.VAL)[1]
    own = image.annotations[0]
    seen = see(image.path, 0, image.window, network.preprocessor)
    found = explain(network, seen, class_id=own.class_id, box=own.box)
    assert found.heat.shape == (image.height, image.width)
    assert found.heat.max() > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["yolo26n-seg", "yolo26n-obb", "rtdetr-l"])
def test_every_kind_of_ultralytics_is_trained_on_all_channels_and_answers_to_them(
    name: str, tmp_path: Path
) -> None:
    """An image and its twin, which differ in the fifth channel alone, get different answers."""
    masks = name.endswith("seg")
    task = Task.INSTANCE if masks else Task.DETECT
    images = (
        outlined(tmp_path, task, train=2, val=2)
        if masks
        else boxed(tmp_path, two_stains, train=2, val=2)
    )
    job = trained(tmp_path / "run", task, images, network=name, **SHORT)
    network = load_network(job.path)
    assert (network.preprocessor.sees, network.preprocessor.channels) == (Sees.ALL, 5)
    seen = see(images[0].path, 0, WINDOW, network.preprocessor)
    other = seen.copy()
    other[..., 4] += 0.05
    with torch.no_grad():
        one, two = (network.raw(network.prepare(pixels)[0])[0] for pixels in (seen, other))
    assert torch.isfinite(one).all()
    assert not torch.equal(one, two)


@pytest.mark.slow
def test_a_paused_run_goes_on_seeing_what_it_saw(tmp_path: Path) -> None:
    images = boxed(tmp_path, two_stains, train=4, val=2)
    settings = {**SHORT, "network": "yolo11n", "epochs": 2}
    job = written(tmp_path / "run", Task.DETECT, images, **settings)
    job.ask(Request.PAUSE)
    assert run_job(job.path) == 0, job.log.read_text()
    before = read_checkpoint(job.last).preprocessing
    assert run_job(job.path) == 0, job.log.read_text()
    assert read_checkpoint(job.last).epoch == 2
    assert read_checkpoint(job.last).preprocessing == before
    assert (before.sees, before.channels) == (Sees.ALL, 5)


def test_values_reach_ultralytics_scaled_and_not_rounded_before() -> None:
    """In half precision, as on a GPU, of values that differ by less than such a number holds."""
    how = Preprocessing(32, Fit.PAD, (0.5,), (1e-4,), Sees.ALL, padding=(0.5,))
    values = torch.tensor([0.5, 0.5001, 0.4999]).view(1, 1, 1, 3)

    def rounding(batch: dict[str, Any]) -> dict[str, Any]:
        return {**batch, "img": batch["img"].half() / 255}

    found = prepared({"img": values, "cls": 1}, how, rounding)
    assert found["cls"] == 1
    assert found["img"].dtype is torch.float16
    assert found["img"].flatten().tolist() == pytest.approx([0, 1, -1], abs=2e-3)
    colours = Preprocessing(32, Fit.PAD, (0, 0, 0), (1, 1, 1))
    picture = torch.full((1, 3, 2, 2), 255, dtype=torch.uint8)
    assert float(prepared({"img": picture}, colours, rounding)["img"].max()) == 1.0
