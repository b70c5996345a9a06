"""The augmentation of a project from the terminal: shown, chosen, read and written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cvstudio.augment.advice import advise
from cvstudio.augment.editing import acts, flat
from cvstudio.augment.presets import Pipeline, dump_steps, presets_for, saved
from cvstudio.augment.summary import step_title, summary
from cvstudio.cli.output import answer, as_json, note, opened, project_argument, table
from cvstudio.core.networks import default_config
from cvstudio.core.pipeline import Automatic
from cvstudio.core.words import counted
from cvstudio.project.pipeline import pipeline, set_pipeline
from cvstudio.project.project import Project


@click.command("augment")
@project_argument
@click.option("--preset", help="Take a ready or a saved pipeline by its name.")
@click.option(
    "--read",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Take the steps from a file of albumentations, JSON or YAML. Nothing in it is run.",
)
@click.option(
    "--automatic",
    type=click.IntRange(0, 100),
    metavar="STRENGTH",
    help="Take automatic changes of that strength in percent.",
)
@click.option(
    "--write",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the steps as albumentations reads them; .yaml for YAML, else JSON.",
)
@as_json
def augment_command(
    project: Path, preset: str | None, read: Path | None, automatic: int | None,
    write: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Show the steps with which the next run augments its images, or take other ones."""
    if sum(given is not None for given in (preset, read, automatic)) > 1:
        raise click.UsageError("Choose one of --preset, --read and --automatic.")
    changes = preset is not None or read is not None or automatic is not None
    with opened(project, write=changes) as open_project:
        size = default_config(open_project.task).image_size
        notes: list[str] = []
        if changes:
            found = _chosen(open_project, preset, read, automatic, size, notes)
            set_pipeline(open_project, name=found.name, steps=found.steps)
        now = pipeline(open_project)
        task = open_project.task
    if write is not None:
        from cvstudio.augment.exchange import write_file  # it loads albumentations

        notes += write_file(now.steps, write, size=size)
    for sentence in notes:
        note(f"note: {sentence}")
    for advice in advise(now.steps, task=task, boxes=False, grey=False):
        note(f"advice: {advice.text}")
    content = {"name": now.name, "steps": dump_steps(now.steps), "notes": notes}
    answer(content, as_json=as_json, words=lambda: _tell(now))


def _chosen(
    project: Project, preset: str | None, read: Path | None, automatic: int | None, size: int,
    notes: list[str],
) -> Pipeline:  # fmt: skip
    if automatic is not None:
        return Pipeline("Automatic", "", (Automatic(strength=automatic / 100),))
    if read is not None:
        from cvstudio.augment.exchange import read_file

        found = read_file(read, size=size)
        notes += found.notes
        return Pipeline(read.stem, "", found.items)
    offered = [*presets_for(project.task), *saved()]
    chosen = next((p for p in offered if p.name.casefold() == str(preset).casefold()), None)
    if chosen is None:
        names = ", ".join(p.name for p in offered)
        raise click.BadParameter(f"There is no pipeline called {preset}. There are: {names}.",
                                 param_hint="--preset")  # fmt: skip
    return chosen


def _tell(now: Pipeline) -> None:
    rows: list[tuple[Any, ...]] = [
        (
            ("  " if len(place) == 2 else "") + step_title(item),
            f"{100 * item.chance:.0f} %" if acts(now.steps, place) else "off",
            summary(item),
        )
        for place, item in flat(now.steps)
    ]
    click.echo(f"{now.name}: {counted(len(rows), 'entry', 'entries')}")
    if rows:
        table(("step", "chance", "what it does"), rows)
