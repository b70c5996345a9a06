"""The tables of a project's database, and the version of their shape.

Enumerations are stored as the words of the glossary, times as seconds since 1970, boxes as float
pixels of the image as displayed. Every table has one integer key, which is never given twice
(AUTOINCREMENT): a run's predictions may still name an annotation that is long gone, and must not
find another one in its place.
"""

from __future__ import annotations

import re
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from cvstudio.core.annotation import Kind, Review, Source, Split, State

VERSION = "0005"
"""The newest migration in migrations/versions; they are numbered in order."""

ONCE = {"sqlite_autoincrement": True}
_ZERO = text("0")


class ExperimentKind(StrEnum):
    """What the runs of an experiment differ in: their images, chosen values, found values."""

    FOLDS = "folds"
    SWEEP = "sweep"
    SEARCH = "search"


class Base(DeclarativeBase):
    """Base of all tables; constraints have names so that migrations can find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def one_of(column: str, words: type[StrEnum]) -> CheckConstraint:
    """The constraint that a column holds a word of an enumeration (or NULL where it may).

    Written with OR: SQLite builds a table for each IN of more than two words and each row, which
    made imports twice as slow and the check on opening five times.
    """
    return CheckConstraint(" OR ".join(f"{column} = '{word}'" for word in words), name=column)


class ProjectRow(Base):
    """The project itself: one row with id 1."""

    __tablename__ = "project"
    __table_args__ = ONCE

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    task: Mapped[str]
    created: Mapped[float]
    created_by: Mapped[str]
    """The version of CVStudio that made the project."""


class LabelClassRow(Base):
    """A name, a colour, a hotkey and a place in the order."""

    __tablename__ = "label_class"
    __table_args__ = (UniqueConstraint("name"), Index(None, "parent_id"), ONCE)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    colour: Mapped[str]
    hotkey: Mapped[str] = mapped_column(server_default="")
    order: Mapped[int] = mapped_column(server_default=text("0"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("label_class.id", ondelete="SET NULL"))
    """The class that this one is a kind of."""
    attributes: Mapped[str | None]
    """JSON: which attributes annotations of this class have; NULL when none are asked for."""
    skeleton: Mapped[str | None]
    """JSON: the names and edges of its keypoints (core.skeleton); NULL without."""


class ImageRow(Base):
    """One picture of the project: a file, or one page of a file."""

    __tablename__ = "image"
    __table_args__ = (
        UniqueConstraint("uri", "page"),
        one_of("review", Review),
        one_of("split", Split),
        # Each filter of the gallery is answered from an index that also holds the order.
        Index(None, "sort_key"),
        Index(None, "review", "split"),
        Index(None, "split", "review"),
        Index(None, "folder"),
        Index(None, "sha256"),
        ONCE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uri: Mapped[str]
    """Relative to the project folder with forward slashes when inside it, else absolute."""
    name: Mapped[str]
    folder: Mapped[str] = mapped_column(server_default="")
    sort_key: Mapped[str]
    """records.sort_key of the name, so that "img 2" comes before "img 10" without a computation."""
    sha256: Mapped[str] = mapped_column(server_default="")
    size: Mapped[int] = mapped_column(server_default=text("0"))
    width: Mapped[int]
    height: Mapped[int]
    page: Mapped[int] = mapped_column(server_default=text("0"))
    pages: Mapped[int] = mapped_column(server_default=text("1"))
    bit_depth: Mapped[int] = mapped_column(server_default=text("8"))
    channels: Mapped[int] = mapped_column(server_default=text("3"))
    orientation: Mapped[int] = mapped_column(server_default=text("1"))
    """EXIF orientation of the file; width and height are those after it is applied."""
    window_low: Mapped[float | None]
    window_high: Mapped[float | None]
    """The range that is shown as 0 .. 255 when there are more than 8 bits."""
    imported_at: Mapped[float]
    review: Mapped[str] = mapped_column(server_default="unlabelled")
    split: Mapped[str | None]
    group: Mapped[str] = mapped_column(server_default="")
    """Images of one group (patient, slide) always share a split; "" stands alone."""
    problem: Mapped[str] = mapped_column(server_default="")
    """Why the file cannot be read, in words; "" when it can."""
    reject_reason: Mapped[str] = mapped_column(server_default="")
    """Why a reviewer sent the labels back, in words; "" when nobody did."""


class AnnotationRow(Base):
    """A label class on an image with a shape (core.annotation.pack_shape holds the payload)."""

    __tablename__ = "annotation"
    __table_args__ = (
        one_of("kind", Kind),
        one_of("source", Source),
        one_of("state", State),
        # Both are covering: counting and filtering never touch the rows themselves.
        Index(None, "image_id", "state", "class_id"),
        Index(None, "class_id", "state", "image_id"),
        Index(
            "ix_annotation_network", "run_id", "image_id", sqlite_where=text("source = 'network'")
        ),
        ONCE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"))
    class_id: Mapped[int] = mapped_column(ForeignKey("label_class.id", ondelete="CASCADE"))
    kind: Mapped[str]
    x: Mapped[float]
    y: Mapped[float]
    w: Mapped[float]
    h: Mapped[float]
    area: Mapped[float]
    payload: Mapped[bytes | None]
    z: Mapped[int] = mapped_column(server_default=text("0"))
    source: Mapped[str] = mapped_column(server_default="human")
    run_id: Mapped[int | None]
    """The run whose network made it. Not a foreign key: it stays true when the run is deleted."""
    score: Mapped[float | None]
    state: Mapped[str] = mapped_column(server_default="accepted")
    attributes: Mapped[str | None]
    """JSON object; NULL when there is nothing to carry."""
    created: Mapped[float]
    updated: Mapped[float]
    locked: Mapped[int] = mapped_column(server_default=text("0"))
    """1 while it must not be touched by hand on the canvas, else 0."""


class CommentRow(Base):
    """What somebody says about an image, or about a place on it."""

    __tablename__ = "comment"
    __table_args__ = (Index(None, "image_id", "resolved"), ONCE)

    id: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"))
    x: Mapped[float | None]
    """Pixels of the image as displayed; x and y are NULL for the whole image."""
    y: Mapped[float | None]
    text: Mapped[str]
    author: Mapped[str]
    created: Mapped[float]
    resolved: Mapped[int] = mapped_column(server_default=_ZERO)
    """1 when it is dealt with, else 0."""


class TagRow(Base):
    """A word that images can be found by."""

    __tablename__ = "tag"
    __table_args__ = (UniqueConstraint("name"), ONCE)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class ImageTagRow(Base):
    """One tag on one image."""

    __tablename__ = "image_tag"
    __table_args__ = (UniqueConstraint("image_id", "tag_id"), Index(None, "tag_id"), ONCE)

    id: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"))
    tag_id: Mapped[int] = mapped_column(ForeignKey("tag.id", ondelete="CASCADE"))


class SnapshotRow(Base):
    """A list of images, splits and annotations that some run trained on, known by its content."""

    __tablename__ = "snapshot"
    __table_args__ = (UniqueConstraint("hash"), ONCE)

    id: Mapped[int] = mapped_column(primary_key=True)
    hash: Mapped[str]
    created: Mapped[float]
    image_count: Mapped[int]
    annotation_count: Mapped[int]


class ExperimentRow(Base):
    """Several runs that are held together to answer one question."""

    __tablename__ = "experiment"
    __table_args__ = (one_of("kind", ExperimentKind), ONCE)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    settings: Mapped[str]
    """JSON: what was asked for (project/experiments/plans.py)."""
    directory: Mapped[str]
    """Relative to the project folder, with forward slashes: its study, its summary."""
    created: Mapped[float]
    ended: Mapped[float | None]
    message: Mapped[str] = mapped_column(server_default="")
    """Why it ended before all its runs were made, in words."""


class RunRow(Base):
    """One training; its directory holds everything else."""

    __tablename__ = "run"
    __table_args__ = (
        Index(None, "parent_id"),
        Index(None, "snapshot_id"),
        Index(None, "experiment_id"),
        ONCE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    task: Mapped[str]
    network: Mapped[str]
    title: Mapped[str] = mapped_column(server_default="")
    status: Mapped[str]
    directory: Mapped[str]
    """Relative to the project folder, with forward slashes."""
    created: Mapped[float]
    ended: Mapped[float | None]
    metric: Mapped[str] = mapped_column(server_default="")
    best: Mapped[float | None]
    best_epoch: Mapped[int | None]
    message: Mapped[str] = mapped_column(server_default="")
    """Why it failed, in words."""
    note: Mapped[str] = mapped_column(server_default="")
    """What the user wrote about it."""
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("run.id", ondelete="SET NULL"))
    snapshot_id: Mapped[int | None] = mapped_column(ForeignKey("snapshot.id", ondelete="SET NULL"))
    experiment_id: Mapped[int | None]
    """Not a foreign key, which SQLite gives a table only when it is made; delete_experiment lets
    its runs go."""
    role: Mapped[str | None]
    """JSON: which fold or trial of its experiment it is (records.Role); NULL without one."""


class SettingRow(Base):
    """One setting of the project: a key and a JSON value."""

    __tablename__ = "setting"
    __table_args__ = (UniqueConstraint("key"), ONCE)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    value: Mapped[str]


class HistoryRow(Base):
    """Who changed what and when: one row per committed change."""

    __tablename__ = "history"
    __table_args__ = (Index(None, "at"), ONCE)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[float]
    who: Mapped[str]
    kind: Mapped[str]
    """do, undo or redo."""
    label: Mapped[str]
    counts: Mapped[str]
    """JSON: {table: [added, changed, deleted]}."""


class StepRow(Base):
    """One undo step (project/steps.py). Those not done were undone and wait for redo: the done
    ones come first, in the order of their ids, and the present lies between the two."""

    __tablename__ = "step"
    __table_args__ = (
        # The nearest step in each direction, and the size of all, without reading the steps.
        Index(None, "done", "id", "size"),
        Index("ix_step_many", "id", sqlite_where=text("images IS NULL")),
        ONCE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    done: Mapped[int] = mapped_column(server_default=text("1"))
    at: Mapped[float]
    who: Mapped[str]
    label: Mapped[str]
    images: Mapped[int | None]
    """How many images it touched; NULL when they are too many to be named in step_image."""
    counts: Mapped[str]
    """JSON: {table: [added, changed, deleted]}, as the step was done."""
    size: Mapped[int]
    """Bytes that it takes, about."""
    changes: Mapped[bytes] = mapped_column(LargeBinary)
    """What leads to the other side of the step: back when it is done, forth when it is not."""


class StepImageRow(Base):
    """One image that a step touched. Not a foreign key: the image may go and come back."""

    __tablename__ = "step_image"
    __table_args__ = (Index(None, "image_id", "step_id"), Index(None, "step_id"), ONCE)

    id: Mapped[int] = mapped_column(primary_key=True)
    step_id: Mapped[int] = mapped_column(ForeignKey("step.id", ondelete="CASCADE"))
    image_id: Mapped[int]


_DIGITS = re.compile(r"\d+")


def natural_key(words: str) -> str:
    """A string whose plain order is the natural order: digits weigh as numbers, case does not.

    Each run of digits is preceded by its length, so that longer numbers come later; a length of
    more than 99 digits does not happen in a file name.
    """

    def number(match: re.Match[str]) -> str:
        digits = match.group().lstrip("0") or "0"
        return f"{len(digits):02d}{digits}"

    return _DIGITS.sub(number, words.casefold())
