"""Approving an image tells the person which of its annotations the network will not learn from."""

import numpy as np
import pytest
from label_hands import opened_page

from cvstudio.core.annotation import Annotation, Review, State, Task
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.gui.label.training_words import idle_words, note_of_boxes, note_of_keypoints
from cvstudio.project import commands, queries
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

BOX = Box(1, 2, 30, 40)
POLYGON = Polygon.simple([(0, 0), (20, 0), (20, 20)])
POINTS = Keypoints.of([(1, 2, 2), (5, 6, 1)])
MASK = Mask.from_patch(np.ones((5, 5), np.uint8), 0, 0)


def of(*shapes, state=State.ACCEPTED):
    return [Annotation(n, 1, 1, s, s or BOX, state=state) for n, s in enumerate(shapes)]


@pytest.mark.parametrize(
    ("task", "shapes", "words"),
    [
        (
            Task.SEGMENT, (BOX, POLYGON, BOX),
            "2 boxes on this image will not train: segmentation needs polygons or masks.",
        ),
        (
            Task.SEGMENT, (BOX,),
            "1 box on this image will not train: segmentation needs polygons or masks. "
            "Without them all of it trains as background.",
        ),
        (
            Task.INSTANCE, (BOX, MASK),
            "1 box on this image will not train: instance segmentation needs polygons or masks.",
        ),
        (
            Task.CLASSIFY, (BOX, POLYGON, POLYGON),
            "1 box and 2 polygons on this image will not train: "
            "classification needs a class for the whole image.",
        ),
        (
            Task.DETECT, (BOX, None),
            "1 image class on this image will not train: "
            "detection needs boxes, polygons or masks.",
        ),
        (
            Task.INSTANCE, (POLYGON, POINTS),
            "1 set of keypoints on this image will not train:"
            " only projects that find objects learn from them.",
        ),
        (Task.DETECT, (BOX, POINTS), ""),
        (Task.DETECT, (BOX, POLYGON, MASK), ""),
        (Task.CLASSIFY, (None,), ""),
        (Task.SEGMENT, (), ""),
    ],
)  # fmt: skip
def test_what_does_not_train_is_named_with_what_the_task_needs(task, shapes, words):
    assert idle_words(of(*shapes), task) == words


@pytest.mark.parametrize("task", [Task.DETECT, Task.SEGMENT, Task.INSTANCE])
@pytest.mark.parametrize(("note", "shape"), [(note_of_boxes, BOX), (note_of_keypoints, POINTS)])
def test_a_tool_warns_of_what_does_not_train_just_where_approving_would(note, shape, task):
    assert bool(note(task)) == bool(idle_words(of(shape), task))


def test_a_suggestion_that_nobody_kept_is_not_spoken_of():
    assert idle_words(of(BOX, state=State.SUGGESTED), Task.SEGMENT) == ""


@pytest.fixture
def page(tmp_path, qapp):
    """The Label page on a project that segments: one image with a box, one with a polygon."""
    project = Project.create(tmp_path / "project", task=Task.SEGMENT, classes=("Cell",))
    with project.transaction("Fill") as session:
        for number, shape in ((1, BOX), (2, POLYGON), (3, None)):
            file = tmp_path / f"{number}.png"
            cv2.imwrite(str(file), np.zeros((80, 100, 3), np.uint8))
            image = NewImage(uri=project.uri_of(file), width=100, height=80)
            (image_id,) = commands.add_images(session, [image])
            if shape is not None:
                commands.add_annotation(session, image_id=image_id, class_id=1, shape=shape)
    with opened_page(project) as made:
        yield made


def test_approving_boxes_where_they_do_not_train_says_so_and_leads_back(page):
    toasts = []
    page.studio.toasted.connect(toasts.append)
    page.reviewing.approve()
    assert page.document.image.id == 2, "it is approved, and the next one is open"
    with page.project.read() as session:
        assert queries.image(session, 1).review == Review.REVIEWED
    (toast,) = toasts
    assert toast.level == "warning"
    assert toast.text.startswith("1 box on 1.png will not train: segmentation needs polygons or")
    toast.do()
    assert page.document.image.id == 1
    page.studio.select_image(2)
    page.reviewing.approve()
    assert len(toasts) == 1, "polygons train: nothing is said"


def test_without_going_on_the_words_are_about_this_image(page):
    toasts = []
    page.studio.toasted.connect(toasts.append)
    page.studio.settings.set("label.next_after_approving", False)
    page.reviewing.approve()
    assert page.document.image.id == 1
    assert toasts[0].text.startswith("1 box on this image will not train")
    assert toasts[0].link == ""
