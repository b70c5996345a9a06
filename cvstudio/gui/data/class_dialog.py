"""Another class for the selected images, or for the objects on them, with what will change."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QComboBox, QGridLayout, QWidget

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.words import counted, quoted
from cvstudio.gui.one_step import ONE_STEP
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.section import label
from cvstudio.gui.widgets.swatch import swatch_icon
from cvstudio.project import image_classes, queries, relabelling
from cvstudio.project.project import Project


class ClassDialog(StudioDialog):
    """`source` and `target` are class ids; a source of None means all classes."""

    def __init__(self, parent: QWidget, project: Project, ids: Sequence[int]) -> None:
        many = counted(len(ids), "image")
        super().__init__(parent, f"Class of {many}", width=460)
        self.setObjectName("class_of_images")
        self._project, self._ids = project, tuple(ids)
        self._whole = project.task == Task.CLASSIFY
        with project.read() as session:
            self._classes = queries.classes(session)
            counts = relabelling.class_counts(session, image_ids=self._ids)
            self._several = image_classes.several(session)
            self._held = image_classes.classes_of(session, self._ids)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(10)
        grid.setColumnStretch(1, 1)
        self.source_box, self.target_box = QComboBox(), QComboBox()
        self._fill(counts)
        for row, (words, box) in enumerate(
            (("Objects of", self.source_box), ("become", self.target_box))
        ):
            heading = label(words)
            box.setAccessibleName(words)
            grid.addWidget(heading, row, 0)
            grid.addWidget(box, row, 1)
            box.currentIndexChanged.connect(lambda _place: self._show())
            if self._whole and box is self.source_box:
                heading.hide()
                box.hide()
        self.content.addLayout(grid)
        self.figures = label("", "muted", wrap=True)
        self.content.addWidget(self.figures)
        self.note(ONE_STEP)
        self.add_button("Cancel", self.reject)
        self.go = self.add_button("Change", self.accept, next=True)
        self._show()

    def _fill(self, counts: dict[int, int]) -> None:
        """From: classes that are there, with how many objects; to: every class."""
        self.source_box.addItem(f"All classes ({sum(counts.values()):,})", None)
        for found in self._classes:
            icon = swatch_icon(found.colour)
            if counts.get(found.id):
                words = f"{found.name} ({counts[found.id]:,})"
                self.source_box.addItem(icon, words, found.id)
            self.target_box.addItem(icon, found.name, found.id)
        if self.source_box.count() > 1:
            self.source_box.setCurrentIndex(1)

    @property
    def source(self) -> int | None:
        """The class whose objects change; None for all."""
        found: int | None = self.source_box.currentData()
        return found

    @property
    def target(self) -> LabelClass | None:
        """The class that they get."""
        wanted = self.target_box.currentData()
        return next((c for c in self._classes if c.id == wanted), None)

    def _words_of_images(self, class_id: int, name: str) -> str:
        """Where images may have several classes, this one comes to those that they have."""
        if not self._several:
            return f"{counted(len(self._ids), 'image')} will be {name}."
        lacking = sum(class_id not in self._held.get(id, ()) for id in self._ids)
        if not lacking:
            return f"All are {name} already, and will be no longer."
        return f"{counted(lacking, 'image')} will be {name} as well."

    def _show(self) -> None:
        target = self.target
        if target is None:
            self.figures.setText("There is no class yet.")
            self.go.setEnabled(False)
            return
        name = quoted(target.name)
        if self._whole:
            self.figures.setText(self._words_of_images(target.id, name))
            return
        with self._project.read() as session:
            found = relabelling.reach(
                session, image_ids=self._ids, source=self.source, target=target.id
            )
        self.go.setEnabled(found.objects > 0)
        if not found.objects:
            words = "No object changes."
        else:
            where = counted(found.images, "image")
            words = f"{counted(found.objects, 'object')} on {where} will be {name}."
        if found.locked:
            words += f" {counted(found.locked, 'locked object stays', 'locked objects stay')}."
        self.figures.setText(words)
