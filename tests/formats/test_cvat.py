"""CVAT's XML comes in whole, for images and for video, and goes out as CVAT reads it."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

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
from cvstudio.core.opencv import cv2
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.skeleton import Skeleton, pack
from cvstudio.formats.base import Cancelled, ParsedDataset, ProblemKind, Reading
from cvstudio.formats.cvat_shapes import runs_of
from cvstudio.formats.table import by_name, sniff
from cvstudio.project import (
    attributes,
    commands,
    exporting,
    importing,
    queries,
    rows,
    shaping,
    skeletons,
)
from cvstudio.project.project import Project

WIDTH, HEIGHT = 200, 120
SVG = (
    '<line x1="20" y1="30" x2="60" y2="70" data-type="edge" data-node-from="1" data-node-to="2">'
    '</line><circle r="0.75" cx="20" cy="30" data-type="element node" data-element-id="1"'
    ' data-node-id="1" data-label-name="nose"></circle><circle r="0.75" cx="60" cy="70"'
    ' data-type="element node" data-element-id="2" data-node-id="2" data-label-name="tail">'
    "</circle>"
)
LABELS = f"""
<label><name>car</name><color>#2a9df4</color><type>any</type><attributes>
  <attribute><name>make</name><mutable>False</mutable><input_type>radio</input_type>
    <default_value>ford</default_value><values>ford
vw</values></attribute>
  <attribute><name>parked</name><mutable>True</mutable><input_type>checkbox</input_type>
    <default_value>false</default_value><values>false</values></attribute>
  <attribute><name>doors</name><mutable>True</mutable><input_type>number</input_type>
    <default_value>4</default_value><values>1
5
2</values></attribute>
  <attribute><name>plate</name><mutable>True</mutable><input_type>text</input_type>
    <default_value></default_value><values></values></attribute>
</attributes></label>
<label><name>drop</name><color>#ff00ff</color><type>any</type><attributes></attributes></label>
<label><name>dog</name><color>#00ff00</color><type>skeleton</type><attributes></attributes>
  <svg>{SVG.replace("<", "&lt;").replace(">", "&gt;")}</svg></label>
<label><name>nose</name><color>#010203</color><type>points</type><attributes></attributes>
  <parent>dog</parent></label>
<label><name>tail</name><color>#010203</color><type>points</type><attributes></attributes>
  <parent>dog</parent></label>
"""
MASK = np.array([[0, 1, 1, 0], [1, 1, 0, 0], [0, 0, 1, 1]], np.uint8)


def picture(path: Path, shade: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((HEIGHT, WIDTH, 3), shade, np.uint8)).save(path)
    return path


def task(folder: Path, body: str, *, labels: str = LABELS, about: str = "") -> Path:
    """annotations.xml of a task, without its images."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "annotations.xml").write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
        f"<meta><task><id>4</id><name>t</name>{about}<labels>{labels}</labels></task>"
        f"<dumped>2026-01-02</dumped></meta>\n{body}\n</annotations>\n"
    )
    return folder


def images(folder: Path, shapes: str, *, name: str = "a.png", more: str = "", **rest: Any) -> Path:
    picture(folder / "images" / name)
    body = f'<image id="0" name="{name}" width="{WIDTH}" height="{HEIGHT}"{more}>{shapes}</image>'
    return task(folder, body, **rest)


def read(source: Path, name: str = "cvat") -> ParsedDataset:
    return by_name(name).read(source, Reading())


def kinds(dataset: ParsedDataset) -> list[str]:
    return sorted(str(problem.kind) for problem in dataset.problems)


BOX = 'label="car" source="manual" occluded="0" xtl="10.5" ytl="20.25" xbr="60.5" ybr="50.25"'


# Reading for images


def test_every_kind_of_shape_of_cvat_comes_in(tmp_path: Path) -> None:
    dataset = read(
        images(
            tmp_path,
            f"""
            <box {BOX} z_order="0"></box>
            <box {BOX} rotation="30.00" z_order="0"></box>
            <polygon label="car" points="1.00,2.00;30.50,3.00;20.00,60.00" z_order="0"/>
            <ellipse label="drop" cx="100" cy="60" rx="30" ry="10" rotation="90" z_order="0"/>
            <mask label="drop" rle="1, 2, 1, 2, 4, 2" left="7" top="9" width="4" height="3"/>
            <points label="car" points="5.00,6.00;7.00,8.00" occluded="1"/>
            <skeleton label="dog" z_order="0">
              <points label="tail" outside="0" occluded="1" points="80.00,90.00"></points>
              <points label="nose" outside="1" occluded="0" points="1.00,1.00"></points>
            </skeleton>
            <tag label="car" source="manual"></tag>
            """,
        )
    )
    assert dataset.problems == []
    (image,) = dataset.images
    found = [a.shape for a in image.annotations]
    assert found[0] == Box(10.5, 20.25, 50, 30)
    assert found[1] == RotatedBox(35.5, 35.25, 50, 30, 30)
    assert found[2] == Polygon.simple([(1, 2), (30.5, 3), (20, 60)])
    assert isinstance(found[3], Polygon)
    box = found[3].box
    assert [box.x, box.y, box.w, box.h] == pytest.approx([90, 30, 20, 60], abs=0.2)
    assert found[4] == Mask.from_patch(MASK, 7, 9)
    assert found[5] == Keypoints.of([[5, 6, 1], [7, 8, 1]])
    assert found[6] == Keypoints.of([[0, 0, 0], [80, 90, 1]])
    assert found[7] is None
    car, drop, dog = dataset.classes
    assert (car.colour, drop.colour) == ("#2A9DF4", "#FF00FF")
    assert dog.skeleton == Skeleton(("nose", "tail"), ((0, 1),), ((0.2, 0.3), (0.6, 0.7)))
    assert car.attributes == (
        Attribute("make", AttributeKind.CHOICE, ("ford", "vw"), default="ford"),
        Attribute("parked", AttributeKind.CHECKBOX, default=False),
        Attribute("doors", AttributeKind.NUMBER, low=1, high=5, default=4),
        Attribute("plate", AttributeKind.TEXT),
    )


