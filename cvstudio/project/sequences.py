"""Which images follow one another: frames of a video, pages of a file, files of a folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.project.tables import ImageRow


@dataclass(frozen=True)
class Sequence:
    """Images in their order. `times` say how far apart they lie: frames and pages by their
    numbers, files by their places. `name` is the file's or the folder's."""

    name: str
    ids: tuple[int, ...]
    times: tuple[float, ...]
    one_file: bool
    """Whether all are frames or pages of one file."""

    @cached_property
    def places(self) -> dict[int, int]:
        """The place of each image."""
        return {image_id: place for place, image_id in enumerate(self.ids)}

    def after(self, image_id: int) -> tuple[int, ...]:
        """The images behind one, in order."""
        return self.ids[self.places[image_id] + 1 :]

    def before(self, image_id: int) -> tuple[int, ...]:
        """The images in front of one, the nearest first."""
        return self.ids[: self.places[image_id]][::-1]

    def share(self, first: int, last: int, image_id: int) -> float:
        """Where an image lies between two others, from 0 to 1."""
        start, end, at = (self.times[self.places[i]] for i in (first, last, image_id))
        return (at - start) / (end - start)


def sequence_of(s: Session, image_id: int) -> Sequence:
    """The sequence that an image belongs to; of itself alone when it is in no project."""
    row = ImageRow
    found = s.execute(
        select(row.uri, row.name, row.folder, row.pages).where(row.id == image_id)
    ).first()
    if found is None:
        return Sequence("", (image_id,), (0.0,), one_file=False)
    uri, name, folder, pages = found
    if pages > 1:
        query = select(row.id, row.page).where(row.uri == uri).order_by(row.page)
        members = s.execute(query).all()
        return Sequence(
            name, tuple(m.id for m in members), tuple(float(m.page) for m in members), one_file=True
        )
    query = select(row.id, row.page).where(row.folder == folder, row.pages == 1)
    ids = tuple(m.id for m in s.execute(query.order_by(row.sort_key)))
    name = folder.rpartition("/")[2]
    return Sequence(name, ids, tuple(float(place) for place in range(len(ids))), one_file=False)
