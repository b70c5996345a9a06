"""Attributes in COCO files as CVAT writes them: brought in, asked for, changed, and out again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from cvstudio.core.annotation import Task
from cvstudio.core.attributes import Attribute, AttributeKind, values_in
from cvstudio.core.opencv import cv2
from cvstudio.project import (
    attribute_changes,
    attributes,
    commands,
    copying,
    exporting,
    finding,
    importing,
    queries,
    tracks,
)
from cvstudio.project.attribute_changes import Edit
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter

CARRIED = {"occluded": False, "form": "round", "z_order": 7}


def source(folder: Path) -> Path:
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.zeros((40, 50, 3), np.uint8))
    boxes = [
        {"id": n, "image_id": 1, "category_id": 1, "bbox": [n, 2, 10, 10], "area": 100,
         "iscrowd": 0, "segmentation": [], **more}
        for n, more in ((1, {"attributes": CARRIED, "note": "theirs"}), (2, {}))
    ]  # fmt: skip
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 50, "height": 40}],
        "categories": [{"id": 1, "name": "cell"}],
        "annotations": boxes,
    }
    file = folder / "instances.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def written(folder: Path) -> list[dict[str, Any]]:
    (file,) = (folder / "annotations").glob("*.json")
    found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["annotations"]
    return found


def test_attributes_go_through_the_project_and_those_that_nobody_asks_for_are_not_lost(
    tmp_path: Path,
) -> None:
    with Project.create(tmp_path / "p", task=Task.DETECT) as project:
        importing.run(project, importing.plan(project, source(tmp_path / "in")))
        form = Attribute("form", AttributeKind.CHOICE, choices=("round", "sickle"))
        with project.transaction("Define") as s:
            attribute_changes.define(s, class_id=1, edits=[Edit(form)])
            first, second = (a.id for a in queries.annotations(s, 1))
            attributes.set_value(s, ids=[first, second], name="form", value="sickle")
        exporting.export(project, tmp_path / "out", format="coco")
    one, two = written(tmp_path / "out")
    assert one["attributes"] == {"occluded": False, "form": "sickle", "z_order": 7}
    assert one["note"] == "theirs"
    assert two["attributes"] == {"form": "sickle"}
    with Project.create(tmp_path / "q", task=Task.DETECT) as again:
        importing.run(again, importing.plan(again, tmp_path / "out"))
        with again.read() as s:
            held = [values_in(a.attributes) for a in queries.annotations(s, 1)]
    assert held == [
        {"occluded": False, "form": "sickle", "z_order": 7, "note": "theirs"}, {"form": "sickle"},
    ]  # fmt: skip


def test_numbers_that_files_do_not_know_stop_neither_queries_nor_copies(tmp_path: Path) -> None:
    file = source(tmp_path / "in")
    content = json.loads(file.read_text())
    content["annotations"][1] |= {"likelihood": float("nan"), "seen": [float("inf")], "torn": True}
    file.write_text(json.dumps(content))
    with Project.create(tmp_path / "p", task=Task.DETECT) as project:
        importing.run(project, importing.plan(project, file))
        # What an older version has stored.
        with project.transaction("Draw") as s:
            old = queries.annotations(s, 1)[0]
            commands.set_attributes(s, id=old.id, attributes={"likelihood": float("nan")})
        with project.transaction("Copy") as s:
            finding.check(s, "attribute:torn=yes")
            assert queries.image_ids(s, ImageFilter(query="attribute:torn=yes")) == [1]
            again = queries.annotations(s, 1)[1]
            assert (again.attributes["likelihood"], again.attributes["seen"]) == (None, [None])
            commands.set_attributes(s, id=again.id, attributes={"track_id": 1})
            assert len(copying.copy_annotations(s, ids=[old.id, again.id], image_ids=[1])) == 2
            assert tracks.link(s, ids=[old.id]) == 2


def test_numbers_too_large_to_be_any_are_told_or_carried(tmp_path: Path) -> None:
    file = source(tmp_path / "in")
    content = json.loads(file.read_text())
    content["annotations"][0]["area"] = 10**400
    content["annotations"][1]["bbox"][3] = 10**400
    content["images"][0]["height"] = 10**400
    file.write_text(json.dumps(content))
    with Project.create(tmp_path / "p", task=Task.DETECT) as project:
        report = importing.run(project, importing.plan(project, file))
        assert report.problems
        with project.read() as s:
            (kept,) = queries.annotations(s, 1)
    assert kept.attributes["coco"]["area"] == 10**400