def test_values_of_attributes_are_what_their_definition_says(tmp_path: Path) -> None:
    inside = "".join(
        f'<attribute name="{name}">{value}</attribute>'
        for name, value in (("make", "vw"), ("parked", "true"), ("doors", "3"), ("plate", ""),
                            ("unheard", "of"))
    )  # fmt: skip
    shapes = f'<box {BOX.replace("manual", "auto").replace("occluded=" + chr(34) + "0", "occluded=" + chr(34) + "1")} group_id="3" z_order="0">{inside}</box>'  # noqa: E501
    (image,) = read(images(tmp_path, shapes)).images
    assert image.annotations[0].attributes == {
        "attributes": {"make": "vw", "parked": True, "doors": 3, "unheard": "of"},
        "occluded": 1, "group_id": 3, "cvat": {"source": "auto"},
    }  # fmt: skip


def test_later_is_what_cvat_paints_later(tmp_path: Path) -> None:
    shapes = "".join(
        f'<box label="{name}" xtl="1" ytl="2" xbr="9" ybr="9" z_order="{z}"/>'
        for name, z in (("top", 7), ("low", -1), ("mid", 0), ("mid2", 0))
    )
    (image,) = read(images(tmp_path, shapes, labels="")).images
    assert [a.class_name for a in image.annotations] == ["low", "mid", "mid2", "top"]


def test_polylines_and_cuboids_are_told_and_kept(tmp_path: Path) -> None:
    shapes = '<polyline label="car" points="1,2;3,4"/>' * 2 + '<cuboid label="car" xtl1="1"/>'
    dataset = read(images(tmp_path, shapes))
    assert [p.text for p in dataset.problems] == [
        "2 polylines are not drawn here: kept, and written again in an export for CVAT.",
        "1 cuboid is not drawn here: kept, and written again in an export for CVAT.",
    ]
    assert len(dataset.images[0].extras["cvat"]["shapes"]) == 3
    assert dataset.images[0].bare


def test_images_of_subsets_are_found_and_split(tmp_path: Path) -> None:
    body = ""
    for subset, shade in (("Train", 50), ("Validation", 60), ("default", 70)):
        picture(tmp_path / "images" / subset / "a.png", shade)
        body += f'<image id="0" name="a.png" subset="{subset}" task_id="1"></image>'
    dataset = read(task(tmp_path, body))
    assert dataset.problems == []
    assert [(i.path.parent.name, i.split) for i in dataset.images] == [
        ("Train", Split.TRAIN), ("Validation", Split.VAL), ("default", None)
    ]  # fmt: skip
    assert all(image.bare and not image.empty for image in dataset.images)


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ('<box label="car" xtl="1" ytl="2" xbr="9"/>', ProblemKind.MALFORMED),
        ('<box label="car" xtl="1" ytl="2" xbr="nan" ybr="4"/>', ProblemKind.MALFORMED),
        ('<box label="car" xtl="1" ytl="2" xbr="1" ybr="4"/>', ProblemKind.NO_AREA),
        ('<box label="car" xtl="150" ytl="2" xbr="400" ybr="40"/>', ProblemKind.OUTSIDE),
        ('<box xtl="1" ytl="2" xbr="4" ybr="4"/>', ProblemKind.CLASS_UNKNOWN),
        ('<polygon label="car" points="1,2;3,4"/>', ProblemKind.MALFORMED),
        ('<polygon label="car" points="1,2;3,4;5"/>', ProblemKind.MALFORMED),
        ('<polygon label="car" points="1,1;2,2;3,3"/>', ProblemKind.NO_AREA),
        ('<ellipse label="car" cx="9" cy="9" rx="-1" ry="2"/>', ProblemKind.MALFORMED),
        ('<mask label="car" rle="1,2" left="0" top="0" width="4" height="3"/>',
         ProblemKind.MALFORMED),
        ('<mask label="car" rle="" left="0" top="0" width="4" height="3"/>', ProblemKind.MALFORMED),
        ('<mask label="car" rle="12" left="0" top="0" width="4" height="3"/>', ProblemKind.NO_AREA),
        ('<mask label="car" rle="12" left="0" top="0" width="999999" height="999999"/>',
         ProblemKind.MALFORMED),
        ('<mask label="car" rle="99999999999999999999" left="0" top="0" width="4" height="3"/>',
         ProblemKind.MALFORMED),
        ('<skeleton label="dog"/>', ProblemKind.MALFORMED),
        ('<skeleton label="dog"><points label="wing" points="1,1"/></skeleton>',
         ProblemKind.MALFORMED),
        ('<points label="car" points="900,900"/>', ProblemKind.OUTSIDE),
        ('<blob label="car"/>', ProblemKind.NOT_TAKEN),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_shape_is_said_with_its_line_and_the_others_come_in(
    tmp_path: Path, shape: str, kind: ProblemKind
) -> None:
    dataset = read(images(tmp_path, f"\n{shape}\n<box {BOX}/>"))
    assert kinds(dataset) == [kind]
    (problem,) = dataset.problems
    assert problem.file == tmp_path / "annotations.xml"
    lines = (tmp_path / "annotations.xml").read_text().split("\n")
    assert problem.line is not None
    assert lines[problem.line - 1] == shape
    assert Box(10.5, 20.25, 50, 30) in [a.shape for a in dataset.images[0].annotations]


