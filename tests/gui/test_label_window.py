"""The Label page inside the real window: focus, keys, undo in the header, and nothing left over."""

import pytest
from person import fill_project, make_images
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cvstudio.core.annotation import Review, Task
from cvstudio.gui.label.copy_next import CopyNextDialog
from cvstudio.project import queries
from cvstudio.project.project import Project

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def label(studio_window):
    page = studio_window.page("label")
    studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
    studio_window.settle()
    return page


def drag(page, start, end):
    """A drag with the left button between two places of the image."""
    target = page.canvas.viewport()
    first, last = (page.canvas.to_screen(*place).toPoint() for place in (start, end))
    QTest.mouseMove(target, first)
    QTest.mousePress(target, LEFT, Qt.KeyboardModifier.NoModifier, first)
    QTest.mouseMove(target, QPoint((first + last) / 2))
    QTest.mouseMove(target, last)
    QTest.mouseRelease(target, LEFT, Qt.KeyboardModifier.NoModifier, last)
    QApplication.processEvents()


def stored(person, image_id):
    with person.project.read() as session:
        return queries.annotations(session, image_id)


def test_keys_and_mouse_work_on_the_canvas_at_once_after_coming_to_the_page(studio_window, label):
    image_id = label.document.image.id
    before = len(stored(studio_window, image_id))
    studio_window.key("R")
    assert label.canvas.tool.name == "box"
    studio_window.key("2")
    drag(label, (30, 10), (50, 30))
    added = stored(studio_window, image_id)[-1]
    assert len(stored(studio_window, image_id)) == before + 1
    assert added.class_id == 2
    assert "Add box" in (studio_window.project.undo_label or "")
    studio_window.key("Ctrl+Z")
    assert len(stored(studio_window, image_id)) == before
    studio_window.key("Ctrl+Shift+Z")
    assert len(stored(studio_window, image_id)) == before + 1


def test_d_and_a_go_through_the_images_and_ctrl_enter_approves(studio_window, label):
    first = label.document.image.id
    studio_window.key("D")
    second = label.document.image.id
    assert second != first
    studio_window.key("A")
    assert label.document.image.id == first
    studio_window.key("Ctrl+Return")
    with studio_window.project.read() as session:
        assert queries.image(session, first).review == Review.REVIEWED
    assert label.document.image.id == second
    assert studio_window.studio.image_id == second


def test_a_click_on_a_button_leaves_the_keys_of_the_canvas_alive(studio_window, label):
    studio_window.click(label.palette_bar.buttons["label.brush"])
    assert label.canvas.tool.name == "brush"
    studio_window.key("V")
    assert label.canvas.tool.name == "select"


def test_letters_typed_into_a_field_are_no_keys_of_the_page(studio_window, label):
    studio_window.key("B")
    spin = label.bar.options.spin
    spin.setFocus()
    spin.selectAll()
    QTest.keyClicks(spin, "7")
    QTest.keyClick(spin, Qt.Key.Key_Return)
    assert label.brush.size == 7
    assert label.document.class_id == next(iter(label.document.classes)), "7 is no class here"
    assert label.canvas.hasFocus(), "Enter gives the keys back to the canvas"


def test_copy_to_next_images_asks_first_and_is_one_step(studio_window, label):
    image_id = label.document.image.id
    count = len(stored(studio_window, image_id))
    following = label.order.following(image_id)[:2]
    before = [len(stored(studio_window, i)) for i in following]

    def answer(dialog):
        assert isinstance(dialog, CopyNextDialog)
        dialog.spin.setValue(2)
        dialog.accept()

    studio_window.answer(answer)
    studio_window.key("Ctrl+B")
    assert [len(stored(studio_window, i)) for i in following] == [n + count for n in before]
    studio_window.studio.undo()
    assert [len(stored(studio_window, i)) for i in following] == before


def test_fix_this_label_comes_to_the_object_from_another_page(studio_window, label):
    with studio_window.project.read() as session:
        target = queries.annotations(session, 3)[0]
    studio_window.page("data")
    studio_window.studio.go_to("label", image_id=3, annotation_id=target.id)
    studio_window.settle()
    assert label.document.image.id == 3
    assert label.document.selection == {target.id}
    assert label.canvas.visible().contains(target.box.x, target.box.y)


def test_the_keys_of_other_programs_can_be_chosen_and_taken_back(studio_window, label):
    first = label.document.image.id
    studio_window.studio.settings.set("label.keys", "cvat")
    studio_window.key("F")
    second = label.document.image.id
    assert second != first
    studio_window.key("D")
    assert label.document.image.id == first, "D goes back in CVAT"
    studio_window.studio.settings.set("label.keys", "cvstudio")
    studio_window.key("D")
    assert label.document.image.id == second


def test_another_project_gets_a_page_of_its_own_and_the_old_one_hears_nothing(
    studio_window, label, tmp_path
):
    other = Project.create(tmp_path / "other", task=Task.DETECT, classes=["Only"])
    fill_project(other, make_images(tmp_path / "more", 3))
    studio_window.studio.adopt(other)
    studio_window.settle()
    page = studio_window.page("label")
    assert page is not label
    studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
    studio_window.key("D")
    assert page.document.image.id == 2
    studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
    studio_window.key("R")
    drag(page, (30, 10), (50, 30))
    with other.read() as session:
        assert queries.annotations(session, 2)[-1].class_id == 1
