"""Augment as a person uses it: the real window, the real live process, a real project."""

from __future__ import annotations

import numpy as np
import pytest
from augment_hands import pictures_come
from patience import until
from person import Person
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from cvstudio.core.annotation import Review
from cvstudio.core.pipeline import Step
from cvstudio.gui.augment.page import AugmentPage
from cvstudio.gui.augment.pipeline import PipelineModel
from cvstudio.gui.widgets.param_form import _NumberRow, _RangeRow
from cvstudio.gui.widgets.range_slider import RangeSlider
from cvstudio.project import commands, queries, steps
from cvstudio.project.pipeline import draft, pipeline
from cvstudio.project.project import Project


@pytest.fixture
def page(augment_page: AugmentPage) -> AugmentPage:
    return augment_page


def titles(page: AugmentPage) -> list[str]:
    return [getattr(item, "transform", "") for item in page.pipeline.steps]


def parameters(page: AugmentPage, place: int) -> dict[str, object]:
    step = page.pipeline.steps[place]
    assert isinstance(step, Step)
    return step.parameters


def test_nine_variants_of_a_labelled_image_appear_with_their_boxes(
    page: AugmentPage, studio_window: Person
) -> None:
    assert len(page.grid.pictures) == 9
    assert page._image is not None
    with studio_window.project.read() as s:
        labels = queries.annotations(s, page._image.id)
    assert page._image.review in (Review.LABELLED, Review.REVIEWED)
    for picture in page.grid.pictures:
        assert picture.kept + picture.lost == len(labels)
        assert len(picture.items) == picture.kept
        assert picture.caption
    assert page.original_head.figure.text().startswith(str(len(labels)))
    assert page.next_step.button.text() == "Use for run 1"
    assert "9 variants in" in " ".join(page.status_left)


def test_an_edit_changes_the_pictures_and_can_be_undone(
    page: AugmentPage, studio_window: Person
) -> None:
    before = page.pipeline.steps
    place = titles(page).index("affine")
    page.side.steps.setCurrentIndex(page.side.steps.model().index(place, 0))
    row = page.side.form.rows["rotation"]
    assert isinstance(row, _RangeRow)
    row.low.setFocus()
    row.low.selectAll()
    QTest.keyClicks(row.low, "-40")
    QTest.keyClick(row.low, Qt.Key.Key_Return)
    assert page.pipeline.step is not None
    assert page.pipeline.step.parameters["rotation"][0] == -40
    assert page.side.preset.currentText() == "Standard (changed)"
    assert draft(studio_window.project).steps == page.pipeline.steps
    pictures_come(page)
    assert studio_window.project.undo_label == "Change rotation"
    studio_window.trigger("edit.undo")
    assert page.pipeline.steps == before
    assert row.low.text() == "\N{MINUS SIGN}8°"
    assert page.side.preset.currentText() == "Standard"
    studio_window.trigger("edit.redo")
    assert page.pipeline.steps != before


def count(project: Project) -> int:
    with project.read() as s:
        return steps.count(s)


def test_a_dragged_slider_is_one_undo_step(page: AugmentPage, studio_window: Person) -> None:
    row = page.side.form.rows["chance"]
    assert isinstance(row, _NumberRow)
    before = count(studio_window.project)
    row.slider.setSliderDown(True)
    for value in (55, 60, 65, 70):
        row.slider.setSliderPosition(value)
    assert page.pipeline.steps[0].chance == 0.7
    assert draft(studio_window.project).steps[0].chance == 0.5
    row.slider.setSliderDown(False)
    assert draft(studio_window.project).steps[0].chance == 0.7
    assert count(studio_window.project) == before + 1


def test_steps_are_switched_moved_and_removed_by_keys(
    page: AugmentPage, studio_window: Person
) -> None:
    names = titles(page)
    page.side.steps.setFocus()
    page.side.steps.setCurrentIndex(page.side.steps.model().index(0, 0))
    studio_window.key("Space", page.side.steps)
    assert not page.pipeline.steps[0].enabled
    studio_window.key("Alt+Down", page.side.steps)
    assert titles(page)[:2] == [names[1], names[0]]
    assert page.pipeline.selected == (1,)
    studio_window.key("Delete", page.side.steps)
    assert titles(page) == [names[1], *names[2:]]
    assert page.side.head.figure.text().startswith(f"{len(names) - 1} steps on")


