"""Exported files: they answer like the checkpoint, describe themselves, and say so when not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from judge_samples import CLASSES, network_of, snapshot_of, teach

from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.config import EvaluateConfig, ExportConfig, Views
from cvstudio.core.errors import FormatError, RunError
from cvstudio.core.events import Outcome
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.core.predictions import Prediction
from cvstudio.core.recipe import Fit
from cvstudio.core.run_state import BEST_METRIC
from cvstudio.core.snapshot import Snapshot, write_snapshot
from cvstudio.core.wire import Message
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.checkpoint import Checkpoint, write_checkpoint
from cvstudio.ml.decode import suppress
from cvstudio.ml.evaluate import evaluate, run_evaluate
from cvstudio.ml.exporting import job as export_module
from cvstudio.ml.exporting import timing
from cvstudio.ml.exporting.graph import to_onnx
from cvstudio.ml.exporting.job import run_export
from cvstudio.ml.live import _Inbox, _Worker
from cvstudio.ml.load import LoadedNetwork, load_network
from cvstudio.ml.onnx_file import KEY
from cvstudio.ml.predict import OnnxNetwork, predict_files, predict_page

NAMES = {
    Task.CLASSIFY: "resnet18",
    Task.SEGMENT: "unet-mobilenet_v2",
    Task.DETECT: "yolo26n",
    Task.INSTANCE: "yolo11n-seg",
}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    quick: Callable[..., Any] = timing.repeat
    monkeypatch.setattr(timing, "repeat", lambda run, **_words: quick(run, seconds=0.01, most=5))


def talkative(network: LoadedNetwork, snapshot: Snapshot) -> LoadedNetwork:
    """An untaught detector that reports objects: its statistics fit the images, its scores vary."""
    if network.task in (Task.DETECT, Task.INSTANCE):
        inputs = [network.prepare(read_rgb(image.path))[0] for image in snapshot.images]
        sides = [inputs[0].shape] * 2
        network.module.train()
        for part in network.module.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.momentum = 1.0
        with torch.no_grad():
            network.module(torch.cat([x for x in inputs if x.shape in sides]))
            for branch in network.module.model[-1].cv3:  # type: ignore[index,union-attr]
                branch[-1].bias.add_(7)
                branch[-1].weight.mul_(4)
        network.module.eval()
    return network


@dataclass
class Made:
    run: JobDir
    job: JobDir
    snapshot: Snapshot
    network: LoadedNetwork

    def config(self, output: Path, **more: Any) -> ExportConfig:
        return ExportConfig(run_directory=self.run.path, output=output, **more)

    def export(self, output: Path, **more: Any) -> dict[str, Any]:
        assert run_export(self.job, self.config(output, **more)) is Outcome.FINISHED
        content: dict[str, Any] = json.loads((self.job.path / "verification.json").read_text())
        return content


def make_run(
    folder: Path, task: Task, network: LoadedNetwork | None = None, *, taught: bool = False,
    train_images: int = 6, val_images: int = 5,
) -> Made:  # fmt: skip
    """A finished run with a checkpoint, a snapshot and a report of val."""
    train = snapshot_of(folder / "train", task, count=train_images, split=Split.TRAIN, seed=3)
    val = snapshot_of(folder / "val", task, count=val_images, seed=9)
    images = (*train.images, *(replace(i, id=i.id + 100) for i in val.images))
    snapshot = Snapshot(task, CLASSES, images)
    network = network or network_of(task, NAMES[task], size=64)
    if not taught:
        network = talkative(network, snapshot)
    run = JobDir(folder / "somewhere private" / "0003-run")
    run.checkpoints.mkdir(parents=True)
    digest = write_snapshot(run.snapshot, snapshot)
    write_checkpoint(
        run.best,
        Checkpoint(
            network.config, CLASSES, network.preprocessor, network.module.state_dict(), epoch=4,
            snapshot=digest,
        ),
    )  # fmt: skip
    loaded = load_network(run.path)
    evaluate(loaded, snapshot.of(Split.VAL), split="val", directory=run.path)
    job = JobDir(run.path / "jobs" / "export-1")
    job.path.mkdir(parents=True)
    return Made(run, job, snapshot, loaded)


@pytest.mark.parametrize("task", list(Task))
def test_the_file_answers_like_the_checkpoint_and_says_so(tmp_path: Path, task: Task) -> None:
    made = make_run(tmp_path, task)
    output = tmp_path / "out" / "net.onnx"
    told = made.export(output)
    assert told["verified"] is True
    assert told["file"] == "net.onnx"
    assert told["size"] == output.stat().st_size
    assert all(check["passed"] in (True, None) for check in told["checks"])
    decided = [check["check"] for check in told["checks"] if check["passed"]]
    assert any("batch 1" in name for name in decided)
    assert any("batch 3" in name for name in decided)
    assert any("measured again" in name for name in decided)
    assert any(
        name in decided
        for name in (
            "Images with the same class",
            "Share of pixels with the same class",
            "Predictions kept",
        )
    )
    assert json.loads(output.with_suffix(".verification.json").read_text()) == told
    onnx.checker.check_model(onnx.load(output), full_check=True)
    assert {row["what"] for row in told["latency"]} == {"ONNX, 32-bit", "PyTorch"}

    val = made.snapshot.of(Split.VAL)
    rgbs, ids = [read_rgb(i.path) for i in val], [i.id for i in val]
    for ours, theirs in zip(
        made.network.predict(rgbs, ids), OnnxNetwork(output).predict(rgbs, ids), strict=True
    ):
        assert_same(ours, theirs)


def assert_same(ours: Prediction, theirs: Prediction) -> None:
    assert ours.image_id == theirs.image_id
    assert (ours.scores is None) == (theirs.scores is None)
    if ours.scores is not None:
        assert theirs.scores == pytest.approx(ours.scores, abs=1e-4)
    assert ours.regions == theirs.regions
    assert len(ours.objects) == len(theirs.objects)
    for a, b in zip(ours.objects, theirs.objects, strict=True):
        assert a.score == pytest.approx(b.score, abs=1e-4)
        assert a.class_id == b.class_id
        for side in ("x", "y", "w", "h"):
            assert getattr(a.box, side) == pytest.approx(getattr(b.box, side), abs=0.01)


@pytest.mark.parametrize("task", list(Task))
def test_the_file_alone_is_enough_to_use_it(tmp_path: Path, task: Task) -> None:
    made = make_run(tmp_path, task)
    output = tmp_path / "net.onnx"
    made.export(output, verify=False)
    data = output.read_bytes()
    for private in (str(tmp_path), "somewhere private", str(Path.home()), "site-packages"):
        assert private.encode() not in data

    model = onnx.load(output)
    kept = json.loads({p.key: p.value for p in model.metadata_props}[KEY])
    assert kept["task"] == task.value
    assert [c["name"] for c in kept["classes"]] == [c.name for c in CLASSES]
    assert [c["colour"] for c in kept["classes"]] == [c.colour for c in CLASSES]
    assert kept["input"]["size"] == 64
    assert kept["input"]["mean"] == [0, 0, 0]
    assert kept["input"]["inside"]["mean"] == list(made.network.mean)
    assert kept["run"]["snapshot"] == made.network.snapshot
    assert kept["run"]["epoch"] == 4
    assert kept["verification"] is None
    assert kept["run"]["metrics"].keys() >= {BEST_METRIC[task]}
    assert [o["name"] for o in kept["outputs"]] == [o.name for o in model.graph.output]
    assert kept["input"]["shape"][0] == "batch"
    assert ("height" in kept["input"]["shape"]) == (task in (Task.CLASSIFY, Task.SEGMENT))
    if task in (Task.DETECT, Task.INSTANCE):
        assert kept["thresholds"]["score"] > 0


def test_a_file_that_answers_otherwise_does_not_get_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_run(tmp_path, Task.CLASSIFY)
    other = to_onnx(network_of(Task.CLASSIFY, "resnet18", size=64, seed=5))
    monkeypatch.setattr(export_module, "to_onnx", lambda network, *, opset: other)
    output = tmp_path / "net.onnx"
    output.write_bytes(b"an older, proven file")
    with pytest.raises(RunError, match="Largest difference in a score") as caught:
        run_export(made.job, made.config(output))
    assert "net-UNVERIFIED.onnx" in caught.value.message
    assert output.read_bytes() == b"an older, proven file"
    kept = OnnxNetwork(tmp_path / "net-UNVERIFIED.onnx")
    assert kept.record.verification is not None
    assert kept.record.verification["verified"] is False
    told = json.loads((tmp_path / "net-UNVERIFIED.verification.json").read_text())
    assert told["verified"] is False


@pytest.mark.parametrize("task", [Task.CLASSIFY, Task.INSTANCE])
def test_eight_bits_are_measured_and_what_proves_nothing_is_not_called_proven(
    tmp_path: Path, task: Task
) -> None:
    made = make_run(tmp_path, task)
    output = tmp_path / "net.onnx"
    told = made.export(output, int8=True, allowed_drop=1.0)
    small = told["int8"]
    # Untaught, on eleven images, and all of the metric may be lost: that is no proof.
    assert small["judged_by"] != "metric"
    assert small["verified"] is not False
    assert small["file"] == f"net-int8{'' if small['verified'] else '-UNVERIFIED'}.onnx"
    if task is Task.CLASSIFY:
        assert small["unjudged"] == "there are too few images for this file to be judged"
    assert small["size"] < told["size"] / 2
    assert small["drop"] == pytest.approx(told["reference"] - small["metric"])
    assert small["speed_up"] > 0
    assert {check["precision"] for check in told["checks"]} == {"float32", "int8"}
    answers = OnnxNetwork(tmp_path / small["file"])
    assert answers.record.precision == "int8"
    nodes = onnx.load(tmp_path / small["file"]).graph.node
    quantised = {o for n in nodes if n.op_type == "DequantizeLinear" for o in n.output}
    assert quantised
    if task is Task.INSTANCE:
        head = [n for n in nodes if "/model.23/" in n.name and n.op_type == "Conv"]
        assert head
        assert not any(n.input[1] in quantised for n in head)  # their weights


@pytest.mark.parametrize("task", [Task.SEGMENT, Task.DETECT, Task.CLASSIFY])
def test_networks_for_images_at_their_own_size_take_any_size(tmp_path: Path, task: Task) -> None:
    network = network_of(task, NAMES[task], size=64, fit=Fit.CROP)
    made = make_run(tmp_path, task, network)
    output = tmp_path / "net.onnx"
    assert made.export(output)["verified"] is True
    exported = OnnxNetwork(output)
    rgb = np.random.default_rng(0).integers(0, 256, (130, 200, 3)).astype(np.uint8)
    with torch.no_grad():
        (ours, *_) = made.network.raw(made.network.prepare(rgb)[0])
    batch, placement = exported.preprocessor.prepare(rgb)
    assert (placement.input_height, placement.input_width) == (160, 224)
    expected = ours.numpy()
    np.testing.assert_allclose(
        exported.raw(batch)[0], expected, atol=1e-4 * np.abs(expected).max(), rtol=1e-3
    )


def test_a_transformer_is_exported_too(tmp_path: Path) -> None:
    made = make_run(tmp_path, Task.CLASSIFY, network_of(Task.CLASSIFY, "vit_tiny", size=64))
    told = made.export(tmp_path / "net.onnx")
    assert told["verified"] is True
    assert told["input"]["shape"] == ["batch", 3, 64, 64]


def test_cancel_leaves_no_file(tmp_path: Path) -> None:
    made = make_run(tmp_path, Task.CLASSIFY)
    made.job.ask(Request.CANCEL)
    output = tmp_path / "net.onnx"
    assert run_export(made.job, made.config(output)) is Outcome.CANCELLED
    assert not list(tmp_path.glob("net*"))


@pytest.mark.parametrize("content", [None, b"", b"not a network", b"\x08\x08" * 40])
def test_a_file_that_is_no_network_of_ours_is_refused(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "odd.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FormatError):
        OnnxNetwork(path)


def test_a_network_of_another_program_is_refused_in_words(tmp_path: Path) -> None:
    model = to_onnx(network_of(Task.CLASSIFY, "mobilenet_v3_small", size=64))
    path = tmp_path / "other.onnx"
    onnx.save(model, path)
    with pytest.raises(FormatError, match="not exported by CVStudio"):
        OnnxNetwork(path)


@pytest.mark.parametrize("task", list(Task))
def test_predictions_for_new_files_name_classes_and_list_what_could_not_be_read(
    tmp_path: Path, task: Task
) -> None:
    made = make_run(tmp_path, task)
    onnx_file = tmp_path / "net.onnx"
    made.export(onnx_file, verify=False)
    broken = tmp_path / "broken.png"
    broken.write_text("this is no picture")
    image = made.snapshot.images[0]
    output = tmp_path / "answers.json"
    content = predict_files(onnx_file, [image.path, broken], output, score=0.01)
    assert json.loads(output.read_text()) == content
    assert [p["file"] for p in content["problems"]] == [str(broken)]
    # An untaught detector finds nothing right, and its file says so wherever it is used.
    if task is Task.DETECT:
        assert "next to nothing right" in content["warning"]
    alone = predict_page(OnnxNetwork(onnx_file), onnx_file, image.path, 0, score=0.01)
    assert alone == {**content, "problems": []}
    asked = {"kind": "answers", "onnx": str(onnx_file), "path": str(image.path), "page": 0}
    request = Message({**asked, "score": 0.01})
    assert (
        _Worker(_Inbox(), lambda message: None).handler(request)(request).header["content"] == alone
    )
    mirrored = predict_files(onnx_file, [image.path], score=0.01, views=Views.MIRRORED)
    assert (content["views"], mirrored["views"]) == ("one", "mirrored")
    assert mirrored["images"] != content["images"]
    (row,) = content["images"]
    assert (row["width"], row["height"]) == (image.width, image.height)
    names = {c.name for c in CLASSES}
    if task is Task.CLASSIFY:
        assert row["scores"].keys() == names
        assert sum(row["scores"].values()) == pytest.approx(1)
    elif task is Task.SEGMENT:
        assert row["regions"].keys() <= names
    else:
        assert row["objects"]
        assert {o["class"] for o in row["objects"]} <= names
        scores = [o["score"] for o in row["objects"]]
        assert scores == sorted(scores, reverse=True)
        assert ("segmentation" in row["objects"][0]) == (task is Task.INSTANCE)


def test_an_exported_file_is_used_without_torch(tmp_path: Path) -> None:
    code = "import sys, cvstudio.ml.predict; sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "CVSTUDIO_HOME": str(tmp_path)}
    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    )


def test_what_suppression_leaves_does_not_hang_on_last_digits() -> None:
    rng = np.random.default_rng(0)
    raw = np.concatenate([rng.uniform(0, 100, (4, 400)), np.full((2, 400), 0.37)])
    raw[2:4] = 60
    kept = suppress(raw.astype(np.float32), 2)[3]
    for seed in range(5):
        noise = np.random.default_rng(seed).uniform(-1e-7, 1e-7, raw[4:].shape)
        other = np.concatenate([raw[:4], raw[4:] + noise]).astype(np.float32)
        assert np.array_equal(suppress(other, 2)[3], kept)


def test_a_run_is_judged_again_on_the_labels_of_now(tmp_path: Path) -> None:
    made = make_run(tmp_path, Task.DETECT)
    before = json.loads(made.run.report.read_text())
    job = JobDir(made.run.path / "jobs" / "evaluate-1")
    job.path.mkdir()
    image, unlabelled, *others = made.snapshot.of(Split.VAL)
    fixed = replace(image, annotations=image.annotations[:1])
    skipped = replace(unlabelled, review=Review.UNLABELLED, annotations=())
    write_snapshot(job.snapshot, replace(made.snapshot, images=(fixed, skipped, *others)))
    config = EvaluateConfig(run_directory=made.run.path, split="val", device="cpu")
    assert run_evaluate(job, config) is Outcome.FINISHED
    after = json.loads(job.report.read_text())["val"]
    assert after["counts"]["images"] == 4
    assert after["counts"]["labelled"] == before["val"]["counts"]["labelled"] - 3
    assert json.loads(made.run.report.read_text()) == before
    job.ask(Request.CANCEL)
    assert run_evaluate(job, config) is Outcome.CANCELLED


@pytest.mark.slow
def test_a_taught_detector_keeps_its_figures_in_the_file(tmp_path: Path) -> None:
    network = network_of(Task.DETECT, "yolo11n", size=96)
    teach(network, snapshot_of(tmp_path / "more", Task.DETECT, count=24), steps=130, rate=2e-3)
    made = make_run(tmp_path, Task.DETECT, network, taught=True)
    told = made.export(tmp_path / "net.onnx")
    assert told["reference"] > 0.1
    kept = next(c for c in told["checks"] if c["check"] == "Predictions kept")
    assert kept["value"] == kept["reference"] >= 3


def test_the_scores_of_a_picture_are_right_whatever_its_shape(tmp_path: Path) -> None:
    made = make_run(tmp_path, Task.DETECT)
    output = tmp_path / "net.onnx"
    made.export(output, verify=False)
    network = OnnxNetwork(output)
    for shape in ((40, 200, 3), (300, 50, 3), (64, 64, 3), (1, 1, 3)):
        rgb = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        for found in network.predict([rgb], [1])[0].objects:
            assert 0 <= found.box.x <= found.box.right <= shape[1] + 1e-6
            assert 0 <= found.box.y <= found.box.bottom <= shape[0] + 1e-6
