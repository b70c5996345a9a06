"""Several objects are followed at once, either way, and what was lost is said and can be found."""

import threading

import numpy as np
import pytest
from dialog_hands import when_open
from label_hands import Person
from patience import LIMIT, until
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from test_label_tracking import open_image, shapes
from tracked_scene import PLACES, SIDE, WIDTH, write_scene

from cvstudio.core.annotation import State, Task
from cvstudio.core.geometry import Box
from cvstudio.core.masks import Mask
from cvstudio.gui import app
from cvstudio.gui.label import track_subjects
from cvstudio.gui.label import tracking as tracking_module
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.label.track_dialog import Choices, Method, Reach, TrackDialog
from cvstudio.gui.widgets.progress_dialog import ProgressDialog
from cvstudio.imaging.video import Step
from cvstudio.project import commands, importing, queries, tracks
from cvstudio.project.following import Trail, follow_objects
from cvstudio.project.project import Project

STEP, LAST = 6, 8


@pytest.fixture
def person(tmp_path, qtbot):
    clip = write_scene(tmp_path / "clip.avi")
    project = Project.create(tmp_path / "project", task=Task.INSTANCE, classes=("Car", "Dog"))
    importing.run(project, importing.plan(project, clip, step=Step(STEP)))
    studio = app.make_studio(app.make_application())
    studio.adopt(project)
    page = LabelPage(studio)
    page.resize(1280, 860)
    page.show()
    page.shown()
    until(lambda: page.canvas.tiles.pyramid is not None)
    page.canvas.setFocus()
    yield Person(page, project, qtbot)
    page.hidden()
    page.release()
    page.close()
    page.deleteLater()
    studio.close()
    QApplication.processEvents()


def put(person, number, who, *, class_id=1, kind=Box):
    """Give the object its true shape on an image."""
    x, y = PLACES[who](number * STEP)
    shape = Box(x, y, SIDE, SIDE)
    if kind is Mask:
        shape = Mask.from_patch(np.ones((SIDE, SIDE), np.uint8), x, y)
    with person.project.transaction("Add") as s:
        ids = queries.image_ids(s)
        return commands.add_annotation(s, image_id=ids[number], class_id=class_id, shape=shape)


def follow(person, choose=lambda dialog: dialog.end.click()):
    """Select all with the keys, ask, choose, and agree; the words of the dialog."""
    seen = {}

    def agree(dialog):
        seen["title"] = dialog.windowTitle()
        seen["appearance"] = dialog.appearance.isEnabled()
        choose(dialog)
        seen["note"] = dialog._note.text()
        dialog.go.click()

    when_open(TrackDialog, agree)
    person.keys("Ctrl+A")
    person.keys("Shift+T")
    return seen


def test_all_selected_objects_are_followed_to_the_end_as_one_step(person):
    put(person, 0, "first")
    put(person, 0, "second", class_id=2, kind=Mask)
    before = person.project.undo_label
    seen = follow(person)
    until(lambda: len(shapes(person)[LAST]) == 2)
    assert seen["title"] == "Track 2 objects"
    assert seen["note"].startswith("Up to 8 images get a suggestion of each of 2 objects.")
    assert not seen["appearance"]  # a mask is among them
    found = shapes(person)
    assert {tuple(tracks.track_id(a) for a in found[n]) for n in range(LAST + 1)} == {(1, 2)}
    assert [a.shape.__class__ for a in found[LAST]] == [Box, Mask]
    assert person.project.undo_label == "Track 2 objects over 8 images"
    person.studio.undo()
    assert person.project.undo_label == before
    assert not any(found for number, found in shapes(person).items() if number)


def test_an_object_is_followed_backwards_to_the_beginning(person):
    open_image(person, LAST)
    put(person, LAST, "first")

    def choose(dialog):
        assert dialog.backwards, "there is nothing behind the last image"
        assert not dialog.forwards.isEnabled()
        assert dialog.next.text() == "through the previous"
        dialog.end.click()
        assert dialog.end.text() == "to the beginning of clip.avi (8 images)"

    follow(person, choose)
    until(lambda: len(shapes(person)[0]) == 1)
    found = shapes(person)
    for number in range(LAST):
        x, y = PLACES["first"](number * STEP)
        assert found[number][0].box.x == pytest.approx(x, abs=4)
        assert found[number][0].box.y == pytest.approx(y, abs=4)


def test_each_of_several_objects_stops_at_its_own_previous_key_shape(person):
    for who, key in (("first", 4), ("second", 6)):
        ids = [put(person, number, who) for number in (key, LAST)]
        with person.project.transaction("Link") as s:
            tracks.link(s, ids=ids)
    open_image(person, LAST)

    def choose(dialog):
        dialog.movement.click()
        assert dialog.key.isChecked()
        assert dialog.key.text() == "each to its previous key shape (up to 3 images after it)"
        dialog.now.click()

    follow(person, choose)
    until(lambda: len(shapes(person)[7]) == 2)
    found = shapes(person)
    assert [len(found[n]) for n in range(LAST + 1)] == [0, 0, 0, 0, 1, 1, 2, 2, 2]
    assert {a.state for a in found[7]} == {State.ACCEPTED}


def test_the_lost_one_of_several_is_named_and_can_be_selected(person):
    put(person, 0, "first")
    gone = put(person, 0, "leaver", class_id=2)
    toasts, said = [], []
    person.studio.toasted.connect(toasts.append)
    person.page.tracking.said.connect(said.append)
    follow(person)
    until(lambda: bool(toasts))
    (toast,) = toasts
    assert toast.text.startswith("Dog l")  # lost at the edge of, or left
    assert " the picture on clip.avi · frame " in toast.text
    assert said[-1].endswith(toast.text.rstrip("."))
    assert len(shapes(person)[LAST]) == 1
    open_image(person, 2)
    assert toast.link == "Select the lost"
    toast.do()
    assert person.document.selection == {gone}
    assert person.document.image.id == image_ids(person)[0]


