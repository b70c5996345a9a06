"""What an import would bring in: a source is read, its images probed, hashed and recognised.

The image files are visited in a few threads; nothing is written.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Split, Task
from cvstudio.core.collector import collector_at_rest
from cvstudio.core.errors import FormatError, ImageError
from cvstudio.core.video_names import is_video_name
from cvstudio.core.words import counted
from cvstudio.formats import table
from cvstudio.formats.base import (
    Cancelled,
    ParsedClass,
    ParsedDataset,
    ParsedImage,
    Problem,
    ProblemKind,
    Progress,
    Reading,
)
from cvstudio.formats.files import ImageIndex, split_named
from cvstudio.imaging.decode import ImageInfo, probe, read_image
from cvstudio.imaging.display import Window
from cvstudio.imaging.large_tiff import overview
from cvstudio.imaging.video import Step
from cvstudio.imaging.windows import Values, pooled_window, values_of
from cvstudio.project import queries, windows
from cvstudio.project.import_videos import PlannedVideo, look_through, videos_in
from cvstudio.project.project import Project
from cvstudio.project.tables import ImageRow

PLAIN = "images"
"""The format of a folder of images without labels."""

_FOLDERS = "folders"
"""The format whose folders are classes of whole images."""

EACH_TENTH = Step()
"""Which frames of a video come in when nobody says: neighbours are nearly alike."""

_THREADS, _CHUNK, _TRIAL = 4, 32, 3
_MOST_MEASURED = 256
"""Deep images that are decoded to find a window for all."""
_AT_ONCE = 1 << 20
_TOLD_EVERY = 64 << 20
_SLOW = 0.0002  # seconds a file above which several threads look at files


@dataclass(slots=True)
class PlannedImage:
    """One image that will come in; `known` is its id when the project has it already."""

    parsed: ParsedImage
    info: ImageInfo
    sha256: str
    size: int
    known: int | None = None


@dataclass
class ImportPlan:
    """What an import will do, to be looked at before it is done. Nothing is changed yet."""

    source: str
    format: str
    title: str
    images: list[PlannedImage] = field(default_factory=list)
    classes: list[ParsedClass] = field(default_factory=list)
    new_classes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    extras: dict[str, Any] = field(default_factory=dict)
    windows: dict[int, Window] = field(default_factory=dict)
    """By bit depth above 8, the window that the new images of that depth get."""
    videos: tuple[PlannedVideo, ...] = ()
    """Of which videos some of the images are frames."""
    in_two: int = 0
    """How many objects of the source come in as two annotations each."""

    @property
    def annotation_count(self) -> int:
        return sum(len(image.parsed.annotations) for image in self.images)

    @property
    def known_count(self) -> int:
        """How many of the images are in the project already."""
        return sum(1 for image in self.images if image.known is not None)

    @property
    def empty_count(self) -> int:
        """How many images the source says to be empty."""
        return sum(1 for image in self.images if image.parsed.empty)

    @property
    def bare_count(self) -> int:
        """How many images have no annotation without the source saying what that means."""
        return sum(1 for image in self.images if image.parsed.bare)

    def silence(self) -> list[str]:
        """What is to be said about images without annotations."""
        lines = []
        if self.empty_count:
            many = counted(self.empty_count, "image has", "images have")
            lines.append(f"{many} no annotation and an empty label: reviewed and empty.")
        if self.bare_count:
            many = counted(self.bare_count, "image has", "images have")
            lines.append(f"{many} no annotation, and the source does not say why: unlabelled.")
        return lines

    def notes(self) -> list[str]:
        """What is not wrong with the source, and is worth knowing before it comes in."""
        if not self.in_two:
            return []
        have = counted(self.in_two, "object has", "objects have")
        return [
            f"{have} keypoints beside an outline or a box: each becomes two annotations that belong"
            " together, and one object again in an export as COCO."
        ]

    @property
    def bytes(self) -> int:
        """What copying takes on the disk."""
        files = {image.parsed.path: image.size for image in self.images if image.known is None}
        return sum(files.values())

    def class_counts(self) -> dict[str, int]:
        """How many annotations each class will get, in the source's order."""
        counts: Counter[str] = Counter({c.name: 0 for c in self.classes})
        for image in self.images:
            counts.update(a.class_name for a in image.parsed.annotations)
        return dict(counts)

    def split_counts(self) -> dict[Split | None, int]:
        return dict(Counter(image.parsed.split for image in self.images))


