"""What every format reads into and writes from, and the small services that readers share."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from cvstudio.core.annotation import LabelClass, Review, Shape, Split, Task
from cvstudio.core.attributes import Attribute
from cvstudio.core.errors import CVStudioError, FormatError, ImageError
from cvstudio.core.geometry import Box, Points
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.skeleton import Skeleton
from cvstudio.core.words import agreed
from cvstudio.imaging.decode import ImageInfo, is_image_name, probe

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many (0: unknown)."""


class Cancelled(CVStudioError):
    """The user cancelled; nothing was changed."""

    def __init__(self) -> None:
        super().__init__("Cancelled; nothing was changed.")


class ProblemKind(StrEnum):
    """What can be wrong with a source."""

    CLASS_UNKNOWN = "class unknown"
    OUTSIDE = "outside the image"
    NO_AREA = "no area"
    IMAGE_MISSING = "image missing"
    IMAGE_UNREADABLE = "image unreadable"
    MALFORMED = "malformed"
    DUPLICATE = "duplicate"
    SAME_CONTENT = "same content"
    NOT_TAKEN = "not taken"
    CARRIED = "carried"
    """It cannot be drawn, and goes out again in an export in the same format."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: a sentence for the user, and where it stands."""

    kind: ProblemKind
    text: str
    file: Path | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class ParsedClass:
    """A class that a source names; `colour` is "#RRGGBB" when the source has one."""

    name: str
    colour: str | None = None
    skeleton: Skeleton | None = None
    attributes: tuple[Attribute, ...] = ()


@dataclass(slots=True)
class ParsedAnnotation:
    """One annotation as read; its shape lies in pixels of the image as displayed.

    `box` and `area` are the shape's own where the reader has them at hand, to save time.
    """

    class_name: str
    shape: Shape
    attributes: dict[str, Any] = field(default_factory=dict)
    box: Box | None = None
    area: float | None = None


@dataclass(slots=True)
class ParsedImage:
    """One image that a source speaks of; `width` and `height` are 0 where it does not say.

    `empty` says that the source states there to be nothing on it; `bare` that it has no annotation
    and the source does not say why. `extras` is what the source knows about the image besides,
    carried for an export in the same format. `reviewed` says that a person has looked at it once
    more. An `unpacked` file was made by the reader from what lies inside a label file: it is in a
    cache, and is copied into the project in any case.
    """

    path: Path
    annotations: list[ParsedAnnotation] = field(default_factory=list)
    width: int = 0
    height: int = 0
    split: Split | None = None
    page: int = 0
    empty: bool = False
    bare: bool = False
    extras: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    reviewed: bool = False
    unpacked: bool = False


@dataclass(slots=True)
class ParsedDataset:
    """A whole source as read. `extras` belongs to the data set (COCO's info, licences, ids);
    `in_two` counts objects of the source that became two annotations each."""

    classes: list[ParsedClass] = field(default_factory=list)
    images: list[ParsedImage] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    extras: dict[str, Any] = field(default_factory=dict)
    in_two: int = 0

    @property
    def annotation_count(self) -> int:
        return sum(len(image.annotations) for image in self.images)


class Work:
    """Long work that tells how far it is and can be stopped."""

    def __init__(
        self, progress: Progress | None = None, cancelled: Callable[[], bool] | None = None
    ) -> None:
        self._progress = progress
        self._cancelled = cancelled

    def step(self, doing: str, done: int, total: int) -> None:
        """Tell how far the work is. Raises Cancelled when the user has had enough."""
        if self._cancelled is not None and self._cancelled():
            raise Cancelled
        if self._progress is not None:
            self._progress(doing, done, total)


