"""What a network answered about images that need not be in a project, as files of a job.

`network.json` says who answers. `answers.jsonl` grows by a line for each image, so that what was
answered is there whatever happens to the job; half a last line is left out when it is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.errors import RunError
from cvstudio.core.forms import BOXES, Form
from cvstudio.core.jobdir import LineTail, append_line, write_json
from cvstudio.core.predictions import Prediction, from_json, to_json
from cvstudio.core.thresholds import Thresholds
from cvstudio.core.video_names import clock, is_video_name, page_word

_NETWORK, _ANSWERS = "network.json", "answers.jsonl"


@dataclass(frozen=True)
class Teller:
    """Who answers: a network by its name, and how its answers are to be read.

    `score` is the common threshold that goes with it, `own` that of single classes by id.
    """

    name: str
    task: Task
    classes: tuple[LabelClass, ...]
    several: bool = False
    form: Form = BOXES
    score: float | None = None
    own: Mapping[int, float] = field(default_factory=dict)
    own_hold: bool = False
    """Whether single classes count from their own scores unless another one is given."""
    warning: str = ""

    @property
    def by_id(self) -> dict[int, LabelClass]:
        """Its classes by their ids."""
        return {c.id: c for c in self.classes}

    def floors(self, score: float, *, own: bool = False) -> dict[int, float]:
        """By class id the score from which an answer counts; `own`: each class that has one of its
        own from that."""
        of = Thresholds(score=score, per_class=self.own, applied=own)
        return of.floors(self.by_id)

    def usual_floors(self, score: float | None) -> dict[int, float]:
        """The same for a score that a person gave, or None: as the network says."""
        return self.thresholds.floors(self.by_id, score)

    @property
    def thresholds(self) -> Thresholds:
        """From which scores its classes count."""
        return Thresholds(score=self.score, per_class=self.own, applied=self.own_hold)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "name": self.name, "task": self.task.value, "several": self.several,
            "classes": [{"id": c.id, "name": c.name, "colour": c.colour} for c in self.classes],
            "form": self.form.to_json(), "score": self.score,
            "own": {str(key): value for key, value in self.own.items()},
            "own_hold": self.own_hold, "warning": self.warning,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Teller:
        """The inverse of to_json. Raises LookupError, ValueError or TypeError."""
        task = Task(data["task"])
        return cls(
            data["name"], task,
            tuple(LabelClass(c["id"], c["name"], c["colour"], order=n)
                  for n, c in enumerate(data["classes"])),
            bool(data["several"]), Form.from_json(data["form"], outlines=task is Task.INSTANCE),
            data["score"], {int(k): float(v) for k, v in data["own"].items()},
            bool(data["own_hold"]), data["warning"],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer for one image: a file, one page of it, or one frame of a video (from 0 on), which
    is shown after so many `seconds`; None where that is not known."""

    path: Path
    page: int
    pages: int
    width: int
    height: int
    prediction: Prediction
    milliseconds: float = 0.0
    seconds: float | None = None

    @property
    def title(self) -> str:
        """The image's name for a person."""
        return f"{self.path.name}, {self.place_words}" if self.place_words else self.path.name

    @property
    def place_words(self) -> str:
        """Which one of its file it is: "frame 4 of 10 at 0:00.120"; "" where it is the only one."""
        if self.pages == 1:
            return ""
        at = f" at {clock(self.seconds)}" if self.seconds is not None else ""
        return f"{page_word(self.path)} {self.page + 1:,} of {self.pages:,}{at}"

    @property
    def place(self) -> dict[str, int | float]:
        """The same for files: {"page": from 1 on}, or of a video {"frame": from 1 on, "time": in
        seconds, where it is known}."""
        if not is_video_name(self.path):
            return {"page": self.page + 1}
        time = {} if self.seconds is None else {"time": round(self.seconds, 3)}
        return {"frame": self.page + 1, **time}


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was not answered, and why in words."""

    path: Path
    reason: str


Line = Answered | Skipped


def counting(answer: Prediction, teller: Teller, score: float, *, own: bool = False) -> Prediction:
    """An answer without objects below their score. Classes of images keep all probabilities."""
    floors = teller.floors(score, own=own)
    return replace(
        answer,
        objects=tuple(
            one for one in answer.objects if one.score >= floors.get(one.class_id, score)
        ),
    )


def said_classes(
    answer: Prediction, teller: Teller, score: float, *, own: bool = False
) -> list[int]:
    """The ids of the classes that an answer says of its image, the likeliest first."""
    scores = answer.scores or {}
    order = sorted(scores, key=lambda key: -scores[key])
    if not teller.several:
        return order[:1]
    floors = teller.floors(score, own=own)
    return [key for key in order if scores[key] >= floors[key]]


# -- files


def write_teller(folder: Path, teller: Teller) -> None:
    """Say who answers, before the first answer."""
    write_json(folder / _NETWORK, teller.to_json())


def read_teller(folder: Path) -> Teller:
    """Who answers. Raises RunError when that is not known yet, or damaged."""
    try:
        return Teller.from_json(json.loads((folder / _NETWORK).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise RunError("The network has not been read yet.") from None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise RunError(f"What is said of the network in {folder} is damaged.") from error


def append(folder: Path, lines: Iterable[Line]) -> None:
    """Add answers at the end of the file, each as one whole line."""
    path = folder / _ANSWERS
    if not _ends_whole(path):
        append_line(path, "")  # a crash cut the last line: it must not swallow the next one
    for line in lines:
        append_line(path, json.dumps(_to_json(line), ensure_ascii=False))


def _ends_whole(path: Path) -> bool:
    if not path.is_file() or not path.stat().st_size:
        return True
    with path.open("rb") as stream:
        stream.seek(-1, 2)
        return stream.read(1) == b"\n"


class AnswerTail:
    """Reads the answers that were added since the last look."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tail = LineTail(folder / _ANSWERS)

    def new(self) -> Iterator[Line]:
        """Whole lines since the last call; a line that a crash cut is left out."""
        for line in self._tail.new():
            try:
                yield _from_json(json.loads(line))
            except (ValueError, LookupError, TypeError):
                continue


def _to_json(line: Line) -> dict[str, Any]:
    if isinstance(line, Skipped):
        return {"file": str(line.path), "reason": line.reason}
    return {
        "file": str(line.path), "page": line.page, "pages": line.pages,
        "size": [line.width, line.height], "ms": round(line.milliseconds, 1),
        **({} if line.seconds is None else {"seconds": line.seconds}),
        "answer": to_json(line.prediction),
    }  # fmt: skip


def _from_json(data: Mapping[str, Any]) -> Line:
    if "reason" in data:
        return Skipped(Path(data["file"]), data["reason"])
    width, height = data["size"]
    return Answered(
        Path(data["file"]), data["page"], data["pages"], width, height,
        from_json(data["answer"]), data["ms"], data.get("seconds"),
    )  # fmt: skip
