"""labelme's files and those of X-AnyLabeling come in whole, and go out as their programs read them.

labelme is not installed for the tests: what its loader insists on is held in `taken_by_labelme`.
"""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from cvstudio.cli.main import run
from cvstudio.core.annotation import Review, Shape, Split, Task
from cvstudio.core.attributes import Attribute, AttributeKind
from cvstudio.core.errors import FormatError
from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask, mask_of
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.skeleton import Skeleton, pack
from cvstudio.formats.base import ParsedDataset, ProblemKind, Reading
from cvstudio.formats.table import by_name, sniff
from cvstudio.project import attributes, commands, exporting, importing, queries, rows, skeletons
from cvstudio.project.project import Project

WIDTH, HEIGHT = 200, 120
BOTH = ("labelme", "x-anylabeling")


def picture(path: Path, shade: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((HEIGHT, WIDTH, 3), shade, np.uint8)).save(path)
    return path


def shape(label: str, kind: str, points: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "label": label, "points": points, "group_id": None, "description": "",
        "shape_type": kind, "flags": {}, "mask": None, **more,
    }  # fmt: skip


def file(folder: Path, shapes: list[Any], *, name: str = "a", **more: Any) -> Path:
    """A labelme file beside its image."""
    picture(folder / f"{name}.png")
    content = {
        "version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": f"{name}.png",
        "imageData": None, "imageHeight": HEIGHT, "imageWidth": WIDTH, **more,
    }  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(content, indent=2))
    return folder


def read(source: Path, name: str = "labelme") -> ParsedDataset:
    return by_name(name).read(source, Reading())


def png(patch: Any) -> str:
    stream = io.BytesIO()
    Image.fromarray(np.asarray(patch, np.uint8) * 255).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def kinds(dataset: ParsedDataset) -> list[str]:
    return sorted(str(problem.kind) for problem in dataset.problems)


# Reading


def test_every_kind_of_shape_of_labelme_comes_in(tmp_path: Path) -> None:
    patch = np.zeros((6, 9), np.uint8)
    patch[1:5, 2:8] = 1
    patch[2:4, 4:6] = 0
    ring = [[10, 10], [60, 12], [40, 50]]
    corners = [[100, 20], [120, 40], [110, 50], [90, 30]]
    dataset = read(
        file(
            tmp_path,
            [
                shape("cell", "rectangle", [[50.5, 60], [20, 30.25]]),
                shape("cell", "polygon", ring),
                shape("cell", None, ring),
                shape("hole", "mask", [[30, 40], [38, 45]], mask=png(patch)),
                shape("ship", "oriented_rectangle", corners),
                shape("tip", "point", [[12.5, 99]]),
            ],
        )
    )
    assert dataset.problems == []
    (image,) = dataset.images
    box, outline, untyped, mask, turned, point = (a.shape for a in image.annotations)
    assert box == Box(20, 30.25, 30.5, 29.75)
    assert outline == untyped == Polygon.simple(np.array(ring, np.float64))
    assert isinstance(mask, Mask)
    assert (mask.x, mask.y, mask.area) == (32, 41, 20)
    assert not mask.contains(35, 43)
    assert isinstance(turned, RotatedBox)
    assert np.allclose(turned.corners(), corners)
    assert point == Keypoints.of([12.5, 99, 2])
    assert [c.name for c in dataset.classes] == ["cell", "hole", "ship", "tip"]
    assert dataset.classes[-1].skeleton == Skeleton(("tip",))


