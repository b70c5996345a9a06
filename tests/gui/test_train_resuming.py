"""A real training that is paused in the window, left, and resumed in another window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from patience import until
from pytestqt.qtbot import QtBot
from test_train import Window, end_jobs

from cvstudio.core import events
from cvstudio.core.annotation import Task
from cvstudio.core.recipe import Start
from cvstudio.ml.checkpoint import read_checkpoint
from cvstudio.project import launch, runs
from cvstudio.project.sample import create_sample

SETTINGS: dict[str, Any] = {
    "network": "mobilenet_v3_small", "start": Start.SCRATCH, "epochs": 6, "patience": 0,
    "image_size": 64, "batch": 4, "average": 0.9, "device": "cpu", "workers": 0, "seed": 5,
}  # fmt: skip


def real(window: Window) -> Window:
    window.studio.jobs.command = launch.worker_command
    return window


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_paused_in_one_window_and_resumed_in_another_learns_what_an_unbroken_one_does(
    qtbot: QtBot, tmp_path: Path
) -> None:
    folder = tmp_path / "tissues"
    create_sample(folder, Task.CLASSIFY, images=36).close()
    first = real(Window(qtbot, folder))
    first.start(**SETTINGS)
    until(lambda: first.words_of(1) == "Finished", 300)
    first.start(**SETTINGS)
    first.page.show_run(2)
    pause = first.page.view.card.buttons["pause"]
    first.until(pause.isEnabled)
    first.until(lambda: first.job(2).state().epochs)  # sooner than the window hears of it
    pause.click()
    first.close()
    second = real(Window(qtbot, folder))
    second.until(lambda: second.words_of(2) == "Paused")
    assert 1 <= len(second.job(2).state().epochs) < 6
    second.page.show_run(2)
    second.page.view.card.buttons["resume"].click()
    until(lambda: second.words_of(2) == "Finished", 300)
    unbroken, broken = (read_checkpoint(second.job(number).last) for number in (1, 2))
    assert runs.config_of(runs.get(second.project, 1)).augmentation, "augmentation goes on too"
    for name, value in unbroken.weights.items():
        assert torch.equal(value, broken.weights[name]), name
    assert torch.equal(unbroken.training["random"]["cpu"], broken.training["random"]["cpu"])
    assert unbroken.training["averaged"] == broken.training["averaged"]
    assert unbroken.training["rates"] == broken.training["rates"]
    (a, b) = (unbroken.training["optimizer"], broken.training["optimizer"])
    assert all(torch.equal(a["state"][n]["exp_avg"], b["state"][n]["exp_avg"]) for n in a["state"])
    losses = [[e.train["loss"] for e in second.job(number).state().epochs] for number in (1, 2)]
    assert losses[0][-1] == pytest.approx(losses[1][-1])
    told = [e for e in second.job(2).read_events() if isinstance(e, events.Started)]
    assert len(told) == 2
    end_jobs(second.project)
    second.close()
