"""Where the next run is done: this computer, or a Ray cluster whose address the person gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QLineEdit, QPushButton, QSpinBox, QWidget

from cvstudio.core.errors import ConfigError, CVStudioError
from cvstudio.core.places_to_run import Cluster, dashboard_address
from cvstudio.core.words import counted
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import ThreadWork
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.message import Message
from cvstudio.gui.widgets.section import label
from cvstudio.project.cluster.reach import look_at, require_ray

_REMEMBERED = "train.cluster"
_HERE, _THERE = 0, 1
_CLUSTER, _ALSO = "cluster", "also"

_WHY = (
    "The run is sent to a Ray cluster with the images it trains on. Its curves are drawn here as"
    " they come, and its checkpoints and its report come home."
)


class WhereBox(QComboBox):
    """This computer, the cluster that was used last, or another one. `cluster` is what is chosen,
    None for this computer. `chosen()` tells of a change, `asked()` that the address is wanted,
    `also_asked()` that a person wants to say where else figures go."""

    chosen = Signal()
    asked = Signal()
    also_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.cluster: Cluster | None = None
        self._known: Cluster | None = None
        self._also: tuple[str, ...] = ()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        self.setToolTip("This computer, or a Ray cluster that does the run")
        self.activated.connect(self._pick)
        self._fill()

    def remember(self, told: Mapping[str, Any] | None) -> None:
        """Offer the cluster of another day; what cannot be read is none."""
        try:
            self._known = Cluster(**told) if told is not None else None
        except ValueError:
            self._known = None
        self._fill()

    def use(self, cluster: Cluster) -> None:
        """Send the next run there."""
        self._known = self.cluster = cluster
        self._fill()
        self.chosen.emit()

    def write_also(self, names: Iterable[str]) -> None:
        """Say where else the figures of the next run go: "TensorBoard", "MLflow"."""
        self._also = tuple(names)
        self._fill()

    def _fill(self) -> None:
        also = f" + {', '.join(self._also)}" if self._also else ""
        with QSignalBlocker(self):
            self.clear()
            self.addItem(f"This computer{also}")
            if self._known is not None:
                host, workers = self._known.address.partition("://")[2], self._known.workers
                words = f"{self._known.address}, {counted(workers, 'worker')}"
                self.addItem(f"{host} × {workers}{also}")
                self.setItemData(_THERE, words, Qt.ItemDataRole.ToolTipRole)
            self.addItem("Cluster…" if self._known is None else "Another cluster…", _CLUSTER)
            self.insertSeparator(self.count())
            self.addItem("Also write figures to…", _ALSO)
            self.setCurrentIndex(_HERE if self.cluster is None else _THERE)

    def _pick(self, index: int) -> None:
        what = self.itemData(index)
        if what in (_CLUSTER, _ALSO):
            self.setCurrentIndex(_HERE if self.cluster is None else _THERE)
            (self.asked if what == _CLUSTER else self.also_asked).emit()
            return
        self.cluster = None if index == _HERE else self._known
        self.chosen.emit()


class ClusterDialog(StudioDialog):
    """Asks for a cluster and looks whether it answers; `cluster` is that one when accepted."""

    def __init__(self, parent: QWidget | None, studio: Studio) -> None:
        super().__init__(parent, "Train on a cluster", width=520)
        self.setObjectName("cluster")
        self._studio = studio
        self._work: ThreadWork | None = None
        self.cluster: Cluster | None = None
        known = studio.memory.get(_REMEMBERED) or {}
        self.content.addWidget(label(_WHY, "muted", wrap=True))
        rows = QFormLayout()
        rows.setHorizontalSpacing(12)
        rows.setVerticalSpacing(8)
        self.address = QLineEdit(str(known.get("address", "")))
        self.address.setPlaceholderText("http://HOST:8265")
        self.address.setToolTip("The address of the cluster's Ray dashboard")
        self.workers = QSpinBox(minimum=1, maximum=1024, value=int(known.get("workers", 1)))
        self.workers.setToolTip(
            "Processes that train together, each with a GPU where there are any"
        )
        self.images = QComboBox()
        self.images.addItem("Sent along, up to 500 MB", "carried")
        self.images.addItem("On a disk that the cluster shares", "shared")
        self.images.setToolTip(
            "Shared: the cluster finds them under the same paths as this computer"
        )
        self.images.setCurrentIndex(max(self.images.findData(known.get("images")), 0))
        for words, editor in (("Address", self.address), ("Workers", self.workers),
                              ("Images", self.images)):  # fmt: skip
            editor.setAccessibleName(words)
            rows.addRow(words, editor)
        self.content.addLayout(rows)
        self.problem = Message("danger", "")
        self.problem.hide()
        self.content.addWidget(self.problem)
        self.add_button("Cancel", self.reject)
        self.go: QPushButton = self.add_button("Use this cluster", self._look, next=True)
        self.finished.connect(lambda _code: self._work.cancel() if self._work else None)
        self.address.setFocus()

    def _look(self) -> None:
        """Take what was typed when the cluster answers there."""
        try:
            require_ray()
            cluster = Cluster(
                address=dashboard_address(self.address.text()),
                workers=self.workers.value(),
                images=self.images.currentData(),
            )
        except CVStudioError as error:
            self._refuse(error)
            return
        self.problem.hide()
        self.go.setEnabled(False)
        self.note("Asking the cluster …")
        self._work = self._studio.tasks.run(
            lambda _control: look_at(cluster.address), title="Ask the cluster",
            done=lambda _version: self._take(cluster), failed=self._refuse, owner=self,
        )  # fmt: skip

    def _take(self, cluster: Cluster) -> None:
        self._work = None
        self.cluster = cluster
        self._studio.memory.set(_REMEMBERED, cluster.model_dump(mode="json"))
        self.accept()

    def _refuse(self, error: BaseException) -> None:
        self._work = None
        self.note("")
        self.go.setEnabled(True)
        words = str(error)
        if isinstance(error, CVStudioError):
            words = f"{error.message} {error.hint}".strip()
        self.problem.set("danger", words)
        self.problem.show()
        self.fit_height()
        if isinstance(error, ConfigError):
            self.address.setFocus()


def remembered(studio: Studio) -> Mapping[str, Any] | None:
    """The cluster of another day, as it was written down."""
    told = studio.memory.get(_REMEMBERED)
    return told if isinstance(told, dict) else None
