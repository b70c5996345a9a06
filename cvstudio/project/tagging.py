"""What is done to tags of images: commands as those of commands.py."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core.errors import ProjectError
from cvstudio.project import rows
from cvstudio.project.queries import id_list
from cvstudio.project.tables import ImageTagRow, TagRow


def tag_images(s: Session, *, image_ids: Iterable[int], tag: str) -> None:
    """Put a tag on images; it is made when it is new."""
    name = tag.strip()
    if not name:
        raise ProjectError("A tag needs a name.")
    id = s.scalar(select(TagRow.id).where(TagRow.name == name))
    if id is None:
        (id,) = rows.add(s, "tag", ("name",), [(name,)])
    have = set(s.scalars(select(ImageTagRow.image_id).where(ImageTagRow.tag_id == id)))
    new = [(image, id) for image in dict.fromkeys(image_ids) if image not in have]
    rows.add(s, "image_tag", ("image_id", "tag_id"), new)


def untag_images(s: Session, *, image_ids: Iterable[int], tag: str) -> None:
    """Take a tag off images; a tag that no image carries any more is gone."""
    id = s.scalar(select(TagRow.id).where(TagRow.name == tag))
    if id is None:
        return
    found = select(ImageTagRow.id).where(ImageTagRow.tag_id == id)
    rows.remove(s, "image_tag", s.scalars(found.where(id_list(ImageTagRow.image_id, image_ids))))
    if s.scalar(found.limit(1)) is None:
        rows.remove(s, "tag", [id])


def rename_tag(s: Session, *, id: int, name: str) -> None:
    """Give a tag another name. Raises ProjectError when it is empty or taken."""
    name = name.strip()
    other = s.scalar(select(TagRow.id).where(TagRow.name == name))
    if not name or (other is not None and other != id):
        raise ProjectError(f"There is a tag “{name}” already." if name else "A tag needs a name.")
    rows.change(s, "tag", [id], name=name)


def delete_tag(s: Session, *, id: int) -> None:
    """Take a tag off all images and forget it."""
    rows.remove(s, "tag", [id])