def test_a_file_cut_off_gives_what_stands_before_and_says_where(tmp_path: Path) -> None:
    body = ""
    for number in range(3):
        picture(tmp_path / "images" / f"{number}.png", 50 + number)
        body += f'\n<image id="{number}" name="{number}.png"><box {BOX}/></image>'
    source = task(tmp_path, body)
    text = (source / "annotations.xml").read_text()
    cut = text[: text.index("2.png")]
    (source / "annotations.xml").write_text(cut)
    dataset = read(source)
    (problem,) = dataset.problems
    assert problem.line == cut.count("\n") + 1
    assert "What stands before it was taken." in problem.text
    assert [i.path.name for i in dataset.images] == ["0.png", "1.png"]
    (source / "annotations.xml").write_text(text[:300])
    with pytest.raises(FormatError, match="line"):
        read(source)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_entities_are_refused_before_they_are_expanded(tmp_path: Path, encoding: str) -> None:
    bomb = (
        f'<?xml version="1.0" encoding="{encoding}"?>\n<!DOCTYPE annotations [<!ENTITY a "aaaa">'
        '<!ENTITY b "&a;&a;&a;"> <!ENTITY x SYSTEM "file:///etc/passwd">]>\n'
        "<annotations><meta><task><name>&b;&x;</name></task></meta></annotations>"
    )
    (tmp_path / "annotations.xml").write_text(bomb, encoding=encoding)
    with pytest.raises(FormatError, match="defines entities") as caught:
        read(tmp_path / "annotations.xml")
    assert caught.value.line == 2


@pytest.mark.parametrize(
    "text", ["", "<annotations>", "<annotation/>", "\x00", "<annotations><a" * 99]
)
def test_files_of_nothing_usable_are_a_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "annotations.xml"
    file.write_text(text)
    with pytest.raises(FormatError, match=r"annotations\.xml"):
        read(file)


def test_a_file_named_after_a_split_is_that_split(tmp_path: Path) -> None:
    images(tmp_path, "")
    (tmp_path / "annotations.xml").rename(tmp_path / "val.xml")
    assert [image.split for image in read(tmp_path).images] == [Split.VAL]


def test_missing_and_doubled_images_are_told(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    body = '<image id="0" name="a.png"/><image id="1" name="a.png"/><image id="2" name="b.png"/>'
    dataset = read(task(tmp_path, body))
    assert kinds(dataset) == ["duplicate", "image missing"]


def test_reading_can_be_stopped(tmp_path: Path) -> None:
    source = images(tmp_path, "")
    with pytest.raises(Cancelled):
        by_name("cvat").read(source, Reading(cancelled=lambda: True))


def test_both_kinds_are_recognised_and_told_from_voc(tmp_path: Path) -> None:
    still = sniff(images(tmp_path / "i", f"<box {BOX}/>"), Task.DETECT)
    assert still is not None
    assert still.name == "cvat"
    moving = sniff(task(tmp_path / "v", '<track id="0" label="car"/>'), Task.DETECT)
    assert moving is not None
    assert moving.name == "cvat-video"
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "a.xml").write_text("<annotation><filename>a.png</filename></annotation>")
    assert by_name("cvat").sniff(tmp_path / "o") == 0
    assert by_name("voc").sniff(tmp_path / "i") == 0


# Reading for video


