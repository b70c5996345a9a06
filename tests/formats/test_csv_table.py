"""Tables of images and their classes: read as people write them, written so that all comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cvstudio.core.annotation import Split, Task
from cvstudio.core.errors import FormatError
from cvstudio.core.opencv import cv2
from cvstudio.formats import csv_table, table
from cvstudio.formats.base import ProblemKind, Reading
from cvstudio.project import exporting, image_classes, importing, queries
from cvstudio.project.project import Project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the images a.png to e.png in it, e.png in a folder of its own."""
    made = tmp_path / "source"
    (made / "more").mkdir(parents=True)
    for number, name in enumerate(("a", "b", "c", "d", "more/e")):
        cv2.imwrite(str(made / f"{name}.png"), np.full((8, 9, 3), number * 20, np.uint8))
    return made


def write(folder: Path, text: str) -> Path:
    file = folder / "labels.csv"
    file.write_text(text, encoding="utf-8")
    return file


def held(source: Path) -> dict[str, list[str]]:
    found = csv_table.read(source, Reading())
    return {i.path.stem: [a.class_name for a in i.annotations] for i in found.images}


@pytest.mark.parametrize(
    "text",
    [
        "file,labels\na.png,cat;dog\nb.png,dog\nc.png,\n",
        "labels,filename\ncat|dog,a.png\ndog,b.png\n,c.png\n",
        "image;label\na.png;cat,dog\nb.png;dog\nc.png;\n",
        "path\tclasses\na.png\tcat; dog\nb.png\tdog\nc.png\t\n",
        "file,cat,dog\na.png,1,1\nb.png,0,1\nc.png,0,0\n",
        "\ufefffile,label\r\na.png,cat\r\na.png,dog\r\nb.png,dog\r\nc.png,\r\n",
    ],
)
def test_a_table_is_read_however_its_columns_are_written(folder: Path, text: str) -> None:
    source = write(folder, text)
    assert table.sniff(source, Task.CLASSIFY).name == "csv"
    assert held(source) == {"a": ["cat", "dog"], "b": ["dog"], "c": []}
    assert held(folder) == held(source)


def test_an_image_without_classes_is_known_to_have_none_and_the_split_is_taken(
    folder: Path,
) -> None:
    text = "file,labels,split\na.png,cat,train\nb.png,,valid\nmore/e.png,cat,test\n"
    found = csv_table.read(write(folder, text), Reading())
    assert [(i.path.name, i.split, i.empty) for i in found.images] == [
        ("a.png", Split.TRAIN, False), ("b.png", Split.VAL, True), ("e.png", Split.TEST, False),
    ]  # fmt: skip


def test_what_is_wrong_with_a_line_is_told_with_its_number(folder: Path) -> None:
    text = "file,labels\na.png,cat;cat\nnot there.png,dog\n,dog\nb.png,dog\n"
    found = csv_table.read(write(folder, text), Reading())
    assert [(p.kind, p.line) for p in found.problems] == [
        (ProblemKind.DUPLICATE, 2), (ProblemKind.IMAGE_MISSING, 3), (ProblemKind.MALFORMED, 4),
    ]  # fmt: skip
    marks = csv_table.read(write(folder, "file,cat\na.png,maybe\n"), Reading())
    assert "neither 0 nor 1" in marks.problems[0].text


def test_a_table_without_a_header_is_refused_in_words(folder: Path) -> None:
    source = write(folder, "a.png,cat\n")
    assert csv_table.sniff(source) == 0
    with pytest.raises(FormatError, match="has no header"):
        csv_table.read(source, Reading())
    (folder / "second.csv").write_text("file,labels\n")
    with pytest.raises(FormatError, match="holds 2 CSV files"):
        csv_table.read(folder, Reading())


