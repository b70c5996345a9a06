"""The scribbles of the pixel classifier by image, kept with the project when a window closes."""

from __future__ import annotations

from typing import Any

from cvstudio.core.errors import ProjectError
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.tools.stroke import Stroke
from cvstudio.project import commands, queries

_KEY = "label.scribbles"


class Scribbles:
    """Read with the first image, written when one is left; no undo step, no image is touched."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._strokes: dict[int, list[Stroke]] | None = None
        self._written: object = None

    def of(self, image_id: int) -> list[Stroke]:
        """The strokes on an image; what is changed here stays with it."""
        if self._strokes is None:
            self._strokes = self._read()
            self._written = self._packed(self._strokes)
        return self._strokes.setdefault(image_id, [])

    def write(self) -> None:
        """Keep what has changed. What stops it is told; the strokes stay in the window then."""
        if self._strokes is None or not self._document.project.writable:
            return
        packed = self._packed(self._strokes)
        if packed == self._written:
            return
        try:
            with self._document.project.transaction(
                "Scribbles", source=self, undoable=False
            ) as session:
                commands.set_setting(session, _KEY, packed)
            self._written = packed
        except ProjectError as error:
            self._document.studio.toast(f"Scribbles: {error.message}", level="warning")

    def _read(self) -> dict[int, list[Stroke]]:
        with self._document.project.read() as session:
            kept = queries.setting(session, _KEY, {})
            found = queries.images(session, [int(id) for id in kept])
        return {image.id: [_stroke(each) for each in kept[str(image.id)]] for image in found}

    @staticmethod
    def _packed(strokes: dict[int, list[Stroke]]) -> dict[str, list[Any]]:
        """As JSON: by image a list of [class or 0, width, [[x, y], …]]."""
        return {
            str(image_id): [
                [s.number, round(s.width, 3), [[round(x, 2), round(y, 2)] for x, y in s.points]]
                for s in of_image
            ]
            for image_id, of_image in strokes.items()
            if of_image
        }


def _stroke(packed: list[Any]) -> Stroke:
    number, width, points = packed
    return Stroke([(float(x), float(y)) for x, y in points], float(width), int(number))
