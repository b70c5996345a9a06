"""An object is carried through a video in the real window, and its way can be looked through."""

import threading
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import shiboken6
from dialog_hands import when_open
from label_hands import Person, opened_page
from patience import until

from cvstudio.core.annotation import Source, State, Task
from cvstudio.core.interpolation import between
from cvstudio.core.opencv import cv2
from cvstudio.gui.label.copy_next import CopyNextDialog
from cvstudio.gui.label.track_dialog import Choices, Method, Reach, TrackDialog
from cvstudio.imaging.video import Step
from cvstudio.project import importing, queries, tracks
from cvstudio.project.project import Project

WIDTH, HEIGHT, SIDE, FRAMES = 320, 240, 56, 61


def place(frame):
    """Where the object's left upper corner is."""
    return 20 + 3 * frame, 60 + round(25 * np.sin(frame / 12))


def write_scene(path):
    """A textured square that wanders over a textured ground."""
    random = np.random.default_rng(5)

    def texture(width, height):
        noise = random.integers(0, 255, (height // 4 + 1, width // 4 + 1, 3)).astype(np.uint8)
        return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)

    ground, patch = texture(WIDTH, HEIGHT), texture(SIDE, SIDE)
    code = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, 25.0, (WIDTH, HEIGHT))
    for frame in range(FRAMES):
        picture = ground.copy()
        x, y = place(frame)
        picture[y : y + SIDE, x : x + SIDE] = patch
        writer.write(picture)
    writer.release()
    return path


@contextmanager
def video_page(folder, qtbot, *, step=5):
    """A Person on the Label page of a project that holds a video's every fifth frame."""
    clip = write_scene(folder / "clip.avi")
    project = Project.create(folder / "project", task=Task.DETECT, classes=("Car", "Dog"))
    importing.run(project, importing.plan(project, clip, step=Step(step)))
    with opened_page(project) as page:
        yield Person(page, project, qtbot)


@pytest.fixture
def person(tmp_path, qtbot):
    with video_page(tmp_path, qtbot) as made:
        yield made


def draw(person, frame):
    """Draw the object's box with the mouse on the open image."""
    x, y = place(frame)
    person.keys("R")
    person.drag((x, y), (x + SIDE, y + SIDE))
    person.keys("V")


def open_image(person, number):
    """Go to an image of the sequence, counted from 0, with the keys."""
    ids = person.page.order.ids
    while (here := ids.index(person.document.image.id)) != number:
        person.keys("D" if here < number else "A")
    until(lambda: person.canvas.tiles.pyramid is not None)


def shapes(person):
    """By the image's place, the annotations of the whole sequence."""
    with person.project.read() as s:
        ids = queries.image_ids(s)
        return {n: queries.annotations(s, id) for n, id in enumerate(ids)}


def iou(box, frame):
    x, y = place(frame)
    left, top = max(box.x, x), max(box.y, y)
    right, bottom = min(box.right, x + SIDE), min(box.bottom, y + SIDE)
    shared = max(right - left, 0) * max(bottom - top, 0)
    return shared / (box.area + SIDE * SIDE - shared)


def test_two_drawn_boxes_are_interpolated_from_the_keyboard_in_one_step(person):
    draw(person, 0)
    open_image(person, 4)
    draw(person, 20)
    before, seen = person.project.undo_label, {}

    def agree(dialog):
        seen["words"] = dialog.where.text()
        seen["method"] = dialog.method
        dialog.go.click()

    when_open(TrackDialog, agree)
    person.keys("Shift+T")
    assert "3 images between clip.avi · frame 1 and clip.avi · frame 21" in seen["words"]
    assert seen["method"] is Method.BETWEEN
    found = shapes(person)
    first, last = found[0][0].box, found[4][0].box
    for number in (1, 2, 3):
        (put,) = found[number]
        assert abs(put.box.x - (first.x + (last.x - first.x) * number / 4)) < 1e-6
        assert (put.state, put.attributes["suggested_by"]) == (State.SUGGESTED, "Interpolation")
    assert person.project.undo_label == "Interpolate over 3 images"
    person.studio.undo()
    assert person.project.undo_label == before
    assert not any(shapes(person)[n] for n in (1, 2, 3))


def test_a_box_is_followed_through_the_pictures_and_accepted_with_tab_and_enter(person):
    draw(person, 0)

    def agree(dialog):
        assert not dialog.between.isEnabled()
        dialog.end.click()
        dialog.go.click()

    when_open(TrackDialog, agree)
    person.keys("Shift+T")
    until(lambda: len(shapes(person)[12]) == 1)
    found = shapes(person)
    worst = min(iou(found[n][0].box, 5 * n) for n in range(1, 13))
    assert worst > 0.7, worst
    assert all(0.25 <= found[n][0].score <= 1 for n in range(1, 13))
    assert person.project.undo_label == "Track over 12 images"
    open_image(person, 1)
    person.keys("Tab")
    person.keys("Return")
    assert person.only.state is State.ACCEPTED
    assert person.only.source is Source.NETWORK
    open_image(person, 2)
    assert person.document.selection == {person.only.id}  # the same object is at hand there
    person.keys("Return")
    assert person.only.state is State.ACCEPTED
    for _ in range(3):
        person.project.undo()
    assert not any(shapes(person)[n] for n in range(1, 13))


