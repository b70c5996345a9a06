"""The Label page as a person uses it: mouse and keys on the real page, rows in the real project."""

import sqlite3

import numpy as np
import pytest
from label_hands import ALT, CTRL, HEIGHT, SHIFT, WIDTH, label_page
from patience import until
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cvstudio.core.annotation import Kind, Review, Source, State, Task
from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.core.masks import Mask
from cvstudio.gui.label.annotation_tree import maker_words
from cvstudio.gui.label.class_verbs import ClassVerbs
from cvstudio.project import commands, queries
from cvstudio.project.records import NewImage


@pytest.fixture
def person(request, tmp_path, qtbot):
    """A project of three images, open on its Label page; the marker may name the task."""
    with label_page(tmp_path, qtbot, getattr(request, "param", Task.DETECT)) as hands:
        yield hands


def near(box, x, y, w, h, tolerance=1.0):
    return np.allclose((box.x, box.y, box.w, box.h), (x, y, w, h), atol=tolerance)


# Boxes


def test_a_dragged_box_is_in_the_database_when_the_button_is_released(person):
    person.do("label.box")
    person.drag((50, 40), (150, 120))
    file = sqlite3.connect(f"file:{person.project.path}/project.db?mode=ro", uri=True)
    rows = file.execute("SELECT x, y, w, h, class_id, source FROM annotation").fetchall()
    file.close()
    assert len(rows) == 1
    assert np.allclose(rows[0][:4], (50, 40, 100, 80), atol=1)
    assert rows[0][4:] == (1, "human")
    assert person.review(1) == Review.LABELLED


def test_two_clicks_make_a_box_too(person):
    person.do("label.box")
    person.click(50, 40)
    person.hover(100, 100)
    person.click(150, 120)
    assert near(person.only.box, 50, 40, 100, 80)


def test_a_box_drawn_over_the_edge_stays_on_the_image(person):
    person.do("label.box")
    person.drag((350, 250), (450, 350))
    assert near(person.only.box, 350, 250, 50, 50)


def test_undo_and_redo_take_a_box_back_and_bring_it_again(person):
    person.do("label.box")
    person.drag((50, 40), (150, 120))
    person.studio.undo()
    assert person.shapes == []
    assert len(person.canvas.shapes.layer) == 0
    person.studio.redo()
    assert near(person.only.box, 50, 40, 100, 80)
    assert len(person.canvas.shapes.layer) == 1


def test_escape_drops_a_half_drawn_box_and_nothing_is_stored(person):
    person.do("label.box")
    person.press(50, 40)
    person.move(150, 120)
    person.do("label.cancel")
    person.release(150, 120)
    assert person.shapes == []
    assert person.project.undo_label != "Add box"


def test_a_selected_box_moves_by_dragging_it(person):
    person.add(Box(50, 40, 100, 80))
    person.do("label.select")
    person.drag((100, 80), (130, 100))
    assert near(person.only.box, 80, 60, 100, 80)
    assert person.project.undo_label == "Move annotation"


def test_a_box_cannot_be_dragged_off_the_image(person):
    person.add(Box(50, 40, 100, 80))
    person.do("label.select")
    person.drag((100, 80), (100, 500))
    assert near(person.only.box, 50, 220, 100, 80)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ((150, 120), (180, 140), (50, 40, 130, 100)),
        ((50, 40), (40, 30), (40, 30, 110, 90)),
        ((150, 80), (190, 85), (50, 40, 140, 80)),
        ((100, 40), (105, 60), (50, 60, 100, 60)),
    ],
)
def test_each_handle_resizes_its_sides(person, start, end, expected):
    person.add(Box(50, 40, 100, 80))
    person.do("label.select")
    person.click(70, 60)
    person.drag(start, end)
    assert near(person.only.box, *expected, tolerance=1.5)
    assert person.project.undo_label == "Resize annotation"


def test_escape_in_the_middle_of_a_move_leaves_the_box_where_it_was(person):
    person.add(Box(50, 40, 100, 80))
    person.do("label.select")
    person.press(100, 80)
    person.move(200, 200)
    person.do("label.cancel")
    person.release(200, 200)
    assert near(person.only.box, 50, 40, 100, 80)


