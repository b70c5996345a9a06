"""The palette of tools: every tool is reached in a low window, and no tip covers the next tool."""

from pathlib import Path

import pytest
from patience import until
from person import Person, fill_project, make_images
from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from cvstudio.core.annotation import Task
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.label.tool_palette import GroupButton, Palette
from cvstudio.project.project import Project


@pytest.fixture
def label(studio_window: Person, tmp_path: Path) -> LabelPage:
    """A project that outlines objects, which has every drawing tool."""
    made = Project.create(tmp_path / "outlines", task=Task.INSTANCE, classes=["Cell"])
    fill_project(made, make_images(tmp_path / "images", 3))
    studio_window.studio.adopt(made)
    page = studio_window.page("label")
    assert isinstance(page, LabelPage)
    studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
    return page


def folded(person: Person, label: LabelPage) -> GroupButton:
    """The button of a group in a window that is too low for all tools."""
    person.window.resize(960, 600)
    person.settle()
    wand = person.studio.actions["label.wand"]
    return next(b for b in label.palette_bar.folded if wand in b.menu_of_group.actions())


@pytest.mark.parametrize("height", [600, 640, 720, 900])
def test_every_tool_is_reached_in_the_palette_of_a_low_window(
    studio_window: Person, label: LabelPage, height: int
) -> None:
    studio_window.window.resize(1280, height)
    studio_window.settle()
    palette = label.palette_bar
    assert studio_window.window.height() == height
    shown = [b for b in (*palette.buttons.values(), *palette.folded) if b.isVisible()]
    for button in shown:
        place = QRect(button.mapTo(palette, QPoint(0, 0)), button.size())
        assert palette.rect().contains(place), button.toolTip()
        assert button.height() == 32
    offered = {a for button in palette.folded for a in button.menu_of_group.actions()}
    offered |= {b.defaultAction() for b in palette.buttons.values() if b.isVisible()}
    assert offered == {studio_window.studio.actions[id] for id in label.toolbox.tools}
    if height >= 720:
        assert palette.folded == [], "here is room for all of them"


def test_more_tools_than_a_window_of_720_has_room_for_fold_and_stay_whole(
    studio_window: Person, label: LabelPage
) -> None:
    others = ("label.grid", "label.rulers", "label.names")  # any actions will do
    groups = label.toolbox.groups
    palette = Palette(studio_window.studio.actions, ((*groups[0], *others), *groups[1:]))
    room = QWidget()
    palette.setParent(room)
    palette.setGeometry(0, 0, 48, 720 - 48 - 44 - 26)
    room.show()
    studio_window.settle()
    shown = [b for b in (*palette.buttons.values(), *palette.folded) if b.isVisible()]
    bottom = max(b.mapTo(palette, QPoint(0, b.height())).y() for b in shown)
    assert bottom <= palette.height()
    assert len(palette.folded) == 1, "no more than it takes"
    assert palette.buttons["label.select"].isVisible(), "the first group folds last"
    room.close()
    room.deleteLater()


def test_a_folded_group_offers_its_tools_and_keeps_the_one_that_was_used(
    studio_window: Person, label: LabelPage
) -> None:
    button = folded(studio_window, label)
    wand = studio_window.studio.actions["label.wand"]
    assert wand in button.menu_of_group.actions()
    studio_window.trigger("label.wand")
    assert button.isChecked()
    assert button.shown is wand
    assert "Magic wand" in button.accessibleName()
    studio_window.key("B")
    assert not button.isChecked()
    assert button.shown is wand, "one click brings it back"
    studio_window.click(button)
    assert label.canvas.tool.name == "wand"
    assert not button.menu_of_group.isVisible()
    studio_window.click(button)
    assert button.menu_of_group.isVisible(), "it is in hand: a click offers the others"
    assert label.canvas.tool.name == "wand"
    assert button.isChecked()
    button.menu_of_group.close()


def test_holding_and_right_clicking_a_group_offer_its_tools_and_take_none(
    studio_window: Person, label: LabelPage
) -> None:
    button = folded(studio_window, label)
    QTest.mousePress(button, Qt.MouseButton.LeftButton)
    studio_window.until(button.menu_of_group.isVisible)
    QTest.mouseRelease(button, Qt.MouseButton.LeftButton)
    studio_window.settle()
    assert label.canvas.tool.name == "select"
    button.menu_of_group.close()
    QTest.keyClick(button, Qt.Key.Key_Right)
    assert button.menu_of_group.isVisible()
    chosen = button.menu_of_group.actions()[-1]
    chosen.trigger()
    button.menu_of_group.close()
    assert chosen.isChecked()
    assert button.shown is chosen


def tip_of(button: QWidget) -> QRect:
    """Where the tooltip of a button lies on the screen."""
    middle = button.rect().center()
    event = QHelpEvent(QEvent.Type.ToolTip, middle, button.mapToGlobal(middle))
    QApplication.sendEvent(button, event)

    def shown() -> list[QWidget]:
        tips = [w for w in QApplication.topLevelWidgets() if w.objectName() == "qtooltip_label"]
        return [w for w in tips if w.isVisible()]

    until(shown)
    return shown()[0].geometry()


@pytest.mark.parametrize("height", [600, 900])
def test_the_tip_of_a_tool_covers_no_tool(
    studio_window: Person, label: LabelPage, height: int
) -> None:
    studio_window.window.resize(1280, height)
    studio_window.settle()
    palette = label.palette_bar
    ground = QRect(palette.mapToGlobal(QPoint(0, 0)), palette.size())
    for button in (palette.buttons["label.brush"], *palette.folded):
        tip = tip_of(button)
        assert not tip.intersects(ground)
        row = QRect(button.mapToGlobal(QPoint(0, 0)), button.size())
        assert tip.top() <= row.bottom()
        assert tip.bottom() >= row.top()
        assert tip.left() - ground.right() < 24, "beside its tool"
