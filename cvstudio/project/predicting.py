"""Predict jobs of a project: starting one, and finding what the last one answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cvstudio.core.config import PredictConfig, read_config
from cvstudio.core.errors import ConfigError
from cvstudio.core.jobdir import JobDir
from cvstudio.project import exports, launch, runs, suggesting
from cvstudio.project.project import Project
from cvstudio.project.run_store import make_job
from cvstudio.project.run_titles import run_title

_OWN = "the run’s own checkpoint, not exported"


@dataclass(frozen=True)
class Askable:
    """A network that can be asked: an exported file, or the directory of a finished run."""

    path: Path
    title: str
    note: str = ""

    @property
    def is_file(self) -> bool:
        """Whether it is an exported file, for which no torch is needed."""
        return self.path.suffix == ".onnx"


def networks(project: Project, *, more: Sequence[Path] = ()) -> list[Askable]:
    """What can be asked: files that somebody chose, exported files with a proof, newest first, and
    finished runs."""
    files = sorted(exports.onnx_files(project), key=lambda f: -f.stat().st_mtime)
    known = [path for path in dict.fromkeys((*more, *files)) if "-UNVERIFIED" not in path.stem]
    found = [Askable(path, path.name, f"in {path.parent}") for path in known if path.is_file()]
    for run in suggesting.able_runs(project):
        found.append(Askable(runs.job_of(run).path, run_title(run), _OWN))
    return found


def start(
    project: Project, config: PredictConfig, *, command: runs.Command = launch.worker_command
) -> JobDir:
    """Start the job that asks a network about images."""
    job = make_job(project.runs_directory / "jobs", config)
    launch.launch(job, command=command)
    return job


def latest(project: Project) -> JobDir | None:
    """The newest predict job, whatever became of it; None when there was none."""
    found = sorted(
        (project.runs_directory / "jobs").glob("predict-*"), key=lambda p: p.stat().st_mtime_ns
    )
    return JobDir(found[-1]) if found else None


def config_of(job: JobDir) -> PredictConfig | None:
    """What a predict job was asked; None where that cannot be read."""
    try:
        found = read_config(job.config)
    except ConfigError:
        return None
    return found if isinstance(found, PredictConfig) else None