def test_a_small_box_under_a_big_one_can_be_selected(person):
    small = person.add(Box(90, 70, 20, 20))
    big = person.add(Box(50, 40, 100, 80), class_id=2)
    person.do("label.select")
    person.click(100, 80)
    assert person.document.selection == {small}
    person.click(100, 80)
    assert person.document.selection == {big}, "clicking again takes the one below"
    person.click(100, 80, ALT)
    assert person.document.selection == {small}, "and so does Alt"


def test_a_rubber_band_selects_several_and_one_key_relabels_them(person):
    inside = {person.add(Box(20, 20, 30, 30)), person.add(Box(80, 30, 30, 30))}
    person.add(Box(300, 200, 30, 30))
    person.do("label.select")
    person.drag((5, 5), (150, 100))
    assert person.document.selection == inside
    person.key(Qt.Key.Key_2)
    assert {a.id for a in person.shapes if a.class_id == 2} == inside
    assert person.project.undo_label == "Change class to “Nucleus”"


def test_several_shapes_move_together_in_one_step(person):
    person.add(Box(20, 20, 30, 30))
    person.add(Box(80, 30, 30, 30))
    person.do("label.select_all")
    person.drag((30, 30), (50, 40))
    assert [near(a.box, *b) for a, b in zip(person.shapes, ((40, 30, 30, 30), (100, 40, 30, 30)), strict=True)] == [True, True]  # noqa: E501  # fmt: skip
    person.studio.undo()
    assert [a.box.x for a in person.shapes] == [20, 80]


def test_delete_removes_what_is_selected_and_undo_brings_it_back(person):
    person.add(Box(50, 40, 100, 80))
    person.do("label.select")
    person.click(100, 80)
    person.do("label.delete")
    assert person.shapes == []
    assert person.review(1) == Review.UNLABELLED
    person.studio.undo()
    assert near(person.only.box, 50, 40, 100, 80)


# Polygons


def test_points_and_enter_make_a_polygon(person):
    person.do("label.polygon")
    for place in ((50, 50), (150, 60), (120, 150)):
        person.click(*place)
    person.do("label.finish")
    points = person.only.shape.parts[0].outer
    assert np.allclose(points, [(50, 50), (150, 60), (120, 150)], atol=1)


def test_a_double_click_closes_a_polygon_without_a_doubled_point(person):
    person.do("label.polygon")
    person.click(50, 50)
    person.click(150, 60)
    person.double_click(120, 150)
    assert len(person.only.shape.parts[0].outer) == 3


def test_the_first_point_closes_a_polygon(person):
    person.do("label.polygon")
    for place in ((50, 50), (150, 60), (120, 150), (60, 160), (50, 50)):
        person.click(*place)
    assert len(person.only.shape.parts[0].outer) == 4


def test_zooming_and_panning_in_the_middle_of_a_polygon_keeps_its_points(person):
    person.do("label.polygon")
    person.click(100, 100)
    person.click(200, 110)
    person.wheel(150, 150, 4)
    scale = person.canvas.scale
    person.drag((150, 150), (170, 160), button=Qt.MouseButton.MiddleButton)
    QTest.keyPress(person.canvas, Qt.Key.Key_Space)
    person.drag((150, 150), (140, 150))
    QTest.keyRelease(person.canvas, Qt.Key.Key_Space)
    assert person.canvas.scale == scale
    person.click(180, 190)
    person.do("label.finish")
    points = person.only.shape.parts[0].outer
    assert np.allclose(points, [(100, 100), (200, 110), (180, 190)], atol=1)


def test_the_wheel_zooms_at_the_pointer(person):
    before = person.canvas.to_screen(300, 50)
    person.wheel(300, 50, 5)
    after = person.canvas.to_screen(300, 50)
    assert (after - before).manhattanLength() <= 2
    assert person.canvas.scale > 2


