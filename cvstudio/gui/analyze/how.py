"""How the heat map is made: the method, the map it looks at, how much of it covers the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from cvstudio.core.annotation import Task
from cvstudio.core.explaining import ALL_LAYERS, USUAL, Method, method_of, methods_for
from cvstudio.gui import theme
from cvstudio.gui.kept_values import KeptValues
from cvstudio.gui.widgets.flow import FlowLayout
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.section import label, link
from cvstudio.gui.widgets.slider_field import SliderField

_USUAL_OPACITY = 75  # per cent


class How(QWidget):
    """What stands under the pictures while it is unfolded."""

    cautioned = Signal(str)
    """What the map must not be taken for, also while this is folded away; "" for nothing."""
    changed = Signal()
    """Another method or another map: ask again."""
    opacity_changed = Signal(float)
    """From 0 to 1."""
    check_wanted = Signal()
    average_wanted = Signal()
    pictures_wanted = Signal()
    stop_wanted = Signal()
    """End what is being made."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: KeptValues | None = None
        self._task = Task.CLASSIFY
        self._offered: tuple[Method, ...] = ()
        self._said = ""
        self._run_id = 0
        self._layers: list[tuple[str, str]] = []
        self.method_box = _choice("Method", "What the map of evidence is made from")
        self.method_box.activated.connect(lambda _index: self._method_chosen())
        self.layer_box = _choice("Map", "The feature map of the network that is looked at")
        self.layer_box.activated.connect(lambda _index: self._layer_chosen())
        self.opacity_field = SliderField(0, 100, _USUAL_OPACITY, unit="%", name="Opacity of heat")
        self.opacity_field.setFixedWidth(150)
        self.opacity_field.setToolTip("How much the hottest places cover the image")
        self.opacity_field.changed.connect(self._opacity_chosen)
        choices = QWidget()
        flow = FlowLayout(choices, across=16, down=4)
        for name, field in (
            ("Method", self.method_box), ("Map", self.layer_box), ("Opacity", self.opacity_field),
        ):  # fmt: skip
            flow.addWidget(_named(name, field))
        self.said = label("", "caption", wrap=True)
        self.said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.check = link(
            "Check this map", self.check_wanted.emit,
            tip="Shuffle what the network learned, and see whether the map changes",
        )  # fmt: skip
        self.average = link(
            "Mean of each class", self.average_wanted.emit,
            tip="Lay the heat maps of many images of a class over each other",
        )  # fmt: skip
        self.pictures = link(
            "Save pictures…", self.pictures_wanted.emit,
            tip="Labels, prediction and heat side by side as PNG, with a list of them",
        )  # fmt: skip
        self.stop = link("Stop", self.stop_wanted.emit, tip="End what is being made")
        self.stop.hide()
        below = QHBoxLayout()
        below.setSpacing(16)
        below.addWidget(self.said, 1)
        for button in (self.check, self.average, self.pictures, self.stop):
            below.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 0, 16, 8)
        column.setSpacing(4)
        column.addWidget(choices)
        column.addLayout(below)

    # -- what was chosen

    @property
    def method(self) -> str:
        """The key of the method; the usual one where the chosen one cannot be asked."""
        found = self.method_box.currentData()
        return found if isinstance(found, str) else USUAL

    @property
    def layer(self) -> str:
        """The key of the map: "" is the method's own."""
        if not method_of(self.method).layers:
            return ""
        found = self.layer_box.currentData()
        return found if isinstance(found, str) else ""

    @property
    def opacity(self) -> float:
        """From 0 to 1."""
        return self.opacity_field.value / 100

    @property
    def arrow_users(self) -> tuple[QWidget, ...]:
        """What needs the arrow keys while it has the focus."""
        return (
            self.method_box, self.layer_box, self.opacity_field.slider, self.opacity_field.field,
        )  # fmt: skip

    @property
    def title(self) -> str:
        """What the map is called above the picture."""
        return method_of(self.method).heading_for(self._task)

    def use(self, kept: KeptValues, task: Task, run_id: int) -> None:
        """Offer what networks of a task have, as it was chosen in this project."""
        self._kept, self._task, self._run_id = kept, task, run_id
        self._layers = []
        self.opacity_field.set_value(float(kept.get("opacity", _USUAL_OPACITY)))
        # Whether it is one of tokens is known with its first answer; what was chosen waits for it.
        self._offer_methods(tokens=kept.get("method") == "rollout")
        self._offer_layers([])
        self.opacity_changed.emit(self.opacity)

    def told(self, layers: Sequence[Mapping[str, str]], *, tokens: bool, note: str) -> None:
        """What the network answered besides the map: which maps it has, and what to know of it."""
        self._offer_methods(tokens=tokens)
        self._offer_layers([(one["key"], one["words"]) for one in layers])
        self.say(note)

    def say(self, words: str) -> None:
        """A sentence in the place of what the method says of itself; "" for that."""
        self._said = words
        method = method_of(self.method)
        beware = " ".join(filter(None, (method.caution_for(self._task), self._checked())))
        self.said.setText(words or f"{method.says} {beware}".strip())
        self.cautioned.emit(beware)
        self.method_box.setToolTip(f"From {method.source_for(self._task)}")

    def keep_check(self, likeness: float) -> None:
        """Remember what the check of a map of this run came to, for all that it shows later."""
        if self._kept is not None:
            checks = self._kept.get("checks", {})
            self._kept.set("checks", {**checks, self._check_key(): round(likeness, 2)})

    def _check_key(self) -> str:
        return f"{self._run_id} {self.method} {self.layer}".strip()

    def _checked(self) -> str:
        """What is known of such maps of this run, once one was checked."""
        checks = self._kept.get("checks", {}) if self._kept is not None else {}
        found = checks.get(self._check_key())
        if found is None:
            return ""
        return f"Checked here: {found:.2f} alike when shuffled."

    def working(self, words: str) -> None:
        """How far something is that is being made; "" when it is over."""
        self.stop.setVisible(bool(words))
        for button in (self.average, self.pictures):
            button.setEnabled(not words)
        self.say(words)

    # -- what is offered

    def _offer_methods(self, *, tokens: bool) -> None:
        offered = methods_for(self._task, tokens=tokens)
        if offered == self._offered and self.method_box.count():
            return
        self._offered = offered
        wanted = self._kept.get("method", USUAL) if self._kept is not None else USUAL
        self.method_box.clear()
        for method in offered:
            self.method_box.addItem(method.title_for(self._task), method.key)
            place = self.method_box.count() - 1
            tip = f"{method.says} From {method.source_for(self._task)}."
            self.method_box.setItemData(place, tip, Qt.ItemDataRole.ToolTipRole)
        self.method_box.setCurrentIndex(max(self.method_box.findData(wanted), 0))
        self._follow_method()

    def _offer_layers(self, layers: list[tuple[str, str]]) -> None:
        if layers == self._layers and self.layer_box.count():
            return
        self._layers = layers
        wanted = self._kept.get("layer", "") if self._kept is not None else ""
        self.layer_box.clear()
        self.layer_box.addItem("the method's own", "")
        for key, words in layers:
            self.layer_box.addItem(words, key)
        if len(layers) > 1:
            self.layer_box.addItem("all together", ALL_LAYERS)
        found = self.layer_box.findData(wanted)
        if found < 0 and not layers:
            # It is not known yet which there are; the network will say so if it has not this one.
            self.layer_box.addItem(f"map {wanted}", wanted)
            found = self.layer_box.count() - 1
        self.layer_box.setCurrentIndex(max(found, 0))

    def _follow_method(self) -> None:
        method = method_of(self.method)
        self.layer_box.setEnabled(method.layers)
        self.layer_box.setToolTip(
            "The feature map of the network that is looked at"
            if method.layers
            else f"{method.title} looks at no single map"
        )
        self.check.setEnabled(not method.many)
        self.say("")

    def _method_chosen(self) -> None:
        if self._kept is not None:
            self._kept.set("method", self.method)
        self._follow_method()
        self.changed.emit()

    def _layer_chosen(self) -> None:
        if self._kept is not None:
            self._kept.set("layer", self.layer)
        self.changed.emit()

    def _opacity_chosen(self, value: float) -> None:
        if self._kept is not None:
            self._kept.set("opacity", round(value))
        self.opacity_changed.emit(self.opacity)


class HowButton(QPushButton):
    """A word with an arrow that unfolds how the heat map is made."""

    def __init__(self, action: QAction) -> None:
        super().__init__("How")
        theme.mark(self, flat=True, small=True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAutoDefault(True)
        self.setToolTip(action.toolTip())
        self.setAccessibleName(action.text())
        self.clicked.connect(lambda _checked=False: action.trigger())

    def show_open(self, open_: bool) -> None:
        """Point down while it is unfolded."""
        self.setIcon(icon("chevron-down" if open_ else "chevron-right"))


def _choice(name: str, tip: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(tip)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    box.setMinimumWidth(130)
    box.setMaximumWidth(200)
    # A choice with the mouse leaves the focus where errors are stepped through.
    box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return box


def _named(name: str, field: QWidget) -> QWidget:
    """A field with its name before it; both go to the next line together."""
    both = QWidget()
    row = QHBoxLayout(both)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    told = label(name, "muted")
    told.setBuddy(field)
    row.addWidget(told)
    row.addWidget(field)
    return both
