"""What the canvas shows is what the data say: pixels of the viewport against pixels of the data."""

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QTransform

from cvstudio.core.annotation import Annotation, LabelClass, State, box_of
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.gui import app
from cvstudio.gui.label.dabs import dab
from cvstudio.gui.label.layer import ShapeLayer
from cvstudio.gui.label.mask_picture import MaskPicture, MaskPictures
from cvstudio.gui.label.outlines import STEPS, outline
from cvstudio.gui.label.shapes_item import ShapesItem
from cvstudio.gui.label.tile_painter import TilePainter
from cvstudio.imaging.display import Display, apply
from cvstudio.imaging.tiles import Pyramid

RED = QColor("#F73C62")


@pytest.fixture(autouse=True)
def application():
    return app.make_application()


def painted(width, height, paint, *, ground=0xFF000000):
    """What a function paints, as (height, width, 3) RGB."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(ground)
    painter = QPainter(image)
    paint(painter)
    painter.end()
    data = np.frombuffer(image.constBits(), np.uint8).reshape(height, width, 4)
    return data[:, :, 2::-1].copy()


def blob(side=300):
    """A mask with holes and thin parts."""
    generator = np.random.default_rng(5)
    patch = np.zeros((side, side), np.uint8)
    for _ in range(25):
        x, y = generator.uniform(0, side, 2)
        dab(patch, (x, y), (x + 40, y - 30), size=float(generator.uniform(3, 30)), value=1)
    return patch


def test_the_pixels_of_a_mask_on_the_canvas_are_the_pixels_of_the_data():
    patch = blob()
    mask = Mask.from_patch(patch, 40, 20)
    pictures = MaskPictures()

    def paint(painter):
        pictures.draw(mask, painter, QRectF(0, 0, 400, 400), scale=1, colour=RED, opacity=1)

    seen = painted(400, 400, paint)
    assert np.array_equal(seen.any(axis=2), mask.full(400, 400) > 0)


def test_zoomed_in_every_pixel_of_a_mask_is_a_square_on_the_grid():
    patch = blob(40)
    mask = Mask.from_patch(patch, 3, 5)
    pictures = MaskPictures()

    def paint(painter):
        painter.setTransform(QTransform.fromScale(8, 8))
        pictures.draw(mask, painter, QRectF(0, 0, 50, 50), scale=8, colour=RED, opacity=1)

    seen = painted(400, 400, paint).any(axis=2)
    wanted = np.kron(mask.full(50, 50), np.ones((8, 8))) > 0
    assert np.array_equal(seen, wanted)


@pytest.mark.parametrize("step", STEPS)
def test_the_outline_of_a_mask_with_holes_at_the_border_of_the_image_lies_on_its_border(step):
    patch = np.ones((300, 400), np.uint8)  # it fills the image from border to border
    rough = np.random.default_rng(2).integers(0, 12, 400)
    for x in range(400):
        patch[230 + rough[x] :, x] = 0
    cv2.circle(patch, (200, 110), 50, 0, -1)
    mask = Mask.from_patch(patch)
    lines = outline(mask, MaskPictures()).polygons(step)
    seen = np.zeros((301, 401), np.uint8)
    for line in lines:
        points = [[round(p.x()), round(p.y())] for p in line.toList()]
        cv2.polylines(seen, [np.array(points, np.int32)], True, 1)
    inside = cv2.erode(np.pad(patch, 1), np.ones((33, 33), np.uint8))[1:-1, 1:-1]
    assert not (seen[:300, :400] & inside).any(), "a line runs across the mask"


def test_zoomed_out_a_thin_mask_keeps_its_share_of_the_ground():
    patch = np.zeros((2048, 2048), np.uint8)
    patch[::16] = 1  # lines of one pixel: nearest sampling would lose or double them
    picture = MaskPicture(patch)

    def paint(painter):
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setTransform(QTransform.fromScale(0.125, 0.125))
        picture.draw(
            painter, QRectF(0, 0, 2048, 2048), x=0, y=0, scale=0.125, colour=QColor("white"),
            opacity=1,
        )  # fmt: skip

    seen = painted(256, 256, paint).mean()
    assert seen == pytest.approx(255 / 16, abs=2)


def test_after_each_dab_the_reduced_levels_equal_those_made_from_scratch():
    picture = MaskPicture.blank(1501, 1203)
    picture._level_for(0.2)
    assert len(picture.levels) == 3
    generator = np.random.default_rng(1)
    for step in range(40):
        x, y = generator.uniform(-20, 1500), generator.uniform(-20, 1210)
        size, value = float(generator.uniform(1, 90)), int(step % 3 != 0)
        touched = dab(picture.patch, (x, y), (x + 30, y + 9), size=size, value=value)
        if not touched.empty:
            picture.changed(touched)
    fresh = MaskPicture(picture.patch.copy())
    fresh._level_for(0.2)
    for mine, theirs in zip(picture.levels, fresh.levels, strict=True):
        assert np.array_equal(mine, theirs)


def test_only_the_exposed_part_of_a_mask_is_drawn_and_it_is_in_its_place():
    patch = blob()
    mask = Mask.from_patch(patch, 40, 20)
    pictures = MaskPictures()

    def paint(painter):
        pictures.draw(mask, painter, QRectF(100, 90, 50, 60), scale=1, colour=RED, opacity=1)

    seen = painted(400, 400, paint).any(axis=2)
    wanted = mask.full(400, 400) > 0
    assert np.array_equal(seen[90:150, 100:150], wanted[90:150, 100:150])
    assert not seen[160:, :].any()


# Tiles


@pytest.mark.parametrize("shape", [(700, 1100, 3), (513, 512, 3), (300, 1025)])
def test_the_image_on_the_canvas_is_the_image_of_the_file(shape):
    array = np.random.default_rng(2).integers(0, 255, shape, np.uint8)
    pyramid = Pyramid(array)
    pyramid.build()
    tiles = TilePainter()
    height, width = shape[:2]
    tiles.show(pyramid, (width, height))

    def paint(painter):
        while not tiles.paint(painter, QRectF(0, 0, width, height), 1.0):
            pass

    assert np.array_equal(painted(width, height, paint), apply(array, Display()))


def test_zoomed_in_a_pixel_is_a_square_of_its_own_colour():
    array = np.random.default_rng(2).integers(0, 255, (20, 30, 3), np.uint8)
    tiles = TilePainter()
    tiles.show(Pyramid(array), (30, 20))

    def paint(painter):
        painter.setTransform(QTransform.fromScale(10, 10))
        tiles.paint(painter, QRectF(0, 0, 30, 20), 10.0)

    wanted = np.kron(array, np.ones((10, 10, 1), np.uint8))
    assert np.array_equal(painted(300, 200, paint), wanted)


def test_brightness_changes_the_picture_and_never_the_data():
    array = np.full((64, 64, 3), 100, np.uint8)
    tiles = TilePainter()
    tiles.show(Pyramid(array), (64, 64))
    tiles.set_display(Display(brightness=40))

    def paint(painter):
        tiles.paint(painter, QRectF(0, 0, 64, 64), 1.0)

    assert painted(64, 64, paint).min() > 150
    assert (array == 100).all()


def test_when_time_is_short_coarser_tiles_stand_in_at_the_right_place(monkeypatch):
    array = np.zeros((2048, 2048, 3), np.uint8)
    array[:, 1024:] = 200
    pyramid = Pyramid(array)
    pyramid.build()
    tiles = TilePainter()
    tiles.show(pyramid, (2048, 2048))
    monkeypatch.setattr("cvstudio.gui.label.tile_painter._BUDGET", -1.0)
    complete = []

    def paint(painter):
        complete.append(tiles.paint(painter, QRectF(0, 0, 2048, 2048), 1.0))

    seen = painted(2048, 2048, paint)
    assert complete == [False], "another frame follows"
    assert np.abs(seen.astype(int) - array).max(axis=2)[:, :1000].max() == 0
    assert np.abs(seen.astype(int) - array).max(axis=2)[:, 1048:].max() == 0


# Shapes


def shown(shapes, *, hidden=frozenset(), states=None):
    item = ShapesItem(MaskPictures())
    annotations = [
        Annotation(id, 1, 1, shape, box_of(shape), state=(states or {}).get(id, State.ACCEPTED))
        for id, shape in enumerate(shapes, 1)
    ]
    classes = {1: LabelClass(1, "Cell", RED.name())}
    item.set_layer(ShapeLayer.of(annotations), classes, hidden=hidden)
    return item


class Option:
    def __init__(self, rect):
        self.exposedRect = rect


def test_a_box_is_drawn_on_its_edges_with_one_pixel_of_its_colour():
    item = shown([Box(10, 20, 50, 30)])
    item.in_view = QRectF(0, 0, 100, 100)
    seen = painted(100, 100, lambda p: item.paint(p, Option(item.in_view)), ground=0xFFFFFFFF)
    red = (seen == (RED.red(), RED.green(), RED.blue())).all(axis=2)
    assert red[20, 10:60].all()
    assert red[20:50, 10].all()
    assert red.sum() == 2 * 50 + 2 * 30
    assert (seen[35, 35] == 255).all(), "boxes are not filled"
    assert (seen[19, 30] < 255).all(), "a dark casing lies outside"


def test_shapes_outside_the_exposed_rectangle_and_hidden_ones_are_not_drawn():
    item = shown([Box(10, 10, 20, 20), Box(60, 60, 20, 20), Box(10, 60, 20, 20)], hidden={3})
    item.in_view = QRectF(0, 0, 100, 100)
    seen = painted(100, 100, lambda p: item.paint(p, Option(QRectF(0, 0, 40, 40))))
    assert seen[:40, :40].any()
    assert not seen[55:, 55:].any()
    seen = painted(100, 100, lambda p: item.paint(p, Option(item.in_view)))
    assert seen[55:, 55:].any()
    assert not seen[55:, :40].any()


def test_a_suggestion_is_dashed():
    plain = shown([Box(10, 10, 80, 80)])
    dashed = shown([Box(10, 10, 80, 80)], states={1: State.SUGGESTED})
    counts = []
    for item in (plain, dashed):
        item.in_view = QRectF(0, 0, 100, 100)
        seen = painted(100, 100, lambda p, item=item: item.paint(p, Option(item.in_view)))
        counts.append(int((seen[:, :, 0] > 200).sum()))
    assert 0.8 * counts[0] < counts[1] < 1.6 * counts[0], "its line is twice as broad"


def test_a_thinned_outline_stays_within_a_few_pixels_of_the_true_one():
    angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    ring = np.stack([2000 + 1500 * np.cos(angles), 2000 + 1500 * np.sin(angles)], axis=1)
    item = shown([Polygon.simple(ring)])
    item.in_view = QRectF(0, 0, 4000, 4000)

    def paint(painter):
        painter.setTransform(QTransform.fromScale(0.05, 0.05))
        item.paint(painter, Option(item.in_view))

    rows, columns = np.nonzero(painted(200, 200, paint)[:, :, 0] > 200)
    away = np.hypot(columns - 100, rows - 100)
    assert len(rows) > 300
    assert np.abs(away - 75).max() < 2


def test_an_outline_is_traced_anew_when_a_shape_changes_and_kept_when_it_does_not():
    polygon = Polygon.simple([(0, 0), (50, 0), (50, 50)])
    item = shown([polygon])
    first = item.outline_of(0)
    item.set_layer(item.layer, {1: LabelClass(1, "Cell", "#F73C62")}, hidden=frozenset())
    assert item.outline_of(0) is first
    other = Polygon.simple([(0, 0), (90, 0), (90, 90)])
    layer = ShapeLayer.of([Annotation(1, 1, 1, other, other.box)])
    item.set_layer(layer, {1: LabelClass(1, "Cell", "#F73C62")}, hidden=frozenset())
    assert item.outline_of(0) is not first
