"""Pretrained weights from the terminal: which networks there are, which weights lie here, get."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from cvstudio.cli.networks import unknown
from cvstudio.cli.output import answer, as_json, note, table
from cvstudio.core import places, pretrained
from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.networks import NETWORKS, network
from cvstudio.core.settings import Settings
from cvstudio.project import weights

_SMART = "label.smart_network"


@click.group("weights")
def weights_command() -> None:
    """Pretrained weights: list what there is, get what is missing."""


@weights_command.command("list")
@click.option("--task", type=click.Choice([t.value for t in Task]), help="Only for this task.")
@as_json
def list_weights(task: str | None, as_json: bool) -> None:
    """All networks, and whether their pretrained weights are on this computer."""
    rows = []
    for info in NETWORKS:
        if task is None or info.task == task:
            found = pretrained.find(info)
            rows.append(
                {
                    "network": info.name,
                    "title": info.title,
                    "task": info.task.value,
                    "millions": info.parameters,
                    "file": info.weights.filename if info.weights else None,
                    "url": info.weights.url if info.weights else None,
                    "path": str(found) if found else None,
                }
            )

    def words() -> None:
        table(
            ("network", "task", "million weights", "pretrained"),
            [
                (row["network"], row["task"], f"{row['millions']:.1f}",
                 "on this computer" if row["path"] else row["file"] or "none")
                for row in rows
            ],
        )  # fmt: skip
        note(f"Files are looked for in {places.weights()} first.")

    answer(rows, as_json=as_json, words=words)


@weights_command.command("smart")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@as_json
def smart_network(file: Path | None, as_json: bool) -> None:
    """The network of the smart tool: which file it is, or, with FILE, take another one.

    FILE holds the weights of SAM, SAM 2 or MobileSAM. It is read and never unpickled; which of them
    it is, its weights say.
    """
    settings = Settings()
    chosen = file.resolve() if file is not None else _chosen(settings)
    title = None
    if chosen is not None and (file is not None or chosen.is_file()):
        from cvstudio.ml import environment

        environment.prepare()
        from cvstudio.ml.sam import SmartNetwork

        title = SmartNetwork(chosen).title
        settings.set(_SMART, str(chosen))
    content = {"path": str(chosen) if chosen else None, "title": title}

    def words() -> None:
        if chosen is None:
            note("No network has been chosen for the smart tool.")
        else:
            click.echo(f"{chosen}: {title or 'it is not there any more'}")

    answer(content, as_json=as_json, words=words)


def _chosen(settings: Settings) -> Path | None:
    path = str(settings.get(_SMART)).strip()
    return Path(path).expanduser() if path else None


@weights_command.command("get")
@click.argument("name")
@as_json
def get_weights(name: str, as_json: bool) -> None:
    """Fetch the pretrained weights of a network from their makers."""
    try:
        info = network(name)
    except ConfigError as error:
        raise click.BadParameter(unknown(error, name), param_hint="NAME") from error
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{info.title}", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        path = weights.download(info, progress=progress)
    content = {"network": info.name, "path": str(path)}
    answer(content, as_json=as_json, words=lambda: click.echo(path))