def test_backspace_and_ctrl_z_take_points_back_and_not_the_step_before(person):
    person.add(Box(300, 200, 50, 50))
    person.do("label.polygon")
    for place in ((50, 50), (150, 60), (120, 150), (10, 10), (11, 90)):
        person.click(*place)
    person.key(Qt.Key.Key_Backspace)
    person.key(Qt.Key.Key_Z, CTRL)
    person.do("label.finish")
    box, polygon = person.shapes
    assert box.kind == Kind.BOX
    assert len(polygon.shape.parts[0].outer) == 3


def test_escape_drops_the_points_of_a_polygon(person):
    person.do("label.polygon")
    for place in ((50, 50), (150, 60), (120, 150)):
        person.click(*place)
    person.do("label.cancel")
    person.do("label.finish")
    assert person.shapes == []


RING = Polygon(
    (
        Part(
            np.array([(50, 50), (250, 50), (250, 250), (50, 250)], float),
            (np.array([(100, 100), (200, 100), (200, 200), (100, 200)], float),),
        ),
    )
)


def test_dragging_a_point_moves_it_and_keeps_the_hole(person):
    person.add(RING)
    person.do("label.select")
    person.click(70, 150)
    person.drag((200, 200), (220, 230))
    part = person.only.shape.parts[0]
    assert np.allclose(part.holes[0][2], (220, 230), atol=1)
    assert np.array_equal(part.outer, RING.parts[0].outer)


def test_dragging_an_edge_adds_a_point_there(person):
    person.add(RING)
    person.do("label.select")
    person.click(70, 150)
    person.drag((180, 50), (180, 20))
    outer = person.only.shape.parts[0].outer
    assert len(outer) == 5
    assert np.allclose(outer[1], (180, 20), atol=1)


def test_alt_click_removes_a_point_but_never_the_third_last(person):
    person.add(Polygon.simple([(50, 50), (250, 50), (250, 250), (50, 250)]))
    person.do("label.select")
    person.click(100, 100)
    person.click(250, 250, ALT)
    assert len(person.only.shape.parts[0].outer) == 3
    person.click(250, 50, ALT)
    assert len(person.only.shape.parts[0].outer) == 3


# Brush and eraser


def ring_stroke(person, centre, radius):
    angles = np.linspace(0, 2 * np.pi, 60)
    return [(centre[0] + radius * np.cos(a), centre[1] + radius * np.sin(a)) for a in angles]


def test_a_stroke_makes_a_mask_and_a_closed_one_keeps_its_hole(person):
    person.page.brush.size, person.page.brush.fill_holes = 10, False
    person.do("label.brush")
    person.drag(*ring_stroke(person, (150, 150), 60))
    mask = person.only.shape
    assert isinstance(mask, Mask)
    full = mask.full(HEIGHT, WIDTH)
    assert full[150, 150] == 0
    assert full[150, 210] == 1
    assert full.sum() == pytest.approx(2 * np.pi * 60 * 10, rel=0.05)
    assert person.project.undo_label == "Brush stroke"


def test_fill_holes_fills_what_a_stroke_has_closed(person):
    person.page.brush.size, person.page.brush.fill_holes = 10, True
    person.do("label.brush")
    person.drag(*ring_stroke(person, (150, 150), 60))
    assert person.only.shape.area == pytest.approx(np.pi * 65**2, rel=0.03)


def test_a_stroke_on_the_selected_mask_extends_it_and_one_elsewhere_begins_another(person):
    person.page.brush.size = 20
    person.do("label.brush")
    person.drag((50, 50), (100, 50))
    first = person.only
    person.drag((100, 50), (100, 100))
    assert person.only.id == first.id
    assert person.only.shape.area > first.shape.area
    person.drag((300, 200), (350, 200))
    assert len(person.shapes) == 2
    person.drag((50, 250), (60, 250), keys=SHIFT)
    assert len(person.shapes) == 2, "with Shift a separate part joins the selected mask"


@pytest.mark.parametrize("person", [Task.SEGMENT], indirect=True)
def test_in_a_segmentation_every_stroke_of_a_class_joins_its_one_mask(person):
    person.do("label.brush")
    person.drag((50, 50), (100, 50))
    person.document.select([])
    person.drag((300, 200), (350, 200))
    assert person.only.shape.full(HEIGHT, WIDTH)[50, 75] == 1
    assert person.only.shape.full(HEIGHT, WIDTH)[200, 325] == 1


