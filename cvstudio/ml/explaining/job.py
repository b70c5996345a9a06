"""The explain job: one heat map as a picture, with what it explains and whether to trust it."""

from __future__ import annotations

from typing import Any

import numpy as np

from cvstudio.core.config import ExplainConfig
from cvstudio.core.events import Outcome, Phase, Progress
from cvstudio.core.explaining import method_of
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir, Request, write_json
from cvstudio.core.snapshot import read_snapshot
from cvstudio.imaging.decode import read_rgb
from cvstudio.imaging.heat import overlay
from cvstudio.ml.explaining.explain import Question, ask
from cvstudio.ml.explaining.heat import told
from cvstudio.ml.explaining.picture import write_picture
from cvstudio.ml.explaining.randomising import as_json, check
from cvstudio.ml.load import load_network
from cvstudio.ml.seeing import see


class _Cancelled(Exception):
    """Raised between two looks when the person asked to stop."""


def run_explain(job: JobDir, config: ExplainConfig) -> Outcome:
    """A PNG of the heat over the image, and heat.json in the job's own directory with what it
    explains; with `check` also whether the map follows what was learned."""
    job.emit(Phase(text=f"Loading the network of {config.run_directory.name}"))
    network = load_network(config.run_directory, device=config.device)
    job.emit(Phase(text=f"Looking at {config.image.name}"))
    where = (config.image, config.page, _window(config))
    rgb = see(*where, network.preprocessor)
    box = Box(*config.box) if config.box is not None else None
    question = Question(config.class_id, box, config.method, config.layer)

    def tell(done: int, total: int) -> None:
        if job.asked() is Request.CANCEL:
            raise _Cancelled
        job.emit(Progress(done=done, total=total))

    checked: dict[str, Any] = {}
    try:
        explanation = ask(network, rgb, question, tell=tell)
        if config.check:
            job.emit(Phase(text="Shuffling the weights, to see whether the map changes"))
            checked = {"check": as_json(check(network, rgb, question, tell=tell))}
    except _Cancelled:
        return Outcome.CANCELLED
    if rgb.dtype != np.uint8:  # the picture under the heat is for people
        rgb = read_rgb(*where)
    write_picture(
        config.output or job.path / "heat.png", overlay(rgb, explanation.heat, config.opacity)
    )
    caution = method_of(config.method).caution_for(network.task)
    write_json(
        job.path / "heat.json",
        {**told(explanation), "method": config.method, "caution": caution, **checked},
    )
    return Outcome.FINISHED


def _window(config: ExplainConfig) -> tuple[float, float] | None:
    """The window under which the run saw this image; of a stranger, that of most of its images."""
    path = JobDir(config.run_directory).snapshot
    if not path.is_file():
        return None
    snapshot = read_snapshot(path)
    for image in snapshot.images:
        if image.path == config.image and image.page == config.page:
            return image.window
    return snapshot.window
