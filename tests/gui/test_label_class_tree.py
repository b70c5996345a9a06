"""Kinds of classes on the Label page: under their class, and found with it."""

from __future__ import annotations

from label_hands import label_page
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from cvstudio.core.geometry import Box
from cvstudio.gui.label.class_list import in_tree
from cvstudio.project import class_tree, queries
from cvstudio.project.records import ImageFilter


def test_kinds_stand_under_their_class_further_in_and_keep_their_keys(
    tmp_path, qtbot, private_home
):
    with label_page(tmp_path, qtbot) as person:
        with person.project.transaction("Nest") as s:
            class_tree.set_parent(s, id=3, parent_id=1)
        QApplication.processEvents()
        model = person.page.class_list.model
        assert [c.name for c in model.rows] == ["Cell", "Other", "Nucleus"]
        assert [model.depths[c.id] for c in model.rows] == [0, 1, 0]
        words = model.index(1).data(Qt.ItemDataRole.ToolTipRole)
        assert words.startswith("Other, a kind of Cell, key 3:")
        person.key(Qt.Key.Key_3)
        assert person.document.class_id == 3
        person.add(Box(10, 10, 30, 30), class_id=3)
        with person.project.read() as s:
            assert queries.image_ids(s, ImageFilter(query="class:Cell")) == [1]
        person.project.undo()
        person.project.undo()
        assert [c.name for c in model.rows] == ["Cell", "Nucleus", "Other"]


def test_the_tree_keeps_the_order_and_loses_no_class_whose_parent_is_away():
    assert in_tree([4, 1, 3, 2], {4: 2, 1: None, 3: 1, 2: None}) == [1, 3, 2, 4]
    assert in_tree([4, 1], {4: 2, 1: None}) == [4, 1]
