"""The table of tools: what a row and one file give a new tool on the Label page."""

import numpy as np
import pytest
from label_hands import opened_page
from patience import until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QSpinBox

from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Box
from cvstudio.core.opencv import cv2
from cvstudio.gui.action_table import ACTIONS, BY_ID
from cvstudio.gui.label.tools import table
from cvstudio.gui.label.tools.base import Tool
from cvstudio.gui.label.tools.options import ToolOptions
from cvstudio.gui.label.tools.table import TOOLS, ToolInfo, groups_of, tools_for
from cvstudio.project import commands, queries
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage


class StampOptions(ToolOptions):
    def __init__(self):
        super().__init__()
        self.side = QSpinBox()
        self.row.addWidget(self.side)
        self.side.valueChanged.connect(self._set)
        self.tool = None

    def _set(self, side):
        self.tool.side = side
        self.changed.emit()


class StampTool(Tool):
    """A click leaves a box of the side that the options say."""

    name = "stamp"
    cursor = Qt.CursorShape.PointingHandCursor
    options_type = StampOptions
    side = 8

    def press(self, pointer):
        if self.document.ready_to_draw():
            self.document.add(Box(pointer.x, pointer.y, self.side, self.side), label="Stamp")

    def hint(self):
        return "Click leaves a stamp"

    def fill_options(self, options):
        options.tool = self
        options.side.setValue(self.side)


@pytest.fixture
def page(tmp_path, qapp, monkeypatch):
    """A detect project whose table of tools has a stamp in the place of the polygon."""
    stamp = ToolInfo(
        "label.polygon", lambda kit: StampTool(kit.document, kit.surface), "stamp",
        frozenset({Task.DETECT}),
    )  # fmt: skip
    rows = tuple(row for row in TOOLS if row.action != "label.polygon")
    monkeypatch.setattr(table, "TOOLS", (*rows, stamp))
    project = Project.create(tmp_path / "project", task=Task.DETECT, classes=("Cell",))
    path = tmp_path / "1.png"
    cv2.imwrite(str(path), np.zeros((80, 100, 3), np.uint8))
    with project.transaction("Fill") as session:
        commands.add_images(session, [NewImage(uri=str(path), width=100, height=80)])
    with opened_page(project) as made:
        made.activateWindow()
        yield made


def test_every_tool_has_its_words_icon_and_key_in_the_table_of_actions():
    taking = [info.id for info in ACTIONS if info.group == "tool"]
    assert [info.action for info in TOOLS] == taking
    for info in TOOLS:
        row = BY_ID[info.action]
        assert (info.title, info.icon, info.key) == (row.text, row.icon, row.keys[0])


def test_a_project_offers_the_tools_of_its_task_in_groups():
    assert [info.action for info in tools_for(Task.CLASSIFY)] == ["label.select", "label.comment"]
    assert groups_of(tools_for(Task.SEGMENT)) == (
        ("label.select", "label.box", "label.rotated_box", "label.polygon", "label.keypoints"),
        ("label.slice", "label.points"),
        ("label.brush", "label.erase"),
        (
            "label.smart", "label.scissors", "label.wand", "label.grabcut", "label.superpixels",
            "label.pixel_classifier",
        ),
        ("label.comment",),
    )  # fmt: skip


def test_a_tool_of_the_table_brings_button_cursor_hint_and_options(page):
    assert "label.polygon" in page.palette_bar.buttons
    assert page.bar.options is None, "Select has none"
    assert page.studio.actions.trigger("label.polygon")
    assert page.canvas.viewport().cursor().shape() == Qt.CursorShape.PointingHandCursor
    assert page.status_right == "Click leaves a stamp"
    assert isinstance(page.bar.options, StampOptions)
    assert page.bar.options.isVisible()
    page.bar.options.side.setValue(20)
    place = page.canvas.to_screen(10, 10).toPoint()
    QTest.mouseClick(page.canvas.viewport(), Qt.MouseButton.LeftButton, pos=place)
    with page.project.read() as session:
        (annotation,) = queries.annotations(session, 1)
    assert annotation.box.w == 20
    stamp_options = page.bar.options
    assert page.studio.actions.trigger("label.brush")
    assert not stamp_options.isVisible()
    brush_options = page.bar.options
    assert page.studio.actions.trigger("label.erase")
    assert page.bar.options is brush_options, "brush and eraser share theirs"


def test_enter_in_a_field_of_any_options_gives_the_keys_back_to_the_canvas(page):
    page.studio.actions.trigger("label.polygon")
    until(page.isActiveWindow)
    field = page.bar.options.side
    field.setFocus()
    assert page.bar.is_typed_in()
    page.studio.actions.trigger("label.finish")
    assert page.canvas.hasFocus()
    assert not page.bar.is_typed_in()
