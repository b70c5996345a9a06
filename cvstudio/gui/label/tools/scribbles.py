"""The scribbles of the pixel classifier by image, kept with the project when a window closes.

Those of which masks were made go, and come back when these masks are undone.
"""

from __future__ import annotations

from typing import Any

from cvstudio.core.errors import ProjectError
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.tools.stroke import Stroke
from cvstudio.project import commands, queries, steps

_KEY = "label.scribbles"
_MOST_STEPS = 100  # whose strokes are remembered, for undo


class Scribbles:
    """Read with the first image, written when one is left; no undo step, no image is touched."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._strokes: dict[int, list[Stroke]] | None = None
        self._written: object = None
        self._used: dict[int, tuple[int, tuple[Stroke, ...]]] = {}
        """By the step that made masks of them: the image, and the strokes."""

    def of(self, image_id: int) -> list[Stroke]:
        """The strokes on an image; what is changed here stays with it."""
        if self._strokes is None:
            self._strokes = self._read()
            self._written = self._packed(self._strokes)
        return self._strokes.setdefault(image_id, [])

    def use_up(self, image_id: int) -> None:
        """Masks were made of the strokes on an image, in the newest step: they go."""
        strokes = self.of(image_id)
        self._used[self._document.project.present_step] = (image_id, tuple(strokes))
        while len(self._used) > _MOST_STEPS:
            del self._used[next(iter(self._used))]
        strokes.clear()

    def follow_steps(self, image_id: int) -> bool:
        """Bring back what an undone step had used up, and let it go when the step is done again;
        whether any came or went. Who has scribbled meanwhile keeps just that."""
        own = {step: used for step, (image, used) in self._used.items() if image == image_id}
        if not own:
            return False
        with self._document.project.read() as session:
            done = steps.which_are_done(session, own)
        for step in own.keys() - done.keys():
            del self._used[step]  # another step came after it was undone
        kept, undone = self.of(image_id), [step for step in done if not done[step]]
        if undone and not kept:
            kept[:] = own[min(undone)]
            return True
        newest = max(done, default=0)
        if not undone and kept and own.get(newest) == tuple(kept):
            kept.clear()
            return True
        return False

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
