"""Copy annotations to the images that follow: asked for each time, never a silent mode."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QSpinBox, QWidget

from cvstudio.core.words import counted
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.section import label


class CopyNextDialog(StudioDialog):
    """`exec` is true when the person agreed; `count` is the number of images."""

    def __init__(
        self, parent: QWidget | None, *, annotations: int, following: int, within: str = ""
    ) -> None:
        super().__init__(parent, "Copy to next images", width=420)
        what = counted(annotations, "annotation")
        row = QHBoxLayout()
        row.addWidget(label(f"Copy {what} to the next"))
        self.spin = QSpinBox()
        self.spin.setRange(1, max(following, 1))
        self.spin.setSuffix(" images" if following > 1 else " image")
        self.spin.setMinimumWidth(110)
        self.spin.setAccessibleName("How many images")
        self.spin.selectAll()
        row.addWidget(self.spin)
        row.addStretch(1)
        self.content.addLayout(row)
        if within:
            self.content.addWidget(
                label(f"{within} goes on for {counted(following, 'image')}", "muted", wrap=True)
            )
        self.note("They are added to what is there. Ctrl+Z takes all of it back.")
        self.add_button("Cancel", self.reject)
        self.add_button("Copy", self.accept, next=True)

    @property
    def count(self) -> int:
        return self.spin.value()
