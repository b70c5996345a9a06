"""The bar over the gallery that says that image files are not where they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal

from cvstudio.gui.read_only import Follow
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.message import Message
from cvstudio.gui.widgets.thumbnail_model import ThumbnailModel

if TYPE_CHECKING:
    from cvstudio.project.health import Finding


class MissingNotice(Message):
    """Hidden while every file is there. `suspected()`: a picture could not be read, as its file is
    gone; the whole project is worth a look."""

    suspected = Signal()

    def __init__(self, studio: Studio, model: ThumbnailModel) -> None:
        super().__init__(
            "warning", "", link_text="Find the folder…",
            do=lambda: studio.actions.trigger("data.relocate"),
        )  # fmt: skip
        Follow(self._link, studio.actions["data.relocate"])
        self._studio, self._model = studio, model
        self._suspects: set[int] = set()
        self.hide()
        studio.thumbnails.ready.connect(self._on_thumbnails)

    def release(self) -> None:
        """The project closes."""
        self._studio.thumbnails.ready.disconnect(self._on_thumbnails)

    def show_findings(self, findings: Sequence[Finding]) -> None:
        """Say how many files are missing, if some are."""
        words = next((found.text for found in findings if found.kind == "missing file"), "")
        self.set("warning", words)
        self.setVisible(bool(words))

    def _on_thumbnails(self, ids: Sequence[int]) -> None:
        project = self._studio.project
        failed = {i for i in ids if self._studio.thumbnails.failure(i)} - self._suspects
        self._suspects |= failed  # each is a reason to look once
        if not failed or project is None or not self.isHidden():
            return
        rows = [row for i in failed if (row := self._model.row_of(i)) >= 0]
        records = [record for row in rows if (record := self._model.record(row))]
        if any(not project.image_path(record).is_file() for record in records):
            self.suspected.emit()
