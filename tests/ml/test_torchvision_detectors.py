"""Faster R-CNN and Mask R-CNN: they answer as torchvision's own, learn, stop, and are exported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from judge_samples import network_of, snapshot_of
from test_training_runs import ended
from training_samples import events_of, run_directory, scene, written

from cvstudio.core import events
from cvstudio.core.annotation import Split, Task
from cvstudio.core.config import ExportConfig
from cvstudio.core.events import Outcome
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.core.networks import network
from cvstudio.core.predictions import Found
from cvstudio.core.snapshot import read_snapshot, write_snapshot
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from cvstudio.ml.decode import MOST_OBJECTS, SCORE_FLOOR, decode
from cvstudio.ml.environment import prepare
from cvstudio.ml.evaluate import evaluate
from cvstudio.ml.explaining.explain import explain
from cvstudio.ml.exporting import timing
from cvstudio.ml.exporting.alone import answers_of_script
from cvstudio.ml.exporting.engines import make_script
from cvstudio.ml.exporting.job import run_export
from cvstudio.ml.load import load_network
from cvstudio.ml.networks import torchvision_detection
from cvstudio.ml.networks.build import build
from cvstudio.ml.networks.torchvision_detection import Detector
from cvstudio.ml.predict import OnnxNetwork
from cvstudio.ml.preprocess import placement_for
from cvstudio.ml.worker import run_job

prepare()
FASTER, MASK = "fasterrcnn-mobilenet", "maskrcnn-resnet50"
NAMES = {Task.DETECT: FASTER, Task.INSTANCE: MASK}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def few_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer places to look at in an image, and fewer of them with masks, which tell the same.

    Each mask takes a billion multiplications, and 512 regions an image are learned from.
    """
    monkeypatch.setattr(torchvision_detection, "_MOST_MASKS", 24)
    models = torchvision.models.detection
    for task in NAMES:
        name = network(NAMES[task]).architecture
        few = partial(
            getattr(models, name), rpn_post_nms_top_n_test=200, box_batch_size_per_image=64
        )
        monkeypatch.setattr(models, name, few)


def lively(module: torch.nn.Module, images: torch.Tensor) -> Detector:
    """An untaught detector that reports objects of all kinds, with scores that differ."""
    assert isinstance(module, Detector)
    torch.manual_seed(3)
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = 1.0
    module.train()
    with torch.no_grad():
        module.backbone(images)
        module.rpn.head.cls_logits.weight.normal_(0, 0.02)
        module.roi_heads.box_predictor.cls_score.weight.normal_(0, 0.05)
        module.roi_heads.box_predictor.bbox_pred.weight.normal_(0, 0.03)
        if module.with_masks:
            module.roi_heads.mask_predictor.mask_fcn_logits.weight.normal_(0, 0.3)
    return module.eval()


@pytest.mark.usefixtures("few_regions")
@pytest.mark.parametrize("task", list(NAMES))
def test_it_finds_what_torchvision_itself_finds(task: Task) -> None:
    info = network(NAMES[task])
    images = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    module = lively(build(info, classes=3, image_size=96), images)
    whole = getattr(torchvision.models.detection, info.architecture)(
        weights=None, weights_backbone=None, num_classes=4, min_size=96, max_size=96,
        box_score_thresh=SCORE_FLOOR, box_detections_per_img=module.most,
        image_mean=[0, 0, 0], image_std=[1, 1, 1],
    ).eval()  # fmt: skip
    whole.load_state_dict(module.state_dict())
    with torch.no_grad():
        answer, wanted = module(images), whole(list(images))
    boxes = answer[0] if module.with_masks else answer
    for row, theirs in enumerate(wanted):
        scores, classes = boxes[row, 4:].max(dim=0)
        found = int((scores > 0).sum())
        assert found == len(theirs["scores"]) > 20
        assert torch.allclose(scores[:found], theirs["scores"], atol=1e-5)
        centre, size = boxes[row, :2], boxes[row, 2:4]
        corners = torch.cat([centre - size / 2, centre + size / 2]).T
        # Of two that are as sure as each other either may come first.
        apart = (corners[:found, None] - theirs["boxes"][None]).abs().amax(2)
        apart += 1e3 * (classes[:found, None] + 1 != theirs["labels"][None])
        assert float(apart.amin(1).max()) < 0.01


