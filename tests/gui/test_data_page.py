"""The Data page: gallery, filters, views, many images at once, figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from dialog_hands import press
from person import Person, make_images
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QLabel

from cvstudio.core.annotation import Review, Source, Split, Task
from cvstudio.core.geometry import Box
from cvstudio.gui import theme
from cvstudio.gui.data import filters, reading
from cvstudio.gui.data.page import DataPage
from cvstudio.gui.data.statistics import imbalance, read_facts
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.bar_chart import Histogram, round_step
from cvstudio.gui.widgets.thumbnail_model import ThumbnailModel
from cvstudio.project import commands, queries, tagging
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter, NewImage


def names(page: DataPage) -> list[str]:
    return [page.model.record(row).name for row in range(len(page.model.ids))]  # type: ignore[union-attr]


def counted_beside(page: DataPage, view: str) -> str:
    """The figure beside a view at the left."""
    items = (page.views.views.item(row) for row in range(page.views.views.count()))
    rows = (item.data(Qt.ItemDataRole.UserRole) for item in items)
    return next(str(row.figure) for row in rows if row.key == view)


def reviews(project: Project) -> dict[int, Review]:
    with project.read() as s:
        ids = queries.image_ids(s)
        return {r.id: r.review for r in queries.images(s, ids)}


# -- gallery and filters


def test_the_gallery_shows_every_image_in_natural_order(studio_window: Person) -> None:
    page = studio_window.data_page()
    assert names(page) == [f"slide_{n}.png" for n in range(1, 13)]
    assert page.gallery.count.text() == "12 images"


def test_views_count_images_and_filter_the_gallery(studio_window: Person) -> None:
    page = studio_window.data_page()
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
    page = studio_window.data_page()
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
    page = studio_window.data_page()
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
    page = studio_window.data_page()
    studio_window.trigger("data.filter_text")
    studio_window.type(page.gallery.filter_bar.text, "slide_1")
    assert len(page.model.ids) == 4
    studio_window.type(page.gallery.filter_bar.text, "zzz")
    assert page.gallery.shown_part.currentWidget() is page.gallery.nothing
    assert page.gallery.nothing.words.text() == "No image is named “slide_1zzz”."
    studio_window.click(page.gallery.nothing.button)
    assert len(page.model.ids) == 12
    assert page.gallery.filter_bar.text.text() == ""


def test_a_key_in_the_search_counts_no_view_and_no_class_again(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = studio_window.data_page()
    everything = reading.surroundings
    counted: list[str] = []

    def counting(project: Project) -> reading.Surroundings:
        counted.append(page.gallery.filter_bar.text.text())
        return everything(project)

    monkeypatch.setattr(reading, "surroundings", counting)
    studio_window.type(page.gallery.filter_bar.text, "slide_1")
    assert len(page.model.ids) == 4
    assert counted == []
    with studio_window.project.transaction("Mark") as s:
        commands.set_review(s, image_ids=page.model.ids, review=Review.REVIEWED)
    assert counted == ["slide_1"], "what has changed is counted"
    assert (counted_beside(page, "reviewed"), counted_beside(page, "empty")) == ("2", "2")
    with studio_window.project.transaction("Add a class") as s:
        commands.add_class(s, name="Platelets")
    page.clear_filter()
    assert "Platelets" in page.gallery.filter_bar.text.names["class"]


def test_a_change_made_elsewhere_is_counted_when_a_filter_brings_the_page_back(
    studio_window: Person,
) -> None:
    page = studio_window.data_page()
    ids = page.model.ids[:3]
    studio_window.page("label")
    with studio_window.project.transaction("Mark") as s:
        commands.set_review(s, image_ids=ids, review=Review.REVIEWED)
    studio_window.studio.go_to("data", filter=ImageFilter(reviews=(Review.REVIEWED,)))
    assert page.model.ids == ids
    assert counted_beside(page, "reviewed") == "3"


def test_select_all_asks_for_no_image_by_itself_and_says_what_all_of_them_are(
    studio_window: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    rows = ThumbnailModel.rowCount

    def counting(model: ThumbnailModel, *parent: QModelIndex) -> int:
        asked.append(1)
        return rows(model, *parent)

    monkeypatch.setattr(ThumbnailModel, "rowCount", counting)
    made = Project.create(tmp_path / "large", task=Task.DETECT, classes=["RBC"])
    new = [
        NewImage(f"img {n}.png", 5, 5, split=(Split.TRAIN, Split.VAL)[n % 5 == 0], size=1000)
        for n in range(2500)
    ]
    with made.transaction("Fill") as s:
        ids = commands.add_images(s, new)
        commands.add_annotation(s, image_id=ids[-1], class_id=1, shape=Box(1, 1, 3, 3))
        tagging.tag_images(s, image_ids=ids[2400:], tag="late")
    studio_window.studio.adopt(made)
    page = studio_window.data_page()
    studio_window.until(lambda: page.info.count())
    page.tabs.setCurrentIndex(1)
    told: list[int] = []
    page.grid.selected.connect(lambda chosen: told.append(len(chosen)))
    asked.clear()
    page.grid.selectAll()
    assert len(asked) < 100
    page.grid.clearSelection()
    page.grid.setFocus()
    studio_window.key("Ctrl+A", page.grid)
    assert told == [2500, 0, 2500]
    assert list(studio_window.studio.selection) == list(ids)

    def told_of(*words: str) -> bool:
        labels = page.selection_panel.findChildren(QLabel)
        return set(words) <= {label.text() for label in labels if label.isVisible()}

    studio_window.until(lambda: told_of("Split", "2,000 train, 500 val", "100 late", "2.5 MB"))
    assert page.selection_panel.annotation_count == 1
    page.grid.select_ids([*ids[10:13], *ids[2400:2402], ids[0]])
    assert page.grid.selected_ids() == (ids[0], *ids[10:13], *ids[2400:2402])
    studio_window.until(lambda: told_of("6 images", "3 train, 3 val", "2 late", "6.0 kB"))


def test_a_saved_view_survives_and_is_one_undo_step(studio_window: Person) -> None:
    page = studio_window.data_page()
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
    page = studio_window.data_page()
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
    page = studio_window.data_page()
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
    page = studio_window.data_page()
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
    page = studio_window.data_page()
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
    studio_window.answer(lambda dialog: press("Remove 2 images", dialog))
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
    page = person.data_page()
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
    page = studio_window.data_page()
    went: list[tuple[str, dict[str, int]]] = []
    studio_window.studio.went.disconnect(studio_window.window._went)
    studio_window.studio.went.connect(lambda name, what: went.append((name, what)))
    page.grid.select_ids([page.model.ids[4]])
    page.grid.setFocus()
    studio_window.key("Return", page.grid)
    assert went == [("label", {"image_id": page.model.ids[4]})]
    assert studio_window.studio.image_id == page.model.ids[4]


def test_the_next_step_follows_the_state_of_the_project(studio_window: Person) -> None:
    page = studio_window.data_page()
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
    page = studio_window.data_page()
    page.hidden()
    with studio_window.project.transaction("Remove") as s:
        commands.remove_images(s, ids=page.model.ids[:3])
    assert len(page.model.ids) == 12
    page.shown()
    assert len(page.model.ids) == 9


# -- what is known


def test_the_images_are_on_the_screen_before_anything_is_computed_about_them(
    empty_window: Person, project: Project
) -> None:
    path = project.path
    project.close()
    empty_window.window.hide()
    assert empty_window.window.open_project(path)
    page = empty_window.data_page()
    QTest.qWait(200)
    assert not page.info.count()
    empty_window.window.show()
    empty_window.until(lambda: page.info.count() == 2 and page.statistics.isVisible())


def test_statistics_agree_with_the_project(studio_window: Person) -> None:
    page = studio_window.data_page()
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
    page = studio_window.data_page()
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
