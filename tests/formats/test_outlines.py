"""Outlines measured together are the ones that are measured one by one."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cvstudio.core.geometry import FEW, Polygon, ring_area
from cvstudio.formats import coco
from cvstudio.formats.base import ParsedDataset, Reading
from cvstudio.formats.outlines import measured


def test_boxes_and_areas_are_those_of_each_outline_by_itself() -> None:
    chance = random.Random(3)
    rings = [
        [chance.uniform(-50, 900) for _ in range(2 * chance.randint(3, 3 * FEW))]
        for _ in range(200)
    ]
    found = measured(list(enumerate(rings)))
    assert sorted(found) == list(range(200))
    for number, ring in enumerate(rings):
        alone = Polygon.simple(np.array(ring).reshape(-1, 2))
        assert found[number].polygon == alone
        box, own = found[number].box, alone.box
        assert (box.x, box.y, box.w, box.h) == (own.x, own.y, own.w, own.h)
        assert found[number].area == pytest.approx(alone.area)


def test_the_area_of_a_ring_does_not_depend_on_how_many_points_it_has() -> None:
    angles = np.linspace(0, 2 * np.pi, 4 * FEW, endpoint=False)
    for count in (3, FEW, FEW + 1, 4 * FEW):
        ring = 100 + 40 * np.stack([np.cos(angles[:count]), np.sin(angles[:count])], axis=1)
        x, y = ring[:, 0], ring[:, 1]
        truth = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
        assert ring_area(ring) == pytest.approx(truth)
        assert ring_area(ring[::-1]) == pytest.approx(truth)


def test_unsound_rings_are_left_to_the_careful_reader() -> None:
    sound = [0, 0, 4, 0, 4, 3]
    rings: list[list[Any]] = [
        sound, [0, 0, 4, 0], [0, 0, 4, 0, 4], [0, 0, float("nan"), 0, 4, 3],
        [0, 0, float("inf"), 0, 4, 3], [0, 0, "four", 0, 4, 3], [[0, 0], [4, 0], [4, 3]] * 2,
        [0, 0, None, 0, 4, 3], [0, 0, 10**400, 0, 4, 3], sound,
    ]  # fmt: skip
    found = measured(list(enumerate(rings)))
    assert sorted(found) == [0, 9]
    assert found[9].area == 6


def test_one_damaged_outline_among_many_is_named_and_the_others_come_in(tmp_path: Path) -> None:
    Image.new("RGB", (100, 80)).save(tmp_path / "a.png")
    rings: list[list[Any]] = [[10, 10, 30, 10, 30, 20 + n] for n in range(12)]
    rings[4] = [10, 10, "here", 10, 30, 20]
    rings[7] = [10, 10, 30, 10]
    items = [
        {"id": n + 1, "image_id": 1, "category_id": 1, "segmentation": [ring]}
        for n, ring in enumerate(rings)
    ]
    image = {"id": 1, "file_name": "a.png", "width": 100, "height": 80}
    content = {"images": [image], "categories": [{"id": 1, "name": "x"}], "annotations": items}
    (tmp_path / "a.json").write_text(json.dumps(content))
    dataset: ParsedDataset = coco.read(tmp_path / "a.json", Reading())
    areas = [a.area for a in dataset.images[0].annotations]
    assert areas == [10 * (10 + n) for n in range(12) if n not in (4, 7)]
    texts = [problem.text for problem in dataset.problems]
    assert [text.split(" ")[1] for text in texts] == ["5", "8"]
    assert "damaged segmentation" in texts[0]
    assert "no area" in texts[1]


def test_images_listed_twice_keep_the_labels_of_both_entries(tmp_path: Path) -> None:
    Image.new("RGB", (100, 80)).save(tmp_path / "a.png")
    images = [{"id": n, "file_name": "a.png", "width": 100, "height": 80} for n in (1, 2)]
    items = [{"id": n, "image_id": n, "category_id": 1, "bbox": [10 * n, 10, 5, 5]} for n in (1, 2)]
    content = {"images": images, "categories": [{"id": 1, "name": "x"}], "annotations": items}
    (tmp_path / "a.json").write_text(json.dumps(content))
    dataset = coco.read(tmp_path / "a.json", Reading())
    assert [len(image.annotations) for image in dataset.images] == [2]
