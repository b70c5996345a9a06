"""Groups, automatic changes, strengths, times and files on Augment, by mouse and keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from augment_hands import pictures_come, waits
from patience import until
from person import Person
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QMenu, QPushButton

from cvstudio.augment.catalogue import make_step
from cvstudio.augment.editing import flat
from cvstudio.augment.summary import step_title
from cvstudio.core.pipeline import Automatic, Group, GroupKind, Step
from cvstudio.gui import theme
from cvstudio.gui.augment.page import AugmentPage
from cvstudio.gui.widgets.param_form import _NumberRow
from cvstudio.project.pipeline import draft


@pytest.fixture
def page(augment_page: AugmentPage) -> AugmentPage:
    augment_page.pipeline.replace("Begin", (make_step("blur"), make_step("gamma")))
    augment_page.pipeline.select((0,))
    return augment_page


def rows(page: AugmentPage) -> list[str]:
    """The rows of the list, those of a group indented."""
    return [
        ("  " if len(place) == 2 else "") + step_title(item)
        for place, item in flat(page.pipeline.steps)
    ]


def add(page: AugmentPage, person: Person, words: str) -> None:
    """Find something in the catalogue and add it by Enter."""
    person.trigger("augment.add")
    QTest.keyClicks(page.side.catalogue.search, words)
    QTest.keyClick(page.side.catalogue.search, Qt.Key.Key_Return)


def test_a_group_is_made_filled_and_left_by_keys(page: AugmentPage, studio_window: Person) -> None:
    steps = page.side.steps
    steps.setFocus()
    studio_window.key("Ctrl+G")
    assert rows(page) == ["One of these", "  Blur", "Gamma"]
    steps.setCurrentIndex(steps.model().index(2, 0))
    studio_window.key("Alt+Up", steps)
    assert rows(page) == ["One of these", "  Blur", "  Gamma"]
    assert page.pipeline.selected == (0, 1)
    assert page.side.form.rows["chance"].title.text() == "Weight"
    studio_window.key("Alt+Up", steps)
    assert rows(page) == ["One of these", "  Gamma", "  Blur"]
    studio_window.key("Alt+Up", steps)
    assert rows(page) == ["Gamma", "One of these", "  Blur"]
    studio_window.trigger("edit.undo")
    assert rows(page) == ["One of these", "  Gamma", "  Blur"]
    assert draft(studio_window.project).steps == page.pipeline.steps
    studio_window.key("Ctrl+Shift+G", steps)
    assert rows(page) == ["Gamma", "Blur"]


def test_weights_and_places_in_groups_are_read_out(
    page: AugmentPage, studio_window: Person
) -> None:
    page.pipeline.group(GroupKind.ONE_OF)
    page.pipeline.add("sharpen")
    page.pipeline.set_value("chance", 25)
    model = page.side.steps.model()
    role = Qt.ItemDataRole.AccessibleTextRole
    assert "in a group" in model.index(1, 0).data(role)
    assert "67\N{NO-BREAK SPACE}%" in model.index(1, 0).data(role)
    assert "33\N{NO-BREAK SPACE}%" in model.index(2, 0).data(role)


def test_a_step_is_dropped_into_a_group_and_out_of_it(
    page: AugmentPage, studio_window: Person
) -> None:
    page.pipeline.group(GroupKind.SOME_OF)
    steps = page.side.steps
    height = theme.size("row_two_lines")
    assert rows(page) == ["Some of these", "  Blur", "Gamma"]
    assert steps.place_at(80, 2 * height + 2) == (0, 1)  # as far right as the group's steps
    assert steps.place_at(10, 2 * height + 2) == (1,)
    assert steps.place_at(10, height) == (0, 0)
    assert steps.place_at(80, 0) == (0,)
    steps.moved.emit((1,), steps.place_at(80, 2 * height + 2))
    assert rows(page) == ["Some of these", "  Blur", "  Gamma"]
    steps.moved.emit((0, 0), steps.place_at(10, 99 * height))
    assert rows(page) == ["Some of these", "  Gamma", "Blur"]


def test_the_menu_of_a_step_offers_what_can_be_done(
    page: AugmentPage, studio_window: Person
) -> None:
    page.side.steps.menu_wanted.emit(page.side.steps.mapToGlobal(QPoint(40, 10)))
    menu = next(m for m in page.side.findChildren(QMenu) if m.isVisible())
    words = {act.text(): act for act in menu.actions() if act.text()}
    assert list(words) == ["Switch off", "Move up", "Move down", "Put into a group", "Remove"]
    assert not words["Move up"].isEnabled()
    words["Move down"].trigger()
    menu.close()
    assert rows(page) == ["Gamma", "Blur"]


def test_groups_and_automatic_changes_are_found_in_the_catalogue(
    page: AugmentPage, studio_window: Person
) -> None:
    add(page, studio_window, "automatic changes")
    assert isinstance(page.pipeline.item, Automatic)
    assert list(page.side.form.rows) == ["strength", "count", "chance", "colour"]
    add(page, studio_window, "group exactly one")
    assert isinstance(page.pipeline.item, Group)
    add(page, studio_window, "unsharp")
    assert page.pipeline.selected == (2, 0)  # into the group that was selected
    add(page, studio_window, "RandomGravel")  # by the name it has in albumentations
    assert rows(page)[-3:] == ["  Unsharp mask", "  Gravel", "Gamma"]


def test_what_is_not_offered_is_told_with_the_reason_and_cannot_be_chosen(
    page: AugmentPage, studio_window: Person
) -> None:
    before = page.pipeline.steps
    catalogue = page.side.catalogue
    catalogue.filter("mosaic")
    texts = [catalogue.list.item(row).text() for row in range(catalogue.list.count())]
    assert texts == ["Not offered, and why", "Mosaic"]
    assert "Joins several images" in catalogue.list.item(1).toolTip()
    catalogue.list.itemClicked.emit(catalogue.list.item(1))
    catalogue.filter("shuffle tiles")  # there is one, but not to detect
    assert "no single place" in catalogue.list.item(1).toolTip()
    catalogue.list.itemClicked.emit(catalogue.list.item(1))
    assert page.pipeline.steps == before


def test_one_slider_sets_the_strength_of_automatic_changes(
    page: AugmentPage, studio_window: Person
) -> None:
    page.pipeline.replace("Automatic", (Automatic(strength=0.0),))
    until(lambda: not waits(page))
    assert {picture.caption for picture in page.grid.pictures} == {"unchanged"}
    row = page.side.form.rows["strength"]
    assert isinstance(row, _NumberRow)
    row.slider.setSliderDown(True)
    row.slider.setSliderPosition(80)
    pictures_come(page)
    row.slider.setSliderDown(False)
    assert all(picture.caption != "unchanged" for picture in page.grid.pictures)
    item = page.pipeline.item
    assert isinstance(item, Automatic)
    assert item.strength == 0.8
    assert studio_window.project.undo_label == "Change strength"
    studio_window.key("Ctrl+Shift+G", page.side.steps)
    assert rows(page)[0] == "Some of these"
    assert len(rows(page)) > 10


def test_what_each_step_costs_stands_beside_it(page: AugmentPage, studio_window: Person) -> None:
    page.pipeline.replace("Times", (make_step("elastic"), make_step("invert", chance=1.0)))
    list_ = page.side.steps
    until(lambda: list_._steps.time((0,)) and list_._steps.time((1,)))
    assert set(list_._steps.times) == {(0,), (1,)}
    # An elastic warp takes milliseconds; inverting so few that a busy computer can hide them.
    assert list_._steps.times[0,] > list_._steps.times[1,] >= 0
    assert "\N{NO-BREAK SPACE}ms" in page.side.head.figure.text()

    def shown() -> list[str]:
        return [list_._steps.time((place,)).replace("\N{NO-BREAK SPACE}", " ") for place in (0, 1)]

    page.preview.timed.emit({(0,): 12.0, (1,): 3.0}, 15.5)  # measured figures differ each time
    assert shown() == ["12 ms", "3.0 ms"]
    page.preview.timed.emit({(0,): 12.0, (1,): 0.0}, 12.0)
    assert shown() == ["12 ms", "< 0.1 ms"]
    assert "It takes" in list_.model().index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    page.pipeline.remove((0,))
    assert list_._steps.time((0,)) == ""  # nobody has measured what stands there now


def test_a_step_is_seen_from_weak_to_strong_and_a_strength_is_taken_over(
    page: AugmentPage, studio_window: Person
) -> None:
    page.pipeline.replace("Turn", (make_step("affine", rotation=[-5, 5]), make_step("invert")))
    page.pipeline.select((0,))
    studio_window.key("L")
    ladder = page.ladder
    until(lambda: ladder.rows)
    assert page.stack.currentWidget() is ladder
    assert [row.title for row in ladder.rows] == ["All together", "Rotation", "Scale", "Shift"]
    assert ladder.rows[1].now == 0
    assert ladder.rows[1].words == ("±9°", "±27°", "±63°", "±117°", "±180°")
    lost = [sum(p.lost for p in row.pictures) for row in ladder.rows]
    assert lost[2] > 0  # scaling up pushes objects out
    place = ladder.cell(1, 1).center()
    QTest.mouseClick(ladder, Qt.MouseButton.LeftButton, pos=place)
    step = page.pipeline.step
    assert step is not None
    assert step.parameters["rotation"] == [-27, 27]
    assert studio_window.project.undo_label == "Take strength of rotate, scale and shift"
    until(lambda: ladder.rows[1].now == 1)
    ladder.setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Return):
        QTest.keyClick(ladder, key)
    assert page.pipeline.step is not None
    assert page.pipeline.step.parameters["rotation"] == [-63, 63]
    page.pipeline.select((1,))
    assert "one strength only" in ladder._words
    assert ladder.rows == []
    studio_window.key("L")
    assert page.stack.currentWidget() is page.grid
    assert not page.rising


def test_a_step_that_loses_most_objects_is_named_and_marked(
    page: AugmentPage, studio_window: Person
) -> None:
    page.pipeline.replace("Crop", (make_step("blur"), make_step("crop", chance=1.0, area=[5, 10])))
    until(lambda: any("lost at the border" in a.text for a in page.advice.advice))
    advice = next(a for a in page.advice.advice if "lost at the border" in a.text)
    assert "by crop and enlarge" in advice.text
    assert "of 200 images" in advice.text
    assert advice.place == (1,)
    assert page.side.steps._steps.warned == {(1,)}
    page.advice.wanted.emit(advice)
    step = page.pipeline.steps[1]
    assert isinstance(step, Step)
    assert step.parameters["area"] == [80, 80]


def test_a_transform_that_the_task_cannot_use_is_told_and_taken_out(
    page: AugmentPage, studio_window: Person
) -> None:
    page.pipeline.replace("Tiles", (make_step("blur"), make_step("shuffle_tiles")))
    advice = page.advice.advice[0]
    assert advice.blocks
    assert "Training to detect cannot use shuffle tiles" in advice.text
    button = next(b for b in page.advice.findChildren(QPushButton) if b.text() == "Take it out")
    button.click()
    assert rows(page) == ["Blur"]


def test_a_pipeline_goes_to_a_file_and_comes_back(
    page: AugmentPage, studio_window: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = Group(group=GroupKind.ONE_OF, chance=0.6, steps=(make_step("jpeg"), make_step("blur")))
    steps = (make_step("flip_horizontal", chance=0.3), group)
    page.pipeline.replace("Mine", steps)
    file = tmp_path / "mine.yaml"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    told: list[str] = []
    studio_window.studio.toasted.connect(lambda toast: told.append(toast.text))
    studio_window.trigger("augment.export")
    until(lambda: told)  # the file is there before all of it is written
    assert told == ["The pipeline was written to mine.yaml."]
    assert "HorizontalFlip" in file.read_text()
    page.pipeline.choose(next(p for p in page.pipeline.choices if p.name == "None"))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    studio_window.trigger("augment.import")
    until(lambda: len(page.pipeline.steps) == 2)
    assert page.pipeline.steps == steps
    assert page.pipeline.name == "mine"
    assert studio_window.project.undo_label == "Read 2 steps from mine.yaml"
    studio_window.trigger("edit.undo")
    assert page.pipeline.steps == ()


def test_what_a_file_holds_and_the_catalogue_does_not_is_listed(
    page: AugmentPage, studio_window: Person, tmp_path: Path
) -> None:
    file = tmp_path / "strange.json"
    file.write_text(
        '{"transform": {"__class_fullname__": "Compose", "p": 1, "transforms": ['
        '{"__class_fullname__": "Lambda", "p": 1}, {"__class_fullname__": "ToGray", "p": 0.2}]}}'
    )
    page.files.read_from(file)
    until(lambda: page.files.notes is not None)
    notes = page.files.notes
    assert notes is not None
    texts = " ".join(child.text() for child in notes.findChildren(type(page.original_head.title)))
    assert "Lambda was left out. Runs code" in texts
    assert rows(page) == ["Remove colour"]
    assert page.side.preset.currentText() == "strange (not saved)"
    notes.accept()
    told: list[str] = []
    studio_window.studio.toasted.connect(lambda toast: told.append(toast.text))
    file.write_text("not a pipeline")
    page.files.read_from(file)
    until(lambda: told)
    assert "strange.json is not a pipeline of albumentations" in told[0]
    assert rows(page) == ["Remove colour"]
