"""Where else the figures of runs go: the dialog about TensorBoard and MLflow."""

from __future__ import annotations

from importlib.util import find_spec

from PySide6.QtWidgets import QCheckBox, QFileDialog, QFormLayout, QHBoxLayout, QLineEdit, QWidget

from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.message import Message
from cvstudio.gui.widgets.section import label, push
from cvstudio.project.mirrors import targets

KEYS = ("mirror.tensorboard", "mirror.mlflow", "mirror.pictures")
"""The settings that the dialog writes; Settings shows the same."""

_WHY = (
    "Each run that begins from now on shows its curves there too, next to those here. A process of"
    " its own takes them there: whatever goes wrong with it does not touch the run."
)
_NEEDED = {"TensorBoard": "tensorboard", "MLflow": "mlflow"}


class AlsoDialog(StudioDialog):
    """Asks where figures go beside the project; what is accepted is kept in the settings."""

    def __init__(self, parent: QWidget | None, studio: Studio) -> None:
        super().__init__(parent, "Also write figures to", width=520)
        self.setObjectName("also")
        self._settings = studio.settings
        self.content.addWidget(label(_WHY, "muted", wrap=True))
        rows = QFormLayout()
        rows.setHorizontalSpacing(12)
        rows.setVerticalSpacing(8)
        self.tensorboard = self._line("mirror.tensorboard", "A folder that it looks at")
        beside = QHBoxLayout()
        beside.setSpacing(4)
        beside.addWidget(self.tensorboard, 1)
        choose = push("…", self._choose, small=True)
        choose.setAccessibleName("Choose TensorBoard's folder")
        choose.setToolTip("Choose the folder")
        choose.setFixedWidth(32)
        beside.addWidget(choose)
        rows.addRow(self._name("TensorBoard", self.tensorboard), beside)
        self.mlflow = self._line("mirror.mlflow", "A folder, or http://server:5000")
        rows.addRow(self._name("MLflow", self.mlflow), self.mlflow)
        self.pictures = QCheckBox("The answers on four val images too: they show your images")
        self.pictures.setChecked(bool(self._settings.get("mirror.pictures")))
        rows.addRow("", self.pictures)
        self.content.addLayout(rows)
        self.problem = Message("warning", "")
        self.problem.hide()
        self.content.addWidget(self.problem)
        self.add_button("Cancel", self.reject)
        self.accept_button = self.add_button("Use for new runs", self._take, next=True)
        for line in (self.tensorboard, self.mlflow):
            line.textChanged.connect(lambda _text: self._look())
        self._look()

    def _line(self, key: str, empty: str) -> QLineEdit:
        line = QLineEdit(str(self._settings.get(key)))
        line.setPlaceholderText(empty)
        return line

    def _name(self, words: str, editor: QLineEdit) -> QWidget:
        editor.setAccessibleName(words)
        name = label(words)
        name.setBuddy(editor)
        return name

    def _look(self) -> None:
        """Say what would have to be installed first."""
        lines = {"TensorBoard": self.tensorboard, "MLflow": self.mlflow}
        wanted = [name for name, line in lines.items() if line.text().strip()]
        missing = [name for name in wanted if find_spec(_NEEDED[name]) is None]
        if missing:
            are = "is" if len(missing) == 1 else "are"
            names = " and ".join(missing)
            self.problem.set(
                "warning", f"{names} {are} not installed. In a terminal: {targets.INSTALL}"
            )
        self.problem.setVisible(bool(missing))
        self.fit_height()

    def _choose(self) -> None:
        found = QFileDialog.getExistingDirectory(
            self, "TensorBoard's folder", self.tensorboard.text()
        )
        if found:
            self.tensorboard.setText(found)

    def _take(self) -> None:
        self._settings.set("mirror.tensorboard", self.tensorboard.text().strip())
        self._settings.set("mirror.mlflow", self.mlflow.text().strip())
        self._settings.set("mirror.pictures", self.pictures.isChecked())
        self.accept()
