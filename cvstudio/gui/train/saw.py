"""What the run that is chosen was trained on, in the right panel of Train."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from cvstudio.core.batch_rule import words as batch_words
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.widgets.section import SectionHeader, label, link
from cvstudio.project.records import RunRecord


class Saw(QWidget):
    """What a run trained on. `changed_asked()`: show the images that changed since."""

    def __init__(self, show_changed: Callable[[], Any]) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(0)
        self.header = SectionHeader("What the run saw")
        column.addWidget(self.header)
        grid = QGridLayout()
        padding = theme.size("panel_padding")
        grid.setContentsMargins(padding, 0, padding, 0)
        grid.setVerticalSpacing(7)
        column.addLayout(grid)
        self.snapshot = label("", "mono")
        self.counts = label("")
        self.changed = link("", show_changed)
        self.same = label("", "muted")
        self.sizes = label("")
        self.augment = label("")
        self.seed = label("")
        rows: list[tuple[str, tuple[QWidget, ...]]] = [
            ("Snapshot", (self.snapshot,)),
            ("Images, annotations", (self.counts,)),
            ("Changed since", (self.changed, self.same)),
            ("Image size, batch", (self.sizes,)),
            ("Augmentation", (self.augment,)),
            ("Seed", (self.seed,)),
        ]
        for place, (title, widgets) in enumerate(rows):
            grid.addWidget(label(title, "muted"), place, 0)
            for widget in widgets:
                grid.addWidget(widget, place, 1, Qt.AlignmentFlag.AlignRight)
        self.changed.hide()

    def show_run(self, run: RunRecord, config: TrainConfig) -> None:
        """The facts of a run; what changed since comes later, by `show_changed`."""
        self.header.title.setText(f"What run {run.id} saw")
        self.snapshot.setText(run.snapshot_hash[:6])
        self.snapshot.setToolTip(run.snapshot_hash)
        self.counts.setText(f"{run.image_count:,} · {run.annotation_count:,}")
        self.sizes.setText(f"{config.image_size} px · {batch_words(config.batch)}")
        steps = sum(step.enabled for step in config.augmentation)
        self.augment.setText(counted(steps, "step"))
        self.seed.setText(str(config.seed))
        self.changed.hide()
        self.same.hide()

    def show_changed(self, count: int) -> None:
        """How many images are not what the run saw."""
        self.changed.setVisible(bool(count))
        self.same.setVisible(not count)
        self.changed.setText(counted(count, "image"))
        self.same.setText("nothing")
