"""Label files are read in the forms that people have, and what is wrong is said in words."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cvstudio.core.annotation import Split, Task
from cvstudio.core.errors import FormatError
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask
from cvstudio.formats import class_map, coco, table
from cvstudio.formats.base import Cancelled, ParsedDataset, ProblemKind, Reading


def picture(path: Path, width: int = 100, height: int = 80) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), (90, 90, 90)).save(path)
    return path


def read(source: Path, task: Task | None = None, **more: Any) -> ParsedDataset:
    found = table.sniff(source, task)
    assert found is not None
    return found.read(source, Reading(task=task, **more))


def kinds(dataset: ParsedDataset) -> list[str]:
    return [problem.kind.value for problem in dataset.problems]


# COCO


def coco_file(folder: Path, annotations: list[Any], **more: Any) -> Path:
    picture(folder / "images" / "a.png")
    data = {
        "images": [{"id": 7, "file_name": "a.png", "width": 100, "height": 80}],
        "categories": [{"id": 3, "name": "cell"}, {"id": 9, "name": "other"}],
        "annotations": annotations,
        **more,
    }
    file = folder / "labels.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    return file


def item(**more: Any) -> dict[str, Any]:
    return {"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 10, 20, 20], **more}


def test_coco_boxes_polygons_and_both_kinds_of_runs(tmp_path: Path) -> None:
    patch = np.zeros((80, 100), np.uint8)
    patch[20:40, 30:60] = 1
    mask = Mask.from_patch(patch)
    assert mask is not None
    from cvstudio.core.masks import to_coco

    packed = to_coco(mask, height=80, width=100)
    runs = {"size": [80, 100], "counts": coco.counts_of(packed["counts"]).tolist()}
    coco_file(
        tmp_path,
        [
            item(id=1, bbox=[1.25, 2.5, 3, 4]),
            item(id=2, segmentation=[[0, 0, 10, 0, 10, 10], [20, 20, 30, 20, 30, 30, 20, 30]]),
            item(id=3, segmentation=packed),
            item(id=4, segmentation=runs, iscrowd=1, keypoints=[1, 2, 2]),
        ],
    )
    dataset = read(tmp_path)
    assert dataset.problems == []
    box, polygon, compressed, crowd = dataset.images[0].annotations
    assert box.shape == Box(1.25, 2.5, 3, 4)
    assert isinstance(polygon.shape, Polygon)
    assert len(polygon.shape.parts) == 2
    assert compressed.shape == mask == crowd.shape
    assert (crowd.attributes["iscrowd"], crowd.attributes["keypoints"]) == (1, [1, 2, 2])


def test_coco_says_what_it_cannot_take(tmp_path: Path) -> None:
    coco_file(
        tmp_path,
        [
            item(id=1, category_id=4),
            item(id=2, image_id=99),
            item(id=3, bbox=[10, 10, 0, 5]),
            item(id=4, bbox=[200, 10, 5, 5]),
            item(id=5, bbox=[90, 70, 20, 20]),
            item(id=6, bbox=["x", 1, 2, 3]),
            item(id=7, bbox=[float("nan"), 1, 2, 3]),
            item(id=8, segmentation=[[1, 2, 3]]),
            item(id=9, segmentation={"size": [80, 100], "counts": [10, 20]}),
            item(id=10, segmentation={"size": [80, 100], "counts": "garbage!\u00e9"}),
            item(id=11, segmentation={"size": [80, 100], "counts": "ooooooo"}),
            item(id=12, segmentation={"size": [80, 10_000_000], "counts": "0"}),
            item(id=13, image_id=[1]),
            "no object",
            None,
        ],
    )
    dataset = read(tmp_path)
    (only,) = dataset.images[0].annotations
    assert only.shape == Box(90, 70, 10, 10)  # cut at the edge
    found = kinds(dataset)
    assert found.count("malformed") == 10
    assert found.count("outside the image") == 2
    assert {"class unknown", "image missing", "no area"} <= set(found)
    assert all(p.text.endswith(".") for p in dataset.problems)


def test_a_coco_file_cut_in_half_is_one_sentence_with_its_place(tmp_path: Path) -> None:
    file = coco_file(tmp_path, [item(id=n) for n in range(50)])
    text = json.dumps(json.loads(file.read_text()), indent=1)
    file.write_text(text[: len(text) // 2])
    line = text[: len(text) // 2].count("\n") + 1
    with pytest.raises(FormatError, match=rf"labels\.json is cut off at line {line}, column") as e:
        read(tmp_path)
    assert (e.value.path, e.value.line) == (file, line)


@pytest.mark.parametrize(
    "text",
    ['{"images": 5, "annotations": []}', '{"images": [], "annotations": 5}', "[" * 100_000, "[]"],
)
def test_coco_of_the_wrong_shape_is_a_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "labels.json"
    file.write_text(text)
    with pytest.raises(FormatError, match=r"labels\.json is .*\.$"):
        coco.read(file, Reading())


def test_coco_entries_of_the_wrong_kind_are_left_out_one_by_one(tmp_path: Path) -> None:
    coco_file(
        tmp_path,
        [[], item()],
        images=[{"id": 1}, 5, None, {"id": 7, "file_name": "a.png", "width": "wide"}],
        categories=[5, {"id": [3], "name": "other"}, {"id": 3, "name": "cell"}],
    )
    dataset = read(tmp_path)
    assert [len(image.annotations) for image in dataset.images] == [1]
    assert kinds(dataset) == ["malformed"] * 5


def test_coco_images_are_found_by_folder_when_names_repeat(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        picture(tmp_path / "images" / folder / "same.png")
    data = {
        "images": [
            {"id": 1, "file_name": "two/same.png", "width": 100, "height": 80},
            {"id": 2, "file_name": "one\\same.png", "width": 100, "height": 80},
            {"id": 3, "file_name": "none/lost.png", "width": 100, "height": 80},
        ],
        "categories": [],
        "annotations": [],
    }
    (tmp_path / "labels.json").write_text(json.dumps(data))
    dataset = read(tmp_path)
    assert [image.path.parent.name for image in dataset.images] == ["two", "one"]
    assert kinds(dataset) == ["image missing"]


# YOLO


def yolo(folder: Path, yaml: str, labels: str, *, layout: str = "{kind}/train") -> None:
    picture(folder / layout.format(kind="images") / "a.png")
    file = folder / layout.format(kind="labels") / "a.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(labels)
    (folder / "data.yaml").write_text(yaml, encoding="utf-8")


@pytest.mark.parametrize(
    ("yaml", "layout"),
    [
        ("path: .\ntrain: images/train\nnames: [cell, other]", "{kind}/train"),
        ("train: images/train\nval: images/train\nnames:\n  0: cell\n  1: other", "{kind}/train"),
        ("train: [images/train]\nnc: 2\nnames: {0: cell, '1': other}", "{kind}/train"),
        ("path: /somewhere/else\ntrain: images/train\nnames: [cell, other]", "{kind}/train"),
        ("train: ../train/images\nnc: 2\nnames: [cell, other]", "train/{kind}"),
        ("train: train.txt\nnames: [cell, other]", "{kind}/train"),
    ],
)
def test_data_yaml_is_understood_in_its_variants(tmp_path: Path, yaml: str, layout: str) -> None:
    yolo(tmp_path, yaml, "1 0.5 0.5 0.2 0.25\n", layout=layout)
    (tmp_path / "train.txt").write_text("./images/train/a.png\n")
    dataset = read(tmp_path)
    assert [c.name for c in dataset.classes] == ["cell", "other"]
    (image,) = dataset.images
    assert image.split is Split.TRAIN
    (only,) = image.annotations
    assert only.class_name == "other"
    assert only.shape == Box(40, 30, 20, 20)


def test_yolo_outlines_and_plain_folders(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png")
    picture(tmp_path / "c.png")
    (tmp_path / "classes.txt").write_text("größe/“cell”\n")
    (tmp_path / "a.txt").write_text("0 0.1 0.1 0.5 0.1 0.5 0.5\n")
    (tmp_path / "b.txt").write_text("")
    dataset = read(tmp_path)
    a, b, c = dataset.images
    assert a.annotations[0].class_name == "größe/“cell”"
    assert isinstance(a.annotations[0].shape, Polygon)
    assert a.annotations[0].shape.box == Box(10, 8, 40, 32)
    assert b.empty
    assert not c.empty  # no file: nobody has said anything


def test_yolo_labels_without_an_image_are_told(tmp_path: Path) -> None:
    yolo(tmp_path, "train: images/train\nnames: [cell]", "0 0.5 0.5 0.2 0.2\n")
    picture(tmp_path / "images" / "val" / "kept back.png")  # the yaml does not name its folder
    for name in ("train/gone", "val/kept back"):
        file = tmp_path / "labels" / f"{name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("0 0.5 0.5 0.2 0.2\n")
    (tmp_path / "labels" / "notes.txt").write_text("drawn by hand\n")
    (problem,) = read(tmp_path).problems
    assert problem.kind is ProblemKind.IMAGE_MISSING
    assert problem.text == "gone.txt has labels, but there is no image to it."


@pytest.mark.parametrize("each", [2, 3])
def test_boxes_of_yolo_pose_come_in_with_their_points_as_attributes(
    tmp_path: Path, each: int
) -> None:
    seen = [" 2", " 0"] if each == 3 else ["", ""]
    yaml = f"train: images/train\nnames: [person]\nkpt_shape: [2, {each}]"
    yolo(tmp_path, yaml, f"0 0.5 0.5 0.2 0.25 0.45 0.4{seen[0]} 0 0{seen[1]}\n")
    ((only,),) = [image.annotations for image in read(tmp_path).images]
    assert only.shape == Box(40, 30, 20, 20)
    assert only.attributes == {"keypoints": [45, 32, 2, 0, 0, 0], "num_keypoints": 2}


def test_bad_yolo_lines_are_named_by_their_number(tmp_path: Path) -> None:
    lines = [
        "0 0.5 0.5 0.2 0.2",
        "nonsense",
        "7 0.5 0.5 0.2 0.2",
        "0 0.5 0.5 0 0.2",
        "0 5 5 0.2 0.2",
        "0 250 250 80 80",
        "0 0.5 0.5 0.2 0.2",
        "0 0.1 0.1 0.2 0.2 0.3 0.3 0.4",
        "0.5 0.5 0.5 0.2 0.2",
    ]
    yolo(tmp_path, "train: images/train\nnames: [cell]", "\n".join(lines))
    dataset = read(tmp_path)
    assert len(dataset.images[0].annotations) == 1
    found = {p.line: p.kind for p in dataset.problems}
    assert found == {
        2: ProblemKind.MALFORMED,
        3: ProblemKind.CLASS_UNKNOWN,
        4: ProblemKind.NO_AREA,
        5: ProblemKind.OUTSIDE,
        6: ProblemKind.MALFORMED,
        7: ProblemKind.DUPLICATE,
        8: ProblemKind.MALFORMED,
        9: ProblemKind.MALFORMED,
    }


@pytest.mark.parametrize("text", ["names: [a\ntrain: x", "train: x\nnames: 5", "- names\n- train"])
def test_a_damaged_data_yaml_is_a_sentence(tmp_path: Path, text: str) -> None:
    yolo(tmp_path, text, "")
    with pytest.raises(FormatError, match=r"data\.yaml"):
        read(tmp_path)


def test_a_data_yaml_runs_no_code(tmp_path: Path) -> None:
    yolo(tmp_path, "train: x\nnames: !!python/object/apply:os.system ['true']", "")
    with pytest.raises(FormatError, match="damaged"):
        read(tmp_path)


# Pascal VOC

VOC = """<annotation><folder>x</folder><filename>a.png</filename>
<size><width>100</width><height>80</height></size>
{objects}
</annotation>"""
OBJECT = """<object><name>{name}</name><pose>Left</pose><difficult>1</difficult>
<bndbox><xmin>{b[0]}</xmin><ymin>{b[1]}</ymin><xmax>{b[2]}</xmax><ymax>{b[3]}</ymax></bndbox>
<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part></object>"""


def voc(folder: Path, objects: str) -> Path:
    picture(folder / "JPEGImages" / "a.png")
    file = folder / "Annotations" / "a.xml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(VOC.format(objects=objects), encoding="utf-8")
    return file


def test_voc_boxes_attributes_and_splits(tmp_path: Path) -> None:
    voc(tmp_path, OBJECT.format(name="a &amp; b", b=(10, 20, 30, 60)))
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("a\n")
    dataset = read(tmp_path)
    (image,) = dataset.images
    assert image.split is Split.VAL
    (only,) = image.annotations
    assert (only.class_name, only.shape) == ("a & b", Box(10, 20, 20, 40))
    assert only.attributes == {"difficult": 1, "pose": "Left"}


def test_voc_says_what_it_cannot_take(tmp_path: Path) -> None:
    voc(
        tmp_path,
        OBJECT.format(name="", b=(1, 2, 3, 4))
        + OBJECT.format(name="a", b=(10, 10, 10, 20))
        + OBJECT.format(name="a", b=("x", 10, 10, 20))
        + OBJECT.format(name="a", b=(500, 500, 510, 520))
        + OBJECT.format(name="a", b=(50, 50, 150, 60)),
    )
    (tmp_path / "Annotations" / "b.xml").write_text(VOC.format(objects="")[:60])
    lost = VOC.format(objects="").replace("a.png", "lost.png")
    (tmp_path / "Annotations" / "c.xml").write_text(lost)
    dataset = read(tmp_path)
    assert [a.shape for a in dataset.images[0].annotations] == [Box(50, 50, 50, 10)]
    assert kinds(dataset) == [
        "class unknown",
        "no area",
        "malformed",
        "outside the image",
        "outside the image",
        "malformed",
        "image missing",
        "not taken",
    ]
    assert dataset.problems[-1].text == (
        "1 object has parts in the label file: the box comes in, the rest does not."
    )
    assert next(p for p in dataset.problems if p.text.startswith("b.xml")).line == 2


def test_an_xml_bomb_is_refused(tmp_path: Path) -> None:
    file = voc(tmp_path, "")
    file.write_text('<!DOCTYPE a [<!ENTITY b "b">]>' + VOC.format(objects="&b;"))
    dataset = read(tmp_path)
    assert "refused" in dataset.problems[0].text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp037"])
def test_an_xml_bomb_is_refused_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    voc(tmp_path, "")
    text = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
    text += '<!DOCTYPE a [<!ENTITY b "b">]>' + VOC.format(
        objects=OBJECT.format(name="&b;", b="1234")
    )
    bomb = tmp_path / "Annotations" / "bomb.xml"
    bomb.write_bytes(text.encode(encoding))
    dataset = read(tmp_path)
    assert [image.annotations for image in dataset.images] == [[]]
    assert [(p.kind.value, p.file) for p in dataset.problems] == [("malformed", bomb)]


def test_a_voc_box_may_stand_behind_parts_and_comments(tmp_path: Path) -> None:
    item = OBJECT.format(name="a", b=(10, 20, 30, 60)).replace(
        "<bndbox><xmin>10", "<!-- by hand --><bndbox><xmin>10"
    )
    actions = "<actions><running>1</running></actions></object>"
    voc(tmp_path, item.replace("</object>", actions))
    (annotation,) = read(tmp_path).images[0].annotations
    assert annotation.shape == Box(10, 20, 20, 40)
    assert annotation.attributes["actions"] == {"running": "1"}


def test_images_are_found_by_the_name_of_their_label_file(tmp_path: Path) -> None:
    """Some tools write the image's name without its ending, or with that of another format."""
    file = voc(tmp_path, OBJECT.format(name="a", b=(10, 20, 30, 60)))
    picture(tmp_path / "JPEGImages" / "b.png")
    file.write_text(file.read_text().replace("a.png", "a"), encoding="utf-8")
    dataset = read(tmp_path)
    assert [(i.path.name, len(i.annotations)) for i in dataset.images] == [
        ("a.png", 1),
        ("b.png", 0),
    ]


