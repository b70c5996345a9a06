"""Several runs that belong together, from the terminal: folds, values to try, guided search."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from cvstudio.cli.checking import say_advice, say_what_is_in_vain
from cvstudio.cli.clusters import (
    chosen_cluster,
    cluster_images_option,
    cluster_workers_option,
    on_option,
)
from cvstudio.cli.output import (
    DeviceName,
    WholeNumber,
    answer,
    as_json,
    figure,
    note,
    opened,
    project_argument,
    table,
)
from cvstudio.cli.settings import WithSettings
from cvstudio.cli.training import (
    chosen_config,
    parsed_settings,
    preset_option,
    start_options,
    started,
)
from cvstudio.core.errors import ConfigError, ProjectLocked, RunError
from cvstudio.core.places_to_run import Cluster
from cvstudio.core.recipe import Preset, TrainConfig
from cvstudio.core.words import percent
from cvstudio.project import device, judged, preflight, preflight_facts, runs, sharing
from cvstudio.project.experiments import book, folds, lasting, trials, varying
from cvstudio.project.experiments.plans import (
    Dimension,
    FoldsPlan,
    Plan,
    SearchPlan,
    SweepPlan,
    checked,
    plan_of,
)
from cvstudio.project.experiments.steering import Steward
from cvstudio.project.project import Project
from cvstudio.project.records import ExperimentRecord, RunRecord
from cvstudio.project.run_status import RunStatus
from cvstudio.project.tables import ExperimentKind

LOOK_SECONDS = 1.0

Command = Callable[..., Any]


at_once_option = click.option(
    "--at-once",
    type=WholeNumber(min=1, max=64),
    help="Trials at work at a time; one on each GPU if not given. More share the memory.",
)


def _recipe(command: Command) -> Command:
    """The options that choose the recipe of all runs, as those of train."""
    options = (
        project_argument,
        preset_option,
        click.option("--network", help="A network of the project's task; else the preset's, or that"
                     " of --from-run."),
        start_options,
        click.option("--epochs", type=WholeNumber(min=1), help="How often each image is seen."),
        click.option("--device", "device_name", type=DeviceName(), help="auto, cpu or cuda:0."),
        click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
                     help="Any other setting of the list below. May be given several times."),
        on_option,
        cluster_workers_option,
        cluster_images_option,
        click.option("--name", default="", help="What to call the experiment."),
        click.option("--detach", is_flag=True, help="Return at once; a window goes on with it."),
        as_json,
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.command("folds", cls=WithSettings)
@click.option("--k", type=WholeNumber(min=2, max=20), default=5, show_default=True,
              help="Into how many parts train and val are divided.")  # fmt: skip
@click.option("--seed", type=WholeNumber(min=0), default=0, show_default=True,
              help="Of the division; --set seed is that of the training.")  # fmt: skip
@click.option("--group-by", type=click.Choice(["group", "folder", "none"]), default="group",
              show_default=True, help="Which images must share a fold.")  # fmt: skip
@_recipe
def folds_command(
    project: Path, k: int, seed: int, group_by: str, name: str, detach: bool, as_json: bool,
    **chosen: Any,
) -> int:  # fmt: skip
    """Train k networks, each judged on another part of the images (cross-validation)."""
    cluster = _cluster(chosen)
    with opened(project, write=True) as open_project:
        plan = checked(
            FoldsPlan,
            config=_config(open_project, **chosen),
            k=k,
            seed=seed,
            group_by=None if group_by == "none" else group_by,
        )
        say_what_is_in_vain(plan.config, parsed_settings(chosen["settings"]))
        _say_outlook(open_project, plan, cluster)
        made = folds.create(open_project, plan, name=name, cluster=cluster)
        for text in folds.advice(book.snapshot_of(made), folds.division_of(made)):
            note(f"advice: {text}")
    return _go_on(project, made.id, detach=detach, as_json=as_json)


@click.command("sweep", cls=WithSettings)
@click.option("--vary", multiple=True, required=True, metavar="KEY=V1,V2,…",
              help="Values to try of a setting, or of network; 1..3 is 1,2,3. With several --vary"
              " every combination is tried.")  # fmt: skip
@at_once_option
@_recipe
def sweep_command(
    project: Path, vary: tuple[str, ...], at_once: int | None, name: str, detach: bool,
    as_json: bool, **chosen: Any,
) -> int:  # fmt: skip
    """Train once with each of several values of some settings."""
    wanted = {key: varying.parsed(key, text) for key, text in map(_pair, vary)}
    cluster = _cluster(chosen)
    with opened(project, write=True) as open_project:
        config = _config(open_project, **chosen)
        with _as_usage("--vary"):
            many = at_once or sharing.usual(device.detect(), config, cluster=cluster is not None)
            plan = checked(
                SweepPlan, config=config, trials=varying.grid(config, wanted), at_once=many
            )
        _say_outlook(open_project, plan, cluster)
        made = book.create(open_project, plan, name=name, cluster=cluster)
    return _go_on(project, made.id, detach=detach, as_json=as_json)


@click.command("search", cls=WithSettings)
@click.option("--vary", multiple=True, metavar="KEY=LOW..HIGH",
              help="What to search: LOW..HIGH, or V1,V2 to choose from; a rate's powers of ten are"
              " searched evenly. Without, the usual settings in their usual range.")  # fmt: skip
@click.option("--trials", type=WholeNumber(min=1, max=500), default=20, show_default=True,
              help="How many runs at most.")  # fmt: skip
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True),
              help="Time at work after which no further run begins.")  # fmt: skip
@click.option("--no-prune", is_flag=True, help="Let poor trials go on to their end.")
@click.option("--seed", type=WholeNumber(min=0), default=0, show_default=True,
              help="Of the search; --set seed is that of the training.")  # fmt: skip
@at_once_option
@_recipe
def search_command(
    project: Path, vary: tuple[str, ...], trials: int, minutes: float | None, no_prune: bool,
    seed: int, at_once: int | None, name: str, detach: bool, as_json: bool, **chosen: Any,
) -> int:  # fmt: skip
    """Let Optuna look for the best settings, trial after trial."""
    cluster = _cluster(chosen)
    with opened(project, write=True) as open_project:
        config = _config(open_project, **chosen)
        with _as_usage("--vary"):
            space = [_dimension(config, *_pair(text)) for text in vary] or varying.usual(config)
            varying.check_space(config, space)
        plan = checked(
            SearchPlan, config=config, space=tuple(space), trials=trials, minutes=minutes,
            prune=not no_prune, seed=seed,
            at_once=at_once or sharing.usual(device.detect(), config, cluster=cluster is not None),
        )  # fmt: skip
        for dimension in space:
            note(f"{varying.title_of(dimension.name)}: {range_words(dimension)}")
        _say_outlook(open_project, plan, cluster)
        made = book.create(open_project, plan, name=name, cluster=cluster)
    return _go_on(project, made.id, detach=detach, as_json=as_json)


@click.command("experiments")
@project_argument
@click.argument("experiment", type=WholeNumber(min=1), required=False)
@click.option("--follow", is_flag=True, help="Go on with it and show its runs until it ends.")
@click.option("--stop", is_flag=True, help="Start no further run; the one at work goes on.")
@click.option("--more", type=WholeNumber(min=1), help="Let a search go on, by so many trials.")
@as_json
def experiments_command(
    project: Path, experiment: int | None, follow: bool, stop: bool, more: int | None, as_json: bool
) -> int:  # fmt: skip
    """The folds, sweeps and searches of a project, or what came of one of them."""
    if experiment is None:
        if follow or stop or more:
            raise click.UsageError("Say which experiment: cvstudio experiments PROJECT NUMBER.")
        _list(project, as_json=as_json)
        return 0
    if stop or more:
        with opened(project, write=True) as open_project:
            if stop:
                book.stop(open_project, experiment)
            else:
                book.extend(open_project, experiment, trials=more or 0)
    if follow or more:
        return _go_on(project, experiment, detach=False, as_json=as_json)
    with opened(project) as open_project:
        _show(open_project, book.get(open_project, experiment), as_json=as_json)
    return 0


def range_words(dimension: Dimension) -> str:
    """What a search may choose: "0.0001 to 0.01, by powers of ten", "adamw or sgd"."""
    if dimension.choices:
        return " or ".join(str(choice) for choice in dimension.choices)
    by = ", by powers of ten" if dimension.log else ""
    return f"{dimension.low:g} to {dimension.high:g}{by}"


class _as_usage:
    """What is wrong with an option's value is wrong usage."""

    def __init__(self, option: str) -> None:
        self._option = option

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if isinstance(error, ConfigError):
            text = " ".join(filter(None, (error.message, error.hint)))
            raise click.BadParameter(text, param_hint=self._option) from error


