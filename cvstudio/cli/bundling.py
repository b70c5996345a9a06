"""Packing an exported file for somebody who does not have CVStudio."""

from __future__ import annotations

import json
from pathlib import Path

import click

from cvstudio.cli.judging import finish
from cvstudio.cli.output import WholeNumber, answer, as_json, opened, project_argument
from cvstudio.core.config import BundleConfig
from cvstudio.core.errors import RunError
from cvstudio.core.words import counted, size_words
from cvstudio.project import exports, launch, runs
from cvstudio.project.project import Project
from cvstudio.project.run_store import make_job


@click.command("bundle")
@project_argument
@click.argument("what", metavar="RUN|FILE.onnx")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The zip to write.",
)
@click.option(
    "--samples",
    type=WholeNumber(min=1, max=50),
    default=4,
    show_default=True,
    help="Images that travel with it for the self-test.",
)
@click.option(
    "--images",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="An image or a folder to take the samples from; else the run's val images. Repeat it.",
)
@as_json
def bundle_command(
    project: Path, what: str, output: Path, samples: int, images: tuple[Path, ...], as_json: bool
) -> None:  # fmt: skip
    """Pack an exported network with a script that uses it, a model card, and samples.

    A run stands for the newest of its exported ONNX files. Whoever unpacks it needs Python with
    numpy, onnxruntime and OpenCV; its self-test says whether it answers there as it did here.
    """
    with opened(project) as open_project:
        file = _file(open_project, what)
        run = exports.run_of(open_project, file)
        config = BundleConfig(
            file=file.absolute(),
            output=output.absolute(),
            run_directory=runs.job_of(run).path if run is not None else None,
            samples=samples,
            images=tuple(path.absolute() for path in images),
        )
        folder = runs.job_of(run).path if run is not None else open_project.runs_directory
        job = make_job(folder / "jobs", config)
        launch.launch(job)
    finish(job, f"Packing {file.name}")
    told = json.loads((job.path / "bundle.json").read_text(encoding="utf-8"))

    def words() -> None:
        packed = counted(told["samples"], "sample")
        click.echo(f"Wrote {output} ({size_words(told['size'])}) with {packed}")
        click.echo("Unzip it anywhere and run: python predict.py --selftest")

    answer({"output": str(output.absolute()), **told}, as_json=as_json, words=words)


def _file(project: Project, what: str) -> Path:
    """The file that is meant: itself, or the newest that was exported from a run."""
    path = Path(what)
    if path.is_file():
        return path
    if not what.isdigit():
        raise click.BadParameter(f'There is no file "{what}".', param_hint="RUN|FILE.onnx")
    run = runs.get(project, int(what))
    found = [f for f in exports.onnx_files(project) if exports.run_of(project, f) == run]
    if not found:
        raise RunError(
            f"Run {run.id} has no exported ONNX file yet.",
            hint=f"Make one: cvstudio export-network {project.path} {run.id} -o network.onnx",
        )
    return max(found, key=lambda file: file.stat().st_mtime)
