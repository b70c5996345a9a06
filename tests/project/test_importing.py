"""Imports are one undo step, take nothing twice, and leave nothing half done."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from cvstudio.core.annotation import Review, Shape, Split, Task
from cvstudio.core.errors import FormatError, ProjectError
from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.core.masks import Mask, mask_of
from cvstudio.formats.base import Problem, ProblemKind
from cvstudio.project import commands, exporting, import_copying, importing, queries
from cvstudio.project.import_words import what_became
from cvstudio.project.importing import Cancelled
from cvstudio.project.project import Project

NAMES = ("a cell", 'quotes "and" /slashes\\ 😀', "Größe")


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Callable[..., Project]]:
    made: list[Project] = []

    def make(task: Task = Task.DETECT) -> Project:
        made.append(Project.create(tmp_path / f"project{len(made)}", task=task))
        return made[-1]

    yield make
    for project in made:
        project.close()


def coco(folder: Path, *, images: int = 6, boxes: int = 3, seed: int = 0) -> Path:
    """A COCO set of distinct images; file names repeat in two folders."""
    rng = np.random.default_rng(seed)
    listed, annotations = [], []
    for n in range(images):
        name = f"{'one' if n % 2 else 'two'}/img {n // 2}.png"
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (60, 80, 3), np.uint8)).save(path)
        listed.append({"id": n + 100, "file_name": name, "width": 80, "height": 60})
        for _ in range(boxes):
            x, y, w, h = (float(v) for v in rng.uniform(1.5, 29, 4))
            annotations.append(
                {
                    "id": len(annotations) + 1000,
                    "image_id": n + 100,
                    "category_id": int(rng.integers(0, len(NAMES))) * 7 + 1,
                    "bbox": [x, y, w, h],
                    "area": w * h,
                    "iscrowd": 0,
                    "segmentation": [],
                }
            )
    data = {
        "images": listed,
        "categories": [{"id": i * 7 + 1, "name": name} for i, name in enumerate(NAMES)],
        "annotations": annotations,
    }
    (folder / "labels.json").write_text(json.dumps(data))
    return folder


def bring(project: Project, source: Path, **more: Any) -> importing.ImportReport:
    return importing.run(project, importing.plan(project, source), **more)


def state(project: Project) -> tuple[int, int, int]:
    with project.read() as s:
        totals = queries.totals(s)
        return totals.images, totals.annotations, totals.classes


def test_a_plan_shows_everything_and_changes_nothing(new, tmp_path: Path) -> None:
    project, source = new(), coco(tmp_path / "source")
    (source / "images" / "one" / "img 0.png").write_bytes(b"")
    plan = importing.plan(project, source)
    assert (plan.format, len(plan.images), plan.annotation_count) == ("coco", 5, 15)
    assert plan.new_classes == list(NAMES)
    assert sum(plan.class_counts().values()) == 15
    assert plan.bytes == sum(image.size for image in plan.images)
    (problem,) = plan.problems
    assert problem.text == "img 0.png is empty: the file has 0 bytes."
    assert state(project) == (0, 0, 0)


def test_an_import_is_one_undo_step(new, tmp_path: Path) -> None:
    project, source = new(), coco(tmp_path / "source")
    with project.transaction("Before") as s:
        commands.add_class(s, name=NAMES[0])
    bring(project, source)
    assert state(project) == (6, 18, 3)
    assert project.undo_label == "Import source"
    project.undo()
    assert state(project) == (0, 0, 1)
    project.redo()
    assert state(project) == (6, 18, 3)


def test_importing_again_doubles_nothing(new, tmp_path: Path) -> None:
    project, source = new(), coco(tmp_path / "source")
    bring(project, source)
    plan = importing.plan(project, source)
    assert plan.known_count == 6
    report = importing.run(project, plan)
    assert (report.added, report.known, report.annotations, report.doubles) == (0, 6, 0, 18)
    moved = tmp_path / "moved"
    shutil.move(source, moved)
    elsewhere = importing.plan(project, moved)
    assert elsewhere.known_count == 6  # by their content
    importing.run(project, elsewhere)
    assert state(project) == (6, 18, 3)


def test_labels_join_images_that_came_first(new, tmp_path: Path) -> None:
    project, source = new(), coco(tmp_path / "source")
    importing.run(project, importing.plan_images(project, [source / "images"]))
    assert state(project) == (6, 0, 0)
    bring(project, source)
    assert state(project) == (6, 18, 3)
    with project.read() as s:
        assert queries.review_counts(s)[Review.LABELLED] == 6


def test_known_images_are_left_alone_when_the_user_says_so(new, tmp_path: Path) -> None:
    project, source = new(), coco(tmp_path / "source")
    importing.run(project, importing.plan_images(project, [source / "images"]))
    report = bring(project, source, known="skip")
    assert (report.known, report.annotations) == (6, 0)
    assert state(project)[:2] == (6, 0)


def test_images_of_the_same_name_in_two_folders_are_two(new, tmp_path: Path) -> None:
    project, source = new(), coco(tmp_path / "source")
    bring(project, source, copy=True)
    with project.read() as s:
        records = queries.images(s, queries.image_ids(s))
    assert len({r.uri for r in records}) == 6
    for record in records:
        copied = project.image_path(record)
        assert copied.parent == project.images_directory
        assert copied.stat().st_size == record.size


def test_missing_splits_are_dealt_out_and_given_ones_stay(new, tmp_path: Path) -> None:
    project = new(Task.CLASSIFY)
    for split, count in (("train", 8), ("test", 2)):
        for name in ("x", "y"):
            for n in range(count):
                path = tmp_path / "s" / split / name / f"{n}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("L", (8, 8), n * 20 + len(split) + ord(name)).save(path)
    bring(project, tmp_path / "s", splits=(0.5, 0.5, 0.0))
    with project.read() as s:
        assert queries.split_counts(s)[Split.TRAIN] == 16
        assert queries.split_counts(s)[Split.TEST] == 4
    second = new()
    bring(second, coco(tmp_path / "source"), splits=(0.5, 0.5, 0.0))
    with second.read() as s:
        counts = queries.split_counts(s)
    assert (counts[Split.TRAIN], counts[Split.VAL]) == (3, 3)


def test_a_full_disk_while_copying_leaves_nothing_behind(
    new, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, source = new(), coco(tmp_path / "source")
    plan = importing.plan(project, source)
    real, calls = import_copying._write, []

    def fills_up(stream, piece: bytes) -> None:
        calls.append(stream)
        if len(calls) == 4:
            stream.write(piece[: len(piece) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        real(stream, piece)

    monkeypatch.setattr(import_copying, "_write", fills_up)
    with pytest.raises(ProjectError, match="The disk is full: nothing was imported"):
        importing.run(project, plan, copy=True)
    assert len(calls) == 4
    assert list(project.images_directory.iterdir()) == []
    assert state(project) == (0, 0, 0)
    assert project.undo_label is None


def test_a_full_disk_while_writing_rows_leaves_nothing_behind(new, tmp_path: Path) -> None:
    project, source = new(), coco(tmp_path / "source", images=40, boxes=60)
    plan = importing.plan(project, source)
    with project.read() as s:
        pages = s.connection().exec_driver_sql("PRAGMA page_count").scalar()
    limit_pages(project, pages + 20)
    with pytest.raises(ProjectError, match="The disk is full"):
        importing.run(project, plan, copy=True)
    assert list(project.images_directory.iterdir()) == []
    limit_pages(project, 1_000_000)
    assert state(project) == (0, 0, 0)
    importing.run(project, plan, copy=True)
    assert state(project)[:2] == (40, 2400)


def limit_pages(project: Project, count: int) -> None:
    """SQLite's own way to run out of space, on every connection of the project."""
    from sqlalchemy import event

    engine = project._engine
    engine.dispose()

    @event.listens_for(engine, "connect")
    def limit(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {count}")


@pytest.mark.parametrize("when", ["Copying images", "Adding annotations", "Saving"])
def test_cancelling_at_any_time_leaves_nothing_behind(new, tmp_path: Path, when: str) -> None:
    project, source = new(), coco(tmp_path / "source")
    plan = importing.plan(project, source)
    seen: list[str] = []

    def progress(doing: str, _done: int, _total: int) -> None:
        seen.append(doing)
        if doing == when:
            raise Cancelled

    with pytest.raises(Cancelled):
        importing.run(project, plan, copy=True, progress=progress)
    assert seen[-1] == when
    assert list(project.images_directory.iterdir()) == []
    assert state(project) == (0, 0, 0)


def test_planning_can_be_cancelled(new, tmp_path: Path) -> None:
    project, source = new(), coco(tmp_path / "source")
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 3

    with pytest.raises(Cancelled):
        importing.plan(project, source, cancelled=cancelled)


def test_each_page_of_a_multi_page_file_is_an_image(new, tmp_path: Path) -> None:
    project = new()
    stack = np.arange(3 * 20 * 30, dtype=np.uint16).reshape(3, 20, 30) * 30
    tifffile.imwrite(tmp_path / "stack.tif", stack, photometric="minisblack")
    (tmp_path / "words.png").write_text("not an image")
    plan = importing.plan_images(project, [tmp_path / "stack.tif", tmp_path / "words.png"])
    assert [p.text for p in plan.problems] == ["words.png is a text file, not an image."]
    importing.run(project, plan, copy=True)
    with project.read() as s:
        records = queries.images(s, queries.image_ids(s))
    assert [(r.page, r.pages, r.bit_depth) for r in records] == [(0, 3, 16), (1, 3, 16), (2, 3, 16)]
    assert len({r.uri for r in records}) == 1


def test_a_source_that_is_not_there_or_empty_is_a_sentence(new, tmp_path: Path) -> None:
    project = new()
    with pytest.raises(FormatError, match="There is nothing at"):
        importing.plan(project, tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match="There are no images in"):
        importing.plan(project, tmp_path / "empty")


# Leaving and returning


@pytest.mark.parametrize(("name", "limit"), [("coco", 0.0), ("yolo", 1e-3), ("voc", 0.51)])
def test_boxes_leave_and_return(new, tmp_path: Path, name: str, limit: float) -> None:
    first, second = new(), new()
    source = coco(tmp_path / "source", images=8)
    # A class name in VOC and YOLO may hold anything; two files of one name are told apart.
    bring(first, source, splits=(0.5, 0.25, 0.25))
    report = exporting.export(first, tmp_path / "out", format=name)
    assert (report.images, report.annotations) == (8, 24)
    bring(second, tmp_path / "out")
    with first.read() as s, second.read() as t:
        names = [{c.id: c.name for c in queries.classes(x)} for x in (s, t)]
        theirs = {r.sha256: r for r in queries.images(t, queries.image_ids(t))}
        for mine in queries.images(s, queries.image_ids(s)):
            other = theirs.pop(mine.sha256)
            assert other.split == mine.split
            a, b = queries.annotations(s, mine.id), queries.annotations(t, other.id)
            assert [names[0][x.class_id] for x in a] == [names[1][x.class_id] for x in b]
            for x, y in zip(a, b, strict=True):
                for corner in ("x", "y", "right", "bottom"):
                    assert abs(getattr(x.box, corner) - getattr(y.box, corner)) <= limit
        assert not theirs


def shapes_project(project: Project, tmp_path: Path, shapes: list[Shape]) -> None:
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (60, 80, 3), np.uint8)).save(
        tmp_path / "only.png"
    )
    importing.run(project, importing.plan_images(project, [tmp_path / "only.png"]))
    with project.transaction("Label") as s:
        for n, shape in enumerate(shapes):
            class_id = commands.add_class(s, name=f"class {n}")
            commands.add_annotation(s, image_id=1, class_id=class_id, shape=shape)


