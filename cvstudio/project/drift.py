"""New images beside those that a run learned from: does the network still know what it looks at?

A job embeds the run's own images and the new ones together (core/embedding.py), below RUN_DIR/drift
so that nobody takes it for the map of the project. What comes of it is told in words here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Split, Task
from cvstudio.core.config import EmbedConfig
from cvstudio.core.drift import (
    Beyond,
    Shift,
    Silence,
    Standing,
    beyond,
    distances,
    shift,
    silence,
)
from cvstudio.core.embedding import (
    ANSWERS,
    Embeddings,
    Subject,
    embeddings_path,
    read_embeddings,
    read_subjects,
    write_subjects,
)
from cvstudio.core.errors import ImageError, RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.predictions import read_predictions
from cvstudio.core.snapshot import Snapshot, SnapshotImage, read_snapshot
from cvstudio.core.thresholds import thresholds_of
from cvstudio.core.words import counted, first_names, percent
from cvstudio.formats.files import walk
from cvstudio.imaging.decode import is_image_name, probe
from cvstudio.imaging.measures import ImageMeasures, read_measures
from cvstudio.project import launch, runs
from cvstudio.project.records import RunRecord
from cvstudio.project.verdict import go_on

MOST_OWN = 400
"""Of the run's own images, per split, that new ones are compared with."""
FEWEST = 10
"""New images with which a share says anything."""
_FEWEST_OWN = 20
FOLDER = "drift"
"""Where the jobs that look at new images lie, in the directory of their run."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """A new image, and how many times as far as usual it lies from what the network knows."""

    path: Path
    page: int
    times: float


@dataclass(frozen=True, eq=False)
class Drift:
    """What was found. Arrays are one value an image: of the run's own that are compared with
    (`usual_…`) and of the new ones (`new_…`)."""

    standing: Standing
    headline: str
    sentences: tuple[str, ...]
    strange: Beyond
    unsure: Beyond
    """Of the images on which it finds something."""
    silent: Silence | None
    """On how many it finds nothing; None where it looks for no objects."""
    shifts: Mapping[str, Shift]
    """By the title of the measure."""
    usual_distance: NDArray[np.float32]
    new_distance: NDArray[np.float32]
    usual_doubt: NDArray[np.float32]
    new_doubt: NDArray[np.float32]
    strangers: tuple[Stranger, ...]
    """All new images that were read, the strangest first."""
    unread: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Everything but the arrays, for programs."""
        return {
            "standing": self.standing.name.lower().replace("_", " "),
            "headline": self.headline,
            "sentences": list(self.sentences),
            "images": len(self.new_distance),
            "compared_with": len(self.usual_distance),
            "strange": asdict(self.strange),
            "unsure": asdict(self.unsure),
            "silent": None if self.silent is None else asdict(self.silent),
            "measures": {
                title: asdict(one) | {"noticeable": one.noticeable}
                for title, one in self.shifts.items()
            },
            "strangest": [
                {"image": str(one.path), "page": one.page, "times": one.times}
                for one in self.strangers[:50]
            ],
            "unread": list(self.unread),
        }


# -- asking


def images_in(sources: Sequence[Path], *, check: Callable[[], None] = go_on) -> list[Path]:
    """The image files among these and in these folders, sorted."""
    found: dict[Path, None] = {}
    for source in sources:
        if source.is_dir():
            for folder, names in walk(source):
                check()
                found |= dict.fromkeys(folder / n for n in sorted(names) if is_image_name(n))
        else:
            found[source] = None
    return list(found)


def start(
    run: RunRecord, sources: Sequence[Path], *, device: str = "auto",
    check: Callable[[], None] = go_on, command: runs.Command = launch.worker_command,
) -> JobDir:  # fmt: skip
    """Start the job that looks at new images and at the run's own. Raises RunError when there is
    nothing to compare."""
    job_of_run = runs.job_of(run)
    if not job_of_run.best.is_file():
        raise RunError(f"Run {run.id} is {runs.status(run)} and has no network yet.")
    snapshot = read_snapshot(job_of_run.snapshot)
    own = _own(snapshot)
    if len(own) < _FEWEST_OWN:
        raise RunError(
            f"Run {run.id} has {counted(len(own), 'image')} of its own: too few to say what is"
            " usual."
        )
    new = list(_new(images_in(sources, check=check), snapshot, check))
    if not new:
        raise RunError("There is no image to look at there.")
    if not any(one.width for one in new):
        raise _unreadable([str(one.path) for one in new])
    config = EmbedConfig(run_directory=job_of_run.path, umap=False, device=device)
    job = runs.make_job(job_of_run.path / FOLDER, config)
    write_subjects(job, [*own, *new])
    launch.launch(job, command=command)
    return job


def _own(snapshot: Snapshot) -> list[Subject]:
    return [
        Subject(i.id, i.path, i.page, i.width, i.height, i.sha256, i.window)
        for split in Split
        for i in _some(snapshot.of(split))
    ]


