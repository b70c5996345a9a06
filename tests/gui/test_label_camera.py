"""Where the image lies on the screen: what fits, what the pointer holds, what stays in sight."""

import pytest
from PySide6.QtCore import QPointF, QSize

from cvstudio.core.geometry import Box
from cvstudio.gui.label.camera import LARGEST_SCALE, Camera


@pytest.fixture
def camera():
    made = Camera(lambda: QSize(800, 600))
    made.size = (2000, 1000)
    assert made.fit()
    return made


def test_the_whole_image_is_seen_with_a_margin_when_it_fits(camera):
    seen = camera.visible()
    assert seen.contains(0, 0)
    assert seen.contains(2000, 1000)
    assert camera.scale == pytest.approx((800 - 48) / 2000)
    assert camera.to_screen(1000, 500) == QPointF(400, 300)


def test_what_is_under_the_pointer_stays_there_while_one_zooms(camera):
    place = QPointF(250, 200)
    before = camera.to_image(place)
    camera.zoom_by(5, place)
    assert not camera.fits
    assert camera.to_image(place) == pytest.approx(before, abs=1 / camera.scale)


def test_one_cannot_zoom_or_pan_until_the_image_is_lost(camera):
    camera.zoom_to(1e9, QPointF(400, 300))
    assert camera.scale == LARGEST_SCALE
    camera.fit()
    camera.pan(-100_000, 100_000)
    right, top = camera.to_screen(2000, 0).x(), camera.corner.y()
    assert right == pytest.approx(48, abs=1)
    assert top == pytest.approx(600 - 48, abs=1)


def test_an_object_takes_a_third_of_the_room_and_stands_in_the_middle(camera):
    camera.show_box(Box(1500, 700, 100, 20))
    assert camera.scale == pytest.approx(800 / 300)
    assert camera.to_screen(1550, 710).toPoint() == QPointF(400, 300).toPoint()
    camera.show_box(Box(0, 0, 2000, 1000))
    assert camera.fits, "an object as large as the image shows the image"


def test_without_an_image_nothing_is_fitted():
    assert not Camera(lambda: QSize(800, 600)).fit()
