"""`cvstudio compare` and `cvstudio reproduce`: runs beside each other, and a run trained again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

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
from cvstudio.cli.watching import follow_run
from cvstudio.core.errors import RunError
from cvstudio.core.snapshot import read_snapshot
from cvstudio.core.words import counted
from cvstudio.project import better_worse, comparing, queries, reproducing, runs
from cvstudio.project.comparing import Difference, Figure
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.reproducing import Repetition, Sameness

_IMAGES = 10
"""Images that got better or worse, and are named."""


@click.command("compare")
@project_argument
@click.argument("numbers", metavar="RUN RUN [RUN …]", nargs=-1, type=WholeNumber(min=1))
@as_json
def compare_command(project: Path, numbers: tuple[int, ...], as_json: bool) -> None:
    """In what runs differ: settings, data, computer, figures, and single images.

    The first run is the one that the others are held against.
    """
    if len(set(numbers)) < 2:
        raise click.UsageError("Name two runs or more.")
    with opened(project) as open_project:
        compared = [runs.get(open_project, number) for number in dict.fromkeys(numbers)]
        content = _content(open_project, compared)
    answer(content, as_json=as_json, words=lambda: _say(content, [run.id for run in compared]))


def _content(project: Project, compared: Sequence[RunRecord]) -> dict[str, Any]:
    jobs = [runs.job_of(run) for run in compared]
    snapshots = [read_snapshot(job.snapshot) for job in jobs]
    reports = [comparing.report(job) for job in jobs]
    names = {c.id: c.name for snapshot in snapshots for c in snapshot.classes}
    called, classes = comparing.class_figures(reports, names)
    return {
        "runs": [run.id for run in compared],
        "settings": _rows(comparing.settings([runs.config_of(run) for run in compared])),
        "data": {
            str(run.id): list(comparing.data(snapshots[0], snapshot).words)
            for run, snapshot in zip(compared[1:], snapshots[1:], strict=True)
        },
        "computer": _rows(comparing.environments([comparing.environment(job) for job in jobs])),
        "figures": _rows(comparing.figures(reports)),
        "per class": {"figure": called, "rows": _rows(classes)},
        "images": {str(run.id): _images(project, compared[0], run) for run in compared[1:]},
    }


def _images(project: Project, first: RunRecord, second: RunRecord) -> dict[str, Any]:
    try:
        found = better_worse.compare(runs.job_of(first), runs.job_of(second))
    except RunError as error:
        return {"why not": error.message}
    with project.read() as session:
        ids = [c.image_id for c in (*found.better, *found.worse)]
        names = {image.id: image.title for image in queries.images(session, ids)}

    def told(changes: Sequence[better_worse.ImageChange]) -> list[dict[str, Any]]:
        return [
            {"image": c.image_id, "name": names.get(c.image_id, "gone"),
             "before": round(c.before, 4), "after": round(c.after, 4)}
            for c in changes
        ]  # fmt: skip

    return {"figure": found.figure, "of": found.images, "better": told(found.better),
            "worse": told(found.worse)}  # fmt: skip


def _rows(rows: Sequence[Difference | Figure]) -> list[dict[str, Any]]:
    return [{"title": row.title, "values": list(row.values)} for row in rows]


def _say(content: dict[str, Any], ids: Sequence[int]) -> None:
    head = [f"run {number}" for number in ids]
    for key in ("settings", "computer"):
        rows = [(row["title"], *row["values"]) for row in content[key]]
        if rows:
            table((key, *head), rows)
        else:
            click.echo(f"The {key} {'are' if key == 'settings' else 'is'} the same.")
        click.echo()
    for number, words in content["data"].items():
        told = "; ".join(words) or "the same images and labels"
        click.echo(f"Run {number} saw, against run {ids[0]}: {told}.")
    click.echo()
    shown = [*content["figures"], *content["per class"]["rows"]]
    if shown:
        figures = [(row["title"], *(figure(value) for value in row["values"])) for row in shown]
        table(("figure", *head), figures)
    for number, told in content["images"].items():
        click.echo()
        if "why not" in told:
            click.echo(f"Run {number} and {ids[0]}, image by image: {told['why not']}")
            continue
        click.echo(
            f"Of {counted(told['of'], 'val image')}, run {number} is better than run {ids[0]} on"
            f" {len(told['better'])} and worse on {len(told['worse'])} ({told['figure']})."
        )
        for word in ("better", "worse"):
            for change in told[word][:_IMAGES]:
                click.echo(
                    f"  {word}: {change['name']} {change['before']:.2f} → {change['after']:.2f}"
                )


@click.command("reproduce")
@project_argument
@run_argument
@click.option("--device", type=DeviceName(), help="Compute elsewhere than the run did.")
@click.option(
    "--against", type=WholeNumber(min=1), metavar="RUN",
    help="Train nothing: report how that run differs from this one.",
)  # fmt: skip
@click.option("--detach", is_flag=True, help="Return at once; report later with --against.")
@as_json
def reproduce_command(
    project: Path, run: int, device: str | None, against: int | None, detach: bool, as_json: bool
) -> int:
    """Train a run again as it was, and report in what the repetition differs.

    The settings and the snapshot are the run's own: labels that changed since do not matter. Exits
    with 1 when the figures are not the same.
    """
    if against is None:
        with opened(project, write=True) as open_project:
            again = reproducing.repeat(open_project, run, device=device)
            status = runs.start(open_project, again.id)
        note(f"Run {again.id} repeats run {run}, and is {status}: {again.directory}")
        if detach:
            note(f"See what came out: cvstudio reproduce {project} {run} --against {again.id}")
            answer({"run": again.id, "repeats": run}, as_json=as_json, words=lambda: None)
            return 0
        code = follow_run(project, again.id, tell=False)
        if code:
            return code
        against = again.id
    with opened(project) as open_project:
        found = reproducing.compare(open_project, run, against)
    answer(_told(found), as_json=as_json, words=lambda: _report(found))
    return 0 if found.sameness in (Sameness.BITS, Sameness.FIGURES) else 1


def _told(found: Repetition) -> dict[str, Any]:
    return asdict(found) | {"verdict": found.verdict, "reasons": found.reasons}


def _report(found: Repetition) -> None:
    rows = [
        (pair.title, figure(pair.first, 6), figure(pair.again, 6),
         "–" if pair.apart is None else f"{pair.apart:+.2g}" if pair.apart else "0")
        for pair in (*found.metrics, *found.epochs)
    ]  # fmt: skip
    if rows:
        table(("figure", f"run {found.run_id}", f"run {found.again_id}", "difference"), rows)
        click.echo()
    click.echo(found.verdict)
    if found.reasons:
        click.echo(found.reasons)
    elif found.sameness is Sameness.OTHER:
        click.echo("Nothing that is recorded differs: the device does not compute the same twice.")
