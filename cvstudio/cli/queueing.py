"""`cvstudio queue`: the runs that wait, in their order, and changing it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cvstudio.cli.output import WholeNumber, answer, as_json, note, opened, project_argument, table
from cvstudio.project import device, queueing, runs
from cvstudio.project.project import Project


@click.command("queue")
@project_argument
@click.argument("run", required=False, type=WholeNumber(min=1))
@click.option("--to", type=WholeNumber(min=1), metavar="PLACE", help="Put RUN there; 1 is next.")
@click.option(
    "--when-idle", type=WholeNumber(min=0, max=queueing.MOST_MINUTES), metavar="MINUTES",
    help="Start RUN when nobody has worked here for so long; 0: as soon as it can.",
)  # fmt: skip
@click.option("--go-on", is_flag=True, help="Do not wait for a word about the run that failed.")
@as_json
def queue_command(
    project: Path, run: int | None, to: int | None, when_idle: int | None, go_on: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """The queued runs, first to start first; with RUN, change its place or its moment."""
    changes = to is not None or when_idle is not None
    if changes != (run is not None):
        raise click.UsageError("Name a RUN together with --to or --when-idle.")
    with opened(project, write=changes or go_on) as open_project:
        held = runs.held_by(open_project) if go_on else None
        if held is not None:
            runs.decide(open_project, held.id)
            note(f"The queue goes on past run {held.id}.")
        if run is not None:
            if to is not None:
                queueing.move(open_project, runs.all_runs(open_project), run, to=to - 1)
            if when_idle is not None:
                runs.get(open_project, run)
                queueing.wait_for_idle(open_project, run, when_idle or None)
        rows = _rows(open_project)

    def words() -> None:
        if not rows:
            note("No run is queued.")
            return
        table(
            ("place", "run", "network", "waits for"),
            [
                (place, row["run"], row["network"], row["waits"])
                for place, row in enumerate(rows, 1)
            ],
        )

    answer(rows, as_json=as_json, words=words)


def _rows(project: Project) -> list[dict[str, Any]]:
    waiting = runs.waiting(project)
    found = device.detect() if waiting else None
    minutes = queueing.idle_minutes(project)
    told = []
    for run in waiting:
        why = runs.why_waits(project, run, found)
        if run.id in minutes:
            why = f"It starts when nobody has worked here for {minutes[run.id]} min. {why}".strip()
        told.append(
            {"run": run.id, "network": run.network, "waits": why or "A window, or cvstudio watch.",
             "when idle": minutes.get(run.id)}
        )  # fmt: skip
    return told
