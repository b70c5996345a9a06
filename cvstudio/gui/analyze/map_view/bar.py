"""The bar over the map: what its points are, which layer places them, how they are drawn."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QWidget

from cvstudio.core.annotation import Task
from cvstudio.core.config import Depth
from cvstudio.gui import theme
from cvstudio.gui.analyze.map_view.canvas import Reach
from cvstudio.gui.analyze.map_view.colours import By
from cvstudio.gui.widgets.section import Segments, label, push
from cvstudio.project.similarity.embedding import What

_OF: tuple[What, ...] = ("images", "objects")
_REACHES = (Reach.LASSO, Reach.RECTANGLE)


class MapBar(QFrame):
    """Emits what the person changed; shows no state of its own but the choices."""

    subject_changed = Signal()
    """Other points are wanted: images or objects, or another layer."""
    drawing_changed = Signal()
    """The same points in the other picture."""
    colour_changed = Signal()
    reach_changed = Signal()

    def __init__(self, task: Task) -> None:
        super().__init__()
        theme.mark(self, panel="bar")
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 16, 6)
        row.setSpacing(8)
        self._of = Segments(
            ("Images", "Objects"),
            tips=("A point is an image", "A point is a labelled object, or one that was found"),
        )
        self._of.chosen.connect(lambda _index: self.subject_changed.emit())
        self._of.setVisible(task is not Task.CLASSIFY)
        self.layer = _box("Layer of the network that places the points")
        for depth in Depth:
            self.layer.addItem(depth.choice, depth.value)
        self.layer.activated.connect(lambda _index: self.subject_changed.emit())
        self._drawing = Segments(
            ("UMAP", "PCA"),
            tips=(
                "Neighbours stay neighbours; how far groups lie apart says little (UMAP)",
                "The two directions of the widest spread; distances are true (PCA)",
            ),
        )
        self._drawing.chosen.connect(lambda _index: self.drawing_changed.emit())
        self.colour = _box("Colour of the points")
        for by in By:
            self.colour.addItem(by.choice, by)
        self.colour.activated.connect(lambda _index: self.colour_changed.emit())
        self._reach = Segments(
            ("Lasso", "Rectangle"),
            tips=(
                "Drag around points to choose them; Shift adds, Alt takes away",
                "Drag a rectangle over points to choose them; Shift adds, Alt takes away",
            ),
        )
        self._reach.chosen.connect(lambda _index: self.reach_changed.emit())
        self.make = push("Make again", icon_name="refresh", small=True)
        self.make.setToolTip("Let the network look at the images; only new ones take time")
        for part in (self._of, self.layer, self._drawing):
            row.addWidget(part)
        row.addSpacing(8)
        row.addWidget(label("Colour", "muted"))
        row.addWidget(self.colour)
        row.addStretch(1)
        row.addWidget(self._reach)
        row.addWidget(self.make)

    @property
    def arrow_users(self) -> tuple[QWidget, ...]:
        """What needs the arrow keys while it has the focus."""
        segments = (self._of, self._drawing, self._reach)
        return (self.layer, self.colour, *(b for each in segments for b in each.buttons))

    @property
    def of(self) -> What:
        """What a point is."""
        return _OF[self._of.index]

    @property
    def layer_name(self) -> str:
        """The layer that is wanted."""
        return str(self.layer.currentData())

    @property
    def flat(self) -> bool:
        """Whether the PCA picture is wanted."""
        return self._drawing.index == 1

    @property
    def by(self) -> By:
        """What colours say."""
        return By(self.colour.currentData())

    @property
    def reach(self) -> Reach:
        """How a drag chooses."""
        return _REACHES[self._reach.index]

    def allow(self, by: By, why_not: str) -> None:
        """Let a colour be chosen, or say why not."""
        model = self.colour.model()
        assert isinstance(model, QStandardItemModel)
        item = model.item(self.colour.findData(by))
        item.setEnabled(not why_not)
        item.setData(why_not or None, Qt.ItemDataRole.ToolTipRole)
        if why_not and self.by is by:
            self.colour.setCurrentIndex(0)


def _box(name: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(name)
    return box
