"""The terminal says what an import makes of silence, and can keep a folder together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from cvstudio.__main__ import main
from cvstudio.core.annotation import Review
from cvstudio.core.opencv import cv2
from cvstudio.project import queries
from cvstudio.project.project import Project


def coco(folder: Path) -> Path:
    """Two images in a folder each, of which the first has a box; both of 16 bits."""
    random = np.random.default_rng(1)
    for name in ("one/a.tif", "two/b.tif"):
        (folder / name).parent.mkdir(parents=True)
        tifffile.imwrite(folder / name, random.integers(800, 4000, (30, 40)).astype(np.uint16))
    images = [{"id": 1, "file_name": "one/a.tif"}, {"id": 2, "file_name": "two/b.tif"}]
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 10, 10]}
    data = {"images": images, "categories": [{"id": 1, "name": "cell"}], "annotations": [box]}
    (folder / "labels.json").write_text(json.dumps(data))
    return folder


def answer(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_an_import_says_and_obeys_what_is_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, project = coco(tmp_path / "source"), tmp_path / "p"
    assert main(["new", str(project), "--task", "detect"]) == 0
    capsys.readouterr()
    assert main(["import", str(project), str(source), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "1 image has no annotation, and the source does not say why: unlabelled." in said
    command = ["import", str(project), str(source), "--group-by", "folder", "--empty", "empty"]
    assert main([*command, "--json"]) == 0
    content = answer(capsys)
    assert (content["empty"], content["unlabelled"]) == (1, 0)
    low, high = content["windows"]["16"]
    assert 800 <= low < 900
    assert 3900 < high <= 4000
    with Project.open(project, write=False) as opened, opened.read() as s:
        records = queries.images(s, queries.image_ids(s))
    assert [r.review for r in records] == [Review.LABELLED, Review.EMPTY]
    assert [r.group.rpartition("/")[2] for r in records] == ["one", "two"]
    assert {r.window for r in records} == {(low, high)}


def test_plain_images_are_not_asked_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, project = tmp_path / "plain", tmp_path / "p"
    source.mkdir()
    cv2.imwrite(str(source / "a.png"), np.zeros((20, 20, 3), np.uint8))
    assert main(["new", str(project), "--task", "detect"]) == 0
    capsys.readouterr()
    assert main(["import", str(project), str(source)]) == 0
    assert "without annotations" not in capsys.readouterr().out
