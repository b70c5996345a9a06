"""Writing what a network answered: as a table, as COCO JSON, as masks, as pictures and as a video.

Unlike the label formats these hold scores, and images that are in no project. Nothing half made
bears the name that was asked for: files are written beside and moved.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Task
from cvstudio.core.answers import Answered, Teller, counting, said_classes
from cvstudio.core.errors import FormatError, ImageError
from cvstudio.core.jobdir import replace_file, write_json
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import to_coco
from cvstudio.core.opencv import cv2
from cvstudio.core.predictions import Found, Prediction
from cvstudio.core.video_names import is_video_name
from cvstudio.formats import answer_folders
from cvstudio.formats.answer_folders import Made
from cvstudio.imaging import video
from cvstudio.imaging.decode import read_rgb
from cvstudio.imaging.drawing import Mark, Picture, draw, marks_of_answer, rgb_of

_COLUMNS = (
    "file", "page", "frame", "time", "class", "score", "x", "y", "width", "height", "angle",
    "pixels",
)  # fmt: skip

_ROOM = 32 << 20
"""Bytes that a disk must have free for a video to go on: its end has to be written too."""
_LOOK_EVERY = 25  # pictures of a video

Told = Callable[[int, int], None]
"""Called with how many are done, and of how many; may raise to end it."""


@dataclass(frozen=True, slots=True)
class Count:
    """From which score an answer counts: a common one, or each class its own where it has one."""

    score: float
    own: bool = False

    def of(self, answer: Prediction, teller: Teller) -> Prediction:
        """The answer without what does not count."""
        return counting(answer, teller, self.score, own=self.own)


def _nothing_told(_done: int, _total: int) -> None:
    return


# -- tables


def write_csv(path: Path, teller: Teller, answers: Iterable[Answered], count: Count) -> int:
    """A line for each class, object or region; gives how many. Box of a rotated one: the middle
    and the sides, with the angle in degrees. Pages and frames count from 1, as people do; the time
    of a frame is in seconds."""
    stream = io.StringIO(newline="")
    lines = csv.writer(stream)
    lines.writerow(_COLUMNS)
    number = 0
    for each in answers:
        for row in _rows(teller, each, count):
            lines.writerow((str(each.path), *_place(each), *row))
            number += 1
    replace_file(path, stream.getvalue().encode())
    return number


def _place(each: Answered) -> tuple[int | float | str, ...]:
    """Page, frame and time of an image for a table, "" for what it has not."""
    return tuple(each.place.get(name, "") for name in ("page", "frame", "time"))


def _rows(teller: Teller, each: Answered, count: Count) -> Iterable[tuple[Any, ...]]:
    names = {c.id: c.name for c in teller.classes}
    answer = count.of(each.prediction, teller)
    if answer.scores is not None:
        for key in said_classes(answer, teller, count.score, own=count.own):
            yield (names[key], round(answer.scores[key], 6), *("",) * 6)
        return
    for key, mask in (answer.regions or {}).items():
        box = mask.box
        yield (names[key], "", box.x, box.y, box.w, box.h, "", round(mask.area))
    for one in answer.objects:
        pixels = round(one.mask.area) if one.mask is not None else ""
        yield (names[one.class_id], round(one.score, 6), *_numbers(one), pixels)


def _numbers(one: Found) -> tuple[Any, ...]:
    if one.rotated is not None:
        turned = one.rotated
        values = (turned.cx, turned.cy, turned.w, turned.h, turned.angle)
        return tuple(round(value, 3) for value in values)
    return (*(round(v, 3) for v in (one.box.x, one.box.y, one.box.w, one.box.h)), "")


def write_coco(path: Path, teller: Teller, answers: Sequence[Answered], count: Count) -> int:
    """A COCO data set whose annotations have scores; gives how many there are.

    Raises FormatError for classes of whole images, which COCO cannot hold.
    """
    refuse(teller, coco=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, each in enumerate(answers, 1):
        images.append(
            {
                "id": number,
                "file_name": str(each.path),
                "width": each.width,
                "height": each.height,
                **(each.place if each.pages > 1 or is_video_name(each.path) else {}),
            }
        )
        for row in _coco_rows(teller, each, count):
            annotations.append({"id": len(annotations) + 1, "image_id": number, **row})
    skeleton = teller.form.skeleton
    bones = {}
    if skeleton is not None:
        edges = [[a + 1, b + 1] for a, b in skeleton.edges]
        bones = {"keypoints": list(skeleton.names), "skeleton": edges}
    content = {
        "info": {"description": f"Answers of {teller.name}", "contributor": "CVStudio"},
        "images": images,
        "categories": [{"id": c.id, "name": c.name, **bones} for c in teller.classes],
        "annotations": annotations,
    }
    write_json(path, content)
    return len(annotations)


def _coco_rows(teller: Teller, each: Answered, count: Count) -> Iterable[dict[str, Any]]:
    answer = count.of(each.prediction, teller)
    for key, mask in (answer.regions or {}).items():
        box = mask.box
        yield {
            "category_id": key, "bbox": [box.x, box.y, box.w, box.h], "area": mask.area,
            "iscrowd": 0, "segmentation": to_coco(mask, height=each.height, width=each.width),
        }  # fmt: skip
    for one in answer.objects:
        box = one.box
        row: dict[str, Any] = {
            "category_id": one.class_id, "score": round(one.score, 6), "iscrowd": 0,
            "bbox": [round(v, 3) for v in (box.x, box.y, box.w, box.h)],
            "area": round(box.area, 3),
        }  # fmt: skip
        if one.mask is not None:
            code = to_coco(one.mask, height=each.height, width=each.width)
            row |= {"segmentation": code, "area": one.mask.area}
        if one.rotated is not None:
            corners = one.rotated.corners()
            row["segmentation"] = [[round(float(v), 3) for v in corners.ravel()]]
            row["area"] = round(one.rotated.w * one.rotated.h, 3)
        shape = one.shape
        if isinstance(shape, Keypoints):
            points = [[round(x, 3), round(y, 3), int(v)] for x, y, v in shape.points.tolist()]
            row["keypoints"] = [value for point in points for value in point]
            row["num_keypoints"] = sum(point[2] > 0 for point in points)
        yield row


# -- pictures


def place_for(folder: Path, answers: Sequence[Answered], made: Made) -> Path:
    """Where pictures or masks of these answers take the place of none that is there already, which
    is said there: the folder itself, or one beside it. Raises FormatError in the folder of the
    images themselves, and OSError."""
    names = _names(folder, answers)
    pictures = ((n, each.path, each.page) for n, each in zip(names, answers, strict=True))
    place = answer_folders.place_for(folder, made, pictures)
    answer_folders.note(place, made)
    return place


def write_masks(
    folder: Path, teller: Teller, answers: Sequence[Answered], count: Count,
    *, told: Told = _nothing_told,
) -> int:  # fmt: skip
    """A PNG for each image with masks: of regions the place of a pixel's class from 1 on, of
    objects the place of the object in the list, best on top; 0 is background. pictures.csv says
    which is whose. Gives how many. Raises FormatError where there are no masks, or in the folder of
    the images themselves."""
    refuse(teller, masks=True)
    names = _names(folder, answers)
    for number, each in enumerate(answers):
        told(number, len(answers))
        _save(folder / names[number], mask_picture(teller, each, count))
    _list_pictures(folder, zip(names, answers, strict=True))
    return len(answers)


def refuse(teller: Teller, *, coco: bool = False, masks: bool = False) -> None:
    """Raise FormatError where such a network's answers cannot be written so."""
    if coco and teller.task is Task.CLASSIFY:
        raise FormatError("COCO JSON holds objects; classes of whole images go into a table (CSV).")
    if masks and not has_masks(teller):
        raise FormatError("This network gives no masks.")


