"""Which files an export makes: engine by precision, what may be lost, and what few want to set."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import Task
from cvstudio.core.export_kinds import (
    FIRST_OPSET,
    KINDS,
    LAST_OPSET,
    USUAL_OPSET,
    Engine,
    FileKind,
    Precision,
)
from cvstudio.gui import theme
from cvstudio.gui.widgets.section import FoldSection, label
from cvstudio.gui.widgets.verbatim import tip

_ENGINES = {
    Engine.ONNX: "ONNX",
    Engine.OPENVINO: "OpenVINO",
    Engine.TORCHSCRIPT: "TorchScript",
    Engine.TENSORRT: "TensorRT script",
}
_PRECISIONS = {
    Precision.FLOAT32: "32-bit",
    Precision.FLOAT16: "16-bit",
    Precision.INT8: "8-bit",
}
_ALWAYS = "It is always made: the others are made from it."
_PLACES = (
    ("By the program that reads the file", False),
    ("Inside the file", True),
)


class FileChoices(QWidget):
    """A tick for each kind of file, and under them what files of fewer bits may lose."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.boxes: dict[FileKind, QCheckBox] = {}
        column.addLayout(self._make_grid())
        self._drop_row = self._make_drop()
        column.addWidget(self._drop_row)
        self._show_drop()

    @property
    def chosen(self) -> tuple[FileKind, ...]:
        """What is wanted beside the 32-bit ONNX file."""
        return tuple(
            kind for kind, box in self.boxes.items() if box.isChecked() and kind != FileKind.ONNX
        )

    @property
    def allowed_drop(self) -> float:
        """What a file of 16 or 8 bits may lose of the metric, from 0 to 1."""
        return self.drop.value()

    def set_metric(self, name: str) -> None:
        """Name the metric that must not fall."""
        self._drop_words.setText(f"of {name} may be lost")

    def _make_grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(0, 1)
        for column, words in enumerate(_PRECISIONS.values(), 1):
            grid.addWidget(label(words, "caption"), 0, column, Qt.AlignmentFlag.AlignHCenter)
        for row, (engine, words) in enumerate(_ENGINES.items(), 1):
            grid.addWidget(label(words), row, 0)
            for info in KINDS.values():
                if info.engine is engine:
                    column = list(_PRECISIONS).index(info.precision) + 1
                    box = self._box(info.kind)
                    grid.addWidget(box, row, column, Qt.AlignmentFlag.AlignHCenter)
        return grid

    def _box(self, kind: FileKind) -> QCheckBox:
        info = KINDS[kind]
        box = QCheckBox()
        box.setAccessibleName(info.title)
        box.setToolTip(tip(f"{info.title}. {info.text}."))
        if kind is FileKind.ONNX:
            box.setChecked(True)
            box.setEnabled(False)
            box.setToolTip(tip(f"{info.title}. {info.text}. {_ALWAYS}"))
            box.setAccessibleDescription(_ALWAYS)
        box.toggled.connect(lambda _on: self._toggled())
        self.boxes[kind] = box
        return box

    def _make_drop(self) -> QWidget:
        self.drop = QDoubleSpinBox()
        self.drop.setRange(0, 1)
        self.drop.setDecimals(3)
        self.drop.setSingleStep(0.005)
        self.drop.setValue(0.01)
        self.drop.setAccessibleName("What fewer bits may lose")
        self.drop.setToolTip(tip("A file of 16 or 8 bits that loses more is refused."))
        row = QWidget()
        box = QHBoxLayout(row)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        box.addWidget(self.drop)
        self._drop_words = label("may be lost", "muted", wrap=True)
        box.addWidget(self._drop_words, 1)
        return row

    def _toggled(self) -> None:
        self._show_drop()
        self.changed.emit()

    def _show_drop(self) -> None:
        """What may be lost is only asked where something can be."""
        fewer = any(KINDS[kind].precision is not Precision.FLOAT32 for kind in self.chosen)
        self._drop_row.setVisible(fewer)


class Advanced(FoldSection):
    """A fold with the version of the operators, and where doubles are removed."""

    def __init__(self) -> None:
        content = QWidget()
        grid = QGridLayout(content)
        padding = theme.size("panel_padding")
        grid.setContentsMargins(padding, 0, padding, 8)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        self.opset = QSpinBox()
        self.opset.setRange(FIRST_OPSET, LAST_OPSET)
        self.opset.setValue(USUAL_OPSET)
        self.opset.setAccessibleName("Version of the ONNX operators (opset)")
        self.opset.setToolTip(tip("Lower where an old program is to read the file."))
        grid.addWidget(label("ONNX opset"), 0, 0)
        grid.addWidget(self.opset, 0, 1, Qt.AlignmentFlag.AlignLeft)
        self.doubles = QComboBox()
        self.doubles.setAccessibleName("Who removes doubles (NMS)")
        self.doubles.setToolTip(
            tip("Boxes that lie over a better one of their class. Inside: the file gives a list.")
        )
        for words, inside in _PLACES:
            self.doubles.addItem(words, inside)
        self._doubles_label = label("Doubles are removed (NMS)")
        grid.addWidget(self._doubles_label, 1, 0, 1, 2)
        grid.addWidget(self.doubles, 2, 0, 1, 2)
        super().__init__("Advanced", content, open_=False)

    @property
    def inside(self) -> bool:
        """Whether the file removes doubles itself."""
        return not self.doubles.isHidden() and bool(self.doubles.currentData())

    def set_task(self, task: Task, *, possible: bool = True) -> None:
        """Ask about doubles only where there are boxes that can lie over one another."""
        asked = possible and task in (Task.DETECT, Task.INSTANCE)
        for part in (self.doubles, self._doubles_label):
            part.setVisible(asked)
