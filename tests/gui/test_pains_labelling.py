"""What people complain of in labelling programs, as tests: each names the pain in words."""

import importlib.metadata
from pathlib import Path

import numpy as np
import pytest
from label_hands import label_page
from person import Person as WindowPerson
from PySide6.QtWidgets import QApplication, QFileDialog

from cvstudio.core.annotation import Review, Task
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.project import commands, queries
from cvstudio.project.project import Project


@pytest.fixture
def person(request, tmp_path, qtbot):
    """A project of three images, open on its Label page; the marker may name the task."""
    with label_page(tmp_path, qtbot, getattr(request, "param", Task.DETECT)) as hands:
        yield hands


def stored_after_closing(person):
    """What another reader finds on the disk, as after the program was closed."""
    with (
        Project.open(person.project.path, write=False) as reader,
        reader.read() as session,
    ):
        return queries.annotations(session, person.document.image.id)


def test_an_image_gets_no_labels_by_walking_past_labelled_ones(person):
    """An image that was left empty on purpose carries the labels of the one before."""
    person.do("label.box")
    person.drag((50, 40), (150, 120))
    person.keys("D")
    person.keys("Ctrl+Return")  # empty on purpose
    person.keys("A")
    person.keys("D")
    with person.project.read() as session:
        assert queries.annotations(session, 2) == []
        assert queries.image(session, 2).review == Review.EMPTY
        assert len(queries.annotations(session, 1)) == 1


def test_undo_after_saving_is_saved_too(person):
    """What was taken back after it had been saved is there again on the next day."""
    person.do("label.box")
    person.drag((50, 40), (150, 120))
    assert len(stored_after_closing(person)) == 1
    person.studio.undo()
    assert stored_after_closing(person) == []
    person.studio.redo()
    assert len(stored_after_closing(person)) == 1


def test_an_image_renamed_outside_leaves_its_labels_where_they_are_and_writes_no_file(person):
    """A file that is renamed while it is open gets its labels saved under a stale name."""
    file = person.project.image_path(person.document.image)
    folder = file.parent
    person.do("label.box")
    person.drag((50, 40), (150, 120))
    file.rename(folder / "renamed.png")
    before = sorted(p.name for p in folder.iterdir())
    person.drag((200, 40), (300, 120))
    assert sorted(p.name for p in folder.iterdir()) == before
    assert len(stored_after_closing(person)) == 2


def test_a_polygon_in_hand_outlives_its_class(person):
    """A class is removed while somebody draws with it, and the work can be saved no more."""
    person.do("label.polygon")
    person.keys("1")
    for place in ((50, 50), (150, 50), (150, 150), (60, 140)):
        person.click(*place)
    with person.project.transaction("Delete class") as session:
        commands.delete_class(session, id=1)
    QApplication.processEvents()
    person.keys("Return")
    assert len(person.only.shape.parts[0].outer) == 4
    assert person.only.class_id != 1


def test_merging_a_class_keeps_what_is_drawn_with_it_at_that_moment(person):
    """Two classes become one while a shape is half drawn, and the shape is lost."""
    person.do("label.box")
    person.keys("2")
    person.press(50, 40)
    person.move(120, 90)
    with person.project.transaction("Merge") as session:
        commands.merge_classes(session, source=2, target=3)
    QApplication.processEvents()
    person.move(150, 120)
    person.release(150, 120)
    assert person.only.box.w == pytest.approx(100, abs=1)


def test_a_box_and_its_image_survive_deleting_an_object_of_another_image(person):
    """Deleting one object takes others with it that belong together with it elsewhere."""
    together = {"track_id": 7}
    first = person.add(Box(10, 10, 40, 40), image=1, attributes=together)
    second = person.add(Box(12, 10, 40, 40), image=2, attributes=together)
    person.do("label.select")
    person.click(10, 30)
    assert person.document.selection == {first}
    person.keys("Delete")
    with person.project.read() as session:
        assert queries.annotations(session, 1) == []
        assert [a.id for a in queries.annotations(session, 2)] == [second]