@pytest.mark.parametrize(
    "text",
    [
        'file,labels\na.png,"cat\nb.png,dog\n',  # b.png would be a part of a's class
        'file,labels\na.png,"' + "x" * 200_000,
        'file,labels,"' + "x" * 200_000,
    ],
)
def test_a_table_with_an_open_quotation_mark_is_refused_in_words(folder: Path, text: str) -> None:
    with pytest.raises(FormatError, match="damaged at line") as refused:
        csv_table.read(write(folder, text), Reading())
    assert "quotation mark" in (refused.value.hint or "")


def test_images_with_several_classes_go_out_and_come_back(folder: Path, tmp_path: Path) -> None:
    source = write(
        folder, "file,labels,split\na.png,cat;dog,train\nb.png,dog,val\nc.png,,\nd.png,cat,\n"
    )
    with Project.create(tmp_path / "one", task=Task.CLASSIFY) as first:
        report = importing.run(first, importing.plan(first, source), copy=False)
        with first.read() as s:
            assert image_classes.several(s)
        assert "several classes" in " ".join(report.sentences())
        written = exporting.export(first, tmp_path / "out", format="csv")
        assert written.losses == ()
        first.undo()
        with first.read() as s:
            assert not image_classes.several(s)
    assert (tmp_path / "out" / "labels.csv").read_text(encoding="utf-8") == (
        "file,labels,split\nimages/a.png,cat;dog,train\nimages/b.png,dog,val\n"
        "images/c.png,,\nimages/d.png,cat,\n"
    )
    with Project.create(tmp_path / "two", task=Task.CLASSIFY) as second:
        importing.run(second, importing.plan(second, tmp_path / "out"), copy=False)
        with second.read() as s:
            names = {c.id: c.name for c in queries.classes(s)}
            records = queries.images(s, queries.image_ids(s))
            classes = image_classes.classes_of(s, [r.id for r in records])
    assert {r.name: [names[c] for c in classes.get(r.id, [])] for r in records} == {
        "a.png": ["cat", "dog"], "b.png": ["dog"], "c.png": [], "d.png": ["cat"],
    }  # fmt: skip


def test_folders_of_classes_and_single_tables_leave_a_project_with_one_class_an_image(
    folder: Path, tmp_path: Path
) -> None:
    source = write(folder, "file,labels\na.png,cat\nb.png,dog\n")
    with Project.create(tmp_path / "one", task=Task.CLASSIFY) as project:
        importing.run(project, importing.plan(project, source), copy=False)
        with project.read() as s:
            assert not image_classes.several(s)


def test_class_names_that_hold_the_sign_between_classes_are_told(
    folder: Path, tmp_path: Path
) -> None:
    with Project.create(tmp_path / "p", task=Task.CLASSIFY, classes=["a;b"]) as project:
        importing.run(project, importing.plan(project, folder / "a.png"))
        with project.transaction("Label") as s:
            image_classes.toggle(s, image_ids=queries.image_ids(s), class_id=1)
        report = exporting.export(project, tmp_path / "out", format="csv")
    assert 'Class "a;b" became "a/b"' in report.losses[0]


def test_classes_that_would_read_the_same_in_a_table_stay_two(folder: Path, tmp_path: Path) -> None:
    names = ["a|b", "a/b", "a;b"]
    with Project.create(tmp_path / "p", task=Task.CLASSIFY, classes=names) as project:
        importing.run(project, importing.plan_images(project, [folder]))
        with project.transaction("Label") as s:
            image_classes.allow_several(s, True)
            for class_id in (1, 2, 3):
                image_classes.toggle(s, image_ids=[1], class_id=class_id)
        report = exporting.export(project, tmp_path / "out", format="csv")
    (image,) = (
        i for i in csv_table.read(tmp_path / "out", Reading()).images if i.path.name == "a.png"
    )
    assert [a.class_name for a in image.annotations] == ["a/b 2", "a/b", "a/b 3"]
    told = " ".join(report.losses)
    assert 'Class "a|b" became "a/b 2"' in told
    assert 'Class "a;b" became "a/b 3"' in told
