"""What queries hand out: frozen records of images, runs and tags, and the filter of the gallery."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from cvstudio.core.annotation import Review, Source, Split, State, Task
from cvstudio.core.video_names import page_word
from cvstudio.project.tables import ExperimentKind, natural_key


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image. Width and height are those as displayed; Project.image_path finds the file."""

    id: int
    uri: str
    name: str
    folder: str
    width: int
    height: int
    page: int
    pages: int
    bit_depth: int
    channels: int
    orientation: int
    sha256: str
    size: int
    review: Review
    split: Split | None
    group: str
    imported_at: float
    problem: str = ""
    window: tuple[float, float] | None = None
    """The range shown as 0 .. 255 when there are more than 8 bits; None: not chosen yet."""
    reject_reason: str = ""
    """Why a reviewer sent the labels back; "" when nobody did."""

    @property
    def title(self) -> str:
        """The name, with the page of a file that has several, or the frame of a video."""
        if self.pages > 1:
            return f"{self.name} · {page_word(self.name)} {self.page + 1}"
        return self.name


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image to be added; `uri` comes from Project.uri_of. See ImageRecord for the fields."""

    uri: str
    width: int
    height: int
    page: int = 0
    pages: int = 1
    bit_depth: int = 8
    channels: int = 3
    orientation: int = 1
    sha256: str = ""
    size: int = 0
    review: Review = Review.UNLABELLED
    split: Split | None = None
    group: str = ""
    problem: str = ""
    window: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Which images to show; an empty field does not restrict.

    `class_ids` (any of them), `sources`, `states`, `scores` and `run_id` speak of one and the same
    annotation of the image; without `states`, a class alone asks for an accepted one.
    `without_class_ids`: has no accepted annotation of any of them. `splits` may hold None for
    images without one. `tags` are names. `folder` includes its subfolders. `without_annotations`:
    True for images with none that counts, False for those with some. `problems`: True for files
    that cannot be read. `rejected`: True for images whose labels were sent back; `open_comments`:
    for those with a comment that waits. `query`: in the words of query_language.py.
    """

    text: str = ""
    class_ids: tuple[int, ...] = ()
    without_class_ids: tuple[int, ...] = ()
    splits: tuple[Split | None, ...] = ()
    reviews: tuple[Review, ...] = ()
    tags: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    states: tuple[State, ...] = ()
    scores: tuple[float, float] | None = None
    run_id: int | None = None
    folder: str = ""
    ids: Sequence[int] | None = None
    without_annotations: bool | None = None
    problems: bool | None = None
    rejected: bool | None = None
    open_comments: bool | None = None
    query: str = ""


@dataclass(frozen=True, slots=True)
class Role:
    """What a run is within its experiment: fold 1 of several, or trial 1 with its `values`.

    `values` are the settings that vary, by name, as JSON. `pruned` is the epoch after which a
    trial was stopped because others were better by then. `repeats`: the run that is trained again
    to see whether the same comes out. `at_once`: how many trials of its experiment may be at work
    at a time, where that is more than one.
    """

    fold: int | None = None
    trial: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    pruned: int | None = None
    repeats: int | None = None
    at_once: int | None = None

    @classmethod
    def read(cls, stored: str | None) -> Role | None:
        """A role as it is stored; None without one. What is not known is left out."""
        if not stored:
            return None
        known = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in json.loads(stored).items() if name in known})

    def stored(self) -> str:
        """The role as JSON, without what it does not say."""
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        return json.dumps({name: value for name, value in told.items() if value not in (None, {})})


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """Runs that belong together. `settings` is JSON, told apart by `kind`."""

    id: int
    kind: ExperimentKind
    name: str
    settings: Mapping[str, Any]
    directory: Path
    created: float
    ended: float | None
    message: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One training; its directory holds everything else."""

    id: int
    task: Task
    network: str
    title: str
    status: str
    directory: Path
    created: float
    ended: float | None
    metric: str
    best: float | None
    best_epoch: int | None
    message: str
    note: str
    parent_id: int | None
    snapshot_hash: str
    image_count: int
    annotation_count: int
    experiment_id: int | None = None
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class TagRecord:
    """A tag and how many images carry it."""

    id: int
    name: str
    image_count: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The size of a project at a glance; annotations are those that count (accepted)."""

    images: int
    annotations: int
    suggestions: int
    classes: int
    runs: int
    problems: int


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """One committed change; counts are (added, changed, deleted) by table."""

    id: int
    at: float
    who: str
    kind: str
    label: str
    counts: dict[str, tuple[int, int, int]]


def name_of(uri: str) -> str:
    """The file's name in a uri."""
    return uri.rpartition("/")[2]


def folder_of(uri: str) -> str:
    """The folder in a uri; "" for an image directly in the project folder."""
    return uri.rpartition("/")[0]


def sort_key(uri: str, page: int = 0) -> str:
    """The stored key of the gallery's natural order: by name, then folder, then page."""
    return f"{natural_key(name_of(uri))}\0{_folder_key(folder_of(uri))}\0{page:06d}"


@lru_cache(maxsize=4096)
def _folder_key(folder: str) -> str:
    return natural_key(folder)