def track(*frames: str, number: int = 0, more: str = "") -> str:
    return f'<track id="{number}" label="car" source="manual"{more}>{"".join(frames)}</track>'


def at(frame: int, x: float, *, outside: int = 0, keyframe: int = 1) -> str:
    return (
        f'<box frame="{frame}" keyframe="{keyframe}" outside="{outside}" occluded="0" xtl="{x}"'
        f' ytl="20" xbr="{x + 30}" ybr="50" z_order="0"></box>'
    )


def test_tracks_lie_over_the_frames_that_are_named_after_them(tmp_path: Path) -> None:
    for frame in (4, 6, 8, 10):
        picture(tmp_path / "images" / f"frame_{frame:06d}.PNG", 50 + frame)
    body = track(
        at(4, 10), at(6, 12, keyframe=0), at(8, 14, outside=1), number=7, more=' group_id="2"'
    )
    dataset = read(task(tmp_path, body + track(at(6, 80), number=8)), "cvat-video")
    assert dataset.problems == []
    there = {i.path.stem: [(a.attributes["track_id"], a.box_x) for a in _boxes(i)]
             for i in dataset.images}  # fmt: skip
    assert there == {
        "frame_000004": [(7, 10)], "frame_000006": [(7, 12), (8, 80)], "frame_000008": [],
        "frame_000010": [],
    }  # fmt: skip
    computed = dataset.images[1].annotations[0].attributes
    assert computed["cvat"]["keyframe"] == 0
    assert computed["group_id"] == 2
    assert [image.bare for image in dataset.images] == [False, False, True, True]


@pytest.mark.parametrize("nested", [True, False])
def test_skeletons_move_along_their_tracks_as_both_kinds_of_cvat_write_them(
    tmp_path: Path, nested: bool
) -> None:
    for frame in range(3):
        picture(tmp_path / "images" / f"frame_{frame:06d}.png", 50 + frame)

    def point(x: int, *, label: str = "", frame: int | None = None, outside: int = 0) -> str:
        about = f'label="{label}"' if label else f'frame="{frame}"'
        return f'<points {about} keyframe="1" outside="{outside}" occluded="0" points="{x},9"/>'

    if nested:  # before CVAT 2.3 each point had a track in that of its skeleton
        inside = "".join(
            f'<skeleton frame="{n}" keyframe="1" outside="{n // 2}"/>' for n in range(3)
        )
        inside += f'<track id="0" label="nose">{point(5, frame=0)}{point(6, frame=1)}</track>'
        inside += (
            f'<track id="1" label="tail">{point(7, frame=0)}{point(7, frame=1, outside=1)}</track>'
        )
    else:
        inside = "".join(
            f'<skeleton frame="{frame}" keyframe="1">{nose}{tail}</skeleton>'
            for frame, nose, tail in (
                (0, point(5, label="nose"), point(7, label="tail")),
                (1, point(6, label="nose"), point(7, label="tail", outside=1)),
                (2, point(6, label="nose", outside=1), point(7, label="tail", outside=1)),
            )
        )
    dataset = read(task(tmp_path, f'<track id="3" label="dog">{inside}</track>'), "cvat-video")
    assert dataset.problems == []
    shapes = [[a.shape for a in image.annotations] for image in dataset.images]
    assert shapes == [
        [Keypoints.of([[5, 9, 2], [7, 9, 2]])], [Keypoints.of([[6, 9, 2], [0, 0, 0]])], []
    ]  # fmt: skip


class _Boxed:
    def __init__(self, annotation: Any) -> None:
        self.attributes = annotation.attributes
        self.box_x = annotation.shape.x


def _boxes(image: Any) -> list[_Boxed]:
    return [_Boxed(a) for a in image.annotations]


def video(path: Path, count: int = 12) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (WIDTH, HEIGHT))
    for frame in range(count):
        made.write(np.full((HEIGHT, WIDTH, 3), 20 * frame, np.uint8))
    made.release()
    return path


def test_tracks_lie_over_the_video_beside_them(tmp_path: Path) -> None:
    video(tmp_path / "s" / "clip.avi")
    source = task(tmp_path / "s", track(at(2, 10), at(7, 30)), about="<source>clip.avi</source>")
    with Project.create(tmp_path / "p", task=Task.DETECT) as project:
        report = importing.run(project, importing.plan(project, source))
        assert report.problems == ()
        with project.read() as s:
            records = queries.images(s, queries.image_ids(s))
            assert [r.page for r in records] == [2, 7]
            first, second = (queries.annotations(s, r.id)[0] for r in records)
        assert first.shape == Box(10, 20, 30, 30)
        assert first.attributes["track_id"] == second.attributes["track_id"] == 0


