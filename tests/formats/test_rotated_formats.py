"""Rotated boxes leave a project in every format, and come back as far as it can hold them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from cvstudio.cli.main import run
from cvstudio.core.annotation import Shape, Task
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.rotated import RotatedBox, turned
from cvstudio.formats.base import ParsedDataset, Reading
from cvstudio.formats.coco_rotated import rotated_of
from cvstudio.formats.table import by_name, sniff
from cvstudio.project import commands, exporting, importing, queries
from cvstudio.project.project import Project

WIDTH, HEIGHT = 200, 120
ASKEW = RotatedBox(80.5, 60.25, 50, 20, 33.3)
STEEP = RotatedBox(140, 60, 30, 12, -120)


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((HEIGHT, WIDTH, 3), 90, np.uint8)).save(path)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    picture(tmp_path / "camera" / "a.png")
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=["ship", "car"]) as made:
        importing.run(made, importing.plan_images(made, [tmp_path / "camera"]))
        yield made


def draw(project: Project, *shapes: Shape) -> None:
    with project.transaction("Draw") as s:
        for number, shape in enumerate(shapes):
            commands.add_annotation(s, image_id=1, class_id=1 + number % 2, shape=shape)


def there_and_back(project: Project, folder: Path, name: str) -> tuple[list[Shape], list[str]]:
    """The shapes after an export and a reading by the guessed format, and what was lost."""
    report = exporting.export(project, folder / name, format=name)
    guessed = sniff(folder / name, Task.DETECT)
    assert guessed is not None
    assert guessed.name == name
    return shapes_of(guessed.read(folder / name, Reading())), list(report.losses)


def shapes_of(dataset: ParsedDataset) -> list[Shape]:
    assert dataset.problems == []
    return [a.shape for image in dataset.images for a in image.annotations]


def test_coco_gives_the_same_rotated_boxes_back_bit_for_bit(
    project: Project, tmp_path: Path
) -> None:
    edge = RotatedBox(195, 10, 30, 10, 45)  # its corners stand out
    draw(project, ASKEW, STEEP, edge)
    shapes, losses = there_and_back(project, tmp_path, "coco")
    assert shapes == [ASKEW, STEEP, edge]
    assert losses == []
    (file,) = (tmp_path / "coco" / "annotations").iterdir()
    first = json.loads(file.read_text())["annotations"][0]
    assert first["segmentation"] == [ASKEW.corners().ravel().tolist()]
    assert first["bbox"] == [ASKEW.box.x, ASKEW.box.y, ASKEW.box.w, ASKEW.box.h]


@settings(
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(angle=st.floats(-180, 179.9), w=st.floats(1, 500), h=st.floats(1, 500))
def test_what_coco_writes_is_taken_as_long_as_nobody_changed_the_outline(
    angle: float, w: float, h: float
) -> None:
    shape = RotatedBox(100, 100, w, h, angle)
    ring = shape.corners().ravel().tolist()
    told = [shape.cx, shape.cy, shape.w, shape.h, shape.angle]
    assert rotated_of({"rotated_box": told, "segmentation": [ring]}) == shape
    ring[0] += 1
    assert rotated_of({"rotated_box": told, "segmentation": [ring]}) is None


def test_a_rotated_rectangle_of_cvat_is_one_here(project: Project, tmp_path: Path) -> None:
    source = tmp_path / "cvat"
    picture(source / "images" / "a.png")
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": 1, "name": "ship"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [60, 50, 40, 20], "iscrowd": 0,
             "segmentation": [], "area": 800, "attributes": {"occluded": True, "rotation": 30.0}},
        ],
    }  # fmt: skip
    (source / "instances.json").write_text(json.dumps(content))
    with Project.create(tmp_path / "q", task=Task.DETECT) as other:
        importing.run(other, importing.plan(other, source))
        with other.read() as s:
            (annotation,) = queries.annotations(s, 1)
        assert annotation.shape == RotatedBox(80, 60, 40, 20, 30)
        exporting.export(other, tmp_path / "out", format="coco")
    (file,) = (tmp_path / "out" / "annotations").iterdir()
    (item,) = json.loads(file.read_text())["annotations"]
    assert item["attributes"] == {"occluded": True}  # its angle would turn the new bbox again
    box = annotation.box
    assert item["bbox"] == [box.x, box.y, box.w, box.h]


@pytest.mark.parametrize(
    "item",
    [
        {"attributes": {"rotation": 30}},
        {"attributes": {"rotation": 30}, "bbox": [1, 2, 3]},
        {"attributes": {"rotation": 10**400}, "bbox": [1, 2, 3, 4]},
        {"attributes": {"rotation": "left"}, "bbox": [1, 2, 3, 4]},
        {"rotated_box": [10**400, 1, 2, 3, 4], "segmentation": [[0] * 8]},
        {"rotated_box": [1, 2, 3, 4], "segmentation": [[0] * 8]},
        {"rotated_box": [1, 2, 3, 4, 5], "segmentation": [None]},
    ],
)
def test_what_is_said_badly_of_a_turn_is_no_rotated_box(item: dict[str, object]) -> None:
    assert rotated_of(item) is None


@pytest.mark.parametrize("name", ["yolo-obb", "dota"])
def test_formats_by_corners_give_rotated_boxes_back(
    project: Project, tmp_path: Path, name: str
) -> None:
    draw(project, ASKEW, STEEP)
    shapes, losses = there_and_back(project, tmp_path, name)
    assert losses == ["1 image without a split was put into train."]
    for shape, before in zip(shapes, (ASKEW, STEEP), strict=True):
        assert isinstance(shape, RotatedBox)
        assert shape.corners() == pytest.approx(before.corners(), abs=1e-5)
        assert abs(turned(shape.angle - before.angle)) < 1e-4  # the first side stays the first


@pytest.mark.parametrize("name", ["yolo-obb", "dota"])
def test_what_is_no_rotated_box_becomes_one_and_that_is_told(
    project: Project, tmp_path: Path, name: str
) -> None:
    triangle = Polygon.simple([(20, 20), (60, 20), (20, 50)])
    draw(project, ASKEW, Box(10, 10, 30, 20), triangle, Keypoints.of([(5, 5, 2), (9, 9, 2)]))
    shapes, losses = there_and_back(project, tmp_path, name)
    assert len(shapes) == 3
    told = " ".join(losses)
    assert "1 box was written as a rotated box that is not turned" in told
    assert "1 outline or mask was written as the smallest rotated box" in told
    assert "1 set of keypoints was left out" in told


def test_corners_that_stand_out_are_drawn_to_the_edge_for_yolo(
    project: Project, tmp_path: Path
) -> None:
    draw(project, RotatedBox(195, 60, 40, 10, 45), ASKEW)
    _, losses = there_and_back(project, tmp_path, "yolo-obb")
    assert any("stood out over the edge" in text for text in losses)
    (file,) = (tmp_path / "yolo-obb" / "labels").rglob("*.txt")
    numbers = [float(v) for line in file.read_text().splitlines() for v in line.split()[1:]]
    assert min(numbers) >= 0
    assert max(numbers) <= 1


def test_yolo_boxes_around_rotated_ones_lie_on_the_image(project: Project, tmp_path: Path) -> None:
    draw(project, RotatedBox(10, 12, 60, 20, 45))
    exporting.export(project, tmp_path / "out", format="yolo")
    (file,) = (tmp_path / "out" / "labels").rglob("*.txt")
    _, cx, cy, w, h = map(float, file.read_text().split())
    assert min(cx - w / 2, cy - h / 2) == pytest.approx(0)


def test_yolo_outlines_of_rotated_boxes_are_cut_at_the_edge_of_the_image(
    tmp_path: Path,
) -> None:
    out_by_a_corner, beside = RotatedBox(190, 60, 60, 20, 37), RotatedBox(260, 60, 20, 10, 45)
    picture(tmp_path / "camera" / "a.png")
    with Project.create(tmp_path / "p", task=Task.INSTANCE, classes=["ship", "car"]) as made:
        importing.run(made, importing.plan_images(made, [tmp_path / "camera"]))
        draw(made, ASKEW, out_by_a_corner, beside)
        losses = exporting.export(made, tmp_path / "yolo", format="yolo").losses
    whole, cut = shapes_of(by_name("yolo").read(tmp_path / "yolo", Reading()))
    assert isinstance(whole, Polygon)
    assert whole.parts[0].outer == pytest.approx(ASKEW.corners(), abs=1e-5)
    assert isinstance(cut, Polygon)
    assert cut.box.right == pytest.approx(WIDTH)
    seen = [
        bool(out_by_a_corner.contains(x + 0.5, y + 0.5)) for x in range(WIDTH) for y in range(120)
    ]
    assert cut.area == pytest.approx(sum(seen), rel=0.02), "just what lies on the image"
    told = " ".join(losses)
    assert "1 rotated box was written as an outline of four corners" in told
    assert "1 rotated box stood out over the edge: its outline was cut there" in told
    assert "1 rotated box beside its image was left out" in told


def test_voc_boxes_around_rotated_ones_lie_on_the_image(project: Project, tmp_path: Path) -> None:
    edge = RotatedBox(190, 12, 60, 20, 45)
    draw(project, edge)
    shapes, _ = there_and_back(project, tmp_path, "voc")
    (file,) = (tmp_path / "voc" / "Annotations").iterdir()
    found = ElementTree.fromstring(file.read_text())
    told = [int(found.findtext(f"object/bndbox/{k}", "")) for k in ("xmin", "ymin", "xmax", "ymax")]
    assert told == [round(edge.box.x), 0, WIDTH, round(edge.box.bottom)]
    assert shapes == [edge], "the rotated box itself is whole"


def test_voc_holds_rotated_boxes_as_rolabelimg_writes_them(
    project: Project, tmp_path: Path
) -> None:
    draw(project, ASKEW, STEEP)
    shapes, losses = there_and_back(project, tmp_path, "voc")
    for shape, before in zip(shapes, (ASKEW, STEEP), strict=True):
        assert isinstance(shape, RotatedBox)
        assert shape.corners() == pytest.approx(before.corners(), abs=1e-9)
    assert not any("rotated" in text or "rounded" in text for text in losses)


def test_rolabelimgs_own_file_is_read(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "a.xml").write_text(
        "<annotation verified='no'><folder>x</folder><filename>a</filename>"
        "<size><width>200</width><height>120</height><depth>3</depth></size>"
        "<object><type>robndbox</type><name>ship</name><pose>Unspecified</pose>"
        "<robndbox><cx>80.5</cx><cy>60.0</cy><w>50.0</w><h>20.0</h><angle>2.356194</angle>"
        "</robndbox></object>"
        "<object><type>bndbox</type><name>car</name><bndbox><xmin>1</xmin><ymin>2</ymin>"
        "<xmax>31</xmax><ymax>42</ymax></bndbox></object></annotation>"
    )
    one, two = shapes_of(by_name("voc").read(tmp_path, Reading()))
    assert isinstance(one, RotatedBox)
    assert (one.cx, one.cy, one.w, one.h) == (80.5, 60, 50, 20)
    assert one.angle == pytest.approx(135, abs=1e-3)
    assert two == Box(1, 2, 30, 40)


@pytest.mark.parametrize("name", ["yolo", "masks"])
def test_formats_without_rotated_boxes_say_what_became_of_them(
    project: Project, tmp_path: Path, name: str
) -> None:
    draw(project, ASKEW)
    report = exporting.export(project, tmp_path / name, format=name)
    told = " ".join(report.losses)
    assert ("upright box around it" if name == "yolo" else "masks hold areas only") in told


def yolo_lines(folder: Path, *lines: str) -> Path:
    picture(folder / "images" / "train" / "a.png")
    (folder / "labels" / "train").mkdir(parents=True)
    (folder / "labels" / "train" / "a.txt").write_text("\n".join(lines) + "\n")
    (folder / "data.yaml").write_text("train: images/train\nnames: [ship, car]\nnc: 2\n")
    return folder


SLANTED = "0 0.2 0.2 0.4 0.3 0.35 0.5 0.15 0.4"
UPRIGHT = "0 0.2 0.2 0.4 0.2 0.4 0.5 0.2 0.5"
FIVE = "0 0.2 0.2 0.4 0.3 0.35 0.5 0.15 0.4 0.1 0.3"


@pytest.mark.parametrize(
    ("lines", "task", "expected"),
    [
        ([SLANTED, UPRIGHT], Task.DETECT, "yolo-obb"),
        ([SLANTED, UPRIGHT], None, "yolo-obb"),
        ([SLANTED, UPRIGHT], Task.INSTANCE, "yolo"),  # a project of outlines means outlines
        ([UPRIGHT], Task.DETECT, "yolo"),  # boxes that were written as outlines
        ([SLANTED, FIVE], Task.DETECT, "yolo"),
        ([SLANTED, "1 0.5 0.5 0.2 0.2"], Task.DETECT, "yolo"),
    ],
)
def test_four_points_are_rotated_boxes_only_when_all_lines_have_them_and_one_is_askew(
    tmp_path: Path, lines: list[str], task: Task | None, expected: str
) -> None:
    found = sniff(yolo_lines(tmp_path, *lines), task)
    assert found is not None
    assert found.name == expected


def test_rotated_boxes_beside_their_images_are_told_as_well(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text(SLANTED + "\n")
    (tmp_path / "classes.txt").write_text("ship\n")
    (tmp_path / "train.txt").write_text("a.png\n")
    found = sniff(tmp_path, Task.DETECT)
    assert found is not None
    assert found.name == "yolo-obb"
    (shape,) = shapes_of(found.read(tmp_path, Reading()))
    assert isinstance(shape, RotatedBox)


def test_a_person_decides_whether_four_points_are_an_outline(tmp_path: Path) -> None:
    folder = yolo_lines(tmp_path, SLANTED)
    (outline,) = shapes_of(by_name("yolo").read(folder, Reading()))
    (box,) = shapes_of(by_name("yolo-obb").read(folder, Reading()))
    assert isinstance(outline, Polygon)
    assert isinstance(box, RotatedBox)


def test_bad_dota_lines_are_named_by_their_number(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "images" / "P0001.png")
    (tmp_path / "train" / "labelTxt").mkdir()
    (tmp_path / "train" / "labelTxt" / "P0001.txt").write_text(
        "imagesource:GoogleEarth\ngsd:0.146\n"
        "20 20 60 20 60 40 20 40 plane 0\n"
        "20.0 60.0 60.0 50.0 65.0 70.0 25.0 80.0 small-vehicle 1\n"
        "20 20 60 20 60 40 20 40\n"
        "500 500 560 500 560 540 500 540 plane 0\n"
    )
    assert getattr(sniff(tmp_path, Task.DETECT), "name", "") == "dota"
    dataset = by_name("dota").read(tmp_path, Reading())
    (image,) = dataset.images
    assert [(a.class_name, a.attributes) for a in image.annotations] == [
        ("plane", {}), ("small-vehicle", {"difficult": 1}),
    ]  # fmt: skip
    assert [(p.line, p.text) for p in dataset.problems] == [
        (5, "Line 5 of P0001.txt is not four corners and a class."),
        (6, "Line 6 of P0001.txt lies outside the image and was left out."),
    ]
    assert image.split == "train"
    assert [c.name for c in dataset.classes] == ["plane", "small-vehicle"]


def test_the_terminal_imports_and_exports_rotated_boxes(project: Project, tmp_path: Path) -> None:
    draw(project, ASKEW, STEEP)
    project.close()
    new, obb = str(tmp_path / "n"), str(tmp_path / "obb")
    for arguments in (
        ["export", str(project.path), obb, "--format", "yolo-obb"],
        ["new", new, "--task", "detect"],
        ["import", new, obb],
    ):
        assert run(arguments) == 0
    with Project.open(tmp_path / "n") as other, other.read() as s:
        shapes = [a.shape for a in queries.annotations(s, 1)]
    assert [type(shape) for shape in shapes] == [RotatedBox, RotatedBox]
    assert math.isclose(shapes[0].area, ASKEW.area, rel_tol=1e-6)  # type: ignore[union-attr]
