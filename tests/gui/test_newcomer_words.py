"""What a first user stumbled over on Data, Import, Train and Augment."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from person import Person, make_images
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QLabel, QSpinBox
from pytestqt.qtbot import QtBot

from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.geometry import Box
from cvstudio.core.masks import Mask
from cvstudio.core.recipe import Start
from cvstudio.core.words import quoted
from cvstudio.formats.base import ParsedAnnotation, ParsedClass
from cvstudio.gui import dropping, theme
from cvstudio.gui.augment.page import AugmentPage
from cvstudio.gui.data.import_dialog import ImportDialog
from cvstudio.gui.data.page import DataPage
from cvstudio.gui.data.split_dialog import SplitDialog
from cvstudio.gui.train.checks_list import ChecksList
from cvstudio.gui.train.new_run import NewRun
from cvstudio.gui.widgets.bar_chart import Histogram
from cvstudio.project import commands, import_choices, importing, queries
from cvstudio.project.importing import ImportPlan
from cvstudio.project.preflight import Action, Check, Level
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter


def data_page(person: Person) -> DataPage:
    page = person.page("data")
    assert isinstance(page, DataPage)
    person.until(lambda: page.info.count() and page.statistics.facts.classes)
    return page


# -- import


def plan_of(project: Project, folder: Path, count: int, splits: list[Split | None]) -> ImportPlan:
    plan = importing.plan_images(project, make_images(folder, count))
    for place, (image, split) in enumerate(zip(plan.images, splits, strict=True)):
        image.parsed.split = split
        image.parsed.annotations = [ParsedAnnotation("ab"[place % 2], Box(1, 1, 5, 5))]
    plan.classes = [ParsedClass("a"), ParsedClass("b")]
    return plan


def test_a_source_without_val_gets_one_out_of_train_with_every_class(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p", task=Task.DETECT) as project:
        plan = plan_of(project, tmp_path / "i", 12, [Split.TRAIN] * 10 + [Split.TEST] * 2)
        assert list(import_choices.given_splits(plan)) == [Split.TRAIN, Split.TEST]
        assert import_choices.lacks_val(plan) == 2
        assert import_choices.make_val(plan) == 2
        counts = Counter(image.parsed.split for image in plan.images)
        assert counts == {Split.TRAIN: 8, Split.VAL: 2, Split.TEST: 2}
        val = [image for image in plan.images if image.parsed.split is Split.VAL]
        assert {a.class_name for image in val for a in image.parsed.annotations} == {"a", "b"}
        assert import_choices.lacks_val(plan) == 0


@pytest.fixture
def wizard(studio_window: Person, qtbot: QtBot) -> ImportDialog:
    dialog = ImportDialog(studio_window.window, studio_window.studio)
    qtbot.addWidget(dialog)
    return dialog


def test_the_wizard_offers_a_val_part_and_lets_only_those_fields_be_changed_that_count(
    wizard: ImportDialog, project: Project, tmp_path: Path
) -> None:
    step = wizard.split
    step.show_plan(plan_of(project, tmp_path / "i", 6, [Split.TRAIN] * 5 + [Split.TEST]))
    assert step.given.text().endswith("5 train, 1 test")
    assert step.make_val
    assert "about 1 image out of train" in step.val.text()
    assert not any(spin.isEnabled() for spin in step.shares)
    step.given.setChecked(False)
    assert not step.make_val
    assert all(spin.isEnabled() for spin in step.shares)
    whole = [Split.TRAIN, Split.VAL, Split.TEST]
    step.given.setChecked(True)
    step.show_plan(plan_of(project, tmp_path / "j", 3, list(whole)))
    assert not step.make_val
    assert step.given.text().endswith("1 train, 1 val, 1 test")


def test_the_wizard_shows_what_becomes_which_class_and_lets_it_be_named(
    wizard: ImportDialog, project: Project, tmp_path: Path, studio_window: Person
) -> None:
    plan = plan_of(project, tmp_path / "i", 2, [None, None])
    mask = Mask.from_patch(np.ones((5, 5), np.uint8))
    assert mask is not None
    plan.images[0].parsed.annotations = [ParsedAnnotation("foreground", mask)]
    plan.images[1].parsed.annotations = []
    plan.classes = [ParsedClass("foreground"), ParsedClass("never")]
    step = wizard.classes
    step.show_plan(plan, ["RBC"])
    assert not step.preview.isHidden()
    assert step.preview.head.title.text() == plan.images[0].parsed.path.name
    studio_window.until(lambda: len(step.preview.view._items) == 1)
    step.call("foreground", "cell interior")
    assert step.mapping() == {"foreground": "cell interior", "never": "never"}
    assert "(1 class)" in step.without.text()
    step.without.setChecked(True)
    assert step.mapping() == {"foreground": "cell interior", "never": None}
    step.without.setChecked(False)
    assert step.mapping()["never"] == "never"
    wizard.classes.preview.release()


# -- split


def test_divide_proposes_what_a_run_needs_and_leaves_test_alone(
    studio_window: Person, qtbot: QtBot
) -> None:
    project = studio_window.project
    with project.transaction("Split") as s:
        ids = queries.image_ids(s)
        commands.set_split(s, image_ids=ids, split=Split.TRAIN)
        commands.set_split(s, image_ids=ids[:3], split=Split.TEST)
    dialog = SplitDialog(studio_window.window, studio_window.studio, settle=True)
    qtbot.addWidget(dialog)
    studio_window.until(lambda: dialog.go.isEnabled())  # the proposal is there
    assert not dialog.keep.isChecked()
    assert dialog.hold.isChecked()
    dialog._divide()
    with project.read() as s:
        images = queries.images(s, ids)
    assert {r.split for r in images[:3]} == {Split.TEST}
    labelled = Counter(r.split for r in images[3:] if r.review is not Review.UNLABELLED)
    assert labelled[Split.VAL] >= 1
    assert labelled[Split.TRAIN] > labelled[Split.VAL]


def test_closing_divide_goes_back_to_the_page_that_asked(studio_window: Person) -> None:
    page = data_page(studio_window)
    seen: list[str] = []

    def drive(dialog: QDialog) -> None:
        assert isinstance(dialog, SplitDialog)
        seen.append(dialog.objectName())
        dialog.reject()

    studio_window.answer(drive)
    page.arrive(divide="train")
    studio_window.until(lambda: seen == ["split"])
    studio_window.until(lambda: studio_window.window.front.name == "train")  # type: ignore[union-attr]


# -- data


def test_the_selection_follows_what_is_drawn_elsewhere(studio_window: Person) -> None:
    page = data_page(studio_window)
    image_id = page.model.ids[0]
    studio_window.studio.select((image_id,))
    page.tabs.setCurrentIndex(1)
    before = page.selection_panel.annotation_count
    studio_window.page("label")
    with studio_window.project.transaction("Draw") as s:
        commands.add_annotation(s, image_id=image_id, class_id=1, shape=Box(3, 3, 9, 9))
        commands.set_review(s, image_ids=[image_id], review=Review.REVIEWED)
    data_page(studio_window)
    assert page.selection_panel.annotation_count == before + 1
    assert f"{before + 1} annotations in the selection" in studio_window.window.front.status_left  # type: ignore[union-attr]
    rows = [
        page.selection_panel._grid.itemAt(n).widget().text()  # type: ignore[attr-defined]
        for n in range(page.selection_panel._grid.count())
    ]
    assert "reviewed" in rows


def test_nothing_of_the_selection_is_cut_in_a_narrow_window(studio_window: Person) -> None:
    page = data_page(studio_window)
    studio_window.window.resize(1280, 720)
    studio_window.settle()
    studio_window.click(studio_window.button("Unfold the right panel", page))
    page.tabs.setCurrentIndex(1)
    studio_window.studio.select(tuple(page.model.ids))
    studio_window.settle()
    panel = page.selection_panel
    area = panel.parentWidget()
    assert area is not None
    assert panel.width() <= area.width()
    bar = page.gallery.filter_bar
    page.show_filter(ImageFilter(class_ids=(2,)))
    studio_window.settle()
    shown = [b for b in (*bar.buttons.values(), bar.more) if b.isVisible()]
    assert bar.buttons["class_ids"] in shown
    assert all(b.width() >= b.sizeHint().width() for b in shown)
    hidden = [b.facet.title for b in bar.buttons.values() if b.isHidden()]
    offered = [action.text() for action in bar.more_menu().actions()]
    assert all(title in offered or title == "Source" for title in hidden)


def test_the_words_of_the_histogram_take_two_lines_where_one_is_too_short(
    qtbot: QtBot, dressed: theme.ThemeKeeper
) -> None:
    chart = Histogram("box side, px")
    qtbot.addWidget(chart)
    chart.show_values(np.append(np.arange(500.0), 5000.0))
    chart.resize(190, 148)
    assert chart._axis_words() == ["box side, px", "larger ones in the last bar"]
    chart.resize(600, 148)
    assert chart._axis_words() == ["box side, px, larger ones in the last bar"]


def test_the_folded_strip_says_what_it_is_from_the_start_and_opens_by_its_words(
    studio_window: Person,
) -> None:
    studio_window.window.resize(1280, 720)
    page = studio_window.page("data")
    strip = page._tabs["right"]
    assert strip.words == "Project and selection"
    assert page.right is not None
    assert not page.right.isVisible()
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(14, 120))
    studio_window.settle()
    assert page.right.isVisible()


def test_the_pipeline_stays_open_in_a_window_a_few_pixels_short_of_1280(
    studio_window: Person,
) -> None:
    studio_window.window.resize(1272, 700)
    page = studio_window.page("augment")
    assert page.left is not None
    assert page.left.isVisible()


def test_split_figures_say_whether_they_count_images_or_annotations(
    studio_window: Person,
) -> None:
    page = data_page(studio_window)
    assert "annotations of each class" in page.statistics.table_note.text()


def test_every_class_stands_in_quotes_in_a_sentence() -> None:
    assert [quoted(n) for n in ("0", "RBC", "blood_cell", "red cell")] == [
        "“0”", "“RBC”", "“blood_cell”", "“red cell”",
    ]  # fmt: skip


def test_a_drop_names_folders_and_what_stays_out(tmp_path: Path) -> None:
    first, second = tmp_path / "drop", tmp_path / "more"
    first.mkdir()
    second.mkdir()
    notes = tmp_path / "notes.txt"
    notes.touch()
    assert dropping.offer([first]) == "Drop to bring in the folder “drop”"
    assert dropping.offer([first, notes]).endswith("“drop”; “notes.txt” is no image and stays out")
    assert dropping.offer([first, second]) == "Drop to bring in 2 folders"


# -- train and augment


def test_from_scratch_greys_what_only_pretrained_weights_have(qtbot: QtBot) -> None:
    new = NewRun(Task.CLASSIFY)
    qtbot.addWidget(new)
    head = new.form.editors["frozen_epochs"]
    assert isinstance(head, QSpinBox)
    assert head.isEnabled()
    assert head.text() == "1 epoch"
    new.apply({"frozen_epochs": 2})
    assert head.text() == "2 epochs"
    new.apply({"start": Start.SCRATCH})
    for name in ("frozen_epochs", "backbone_rate", "weights_file"):
        assert not new.form.editors[name].isEnabled()
        assert "no pretrained weights" in new.form.editors[name].toolTip()
    new.apply({"start": Start.PRETRAINED})
    assert head.isEnabled()


def test_a_check_that_blocks_says_what_its_ways_out_do(
    qtbot: QtBot, dressed: theme.ThemeKeeper
) -> None:
    checks = ChecksList()
    qtbot.addWidget(checks)
    why = "Download fetches them once."
    way = Action("Download", "weights")
    checks.show_checks([Check(Level.BLOCKING, "No weights", (way,), ways=why)])
    assert why in [part.text() for part in checks.findChildren(QLabel)]


def test_augment_promises_the_number_that_the_next_run_gets(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = studio_window.page("augment")
    assert isinstance(page, AugmentPage)
    monkeypatch.setattr("cvstudio.project.runs.next_number", lambda _project: 7)
    page._name_next_run()
    assert page.next_step.button.text() == "Use for run 7"


def test_a_slow_preview_says_so_and_does_not_show_another_image(studio_window: Person) -> None:
    page = studio_window.page("augment")
    assert isinstance(page, AugmentPage)
    assert page._image is not None
    page._show_busy()
    assert not page.grid.pictures
    assert page._image.title in page.grid._words
    assert "Making nine variants" in page.grid._words
