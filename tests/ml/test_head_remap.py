"""Starting from weights that know other classes: what is known of classes in common stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_samples import CLASSES, events_of, run_directory, written

from cvstudio.core import events
from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.networks import network
from cvstudio.core.snapshot import Snapshot, read_snapshot, write_snapshot
from cvstudio.ml.checkpoint import read_checkpoint
from cvstudio.ml.environment import prepare
from cvstudio.ml.networks.build import build, rows_of
from cvstudio.ml.networks.remap import carried_over, matched
from cvstudio.ml.worker import run_job

prepare()
RING = LabelClass(9, "ring", "#0000FF", "3", 2)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("resnet18", {"fc.weight", "fc.bias"}),
        ("vit_tiny", {"head.weight", "head.bias"}),
        ("unet-resnet18", {"segmentation_head.0.weight", "segmentation_head.0.bias"}),
        (
            "fasterrcnn-mobilenet",
            {f"roi_heads.box_predictor.{part}.{kind}" for part in ("cls_score", "bbox_pred")
             for kind in ("weight", "bias")},
        ),
    ],
)  # fmt: skip
def test_the_weights_with_rows_for_classes_are_known_of_every_kind_of_network(
    name: str, wanted: set[str]
) -> None:
    info = network(name)
    rows = rows_of(
        info, build(info, classes=2, image_size=info.image_size), classes=2,
        image_size=info.image_size,
    )  # fmt: skip
    assert set(rows) == wanted
    if name == "unet-resnet18":
        assert rows["segmentation_head.0.bias"].before == 1


def test_yolo_carries_the_scores_of_known_classes_over() -> None:
    info = network("yolo11n")
    torch.manual_seed(0)
    old, new = (build(info, classes=n, image_size=64) for n in (2, 3))
    rows = rows_of(info, new, classes=3, image_size=64)
    taken = carried_over(new.state_dict(), old.state_dict(), rows, {0: 1})
    assert len(taken) == 6
    for name, value in taken.items():
        assert torch.equal(value[0], old.state_dict()[name][1])
        assert torch.equal(value[1:], new.state_dict()[name][1:])


def test_classes_are_the_same_by_id_in_a_project_and_by_name_elsewhere() -> None:
    disc, square = CLASSES
    renamed = replace(disc, name="circle")
    swapped = (square, renamed, RING)
    assert matched(CLASSES, swapped, by_id=True) == {0: 1, 1: 0}
    assert matched(CLASSES, swapped, by_id=False) == {0: 1}
    other = LabelClass(7, " Square", "#000000", "", 0)
    assert matched(CLASSES, (other,), by_id=False) == {0: 1}


@pytest.mark.slow
@pytest.mark.parametrize("task", [Task.CLASSIFY, Task.SEGMENT])
def test_a_run_with_a_new_class_keeps_what_the_last_one_knew_and_says_so(
    tmp_path: Path, task: Task
) -> None:
    first = run_directory(tmp_path / "first", task, epochs=1)
    assert run_job(first.path) == 0
    images = read_snapshot(first.snapshot).images
    second = written(
        tmp_path / "second" / "run", task, list(images), start="run", weights_file=first.best,
        epochs=1, learning_rate=1e-9, weight_decay=0,
    )  # fmt: skip
    classes = (RING, CLASSES[1], CLASSES[0])
    write_snapshot(second.snapshot, Snapshot(task, classes, images))
    assert run_job(second.path) == 0, second.log.read_text()
    notes = [note.text for note in events_of(second, events.Note)]
    assert any("square, disc is taken over, ring begins anew" in text for text in notes), notes
    before, after = (read_checkpoint(job.last).weights for job in (first, second))
    name = {Task.CLASSIFY: "classifier.3.bias", Task.SEGMENT: "segmentation_head.0.bias"}[task]
    start = 1 if task is Task.SEGMENT else 0
    old = before[name][start:]
    assert torch.allclose(after[name][start + 1 :], old.flip(0), atol=1e-5)
    if start:
        assert torch.allclose(after[name][0], before[name][0], atol=1e-5)
