"""The small pictures of the gallery: outlines, masks, unreadable files, and very many of them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_time import own_seconds
from patience import LIMIT
from person import Person
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest

from cvstudio.core.annotation import State
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask
from cvstudio.core.palette import class_colours
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.overlay import OverlayItem, mask_layer, overlay_items, paint_items
from cvstudio.gui.widgets.thumbnail_grid import ThumbnailGrid
from cvstudio.gui.widgets.thumbnail_model import ThumbnailModel
from cvstudio.imaging import thumbnails
from cvstudio.project import commands, queries
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage


def test_outlines_lie_where_the_shapes_are() -> None:
    picture = QImage(100, 100, QImage.Format.Format_RGB32)
    picture.fill(0)
    from PySide6.QtCore import QRectF, QSizeF

    painter = QPainter(picture)
    square = Polygon.simple([(100, 100), (180, 100), (180, 180), (100, 180)])
    items = [
        OverlayItem(Box(20, 40, 60, 40), "#ff0000"),
        OverlayItem(square, "#00ff00", fill=0.5),
    ]
    paint_items(painter, QRectF(0, 0, 100, 100), QSizeF(200, 200), items)
    painter.end()
    assert picture.pixelColor(10, 30).name() == "#ff0000"
    assert picture.pixelColor(39, 30).name() == "#ff0000"
    assert picture.pixelColor(25, 20).name() == "#ff0000"
    assert picture.pixelColor(25, 30).name() == "#000000"
    inside = picture.pixelColor(70, 70)
    assert inside.red() == 0
    assert 100 < inside.green() < 150


def test_a_mask_is_painted_in_its_place_and_size() -> None:
    patch = np.zeros((400, 600), np.uint8)
    patch[100:300, 200:500] = 1
    mask = Mask.from_patch(patch)
    assert mask is not None
    layer = mask_layer([OverlayItem(mask, "#0000ff")], 600, 400, longest=60)
    assert layer is not None
    assert (layer.width(), layer.height()) == (60, 40)
    assert layer.pixelColor(35, 20).alpha() == 64
    assert layer.pixelColor(20, 20).alpha() == 255
    assert layer.pixelColor(10, 20).alpha() == 0


def test_rejected_shapes_are_not_drawn_and_suggested_ones_dashed(project: Project) -> None:
    with project.read() as s:
        ids = queries.image_ids(s)
        found = queries.annotations(s, ids[0])
        classes = queries.classes(s)
    with project.transaction("State") as s:
        commands.set_state(s, ids=[found[0].id], state=State.REJECTED)
        commands.set_state(s, ids=[found[1].id], state=State.SUGGESTED)
    with project.read() as s:
        items = overlay_items(queries.annotations(s, ids[0]), classes)
    assert [item.dashed for item in items] == [True]


def test_a_thumbnail_shows_the_image_and_its_boxes(studio_window: Person) -> None:
    page = studio_window.data_page()
    studio_window.idle()
    record = page.model.record(0)
    assert record is not None
    studio_window.until(lambda: page.model.thumbnails.picture(record) is not None)
    studio_window.idle()
    picture = page.grid.viewport().grab().toImage()
    area = page.grid.delegate.picture_rect(page.grid.visualRect(page.model.index(0)))
    scale = area.width() / 64
    bright = picture.pixelColor(area.x() + round(16 * scale), area.y() + round(22 * scale))
    assert bright.red() > 150
    edge = picture.pixelColor(area.x() + round(8 * scale), area.y() + round(10 * scale))
    assert edge.name() == class_colours()[0].lower()


def test_a_file_that_cannot_be_read_gets_a_sign_and_its_reason(
    studio_window: Person, tmp_path: Path
) -> None:
    page = studio_window.data_page()
    studio_window.idle()
    (tmp_path / "pictures" / "slide_2.png").write_text("no image", encoding="utf-8")
    image_id = page.model.ids[1]
    page.model.thumbnails.forget([image_id])
    page.grid.viewport().update()
    studio_window.until(lambda: bool(page.model.thumbnails.failure(image_id)))
    tip = page.model.data(page.model.index(1), Qt.ItemDataRole.ToolTipRole)
    assert "slide_2.png" in tip
    assert len(tip.splitlines()) == 4


def test_an_image_that_is_found_again_while_its_old_place_is_tried_gets_its_picture(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, project = studio_window.data_page(), studio_window.project
    studio_window.idle()
    image_id = page.model.ids[1]
    with project.read() as s:
        old = project.image_path(queries.image(s, image_id))
    moved = old.rename(old.with_name("slide_2_again.png"))
    make, tried, go_on = thumbnails.make, threading.Event(), threading.Event()

    def slowly(path: Path, place: int) -> bytes:
        if path == old:
            tried.set()
            assert go_on.wait(LIMIT)
        return make(path, place)

    monkeypatch.setattr(thumbnails, "make", slowly)
    pictures = page.model.thumbnails
    pictures.forget([image_id])
    page.grid.viewport().update()
    try:
        studio_window.until(tried.is_set)
        with project.transaction("Find images") as s:
            commands.relocate_images(s, {image_id: project.uri_of(moved)})
    finally:
        go_on.set()
    studio_window.until(
        lambda: pictures.picture(page.model.record(page.model.row_of(image_id))) is not None
    )


def test_a_mask_that_is_changed_while_the_old_one_is_painted_is_shown_as_it_is_now(
    studio: Studio, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.adopt(project)
    small, large = np.zeros((48, 64), np.uint8), np.ones((48, 64), np.uint8)
    small[:4, :4] = 1
    before, now = Mask.from_patch(small), Mask.from_patch(large)
    with project.transaction("Paint") as s:
        (image_id, *_) = queries.image_ids(s)
        painted = commands.add_annotation(s, image_id=image_id, class_id=1, shape=before)
    model = ThumbnailModel(studio.thumbnails)
    model.open(project)
    model.set_ids([image_id])
    project.changed.connect(model.take)
    asked: list[Any] = []
    monkeypatch.setattr(
        studio.tasks, "run", lambda work, *, done, owner: asked.append((work, done))
    )
    model.record(0)
    assert model.layer(image_id) is None
    with project.transaction("Paint more") as s:
        commands.set_shape(s, id=painted, shape=now)
    model.record(0)
    assert model.layer(image_id) is None
    project.changed.disconnect(model.take)
    old, new = asked
    for work, done in (new, old):  # the old one takes longer
        done(work(None))
    layer = model.layer(image_id)
    assert layer is not None
    assert layer.pixelColor(layer.width() - 1, layer.height() - 1).alpha() > 0
    model.deleteLater()


def test_a_hundred_thousand_images_scroll_like_a_few(
    studio: Studio, project: Project, qt_warnings: list[str]
) -> None:
    """A frame of the gallery may not cost more with 100,000 images than with 1,000."""
    studio.adopt(project)
    with project.transaction("Many", undoable=False) as s:
        commands.add_images(
            s, [NewImage(uri=f"more/i{n}.png", width=64, height=48) for n in range(20_000)]
        )
    with project.read() as s:
        ids = queries.image_ids(s)

    def frame_time(shown: list[int]) -> float:
        model = ThumbnailModel(studio.thumbnails)
        model.open(project)
        model.set_ids(shown)
        grid = ThumbnailGrid(model)
        grid.resize(900, 700)
        grid.show()
        QTest.qWaitForWindowExposed(grid)
        bar = grid.verticalScrollBar()
        times = []
        for step in range(20):
            bar.setValue(bar.maximum() * step // 20)
            times.append(own_seconds(grid.viewport().repaint, tries=1))
        grid.close()
        grid.deleteLater()
        model.deleteLater()
        return sorted(times)[len(times) // 2]

    few = frame_time(ids[:1000])
    many = frame_time(ids * 5)
    assert len(ids * 5) > 100_000
    assert many < 3 * few + 0.01, (few, many)


def test_the_columns_fill_the_width(studio_window: Person) -> None:
    page = studio_window.data_page()
    grid = page.grid
    for side in (96, 148, 288):
        page.gallery.side.setValue(side)
        studio_window.settle()
        room = grid.viewport().width()
        used = grid.columns * grid.delegate.cell.width()
        assert 0 <= room - used < grid.columns + 1
        first = grid.visualRect(page.model.index(0))
        assert grid.visualRect(page.model.index(grid.columns)).y() > first.y()
