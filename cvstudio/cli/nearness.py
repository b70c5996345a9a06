"""What lies near what, from the terminal: embeddings, duplicates, outliers, what is next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, cast

import click
import numpy as np

from cvstudio.cli.images import image_called
from cvstudio.cli.judging import device_option, finish
from cvstudio.cli.output import (
    WholeNumber,
    answer,
    as_json,
    note,
    opened,
    project_argument,
    run_argument,
    table,
)
from cvstudio.core.config import Depth
from cvstudio.core.embedding import embeddings_path, read_embeddings
from cvstudio.core.errors import RunError
from cvstudio.core.words import counted
from cvstudio.project import queries, runs, tagging
from cvstudio.project.project import Project
from cvstudio.project.records import ImageRecord
from cvstudio.project.similarity import alike, duplicates, embedding, next, outliers
from cvstudio.project.similarity.next import By, RunOpinion

_count = click.option(
    "-n", "count", type=WholeNumber(min=1), default=50, show_default=True, help="How many to list."
)
_tag = click.option("--tag", help="Give the listed images this tag, to find them in the window.")


@click.command("embed")
@project_argument
@run_argument
@click.option(
    "--of",
    type=click.Choice(["images", "objects"]),
    default="images",
    show_default=True,
    help="Whole images, or each labelled and each found object.",
)
@click.option(
    "--layer",
    default=Depth.DEEP.value,
    show_default=True,
    help="deep, middle or fine, or the name of a layer of the network, as layer4 or model.10.",
)
@click.option("--umap/--no-umap", default=True, help="Also the UMAP picture, which takes longest.")
@device_option
@as_json
def embed_command(
    project: Path, run: int, of: str, layer: str, umap: bool, device: str, as_json: bool
) -> None:  # fmt: skip
    """Let a run place every image (or object) on a map; only new images are looked at again."""
    with opened(project) as open_project:
        config = embedding.config_for(
            runs.get(open_project, run), of=cast(Literal["images", "objects"], of), layer=layer,
            umap=umap, device=device,
        )  # fmt: skip
        job = embedding.start(open_project, config)
    finish(job, f"Embedding the {of} by run {run}")
    found = read_embeddings(embeddings_path(job))
    content = {
        "run": run,
        "of": of,
        "layer": found.layer,
        "rows": len(found),
        "values": found.vectors.shape[1],
        "images": len(found.seen),
        "unread": list(found.unread),
        "file": str(embeddings_path(job)),
    }

    def words() -> None:
        rows = counted(len(found), "object" if found.of_objects else "image")
        click.echo(f"Embedded {rows} by {found.layer}, {found.vectors.shape[1]} values each")
        click.echo(str(embeddings_path(job)))

    answer(content, as_json=as_json, words=words)


@click.command("duplicates")
@project_argument
@click.option(
    "--run", "run_id", type=WholeNumber(min=1), help="Also by the embeddings of this run."
)
@click.option("--leaks", is_flag=True, help="Only pairs whose images are in different splits.")
@click.option(
    "--separate",
    is_flag=True,
    help="Put each pair of --leaks into one split: train if it is there.",
)
@_count
@as_json
def duplicates_command(
    project: Path, run_id: int | None, leaks: bool, separate: bool, count: int, as_json: bool
) -> None:  # fmt: skip
    """Images that show the same, whatever was done to their files; needs no network."""
    with opened(project, write=separate) as open_project:
        found = None
        if run_id is not None:
            found = embedding.needed(runs.get(open_project, run_id)).read()
        every = duplicates.find(open_project, found) or []
        pairs = [pair for pair in every if pair.leaks or not (leaks or separate)]
        moved = duplicates.separate(open_project, pairs) if separate else {}
        named = _named(open_project, [i for pair in pairs for i in (pair.first, pair.second)])
    rows = [
        {
            "sure": round(pair.sure, 4),
            "first": named[pair.first].uri,
            "first_split": pair.splits[0],
            "second": named[pair.second].uri,
            "second_split": pair.splits[1],
            "leaks": pair.leaks,
            "reason": pair.reason,
        }
        for pair in pairs[:count]
    ]
    content = {
        "pairs": len(pairs),
        "leaks": sum(pair.leaks for pair in pairs),
        "moved": {named[image].uri: split for image, split in moved.items()},
        "listed": rows,
    }

    def words() -> None:
        leaking = sum(pair.leaks for pair in pairs)
        across = f", {leaking:,} of them across splits" if leaking and not leaks else ""
        click.echo(f"{counted(len(pairs), 'pair')} of images that show the same{across}")
        table(
            ("first", "split", "second", "split", "why"),
            [
                (named[pair.first].title, pair.splits[0] or "none", named[pair.second].title,
                 pair.splits[1] or "none", pair.reason)
                for pair in pairs[:count]
            ],
        )  # fmt: skip
        if separate:
            click.echo(f"{counted(len(moved), 'image')} moved")

    answer(content, as_json=as_json, words=words)


@click.command("outliers")
@project_argument
@run_argument
@click.option("--of", type=click.Choice(["images", "objects"]), default="images", show_default=True)
@_count
@_tag
@as_json
def outliers_command(
    project: Path, run: int, of: str, count: int, tag: str | None, as_json: bool
) -> None:
    """What lies farthest from all that a run was trained on: strangers, or slips of a label."""
    with opened(project, write=tag is not None) as open_project:
        record = runs.get(open_project, run)
        found = embedding.needed(record, of=cast(Literal["images", "objects"], of)).read()
        listed = outliers.find(open_project, found, count=count)
        named = _named(open_project, [each.image_id for each in listed])
        _give_tag(open_project, tag, named)
    rows = [
        {
            "image": named[each.image_id].uri,
            "annotation": each.annotation_id or None,
            "times": round(each.times, 3),
            "reason": each.reason,
        }
        for each in listed
    ]

    def words() -> None:
        table(
            ("times", "image", "why"),
            [(f"{row['times']:.1f}", Path(str(row["image"])).name, row["reason"]) for row in rows],
        )

    answer({"run": run, "of": of, "outliers": rows}, as_json=as_json, words=words)


@click.command("similar")
@project_argument
@run_argument
@click.argument("image")
@_count
@_tag
@as_json
def similar_command(
    project: Path, run: int, image: str, count: int, tag: str | None, as_json: bool
) -> None:
    """The images that a run takes for most like one of them, the most alike first.

    IMAGE is an image's name or id. 1 is the same to the network, 0 has nothing in common.
    """
    with opened(project, write=tag is not None) as open_project:
        asked = image_called(open_project, image)
        found = embedding.needed(runs.get(open_project, run)).read()
        places = np.flatnonzero(found.images == asked.id)
        if not len(places):
            raise RunError(
                f"Run {run} has not looked at {asked.title} yet.",
                hint=f"Embed the images again: cvstudio embed {project} {run}",
            )
        # What has been taken out of the project since is passed over.
        every = alike.find(found, int(places[0]), count=len(found))
        named = _named(open_project, [each.image_id for each in every])
        listed = [each for each in every if each.image_id in named][:count]
        _give_tag(open_project, tag, {each.image_id: named[each.image_id] for each in listed})
    rows = [
        {"image": named[each.image_id].uri, "alike": round(each.alike, 4)} for each in listed
    ]  # fmt: skip

    def words() -> None:
        table(
            ("alike", "image"),
            [(f"{row['alike']:.2f}", Path(str(row["image"])).name) for row in rows],
        )

    answer({"run": run, "image": asked.uri, "similar": rows}, as_json=as_json, words=words)


@click.command("next")
@project_argument
@run_argument
@click.option("--other", type=WholeNumber(min=1), help="A second run, to see where they differ.")
@click.option(
    "--by",
    type=click.Choice([by.value for by in By]),
    default=By.ALL.value,
    show_default=True,
    help="What speaks for an image: doubt, difference between the runs, variety, or all together.",
)
@_count
@_tag
@as_json
def next_command(
    project: Path, run: int, other: int | None, by: str, count: int, tag: str | None, as_json: bool
) -> None:  # fmt: skip
    """The unlabelled images that teach a run most, each with the reason."""
    if by == By.DIFFERENCE and other is None:
        raise click.UsageError("Name a second run (--other) to see where they differ.")
    with opened(project, write=tag is not None) as open_project:
        chosen = next.label_next(
            open_project, _asked(open_project, run),
            None if other is None else _asked(open_project, other), count=count, by=By(by),
        )  # fmt: skip
        named = _named(open_project, [each.image_id for each in chosen])
        _give_tag(open_project, tag, named)
    rows = [
        {
            "image": named[each.image_id].uri,
            "doubt": round(each.doubt, 4),
            "difference": round(each.difference, 4),
            "far": round(each.far, 3),
            "reason": each.reason,
        }
        for each in chosen
    ]

    def words() -> None:
        listed = [(Path(str(row["image"])).name, row["reason"]) for row in rows]
        table(("image", "why"), listed)
        if tag is None:
            note("With --tag NAME they can be found in the window.")

    answer({"run": run, "other": other, "by": by, "next": rows}, as_json=as_json, words=words)


def _asked(project: Project, run_id: int) -> RunOpinion:
    found = embedding.needed(runs.get(project, run_id))
    return RunOpinion(found.read(), found.answers(), f"run {run_id}")


def _named(project: Project, ids: Sequence[int]) -> dict[int, ImageRecord]:
    with project.read() as session:
        return {record.id: record for record in queries.images(session, list(dict.fromkeys(ids)))}


def _give_tag(project: Project, tag: str | None, named: Mapping[int, ImageRecord]) -> None:
    if tag is None or not named:
        return
    with project.transaction(f"Tag {tag}") as session:
        tagging.tag_images(session, image_ids=list(named), tag=tag)
