"""The table of what heat maps of objects are worth can be made of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from judge_samples import network_of, snapshot_of

from cvstudio.checks.heat_of_objects import measure
from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.imaging.decode import read_rgb


def test_each_map_is_measured_beside_its_shuffled_self_and_a_blob(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    network = network_of(Task.DETECT, "yolo11n", size=96)
    snapshot = snapshot_of(tmp_path, Task.DETECT, count=1)
    with pytest.raises(ConfigError, match="finds none"):
        measure(network, snapshot, count=1)
    head: Any = network.module.model[-1]  # type: ignore[index]
    for branch in head.cv3:
        torch.nn.init.constant_(branch[-1].bias, 1.0)  # from now on it sees objects everywhere
    image = snapshot.images[0]
    found = network.predict([read_rgb(image.path)], [0])[0].objects
    largest = max(found, key=lambda one: one.box.area)
    label = replace(image.annotations[0], class_id=largest.class_id, box=largest.box)
    labelled = replace(snapshot, images=(replace(image, annotations=(label,)),))
    done, rows = measure(network, labelled, count=3, methods=("layercam", "gradcam"))
    assert done == 1
    assert set(rows) == {
        "LayerCAM", "LayerCAM: the same, shuffled", "Grad-CAM", "Grad-CAM: the same, shuffled",
        "a blob in the box",
    }  # fmt: skip
    assert rows["a blob in the box"].hits == [1.0]
    for name, row in rows.items():
        assert 0 <= row.inside[0] <= 1
        assert row.left[0] > 0
        assert len(row.likeness) == (name in ("LayerCAM", "Grad-CAM"))
    assert rows["LayerCAM"].words("LayerCAM").count("|") == 6

    with pytest.raises(ConfigError, match="find objects"):
        measure(network_of(Task.CLASSIFY, "resnet18", size=64), labelled, count=1)