def _config(
    project: Project, *, preset: str, network: str | None, epochs: int | None,
    device_name: str | None, start: str | None, weights_file: Path | None, from_run: int | None,
    settings: tuple[str, ...],
) -> TrainConfig:  # fmt: skip
    changes = parsed_settings(settings, epochs=epochs, device=device_name)
    changes |= started(start, weights_file, from_run)
    return chosen_config(project, Preset(preset), network, changes, from_run=from_run)


def _cluster(chosen: dict[str, Any]) -> Cluster | None:
    """The cluster that does the runs; its options are taken out of the chosen ones."""
    return chosen_cluster(
        *(chosen.pop(name) for name in ("on", "cluster_workers", "cluster_images"))
    )


def _pair(text: str) -> tuple[str, str]:
    name, equals, values = text.partition("=")
    if not equals or not values.strip():
        raise click.BadParameter(f'"{text}" is not KEY=VALUES.', param_hint="--vary")
    return name.strip(), values


def _dimension(config: TrainConfig, name: str, text: str) -> Dimension:
    """What to search of a setting: "1e-4..1e-2", "adamw,sgd", or "usual"."""
    varying.check_names(config, [name])
    usual = varying.usual_range(name, config)
    if text == "usual" and usual is not None:
        return usual
    ends = re.fullmatch(r"\s*([^.\s,]*\.?[^.\s,]*)\.\.([^\s,]+)\s*", text)
    if ends is None:
        made = [varying.effective(config, {name: v}) for v in varying.parsed(name, text)]
        return checked(Dimension, name=name, choices=tuple(v[name] for v in made if name in v))
    log_scale = usual is not None and usual.log
    try:
        low, high = (float(end) for end in ends.groups())
    except ValueError:
        raise ConfigError(f'"{text}" is not LOW..HIGH in numbers.') from None
    return checked(Dimension, name=name, low=low, high=high, log=log_scale and low > 0)


