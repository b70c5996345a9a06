"""Evaluating a run again: from how many sides the network is to look at the images."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from cvstudio.core.annotation import Split
from cvstudio.core.config import Views
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.section import label
from cvstudio.gui.widgets.views_field import ViewsField
from cvstudio.project.records import RunRecord
from cvstudio.project.run_titles import run_title


def ask(parent: QWidget | None, run: RunRecord, split: Split, views: Views) -> Views | None:
    """From how many sides to look when the person wants the run judged; None when not."""
    dialog = AgainDialog(parent, run, split, views)
    accepted, chosen = dialog.exec(), dialog.field.views
    dialog.deleteLater()
    return chosen if accepted else None


class AgainDialog(StudioDialog):
    """Asks for the `field` of views; nothing is started here."""

    def __init__(self, parent: QWidget | None, run: RunRecord, split: Split, views: Views) -> None:
        super().__init__(parent, f"Evaluate again on {split}", width=520)
        self.setObjectName("judge_again")
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(10)
        grid.setColumnStretch(1, 1)
        top = Qt.AlignmentFlag.AlignTop
        grid.addWidget(label("Run"), 0, 0)
        grid.addWidget(label(run_title(run)), 0, 1)
        self.field = ViewsField(views)
        name = label("Views")
        name.setBuddy(self.field.box)
        name.setContentsMargins(0, 6, 0, 0)
        grid.addWidget(name, 1, 0, top)
        grid.addWidget(self.field, 1, 1)
        self.content.addLayout(grid)
        self.note("The labels of now count. The run itself stays as it is.")
        self.add_button("Cancel", self.reject)
        self.go = self.add_button("Evaluate again", self.accept, next=True)
        self.go.setFocus(Qt.FocusReason.OtherFocusReason)
