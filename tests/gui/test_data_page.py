"""The Data page: gallery, filters, views, many images at once, import, split, export, figures."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from person import Person, make_images
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QLabel

from cvstudio.core.annotation import Review, Source, Split, State, Task
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask
from cvstudio.core.palette import class_colours
from cvstudio.gui import theme
from cvstudio.gui.data import filters
from cvstudio.gui.data.export_dialog import ExportDialog
from cvstudio.gui.data.import_dialog import ImportDialog
from cvstudio.gui.data.page import DataPage
from cvstudio.gui.data.split_dialog import SplitDialog
from cvstudio.gui.data.statistics import imbalance, read_facts
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.bar_chart import Histogram, round_step
from cvstudio.gui.widgets.overlay import OverlayItem, mask_layer, overlay_items, paint_items
from cvstudio.gui.widgets.thumbnail_grid import ThumbnailGrid
from cvstudio.gui.widgets.thumbnail_model import ThumbnailModel
from cvstudio.project import commands, queries
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter, NewImage


def data_page(person: Person) -> DataPage:
    page = person.page("data")
    assert isinstance(page, DataPage)
    return page


def names(page: DataPage) -> list[str]:
    return [page.model.record(row).name for row in range(len(page.model.ids))]  # type: ignore[union-attr]


def reviews(project: Project) -> dict[int, Review]:
    with project.read() as s:
        ids = queries.image_ids(s)
        return {r.id: r.review for r in queries.images(s, ids)}


# -- gallery and filters


def test_the_gallery_shows_every_image_in_natural_order(studio_window: Person) -> None:
    page = data_page(studio_window)
    assert names(page) == [f"slide_{n}.png" for n in range(1, 13)]
    assert page.gallery.count.text() == "12 images"


def test_views_count_images_and_filter_the_gallery(studio_window: Person) -> None:
    page = data_page(studio_window)
    views = page.views.views
    figures = {
        views.item(row).data(Qt.ItemDataRole.UserRole).key: views.item(row)
        .data(Qt.ItemDataRole.UserRole)
        .figure
        for row in range(views.count())
    }
    assert figures == {
        "all": "12", "unlabelled": "2", "labelled": "10", "reviewed": "0", "empty": "0",
    }  # fmt: skip
    views.setCurrentRow(1)
    studio_window.settle()
    assert names(page) == ["slide_11.png", "slide_12.png"]
    assert page.gallery.words.text() == "unlabelled"


def test_a_filter_is_said_in_words_and_taken_away_by_its_cross(studio_window: Person) -> None:
    page = data_page(studio_window)
    button = page.gallery.filter_bar.buttons["class_ids"]
    menu = button.menu_of()
    assert [a.text() for a in menu.actions()] == ["RBC\t10", "WBC\t10"]
    assert not any(a.icon().isNull() for a in menu.actions())
    menu.actions()[1].trigger()
    studio_window.settle()
    assert button.text() == "Class: WBC"
    assert page.gallery.words.text() == "with WBC"
    assert len(page.model.ids) == 10
    studio_window.click(button, QPoint(button.width() - 10, button.height() // 2))
    assert page.filter == ImageFilter()
    assert button.text() == "Class"
    menu.deleteLater()


def test_backspace_in_the_empty_field_takes_the_last_filter_away(studio_window: Person) -> None:
    page = data_page(studio_window)
    page.show_filter(ImageFilter(reviews=(Review.LABELLED,), splits=(None,)))
    page.gallery.filter_bar.text.setFocus()
    studio_window.key("Backspace", page.gallery.filter_bar.text)
    assert page.filter == ImageFilter(splits=(None,)) or page.filter == ImageFilter(
        reviews=(Review.LABELLED,)
    )
    studio_window.key("Backspace", page.gallery.filter_bar.text)
    assert page.filter == ImageFilter()


def test_typing_a_name_filters_and_an_empty_result_offers_the_way_back(
    studio_window: Person,
) -> None:
    page = data_page(studio_window)
    studio_window.trigger("data.filter_text")
    studio_window.type(page.gallery.filter_bar.text, "slide_1")
    assert len(page.model.ids) == 4
    studio_window.type(page.gallery.filter_bar.text, "zzz")
    assert page.gallery.shown_part.currentWidget() is page.gallery.nothing
    assert page.gallery.nothing.words.text() == "No image is named “slide_1zzz”."
    studio_window.click(page.gallery.nothing.button)
    assert len(page.model.ids) == 12
    assert page.gallery.filter_bar.text.text() == ""


def test_a_saved_view_survives_and_is_one_undo_step(studio_window: Person) -> None:
    page = data_page(studio_window)
    chosen = ImageFilter(class_ids=(1,), splits=(Split.VAL, None), reviews=(Review.LABELLED,))
    page.show_filter(chosen)

    def name(dialog: QDialog) -> None:
        from PySide6.QtWidgets import QLineEdit

        dialog.findChild(QLineEdit).setText("Mine")
        dialog.accept()

    studio_window.answer(name)
    studio_window.trigger("data.save_view")
    path = studio_window.project.path
    studio_window.trigger("project.close")
    studio_window.window.open_project(path)
    page = data_page(studio_window)
    assert page.views.saved.count() == 1
    page.views.saved.setCurrentRow(0)
    studio_window.settle()
    assert page.filter == chosen
    studio_window.key("Del", page.views.saved)
    assert page.views.saved.count() == 0
    studio_window.trigger("edit.undo")
    assert page.views.saved.count() == 1


@pytest.mark.parametrize(
    "chosen",
    [
        ImageFilter(),
        ImageFilter(text="a b", folder="x/y", without_annotations=False, problems=True),
        ImageFilter(sources=(Source.HUMAN,), tags=("odd",), ids=(3, 1)),
        ImageFilter(splits=(None, Split.TEST), reviews=(Review.EMPTY,), scores=(0.2, 0.9)),
    ],
)
def test_a_filter_survives_being_stored(chosen: ImageFilter) -> None:
    stored = json.loads(json.dumps(filters.to_json(chosen)))
    assert filters.from_json({**stored, "from the future": 1}) == chosen


# -- selection and many images at once


def test_several_images_are_marked_split_and_tagged_in_one_step_each(
    studio_window: Person,
) -> None:
    page = data_page(studio_window)
    ids = page.model.ids
    page.grid.select_ids(ids[2:5])
    studio_window.settle()
    assert studio_window.studio.selection == tuple(ids[2:5])
    assert page.gallery.words.text() == "3 selected"
    studio_window.trigger("data.set_val")
    studio_window.trigger("data.mark_reviewed")
    with studio_window.project.read() as s:
        found = queries.images(s, ids[2:5])
    assert {r.split for r in found} == {Split.VAL}
    assert {r.review for r in found} == {Review.REVIEWED}
    assert studio_window.project.undo_label == "Mark 3 images as reviewed"
    studio_window.trigger("edit.undo")
    studio_window.trigger("edit.undo")
    with studio_window.project.read() as s:
        assert {r.split for r in queries.images(s, ids)} == {None}
    assert page.grid.selected_ids() == tuple(ids[2:5])


def test_images_with_annotations_are_not_called_empty(studio_window: Person) -> None:
    page = data_page(studio_window)
    ids = page.model.ids
    page.grid.select_ids([ids[0], ids[10], ids[11]])
    studio_window.settle()
    studio_window.trigger("data.mark_empty")
    states = reviews(studio_window.project)
    assert [states[i] for i in (ids[0], ids[10], ids[11])] == [
        Review.LABELLED, Review.EMPTY, Review.EMPTY,
    ]  # fmt: skip
    assert any("1 image has annotations" in text for text in studio_window.window.toasts.texts())


def test_removing_images_asks_keeps_the_files_and_can_be_undone(
    studio_window: Person, tmp_path: Path
) -> None:
    page = data_page(studio_window)
    ids = page.model.ids[:2]
    page.grid.select_ids(ids)
    studio_window.settle()
    asked: list[str] = []

    def refuse(dialog: QDialog) -> None:
        asked.extend(w.text() for w in dialog.findChildren(QLabel))
        dialog.reject()

    studio_window.answer(refuse)
    studio_window.key("Del", page.grid)
    assert len(page.model.ids) == 12
    assert any("4 annotations go with them" in text for text in asked)
    studio_window.answer(lambda dialog: dialog.accept())
    studio_window.key("Del", page.grid)
    assert len(page.model.ids) == 10
    assert not studio_window.studio.selection
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 12
    studio_window.trigger("edit.undo")
    assert len(page.model.ids) == 12


def test_a_class_key_says_what_selected_images_show(
    studio: Studio, tmp_path: Path, qt_warnings: list[str], leftovers: None
) -> None:
    from cvstudio.gui.main_window import MainWindow

    project = Project.create(tmp_path / "p", task=Task.CLASSIFY, classes=["good", "bad"])
    paths = make_images(tmp_path / "pictures", 6)
    with project.transaction("Add", undoable=False) as s:
        new = [NewImage(uri=project.uri_of(p), width=64, height=48) for p in paths]
        commands.add_images(s, new)
    window = MainWindow(studio)
    studio.adopt(project)
    window.show()
    person = Person(window, studio)
    page = data_page(person)
    ids = page.model.ids
    page.grid.select_ids(ids[:3])
    person.settle()
    QTest.keyClick(page.grid, Qt.Key.Key_2)
    with project.read() as s:
        classes = {c.id: c.name for c in queries.classes(s)}
        found = queries.annotations_of(s, ids)
    shown = [[classes[a.class_id] for a in found[i]] for i in ids]
    assert shown == [["bad"]] * 3 + [[]] * 3
    assert project.undo_label == "Set class of 3 images"
    QTest.keyClick(page.grid, Qt.Key.Key_1)
    with project.read() as s:
        assert [classes[a.class_id] for a in queries.annotations(s, ids[0])] == ["good"]
    window.close()
    window.deleteLater()
    assert not qt_warnings


def test_enter_opens_the_image_in_label_with_the_image_at_hand(studio_window: Person) -> None:
    page = data_page(studio_window)
    went: list[tuple[str, dict[str, int]]] = []
    studio_window.studio.went.disconnect(studio_window.window._went)
    studio_window.studio.went.connect(lambda name, what: went.append((name, what)))
    page.grid.select_ids([page.model.ids[4]])
    page.grid.setFocus()
    studio_window.key("Return", page.grid)
    assert went == [("label", {"image_id": page.model.ids[4]})]
    assert studio_window.studio.image_id == page.model.ids[4]


def test_the_next_step_follows_the_state_of_the_project(studio_window: Person) -> None:
    page = data_page(studio_window)
    button = page.next_step.button
    assert button.text() == "Review 10 images"
    project = studio_window.project
    with project.transaction("Review") as s:
        commands.set_review(s, image_ids=page.model.ids[:10], review=Review.REVIEWED)
    assert button.text() == "Label 2 images"
    with project.transaction("Review") as s:
        commands.set_review(s, image_ids=page.model.ids[10:], review=Review.EMPTY)
    assert button.text() == "Go to Train"


def test_a_change_on_another_page_is_caught_up_with(studio_window: Person) -> None:
    page = data_page(studio_window)
    page.hidden()
    with studio_window.project.transaction("Remove") as s:
        commands.remove_images(s, ids=page.model.ids[:3])
    assert len(page.model.ids) == 12
    page.shown()
    assert len(page.model.ids) == 9


# -- what is known


def test_statistics_agree_with_the_project(studio_window: Person) -> None:
    page = data_page(studio_window)
    studio_window.until(lambda: page.info.count() == 2 and page.statistics.isVisible())
    facts = page.statistics.facts
    assert facts.counts == {1: 10, 2: 10}
    assert facts.sides.shape == (20, 2)
    assert page.statistics._classes.figure.text() == "20"
    model = page.statistics.split_model
    assert model.data(model.index(3, 0)) == "none"
    assert model.data(model.index(3, 1)) == "12"
    studio_window.idle()
    page.statistics.class_asked.emit(1)
    assert page.filter.class_ids == (1,)


def test_findings_lead_to_their_images(studio_window: Person, tmp_path: Path) -> None:
    page = data_page(studio_window)
    (tmp_path / "pictures" / "slide_3.png").unlink()
    studio_window.trigger("data.health")
    studio_window.idle()
    facts = read_facts(studio_window.project)
    finding = next(f for f in facts.findings if f.kind == "missing file")
    button = studio_window.button(f"Show: {finding.text}")
    studio_window.click(button)
    assert names(page) == ["slide_3.png"]


def test_imbalance_is_said_in_numbers() -> None:
    from cvstudio.core.annotation import LabelClass

    classes = [LabelClass(1, "RBC", "#ffffff"), LabelClass(2, "WBC", "#ffffff")]
    assert imbalance(classes, {1: 4155, 2: 361}) == "11.5 times as many of “RBC” as of “WBC”."
    assert imbalance(classes, {1: 10, 2: 8}) == ""
    assert imbalance(classes, {1: 10, 2: 0}) == ""


def test_the_histogram_counts_every_value(dressed: theme.ThemeKeeper) -> None:
    chart = Histogram("box side, px")
    values = np.concatenate([np.full(50, 3.0), np.full(49, 107.0), [5000.0]])
    chart.show_values(values)
    assert int(chart._counts.sum()) == 100
    chart.show_values(np.zeros(0))
    assert not len(chart._counts)


@pytest.mark.parametrize(("span", "parts", "step"), [(240, 13, 20), (1, 4, 0.3), (2200, 3, 1000)])
def test_axes_have_round_steps(span: float, parts: int, step: float) -> None:
    assert round_step(span, parts) == pytest.approx(step)


# -- pictures


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
    page = data_page(studio_window)
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
    page = data_page(studio_window)
    studio_window.idle()
    (tmp_path / "pictures" / "slide_2.png").write_text("no image", encoding="utf-8")
    image_id = page.model.ids[1]
    page.model.thumbnails.forget([image_id])
    page.grid.viewport().update()
    studio_window.until(lambda: bool(page.model.thumbnails.failure(image_id)))
    tip = page.model.data(page.model.index(1), Qt.ItemDataRole.ToolTipRole)
    assert "slide_2.png" in tip
    assert len(tip.splitlines()) == 4


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
            began = time.perf_counter()
            grid.viewport().repaint()
            times.append(time.perf_counter() - began)
        grid.close()
        grid.deleteLater()
        model.deleteLater()
        return sorted(times)[len(times) // 2]

    few = frame_time(ids[:1000])
    many = frame_time(ids * 5)
    assert len(ids * 5) > 100_000
    assert many < 3 * few + 0.01, (few, many)


def test_the_columns_fill_the_width(studio_window: Person) -> None:
    page = data_page(studio_window)
    grid = page.grid
    for side in (96, 148, 288):
        page.gallery.side.setValue(side)
        studio_window.settle()
        room = grid.viewport().width()
        used = grid.columns * grid.delegate.cell.width()
        assert 0 <= room - used < grid.columns + 1
        first = grid.visualRect(page.model.index(0))
        assert grid.visualRect(page.model.index(grid.columns)).y() > first.y()


# -- import


@pytest.fixture
def coco_folder(tmp_path: Path) -> Path:
    """Six images with a COCO file: a class written in two ways, and one box of no area."""
    folder = tmp_path / "coco"
    paths = make_images(folder / "images", 6)
    data = {
        "images": [
            {"id": n, "file_name": p.name, "width": 64, "height": 48}
            for n, p in enumerate(paths, 1)
        ],
        "categories": [
            {"id": 1, "name": "Platelets"},
            {"id": 2, "name": "platelets"},
            {"id": 3, "name": "dirt"},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 4, 10, 10], "area": 100,
             "iscrowd": 0},
            {"id": 2, "image_id": 2, "category_id": 2, "bbox": [4, 4, 10, 10], "area": 100,
             "iscrowd": 0},
            {"id": 3, "image_id": 3, "category_id": 3, "bbox": [4, 4, 10, 10], "area": 100,
             "iscrowd": 0},
            {"id": 4, "image_id": 3, "category_id": 1, "bbox": [4, 4, 0, 10], "area": 0,
             "iscrowd": 0},
        ],
    }  # fmt: skip
    (folder / "annotations.json").write_text(json.dumps(data), encoding="utf-8")
    return folder


def test_the_import_wizard_shows_problems_matches_classes_and_is_one_step(
    studio_window: Person, coco_folder: Path
) -> None:
    page = data_page(studio_window)
    studio = studio_window.studio
    seen: dict[str, object] = {}

    def drive(dialog: QDialog) -> None:
        assert isinstance(dialog, ImportDialog)
        studio_window.until(lambda: dialog.step == 1)
        studio_window.settle()
        seen["figures"] = [card.figure.text() for card in dialog.check.cards]
        seen["problem"] = dialog.check.table.item(0, 1).text()
        seen["places"] = dialog.check.places.count()
        studio_window.click(dialog.go)
        assert dialog.step == 2
        seen["mapping"] = dialog.classes.mapping()
        dialog.classes.choose("dirt", None)
        studio_window.click(dialog.go)
        assert dialog.split.fractions == pytest.approx((0.7, 0.2, 0.1))
        assert dialog.go.text() == "Import 6 images"
        studio_window.click(dialog.go)
        studio_window.until(lambda: dialog.report is not None)

    studio_window.answer(drive)
    page.open_import([coco_folder])
    assert seen["figures"] == ["6", "3", "3", "1"]
    assert seen["problem"] == "Shapes without area"
    assert seen["places"] == 1
    assert seen["mapping"] == {"Platelets": "Platelets", "platelets": "Platelets", "dirt": "dirt"}
    with studio_window.project.read() as s:
        classes = [c.name for c in queries.classes(s)]
        total = queries.totals(s)
        splits = queries.split_counts(s)
    assert classes == ["RBC", "WBC", "Platelets"]
    assert (total.images, total.annotations) == (18, 22)
    assert sum(n for split, n in splits.items() if split) == 6
    assert len(page.model.ids) == 18
    assert studio_window.project.undo_label == "Import coco"
    studio.undo()
    with studio_window.project.read() as s:
        total = queries.totals(s)
        assert (total.images, total.annotations) == (12, 20)
        assert [c.name for c in queries.classes(s)] == ["RBC", "WBC"]
    assert len(page.model.ids) == 12
    assert len(list(coco_folder.rglob("*.png"))) == 6


def test_an_import_can_copy_and_leaves_nothing_behind_when_cancelled(
    studio_window: Person, coco_folder: Path
) -> None:
    page = data_page(studio_window)

    def drive(dialog: QDialog) -> None:
        assert isinstance(dialog, ImportDialog)
        studio_window.until(lambda: dialog.step == 1)
        dialog._go()
        dialog._go()
        dialog.split.copy_in.setChecked(True)
        studio_window.click(dialog.cancel)

    studio_window.answer(drive)
    page.open_import([coco_folder])
    assert len(page.model.ids) == 12
    assert not list(studio_window.project.path.rglob("*.png"))


def test_a_damaged_label_file_is_refused_in_words(studio_window: Person, coco_folder: Path) -> None:
    page = data_page(studio_window)
    path = coco_folder / "annotations.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: len(text) // 2], encoding="utf-8")
    seen: list[str] = []

    def drive(dialog: QDialog) -> None:
        assert isinstance(dialog, ImportDialog)
        studio_window.until(lambda: dialog.trouble.isVisible() or dialog.step == 1)
        if dialog.trouble.isVisible():
            seen.append(dialog.trouble.text)
        dialog.reject()

    studio_window.answer(drive)
    page.open_import([path])
    assert seen
    assert "annotations.json" in seen[0]
    assert len(page.model.ids) == 12


def test_dropped_images_open_the_wizard(studio_window: Person, tmp_path: Path) -> None:
    paths = make_images(tmp_path / "dropped", 3)
    page = data_page(studio_window)

    def drive(dialog: QDialog) -> None:
        assert isinstance(dialog, ImportDialog)
        studio_window.until(lambda: dialog.step == 1)
        assert dialog.check.cards[0].figure.text() == "3"
        dialog._go()
        assert dialog.step == 3
        dialog._go()
        studio_window.until(lambda: dialog.report is not None)

    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(p)) for p in paths])
    event = QDropEvent(
        QPointF(600, 300), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    studio_window.answer(drive)
    studio_window.window.dropEvent(event)
    studio_window.until(lambda: len(page.model.ids) == 15)


# -- split and export


def test_the_split_dialog_shows_what_would_come_and_is_one_step(studio_window: Person) -> None:
    page = data_page(studio_window)
    seen: list[str] = []

    def drive(dialog: QDialog) -> None:
        assert isinstance(dialog, SplitDialog)
        studio_window.until(lambda: dialog.table.item(0, 1) is not None)
        for spin, value in zip(dialog.shares, (50, 25, 25), strict=True):
            spin.setValue(value)
        assert not dialog.go.isEnabled() or sum(s.value() for s in dialog.shares) == 100
        studio_window.until(lambda: dialog.table.item(0, 1).text() == "6")
        seen.extend(dialog.table.item(line, 1).text() for line in range(4))
        studio_window.click(dialog.go)

    studio_window.answer(drive)
    page.edit_split()
    assert seen == ["6", "3", "3", "12"]
    with studio_window.project.read() as s:
        counts = queries.split_counts(s)
    assert [counts[split] for split in Split] == [6, 3, 3]
    assert studio_window.project.undo_label == "Divide 12 images"
    studio_window.trigger("edit.undo")
    with studio_window.project.read() as s:
        assert queries.split_counts(s)[None] == 12


def test_shares_that_do_not_add_up_are_said_and_refused(studio_window: Person) -> None:
    dialog = SplitDialog(studio_window.window, studio_window.studio)
    dialog.shares[0].setValue(90)
    assert not dialog.go.isEnabled()
    assert "120 %" in dialog._note.text()
    studio_window.idle()
    dialog.reject()
    dialog.deleteLater()


def test_labels_are_exported_for_another_program(studio_window: Person, tmp_path: Path) -> None:
    target = tmp_path / "out"

    def drive(dialog: QDialog) -> None:
        assert isinstance(dialog, ExportDialog)
        dialog.formats.setCurrentIndex(dialog.formats.findData("coco"))
        dialog.path.setText(str(target))
        dialog.export()

    studio_window.answer(drive)
    data_page(studio_window).open_export()
    found = list(target.rglob("*.json"))
    assert found
    content = json.loads(found[0].read_text(encoding="utf-8"))
    assert len(content["images"]) == 10
    assert len(content["annotations"]) == 20


def test_an_export_never_overwrites(studio_window: Person, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep", encoding="utf-8")
    dialog = ExportDialog(studio_window.window, studio_window.studio)
    dialog.path.setText(str(tmp_path / "full"))
    assert not dialog.go.isEnabled()
    dialog.deleteLater()


@pytest.mark.shared_data
def test_real_blood_smears_come_in_and_fill_the_page(
    studio_window: Person, shared_data: Path
) -> None:
    page = data_page(studio_window)

    def drive(dialog: QDialog) -> None:
        assert isinstance(dialog, ImportDialog)
        studio_window.until(lambda: dialog.step == 1)
        assert dialog.check.cards[0].figure.text() == "364"
        assert dialog.check.cards[1].figure.text() == "4,886"
        for _ in range(3):
            dialog._go()
        studio_window.until(lambda: dialog.report is not None)

    studio_window.answer(drive)
    page.open_import([shared_data / "det_bccd"])
    assert len(page.model.ids) == 364 + 12