def _say_outlook(project: Project, plan: Plan, cluster: Cluster | None) -> None:
    """Say what speaks against an experiment and how long it takes. Raises RunError if it cannot."""
    facts = preflight_facts.gather(project, plan.config)
    found = device.detect() if cluster is None else None
    say_advice(lasting.advice(plan, facts, found))
    stopping = lasting.obstacles(plan, facts, found)
    if stopping:
        raise RunError(preflight.refusal("The runs cannot start.", stopping))
    caution = lasting.caution(plan)
    if caution:
        note(f"advice: {caution}")
    if found is None:
        note(lasting.on_cluster(plan))
        return
    duration = lasting.seconds(plan, facts, device=found)
    words = lasting.in_words(plan, duration)
    note(f"On {found.name}, {words[0].lower()}{words[1:]}")


def _go_on(path: Path, experiment_id: int, *, detach: bool, as_json: bool) -> int:
    """Move an experiment on until it ends; returns the exit code."""
    if detach:
        _look(path, Steward())
        note(f"See it: cvstudio experiments {path} {experiment_id} --follow, or open the window.")
    else:
        try:
            _watch(path, experiment_id)
        except KeyboardInterrupt:
            note(f"It waits. Go on: cvstudio experiments {path} {experiment_id} --follow")
            return 1
    with opened(path) as project:
        experiment = book.get(project, experiment_id)
        _show(project, experiment, as_json=as_json)
        found = book.runs_of(project, experiment)
    good = [run for run in found if RunStatus(run.status).has_network]
    return 0 if detach or good else 1


def _watch(path: Path, experiment_id: int) -> None:
    steward = Steward()
    told: dict[int, str] = {}
    try:
        while True:
            _look(path, steward)
            with opened(path) as project:
                experiment = book.get(project, experiment_id)
                found = book.runs_of(project, experiment)
                _tell(found, told)
                held = book.held(project, found)
                busy = [run for run in found if run.status in (RunStatus.QUEUED, RunStatus.RUNNING)]
                if experiment.ended is not None and not busy:
                    return
                if held is not None:
                    raise RunError(
                        f"Run {held.id} failed: {held.message}",
                        hint="The others wait. Mend it and resume it, go on past it with"
                        f" cvstudio queue {path} --go-on, or stop the experiment with --stop.",
                    )
            time.sleep(LOOK_SECONDS)
    finally:
        steward.close()


def _look(path: Path, steward: Steward) -> None:
    """Move everything on by a step; an open window does so itself."""
    try:
        with opened(path, write=True) as project:
            steward.look(project)
            runs.advance(project)
    except ProjectLocked:
        return