@pytest.mark.usefixtures("few_regions")
@pytest.mark.parametrize("task", list(NAMES))
def test_it_learns_by_the_losses_and_gradients_of_torchvision_itself(task: Task) -> None:
    """Of objects, without crowds and class weights, which torchvision does not know."""
    side, info = 96, network(NAMES[task])
    module = build(info, classes=3, image_size=side).train()
    assert isinstance(module, Detector)
    whole = getattr(torchvision.models.detection, info.architecture)(
        weights=None, weights_backbone=None, num_classes=4, min_size=side, max_size=side,
        image_mean=[0, 0, 0], image_std=[1, 1, 1],
    )  # fmt: skip
    whole.load_state_dict(module.state_dict())
    whole.train().transform._skip_resize = True  # which draws a random number
    boxes = torch.tensor([[8.0, 8, 48, 56], [40, 30, 80, 90], [4, 60, 30, 92]])
    masks = torch.zeros(len(boxes), side, side, dtype=torch.uint8)
    for mask, (left, top, right, bottom) in zip(masks, boxes.int().tolist(), strict=True):
        mask[top:bottom, left:right] = 1
    target = {"boxes": boxes, "labels": torch.tensor([1, 2, 3])}
    if module.with_masks:
        target["masks"] = masks
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(5)
    own = module.losses(images, [{**target, "crowds": torch.zeros(0, 4)} for _ in range(2)])
    torch.manual_seed(5)
    theirs = whole(list(images), [dict(target) for _ in range(2)])
    names = ("loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg", "loss_mask")
    for part, name in zip(own, names, strict=False):
        wanted = float(theirs[name].detach())
        assert float(own[part].detach()) == pytest.approx(wanted, rel=1e-3), part
    for losses in (own, theirs):
        torch.stack(list(losses.values())).sum().backward()
    gradients = dict(whole.named_parameters())
    for name, value in module.named_parameters():
        expected = gradients[name].grad
        assert expected is not None
        assert value.grad is not None
        assert float(value.grad.norm()) == pytest.approx(float(expected.norm()), rel=0.02), name


def test_the_mask_of_an_object_lies_where_torchvision_would_paste_it() -> None:
    from torchvision.models.detection.roi_heads import paste_masks_in_image

    cells = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 0.4
    cells[..., 4:20, 8:26] += 0.55
    box = torch.tensor([[13.0, 22.0, 61.0, 81.0]])
    pasted = paste_masks_in_image(cells, box, (96, 96))[0, 0].numpy() > 0.5
    centre = [37.0, 51.5, 48.0, 59.0]
    boxes = np.array([[*centre, 0.9], [*centre, 0.0]], np.float32).T
    at = placement_for(96, 96, size=96, fit=network_of(Task.DETECT, "yolo11n", size=64).config.fit)
    found = decode(
        Task.INSTANCE, [boxes, np.concatenate([cells[0], cells[0]]).astype(np.float32)], at,
        class_ids=[4], image_id=1,
    )  # fmt: skip
    (one,) = found.objects
    assert one.mask is not None
    ours = one.mask.full(96, 96) > 0
    assert (ours & pasted).sum() / (ours | pasted).sum() > 0.93


@pytest.mark.slow
def test_a_detector_learns_to_find_objects_and_says_what_its_errors_are_made_of(
    tmp_path: Path,
) -> None:
    job = run_directory(
        tmp_path, Task.DETECT, train=12, val=2, test=2, network=FASTER, epochs=5,
        optimizer="adamw", learning_rate=6e-4, weight_decay=1e-4,
    )  # fmt: skip
    assert run_job(job.path) == 0, job.log.read_text()
    epochs = events_of(job, events.EpochEnded)
    assert set(epochs[0].train) == {"loss", "objectness", "proposals", "class", "box"}
    assert set(epochs[0].val) == set(epochs[0].train)
    assert epochs[-1].train["loss"] == pytest.approx(
        sum(value for name, value in epochs[-1].train.items() if name != "loss")
    )
    assert epochs[-1].train["loss"] < 0.7 * epochs[0].train["loss"]
    report = json.loads(job.report.read_text())
    assert set(report) == {"val", "test"}
    best = max(e.metrics["mAP50-95"] for e in epochs)
    assert report["val"]["metrics"]["mAP50-95"] == pytest.approx(best, abs=1e-6)


@pytest.mark.usefixtures("few_regions")
@pytest.mark.slow
def test_mask_r_cnn_trains_with_masks_and_is_judged_on_them(tmp_path: Path) -> None:
    job = run_directory(
        tmp_path, Task.INSTANCE, train=2, val=2, network=MASK, epochs=1, batch=2,
        class_weights=True,
    )  # fmt: skip
    assert run_job(job.path) == 0, job.log.read_text()
    (epoch,) = events_of(job, events.EpochEnded)
    assert epoch.train["mask"] > 0
    assert {"mAP50-95", "box mAP50-95"} <= set(json.loads(job.report.read_text())["val"]["metrics"])


