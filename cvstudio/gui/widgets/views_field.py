"""From how many sides a network looks at an image: the choice, and what it means."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from cvstudio.core.config import WHY_VIEWS, Views
from cvstudio.gui.widgets.section import label


class ViewsField(QWidget):
    """A list of the views that there are, with a sentence below it."""

    def __init__(self, views: Views = Views.ONE) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.box = QComboBox()
        self.box.setAccessibleName("Views")
        self.box.setToolTip(WHY_VIEWS)
        for each in Views:
            self.box.addItem(each.choice, each)
        self.box.setCurrentIndex(self.box.findData(views))
        column.addWidget(self.box)
        column.addWidget(label(WHY_VIEWS, "muted", wrap=True))

    @property
    def views(self) -> Views:
        """What is chosen."""
        return Views(self.box.currentData())
