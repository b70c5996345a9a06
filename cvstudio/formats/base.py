"""What every format reads into and writes from, and what a format is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from cvstudio.core.annotation import LabelClass, Review, Shape, Split, Task
from cvstudio.core.attributes import Attribute
from cvstudio.core.errors import CVStudioError, ImageError
from cvstudio.core.geometry import Box
from cvstudio.core.skeleton import Skeleton
from cvstudio.core.words import agreed
from cvstudio.imaging.decode import ImageInfo, probe

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
