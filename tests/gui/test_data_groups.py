"""Images that belong together, and images without annotations, as a person meets them on Data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from person import Person
from PIL import Image
from PySide6.QtWidgets import QDialog, QLineEdit

from cvstudio.core.annotation import Review, Split
from cvstudio.gui.data.import_dialog import ImportDialog
from cvstudio.gui.data.page import DataPage
from cvstudio.gui.data.split_dialog import SplitDialog
from cvstudio.project import queries, splits
from cvstudio.project.project import Project


def groups(project: Project) -> list[str]:
    with project.read() as s:
        return [r.group for r in queries.images(s, queries.image_ids(s))]


def offered(person: Person) -> list[object]:
    dialog = SplitDialog(person.window, person.studio)
    data = [dialog.together.itemData(place) for place in range(dialog.together.count())]
    person.idle()
    dialog.reject()
    dialog.deleteLater()
    return data


def test_chosen_images_are_kept_together_and_undo_lets_them_part(studio_window: Person) -> None:
    page = studio_window.page("data")
    assert isinstance(page, DataPage)
    assert offered(studio_window) == [None, "folder"]
    page.grid.select_ids(page.model.ids[:5])
    studio_window.settle()

    def name_it(dialog: QDialog) -> None:
        (field,) = dialog.findChildren(QLineEdit)
        assert field.text() == "slide_1"
        field.setText("patient 7")
        dialog.accept()

    studio_window.answer(name_it)
    studio_window.trigger("data.group")
    assert groups(studio_window.project) == ["patient 7"] * 5 + [""] * 7
    assert offered(studio_window) == ["group", None, "folder"]
    with studio_window.project.read() as s:
        proposed = splits.propose(s, fractions=(0.5, 0.3, 0.2), keep=False)
    assert len({proposed[id] for id in page.model.ids[:5]}) == 1
    studio_window.trigger("edit.undo")
    assert set(groups(studio_window.project)) == {""}
    studio_window.trigger("edit.redo")
    page.grid.select_ids(page.model.ids[:2])
    studio_window.settle()
    studio_window.trigger("data.ungroup")
    assert groups(studio_window.project) == [""] * 2 + ["patient 7"] * 3 + [""] * 7


def test_the_wizard_asks_what_images_without_annotations_are(
    studio_window: Person, tmp_path: Path
) -> None:
    folder = tmp_path / "half"
    folder.mkdir()
    random = np.random.default_rng(5)
    for n in range(3):
        pixels = random.integers(0, 255, (30, 30, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"half {n}.png")
    data = {
        "images": [{"id": n, "file_name": f"half {n}.png"} for n in range(3)],
        "categories": [{"id": 1, "name": "RBC"}],
        "annotations": [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [1, 2, 10, 10]}],
    }
    (folder / "labels.json").write_text(json.dumps(data))
    page = studio_window.page("data")
    assert isinstance(page, DataPage)
    seen: list[str] = []

    def drive(dialog: QDialog) -> None:
        assert isinstance(dialog, ImportDialog)
        studio_window.until(lambda: dialog.step == 1)
        studio_window.settle()
        check = dialog.check
        assert check.silent.isVisible()
        seen.append(check._silent_words.text())
        seen.append(check.bare)
        check.bare_choice.setCurrentIndex(check.bare_choice.findData("empty"))
        for _ in range(3):
            studio_window.click(dialog.go)
        studio_window.until(lambda: dialog.report is not None)

    studio_window.answer(drive)
    page.open_import([folder])
    assert seen == ["2 images have no annotation", "unlabelled"]
    with studio_window.project.read() as s:
        found = {r.name: r for r in queries.images(s, queries.image_ids(s))}
    assert found["half 1.png"].review is Review.EMPTY
    assert found["half 0.png"].review is Review.LABELLED
    assert found["half 0.png"].split in set(Split)