def test_tracks_over_a_list_of_images_need_all_of_them(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        picture(tmp_path / "images" / f"{name}.png", ord(name))
    source = task(tmp_path, track(at(0, 10), at(2, 30)), about="<size>3</size>")
    dataset = read(source, "cvat-video")
    assert dataset.problems == []
    assert {i.path.name: len(i.annotations) for i in dataset.images} == {
        "a.png": 1, "b.png": 0, "c.png": 1
    }  # fmt: skip
    (tmp_path / "images" / "b.png").unlink()
    dataset = read(source, "cvat-video")
    assert dataset.images == []
    assert [p.text for p in dataset.problems] == [
        "2 frames of the tracks have no image here: put the images (frame_000000, frame_000001 …),"
        " or the video, beside annotations.xml."
    ]


# There and back


ASKEW = RotatedBox(80.5, 60.25, 50, 20, 33.3)
STEEP = RotatedBox(140, 60, 30, 12, -120)
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
    for number, name in enumerate("abc"):
        picture(tmp_path / "camera" / f"{name}.png", 50 + number)
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=["ship", "car"]) as made:
        importing.run(made, importing.plan_images(made, [tmp_path / "camera"]))
        yield made


def draw(project: Project, *shapes: Shape, image: int = 1, **more: Any) -> None:
    with project.transaction("Draw") as s:
        for number, each in enumerate(shapes):
            commands.add_annotation(
                s, image_id=image, class_id=1 + number % 2, shape=each, attributes=more
            )


def there_and_back(
    project: Project, folder: Path, name: str = "cvat"
) -> tuple[list[Shape], tuple[str, ...], ParsedDataset]:
    report = exporting.export(project, folder / name, format=name)
    guessed = sniff(folder / name, project.task)
    assert guessed is not None
    assert guessed.name == name
    dataset = guessed.read(folder / name, Reading())
    assert dataset.problems == []
    taken_by_cvat(folder / name / "annotations.xml")
    losses = tuple(text for text in report.losses if "nobody has labelled" not in text)
    return [a.shape for i in dataset.images for a in i.annotations], losses, dataset


def taken_by_cvat(path: Path) -> None:
    """What CVAT's own loader asks of the elements of a file, and what its labels allow."""
    root = Xml.parse(path).getroot()
    assert root.tag == "annotations"
    labels = {
        label.findtext("name"): label
        for label in root.iter("label")
        if not label.findtext("parent")
    }
    for shape in (s for s in root.iter() if "label" in s.attrib and s.tag not in ("track",)):
        if shape.tag == "points" and shape.attrib["label"] not in labels:
            assert shape.attrib["occluded"] in "01"
            assert shape.attrib["outside"] in "01"
            continue
        label = labels[shape.attrib["label"]]
        assert (label.findtext("type") == "skeleton") <= (shape.tag in ("skeleton", "tag"))
        asked = {a.findtext("name") for a in label.iter("attribute")}
        assert {a.attrib["name"] for a in shape.findall("attribute")} <= asked
        if "rotation" in shape.attrib:
            assert 0 <= float(shape.attrib["rotation"]) < 360
        if shape.tag == "mask":
            runs = [int(v) for v in shape.attrib["rle"].split(",")]
            assert sum(runs) == int(shape.attrib["width"]) * int(shape.attrib["height"])
        int(shape.attrib.get("group_id", 0))
    for each in root.iter("track"):
        assert each.attrib["label"] in labels
        for shape in each:
            assert shape.attrib["keyframe"] in "01"
            int(shape.attrib["frame"])


def test_shapes_of_every_kind_leave_and_return(project: Project, tmp_path: Path) -> None:
    patch = np.random.default_rng(3).integers(0, 2, (30, 40)).astype(np.uint8)
    mask = Mask.from_patch(patch, 50, 60)
    outline = Polygon.simple([(1, 2), (50.125, 3), (20, 60)])
    points = Keypoints.of([[5, 6, 2], [7, 8, 2]], Box(1, 2, 30, 40))
    draw(project, Box(10.25, 20.5, 30, 41), outline, mask, ASKEW, STEEP, points, None)
    shapes, losses, _ = there_and_back(project, tmp_path)
    assert shapes == [Box(10.25, 20.5, 30, 41), outline, mask, ASKEW, STEEP, points, None]
    assert losses == ()


def test_holes_become_masks_of_the_same_pixels(project: Project, tmp_path: Path) -> None:
    draw(project, RING)
    (found,), losses, _ = there_and_back(project, tmp_path)
    assert found == mask_of(RING)
    assert losses == (
        "1 outline with holes or in several parts was written as a mask, exact to the pixel.",
    )


