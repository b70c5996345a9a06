"""The image that was open last in each project, so that the work goes on there another day."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from cvstudio.gui.label.document import Document

_NAME = "label.image"
_WAIT = 300  # ms on an image before it is written down: who only passes it writes nothing


class LastImage(QObject):
    """Writes the open image down for its project, soon enough to outlive a killed program."""

    def __init__(self, document: Document, parent: QObject) -> None:
        super().__init__(parent)
        self._document, self._memory = document, document.studio.memory
        self._project = document.project.path
        self.id = int(self._memory.get_for(self._project, _NAME, 0))
        """The image on which the person left this project; 0 when there is none yet."""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_WAIT)
        self._timer.timeout.connect(self.write)
        document.image_changed.connect(self._timer.start)

    def write(self) -> None:
        """Remember the open image now."""
        self._timer.stop()
        image = self._document.image
        if image is None or image.id == self.id:
            return
        self.id = image.id
        self._memory.set_for(self._project, _NAME, image.id)