@pytest.mark.slow
def test_a_paused_detector_goes_on_to_the_very_weights_of_one_that_never_stopped(
    tmp_path: Path,
) -> None:
    whole = run_directory(tmp_path / "whole", Task.DETECT, network=FASTER)
    parts = run_directory(tmp_path / "parts", Task.DETECT, network=FASTER)
    assert run_job(whole.path) == 0
    parts.ask(Request.PAUSE)
    assert run_job(parts.path) == 0
    assert ended(parts).outcome is Outcome.PAUSED
    assert run_job(parts.path) == 0
    assert ended(parts).outcome is Outcome.FINISHED
    mine, theirs = (read_checkpoint(job.last).weights for job in (whole, parts))
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


@pytest.mark.slow
def test_a_batch_that_memory_does_not_hold_goes_through_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = torchvision_detection.Detector.losses

    def losses(self: Any, images: torch.Tensor, *rest: Any) -> dict[str, torch.Tensor]:
        if len(images) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(self, images, *rest)

    monkeypatch.setattr(torchvision_detection.Detector, "losses", losses)
    job = run_directory(tmp_path, Task.DETECT, network=FASTER, epochs=1)
    assert run_job(job.path) == 0, job.log.read_text()
    assert any("2 pieces" in note.text for note in events_of(job, events.Note))


def test_what_lies_in_a_crowd_is_neither_background_nor_an_object() -> None:
    info = network(FASTER)
    module = build(info, classes=2, image_size=64)
    assert isinstance(module, Detector)
    images = torch.rand(1, 3, 64, 64)
    target = {
        "boxes": torch.tensor([[4.0, 4.0, 30.0, 30.0]]), "labels": torch.tensor([1]),
        "crowds": torch.zeros(0, 4),
    }  # fmt: skip
    crowd = torch.tensor([[0.0, 0.0, 64.0, 64.0]])
    proposals = [torch.tensor([[40.0, 40.0, 60.0, 60.0], [5.0, 5.0, 30.0, 29.0]])]
    torch.manual_seed(0)
    _, _, plain, _ = module._sampled(list(proposals), [target])
    _, _, crowded, _ = module._sampled(list(proposals), [{**target, "crowds": crowd}])
    assert sorted(plain[0].tolist()) == [0, 1, 1]
    assert crowded[0].tolist() == [1, 1]
    # Where the whole image is a crowd, only anchors outside of it are known to be background.
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    parts = module.losses(images, [{**empty, "crowds": crowd}])
    inside = module.losses(images, [{**empty, "crowds": torch.zeros(0, 4)}])
    assert float(inside["class"].detach()) > 0
    assert [float(parts[name].detach()) for name in ("proposals", "class", "box")] == [0, 0, 0]


def test_crowds_of_a_snapshot_reach_the_network_as_crowds(tmp_path: Path) -> None:
    from cvstudio.core.recipe import Fit
    from cvstudio.ml.data import SplitImages
    from cvstudio.ml.engine.detectors import DetectorItems

    image = scene(tmp_path, 0, Task.DETECT, split=Split.TRAIN)
    (one,) = image.annotations
    crowd = replace(one, id=77, crowd=True, shape=Box(40, 40, 20, 20), box=Box(40, 40, 20, 20))
    image = replace(image, annotations=(one, crowd))
    items = DetectorItems(
        SplitImages([image], size=64, fit=Fit.PAD), [(one,)], index={7: 0, 3: 1}, masks=False,
        training=True,
    )  # fmt: skip
    _, target, place = items[(1, 0, 0)]
    assert place == 0
    assert target["labels"].tolist() == [1]
    assert target["crowds"].tolist() == [[40, 40, 60, 60]]
    assert items.classes() == [frozenset({0})]


def exportable(folder: Path, task: Task) -> tuple[JobDir, JobDir]:
    """A run whose checkpoint reports objects, and the job that exports it."""
    snapshot = snapshot_of(folder, task, count=4)
    loaded = network_of(task, NAMES[task], size=64)
    inputs = torch.cat([loaded.prepare(read_rgb(i.path))[0] for i in snapshot.images])
    module = lively(loaded.module, inputs)
    run = JobDir(folder / "0001-run")
    run.checkpoints.mkdir(parents=True)
    write_snapshot(run.snapshot, snapshot)
    write_checkpoint(
        run.best,
        Checkpoint(
            loaded.config, loaded.classes, loaded.preprocessor, module.state_dict(), epoch=1
        ),
    )
    evaluate(load_network(run.path), snapshot.images, split="val", directory=run.path)
    job = JobDir(run.path / "jobs" / "export-1")
    job.path.mkdir(parents=True)
    return run, job


