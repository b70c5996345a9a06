"""Real data sets go in with format auto, come out in each format, and go in again unchanged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cvstudio.core.annotation import Kind, Review, Split, Task
from cvstudio.core.geometry import Box
from cvstudio.formats.coco import EMPTY_KEY
from cvstudio.project import exporting, importing, queries
from cvstudio.project.project import Project

pytestmark = pytest.mark.shared_data


@pytest.fixture
def new(tmp_path: Path) -> Iterator[object]:
    made: list[Project] = []

    def make(task: Task) -> Project:
        made.append(Project.create(tmp_path / f"project{len(made)}", task=task))
        return made[-1]

    yield make
    for project in made:
        project.close()


def bring(project: Project, source: Path, **more: object) -> importing.ImportReport:
    return importing.run(project, importing.plan(project, source), **more)


def content(project: Project) -> dict[str, list[tuple[str, Kind, tuple[float, ...]]]]:
    with project.read() as s:
        names = {c.id: c.name for c in queries.classes(s)}
        ids = queries.image_ids(s)
        found = queries.annotations_of(s, ids)
        return {
            r.sha256: [
                (names[a.class_id], a.kind, (a.box.x, a.box.y, a.box.w, a.box.h))
                for a in found[r.id]
            ]
            for r in queries.images(s, ids)
        }


def test_blood_cells_come_in_with_splits_and_without_the_two_boxes_of_no_area(
    new, shared_data: Path
) -> None:
    project = new(Task.DETECT)
    report = bring(project, shared_data / "det_bccd")
    assert (report.added, report.annotations) == (364, 4886)
    assert [p.kind.value for p in report.problems] == ["no area", "no area"]
    with project.read() as s:
        counts = {c.name: queries.class_counts(s)[c.id] for c in queries.classes(s)}
        assert counts == {"Platelets": 361, "RBC": 4153, "WBC": 372}
        assert queries.split_counts(s)[Split.TRAIN] == 205
        assert queries.split_counts(s)[Split.VAL] == 87
        assert queries.split_counts(s)[Split.TEST] == 72


@pytest.mark.parametrize(("name", "limit"), [("coco", 1e-3), ("yolo", 1e-3), ("voc", 0.51)])
def test_blood_cells_are_the_same_after_leaving_and_returning(
    new, shared_data: Path, tmp_path: Path, name: str, limit: float
) -> None:
    first, second = new(Task.DETECT), new(Task.DETECT)
    bring(first, shared_data / "det_bccd")
    exporting.export(first, tmp_path / "out", format=name)
    plan = importing.plan(second, tmp_path / "out")
    assert plan.format == name
    importing.run(second, plan)
    before, after = content(first), content(second)
    assert before.keys() == after.keys()
    for key, mine in before.items():
        theirs = after[key]
        assert [a[0] for a in mine] == [a[0] for a in theirs]
        a = np.array([item[2] for item in mine])
        b = np.array([item[2] for item in theirs])
        assert np.abs(a - b).max(initial=0) <= limit
    with first.read() as s, second.read() as t:
        assert queries.split_counts(s) == queries.split_counts(t)


def test_polygons_runs_and_crowds_survive_coco_to_coco_exactly(
    new, shared_data: Path, tmp_path: Path
) -> None:
    project = new(Task.INSTANCE)
    source = shared_data / "inst_tinycoco" / "tinycoco"
    report = bring(project, source, bare="empty")
    assert (report.added, report.annotations) == (38, 424)
    exporting.export(project, tmp_path / "out", format="coco")
    said_empty = 0
    for split in ("train", "val"):
        old = json.loads((source / f"annotations/instances_{split}2017.json").read_text())
        file = tmp_path / f"out/annotations/instances_{split}.json"
        new_ = json.loads(file.read_text(encoding="utf-8"))
        for image in new_["images"]:
            said_empty += image.pop(EMPTY_KEY, False)
        assert sorted(new_["images"], key=lambda i: i["id"]) == sorted(
            old["images"], key=lambda i: i["id"]
        )
        assert new_["categories"] == old["categories"]
        assert (new_["info"], new_["licenses"]) == (old["info"], old["licenses"])
        assert {a["id"]: a for a in new_["annotations"]} == {a["id"]: a for a in old["annotations"]}
    assert said_empty == report.empty > 0


def test_keypoints_are_carried_from_coco_to_coco(new, shared_data: Path, tmp_path: Path) -> None:
    project = new(Task.INSTANCE)
    source = shared_data / "inst_tinycoco" / "pose_minicoco"
    bring(project, source)
    exporting.export(project, tmp_path / "out", format="coco")
    old = json.loads((source / "annotations/person_keypoints_val2017.json").read_text())
    out = json.loads((tmp_path / "out/annotations/instances_val.json").read_text(encoding="utf-8"))
    assert {a["id"]: a for a in out["annotations"]} == {a["id"]: a for a in old["annotations"]}
    assert out["categories"] == old["categories"]


def test_sign_digits_come_in_as_ten_classes_in_natural_order(new, shared_data: Path) -> None:
    project = new(Task.CLASSIFY)
    report = bring(project, shared_data / "cls_signdigits", splits=(0.8, 0.2, 0.0))
    assert report.classes == tuple("0123456789")
    with project.read() as s:
        records = queries.images(s, queries.image_ids(s))
        assert len(records) == 900
        assert all(r.review is Review.LABELLED and r.split is not None for r in records)
        assert {len(queries.annotations(s, r.id)) for r in records[::100]} == {1}


def test_membranes_come_in_with_their_masks_and_the_test_images_unlabelled(
    new, shared_data: Path
) -> None:
    project = new(Task.SEGMENT)
    bring(project, shared_data / "sem_membrane")
    with project.read() as s:
        assert [c.name for c in queries.classes(s)] == ["foreground"]
        assert queries.review_counts(s)[Review.LABELLED] == 30
        assert queries.review_counts(s)[Review.UNLABELLED] == 8
        image = next(
            r
            for r in queries.images(s, queries.image_ids(s))
            if r.uri.endswith("train/image/0.png")
        )
        (only,) = queries.annotations(s, image.id)
        assert only.shape.area == 204652  # counted in label/0.png


def test_sandstone_colours_become_classes_and_the_odd_grey_mask_is_reported(
    new, shared_data: Path
) -> None:
    project = new(Task.SEGMENT)
    report = bring(project, shared_data / "sem_sandstone")
    assert (report.added, report.annotations) == (10, 36)
    assert report.classes == ("blue", "green", "red", "yellow")
    (problem,) = report.problems
    assert "Sandstone_Versa0180_mask.png" in problem.text
    with project.read() as s:
        colours = {c.name: c.colour for c in queries.classes(s)}
    assert colours["red"].upper() == "#FF0000"


def test_one_mask_file_an_object_gives_its_class_by_its_name(new, shared_data: Path) -> None:
    project = new(Task.INSTANCE)
    bring(project, shared_data / "inst_pycococreator_shapes")
    with project.read() as s:
        counts = {c.name: queries.class_counts(s)[c.id] for c in queries.classes(s)}
    assert counts == {"square": 3, "circle": 2}


@pytest.mark.parametrize(
    ("folder", "task", "images", "annotations"),
    [
        ("coco_dataset/coco_instances", Task.INSTANCE, 2, 3),
        ("coco_dataset/coco_roboflow", Task.INSTANCE, 2, 3),
        ("coco_dataset/mmdet_coco", Task.INSTANCE, 2, 3),
        ("coco_dataset/coco_captions", Task.INSTANCE, 2, 0),
        ("coco_dataset/coco_panoptic", Task.INSTANCE, 2, 0),
        ("yolo_dataset/strict", Task.DETECT, 1, 2),
        ("yolo_dataset/annotations", Task.DETECT, 1, 2),
        ("yolo_dataset/labels", Task.DETECT, 2, 4),
        ("roboflow_dataset/yolo", Task.DETECT, 3, 4),
        ("roboflow_dataset/voc", Task.DETECT, 3, 4),
        ("voc_dataset/voc_dataset1", Task.DETECT, 2, 2),
        ("imagenet_dataset", Task.CLASSIFY, 4, 3),
        ("imagenet_subsets_dataset", Task.CLASSIFY, 12, 9),
        ("camvid_dataset", Task.SEGMENT, 4, 10),
        ("common_semantic_segmentation_dataset/dataset", Task.SEGMENT, 2, 4),
    ],
)
def test_layouts_of_other_programs_are_recognised(
    new, shared_data: Path, folder: str, task: Task, images: int, annotations: int
) -> None:
    report = bring(new(task), shared_data / "ref_datumaro_assets" / folder)
    assert (report.added, report.annotations) == (images, annotations)


def test_the_voc_challenge_s_own_files_count_from_one(new, shared_data: Path) -> None:
    project = new(Task.DETECT)
    bring(project, shared_data / "ref_datumaro_assets/voc_dataset/voc_dataset1")
    with project.read() as s:
        boxes = [
            a.box
            for found in queries.annotations_of(s, queries.image_ids(s)).values()
            for a in found
        ]
    assert boxes == [Box(0, 1, 3, 3), Box(3, 4, 3, 3)]