class Reading(Work):
    """What a reader is given: for whom it reads (a task, and the classes that there are already),
    and looks at image files that are kept."""

    def __init__(
        self,
        *,
        task: Task | None = None,
        classes: Sequence[str] = (),
        class_map: Path | None = None,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__(progress, cancelled)
        self.task = task
        self.classes = tuple(classes)
        self.class_map = class_map
        self.infos: dict[Path, list[ImageInfo]] = {}
        self.unreadable: dict[Path, str] = {}

    def info(self, path: Path, page: int = 0) -> ImageInfo | None:
        """What an image file is by its header; None when it cannot be read (see `unreadable`)."""
        self._look(path)
        infos = self.infos.get(path, ())
        if page < len(infos) and infos[page].page == page:
            return infos[page]  # a video has thousands
        return next((i for i in infos if i.page == page), None)

    def look_at(self, paths: Sequence[Path]) -> None:
        """Probe many files in a few threads, so that `info` answers at once."""
        fresh = [p for p in paths if p not in self.infos and p not in self.unreadable]
        chunks = [fresh[i : i + 32] for i in range(0, len(fresh), 32)]
        with ThreadPoolExecutor(4, thread_name_prefix="probe") as pool:
            for done, _ in enumerate(pool.map(self._look_at_some, chunks), 1):
                try:
                    self.step("Looking at images", min(32 * done, len(fresh)), len(fresh))
                except Cancelled:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise

    def _look_at_some(self, paths: Sequence[Path]) -> None:
        for path in paths:
            self._look(path)

    def _look(self, path: Path) -> None:
        if path in self.infos or path in self.unreadable:
            return
        try:
            self.infos[path] = probe(path)
        except ImageError as error:
            self.unreadable[path] = error.message


@dataclass(frozen=True, slots=True)
class ExportAnnotation:
    """One accepted annotation on its way out."""

    class_name: str
    shape: Shape
    box: Box
    attributes: dict[str, Any]


@dataclass(slots=True)
class ExportImage:
    """One image on its way out; `name` is unique in the export, `width` and `height` in pixels
    as displayed."""

    path: Path
    name: str
    width: int
    height: int
    split: Split | None
    review: Review
    annotations: list[ExportAnnotation]
    page: int = 0
    pages: int = 1
    orientation: int = 1
    """EXIF's 1 to 8: how the file's own pixels have to be turned."""
    extras: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


@dataclass(slots=True)
class ExportDataset:
    """A project, or a part of it, as the writers see it."""

    name: str
    task: Task
    classes: list[LabelClass]
    images: list[ExportImage]
    extras: dict[str, Any] = field(default_factory=dict)
    skeletons: dict[str, Skeleton] = field(default_factory=dict)
    """By the name of the class, as are the attributes that it asks."""
    attributes: dict[str, tuple[Attribute, ...]] = field(default_factory=dict)


class Writing(Work):
    """What a writer is given: whether images are copied, and where it tells what was lost."""

    def __init__(
        self,
        *,
        copy_images: bool = True,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        options: dict[str, str] | None = None,
    ) -> None:
        super().__init__(progress, cancelled)
        self.copy_images = copy_images
        self.options = options or {}
        self.lost: dict[str, int] = {}
        self.renamed: list[str] = []
        self._left_out: dict[int, ExportAnnotation] = {}  # held, so that no id is given out twice
        self.unwritten: set[str] = set()
        """Names of images that are in the export in no way."""

    def lose(self, what: str, count: int = 1) -> None:
        """Note something that the format cannot hold, as the end of "12 ...", in the words of
        core.words.agreed: "box[es] [was|were] left out"."""
        self.lost[what] = self.lost.get(what, 0) + count

    def rename(self, sentence: str) -> None:
        """Note, in a sentence, a class that goes out under another name."""
        self.renamed.append(sentence)

    def leave_out(self, what: str, *annotations: ExportAnnotation) -> None:
        """Note annotations of which nothing goes out, as the end of "12 ..."."""
        if annotations:
            self.lose(what, len(annotations))
            self._left_out.update((id(each), each) for each in annotations)

    def leave_out_image(self, what: str, image: ExportImage) -> None:
        """Note an image that does not go out, as the end of "12 ..."."""
        self.lose(what)
        self.unwritten.add(image.name)

    def written(self, image: ExportImage) -> int:
        """How many of an image's annotations went out."""
        if image.name in self.unwritten:
            return 0
        return sum(id(each) not in self._left_out for each in image.annotations)

    def losses(self) -> list[str]:
        """What was lost, a sentence each."""
        return [f"{agreed(count, what)}." for what, count in self.lost.items()] + self.renamed


@dataclass(frozen=True, slots=True)
class Format:
    """One format: how to tell it, read it and write it.

    `sniff` gives 0 (certainly not) to 1 (certainly) for a file or folder, quickly and without
    raising. `read` and `write` raise FormatError, or Cancelled. `options` are what `write` knows:
    name -> allowed values, the first being the default. `otherwise` says what becomes of the shapes
    of a project whose task is not among `tasks`.
    """

    name: str
    title: str
    tasks: tuple[Task, ...]
    sniff: Callable[[Path], float]
    read: Callable[[Path, Reading], ParsedDataset]
    write: Callable[[Path, ExportDataset, Writing], None]
    options: dict[str, tuple[str, ...]] = field(default_factory=dict)
    otherwise: str = ""

    def holds(self, task: Task) -> tuple[bool, str]:
        """Whether it can hold anything of a project of a task, and in words what it cannot."""
        if task in self.tasks:
            return True, ""
        if task is Task.CLASSIFY:
            return False, "it has no classes of whole images"
        if self.tasks == (Task.CLASSIFY,):
            return False, "it has classes of whole images only"
        return True, self.otherwise


_SPLIT_WORD = re.compile(r"(?:^|[^a-z])(train|val|valid|validation|test)(?:ing)?(?![a-z])")
_SPLITS = {"train": Split.TRAIN, "test": Split.TEST}


def split_of(words: str) -> Split | None:
    """The split that a file's or folder's name speaks of ("train2017", "valid"), if any."""
    found = _SPLIT_WORD.findall(words.lower())
    return _SPLITS.get(found[-1], Split.VAL) if found else None


_SPLIT_FOLDER = re.compile(r"(train|val|valid|validation|test)(ing)?[-_ ]?\d*")


def split_named(folder: str) -> Split | None:
    """The split that a folder is wholly named after ("train2017", not "test bench"), if any."""
    return split_of(folder) if _SPLIT_FOLDER.fullmatch(folder.lower()) else None


class ImageIndex:
    """All image files under a folder, found once; hidden folders are left out."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folders: dict[Path, list[str]] = {}
        self._by_name: dict[str, list[Path]] = {}
        self._stems: dict[Path, dict[str, str]] = {}
        self._files: set[str] = set()
        for folder, names in walk(root):
            images = [name for name in names if is_image_name(name)]
            if images:
                self.folders[folder] = images
                prefix = str(folder) + os.sep
                self._files.update(prefix + name for name in images)
        for folder, images in self.folders.items():
            for name in images:
                self._by_name.setdefault(name, []).append(folder / name)

    def __len__(self) -> int:
        return len(self._files)

    def find(self, name: str, *, beside: Sequence[Path] = ()) -> Path | None:
        """The file that a source calls `name`, looked for in some folders first, then anywhere
        by the longest agreement of its last folders; None when there is none or no single one."""
        name = name.replace("\\", "/").strip()
        for folder in beside:
            candidate = f"{folder}{os.sep}{name}"
            if candidate in self._files:
                return Path(candidate)
        if os.path.isabs(name) and Path(name).is_file():
            return Path(name)
        wanted = PurePosixPath(name).parts
        if not wanted:
            return None
        found = self._by_name.get(wanted[-1], [])
        if len(found) <= 1:
            return found[0] if found else None
        scored = sorted(((_agreement(path.parts, wanted), path) for path in found), reverse=True)
        return scored[0][1] if scored[0][0] > scored[1][0] else None

    def with_stem(self, folder: Path, stem: str) -> Path | None:
        """The image of a folder whose name without its ending is `stem`."""
        stems = self._stems.get(folder)
        if stems is None:
            names = self.folders.get(folder, ())
            stems = self._stems[folder] = {os.path.splitext(n)[0]: n for n in reversed(names)}
        return folder / stems[stem] if stem in stems else None


def _agreement(path: Sequence[str], wanted: Sequence[str]) -> int:
    count = 0
    for a, b in zip(reversed(path), reversed(wanted), strict=False):
        if a != b:
            break
        count += 1
    return count


def walk(root: Path, *, depth: int = 12) -> Iterator[tuple[Path, list[str]]]:
    """Each folder under `root` with the names of its files, in order; links are not followed."""
    for folder, subfolders, names in os.walk(root):
        level = len(Path(folder).relative_to(root).parts)
        subfolders[:] = [] if level >= depth else sorted(n for n in subfolders if n[0] != ".")
        yield Path(folder), sorted(name for name in names if name[0] != ".")


def read_text(path: Path) -> str:
    """A text file in UTF-8 (with or without a mark). Raises FormatError in words."""
    try:
        return text_of(path.read_bytes(), path)
    except FileNotFoundError:
        raise FormatError(f"{path.name} is missing: {path}", path=path) from None
    except OSError as error:
        raise FormatError(f"{path.name} cannot be opened: {error.strerror}.", path=path) from None


def text_of(data: bytes, path: Path) -> str:
    """The text in the bytes of a file, its lines ended by "\\n". Raises FormatError in words."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise FormatError(
            f"{path.name} is damaged: line {line} is not text.", path=path, line=line
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def json_of(text: str, path: Path) -> Any:
    """What a file of JSON holds. Raises FormatError that says where it is damaged or ends."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) - 1 or "Unterminated" in error.msg
        reason = "is cut off" if cut else f"is damaged ({error.msg})"
        raise FormatError(
            f"{path.name} {reason} at line {error.lineno}, column {error.colno}.",
            path=path,
            line=error.lineno,
        ) from None
    except RecursionError:
        raise FormatError(f"{path.name} is damaged: it is nested too deeply.", path=path) from None
    except ValueError:  # an integer of thousands of digits
        raise FormatError(
            f"{path.name} is damaged: it holds an endless number.", path=path
        ) from None


def head_of(path: Path, count: int = 65536) -> bytes:
    """The first bytes of a file, or none when it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(count)
    except OSError:
        return b""


def fitted(
    box: Box, width: float, height: float, *, who: str, file: Path, line: int | None = None
) -> tuple[Box | None, Problem | None]:
    """A box brought inside its image. Up to a pixel over the edge is kept as it is (rounding).

    Returns (box, None) when all is well, (cut box, problem) when it reached outside, and
    (None, problem) when nothing of it can be used.
    """
    numbers = (box.x, box.y, box.w, box.h)
    if not all(-1e9 < number < 1e9 for number in numbers):
        return None, Problem(ProblemKind.MALFORMED, f"{who} has no usable numbers.", file, line)
    if box.w <= 0 or box.h <= 0:
        return None, Problem(
            ProblemKind.NO_AREA, f"{who} is a box without area: left out.", file, line
        )
    if not width or not height:
        return box, None
    if box.x >= -1 and box.y >= -1 and box.right <= width + 1 and box.bottom <= height + 1:
        return box, None
    cut = box.clipped(width, height)
    if cut.area <= 0:
        text = f"{who} lies outside the image and was left out."
        return None, Problem(ProblemKind.OUTSIDE, text, file, line)
    text = f"{who} reached outside the image and was cut at its edge."
    return cut, Problem(ProblemKind.OUTSIDE, text, file, line)


def turned_inside(
    corners: Points, width: float, height: float, *, who: str, file: Path, line: int | None = None
) -> tuple[RotatedBox | None, Problem | None]:
    """The rotated box of four corners (4, 2) in pixels, whose corners may stand out of the image.

    (None, problem) when nothing of it can be used.
    """
    if not np.isfinite(corners).all() or np.abs(corners).max() > 1e9:
        return None, Problem(ProblemKind.MALFORMED, f"{who} has no usable numbers.", file, line)
    shape = RotatedBox.from_corners(corners)
    return usable_turned(shape, width, height, who=who, file=file, line=line)


def usable_turned(
    shape: RotatedBox, width: float, height: float, *, who: str, file: Path, line: int | None = None
) -> tuple[RotatedBox | None, Problem | None]:
    """The rotated box itself, or (None, problem) when it has no area or lies outside."""
    if min(shape.w, shape.h) <= 0:
        text = f"{who} is a box without area: left out."
        return None, Problem(ProblemKind.NO_AREA, text, file, line)
    if width and height and shape.clipped(width, height) is None:
        text = f"{who} lies outside the image and was left out."
        return None, Problem(ProblemKind.OUTSIDE, text, file, line)
    return shape, None


def unique_names(names: Iterable[str], folders: Iterable[str]) -> list[str]:
    """Names that are unique even without their endings (label files share the stem), in order.

    Where two clash, the folder comes in front, then a number behind.
    """
    taken: set[str] = set()
    result = []
    for name, folder in zip(names, folders, strict=True):
        stem, suffix = os.path.splitext(name)
        candidate, number = stem, 1
        if candidate.lower() in taken and folder:
            candidate = f"{folder.strip('/').replace('/', '_')}_{stem}"
        base = candidate
        while candidate.lower() in taken:
            number += 1
            candidate = f"{base}_{number}"
        taken.add(candidate.lower())
        result.append(candidate + suffix)
    return result