def test_alt_and_the_eraser_take_away_and_leave_a_hole(person):
    patch = np.ones((100, 100), np.uint8)
    person.add(Mask.from_patch(patch, 100, 100))
    person.page.brush.size = 20
    person.do("label.select")
    person.click(150, 150)
    person.do("label.brush")
    person.drag((150, 150), (150, 151), keys=ALT)
    assert person.only.shape.full(HEIGHT, WIDTH)[150, 150] == 0
    assert person.project.undo_label == "Erase"
    person.do("label.erase")
    person.drag((120, 120), (121, 120))
    full = person.only.shape.full(HEIGHT, WIDTH)
    assert full[120, 120] == 0
    assert full[199, 199] == 1
    person.studio.undo()
    assert person.only.shape.full(HEIGHT, WIDTH)[120, 120] == 1


def test_erasing_everything_deletes_the_annotation(person):
    person.add(Mask.from_patch(np.ones((10, 10), np.uint8), 100, 100))
    person.page.brush.size = 60
    person.do("label.erase")
    person.drag((105, 105), (106, 105))
    assert person.shapes == []
    person.studio.undo()
    assert person.only.shape.area == 100


def test_brushing_on_a_polygon_turns_it_into_a_mask_and_says_so_before(person):
    person.add(Polygon.simple([(100, 100), (200, 100), (200, 200), (100, 200)]))
    person.do("label.select")
    person.click(150, 150)
    person.do("label.brush")
    assert person.page.bar.note.text() == "Makes the polygon a mask"
    person.page.brush.size = 20
    person.drag((200, 150), (230, 150))
    assert isinstance(person.only.shape, Mask)
    assert person.only.shape.area == pytest.approx(101 * 101 + 30 * 20, rel=0.05)


def test_escape_in_the_middle_of_a_stroke_leaves_the_mask_as_it_was(person):
    person.add(Mask.from_patch(np.ones((50, 50), np.uint8), 100, 100))
    person.do("label.select")
    person.click(120, 120)
    person.do("label.brush")
    person.press(120, 120)
    person.move(250, 200)
    person.do("label.cancel")
    person.release(250, 200)
    assert person.only.shape.area == 2500
    picture = person.canvas.pictures.patch(person.only.shape)
    assert picture.sum() == 2500, "the canvas shows the stored mask and not the dropped draft"


def test_brackets_and_ctrl_wheel_change_the_size_of_the_brush(person):
    person.do("label.brush")
    before = person.page.brush.size
    person.do("label.larger")
    assert person.page.brush.size > before
    person.hover(100, 100)
    zoom = person.canvas.scale
    person.wheel(100, 100, -3, CTRL)
    assert person.page.brush.size < before
    assert person.canvas.scale == zoom


# Classes


def test_a_key_chooses_the_class_of_what_is_drawn_next_and_not_of_what_was_drawn(person):
    person.do("label.box")
    person.drag((50, 40), (150, 120))
    person.key(Qt.Key.Key_3)
    person.drag((200, 40), (260, 120))
    assert [a.class_id for a in person.shapes] == [1, 3]


def test_the_eye_hides_a_class_from_canvas_and_pointer(person):
    person.add(Box(50, 40, 100, 80))
    person.document.toggle_class(1)
    assert person.canvas.shapes.count_in_view() == 0
    person.do("label.select")
    person.click(100, 80)
    assert person.document.selection == frozenset()
    person.document.toggle_class(1)
    assert person.canvas.shapes.count_in_view() == 1


def test_h_hides_the_selected_annotation_and_shows_it_again(person):
    person.add(Box(50, 40, 100, 80))
    person.do("label.select")
    person.click(100, 80)
    person.do("label.hide")
    assert person.canvas.shapes.count_in_view() == 0
    person.do("label.hide")
    assert person.canvas.shapes.count_in_view() == 1


