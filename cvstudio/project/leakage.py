"""Images of val and test that look like images of train: figures on them say too much."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from cvstudio.core.annotation import Split
from cvstudio.core.errors import ImageError
from cvstudio.imaging import likeness, thumbnails
from cvstudio.imaging.likeness import Looks, LookStore
from cvstudio.imaging.thumbnails import ThumbnailStore
from cvstudio.project import queries
from cvstudio.project.project import Project

_AT_ONCE = 200

Progress = Callable[[int, int], None]


def near_duplicates(
    project: Project,
    divided: Mapping[int, Split],
    *,
    cancelled: Callable[[], bool] = lambda: False,
    progress: Progress = lambda _done, _total: None,
) -> tuple[tuple[int, int], ...] | None:
    """The pairs (image of train, image of val or test that looks like it); None when cancelled.

    Slow the first time, as thumbnails are made where there are none: call it in a thread.
    """
    looks = _looks(project, divided, cancelled=cancelled, progress=progress)
    train = [image for image in looks if divided[image] is Split.TRAIN]
    judged = [image for image in looks if divided[image] is not Split.TRAIN]
    if cancelled():
        return None
    if not train or not judged:
        return ()
    found = likeness.alike(
        np.stack([looks[image] for image in train]),
        np.stack([looks[image] for image in judged]),
        cancelled=cancelled,
    )
    return None if cancelled() else tuple((train[a], judged[b]) for a, b in found)


def _looks(
    project: Project, divided: Mapping[int, Split], *, cancelled: Callable[[], bool],
    progress: Progress,
) -> dict[int, Looks]:  # fmt: skip
    with project.read() as session:
        records = queries.images(session, list(divided))
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
            found = _made(pictures, {image: files[image] for image in part}, keys, cancelled)
            store.put(found, keys)
            looks |= found
    finally:
        pictures.close()
    return {image: looks[image] for image in divided if image in looks}


def _made(
    pictures: ThumbnailStore,
    files: Mapping[int, tuple[Path, int]],
    keys: Mapping[int, str],
    cancelled: Callable[[], bool],
) -> dict[int, Looks]:
    """The looks of some images; those that cannot be read have none."""
    kept = pictures.get({image: keys[image] for image in files})
    new: list[tuple[int, str, bytes]] = []
    looks = {}
    for image, file in files.items():
        jpeg = kept.get(image)
        if jpeg is None:
            if cancelled():
                break
            try:
                jpeg = thumbnails.make(*file)
            except ImageError:
                continue  # another check says so
            new.append((image, keys[image], jpeg))
        found = likeness.look(jpeg)
        if found is not None:
            looks[image] = found
    if new:
        pictures.put(new)
    return looks
