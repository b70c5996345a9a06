"""How an object is carried on: between its key shapes, or followed in the pictures, and how far."""

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
    "The images after this one are images of a folder, not frames of a video. An object is found"
    " again only where they show the same scene a moment later."
)


class Method(Enum):
    """Where the shapes come from."""

    BETWEEN = "between"
    FOLLOW = "follow"


@dataclass(frozen=True)
class Choices:
    """What is possible for an object. `between`: how many images lie between its key shapes, and
    `between_words` where; `following`: how many images come after this one in `sequence`, and
    `to_key` how many of them before its next key shape, 0 when there is none. `frames`: the
    sequence is a video or the pages of one file; else it is a folder of images, which may have
    nothing to do with each other."""

    name: str
    between: int
    between_words: str
    sequence: str
    following: int
    to_key: int
    frames: bool = True


class TrackDialog(StudioDialog):
    """`exec` is true when the person agreed; `method`, `count` and `accept_now` say to what."""

    def __init__(self, parent: QWidget | None, choices: Choices) -> None:
        super().__init__(parent, f"Track {choices.name}", width=520)
        self._choices = choices
        self.between = QRadioButton("Interpolate between its key shapes")
        self.where = label(choices.between_words, "caption", wrap=True)
        self.where.setContentsMargins(24, 0, 0, 0)
        self.between.setEnabled(choices.between > 0)
        self.follow = QRadioButton("Follow it in the pictures (optical flow)")
        self.follow.setEnabled(choices.following > 0)
        how = QButtonGroup(self)
        for button in (self.between, self.follow):
            how.addButton(button)
            self.content.addWidget(button)
        self.content.insertWidget(1, self.where)
        (self.between if choices.between else self.follow).setChecked(True)
        self.stills = label(_STILLS, "caption", wrap=True)
        self.stills.setContentsMargins(24, 0, 0, 0)
        self.stills.setVisible(not choices.frames)
        self.content.addWidget(self.stills)
        self.content.addWidget(self._build_range())
        self.now = QCheckBox("Accept them at once, without looking at each")
        self.content.addWidget(self.now)
        self.add_button("Cancel", self.reject)
        self.go = self.add_button("Track", self.accept, next=True)
        for part in (self.between, self.follow, self.next, self.end, self.key, self.now):
            part.toggled.connect(self._show)
        self.spin.valueChanged.connect(self._show)
        self._show()

    def _build_range(self) -> QWidget:
        """How far the object is followed."""
        choices = self._choices
        self.range = QFrame()
        column = QVBoxLayout(self.range)
        column.setContentsMargins(24, 0, 0, 0)
        column.setSpacing(8)
        row = QHBoxLayout()
        self.next = QRadioButton("through the next")
        self.spin = QSpinBox()
        self.spin.setAccessibleName("How many images")
        self.spin.setRange(1, max(choices.following, 1))
        self.spin.setValue(min(choices.following, 10))
        self.spin.setSuffix(" images" if choices.following > 1 else " image")
        self.spin.setMinimumWidth(110)
        row.addWidget(self.next)
        row.addWidget(self.spin)
        row.addStretch(1)
        column.addLayout(row)
        self.key = QRadioButton(
            f"to its next key shape ({counted(choices.to_key, 'image')} before it)"
        )
        self.key.setVisible(choices.to_key > 0)
        column.addWidget(self.key)
        images = counted(choices.following, "image")
        folder = "" if choices.frames else "the folder "
        where = f" of {folder}{choices.sequence}" if choices.sequence else ""
        self.end = QRadioButton(f"to the end{where} ({images})")
        column.addWidget(self.end)
        far = QButtonGroup(self)
        for button in (self.next, self.key, self.end):
            far.addButton(button)
        (self.key if choices.to_key else self.next).setChecked(True)
        return self.range

    @property
    def method(self) -> Method:
        return Method.BETWEEN if self.between.isChecked() else Method.FOLLOW

    @property
    def count(self) -> int:
        """Through how many images the object is followed."""
        if self.end.isChecked():
            return self._choices.following
        return self._choices.to_key if self.key.isChecked() else self.spin.value()

    @property
    def accept_now(self) -> bool:
        """Whether what comes counts without a look at it."""
        return self.now.isChecked()

    def _show(self) -> None:
        following = self.method is Method.FOLLOW
        self.range.setEnabled(following)
        count = self.count if following else self._choices.between
        self.go.setText("Follow" if following else "Interpolate")
        self.go.setEnabled(count > 0)
        come = f"Up to {counted(count, 'image')}" if following else counted(count, "image")
        how = "an accepted shape" if self.accept_now else "a suggestion"
        self.note(f"{come} get{'s' * (count == 1)} {how}. Key shapes stay. Undone with Ctrl+Z.")