# Folders and masks


def test_class_folders_with_and_without_splits(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        for name in ("10 µm", "2 µm"):
            picture(tmp_path / "set" / split / name / "deep" / "x.png")
    dataset = read(tmp_path, Task.CLASSIFY)
    assert [c.name for c in dataset.classes] == ["2 µm", "10 µm"]
    assert {image.split for image in dataset.images} == {Split.TRAIN, Split.VAL}
    assert all(image.annotations[0].shape is None for image in dataset.images)


def masked(folder: Path, values: np.ndarray, name: str = "masks/a.png") -> None:
    picture(folder / "images" / "a.jpg", values.shape[1], values.shape[0])
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(folder / name)


def test_binary_masks_are_one_foreground(tmp_path: Path) -> None:
    values = np.zeros((40, 50), np.uint8)
    values[5:15, 5:25] = 255
    values[20:30, 30:40] = 255
    masked(tmp_path, values)
    (only,) = read(tmp_path, Task.SEGMENT).images[0].annotations
    assert only.class_name == "foreground"
    assert isinstance(only.shape, Mask)
    assert np.array_equal(only.shape.full(40, 50), values // 255)
    objects = read(tmp_path, Task.INSTANCE).images[0].annotations
    assert sorted(a.shape.area for a in objects if a.shape) == [100, 200]


def test_indexed_masks_take_names_from_a_class_map(tmp_path: Path) -> None:
    values = np.zeros((40, 50), np.uint8)
    values[:10], values[20:30] = 1, 7
    masked(tmp_path, values, "labels/a_mask.png")
    found = read(tmp_path, Task.SEGMENT)
    assert [c.name for c in found.classes] == ["class 1", "class 7"]
    (tmp_path / "classes.csv").write_text("value,name,colour\n1,Kern,#102030\n7,Zyto,#00ff00\n")
    named = read(tmp_path, Task.SEGMENT)
    assert [(c.name, c.colour) for c in named.classes] == [("Kern", "#102030"), ("Zyto", "#00FF00")]
    (tmp_path / "classes.csv").write_text("value,name\n1,Kern\n")
    partly = read(tmp_path, Task.SEGMENT)
    assert kinds(partly) == ["class unknown"]
    assert "value 7" in partly.problems[0].text


def test_colour_coded_masks_get_colours_or_names(tmp_path: Path) -> None:
    values = np.zeros((40, 50, 3), np.uint8)
    values[:10], values[20:30] = (255, 0, 0), (1, 2, 3)
    masked(tmp_path, values)
    assert [c.name for c in read(tmp_path, Task.SEGMENT).classes] == ["#010203", "red"]
    (tmp_path / "my map.txt").write_text("background 0 0 0\ntumour 255 0 0\nfat tissue 1 2 3\n")
    named = read(tmp_path, Task.SEGMENT, class_map=tmp_path / "my map.txt")
    assert [c.name for c in named.classes] == ["tumour", "fat tissue"]


def test_masks_that_do_not_fit_are_reported(tmp_path: Path) -> None:
    masked(tmp_path, np.zeros((40, 50), np.uint8))
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    picture(tmp_path / "images" / "b.jpg", 60, 60)
    Image.fromarray(noise).save(tmp_path / "masks" / "b.png")
    picture(tmp_path / "images" / "c.jpg", 10, 10)
    Image.fromarray(noise).save(tmp_path / "masks" / "c.png")
    (tmp_path / "masks" / "d.png").write_bytes(b"")
    picture(tmp_path / "images" / "d.jpg")
    dataset = read(tmp_path, Task.SEGMENT)
    assert kinds(dataset) == ["malformed", "malformed", "image unreadable"]
    assert dataset.images[0].empty


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labelmap.txt", "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:10,20,30::\n"),
        ("map.json", '{"background": [0, 0, 0], "cat": [10, 20, 30]}'),
        ("map.json", '{"label_map": {"0": "cat"}, "segmentation_colors": [[10, 20, 30]]}'),
        ("map.csv", "name,r,g,b\ncat,10,20,30\n"),
        ("map.csv", "value,name,colour\n1,cat,#0A141E\n"),
    ],
)
def test_class_maps_of_many_makers(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert class_map.read(tmp_path / name).colours[0x0A141E] == "cat"


def test_a_table_of_classes_keeps_names_that_look_like_something_else(tmp_path: Path) -> None:
    names = ["7", 'a: b, # "c"', "1 2 3", "name"]
    with (tmp_path / "classes.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["value", "name", "colour"])
        rows.writerows([n, name, f"#0000{n:02X}"] for n, name in enumerate(names, 1))
    found = class_map.read(tmp_path / "classes.csv")
    assert found.values == dict(enumerate(names, 1))
    assert found.colours == found.values


def test_reading_can_be_cancelled(tmp_path: Path) -> None:
    coco_file(tmp_path, [item()])
    with pytest.raises(Cancelled):
        read(tmp_path, cancelled=lambda: True)


def test_a_folder_of_plain_images_is_no_format(tmp_path: Path) -> None:
    for n in range(3):
        picture(tmp_path / f"{n}.png")
    assert table.sniff(tmp_path) is None
    with pytest.raises(FormatError, match="nothing at"):
        table.sniff(tmp_path / "gone")
    with pytest.raises(FormatError, match='no format "cocoa"') as error:
        table.by_name("cocoa")
    assert "coco" in error.value.hint