@pytest.mark.usefixtures("few_regions")
@pytest.mark.slow
@pytest.mark.parametrize("task", list(NAMES))
def test_the_exported_file_is_proven_and_answers_with_a_fixed_number_of_objects(
    tmp_path: Path, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick: Any = timing.repeat
    monkeypatch.setattr(timing, "repeat", lambda run, **_words: quick(run, seconds=0.01, most=5))
    run, job = exportable(tmp_path, task)
    output = tmp_path / "net.onnx"
    config = ExportConfig(run_directory=run.path, output=output, parity_images=3)
    assert run_export(job, config) is Outcome.FINISHED
    told = json.loads((job.path / "verification.json").read_text())
    assert told["verified"] is True, told["checks"]
    exported = OnnxNetwork(output)
    images = read_snapshot(run.snapshot).images
    rgbs = [read_rgb(image.path) for image in images]
    theirs = exported.predict(rgbs, [i.id for i in images])
    ours = load_network(run.path).predict(rgbs, [i.id for i in images])
    assert [len(p.objects) for p in theirs] == [len(p.objects) for p in ours]
    assert all(len(p.objects) > 5 for p in ours)
    assert "best first" in exported.record.outputs[0]["meaning"]
    assert exported.record.outputs[0]["shape"][2] <= MOST_OBJECTS


@pytest.mark.usefixtures("few_regions")
@pytest.mark.parametrize("task", list(NAMES))
def test_as_torchscript_it_finds_the_same_in_images_that_it_was_not_traced_with(
    tmp_path: Path, task: Task
) -> None:
    loaded = network_of(task, NAMES[task], size=64)
    images = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    images[1, :, 20:] = 0
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (loaded.mean, loaded.std))
    placed = (images - mean) / std
    lively(loaded.module, placed)
    (tmp_path / "net.pt").write_bytes(make_script(loaded).archive)
    (theirs,) = answers_of_script(tmp_path / "net.pt", [images.numpy()])
    with torch.no_grad():
        ours = [output.numpy() for output in loaded.raw(placed)]
    assert ((ours[0][:, 4:7].max(1) > 0).sum(1) > 5).all()
    for answer, wanted in zip(theirs, ours, strict=True):
        assert np.allclose(answer, wanted, atol=1e-3)


@pytest.mark.usefixtures("few_regions")
@pytest.mark.parametrize("task", list(NAMES))
def test_an_object_is_explained_and_so_is_a_place_where_none_was_found(task: Task) -> None:
    loaded = network_of(task, NAMES[task], size=64)
    rgb = np.random.default_rng(0).integers(0, 255, (60, 90, 3)).astype(np.uint8)
    other = rgb[::-1].copy()
    lively(loaded.module, torch.cat([loaded.prepare(some)[0] for some in (rgb, other)]))
    surest: Found = loaded.predict([rgb], [1])[0].objects[0]
    told = explain(loaded, rgb)
    assert told.class_id == surest.class_id
    assert told.box is not None
    assert told.box.x == pytest.approx(surest.box.x, abs=0.5)
    assert told.heat.shape == (60, 90)
    assert 0 < told.heat.max() <= 1
    missed = Box(50, 20, 30, 30)
    there = explain(loaded, rgb, class_id=7, box=missed)
    assert there.class_id == 7
    assert not any(weight.requires_grad is False for weight in loaded.module.parameters())


@pytest.mark.slow
def test_a_detector_that_starts_from_a_run_keeps_its_norms(tmp_path: Path) -> None:
    first = run_directory(tmp_path / "first", Task.DETECT, network=FASTER, epochs=1)
    assert run_job(first.path) == 0
    second = written(
        tmp_path / "second" / "run", Task.DETECT, list(read_snapshot(first.snapshot).images),
        network=FASTER, epochs=1, start="run", weights_file=first.best,
    )  # fmt: skip
    assert run_job(second.path) == 0, second.log.read_text()
    before, after = (read_checkpoint(job.best).weights for job in (first, second))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert "backbone.body.0.0.weight" in changed
    assert not any("running_mean" in name for name in changed)
