"""The checks before a run in the terminal: said before a start, or all that a command asks for."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from cvstudio.cli.judging import finish
from cvstudio.cli.output import answer, note
from cvstudio.cli.settings import as_option
from cvstudio.core.annotation import Split
from cvstudio.core.errors import RunError
from cvstudio.core.events import Failed
from cvstudio.core.places_to_run import Cluster
from cvstudio.core.recipe import Fit, TrainConfig, without_effect
from cvstudio.core.recipe_effects import in_vain
from cvstudio.core.trial import Trial, read_trial
from cvstudio.core.words import counted
from cvstudio.project import device, estimate, preflight, preflight_facts, runs, trying
from cvstudio.project.check import HEADINGS, Action, Check, Level, in_order
from cvstudio.project.device import Device
from cvstudio.project.project import Project
from cvstudio.project.training_facts import Facts
from cvstudio.project.trying import Tried

_MANY = 200
"""Images from which looking at them is worth a word, because nothing else is said meanwhile."""


def say_what_is_in_vain(config: TrainConfig, given: Iterable[str], *, checked: bool = True) -> None:
    """Say which of the settings that were given change nothing, for want of another one; not
    those that the checks tell, where a run is `checked`."""
    told = {vain.name for vain in in_vain(config)} if checked else set()
    for name in sorted(set(given) - told):
        need = without_effect(name, config)
        if need:
            now = " and ".join(f"{other} is {getattr(config, other)}" for other in need)
            asked = " or ".join(f"{n} {' or '.join(v)}" for n, v in need.items())
            values = asked if len(need) > 1 else " or ".join(*need.values())
            note(f"{Level.ADVICE}: {name} has no effect while {now}: it needs {values}.")


def say_checks(
    project: Project, config: TrainConfig, *, cluster: Cluster | None = None
) -> list[Check]:
    """Say what speaks against a run and how long it takes; returns all checks. Raises RunError if
    it cannot start.

    How long it takes on a cluster is not known here.
    """
    facts = preflight_facts.gather(project, config)
    found = device.detect() if cluster is None else None
    lines = preflight.checks(facts, config, found)
    say_advice(lines)
    stopping = preflight.blocking(lines)
    if stopping:
        ways = [_as_option(a) for check in stopping for a in check.actions if a.kind == "set"]
        hint = f"Add {' or '.join(ways)} to change that." if ways else ""
        raise RunError(preflight.refusal("The run cannot start.", stopping), hint=hint)
    note(_outlook(facts, config, found, _seconds(facts, config, found, None)))
    return lines


def say_advice(lines: Iterable[Check]) -> None:
    """Say which of some checks tell what runs could do better."""
    for check in lines:
        if check.level is Level.ADVICE:
            detail = f" {check.detail}" if check.detail else ""
            note(f"{check.level}: {check.text}.{detail}")


def check_only(
    project: Project, config: TrainConfig, *, cluster: Cluster | None, try_batch: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """All checks of a run that is not started, as the window shows them, and a trial batch if
    asked for. Returns 0 when the run may start, 1 when something has to be settled first."""
    facts = preflight_facts.gather_all(project, config, progress=_say_once())
    found = device.detect() if cluster is None else None
    lines = preflight.checks(facts, config, found)
    may_start = not preflight.blocking(lines)
    tried = Tried()
    if try_batch:
        tried, more = _try_batch(project, facts, config, able=may_start)
        lines = in_order([*more, *lines])
    seconds = _seconds(facts, config, found, tried.trial) if may_start else None
    content = {
        "may_start": may_start,
        "network": config.network,
        "epochs": config.epochs,
        "device": found.name if found is not None else None,
        "images": {split.value: facts.images.get(split, 0) for split in Split},
        "checks": [_content(check, project.path, config) for check in lines],
        "seconds": seconds,
        "trial": _trial(tried.trial, facts, config),
    }

    def words() -> None:
        _say_all(lines, project.path, config)
        if may_start:
            click.echo(f"The run may start: {_outlook(facts, config, found, seconds)}")
        else:
            many = counted(len(preflight.blocking(lines)), "thing")
            click.echo(f"The run cannot start: {many} to settle first.")

    answer(content, as_json=as_json, words=words)
    return 0 if may_start else 1


def _try_batch(
    project: Project, facts: Facts, config: TrainConfig, *, able: bool
) -> tuple[Tried, list[Check]]:
    """A trial batch, and what it says; where none can be tried, why."""
    if not able:
        text = "No batch was tried: something has to be settled first"
        return Tried(), [Check(Level.ADVICE, text)]
    if runs.running(project):
        text = "No batch was tried: a run is at work, and both would be slower"
        return Tried(), [Check(Level.ADVICE, text)]
    job = trying.start(project, config)
    try:
        finish(job, "Trying a batch")
        tried = Tried(trial=read_trial(job))
    except RunError as error:
        tried = Tried(failed=job.state().failed or Failed(cause="other", text=error.message))
    return tried, trying.checks(tried, facts, config)


def _seconds(
    facts: Facts, config: TrainConfig, found: Device | None, trial: Trial | None
) -> float | None:
    """How long the run takes; None where that is not known."""
    if trial is not None:
        return trying.seconds(trial, facts, config)
    if found is None:
        return None
    train, val = facts.items(config)
    return estimate.seconds(config, train=train, val=val, device=found)


def _outlook(
    facts: Facts, config: TrainConfig, found: Device | None, seconds: float | None
) -> str:  # fmt: skip
    """What a run learns from, where and how long."""
    train, val = (facts.images.get(split, 0) for split in (Split.TRAIN, Split.VAL))
    learned, _ = facts.items(config)
    crops = f" ({learned:,.0f} crops an epoch)" if config.fit is Fit.CROP else ""
    many = f"{train:,} train{crops} and {val:,} val images"
    if found is None or seconds is None:
        return f"{many}."
    return f"{many} on {found.name}: {estimate.roughly(seconds)}"


def _trial(trial: Trial | None, facts: Facts, config: TrainConfig) -> dict[str, Any] | None:
    if trial is None:
        return None
    epoch = trying.epoch_seconds(trial, facts, config)
    return {**trial.model_dump(mode="json"), "epoch_seconds": epoch}


def _say_all(lines: Sequence[Check], path: Path, config: TrainConfig) -> None:
    level = None
    for check in lines:
        if check.level is not level:
            level = check.level
            click.echo(HEADINGS[level])
        click.echo(f"  {check.text}")
        ways = [
            f"Add {way.option}" if way.option else way.command for way in _ways(check, path, config)
        ]
        for words in (check.detail, *ways):
            if words:
                click.echo(f"    {words}")


def _content(check: Check, path: Path, config: TrainConfig) -> dict[str, Any]:
    shown = next((action.image_ids for action in check.actions if action.kind == "images"), ())
    return {
        "level": check.level.value,
        "text": check.text,
        "detail": check.detail,
        "ways": [asdict(way) for way in _ways(check, path, config)],
        "images": list(shown),
    }


@dataclass(frozen=True)
class _Way:
    """What helps, for a terminal: an option to add, or a command to run first."""

    title: str
    option: str = ""
    command: str = ""


def _ways(check: Check, path: Path, config: TrainConfig) -> list[_Way]:
    """The buttons of the window that the command line has too."""
    project = shlex.quote(str(path))
    commands = {
        "split": f"cvstudio split {project} 0.7,0.2,0.1",
        "weights": f"cvstudio weights get {config.network}",
    }
    found = []
    for action in check.actions:
        if action.kind == "set":
            found.append(_Way(action.title, option=_as_option(action)))
        elif action.kind in commands:
            found.append(_Way(action.title, command=commands[action.kind]))
    return found


def _as_option(action: Action) -> str:
    return " ".join(as_option(name, value) for name, value in action.changes.items())


def _say_once() -> Callable[[int, int], None]:
    """Says that images are looked at, when many are, the first time it is told."""
    told: list[int] = []

    def progress(_done: int, total: int) -> None:
        if total >= _MANY and not told:
            note(f"Looking at {total:,} images for near-duplicates, once; what is seen is kept.")
            told.append(total)

    return progress
