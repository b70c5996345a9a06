"""The order in which images are gone through, and which of them still wait for review."""

from __future__ import annotations

from collections.abc import Collection

from cvstudio.core.annotation import Review
from cvstudio.core.words import counted
from cvstudio.project import queries
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter

OPEN = (Review.UNLABELLED, Review.LABELLED)


class ImageOrder:
    """Ids in the natural order of their names, or as another page has handed them over."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._given: tuple[int, ...] | None = None
        self.words = ""
        """What the images have in common that another page handed over; "" for all images."""
        self.ids: list[int] = []
        self.refresh()

    def give(self, ids: tuple[int, ...] | None, words: str = "") -> None:
        """Go through these images only, which the words describe; None goes through all."""
        self._given = ids
        self.words = "" if ids is None else words or counted(len(ids), "image")
        self.refresh()

    def refresh(self) -> None:
        """Images have come or gone."""
        with self._project.read() as session:
            if self._given is None:
                self.ids = queries.image_ids(session)
            else:
                kept = set(queries.image_ids(session, ImageFilter(ids=self._given)))
                self.ids = [id for id in self._given if id in kept]

    def beside(self, image_id: int, step: int) -> int:
        """The image some steps further on; 0 beyond the ends."""
        if image_id not in self.ids:
            return self.ids[0] if self.ids else 0
        place = self.ids.index(image_id) + step
        return self.ids[place] if 0 <= place < len(self.ids) else 0

    def following(self, image_id: int) -> list[int]:
        """All images after one, in order."""
        return self.ids[self.ids.index(image_id) + 1 :] if image_id in self.ids else []

    def open_beside(self, image_id: int, step: int) -> int:
        """The next image that is not reviewed, forwards (1) or backwards (-1), round the end.

        0 when every other one is reviewed.
        """
        return self.beside_among(image_id, step, ImageFilter(reviews=OPEN))

    def beside_among(self, image_id: int, step: int, wanted: ImageFilter) -> int:
        """The next image that passes a filter, forwards (1) or backwards (-1), round the end."""
        with self._project.read() as session:
            waiting = set(queries.image_ids(session, wanted))
        return self.beside_these(image_id, step, waiting)

    def outside(self, image_id: int, wanted: ImageFilter) -> int:
        """How many images pass a filter but are not among those that are gone through."""
        if self._given is None:
            return 0
        with self._project.read() as session:
            found = set(queries.image_ids(session, wanted))
        return len(found.difference(self.ids, {image_id}))

    def beside_these(self, image_id: int, step: int, waiting: Collection[int]) -> int:
        """The next of some images, forwards (1) or backwards (-1), round the end; 0 for none."""
        if not self.ids:
            return 0
        start = self.ids.index(image_id) if image_id in self.ids else -1
        count = len(self.ids)
        for away in range(1, count + 1):
            candidate = self.ids[(start + step * away) % count]
            if candidate in waiting and candidate != image_id:
                return candidate
        return 0
