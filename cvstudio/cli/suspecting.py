"""Labels that are likely wrong, from the terminal: `cvstudio suspects`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cvstudio.cli.output import (
    WholeNumber,
    answer,
    as_json,
    figure,
    note,
    opened,
    project_argument,
    table,
)
from cvstudio.core.annotation import Split
from cvstudio.core.errors import RunError
from cvstudio.core.geometry import Box
from cvstudio.core.words import counted
from cvstudio.project import queries, suspecting
from cvstudio.project.project import Project
from cvstudio.project.suspecting import Fault, Judge, Suspects
from cvstudio.project.suspects import LIKELY


@click.command("suspects")
@project_argument
@click.argument("run", type=WholeNumber(min=1), required=False)
@click.option("--folds", type=WholeNumber(min=1), metavar="EXPERIMENT",
              help="Judge by all folds of an experiment: all of train and val.")  # fmt: skip
@click.option("--split", type=click.Choice(["val", "test"]),
              help="Only this part of what the run was judged on; else both.")  # fmt: skip
@click.option("--kind", "kinds", type=click.Choice([f.value for f in Fault]), multiple=True,
              help="Only suspects of this kind. May be given several times.")  # fmt: skip
@click.option("--limit", type=WholeNumber(min=1), default=20, show_default=True,
              help="How many of them.")  # fmt: skip
@as_json
def suspects_command(
    project: Path, run: int | None, folds: int | None, split: str | None,
    kinds: tuple[str, ...], limit: int, as_json: bool,
) -> None:  # fmt: skip
    """Labels that are likely wrong, the most doubtful first, with the reason.

    Only answers of networks that did not learn from an image judge its labels: those of RUN on val
    and test, or with --folds those of all folds. Without either, the newest folds or run.
    """
    if folds is not None and (run is not None or split is not None):
        raise click.UsageError("--folds judges train and val by itself: leave out RUN and --split.")
    with opened(project) as open_project:
        judge = _judge(open_project, run, folds, split)
        found = suspecting.find(open_project, judge)
        chosen = found.only({Fault(kind) for kind in kinds} if kinds else set(Fault))
        with open_project.read() as session:
            names = {c.id: c.name for c in queries.classes(session)}
            names[0] = open_project.task.no_class
            records = queries.images(session, [row.image_id for row in chosen.rows[:limit]])
            images = {r.id: str(open_project.image_path(r)) for r in records}
    rows: list[dict[str, Any]] = [
        {
            "kind": row.fault.value,
            "doubt": round(row.doubt, 4),
            "image": images[row.image_id],
            "image_id": row.image_id,
            "annotation_id": row.annotation_id,
            "labelled": names[row.labelled],
            "proposed": names[row.proposed],
            "score": row.score,
            "box": _xywh(row.box),
            "reason": row.reason,
            "run": row.run_id,
        }
        for row in chosen.rows[:limit]
    ]

    def words() -> None:
        _say(found)
        table(
            ("doubt", "kind", "labelled", "proposed", "image", "reason"),
            [
                (figure(row["doubt"], 2), row["kind"], row["labelled"], row["proposed"],
                 Path(row["image"]).name, row["reason"])
                for row in rows
            ],
        )  # fmt: skip

    content = {
        "judge": judge.title,
        "images": found.images,
        "labels": found.labels,
        "counts": {fault.value: count for fault, count in found.counts.items()},
        "likely": found.likely,
        "decided": found.decided,
        "notes": found.notes,
        "suspects": rows,
    }
    answer(content, as_json=as_json, words=words)


def _judge(project: Project, run: int | None, folds: int | None, split: str | None) -> Judge:
    if folds is not None:
        return suspecting.of_folds(project, folds)
    splits = (Split(split),) if split is not None else (Split.VAL, Split.TEST)
    if run is not None:
        return suspecting.of_run(project, run, splits)
    there = [j for j in suspecting.judges(project) if split is None or j.run_id is not None]
    if not there:
        raise RunError(
            "No network has been judged on val or test yet.",
            hint="Train one first: cvstudio train PROJECT, or cvstudio folds PROJECT.",
        )
    first = there[0]
    if split is None or first.run_id is None:
        return first
    return suspecting.of_run(project, first.run_id, splits)


def _say(found: Suspects) -> None:
    """What was judged by whom, and how many suspects of which kind there are."""
    counts = ", ".join(f"{count:,} {fault.value}" for fault, count in found.counts.items())
    click.echo(
        f"{found.judge.title}: {counted(found.labels, 'label')} on"
        f" {counted(found.images, 'image')} judged. {counted(len(found.rows), 'suspect')}"
        f"{f' ({counts})' if counts else ''}, {found.likely:,} of them with a doubt of {LIKELY} or"
        " more."
    )
    if found.decided:
        note(f"{found.decided:,} left out that were decided on before.")
    for words in found.notes:
        note(words)


def _xywh(box: Box | None) -> list[float] | None:
    return None if box is None else [round(v, 2) for v in (box.x, box.y, box.w, box.h)]
