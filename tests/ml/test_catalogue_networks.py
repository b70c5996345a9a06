"""Networks of the catalogue work like those of the table: trained, loaded, explained, exported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from judge_samples import network_of
from safetensors.torch import save_file
from training_samples import events_of, run_directory

from cvstudio.core import events
from cvstudio.core.annotation import Task
from cvstudio.core.config import ExportConfig
from cvstudio.core.events import Outcome
from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import network
from cvstudio.ml.environment import prepare
from cvstudio.ml.explaining.explain import explain
from cvstudio.ml.exporting import timing
from cvstudio.ml.exporting.graph import PlainNetwork, to_onnx
from cvstudio.ml.exporting.job import run_export
from cvstudio.ml.networks.build import build, start_from
from cvstudio.ml.worker import run_job

prepare()
TIMM = (
    "convnextv2_atto", "maxvit_rmlp_pico_rw_256", "eva02_tiny_patch14_224", "mixer_s32_224",
    "deit_tiny_distilled_patch16_224", "swinv2_cr_tiny_224", "tf_efficientnetv2_b0", "levit_128s",
    "pvt_v2_b0", "caformer_s18", "mvitv2_tiny",
)  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    quick: Any = timing.repeat
    monkeypatch.setattr(timing, "repeat", lambda run, **_words: quick(run, seconds=0.01, most=5))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "name"),
    [
        (Task.CLASSIFY, "timm:convnextv2_atto"),
        (Task.SEGMENT, "smp:unetplusplus/mobilenet_v2"),
        (Task.SEGMENT, "smp:upernet/resnet18"),
        (Task.SEGMENT, "smp:segformer/mit_b0"),
        (Task.DETECT, "rtdetr-l"),
    ],
)
def test_a_network_of_the_catalogue_is_trained_and_exported_with_proof(
    tmp_path: Path, task: Task, name: str
) -> None:
    job = run_directory(tmp_path, task, network=name, epochs=1, train=4, val=2, batch=2)
    assert run_job(job.path) == 0, job.log.read_text()
    assert events_of(job, events.EpochEnded)
    export = JobDir(job.path / "jobs" / "export-1")
    export.path.mkdir(parents=True)
    config = ExportConfig(run_directory=job.path, output=tmp_path / "net.onnx", parity_images=2)
    assert run_export(export, config) is Outcome.FINISHED
    told = json.loads((export.path / "verification.json").read_text())
    assert told["verified"] is True, told["checks"]
    assert told["network"]["name"] == name


@pytest.mark.parametrize("decoder", ["pspnet", "upernet"])
def test_what_pools_to_a_few_places_answers_in_onnx_as_before(decoder: str, tmp_path: Path) -> None:
    network = network_of(Task.SEGMENT, f"smp:{decoder}/mobilenet_v2", size=64)
    path = tmp_path / "net.onnx"
    onnx.save(to_onnx(network), path)
    images = np.random.default_rng(0).random((2, 3, 64, 64), np.float32)
    with torch.no_grad():
        (answer,) = PlainNetwork(network, dynamic=False).eval()(torch.from_numpy(images))
    ours = answer.numpy()
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {"images": images})
    assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(ours).max()


@pytest.mark.parametrize("name", TIMM)
def test_classifiers_of_all_kinds_show_where_they_look(name: str) -> None:
    info = network(f"timm:{name}")
    loaded = network_of(Task.CLASSIFY, info.name, size=info.nearest(224))
    head = loaded.module.get_classifier()  # type: ignore[operator]
    for part in head if isinstance(head, tuple) else (head,):
        for value in part.parameters():
            torch.nn.init.normal_(value, std=0.02)  # some begin with zeros, which explain nothing
    rgb = np.random.default_rng(0).integers(0, 255, (60, 90, 3)).astype(np.uint8)
    heats = [explain(loaded, rgb, class_id=class_id).heat for class_id in (7, 3)]
    for heat in heats:
        assert heat.shape == (60, 90)
        assert np.isfinite(heat).all()
    # What speaks against one of two classes speaks for the other.
    assert max(heat.max() for heat in heats) > 0


@pytest.mark.parametrize(
    ("name", "other"),
    [("timm:eva02_tiny_patch14_336", 448), ("timm:vit_tiny_patch16_224", 256),
     ("timm:convnextv2_atto", 224), ("timm:swin_tiny_patch4_window7_224", 256)],
)  # fmt: skip
def test_pretrained_weights_of_timm_are_taken_over_at_other_sizes_too(
    tmp_path: Path, name: str, other: int
) -> None:
    import timm

    info = network(name)
    torch.manual_seed(0)
    published = timm.create_model(info.architecture, num_classes=1000).state_dict()
    path = tmp_path / "weights.safetensors"
    save_file({k: v.contiguous() for k, v in published.items()}, path)
    module = build(info, classes=3, image_size=other)
    taken = start_from(info, module, path)
    assert taken.share > 0.95


def test_weights_of_an_encoder_alone_fill_every_decoder(tmp_path: Path) -> None:
    import segmentation_models_pytorch as smp

    encoder = smp.encoders.get_encoder("resnet18", weights=None).state_dict()
    path = tmp_path / "encoder.safetensors"
    save_file({k: v.contiguous() for k, v in encoder.items()}, path)
    info = network("smp:linknet/resnet18")
    taken = start_from(info, build(info, classes=2, image_size=64), path)
    assert "encoder.conv1.weight" in taken.names
