"""Detectors that learn from crops at full scale, and see large images in tiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from training_samples import events_of, scene, written

from cvstudio.core import events
from cvstudio.core.annotation import Split, Task
from cvstudio.core.geometry import Box
from cvstudio.core.predictions import Found
from cvstudio.core.recipe import Fit
from cvstudio.ml.answer import answer
from cvstudio.ml.data import SplitImages
from cvstudio.ml.decode import best_of
from cvstudio.ml.engine.objects import ObjectItems
from cvstudio.ml.environment import prepare
from cvstudio.ml.evaluate import read_report
from cvstudio.ml.load import load_network
from cvstudio.ml.preprocess import Preprocessing
from cvstudio.ml.worker import run_job

prepare()
PLAIN = Preprocessing(640, Fit.CROP, (0, 0, 0), (1, 1, 1))
INDEX = {7: 0, 3: 1}


def finder(batch: NDArray[np.float32]) -> list[NDArray[Any]]:
    """A detector that boxes every bright blob, as far as it is in the picture."""
    rows = []
    for image in batch:
        blobs = ndimage.find_objects(ndimage.label(image[0] > 0.9)[0])
        found = [
            (
                (c.start + c.stop) / 2,
                (r.start + r.stop) / 2,
                c.stop - c.start,
                r.stop - r.start,
                0.9,
            )
            for r, c in blobs
        ]
        rows.append(np.array(found or [(0, 0, 0, 0, 0)], np.float32).T)
    return [np.stack(rows)]


@pytest.mark.parametrize(("width", "height"), [(2600, 2300), (1500, 900)])
def test_objects_of_a_large_image_are_found_once_whole_and_in_their_place(
    width: int, height: int
) -> None:
    random = np.random.default_rng(3)
    rgb = np.zeros((height, width, 3), np.uint8)
    wanted = []
    for y in range(20, height - 320, 330):  # some lie over the edges of tiles
        for x in range(20, width - 320, 330):
            w, h = (int(v) for v in random.integers(20, 300, 2))
            rgb[y : y + h, x : x + w] = 255
            wanted.append((x, y, w, h))
    (prediction,) = answer(finder, [rgb], [5], task=Task.DETECT, preprocessor=PLAIN, class_ids=[7])
    found = sorted((o.box.x, o.box.y, o.box.w, o.box.h) for o in prediction.objects)
    assert found == sorted(wanted)
    assert prediction.image_id == 5


def test_of_objects_that_overlap_the_best_of_each_class_stays() -> None:
    boxes = [Box(0, 0, 10, 10), Box(1, 0, 10, 10), Box(0, 0, 10, 10), Box(30, 0, 10, 10)]
    found = [Found(c, s, b) for c, s, b in zip((1, 1, 2, 1), (0.5, 0.9, 0.4, 0.3), boxes,
                                               strict=True)]  # fmt: skip
    assert [(one.class_id, one.score) for one in best_of(found)] == [(1, 0.9), (2, 0.4), (1, 0.3)]


def test_crops_show_objects_at_full_scale_and_leave_out_what_they_hardly_hold(
    tmp_path: Path,
) -> None:
    images = [scene(tmp_path, n, Task.DETECT, split=Split.TRAIN, size=256) for n in range(3)]
    split = SplitImages(images, size=96, fit=Fit.CROP)
    items = ObjectItems(
        split, [i.annotations for i in images], index=INDEX, masks=False, seed=1, training=True
    )
    assert len(items) == 3 * 7  # 256² holds 96² seven times
    shown = 0
    for item in range(len(items)):
        batch = items[(1, item, 0)]
        rgb = batch["img"].numpy().astype(int)
        assert rgb.shape == (96, 96, 3)
        bright = rgb.max(axis=2) - rgb.min(axis=2) > 90
        for x, y, w, h in (batch["bboxes"] * 96).tolist():
            shown += 1
            inside = bright[
                round(y - h / 2) : round(y + h / 2), round(x - w / 2) : round(x + w / 2)
            ]
            assert inside.mean() > 0.3
            bright = bright & False
        assert bright.mean() < 0.5  # what is not labelled is not much of the crop
    assert shown


@pytest.mark.slow
@pytest.mark.parametrize("task", [Task.DETECT, Task.INSTANCE])
def test_a_detector_learns_from_crops_and_judges_whole_images(tmp_path: Path, task: Task) -> None:
    splits = [Split.TRAIN] * 4 + [Split.VAL] * 2
    images = [scene(tmp_path, n, task, split=s, size=160 + 32 * (n % 2))
              for n, s in enumerate(splits)]  # fmt: skip
    job = written(tmp_path / "run", task, images, fit="crop", image_size=64, epochs=2)
    assert run_job(job.path) == 0, job.log.read_text()
    assert events_of(job, events.StepEnded)[-1].steps == 8  # 6 or 9 crops an image, 4 a step
    assert len(events_of(job, events.Samples)) == 2
    assert "mAP50" in read_report(job)["val"]["metrics"]
    network = load_network(job.path)
    rgb = np.zeros((100, 200, 3), np.uint8)
    array, placement = network.prepare(rgb)
    assert tuple(array.shape) == (1, 3, 128, 224)
    assert (placement.scale_x, placement.left) == (1, 0)


@pytest.mark.slow
def test_a_large_val_image_is_judged_in_tiles_while_training_too(tmp_path: Path) -> None:
    small = [scene(tmp_path, n, Task.DETECT, split=Split.TRAIN, size=96) for n in range(4)]
    large = scene(tmp_path, 9, Task.DETECT, split=Split.VAL, size=2080)
    job = written(tmp_path / "run", Task.DETECT, [*small, large], fit="crop", image_size=64,
                  epochs=1)  # fmt: skip
    assert run_job(job.path) == 0, job.log.read_text()
    assert len(job.state().epochs) == 1
    assert job.report.is_file()