def test_all_that_a_task_says_goes_out_again(tmp_path: Path) -> None:
    """Labels with their attributes, groups, order, sources, values, and what is not drawn."""
    shapes = (
        f'<box {BOX} group_id="5" z_order="-2"><attribute name="make">vw</attribute>'
        '<attribute name="doors">3</attribute><attribute name="parked">true</attribute></box>'
        '<ellipse label="drop" source="auto" occluded="1" cx="100.5" cy="60.0" rx="30.0" ry="10.0"'
        ' rotation="15.0" z_order="4"/>'
        '<polyline label="car" source="manual" occluded="0" points="1.00,2.00;3.00,4.00"'
        ' z_order="0"><attribute name="plate">M</attribute></polyline>'
        '<skeleton label="dog" source="manual" z_order="5">'
        '<points label="nose" source="manual" outside="0" occluded="0" points="9.0,8.0">'
        '<attribute name="wet">yes</attribute></points>'
        '<points label="tail" source="manual" outside="1" occluded="0" points="1,1"/></skeleton>'
        '<tag label="drop" source="manual"/>'
    )
    source = images(tmp_path / "s", shapes)
    with Project.create(tmp_path / "p", task=Task.DETECT) as project:
        importing.run(project, importing.plan(project, source))
        with project.read() as s:
            names = {c.id: c.name for c in queries.classes(s)}
            asked = {names[id]: [a.name for a in each] for id, each in attributes.own(s).items()}
            bones = {names[id]: each.names for id, each in skeletons.own(s).items()}
        assert asked == {"car": ["make", "parked", "doors", "plate"]}
        assert bones == {"dog": ("nose", "tail")}
        report = exporting.export(project, tmp_path / "out", format="cvat")
    assert report.losses == ()
    root = Xml.parse(tmp_path / "out" / "annotations.xml").getroot()
    wanted = Xml.parse(source / "annotations.xml").getroot()
    for tag in ("box", "ellipse", "polyline", "tag"):
        before, after = wanted.find(f"image/{tag}"), root.find(f"image/{tag}")
        assert before is not None
        assert after is not None
        assert _numbers(after.attrib) == _numbers(before.attrib), tag
        told = [{a.attrib["name"]: a.text for a in e.iter("attribute")} for e in (before, after)]
        assert told[0] == told[1]
    nose = root.find("image/skeleton/points[@label='nose']")
    assert nose is not None
    assert nose.findtext("attribute") == "yes"
    for label in ("car", "drop", "dog"):
        before = wanted.find(f".//label[name='{label}']")
        after = root.find(f".//label[name='{label}']")
        assert before is not None
        assert after is not None
        assert after.findtext("color") == before.findtext("color")
        assert after.findtext("type") == before.findtext("type")
        told = [
            [[each.text or "" for each in a] for a in e.iter("attribute")] for e in (before, after)
        ]
        assert told[0] == told[1]


def _numbers(attrib: dict[str, str]) -> dict[str, Any]:
    """Attributes of an element with the numbers in them as numbers."""
    result: dict[str, Any] = {}
    for key, value in attrib.items():
        try:
            result[key] = [float(v) for v in value.replace(";", ",").split(",")]
        except ValueError:
            result[key] = value
    return result


def test_what_is_drawn_over_objects_of_cvat_is_painted_over_them(tmp_path: Path) -> None:
    shapes = "".join(
        f'<box label="car" xtl="1" ytl="2" xbr="{30 + z}" ybr="9" z_order="{z}"/>'
        for z in (-3, 0, 7)
    )
    with Project.create(tmp_path / "p", task=Task.DETECT) as made:
        importing.run(made, importing.plan(made, images(tmp_path / "s", shapes)))
        draw(made, Box(1, 2, 3, 4))
        exporting.export(made, tmp_path / "out", format="cvat")
        with made.transaction("Turn around") as s:
            lowest = queries.annotations(s, 1)[0]
            shaping.stack(s, image_id=1, ids=[lowest.id], to="front")
        exporting.export(made, tmp_path / "turned", format="cvat")
    for name, wanted in (("out", ["-3", "0", "7", "7"]), ("turned", ["0", "1", "2", "3"])):
        root = Xml.parse(tmp_path / name / "annotations.xml").getroot()
        assert [each.attrib["z_order"] for each in root.iter("box")] == wanted


def test_an_ellipse_that_was_moved_is_a_polygon(tmp_path: Path) -> None:
    source = images(tmp_path / "s", '<ellipse label="drop" cx="100" cy="60" rx="30" ry="10"/>')
    with Project.create(tmp_path / "p", task=Task.INSTANCE) as project:
        importing.run(project, importing.plan(project, source))
        with project.transaction("Move") as s:
            (annotation,) = queries.annotations(s, 1)
            assert isinstance(annotation.shape, Polygon)
            commands.set_shape(s, id=annotation.id, shape=annotation.shape.moved(3, 0))
        exporting.export(project, tmp_path / "out", format="cvat")
    root = Xml.parse(tmp_path / "out" / "annotations.xml").getroot()
    assert [each.tag for each in root.iter("image").__next__()] == ["polygon"]