RING = Part(
    np.array([[10.0, 10], [40, 10], [40, 40], [10, 40]]),
    (np.array([[20.0, 20], [30, 20], [30, 30], [20, 30]]),),
)
HOLED = Polygon((RING,))
PARTS = Polygon(
    (
        Part(np.array([[50.0, 5], [60, 5], [60, 15], [50, 15]])),
        Part(np.array([[65.0, 5], [75, 5], [75, 15], [65, 15]])),
    )
)


def pixels(shape: Shape) -> np.ndarray:
    mask = mask_of(shape) if isinstance(shape, Polygon) else shape
    assert isinstance(mask, Mask)
    return mask.full(60, 80)


def test_holes_and_parts_survive_coco_to_the_pixel(new, tmp_path: Path) -> None:
    first, second = new(Task.INSTANCE), new(Task.INSTANCE)
    shapes_project(first, tmp_path, [HOLED, PARTS])
    exporting.export(first, tmp_path / "out", format="coco")
    bring(second, tmp_path / "out")
    with second.read() as s:
        holed, parts = queries.annotations(s, 1)
    assert np.array_equal(pixels(holed.shape), pixels(HOLED))
    assert parts.shape == PARTS


def test_holes_survive_masks_to_the_pixel(new, tmp_path: Path) -> None:
    first = new(Task.SEGMENT)
    shapes_project(first, tmp_path, [HOLED, mask_of(PARTS)])
    for style, file in (("indexed", "png"), ("indexed", "tif"), ("colour", "png")):
        out, second = tmp_path / f"{style}{file}", new(Task.SEGMENT)
        options = {"style": style, "file": file}
        exporting.export(first, out, format="masks", options=options)
        report = bring(second, out)
        assert report.classes == ("class 0", "class 1")
        with first.read() as s, second.read() as t:
            found = queries.annotations(t, 1)
            colours = [[c.colour.upper() for c in queries.classes(x)] for x in (s, t)]
        assert np.array_equal(pixels(found[0].shape), pixels(HOLED))
        assert np.array_equal(pixels(found[1].shape), pixels(PARTS))
        assert colours[0] == colours[1]


