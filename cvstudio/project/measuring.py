"""How bright, sharp and coloured a project's images are, measured on their thumbnails."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from cvstudio.core.opencv import cv2
from cvstudio.imaging import thumbnails
from cvstudio.imaging.measures import ImageMeasures, measures_of
from cvstudio.imaging.thumbnails import ThumbnailStore
from cvstudio.project import queries
from cvstudio.project.project import Project
from cvstudio.project.verdict import go_on

_AT_ONCE = 200


def measure(
    project: Project, image_ids: Iterable[int], *, check: Callable[[], None] = go_on
) -> dict[int, ImageMeasures]:
    """The measures of images by id; those that cannot be read have none. The `pixels` are those of
    the thumbnail.

    Reads a file only where there is no thumbnail yet, and keeps what it makes. `check` is called
    for each image and stops by raising. Call it in a thread.
    """
    wanted = list(image_ids)
    with project.read() as session:
        records = queries.images(session, wanted)
    store = ThumbnailStore(project.thumbnails_file)
    found: dict[int, ImageMeasures] = {}
    try:
        for start in range(0, len(records), _AT_ONCE):
            part = records[start : start + _AT_ONCE]
            files = {record.id: (project.image_path(record), record.page) for record in part}
            keys = {i: key for i, file in files.items() if (key := thumbnails.key_of(*file))}
            readable = {image_id: files[image_id] for image_id in keys}
            for image_id, jpeg in store.kept_or_made(readable, keys):
                check()
                looks = _of_jpeg(jpeg)
                if looks is not None:
                    found[image_id] = looks
    finally:
        store.close()
    return found


def _of_jpeg(jpeg: bytes) -> ImageMeasures | None:
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) if jpeg else None
    if bgr is None:
        return None
    return measures_of(np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8))
