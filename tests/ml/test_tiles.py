"""Large images go through a segmenter in tiles, and what comes out is what the whole would give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from judge_samples import network_of, snapshot_of
from numpy.typing import NDArray
from torch import nn
from training_samples import scene, written

from cvstudio.core.annotation import Split, Task
from cvstudio.core.events import Ended, Outcome
from cvstudio.core.predictions import read_predictions
from cvstudio.core.recipe import Fit
from cvstudio.core.thresholds import Thresholds
from cvstudio.ml import tiles
from cvstudio.ml.answer import answer
from cvstudio.ml.evaluate import batches
from cvstudio.ml.exporting.record import record_of
from cvstudio.ml.loading import Batches
from cvstudio.ml.preprocess import Preprocessing
from cvstudio.ml.worker import run_job

_GRAPH = onnx.GraphProto(input=[onnx.ValueInfoProto(name="images")])
CROP = Preprocessing(64, Fit.CROP, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))


@pytest.fixture
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(tiles, "WHOLE", 128 * 128)
    monkeypatch.setattr(tiles, "SIDE", 96)
    monkeypatch.setattr(tiles, "MARGIN", 32)


def scenery(height: int, width: int) -> NDArray[np.uint8]:
    """Smooth blobs of colour, so that labels have areas and borders."""
    random = np.random.default_rng(7)
    coarse = torch.from_numpy(random.uniform(0, 255, (1, 3, height // 16, width // 16)))
    fine = nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")
    return np.ascontiguousarray(fine[0].permute(1, 2, 0).clamp(0, 255).numpy().astype(np.uint8))


def near_sighted() -> nn.Module:
    """A network of one step down and up that looks 11 pixels far."""
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(),
        nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(8, 3, 5, padding=2),
    ).eval()  # fmt: skip


class Counting:
    """A compute function that remembers how large its inputs were."""

    def __init__(self, module: nn.Module) -> None:
        self.module, self.shapes = module, list[tuple[int, ...]]()

    def __call__(self, batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        self.shapes.append(batch.shape)
        with torch.no_grad():
            return [self.module(torch.from_numpy(batch)).numpy()]


def label_map_of(module: nn.Module, rgb: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Counting]:
    compute = Counting(module)
    (found,) = answer(
        compute, [rgb], [1], task=Task.SEGMENT, preprocessor=CROP, class_ids=[5, 9]
    )  # fmt: skip
    labels = np.zeros(rgb.shape[:2], np.uint8)
    for value, mask in (found.regions or {}).items():
        mask.paint(labels, value)
    return labels, compute


@pytest.mark.parametrize(("height", "width"), [(200, 333), (97, 500), (192, 192)])
def test_tiles_answer_exactly_like_the_whole_for_a_network_that_looks_less_far(
    monkeypatch: pytest.MonkeyPatch, height: int, width: int
) -> None:
    rgb, module = scenery(height, width), near_sighted()
    whole, once = label_map_of(module, rgb)
    assert len(once.shapes) == 1
    assert len(np.unique(whole)) == 3
    monkeypatch.setattr(tiles, "WHOLE", 128 * 128)
    monkeypatch.setattr(tiles, "SIDE", 96)
    monkeypatch.setattr(tiles, "MARGIN", 32)
    tiled, often = label_map_of(module, rgb)
    assert len(often.shapes) > 1
    assert max(shape[2] * shape[3] for shape in often.shapes) <= 160 * 160
    assert np.mean(tiled != whole) < 1e-4  # the last digit of a sum may decide a tie


def test_tiles_of_a_real_network_agree_with_the_whole_away_from_their_borders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.set_num_threads(1)
    network = network_of(Task.SEGMENT, "unet-mobilenet_v2", size=64, fit=Fit.CROP)
    rgb = scenery(256, 384)
    whole, _ = label_map_of(network.module, rgb)
    monkeypatch.setattr(tiles, "WHOLE", 128 * 128)
    monkeypatch.setattr(tiles, "SIDE", 192)
    monkeypatch.setattr(tiles, "MARGIN", 64)
    tiled, compute = label_map_of(network.module, rgb)
    assert len(compute.shapes) == 4
    inside = np.ones_like(whole, dtype=bool)
    inside[:, 192 - 8 : 192 + 8] = inside[192 - 8 : 192 + 8] = False
    assert np.mean(tiled[inside] == whole[inside]) > 0.97


def test_the_exported_file_says_how_large_images_are_answered() -> None:
    for fit, said in ((Fit.CROP, True), (Fit.PAD, False)):
        network = network_of(Task.SEGMENT, "unet-mobilenet_v2", size=64, fit=fit)
        record = record_of(
            network, onnx.ModelProto(graph=_GRAPH), run="r", report={}, counts=Thresholds()
        )
        assert ("large_images" in record.input) is said
    tile = next(tiles.tiles_of(5000, 5000))
    rules = tiles.rules()
    assert tile.kept.right == rules["side"]
    assert tile.seen.right == tiles.SIDE + tiles.MARGIN == 1024 + int(rules["margin"])


@pytest.mark.usefixtures("small_bounds")
def test_the_kept_parts_of_tiles_cover_an_image_once_and_start_on_the_networks_grid() -> None:
    covered = np.zeros((301, 222), int)
    for tile in tiles.tiles_of(222, 301):
        covered[tile.kept.slices] += 1
        assert tile.seen.left % 32 == tile.seen.top % 32 == 0
        inner = tile.kept.within(tile.seen)
        assert min(inner.left, inner.top) >= 0
        assert tile.seen.right <= 222
        assert tile.seen.bottom <= 301
    assert np.all(covered == 1)


def test_a_batch_of_whole_images_stays_below_the_bound() -> None:
    sizes = [(1024, 1024)] * 6 + [(4096, 4096)] * 2
    plan = list(Batches(sizes, 8, order=None, bounded=True))
    assert [len(members) for members in plan] == [4, 2, 1, 1]
    assert [len(members) for members in Batches(sizes, 8, order=None)] == [6, 2]


def test_many_large_images_are_not_read_at_once(tmp_path: Path) -> None:
    image = snapshot_of(tmp_path, Task.SEGMENT, count=1).images[0]
    small = [replace(image, width=100, height=100)] * 5
    large = [replace(image, width=12_000, height=12_000)] * 3
    how = Preprocessing(64, Fit.CROP, (0.0,) * 3, (1.0,) * 3)
    found = [len(some) for some in batches([*small, *large], 4, how)]
    assert found == [4, 1, 1, 1, 1]


@pytest.mark.slow
@pytest.mark.usefixtures("small_bounds")
def test_a_run_judges_large_images_in_tiles_from_its_first_epoch_to_its_report(
    tmp_path: Path,
) -> None:
    images = [scene(tmp_path, n, Task.SEGMENT, split=Split.TRAIN, size=160) for n in range(4)]
    images += [scene(tmp_path, n, Task.SEGMENT, split=Split.VAL, size=160) for n in (4, 5)]
    job = written(tmp_path / "run", Task.SEGMENT, images, fit=Fit.CROP, image_size=64, epochs=1)
    assert run_job(job.path) == 0
    events = list(job.read_events())
    (ended,) = [e for e in events if isinstance(e, Ended)]
    assert ended.outcome is Outcome.FINISHED
    found = list(read_predictions(job.predictions("val")))
    assert {p.image_id for p in found} == {5, 6}