def test_yolo_says_what_becomes_of_holes_and_keeps_their_area(new, tmp_path: Path) -> None:
    first, second = new(Task.INSTANCE), new(Task.INSTANCE)
    shapes_project(first, tmp_path, [HOLED, PARTS, Box(2, 50, 5, 6)])
    report = exporting.export(first, tmp_path / "out", format="yolo")
    assert "1 object with holes was written as one line that runs into the hole and back." in (
        report.losses
    )
    assert any("several parts" in words for words in report.losses)
    assert any("box was written as an outline" in words for words in report.losses)
    bring(second, tmp_path / "out")
    with second.read() as s:
        holed, parts, box = queries.annotations(s, 1)
    assert holed.shape.area == pytest.approx(800, abs=1e-3)
    assert parts.shape.area == pytest.approx(200, abs=1e-3)
    assert box.shape.area == pytest.approx(30, abs=1e-3)


def test_an_edited_shape_does_not_leave_with_its_old_numbers(new, tmp_path: Path) -> None:
    project, source = new(), coco(tmp_path / "source", images=1, boxes=2)
    labels = json.loads((source / "labels.json").read_text())
    for found in labels["annotations"]:
        found["area"] = 12.25  # as the source says it, whatever the box
    (source / "labels.json").write_text(json.dumps(labels))
    bring(project, source)
    with project.transaction("Move") as s:
        commands.set_shape(s, id=1, shape=Box(1, 2, 30, 40))
    exporting.export(project, tmp_path / "out", format="coco")
    out = json.loads((tmp_path / "out/annotations/instances.json").read_text())
    assert [a["id"] for a in out["annotations"]] == [1000, 1001]
    assert out["annotations"][0]["area"] == 1200
    assert out["annotations"][1] == labels["annotations"][1]


