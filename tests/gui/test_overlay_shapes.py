"""Rotated boxes and keypoints are drawn on thumbnails and small images where they are."""

import pytest
from label_hands import label_page
from PySide6.QtCore import QRect, QRectF, QSizeF
from PySide6.QtGui import QColor, QImage, QPainter

from cvstudio.core.annotation import Annotation, LabelClass
from cvstudio.core.geometry import Box
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.skeleton import Skeleton
from cvstudio.gui.analyze.compare_view import CompareView
from cvstudio.gui.augment.variants import items_of
from cvstudio.gui.widgets.overlay import OverlayItem, overlay_items, paint_items
from cvstudio.gui.widgets.thumbnail_model import ThumbnailModel
from cvstudio.project import skeleton_changes


def painted(shape, edges=()):
    """An image of 400 x 200 px as a thumbnail of half its size, black but for the shape."""
    picture = QImage(200, 100, QImage.Format.Format_RGB32)
    picture.fill(QColor("black"))
    painter = QPainter(picture)
    item = OverlayItem(shape, "#FF0000", edges=edges)
    paint_items(painter, QRectF(0, 0, 200, 100), QSizeF(400, 200), [item])
    painter.end()
    return picture


def reds(picture, x, y):
    """The strongest red within a pixel of a place of the image."""
    return max(
        picture.pixelColor(round(x / 2) + dx, round(y / 2) + dy).red()
        for dx in (-1, 0, 1)
        for dy in (-1, 0, 1)
    )


@pytest.mark.usefixtures("qapp")
def test_a_rotated_box_lies_askew_on_a_thumbnail():
    shape = RotatedBox(200, 100, 200, 60, 30)
    picture = painted(shape)
    for x, y in shape.corners().tolist():
        assert reds(picture, x, y) > 100
    assert reds(picture, shape.box.x, shape.box.y) == 0  # the corner of the box around it
    assert reds(picture, 200, 100) == 0  # as of a box, there is no fill


@pytest.mark.usefixtures("qapp")
def test_keypoints_are_dots_and_absent_ones_are_not_drawn():
    picture = painted(Keypoints.of([(100, 50, 2), (300, 150, 1), (200, 100, 0)]))
    assert reds(picture, 100, 50) > 200
    assert reds(picture, 300, 150) > 200
    assert reds(picture, 200, 100) == 0


@pytest.mark.usefixtures("qapp")
def test_edges_join_the_keypoints_of_a_thumbnail_that_have_a_place():
    figure = Keypoints.of([(40, 40, 2), (40, 160, 2), (360, 160, 0)])
    bones = Skeleton(("head", "foot", "hand"), ((0, 1), (1, 2)))
    annotation = Annotation(id=1, image_id=1, class_id=4, shape=figure, box=figure.box)
    classes = {4: LabelClass(4, "Person", "#FF0000")}
    (item,) = overlay_items([annotation], classes, {4: bones})
    picture = painted(figure, item.edges)
    assert reds(picture, 40, 100) > 100
    assert reds(picture, 200, 160) == 0, "a point without a place is joined to nothing"
    assert reds(painted(figure), 40, 100) == 0


@pytest.mark.usefixtures("qapp")
def test_hidden_keypoints_are_hollow_on_a_thumbnail():
    picture = painted(Keypoints.of([(100, 50, 2), (300, 150, 1)]))
    assert picture.pixelColor(50, 25).red() > picture.pixelColor(150, 75).red() + 80


def test_variants_draw_the_edges_between_points_that_are_left():
    bones = Skeleton(("head", "foot", "hand"), ((0, 1), (1, 2)))
    classes = {4: LabelClass(4, "Person", "#FF0000")}
    whole = Keypoints.of([(40, 40, 2), (40, 160, 2), (300, 160, 2)])
    cut = Keypoints.of([(40, 40, 2), (40, 160, 2), (0, 0, 0)])
    items = items_of([whole, None, cut], [4, 4, 4], classes, {4: bones})
    assert [item.edges for item in items] == [((0, 1), (1, 2)), ((0, 1),)]


def test_the_gallery_draws_edges_and_follows_a_skeleton_that_changes(tmp_path, qtbot):
    with label_page(tmp_path, qtbot) as person:
        person.add(Keypoints.of([(40, 40, 2), (40, 160, 2), (300, 160, 2)]))
        model = ThumbnailModel(person.studio.thumbnails)
        model.open(person.project)
        model.set_ids([1])
        model.record(0)
        assert [item.edges for item in model.items(1)] == [()]
        person.project.changed.connect(model.take)
        for edges in (((0, 1), (1, 2)), ((0, 2),)):
            with person.project.transaction("Skeleton") as session:
                bones = Skeleton(("a", "b", "c"), edges)
                skeleton_changes.define(session, class_id=1, skeleton=bones)
            model.record(0)
            assert [item.edges for item in model.items(1)] == [edges]
        person.project.changed.disconnect(model.take)


@pytest.mark.usefixtures("qapp")
def test_no_outline_goes_through_the_words_of_a_tag():
    tagged = OverlayItem(Box(100, 80, 200, 100), "#3366FF", text="RBC 0.64")
    frame = OverlayItem(Box(90, 60, 220, 130), "#FFFFFF", dashed=True)
    pictures = []
    for items in ([tagged, frame], [frame, tagged]):
        picture = QImage(200, 100, QImage.Format.Format_RGB32)
        picture.fill(QColor("black"))
        painter = QPainter(picture)
        paint_items(painter, QRectF(0, 0, 200, 100), QSizeF(400, 200), items)
        painter.end()
        pictures.append(picture.copy(50, 23, 40, 16))  # within the tag, above the tagged box
    assert pictures[0] == pictures[1]


@pytest.mark.usefixtures("qapp")
def test_the_frame_around_an_error_leaves_its_tag_readable():
    view = CompareView("Label")
    view.resize(400, 200)
    grey = QImage(400, 200, QImage.Format.Format_RGB32)
    grey.fill(QColor("#808080"))
    view.set_image(grey)
    box = Box(100, 80, 200, 100)
    view.set_items([OverlayItem(box, "#3366FF", text="RBC 0.64")])
    tag = QRect(102, 64, 40, 15)  # above the box; the frame runs three pixels out of it
    alone, whole = view.grab(tag).toImage(), view.grab().toImage()
    view.show_frame(box)
    assert view.grab().toImage() != whole
    assert view.grab(tag).toImage() == alone
    view.deleteLater()