def has_masks(teller: Teller) -> bool:
    """Whether a network says of pixels what they are."""
    return teller.task in (Task.SEGMENT, Task.INSTANCE)


def mask_picture(teller: Teller, each: Answered, count: Count) -> NDArray[Any]:
    """(h, w) as write_masks writes it: uint8 for regions of up to 255 classes, else uint16."""
    answer = count.of(each.prediction, teller)
    small = teller.task is Task.SEGMENT and len(teller.classes) < 256
    picture = np.zeros((each.height, each.width), np.uint8 if small else np.uint16)
    places = {c.id: place for place, c in enumerate(teller.classes, 1)}
    for key, mask in (answer.regions or {}).items():
        mask.paint(picture, places[key])
    for number, one in reversed(list(enumerate(answer.objects, 1))):
        if one.mask is not None:
            one.mask.paint(picture, number)
    return picture


def write_pictures(
    folder: Path, teller: Teller, answers: Sequence[Answered], count: Count,
    *, told: Told = _nothing_told,
) -> int:  # fmt: skip
    """A PNG for each image with its answer drawn in; gives how many. What cannot be read any more
    is left out; pictures.csv says which is whose. Raises FormatError in the folder of the images
    themselves."""
    names = _names(folder, answers)
    written = []
    for number, each in enumerate(answers):
        told(number, len(answers))
        try:
            rgb = read_rgb(each.path, each.page)
        except ImageError:
            continue  # the file went away since it was answered: there is nothing to draw on
        _save(folder / names[number], drawn(teller, rgb, each.prediction, count))
        written.append((names[number], each))
    _list_pictures(folder, written)
    return len(written)