def _some(images: Sequence[SnapshotImage]) -> list[SnapshotImage]:
    """At most MOST_OWN of them, evenly over the whole."""
    if len(images) <= MOST_OWN:
        return list(images)
    places = np.linspace(0, len(images) - 1, MOST_OWN).round().astype(int)
    return [images[place] for place in places]


def _new(paths: Sequence[Path], snapshot: Snapshot, check: Callable[[], None]) -> Iterator[Subject]:
    """Subjects for files that are in no project; their ids are below 0."""
    number = 0
    for path in paths:
        check()
        try:
            pages = probe(path)
        except ImageError:
            number -= 1
            yield Subject(number, path, 0, 0, 0, "")  # the job says why it cannot be read
            continue
        for page, info in enumerate(pages):
            number -= 1
            window = snapshot.window if info.bit_depth > 8 else None
            yield Subject(number, path, page, info.width, info.height, "", window)


def latest(run: RunRecord) -> JobDir | None:
    """The newest look of a run at new images that came to its end; None when there was none."""
    found: list[tuple[float, JobDir]] = []
    for path in (runs.job_of(run).path / FOLDER).glob("embed-*"):
        job = JobDir(path)
        try:
            found.append((looked_at(job), job))
        except OSError:
            continue  # it was ended early
    return max(found, key=lambda each: each[0])[1] if found else None


def looked_at(job: JobDir) -> float:
    """When a job that came to its end did so, in seconds since 1970."""
    return embeddings_path(job).stat().st_mtime


# -- telling


def read(run: RunRecord, job: JobDir, *, check: Callable[[], None] = go_on) -> Drift:
    """What a finished job found. Raises RunError when it left nothing whole, or too little."""
    snapshot = read_snapshot(runs.job_of(run).snapshot)
    subjects = {subject.id: subject for subject in read_subjects(job)}
    found = read_embeddings(embeddings_path(job))
    new = found.images < 0
    unread = tuple(str(subjects[i].path) for i in found.unread if i < 0)
    if not new.any():
        raise _unreadable(unread)
    splits = {image.id: image.split for image in snapshot.images}
    usual_rows, far = _distances(found, splits, new)
    doubts = dict(zip(found.seen.tolist(), found.doubts.tolist(), strict=True))
    told = np.array([doubts[i] for i in found.images.tolist()], np.float32)
    strange = beyond(far[usual_rows], far[new])
    counts = _counts(run, snapshot.task, job, found)
    silent = None
    heard = np.ones(len(told), bool)
    if counts is not None:
        heard = counts > 0
        silent = silence(~heard[usual_rows], ~heard[new], labelled=_with_objects(snapshot))
    usual_told, new_told = told[usual_rows[heard[usual_rows]]], told[new & heard]
    unsure = beyond(usual_told, new_told)
    shifts = _shifts(subjects, found, usual_rows, new, check)
    if counts is not None:
        shifts[_COUNT[0]] = shift(*(counts[rows].astype(np.float64) for rows in (usual_rows, new)))
    order = np.flatnonzero(new)[np.argsort(-far[new], kind="stable")]
    strangers = tuple(
        Stranger(subjects[int(found.images[row])].path, subjects[int(found.images[row])].page,
                 float(far[row]))
        for row in order
    )  # fmt: skip
    standing = max(strange.standing, unsure.standing, silent.standing if silent else Standing.SAME)
    if standing is Standing.OUT_OF_ITS_DEPTH and strange.standing is Standing.SAME:
        standing = Standing.AT_THE_EDGE  # hard for it, but of the kind that it knows
    sentences = _sentences(standing, strange, unsure, silent, shifts, unread)
    return Drift(
        standing, _headline(run, standing), tuple(sentences),
        strange, unsure, silent, shifts, far[usual_rows], far[new], usual_told, new_told,
        strangers, unread,
    )  # fmt: skip


