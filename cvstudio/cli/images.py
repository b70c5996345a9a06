"""Images found from the terminal, in the words of the query box."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from cvstudio.cli.output import answer, as_json, note, opened, project_argument, table
from cvstudio.core.words import counted
from cvstudio.project import finding, queries
from cvstudio.project.project import Project
from cvstudio.project.queries import Sort
from cvstudio.project.query_language import KEYS, QueryError
from cvstudio.project.records import ImageFilter, ImageRecord

_KEYS = "  ".join(KEYS)


@click.command(
    "images",
    epilog=f"Keys: {_KEYS}. A query with a leading - goes behind --. Example: cvstudio images"
    " PROJECT 'class:RBC count>5 -tag:night'",
)
@project_argument
@click.argument("query", default="")
@click.option(
    "--sort", type=click.Choice(get_args(Sort)), default="name", show_default=True, help="Order."
)
@click.option("--paths", is_flag=True, help="Print only the files, one a line.")
@as_json
def images_command(project: Path, query: str, sort: Sort, paths: bool, as_json: bool) -> None:
    """Find images: class:RBC count>5 split:train -tag:night name~"slide 3"."""
    with opened(project) as open_project:
        rows = _found(open_project, query, sort)

    def words() -> None:
        if paths:
            for row in rows:
                click.echo(row["path"])
            return
        note(f"{counted(len(rows), 'image')}.")
        if rows:
            columns = ("id", "name", "state", "split", "objects", "tags")
            table(columns, [[_plain(row[name]) for name in columns] for row in rows])

    answer(rows, as_json=as_json, words=words)


def image_called(project: Project, words: str, *, page: int | None = None) -> ImageRecord:
    """The image of a project by its id, its name or its URI; `page` counts from 1, any if None.

    Raises click.BadParameter where there is none, or more than one.
    """
    with project.read() as session:
        every = queries.images(session, queries.image_ids(session))
    found = [
        image
        for image in every
        if words in (str(image.id), image.name, image.uri) and page in (None, image.page + 1)
    ]
    if len(found) != 1:
        problem = f"{len(found)} images are called" if found else "There is no image"
        raise click.BadParameter(f'{problem} "{words}".', param_hint="IMAGE")
    return found[0]


def _found(project: Project, query: str, sort: Sort) -> list[dict[str, Any]]:
    with project.read() as session:
        try:
            finding.check(session, query)
        except QueryError as error:
            raise click.BadParameter(error.message, param_hint="QUERY") from error
        ids = queries.image_ids(session, ImageFilter(query=query), sort)
        counts = queries.annotation_counts(session, ids)
        tags = queries.tags_of(session, ids)
        return [
            {
                "id": image.id,
                "name": image.title,
                "path": str(project.image_path(image)),
                "state": image.review.value,
                "split": image.split.value if image.split else None,
                "objects": counts[image.id],
                "tags": tags[image.id],
            }
            for image in queries.images(session, ids)
        ]


def _plain(value: object) -> object:
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else value