def test_following_can_put_accepted_shapes_through_the_next_few(person):
    draw(person, 0)

    def agree(dialog):
        dialog.next.click()
        dialog.spin.setValue(3)
        dialog.now.click()
        dialog.go.click()

    when_open(TrackDialog, agree)
    person.keys("Shift+T")
    until(lambda: len(shapes(person)[3]) == 1)
    found = shapes(person)
    assert {found[n][0].state for n in (1, 2, 3)} == {State.ACCEPTED}
    assert not found[4]


def interpolate(person, first, last):
    """Keys on two images and suggestions between them."""
    open_image(person, first)
    draw(person, 5 * first)
    open_image(person, last)
    draw(person, 5 * last)
    when_open(TrackDialog, lambda dialog: dialog.go.click())
    person.keys("Shift+T")


def test_an_edited_suggestion_is_a_key_and_its_neighbours_follow_on_request(person):
    interpolate(person, 0, 6)
    open_image(person, 3)
    toasts = []
    person.studio.toasted.connect(toasts.append)
    (middle,) = person.shapes
    assert person.document.selection == {middle.id}  # the object stays selected
    x, y = middle.box.x + middle.box.w / 2, middle.box.y + middle.box.h / 2
    person.drag((x, y), (x, y + 40))
    assert person.only.box.y == pytest.approx(middle.box.y + 40, abs=0.6)
    assert tracks.is_key(person.only)
    offered = [t for t in toasts if t.link == "Interpolate again"]
    assert len(offered) == 1
    assert "4 images" in offered[0].text
    offered[0].do()
    found = shapes(person)
    key, first = found[3][0].box, found[0][0].box
    assert abs(found[1][0].box.y - (first.y + (key.y - first.y) / 3)) < 1e-6
    assert found[6][0].source is Source.HUMAN


def test_dots_on_the_filmstrip_show_keys_and_the_keys_jump_between_them(person):
    interpolate(person, 1, 4)
    ids = person.page.order.ids
    assert person.page.strip.dots == {
        ids[1]: True, ids[2]: False, ids[3]: False, ids[4]: True,
    }  # fmt: skip
    person.keys(",")
    assert person.document.image.id == ids[1]
    assert person.document.selection == {shapes(person)[1][0].id}
    person.keys(".")
    assert person.document.image.id == ids[4]
    open_image(person, 6)
    assert person.page.strip.dots[ids[4]] is True  # also where the object is not
    person.keys(",")
    assert person.document.image.id == ids[4]
    person.keys("Esc")
    person.document.select([])
    assert person.page.strip.dots == {}


def test_nothing_is_tracked_without_a_selection_and_that_is_said(person):
    said = []
    person.page.tracking.said.connect(said.append)
    person.keys("Shift+T")
    person.keys(".")
    assert said == [
        "Select a shape to track, or several",
        "Select one shape to go through its key shapes",
    ]


def test_copies_go_no_further_than_the_video_and_are_one_step(person):
    draw(person, 0)
    person.keys("Ctrl+A")
    seen = {}

    def agree(dialog):
        seen["most"] = dialog.spin.maximum()
        dialog.spin.setValue(3)
        dialog.accept()

    when_open(CopyNextDialog, agree)
    person.keys("Ctrl+B")
    assert seen["most"] == 12
    found = shapes(person)
    assert [len(found[n]) for n in range(5)] == [1, 1, 1, 1, 0]
    person.project.undo()
    assert [len(shapes(person)[n]) for n in range(3)] == [1, 0, 0]


def test_pasted_on_another_frame_it_is_the_same_object(person):
    interpolate(person, 0, 4)
    person.keys("Ctrl+C")
    open_image(person, 8)
    person.keys("Ctrl+V")
    assert tracks.track_id(person.only) == 1
    person.keys("Ctrl+V")
    assert [tracks.track_id(a) for a in person.shapes] == [1, None]
    assert person.shapes[0].box == shapes(person)[4][0].box


def test_what_takes_long_to_interpolate_is_computed_beside_the_window(person, monkeypatch):
    draw(person, 0)
    open_image(person, 4)
    draw(person, 20)
    threads = []

    def noted(*shapes):
        threads.append(threading.current_thread() is threading.main_thread())
        return between(*shapes)

    monkeypatch.setattr(tracks, "between", noted)
    person.keys("Ctrl+Shift+T")
    assert threads == [False] * 3
    assert [len(shapes(person)[n]) for n in (1, 2, 3)] == [1, 1, 1]
    assert person.project.undo_label == "Interpolate over 3 images"


def test_an_offer_that_outlives_its_project_does_nothing(tmp_path, qtbot):
    toasts = []
    with video_page(tmp_path, qtbot) as person:
        interpolate(person, 0, 4)
        person.studio.toasted.connect(toasts.append)
        x, y = place(20)
        person.drag((x + 28, y + 28), (x + 28, y + 60))
        (offer,) = [t for t in toasts if t.link == "Interpolate again"]
        tracking = person.page.tracking
    until(lambda: not shiboken6.isValid(tracking))
    offer.do()


def test_images_of_a_folder_are_not_called_frames_and_are_followed_no_further_than_ten(qtbot):
    choices = Choices("Dog", 0, "", "JPEGImages", Reach(356), Reach(4), frames=False)
    dialog = TrackDialog(None, choices)
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog.stills.isVisible()
    assert "not frames of a video" in dialog.stills.text()
    assert dialog.end.text() == "to the end of the folder JPEGImages (356 images)"
    assert dialog.count == 10
    dialog.end.click()
    assert dialog.count == 356, "who means it still can"
    of_a_video = TrackDialog(None, replace(choices, frames=True))
    qtbot.addWidget(of_a_video)
    of_a_video.show()
    assert not of_a_video.stills.isVisible()
