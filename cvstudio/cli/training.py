"""Training from the terminal: start, follow, pause, finish, cancel and resume runs."""

from __future__ import annotations

import time
from contextlib import closing
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from cvstudio.cli.clusters import (
    chosen_cluster,
    cluster_images_option,
    cluster_workers_option,
    on_option,
)
from cvstudio.cli.follow import Follower, ask_what_now
from cvstudio.cli.mirroring import mlflow_option, tensorboard_option
from cvstudio.cli.output import (
    DeviceName,
    WholeNumber,
    answer,
    as_json,
    figure,
    note,
    opened,
    project_argument,
    run_argument,
    table,
)
from cvstudio.cli.settings import WithSettings
from cvstudio.cli.settings import settings as known_settings
from cvstudio.core.annotation import Split
from cvstudio.core.curves import reading
from cvstudio.core.errors import ConfigError, ProjectLocked, RunError
from cvstudio.core.networks import check_settings, default_config, networks_for
from cvstudio.core.networks import network as network_of
from cvstudio.core.places_to_run import Cluster
from cvstudio.core.recipe import Preset, Start, TrainConfig
from cvstudio.core.run_state import RunState
from cvstudio.core.words import counted
from cvstudio.project import (
    device,
    estimate,
    launch,
    preflight,
    queueing,
    remedies,
    runs,
    training_facts,
)
from cvstudio.project.device import Device
from cvstudio.project.experiments.steering import Steward
from cvstudio.project.experiments.trials import state_words
from cvstudio.project.idleness import Idleness
from cvstudio.project.judged import judged
from cvstudio.project.mirrors import targets as mirrors
from cvstudio.project.pipeline import pipeline
from cvstudio.project.preflight import Level
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus, saved_epoch
from cvstudio.project.training_facts import Facts

QUEUE_SECONDS = 1.0


preset_option = click.option(
    "--preset",
    type=click.Choice([p.value for p in Preset]),
    default="balanced",
    show_default=True,
    help="How long the run may take.",
)


@click.command("train", cls=WithSettings)
@project_argument
@preset_option
@click.option(
    "--network", help="A network of the project's task; else the preset's, or that of --from-run."
)
@click.option("--epochs", type=WholeNumber(min=1), help="How often each image is seen.")
@click.option("--device", "device_name", type=DeviceName(), help="auto, cpu, mps or cuda:0.")
@click.option(
    "--start",
    type=click.Choice([s.value for s in Start]),
    help="The first weights: pretrained ones (default), none (scratch), those of --weights-file,"
    " or those of --from-run.",
)
@click.option(
    "--weights-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Start from the weights in that file.",
)
@click.option("--from-run", type=WholeNumber(min=1), help="Start from that run's network.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any other setting of the list below, as batch=8. May be given several times.",
)
@on_option
@cluster_workers_option
@cluster_images_option
@tensorboard_option
@mlflow_option
@click.option(
    "--when-idle",
    type=WholeNumber(min=1, max=queueing.MOST_MINUTES),
    metavar="MINUTES",
    help="Queue it, to start when processor and GPU have had little to do for so long.",
)
@click.option("--detach", is_flag=True, help="Return at once; the run goes on by itself.")
@as_json
def train_command(
    project: Path, preset: str, network: str | None, epochs: int | None, device_name: str | None,
    start: str | None, weights_file: Path | None, from_run: int | None, settings: tuple[str, ...],
    on: str | None, cluster_workers: int | None, cluster_images: str | None,
    tensorboard: str | None, mlflow: str | None, when_idle: int | None, detach: bool, as_json: bool,
) -> int:  # fmt: skip
    """Train a network on the labels of a project."""
    cluster = chosen_cluster(on, cluster_workers, cluster_images)
    changes = parsed_settings(settings)
    changes |= _started(start, weights_file, from_run)
    for name, value in (("epochs", epochs), ("device", device_name)):
        if value is not None:
            changes[name] = value
    with opened(project, write=True) as open_project:
        if from_run is not None and network is None:
            network = runs.get(open_project, from_run).network
        config = chosen_config(open_project, Preset(preset), network, changes)
        if from_run is not None:
            config = runs.with_parent(open_project, config, from_run)
        say_checks(open_project, config, cluster=cluster)
        run = runs.create_run(open_project, config, cluster=cluster)
        wanted = mirrors.chosen(project=open_project.name, tensorboard=tensorboard, mlflow=mlflow)
        if wanted:
            mirrors.write(runs.job_of(run), wanted)
        queueing.wait_for_idle(open_project, run.id, when_idle)
        status = runs.start(open_project, run.id)
    note(
        f"Run {run.id} is {status}: {config.network}, {counted(config.epochs, 'epoch')},"
        f" {run.directory}"
    )
    if detach:
        answer(_about(runs.job_of(run).state(), run, status), as_json=as_json, words=lambda: None)
        return 0
    return follow_run(project, run.id, as_json=as_json)