def drawn(teller: Teller, rgb: Picture, prediction: Prediction, count: Count) -> Picture:
    """An image with its answer drawn in."""
    answer = count.of(prediction, teller)
    if answer.scores is not None:
        said = said_classes(answer, teller, count.score, own=count.own)
        words = [f"{teller.by_id[key].name} {answer.scores[key]:.2f}" for key in said]
        colour = rgb_of(teller.by_id[said[0]]) if said else (255, 255, 255)
        return draw(rgb, [Mark(colour, ", ".join(words))])
    bones = teller.form.skeleton
    skeletons = dict.fromkeys(teller.form.class_ids, bones) if bones is not None else {}
    return draw(rgb, marks_of_answer(answer, teller.by_id, skeletons, least=0.0))


def write_video(
    path: Path, teller: Teller, answers: Sequence[Answered], count: Count,
    *, told: Told = _nothing_told,
) -> int:  # fmt: skip
    """The answered frames of one video as an MP4 with the answers drawn in; gives how many.

    Raises FormatError where the answers are not those of one video, or in its own place, ImageError
    when it went away.
    """
    paths = {each.path for each in answers}
    if len(paths) != 1 or not is_video_name(answers[0].path):
        raise FormatError("A video can be written of the frames of one video.")
    if path.resolve() == answers[0].path.resolve():
        raise FormatError(f"{path.name} is the video that was looked at: choose another name.")
    frames = sorted(answers, key=lambda each: each.page)
    index = video.index_of(frames[0].path)
    step = frames[1].page - frames[0].page if len(frames) > 1 else 1
    writer = VideoWriter(path, (frames[0].width, frames[0].height), (index.fps or 25.0) / step)
    try:
        for number, each in enumerate(frames):
            told(number, len(frames))
            writer.add(drawn(teller, read_rgb(each.path, each.page), each.prediction, count))
        writer.finish()
    except BaseException:
        writer.discard()
        raise
    return len(frames)


