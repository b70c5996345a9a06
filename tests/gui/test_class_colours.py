"""Class colours can be told apart without full colour vision, and are chosen from a menu."""

import pytest
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QMenu, QWidget
from pytestqt.qtbot import QtBot

from cvstudio.core.annotation import LabelClass
from cvstudio.core.colour_sight import SIGHTS, least_difference
from cvstudio.gui import theme
from cvstudio.gui.class_colours import fill_colours, spread_question
from cvstudio.gui.widgets.swatch import swatch_icon


@pytest.mark.parametrize("sight", SIGHTS)
def test_no_two_of_the_twelve_look_alike(sight):
    colours = [entry["hex"] for entry in theme.tokens()["label_classes"]["colours"]]
    least = theme.tokens()["label_classes"]["at_least"][sight]
    assert len(colours) == 12
    assert least_difference(colours, sight) >= least


def offered(menu: QMenu) -> list[str]:
    return [action.text() for action in menu.actions() if action.text()]


def test_a_menu_of_colours_offers_one_that_no_class_has_and_gives_what_is_chosen(
    qtbot: QtBot, dressed: theme.ThemeKeeper
) -> None:
    classes = [LabelClass(1, "Cell", "#F73C62"), LabelClass(2, "Nucleus", "#688BF6")]
    given: list[str] = []
    over = QWidget()
    qtbot.addWidget(over)
    menu = QMenu(over)
    fill_colours(menu, classes[0], classes, give=given.append, over=over)
    words = offered(menu)
    assert len(words) == 14
    assert words[0] == "Coral red"
    for action in menu.actions():
        if action.text() in ("Blue", "Least like all others"):
            action.trigger()
    assert given[0] == "#688BF6"
    assert given[1] not in {c.colour for c in classes}


def test_the_question_names_three_classes_and_counts_the_others() -> None:
    classes = {id: LabelClass(id, f"Class {id}", "#F73C62") for id in range(1, 7)}
    title, text = spread_question({2: "#000000"}, classes)
    assert title == "Give 1 class another colour?"
    assert text.startswith("“Class 2” looks like a class above it,")
    title, text = spread_question(dict.fromkeys(range(2, 7), "#000000"), classes)
    assert title == "Give 5 classes another colour?"
    assert text.startswith("“Class 2”, “Class 3”, “Class 4” and 2 more look like a class above")


def test_a_class_has_its_own_colour_in_a_selected_row_too(qtbot: QtBot) -> None:
    icon = swatch_icon("#F73C62")
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
        picture = icon.pixmap(16, 16, mode).toImage()
        middle = picture.pixelColor(picture.width() // 2, picture.height() // 2)
        assert middle.name().upper() == "#F73C62"