def test_a_class_is_renamed_in_its_row_and_everywhere(person):
    model = person.page.class_list.model
    assert model.setData(model.index(1), "Thrombocyte", Qt.ItemDataRole.EditRole)
    with person.project.read() as session:
        assert [c.name for c in queries.classes(session)] == ["Cell", "Thrombocyte", "Other"]
    assert model.data(model.index(1)) == "Thrombocyte"


def open_and_wait(person, dialog):
    dialog.show()
    dialog.activateWindow()
    until(dialog.isActiveWindow)


def test_the_picker_finds_a_class_by_a_few_letters_and_offers_a_new_one(person):
    from cvstudio.gui.label.class_picker import ClassPicker

    picker = ClassPicker(None, list(person.document.classes.values()), title="Class")
    open_and_wait(person, picker)
    picker.search.setText("nuc")
    QTest.keyClick(picker.search, Qt.Key.Key_Return)
    assert person.document.classes[picker.class_id].name == "Nucleus"
    open_and_wait(person, picker)
    picker.search.setText("Platelet")
    QTest.keyClick(picker.search, Qt.Key.Key_Return)
    assert (picker.class_id, picker.new_name) == (None, "Platelet")
    picker.deleteLater()


# The list


def test_list_and_canvas_share_the_selection(person):
    first, second = person.add(Box(50, 40, 40, 40)), person.add(Box(150, 40, 40, 40), class_id=2)
    tree = person.page.tree
    index = tree.rows.index_of(person.document.get(second))
    tree.selectionModel().select(index, tree.selectionModel().SelectionFlag.ClearAndSelect)
    assert person.document.selection == {second}
    person.do("label.select")
    person.click(70, 60)
    rows = tree.selectionModel().selectedIndexes()
    assert [tree.rows.annotation(i).id for i in rows] == [first]


def test_only_the_row_that_changed_is_touched(person):
    for x in (10, 60, 110, 160):
        person.add(Box(x, 40, 30, 30))
    model = person.page.tree.rows
    resets, inserted = [], []
    model.modelReset.connect(lambda: resets.append(1))
    model.rowsInserted.connect(lambda parent, first, last: inserted.append((first, last)))
    person.add(Box(210, 40, 30, 30))
    assert (resets, inserted) == ([], [(4, 4)])


def test_a_suggestion_is_kept_with_enter_and_removed_with_delete(person):
    kept = person.add(Box(50, 40, 40, 40), source=Source.NETWORK, score=0.9, state=State.SUGGESTED)
    person.add(Box(150, 40, 40, 40), source=Source.NETWORK, score=0.5, state=State.SUGGESTED)
    person.do("label.select")
    person.click(70, 60)
    person.do("label.finish")
    person.click(170, 60)
    person.do("label.delete")
    states = {a.id: a.state for a in person.shapes}
    assert states[kept] == State.ACCEPTED
    assert sorted(states.values()) == [State.ACCEPTED, State.REJECTED]
    assert [a.id for a in person.document.annotations] == [kept]


def made_by(person, annotation_id):
    """What the row of an annotation says at its right end."""
    tree = person.page.tree
    annotation = tree.rows.annotation(tree.rows.index_of(person.document.get(annotation_id)))
    return maker_words(annotation)


def test_the_list_says_that_an_edited_annotation_is_the_persons_own(person):
    moved = person.add(Box(50, 40, 40, 40), source=Source.IMPORT)
    relabelled = person.add(Box(150, 40, 40, 40), source=Source.NETWORK, score=0.5)
    assert (made_by(person, moved), made_by(person, relabelled)) == ("import", "network")
    person.do("label.select")
    person.drag((70, 60), (80, 70))
    person.click(170, 60)
    person.key(Qt.Key.Key_2)
    assert (made_by(person, moved), made_by(person, relabelled)) == ("you", "you")
    person.studio.undo()
    assert made_by(person, relabelled) == "network"
    person.studio.undo()
    assert made_by(person, moved) == "import"


