"""Training from the terminal: starting and resuming runs, with all their settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from cvstudio.cli.checking import check_only, say_checks, say_what_is_in_vain
from cvstudio.cli.clusters import (
    chosen_cluster,
    cluster_images_option,
    cluster_workers_option,
    on_option,
)
from cvstudio.cli.mirroring import mlflow_option, tensorboard_option
from cvstudio.cli.networks import unknown
from cvstudio.cli.output import (
    DeviceName,
    WholeNumber,
    answer,
    as_json,
    note,
    opened,
    project_argument,
    run_argument,
)
from cvstudio.cli.settings import WithSettings
from cvstudio.cli.watching import about, follow_run
from cvstudio.core.annotation import Split
from cvstudio.core.errors import ConfigError
from cvstudio.core.networks import check_settings, default_config
from cvstudio.core.networks import network as network_of
from cvstudio.core.recipe import Preset, Start, TrainConfig
from cvstudio.core.recipe_limits import fields
from cvstudio.core.words import counted
from cvstudio.project import (
    queueing,
    runs,
    training_facts,
)
from cvstudio.project.mirrors import targets as mirrors
from cvstudio.project.pipeline import pipeline
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus

detach_option = click.option(
    "--detach", is_flag=True, help="Return at once; what has begun goes on by itself."
)

preset_option = click.option(
    "--preset",
    type=click.Choice([p.value for p in Preset]),
    default="balanced",
    show_default=True,
    help="How long the run may take.",
)

_START_OPTIONS = (
    click.option(
        "--start",
        type=click.Choice([s.value for s in Start]),
        help="The first weights: pretrained ones (default), none (scratch), those of"
        " --weights-file, or those of --from-run.",
    ),
    click.option(
        "--weights-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Start from the weights in that file.",
    ),
    click.option(
        "--from-run", type=WholeNumber(min=1), help="Start from that run's network."
    ),
)  # fmt: skip


def start_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which weights are the first: --start, --weights-file, --from-run."""
    for option in reversed(_START_OPTIONS):
        command = option(command)
    return command


@click.command("train", cls=WithSettings)
@project_argument
@preset_option
@click.option(
    "--network", help="A network of the project's task; else the preset's, or that of --from-run."
)
@click.option("--epochs", type=WholeNumber(min=1), help="How often each image is seen.")
@click.option("--device", "device_name", type=DeviceName(), help="auto, cpu, mps or cuda:0.")
@start_options
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
@click.option(
    "--check",
    is_flag=True,
    help="Start nothing: all checks of such a run. Exit status 0 says that it may start.",
)
@click.option(
    "--try-batch",
    is_flag=True,
    help="--check, and a few steps with these settings: time of an epoch, memory, duration.",
)
@detach_option
@as_json
def train_command(
    project: Path, preset: str, network: str | None, epochs: int | None, device_name: str | None,
    start: str | None, weights_file: Path | None, from_run: int | None, settings: tuple[str, ...],
    on: str | None, cluster_workers: int | None, cluster_images: str | None,
    tensorboard: str | None, mlflow: str | None, when_idle: int | None, check: bool,
    try_batch: bool, detach: bool, as_json: bool,
) -> int:  # fmt: skip
    """Train a network on the labels of a project."""
    starts = {"--detach": detach, "--when-idle": when_idle, "--tensorboard": tensorboard,
              "--mlflow": mlflow}  # fmt: skip
    check = check or try_batch
    if check:
        refuse_beside_check(starts, on=on if try_batch else None)
    cluster = chosen_cluster(on, cluster_workers, cluster_images)
    changes = parsed_settings(settings, epochs=epochs, device=device_name)
    given = set(changes)
    changes |= started(start, weights_file, from_run)
    with opened(project, write=not check) as open_project:
        config = chosen_config(open_project, Preset(preset), network, changes, from_run=from_run)
        say_what_is_in_vain(config, given)
        if check:
            return check_only(
                open_project, config, cluster=cluster, try_batch=try_batch, as_json=as_json
            )
        lines = say_checks(open_project, config, cluster=cluster)
        run = runs.create_run(open_project, config, cluster=cluster, checks=lines)
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
        _leave(project, run, status, as_json=as_json)
        return 0
    return follow_run(project, run.id, as_json=as_json)


