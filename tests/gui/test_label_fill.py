"""How opaque boxes and polygons are: a slider that does something in every project, and is kept."""

import numpy as np
import pytest
from label_hands import label_page, opened_page
from patience import until
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.gui.label import shapes_item
from cvstudio.project import commands


@pytest.fixture
def person(tmp_path, qtbot, private_home):
    with label_page(tmp_path, qtbot, Task.DETECT) as person:
        yield person


RING = np.array([[100, 20], [160, 20], [160, 80], [100, 80]], float)
HOLE = np.array([[120, 40], [140, 40], [140, 60], [120, 60]], float)
PLACES = {"box": (40, 40), "polygon": (110, 30), "hole": (130, 50), "ground": (180, 90)}


def draw(person, more=0):
    with person.project.transaction("Draw") as s:
        commands.add_annotation(s, image_id=1, class_id=1, shape=Box(20, 20, 50, 50))
        shape = Polygon((Part(RING, (HOLE,)),))
        commands.add_annotation(s, image_id=1, class_id=2, shape=shape)
        for _ in range(more):
            commands.add_annotation(s, image_id=1, class_id=3, shape=Box(2, 2, 3, 3))
    until(lambda: len(person.document.layer.annotations) == 2 + more)


def with_keys(person):
    """The slider, where the keys are: elsewhere Home and End lead to other images."""
    slider = person.page.display.shape_fill.slider
    slider.setFocus()
    until(slider.hasFocus)
    return slider


def colours(canvas):
    """What is seen at each place, RGB."""
    grabs = [QImage(), QImage()]

    def at_rest():
        grabs[:] = grabs[1], canvas.grab().toImage()
        working = canvas.document.studio.tasks.working
        return grabs[0] == grabs[1] and canvas.tiles.complete and not working

    until(at_rest)
    seen = grabs[1]
    found = {}
    for name, at in PLACES.items():
        point = canvas.to_screen(*at)
        ratio = canvas.devicePixelRatioF()
        found[name] = seen.pixelColor(int(point.x() * ratio), int(point.y() * ratio)).getRgb()[:3]
    return found


@pytest.mark.parametrize("more", [0, shapes_item.MOST_CASED + 1])
def test_the_slider_fills_boxes_and_polygons_and_leaves_holes(person, more):
    draw(person, more)
    before = colours(person.canvas)
    slider = with_keys(person)
    QTest.keyClick(slider, Qt.Key.Key_End)
    assert person.page.display.shape_fill.figure.text() == "100 %"
    after = colours(person.canvas)
    classes = person.document.classes
    for name, class_id in (("box", 1), ("polygon", 2)):
        wanted = bytes.fromhex(classes[class_id].colour[1:])
        assert after[name] == tuple(wanted), name
        assert before[name] != tuple(wanted)
    assert after["hole"] == before["hole"]
    assert after["ground"] == before["ground"]
    slider.setValue(50)
    half = colours(person.canvas)
    assert half["box"] not in (before["box"], after["box"])
    QTest.keyClick(slider, Qt.Key.Key_Home)
    assert colours(person.canvas) == before


def test_the_fill_of_shapes_is_kept_with_the_project(person):
    QTest.keyClick(with_keys(person), Qt.Key.Key_End)
    person.page.viewing.release()
    with opened_page(person.project) as again:
        assert again.display.shape_fill.value == 100
        assert again.canvas.shapes.shape_fill == 1
        again.display.reset()
        assert again.canvas.shapes.shape_fill == 0