@click.command("runs")
@project_argument
@as_json
def runs_command(project: Path, as_json: bool) -> None:
    """The runs of a project, newest first."""
    with opened(project) as open_project:
        found = list(reversed(runs.all_runs(open_project)))
        states = [(run, runs.status(run), runs.job_of(run).state()) for run in found]
    rows = [_about(state, run, status) for run, status, state in states]

    def words() -> None:
        if not rows:
            note("There is no run yet. Start one with: cvstudio train PROJECT")
            return
        table(
            ("run", "network", "state", "epochs", "metric", "best", "started"),
            [
                (row["run"], row["network"], row["state"], f"{row['epoch']} of {row['epochs']}",
                 row["metric"], figure(row["best"]),
                 time.strftime("%Y-%m-%d %H:%M", time.localtime(row["created"])))
                for row in rows
            ],
        )  # fmt: skip

    answer(rows, as_json=as_json, words=words)


@click.command("watch")
@project_argument
@run_argument
@as_json
def watch_command(project: Path, run: int, as_json: bool) -> int:
    """Follow a run until it ends; Ctrl+C asks what to do with it."""
    return follow_run(project, run, as_json=as_json)


@click.command("pause")
@project_argument
@run_argument
@as_json
def pause_command(project: Path, run: int, as_json: bool) -> None:
    """Ask a run to stop where it can be resumed."""
    with opened(project) as open_project:
        runs.pause(open_project, run)
    _say_asked(project, run, f"Run {run} will pause after the step it is in.", as_json=as_json)


@click.command("finish")
@project_argument
@run_argument
@as_json
def finish_command(project: Path, run: int, as_json: bool) -> None:
    """Ask a run to end early with what it has learned so far."""
    with opened(project) as open_project:
        runs.finish(open_project, run)
    _say_asked(
        project,
        run,
        f"Run {run} will end after the step it is in and keep its best network.",
        as_json=as_json,
    )


@click.command("cancel")
@project_argument
@run_argument
@as_json
def cancel_command(project: Path, run: int, as_json: bool) -> None:
    """End a run at once: within 15 seconds it and all its processes are gone."""
    with opened(project) as open_project:
        waits = runs.status(runs.get(open_project, run)) is not RunStatus.RUNNING
        if not waits:
            runs.cancel(open_project, run)
    if waits:
        with opened(project, write=True) as open_project:
            runs.cancel(open_project, run)
    else:
        _take_in(project)
    _say_asked(project, run, f"Run {run} is cancelled.", as_json=as_json)


def _say_asked(project: Path, run_id: int, text: str, *, as_json: bool) -> None:
    """What was asked of a run; as JSON, the run as it is at this moment."""
    note(text)
    if as_json:
        with opened(project) as open_project:
            run = runs.get(open_project, run_id)
            content = _about(runs.job_of(run).state(), run, runs.status(run))
        answer(content, as_json=True, words=lambda: None)


@click.command("resume")
@project_argument
@run_argument
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a setting, as batch=8."
)
@click.option("--detach", is_flag=True, help="Return at once; the run goes on by itself.")
@as_json
def resume_command(
    project: Path, run: int, settings: tuple[str, ...], detach: bool, as_json: bool
) -> int:  # fmt: skip
    """Continue a paused, stopped or failed run from its last checkpoint."""
    with opened(project, write=True) as open_project:
        changes = parsed_settings(settings)
        _changed(runs.config_of(runs.get(open_project, run)), changes)
        status = runs.resume(open_project, run, changes=changes)
        found = runs.get(open_project, run)
    note(f"Run {run} is {status}.")
    if detach:
        content = _about(runs.job_of(found).state(), found, status)
        answer(content, as_json=as_json, words=lambda: None)
        return 0
    return follow_run(project, run, as_json=as_json)


