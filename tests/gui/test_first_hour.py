"""What somebody meets in the first hour: odd names, long folders, one step of undo too many."""

from __future__ import annotations

from pathlib import Path

from person import Person
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QAbstractButton

from cvstudio.core.annotation import Task
from cvstudio.gui.data.page import DataPage
from cvstudio.gui.widgets.section import push
from cvstudio.project import commands
from cvstudio.project.project import Project

AWKWARD = "Zebra & Gras <b>100%</b>"


def test_a_name_with_an_ampersand_reads_as_it_was_written(studio_window: Person) -> None:
    studio, window = studio_window.studio, studio_window.window
    assert studio.project is not None
    with studio.project.transaction(f"Add {AWKWARD}") as session:
        commands.add_class(session, name=AWKWARD)
    studio_window.settle()

    def read(widget: QAbstractButton) -> str:
        return QKeySequence.mnemonic(widget.text()).toString() + widget.text().replace("&&", "&")

    assert read(window.header.undo) == f"Undo Add {AWKWARD}"
    assert window.header.undo.accessibleName() == f"Undo Add {AWKWARD}"
    assert push(AWKWARD).text().replace("&&", "&") == AWKWARD
    assert QKeySequence.mnemonic(push(AWKWARD).text()).isEmpty()
    data = window.page_named("data")
    assert isinstance(data, DataPage)
    button = data.filter_bar.buttons["class_ids"]
    (entry,) = [a for a in button.menu_of().actions() if "Zebra" in a.text()]
    assert QKeySequence.mnemonic(entry.text()).isEmpty()
    entry.trigger()
    assert read(button) == f"Class: {AWKWARD}"
    assert "&lt;b&gt;" in button.toolTip(), "the name must not become bold in the tooltip"


def test_the_menu_of_projects_lists_the_ones_opened_before(
    studio_window: Person, tmp_path: Path
) -> None:
    header = studio_window.window.header
    header._fill_menu()
    assert "No other project yet" in [a.text() for a in header._menu.actions()]
    other = tmp_path / "Mäuse & Co"
    Project.create(other, task=Task.DETECT).close()
    studio_window.studio.memory.opened(other)
    header._fill_menu()
    words = [a.text() for a in header._menu.actions()]
    assert words[words.index("Recent projects") + 1] == "Mäuse && Co"
