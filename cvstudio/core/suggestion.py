"""The files of a job that suggests labels: the images that it is asked about, and what it answered.

`asked.jsonl.gz` is written before the job starts, one image a line. The job writes the answers to
`predictions/suggest.jsonl.gz` (core.predictions) and, last, `answer.json`: when that is there, the
answers are whole.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.errors import RunError
from cvstudio.core.forms import BOXES, Form
from cvstudio.core.jobdir import JobDir, replace_file, write_json

ANSWERS = "suggest"
"""The name under which the answers lie among a job's predictions."""


@dataclass(frozen=True, slots=True)
class AskedImage:
    """An image of the project that a network is asked about; `window` as in a snapshot."""

    id: int
    path: Path
    page: int
    width: int
    height: int
    window: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """An image that could not be looked at, and why in words."""

    image_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of the answers besides themselves: whose they are and what was left out."""

    task: Task
    classes: tuple[LabelClass, ...]
    """The network's own classes."""
    score: float
    """Objects and classes below it were not written."""
    unread: tuple[Unread, ...] = ()
    several: bool = False
    """Whether the network can say several classes of one image."""
    form: Form = BOXES
    """What the network answers with of each object."""


def write_asked(job: JobDir, images: Iterable[AskedImage]) -> None:
    """Write down the images that the job is to look at."""
    lines = [
        json.dumps([i.id, str(i.path), i.page, i.width, i.height, i.window], ensure_ascii=False)
        for i in images
    ]
    replace_file(_asked(job), gzip.compress("\n".join(lines).encode(), 5))


def read_asked(job: JobDir) -> list[AskedImage]:
    """The images that the job is asked about. Raises RunError when the file is not whole."""
    try:
        text = gzip.decompress(_asked(job).read_bytes()).decode()
        rows = [json.loads(line) for line in text.splitlines()]
        return [
            AskedImage(id, Path(path), page, width, height, tuple(window) if window else None)
            for id, path, page, width, height, window in rows
        ]
    except FileNotFoundError:
        raise RunError(f"The list of images is missing in {job.path}") from None
    except (OSError, EOFError, zlib.error, ValueError, TypeError) as error:
        raise RunError(f"The list of images in {job.path} is damaged.") from error


def write_answer(job: JobDir, answer: Answer) -> None:
    """Say that the answers are whole."""
    content = {
        "task": answer.task.value,
        "classes": [{"id": c.id, "name": c.name, "colour": c.colour} for c in answer.classes],
        "score": answer.score,
        "unread": [{"image": u.image_id, "reason": u.reason} for u in answer.unread],
        "several": answer.several,
        "form": answer.form.to_json(),
    }
    write_json(_answer(job), content)


def read_answer(job: JobDir) -> Answer:
    """What the job says of its answers. Raises RunError when it has not come to its end."""
    try:
        data = json.loads(_answer(job).read_text(encoding="utf-8"))
        return Answer(
            Task(data["task"]),
            tuple(LabelClass(c["id"], c["name"], c["colour"]) for c in data["classes"]),
            float(data["score"]),
            tuple(Unread(u["image"], u["reason"]) for u in data["unread"]),
            bool(data.get("several", False)),
            Form.from_json(data.get("form", {})),
        )
    except FileNotFoundError:
        raise RunError("The network has not answered for all images yet.") from None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise RunError(f"The answers in {job.path} are damaged.") from error


def _asked(job: JobDir) -> Path:
    return job.path / "asked.jsonl.gz"


def _answer(job: JobDir) -> Path:
    return job.path / "answer.json"
