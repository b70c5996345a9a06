"""A run that is paused while its layers thaw goes on as if nobody had paused it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from training_samples import events_of, run_directory

from cvstudio.core import events
from cvstudio.core.annotation import Task
from cvstudio.core.events import Outcome
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.ml.checkpoint import read_checkpoint
from cvstudio.ml.engine import own
from cvstudio.ml.environment import prepare
from cvstudio.ml.worker import run_job

prepare()


def pause_in(monkeypatch: pytest.MonkeyPatch, job: JobDir, places: set[tuple[int, int]]) -> None:
    """Ask the run to pause at the end of each step of an epoch, both from 1, of some places."""
    plain = own.Training._step

    def step(training: own.Training, *batch: Any) -> Any:
        found = plain(training, *batch)
        place = training.at.epoch, training.at.step + 1
        if training.session.job.path == job.path and place in places:
            places.discard(place)
            job.ask(Request.PAUSE)
            training.session._last_look = 0.0  # it looks at most ten times a second
        return found

    monkeypatch.setattr(own.Training, "_step", step)


@pytest.mark.slow
@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_run_paused_within_and_after_epochs_of_gradual_thawing_ends_as_if_it_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, average: float
) -> None:
    first = run_directory(tmp_path / "first", Task.CLASSIFY, train=9, val=2, epochs=1)
    assert run_job(first.path) == 0
    recipe = {
        "start": "run", "weights_file": first.best, "frozen_epochs": 1, "thaw_epochs": 1,
        "epochs": 5, "batch": 4, "learning_rate": 3e-3, "average": average,
    }  # fmt: skip
    whole, parts = (
        run_directory(tmp_path / name, Task.CLASSIFY, train=9, val=2, **recipe)
        for name in ("whole", "parts")
    )
    assert run_job(whole.path) == 0
    last = events_of(whole, events.StepEnded)[-1].steps
    assert last > 1
    places = {(2, 1), (3, last), (4, 1)}
    pause_in(monkeypatch, parts, places)
    outcomes = []
    while Outcome.FINISHED not in outcomes:
        assert run_job(parts.path) == 0, parts.log.read_text()
        outcomes += [e.outcome for e in events_of(parts, events.Ended)[-1:]]
    assert outcomes == [Outcome.PAUSED] * 3 + [Outcome.FINISHED]
    assert not places
    for file in ("last", "best"):
        mine, theirs = (read_checkpoint(getattr(job, file)).weights for job in (whole, parts))
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    told = [[(e.epoch, e.train, e.val, e.metrics) for e in job.state().epochs]
            for job in (whole, parts)]  # fmt: skip
    assert told[0] == told[1], "also the loss on train counts the steps before a pause"
