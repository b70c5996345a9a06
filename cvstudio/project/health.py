"""What is wrong, or may be, with a project's data: each finding a sentence with its images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import LEARNED, Kind, Review, Split, State, Task
from cvstudio.core.errors import ImageError
from cvstudio.core.video_names import is_video_name
from cvstudio.core.words import alike_sentences, counted, quoted
from cvstudio.imaging import video
from cvstudio.project import queries, relocation
from cvstudio.project.project import Project
from cvstudio.project.tables import AnnotationRow, ImageRow


class Level(StrEnum):
    """How much a finding matters; in order of weight."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about the data; `kind` names the rule, image_ids come in the gallery's order."""

    level: Level
    kind: str
    text: str
    image_ids: tuple[int, ...] = ()


UNFIT = {
    Kind.BOX: ("box", "boxes"),
    Kind.POLYGON: ("polygon", "polygons"),
    Kind.MASK: ("mask", "masks"),
    Kind.IMAGE: ("class of a whole image", "classes of whole images"),
    Kind.ROTATED_BOX: ("rotated box", "rotated boxes"),
    Kind.KEYPOINTS: ("set of keypoints", "sets of keypoints"),
}
LEARNS = {
    Task.DETECT: "finding objects learns from shapes only",
    Task.INSTANCE: "outlining learns from polygons and masks only",
    Task.SEGMENT: "colouring regions learns from polygons and masks only",
    Task.CLASSIFY: "sorting images learns from the class of the whole image only",
}
"""What each task learns from, in the words of the dialog that starts a project."""

SLACK = 1.0
"""Pixels by which a shape may stand out of its image before that is worth a word."""


def check(s: Session, project: Project, *, files: bool = True) -> list[Finding]:
    """All findings, the weightiest first; `files` also looks whether each image file is there."""
    found = [
        *_unreadable(s),
        *(_missing_files(s, project) if files else ()),
        *(_other_videos(s, project) if files else ()),
        *_shapes(s),
        *_copies(s),
        *_groups(s),
        *_kinds(s, project.task),
        *_classes(s),
        *_alike(s),
        *_splits(s),
        *_unfinished(s),
    ]
    return sorted(found, key=lambda finding: list(Level).index(finding.level))


def _ids(s: Session, *conditions: ColumnElement[bool], annotations: bool = False) -> list[int]:
    query = select(ImageRow.id).where(*conditions)
    if annotations:
        query = query.join(AnnotationRow, AnnotationRow.image_id == ImageRow.id).distinct()
    return list(s.scalars(query.order_by(ImageRow.sort_key, ImageRow.id)))


def _unreadable(s: Session) -> Iterator[Finding]:
    ids = _ids(s, ImageRow.problem != "")
    if ids:
        text = f"{counted(len(ids), 'image')} cannot be read."
        yield Finding(Level.ERROR, "unreadable", text, tuple(ids))


def _missing_files(s: Session, project: Project) -> Iterator[Finding]:
    found = relocation.missing_files(s, project)
    ids = [image_id for missing in found for image_id in missing.image_ids]
    if ids:
        text = f"The files of {counted(len(ids), 'image')} are not where they were."
        yield Finding(Level.ERROR, "missing file", text, tuple(ids))


def _other_videos(s: Session, project: Project) -> Iterator[Finding]:
    """Videos that are other files than those that came in: their frames may show anything. The
    size and a fingerprint say it, since reading gigabytes would take minutes."""
    columns = (ImageRow.uri, ImageRow.size, ImageRow.sha256)
    several = select(*columns).where(ImageRow.pages > 1, ImageRow.size > 0)
    from cvstudio.project.import_videos import fingerprints  # a start needs no decoder

    known = fingerprints(s)
    for uri, size, sha256 in s.execute(several.distinct()):
        path = project.image_path(uri)
        if not is_video_name(uri) or not path.is_file():
            continue
        ids = _ids(s, ImageRow.uri == uri, ImageRow.sha256 == sha256)
        try:
            other = path.stat().st_size != size or known.get(sha256) not in (
                None, video.fingerprint(path),
            )  # fmt: skip
        except ImageError as error:
            yield Finding(Level.ERROR, "unreadable", error.message, tuple(ids))
            continue
        if other:
            frames = counted(len(ids), "frame")
            text = f"{path.name} is another video than the one of which {frames} came in."
            yield Finding(Level.ERROR, "other video", text, tuple(ids))


