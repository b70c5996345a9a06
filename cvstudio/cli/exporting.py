"""Networks that leave, from the terminal: export-network, check-file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from cvstudio.cli.judging import finish, with_network
from cvstudio.cli.output import (
    Share,
    answer,
    as_json,
    figure,
    note,
    opened,
    project_argument,
    run_argument,
    table,
)
from cvstudio.core import proof
from cvstudio.core.config import ExportConfig
from cvstudio.core.export_kinds import FIRST_OPSET, LAST_OPSET, USUAL_OPSET, FileKind
from cvstudio.core.words import size_words
from cvstudio.project import runs


@click.command("export-network")
@project_argument
@run_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The ONNX file to write; what else is wanted lies beside it.",
)
@click.option(
    "--also",
    type=click.Choice([kind.value for kind in FileKind if kind is not FileKind.ONNX]),
    multiple=True,
    help="Another file too; may be repeated.",
)
@click.option("--int8", is_flag=True, help="The same as --also onnx-int8.")
@click.option(
    "--allowed-drop",
    type=Share(),
    default=0.01,
    show_default=True,
    help="What a file of 16 or 8 bits may lose of the metric before it is refused.",
)
@click.option(
    "--opset",
    type=click.IntRange(FIRST_OPSET, LAST_OPSET),
    default=USUAL_OPSET,
    show_default=True,
    help="The version of the ONNX operators.",
)
@click.option(
    "--nms",
    type=click.Choice(["outside", "inside"]),
    default="outside",
    show_default=True,
    help="Where boxes over better ones are removed: by the program that reads the file, or in it.",
)
@click.option("--verify/--no-verify", default=True, help="Prove each file against the checkpoint.")
@as_json
def export_network_command(
    project: Path, run: int, output: Path, also: tuple[str, ...], int8: bool, allowed_drop: float,
    opset: int, nms: str, verify: bool, as_json: bool,
) -> None:  # fmt: skip
    """Write a run's network as an ONNX file, and as others, each proven to compute the same."""
    with opened(project) as open_project:
        record = with_network(open_project, run)
        config = ExportConfig(
            run_directory=record.directory, output=output.absolute(), int8=int8,
            files=tuple(FileKind(kind) for kind in also), allowed_drop=allowed_drop, opset=opset,
            suppress_inside=nms == "inside", verify=verify,
        )  # fmt: skip
        job = runs.start_job(open_project, run, config)
    finish(job, f"Exporting run {run}")
    content = json.loads((job.path / "verification.json").read_text(encoding="utf-8"))
    answer(content, as_json=as_json, words=lambda: _say_export(content, output))


def _say_export(content: Mapping[str, Any], output: Path) -> None:
    for row in content["files"]:
        click.echo(f"Wrote {output.with_name(row['file'])} ({size_words(row['size'])})")
    for out in content["left_out"]:
        click.echo(f"{out['title']} is left out: {out['why']}")
    if content["verified"] is None:
        note("Nothing was verified.")
        return
    scores = proof.counted_from(content)
    if scores:
        click.echo(scores)
    for row in content["files"]:
        if row["checks"]:
            _say_checks(row["title"], row["checks"])
    click.echo()
    _say_files(content)
    _say_times(content["timings"])


def _say_checks(title: str, checks: Sequence[Mapping[str, Any]]) -> None:
    """Each check with its figure and its limit."""
    click.echo(f"\n{title}")
    marks = {True: "passed", False: "failed", None: "told"}
    for check in checks:
        allowed = proof.allowed([check]) if check["allowed"] is not None else ""
        limit = f" ({allowed})" if allowed else ""
        name = proof.sentence(check["check"])
        click.echo(f"{marks[check['passed']]}: {name}: {proof.value(check) or '–'}{limit}")


def _say_files(content: Mapping[str, Any]) -> None:
    """What each file keeps of the metric, and what it wins."""
    table(
        ("file", "", content["metric"], "lost", "times as fast", "MB"),
        [
            (row["file"], proof.standing(row), figure(row.get("measured")),
             figure(row.get("drop")), figure(row.get("speed_up")), f"{row['size'] / 1e6:.1f}")
            for row in content["files"]
        ],
    )  # fmt: skip
    for row in content["files"]:
        if why := proof.why_not(row):
            click.echo(why)


def _say_times(times: Sequence[Mapping[str, Any]]) -> None:
    if not times:
        return
    click.echo("\nMilliseconds on this computer")
    table(
        ("", "device", "threads", "batch", "median", "95 %", "99 %", "images a second"),
        [
            (row["what"], row["device"], row["threads"] or "", row["batch"],
             f"{row['median']:.1f}", f"{row['p95']:.1f}", f"{row['p99']:.1f}",
             f"{row['images_per_second']:.1f}")
            for row in times
        ],
    )  # fmt: skip


@click.command("check-file")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@as_json
def check_file_command(files: tuple[Path, ...], as_json: bool) -> int:
    """Whether exported files are still those that were proven: ONNX, OpenVINO or TorchScript.

    The exit code is 1 when one of them is not.
    """
    from cvstudio.ml.exporting.certificate import Standing, check_file

    found = {path: check_file(path) for path in files}

    def words() -> None:
        for path, told in found.items():
            click.echo(f"{told.standing.value}: {path.name}: {told.words}")

    rows = [{"file": str(path), **told.to_json()} for path, told in found.items()]
    answer(rows, as_json=as_json, words=words)
    return 0 if all(told.standing is Standing.PROVEN for told in found.values()) else 1
