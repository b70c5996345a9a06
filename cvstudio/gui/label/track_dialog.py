"""How objects are carried on: between their key shapes, or followed in the pictures; how far."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QRadioButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.words import counted
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.section import label

_STILLS = (
    "These images are those of a folder, not frames of a video. An object is found again only where"
    " they show the same scene a moment later."
)
_MOVEMENT = "For what shows texture: boxes resize, outlines turn, masks bend"
_APPEARANCE = "For what blurs, bends or has one colour: boxes keep their size"
_BOXES_ONLY = "For what blurs, bends or has one colour: boxes only"
_TIPS = {
    _MOVEMENT: "OpenCV's optical flow: points on the object that move together",
    _APPEARANCE: "OpenCV's MIL tracker: learns what the object looks like; some times slower",
    _BOXES_ONLY: "OpenCV's MIL tracker: draw boxes, or convert shapes to boxes, to use it",
}
_INDENT = 24


class Method(Enum):
    """Where the shapes come from."""

    BETWEEN = "between"
    MOVEMENT = "movement"
    APPEARANCE = "appearance"


@dataclass(frozen=True)
class Reach:
    """How many images lie in one direction, and how many of them before the next key shape there:
    of several objects the farthest; 0 where one of them has none."""

    images: int = 0
    to_key: int = 0


@dataclass(frozen=True)
class Choices:
    """What is possible for the objects. `between`: how many shapes lie between their key shapes,
    and `between_words` where; `sequence` is the name of the video, the file or the folder.
    `frames`: it is a video or the pages of one file; else a folder of images, which may have
    nothing to do with each other. `boxes`: all objects are boxes."""

    name: str
    between: int
    between_words: str
    sequence: str
    forwards: Reach
    backwards: Reach = Reach()
    frames: bool = True
    boxes: bool = True
    objects: int = 1


class TrackDialog(StudioDialog):
    """`exec` is true when the person agreed; `method`, `backwards`, `count`, `to_key` and
    `accept_now` say to what."""

    def __init__(self, parent: QWidget | None, choices: Choices) -> None:
        super().__init__(parent, f"Track {choices.name}", width=520)
        self._choices = choices
        several = choices.objects > 1
        whose, whom = ("their", "them") if several else ("its", "it")
        how = QButtonGroup(self)
        self.between = self._add(
            how, f"Interpolate between {whose} key shapes", choices.between_words
        )
        self.where = self._caption
        self.movement = self._add(how, f"Follow {whom} by movement", _MOVEMENT)
        words = _APPEARANCE if choices.boxes else _BOXES_ONLY
        self.appearance = self._add(how, f"Follow {whom} by appearance", words)
        there = bool(choices.forwards.images or choices.backwards.images)
        self.between.setEnabled(choices.between > 0)
        self.movement.setEnabled(there)
        self.appearance.setEnabled(there and choices.boxes)
        (self.between if choices.between else self.movement).setChecked(True)
        self.stills = label(_STILLS, "caption", wrap=True)
        self.stills.setContentsMargins(_INDENT, 0, 0, 0)
        self.content.addWidget(self.stills)
        self.content.addWidget(self._build_range())
        self.now = QCheckBox("Accept them at once, without looking at each")
        self.content.addWidget(self.now)
        self.content.addStretch(1)
        self.add_button("Cancel", self.reject)
        self.go = self.add_button("Track", self.accept, next=True)
        for part in (
            self.between, self.movement, self.appearance, self.backwards_too, self.next, self.end,
            self.key, self.now,
        ):  # fmt: skip
            part.toggled.connect(self._show)
        self.spin.valueChanged.connect(self._show)
        self._show()

    def _add(self, group: QButtonGroup, text: str, caption: str) -> QRadioButton:
        """A way of tracking, with what it is good for below."""
        both = QVBoxLayout()
        both.setSpacing(2)
        button = QRadioButton(text)
        button.setAccessibleDescription(caption)
        button.setToolTip(_TIPS.get(caption, ""))
        group.addButton(button)
        both.addWidget(button)
        self._caption = label(caption, "caption", wrap=True)
        self._caption.setContentsMargins(_INDENT, 0, 0, 0)
        both.addWidget(self._caption)
        self.content.addLayout(both)
        return button

    def _build_range(self) -> QWidget:
        """Where to and how far the objects are followed."""
        self.range = QFrame()
        column = QVBoxLayout(self.range)
        column.setContentsMargins(_INDENT, 0, 0, 0)
        column.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(16)
        self.forwards = QRadioButton("Forwards")
        self.backwards_too = QRadioButton("Backwards")
        where = QButtonGroup(self)
        for button, reach in (
            (self.forwards, self._choices.forwards),
            (self.backwards_too, self._choices.backwards),
        ):
            where.addButton(button)
            button.setEnabled(reach.images > 0)
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        row = QHBoxLayout()
        self.next = QRadioButton("through the next")
        self.spin = QSpinBox()
        self.spin.setAccessibleName("How many images")
        self.spin.setRange(1, 1)
        self.spin.setMinimumWidth(110)
        row.addWidget(self.next)
        row.addWidget(self.spin)
        row.addStretch(1)
        column.addLayout(row)
        self.key, self.end = QRadioButton(), QRadioButton()
        far = QButtonGroup(self)
        for button in (self.next, self.key, self.end):
            far.addButton(button)
        column.addWidget(self.key)
        column.addWidget(self.end)
        ahead = self._choices.forwards.images or not self._choices.backwards.images
        (self.forwards if ahead else self.backwards_too).setChecked(True)
        self._show_range()
        (self.key if self._reach.to_key else self.next).setChecked(True)
        self.backwards_too.toggled.connect(self._show_range)
        return self.range

    def _show_range(self) -> None:
        """The words and the numbers of the direction that is chosen."""
        choices, reach, back = self._choices, self._reach, self.backwards
        asked = self.spin.value() if self.spin.maximum() > 1 else 10
        self.spin.setRange(1, max(reach.images, 1))
        self.spin.setValue(min(reach.images, asked))
        self.spin.setSuffix(" images" if reach.images > 1 else " image")
        self.next.setText("through the previous" if back else "through the next")
        which, side = ("previous", "after") if back else ("next", "before")
        images = counted(reach.to_key, "image")
        if choices.objects > 1:
            self.key.setText(f"each to its {which} key shape (up to {images} {side} it)")
        else:
            self.key.setText(f"to its {which} key shape ({images} {side} it)")
        self.key.setVisible(reach.to_key > 0)
        if not reach.to_key and self.key.isChecked():
            self.next.setChecked(True)
        folder = "" if choices.frames else "the folder "
        name = f" of {folder}{choices.sequence}" if choices.sequence else ""
        edge = "beginning" if back else "end"
        self.end.setText(f"to the {edge}{name} ({counted(reach.images, 'image')})")

    @property
    def _reach(self) -> Reach:
        return self._choices.backwards if self.backwards else self._choices.forwards

    @property
    def method(self) -> Method:
        """How the shapes are found."""
        if self.between.isChecked():
            return Method.BETWEEN
        return Method.APPEARANCE if self.appearance.isChecked() else Method.MOVEMENT

    @property
    def backwards(self) -> bool:
        """Whether the objects are followed to the images before this one."""
        return self.backwards_too.isChecked()

    @property
    def to_key(self) -> bool:
        """Whether each object is followed no further than to its next key shape."""
        return self.key.isChecked()

    @property
    def count(self) -> int:
        """Through how many images the objects are followed, the farthest of them."""
        if self.end.isChecked():
            return self._reach.images
        return self._reach.to_key if self.to_key else self.spin.value()

    @property
    def accept_now(self) -> bool:
        """Whether what comes counts without a look at it."""
        return self.now.isChecked()

    def _show(self) -> None:
        choices, following = self._choices, self.method is not Method.BETWEEN
        self.range.setEnabled(following)
        self.stills.setVisible(not choices.frames and following)
        self.go.setText("Follow" if following else "Interpolate")
        count = self.count if following else choices.between
        self.go.setEnabled(count > 0)
        how = "accepted shape" if self.accept_now else "suggestion"
        if following:
            each = f" of each of {choices.objects:,} objects" if choices.objects > 1 else ""
            gets = "gets" if count == 1 else "get"
            article = "an" if self.accept_now else "a"
            words = f"Up to {counted(count, 'image')} {gets} {article} {how}{each}."
        else:
            words = f"{counted(count, how)} will be put."
        self.note(f"{words} Key shapes stay. Undone with Ctrl+Z.")
        self.fit_height()
