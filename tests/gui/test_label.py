"""The Label page as a person uses it: mouse and keys on the real page, rows in the real project."""

import sqlite3

import numpy as np
import pytest
from label_hands import ALT
from patience import until
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from cvstudio.core.annotation import Kind, Review, Source, State, Task
from cvstudio.core.geometry import Box
from cvstudio.gui.label.annotation_tree import maker_words
from cvstudio.gui.label.class_verbs import ClassVerbs
from cvstudio.project import commands, queries
from cvstudio.project.records import NewImage


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