def _tell(found: Sequence[RunRecord], told: dict[int, str]) -> None:
    """A line for each run that began or ended since the last look."""
    for run in found:
        if run.status == told.get(run.id) or run.status == RunStatus.QUEUED:
            continue
        told[run.id] = run.status
        words = trials.state_words(run, RunStatus(run.status))
        best = f", {run.metric} {figure(run.best)}" if run.best is not None else ""
        note(f"Run {run.id}, {_part_words(run)}: {words}{best}")


def _part_words(run: RunRecord) -> str:
    if run.role is None:
        return "on its own"
    if run.role.fold is not None:
        return f"fold {run.role.fold}"
    values = ", ".join(f"{name} {_shown(value)}" for name, value in run.role.values.items())
    return f"trial {run.role.trial} ({values})" if values else f"trial {run.role.trial}"


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _list(path: Path, *, as_json: bool) -> None:
    with opened(path) as project:
        rows = [_about(project, each) for each in reversed(book.every(project))]

    def words() -> None:
        if not rows:
            note("There is no experiment yet. Begin with: cvstudio folds PROJECT")
            return
        table(
            ("experiment", "kind", "name", "runs", "metric", "best"),
            [
                (row["experiment"], row["kind"], row["name"], f"{row['done']} of {row['wanted']}",
                 row["metric"], _best_words(row))
                for row in rows
            ],
        )  # fmt: skip

    answer(rows, as_json=as_json, words=words)


def _best_words(row: dict[str, Any]) -> str:
    if row["kind"] == ExperimentKind.FOLDS:
        return str(row["spread"])
    return figure(row["best"])


def _show(project: Project, experiment: ExperimentRecord, *, as_json: bool) -> None:
    content = _about(project, experiment)

    def words() -> None:
        click.echo(f"Experiment {experiment.id}: {experiment.name}. {content['message']}".rstrip())
        if experiment.kind is ExperimentKind.FOLDS:
            _show_folds(project, experiment)
        else:
            _show_trials(content)

    answer(content, as_json=as_json, words=words)


def _show_folds(project: Project, experiment: ExperimentRecord) -> None:
    found = folds.summary(project, experiment)
    numbers = [f"fold {fold}" for fold in found.folds]
    rows = []
    for name, spread in found.metrics.items():
        values = dict(spread.values)
        each = [figure(values.get(fold)) for fold in found.folds]
        rows.append((name, spread.words(), *each))
    table(("metric", "mean ± sd", *numbers), rows)
    if found.test:
        click.echo("On test: " + ", ".join(f"{n} {s.words()}" for n, s in found.test.items()))
    if folds.predictions_file(experiment).exists():
        click.echo(f"Answers for all images: {folds.predictions_file(experiment)}")


def _show_trials(content: dict[str, Any]) -> None:
    names = list(dict.fromkeys(name for row in content["trials"] for name in row["values"]))
    table(
        ("trial", "run", *names, content["metric"], "state"),
        [
            (row["trial"], row["run"], *(_shown(row["values"].get(name, "–")) for name in names),
             figure(row["value"]), row["state"])
            for row in content["trials"]
        ],
    )  # fmt: skip
    for name, share in content["importance"].items():
        click.echo(f"{varying.title_of(name)}: {percent(share)} of the difference")


def _about(project: Project, experiment: ExperimentRecord) -> dict[str, Any]:
    """An experiment as JSON."""
    found = book.runs_of(project, experiment)
    content: dict[str, Any] = {
        "experiment": experiment.id,
        "kind": experiment.kind.value,
        "name": experiment.name,
        "metric": judged.main_figure(project),
        "wanted": plan_of(experiment).count,
        "done": sum(run.status in book.SETTLED for run in found),
        "ended": experiment.ended,
        "message": experiment.message or book.why_waits(project, experiment),
        "directory": str(experiment.directory),
    }
    if experiment.kind is ExperimentKind.FOLDS:
        summary = folds.summary(project, experiment)
        spread = summary.metrics.get(judged.main_figure(project))
        content |= {"summary": summary.to_json(), "spread": spread.words() if spread else "–"}
        return content
    rows = trials.trials(project, experiment)
    best = trials.best_of(rows)
    content["best"] = best.value if best is not None else None
    content["best_trial"] = best.number if best is not None else None
    content["trials"] = [
        {"trial": t.number, "run": t.run.id, "values": dict(t.values), "value": t.value,
         "state": trials.state_words(t.run, t.status)}
        for t in rows
    ]  # fmt: skip
    content["importance"] = trials.importances(rows)
    return content
