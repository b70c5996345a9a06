"""What somebody meets in the first hour: odd names, long folders, one step of undo too many."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from person import Person, make_images
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QFontMetrics,
    QImage,
    QKeySequence,
    QPainter,
)
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel

from cvstudio.core.annotation import LabelClass, Split, Task
from cvstudio.core.geometry import Box
from cvstudio.gui import theme
from cvstudio.gui.data.import_dialog import ImportDialog
from cvstudio.gui.data.page import DataPage
from cvstudio.gui.data.statistics import FindingRow
from cvstudio.gui.label.class_picker import ClassPicker
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.new_project import NewProjectDialog
from cvstudio.gui.widgets import names
from cvstudio.gui.widgets.bar_chart import Histogram
from cvstudio.gui.widgets.section import push
from cvstudio.gui.widgets.toast import ToastFrame
from cvstudio.project import commands, queries
from cvstudio.project.health import Finding, Level
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

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
    button = data.gallery.filter_bar.buttons["class_ids"]
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


def test_a_step_undone_beyond_the_page_says_so_and_can_be_done_again(
    studio_window: Person, tmp_path: Path
) -> None:
    studio, window = studio_window.studio, studio_window.window
    project = studio.project
    assert project is not None
    file = tmp_path / "late.png"
    file.write_bytes(b"")
    with project.transaction("Import late.png") as session:
        new = NewImage(uri=project.uri_of(file), width=10, height=10)
        commands.add_images(session, [new])
    with project.transaction("Add box") as session:
        commands.add_annotation(session, image_id=1, class_id=1, shape=Box(1, 1, 5, 5))
    studio.go_to("label", image_id=1)
    studio_window.settle()
    studio.undo()
    studio_window.settle()
    assert window.toasts.texts() == [], "what happens on the image is seen there"
    studio.undo()
    studio_window.settle()
    (said,) = window.findChildren(ToastFrame)
    assert said.words.text() == "Undone: Import late.png."
    studio_window.click(studio_window.button("Redo", said))
    studio_window.settle()
    assert project.undo_label == "Import late.png"
    studio_window.until(lambda: window.toasts.texts() == ["Done again: Import late.png."])
    with project.transaction("Add class") as session:
        commands.add_class(session, name="New")
    studio_window.until(lambda: window.toasts.texts() == [])


def test_a_long_folder_cuts_no_words_of_the_new_project_dialog(
    dressed: object, tmp_path: Path
) -> None:
    dialog = NewProjectDialog(None, tmp_path)
    dialog.show()
    dialog.name.setText("Zebra")
    QApplication.processEvents()
    place = dialog.classes.mapTo(dialog, dialog.classes.rect().topLeft())
    for folder in ("/a long path" * 8, "/a long path" * 30):
        dialog.location.setText(folder)
        QApplication.processEvents()
        assert dialog.classes.mapTo(dialog, dialog.classes.rect().topLeft()) == place
        for words in (dialog.where, *(card.text for card in dialog.tasks.cards.values())):
            assert words.height() >= words.heightForWidth(words.width()), words.text()
    dialog.classes.setText("Zebra, zebra")
    assert "“Zebra” and “zebra”" in dialog.where.text()
    dialog.close()


def test_the_names_of_classes_are_whole_while_there_is_room(studio_window: Person) -> None:
    project = studio_window.studio.project
    assert project is not None
    with project.transaction("Add classes") as session:
        for name in ("Zebra", "zebra", "Gras"):
            commands.add_class(session, name=name)
    page = studio_window.window.page_named("data")
    assert isinstance(page, DataPage)
    studio_window.until(lambda: "statistics" in vars(page))
    panel = page.statistics
    studio_window.until(lambda: len(panel.facts.classes) == 5)
    names, _ = panel.bars._columns()
    assert names - 12 > panel.bars.fontMetrics().horizontalAdvance("Platelets"[:5])
    table, model = panel.table, panel.split_model
    assert model.index(1, 0).data() == "RBC"
    assert [model.headerData(c, Qt.Orientation.Horizontal) for c in range(4)] == [
        "Split", "train", "val", "test",
    ]  # fmt: skip
    studio_window.settle()
    assert table.horizontalHeader().length() <= table.viewport().width()
    total = sum(int(model.index(0, c).data()) for c in range(1, model.columnCount()))
    assert total == studio_window.studio.image_count
    assert int(model.index(1, 1).data()) == panel.facts.split_classes[Split.TRAIN].get(1, 0)


def test_half_boxes_are_not_counted(dressed: object) -> None:
    chart = Histogram("box side, px")
    chart.resize(300, 148)
    drawn: list[str] = []
    picture = QImage(300, 148, QImage.Format.Format_RGB32)
    painter = QPainter(picture)

    class Listener:
        def __getattr__(self, name: str) -> object:
            def heard(*what: object) -> object:
                drawn.extend(w for w in what if name == "drawText" and isinstance(w, str))
                return getattr(painter, name)(*what)

            return heard

    chart.show_values(np.array([40.0, 90.0]))
    chart._paint_grid(Listener(), chart._plot(), *chart._scale())
    painter.end()
    assert drawn == ["0", "1"]


def test_a_name_that_is_cut_keeps_its_distinguishing_end(dressed: object) -> None:
    metrics = QFontMetrics(theme.font("caption"))
    name = "000000078381"
    assert names.elided(name, metrics, metrics.horizontalAdvance(name)) == name
    cut = names.elided(name, metrics, metrics.horizontalAdvance(name) - 8)
    assert "…" in cut
    assert cut.endswith("078381")
    assert names.elided("3 suggestions", metrics, 60, front=1.0).startswith("3 sug")
    assert names.short("BloodImage_00035", metrics, 60) == "00035"
    assert names.short("a clip of a street.mp4, frame 6", metrics, 60) == "frame 6"
    odd = names.short("weiß & rot #1 (50%)", metrics, 60)
    assert odd.startswith("…")
    assert odd.endswith("(50%)")
    assert len(odd) > len("…(50%)")


def test_ticks_about_splits_wait_until_there_are_splits(studio_window: Person) -> None:
    page = studio_window.window.page_named("data")
    assert isinstance(page, DataPage)

    def ticks() -> list[str]:
        rows = page.statistics.findChildren(FindingRow)
        return [row.findChildren(QLabel)[-1].text() for row in rows]

    studio_window.until(lambda: "statistics" in vars(page) and bool(page.statistics.facts.classes))
    facts = replace(page.statistics.facts, findings=(), split_images={Split.TRAIN: 3})
    page.statistics.show_facts(facts)
    studio_window.settle()
    assert "Classes appear in all splits" in ticks()
    unused = Finding(Level.NOTE, "unused class", "No image shows “a” yet.")
    page.statistics.show_facts(replace(facts, findings=(unused,)))
    studio_window.settle()
    assert "Classes appear in all splits" not in ticks(), "one is in none"
    page.statistics.show_facts(replace(facts, split_images={None: 3}))
    studio_window.settle()
    assert "Classes appear in all splits" not in ticks()
    assert "Every image can be read" in ticks()


def _dragged(paths: list[Path]) -> tuple[QMimeData, tuple[Any, ...]]:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    any_way = Qt.DropAction.CopyAction | Qt.DropAction.MoveAction
    return data, (any_way, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)


def test_dropped_files_are_never_taken_away_from_where_they_are(
    studio_window: Person, tmp_path: Path
) -> None:
    window = studio_window.window
    (picture,) = make_images(tmp_path / "dropped", 1)
    seen: list[list[Path]] = []
    window.dropping._taken = seen.append
    _data, parts = _dragged([picture])
    enter = QDragEnterEvent(QPoint(600, 300), *parts)
    window.dragEnterEvent(enter)
    assert enter.isAccepted()
    assert enter.dropAction() == Qt.DropAction.CopyAction
    assert window.dropping.isVisible()
    assert picture.name in window.dropping.words.text()
    _gone, nothing = _dragged([])
    drop = QDropEvent(QPointF(600, 300), *nothing)
    window.dropEvent(drop)
    assert drop.dropAction() == Qt.DropAction.CopyAction
    assert seen == [[picture]], "the giver may be gone by the time of the drop"
    assert not window.dropping.isVisible()


def test_a_dropped_file_that_is_no_image_is_refused_in_words(
    studio_window: Person, tmp_path: Path
) -> None:
    notes = tmp_path / "notes & more.txt"
    notes.write_text("no picture")
    studio_window.window.opening.take([notes])
    studio_window.settle()
    assert studio_window.window.toasts.texts() == [
        "notes & more.txt is no image, video, label file or folder."
    ]
    assert not [d for d in QApplication.topLevelWidgets() if isinstance(d, ImportDialog)]


def test_no_page_is_marked_as_open_without_a_project(studio_window: Person) -> None:
    actions = studio_window.studio.actions
    assert actions["go.data"].isChecked()
    studio_window.trigger("project.close")
    assert not actions["go.data"].isChecked()


def test_an_image_that_is_still_being_read_is_not_approved_unseen(studio_window: Person) -> None:
    page = studio_window.page("label")
    assert isinstance(page, LabelPage)
    studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
    assert page.document.image is not None
    before = page.document.image.review
    page.canvas.tiles.show(None, page.document.size)
    page.canvas.tiles.preview = None
    empty = page.canvas.grab().toImage()
    page.canvas.wait(True)
    assert page.canvas.grab().toImage() != empty, "the canvas says that it waits"
    page.reviewing.approve()
    with studio_window.project.read() as session:
        assert queries.image(session, page.document.image.id).review == before
    page.canvas.wait(False)
    assert page.canvas.grab().toImage() == empty


def test_adding_a_class_that_is_there_chooses_it_and_says_so(studio_window: Person) -> None:
    classes = [LabelClass(1, "Cell", "#ffffff"), LabelClass(2, "Cell wall", "#ffffff")]
    picker = ClassPicker(None, classes, title="Add a class", adding=True)
    picker.search.setText("cell")
    assert [picker.list.item(i).text() for i in range(picker.list.count())] == [
        "Cell is there already"
    ]
    assert picker.go.text() == "Choose"
    picker.go.click()
    assert (picker.class_id, picker.new_name) == (1, "")
    again = ClassPicker(None, classes, title="Add a class", adding=True)
    assert not again.go.isEnabled()
    again.search.setText("cell w")
    assert again.go.text() == "Add"
    again.go.click()
    assert (again.class_id, again.new_name) == (None, "cell w")
