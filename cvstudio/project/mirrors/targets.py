"""Where the figures of runs go besides their own directory, and starting what takes them there.

Who follows a run is a process of its own (`cvstudio mirror RUN_DIR`): whatever goes wrong in it, or
in a server that does not answer, cannot harm or hold up the run.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from cvstudio.core import events
from cvstudio.core.jobdir import JobDir, write_json
from cvstudio.core.program import program
from cvstudio.core.settings import Settings
from cvstudio.project import launch

TENSORBOARD_VARIABLE, MLFLOW_VARIABLE = "CVSTUDIO_TENSORBOARD", "CVSTUDIO_MLFLOW"
"""Environment variables that stand over the settings; set but empty they switch a mirror off."""

INSTALL = "uv pip install 'cvstudio[mirrors]'"

_FILE = "mirrors.json"


@dataclass(frozen=True)
class Targets:
    """Where a run is mirrored to, and what is known there of it.

    `tensorboard` is a folder, `mlflow` a folder or a server's address; "" is not mirrored.
    """

    tensorboard: str = ""
    mlflow: str = ""
    pictures: bool = False
    """Whether the answers on the fixed val images go along; they show the person's own images."""
    project: str = ""
    """The project's name: an experiment in MLflow, a folder for TensorBoard."""
    files: tuple[str, ...] = ()
    """TensorBoard's files of this run that an earlier follower wrote, by their paths."""
    mlflow_run: str = ""
    """What MLflow calls this run."""
    mlflow_until: float = 0.0
    """The time of the last event that MLflow knows."""

    def __bool__(self) -> bool:
        return bool(self.tensorboard or self.mlflow)


def chosen(
    *, project: str, tensorboard: str | None = None, mlflow: str | None = None
) -> Targets:  # fmt: skip
    """What is wanted for a new run: what is given here, else the environment, else the settings."""
    settings = Settings()

    def value(given: str | None, variable: str, key: str) -> str:
        found = given if given is not None else os.environ.get(variable)
        return (found if found is not None else str(settings.get(key))).strip()

    return Targets(
        tensorboard=value(tensorboard, TENSORBOARD_VARIABLE, "mirror.tensorboard"),
        mlflow=value(mlflow, MLFLOW_VARIABLE, "mirror.mlflow"),
        pictures=bool(settings.get("mirror.pictures")),
        project=project,
    )


def read(job: JobDir) -> Targets:
    """Where a run is mirrored to; nowhere when it never was, or the file is damaged."""
    try:
        content = json.loads((job.path / _FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return Targets()
    known = {f.name for f in fields(Targets)}
    values = {name: value for name, value in content.items() if name in known}
    return Targets(**{**values, "files": tuple(values.get("files", ()))})


def write(job: JobDir, targets: Targets) -> None:
    """Keep in a run's directory where it is mirrored to."""
    write_json(job.path / _FILE, asdict(targets))


def begin(
    job: JobDir, *, project: str, command: Callable[[Path], Sequence[str]] | None = None
) -> None:
    """Start the process that mirrors a run whose process has just been started.

    Does nothing when no mirror is wanted. A run that goes on keeps its mirrors. What fails here is
    told as a warning of the run.
    """
    targets = read(job) or chosen(project=project)
    if not targets:
        return
    write(job, targets)
    line = (command or mirror_command)(job.path)
    try:
        with (job.path / "mirror.log").open("ab") as log:
            subprocess.Popen(
                list(line), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env=_environment(), start_new_session=os.name == "posix",
            )  # fmt: skip
    except OSError as error:
        job.emit(events.Note(level="warning", text=f"The run is not mirrored: {error}."))


def mirror_command(directory: Path) -> list[str]:
    """The command that follows a run and mirrors it."""
    return program("mirror", str(directory))


def about(targets: Targets) -> Mapping[str, Any]:
    """The mirrors as a person is told of them, by name."""
    named = {"TensorBoard": targets.tensorboard, "MLflow": targets.mlflow}
    return {name: where for name, where in named.items() if where}


def _environment() -> dict[str, str]:
    return launch.environment() | {"OMP_NUM_THREADS": "1"}
