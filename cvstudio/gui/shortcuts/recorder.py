"""A button that takes the next key that is pressed, with its modifiers."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QPushButton, QWidget

from cvstudio.gui import keys

_ALONE = (
    Qt.Key.Key_Control, Qt.Key.Key_Shift, Qt.Key.Key_Alt, Qt.Key.Key_Meta, Qt.Key.Key_AltGr,
    Qt.Key.Key_CapsLock, Qt.Key.Key_NumLock, Qt.Key.Key_unknown,
)  # fmt: skip
_WAITS = "Press the key; Esc stops"


class KeyRecorder(QPushButton):
    """Press it, then press a key: `recorded` tells which. Esc, or leaving it, stops."""

    recorded = Signal(str)

    def __init__(self, words: str, parent: QWidget | None = None) -> None:
        super().__init__(words, parent)
        self._words = words
        self.recording = False
        self.setAutoDefault(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.clicked.connect(lambda _checked=False: self.start())

    def start(self) -> None:
        """Wait for a key."""
        self.recording = True
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self._say(_WAITS)

    def stop(self) -> None:
        """Wait no more."""
        self.recording = False
        self._say(self._words)

    def _say(self, words: str) -> None:
        self.setText(words)
        self.setAccessibleName(words)

    def event(self, event: QEvent) -> bool:
        if self.recording and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()  # the key is to be known, not to be obeyed
            return True
        return super().event(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        return False if self.recording else super().focusNextPrevChild(forward)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.stop()
        super().focusOutEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.recording:
            super().keyPressEvent(event)
            return
        event.accept()
        if event.key() in _ALONE:
            held = QKeySequence(event.modifiers().value).toString(
                QKeySequence.SequenceFormat.NativeText
            )
            self._say(f"{held}…" if held else _WAITS)
            return
        plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        self.stop()
        if not (event.key() == Qt.Key.Key_Escape and plain):
            self.recorded.emit(keys.pressed(event))

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if self.recording:
            event.accept()  # the space that pressed the button is not to press it again
            return
        super().keyReleaseEvent(event)
