"""Files and names that are wrong, awkward or equal: each is told or kept, and the rest goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image
from processes import Window, answer, cvstudio

from cvstudio.__main__ import main
from cvstudio.core.annotation import Shape, Split, Task
from cvstudio.core.geometry import Box
from cvstudio.core.masks import Mask
from cvstudio.core.predictions import read_predictions
from cvstudio.core.snapshot import read_snapshot
from cvstudio.formats.folders import folder_names
from cvstudio.project import commands, queries, runs
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

NAMES = ['he said "x/y\\z"', "it's 🔬", "..", "a: b, # c", "<b>&amp;%s{0}", "CON"]
SIDE = 32

TINY = [
    "--epochs", "1", "--set", "start=scratch", "--set", "batch=4", "--set", "workers=0",
    "--set", "image_size=64", "--set", "frozen_epochs=0", "--device", "cpu",
]  # fmt: skip


def picture(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (SIDE, SIDE)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def coco(
    file: Path,
    images: dict[str, tuple[int, int]],
    boxes: dict[str, list[list[int]]],
    *,
    outlines: bool = False,
) -> Path:
    """A COCO file of one class; the images' names are paths from its own folder."""
    ids = {name: number for number, name in enumerate(images, start=1)}
    annotations: list[dict[str, Any]] = []
    for name, found in boxes.items():
        for box in found:
            x, y, w, h = box
            outline = [[x, y, x + w, y, x + w, y + h, x, y + h]]
            annotations.append(
                {
                    **({"segmentation": outline} if outlines else {}),
                    "id": len(annotations) + 1, "image_id": ids[name], "category_id": 1,
                    "bbox": box, "area": w * h, "iscrowd": 0,
                }
            )  # fmt: skip
    content = {
        "images": [
            {"id": ids[name], "file_name": name, "width": size[0], "height": size[1]}
            for name, size in images.items()
        ],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "cell"}],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))
    return file


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A detect project without anything in it."""
    Project.create(tmp_path / "empty", task=Task.DETECT).close()
    return tmp_path / "empty"


def spoilt(folder: Path) -> list[str]:
    """Three files that only look like images; their names."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(folder / "cut.jpg")
    whole = (folder / "cut.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "nothing.png").write_bytes(b"")
    (folder / "letter.png").write_text("Dear aunt,\nthis is no picture.\n")
    return ["cut.jpg", "letter.png", "nothing.png"]


@pytest.mark.parametrize("labelled", [False, True])
def test_files_that_are_no_images_are_named_with_the_reason_and_the_others_come_in(
    empty: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], labelled: bool
) -> None:
    source = tmp_path / "source"
    picture(source / "good.png", (10, 200, 30))
    bad = spoilt(source)
    if labelled:
        names = ["good.png", *bad]
        boxes = {name: [[1, 2, 3, 4]] for name in names}
        coco(source / "labels.json", dict.fromkeys(names, (SIDE, SIDE)), boxes)
    assert main(["import", str(empty), str(source), "--copy", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["added"], said["annotations"]) == (1, int(labelled))
    told = {Path(p["path"]).name: p["text"] for p in said["problems"]}
    assert sorted(told) == sorted(bad)
    for name, text in told.items():
        assert name in text
        assert "Traceback" not in text
        assert "Error" not in text
    with Project.open(empty) as project:
        assert [f.name for f in project.images_directory.iterdir()] == ["good.png"]
        with project.read() as s:
            (record,) = queries.images(s, queries.image_ids(s))
            assert (record.width, record.height) == (SIDE, SIDE)


@pytest.mark.parametrize("share", [0.5, 0.98])
def test_a_coco_file_cut_anywhere_changes_nothing_and_is_told_in_one_line(
    empty: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], share: float
) -> None:
    picture(tmp_path / "source" / "a.png", (1, 2, 3))
    file = coco(
        tmp_path / "source" / "labels.json", {"a.png": (SIDE, SIDE)}, {"a.png": [[1, 1, 9, 9]] * 9}
    )
    whole = file.read_text()
    file.write_text(whole[: int(len(whole) * share)])
    assert main(["import", str(empty), str(file), "--format", "coco", "--copy"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("Error: ")
    assert "labels.json" in line
    with Project.open(empty) as project:
        assert not project.images_directory.exists() or not list(project.images_directory.iterdir())
        assert project.undo_label is None
        with project.read() as s:
            assert (queries.image_ids(s), queries.classes(s)) == ([], [])


def shape_of(task: Task, place: int) -> Shape:
    box = Box(2 + place * 4, 3 + place, 4, 5 + place)
    if task is Task.SEGMENT:
        return mask_of_box(box)
    return None if task is Task.CLASSIFY else box


def mask_of_box(box: Box) -> Mask:
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    pixels[int(box.y) : int(box.y + box.h), int(box.x) : int(box.x + box.w)] = 1
    made = Mask.from_patch(pixels)
    assert made is not None
    return made


def labelled_project(folder: Path, task: Task, *, images: int = 1) -> Path:
    """Each class has as many objects as its place says; their shapes tell the classes apart."""
    with Project.create(folder, task=task, classes=NAMES) as project:
        project.images_directory.mkdir(exist_ok=True)
        with project.transaction("Fill") as s:
            class_ids = [c.id for c in queries.classes(s)]
            for number in range(images):
                for place, class_id in enumerate(class_ids):
                    if task is not Task.CLASSIFY and place:
                        continue
                    colour = (40 * place, 10 * number, 100)
                    path = picture(project.images_directory / f"{number}-{place}.png", colour)
                    (image_id,) = commands.add_images(
                        s, [NewImage(uri=project.uri_of(path), width=SIDE, height=SIDE)]
                    )
                    there = [(place, class_id)] if task is Task.CLASSIFY else enumerate(class_ids)
                    for which, each in there:
                        commands.add_annotation(
                            s, image_id=image_id, class_id=each, shape=shape_of(task, which)
                        )
                    split = Split.VAL if number % 4 == 3 else Split.TRAIN
                    commands.set_split(s, image_ids=[image_id], split=split)
    return folder


def by_name(folder: Path) -> dict[str, list[tuple[float, ...]]]:
    """The boxes of each class, by its name."""
    with Project.open(folder, write=False) as project, project.read() as s:
        names = {c.id: c.name for c in queries.classes(s)}
        found: dict[str, list[tuple[float, ...]]] = {name: [] for name in names.values()}
        for each in queries.annotations_of(s, queries.image_ids(s)).values():
            for a in each:
                found[names[a.class_id]].append((a.box.x, a.box.y, a.box.w, a.box.h))
    return {name: sorted(boxes) for name, boxes in found.items()}


@pytest.mark.parametrize(
    ("task", "format"),
    [
        (Task.DETECT, "coco"),
        (Task.DETECT, "yolo"),
        (Task.DETECT, "voc"),
        (Task.SEGMENT, "masks"),
        (Task.CLASSIFY, "folders"),
    ],
)
def test_class_names_with_quotes_slashes_and_emoji_go_out_and_come_in_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], task: Task, format: str
) -> None:
    first = labelled_project(tmp_path / "a" / "first", task)
    out = tmp_path / "a" / "out" / "labels"
    out.parent.mkdir()
    beside = {p for p in tmp_path.rglob("*") if not p.is_relative_to(first)}
    assert main(["export", str(first), str(out), "--format", format]) == 0, capsys.readouterr().err
    new = {p for p in tmp_path.rglob("*") if not p.is_relative_to(first)} - beside
    assert all(p.is_relative_to(out) for p in new), "a class name led out of the folder"
    second = tmp_path / "a" / "second"
    assert main(["new", str(second), "--task", task.value]) == 0
    assert main(["import", str(second), str(out), "--copy"]) == 0, capsys.readouterr().err
    before, after = by_name(first), by_name(second)
    if format == "folders":  # a file system cannot hold all names; what it holds instead is said
        names = folder_names(NAMES)
        said = capsys.readouterr().out
        assert all(f'"{names[name]}"' in said for name in NAMES if names[name] != name)
        before = {names[name]: boxes for name, boxes in before.items()}
    assert set(after) == set(before)
    for name, boxes in before.items():
        assert np.allclose(after[name], boxes, atol=0.51 if format == "voc" else 1e-3), name