def test_the_dialect_of_x_anylabeling_comes_in(tmp_path: Path) -> None:
    corners = RotatedBox(100, 60, 40, 20, 30).corners().tolist()
    shapes = [
        {
            "label": "car", "score": 0.87, "points": [[10, 20], [60, 20], [60, 50], [10, 50]],
            "group_id": None, "description": "second from left", "difficult": True,
            "shape_type": "rectangle", "flags": {"parked": True, "towed": False},
            "attributes": {"colour": "red"}, "kie_linking": [[1, 2]],
        },
        shape(
            "car", "rotation", corners, direction=math.radians(30), attributes={"colour": "blue"}
        ),
        shape("sign", "quadrilateral", [[0, 0], [20, 2], [18, 30], [1, 28]]),
    ]  # fmt: skip
    dataset = read(file(tmp_path, shapes, checked=True), "x-anylabeling")
    assert dataset.problems == []
    (image,) = dataset.images
    assert image.reviewed
    box, turned, sign = image.annotations
    assert box.shape == Box(10, 20, 50, 30)
    assert box.attributes == {
        "attributes": {"colour": "red", "parked": True, "towed": False},
        "description": "second from left", "difficult": 1, "score": 0.87, "kie_linking": [[1, 2]],
    }  # fmt: skip
    assert isinstance(turned.shape, RotatedBox)
    assert turned.shape.angle == pytest.approx(30)
    assert isinstance(sign.shape, Polygon)
    assert dataset.classes[0].attributes == (
        Attribute("colour", AttributeKind.CHOICE, choices=("blue", "red")),
        Attribute("parked", AttributeKind.CHECKBOX),
        Attribute("towed", AttributeKind.CHECKBOX),
    )


def test_a_circle_becomes_a_polygon_a_tenth_of_a_pixel_from_it(tmp_path: Path) -> None:
    for number, radius in enumerate((0.5, 7.0, 50.0)):
        shapes = [shape("drop", "circle", [[100, 60], [100 + radius, 60]])]
        (image,) = read(file(tmp_path / str(number), shapes)).images
        (annotation,) = image.annotations
        assert isinstance(annotation.shape, Polygon)
        (part,) = annotation.shape.parts
        middles = (part.outer + np.roll(part.outer, 1, axis=0)) / 2
        for points in (part.outer, middles):
            away = np.abs(np.hypot(*(points - (100, 60)).T) - radius)
            assert away.max() <= 0.1 + 1e-9


def test_pieces_of_one_class_and_group_are_one_object(tmp_path: Path) -> None:
    left, right = [[0, 0], [10, 0], [10, 10]], [[50, 0], [60, 0], [60, 10]]
    shapes = [
        shape("cow", "polygon", left, group_id=3),
        shape("cow", "polygon", right, group_id=3),
        shape("cow", "polygon", right, group_id=4),
        shape("dog", "polygon", right, group_id=3),
        shape("cow", "polygon", right),
        shape("cow", "polygon", left, group_id=4, description="another one"),
    ]
    (image,) = read(file(tmp_path, shapes)).images
    parts = [len(a.shape.parts) for a in image.annotations if isinstance(a.shape, Polygon)]
    assert parts == [2, 1, 1, 1, 1]
    assert image.annotations[0].attributes == {"group_id": 3}


def test_points_in_the_group_of_a_box_are_its_keypoints(tmp_path: Path) -> None:
    def person(group: int, x: float) -> list[dict[str, Any]]:
        return [
            shape("person", "rectangle", [[x, 10], [x + 40, 90]], group_id=group),
            shape("nose", "point", [[x + 20, 15]], group_id=group),
            shape("hand", "point", [[x + 5, 50]], group_id=group, difficult=True),
        ]

    first, second = person(1, 10), person(2, 100)
    second.pop(1)
    dataset = read(file(tmp_path, first + second))
    (image,) = dataset.images
    assert dataset.classes[0].skeleton == Skeleton(("nose", "hand"))
    assert [c.name for c in dataset.classes] == ["person"]
    points = [a.shape for a in image.annotations if isinstance(a.shape, Keypoints)]
    assert points == [
        Keypoints.of([[30, 15, 2], [15, 50, 1]]),
        Keypoints.of([[0, 0, 0], [105, 50, 1]]),
    ]
    assert sum(isinstance(a.shape, Box) for a in image.annotations) == 2


def test_set_flags_of_an_image_are_its_classes(tmp_path: Path) -> None:
    (image,) = read(file(tmp_path, [], flags={"blurred": True, "night": False})).images
    assert [(a.class_name, a.shape) for a in image.annotations] == [("blurred", None)]
    assert not image.empty
    (nothing,) = read(file(tmp_path / "b", [], flags={"night": False})).images
    assert nothing.empty


