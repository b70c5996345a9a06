"""A run as TensorBoard's event files, written with TensorBoard's own writer (no TensorFlow, no
torch)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cvstudio.core import events
from cvstudio.core.errors import RunError
from cvstudio.core.events import Event
from cvstudio.core.jobdir import JobDir
from cvstudio.project.mirrors.contents import Contents
from cvstudio.project.mirrors.pictures import pictures
from cvstudio.project.mirrors.targets import INSTALL, Targets


def folder_of(job: JobDir, targets: Targets) -> Path:
    """The folder of one run under the one that TensorBoard is pointed at."""
    plain = "".join(c if c.isalnum() or c in " -_." else "-" for c in targets.project).strip(" .")
    return Path(targets.tensorboard).expanduser() / (plain or "cvstudio") / job.path.name


class TensorBoard:
    """Writes one run. `file` is the event file; what an earlier follower wrote is replaced, so that
    a run that went on is there once."""

    name = "TensorBoard"

    def __init__(self, job: JobDir, targets: Targets) -> None:
        """Raises RunError where TensorBoard is not installed, OSError for a folder that
        cannot be written to."""
        try:
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            raise RunError(
                "TensorBoard is not installed.", hint=f"Install it with: {INSTALL}"
            ) from error
        self._contents = Contents(job)
        self._pictures = targets.pictures
        folder = folder_of(job, targets)
        folder.mkdir(parents=True, exist_ok=True)
        for path in map(Path, targets.files):
            if path.parent == folder:
                path.unlink(missing_ok=True)
        before = set(folder.iterdir())
        self._writer = EventFileWriter(str(folder))
        self.file = next(path for path in folder.iterdir() if path not in before)
        self._at = job.config.stat().st_mtime
        self._text("settings", _as_table(self._contents.settings()))
        self._hyperparameters(self._contents.settings())

    def take(self, event: Event) -> None:
        """Write the figures, words or pictures of an event."""
        self._at = event.at
        figures = self._contents.figures(event)
        if figures is not None:
            self._scalars(figures.values, figures.step)
        match event:
            case events.Started() if event.first_epoch > 1:
                self._restart(event.first_epoch)
            case events.Samples() if self._pictures:
                for name, picture in pictures(self._contents.job, event.file):
                    self._picture(f"val images/{name}", picture, event.epoch)
            case events.Note():
                self._text("notes", event.text)
            case events.Failed():
                self._text("failure", event.text)

    def end(self) -> None:
        """Write the report and close the file."""
        final = self._contents.final_figures()
        if final:
            self._scalars(final, 0)
            report = json.dumps(self._contents.report(), indent=1, ensure_ascii=False)
            self._text("report", "    " + report.replace("\n", "\n    "))
        self._writer.close()

    def flush(self) -> None:
        """What was written so far can be seen."""
        self._writer.flush()

    def _scalars(self, values: Mapping[str, float], step: int) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        told = [Summary.Value(tag=tag, simple_value=float(v)) for tag, v in values.items()]
        self._write(step, summary=Summary(value=told))

    def _text(self, tag: str, words: str) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.text.metadata import create_summary_metadata
        from tensorboard.util.tensor_util import make_tensor_proto

        value = Summary.Value(
            tag=tag,
            metadata=create_summary_metadata("", ""),
            tensor=make_tensor_proto(np.array([words.encode()], dtype=object)),
        )
        self._write(0, summary=Summary(value=[value]))

    def _hyperparameters(self, settings: Mapping[str, Any]) -> None:
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb

        plain = {k: v if isinstance(v, bool | int | float) else str(v) for k, v in settings.items()}
        self._write(0, summary=hparams_pb(plain))

    def _picture(self, tag: str, png: tuple[int, int, bytes], step: int) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        height, width, data = png
        image = Summary.Image(
            height=height, width=width, colorspace=3, encoded_image_string=data
        )  # fmt: skip
        self._write(step, summary=Summary(value=[Summary.Value(tag=tag, image=image)]))

    def _restart(self, epoch: int) -> None:
        """What was shown of this epoch and later ones holds no more."""
        from tensorboard.compat.proto.event_pb2 import SessionLog

        self._write(epoch, session_log=SessionLog(status=SessionLog.START))

    def _write(self, step: int, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event as Written

        self._writer.add_event(Written(wall_time=self._at, step=step, **content))


def _as_table(settings: Mapping[str, Any]) -> str:
    """Settings as the Markdown that TensorBoard shows."""
    lines = [f"| {name} | {value} |" for name, value in settings.items()]
    return "\n".join(("| setting | value |", "|---|---|", *lines))
