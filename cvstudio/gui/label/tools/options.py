"""What a tool puts into the options bar: a row of fields that shows the settings of one tool."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QWidget,
    QWidgetItem,
)

from cvstudio.gui.actions import Actions
from cvstudio.gui.label.tools.more import MoreButton

_SPACING = 8
_WORDLESS = (QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit)
"""Fields that do not say themselves what they are about."""


class ToolOptions(QWidget):
    """A row of the options bar, made once for all tools that name its type.

    It changes the tool's settings by itself and tells so. Spin boxes and text fields in it give
    the keys back to the canvas at Enter and Esc.

    Where the bar is too narrow, the last fields of `row` stand behind the button `more`. A word
    and the wordless fields after it stay together; a box to tick and a choice stand alone.
    """

    changed = Signal()
    """The settings are other ones."""
    tool_wanted = Signal(str)
    """The person chose another tool here, by the id of its action."""

    def __init__(self) -> None:
        super().__init__()
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(_SPACING)
        self.row = QHBoxLayout()
        self.row.setSpacing(_SPACING)
        whole.addLayout(self.row)
        self.more = MoreButton()
        whole.addWidget(self.more)
        self._known: list[list[QWidget]] = []
        self._folded = 0  # of the known blocks, from the end

    def show_keys(self, actions: Actions) -> None:
        """Tooltips that name keys name those in force; options without such have nothing to do."""

    # -- folding, see OptionsBar

    @property
    def count(self) -> int:
        """How many blocks there are to be seen, in the bar or behind the button."""
        return sum(map(_used, self._blocks))

    def width_of(self, count: int) -> int:
        """Pixels that the first `count` blocks take in the bar, with the button for the others."""
        used = [block for block in self._blocks if _used(block)]
        shown: list[QWidget] = [w for block in used[:count] for w in block if _wanted(w)]
        if count < len(used):
            shown.append(self.more)
        return sum(map(_width, shown)) + _SPACING * max(len(shown) - 1, 0)

    def fold_to(self, count: int) -> None:
        """Leave the first `count` blocks in the bar; while the others are looked at, all stays."""
        if self.more.fields.isVisible():
            return
        used = [place for place, block in enumerate(self._blocks) if _used(block)]
        self._fold(len(self._blocks) - used[count] if count < len(used) else 0)
        self.more.say(alone=count == 0)
        self.more.setVisible(count < self.count)

    def _fold(self, wanted: int) -> None:
        """Move blocks between the bar and the rows behind the button."""
        if wanted == self._folded:
            return
        self._folded = wanted
        kept = len(self._blocks) - wanted
        for place, block in enumerate(self._blocks):
            hidden = [not _wanted(widget) for widget in block]
            if place >= kept:
                self.more.fields.take(place, block)
            else:
                for widget in block:
                    self.row.removeWidget(widget)
                    self.row.addWidget(widget)
            for widget, away in zip(block, hidden, strict=True):
                widget.setVisible(not away)

    @property
    def _blocks(self) -> list[list[QWidget]]:
        """What stays together, as it was put into the row."""
        if not self._known:
            for place in range(self.row.count()):
                item = self.row.itemAt(place)
                widget = item.widget() if item is not None else None
                if widget is None:
                    continue
                if isinstance(widget, _WORDLESS) and self._known and _worded(self._known[-1]):
                    self._known[-1].append(widget)
                else:
                    self._known.append([widget])
        return self._known


def number_field(
    name: str, low: int, high: int, *, suffix: str = " px", width: int = 84
) -> QSpinBox:
    """A field for a number; clicked it has the focus, Tab goes past it. `name` is for readers of
    the screen, `width` in pixels."""
    field = QSpinBox()
    field.setRange(low, high)
    field.setSuffix(suffix)
    field.setFixedWidth(width)
    field.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
    field.setAccessibleName(name)
    return field


def _worded(block: list[QWidget]) -> bool:
    return isinstance(block[0], QLabel)


def _wanted(widget: QWidget) -> bool:
    """Whether the tool wants to show it now; it need not be visible for that."""
    hidden = widget.testAttribute(Qt.WidgetAttribute.WA_WState_Hidden)
    return not (hidden and widget.testAttribute(Qt.WidgetAttribute.WA_WState_ExplicitShowHide))


def _used(block: list[QWidget]) -> bool:
    return any(map(_wanted, block))


def _width(widget: QWidget) -> int:
    widget.ensurePolished()
    if widget.minimumWidth() == widget.maximumWidth():
        return widget.minimumWidth()
    return QWidgetItem(widget).sizeHint().width() or widget.sizeHint().width()
