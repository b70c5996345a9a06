"""What frames the canvas: the bar of the tool's options, and the filmstrip's frame."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QToolButton,
    QVBoxLayout,
)

from cvstudio.core.annotation import Review
from cvstudio.gui import theme
from cvstudio.gui.actions import Actions
from cvstudio.gui.label.canvas_note import CanvasNote
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.filter_chip import FilterChip
from cvstudio.gui.label.seen_as import SeenAs
from cvstudio.gui.label.tools.base import Tool
from cvstudio.gui.label.tools.options import ToolOptions
from cvstudio.gui.label.tools.table import ToolInfo
from cvstudio.gui.widgets.filmstrip import Filmstrip
from cvstudio.gui.widgets.icons import REVIEW_ICONS
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.names import NameLabel
from cvstudio.gui.widgets.section import Pill, label, line, push, tool
from cvstudio.gui.widgets.verbatim import tip

REVIEW_WORDS = {
    Review.UNLABELLED: "Unlabelled",
    Review.LABELLED: "To review",
    Review.REVIEWED: "Reviewed",
    Review.EMPTY: "Reviewed, empty",
}


_NAME = 200
"""Pixels of the file's name that are never given to anything else; longer names are cut."""


class OptionsBar(QFrame):
    """The tool's name and options at the left; the image and the zoom at the right."""

    back_wanted = Signal()
    """The person wants to go back to where the image was opened from."""
    options_changed = Signal()
    """The settings of the tool in hand are other ones."""
    tool_wanted = Signal(str)
    """The person chose another tool in the options, by the id of its action."""

    def __init__(self, document: Document, actions: Actions) -> None:
        super().__init__()
        theme.mark(self, panel="bar")
        self._document, self._actions = document, actions
        self.setFixedHeight(theme.size("tool_options_bar"))
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 0, 12, 0)
        row.setSpacing(8)
        self.back = push("", self.back_wanted.emit, icon_name="arrow-left", small=True)
        self.back.hide()
        self._back_words = ""
        row.addWidget(self.back)
        self._icon = IconLabel("cursor-default-outline", "muted", 18)
        self._name = label("", "section")
        row.addWidget(self._icon)
        row.addWidget(self._name)
        self._line = line(upright=True)
        self._line.setFixedHeight(20)
        row.addSpacing(4)
        row.addWidget(self._line)
        row.addSpacing(4)
        self.options: ToolOptions | None = None
        """The options of the tool in hand."""
        self._known: dict[type[ToolOptions], ToolOptions] = {}
        self._place = QHBoxLayout()
        row.addLayout(self._place)
        self.seen = SeenAs()
        row.addWidget(self.seen)
        self.note = CanvasNote()
        """What the tool has to say before its next gesture; the page lays it over the canvas."""
        row.addStretch(1)
        self.file = NameLabel()
        row.addWidget(self.file)
        self.state = Pill()
        row.addWidget(self.state)
        second = line(upright=True)
        second.setFixedHeight(20)
        row.addWidget(second)
        row.addWidget(tool(actions["label.zoom_out"]))
        self.zoom = QToolButton()
        self.zoom.setDefaultAction(actions["label.actual"])
        self.zoom.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.zoom.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.zoom.setFixedSize(QSize(58, 28))
        row.addWidget(self.zoom)
        row.addWidget(tool(actions["label.zoom_in"]))
        row.addWidget(tool(actions["label.fit"]))
        row.addWidget(tool(actions["label.keep_zoom"]))

    def offer_back(self, words: str) -> None:
        """Offer a way back, such as "Back to the errors"; "" takes the offer away."""
        self._back_words = words
        self.back.setToolTip(words)
        self.back.setAccessibleName(words)
        self.back.setVisible(bool(words))
        self._share_room()

    def show_tool(self, tool_: Tool, info: ToolInfo) -> None:
        """The tool in hand, its options, and what it has to say before its next gesture."""
        self._icon.set(info.icon, "muted")
        self._name.setText(info.title)
        self._show_options(tool_)
        self.note.set_text(tool_.note())
        self._line.setVisible(self.options is not None)
        self._share_room()

    def _show_options(self, tool_: Tool) -> None:
        """Tools that name the same type of options share one widget, which keeps the focus."""
        wanted = tool_.options_type
        if wanted is not None and wanted not in self._known:
            made = wanted()
            made.changed.connect(self.options_changed)
            made.tool_wanted.connect(self.tool_wanted)
            made.more.fields.closed.connect(self._share_room)
            self._place.addWidget(made)
            self._known[wanted] = made
        self.options = self._known[wanted] if wanted is not None else None
        if self.options is not None:
            tool_.fill_options(self.options)
            self.options.show_keys(self._actions)
        for each in self._known.values():
            each.setVisible(each is self.options)

    def show_seen(self, told: str) -> None:
        """How the picture is displayed that the tool in hand works on; "" when it sees none, or
        sees it as it was opened."""
        self.seen.tell(told)
        self._share_room()

    def is_typed_in(self) -> bool:
        """Whether a field of the options has the keys."""
        field = QApplication.focusWidget()
        return isinstance(field, QAbstractSpinBox | QLineEdit) and self.isAncestorOf(field)

    def show_image(self) -> None:
        """The open image's name and review state."""
        image = self._document.image
        if image is not None:
            self.file.setText(image.title)
            self.file.setToolTip(tip(str(image.uri)))
            role = "success" if image.review == Review.REVIEWED else "muted"
            self.state.set(REVIEW_WORDS[image.review], REVIEW_ICONS[image.review.value], role)
        self._share_room()

    def _share_room(self) -> None:
        """The file's name and review state are read before the tool's name and its options: the
        palette shows the tool, and options fold behind a button of their own."""
        shown = self._document.image is not None
        self.file.setVisible(shown)
        self.state.setVisible(shown)
        self._name.show()
        self.seen.be_short(False)
        self.back.setText(self._back_words)
        options = self.options
        count = options.count if options is not None else 0
        steps: list[tuple[Callable[[], object], int]] = [(self._name.show, count)]
        steps.append((self._name.hide, count))
        steps.append((partial(self.seen.be_short, True), count))
        for fewer in range(count - 1, 0, -1):
            steps += [(partial(self.seen.be_short, short), fewer) for short in (False, True)]
        steps.append((partial(self.back.setText, ""), min(count, 1)))
        steps += [(self._name.hide, 0), (self.state.hide, 0)]
        for give_way, left in steps:
            give_way()
            if self._has_room(left):
                break
        if options is not None:
            options.fold_to(left)

    def _has_room(self, count: int) -> bool:
        """Whether the file's name has the room that it needs beside all that is shown, with the
        first `count` of the options."""
        layout = self.layout()
        assert layout is not None
        layout.invalidate()
        needed = layout.sizeHint().width() - self._place.sizeHint().width()
        if self.options is not None:
            needed += self.options.width_of(count)
        if self.file.isVisibleTo(self):
            needed -= max(self.file.sizeHint().width() - _NAME, 0)
        return needed <= self.width()

    def minimumSizeHint(self) -> QSize:
        """The bar follows the window: no option of a tool makes the panels beside it narrower."""
        return QSize(0, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_room()

    def show_zoom(self, scale: float) -> None:
        """Screen pixels per pixel of the image, in percent."""
        self.zoom.setText(f"{scale * 100:.0f} %" if scale >= 0.1 else f"{scale * 100:.1f} %")


class StripBar(QFrame):
    """The filmstrip between its two arrows, under the chip of the filter that it follows."""

    def __init__(self, strip: Filmstrip) -> None:
        super().__init__()
        theme.mark(self, panel="strip")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 1, 0, 0)
        column.setSpacing(0)
        self.chip = FilterChip()
        column.addWidget(self.chip)
        row = QHBoxLayout()
        column.addLayout(row)
        row.setContentsMargins(4, 0, 4, 0)
        row.setSpacing(0)
        row.addWidget(tool(icon_name="chevron-left", tip="Earlier", do=lambda: strip.scroll_by(-4)))
        row.addWidget(strip, 1)
        row.addWidget(tool(icon_name="chevron-right", tip="Later", do=lambda: strip.scroll_by(4)))
