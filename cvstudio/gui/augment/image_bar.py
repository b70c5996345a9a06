"""The bar over the variants: which image, which seed, and what is drawn on the pictures."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QSpinBox

from cvstudio.core.annotation import Task
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.layouts import bar_row
from cvstudio.gui.widgets.names import NameLabel
from cvstudio.gui.widgets.section import label, line, push, tool
from cvstudio.gui.widgets.verbatim import tip


class ImageBar(QFrame):
    """Steps through images and keeps the seed from one session to the next."""

    stepped = Signal(int)
    """The image so many places on is wanted."""
    seed_changed = Signal()
    shapes_changed = Signal()

    def __init__(self, studio: Studio, task: Task) -> None:
        super().__init__()
        self._memory = studio.memory
        self._name = NameLabel(role="")
        self._name.setMinimumWidth(72)  # at 1280 px the right panel needs the rest
        self._name.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.seed = QSpinBox()
        self.seed.setRange(0, 99_999)
        self.seed.setKeyboardTracking(False)
        self.seed.setFixedWidth(84)
        self.seed.setAccessibleName("Seed")
        self.seed.setToolTip("Seed: variant 3 is what a run with this seed sees in its epoch 3")
        self.seed.setValue(int(self._memory.get("augment.seed", 0)))
        self.seed.valueChanged.connect(self._keep_seed)
        again = studio.actions["augment.again"]
        shuffle = push("Shuffle", again.trigger, icon_name="dice-5-outline", small=True)
        shuffle.setToolTip(again.toolTip())
        self.ladder = tool(studio.actions["augment.ladder"])
        divider = line(upright=True)
        divider.setFixedHeight(20)
        self.show_boxes, self.show_masks = QCheckBox("Boxes"), QCheckBox("Masks")
        row = bar_row(self)
        for part in (
            tool(icon_name="chevron-left", tip="Previous image",
                 do=lambda: self.stepped.emit(-1)),
            self._name,
            tool(icon_name="chevron-right", tip="Next image", do=lambda: self.stepped.emit(1)),
            divider, label("Seed", "muted"), self.seed, shuffle, self.ladder,
        ):  # fmt: skip
            row.addWidget(part)
        row.addStretch(1)
        for box in (self.show_boxes, self.show_masks):
            box.setChecked(True)
            box.toggled.connect(lambda _on: self.shapes_changed.emit())
            row.addWidget(box)
        self.show_boxes.setVisible(task is Task.DETECT)
        self.show_masks.setVisible(task is not Task.CLASSIFY)

    def show_name(self, name: str) -> None:
        """Say which image is shown; "" for none."""
        self._name.setText(name)
        self._name.setToolTip(tip(name))

    def _keep_seed(self, value: int) -> None:
        self._memory.set("augment.seed", value)
        self.seed_changed.emit()
