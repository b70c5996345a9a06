"""Networks that learn classes from crops are shown pictures of the same size ever after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from judge_samples import network_of
from numpy.typing import NDArray
from training_samples import events_of, scene, written

from cvstudio.core.annotation import Split, Task
from cvstudio.core.events import EpochEnded
from cvstudio.core.pieces import MOST_CROPS, window_rules, windows
from cvstudio.core.predictions import read_predictions
from cvstudio.core.recipe import Fit
from cvstudio.core.thresholds import Thresholds
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.data import JudgedItems, SplitImages, TrainingItems
from cvstudio.ml.explaining.explain import explain
from cvstudio.ml.exporting.graph import to_onnx
from cvstudio.ml.exporting.record import record_of, with_record
from cvstudio.ml.load import load_network
from cvstudio.ml.predict import OnnxNetwork
from cvstudio.ml.preprocess import PADDING
from cvstudio.ml.worker import run_job

SIZE = 64


def noise(width: int, height: int, seed: int = 3) -> NDArray[np.uint8]:
    """A picture without the grey of padding."""
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return np.where(pixels == PADDING, np.uint8(0), pixels)


def split_of(folder: Path, *sides: int) -> SplitImages:
    images = [
        scene(folder, n, Task.CLASSIFY, split=Split.VAL, size=side) for n, side in enumerate(sides)
    ]
    return SplitImages(images, size=SIZE, fit=Fit.CROP)


def test_what_is_judged_has_the_sides_of_what_was_learned_from(tmp_path: Path) -> None:
    split = split_of(tmp_path, 100, 40)
    learned = TrainingItems(split, classes=[0, 1], augmenter=None, seed=0)
    judged = JudgedItems(split, classes=[0, 1])
    assert {learned[(1, n, 0)][0].shape for n in range(len(learned))} == {(SIZE, SIZE, 3)}
    assert {judged[(1, n, 0)][0].shape for n in range(len(judged))} == {(SIZE, SIZE, 3)}
    assert set(judged.sizes()) == {(SIZE, SIZE)}
    # Of the smaller image there is one crop only, with the same grey at its right and bottom.
    assert np.array_equal(learned[(1, len(learned) - 1, 0)][0], judged[(1, len(judged) - 1, 0)][0])


def test_windows_of_a_larger_image_show_all_of_it_and_no_padding(tmp_path: Path) -> None:
    split = split_of(tmp_path, 100)
    whole = read_rgb(split.images[0].path)
    items = JudgedItems(split, classes=[0])
    places = windows(100, 100, SIZE)
    assert len(items) == len(places)
    covered = np.zeros((100, 100), bool)
    for n, (left, top, right, bottom) in enumerate(places):
        assert np.array_equal(items[(1, n, 0)][0], whole[top:bottom, left:right])
        covered[top:bottom, left:right] = True
    assert covered.all()


@pytest.mark.parametrize(
    "sides", [(1, 1), (64, 64), (65, 64), (100, 80), (500, 64), (289, 288), (5000, 40), (9000, 700)]
)
def test_windows_lie_inside_are_bounded_in_number_and_reach_all_edges(
    sides: tuple[int, int],
) -> None:
    places = windows(*sides, SIZE)
    assert len(set(places)) == len(places) <= MOST_CROPS
    for left, top, right, bottom in places:
        assert (right - left, bottom - top) == (min(SIZE, sides[0]), min(SIZE, sides[1]))
    lefts, tops, rights, bottoms = zip(*places, strict=True)
    assert (min(lefts), min(tops), max(rights), max(bottoms)) == (0, 0, *sides)


def test_a_classified_image_is_the_mean_of_its_windows_and_is_seen_at_no_other_size() -> None:
    torch.set_num_threads(1)
    network = network_of(Task.CLASSIFY, "resnet18", size=SIZE, fit=Fit.CROP)
    seen: list[tuple[int, ...]] = []
    network.module.register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0].shape[1:]))
    rgbs = [noise(100, 90), noise(30, 50), noise(64, 64)]
    found = network.predict(rgbs, [7, 8, 9])
    assert set(seen) == {(3, SIZE, SIZE)}
    assert [p.image_id for p in found] == [7, 8, 9]
    parts = [np.ascontiguousarray(rgbs[0][t:b, x:r]) for x, t, r, b in windows(100, 90, SIZE)]
    one_by_one = network.predict(parts, range(len(parts)))
    for class_id in network.class_ids:
        mean = np.mean([p.scores[class_id] for p in one_by_one])
        assert found[0].scores[class_id] == pytest.approx(mean, abs=1e-6)


def test_an_image_of_several_classes_is_the_mean_of_its_windows() -> None:
    torch.set_num_threads(1)
    network = network_of(Task.CLASSIFY, "resnet18", size=SIZE, fit=Fit.CROP)
    network = replace(network, config=network.config.model_copy(update={"several_classes": True}))
    (found,) = network.predict([noise(100, 64)], [1])
    parts = [np.ascontiguousarray(noise(100, 64)[:, x:r]) for x, _, r, _ in windows(100, 64, SIZE)]
    single = network.predict(parts, range(len(parts)))
    for class_id, score in found.scores.items():
        assert score == pytest.approx(np.mean([p.scores[class_id] for p in single]), abs=1e-6)


def test_the_rule_told_to_other_programs_is_the_one_that_is_followed() -> None:
    rules = window_rules(SIZE)
    size, most = int(rules["size"]), int(rules["most_a_side"])
    for width, height in ((100, 80), (64, 20), (700, 9000)):
        starts = []
        for side in (width, height):
            count = min(1 + max(-(-2 * (side - size) // size), 0), most)
            gaps = max(count - 1, 1)
            starts.append([round(max(side - size, 0) * n / gaps) for n in range(count)])
        assert [(x, y) for y in starts[1] for x in starts[0]] == [
            place[:2] for place in windows(width, height, size)
        ]


@pytest.mark.parametrize("method", ["gradcam", "occlusion"])
def test_evidence_is_looked_for_in_the_windows_that_tell_the_class(method: str) -> None:
    torch.set_num_threads(1)
    network = network_of(Task.CLASSIFY, "resnet18", size=SIZE, fit=Fit.CROP)
    seen: list[tuple[int, ...]] = []
    network.module.register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0].shape[2:]))
    rgb = noise(100, 70)
    (answer,) = network.predict([rgb], [1])
    seen.clear()
    found = explain(network, rgb, method=method)
    assert set(seen) == {(SIZE, SIZE)}
    assert found.heat.shape == (70, 100)
    assert 0 <= found.heat.min() <= found.heat.max() <= 1
    assert found.class_id == max(answer.scores, key=lambda one: answer.scores[one])
    assert found.score == pytest.approx(answer.scores[found.class_id], abs=1e-5)


def test_an_exported_file_answers_from_the_same_windows_and_says_so(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    network = network_of(Task.CLASSIFY, "mobilenet_v3_small", size=SIZE, fit=Fit.CROP)
    model = to_onnx(network)
    record = record_of(network, model, run="run-1", report={}, counts=Thresholds())
    assert record.input["windows"] == window_rules(SIZE)
    file = tmp_path / "network.onnx"
    file.write_bytes(with_record(model, record))
    rgbs = [noise(100, 70), noise(30, 40), noise(300, 64)]
    ours, theirs = (each.predict(rgbs, [1, 2, 3]) for each in (network, OnnxNetwork(file)))
    for one, other in zip(ours, theirs, strict=True):
        assert other.scores == pytest.approx(one.scores, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("several", [False, True])
def test_the_film_of_an_epoch_the_report_and_later_answers_say_the_same_of_crops(
    tmp_path: Path, several: bool
) -> None:
    torch.set_num_threads(1)
    images = [
        scene(tmp_path, n, Task.CLASSIFY, split=Split.VAL if n % 3 == 0 else Split.TRAIN, size=100)
        for n in range(12)
    ]
    job = written(
        tmp_path / "run", Task.CLASSIFY, images, network="resnet18", fit=Fit.CROP, image_size=SIZE,
        epochs=2, several=several, batch=4, learning_rate=3e-3,
    )  # fmt: skip
    assert run_job(job.path) == 0
    best = [event.epoch for event in events_of(job, EpochEnded) if event.best][-1]
    told = {p.image_id: p.scores for p in read_predictions(job.predictions("val"))}
    shown = {p.image_id: p.scores for p in read_predictions(job.predictions(f"epoch-{best:04d}"))}
    assert set(shown) == set(told) == {1, 4, 7, 10}
    network = load_network(job.path)
    for image in images[::3]:
        (answer,) = network.predict([read_rgb(image.path)], [image.id])
        assert answer.scores == pytest.approx(told[image.id], abs=1e-4)
        assert shown[image.id] == pytest.approx(told[image.id], abs=1e-4)