@pytest.mark.parametrize("person", [Task.INSTANCE], indirect=True)
def test_an_outline_of_six_thousand_points_is_selected_and_its_point_moved(person):
    """One outline of thousands of points makes the window stand still."""
    turns = np.linspace(0, 2 * np.pi, 6000, endpoint=False)
    radius = 100 + 5 * np.sin(40 * turns)
    ring = np.stack([200 + radius * np.cos(turns), 150 + radius * np.sin(turns)], axis=1)
    person.add(Polygon.simple(ring))
    QApplication.processEvents()
    person.do("label.select")
    person.click(200, 150)
    assert len(person.document.selection) == 1
    person.canvas.show_box(Box(ring[0][0] - 20, ring[0][1] - 15, 40, 30))
    person.drag(tuple(ring[0]), (ring[0][0] + 20, ring[0][1]))
    moved = person.only.shape.parts[0].outer
    assert len(moved) == 6000
    assert np.abs(moved - ring).max(axis=1).argmax() == 0
    assert np.abs(moved - ring)[0][0] == pytest.approx(20, abs=0.5)


@pytest.mark.parametrize("person", [Task.INSTANCE], indirect=True)
def test_two_thousand_objects_on_an_image_are_all_listed_and_one_of_them_changes_alone(person):
    """With thousands of objects each step redraws and rereads all of them."""
    with person.project.transaction("Prepare") as session:
        for n in range(2000):
            corner = np.array((n % 60 * 6, n // 60 * 8))
            ring = corner + np.array([(0, 0), (5, 0), (5, 4), (0, 4)])
            commands.add_annotation(
                session, image_id=1, class_id=1, shape=Polygon.simple(ring.astype(float))
            )
    QApplication.processEvents()
    assert len(person.document.annotations) == 2000
    before = {a.id: a for a in person.document.annotations}
    person.do("label.select")
    person.click(2, 2)
    person.keys("2")
    changed = [a for a in person.document.annotations if a is not before[a.id]]
    assert [a.class_id for a in changed] == [2]


@pytest.mark.parametrize("person", [Task.SEGMENT], indirect=True)
def test_a_brush_larger_than_the_screen_paints_a_whole_disc(person):
    """A very large brush is slow, and what it paints is not round."""
    person.do("label.brush")
    person.canvas.tool.settings.size = 260
    person.click(200, 150)
    mask = person.only.shape
    assert isinstance(mask, Mask)
    assert mask.area == pytest.approx(np.pi * 130**2, rel=0.01)
    assert (mask.box.w, mask.box.h) == (260, 260)


def test_exactly_one_opencv_is_installed_and_it_brings_no_window_library():
    """A second Qt inside OpenCV takes the window's place, and the program does not start."""
    wheels = [
        d.metadata["Name"]
        for d in importlib.metadata.distributions()
        if (d.metadata["Name"] or "").startswith("opencv")
    ]
    assert wheels == ["opencv-python-headless"]
    assert not (Path(cv2.__file__).parent / "qt").exists()


CHOOSERS = (
    "getOpenFileName",
    "getOpenFileNames",
    "getSaveFileName",
    "getExistingDirectory",
)


@pytest.fixture
def cancelled(monkeypatch):
    """Every chooser of files is cancelled; the list says which ones were asked."""
    asked = []

    def cancel(name, nothing):
        def chooser(*arguments, **more):
            asked.append(name)
            return nothing

        return chooser

    for name in CHOOSERS:
        nothing = {"getOpenFileNames": ([], ""), "getExistingDirectory": ""}.get(name, ("", ""))
        monkeypatch.setattr(QFileDialog, name, cancel(name, nothing))
    return asked


def test_cancelling_a_chooser_of_files_changes_nothing(
    studio_window: WindowPerson, cancelled, monkeypatch
):
    """Cancel in a chooser of files ends the program."""
    before = studio_window.project.undo_label
    studio_window.trigger("project.open")
    assert cancelled == ["getExistingDirectory"]
    assert studio_window.project.undo_label == before
    page = studio_window.page("data")
    assert page.isVisible()
