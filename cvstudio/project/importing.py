"""Bringing images and labels into a project: first a plan to look at, then one undo step.

`plan` and `plan_images` (import_plan.py) say what would come in and write nothing. `run` carries a
plan out whole or not at all: when the disk is full or the user cancels, the database is rolled back
and the files copied so far are removed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core import attributes as definitions
from cvstudio.core.annotation import Review, Source, Task, area_of, box_of, kind_of, pack_shape
from cvstudio.core.collector import collector_at_rest
from cvstudio.core.geometry import Box
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.skeleton import Skeleton, followed, pack
from cvstudio.core.video_names import is_video_name
from cvstudio.core.words import counted
from cvstudio.formats.base import Cancelled, ParsedAnnotation, ParsedImage, Problem, Progress, Work
from cvstudio.imaging.decode import ImageInfo
from cvstudio.imaging.display import Window
from cvstudio.imaging.windows import words_of
from cvstudio.project import (
    attributes,
    commands,
    image_classes,
    queries,
    rows,
    skeletons,
    tagging,
)
from cvstudio.project import splits as split_proposals
from cvstudio.project.carried import carry, dump
from cvstudio.project.import_copying import copy_files
from cvstudio.project.import_plan import (
    ImportPlan,
    PlannedImage,
    plan,
    plan_images,
)
from cvstudio.project.import_videos import remember
from cvstudio.project.import_words import what_became
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage
from cvstudio.project.tables import AnnotationRow

__all__ = [
    "Bare",
    "Cancelled",
    "GroupBy",
    "ImportPlan",
    "ImportReport",
    "Known",
    "plan",
    "plan_images",
    "run",
]
Known = Literal["add", "skip"]
"""What happens to images that are in the project already: "add" gives them the annotations that
they do not have yet, "skip" leaves them as they are."""
Bare = Literal["stated", "unlabelled", "empty"]
"""What images without any annotation in a source of labels become. "stated": empty where the source
says so (an empty label file), else unlabelled; "unlabelled" or "empty": all of them that."""
GroupBy = Literal["file", "folder"]
"""Which new images must share a split: the pages of one file, or all images of one folder."""


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
    windows: dict[int, Window] = field(default_factory=dict)
    """By bit depth, the window that the new images of that depth got."""
    empty: int = 0
    """Images without annotations that came in as reviewed and empty; `bare`: as unlabelled."""
    bare: int = 0
    several: bool = False
    """Images may have several classes from now on, since the source has such images."""

    def sentences(self) -> list[str]:
        """The report in words."""
        came = f"{counted(self.added, 'image')} and {counted(self.annotations, 'annotation')}"
        lines = [f"{came} came in."]
        if self.known:
            known = counted(self.known, "image was", "images were")
            lines.append(f"{known} in the project already.")
        if self.doubles:
            doubles = counted(self.doubles, "annotation was", "annotations were")
            lines.append(f"{doubles} there already and not doubled.")
        if self.empty:
            many = counted(self.empty, "image")
            lines.append(f"{many} without annotations: reviewed and empty, negatives in training.")
        if self.bare:
            many = counted(self.bare, "image")
            lines.append(f"{many} without annotations: unlabelled, left out of training.")
        if self.classes:
            lines.append(f"New classes: {', '.join(self.classes)}.")
        if self.several:
            lines.append("Images may have several classes now: the source has images that do.")
        for depth, window in sorted(self.windows.items()):
            lines.append(
                f"Images of {depth} bits are shown to the network through the window"
                f" {words_of(window)}; the Label page can change it."
            )
        lines += what_became(self.problems)
        return lines


def run(
    project: Project,
    plan: ImportPlan,
    *,
    copy: bool = False,
    known: Known = "add",
    bare: Bare = "stated",
    group_by: GroupBy = "file",
    splits: split_proposals.Fractions | None = None,
    seed: int = 0,
    source: object = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImportReport:
    """Carry out a plan in one transaction, which is one undo step.

    copy: the image files are copied into the project; else they are used where they lie, but for
    those that were unpacked from label files. `splits` are shares of train, val and test for images
    to which the source gives none; images of one group (`group_by`) never part. Raises ProjectError
    (a full disk, among others) or Cancelled, and then nothing has changed.
    """
    work = Work(progress, cancelled)
    copied: list[Path] = []
    try:
        homes = _homes(project, plan)
        places = homes | _copy(project, plan, copied, work, all_files=copy, leave=homes)
        with collector_at_rest(), project.transaction(f"Import {plan.source}", source=source) as s:
            choices = _Choices(known, bare, group_by)
            report = _Import(s, project, plan, places, choices, work).run()
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


def _homes(project: Project, plan: ImportPlan) -> dict[Path, Path]:
    """Where files lie of which the project has some pages or frames already: the others belong to
    the same file, also when that one was a copy, or they would be a second sequence."""
    known = {
        image.known: image.parsed.path
        for image in plan.images
        if image.known is not None and image.info.pages > 1
    }
    with project.read() as s:
        records = queries.images(s, list(known))
    homes = {known[record.id]: project.image_path(record) for record in records}
    return {path: home for path, home in homes.items() if home.is_file()}


def _copy(
    project: Project,
    plan: ImportPlan,
    copied: list[Path],
    work: Work,
    *,
    all_files: bool,
    leave: Collection[Path],
) -> dict[Path, Path]:
    """Copy the files of new images into the project, or only those that lie in no place of their
    own, but for some; `copied` is what a failure must remove."""
    wanted = {
        image.parsed.path: None
        for image in plan.images
        if image.known is None
        and image.parsed.path not in leave
        and (all_files or image.parsed.unpacked)
    }
    return copy_files(wanted, project.images_directory, work, copied=copied) if wanted else {}


@dataclass(frozen=True)
class _Choices:
    """What the person decided about an import as a whole."""

    known: Known
    bare: Bare
    group_by: GroupBy

    def says_empty(self, parsed: ParsedImage) -> bool:
        """Whether an image without annotations counts as reviewed and empty."""
        if parsed.annotations or not (parsed.empty or parsed.bare):
            return False
        return parsed.empty if self.bare == "stated" else self.bare == "empty"


class _Import:
    """The inside of the transaction."""

    def __init__(
        self,
        s: Session,
        project: Project,
        plan: ImportPlan,
        places: dict[Path, Path],
        choices: _Choices,
        work: Work,
    ) -> None:
        self.s, self.project, self.plan, self.places = s, project, plan, places
        self.choices, self.known, self.work = choices, choices.known, work
        self.now = time.time()
        self.doubles = 0
        self.folders: dict[Path, str] = {}
        self.otherwise: dict[str, tuple[Skeleton, Skeleton]] = {}
        """Classes of the source whose skeleton here names other points, or in another order."""

    def run(self) -> ImportReport:
        class_ids, new_classes = self._classes()
        ids = self._images()
        pairs = list(zip(ids, self.plan.images, strict=True))
        made = rows.add(
            self.s, "annotation", _COLUMNS, self._rows(pairs, class_ids),
            about=self.plan.annotation_count,
        )  # fmt: skip
        self._update_known(pairs)
        self._tag(pairs)
        if self.plan.videos:
            hashes = {image.parsed.path: image.sha256 for image in self.plan.images}
            remember(self.s, self.plan.videos, hashes)
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
            windows=self._windows(),
            several=self._allow_several(),
            **self._counts(),
        )

    def _tag(self, pairs: list[tuple[int, PlannedImage]]) -> None:
        """Give images the tags of the source."""
        tagged: dict[str, list[int]] = {}
        for id, image in pairs:
            if image.known is None or self.known == "add":
                for tag in image.parsed.tags:
                    tagged.setdefault(tag, []).append(id)
        for tag, ids in tagged.items():
            tagging.tag_images(self.s, image_ids=ids, tag=tag)

    def _allow_several(self) -> bool:
        """Where whole images are classified and the source gives one several classes, so it is."""
        if self.project.task is not Task.CLASSIFY or image_classes.several(self.s):
            return False
        parsed = (image.parsed.annotations for image in self.plan.images)
        needed = any(sum(a.shape is None for a in each) > 1 for each in parsed)
        if needed:
            image_classes.allow_several(self.s, True)
        return needed

    def _rows(
        self, pairs: list[tuple[int, PlannedImage]], class_ids: dict[str, int]
    ) -> Iterator[tuple[Any, ...]]:
        """The annotations as rows of _COLUMNS, made one by one while they are written."""
        present, tops = self._present()
        for number, (image_id, image) in enumerate(pairs):
            if number % 1000 == 0:
                self.work.step("Adding annotations", number, len(pairs))
            if image.known is not None and self.known == "skip":
                continue
            have = present.get(image_id)
            z = tops.get(image_id, -1) + 1
            for told in image.parsed.annotations:
                annotation = self._here(told) if self.otherwise else told
                row = _row(annotation, image_id, class_ids, image.info, z, self.now)
                if have and _OWN(row) in have:
                    self.doubles += 1
                    continue
                yield row
                z += 1

    def _here(self, told: ParsedAnnotation) -> ParsedAnnotation:
        """An annotation whose keypoints are in the order that its class has here."""
        bones = self.otherwise.get(told.class_name)
        if bones is None or not isinstance(told.shape, Keypoints):
            return told
        return replace(told, shape=followed(told.shape, *bones))

    def _counts(self) -> dict[str, int]:
        """How many new images without annotations came in as what."""
        new = [image.parsed for image in self.plan.images if image.known is None]
        silent = [parsed for parsed in new if parsed.empty or parsed.bare]
        empty = sum(self.choices.says_empty(parsed) for parsed in silent)
        return {"empty": empty, "bare": len(silent) - empty}

    def _windows(self) -> dict[int, Window]:
        new = {image.info.bit_depth for image in self.plan.images if image.known is None}
        return {depth: w for depth, w in self.plan.windows.items() if depth in new}

    def _classes(self) -> tuple[dict[str, int], list[str]]:
        """The id of each class by the source's name for it; missing ones are made."""
        known = {c.name: c.id for c in queries.classes(self.s)}
        colours = {c.colour.upper() for c in queries.classes(self.s)}
        ids: dict[str, int] = {}
        made = []
        names = [parsed.name for parsed in self.plan.classes]
        for parsed in self.plan.classes:
            name = parsed.name.strip() or "unnamed"
            if name not in known:
                colour = parsed.colour if (parsed.colour or "").upper() not in colours else None
                known[name] = commands.add_class(self.s, name=name, colour=colour, beside=names)
                made.append(name)
            ids[parsed.name] = known[name]
        have = skeletons.skeletons(self.s)
        asking = attributes.own(self.s)
        for parsed in self.plan.classes:
            id = ids[parsed.name]
            if parsed.skeleton is not None and id not in have:
                rows.change(self.s, "label_class", [id], skeleton=pack(parsed.skeleton))
            elif parsed.skeleton is not None and have[id].names != parsed.skeleton.names:
                self.otherwise[parsed.name] = (parsed.skeleton, have[id])
            if parsed.attributes and id not in asking:
                asked = definitions.pack(parsed.attributes)
                rows.change(self.s, "label_class", [id], attributes=asked)
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
            review = Review.REVIEWED if parsed.reviewed else Review.LABELLED
        else:
            review = Review.EMPTY if self.choices.says_empty(parsed) else Review.UNLABELLED
        uri = self._uri(self.places.get(parsed.path, parsed.path))
        return NewImage(
            uri=uri,
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
            group=self._group(image, uri),
            window=self.plan.windows.get(info.bit_depth) if info.bit_depth > 8 else None,
        )

    def _group(self, image: PlannedImage, uri: str) -> str:
        """Which images it must share a split with; "" when it stands alone."""
        if self.choices.group_by == "folder":
            # Where the image came from, also when it is copied: a copy has no folder of its own.
            return self.project.uri_of(image.parsed.path.parent)
        return uri if image.info.pages > 1 or is_video_name(uri) else ""

    def _uri(self, path: Path) -> str:
        """Project.uri_of, asked once a folder."""
        folder = path.parent
        prefix = self.folders.get(folder)
        if prefix is None:
            prefix = self.folders[folder] = self.project.uri_of(folder).removesuffix("/")
        return path.name if prefix in ("", ".") else f"{prefix}/{path.name}"

    def _present(self) -> tuple[dict[int, set[tuple[Any, ...]]], dict[int, int]]:
        """What known images have: _OWN of their annotations; and the highest z."""
        ids = [image.known for image in self.plan.images if image.known is not None]
        present: dict[int, set[tuple[Any, ...]]] = {}
        tops: dict[int, int] = {}
        # Rows, not annotations: the shapes would only be unpacked and packed again.
        columns = [getattr(AnnotationRow, name) for name in (*_COLUMNS[:8], "z")]
        there = select(*columns).where(queries.id_list(AnnotationRow.image_id, ids))
        for row in self.s.execute(there):
            image_id = row[0]
            present.setdefault(image_id, set()).add(_OWN(row))
            tops[image_id] = max(tops.get(image_id, -1), row[8])
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
        empty = [
            r.id
            for r in records
            if r.review is Review.UNLABELLED and self.choices.says_empty(chosen[r.id])
        ]
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
    """A row of _COLUMNS; the quarter of a million call of a large import."""
    shape = annotation.shape
    if isinstance(shape, Box):
        kind, box, area, payload = "box", shape, shape.w * shape.h, None
    else:
        kind = kind_of(shape).value
        box = annotation.box or box_of(shape, width=info.width, height=info.height)
        area = area_of(shape) if annotation.area is None else annotation.area
        payload = pack_shape(shape) or None
    return (
        image_id, class_ids[annotation.class_name], kind, box.x, box.y, box.w, box.h, payload,
        area, z, dump(annotation.attributes), _IMPORT, now, now,
    )  # fmt: skip


_COLUMNS = (
    "image_id", "class_id", "kind", "x", "y", "w", "h", "payload",
    "area", "z", "attributes", "source", "created", "updated",
)  # fmt: skip
"""What an import says of an annotation. It is accepted and has neither run nor score, as the
table has it by itself: each value that is given a quarter of a million times takes its time."""
_OWN = itemgetter(slice(1, 8))
"""Of a row: class, kind, box and payload, by which an annotation is known again."""
_IMPORT = Source.IMPORT.value
