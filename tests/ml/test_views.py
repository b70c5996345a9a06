"""Test-time augmentation: several views of an image, one answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from training_samples import run_directory

from cvstudio.core.annotation import Task
from cvstudio.core.config import EvaluateConfig, Views
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import Fit
from cvstudio.core.snapshot import read_snapshot
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.decode import decode
from cvstudio.ml.environment import prepare
from cvstudio.ml.evaluate import read_report, run_evaluate
from cvstudio.ml.load import load_network
from cvstudio.ml.preprocess import placement_for
from cvstudio.ml.views import seen_from
from cvstudio.ml.worker import run_job

prepare()
SIDE = 64
PLACE = placement_for(SIDE, SIDE, size=SIDE, fit=Fit.PAD)
ALL = [Views.MIRRORED, Views.ALL]


def spot(x: int, y: int) -> NDArray[np.float32]:
    batch = np.zeros((1, 3, SIDE, SIDE), np.float32)
    batch[0, :, y - 4 : y + 4, x - 4 : x + 4] = 1
    return batch


def finder(batch: NDArray[np.float32]) -> list[NDArray[Any]]:
    """A detector of bright pixels: one box around them, and one anchor that finds nothing."""
    outputs = np.zeros((len(batch), 5 + 2, 2), np.float32)
    maps = np.stack([batch[:, 0, ::4, ::4] - 0.5, -np.ones((len(batch), 16, 16))], axis=1)
    for row, image in enumerate(batch):
        ys, xs = np.nonzero(image[0] > 0)
        left, right, top, bottom = xs.min(), xs.max() + 1, ys.min(), ys.max() + 1
        outputs[row, :, 0] = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top,
                              0.9, 1.0, 0.0)  # fmt: skip
    return [outputs, maps.astype(np.float32)]


@pytest.mark.parametrize("views", ALL)
def test_an_object_is_found_once_and_in_its_place_from_all_sides(views: Views) -> None:
    compute = seen_from(finder, Task.INSTANCE, views)
    outputs = [array[0] for array in compute(spot(20, 44))]
    found = decode(Task.INSTANCE, outputs, PLACE, class_ids=[7], image_id=1).objects
    assert len(found) == 1
    box = found[0].box
    assert (box.x, box.y, box.w, box.h) == pytest.approx((16, 40, 8, 8))
    assert found[0].mask is not None
    centre = found[0].mask.box
    assert centre.x + centre.w / 2 == pytest.approx(20, abs=2)
    assert centre.y + centre.h / 2 == pytest.approx(44, abs=2)


@pytest.mark.parametrize("views", ALL)
def test_what_only_one_side_shows_is_found_too(views: Views) -> None:
    def one_sided(batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        outputs, maps = finder(batch)
        outputs[:, 4] *= (outputs[:, 0] > SIDE / 2).astype(np.float32)  # blind on the left
        return [outputs[:, :5], maps]

    for compute, count in ((one_sided, 0), (seen_from(one_sided, Task.DETECT, views), 1)):
        outputs = [compute(spot(20, 44))[0][0]]
        found = decode(Task.DETECT, outputs, PLACE, class_ids=[7], image_id=1).objects
        assert len(found) == count


@pytest.mark.parametrize("views", ALL)
def test_pixels_and_classes_are_the_mean_of_the_probabilities(views: Views) -> None:
    def brightness(batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        return [np.stack([batch[:, 0], 1 - batch[:, 0]], axis=1)]

    batch = np.random.default_rng(0).random((2, 3, SIDE, SIDE)).astype(np.float32)
    plain, seen = brightness(batch)[0], seen_from(brightness, Task.SEGMENT, views)(batch)[0]
    shares = np.exp(plain) / np.exp(plain).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.exp(seen), shares, atol=1e-5)

    def left_half(batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        value = batch[:, 0, :, : SIDE // 2].mean(axis=(1, 2))
        return [np.stack([value * 9, 1 - value * 9], axis=1)]

    mirrored = np.ascontiguousarray(batch[..., ::-1])
    answers = [seen_from(left_half, Task.CLASSIFY, views)(b)[0] for b in (batch, mirrored)]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("task", [Task.CLASSIFY, Task.SEGMENT, Task.DETECT, Task.INSTANCE])
def test_a_network_that_looks_from_both_sides_answers_mirrored_images_alike(
    tmp_path: Path, task: Task
) -> None:
    job = run_directory(tmp_path, task, epochs=1)
    assert run_job(job.path) == 0
    network = load_network(job.path, views=Views.MIRRORED)
    image = read_snapshot(job.snapshot).images[0]
    rgb = read_rgb(image.path)
    plain, turned = network.predict([rgb, np.ascontiguousarray(rgb[:, ::-1])], [1, 2])
    if task is Task.CLASSIFY:
        assert plain.scores == pytest.approx(turned.scores, abs=1e-4)
    elif task is Task.SEGMENT:
        areas = [{key: mask.area for key, mask in p.regions.items()} for p in (plain, turned)]
        assert areas[0] == pytest.approx(areas[1], abs=4)
    else:
        scores = [sorted((o.score for o in p.objects), reverse=True)[:5] for p in (plain, turned)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-3)
    judged = JobDir(tmp_path / "judged")
    judged.path.mkdir()
    run_evaluate(judged, EvaluateConfig(run_directory=job.path, views=Views.MIRRORED))
    assert read_report(judged)["val"]["views"] == "mirrored"
