"""`cvstudio mirror`: a run in TensorBoard and MLflow, while it runs or afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from cvstudio.cli.output import note
from cvstudio.core.jobdir import JobDir
from cvstudio.project.mirrors import targets as kept
from cvstudio.project.mirrors.following import Follower

tensorboard_option = click.option(
    "--tensorboard",
    metavar="FOLDER",
    help="Show the run in TensorBoard too: the folder that it looks at.",
)
mlflow_option = click.option(
    "--mlflow", metavar="WHERE", help="Show the run in MLflow too: a folder, or http://server:5000."
)


@click.command("mirror")
@click.argument("run_dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
@tensorboard_option
@mlflow_option
@click.option("--pictures", is_flag=True, help="Take the answers on val images along.")
def mirror_command(
    run_dir: Path, tensorboard: str | None, mlflow: str | None, pictures: bool
) -> int:
    """Show a run in TensorBoard or MLflow, and follow it while it runs.

    RUN_DIR is the run's folder, as `cvstudio runs PROJECT --json` names it. Without options the
    run goes where it went before, or where the settings say.
    """
    job = JobDir(run_dir.resolve())
    known = kept.read(job)
    wanted = kept.chosen(project=run_dir.resolve().parents[1].name,
                         tensorboard=tensorboard, mlflow=mlflow)  # fmt: skip
    if tensorboard is None and mlflow is None and known:
        wanted = known
    if known.mlflow == wanted.mlflow:
        wanted = replace(wanted, mlflow_run=known.mlflow_run, mlflow_until=known.mlflow_until)
    wanted = replace(
        wanted, files=known.files, pictures=pictures or wanted.pictures,
        project=known.project or wanted.project,
    )  # fmt: skip
    if not wanted:
        raise click.UsageError("Where to? Give --tensorboard or --mlflow.")
    kept.write(job, wanted)
    follower = Follower(job, wanted)
    follower.follow()
    for name, where in kept.about(wanted).items():
        if name not in follower.failed:
            note(f"{name}: {where}")
    for name, why in follower.failed.items():
        note(f"{name}: {why}")
    return 1 if follower.failed else 0