def _distances(
    found: Embeddings, splits: Mapping[int, Split], new: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Which rows say what is usual, and how far every row lies from train.

    Val says it, and test: the network did not learn from them. Where they are too few, train does,
    each image without itself.
    """
    of = [splits.get(int(i)) for i in found.images]
    train = np.flatnonzero([split is Split.TRAIN for split in of])
    held = np.flatnonzero([split in (Split.VAL, Split.TEST) for split in of])
    if len(train) < _FEWEST_OWN:
        raise RunError("Too few of the images that the run learned from can be read.")
    known = found.vectors[train]
    far = np.ones(len(found), np.float32)
    far[train] = distances(known, known, same=True)
    others = np.setdiff1d(np.arange(len(found)), train)
    far[others] = distances(found.vectors[others], known)
    return (held if len(held) >= _FEWEST_OWN else train), far


_MEASURES: tuple[tuple[str, str, str, str], ...] = (
    ("brightness", "Brightness", "brighter", "darker"),
    ("contrast", "Contrast", "richer in contrast", "flatter"),
    ("sharpness", "Sharpness", "sharper or noisier", "less sharp"),
    ("colour", "Colour", "more colourful", "paler"),
    ("warmth", "Warmth", "redder", "bluer"),
    ("pixels", "Size", "larger", "smaller"),
)
"""Field, title, and what an image with more, and with less, of it is called."""
_COUNT = ("Objects an image", "with more objects", "with fewer objects")


def _counts(
    run: RunRecord, task: Task, job: JobDir, found: Embeddings
) -> NDArray[np.int64] | None:  # fmt: skip
    """How many objects count on each image; None where the network looks for none."""
    if task not in (Task.DETECT, Task.INSTANCE):
        return None
    counts = thresholds_of(runs.job_of(run).path)
    told = {}
    for bare in read_predictions(job.predictions(ANSWERS)):
        answer = counts.corrected(bare)
        floors = counts.floors({each.class_id for each in answer.objects})
        told[answer.image_id] = sum(f.score >= floors[f.class_id] for f in answer.objects)
    return np.array([told.get(int(i), 0) for i in found.images], np.int64)


def _with_objects(snapshot: Snapshot) -> float:
    """The share of the images that the run learned from that have an object."""
    learned = [bool(image.annotations) for image in snapshot.of(Split.TRAIN)]
    return sum(learned) / len(learned) if learned else 0.0


def _shifts(
    subjects: Mapping[int, Subject], found: Embeddings,
    usual: NDArray[np.intp], new: NDArray[np.bool_], check: Callable[[], None],
) -> dict[str, Shift]:  # fmt: skip
    looks = [_looks(subjects[int(i)], check) for i in found.images[usual]]
    others = [_looks(subjects[int(i)], check) for i in found.images[new]]
    known = [one for one in looks if one is not None], [one for one in others if one is not None]
    shifts = {}
    if all(known):
        for field, title, _, _ in _MEASURES:
            before, after = (np.array([getattr(one, field) for one in some]) for some in known)
            shifts[title] = shift(before, after)
    return shifts


def _looks(subject: Subject, check: Callable[[], None]) -> ImageMeasures | None:
    check()
    try:
        return read_measures(subject.path, subject.page, subject.window)
    except ImageError:
        return None  # it was there a moment ago; the job has told


def _headline(run: RunRecord, standing: Standing) -> str:
    return {
        Standing.SAME: f"These images are like those that run {run.id} knows.",
        Standing.AT_THE_EDGE: f"Some of these images are at the edge of what run {run.id} knows.",
        Standing.OUT_OF_ITS_DEPTH: f"Run {run.id} is out of its depth with these images.",
    }[standing]


def _sentences(
    standing: Standing, strange: Beyond, unsure: Beyond, silent: Silence | None,
    shifts: Mapping[str, Shift], unread: Sequence[str],
) -> Iterator[str]:  # fmt: skip
    if strange.of < FEWEST:
        yield f"With {counted(strange.of, 'image')} this says little: bring {FEWEST} or more."
    yield (
        f"{_share(strange)} of them lie farther from the images it learned from than 95 of 100 of"
        " those that were kept back; by chance it would be 5 of 100."
    )
    if silent is not None and silent.count:
        yield from _silence(silent)
    if unsure.of:
        found = " on which it finds something" if silent is not None and silent.count else ""
        yield (
            f"It is less sure of {_share(unsure)}{found} than of 95 of 100 of its own; a network"
            " can also be sure and wrong."
        )
    names = {title: (more, less) for _, title, more, less in _MEASURES} | {_COUNT[0]: _COUNT[1:]}
    said = [
        f"{names[title][0] if one.more > 0.5 else names[title][1]}"
        f" ({title.lower()} {_number(one.usual)} → {_number(one.new)})"
        for title, one in shifts.items()
        if one.noticeable
    ]
    if said:
        yield f"They are {', '.join(said)}."
    elif strange.standing is not Standing.SAME:
        yield "Brightness, contrast, sharpness, colour and size are as usual: it is what they show."
    if standing is not Standing.SAME:
        yield "Bring the strangest into the project, label them, and train again with them."
    if unread:
        yield f"{counted(len(unread), 'file')} could not be read: {_file_names(unread)}."


def _silence(silent: Silence) -> Iterator[str]:
    """On how many images nothing is found, and what that means."""
    yield f"It finds nothing on {_share(silent)}; on its own it is {silent.usual * 100:.0f} of 100."
    if silent.surprising:
        yield (
            f"Of the images that it learned from {silent.labelled * 100:.0f} of 100 had an object:"
            " unless these really are empty, it does not see what is on them. That it finds"
            " nothing does not make it sure."
        )


def _share(one: Beyond | Silence) -> str:
    if one.of <= 100:
        return f"{one.count} of {one.of}"
    return f"{one.count:,} of {one.of:,} ({percent(one.count / one.of)})"


def _unreadable(paths: Sequence[str]) -> RunError:
    return RunError(
        "None of the new images can be read.",
        hint=f"They may be damaged, or no images at all: {_file_names(paths)}.",
    )


def _file_names(paths: Sequence[str]) -> str:
    return first_names([Path(path).name for path in paths])


def _number(value: float) -> str:
    if math.isclose(value, round(value)) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2g}" if abs(value) < 1 else f"{value:.1f}"