def test_lines_are_told_and_kept(tmp_path: Path) -> None:
    shapes = [
        shape("wire", "line", [[0, 0], [9, 9]]),
        shape("wire", "linestrip", [[0, 0], [9, 9], [20, 9]]),
        shape("wire", "linestrip", [[5, 5], [9, 9]]),
    ]
    dataset = read(file(tmp_path, shapes))
    assert [p.text for p in dataset.problems] == [
        "1 line is not drawn here: kept, and written again in an export for labelme.",
        "2 line strips are not drawn here: kept, and written again in an export for labelme.",
    ]
    assert {p.kind for p in dataset.problems} == {ProblemKind.CARRIED}
    assert not dataset.images[0].empty


def test_an_image_inside_its_label_file_comes_in_without_any_other(tmp_path: Path) -> None:
    source = file(tmp_path / "s", [shape("cell", "rectangle", [[1, 2], [30, 40]])])
    stream = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    Image.fromarray(noise).save(stream, "PNG")
    text = base64.b64encode(stream.getvalue()).decode()
    label = source / "a.json"
    content = json.loads(label.read_text())
    label.write_text(json.dumps({**content, "imageData": text}))
    (source / "a.png").unlink()
    with Project.create(tmp_path / "p", task=Task.DETECT) as project:
        report = importing.run(project, importing.plan(project, source))
        assert report.problems == ()
        with project.read() as s:
            (record,) = queries.images(s, queries.image_ids(s))
        path = project.image_path(record)
        assert path.is_relative_to(project.path)
        assert np.array_equal(np.asarray(Image.open(path)), noise)


def test_an_image_file_wins_over_the_image_inside(tmp_path: Path) -> None:
    source = file(tmp_path, [], imageData=base64.b64encode(b"not even an image").decode())
    dataset = read(source)
    assert dataset.problems == []
    assert dataset.images[0].path == source / "a.png"


def test_the_name_of_a_key_inside_another_text_is_no_image(tmp_path: Path) -> None:
    said = 'see "imageData": "x"'
    nested = {"imageData": "kept"}
    source = file(tmp_path, [shape(said, "rectangle", [[1, 2], [30, 40]])], tool=nested)
    text = (source / "a.json").read_text().replace('"imageData": null,', "")
    (source / "a.json").write_text(text)
    (image,) = read(source).images
    assert image.annotations[0].class_name == said
    assert image.extras["labelme"]["other"] == {"tool": nested}


@pytest.mark.parametrize(
    "told", ["../pictures/a.png", "..\\pictures\\a.png", "C:\\work\\pictures\\a.png", "", None]
)
def test_images_are_found_however_their_path_is_written(tmp_path: Path, told: str | None) -> None:
    file(tmp_path / "pictures", [])
    (tmp_path / "labels").mkdir()
    content = json.loads((tmp_path / "pictures" / "a.json").read_text())
    (tmp_path / "pictures" / "a.json").unlink()
    target = tmp_path / "labels" / "a.json"
    if not told:
        (tmp_path / "pictures" / "a.png").rename(tmp_path / "labels" / "a.png")
    target.write_text(json.dumps({**content, "imagePath": told}))
    dataset = read(tmp_path)
    assert dataset.problems == []
    assert [image.path.name for image in dataset.images] == ["a.png"]


def test_folders_named_after_splits_are_splits_and_bare_images_are_unlabelled(
    tmp_path: Path,
) -> None:
    file(tmp_path / "train", [])
    file(tmp_path / "val", [], name="b")
    picture(tmp_path / "val" / "c.png")
    images = {image.path.name: image for image in read(tmp_path).images}
    assert images["a.png"].split is Split.TRAIN
    assert images["c.png"].split is Split.VAL
    assert images["a.png"].empty
    assert images["c.png"].bare