def test_reviewed_and_empty_leaves_and_returns_and_unlabelled_stays_at_home(
    new, tmp_path: Path
) -> None:
    first, source = new(), coco(tmp_path / "source", images=3)
    bring(first, source)
    with first.transaction("Review") as s:
        commands.delete_annotations(
            s, ids=[a.id for i in (1, 2) for a in queries.annotations(s, i)]
        )
        commands.set_review(s, image_ids=[1], review=Review.EMPTY)
    for name in ("coco", "yolo", "voc"):
        report = exporting.export(first, tmp_path / name, format=name)
        assert "1 image that nobody has labelled was left out." in report.losses
        second = new()
        bring(second, tmp_path / name)
        with second.read() as s:
            assert queries.review_counts(s)[Review.EMPTY] == 1
            assert queries.totals(s).images == 2


def test_class_folders_leave_and_return_with_any_name(new, tmp_path: Path) -> None:
    first, second = new(Task.CLASSIFY), new(Task.CLASSIFY)
    importing.run(
        first, importing.plan_images(first, [coco(tmp_path / "source", images=4) / "images"])
    )
    with first.transaction("Label") as s:
        ids = [commands.add_class(s, name=name) for name in ("a/b", "CON 😀", "test")]
        for image, class_id in ((1, 0), (2, 1), (3, 2)):
            commands.set_image_class(s, image_ids=[image], class_id=ids[class_id])
    report = exporting.export(first, tmp_path / "out", format="folders")
    assert 'Class "a/b" became the folder "a_b".' in " ".join(report.losses)
    done = bring(second, tmp_path / "out")
    assert (done.added, done.annotations) == (3, 3)
    assert set(done.classes) == {"a_b", "CON 😀", "test_2"}


