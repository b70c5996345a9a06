"""Projects from the terminal: make, describe, check."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from cvstudio.cli.output import (
    WholeNumber,
    answer,
    as_json,
    note,
    opened,
    project_argument,
    table,
)
from cvstudio.core.annotation import Kind, Task
from cvstudio.core.words import alike_sentences, counted
from cvstudio.project import backup, health, queries
from cvstudio.project.project import Project
from cvstudio.project.sample import create_sample

new_folder = click.argument("project", type=click.Path(path_type=Path))
task_option = click.option(
    "--task", type=click.Choice([t.value for t in Task]), required=True, help="What is learned."
)


@click.command("new")
@new_folder
@task_option
@click.option("--classes", help="Names of label classes, separated by commas.")
@click.option("--name", default="", help="The project's name; else that of the folder.")
@click.option("--several", is_flag=True, help="For classify: an image may have several classes.")
@as_json
def new_command(
    project: Path, task: str, classes: str | None, name: str, several: bool, as_json: bool
) -> None:
    """Make an empty project in a new folder."""
    names = [part.strip() for part in (classes or "").split(",") if part.strip()]
    for sentence in alike_sentences(list(dict.fromkeys(names)), []):
        note(f"advice: {sentence}")
    if several and Task(task) is not Task.CLASSIFY:
        raise click.UsageError("--several is for --task classify.")
    created = Project.create(
        project, task=Task(task), name=name, classes=names, several=several
    )  # fmt: skip
    with created as made:
        content = {"project": str(made.path), "name": made.name, "task": made.task.value}
    answer(content, as_json=as_json, words=lambda: click.echo(f"Made {content['project']}"))


@click.command("upgrade")
@project_argument
@as_json
def upgrade_command(project: Path, as_json: bool) -> None:
    """Bring a project that an older CVStudio wrote up to date; a backup of it is kept beside it."""
    before = {each.path for each in backup.backups(project)}
    with opened(project, write=True) as made:
        content: dict[str, Any] = {"project": str(made.path), "name": made.name}
    kept = next((b.path for b in backup.backups(project) if b.path not in before), None)
    content["backup"] = str(kept) if kept is not None else None
    words = f"{content['name']} is up to date."
    if kept is not None:
        words += f" As it was before: {kept}"
    answer(content, as_json=as_json, words=lambda: click.echo(words))


@click.command("sample")
@new_folder
@task_option
@click.option("--images", type=WholeNumber(min=1), help="How many images.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed, other images.")
@click.option(
    "--shapes",
    type=click.Choice([Kind.BOX.value, Kind.ROTATED_BOX.value, Kind.KEYPOINTS.value]),
    default=Kind.BOX.value,
    show_default=True,
    help="What a sample for detect is labelled with.",
)
@as_json
def sample_command(
    project: Path, task: str, images: int | None, seed: int, shapes: str, as_json: bool
) -> None:  # fmt: skip
    """Make a project of generated images with exact ground truth."""
    with create_sample(project, Task(task), images=images, seed=seed, shapes=Kind(shapes)) as made:
        path = made.path
    with opened(path) as made:
        content = _described(made)
    made_words = f"Made {path} with {counted(content['images'], 'image')}."
    words = f"{made_words} Next: cvstudio train {shlex.quote(str(path))}"
    answer(content, as_json=as_json, words=lambda: click.echo(words))


@click.command("info")
@project_argument
@as_json
def info_command(project: Path, as_json: bool) -> None:
    """What a project holds."""
    with opened(project) as open_project:
        content = _described(open_project)

    def words() -> None:
        click.echo(f"{content['name']} ({content['task']}), {content['project']}")
        splits = ", ".join(f"{count:,} {name}" for name, count in content["splits"].items())
        click.echo(f"{counted(content['images'], 'image')}: {splits or 'none divided yet'}")
        states = ", ".join(f"{count:,} {name}" for name, count in content["reviews"].items())
        if states:
            click.echo(f"Review: {states}")
        click.echo(
            f"{counted(content['annotations'], 'annotation')}, {counted(content['runs'], 'run')}"
        )
        if content["classes"]:
            table(
                ("class", "annotations", "colour", "key"),
                [(c["name"], c["annotations"], c["colour"], c["key"]) for c in content["classes"]],
            )

    answer(content, as_json=as_json, words=words)


@click.command("check")
@project_argument
@as_json
def check_command(project: Path, as_json: bool) -> int:
    """Look for faults in images and labels; exit code 1 when there are errors."""
    with opened(project) as open_project, open_project.read() as session:
        found = health.check(session, open_project)
    content = [
        {"level": f.level.value, "kind": f.kind, "text": f.text, "images": list(f.image_ids)}
        for f in found
    ]

    def words() -> None:
        for finding in found:
            click.echo(f"{finding.level}: {finding.text}")
        if not found:
            note("No fault was found.")

    answer(content, as_json=as_json, words=words)
    return 1 if any(finding.level is health.Level.ERROR for finding in found) else 0


def _described(project: Project) -> dict[str, Any]:
    """A project as JSON."""
    with project.read() as session:
        totals = queries.totals(session)
        counts = queries.class_counts(session)
        return {
            "project": str(project.path),
            "name": project.name,
            "task": project.task.value,
            "images": totals.images,
            "annotations": totals.annotations,
            "runs": totals.runs,
            "unreadable": totals.problems,
            "splits": {
                split.value if split else "without split": count
                for split, count in queries.split_counts(session).items()
                if count
            },
            "reviews": {
                review.value: count
                for review, count in queries.review_counts(session).items()
                if count
            },
            "classes": [
                {
                    "id": c.id,
                    "name": c.name,
                    "colour": c.colour,
                    "key": c.hotkey,
                    "annotations": counts.get(c.id, 0),
                }
                for c in queries.classes(session)
            ],
        }
