"""By what in an image an exported file answers: occlusion, laid over the picture that is tried."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.core.geometry import Box
from cvstudio.core.wire import Message
from cvstudio.core.words import percent, quoted
from cvstudio.gui.export.proof import read_proof
from cvstudio.gui.export.saving import Page
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.image_view import ImageView
from cvstudio.gui.widgets.section import label, link, push
from cvstudio.project.exports import REPORT_SUFFIX

_ENDINGS = (".onnx", ".xml", ".pt")
"""Of files that are run here: ONNX, OpenVINO, TorchScript."""


class Looking(QWidget):
    """Which of the files that were made together is asked, the button, and how far it is."""

    def __init__(self, studio: Studio, view: ImageView) -> None:
        super().__init__()
        self._studio, self._view = studio, view
        self._page: Page | None = None
        self.open = False
        """Whether heat is shown, or on its way: then a click on an object asks about it."""
        self._busy = False
        self.start = push("Where it looks", self.ask, small=True)
        self.start.setToolTip(
            "Hide one place after another behind grey, and show without which the file is less sure"
        )
        self.file_box = QComboBox()
        self.file_box.setAccessibleName("File to explain")
        self.file_box.setToolTip("Which of the exported files is asked")
        self.file_box.setSizePolicy(
            self.file_box.sizePolicy().Policy.Ignored, self.file_box.sizePolicy().Policy.Fixed
        )
        self.file_box.activated.connect(lambda _index: self._another_file())
        self.stop = link("Cancel", self.clear, tip="End it")
        self.away = link("Hide", self.clear, tip="Take the heat away")
        self.said = label("", "caption", wrap=True)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.start)
        row.addWidget(self.file_box, 1)
        row.addWidget(self.stop)
        row.addWidget(self.away)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.said)
        self.clear()

    def use(self, file: Path | None) -> None:
        """Offer a file, and those of other engines that were made with it and are not refused."""
        self.clear()
        self.file_box.clear()
        for title, path in files_with(file) if file is not None else ():
            self.file_box.addItem(title, path)
            place = self.file_box.count() - 1
            self.file_box.setItemData(place, path.name, Qt.ItemDataRole.ToolTipRole)
        self._show()

    def look_at(self, page: Page | None) -> None:
        """Another picture is tried."""
        self.clear()
        self._page = page
        self._show()

    def ask(self, class_id: int | None = None, box: Box | None = None) -> None:
        """Ask the chosen file about the likeliest class or the surest object, or about this one."""
        file, page = self.file_box.currentData(), self._page
        if not isinstance(file, Path) or page is None:
            return
        self.open = self._busy = True
        self._view.set_heat(np.zeros((1, 1), np.float32))
        self._say_share(0.0)
        self._show()
        header = {
            "file": str(file), "path": str(page.path), "page": page.page, "window": None,
            "class_id": class_id, "box": [box.x, box.y, box.w, box.h] if box is not None else None,
        }  # fmt: skip
        self._studio.live.request(
            "explain_file", header, owner=self, done=self._answered,
            failed=lambda text, hint: self._failed(f"{text} {hint}".strip()),
            progress=self._say_share,
        )  # fmt: skip

    def clear(self) -> None:
        """Take the heat away, and end what is being asked."""
        if self._busy:
            self._studio.live.drop(self)
            self._studio.live.request("explain_rest", {}, done=lambda message: None, owner=self)
        self.open = self._busy = False
        self._view.set_heat(None)
        self.said.setText("")
        self._show()

    def hideEvent(self, event: QHideEvent) -> None:
        # Other pages wait for the process that is at work here.
        if self._busy and not event.spontaneous():
            self.clear()
        super().hideEvent(event)

    # -- inside

    def _another_file(self) -> None:
        if self.open:
            self.ask()

    def _show(self) -> None:
        self.setVisible(self._page is not None and self.file_box.count() > 0)
        self.file_box.setVisible(self.file_box.count() > 1)
        self.start.setEnabled(not self._busy)
        self.stop.setVisible(self._busy)
        self.away.setVisible(self.open and not self._busy)
        self.said.setVisible(self.open)

    def _say_share(self, share: float) -> None:
        self.said.setText(f"Hiding one place after another: {percent(share)}")

    def _answered(self, message: Message) -> None:
        header, heat = message.header, np.asarray(message.arrays["heat"], np.float32)
        self._busy = False
        self._view.set_heat(heat)
        what = f"{quoted(str(header['name']))} {header['score']:.2f}"
        if not heat.any():
            self.said.setText(f"No place alone makes the file less sure of {what}.")
        else:
            more = " Click another object to ask about it." if header.get("box") else ""
            self.said.setText(f"Without the bright places it is less sure of {what}.{more}")
        self._show()

    def _failed(self, text: str) -> None:
        self._busy = False
        self._view.set_heat(None)
        self.said.setText(text)
        self._show()


def files_with(file: Path) -> Sequence[tuple[str, Path]]:
    """Titles and paths of the files that were made together with one and can be run here, itself
    first; those that were refused or are gone are left out."""
    proof = read_proof(file.with_suffix(REPORT_SUFFIX))
    rows = (proof.content.get("files") or []) if proof is not None else []
    found = [
        (str(row["title"]), file.with_name(row["file"])) for row in rows
        if row["verified"] is not False and Path(row["file"]).suffix in _ENDINGS
    ]  # fmt: skip
    there = [(title, path) for title, path in found if path.is_file()]
    return there if any(path == file for _, path in there) else [(file.name, file), *there]
