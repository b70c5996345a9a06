"""Heat maps: they find the object, follow the class, need the weights, and leave no trace."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from judge_samples import CLASSES, network_of, snapshot_of, teach

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.config import ExplainConfig
from cvstudio.core.errors import ConfigError
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import Fit
from cvstudio.core.snapshot import write_snapshot
from cvstudio.imaging.decode import read_rgb
from cvstudio.imaging.heat import colours, overlay
from cvstudio.ml.checkpoint import Checkpoint, write_checkpoint
from cvstudio.ml.explaining.explain import explain
from cvstudio.ml.explaining.job import run_explain
from cvstudio.ml.load import LoadedNetwork

WITH_EMPTY = (*CLASSES, LabelClass(9, "empty", "#0C8486"))

RANDOM = [
    (Task.CLASSIFY, "resnet18", 96),
    (Task.CLASSIFY, "mobilenet_v3_small", 64),
    (Task.CLASSIFY, "convnext_atto", 64),
    (Task.CLASSIFY, "vit_tiny", 64),
    (Task.CLASSIFY, "swin_tiny", 64),
    (Task.SEGMENT, "unet-resnet18", 64),
    (Task.SEGMENT, "fpn-mobilenet_v2", 64),
    (Task.SEGMENT, "deeplabv3plus-resnet18", 64),
    (Task.DETECT, "yolo11n", 96),
    (Task.DETECT, "yolo26n", 96),
    (Task.INSTANCE, "yolo11n-seg", 96),
    (Task.INSTANCE, "yolo26n-seg", 96),
]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def random_image(height: int = 60, width: int = 90) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize(("task", "name", "size"), RANDOM)
def test_every_kind_of_network_gives_heat_on_the_image_and_is_left_as_it_was(
    task: Task, name: str, size: int
) -> None:
    network = network_of(task, name, size=size)
    some = next(network.module.parameters())
    some.requires_grad_(False)
    network.module.train()
    part = next(iter(network.module.children()))
    part.eval()
    before = {key: value.clone() for key, value in network.module.state_dict().items()}

    explanation = explain(network, random_image(), class_id=7)

    assert explanation.heat.shape == (60, 90)
    assert explanation.heat.dtype == np.float32
    assert explanation.heat.min() >= 0
    assert explanation.heat.max() in (0, 1)
    assert explanation.class_id == 7
    assert 0 <= explanation.score <= 1
    assert network.module.training
    assert not part.training
    assert not some.requires_grad
    assert all(p.grad is None for p in network.module.parameters())
    assert sum(p.requires_grad for p in network.module.parameters()) > 0
    after = network.module.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.module.modules())


def test_stretched_and_uncut_images_get_their_heat_too() -> None:
    for fit in (Fit.STRETCH, Fit.CROP):
        network = network_of(Task.SEGMENT, "unet-resnet18", size=64, fit=fit)
        assert explain(network, random_image(50, 110)).heat.shape == (50, 110)


def test_a_class_that_the_network_never_learned_is_refused() -> None:
    network = network_of(Task.CLASSIFY, "resnet18", size=64)
    with pytest.raises(ConfigError, match="not trained on this class"):
        explain(network, random_image(), class_id=1)


def test_small_networks_point_with_more_than_a_few_coarse_places() -> None:
    network = network_of(Task.CLASSIFY, "resnet18", size=64)
    surest = explain(network, random_image())
    assert surest.heat.any()
    fine = cv2.resize(cv2.resize(surest.heat, (2, 2), interpolation=cv2.INTER_AREA), (90, 60))
    assert np.abs(fine - surest.heat).max() > 0.2


def times_chance(heat: np.ndarray, box: Box) -> float:
    """How much more of the heat lies in a box than a heat without any idea would put there."""
    inside = np.zeros(heat.shape, bool)
    inside[int(box.y) : int(box.bottom), int(box.x) : int(box.right)] = True
    return float(heat[inside].sum() / heat.sum() / inside.mean()) if heat.any() else 0.0


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def check_sanity(
    network: LoadedNetwork,
    random: LoadedNetwork,
    folder: Path,
    *,
    box_for: Callable[[Box], Box | None],
    at_least: float,
) -> None:
    """Heat on images with both objects: on the object asked for, and not by the image alone."""
    chances, between_classes, with_random = [], [], []
    for image in snapshot_of(folder, Task.DETECT, count=8, seed=99).images:
        rgb = read_rgb(image.path)
        heats = []
        for a in image.annotations:
            given = box_for(a.box)
            heats.append(explain(network, rgb, class_id=a.class_id, box=given).heat)
            chances.append(times_chance(heats[-1], a.box))
            untaught = explain(random, rgb, class_id=a.class_id, box=given).heat
            if untaught.any():
                with_random.append(correlation(heats[-1], untaught))
        between_classes.append(correlation(*heats))
    assert np.median(chances) > at_least, chances
    assert np.median(between_classes) < 0.3, between_classes
    assert np.median(with_random) < 0.7, with_random


@pytest.mark.slow
def test_a_classifier_points_at_the_object_of_its_class(tmp_path: Path) -> None:
    network = network_of(Task.CLASSIFY, "resnet18", size=128, classes=WITH_EMPTY)
    random = network_of(Task.CLASSIFY, "resnet18", size=128, classes=WITH_EMPTY, seed=1)
    taught = snapshot_of(tmp_path / "train", Task.CLASSIFY, count=30, classes=WITH_EMPTY)
    teach(network, taught, steps=30)
    check_sanity(network, random, tmp_path / "both", box_for=lambda box: None, at_least=1.8)


@pytest.mark.slow
def test_a_transformer_points_at_the_object_of_its_class(tmp_path: Path) -> None:
    network = network_of(Task.CLASSIFY, "vit_tiny", size=96, classes=WITH_EMPTY)
    teach(
        network,
        snapshot_of(tmp_path / "train", Task.CLASSIFY, count=30, classes=WITH_EMPTY),
        steps=80,
        rate=5e-4,
    )
    images = snapshot_of(tmp_path / "new", Task.CLASSIFY, count=12, seed=99, classes=WITH_EMPTY)
    chances = []
    for image in images.images:
        rgb = read_rgb(image.path)
        explanation = explain(network, rgb)
        if image.annotations[0].class_id == explanation.class_id == 3:
            bright = np.argwhere(rgb.astype(int).sum(2) > 600)
            top, left = bright.min(0)
            bottom, right = bright.max(0)
            chances.append(
                times_chance(explanation.heat, Box(left, top, right - left, bottom - top))
            )
    assert np.median(chances) > 2, chances


@pytest.mark.slow
def test_a_segmenter_points_at_the_region_of_the_class_or_in_the_box(tmp_path: Path) -> None:
    network = network_of(Task.SEGMENT, "unet-resnet18", size=96)
    random = network_of(Task.SEGMENT, "unet-resnet18", size=96, seed=1)
    taught = snapshot_of(tmp_path / "train", Task.SEGMENT, count=24)
    teach(network, taught, steps=30)
    check_sanity(network, random, tmp_path / "both", box_for=lambda box: None, at_least=3)
    image = snapshot_of(tmp_path / "new", Task.SEGMENT, count=1, seed=99).images[0]
    for a in image.annotations:
        asked = explain(network, read_rgb(image.path), box=a.box)
        assert asked.class_id == a.class_id
        assert asked.box == a.box


@pytest.mark.slow
@pytest.mark.parametrize("name", ["yolo11n", "yolo26n"])
def test_a_detector_points_at_the_object_that_was_asked_for(tmp_path: Path, name: str) -> None:
    network = network_of(Task.DETECT, name, size=96)
    random = network_of(Task.DETECT, name, size=96, seed=1)
    taught = snapshot_of(tmp_path / "train", Task.DETECT, count=24)
    teach(network, taught, steps=130, rate=2e-3)
    check_sanity(network, random, tmp_path / "both", box_for=lambda box: box, at_least=3)


def test_a_missed_object_can_be_explained_by_the_answer_that_came_closest() -> None:
    network = network_of(Task.DETECT, "yolo11n", size=96)
    box = Box(50, 20, 16, 16)
    explanation = explain(network, random_image(90, 90), class_id=3, box=box)
    assert explanation.box is not None
    centre = explanation.box.x + explanation.box.w / 2, explanation.box.y + explanation.box.h / 2
    assert abs(centre[0] - 58) < 32
    assert abs(centre[1] - 28) < 32
    assert explanation.heat.any()


def test_the_overlay_is_grey_where_cold_and_bright_where_hot() -> None:
    rgb = np.full((4, 4, 3), (200, 100, 50), np.uint8)
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0] = 1
    picture = overlay(rgb, heat)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[0, 0]
    cold, hot = colours(heat)[1, 1], colours(heat)[0, 0]
    assert np.allclose(picture[1, 1], 0.7 * grey + 0.3 * cold, atol=1)
    assert np.allclose(picture[0, 0], 0.25 * grey + 0.75 * hot, atol=1)
    assert hot[0] > hot[2]  # the hot end is yellow in RGB, and not blue


def test_the_job_writes_a_picture_and_says_what_it_explains(tmp_path: Path) -> None:
    network = network_of(Task.DETECT, "yolo11n", size=64)
    snapshot = snapshot_of(tmp_path, Task.DETECT, count=1)
    run = JobDir(tmp_path / "run")
    run.checkpoints.mkdir(parents=True)
    write_snapshot(run.snapshot, snapshot)
    write_checkpoint(
        run.best,
        Checkpoint(
            network.config, CLASSES, network.preprocessor, network.module.state_dict(), epoch=1
        ),
    )
    job = JobDir(run.path / "jobs" / "explain-1")
    job.path.mkdir(parents=True)
    image = snapshot.images[0]
    config = ExplainConfig(run_directory=run.path, image=image.path, class_id=7, device="cpu")
    run_explain(job, config)
    picture = read_rgb(job.path / "heat.png")
    assert picture.shape == (image.height, image.width, 3)
    told = json.loads((job.path / "heat.json").read_text())
    assert told["class"] == 7
    assert len(told["box"]) == 4
    assert told["caution"].startswith("LayerCAM tells where the network saw this object")
    elsewhere = tmp_path / "given.png"
    elsewhere.with_suffix(".json").write_text("the person's own")
    run_explain(job, replace_output(config, elsewhere))
    assert np.array_equal(read_rgb(elsewhere), picture)
    assert elsewhere.with_suffix(".json").read_text() == "the person's own"


def replace_output(config: ExplainConfig, output: Path) -> ExplainConfig:
    return config.model_copy(update={"output": output})