def _started(start: str | None, weights_file: Path | None, from_run: int | None) -> dict[str, Any]:
    """What --start and the options that imply it change; wrong usage when they disagree."""
    implied = {
        Start.FILE.value: ("--weights-file", weights_file is not None),
        Start.RUN.value: ("--from-run", from_run is not None),
    }
    for value, (option, given) in implied.items():
        if start == value and not given:
            raise click.BadParameter(f"{value} needs {option}.", param_hint="--start")
        if given and start not in (None, value):
            raise click.BadParameter(f"{option} is for --start {value}.", param_hint="--start")
    if weights_file is not None and from_run is not None:
        raise click.UsageError("Give --weights-file or --from-run, not both.")
    if weights_file is not None:
        return {"start": Start.FILE.value, "weights_file": weights_file.absolute()}
    # The checkpoint of a run is found by runs.with_parent.
    return {"start": start} if start is not None and from_run is None else {}


def parsed_settings(settings: tuple[str, ...]) -> dict[str, Any]:
    """--set key=value as a dictionary; a key that is no setting is wrong usage."""
    known = list(known_settings())
    changes = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f' Did you mean "{close[0]}"?' if close and close[0] != name else ""
            raise click.BadParameter(
                f'"{text}" is not key=value with a setting\'s name.{hint}'
                f" Settings: {', '.join(known)}.",
                param_hint="--set",
            )
        changes[name] = value
    return changes


def chosen_config(
    project: Project, preset: Preset, network: str | None, changes: dict[str, Any]
) -> TrainConfig:
    """The settings of a run of a project: those of the preset, with the changes of --set."""
    with project.read() as session:
        facts = training_facts.gather(session, project)
    images = facts.images.get(Split.TRAIN, 0)
    try:
        config = default_config(
            project.task, preset, network, image_count=images or None,
            several=facts.allows_several,
        )  # fmt: skip
    except ConfigError as error:
        offered = ", ".join(info.name for info in networks_for(project.task))
        raise click.BadParameter(
            f"{error.message} Networks: {offered}.", param_hint="--network"
        ) from error
    config = config.model_copy(update={"augmentation": pipeline(project).steps})
    return _changed(config, changes)


def _changed(config: TrainConfig, changes: dict[str, Any]) -> TrainConfig:
    """A config with settings of --set; one that is wrong or without effect is wrong usage."""
    try:
        check_settings(network_of(config.network), changes)
        return runs.changed_config(config, changes)
    except ConfigError as error:
        raise click.BadParameter(error.message, param_hint="--set") from error


def say_checks(project: Project, config: TrainConfig, *, cluster: Cluster | None = None) -> None:
    """Say what speaks against a run and how long it takes. Raises RunError if it cannot start.

    How long it takes on a cluster is not known here.
    """
    with project.read() as session:
        facts = training_facts.gather(session, project)
    found = device.detect() if cluster is None else None
    lines = say_advice(facts, config, found)
    stopping = preflight.blocking(lines)
    if stopping:
        ways = [_as_option(a) for check in stopping for a in check.actions if a.kind == "set"]
        hint = f"Add {' or '.join(ways)} to change that." if ways else ""
        texts = " ".join(f"{(check.detail or check.text).rstrip('.')}." for check in stopping)
        raise RunError(f"The run cannot start. {texts}", hint=hint)
    train, val = (facts.images.get(split, 0) for split in (Split.TRAIN, Split.VAL))
    if found is None:
        note(f"{train:,} train and {val:,} val images.")
        return
    duration = estimate.seconds(config, train=train, val=val, device=found)
    note(f"{train:,} train and {val:,} val images on {found.name}: {estimate.roughly(duration)}")


def say_advice(facts: Facts, config: TrainConfig, on: Device | None) -> list[preflight.Check]:
    """Say what a run could do better; returns all checks."""
    lines = preflight.checks(facts, config, on)
    for check in lines:
        if check.level is Level.ADVICE:
            detail = f" {check.detail}" if check.detail else ""
            note(f"{check.level}: {check.text}.{detail}")
    return lines


def _as_option(action: preflight.Action) -> str:
    return " ".join(_option(name, value) for name, value in action.changes.items())


def _option(name: str, value: object) -> str:
    """How a setting is written on the command line."""
    return f"--start {value}" if name == "start" else f"--set {name}={value}"