@pytest.mark.slow
def test_class_names_reach_the_network_and_its_file_unchanged(tmp_path: Path) -> None:
    folder = labelled_project(tmp_path / "project", Task.CLASSIFY, images=4)
    done = cvstudio("train", folder, "--network", "mobilenet_v3_small", *TINY)
    assert done.returncode == 0, done.stderr
    with Project.open(folder, write=False) as project:
        job = runs.job_of(runs.get(project, 1))
    assert [c.name for c in read_snapshot(job.snapshot).classes] == NAMES
    file = tmp_path / "net.onnx"
    answer("export-network", folder, 1, "--output", file)
    (entry,) = onnx.load(file).metadata_props
    assert [c["name"] for c in json.loads(entry.value)["classes"]] == NAMES
    image = next((folder / "images").glob("*.png"))
    said = json.loads(cvstudio("predict", file, image).stdout)
    assert set(said["images"][0]["scores"]) == set(NAMES)


def twins(
    folder: Path, count: int = 1, *, outlines: bool = False
) -> tuple[Path, dict[str, list[list[int]]]]:
    """Two folders with images of the same names, of different sizes, colours and boxes."""
    sizes, boxes = {}, {}
    for number in range(count):
        for place, kind in enumerate(("one", "two")):
            name = f"{kind}/img {number}.png"
            sizes[name] = (48, 32) if place else (32, 48)
            picture(folder / name, (200 * place, 100, 20 * number), sizes[name])
            boxes[name] = [[2 + 9 * n, 4 + place, 8, 10 + 2 * place] for n in range(1 + 2 * place)]
    return coco(folder / "labels.json", sizes, boxes, outlines=outlines), boxes


