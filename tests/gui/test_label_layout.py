"""The bars and panels of the Label page in small windows: nothing jumps, nothing is hidden."""

import itertools
from pathlib import Path

import pytest
from person import Person, fill_project, make_images
from PySide6.QtCore import QModelIndex, QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QLabel, QToolButton, QWidget

from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Box
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.label.tools.brush_options import BrushOptions
from cvstudio.gui.status_bar import Words
from cvstudio.project import commands
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


# The right panel


@pytest.fixture
def many(studio_window: Person, tmp_path: Path) -> LabelPage:
    """81 classes, and an image of twelve annotations of three of them, in a small window."""
    names = [f"Class {number}" for number in range(1, 82)]
    made = Project.create(tmp_path / "many", task=Task.INSTANCE, classes=names)
    ids = fill_project(made, make_images(tmp_path / "images", 3))
    with made.transaction("Fill", undoable=False) as session:
        for number in range(12):
            commands.add_annotation(
                session, image_id=ids[0], class_id=1 + number % 3, shape=Box(number, 4, 9, 7)
            )
    studio_window.studio.adopt(made)
    studio_window.window.resize(1280, 720)
    return studio_window.label_page()


def whole_rows(view: QAbstractItemView, rows: list[QModelIndex]) -> int:
    """How many rows of a list are seen whole."""
    seen = view.viewport().rect()
    return sum(seen.contains(QRect(4, r.y(), 4, r.height())) for r in map(view.visualRect, rows))


def class_rows(page: LabelPage) -> int:
    view, model = page.class_list.view, page.class_list.model
    return whole_rows(view, [model.index(row) for row in range(model.rowCount())])


def tree_rows(page: LabelPage) -> int:
    model = page.tree.rows
    tops = [model.index(row, 0) for row in range(model.rowCount())]
    below = [model.index(r, 0, top) for top in tops for r in range(model.rowCount(top))]
    return whole_rows(page.tree, [*tops, *below])


def test_both_lists_are_long_in_a_small_window_and_the_display_folds_for_it(
    studio_window: Person, many: LabelPage
) -> None:
    assert not many.display.is_open
    assert class_rows(many) >= 6
    assert tree_rows(many) >= 7
    studio_window.window.resize(1440, 900)
    studio_window.settle()
    assert many.display.is_open, "here is room for it"
    assert class_rows(many) >= 5
    assert tree_rows(many) >= 5


def test_a_display_opened_in_a_small_window_scrolls_and_squeezes_no_row(
    studio_window: Person, many: LabelPage
) -> None:
    studio_window.click(many.display.section.arrow)
    assert many.display.is_open
    many.display.channel.setCurrentIndex(2)
    studio_window.settle()
    display = many.display
    for box in (display.channel, display.lut, display.brightness.slider, display.window_slider):
        assert box.height() >= box.sizeHint().height(), box.accessibleName()
    fields = (display.brightness.slider, display.contrast.slider, display.auto, display.channel,
              display.lut, display.fill.slider)  # fmt: skip
    places = [field.mapTo(display, QPoint(0, 0)).y() for field in fields]
    assert all(b - a >= 20 for a, b in itertools.pairwise(places)), "no row lies over another"
    display.lut.setFocus()
    studio_window.key("Tab")
    assert display.fill.slider.hasFocus()
    assert not display.fill.slider.visibleRegion().isEmpty(), "Tab scrolls to it"
    assert class_rows(many) >= 3
    assert tree_rows(many) >= 3


def test_with_few_classes_all_of_the_display_is_seen_in_a_small_window(
    studio_window: Person, label: LabelPage
) -> None:
    display = label.display
    display.section.set_open(True)
    studio_window.settle()
    assert not display._area.verticalScrollBar().maximum(), "nothing is below its fold"
    assert not display.shape_fill.slider.visibleRegion().isEmpty()
    room = label.tree.viewport().height()
    assert room >= 4 * label.tree.sizeHintForRow(0), "and four rows of the list above it"


def test_what_lies_over_the_image_is_switched_while_the_display_is_folded(
    studio_window: Person, label: LabelPage
) -> None:
    label.display.section.set_open(False)
    studio_window.settle()
    header = label.display.section.header
    assert header.rect().right() <= label.side.rect().right()
    for name in ("names", "crosshair", "grid", "rulers", "minimap"):
        action = studio_window.studio.actions[f"label.{name}"]
        before = action.isChecked()
        button = next(b for b in header.findChildren(QToolButton) if b.defaultAction() is action)
        assert header.rect().contains(button.geometry()), name
        studio_window.click(button)
        assert action.isChecked() is not before, name


def test_the_fold_of_the_display_is_remembered_for_the_next_project(
    studio_window: Person, many: LabelPage
) -> None:
    studio_window.click(many.display.section.arrow)
    path = studio_window.project.path
    studio_window.studio.close()
    assert studio_window.window.open_project(path)
    assert studio_window.label_page().display.is_open


