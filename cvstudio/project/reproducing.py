"""Training a run again as it was, and saying whether the same came out."""

from __future__ import annotations

import hashlib
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cvstudio.core.curves import loss_of
from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.snapshot import Snapshot, read_snapshot
from cvstudio.core.video_names import is_video_name
from cvstudio.core.words import counted
from cvstudio.project import comparing, runs
from cvstudio.project.comparing import Difference
from cvstudio.project.project import Project
from cvstudio.project.records import Role, RunRecord

EPOCHS = 5
"""Of how many first epochs the losses are told."""


class Sameness(StrEnum):
    """How much alike a run and its repetition are."""

    BITS = "identical bit for bit"
    FIGURES = "the same figures, other weights"
    OTHER = "not the same"
    UNKNOWN = "not to be told yet"


@dataclass(frozen=True)
class Pair:
    """A figure or a loss by the run and by its repetition; None where there is none."""

    title: str
    first: float | None
    again: float | None

    @property
    def apart(self) -> float | None:
        """How much larger the repetition's is."""
        if self.first is None or self.again is None:
            return None
        return self.again - self.first


@dataclass(frozen=True)
class Repetition:
    """A run beside its repetition."""

    run_id: int
    again_id: int
    sameness: Sameness
    epochs: tuple[Pair, ...]
    """The losses on train and val of the first epochs."""
    metrics: tuple[Pair, ...]
    """The figures of the reports; where there is none, those of the last epoch in common."""
    settings: tuple[Difference, ...]
    data: tuple[str, ...]
    environment: tuple[Difference, ...]

    @property
    def verdict(self) -> str:
        """What came out, in one or two sentences."""
        known = [pair for pair in self.metrics if pair.apart is not None]
        if self.sameness is Sameness.UNKNOWN:
            return f"Run {self.again_id} has no figures yet."
        if self.sameness is Sameness.BITS:
            return (
                f"Run {self.again_id} repeats run {self.run_id} bit for bit: every weight, loss and"
                " figure is the same."
            )
        if self.sameness is Sameness.FIGURES:
            return f"Run {self.again_id} has the figures of run {self.run_id}; its weights differ."
        largest = max(known, key=lambda pair: abs(pair.apart or 0.0), default=None)
        words = f"Run {self.again_id} is not the same as run {self.run_id}"
        if largest is not None and largest.apart:
            words += f": {largest.title} {largest.first:.4g} → {largest.again:.4g}"
            words += f" ({largest.apart:+.2g}), the largest difference of {len(known)} figures"
        apart = next((pair for pair in self.epochs if pair.apart), None)
        if apart is not None:
            words += f". They part at the {apart.title}"
        return f"{words}."

    @property
    def reasons(self) -> str:
        """What may be behind a difference, in a sentence; "" when nothing is known to differ."""
        parts = []
        if self.settings:
            parts.append(f"settings ({', '.join(row.title for row in self.settings)})")
        if self.data:
            parts.append(f"data ({'; '.join(self.data)})")
        main = [row for row in self.environment if not row.title.startswith("Package ")]
        packages = len(self.environment) - len(main)
        parts += [f"{row.title}: {row.values[0]} then, {row.values[1]} now" for row in main]
        if packages:
            names = [
                f"{row.title.removeprefix('Package ')} {row.values[0]} → {row.values[1]}"
                for row in self.environment if row not in main
            ]  # fmt: skip
            more = f" and {packages - 4} more" if packages > 4 else ""
            parts.append(f"{counted(packages, 'package')} ({', '.join(names[:4])}{more})")
        return f"What differs: {'; '.join(parts)}." if parts else ""