def boxes_by_size(folder: Path) -> dict[tuple[int, int], list[tuple[float, ...]]]:
    with Project.open(folder, write=False) as project, project.read() as s:
        found = {}
        for record in queries.images(s, queries.image_ids(s)):
            with Image.open(project.image_path(record)) as stored:
                assert stored.size == (record.width, record.height)
            boxes = [a.box for a in queries.annotations(s, record.id)]
            found[record.width, record.height] = sorted((b.x, b.y, b.w, b.h) for b in boxes)
    return found


@pytest.mark.parametrize(
    ("task", "format"),
    [
        ("detect", "coco"),
        ("detect", "yolo"),
        ("detect", "voc"),
        ("instance", "coco"),
        ("instance", "yolo"),
        ("instance", "masks"),
    ],
)
@pytest.mark.parametrize("mode", ["--copy", "--reference"])
def test_two_images_of_one_name_go_in_and_out_without_one_taking_the_others_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], task: str, format: str, mode: str
) -> None:
    file, boxes = twins(tmp_path / "source", outlines=task == "instance")
    first, second, out = (tmp_path / name for name in ("first", "second", "out"))
    truth = {(32, 48): boxes["one/img 0.png"], (48, 32): boxes["two/img 0.png"]}
    for folder in (first, second):
        assert main(["new", str(folder), "--task", task]) == 0
    assert main(["import", str(first), str(file), mode]) == 0
    assert main(["export", str(first), str(out), "--format", format]) == 0
    capsys.readouterr()
    assert main(["import", str(second), str(out), "--copy", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []
    for folder in (first, second):
        found = boxes_by_size(folder)
        assert found.keys() == truth.keys()
        for size, expected in truth.items():
            assert np.allclose(found[size], sorted(expected), atol=0.51), (folder.name, size)


def test_the_gallery_shows_each_of_two_images_of_one_name(
    empty: Path, tmp_path: Path, window: Callable[[str, Path], Window]
) -> None:
    file, _boxes = twins(tmp_path / "source")
    assert main(["import", str(empty), str(file), "--reference"]) == 0
    shown = window("gallery", empty).until(lambda told: "images" in told)["images"]
    reds = sorted(colour[0] for colour in shown.values())
    assert reds == pytest.approx([0, 200], abs=12)


@pytest.mark.slow
def test_images_of_one_name_train_and_are_judged_each_with_its_own_labels(
    empty: Path, tmp_path: Path
) -> None:
    file, boxes = twins(tmp_path / "source", count=4)
    assert main(["import", str(empty), str(file), "--reference"]) == 0
    with Project.open(empty) as project, project.transaction("Split") as s:
        ids = queries.image_ids(s)
        names = {r.id: "/".join(r.uri.split("/")[-2:]) for r in queries.images(s, ids)}
        for image_id, name in names.items():
            split = Split.VAL if "img 3" in name else Split.TRAIN
            commands.set_split(s, image_ids=[image_id], split=split)
    judged = sorted(i for i, name in names.items() if "img 3" in name)
    assert len(judged) == 2
    done = cvstudio("train", empty, "--network", "yolo11n", *TINY)
    assert done.returncode == 0, done.stderr
    with Project.open(empty, write=False) as project:
        job = runs.job_of(runs.get(project, 1))
    found = {p.image_id: p for p in read_predictions(job.predictions("val"))}
    assert sorted(found) == judged
    (row,) = json.loads(job.report.read_text())["val"]["per_class"]
    assert row["labelled"] == sum(len(boxes[names[i]]) for i in judged)
