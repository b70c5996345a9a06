"""What came of correcting labels, in sentences with the images behind them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cvstudio.core.annotation import Split
from cvstudio.core.metrics.resampling import Difference
from cvstudio.gui.analyze.suspects import words
from cvstudio.gui.analyze.suspects.looking import Since
from cvstudio.gui.widgets.message import Message
from cvstudio.project.records import RunRecord

_SHOWN = 200
"""Images that are listed at most, those that changed the most."""


class CameOfIt(QWidget):
    """A sentence for judging again and one for training again, as far as there was either."""

    images_wanted = Signal(str, object)
    """Show images: what they are, and their figures by id."""
    run_wanted = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.effect, self.again = Message("info", ""), Message("info", "")
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 0)
        column.setSpacing(8)
        for message in (self.effect, self.again):
            column.addWidget(message)
        self.hide()

    def show_since(self, since: Since, run: RunRecord, split: Split) -> None:
        """Tell what is known; nothing takes no room."""
        found, again = since.effect, since.again
        for message, there in ((self.effect, found), (self.again, again)):
            message.setVisible(there is not None)
        self.setVisible(found is not None or again is not None)
        if found is not None:
            self.effect.set(_level(found.change), words.effect(found, run.id, split))
            figures = {i.image_id: f"{i.before:.2f} → {i.after:.2f}" for i in found.images[:_SHOWN]}
            self._offer(self.effect, "by the corrected labels", figures)
        if again is not None:
            self.again.set(_level(again.change), words.again(again))
            if again.newer.id != run.id:
                show = partial(self.run_wanted.emit, again.newer.id)
                self.again.set_link(f"Show run {again.newer.id}", show)
            else:
                self.again.set_link("", lambda: None)

    def _offer(self, message: Message, said: str, figures: Mapping[int, str]) -> None:
        show = partial(self.images_wanted.emit, said, figures)
        message.set_link("Show these images" if figures else "", show)


def _level(change: Difference | None) -> str:
    """Good news where a difference is certain and upwards, a warning where it is downwards."""
    if change is None or not change.certain:
        return "info"
    return "success" if change.value > 0 else "warning"
