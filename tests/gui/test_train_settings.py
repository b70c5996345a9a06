"""The form of all settings: found by words, folded by group, marked where changed, taken back."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QDoubleSpinBox, QSpinBox
from pytestqt.qtbot import QtBot

from cvstudio.core.annotation import Task
from cvstudio.core.networks import default_config
from cvstudio.core.recipe import Layers, Loss, Preset, Schedule, Start
from cvstudio.gui import theme
from cvstudio.gui.style import StudioStyle
from cvstudio.gui.train.new_run import NewRun
from cvstudio.gui.train.settings_form import SettingsForm

LEFT = Qt.MouseButton.LeftButton


def opened(qtbot: QtBot, task: Task) -> NewRun:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    if theme._Now.keeper is None:
        theme.ThemeKeeper(application, StudioStyle()).choose("dark")
    made = NewRun(task)
    qtbot.addWidget(made)
    made.resize(336, 3000)
    made.show()
    made.all_link.click()
    return made


@pytest.fixture
def new(qtbot: QtBot) -> NewRun:
    return opened(qtbot, Task.SEGMENT)


def visible(form: SettingsForm) -> set[str]:
    return {name for name, editor in form.editors.items() if editor.isVisibleTo(form)}


def test_the_form_opens_folded_by_group_and_a_click_unfolds_one(new: NewRun) -> None:
    form = new.form
    assert visible(form) == set()
    assert all(section.isVisibleTo(form) for section in form.groups.values())
    qtbot_click(form.groups["Optimiser"].arrow)
    assert {"learning_rate", "optimizer", "schedule"} <= visible(form)
    assert "seed" not in visible(form)
    new.apply({"epochs": 7})
    assert "learning_rate" in visible(form), "what was opened stays open"


def qtbot_click(widget: object) -> None:
    QTest.mouseClick(widget, LEFT)  # type: ignore[call-overload]


def test_typing_finds_settings_by_title_sentence_and_choice(new: NewRun) -> None:
    form = new.form
    QTest.keyClicks(form.search, "warm")
    assert {"warmup_epochs", "schedule"} <= visible(form)
    assert "seed" not in visible(form)
    form.search.clear()
    QTest.keyClicks(form.search, "imbalance xyz")
    assert visible(form) == set()
    assert form.nothing.isVisibleTo(form)
    form.search.clear()
    assert visible(form) == set(), "groups fold again"
    assert not form.nothing.isVisibleTo(form)


def test_what_needs_another_setting_appears_when_that_is_chosen(new: NewRun) -> None:
    form = new.form
    form.open_group("Optimiser")
    form.open_group("Loss")
    assert not {"restart_epochs", "plateau_epochs", "focus", "miss_weight"} & visible(form)
    new.apply({"schedule": Schedule.RESTARTS, "loss": Loss.TVERSKY})
    assert {"restart_epochs", "miss_weight"} <= visible(form)
    assert not {"plateau_epochs", "focus", "label_smoothing"} & visible(form)
    QTest.keyClicks(form.search, "focal loss looks")
    assert "focus" in visible(form), "who looks for it learns what it needs"
    assert not form.editors["focus"].isEnabled()
    assert form.rows["focus"].note.text() == "Only with Loss Focal."


def test_how_layers_thaw_is_asked_only_where_several_quarters_learn(new: NewRun) -> None:
    form = new.form
    form.open_group("Weights")
    thawing = {"frozen_epochs", "thaw_epochs", "backbone_rate", "quarter_rate"}
    assert thawing <= visible(form)
    new.apply({"layers": Layers.LAST})
    assert thawing & visible(form) == {"frozen_epochs", "backbone_rate"}
    new.apply({"layers": Layers.HEAD})
    assert not thawing & visible(form)
    QTest.keyClicks(form.search, "thaw a quarter")
    assert form.rows["thaw_epochs"].note.text() == "Only with Layers that learn All."
    assert not form.editors["thaw_epochs"].isEnabled()


def test_a_value_out_of_the_run_s_reach_says_so_and_can_still_be_changed(new: NewRun) -> None:
    new.apply({"epochs": 8, "patience": 9})
    row = new.form.rows["patience"]
    assert row.note.text() == "No effect now: the run has 8 epochs."
    assert row.editor.isEnabled()
    new.apply({"patience": 4})
    assert "No effect" not in row.note.text()


def test_from_scratch_the_settings_of_pretrained_weights_are_gone(new: NewRun) -> None:
    new.form.open_group("Weights")
    assert "backbone_rate" in visible(new.form)
    new.apply({"start": Start.SCRATCH})
    assert "backbone_rate" not in visible(new.form)


def test_a_changed_setting_is_marked_counted_and_taken_back_with_one_click(new: NewRun) -> None:
    form = new.form
    form.open_group("Length")
    usual = new.config.epochs
    row = form.rows["epochs"]
    assert not row.back.isVisibleTo(form)
    assert not form.all_back.isVisibleTo(form)
    editor = form.editors["epochs"]
    assert isinstance(editor, QSpinBox)
    editor.setValue(usual + 5)
    assert row.mark.isVisibleTo(form)
    assert row.mark.toolTip() == f"Balanced has {usual}"
    assert form.groups["Length"].header.figure.text() == "1 changed"
    qtbot_click(row.back)
    assert new.config.epochs == usual == editor.value()
    assert not row.mark.isVisibleTo(form)
    assert form.groups["Length"].header.figure.text() == ""


def test_only_the_changed_settings_can_be_shown_and_all_taken_back(new: NewRun) -> None:
    form = new.form
    new.apply({"epochs": 3, "seed": 9, "mosaic": 0.5})
    assert form.only_changed.text() == "Only 3 changed settings"
    form.only_changed.click()
    assert visible(form) == {"epochs", "seed", "mosaic"}
    qtbot_click(form.all_back)
    assert visible(form) == set()
    assert (new.config.seed, new.config.mosaic) == (0, 0)
    form.only_changed.click()
    assert not form.only_changed.isVisibleTo(form)


def test_what_stands_above_the_form_counts_as_changed_and_goes_back_with_the_rest(
    new: NewRun,
) -> None:
    form, image_size = new.form, new.config.image_size
    new.image_size.setValue(64)
    new.apply({"epochs": 3})
    assert form.only_changed.text() == "Only 2 changed settings"
    form.only_changed.click()
    assert visible(form) == {"image_size", "epochs"}
    form.only_changed.click()
    assert visible(form) == set(), "not twice while nothing is looked for"
    QTest.keyClicks(form.search, "image size")
    assert "image_size" in visible(form)
    form.search.clear()
    qtbot_click(form.all_back)
    assert new.config.image_size == new.image_size.value() == image_size
    assert not form.only_changed.isVisibleTo(form)


def test_the_setting_that_has_the_focus_is_explained_where_it_can_be_read(new: NewRun) -> None:
    form, told = new.form, list[str]()
    form.explained.connect(told.append)
    new.activateWindow()
    form.open_group("Optimiser")
    form.editors["warmup_epochs"].setFocus()
    QTest.qWait(1)
    assert told[-1] == ("Warm-up: The learning rate rises from zero during the first epochs.")
    new.augment.setFocus()
    QTest.qWait(1)
    assert told[-1] == ""


def test_zero_is_said_in_words_and_shares_move_by_round_steps(new: NewRun) -> None:
    editors = new.form.editors
    patience, mosaic = editors["patience"], editors["mosaic"]
    assert isinstance(patience, QSpinBox)
    assert isinstance(mosaic, QDoubleSpinBox)
    new.apply({"patience": 0})
    assert patience.text() == "Never"
    assert mosaic.text() == "Off"
    mosaic.stepBy(3)
    assert new.config.mosaic == pytest.approx(0.3)
    rate = editors["learning_rate"]
    assert isinstance(rate, QDoubleSpinBox)
    rate.stepBy(1)
    assert new.config.learning_rate == pytest.approx(0.0013, abs=1e-4)


def test_choices_are_words_and_each_row_says_what_the_preset_has(new: NewRun) -> None:
    loss = new.form.editors["loss"]
    assert isinstance(loss, QComboBox)
    assert "Lovász" in [loss.itemText(place) for place in range(loss.count())]
    new.apply({"loss": Loss.LOVASZ, "compile": True})
    assert new.form.rows["loss"].back.toolTip() == "Back to the preset: Standard"
    assert new.form.rows["compile"].mark.toolTip() == "Balanced has it off"


@pytest.mark.parametrize("task", list(Task))
def test_no_row_is_cut_at_the_width_of_the_panel(qtbot: QtBot, task: Task) -> None:
    new = opened(qtbot, task)
    form = new.form
    for group in form.groups:
        form.open_group(group)
    new.apply({"seed": 5})
    QApplication.processEvents()
    assert form.minimumSizeHint().width() <= 304
    for row in form.rows.values():
        if row.isVisibleTo(form):
            assert row.words.height() >= row.words.heightForWidth(row.words.width()), row.title
            right = row.back.mapTo(form, row.back.rect().topRight()).x()
            assert right <= form.width(), row.title


@pytest.mark.parametrize("task", list(Task))
def test_the_form_fits_the_panel_also_beside_a_scroll_bar(qtbot: QtBot, task: Task) -> None:
    new = opened(qtbot, task)
    new.set_batch_note("fits in memory", "muted")
    new.set_times(dict.fromkeys(Preset, "about 35 min"), "Times from the speed of run 2.")
    new.apply({"seed": 5})
    assert new.minimumSizeHint().width() <= 336 - 12


@pytest.mark.parametrize("images", [50, 5000])
@pytest.mark.parametrize("before", [None, 5000])
def test_the_settings_of_an_earlier_run_are_taken_over_whatever_the_preset_has_now(
    qtbot: QtBot, images: int, before: int | None
) -> None:
    new = opened(qtbot, Task.DETECT)
    new.set_image_count(images)
    config = default_config(Task.DETECT, image_count=before)
    new.take(config)
    assert new.config.model_dump() == config.model_dump()
