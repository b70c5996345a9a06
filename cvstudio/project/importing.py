"""Bringing images and labels into a project: first a plan to look at, then one undo step.

A plan reads the source, probes and hashes the image files in a few threads and writes nothing.
`run` carries it out whole or not at all: when the disk is full or the user cancels, the database
is rolled back and the files copied so far are removed.
"""

from __future__ import annotations

import errno
import gc
import hashlib
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Review, Source, Split, area_of, box_of, kind_of, pack_shape
from cvstudio.core.errors import FormatError, ImageError, ProjectError
from cvstudio.core.geometry import Box
from cvstudio.formats import table
from cvstudio.formats.base import (
    Cancelled,
    ImageIndex,
    ParsedAnnotation,
    ParsedClass,
    ParsedDataset,
    ParsedImage,
    Problem,
    ProblemKind,
    Progress,
    Reading,
)
from cvstudio.imaging.decode import ImageInfo, probe
from cvstudio.project import commands, queries, rows
from cvstudio.project import splits as split_proposals
from cvstudio.project.carried import carry, dump
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage
from cvstudio.project.tables import ImageRow

__all__ = ["Cancelled", "ImportPlan", "ImportReport", "Known", "plan", "plan_images", "run"]

Known = Literal["add", "skip"]
"""What happens to images that are in the project already: "add" gives them the annotations that
they do not have yet, "skip" leaves them as they are."""

PLAIN = "images"
"""The format of a folder of images without labels."""

_THREADS, _CHUNK, _TRIAL = 4, 32, 3
_AT_ONCE = 1 << 20
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

    @property
    def annotation_count(self) -> int:
        return sum(len(image.parsed.annotations) for image in self.images)

    @property
    def known_count(self) -> int:
        """How many of the images are in the project already."""
        return sum(1 for image in self.images if image.known is not None)

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

    def problem_counts(self) -> dict[ProblemKind, int]:
        return dict(Counter(problem.kind for problem in self.problems))


@dataclass(frozen=True)
class ImportReport:
    """What an import did."""

    image_ids: tuple[int, ...]
    added: int
    known: int
    annotations: int
    doubles: int
    classes: tuple[str, ...]
    problems: tuple[Problem, ...]

    def sentences(self) -> list[str]:
        """The report in words."""
        lines = [f"{self.added:,} images and {self.annotations:,} annotations came in."]
        if self.known:
            lines.append(f"{self.known:,} images were in the project already.")
        if self.doubles:
            lines.append(f"{self.doubles:,} annotations were there already and not doubled.")
        if self.classes:
            lines.append(f"New classes: {', '.join(self.classes)}.")
        if self.problems:
            counts = Counter(problem.kind.value for problem in self.problems)
            words = ", ".join(f"{count:,} × {kind}" for kind, count in counts.items())
            lines.append(f"Not all was well: {words}.")
        return lines