def image_ids(person):
    with person.project.read() as s:
        return queries.image_ids(s)


def test_the_toast_of_a_lost_object_leads_to_where_it_ends(person):
    put(person, 0, "leaver")
    toasts = []
    person.studio.toasted.connect(toasts.append)
    follow(person)
    until(lambda: bool(toasts))
    toasts[0].do()
    place = person.page.order.ids.index(person.document.image.id)
    assert f"frame {place * STEP + 1}." in toasts[0].text
    assert [len(shapes(person)[n]) for n in (place - 1, place)] == [1, 0]


def test_by_appearance_boxes_are_followed(person):
    put(person, 0, "first")

    def choose(dialog):
        dialog.appearance.click()
        assert dialog.method is Method.APPEARANCE
        dialog.spin.setValue(2)

    follow(person, choose)
    until(lambda: len(shapes(person)[2]) == 1)
    box = shapes(person)[2][0].box
    assert (box.w, box.h) == (SIDE, SIDE)
    assert box.x == pytest.approx(PLACES["first"](2 * STEP)[0], abs=8)


def test_following_runs_beside_the_window_and_cancel_puts_nothing(person, monkeypatch):
    put(person, 0, "first")
    threads, said, pressed = [], [], threading.Event()
    person.page.tracking.said.connect(said.append)

    def slowly(*given, told, **more):
        threads.append(threading.current_thread() is threading.main_thread())

        def patient(done, total):
            told(done, total)
            assert pressed.wait(LIMIT)

        return follow_objects(*given, told=patient, **more)

    monkeypatch.setattr(tracking_module, "follow_objects", slowly)

    def cancel():
        dialogs = [w for w in QApplication.topLevelWidgets() if isinstance(w, ProgressDialog)]
        shown = [dialog for dialog in dialogs if dialog.isVisible() and dialog.bar.maximum() > 0]
        if shown:
            said.append(shown[0].words.text())
            shown[0].cancel.click()
            pressed.set()
        else:
            QTimer.singleShot(20, cancel)

    QTimer.singleShot(0, cancel)
    label = person.project.undo_label
    follow(person)
    assert threads == [False]
    assert said[0].startswith("Following, ")
    assert "of 48" in said[0]
    assert said[-1] == "Stopped: nothing was put"
    assert person.project.undo_label == label
    assert [len(found) for found in shapes(person).values()] == [1] + [0] * LAST


def test_several_objects_are_interpolated_at_once_and_each_finds_its_own_again(person):
    for number in (0, 4):
        put(person, number, "first")
        put(person, number, "third")
    seen = {}

    def choose(dialog):
        seen["where"] = dialog.where.text()
        seen["method"] = dialog.method

    open_image(person, 4)
    follow(person, choose)
    assert seen["method"] is Method.BETWEEN
    assert seen["where"] == (
        "2 of 2 objects, on 3 images; 2 paired with the nearest shape of the same class"
    )
    found = shapes(person)
    assert [len(found[n]) for n in range(6)] == [2, 2, 2, 2, 2, 0]
    for number in (1, 2, 3):
        for who, annotation in zip(("first", "third"), found[number], strict=True):
            start, end = PLACES[who](0)[0], PLACES[who](4 * STEP)[0]
            assert annotation.box.x == pytest.approx(start + (end - start) * number / 4)
    assert person.project.undo_label == "Interpolate 2 objects over 3 images"


def test_changing_the_direction_changes_how_far_one_can_go(qtbot):
    dialog = TrackDialog(None, Choices("Car", 0, "", "a.mp4", Reach(3), Reach(40, 7)))
    qtbot.addWidget(dialog)
    dialog.show()
    assert (dialog.count, dialog.key.isVisible()) == (3, False)
    dialog.backwards_too.click()
    assert dialog.spin.maximum() == 40
    assert dialog.key.isVisible()
    dialog.key.click()
    assert (dialog.count, dialog.to_key) == (7, True)
    dialog.forwards.click()
    assert (dialog.count, dialog.to_key) == (3, False)


def test_what_has_no_place_in_the_picture_is_named_and_the_others_are_followed(person):
    put(person, 0, "first")
    ids = image_ids(person)
    with person.project.transaction("Add") as s:
        box = Box(WIDTH + 20, 10, 30, 30)
        commands.add_annotation(s, image_id=ids[0], class_id=2, shape=box)
    said = []
    person.page.tracking.said.connect(said.append)
    follow(person, lambda dialog: dialog.next.click())
    until(lambda: bool(said))
    assert said[-1] == (
        "8 suggestions put · Dog: The shape lies outside the picture: there is nothing to follow"
    )


def test_many_losses_are_told_by_class_and_place_and_the_rest_is_counted():
    told = track_subjects.losses(
        [
            ("Car", Trail(lost="lost on a · frame 3")),
            ("Car", Trail(lost="lost on a · frame 3")),
            ("Dog", Trail(lost="lost on a · frame 3")),
            ("Dog", Trail()),
            ("Cat", Trail(lost="left the picture on a · frame 9")),
            ("Cow", Trail(lost="lost on a · frame 4")),
            ("Cow", Trail(lost="lost on a · frame 5")),
        ]
    )
    assert told == (
        "2 × Car lost on a · frame 3; Dog lost on a · frame 3;"
        " Cat left the picture on a · frame 9; 2 more lost"
    )