class VideoWriter:
    """An MP4 that grows picture by picture, and bears its name when it is whole."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        """`size` is (width, height) of every picture. Raises FormatError when it cannot begin."""
        self._path, self._part = path, path.with_name(f".{path.stem}.part{path.suffix or '.mp4'}")
        path.parent.mkdir(parents=True, exist_ok=True)
        code = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer = cv2.VideoWriter(str(self._part), code, max(fps, 1.0), size)
        self.added = 0
        if not self._writer.isOpened():
            self.discard()
            raise FormatError(f"OpenCV cannot write {path.name}; name it something.mp4.", path=path)

    def add(self, rgb: Picture) -> None:
        """One more picture (h, w, 3). Raises FormatError when the disk is nearly full, while what
        was added before can still be finished."""
        if self.added % _LOOK_EVERY == 0 and shutil.disk_usage(self._path.parent).free < _ROOM:
            raise FormatError(
                f"The disk has no room for more of {self._path.name}.", path=self._path,
                hint="Free some space and try again.",
            )  # fmt: skip
        self._writer.write(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        self.added += 1

    def finish(self) -> None:
        """Give it its name. Raises FormatError, and leaves nothing, when not all of it can be read
        back: OpenCV says nothing of a disk that is full."""
        self._writer.release()
        written = cv2.VideoCapture(str(self._part))
        whole = written.isOpened() and written.grab()
        there = float(written.get(cv2.CAP_PROP_FRAME_COUNT))  # some guess it from the duration
        written.release()
        if not (self.added and whole and abs(there - self.added) <= 1):
            self.discard()
            raise FormatError(
                f"{self._path.name} could not be written whole.",
                path=self._path, hint="Is the disk full?",
            )  # fmt: skip
        self._part.replace(self._path)

    def discard(self) -> None:
        """Leave nothing."""
        self._writer.release()
        self._part.unlink(missing_ok=True)


def _names(folder: Path, answers: Sequence[Answered]) -> list[str]:
    """A file name for the picture of each image. Images of one name that end otherwise have their
    ending in it, a.png and a.jpg "a-png.png" and "a-jpg.png"; those of several folders get numbers.

    Raises FormatError in a folder of the images, where a picture could take the place of one."""
    refuse_folder(folder, {each.path.parent for each in answers})
    endings: defaultdict[str, set[str]] = defaultdict(set)
    for each in answers:
        endings[each.path.stem.casefold()].add(each.path.suffix.casefold())
    names = []
    taken: set[str] = set()
    for each in answers:
        name = each.path.stem
        if len(endings[name.casefold()]) > 1:
            name += "-" + each.path.suffix[1:]
        if each.pages > 1:
            name += f"-{each.page + 1:05d}"
        free, number = name, 1
        while free.casefold() in taken:  # two names that differ in case only are one on some disks
            number += 1
            free = f"{name}-{number}"
        taken.add(free.casefold())
        names.append(f"{free}.png")
    return names


def refuse_folder(folder: Path, sources: Iterable[Path]) -> None:
    """Raise FormatError where pictures would be written into one of the folders of images."""
    if folder.resolve() in {path.resolve() for path in sources}:
        raise FormatError(
            f"{folder.name} holds the images themselves: a picture could take the place of one.",
            path=folder, hint="Choose another folder.",
        )  # fmt: skip


def _list_pictures(folder: Path, pictures: Iterable[tuple[str, Answered]]) -> None:
    """Say in pictures.csv which image each picture is of."""
    stream = io.StringIO(newline="")
    lines = csv.writer(stream)
    lines.writerow(("picture", "file", "page", "frame", "time"))
    lines.writerows((name, str(each.path), *_place(each)) for name, each in pictures)
    replace_file(folder / answer_folders.LIST, stream.getvalue().encode())


def _save(path: Path, picture: NDArray[Any]) -> None:
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    fine, data = cv2.imencode(".png", picture)
    if not fine:
        raise FormatError(f"{path.name} cannot be written as a PNG.", path=path)
    replace_file(path, data.tobytes())