def test_a_class_with_boxes_and_keypoints_has_two_labels_and_is_one_class_again(
    project: Project, tmp_path: Path
) -> None:
    skeleton = Skeleton(("nose", "tail"), ((0, 1),), ((0.25, 0.5), (0.75, 0.5)))
    points = Keypoints.of([[30, 40, 1], [0, 0, 0]], Box(20, 30, 50, 50))
    with project.transaction("Bones") as s:
        rows.change(s, "label_class", [1], skeleton=pack(skeleton))
    draw(project, Box(20, 30, 50, 50))
    draw(project, points)
    shapes, losses, dataset = there_and_back(project, tmp_path)
    assert shapes == [Box(20, 30, 50, 50), points]
    assert [a.class_name for a in dataset.images[0].annotations] == ["ship", "ship"]
    assert dataset.classes[0].skeleton == skeleton
    assert [c.name for c in dataset.classes] == ["ship", "car"]
    assert losses == (
        "1 class has a second label for its keypoints, since CVAT's label of a skeleton takes"
        " no other shape.",
    )


def test_splits_states_crowds_and_values_nobody_asked_for_survive(
    project: Project, tmp_path: Path
) -> None:
    draw(project, Box(1, 2, 30, 40), iscrowd=1, difficult=1, note='a "b" <c>\n&', occluded=1)
    with project.transaction("Review") as s:
        commands.set_review(s, image_ids=[2], review=Review.EMPTY)
        commands.set_splits(s, {1: Split.VAL, 2: Split.TRAIN})
    _, losses, dataset = there_and_back(project, tmp_path)
    assert losses == ()
    first, second = dataset.images
    assert (first.split, second.split) == (Split.VAL, Split.TRAIN)
    assert second.empty
    found = first.annotations[0].attributes
    assert found["iscrowd"] == 1
    assert found["occluded"] == 1
    assert found["attributes"]["note"] == 'a "b" <c>\n&'
    there = sorted(p.parent.name for p in (tmp_path / "cvat" / "images").rglob("*.png"))
    assert there == ["Train", "Validation"]


def test_tracks_leave_and_return_with_their_gaps(project: Project, tmp_path: Path) -> None:
    for image, x in ((1, 10), (3, 30)):
        draw(project, Box(x, 20, 30, 30), image=image, track_id=4)
    draw(project, RING, image=2)
    _, losses, dataset = there_and_back(project, tmp_path, "cvat-video")
    assert losses == (
        "3 images became frames and are named by their number.",
        "1 outline with holes or in several parts was written as a mask, exact to the pixel.",
    )
    root = Xml.parse(tmp_path / "cvat-video" / "annotations.xml").getroot()
    places = [[(s.attrib["frame"], s.attrib["outside"]) for s in t] for t in root.iter("track")]
    assert places == [[("0", "0"), ("1", "1"), ("2", "0")], [("1", "0"), ("2", "1")]]
    ids = [[a.attributes["track_id"] for a in i.annotations] for i in dataset.images]
    assert ids == [[0], [1], [0]]
    assert [i.path.name for i in dataset.images] == [f"frame_00000{n}.png" for n in range(3)]


def test_frames_keep_their_numbers_and_an_object_stays_away_from_those_left_out(
    tmp_path: Path,
) -> None:
    for frame in (10, 13, 16, 19):
        picture(tmp_path / "s" / "images" / f"frame_{frame:06d}.png", 50 + frame)
    source = task(tmp_path / "s", track(at(10, 10), at(13, 12), at(16, 14, outside=1), at(19, 20)))
    with Project.create(tmp_path / "p", task=Task.DETECT) as made:
        importing.run(made, importing.plan(made, source))
        _, losses, dataset = there_and_back(made, tmp_path, "cvat-video")
    assert losses == ()
    root = Xml.parse(tmp_path / "cvat-video" / "annotations.xml").getroot()
    places = [(s.attrib["frame"], s.attrib["outside"]) for s in root.iter("box")]
    assert places == [("10", "0"), ("13", "0"), ("16", "1"), ("19", "0")]
    assert [i.path.stem[-2:] for i in dataset.images] == ["10", "13", "19"]


def test_computed_places_of_a_track_stay_computed_until_they_are_moved(tmp_path: Path) -> None:
    for frame in range(4):
        picture(tmp_path / "s" / "images" / f"frame_{frame:06d}.png", 50 + frame)
    body = track(at(0, 10), at(1, 12, keyframe=0), at(2, 14, keyframe=0), at(3, 16))
    source = task(tmp_path / "s", body)
    with Project.create(tmp_path / "p", task=Task.DETECT) as made:
        importing.run(made, importing.plan(made, source))
        with made.transaction("Move") as s:
            (second,) = queries.annotations(s, 2)
            commands.set_shape(s, id=second.id, shape=Box(50, 20, 30, 30))
        exporting.export(made, tmp_path / "out", format="cvat-video")
    root = Xml.parse(tmp_path / "out" / "annotations.xml").getroot()
    assert [s.attrib["keyframe"] for s in root.iter("box")] == ["1", "1", "0", "1"]