def plan(
    project: Project,
    source: Path,
    *,
    format: str = "auto",
    class_map: Path | None = None,
    step: Step = EACH_TENTH,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImportPlan:
    """Read a source and say what importing it would do.

    `format` is a name of formats.FORMATS, "images" for images without labels, or "auto"; `step`
    chooses the frames of videos. Raises FormatError when the source cannot be read as that, and
    Cancelled when the user has had enough.
    """
    source = Path(source).absolute()
    with project.read() as s:
        present = tuple(c.name for c in queries.classes(s))
    reading = Reading(
        task=project.task, classes=present, class_map=class_map, progress=progress,
        cancelled=cancelled,
    )  # fmt: skip
    reading.step("Looking at the source", 0, 0)
    if not source.exists():
        raise FormatError(f"There is nothing at {source}.", path=source)
    if format == "auto":
        found = table.sniff(source, project.task)
        if found is not None and found.name == _FOLDERS and project.task is not Task.CLASSIFY:
            found = None  # plates, recordings or splits: not what is on the whole image
    else:
        found = None if format == PLAIN else table.by_name(format)
    if found is None:
        return plan_images(project, [source], step=step, progress=progress, cancelled=cancelled)
    with collector_at_rest():
        dataset = found.read(source, reading)
        name, title = found.name, found.title
        return _plan(project, dataset, reading, source=source.name, format=name, title=title)


def plan_images(
    project: Project,
    paths: Iterable[Path],
    *,
    step: Step = EACH_TENTH,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImportPlan:
    """The plan for image files, videos and folders of both without labels; each page is an image,
    and so is each frame that `step` chooses."""
    reading = Reading(task=project.task, progress=progress, cancelled=cancelled)
    files: dict[Path, None] = {}
    given = [Path(path).absolute() for path in paths]
    for path in given:
        if path.is_dir():
            index = ImageIndex(path)
            files.update(
                (folder / n, None) for folder, names in index.folders.items() for n in names
            )
        else:
            files[path] = None
    clips = videos_in(given)
    files.update(dict.fromkeys(clips))
    if not files:
        raise FormatError(
            f"There are no images in {given[0] if given else 'an empty list'}.",
            path=given[0] if given else None,
        )
    dataset = ParsedDataset()
    planned = [look_through(path, step, reading, dataset.problems) for path in clips]
    frames = {found.path: found.chosen for found in planned if found is not None}
    reading.look_at(list(files))
    for path in files:
        # An unreadable file stays in the list, so that _plan says why it is left out.
        pages = reading.infos.get(path)
        numbers = frames.get(path) or ([info.page for info in pages] if pages else [0])
        dataset.images += [ParsedImage(path, page=number) for number in numbers]
    if project.task is not Task.CLASSIFY:
        _take_splits(dataset.images, given)
    name = given[0].name if len(given) == 1 else f"{len(given):,} files"
    title = "Images" if len(clips) < len(files) else "Video" if len(clips) == 1 else "Videos"
    result = _plan(project, dataset, reading, source=name, format=PLAIN, title=title)
    result.videos = tuple(found for found in planned if found is not None)
    return result


def _take_splits(images: Iterable[ParsedImage], given: Sequence[Path]) -> None:
    """Give images the split that a folder between them and what was given is named after."""
    roots = [path for path in given if path.is_dir()]
    splits: dict[Path, Split | None] = {}
    for image in images:
        folder = image.path.parent
        if folder not in splits:
            root = next((path for path in roots if folder.is_relative_to(path)), folder)
            # One folder alone divides nothing, whatever it is called.
            above = root.parts[-1:] if len(roots) > 1 else ()
            named = [*above, *folder.relative_to(root).parts]
            told = [split for name in named if (split := split_named(name)) is not None]
            splits[folder] = told[-1] if told else None
        image.split = splits[folder]


def _plan(
    project: Project,
    dataset: ParsedDataset,
    reading: Reading,
    *,
    source: str,
    format: str,
    title: str,
) -> ImportPlan:
    result = ImportPlan(source, format, title, classes=dataset.classes, extras=dataset.extras)
    result.problems, result.in_two = dataset.problems, dataset.in_two
    hashes = _hash_all([image.path for image in dataset.images], reading)
    for parsed in dataset.images:
        info = reading.info(parsed.path, parsed.page)
        found = hashes[parsed.path]
        if info is None or isinstance(found, str):
            text = reading.unreadable.get(parsed.path)
            text = text or (found if isinstance(found, str) else f"{parsed.path.name} has no page.")
            result.problems.append(Problem(ProblemKind.IMAGE_UNREADABLE, text, parsed.path))
            continue
        stated = (parsed.width, parsed.height)
        if all(stated) and stated != (info.width, info.height):
            text = (
                f"{parsed.path.name} has {info.width} × {info.height} pixels, but its labels were "
                f"made for {stated[0]} × {stated[1]}; they may lie in the wrong place."
            )
            result.problems.append(Problem(ProblemKind.MALFORMED, text, parsed.path))
        result.images.append(PlannedImage(parsed, info, found[0], found[1]))
    if format != PLAIN:
        _report_further_pages(result)
    _report_equal_files(result)
    with project.read() as s:
        _recognise(s, project, result.images)
        names = {c.name for c in queries.classes(s)}
        result.windows = windows.common_windows(s)
    result.windows |= _pooled_windows(result.images, reading, known=result.windows)
    used = {c.name.strip() for c in result.classes}
    result.new_classes = [c.name for c in result.classes if c.name.strip() not in names]
    if len(used) < len(result.classes):
        text = "Some classes differ by spaces at the ends only; they become one."
        result.problems.append(Problem(ProblemKind.DUPLICATE, text))
    return result


def _hash_all(paths: Sequence[Path], reading: Reading) -> dict[Path, tuple[str, int] | str]:
    """The SHA-256 and size of each file, or why it cannot be read; probes it in the same visit."""
    distinct = list(dict.fromkeys(paths))

    def visit(path: Path) -> tuple[str, int] | str:
        if path in reading.unreadable:
            return reading.unreadable[path]
        try:
            # Unbuffered: a buffer would take longer to make than most files to read.
            with open(path, "rb", buffering=0) as stream:
                data = stream.read(_AT_ONCE)
                if path not in reading.infos:
                    content = data if len(data) < _AT_ONCE else None
                    reading.infos[path] = probe(path, content=content)
                digest, size = hashlib.sha256(data), len(data)
                whole = os.fstat(stream.fileno()).st_size
                while data:
                    if size % _TOLD_EVERY == 0:
                        # A video of gigabytes must not keep the one waiting who wants to stop.
                        reading.step(f"Checking {path.name}, megabytes", size >> 20, whole >> 20)
                    data = stream.read(_AT_ONCE)
                    digest.update(data)
                    size += len(data)
            return digest.hexdigest(), size
        except ImageError as error:
            reading.unreadable[path] = error.message
            return error.message
        except OSError as error:
            return f"{path.name} cannot be read: {error.strerror}."

    def visit_some(some: Sequence[Path]) -> list[tuple[str, int] | str]:
        return [visit(path) for path in some]

    results: dict[Path, tuple[str, int] | str] = {}

    def note(chunk: Sequence[Path], found: list[tuple[str, int] | str]) -> None:
        results.update(zip(chunk, found, strict=True))
        reading.step("Checking images", len(results), len(distinct))

    chunks = [distinct[i : i + _CHUNK] for i in range(0, len(distinct), _CHUNK)]
    started = time.perf_counter()
    for chunk in chunks[:_TRIAL]:
        note(chunk, visit_some(chunk))
    rest = chunks[_TRIAL:]
    each = (time.perf_counter() - started) / max(1, len(results))
    if each < _SLOW:
        # Small files that are in memory already: threads would only take turns at the interpreter.
        for chunk in rest:
            note(chunk, visit_some(chunk))
        return results
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="import") as pool:
        try:
            for chunk, found in zip(rest, pool.map(visit_some, rest), strict=True):
                note(chunk, found)
        except Cancelled:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return results


def _pooled_windows(
    images: Sequence[PlannedImage], reading: Reading, *, known: Mapping[int, Window]
) -> dict[int, Window]:
    """One window for all new images of a bit depth above 8 that the project has no window for.

    Each image adds equally many values, so that a bright one among many dark ones stays bright; of
    very many images an even choice is looked at.
    """
    deep: dict[int, list[PlannedImage]] = {}
    for image in images:
        depth = image.info.bit_depth
        if depth > 8 and image.known is None and depth not in known:
            deep.setdefault(depth, []).append(image)
    found: dict[int, Window] = {}
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="import") as pool:
        for depth, members in deep.items():
            step = max(1, -(-len(members) // _MOST_MEASURED))
            chosen = members[::step]
            samples = []
            for number, sample in enumerate(pool.map(_sample, chosen), start=1):
                samples.append(sample)
                try:
                    reading.step("Measuring brightness", number, len(chosen))
                except Cancelled:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
            window = pooled_window(samples)
            if window is not None:
                found[depth] = window
    return found


def _sample(image: PlannedImage) -> Values:
    """Some values of an image; none of one whose pixels turn out to be damaged, which training and
    the Label page will say when they open it."""
    try:
        path, page = image.parsed.path, image.info.page
        small = overview(path, page)
        return values_of(read_image(path, page) if small is None else small)
    except ImageError:
        return np.zeros(0, np.float32)


def _report_further_pages(result: ImportPlan) -> None:
    """Label files know no pages: of a file with several, they speak of the first."""
    for image in result.images:
        if image.info.pages > 1 and not is_video_name(image.parsed.path):
            text = (
                f"{image.parsed.path.name} has {image.info.pages:,} pages; the labels speak of one,"
                f" so page {image.info.page + 1} was taken."
            )
            result.problems.append(Problem(ProblemKind.NOT_TAKEN, text, image.parsed.path))


def _report_equal_files(result: ImportPlan) -> None:
    groups: dict[str, dict[Path, None]] = {}
    for image in result.images:
        groups.setdefault(image.sha256, {})[image.parsed.path] = None
    for paths in groups.values():
        if len(paths) > 1:
            names = ", ".join(path.name for path in list(paths)[:3])
            more = ", …" if len(paths) > 3 else ""
            text = (
                f"{len(paths):,} files have the same content ({names}{more}): all are taken, and"
                " they share a split."
            )
            result.problems.append(Problem(ProblemKind.SAME_CONTENT, text, next(iter(paths))))


def _recognise(s: Session, project: Project, images: list[PlannedImage]) -> None:
    """Find the images that the project has already: by path, else by content."""
    by_uri: dict[tuple[str, int], int] = {}
    by_content: dict[tuple[str, int], list[int]] = {}
    for row in s.execute(select(ImageRow.id, ImageRow.uri, ImageRow.page, ImageRow.sha256)):
        by_uri[row.uri, row.page] = row.id
        if row.sha256:
            by_content.setdefault((row.sha256, row.page), []).append(row.id)
    if not by_uri:
        return
    taken: set[int] = set()
    for image in images:
        key = (project.uri_of(image.parsed.path), image.parsed.page)
        image.known = by_uri.get(key)
        if image.known is not None:
            taken.add(image.known)
    for image in images:
        if image.known is None:
            same = by_content.get((image.sha256, image.parsed.page), [])
            image.known = next((id for id in same if id not in taken), None)
            if image.known is not None:
                taken.add(image.known)
