"""The right side of the map: the legend, and a list of images with what can be done with them."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.analyze.map_view.colours import Colouring
from cvstudio.gui.analyze.map_view.legend import Legend
from cvstudio.gui.analyze.map_view.reasons import Reason, ReasonList
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.possible import allow
from cvstudio.gui.widgets.section import label, line, push, tab_bar

CHOSEN, NEXT, UNUSUAL = range(3)
_TABS = ("Chosen", "Label next", "Unusual")
_TIPS = (
    "What was chosen on the map",
    "Unlabelled images that teach the network most, and why",
    "What lies far from all that the network was trained on",
)
_READING = "This project is open for reading only"


class Side(QWidget):
    """`tab_chosen` tells which list is wanted; the verbs tell that the listed images are meant."""

    tab_chosen = Signal(int)
    data_wanted = Signal()
    label_wanted = Signal(int)
    """Go through the listed images on Label, from this image on (0: the first)."""
    tag_wanted = Signal()
    like_wanted = Signal(int)
    """List what is most like this row of the map."""
    pairs_wanted = Signal()

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.setMinimumWidth(252)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.legend = Legend()
        column.addWidget(self.legend)
        self.note = label("", "caption", wrap=True)
        self.note.setContentsMargins(16, 2, 16, 8)
        self.note.hide()
        column.addWidget(self.note)
        column.addWidget(line())
        self.tabs = tab_bar(*_TABS)
        for place, words in enumerate(_TIPS):
            self.tabs.setTabToolTip(place, words)
        self.tabs.currentChanged.connect(self.tab_chosen)
        tabs = QHBoxLayout()
        tabs.setContentsMargins(4, 0, 0, 0)  # the first word begins below the check boxes
        tabs.addWidget(self.tabs)
        column.addLayout(tabs)
        column.addWidget(line())
        self.list = ReasonList(studio.thumbnails)
        self.list.opened.connect(lambda reason: self.label_wanted.emit(reason.record.id))
        self.list.at_hand.connect(lambda _reason: self._allow_like())
        self.none = label("", "muted", wrap=True)
        self.none.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.none.setContentsMargins(24, 24, 24, 24)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.list)
        self.stack.addWidget(self.none)
        column.addWidget(self.stack, 1)
        column.addWidget(self._foot())

    def show_colours(self, colouring: Colouring) -> None:
        """Say what the colours mean."""
        self.legend.show_groups(colouring.groups)
        self.note.setText(colouring.note)
        self.note.setVisible(bool(colouring.note))

    def _foot(self) -> QWidget:
        foot = QFrame()
        theme.mark(foot, panel="footer")
        column = QVBoxLayout(foot)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(8)
        self.data = push("Show on Data", self.data_wanted.emit)
        self.tag = push("Tag…", self.tag_wanted.emit)
        self.label = push("Label these", lambda: self.label_wanted.emit(0), next=True)
        self.pairs = push("Near-duplicates…", self.pairs_wanted.emit)
        self.pairs.setToolTip("Images that show the same, by their looks and by this network")
        self.like = push("More like it", self._ask_like)
        for pair in ((self.data, self.tag), (self.like, self.pairs), (self.label,)):
            row = QHBoxLayout()
            row.setSpacing(8)
            for button in pair:
                row.addWidget(button, 1)
            column.addLayout(row)
        return foot

    @property
    def tab(self) -> int:
        """Which list is in front."""
        return self.tabs.currentIndex()

    def show_list(self, reasons: list[Reason], nothing: str) -> None:
        """List images, or say why there are none."""
        self.list.show_reasons(reasons)
        self.none.setText(nothing)
        self.stack.setCurrentIndex(0 if reasons else 1)
        none = "" if reasons else "No image is listed"
        allow(self.data, none, does="Show these images on the Data page")
        allow(self.label, none, does="Go through these images on the Label page")
        project = self._studio.project
        reading = "" if project is not None and project.writable else _READING
        allow(self.tag, none or reading, does="Give these images a tag")
        self._allow_like()
        if reasons:
            self.data.setAccessibleDescription(counted(len(reasons), "image"))
        self.tabs.setTabText(CHOSEN, f"Chosen {len(reasons):,}" if self._choosing(reasons) else
                             _TABS[CHOSEN])  # fmt: skip

    @property
    def _asked_about(self) -> int:
        """The row of the map that more is wanted of: the one at hand, or the only one; else -1."""
        reasons, current = self.list.reasons, self.list.currentIndex()
        if current.isValid():
            return reasons[current.row()].row
        return reasons[0].row if len(reasons) == 1 else -1

    def _allow_like(self) -> None:
        why = "" if self._asked_about >= 0 else "Click an image of the list, or choose one point"
        allow(self.like, why, does="List what the network takes for most alike, closest first")

    def _ask_like(self) -> None:
        self.like_wanted.emit(self._asked_about)

    def _choosing(self, reasons: list[Reason]) -> bool:
        return self.tab == CHOSEN and bool(reasons)