def drag_line(person: Person, handle: QWidget, dy: int) -> None:
    middle = handle.rect().center()
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mousePress(handle, left, none, middle)
    for step in (0.5, 1.0):
        to = handle.mapToGlobal(middle) + QPoint(0, round(dy * step))
        QTest.mouseMove(handle, handle.mapFromGlobal(to))
        person.settle()
    QTest.mouseRelease(handle, left, none, handle.mapFromGlobal(to))
    person.settle()


def test_the_line_between_the_lists_is_dragged_and_stays_there_after_opening_again(
    studio_window: Person, many: LabelPage
) -> None:
    before = class_rows(many)
    drag_line(studio_window, many.side.stack.handle(1), 64)
    assert class_rows(many) == before + 2
    path = studio_window.project.path
    studio_window.studio.close()
    assert studio_window.window.open_project(path)
    again = studio_window.label_page()
    assert class_rows(again) == before + 2
    QTest.mouseDClick(again.side.stack.handle(1), Qt.MouseButton.LeftButton)
    studio_window.settle()
    assert class_rows(again) == before, "a double click leaves the heights to the window again"


def test_rows_say_whom_they_belong_to_while_their_class_is_scrolled_away(
    studio_window: Person, many: LabelPage
) -> None:
    tree = many.tree
    assert tree.heading.text == "", "the class row itself is there"
    first = tree.rows.index(0, 0)
    second = tree.rows.index(1, 0, first)
    studio_window.window.resize(1280, 640)
    tree.verticalScrollBar().setValue(2)
    studio_window.settle()
    assert tree.heading.text == "Class 1"
    assert tree.heading.isVisible()
    said = tree.rows.data(second, Qt.ItemDataRole.AccessibleTextRole)
    assert said.startswith("Class 1: ")


def test_what_is_selected_never_lies_under_the_heading(
    studio_window: Person, many: LabelPage
) -> None:
    studio_window.window.resize(1280, 640)
    tree = many.tree
    for annotation in reversed(many.document.annotations):
        many.document.select([annotation.id])
        studio_window.settle()
        row = tree.visualRect(tree.rows.index_of(annotation))
        assert tree.viewport().rect().contains(row.adjusted(0, 0, -1, -1))
        assert tree.heading.isHidden() or row.top() >= tree.heading.height()


def test_the_heading_folds_its_class_as_the_row_does(
    studio_window: Person, many: LabelPage
) -> None:
    studio_window.window.resize(1280, 640)
    many.tree.verticalScrollBar().setValue(2)
    studio_window.settle()
    studio_window.click(many.tree.heading)
    assert not many.tree.isExpanded(many.tree.rows.index(0, 0))
    assert many.tree.heading.isHidden()
    assert many.document.selection == frozenset()


def test_a_class_chosen_by_its_key_is_seen_in_the_list(
    studio_window: Person, many: LabelPage
) -> None:
    many.class_list.view.verticalScrollBar().setValue(40)
    studio_window.key("2")
    row = many.class_list.view.visualRect(many.class_list.model.index(1))
    assert many.class_list.view.viewport().rect().contains(row.center())


# The status bar


def told(person: Person) -> list[str]:
    """What can be read in the status bar."""
    return [w.text() for w in person.window.status.findChildren(QLabel) if w.isVisible()]


def test_the_status_bar_calls_a_tool_as_the_palette_does(
    studio_window: Person, label: LabelPage
) -> None:
    for action, words in (
        ("label.pixel_classifier", "Pixel classifier: Cell"),
        ("label.grabcut", "GrabCut: Cell"),
        ("label.wand", "Magic wand: Cell"),
    ):
        studio_window.trigger(action)
        assert words in told(studio_window)


def test_nothing_is_said_twice_side_by_side(studio_window: Person, label: LabelPage) -> None:
    studio_window.trigger("label.grabcut")
    hint = label.status_right
    first = hint.split(" · ")[0]
    label.canvas.say(first)
    studio_window.settle()
    assert first not in told(studio_window), "the hint at the right says it"
    assert hint in told(studio_window)
    label.canvas.say(f"Nothing stands out · {first}")
    studio_window.settle()
    assert "Nothing stands out" in told(studio_window)


def test_a_long_hint_is_cut_and_makes_no_window_wider(
    studio_window: Person, label: LabelPage
) -> None:
    studio_window.window.resize(960, 600)
    label.set_status("x 331, y 384", "RGB 172, 148, 190", "1 selected: Cell mask", right="go " * 90)
    studio_window.settle()
    assert studio_window.window.width() == 960
    (hint,) = (w for w in studio_window.window.status.findChildren(Words) if "go go" in w.text())
    assert hint.shown().endswith("…")
    assert hint.toolTip() == hint.text()
    shown = {w.text(): w.shown() for w in studio_window.window.status.findChildren(Words)}
    for words in ("x 331, y 384", "RGB 172, 148, 190", "1 selected: Cell mask"):
        assert shown[words] == words
    label.set_status(right="go on")
    studio_window.settle()
    assert hint.toolTip() == ""