def test_one_folder_of_a_split_alone_keeps_its_split(tmp_path: Path) -> None:
    file(tmp_path / "train", [])
    file(tmp_path / "test bench", [], name="b")
    assert [image.split for image in read(tmp_path / "train").images] == [Split.TRAIN]
    assert [image.split for image in read(tmp_path / "train" / "a.json").images] == [Split.TRAIN]
    assert [image.split for image in read(tmp_path / "test bench").images] == [None]


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        (5, ProblemKind.MALFORMED),
        (shape("", "rectangle", [[1, 2], [3, 4]]), ProblemKind.CLASS_UNKNOWN),
        (shape("x", "rectangle", [[1, 2]]), ProblemKind.MALFORMED),
        (shape("x", "rectangle", [[1, 2], [1, 9]]), ProblemKind.NO_AREA),
        (shape("x", "polygon", [[1, 2], [3, 4]]), ProblemKind.MALFORMED),
        (shape("x", "polygon", "[[1, 2]]"), ProblemKind.MALFORMED),
        (shape("x", "polygon", [[1, 2], [3, None], [4, 5]]), ProblemKind.MALFORMED),
        (shape("x", "polygon", [[1, 2], [3, 1e400], [4, 5]]), ProblemKind.MALFORMED),
        (shape("x", "polygon", [[1, 1], [2, 2], [3, 3]]), ProblemKind.NO_AREA),
        (shape("x", "polygon", [[900, 1], [950, 2], [930, 30]]), ProblemKind.OUTSIDE),
        (shape("x", "rectangle", [[150, 50], [350, 90]]), ProblemKind.OUTSIDE),
        (shape("x", "point", [[500, 50]]), ProblemKind.OUTSIDE),
        (shape("x", "circle", [[9, 9]]), ProblemKind.MALFORMED),
        (shape("x", "circle", [[9, 9], [9, 9]]), ProblemKind.NO_AREA),
        (shape("x", "mask", [[1, 2], [3, 4]]), ProblemKind.MALFORMED),
        (shape("x", "mask", [[1, 2], [3, 4]], mask="@@"), ProblemKind.MALFORMED),
        (shape("x", "mask", [[1, 2], [3, 4]], mask=png(np.zeros((3, 3)))), ProblemKind.NO_AREA),
        (shape("x", "mask", [[1, 2], [3, 4]], mask=png(np.ones((3, 3)))[:70]),
         ProblemKind.MALFORMED),
        (shape("x", "blob", [[1, 2], [3, 4]]), ProblemKind.MALFORMED),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_shape_is_said_and_the_others_come_in(
    tmp_path: Path, item: Any, kind: ProblemKind
) -> None:
    good = shape("good", "rectangle", [[1, 2], [30, 40]])
    dataset = read(file(tmp_path, [item, good]))
    assert kinds(dataset) == [kind]
    assert "Shape 1 of a.json" in dataset.problems[0].text
    assert dataset.problems[0].file == tmp_path / "a.json"
    assert "good" in [a.class_name for a in dataset.images[0].annotations]