def _shapes(s: Session) -> Iterator[Finding]:
    a, i = AnnotationRow, ImageRow
    counts = and_(a.state == State.ACCEPTED.value, a.kind != Kind.IMAGE.value)
    flat = and_(counts, or_(a.w <= 0, a.h <= 0))
    beyond = and_(
        counts,
        or_(a.x >= i.width, a.y >= i.height, a.x + a.w <= 0, a.y + a.h <= 0),
    )
    over = and_(
        counts,
        a.w > 0,
        a.h > 0,
        a.kind != Kind.ROTATED_BOX.value,  # at the edge, a corner rightly stands out
        or_(a.x < -SLACK, a.y < -SLACK, a.x + a.w > i.width + SLACK, a.y + a.h > i.height + SLACK),
        ~beyond,
    )
    for condition, level, kind, words in (
        (flat, Level.WARNING, "no area", "without any area; training leaves them out"),
        (and_(beyond, ~flat), Level.ERROR, "outside", "that lie outside of their image"),
        (over, Level.NOTE, "over the edge", "that stand out over the edge of their image"),
    ):
        ids = _ids(s, condition, annotations=True)
        if ids:
            joined = select(func.count()).select_from(a).join(i, a.image_id == i.id)
            number = s.scalar(joined.where(condition)) or 0
            text = (
                f"{counted(len(ids), 'image has', 'images have')} {counted(number, 'annotation')}"
            )
            yield Finding(level, kind, f"{text} {words}.", tuple(ids))
    # Grouped and not joined: thousands of objects on one image are ordinary.
    # Two rotated boxes that cross like an X have the same box and area.
    turned = case((a.kind == Kind.ROTATED_BOX.value, a.payload))
    place = (a.image_id, a.state, a.class_id, a.kind, a.x, a.y, a.w, a.h, a.area, turned)
    repeated = select(a.image_id).where(counts).group_by(*place).having(func.count() > 1)
    ids = _ids(s, i.id.in_(repeated))
    if ids:
        text = f"{counted(len(ids), 'image has', 'images have')} the same annotation twice."
        yield Finding(Level.WARNING, "repeated", text, tuple(ids))


def _copies(s: Session) -> Iterator[Finding]:
    """The same file content more than once: harmless inside a split, a leak between two."""
    several = (
        select(ImageRow.sha256, ImageRow.page)
        .where(ImageRow.sha256 != "")
        .group_by(ImageRow.sha256, ImageRow.page)
        .having(func.count() > 1)
        .subquery()
    )
    rows = s.execute(
        select(ImageRow.id, ImageRow.sha256, ImageRow.page, ImageRow.split)
        .join(several, and_(several.c.sha256 == ImageRow.sha256, several.c.page == ImageRow.page))
        .order_by(ImageRow.sort_key, ImageRow.id)
    ).all()
    splits: dict[tuple[str, int], set[str]] = {}
    for _, sha256, page, split in rows:
        splits.setdefault((sha256, page), set()).update([split] if split else [])
    leaking = [row.id for row in rows if len(splits[row.sha256, row.page]) > 1]
    harmless = [row.id for row in rows if len(splits[row.sha256, row.page]) <= 1]
    if leaking:
        text = (
            f"{counted(len(leaking), 'image is', 'images are')} in more than one split as copies:"
            " results will look better than they are."
        )
        yield Finding(Level.ERROR, "copies across splits", text, tuple(leaking))
    if harmless:
        text = f"{counted(len(harmless), 'image is', 'images are')} copies of each other."
        yield Finding(Level.NOTE, "copies", text, tuple(harmless))


