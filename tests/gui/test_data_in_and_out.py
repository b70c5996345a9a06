"""Labels in and out on the Data page: import, split, export."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from patience import LIMIT
from person import Person, make_images
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QDialog, QPushButton

from cvstudio.core.annotation import Split
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.rotated import RotatedBox
from cvstudio.gui.data.export_dialog import ExportDialog
from cvstudio.gui.data.import_check import CheckStep
from cvstudio.gui.data.import_dialog import ImportDialog
from cvstudio.gui.data.split_dialog import SplitDialog
from cvstudio.project import commands, importing, queries
from cvstudio.project.importing import ImportPlan, ImportReport


@pytest.fixture
def coco_folder(tmp_path: Path) -> Path:
    """Six images with a COCO file: a class written in two ways, and one box of no area."""
    folder = tmp_path / "coco"
    paths = make_images(folder / "images", 6)
    data = {
        "images": [
            {"id": n, "file_name": p.name, "width": 64, "height": 48}
            for n, p in enumerate(paths, 1)
        ],
        "categories": [
            {"id": 1, "name": "Platelets"},
            {"id": 2, "name": "platelets"},
            {"id": 3, "name": "dirt"},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 4, 10, 10], "area": 100,
             "iscrowd": 0},
            {"id": 2, "image_id": 2, "category_id": 2, "bbox": [4, 4, 10, 10], "area": 100,
             "iscrowd": 0},
            {"id": 3, "image_id": 3, "category_id": 3, "bbox": [4, 4, 10, 10], "area": 100,
             "iscrowd": 0},
            {"id": 4, "image_id": 3, "category_id": 1, "bbox": [4, 4, 0, 10], "area": 0,
             "iscrowd": 0},
        ],
    }  # fmt: skip
    (folder / "annotations.json").write_text(json.dumps(data), encoding="utf-8")
    return folder


def test_the_import_wizard_shows_problems_matches_classes_and_is_one_step(
    studio_window: Person, coco_folder: Path
) -> None:
    page = studio_window.data_page()
    studio = studio_window.studio
    seen: dict[str, object] = {}

    def drive(dialog: QDialog) -> None:
        assert isinstance(dialog, ImportDialog)
        studio_window.until(lambda: dialog.step == 1)
        studio_window.settle()
        seen["figures"] = [card.figure.text() for card in dialog.check.cards]
        seen["problem"] = dialog.check.table.item(0, 1).text()
        seen["places"] = dialog.check.places.count()
        studio_window.click(dialog.go)
        assert dialog.step == 2
        seen["mapping"] = dialog.classes.mapping()
        dialog.classes.choose("dirt", None)
        studio_window.click(dialog.go)
        assert dialog.split.fractions == pytest.approx((0.7, 0.2, 0.1))
        assert dialog.go.text() == "Import 6 images"
        studio_window.click(dialog.go)
        studio_window.until(lambda: dialog.report is not None)

    studio_window.answer(drive)
    page.open_import([coco_folder])
    assert seen["figures"] == ["6", "3", "3", "1"]
    assert seen["problem"] == "Shapes without area"
    assert seen["places"] == 1
    assert seen["mapping"] == {"Platelets": "Platelets", "platelets": "Platelets", "dirt": "dirt"}
    with studio_window.project.read() as s:
        classes = [c.name for c in queries.classes(s)]
        total = queries.totals(s)
        splits = queries.split_counts(s)
    assert classes == ["RBC", "WBC", "Platelets"]
    assert (total.images, total.annotations) == (18, 22)
    assert sum(n for split, n in splits.items() if split) == 6
    assert len(page.model.ids) == 18
    assert studio_window.project.undo_label == "Import coco"
    studio.undo()
    with studio_window.project.read() as s:
        total = queries.totals(s)
        assert (total.images, total.annotations) == (12, 20)
        assert [c.name for c in queries.classes(s)] == ["RBC", "WBC"]
    assert len(page.model.ids) == 12
    assert len(list(coco_folder.rglob("*.png"))) == 6


def test_an_import_can_copy_and_leaves_nothing_behind_when_cancelled(
    studio_window: Person, coco_folder: Path
) -> None:
    page = studio_window.data_page()

    def drive(dialog: QDialog) -> None:
        assert isinstance(dialog, ImportDialog)
        studio_window.until(lambda: dialog.step == 1)
        dialog._go()
        dialog._go()
        dialog.split.copy_in.setChecked(True)
        studio_window.click(dialog.cancel)

    studio_window.answer(drive)
    page.open_import([coco_folder])
    assert len(page.model.ids) == 12
    assert not list(studio_window.project.path.rglob("*.png"))


def test_cancel_that_comes_when_all_is_imported_does_not_hide_what_came_in(
    studio_window: Person, coco_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = studio_window.data_page()
    whole, go, run = threading.Event(), threading.Event(), importing.run
    reports: list[object] = []

    def slowly(*parts: Any, **more: Any) -> ImportReport:
        report = run(*parts, **more)
        whole.set()
        assert go.wait(LIMIT)
        return report

    def drive(dialog: QDialog) -> None:
        assert isinstance(dialog, ImportDialog)
        studio_window.until(lambda: dialog.step == 1)
        for _ in range(3):
            studio_window.click(dialog.go)
        studio_window.until(whole.is_set)
        studio_window.click(dialog.cancel)
        go.set()
        studio_window.until(lambda: dialog._work is None)
        reports.append(dialog.report)
        dialog.reject()

    monkeypatch.setattr(importing, "run", slowly)
    studio_window.answer(drive)
    page.open_import([coco_folder])
    assert reports != [None]
    assert len(page.model.ids) == 18


def test_a_damaged_label_file_is_refused_in_words(studio_window: Person, coco_folder: Path) -> None:
    page = studio_window.data_page()
    path = coco_folder / "annotations.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: len(text) // 2], encoding="utf-8")
    seen: list[str] = []

    def drive(dialog: QDialog) -> None:
        assert isinstance(dialog, ImportDialog)
        studio_window.until(lambda: dialog.trouble.isVisible() or dialog.step == 1)
        if dialog.trouble.isVisible():
            seen.append(dialog.trouble.text)
        dialog.reject()

    studio_window.answer(drive)
    page.open_import([path])
    assert seen
    assert "annotations.json" in seen[0]
    assert len(page.model.ids) == 12


def test_dropped_images_open_the_wizard(studio_window: Person, tmp_path: Path) -> None:
    paths = make_images(tmp_path / "dropped", 3)
    page = studio_window.data_page()

    def drive(dialog: QDialog) -> None:
        assert isinstance(dialog, ImportDialog)
        studio_window.until(lambda: dialog.step == 1)
        assert dialog.check.cards[0].figure.text() == "3"
        dialog._go()
        assert dialog.step == 3
        dialog._go()
        studio_window.until(lambda: dialog.report is not None)

    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(p)) for p in paths])
    event = QDropEvent(
        QPointF(600, 300), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    studio_window.answer(drive)
    studio_window.window.dropEvent(event)
    studio_window.until(lambda: len(page.model.ids) == 15)


# -- split and export


def test_the_split_dialog_shows_what_would_come_and_is_one_step(studio_window: Person) -> None:
    page = studio_window.data_page()
    seen: list[str] = []

    def drive(dialog: QDialog) -> None:
        assert isinstance(dialog, SplitDialog)
        studio_window.until(lambda: dialog.table.item(0, 1) is not None)
        for spin, value in zip(dialog.shares, (50, 25, 25), strict=True):
            spin.setValue(value)
        assert not dialog.go.isEnabled() or sum(s.value() for s in dialog.shares) == 100
        studio_window.until(lambda: dialog.table.item(0, 1).text() == "6")
        seen.extend(dialog.table.item(line, 1).text() for line in range(4))
        studio_window.click(dialog.go)

    studio_window.answer(drive)
    page.edit_split()
    assert seen == ["6", "3", "3", "12"]
    with studio_window.project.read() as s:
        counts = queries.split_counts(s)
    assert [counts[split] for split in Split] == [6, 3, 3]
    assert studio_window.project.undo_label == "Divide 12 images"
    studio_window.trigger("edit.undo")
    with studio_window.project.read() as s:
        assert queries.split_counts(s)[None] == 12


def test_objects_of_two_annotations_are_told_beside_a_sound_source(
    studio_window: Person,
) -> None:
    step = CheckStep()
    step.show_plan(ImportPlan("a", "coco", "COCO", in_two=93), [Path("a")])
    assert not step.fine.isHidden()
    assert not step.notes.isHidden()
    assert step.notes.text.startswith("93 objects have keypoints beside an outline or a box")
    step.show_plan(ImportPlan("a", "coco", "COCO"), [Path("a")])
    assert step.notes.isHidden()
    step.deleteLater()


def test_shares_that_do_not_add_up_are_said_and_refused(studio_window: Person) -> None:
    dialog = SplitDialog(studio_window.window, studio_window.studio)
    dialog.shares[0].setValue(90)
    studio_window.idle()  # what was proposed for the shares before comes late
    assert not dialog.go.isEnabled()
    assert "120 %" in dialog._note.text()
    dialog.reject()
    dialog.deleteLater()


def test_nothing_is_divided_before_what_is_chosen_now_was_proposed(studio_window: Person) -> None:
    dialog = SplitDialog(studio_window.window, studio_window.studio)
    studio_window.until(dialog.go.isEnabled)
    dialog.labelled.setChecked(True)
    assert not dialog.go.isEnabled(), "it would divide by the shares of all images"
    studio_window.until(dialog.go.isEnabled)
    assert dialog.go.text() == "Divide 10 images"
    dialog.reject()
    dialog.deleteLater()


def test_labels_are_exported_for_another_program(studio_window: Person, tmp_path: Path) -> None:
    target = tmp_path / "out"

    def drive(dialog: QDialog) -> None:
        assert isinstance(dialog, ExportDialog)
        dialog.formats.setCurrentIndex(dialog.formats.findData("coco"))
        dialog.path.setText(str(target))
        dialog.export()
        dialog.accept()  # it stays to tell what was lost

    studio_window.answer(drive)
    studio_window.data_page().open_export()
    found = list(target.rglob("*.json"))
    assert found
    content = json.loads(found[0].read_text(encoding="utf-8"))
    assert len(content["images"]) == 10
    assert len(content["annotations"]) == 20


def test_all_that_an_export_lost_stays_to_be_read(studio_window: Person, tmp_path: Path) -> None:
    with studio_window.project.transaction("Draw") as s:
        ids = queries.image_ids(s)
        point = Keypoints.of([(5, 5, 2)])
        commands.add_annotation(s, image_id=ids[0], class_id=1, shape=point)
        turned = RotatedBox(20, 20, 9, 5, 30)
        commands.add_annotation(s, image_id=ids[0], class_id=1, shape=turned)
    dialog = ExportDialog(studio_window.window, studio_window.studio)
    dialog.show()
    dialog.formats.setCurrentIndex(dialog.formats.findData("yolo"))
    dialog.path.setText(str(tmp_path / "out"))
    dialog.export()
    studio_window.settle()
    assert dialog.report is not None
    assert dialog.report.shortcomings()
    assert [message.text for message in dialog.told] == dialog.report.sentences()
    assert all(message.isVisible() for message in dialog.told)
    (close,) = [each for each in dialog.findChildren(QPushButton) if each.text() == "Close"]
    below = dialog.told[-1].mapTo(dialog, dialog.told[-1].rect().bottomLeft()).y()
    assert below < close.mapTo(dialog, QPoint()).y() <= dialog.height() - close.height()
    told = " ".join(message.text for message in dialog.told)
    assert "1 set of keypoints was left out" in told
    assert "1 rotated box was written as the upright box around it" in told
    assert dialog.report.annotations == 21
    dialog.reject()
    dialog.deleteLater()


def test_formats_of_other_tasks_are_listed_with_their_loss_or_greyed(
    studio_window: Person,
) -> None:
    dialog = ExportDialog(studio_window.window, studio_window.studio)
    assert dialog.formats.currentText() == "COCO"
    words = {dialog.formats.itemData(n): dialog.formats.itemText(n)
             for n in range(dialog.formats.count())}  # fmt: skip
    assert words["voc"] == "Pascal VOC"
    assert words["masks"] == "Masks (PNG, TIFF)  (boxes are left out)"
    assert words["csv"] == "CSV (file, labels)  (it has classes of whole images only)"
    model = dialog.formats.model()
    usable = {name: bool(model.flags(model.index(dialog.formats.findData(name), 0))
                         & Qt.ItemFlag.ItemIsEnabled)
              for name in ("voc", "masks", "csv")}  # fmt: skip
    assert usable == {"voc": True, "masks": True, "csv": False}
    dialog.deleteLater()


def test_an_export_never_overwrites(studio_window: Person, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep", encoding="utf-8")
    dialog = ExportDialog(studio_window.window, studio_window.studio)
    dialog.path.setText(str(tmp_path / "full"))
    assert not dialog.go.isEnabled()
    dialog.deleteLater()


@pytest.mark.shared_data
def test_real_blood_smears_come_in_and_fill_the_page(
    studio_window: Person, shared_data: Path
) -> None:
    page = studio_window.data_page()

    def drive(dialog: QDialog) -> None:
        assert isinstance(dialog, ImportDialog)
        studio_window.until(lambda: dialog.step == 1)
        assert dialog.check.cards[0].figure.text() == "364"
        assert dialog.check.cards[1].figure.text() == "4,886"
        for _ in range(3):
            dialog._go()
        studio_window.until(lambda: dialog.report is not None)

    studio_window.answer(drive)
    page.open_import([shared_data / "det_bccd"])
    assert len(page.model.ids) == 364 + 12