def plan(
    project: Project,
    source: Path,
    *,
    format: str = "auto",
    class_map: Path | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImportPlan:
    """Read a source and say what importing it would do.

    `format` is a name of formats.FORMATS, "images" for images without labels, or "auto". Raises
    FormatError when the source cannot be read as that, Cancelled when the user has had enough.
    """
    source = Path(source).absolute()
    reading = Reading(
        task=project.task, class_map=class_map, progress=progress, cancelled=cancelled
    )
    reading.step("Looking at the source", 0, 0)
    if not source.exists():
        raise FormatError(f"There is nothing at {source}.", path=source)
    if format == "auto":
        found = table.sniff(source, project.task)
    else:
        found = None if format == PLAIN else table.by_name(format)
    if found is None:
        return plan_images(project, [source], progress=progress, cancelled=cancelled)
    with _collector_at_rest():
        dataset = found.read(source, reading)
        name, title = found.name, found.title
        return _plan(project, dataset, reading, source=source.name, format=name, title=title)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """No search for circular garbage while hundreds of thousands of objects are made: each search
    looks at all of them again, and there are no circles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            # Into the oldest generation without a look at each, or enabling would begin with one.
            gc.freeze()
            gc.unfreeze()
            gc.enable()


def plan_images(
    project: Project,
    paths: Iterable[Path],
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImportPlan:
    """The plan for image files and folders of images without labels; each page is an image."""
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
    if not files:
        raise FormatError(
            f"There are no images in {given[0] if given else 'an empty list'}.",
            path=given[0] if given else None,
        )
    reading.look_at(list(files))
    dataset = ParsedDataset()
    for path in files:
        # An unreadable file stays in the list, so that _plan says why it is left out.
        pages = reading.infos.get(path)
        numbers = [info.page for info in pages] if pages else [0]
        dataset.images += [ParsedImage(path, page=number) for number in numbers]
    name = given[0].name if len(given) == 1 else f"{len(given):,} files"
    return _plan(project, dataset, reading, source=name, format=PLAIN, title="Images")


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
    result.problems = dataset.problems
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
    _report_equal_files(result)
    with project.read() as s:
        _recognise(s, project, result.images)
        names = {c.name for c in queries.classes(s)}
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
            with open(path, "rb") as stream:
                data = stream.read(_AT_ONCE)
                if path not in reading.infos:
                    whole = data if len(data) < _AT_ONCE else None
                    reading.infos[path] = probe(path, content=whole)
                digest, size = hashlib.sha256(data), len(data)
                while len(data) == _AT_ONCE:
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
        for chunk, found in zip(rest, pool.map(visit_some, rest), strict=True):
            try:
                note(chunk, found)
            except Cancelled:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return results


def _report_equal_files(result: ImportPlan) -> None:
    groups: dict[str, dict[Path, None]] = {}
    for image in result.images:
        groups.setdefault(image.sha256, {})[image.parsed.path] = None
    for paths in groups.values():
        if len(paths) > 1:
            names = ", ".join(path.name for path in list(paths)[:3])
            more = ", …" if len(paths) > 3 else ""
            text = f"{len(paths):,} files have the same content ({names}{more}); all are taken."
            result.problems.append(Problem(ProblemKind.DUPLICATE, text, next(iter(paths))))


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


def run(
    project: Project,
    plan: ImportPlan,
    *,
    copy: bool = False,
    known: Known = "add",
    splits: split_proposals.Fractions | None = None,
    seed: int = 0,
    source: object = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImportReport:
    """Carry out a plan in one transaction, which is one undo step.

    copy: the image files are copied into the project; else they are used where they lie. `splits`
    are shares of train, val and test for images to which the source gives none. Raises
    ProjectError (a full disk, among others) or Cancelled, and then nothing has changed.
    """
    work = _Work(progress, cancelled)
    copied: list[Path] = []
    try:
        places = _copy(project, plan, copied, work) if copy else {}
        with _collector_at_rest(), project.transaction(f"Import {plan.source}", source=source) as s:
            report = _Import(s, project, plan, places, known, work).run()
            if splits is not None:
                proposed = split_proposals.propose(
                    s, image_ids=report.image_ids, fractions=splits, seed=seed, keep=True
                )
                commands.set_splits(s, proposed)
            work.step("Saving", 1, 1)
    except BaseException:
        for path in copied:
            path.unlink(missing_ok=True)
        raise
    return report


class _Work:
    def __init__(self, progress: Progress | None, cancelled: Callable[[], bool] | None) -> None:
        self._progress, self._cancelled = progress, cancelled

    def step(self, doing: str, done: int, total: int) -> None:
        if self._cancelled is not None and self._cancelled():
            raise Cancelled
        if self._progress is not None:
            self._progress(doing, done, total)


def _copy(project: Project, plan: ImportPlan, copied: list[Path], work: _Work) -> dict[Path, Path]:
    """Copy the files of new images into the project; `copied` is what a failure must remove."""
    folder = project.images_directory
    wanted = {image.parsed.path: None for image in plan.images if image.known is None}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = {entry.name.lower() for entry in os.scandir(folder)}
        places: dict[Path, Path] = {}
        for done, path in enumerate(wanted):
            if done % 20 == 0:
                work.step("Copying images", done, len(wanted))
            if path.is_relative_to(folder):
                places[path] = path
                continue
            target = folder / _free_name(path, taken)
            copied.append(target)
            shutil.copyfile(path, target)
            places[path] = target
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ProjectError(
                "The disk is full: nothing was imported, and what was copied is removed again.",
                hint="Free some space, or import without copying the images.",
            ) from error
        reason = error.strerror or str(error)
        raise ProjectError(f"The images could not be copied: {reason}.") from error
    return places


def _free_name(path: Path, taken: set[str]) -> str:
    name, number = path.name, 1
    while name.lower() in taken:
        number += 1
        name = f"{path.stem}_{number}{path.suffix}"
    taken.add(name.lower())
    return name


class _Import:
    """The inside of the transaction."""

    def __init__(
        self,
        s: Session,
        project: Project,
        plan: ImportPlan,
        places: dict[Path, Path],
        known: Known,
        work: _Work,
    ) -> None:
        self.s, self.project, self.plan, self.places = s, project, plan, places
        self.known, self.work = known, work
        self.now = time.time()
        self.doubles = 0
        self.folders: dict[Path, str] = {}

    def run(self) -> ImportReport:
        class_ids, new_classes = self._classes()
        ids = self._images()
        pairs = list(zip(ids, self.plan.images, strict=True))
        made: list[tuple[Any, ...]] = []
        present, tops = self._present()
        for number, (image_id, image) in enumerate(pairs):
            if number % 1000 == 0:
                self.work.step("Adding annotations", number, len(pairs))
            if image.known is not None and self.known == "skip":
                continue
            have = present.get(image_id, set())
            z = tops.get(image_id, -1) + 1
            for annotation in image.parsed.annotations:
                row = _row(annotation, image_id, class_ids, image.info, z, self.now)
                if have and row[1:9] in have:
                    self.doubles += 1
                    continue
                made.append(row)
                z += 1
        rows.add(self.s, "annotation", commands.ANNOTATION_COLUMNS, made)
        self._update_known(pairs)
        carry(self.s, self.plan.extras, {i: image.parsed.extras for i, image in pairs})
        known = self.plan.known_count
        return ImportReport(
            image_ids=tuple(ids),
            added=len(ids) - known,
            known=known,
            annotations=len(made),
            doubles=self.doubles,
            classes=tuple(new_classes),
            problems=tuple(self.plan.problems),
        )

    def _classes(self) -> tuple[dict[str, int], list[str]]:
        """The id of each class by the source's name for it; missing ones are made."""
        known = {c.name: c.id for c in queries.classes(self.s)}
        colours = {c.colour.upper() for c in queries.classes(self.s)}
        ids: dict[str, int] = {}
        made = []
        for parsed in self.plan.classes:
            name = parsed.name.strip() or "unnamed"
            if name not in known:
                colour = parsed.colour if (parsed.colour or "").upper() not in colours else None
                known[name] = commands.add_class(self.s, name=name, colour=colour)
                made.append(name)
            ids[parsed.name] = known[name]
        return ids, made

    def _images(self) -> list[int]:
        """Add the new images; the ids of all planned ones, in their order."""
        new = [image for image in self.plan.images if image.known is None]
        values = [commands.image_row(self._new(image), at=self.now) for image in new]
        added = iter(rows.add(self.s, "image", commands.IMAGE_COLUMNS, values))
        return [next(added) if i.known is None else i.known for i in self.plan.images]

    def _new(self, image: PlannedImage) -> NewImage:
        parsed, info = image.parsed, image.info
        if parsed.annotations:
            review = Review.LABELLED
        else:
            review = Review.EMPTY if parsed.empty else Review.UNLABELLED
        return NewImage(
            uri=self._uri(self.places.get(parsed.path, parsed.path)),
            width=info.width,
            height=info.height,
            page=info.page,
            pages=info.pages,
            bit_depth=info.bit_depth,
            channels=info.channels,
            orientation=info.orientation,
            sha256=image.sha256,
            size=image.size,
            review=review,
            split=parsed.split,
        )

    def _uri(self, path: Path) -> str:
        """Project.uri_of, asked once a folder."""
        folder = path.parent
        prefix = self.folders.get(folder)
        if prefix is None:
            prefix = self.folders[folder] = self.project.uri_of(folder).removesuffix("/")
        return path.name if prefix in ("", ".") else f"{prefix}/{path.name}"

    def _present(self) -> tuple[dict[int, set[tuple[Any, ...]]], dict[int, int]]:
        """What known images have: the rows' class, kind, box and payload; and the highest z."""
        ids = [image.known for image in self.plan.images if image.known is not None]
        present: dict[int, set[tuple[Any, ...]]] = {}
        tops: dict[int, int] = {}
        for image_id, found in queries.annotations_of(self.s, ids).items():
            for a in found:
                own = (a.class_id, a.kind.value, a.box.x, a.box.y, a.box.w, a.box.h)
                payload = pack_shape(a.shape) or None
                present.setdefault(image_id, set()).add((*own, float(area_of(a.shape)), payload))
                tops[image_id] = max(tops.get(image_id, -1), a.z)
        return present, tops

    def _update_known(self, pairs: list[tuple[int, PlannedImage]]) -> None:
        """Known images take the split and the review state that they did not have."""
        if self.known == "skip":
            return
        chosen = {i: image.parsed for i, image in pairs if image.known is not None}
        records = queries.images(self.s, list(chosen))
        labelled = [
            r.id
            for r in records
            if r.review in (Review.UNLABELLED, Review.EMPTY) and chosen[r.id].annotations
        ]
        empty = [r.id for r in records if r.review is Review.UNLABELLED and chosen[r.id].empty]
        commands.set_review(self.s, image_ids=labelled, review=Review.LABELLED)
        commands.set_review(self.s, image_ids=empty, review=Review.EMPTY)
        unsplit = {r.id: chosen[r.id].split for r in records if r.split is None}
        commands.set_splits(self.s, {i: split for i, split in unsplit.items() if split})


def _row(
    annotation: ParsedAnnotation,
    image_id: int,
    class_ids: dict[str, int],
    info: ImageInfo,
    z: int,
    now: float,
) -> tuple[Any, ...]:
    """A row of commands.ANNOTATION_COLUMNS; the quarter of a million call of a large import."""
    shape = annotation.shape
    if isinstance(shape, Box):
        kind, box, area, payload = "box", shape, shape.w * shape.h, None
    else:
        kind = kind_of(shape).value
        box = annotation.box or box_of(shape, width=info.width, height=info.height)
        area = area_of(shape) if annotation.area is None else annotation.area
        payload = pack_shape(shape) or None
    return (
        image_id, class_ids[annotation.class_name], kind, box.x, box.y, box.w, box.h, area,
        payload, z, _IMPORT, None, None, _ACCEPTED, dump(annotation.attributes), now, now,
    )  # fmt: skip


_IMPORT = Source.IMPORT.value
_ACCEPTED = "accepted"
