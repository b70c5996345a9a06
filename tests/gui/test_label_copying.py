"""What is pasted or copied onto a smaller image is cut at its edge, and that is said."""

import numpy as np
import pytest
from dialog_hands import when_open
from label_hands import label_page
from patience import until

from cvstudio.core.geometry import Box
from cvstudio.core.opencv import cv2
from cvstudio.gui.label.copy_next import CopyNextDialog
from cvstudio.project import commands, queries
from cvstudio.project.records import NewImage


@pytest.fixture
def person(tmp_path, qtbot):
    """A Person on three images of 400 by 300 pixels, with a fourth of 120 by 100 behind them."""
    with label_page(tmp_path, qtbot) as made:
        file = tmp_path / "project" / "images" / "4.png"
        cv2.imwrite(str(file), np.zeros((100, 120, 3), np.uint8))
        with made.project.transaction("Import") as s:
            commands.add_images(s, [NewImage(made.project.uri_of(file), 120, 100)])
        made.add(Box(10, 10, 50, 50))
        made.add(Box(90, 60, 80, 80))
        made.add(Box(300, 200, 50, 50))
        yield made


def on_fourth(person):
    with person.project.read() as s:
        return [a.box for a in queries.annotations(s, 4)]


def test_pasting_onto_a_smaller_image_says_what_was_cut_and_what_lies_outside(person):
    said = []
    person.page.clipboard.said.connect(said.append)
    person.keys("Ctrl+A")
    person.keys("Ctrl+C")
    for _ in range(3):
        person.keys("D")
    until(lambda: person.document.image.id == 4)
    person.keys("Ctrl+V")
    assert on_fourth(person) == [Box(10, 10, 50, 50), Box(90, 60, 30, 40)]
    assert said[-1] == "2 pasted · 1 cut at the edge of this image · 1 would lie outside it"
    person.studio.undo()
    assert on_fourth(person) == []


def test_copying_to_the_next_images_says_what_has_no_room_there(person):
    said = []
    person.page.clipboard.said.connect(said.append)

    def agree(dialog):
        dialog.spin.setValue(3)
        dialog.accept()

    when_open(CopyNextDialog, agree)
    person.keys("Ctrl+B")
    assert on_fourth(person) == [Box(10, 10, 50, 50), Box(90, 60, 30, 40)]
    assert said[-1] == "Copied to 3 images · 1 would lie outside a smaller image"
    assert person.project.undo_label == "Copy to 3 images"


def test_what_a_broken_file_carries_in_place_of_an_objects_number_is_pasted_as_it_is(person):
    broken = {"track_id": [1, 2]}
    person.document.select([person.add(Box(20, 20, 30, 30), attributes=broken)])
    person.keys("Ctrl+C")
    person.keys("Ctrl+V")
    assert [a.attributes for a in person.shapes if a.attributes] == [broken, broken]