def _groups(s: Session) -> Iterator[Finding]:
    torn = (
        select(ImageRow.group)
        .where(ImageRow.group != "", ImageRow.split.is_not(None))
        .group_by(ImageRow.group)
        .having(func.count(ImageRow.split.distinct()) > 1)
    )
    names = list(s.scalars(torn))
    if names:
        text = f"{counted(len(names), 'group is', 'groups are')} spread over several splits."
        ids = _ids(s, ImageRow.group.in_(torn))
        yield Finding(Level.WARNING, "group across splits", text, tuple(ids))


def _kinds(s: Session, task: Task) -> Iterator[Finding]:
    needed = [kind.value for kind in LEARNED[task]]
    unfit = and_(AnnotationRow.state == State.ACCEPTED.value, AnnotationRow.kind.not_in(needed))
    number = s.scalar(select(func.count()).select_from(AnnotationRow).where(unfit)) or 0
    if number:
        ids = _ids(s, unfit, annotations=True)
        kinds = select(AnnotationRow.kind, func.count()).where(unfit).group_by(AnnotationRow.kind)
        many = " and ".join(
            counted(number, *UNFIT[Kind(kind)])
            for kind, number in s.execute(kinds.order_by("kind"))
        )
        text = f"{many} {'is' if number == 1 else 'are'} left out: {LEARNS[task]}."
        yield Finding(Level.WARNING, "kind", text, tuple(ids))


def _alike(s: Session) -> Iterator[Finding]:
    for sentence in alike_sentences([c.name for c in queries.classes(s)], []):
        yield Finding(Level.WARNING, "classes alike", sentence)


def _classes(s: Session) -> Iterator[Finding]:
    table = queries.split_table(s)
    sizes = queries.split_counts(s)
    for label in queries.classes(s):
        counts = {split: table[split][label.id] for split in (*Split, None)}
        if not any(counts.values()):
            text = f"No image shows {quoted(label.name)} yet."
            yield Finding(Level.NOTE, "unused class", text)
            continue
        for split in Split:
            if sizes[split] and not counts[split]:
                level = Level.ERROR if split is Split.TRAIN else Level.WARNING
                text = f"No image of {split} shows {quoted(label.name)}."
                yield Finding(level, "class missing in split", text)


def _splits(s: Session) -> Iterator[Finding]:
    sizes = queries.split_counts(s)
    if sizes[Split.TRAIN] and not sizes[Split.VAL]:
        text = "There are no val images: nothing tells when training should stop."
        yield Finding(Level.ERROR, "no val", text)
    if sizes[Split.TRAIN] and not sizes[Split.TEST]:
        text = "There are no test images: a report can only speak for val, which chose the network."
        yield Finding(Level.NOTE, "no test", text)
    ids = _ids(s, ImageRow.split.is_(None), ImageRow.review != Review.UNLABELLED.value)
    if ids:
        text = f"{counted(len(ids), 'labelled image is', 'labelled images are')} in no split."
        yield Finding(Level.WARNING, "no split", text, tuple(ids))


def _unfinished(s: Session) -> Iterator[Finding]:
    rules: Sequence[tuple[str, ColumnElement[bool], str, bool]] = (
        (
            "unlabelled",
            ImageRow.review == Review.UNLABELLED.value,
            "not labelled yet; training leaves them out",
            False,
        ),
        (
            "suggestions",
            AnnotationRow.state == State.SUGGESTED.value,
            "waiting with suggestions",
            True,
        ),
    )
    for kind, condition, words, joined in rules:
        ids = _ids(s, condition, annotations=joined)
        if ids:
            text = f"{counted(len(ids), 'image is', 'images are')} {words}."
            yield Finding(Level.NOTE, kind, text, tuple(ids))
