"""A trial batch of the settings of a run that is not made yet: its start, and what it foretells."""

from __future__ import annotations

from dataclasses import dataclass

from cvstudio.core.config import TryBatchConfig
from cvstudio.core.events import Failed
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.snapshot import write_snapshot
from cvstudio.core.trial import Trial, duration
from cvstudio.core.words import counted
from cvstudio.project import estimate, launch, remedies, runs, snapshots
from cvstudio.project.check import Action, Check, Level
from cvstudio.project.project import Project
from cvstudio.project.training_facts import Facts


@dataclass(frozen=True)
class Tried:
    """What came of a trial batch: figures, or why there are none."""

    trial: Trial | None = None
    failed: Failed | None = None


def start(
    project: Project, config: TrainConfig, *, command: runs.Command = launch.worker_command
) -> JobDir:
    """Start the job that tries a batch on the labels of now; packing them may take seconds."""
    with project.read() as session:
        snapshot = snapshots.build(session, project)
    job = runs.make_job(project.runs_directory / "jobs", TryBatchConfig(train=config))
    write_snapshot(job.snapshot, snapshot)
    launch.launch(job, command=command)
    return job


def seconds(trial: Trial, facts: Facts, config: TrainConfig) -> float:
    """The time of a whole run, by a trial batch of its settings."""
    train, val = facts.items(config)
    return duration(trial, config, train=train, val=val)


def epoch_seconds(trial: Trial, facts: Facts, config: TrainConfig) -> float:
    """The time of one epoch, judging val reckoned in."""
    return (seconds(trial, facts, config) - trial.start) / config.epochs


def checks(tried: Tried, facts: Facts, config: TrainConfig) -> list[Check]:
    """What a trial batch says of the run, in words: its time and memory, or what to change."""
    again = Action("Again", "try")
    if tried.failed is not None:
        return [_failure(tried.failed, config, again)]
    trial = tried.trial
    if trial is None:
        return []
    length = estimate.roughly(seconds(trial, facts, config))
    epochs = counted(config.epochs, "epoch")
    step = f"{trial.images} images in {_short(trial.seconds)}"
    detail = (
        f"Measured on {counted(trial.steps, 'step')} on {trial.device}:"
        f" {trial.images_per_second:.3g} images a second. An epoch takes"
        f" {_short(epoch_seconds(trial, facts, config))}, judging val reckoned in."
        " A run that stops early takes less."
    )
    lines = [Check(Level.OK, f"Tried: {step}, {length} for {epochs}", (again,), detail)]
    if trial.memory_total:
        gb = 2**30
        words = f"{trial.memory / gb:.1f} of {trial.memory_total / gb:.0f} GB memory"
        full = trial.memory > 0.9 * trial.memory_total
        lines.append(
            Check(Level.ADVICE if full else Level.OK, f"Took {words}", _halves(config, full))
        )
    return lines


def _halves(config: TrainConfig, full: bool) -> tuple[Action, ...]:
    half = config.batch // 2
    return (Action(f"Use batch {half}", "set", {"batch": half}),) if full and half else ()


def _failure(failed: Failed, config: TrainConfig, again: Action) -> Check:
    """Why a trial batch failed, with the ways that a failed run would be offered."""
    ways = remedies.remedies(config, failed, saved_epoch=None)
    offered = [Action(_title(way.changes), "set", dict(way.changes)) for way in ways if way.changes]
    text = f"The trial batch failed: {failed.text}"
    return Check(Level.ADVICE, text.rstrip("."), (*offered[:3], again), failed.detail[-2000:])


_TITLES = {
    "batch": "Use batch {}", "image_size": "Use {} px", "device": "Use the processor",
    "learning_rate": "Use rate {:g}", "mixed_precision": "Full precision",
    "start": "Train without weights", "workers": "Use {} readers",
}  # fmt: skip


def _title(changes: dict[str, object]) -> str:
    """A way forward as a link: "Use batch 8"."""
    name, value = next(iter(changes.items()))
    return _TITLES.get(name, f"Set {name} {{}}").format(value)


def _short(duration: float) -> str:
    if duration < 1:
        return f"{duration * 1000:.0f} ms"
    return f"{duration:.1f} s" if duration < 100 else estimate.roughly(duration)