def refuse_beside_check(starts: Mapping[str, object], *, on: str | None) -> None:
    """Raise wrong usage for options of a start beside --check, which starts nothing, and for a
    trial batch on a cluster."""
    given = next((option for option, value in starts.items() if value), None)
    if given is not None:
        raise click.UsageError(f"{given} is for a run that starts: leave it out beside --check.")
    if on is not None:
        raise click.UsageError("A batch is tried on this computer only: leave --on out.")


@click.command("resume")
@project_argument
@run_argument
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a setting, as batch=8."
)
@detach_option
@as_json
def resume_command(
    project: Path, run: int, settings: tuple[str, ...], detach: bool, as_json: bool
) -> int:  # fmt: skip
    """Continue a paused, stopped or failed run from its last checkpoint."""
    with opened(project, write=True) as open_project:
        changes = parsed_settings(settings)
        config = _changed(runs.config_of(runs.get(open_project, run)), changes)
        say_what_is_in_vain(config, changes, checked=False)
        status = runs.resume(open_project, run, changes=changes)
        found = runs.get(open_project, run)
    note(f"Run {run} is {status}.")
    if detach:
        _leave(project, found, status, as_json=as_json)
        return 0
    return follow_run(project, run, as_json=as_json)


def _leave(path: Path, run: RunRecord, status: RunStatus, *, as_json: bool) -> None:
    """Say how a run goes on that nobody follows."""
    if status is RunStatus.QUEUED:
        note(f"It begins while a window is open, or with: cvstudio watch {path} {run.id}")
    content = about(runs.job_of(run).state(), run, status)
    answer(content, as_json=as_json, words=lambda: None)


def started(start: str | None, weights_file: Path | None, from_run: int | None) -> dict[str, Any]:
    """What --start and the options that imply it change; wrong usage when they disagree. The
    weights of a run are for chosen_config."""
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
    return {"start": start} if start is not None and from_run is None else {}


def parsed_settings(settings: tuple[str, ...], **options: Any) -> dict[str, Any]:
    """--set key=value as a dictionary, with those of `options` that were given; a key that is no
    setting, or is given twice, is wrong usage."""
    known = list(fields())
    changes = {name: value for name, value in options.items() if value is not None}
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
        if name in changes:
            also = f"--{name}" if name in options else "--set"
            raise click.BadParameter(f"{text}: {name} is given by {also} too.", param_hint="--set")
        changes[name] = value
    return changes


def chosen_config(
    project: Project,
    preset: Preset,
    network: str | None,
    changes: dict[str, Any],
    *,
    from_run: int | None = None,
) -> TrainConfig:
    """The settings of a run of a project: those of the preset, with the changes of --set; with
    `from_run` it begins from the network of that run, which is its own unless another is named."""
    if from_run is not None and network is None:
        network = runs.get(project, from_run).network
    with project.read() as session:
        facts = training_facts.gather(session, project)
    images = facts.images.get(Split.TRAIN, 0)
    try:
        config = default_config(
            project.task, preset, network, image_count=images or None,
            several=facts.allows_several,
        )  # fmt: skip
    except ConfigError as error:
        raise click.BadParameter(
            unknown(error, network or "", project.task), param_hint="--network"
        ) from error
    config = config.model_copy(update={"augmentation": pipeline(project).steps})
    config = _changed(config, changes)
    return config if from_run is None else runs.with_parent(project, config, from_run)


def _changed(config: TrainConfig, changes: dict[str, Any]) -> TrainConfig:
    """A config with settings of --set; one that is wrong or without effect is wrong usage."""
    try:
        check_settings(network_of(config.network), changes)
        return runs.changed_config(config, changes)
    except ConfigError as error:
        raise click.BadParameter(error.message, param_hint="--set") from error
