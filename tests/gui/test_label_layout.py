"""The bars and panels of the Label page in small windows: nothing jumps, nothing is hidden."""

from pathlib import Path

import pytest
from person import Person, fill_project, make_images
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from cvstudio.core.annotation import Task
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.label.tools.brush_options import BrushOptions
from cvstudio.project.project import Project

SIZES = ((1280, 720), (1440, 900))


@pytest.fixture
def label(studio_window: Person, tmp_path: Path) -> LabelPage:
    """A project that outlines objects, which has every drawing tool, in a small window."""
    made = Project.create(tmp_path / "outlines", task=Task.INSTANCE, classes=["Cell", "Nucleus"])
    fill_project(made, make_images(tmp_path / "images_of_long_name", 4))
    studio_window.studio.adopt(made)
    studio_window.window.resize(1280, 720)
    page = studio_window.page("label")
    assert isinstance(page, LabelPage)
    studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
    studio_window.settle()
    return page


def place(widget: QWidget) -> tuple[QPoint, int, int]:
    return widget.mapToGlobal(QPoint(0, 0)), widget.width(), widget.height()


def brush_options(label: LabelPage) -> BrushOptions:
    assert isinstance(label.bar.options, BrushOptions)
    return label.bar.options


# The bar of the tool's options


@pytest.mark.parametrize("size", SIZES)
def test_name_and_review_state_are_read_whole_whatever_tool_is_in_hand(
    studio_window: Person, label: LabelPage, size: tuple[int, int]
) -> None:
    studio_window.window.resize(*size)
    label.arrive(back=("analyze", "Back to the errors"))
    assert label.document.image is not None
    for action in label.toolbox.tools:
        studio_window.trigger(action)
        assert label.bar.file.shown() == label.document.image.title, action
        assert label.bar.state.isVisible(), action
        assert label.bar.rect().contains(label.bar.state.geometry()), action


@pytest.mark.parametrize("size", [*SIZES, (960, 600)])
def test_no_tool_moves_the_image_or_the_panel_beside_it(
    studio_window: Person, label: LabelPage, size: tuple[int, int]
) -> None:
    studio_window.window.resize(*size)
    studio_window.trigger("label.select")
    before = [place(w) for w in (label.canvas, label.side, label.strip, studio_window.window)]
    corner, scale = label.canvas.to_screen(0, 0), label.canvas.scale
    for action in label.toolbox.tools:
        studio_window.trigger(action)
        QTest.qWait(1)
        now = [place(w) for w in (label.canvas, label.side, label.strip, studio_window.window)]
        assert now == before, action
        assert (label.canvas.to_screen(0, 0), label.canvas.scale) == (corner, scale), action


def test_options_without_room_are_used_from_behind_the_button_more(
    studio_window: Person, label: LabelPage
) -> None:
    studio_window.key("B")
    options = brush_options(label)
    assert options.spin.isVisibleTo(label.bar), "the size is what one changes most"
    assert not options.form.isVisible()
    studio_window.click(options.more)
    assert options.form.isVisible()
    studio_window.click(studio_window.button("Square", options.more.fields))
    assert label.brush.square
    assert options.more.fields.isVisible(), "it stays open for the next option"
    studio_window.click(options.holes, QPoint(8, options.holes.height() // 2))
    assert not label.brush.fill_holes
    studio_window.click(options.more)
    assert not options.more.fields.isVisible()


def test_enter_and_esc_close_the_options_and_leave_the_draft_alone(
    studio_window: Person, label: LabelPage
) -> None:
    studio_window.key("B")
    options = brush_options(label)
    for key in (Qt.Key.Key_Escape, Qt.Key.Key_Return):
        studio_window.click(options.more)
        fields = options.more.fields
        inside = fields.focusWidget()
        assert inside is not None, "the first field has the keys"
        QTest.keyClick(inside, key)
        studio_window.settle()
        assert not fields.isVisible()
        assert label.canvas.tool.name == "brush"


def test_erasing_is_chosen_behind_more_and_another_tool_closes_it(
    studio_window: Person, label: LabelPage
) -> None:
    studio_window.key("B")
    options = brush_options(label)
    studio_window.click(options.more)
    studio_window.click(studio_window.button("Erase", options.more.fields))
    assert label.canvas.tool.name == "erase"
    assert options.more.fields.isVisible()
    assert not options.holes.isVisible(), "an eraser fills no holes"
    studio_window.trigger("label.wand")
    assert not options.more.fields.isVisible()


def test_a_wide_window_shows_all_options_and_the_name_of_the_tool(
    studio_window: Person, label: LabelPage
) -> None:
    studio_window.key("B")
    options = brush_options(label)
    assert options.more.isVisible()
    studio_window.window.resize(1900, 900)
    studio_window.settle()
    assert not options.more.isVisible()
    assert options.form.isVisible()
    assert options.holes.isVisible()
    assert label.bar.rect().contains(options.geometry())
    studio_window.window.resize(1280, 720)
    studio_window.settle()
    assert options.more.isVisible()
    assert not options.form.isVisible()


def test_the_bar_of_the_narrowest_window_still_has_the_options(
    studio_window: Person, label: LabelPage
) -> None:
    studio_window.window.resize(960, 600)
    studio_window.key("B")
    options = brush_options(label)
    assert label.bar.rect().contains(options.geometry())
    assert options.more.text() == "Options"
    studio_window.click(options.more)
    assert options.spin.isVisible()
    studio_window.type(options.spin.lineEdit(), "")
    options.spin.selectAll()
    QTest.keyClicks(options.spin, "9")
    QTest.keyClick(options.spin, Qt.Key.Key_Return)
    studio_window.settle()
    assert label.brush.size == 9
    assert not options.more.fields.isVisible()
