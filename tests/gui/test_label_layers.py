"""What lies over the image: minimap, crosshair, grid, rulers, and the words about the pixel."""

import numpy as np
import pytest
import tifffile
from label_hands import go_to_image, opened_page
from patience import until
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Box
from cvstudio.gui.label.layers.rulers import scale_bar
from cvstudio.project import commands, importing, queries
from cvstudio.project.project import Project

LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def project(tmp_path):
    """Three files with exact values: 16-bit of 0.5 µm pixels, RGBA of unknown size, 32-bit."""
    folder = tmp_path / "images"
    folder.mkdir()
    deep = np.arange(600 * 800, dtype=np.uint32).reshape(600, 800) % 65536
    tifffile.imwrite(
        folder / "a.tif", deep.astype(np.uint16), resolution=(20000, 20000),
        resolutionunit="CENTIMETER",
    )  # fmt: skip
    colour = np.zeros((600, 800, 4), np.uint8)
    colour[100:, 200:] = (9, 120, 250, 77)
    tifffile.imwrite(folder / "b.tif", colour, photometric="rgb", extrasamples=["unassalpha"])
    tifffile.imwrite(folder / "c.tif", np.full((600, 800), 1234567, np.int32))
    made = Project.create(tmp_path / "project", task=Task.DETECT, classes=("Cell",))
    importing.run(made, importing.plan(made, folder))
    yield made
    made.close()


@pytest.fixture
def page(project, qapp):
    with opened_page(project) as shown:
        shown.activateWindow()
        yield shown


def grabbed(page):
    """What the canvas shows once it is no longer made up of stand-ins."""
    seen = [None, None]

    def at_rest():
        seen[:] = seen[1], page.canvas.grab().toImage()
        return seen[0] == seen[1] and page.canvas.tiles.complete and not page.studio.tasks.working

    until(at_rest)
    return seen[1]


def point_at(page, x, y):
    """Bring the pointer there from the side: where it is already, moving it would do nothing."""
    place = page.canvas.to_screen(x, y).toPoint()
    for step in (QPoint(20, 0), QPoint(0, 0)):
        QTest.mouseMove(page.canvas.viewport(), place + step)


def test_the_minimap_is_there_only_while_a_part_of_the_image_is_in_sight(page):
    minimap = page.viewing.layers.minimap
    assert not minimap.isVisible(), "the image fits"
    page.canvas.zoom_to(4.0)
    assert minimap.isVisible()
    frame, seen = minimap.frame(), page.canvas.visible()
    assert frame.width() / minimap.width() == pytest.approx(seen.width() / 800, abs=0.01)
    page.studio.actions.trigger("label.minimap")
    assert not minimap.isVisible()
    page.studio.actions.trigger("label.minimap")
    assert minimap.isVisible()
    page.canvas.fit()
    assert not minimap.isVisible()


def test_a_click_and_a_drag_on_the_minimap_bring_that_place_to_the_middle(page):
    page.canvas.zoom_to(8.0)
    minimap = page.viewing.layers.minimap
    for x, y, move in ((0.25, 0.75, False), (0.6, 0.3, True)):
        place = QPoint(round(x * minimap.width()), round(y * minimap.height()))
        if move:
            QTest.mousePress(minimap, LEFT, PLAIN, QPoint(10, 10))
            QTest.mouseMove(minimap, place)
            QTest.mouseRelease(minimap, LEFT, PLAIN, place)
        else:
            QTest.mouseClick(minimap, LEFT, PLAIN, place)
        middle = page.canvas.visible().center()
        assert middle.x() == pytest.approx(place.x() / minimap.width() * 800, abs=2)
        assert middle.y() == pytest.approx(place.y() / minimap.height() * 600, abs=2)
    assert not page.document.selection, "the click was the minimap's alone"