def test_a_suggestion_of_the_wrong_class_is_kept_by_giving_it_the_right_one(person):
    person.add(Box(50, 40, 40, 40), source=Source.NETWORK, score=0.9, state=State.SUGGESTED)
    person.do("label.select")
    person.click(70, 60)
    person.key(Qt.Key.Key_2)
    assert (person.only.class_id, person.only.state) == (2, State.ACCEPTED)
    person.studio.undo()
    assert (person.only.class_id, person.only.state) == (1, State.SUGGESTED)
    assert person.only.score == 0.9


# Images


def test_copies_come_to_the_same_place_on_the_next_image(person):
    person.add(Box(50, 40, 100, 80), class_id=2)
    person.do("label.select")
    person.click(100, 80)
    person.do("label.copy")
    person.do("label.next")
    person.do("label.paste")
    assert person.document.image.id == 2
    assert near(person.only.box, 50, 40, 100, 80)
    assert person.only.class_id == 2
    person.do("label.duplicate")
    assert [near(a.box, x, y, 100, 80) for a, (x, y) in zip(person.shapes, ((50, 40), (62, 52)), strict=True)] == [True, True]  # noqa: E501  # fmt: skip


def test_approve_and_next_marks_the_image_and_goes_to_the_next_that_waits(person):
    person.add(Box(50, 40, 100, 80))
    with person.project.transaction("Review 2") as session:
        commands.set_review(session, image_ids=[2], review=Review.REVIEWED)
    person.do("label.approve")
    assert person.review(1) == Review.REVIEWED
    assert person.document.image.id == 3, "image 2 is reviewed already"
    person.do("label.approve")
    assert person.review(3) == Review.EMPTY
    assert person.page.stack.currentWidget() is person.page.empty
    assert "All 3 images are reviewed." in person.page.empty.words.text()


def test_undo_goes_back_to_the_image_on_which_it_happens(person):
    person.do("label.box")
    person.drag((50, 40), (150, 120))
    person.do("label.next")
    person.studio.undo()
    assert person.document.image.id == 1
    assert person.shapes == []


def test_no_shape_is_lost_when_images_are_switched_fast(person):
    person.do("label.box")
    for number in range(12):
        person.drag((10 + 20 * number, 20), (25 + 20 * number, 60))
        person.do("label.next" if number % 2 == 0 else "label.previous")
    with person.project.read() as session:
        counts = queries.annotation_counts(session, [1, 2, 3])
    assert counts == {1: 6, 2: 6, 3: 0}


def test_points_of_a_polygon_survive_going_to_the_next_image(person):
    person.do("label.polygon")
    for place in ((50, 50), (150, 60), (120, 150), (60, 140)):
        person.click(*place)
    person.do("label.next")
    assert person.shapes == []
    person.do("label.previous")
    assert len(person.only.shape.parts[0].outer) == 4


def test_fix_this_label_selects_the_object_and_brings_it_into_the_middle(person):
    target = person.add(Box(350, 20, 20, 20), image=3)
    person.page.arrive(image_id=3, annotation_id=target)
    assert person.document.image.id == 3
    assert person.document.selection == {target}
    centre = person.canvas.to_screen(360, 30)
    middle = QPointF(person.canvas.viewport().rect().center())
    assert (centre - middle).manhattanLength() < 3
    assert person.canvas.scale > 3


def test_an_image_that_cannot_be_read_says_why_and_the_others_still_open(person):
    file = person.project.path / "images" / "broken.png"
    file.write_text("this is no picture")
    with person.project.transaction("Import") as session:
        (broken,) = commands.add_images(
            session, [NewImage(uri=person.project.uri_of(file), width=10, height=10)]
        )
    person.studio.select_image(broken)
    page = person.page
    until(lambda: page.stack.currentWidget() is page.empty)
    assert page.empty.words.text()
    person.studio.select_image(1)
    assert page.stack.currentWidget() is person.canvas


@pytest.mark.parametrize("person", [Task.CLASSIFY], indirect=True)
def test_a_key_says_what_the_image_is_and_another_replaces_it(person):
    person.key(Qt.Key.Key_1)
    assert person.page.side.image_class.name.text() == "Cell"
    person.key(Qt.Key.Key_3)
    assert person.page.side.image_class.name.text() == "Other"
    assert [(a.kind, a.class_id) for a in person.shapes] == [(Kind.IMAGE, 3)]
    person.studio.undo()
    assert person.page.side.image_class.name.text() == "Cell"
    assert set(person.page.palette_bar.buttons) == {"label.select", "label.comment"}