def follow_run(path: Path, run_id: int, *, as_json: bool = False, tell: bool = True) -> int:
    """Show a run to its end and, unless told not to, what came of it; returns the exit code."""
    run = _wait_for_turn(path, run_id)
    job = runs.job_of(run)
    follower = Follower(job, f"Run {run_id}")
    while True:
        try:
            status = follower.follow() if runs.status(run) is RunStatus.RUNNING else None
            break
        except KeyboardInterrupt:
            match ask_what_now(run_id):
                case "cancel":
                    launch.end(job)
                case "finish":
                    with opened(path) as project:
                        runs.finish(project, run_id)
                case _:
                    note(f"Run {run_id} goes on. See it again: cvstudio watch {path} {run_id}")
                    return 1
    _take_in(path)
    with opened(path) as project:
        run = runs.get(project, run_id)
    status = status or runs.status(run)
    state = job.state()
    if tell:
        content = _about(state, run, status)
        answer(content, as_json=as_json, words=lambda: _summary(run, status, state))
    return 0 if status in (RunStatus.FINISHED, RunStatus.FINISHED_EARLY, RunStatus.PAUSED) else 1


def _wait_for_turn(path: Path, run_id: int) -> RunRecord:
    """The run, once it is its turn: whoever watches a queue moves it on."""
    told, idleness = "", Idleness()
    while True:
        with opened(path) as project:
            run = runs.get(project, run_id)
            if runs.status(run) is not RunStatus.QUEUED:
                return run
            minutes = queueing.idle_minutes(project).get(run_id)
            found = device.detect()
            why = runs.why_waits(project, run, found)
        if minutes is not None:
            idleness.look(found)
            why = f"It starts when nothing has been at work here for {counted(minutes, 'minute')}."
        if why != told or not told:
            told = why or " "
            note(f"Run {run_id} waits in the queue. {why}".rstrip())
        _take_in(path, found, idleness)
        time.sleep(QUEUE_SECONDS)


def _take_in(
    path: Path, found: device.Device | None = None, idleness: Idleness | None = None
) -> None:  # fmt: skip
    """Bring the rows up to date and start the next queued run; an open window does so itself."""
    try:
        with opened(path, write=True) as project, closing(Steward()) as steward:
            steward.look(project)
            begun = runs.advance(project, found, idleness)
            if begun is not None:
                note(f"Run {begun.id} has begun.")
    except ProjectLocked:
        return


def _summary(run: RunRecord, status: RunStatus, state: RunState) -> None:
    if state.failed is not None and status is RunStatus.FAILED:
        note(f"Run {run.id} failed: {state.failed.text}")
        config, saved = runs.config_of(run), saved_epoch(runs.job_of(run))
        for way in remedies.remedies(config, state.failed, saved_epoch=saved):
            if way.place:
                note(f"  {way.title}. {way.detail}")
                continue
            changes = " ".join(_option(name, value) for name, value in way.changes.items())
            verb = "resume PROJECT " + str(run.id) if way.resume else "train PROJECT"
            if not way.resume and run.parent_id is not None and "start" not in way.changes:
                verb += f" --from-run {run.parent_id}"
            note(f"  {way.title}: cvstudio {verb} {changes}".rstrip())
        return
    click.echo(f"Run {run.id} is {status} after {counted(len(state.epochs), 'epoch')}.")
    if state.ended is not None and state.ended.best is not None:
        exact = judged(run)
        best = figure(state.ended.best if exact is None else exact)
        click.echo(f"Best {state.ended.metric} on val: {best} at epoch {state.ended.best_epoch}.")
    said = reading(state)
    if said:
        click.echo(said)
    if status.has_network:
        click.echo(f"Network and report: {run.directory}")


def _about(state: RunState, run: RunRecord, status: RunStatus) -> dict[str, Any]:
    """A run as JSON."""
    exact = judged(run) if status.has_network else None
    best = state.ended.best if state.ended is not None else run.best
    best = best if exact is None else exact
    return {
        "run": run.id,
        "task": run.task.value,
        "network": run.network,
        "status": status.value,
        "state": state_words(run, status),
        "experiment": run.experiment_id,
        "directory": str(run.directory),
        "epoch": len(state.epochs),
        "epochs": state.total_epochs,
        "metric": run.metric,
        "best": best,
        "best_epoch": state.best_epoch,
        "metrics": state.epochs[-1].metrics if state.epochs else {},
        "snapshot": run.snapshot_hash,
        "created": run.created,
        "ended": run.ended,
        "message": state.failed.text if state.failed is not None else "",
    }
