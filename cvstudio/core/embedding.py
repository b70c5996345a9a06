"""The files of a job that embeds images: what it is asked about, and the embeddings that it leaves.

`subjects.jsonl.gz` is written before the job starts, one image a line with its objects. The job
writes `predictions/embed.jsonl.gz` (core.predictions; the answers for the same images) and, last,
`embeddings.npz`: when that is there, both are whole.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.errors import RunError
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir, replace_file

ANSWERS = "embed"
"""The name under which the answers lie among a job's predictions."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A labelled object of an image: which annotation, its class, where."""

    id: int
    class_id: int
    box: Box


@dataclass(frozen=True, slots=True)
class Subject:
    """An image of the project that is to be embedded, with its objects; `window` as in a
    snapshot."""

    id: int
    path: Path
    page: int
    width: int
    height: int
    sha256: str
    window: tuple[float, float] | None = None
    things: tuple[Thing, ...] = ()


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Embeddings as a job left them, in rows; n rows of d values.

    `images` (n,) are ids; `annotations` (n,) the labelled object, 0 for a whole image and for a
    predicted object; `classes` (n,) its class id, 0 for a whole image; `scores` (n,) of a predicted
    object, else 1; `boxes` (n, 4) x, y, w, h in pixels. `flat` and `near` (n, 2) are the PCA and
    the UMAP picture of them, scaled to -1 .. 1. `layer` names the module they come from.

    `seen` (m,) are the ids of all images that were read, also those without a row, and `doubts`
    (m,) how unsure the network is of each (core/doubt.py).
    """

    vectors: NDArray[np.float16]
    images: NDArray[np.int64]
    annotations: NDArray[np.int64]
    classes: NDArray[np.int64]
    scores: NDArray[np.float32]
    boxes: NDArray[np.float32]
    flat: NDArray[np.float32]
    near: NDArray[np.float32]
    seen: NDArray[np.int64]
    doubts: NDArray[np.float32]
    layer: str = ""
    of_objects: bool = False
    unread: tuple[int, ...] = field(default=())
    """Images that could not be read."""

    def __len__(self) -> int:
        return len(self.images)

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """Which rows are objects that the network found, (n,)."""
        return np.asarray((self.annotations == 0) & (self.classes != 0), np.bool_)


_ROWS = ("vectors", "images", "annotations", "classes", "scores", "boxes", "flat", "near")
_ARRAYS = (*_ROWS, "seen", "doubts")


def embeddings_path(job: JobDir) -> Path:
    """Where a job's embeddings lie."""
    return job.path / "embeddings.npz"


def write_subjects(job: JobDir, subjects: Iterable[Subject]) -> None:
    """Write down what the job is to embed."""
    lines = [json.dumps(_to_json(subject), ensure_ascii=False) for subject in subjects]
    replace_file(_subjects(job), gzip.compress("\n".join(lines).encode(), 5))


def read_subjects(job: JobDir) -> list[Subject]:
    """What the job is to embed. Raises RunError when the file is not whole."""
    try:
        text = gzip.decompress(_subjects(job).read_bytes()).decode()
        return [_from_json(json.loads(line)) for line in text.splitlines()]
    except FileNotFoundError:
        raise RunError(f"The list of images is missing in {job.path}") from None
    except (OSError, EOFError, zlib.error, ValueError, TypeError, LookupError) as error:
        raise RunError(f"The list of images in {job.path} is damaged.") from error


def write_embeddings(job: JobDir, found: Embeddings) -> None:
    """Write embeddings, whole or not at all."""
    told = {"layer": found.layer, "of_objects": found.of_objects, "unread": list(found.unread)}
    arrays: dict[str, Any] = {name: getattr(found, name) for name in _ARRAYS}
    stream = io.BytesIO()
    np.savez_compressed(stream, told=np.array(json.dumps(told)), **arrays)
    replace_file(embeddings_path(job), stream.getvalue())


def read_embeddings(path: Path) -> Embeddings:
    """The embeddings of a job's file; nothing in it is unpickled. Raises RunError."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            told = json.loads(str(stored["told"]))
            arrays = {name: stored[name] for name in _ARRAYS}
    except FileNotFoundError:
        raise RunError("The images have not been embedded yet.") from None
    except (OSError, EOFError, ValueError, LookupError, zlib.error, zipfile.BadZipFile) as error:
        raise RunError(f"The embeddings are damaged: {path}") from error
    if len({len(arrays[name]) for name in _ROWS}) != 1 or len(arrays["seen"]) != len(
        arrays["doubts"]
    ):
        raise RunError(f"The embeddings are damaged: {path}")
    return Embeddings(
        **arrays, layer=told["layer"], of_objects=told["of_objects"],
        unread=tuple(told["unread"]),
    )  # fmt: skip


def _to_json(s: Subject) -> list[Any]:
    things = [[t.id, t.class_id, t.box.x, t.box.y, t.box.w, t.box.h] for t in s.things]
    return [s.id, str(s.path), s.page, s.width, s.height, s.sha256, s.window, things]


def _from_json(row: list[Any]) -> Subject:
    id, path, page, width, height, sha256, window, things = row
    return Subject(
        id, Path(path), page, width, height, sha256, tuple(window) if window else None,
        tuple(Thing(t[0], t[1], Box(*t[2:])) for t in things),
    )  # fmt: skip


def _subjects(job: JobDir) -> Path:
    return job.path / "subjects.jsonl.gz"