def test_a_step_is_dragged_to_another_place(page: AugmentPage) -> None:
    names = titles(page)
    data = QMimeData()
    data.setData("application/x-cvstudio-step", b"0")
    height = page.side.steps.sizeHintForRow(0)
    event = QDropEvent(
        QPointF(20, 3 * height + 2), Qt.DropAction.MoveAction, data,
        Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    moves: list[tuple[object, object]] = []
    page.side.steps.moved.connect(lambda a, b: moves.append((a, b)))
    page.side.steps.dropEvent(event)
    # Without a source the drop came from elsewhere and changes nothing.
    assert titles(page) == names
    assert moves == []
    page.side.steps.moved.emit((0,), (3,))
    assert titles(page) == [names[1], names[2], names[0], *names[3:]]


def test_a_transform_is_found_and_added(page: AugmentPage, studio_window: Person) -> None:
    count = len(page.pipeline.steps)
    studio_window.trigger("augment.add")
    assert page.side.catalogue.isVisible()
    QTest.keyClicks(page.side.catalogue.search, "shot photon")
    QTest.keyClick(page.side.catalogue.search, Qt.Key.Key_Return)
    assert not page.side.catalogue.isVisible()
    assert len(page.pipeline.steps) == count + 1
    assert page.pipeline.step is not None
    assert page.pipeline.step.transform == "shot_noise"
    assert page.side.step_head.title.text() == "Shot noise"
    assert studio_window.project.undo_label == "Add shot noise"
    page.side.catalogue.filter("there is none of that")
    assert page.side.catalogue.list.count() == 1


def test_worth_a_look_offers_a_remedy_that_works(page: AugmentPage) -> None:
    place = titles(page).index("affine")
    page.pipeline.select((place,))
    page.pipeline.set_value("rotation", [-45, 45])
    texts = [advice.text for advice in page.advice.advice]
    assert any("Boxes grow" in text and "41" in text for text in texts)
    button = next(b for b in page.advice.findChildren(QPushButton) if b.text() == "Limit to ±10°")
    button.click()
    assert parameters(page, place)["rotation"] == [-10, 10]
    assert not any("Boxes grow" in advice.text for advice in page.advice.advice)


def test_trial_images_are_counted(page: AugmentPage) -> None:
    until(lambda: page._trials.total)
    assert page._trials.total >= 200
    assert page._trials.count == 200
    assert page.outcomes.figures["whole"][0].text() == f"{page._trials.outcomes['whole']:,}"


def test_the_pipeline_is_given_to_the_next_run(page: AugmentPage, studio_window: Person) -> None:
    page.pipeline.add("invert")
    assert "invert" not in [
        getattr(s, "transform", "") for s in pipeline(studio_window.project).steps
    ]
    went: list[str] = []
    studio_window.studio.went.disconnect()
    studio_window.studio.went.connect(lambda name, what: went.append(name))
    page._use()
    assert pipeline(studio_window.project).steps == page.pipeline.steps
    assert went == ["train"]


def test_the_same_seed_shows_the_same_variants(page: AugmentPage, studio_window: Person) -> None:
    first = [picture.caption for picture in page.grid.pictures]
    studio_window.trigger("augment.again")
    pictures_come(page)
    assert [picture.caption for picture in page.grid.pictures] != first
    page.bar.seed.setValue(0)
    pictures_come(page)
    assert [picture.caption for picture in page.grid.pictures] == first


def test_arrows_choose_a_variant_and_o_shows_the_original(
    page: AugmentPage, studio_window: Person
) -> None:
    page.grid.setFocus()
    for keys in ("Right", "Right", "Down"):
        studio_window.key(keys, page.grid)
    assert page.grid.selected == 4
    assert page.status_left[0] == "Variant 5 selected"
    untouched = page.grid.grab().toImage()
    QTest.keyPress(page.grid, Qt.Key.Key_O)
    held = page.grid.grab().toImage()
    assert held != untouched
    QTest.keyRelease(page.grid, Qt.Key.Key_O)
    assert page.grid.grab().toImage() == untouched


def test_boxes_can_be_hidden(page: AugmentPage) -> None:
    shown = page.grid.grab().toImage()
    page.bar.show_boxes.setChecked(False)
    assert page.grid.grab().toImage() != shown


def test_a_pipeline_is_saved_under_a_name(page: AugmentPage) -> None:
    page.pipeline.add("blur")
    page.pipeline.save("Smears")
    assert page.side.preset.currentText() == "Smears"
    page.pipeline.choose(next(p for p in page.pipeline.choices if p.name == "None"))
    assert page.pipeline.steps == ()
    assert "Nothing is changed" in page.advice.advice[0].text
    page.pipeline.choose(next(p for p in page.pipeline.choices if p.name == "Smears"))
    assert "blur" in titles(page)


def test_without_a_label_the_page_says_what_to_do(page: AugmentPage, studio_window: Person) -> None:
    with studio_window.project.transaction("Clear") as s:
        ids = queries.image_ids(s)
        labels = queries.annotations_of(s, ids)
        everything = [a.id for found in labels.values() for a in found]
        commands.delete_annotations(s, ids=everything)
        commands.set_review(s, image_ids=ids, review=Review.UNLABELLED)
    assert page.stack.currentWidget() is page.empty
    studio_window.trigger("edit.undo")
    assert page.stack.currentWidget() is page.grid
    pictures_come(page)


def test_an_image_that_is_gone_is_told_in_words(page: AugmentPage, studio_window: Person) -> None:
    assert page._image is not None
    path = studio_window.project.image_path(page._image)
    away = path.with_suffix(".away")
    path.rename(away)
    page.bar.seed.setValue(5)
    until(lambda: page.stack.currentWidget() is page.trouble)
    assert path.name in page.trouble.words.text()
    away.rename(path)
    page.trouble.button.click()
    pictures_come(page)
    assert page.stack.currentWidget() is page.grid


def test_both_handles_of_a_range_are_reached_by_tab_and_moved_by_keys(
    studio_window: Person,
) -> None:
    slider = RangeSlider(-10, 10, step=1)
    slider.set_values(-4, 4)
    slider.resize(200, 28)
    slider.show()
    seen: list[tuple[float, float]] = []
    slider.changed.connect(lambda low, high: seen.append((low, high)))
    QTest.keyClick(slider, Qt.Key.Key_Left)
    QTest.keyClick(slider, Qt.Key.Key_Tab)
    QTest.keyClick(slider, Qt.Key.Key_PageUp)
    assert seen == [(-5, 4), (-5, 10)]
    QTest.keyClick(slider, Qt.Key.Key_Home)
    assert slider.values == (-5, -5)  # handles do not pass each other
    moved: list[tuple[float, float]] = []
    slider.changing.connect(lambda low, high: moved.append((low, high)))
    at = QPoint(round(slider._place(-5)), 14)
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, pos=at + QPoint(1, 0))
    QTest.mouseMove(slider, QPoint(round(slider._place(6)), 14))
    QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=QPoint(round(slider._place(6)), 14))
    assert slider.values == (-5, 6)
    assert moved[-1] == (-5, 6)
    slider.deleteLater()


def test_a_stored_pipeline_that_cannot_be_used_is_told_and_replaced(
    page: AugmentPage, studio_window: Person
) -> None:
    told: list[str] = []
    studio_window.studio.toasted.connect(lambda toast: told.append(toast.text))
    with studio_window.project.transaction("Break") as s:
        value = {"name": "Old", "steps": [{"transform": "gone"}]}
        commands.set_setting(s, "augmentation draft", value)
    assert any("no transform called gone" in text for text in told)
    assert isinstance(page.pipeline, PipelineModel)
    assert np.all([name != "gone" for name in titles(page)])
