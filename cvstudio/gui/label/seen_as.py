"""What tools that look at pixels see: the picture as it is displayed. Where that is not as it was
opened, the options bar says so, because other display settings give another result."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtWidgets import QHBoxLayout, QWidget

from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import label
from cvstudio.imaging.display import Display, Window

_CHANNELS = ("red", "green", "blue")
_WORDS = "As displayed"


def display_words(display: Display, plain: Collection[Window]) -> str:
    """What is other than when the image was opened: "window 0 to 191, gamma 1.4"; "" for nothing.

    `plain`: the windows through which it is seen without anybody's doing.
    """
    told = []
    if display.window is not None and display.window not in plain:
        low, high = display.window
        told.append(f"window {low:g} to {high:g}")
    for name in ("brightness", "contrast"):
        if amount := getattr(display, name):
            told.append(f"{name} {amount:+.0f}")
    if display.gamma != 1:
        told.append(f"gamma {display.gamma:.2g}")
    if display.channel is not None:
        colour = _CHANNELS[display.channel] if display.channel < len(_CHANNELS) else ""
        told.append(f"only {colour or f'channel {display.channel + 1}'}")
    if display.lut:
        told.append(f"colours {display.lut}")
    return ", ".join(told)


class SeenAs(QWidget):
    """An eye and two words; how it is displayed stands in the tooltip."""

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(IconLabel("eye-outline", "warning", 16))
        self.words = label(_WORDS, "muted")
        row.addWidget(self.words)
        self.hide()

    def tell(self, told: str) -> None:
        """Say how the picture is displayed that the tool works on; "" says nothing."""
        self.setVisible(bool(told))
        tip = (
            f"This tool works on the picture as it is displayed now: {told}. Other settings in"
            " Display give another result."
        )
        self.setToolTip(tip if told else "")
        self.setAccessibleName(tip if told else "")

    def be_short(self, short: bool) -> None:
        """Leave the words out where there is little room; the tooltip has them."""
        self.words.setVisible(not short)