def test_a_file_cut_off_says_where_and_the_others_come_in(tmp_path: Path) -> None:
    file(tmp_path, [shape("x", "rectangle", [[1, 2], [30, 40]])], name="b")
    source = file(tmp_path, [shape("x", "rectangle", [[1, 2], [30, 40]])])
    text = (source / "a.json").read_text()
    (source / "a.json").write_text(text[: len(text) // 2])
    dataset = read(source)
    (problem,) = dataset.problems
    assert problem.file == source / "a.json"
    assert problem.line is not None
    assert f"cut off at line {problem.line}" in problem.text
    assert {i.path.name: len(i.annotations) for i in dataset.images} == {"a.png": 0, "b.png": 1}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"shapes": 5}', "\x00\x01", '{"shapes": [[[['])
def test_files_of_nothing_usable_are_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    dataset = read(tmp_path)
    assert kinds(dataset) == ["malformed"]
    assert "a.json" in dataset.problems[0].text
    with pytest.raises(FormatError, match="No labelme file"):
        read(tmp_path / "nowhere")


def test_a_missing_image_is_told_with_its_name(tmp_path: Path) -> None:
    source = file(tmp_path, [])
    (source / "a.png").unlink()
    dataset = read(source)
    assert [p.text for p in dataset.problems] == ["The image a.png of a.json was not found."]


def test_labelme_is_recognised_also_behind_a_large_image_and_told_from_its_dialect(
    tmp_path: Path,
) -> None:
    shapes = [shape("x", "rectangle", [[1, 2], [30, 40]])]
    plain = file(tmp_path / "a", shapes, imageData="A" * 200_000)
    ours = sniff(plain, Task.DETECT)
    assert ours is not None
    assert ours.name == "labelme"
    dialect = sniff(file(tmp_path / "b", shapes, checked=False), Task.DETECT)
    assert dialect is not None
    assert dialect.name == "x-anylabeling"
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "settings.json").write_text('{"shapes": 3}')
    assert by_name("labelme").sniff(tmp_path / "c") == 0


# There and back


ASKEW = RotatedBox(80.5, 60.25, 50, 20, 33.3)
PARTS = Polygon(
    (
        Part(np.array([(1.5, 2), (30, 4), (20, 40)])),
        Part(np.array([(90, 2), (120, 4), (100, 40.25)])),
    )
)
RING = Polygon(
    (
        Part(
            np.array([(40, 40), (90, 40), (90, 90), (40, 90.0)]),
            (np.array([(50, 50), (80, 50), (80, 80), (50, 80.0)]),),
        ),
    )
)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    picture(tmp_path / "camera" / "a.png")
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=["ship", "car"]) as made:
        importing.run(made, importing.plan_images(made, [tmp_path / "camera"]))
        yield made


def draw(project: Project, *shapes: Shape) -> None:
    with project.transaction("Draw") as s:
        for number, each in enumerate(shapes):
            commands.add_annotation(s, image_id=1, class_id=1 + number % 2, shape=each)


def there_and_back(
    project: Project, folder: Path, name: str
) -> tuple[list[Shape], tuple[str, ...], ParsedDataset]:
    report = exporting.export(project, folder / name, format=name)
    guessed = sniff(folder / name, project.task)
    assert guessed is not None
    assert guessed.name == name
    dataset = guessed.read(folder / name, Reading())
    assert dataset.problems == []
    if name == "labelme":
        for each in (folder / name).rglob("*.json"):
            taken_by_labelme(each)
    return [a.shape for i in dataset.images for a in i.annotations], report.losses, dataset


def taken_by_labelme(path: Path) -> None:
    """What labelme 6.3 insists on when it opens a file."""
    content = json.loads(path.read_text())
    assert (path.parent / content["imagePath"]).is_file()
    assert content["imageData"] is None
    with Image.open(path.parent / content["imagePath"]) as image:
        assert image.size == (content["imageWidth"], content["imageHeight"])
    needed = {"rectangle": 2, "oriented_rectangle": 4, "circle": 2, "mask": 2, "point": 1}
    for each in content["shapes"]:
        assert isinstance(each["label"], str)
        assert each["points"]
        assert all(len(p) == 2 and all(isinstance(v, float) for v in p) for p in each["points"])
        assert len(each["points"]) == needed.get(each["shape_type"], len(each["points"]))
        assert all(isinstance(v, bool) for v in each["flags"].values())
        assert isinstance(each["description"], str)
        assert each["group_id"] is None or isinstance(each["group_id"], int)
        if each["shape_type"] == "mask":
            (x0, y0), (x1, y1) = each["points"]
            size = Image.open(io.BytesIO(base64.b64decode(each["mask"]))).size
            assert size == (x1 - x0 + 1, y1 - y0 + 1)


@pytest.mark.parametrize("name", BOTH)
def test_boxes_outlines_and_parts_leave_and_return_exactly(
    project: Project, tmp_path: Path, name: str
) -> None:
    box, outline = Box(10.25, 20.5, 30, 41), Polygon.simple([(1, 2), (50.125, 3), (20, 60)])
    draw(project, box, outline, PARTS, Keypoints.of([30, 40.5, 2]))
    shapes, losses, _ = there_and_back(project, tmp_path, name)
    assert shapes[:3] == [box, outline, PARTS]
    assert shapes[3] == Keypoints.of([30, 40.5, 2])
    assert losses == ()


@pytest.mark.parametrize("name", BOTH)
def test_rotated_boxes_leave_and_return(project: Project, tmp_path: Path, name: str) -> None:
    draw(project, ASKEW)
    (found,), losses, _ = there_and_back(project, tmp_path, name)
    assert isinstance(found, RotatedBox)
    wanted = [ASKEW.cx, ASKEW.cy, ASKEW.w, ASKEW.h, ASKEW.angle]
    assert [found.cx, found.cy, found.w, found.h, found.angle] == pytest.approx(wanted)
    assert losses == ()
    if name == "x-anylabeling":
        content = json.loads((tmp_path / name / "a.json").read_text())
        assert content["shapes"][0]["direction"] == pytest.approx(math.radians(33.3))
        assert content["shapes"][0]["shape_type"] == "rotation"


def test_masks_and_holes_keep_every_pixel_in_labelme(project: Project, tmp_path: Path) -> None:
    patch = np.random.default_rng(3).integers(0, 2, (30, 40)).astype(np.uint8)
    mask = Mask.from_patch(patch, 50, 60)
    draw(project, mask, RING)
    (first, second), losses, _ = there_and_back(project, tmp_path, "labelme")
    assert first == mask
    assert second == mask_of(RING)
    assert losses == ("1 outline with holes was written as a mask, exact to the pixel.",)


def test_masks_become_outlines_of_the_same_pixels_in_x_anylabeling(
    project: Project, tmp_path: Path
) -> None:
    patch = np.zeros((20, 20), np.uint8)
    patch[2:9, 3:17] = patch[12:15, 4:6] = 1
    mask = Mask.from_patch(patch, 50, 60)
    draw(project, mask, RING)
    (first, second), losses, _ = there_and_back(project, tmp_path, "x-anylabeling")
    assert isinstance(first, Polygon)
    assert mask_of(first) == mask
    assert isinstance(second, Polygon)
    assert second.area == 2500
    assert losses == ("1 object lost its holes, which X-AnyLabeling does not know.",)


def test_a_circle_is_a_circle_again_until_somebody_changes_it(tmp_path: Path) -> None:
    points = [[100.0, 60.0], [130.0, 60.0]]
    source = file(
        tmp_path / "s", [shape("drop", "circle", points), shape("drop", "circle", points)]
    )
    with Project.create(tmp_path / "p", task=Task.INSTANCE) as project:
        importing.run(project, importing.plan(project, source))
        with project.transaction("Move") as s:
            first, _ = queries.annotations(s, 1)
            assert isinstance(first.shape, Polygon)
            commands.set_shape(s, id=first.id, shape=first.shape.moved(3, 0))
        exporting.export(project, tmp_path / "out", format="labelme")
    shapes = json.loads((tmp_path / "out" / "a.json").read_text())["shapes"]
    assert [each["shape_type"] for each in shapes] == ["polygon", "circle"]
    assert shapes[1]["points"] == points


@pytest.mark.parametrize("name", BOTH)
def test_all_that_a_file_says_goes_out_again(tmp_path: Path, name: str) -> None:
    """Flags, attributes, groups, words, lines and keys of other tools."""
    shapes = [
        shape(
            "car", "rectangle", [[10.0, 20.0], [60.0, 50.0]], group_id=4, description="left",
            flags={"parked": True, "towed": False}, attributes={"colour": "red"}, difficult=True,
            score=0.5, kie_linking=[[1, 2]],
        ),
        shape("wire", "linestrip", [[0.0, 0.0], [9.0, 9.0]]),
        shape("sign", "quadrilateral", [[0.0, 0.0], [20.0, 2.0], [18.0, 30.0], [1.0, 28.0]]),
    ]  # fmt: skip
    flags = {"blurred": True, "night": False}
    rest = {"lineColor": [0, 255, 0, 128], "tags": ["night shift", "wet"]}
    source = file(tmp_path / "s", shapes, flags=flags, checked=True, **rest)
    with Project.create(tmp_path / "p", task=Task.DETECT) as project:
        importing.run(project, importing.plan(project, source))
        with project.read() as s:
            (record,) = queries.images(s, queries.image_ids(s))
            asked = attributes.asked(s)
            names = {c.id: c.name for c in queries.classes(s)}
            assert queries.tags_of(s, [record.id]) == {record.id: ["night shift", "wet"]}
        assert record.review is Review.REVIEWED
        assert {names[i]: [a.name for a in each] for i, each in asked.items() if each} == {
            "car": ["colour", "parked", "towed"]
        }
        report = exporting.export(project, tmp_path / "out", format=name)
    assert report.losses == ()
    content = json.loads((tmp_path / "out" / "a.json").read_text())
    assert content["flags"] == flags
    assert {key: content[key] for key in rest} == rest
    car, sign, wire = content["shapes"]
    for key in ("group_id", "description", "flags", "attributes", "difficult", "score"):
        assert car[key] == shapes[0][key], key
    assert car["kie_linking"] == [[1, 2]]
    assert sign["shape_type"] == "quadrilateral"
    assert wire == shapes[1]
    assert content.get("checked") == (True if name == "x-anylabeling" else None)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("with_box", [True, False])
def test_keypoints_leave_and_return_with_their_names(
    project: Project, tmp_path: Path, name: str, with_box: bool
) -> None:
    skeleton = Skeleton(("nose", "tail"), ((0, 1),))
    points = Keypoints.of([[30, 40, 1], [50.5, 60, 2]], None if with_box else Box(20, 30, 50, 50))
    with project.transaction("Draw") as s:
        rows.change(s, "label_class", [1], skeleton=pack(skeleton))
        known = {"group_id": 7}
        if with_box:
            commands.add_annotation(
                s, image_id=1, class_id=1, shape=Box(20, 30, 50, 50), attributes=known
            )
        commands.add_annotation(
            s, image_id=1, class_id=1, shape=points, attributes=known if with_box else {}
        )
    shapes, losses, dataset = there_and_back(project, tmp_path, name)
    assert shapes == ([Box(20, 30, 50, 50), points] if with_box else [points])
    assert dataset.classes[0].skeleton == Skeleton(("nose", "tail"))
    title = "labelme" if name == "labelme" else "X-AnyLabeling"
    assert losses == (f"1 skeleton lost its edges: {title} has points only.",)


@pytest.mark.parametrize("name", BOTH)
def test_an_object_of_which_one_point_is_seen_keeps_its_class(
    project: Project, tmp_path: Path, name: str
) -> None:
    with project.transaction("Bones") as s:
        rows.change(s, "label_class", [1], skeleton=pack(Skeleton(("nose", "tail"))))
    draw(
        project, Keypoints.of([[30, 40, 2], [0, 0, 0]]), None, Keypoints.of([[9, 9, 2], [8, 8, 1]])
    )
    shapes, _, dataset = there_and_back(project, tmp_path, name)
    assert shapes[:2] == [
        Keypoints.of([[30, 40, 2], [0, 0, 0]]),
        Keypoints.of([[9, 9, 2], [8, 8, 1]]),
    ]
    assert {a.class_name for a in dataset.images[0].annotations} == {"ship", "car"}


def test_splits_are_folders_and_empty_images_have_an_empty_file(tmp_path: Path) -> None:
    for number, name in enumerate(("a", "b", "c")):
        picture(tmp_path / "camera" / f"{name}.png", 60 + number)
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=["x"]) as made:
        importing.run(made, importing.plan_images(made, [tmp_path / "camera"]))
        with made.transaction("Review") as s:
            commands.set_review(s, image_ids=[1], review=Review.EMPTY)
            commands.set_splits(s, {1: Split.VAL, 2: Split.TRAIN})
        exporting.export(made, tmp_path / "out", format="labelme", unlabelled=True)
    there = sorted(p.relative_to(tmp_path / "out").as_posix() for p in
                   (tmp_path / "out").rglob("*.*"))  # fmt: skip
    assert there == ["c.png", "train/b.png", "val/a.json", "val/a.png"]
    images = {image.path.name: image for image in read(tmp_path / "out").images}
    assert images["a.png"].empty
    assert images["a.png"].split is Split.VAL
    assert set(images) == {"a.png"}  # the others lie in folders without a label file


coordinate = st.floats(0, 100, allow_nan=False).map(lambda v: round(v, 3))


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    boxes=st.lists(
        st.tuples(coordinate, coordinate, st.floats(0.5, 90), st.floats(0.5, 19)), max_size=3
    ),
    rings=st.lists(
        st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=6, unique=True), max_size=3
    ),
    patches=st.lists(st.binary(min_size=24, max_size=24), max_size=2),
    words=st.text(max_size=8),
    name=st.sampled_from(BOTH),
)
def test_random_shapes_leave_and_return(
    tmp_path_factory: pytest.TempPathFactory,
    boxes: list[tuple[float, ...]],
    rings: list[list[tuple[float, float]]],
    patches: list[bytes],
    words: str,
    name: str,
) -> None:
    folder = tmp_path_factory.mktemp("random")
    picture(folder / "camera" / "a.png")
    shapes: list[Any] = [Box(*each) for each in boxes]
    shapes += [p for ring in rings if (p := Polygon.simple(ring)).area > 0]
    made = [Mask.from_patch(np.frombuffer(p, np.uint8).reshape(4, 6) % 2) for p in patches]
    shapes += [mask for mask in made if mask is not None]
    with Project.create(folder / "p", task=Task.DETECT, classes=["ship"]) as project:
        importing.run(project, importing.plan_images(project, [folder / "camera"]))
        with project.transaction("Draw") as s:
            commands.set_review(s, image_ids=[1], review=Review.EMPTY)
            for each in shapes:
                commands.add_annotation(
                    s, image_id=1, class_id=1, shape=each, attributes={"description": words}
                )
        exporting.export(project, folder / "out", format=name)
    dataset = read(folder / "out", name)
    assert dataset.problems == []
    found = [a for image in dataset.images for a in image.annotations]
    assert len(found) == len(shapes)
    for wanted, each in zip(shapes, found, strict=True):
        assert each.attributes.get("description", "") == words
        match wanted:
            case Box(x, y, w, h):
                assert isinstance(each.shape, Box)
                assert [each.shape.x, each.shape.y] == pytest.approx([x, y])
                assert [each.shape.w, each.shape.h] == pytest.approx([w, h])
            case Mask() if name == "x-anylabeling":
                assert isinstance(each.shape, Polygon)
                outside = mask_of(each.shape)
                assert outside is not None
                assert (outside.full(9, 9) >= wanted.full(9, 9)).all()
            case _:
                assert each.shape == wanted


def test_the_command_line_takes_both_in_and_out(tmp_path: Path) -> None:
    source = file(tmp_path / "s", [shape("cell", "rectangle", [[1, 2], [30, 40]])])
    assert run(["new", str(tmp_path / "p"), "--task", "detect"]) == 0
    assert run(["import", str(tmp_path / "p"), str(source)]) == 0
    for name in BOTH:
        dest = tmp_path / name
        assert run(["export", str(tmp_path / "p"), str(dest), "--format", name]) == 0
        assert json.loads((dest / "a.json").read_text())["shapes"][0]["label"] == "cell"


def test_skeletons_and_attributes_that_a_class_has_are_not_overwritten(tmp_path: Path) -> None:
    source = file(
        tmp_path / "s",
        [shape("cell", "rectangle", [[1, 2], [30, 40]], flags={"torn": True})],
    )
    mine = (Attribute("grade", AttributeKind.NUMBER),)
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=["cell"]) as project:
        with project.transaction("Ask") as s:
            packed = '[{"name": "grade", "kind": "number"}]'
            rows.change(s, "label_class", [1], attributes=packed)
        importing.run(project, importing.plan(project, source))
        with project.read() as s:
            assert attributes.own(s) == {1: mine}
            assert skeletons.own(s) == {}
