"""How an image is shown: colours, gamma, window; kept with the project."""

import numpy as np
import pytest
import tifffile
from label_hands import go_to_image, opened_page
from patience import until
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QMouseEvent
from PySide6.QtWidgets import QApplication

from cvstudio.core.annotation import Task
from cvstudio.imaging.luts import LUTS, lut
from cvstudio.project import importing
from cvstudio.project.project import Project

SHIFT, PLAIN = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def project(tmp_path):
    """a, b: 16 bits; c: 8-bit grey between 50 and 99; d: deep colour; e: 8-bit colour."""
    folder = tmp_path / "images"
    folder.mkdir()
    for name, top in (("a", 3000), ("b", 5000)):
        values = np.linspace(500, top, 120 * 160).astype(np.uint16).reshape(120, 160)
        tifffile.imwrite(folder / f"{name}.tif", values)
    grey = np.linspace(50, 99, 120 * 160).astype(np.uint8).reshape(120, 160)
    tifffile.imwrite(folder / "c.tif", grey)
    deep = np.stack([np.full((120, 160), v, np.uint16) for v in (60000, 30000, 1000)], axis=2)
    deep[:60] //= 2
    tifffile.imwrite(folder / "d.tif", deep, photometric="rgb")
    tifffile.imwrite(folder / "e.tif", (deep >> 8).astype(np.uint8), photometric="rgb")
    made = Project.create(tmp_path / "project", task=Task.DETECT, classes=("Cell",))
    importing.run(made, importing.plan(made, folder))
    yield made
    made.close()


@pytest.fixture
def page(project, qapp):
    with opened_page(project) as shown:
        yield shown


def drag(page, dx, dy, *, keys=SHIFT):
    """A drag with the right button from the middle of the canvas."""
    target = page.canvas.viewport()
    start = QPointF(target.rect().center())
    right, none = Qt.MouseButton.RightButton, Qt.MouseButton.NoButton
    for kind, button, held, share in (
        (QEvent.Type.MouseButtonPress, right, right, 0.0),
        (QEvent.Type.MouseMove, none, right, 0.5),
        (QEvent.Type.MouseMove, none, right, 1.0),
        (QEvent.Type.MouseButtonRelease, right, none, 1.0),
    ):
        place = start + QPointF(dx, dy) * share
        where = QPointF(target.mapToGlobal(place.toPoint()))
        QApplication.sendEvent(target, QMouseEvent(kind, place, where, button, held, keys))


def shown_at(page, x, y):
    """The colour that the canvas shows at a pixel of the image."""
    canvas = page.canvas
    canvas.zoom_to(4.0)
    until(lambda: not canvas.tiles.hurried and not canvas.grab().isNull() and canvas.tiles.complete)
    place = page.canvas.to_screen(x + 0.5, y + 0.5).toPoint()
    found = page.canvas.grab().toImage().pixelColor(place)
    return found.red(), found.green(), found.blue()


def choose(box, words):
    box.setCurrentIndex(box.findText(words))


def test_dragging_to_the_right_widens_the_window_and_upwards_brightens(page, qtbot):
    low, high = page.display.levels
    drag(page, 40, 0)
    wider = page.display.levels
    assert wider[1] - wider[0] > high - low - 1
    drag(page, -120, 0)
    narrow = page.display.levels
    assert narrow[1] - narrow[0] < 0.85 * (wider[1] - wider[0])
    drag(page, 0, -60)
    brighter = page.display.levels
    assert sum(brighter) < sum(narrow)
    assert page.canvas.tiles.display.window == brighter
    assert not page.document.selection


def test_no_menu_comes_with_the_drag_and_the_plain_right_button_is_left_alone(page, qtbot):
    asked = []
    page.canvas.menu_wanted.connect(asked.append)
    target = page.canvas.viewport()
    middle = target.rect().center()
    before = page.display.levels
    for keys, wanted in ((SHIFT, 0), (PLAIN, 1)):
        reason = QContextMenuEvent.Reason.Mouse
        event = QContextMenuEvent(reason, middle, target.mapToGlobal(middle), keys)
        page.canvas.menu_wanted.disconnect()
        page.canvas.menu_wanted.connect(asked.append)
        QApplication.sendEvent(target, event)
        assert len(asked) == wanted
    drag(page, 80, 0, keys=PLAIN)
    assert page.display.levels == before


def test_the_hint_names_the_gesture(page):
    page.studio.actions.trigger("label.select")
    page.status.show()
    assert "Shift + right-drag sets the window" in page.status_right


def test_auto_spreads_each_8_bit_image_over_all_greys(page, qtbot):
    go_to_image(page, 2)
    assert shown_at(page, 0, 0)[0] == 50
    page.display.auto.click()
    assert shown_at(page, 0, 0)[0] <= 3
    assert shown_at(page, 159, 119)[0] >= 252


@pytest.mark.parametrize("name", ["viridis", "magma", "fire", "ice"])
def test_a_look_up_table_colours_the_levels_and_not_the_data(page, qtbot, name):
    go_to_image(page, 2)
    before = page.canvas.tiles.pyramid.load().copy()
    choose(page.display.lut, LUTS[name])
    assert shown_at(page, 0, 0) == tuple(lut(name)[50])
    assert np.array_equal(page.canvas.tiles.pyramid.load(), before)
    assert page.canvas.tiles.pyramid.pixel(0, 0) == (50,), "the status bar says the file's value"


def test_one_channel_of_a_deep_colour_image_is_shown_alone_and_in_colours(page, qtbot):
    go_to_image(page, 3)
    assert page.display.channel.isVisibleTo(page)
    assert not page.display.lut.isVisibleTo(page)
    choose(page.display.channel, "Green")
    assert page.display.lut.isVisibleTo(page)
    red, green, blue = shown_at(page, 80, 100)
    assert red == green == blue
    choose(page.display.lut, "Green")
    red, green_only, blue = shown_at(page, 80, 100)
    assert (red, green_only, blue) == (0, green, 0)


def test_gamma_lifts_the_shadows_of_colour_too(page, qtbot):
    go_to_image(page, 4)
    dark = shown_at(page, 80, 30)
    page.display.gamma.slider.setValue(40)
    light = shown_at(page, 80, 30)
    assert light[1] > dark[1] + 20


def test_what_was_chosen_holds_for_the_images_of_this_kind_and_survives_closing(
    page, project, qtbot
):
    drag(page, -60, 20)
    chosen = page.display.levels
    choose(page.display.lut, "Magma")
    go_to_image(page, 2)
    assert page.display.lut.currentText() == "Grey", "8 bits are another kind"
    assert page.canvas.tiles.display.window is None
    go_to_image(page, 1)
    assert page.canvas.tiles.display.window == pytest.approx(chosen, abs=10)
    assert page.canvas.tiles.display.lut == "magma"
    label = project.undo_label
    page.viewing.release()
    assert project.undo_label == label
    with opened_page(project) as again:
        assert again.canvas.tiles.display.lut == "magma"
        assert again.canvas.tiles.display.window == pytest.approx(chosen, abs=10)
        again.display.reset()
        assert again.canvas.tiles.display.lut == ""


def test_every_table_has_256_colours_and_the_known_ones_their_known_ends():
    for name in LUTS:
        assert lut(name).shape == (256, 3)
    assert tuple(lut("viridis")[0]) == (68, 1, 84)
    assert tuple(lut("viridis")[255]) == (253, 231, 37)
    assert tuple(lut("magma")[255]) == (252, 253, 191)
    assert tuple(lut("fire")[255]) == (255, 255, 255)
    assert tuple(lut("ice")[0]) == (0, 156, 140)
