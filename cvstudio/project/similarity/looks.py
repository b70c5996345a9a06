"""How a project's images look at a glance, kept beside its thumbnails."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cvstudio.imaging import likeness, thumbnails
from cvstudio.imaging.likeness import Looks, LookStore
from cvstudio.imaging.thumbnails import ThumbnailStore
from cvstudio.project import queries
from cvstudio.project.project import Project

_AT_ONCE = 200

Cancelled = Callable[[], bool]
Progress = Callable[[int, int], None]


def looks_of(
    project: Project, image_ids: Iterable[int], *, cancelled: Cancelled, progress: Progress
) -> dict[int, Looks]:
    """The looks of images in their order; those that cannot be read have none.

    Slow the first time, as thumbnails are made where there are none: call it in a thread.
    """
    wanted = list(image_ids)
    with project.read() as session:
        records = queries.images(session, wanted)
    files = {record.id: (project.image_path(record), record.page) for record in records}
    keys = {image: key for image, file in files.items() if (key := thumbnails.key_of(*file))}
    store = LookStore(project.thumbnails_file.with_name("looks.sqlite"))
    looks = store.get(keys)
    missing = [image for image in keys if image not in looks]
    pictures = ThumbnailStore(project.thumbnails_file)
    try:
        for start in range(0, len(missing), _AT_ONCE):
            if cancelled():
                break
            progress(start, len(missing))
            part = missing[start : start + _AT_ONCE]
            small = pictures.kept_or_made({i: files[i] for i in part}, keys, stopped=cancelled)
            seen = {image: likeness.look(jpeg) for image, jpeg in small}
            found = {image: look for image, look in seen.items() if look is not None}
            store.put(found, keys)
            looks |= found
    finally:
        pictures.close()
    return {image: looks[image] for image in wanted if image in looks}
