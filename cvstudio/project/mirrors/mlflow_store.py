"""A run in MLflow: in a folder as MLflow's file store, or on a tracking server."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cvstudio.core import events
from cvstudio.core.errors import RunError
from cvstudio.core.events import Event, Outcome
from cvstudio.core.jobdir import JobDir
from cvstudio.project.mirrors.contents import Contents
from cvstudio.project.mirrors.pictures import pictures
from cvstudio.project.mirrors.targets import INSTALL, Targets

_MOST = 500
"""Figures or settings that MLflow takes at once; it takes up to 1000 and 100."""

_LONGEST = 500
"""Characters of a setting's value that MLflow keeps."""

_STATES = {
    Outcome.FINISHED: "FINISHED",
    Outcome.FINISHED_EARLY: "FINISHED",
    Outcome.PAUSED: "SCHEDULED",
    Outcome.CANCELLED: "KILLED",
}


def address(where: str) -> str:
    """MLflow's tracking URI of a folder or of a server."""
    return where if "://" in where else Path(where).expanduser().resolve().as_uri()


class MLflow:
    """Writes one run through MLflow's client. `remember` keeps what the next follower needs."""

    name = "MLflow"

    def __init__(self, job: JobDir, targets: Targets, remember: Callable[[Targets], None]) -> None:
        """Raises RunError where MLflow is not installed, and whatever MLflow raises when the
        folder or server cannot be reached."""
        _prepare()
        try:
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise RunError(
                "MLflow is not installed.", hint=f"Install it with: {INSTALL}"
            ) from error
        self._contents = Contents(job)
        self._targets, self._remember = targets, remember
        uri = address(targets.mlflow)
        if uri.startswith("file:"):
            Path(targets.mlflow.removeprefix("file://")).expanduser().mkdir(
                parents=True, exist_ok=True
            )
        self._client: Any = MlflowClient(tracking_uri=uri)
        self._id = targets.mlflow_run or self._new_run()
        self._state = "FINISHED"

    def take(self, event: Event) -> None:
        """Log the figures of an event; what an earlier follower has logged is left out."""
        if event.at <= self._targets.mlflow_until:
            return
        figures = self._contents.figures(event)
        if figures is not None:
            self._metrics(figures.values, at=figures.at, step=figures.step)
        match event:
            case events.Started():
                self._client.update_run(self._id, status="RUNNING")
                self._client.set_tag(self._id, "device", event.device)
            case events.Samples() if self._targets.pictures:
                for name, (_height, _width, png) in pictures(self._contents.job, event.file):
                    self._picture(f"val images/epoch-{event.epoch:04d}/{name}.png", png)
            case events.Ended():
                self._state = _STATES[event.outcome]
            case events.Failed():
                self._state = "FAILED"
                self._client.set_tag(self._id, "failure", event.text)
        if isinstance(event, events.EpochEnded | events.Ended):
            self._targets = replace(self._targets, mlflow_until=event.at)
            self._remember(self._targets)

    def end(self) -> None:
        """Log the report and the run's own records, and close the run."""
        self._metrics(self._contents.final_figures(), at=time.time(), step=0)
        job = self._contents.job
        for path in (job.config, job.environment, job.report):
            if path.is_file():
                self._client.log_artifact(self._id, str(path))
        if self._state == "SCHEDULED":  # paused: it goes on
            self._client.update_run(self._id, status="SCHEDULED")
        else:
            self._client.set_terminated(self._id, status=self._state)

    def flush(self) -> None:
        """Nothing: MLflow keeps nothing back."""

    def _new_run(self) -> str:
        name = self._targets.project or "cvstudio"
        found = self._client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else self._client.create_experiment(name)
        job = self._contents.job
        run = self._client.create_run(
            experiment, run_name=job.path.name, tags={"cvstudio.run": job.path.name}
        )
        made: str = run.info.run_id
        for key, value in self._contents.settings().items():
            self._client.log_param(made, key, str(value)[:_LONGEST])
        self._targets = replace(self._targets, mlflow_run=made)
        self._remember(self._targets)
        return made

    def _metrics(self, values: Mapping[str, float], *, at: float, step: int) -> None:
        from mlflow.entities import Metric

        told = [
            Metric(_plain(tag), float(value), int(at * 1000), step)
            for tag, value in values.items()
            if math.isfinite(value)
        ]
        for start in range(0, len(told), _MOST):
            self._client.log_batch(self._id, metrics=told[start : start + _MOST])

    def _picture(self, name: str, png: bytes) -> None:
        from tempfile import TemporaryDirectory

        folder, _, file = name.rpartition("/")
        with TemporaryDirectory() as scratch:
            path = Path(scratch) / file
            path.write_bytes(png)
            self._client.log_artifact(self._id, str(path), artifact_path=folder)


def _prepare() -> None:
    """MLflow's switches: nothing is sent to its makers, a server that is silent is given up soon,
    and a folder may be a store (since MLflow 3 it must be asked for)."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")


def _plain(tag: str) -> str:
    """A name as MLflow allows it."""
    return "".join(c if c.isalnum() or c in "-_./ " else "_" for c in tag)