def test_the_minimap_shows_the_image(page):
    go_to_image(page, 1)
    page.canvas.zoom_to(6.0)
    minimap = page.viewing.layers.minimap
    page.canvas.pan(-3000, -3000)
    seen = minimap.grab().toImage()
    place = QPoint(minimap.width() // 2, minimap.height() // 2)
    shown = seen.pixelColor(place * seen.devicePixelRatio())
    # (9, 120, 250) with alpha 77 over white, under the shade of what is not in sight
    share = 77 / 255
    wanted = [(c * share + 255 * (1 - share)) * (1 - 110 / 255) for c in (9, 120, 250)]
    assert [shown.red(), shown.green(), shown.blue()] == pytest.approx(wanted, abs=4)


def test_the_status_bar_says_the_files_own_values_and_the_place_in_its_units(page):
    page.canvas.show_box(Box(298, 198, 6, 6))
    point_at(page, 300.4, 200.6)
    texts = page.status_left
    assert "x 300, y 200 (150.2 µm, 100.3 µm)" in texts
    assert f"grey {(200 * 800 + 300) % 65536}" in texts
    go_to_image(page, 1)
    point_at(page, 300.4, 200.6)
    assert "RGBA 9, 120, 250, 77" in page.status_left
    assert "x 300, y 200" in page.status_left
    go_to_image(page, 2)
    point_at(page, 300.4, 200.6)
    assert "grey 1234567" in page.status_left, "seven digits are not rounded"


def test_the_value_under_a_pointer_that_rests_is_said_once_the_image_is_read(page):
    page.canvas.show_box(Box(298, 198, 6, 6))
    point_at(page, 300.4, 200.6)
    go_to_image(page, 2)
    assert "grey 1234567" in page.status_left


def test_the_place_under_a_pointer_that_rests_follows_the_zoom(page):
    page.canvas.show_box(Box(298, 198, 6, 6))
    point_at(page, 300.4, 200.6)
    rests = page.canvas.to_screen(300.4, 200.6)
    page.canvas.fit()
    x, y = (int(value) for value in page.canvas.to_image(rests))
    assert (x, y) != (300, 200)
    assert page.status_left[0].startswith(f"x {x}, y {y}")


def test_the_scale_bar_is_in_micrometres_where_the_file_knows_and_in_pixels_elsewhere(page):
    page.canvas.zoom_to(1.0)
    assert scale_bar(page.canvas)[1] == "50 µm"  # 100 pixels of 0.5 µm: the first round length
    page.canvas.zoom_to(4.0)
    assert scale_bar(page.canvas)[1] == "10 µm"
    go_to_image(page, 1)
    page.canvas.zoom_to(1.0)
    assert scale_bar(page.canvas)[1] == "100 px"


def test_the_print_density_of_a_photo_is_no_scale_until_it_is_asked_for(page, tmp_path):
    photo = tmp_path / "d.jpg"
    Image.new("RGB", (800, 600), (200, 180, 160)).save(photo, dpi=(254, 254))
    importing.run(page.project, importing.plan(page.project, photo))
    go_to_image(page, 3)
    page.canvas.zoom_to(1.0)
    assert scale_bar(page.canvas)[1] == "100 px"
    point_at(page, 300.5, 200.5)
    assert page.status_left[0].startswith("x 30")
    assert "mm" not in page.status_left[0]
    page.studio.settings.set("label.print_density", True)
    assert scale_bar(page.canvas)[1] == "10 mm"
    point_at(page, 302.4, 200.6)
    assert "mm, " in page.status_left[0]


def test_grid_lines_stand_at_round_places_of_the_image(page):
    page.canvas.zoom_to(1.0)
    lines = page.viewing.layers.grid.lines(page.canvas)
    upright = sorted(line.x1() for line in lines if line.x1() == line.x2())
    places = [page.canvas.to_image(line.p1())[0] for line in lines if line.x1() == line.x2()]
    assert len(upright) > 3
    assert all(abs(x / 100 - round(x / 100)) < 0.011 for x in places), "every 50 µm = 100 px"
    assert all(0 <= x <= 800 for x in places)


def test_crosshair_grid_and_rulers_change_pixels_of_the_canvas_and_stay_with_the_project(page):
    point_at(page, 400, 300)
    plain = grabbed(page)
    for name in ("crosshair", "grid", "rulers"):
        page.studio.actions.trigger(f"label.{name}")
        assert grabbed(page) != plain, name
        page.studio.actions.trigger(f"label.{name}")
        assert grabbed(page) == plain, name
    page.studio.actions.trigger("label.grid")
    before = page.project.undo_label
    page.viewing.release()
    with page.project.read() as session:
        assert queries.setting(session, "label.view")["grid"] is True
    assert page.project.undo_label == before, "looking is no step to undo"


def test_the_crosshair_follows_the_pointer_and_leaves_no_trace(page):
    page.studio.actions.trigger("label.crosshair")
    point_at(page, 100, 100)
    page.canvas.grab()
    point_at(page, 500, 400)
    QApplication.processEvents()
    left_over = grabbed(page)
    page.canvas.viewport().update()
    QApplication.processEvents()
    assert grabbed(page) == left_over
    assert page.viewing.layers.crosshair.at is not None


def test_f9_is_the_minimap_and_works_where_the_pointer_is(page):
    page.canvas.setFocus()
    page.canvas.zoom_to(4.0)
    QTest.keyClick(page.canvas, Qt.Key.Key_F9)
    assert not page.viewing.layers.minimap.isVisible()


def test_names_never_lie_on_one_another_and_count_those_that_stay_silent(page):
    with page.project.transaction("Fill") as session:
        other = commands.add_class(session, name="Other")
        generator = np.random.default_rng(3)
        for place in range(300):
            x, y = generator.uniform(0, 760), generator.uniform(0, 560)
            commands.add_annotation(
                session, image_id=page.document.image.id, class_id=1 if place % 3 else other,
                shape=Box(x, y, 30, 30),
            )  # fmt: skip
    until(lambda: len(page.document.annotations) == 300)
    names = page.viewing.layers.names
    page.canvas.fit()
    far = names.tags(page.canvas)
    for place, tag in enumerate(far):
        assert not any(tag.area.intersects(other.area) for other in far[:place])
    assert 10 < len(far) < 300
    assert any("+" in tag.text for tag in far)
    page.canvas.zoom_to(0.3)
    assert not names.tags(page.canvas), "objects of 9 screen pixels have no names"
    page.canvas.zoom_to(8.0)
    page.canvas.show_box(page.document.annotations[0].box)
    assert names.tags(page.canvas)
    page.canvas.fit()
    plain = grabbed(page)
    page.studio.actions.trigger("label.names")
    assert grabbed(page) != plain


def test_a_very_long_name_does_not_lie_over_the_whole_image(page):
    with page.project.transaction("Draw") as session:
        commands.rename_class(session, id=1, name="a rather long name of a cell " * 4)
        commands.add_annotation(session, image_id=1, class_id=1, shape=Box(40, 40, 80, 80))
    until(lambda: page.document.classes[1].name.startswith("a rather"))
    tags = page.viewing.layers.names.tags(page.canvas)
    assert tags
    for tag in tags:
        assert tag.area.width() < 240
        assert tag.text.startswith("a rather long name")
        assert "…" in tag.text


def test_what_is_selected_or_pointed_at_has_its_name_once(page):
    with page.project.transaction("Draw") as session:
        for box in (Box(40, 40, 80, 80), Box(44, 44, 60, 60), Box(200, 40, 80, 80)):
            commands.add_annotation(session, image_id=1, class_id=1, shape=box)
    QApplication.processEvents()
    page.studio.actions.trigger("label.names")
    names = page.viewing.layers.names
    first, _inner, apart = (a.id for a in page.document.annotations)
    before = names.tags(page.canvas)
    assert len(before) == 2
    page.document.select([first])
    page.canvas.grab()
    own = page.canvas.selection.tags[first]
    tags = names.tags(page.canvas)
    assert not any(tag.area.intersects(own) for tag in tags)
    page.document.select([])
    page.document.hover(apart)
    page.canvas.grab()
    own = page.canvas.selection.tags[apart]
    assert not any(tag.area.intersects(own) for tag in names.tags(page.canvas))
    page.document.hover(None)
    page.canvas.grab()
    assert names.tags(page.canvas) == before


def test_names_come_by_themselves_where_colours_cannot_tell_the_classes_until_somebody_decides(
    page, project
):
    names = page.studio.actions["label.names"]
    assert not names.isChecked()
    with project.transaction("Add classes") as s:
        for number in range(45):
            commands.add_class(s, name=f"class {number}")
    until(names.isChecked)
    layer = next(each for each in page.canvas.layers if each.name == "names")
    assert layer.shown
    QTest.keyClick(page.canvas, Qt.Key.Key_F10)
    assert not names.isChecked()
    with project.transaction("Add class") as s:
        commands.add_class(s, name="one more")
    QApplication.processEvents()
    assert not names.isChecked()
    project.undo()
    project.undo()
    QApplication.processEvents()
    assert not layer.shown
