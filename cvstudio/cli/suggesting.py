"""Suggesting labels from the terminal: ask a run or an exported file, take its answers in."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from cvstudio.cli.judging import device_option, finish, views_option
from cvstudio.cli.output import (
    Share,
    WholeNumber,
    answer,
    as_json,
    note,
    opened,
    project_argument,
)
from cvstudio.core.annotation import Task
from cvstudio.core.config import Views
from cvstudio.core.words import counted
from cvstudio.project import class_choice, decisions, launch, queries, suggesting, suggestions
from cvstudio.project.project import Project
from cvstudio.project.suggesting import Which


@click.command("suggest")
@project_argument
@click.option("--run", "run_id", type=WholeNumber(min=1), help="The run to ask.")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An ONNX file that CVStudio or ultralytics exported, to ask instead of a run.",
)
@click.option(
    "--images",
    type=click.Choice([which.value.replace(" ", "-") for which in Which]),
    default=Which.UNLABELLED.value,
    show_default=True,
    help="Which images to ask about.",
)
@click.option(
    "--score", type=Share(), help="Leave out what the network is less sure of; else the run's own."
)
@click.option(
    "--overlap",
    type=Share(),
    default=0.5,
    show_default=True,
    help="Leave out what overlaps a label by that much.",
)
@click.option(
    "--class",
    "pairs",
    multiple=True,
    metavar="THEIRS=OURS",
    help="Which class of the project a class of --file becomes; THEIRS= leaves it out. Repeat it."
    " Classes that are not named go by their names.",
)
@click.option(
    "--new-classes", is_flag=True, help="Make the classes of --class that the project has not."
)
@device_option
@views_option
@as_json
def suggest_command(
    project: Path, run_id: int | None, file: Path | None, images: str, score: float | None,
    overlap: float, pairs: tuple[str, ...], new_classes: bool, device: str, views: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Suggest labels for images; they count once a person has kept them in the window."""
    if (run_id is None) == (file is None):
        raise click.UsageError("Name a run (--run) or a file (--file).")
    if file is None and (pairs or new_classes):
        raise click.UsageError(
            "--class and --new-classes go with --file: a run has the project's own classes."
        )
    if overlap < 0.1:
        raise click.BadParameter("It must be 0.1 or more.", param_hint="--overlap")
    with opened(project, write=True) as open_project:
        config = suggesting.config_for(
            open_project,
            run_id=run_id,
            file=file,
            score=_score_of(file) if score is None and file is not None else score,
            own_scores=score is None,
            overlap=overlap,
            device=device,
            views=Views(views),
            classes=_classes(open_project, file, pairs, new=new_classes) if file else None,
        )
        with open_project.read() as session:
            ids = suggesting.image_ids(session, Which(images.replace("-", " ")))
        job = suggesting.start(open_project, config, ids, command=launch.worker_command)
        finish(job, f"Suggesting labels for {counted(len(ids), 'image')}")
        taken = suggestions.take_in(open_project, job)
        with open_project.read() as session:
            names = {c.id: c.name for c in queries.classes(session)}
            waiting = decisions.pending(session, taken.images)
    content = {
        "run": run_id,
        "file": str(file.absolute()) if file is not None else None,
        "score": config.score,
        "asked": len(ids),
        "suggestions": taken.suggestions,
        "images": list(taken.images),
        "waiting": dict(Counter(names[p.class_id] for p in waiting)),
        "known": taken.known,
        "rejected_before": taken.refused,
        "replaced": taken.replaced,
        "unknown_classes": taken.strange,
        "unread": [{"image": each.image_id, "reason": each.reason} for each in taken.unread],
        "notes": list(taken.notes),
    }

    def words() -> None:
        first, *others = taken.sentences
        click.echo(first)
        for sentence in others:
            note(sentence)

    answer(content, as_json=as_json, words=words)


def _score_of(file: Path) -> float | None:
    """The score that a file carries; None where none is chosen by one. Raises FormatError."""
    from cvstudio.ml.predict import OnnxNetwork

    record = OnnxNetwork(file).record
    return None if record.task is Task.CLASSIFY else record.thresholds.common


def _classes(
    project: Project, file: Path, pairs: tuple[str, ...], *, new: bool
) -> dict[int, int | str] | None:
    """What the classes of a file become; None goes by their names. Raises CVStudioError."""
    if not pairs:
        return None
    from cvstudio.ml.predict import OnnxNetwork

    with project.read() as session:
        known = queries.classes(session)
    return class_choice.as_written(OnnxNetwork(file).classes, known, pairs, new=new)