def test_no_class_yet_leads_to_adding_one(person, monkeypatch):
    for class_id in (1, 2, 3):
        ClassVerbs(person.document).delete(class_id)
    assert not person.page.class_list.first.isHidden()
    asked = []
    monkeypatch.setattr(person.page.classes, "_ask", lambda *_, **__: asked.append("asked"))
    person.document.class_wanted.connect(lambda: asked.append("wanted"))
    person.do("label.box")
    person.press(50, 40)
    assert "wanted" in asked
    assert person.shapes == []


@pytest.mark.parametrize("person", [Task.INSTANCE], indirect=True)
def test_painting_beside_a_polygon_that_was_just_drawn_begins_another_object(person):
    person.page.brush.size = 40
    person.do("label.polygon")
    for x, y in ((100, 100), (200, 100), (150, 200)):
        person.click(x, y)
    person.do("label.finish")
    assert isinstance(person.only.shape, Polygon)
    person.do("label.brush")
    QApplication.processEvents()
    note = person.page.bar.note
    assert note.fontMetrics().horizontalAdvance(note.text()) <= note.width(), "the hint is cut"
    person.drag((150, 212), (250, 212))
    polygon, mask = person.shapes
    assert isinstance(polygon.shape, Polygon), "the brush reached it, but began beside it"
    assert isinstance(mask.shape, Mask)
    person.drag((300, 60), (350, 60))
    assert len(person.shapes) == 3


@pytest.mark.parametrize("person", [Task.SEGMENT], indirect=True)
def test_a_pixel_painted_in_another_class_leaves_the_class_it_had(person):
    person.page.brush.size = 20
    nucleus = person.add(Mask.from_patch(np.ones((60, 60), np.uint8), 20, 20), class_id=2)
    cell = person.add(Mask.from_patch(np.ones((100, 100), np.uint8), 100, 100), class_id=1)
    above = person.add(Polygon.simple([(300, 100), (380, 100), (380, 180), (300, 180)]), class_id=3)
    whole = WIDTH * HEIGHT / 100
    assert person.document.covered_shares() == pytest.approx(
        {1: 10_000 / whole, 2: 3_600 / whole, 3: 6_400 / whole}, abs=0.01
    )
    person.document.select([])
    person.document.choose_class(2)
    person.do("label.brush")
    person.drag((110, 150), (190, 150))
    shapes = {a.id: a.shape for a in person.shapes}
    full = {id: shapes[id].full(HEIGHT, WIDTH) for id in (nucleus, cell)}
    assert full[nucleus][150, 150] == 1
    assert full[cell][150, 150] == 0, "it lies above and would have won in training"
    assert full[cell][120, 120] == 1
    shares = person.document.covered_shares()
    assert shares[1] == pytest.approx(full[cell].sum() / whole)
    assert shares[2] == pytest.approx(full[nucleus].sum() / whole)
    person.drag((310, 140), (370, 140))
    assert isinstance({a.id: a.shape for a in person.shapes}[above], Mask)
    person.studio.undo()
    person.studio.undo()
    assert {a.id: a.shape for a in person.shapes}[cell].area == 10_000, "one step takes both back"


@pytest.mark.parametrize("person", [Task.SEGMENT], indirect=True)
def test_shares_of_a_region_under_another_count_only_what_is_seen(person):
    person.add(Mask.from_patch(np.ones((100, 200), np.uint8), 0, 0), class_id=1)
    person.add(Polygon.simple([(50, 0), (250, 0), (250, 100), (50, 100)]), class_id=2)
    shares = person.document.covered_shares()
    assert shares[1] == pytest.approx(100 * 50 * 100 / (WIDTH * HEIGHT))
    assert shares[2] == pytest.approx(100 * 200 * 100 / (WIDTH * HEIGHT))
