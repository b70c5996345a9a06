"""Asks for how long nobody must have worked here before a queued run starts."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QRadioButton, QSpinBox, QWidget

from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.section import label
from cvstudio.project.queueing import MOST_MINUTES

USUAL_MINUTES = 10


class IdleDialog(StudioDialog):
    """`minutes` is the answer: None starts the run as soon as its device is free."""

    def __init__(self, parent: QWidget | None, run_id: int, minutes: int | None) -> None:
        super().__init__(parent, f"When run {run_id} starts", width=440)
        self.setObjectName("when_idle")
        self.soon = QRadioButton("As soon as its device is free")
        self.idle = QRadioButton("When nobody has worked here for")
        self.spin = QSpinBox()
        self.spin.setRange(1, MOST_MINUTES)
        self.spin.setSuffix(" min")
        self.spin.setValue(minutes or USUAL_MINUTES)
        self.spin.setAccessibleName("Minutes without work")
        (self.soon if minutes is None else self.idle).setChecked(True)
        self.spin.setEnabled(minutes is not None)
        self.idle.toggled.connect(self.spin.setEnabled)
        self.content.addWidget(self.soon)
        row = QHBoxLayout()
        row.addWidget(self.idle)
        row.addWidget(self.spin)
        row.addStretch(1)
        self.content.addLayout(row)
        self.content.addWidget(
            label(
                "Nobody works here while mouse and keys rest in this window and processor and GPU"
                " have little to do. The window must stay open.",
                "muted", wrap=True,
            )
        )  # fmt: skip
        self.add_button("Cancel", self.reject)
        self.add_button("Apply", self.accept, next=True)

    @property
    def minutes(self) -> int | None:
        """For how many minutes nobody must have worked; None: it does not matter."""
        return self.spin.value() if self.idle.isChecked() else None