def test_frames_of_a_video_keep_their_numbers(tmp_path: Path) -> None:
    video(tmp_path / "s" / "clip.avi")
    source = task(tmp_path / "s", track(at(2, 10), at(7, 30)))
    with Project.create(tmp_path / "p", task=Task.DETECT) as project:
        importing.run(project, importing.plan(project, source))
        shapes, losses, dataset = there_and_back(project, tmp_path, "cvat-video")
    assert shapes == [Box(10, 20, 30, 30), Box(30, 20, 30, 30)]
    assert losses == ()
    assert [i.path.name for i in dataset.images] == ["frame_000002.png", "frame_000007.png"]


coordinate = st.floats(0, 100, allow_nan=False).map(lambda v: round(v, 3))


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    boxes=st.lists(
        st.tuples(coordinate, coordinate, st.floats(0.5, 90), st.floats(0.5, 19)), max_size=3
    ),
    turned=st.lists(
        st.tuples(st.floats(40, 100), st.floats(40, 80), st.floats(1, 30), st.floats(1, 30),
                  st.floats(-180, 179.9)), max_size=2,
    ),
    rings=st.lists(
        st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=6, unique=True), max_size=3
    ),
    patches=st.lists(st.binary(min_size=24, max_size=24), max_size=2),
    words=st.text(max_size=8),
)  # fmt: skip
def test_random_shapes_leave_and_return(
    tmp_path_factory: pytest.TempPathFactory,
    boxes: list[tuple[float, ...]],
    turned: list[tuple[float, ...]],
    rings: list[list[tuple[float, float]]],
    patches: list[bytes],
    words: str,
) -> None:
    folder = tmp_path_factory.mktemp("random")
    picture(folder / "camera" / "a.png")
    shapes: list[Any] = [Box(*each) for each in boxes]
    shapes += [RotatedBox(*each) for each in turned]
    shapes += [p for ring in rings if (p := Polygon.simple(ring)).area > 0]
    made = [Mask.from_patch(np.frombuffer(p, np.uint8).reshape(4, 6) % 2) for p in patches]
    shapes += [mask for mask in made if mask is not None]
    with Project.create(folder / "p", task=Task.DETECT, classes=["ship"]) as project:
        importing.run(project, importing.plan_images(project, [folder / "camera"]))
        with project.transaction("Draw") as s:
            commands.set_review(s, image_ids=[1], review=Review.EMPTY)
            for each in shapes:
                commands.add_annotation(
                    s, image_id=1, class_id=1, shape=each, attributes={"note": words}
                )
        exporting.export(project, folder / "out", format="cvat")
    dataset = read(folder / "out")
    assert dataset.problems == []
    found = [a for image in dataset.images for a in image.annotations]
    assert len(found) == len(shapes)
    for wanted, each in zip(shapes, found, strict=True):
        if words and words.isprintable() and words.strip() == words:
            assert each.attributes["attributes"]["note"] in (words, words == "true")
        match wanted:
            case Box():
                assert isinstance(each.shape, Box)
                assert _sides(each.shape) == pytest.approx(_sides(wanted))
            case RotatedBox():
                assert isinstance(each.shape, Box | RotatedBox)
                assert _corners(each.shape) == pytest.approx(_corners(wanted))
            case _:
                assert each.shape == wanted


def _sides(box: Box) -> list[float]:
    return [box.x, box.y, box.w, box.h]


def _corners(shape: Box | RotatedBox) -> list[float]:
    turned = shape if isinstance(shape, RotatedBox) else RotatedBox.of_box(shape)
    found: list[float] = turned.corners().ravel().tolist()
    return found


@given(st.lists(st.integers(0, 1), min_size=1, max_size=60), st.integers(1, 6))
def test_runs_are_what_cvat_counts(bits: list[int], width: int) -> None:
    patch = np.resize(np.array(bits, np.uint8), (math.ceil(len(bits) / width), width))
    runs = runs_of(patch)
    values = [v for i, count in enumerate(runs) for v in [i % 2] * count]
    assert values == patch.ravel().tolist()
    assert all(count > 0 for count in runs[1:])


def test_a_long_file_is_read_with_a_part_of_it_in_memory(
    tmp_path: Path,
) -> None:
    """The tree of the whole file would be some 50 MB; an image of it is a few kB."""
    picture(tmp_path / "images" / "a.png")
    some = f"<box {BOX}><attribute name='plate'>M-AB 1</attribute></box>" * 50
    other = "".join(f'<image id="{n}" name="gone{n}.png">{some}</image>\n' for n in range(600))
    source = task(tmp_path, other)
    tracemalloc.start()
    dataset = read(source)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(dataset.problems) == 600
    assert peak < 6e6


def test_the_command_line_takes_both_in_and_out(tmp_path: Path) -> None:
    source = images(tmp_path / "s", f"<box {BOX}/>")
    assert run(["new", str(tmp_path / "p"), "--task", "detect"]) == 0
    assert run(["import", str(tmp_path / "p"), str(source)]) == 0
    for name in ("cvat", "cvat-video"):
        dest = tmp_path / name
        assert run(["export", str(tmp_path / "p"), str(dest), "--format", name]) == 0
        assert "<box " in (dest / "annotations.xml").read_text()
