"""`cvstudio networks`: every network there is, those of the libraries' catalogues too."""

from __future__ import annotations

import click

from cvstudio.cli.output import answer, as_json, note, table
from cvstudio.core import pretrained
from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.network_info import NetworkInfo
from cvstudio.core.network_search import closest, matching
from cvstudio.core.networks import all_networks, networks_for


@click.command("networks")
@click.option("--task", type=click.Choice([t.value for t in Task]), help="Only for this task.")
@click.option("--search", default="", metavar="WORDS", help="Only those in which all words occur.")
@as_json
def networks_command(task: str | None, search: str, as_json: bool) -> None:
    """The networks that --network takes: proven choices first, then every one of the libraries."""
    tasks = [Task(task)] if task is not None else list(Task)
    found = [info for each in tasks for info in matching(search, all_networks(each))]
    rows = [_row(info) for info in found]

    def words() -> None:
        table(
            ("network", "title", "task", "million weights", "ImageNet %", "pretrained"),
            [
                (row["network"], row["title"], row["task"], f"{row['millions']:.1f}",
                 "" if row["imagenet"] is None else f"{row['imagenet']:.1f}", _weights(row))
                for row in rows
            ],
        )  # fmt: skip
        if not rows:
            note(f'No network has the words "{search}".')

    answer(rows, as_json=as_json, words=words)


def _row(info: NetworkInfo) -> dict[str, object]:
    found = pretrained.find(info)
    return {
        "network": info.name,
        "title": info.title,
        "task": info.task.value,
        "millions": info.parameters,
        "imagenet": info.accuracy,
        "proven": info in networks_for(info.task),
        "file": info.weights.filename if info.weights else None,
        "path": str(found) if found else None,
    }


def _weights(row: dict[str, object]) -> str:
    if row["path"]:
        return "on this computer"
    return "can be had" if row["file"] else "none"


def unknown(error: ConfigError, name: str, task: Task | None = None) -> str:
    """That there is no such network, with those that may be meant and how all are listed."""
    near = closest(name, task)
    told = f" --task {task}" if task is not None else ""
    if near:
        meant = f"The closest: {', '.join(near)}."
    elif task is not None:
        meant = f"Networks: {', '.join(info.name for info in networks_for(task))}."
    else:
        meant = ""
    return f"{error.message} {meant} All: cvstudio networks{told}.".replace("  ", " ")
