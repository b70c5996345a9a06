"""Who comes from labelme or CVAT drops a folder or a file, reads what is wrong, and has it all."""

import json

from person import make_images
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent

from cvstudio.core.annotation import Kind
from cvstudio.project import attributes, queries

XML = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><labels><label><name>car</name>
<color>#2a9df4</color><attributes><attribute><name>make</name><input_type>select</input_type>
<default_value>vw</default_value><values>ford
vw</values></attribute></attributes></label></labels></task></meta>
<image id="0" name="{name}" width="64" height="48">
<box label="car" xtl="5" ytl="6" xbr="40" ybr="30" rotation="20"/>
<polyline label="car" points="1,2;3,4"/>
<box label="car" xtl="5"/>
</image></annotations>"""


def bring_in(person, path):
    """Drop something on the window and go through the pages; what the check page says."""
    seen = {}
    person.page("data")

    def drive(dialog):
        person.until(lambda: dialog.step == 1)
        check = dialog.check
        seen["source"] = check.source.text()
        seen["problems"] = [
            check.table.item(row, 1).text() for row in range(check.table.rowCount())
        ]
        check.table.setCurrentCell(0, 1)
        person.settle()
        seen["places"] = [check.places.item(i).text() for i in range(check.places.count())]
        for _ in range(3):  # classes, split, import
            person.click(dialog.go)
        person.until(lambda: dialog.report is not None)

    person.answer(drive)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    person.window.dropEvent(
        QDropEvent(
            QPointF(600, 300), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )  # fmt: skip
    person.until(lambda: "places" in seen)
    person.idle()
    return seen


def annotations_of(person, name):
    with person.project.read() as s:
        (record,) = [r for r in queries.images(s, queries.image_ids(s)) if r.uri.endswith(name)]
        return queries.annotations(s, record.id)


def test_a_dropped_folder_of_labelme_says_what_is_wrong_and_comes_in(studio_window, tmp_path):
    person = studio_window
    first, second = make_images(tmp_path / "lm", 2, width=70, height=50)
    shapes = [
        {"label": "cell", "shape_type": "rectangle", "points": [[5, 6], [40, 30]],
         "flags": {"torn": True}, "group_id": None},
        {"label": "cell", "shape_type": "circle", "points": [[30, 20], [40, 20]], "flags": {}},
        {"label": "wire", "shape_type": "line", "points": [[5, 6], [40, 30]], "flags": {}},
    ]  # fmt: skip
    content = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": first.name,
               "imageData": None, "imageHeight": 50, "imageWidth": 70}  # fmt: skip
    first.with_suffix(".json").write_text(json.dumps(content))
    second.with_suffix(".json").write_text(json.dumps(content)[:120])
    before = _classes(person)
    seen = bring_in(person, tmp_path / "lm")
    assert "labelme (JSON)" in seen["source"]
    assert seen["problems"] == ["Entries that make no sense", "Shapes that CVStudio cannot draw"]
    assert seen["places"] == [f"{second.stem}.json is cut off at line 1, column 121."]
    assert [a.kind for a in annotations_of(person, f"lm/{first.name}")] == [Kind.BOX, Kind.POLYGON]
    with person.project.read() as s:
        asked = {each.name for found in attributes.own(s).values() for each in found}
    assert asked == {"torn"}
    person.trigger("edit.undo")
    assert _classes(person) == before


def test_a_dropped_file_of_cvat_says_the_lines_and_comes_in(studio_window, tmp_path):
    person = studio_window
    (image,) = make_images(tmp_path / "cv" / "images", 1, width=64, height=48)
    file = tmp_path / "cv" / "annotations.xml"
    file.write_text(XML.format(name=image.name))
    seen = bring_in(person, file)
    assert "CVAT for images (XML)" in seen["source"]
    assert seen["problems"] == ["Entries that make no sense", "Shapes that CVStudio cannot draw"]
    assert seen["places"] == [
        f"Box 3 of {image.name} (car) is damaged: it has no number ytl, line 9"
    ]
    (annotation,) = annotations_of(person, f"images/{image.name}")
    assert annotation.kind is Kind.ROTATED_BOX
    assert annotation.shape.angle == 20


def _classes(person):
    with person.project.read() as s:
        return [c.name for c in queries.classes(s)]
