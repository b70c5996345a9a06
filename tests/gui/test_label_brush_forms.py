"""Square brush, pen pressure, and boxes by corners or extreme points, by mouse, pen and keys."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QInputDevice, QMouseEvent, QPointingDevice, QTabletEvent
from PySide6.QtWidgets import QApplication

from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Box
from cvstudio.core.opencv import cv2
from cvstudio.gui.label.dabs import dab
from cvstudio.gui.label.tools import brush_options
from cvstudio.gui.label.tools.brush_settings import BrushSettings
from cvstudio.project import commands, queries
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

NO_KEYS = Qt.KeyboardModifier.NoModifier
LEFT, NO_BUTTON = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton


@pytest.fixture
def project(tmp_path):
    made = Project.create(tmp_path / "plain", task=Task.DETECT, classes=["A"])
    cv2.imwrite(str(tmp_path / "1.png"), np.full((300, 400, 3), 90, np.uint8))
    with made.transaction("Fill") as session:
        commands.add_images(session, [NewImage(uri=str(tmp_path / "1.png"), width=400, height=300)])
    yield made
    made.close()


@pytest.fixture
def page(studio_window):
    made = studio_window.page("label")
    studio_window.until(lambda: made.canvas.tiles.pyramid is not None)
    studio_window.idle()
    made.canvas.setFocus()
    return made


def mouse(page, kind, x, y, button=NO_BUTTON, held=NO_BUTTON):
    place = QPointF(page.canvas.to_screen(x, y))
    everywhere = page.canvas.viewport().mapToGlobal(place)
    event = QMouseEvent(kind, place, everywhere, button, held, NO_KEYS)
    QApplication.sendEvent(page.canvas.viewport(), event)


def click(page, x, y):
    mouse(page, QEvent.Type.MouseMove, x, y)
    mouse(page, QEvent.Type.MouseButtonPress, x, y, LEFT, LEFT)
    mouse(page, QEvent.Type.MouseButtonRelease, x, y, LEFT)


def pen(page, kind, x, y, pressure):
    """An event of a tablet, and the mouse event that Qt makes of it when nobody takes it."""
    types = {
        QEvent.Type.TabletPress: QEvent.Type.MouseButtonPress,
        QEvent.Type.TabletMove: QEvent.Type.MouseMove,
        QEvent.Type.TabletRelease: QEvent.Type.MouseButtonRelease,
    }
    device = QPointingDevice(
        "pen", 7, QInputDevice.DeviceType.Stylus, QPointingDevice.PointerType.Pen,
        QInputDevice.Capability.Position | QInputDevice.Capability.Pressure, 1, 1,
    )  # fmt: skip
    place = QPointF(page.canvas.to_screen(x, y))
    everywhere = page.canvas.viewport().mapToGlobal(place)
    button = NO_BUTTON if kind == QEvent.Type.TabletMove else LEFT
    held = NO_BUTTON if kind == QEvent.Type.TabletRelease else LEFT
    event = QTabletEvent(
        kind, device, place, everywhere, pressure, 0, 0, 0, 0, 0, NO_KEYS, button, held
    )
    QApplication.sendEvent(page.canvas.viewport(), event)
    assert not event.isAccepted(), "Qt makes no mouse event of a pen event that was taken"
    mouse(page, types[kind], x, y, button, held)


def stored(page):
    with page.project.read() as session:
        return queries.annotations(session, 1)


def test_the_square_brush_paints_squares(studio_window, page):
    studio_window.key("B")
    page.bar.options.spin.setValue(20)
    studio_window.click(studio_window.button("Square", page.bar))
    click(page, 200, 150)
    (annotation,) = stored(page)
    assert annotation.box == Box(190, 140, 20, 20)
    assert annotation.shape.area == 400


def test_a_square_stroke_covers_what_the_square_passes_over():
    patch = np.zeros((120, 200), np.uint8)
    dab(patch, (30.0, 30.0), (150.0, 80.0), size=20, value=1, square=True)
    assert patch[20:40, 20:40].all()
    assert patch[70:90, 140:160].all()
    exact = np.zeros_like(patch)
    for share in np.linspace(0, 1, 2000):
        x, y = 30 + 120 * share, 30 + 50 * share
        exact[round(y - 10) : round(y + 10), round(x - 10) : round(x + 10)] = 1
    assert np.count_nonzero(patch & exact) / np.count_nonzero(patch | exact) > 0.97
    straight = np.zeros_like(patch)
    dab(straight, (30.0, 60.0), (150.0, 60.0), size=20, value=1, square=True)
    assert straight[50:70, 20:160].all()
    assert straight.sum() == 20 * 140


def test_a_light_pen_paints_a_thin_line_and_a_heavy_one_a_thick_line(studio_window, page):
    studio_window.key("B")
    page.brush.size = 40
    for y, pressure in ((80, 0.25), (200, 1.0)):
        pen(page, QEvent.Type.TabletPress, 100, y, pressure)
        pen(page, QEvent.Type.TabletMove, 300, y, pressure)
        pen(page, QEvent.Type.TabletRelease, 300, y, 0.0)
        page.document.select([])
    thin, thick = stored(page)
    assert thin.box.h == pytest.approx(10, abs=1)
    assert thick.box.h == pytest.approx(40, abs=1)


def test_the_mouse_paints_with_the_whole_brush_after_a_pen(studio_window, page):
    studio_window.key("B")
    page.brush.size = 40
    pen(page, QEvent.Type.TabletPress, 100, 80, 0.25)
    pen(page, QEvent.Type.TabletRelease, 100, 80, 0.0)
    page.document.select([])
    click(page, 300, 200)
    assert stored(page)[1].box.h == pytest.approx(40, abs=1)


def test_pen_pressure_can_be_turned_off():
    settings = BrushSettings(size=40, pressure=0.5)
    assert settings.reach == 20
    settings.by_pressure = False
    assert settings.reach == 40
    assert BrushSettings(size=40, pressure=0.0).reach >= 1


def test_with_a_tablet_the_options_offer_to_paint_without_pressure(
    studio_window, page, monkeypatch
):
    studio_window.key("B")
    assert not page.bar.options.pressure.isVisible(), "no tablet, no question"
    monkeypatch.setattr(brush_options, "has_pen", lambda: True)
    studio_window.key("V")
    studio_window.key("B")
    options = page.bar.options
    studio_window.click(options.more)  # the window is too narrow for all of them
    assert options.pressure.isVisible()
    options.pressure.setChecked(False)
    options.more.fields.close()
    page.brush.size = 40
    pen(page, QEvent.Type.TabletPress, 100, 80, 0.25)
    pen(page, QEvent.Type.TabletRelease, 100, 80, 0.0)
    assert stored(page)[0].box.h == pytest.approx(40, abs=1)


def test_two_clicks_are_two_corners_of_a_box(studio_window, page):
    studio_window.key("R")
    click(page, 50, 40)
    click(page, 150, 100)
    (annotation,) = stored(page)
    assert annotation.box.w == pytest.approx(100, abs=1)
    assert annotation.box.h == pytest.approx(60, abs=1)


def test_four_extreme_points_in_any_order_make_the_box_around_them(studio_window, page):
    studio_window.key("R")
    studio_window.click(studio_window.button("Extreme points", page.bar))
    page.canvas.setFocus()
    for point in ((200, 60), (300, 150), (190, 240)):
        click(page, *point)
    click(page, 10, 10)  # wrong: the fourth click ends it
    assert stored(page)[0].box.x == pytest.approx(10, abs=1)
    studio_window.key("Ctrl+Z")
    for point in ((200, 60), (300, 150), (10, 10)):
        click(page, *point)
    studio_window.key("Backspace")
    for point in ((190, 240), (120, 155)):
        click(page, *point)
    (annotation,) = stored(page)
    box = annotation.box
    assert (box.x, box.y) == pytest.approx((120, 60), abs=1)
    assert (box.right, box.bottom) == pytest.approx((300, 240), abs=1)


def test_esc_drops_the_extreme_points(studio_window, page):
    studio_window.key("R")
    studio_window.click(studio_window.button("Extreme points", page.bar))
    page.canvas.setFocus()
    click(page, 200, 60)
    assert page.canvas.tool.busy
    studio_window.key("Esc")
    assert not page.canvas.tool.busy
    studio_window.click(studio_window.button("Corners", page.bar))
    page.canvas.setFocus()
    click(page, 50, 40)
    click(page, 150, 100)
    assert len(stored(page)) == 1