def test_an_export_overwrites_nothing_and_leaves_no_half(
    new, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = new()
    with pytest.raises(ProjectError, match="nothing to export"):
        exporting.export(project, tmp_path / "out", format="coco")
    bring(project, coco(tmp_path / "source"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious.txt").write_text("x")
    with pytest.raises(ProjectError, match="is not empty"):
        exporting.export(project, tmp_path / "full", format="coco")
    with pytest.raises(Cancelled):
        exporting.export(project, tmp_path / "out", format="voc", cancelled=lambda: True)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("cvstudio.formats.images.shutil.copyfile", full)
    with pytest.raises(FormatError, match="No space left"):
        exporting.export(project, tmp_path / "out", format="yolo")
    assert not list(tmp_path.glob("*out*"))
    assert not list(tmp_path.glob(".*partial"))


def test_an_image_whose_file_is_gone_is_reported_and_the_rest_leaves(new, tmp_path: Path) -> None:
    project, source = new(), coco(tmp_path / "source")
    bring(project, source)
    (source / "images" / "one" / "img 0.png").unlink()
    report = exporting.export(project, tmp_path / "out", format="coco")
    assert report.images == 5
    assert "its file is missing" in report.problems[0].text


def test_the_report_says_what_became_of_boxes_without_area(new, tmp_path: Path) -> None:
    source = coco(tmp_path / "data", images=2, boxes=3)
    file = source / "labels.json"
    content = json.loads(file.read_text())
    for annotation in content["annotations"][:2]:
        annotation["bbox"][2] = 0
    file.write_text(json.dumps(content))
    report = bring(new(), source)
    assert report.annotations == 4
    assert "Left out: 2 shapes without area." in report.sentences()


def test_every_kind_of_problem_reads_as_a_sentence_for_one_and_for_many() -> None:
    for kind in ProblemKind:
        one, many = (what_became([Problem(kind, "")] * count)[0] for count in (1, 2))
        assert "1 " in one
        assert "2 " in many
        assert one.endswith(".")
        assert one != many


def test_copies_of_a_file_are_all_taken_and_never_parted(new, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(3)
    for number in range(12):
        Image.fromarray(rng.integers(0, 256, (20, 20, 3), np.uint8)).save(folder / f"{number}.png")
    for number in range(3):
        shutil.copyfile(folder / f"{number}.png", folder / f"copy of {number}.png")
    project = new()
    plan = importing.plan(project, folder)
    assert [problem.kind for problem in plan.problems] == [ProblemKind.SAME_CONTENT] * 3
    assert "all are taken, and they share a split" in plan.problems[0].text
    for seed in range(4):
        report = importing.run(project, plan, splits=(0.4, 0.3, 0.3), seed=seed)
        assert report.added == 15
        assert "3 files come more than once" in report.sentences()[-1]
        with project.read() as s:
            splits: dict[str, set[Split | None]] = {}
            for image in queries.images(s, list(report.image_ids)):
                splits.setdefault(image.sha256, set()).add(image.split)
        assert all(len(found) == 1 for found in splits.values())
        project.undo()


@pytest.mark.parametrize(
    ("classes", "expected"),
    [(["membrane"], ["membrane"]), ([], ["foreground"]), (["a", "b"], ["a", "b", "foreground"])],
)
def test_black_and_white_masks_show_the_one_class_of_the_project(
    tmp_path: Path, classes: list[str], expected: list[str]
) -> None:
    for name in ("images", "masks"):
        (tmp_path / "data" / name).mkdir(parents=True)
    for number in range(2):
        pixels = np.zeros((20, 30), np.uint8)
        Image.fromarray(pixels + 90).save(tmp_path / "data/images" / f"{number}.png")
        pixels[4:9, 5:15] = 255
        Image.fromarray(pixels).save(tmp_path / "data/masks" / f"{number}.png")
    with Project.create(tmp_path / "p", task=Task.SEGMENT, classes=classes) as project:
        bring(project, tmp_path / "data")
        with project.read() as s:
            assert [c.name for c in queries.classes(s)] == expected
            counts = queries.class_counts(s)
            ids = {c.name: c.id for c in queries.classes(s)}
    assert {id: count for id, count in counts.items() if count} == {ids[expected[-1]]: 2}


def pictures(source: Path, *folders: str) -> Path:
    """A folder with an image of its own in each of its folders."""
    for number, name in enumerate(folders):
        (source / name).mkdir(parents=True)
        Image.fromarray(np.full((8, 9, 3), 20 * number, np.uint8)).save(source / name / "a.png")
    return source


def test_folders_are_splits_and_no_classes_where_objects_are_labelled(new, tmp_path: Path) -> None:
    source = pictures(tmp_path / "source", "train2017", "val2017", "plate1", "testbench")
    found = new(Task.DETECT)
    plan = importing.plan(found, source)
    assert (plan.format, plan.classes) == ("images", [])
    assert plan.split_counts() == {Split.TRAIN: 1, Split.VAL: 1, None: 2}
    importing.run(found, plan)
    with found.read() as s:
        assert queries.classes(s) == []
        assert queries.review_counts(s)[Review.UNLABELLED] == 4
    asked = importing.plan(found, source, format="folders")
    assert [c.name for c in asked.classes] == ["plate1", "testbench", "train2017", "val2017"]


def test_folders_stay_classes_where_whole_images_are_classified(new, tmp_path: Path) -> None:
    plan = importing.plan(new(Task.CLASSIFY), pictures(tmp_path / "source", "plate1", "plate2"))
    assert [c.name for c in plan.classes] == ["plate1", "plate2"]