def repeat(
    project: Project, run_id: int, *, device: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> RunRecord:  # fmt: skip
    """A new run, queued, with the settings and the snapshot of a run: not the labels of now.

    `device`: another place to compute. Raises RunError when an image or the run to start from is
    gone or the run's own records cannot be read.
    """
    run = runs.get(project, run_id)
    job = runs.job_of(run)
    config, snapshot = runs.config_of(run), read_snapshot(job.snapshot)
    _require_files(snapshot, progress)
    if device is not None:
        config = runs.changed_config(config, {"device": device})
    return runs.create_run(
        project, config, parent_id=run.parent_id, title=f"Run {run_id} again", snapshot=snapshot,
        role=Role(repeats=run_id),
    )  # fmt: skip


def repeats(run: RunRecord) -> int | None:
    """The run that a run repeats, None for one of its own."""
    return run.role.repeats if run.role is not None else None


def _require_files(snapshot: Snapshot, progress: Callable[[int, int], None] | None) -> None:
    """Raises RunError when an image is gone or is not the file that the run saw."""
    gone, changed = [], []
    known: dict[object, str] = {}
    for place, image in enumerate(snapshot.images):
        if progress is not None:
            progress(place, len(snapshot.images))
        if not image.path.is_file():
            gone.append(image.path.name)
        elif image.sha256 and not is_video_name(image.path):
            if image.path not in known:
                with image.path.open("rb") as stream:
                    known[image.path] = hashlib.file_digest(stream, "sha256").hexdigest()
            if known[image.path] != image.sha256:
                changed.append(image.path.name)
    for names, what in ((gone, "gone"), (changed, "changed since the run")):
        if names:
            shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")
            raise RunError(
                f"The run cannot be repeated: {counted(len(names), 'image')} of its snapshot"
                f" {'is' if len(names) == 1 else 'are'} {what} ({shown}).",
                hint="Put the files back as they were.",
            )


def compare(project: Project, run_id: int, again_id: int) -> Repetition:
    """A run beside a repetition of it (or beside any other run)."""
    first, again = runs.get(project, run_id), runs.get(project, again_id)
    jobs = runs.job_of(first), runs.job_of(again)
    epochs, metrics = _epochs(*jobs), _metrics(*jobs)
    environment = comparing.environments([comparing.environment(job) for job in jobs])
    settings = comparing.settings([runs.config_of(first), runs.config_of(again)])
    data = comparing.data(*(read_snapshot(job.snapshot) for job in jobs))
    return Repetition(
        run_id, again_id, _sameness(jobs, epochs, metrics), tuple(epochs), tuple(metrics),
        tuple(settings), data.words, tuple(environment),
    )  # fmt: skip


def same_weights(first: JobDir, again: JobDir) -> bool | None:
    """Whether the best networks of two runs are alike to the last bit; None when one is missing.

    A checkpoint is a zip of plain tensors: its members are compared, and no torch is needed.
    """
    if not (first.best.is_file() and again.best.is_file()):
        return None
    try:
        return _tensors(first) == _tensors(again)
    except zipfile.BadZipFile:
        return None


def _tensors(job: JobDir) -> list[tuple[str, int, int]]:
    """Name, size and checksum of each tensor in a run's best checkpoint."""
    with zipfile.ZipFile(job.best) as content:
        return sorted(
            (info.filename.partition("/")[2], info.file_size, info.CRC)
            for info in content.infolist()
            if "/data/" in info.filename
        )


def _epochs(first: JobDir, again: JobDir) -> list[Pair]:
    states = first.state(), again.state()
    told = [{epoch.epoch: epoch for epoch in state.epochs} for state in states]
    pairs = []
    for epoch in sorted(told[0].keys() | told[1].keys())[:EPOCHS]:
        for of in ("train", "val"):
            losses = [loss_of(getattr(each[epoch], of)) if epoch in each else None for each in told]
            if losses != [None, None]:
                pairs.append(Pair(f"{of} loss of epoch {epoch}", losses[0], losses[1]))
    return pairs


def _metrics(first: JobDir, again: JobDir) -> list[Pair]:
    figures = comparing.figures([comparing.report(first), comparing.report(again)])
    if any(None not in figure.values for figure in figures):
        return [Pair(figure.title, *figure.values) for figure in figures]
    told = [{e.epoch: e.metrics for e in job.state().epochs} for job in (first, again)]
    common = max(told[0].keys() & told[1].keys(), default=None)
    if common is None:
        return []
    names = dict.fromkeys([*told[0][common], *told[1][common]])
    return [
        Pair(f"{name} after epoch {common}", *(each[common].get(name) for each in told))
        for name in names
    ]


def _sameness(
    jobs: tuple[JobDir, JobDir], epochs: list[Pair], metrics: list[Pair]
) -> Sameness:  # fmt: skip
    compared = [pair for pair in (*epochs, *metrics) if (pair.first, pair.again) != (None, None)]
    if not any(pair.apart is not None for pair in metrics):
        return Sameness.UNKNOWN
    alike = all(_alike(pair) for pair in compared)
    if alike and same_weights(*jobs):
        return Sameness.BITS
    return Sameness.FIGURES if alike else Sameness.OTHER


def _alike(pair: Pair) -> bool:
    if pair.first is None or pair.again is None:
        return pair.first is pair.again
    return pair.first == pair.again or (math.isnan(pair.first) and math.isnan(pair.again))
