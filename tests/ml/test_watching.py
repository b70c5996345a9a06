"""What a run tells its watchers: parts of the loss, figures of classes, waiting, what is amiss."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import torch
from training_samples import CLASSES, events_of, run_directory, scene, written

from cvstudio.core import events
from cvstudio.core.annotation import Split, Task
from cvstudio.core.run_state import BEST_METRIC
from cvstudio.ml import data, pace
from cvstudio.ml.engine.losses import Losses
from cvstudio.ml.pace import Pace
from cvstudio.ml.worker import run_job

PARTS = {
    Task.CLASSIFY: set(),
    Task.SEGMENT: {"cross-entropy", "Dice"},
    Task.DETECT: {"box", "cls", "dfl"},
    Task.INSTANCE: {"box", "cls", "dfl", "seg", "sem"},
}


@pytest.mark.parametrize("task", [*PARTS])
def test_every_epoch_tells_the_parts_of_its_loss_and_the_figure_of_each_class(
    tmp_path: Path, task: Task
) -> None:
    job = run_directory(tmp_path, task, epochs=1)
    assert run_job(job.path) == 0
    (epoch,) = events_of(job, events.EpochEnded)
    for told in (epoch.train, epoch.val):
        parts = {name: value for name, value in told.items() if name != "loss"}
        assert set(parts) == PARTS[task]
        if parts:
            assert sum(parts.values()) == pytest.approx(told["loss"], rel=1e-5)
    assert set(epoch.classes) == {c.id for c in CLASSES}
    if task is not Task.SEGMENT:  # there, background is in the mean too
        mean = sum(epoch.classes.values()) / len(epoch.classes)
        assert epoch.metrics[BEST_METRIC[task]] == pytest.approx(mean, abs=1e-6)
    assert all(set(step.losses) == set(epoch.train) for step in events_of(job, events.StepEnded))
    (started,) = events_of(job, events.Started)
    assert (started.train_images, started.judged_images) == (8, 4)


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def go_on(self, seconds: float) -> None:
        self.now += seconds

    def perf_counter(self) -> float:
        return self.now


@pytest.mark.parametrize("task", [Task.CLASSIFY, Task.DETECT])
def test_a_run_whose_images_come_slowly_says_that_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: Task
) -> None:
    real, clock = data.SplitImages.read, Clock()
    monkeypatch.setattr(pace, "time", clock)

    def slow(self: Any, index: int) -> Any:
        clock.go_on(1.0)
        return real(self, index)

    job = run_directory(tmp_path, task, epochs=1, cache_images=False, batch=2)
    monkeypatch.setattr(data.SplitImages, "read", slow)
    assert run_job(job.path) == 0
    shares = [step.waiting for step in events_of(job, events.StepEnded)]
    assert shares
    assert set(shares) == {1.0}, "for a clock that stands still while the network computes"


def test_waiting_is_that_of_the_batches_and_begins_anew_after_each_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    paced = Pace(torch.device("cpu"))

    def slow() -> Any:
        for number in range(2):
            clock.go_on(2.0)
            yield number

    batches = paced.batches(slow())
    next(batches)
    assert paced.share() == 1.0
    clock.go_on(2.0)  # a step that computes
    assert paced.share() == 0.0
    next(batches)
    clock.go_on(6.0)
    assert paced.share() == 0.25


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_on_a_gpu_only_its_own_standstill_counts_as_waiting() -> None:
    device = torch.device("cuda")
    square = torch.randn(4096, 4096, device=device)

    def busy() -> None:
        for _ in range(20):
            square @ square

    def at(seconds: float) -> float:
        paced = Pace(device)

        def source() -> Any:
            for _ in range(10):
                time.sleep(seconds)
                yield None

        for _ in paced.batches(source()):
            busy()
        torch.cuda.synchronize()
        return paced.share()

    begun = time.perf_counter()
    busy()
    torch.cuda.synchronize()
    step = time.perf_counter() - begun
    assert at(step / 4) < 0.2, "the card was never idle: the wait lay beside its work"
    assert at(step * 4) > 0.5


def test_means_of_losses_weigh_by_images_and_name_parts_only_where_there_are_some() -> None:
    losses = Losses()
    assert losses.means() == {}
    losses.add({"a": torch.tensor(1.0), "b": torch.tensor(2.0)}, 3)
    losses.add({"a": torch.tensor(5.0), "b": torch.tensor(2.0)}, 1)
    assert losses.means() == pytest.approx({"loss": 4.0, "a": 2.0, "b": 2.0})
    alone = Losses()
    alone.add({"loss": torch.tensor(2.0)}, 2)
    assert alone.means() == {"loss": 2.0}


def test_a_class_that_val_does_not_have_is_told_at_the_start(tmp_path: Path) -> None:
    splits = [Split.TRAIN] * 6 + [Split.VAL] * 2
    numbers = [0, 1, 2, 3, 4, 5, 6, 8]  # odd ones are squares: val has discs alone
    images = [
        scene(tmp_path, number, Task.DETECT, split=split)
        for number, split in zip(numbers, splits, strict=True)
    ]
    job = written(tmp_path / "run", Task.DETECT, images, epochs=1)
    assert run_job(job.path) == 0
    notes = [note for note in events_of(job, events.Note) if note.about == "not in val"]
    assert [note.text for note in notes] == [
        "No val image has “square”: no figure says how well that is found."
    ]
    (epoch,) = events_of(job, events.EpochEnded)
    assert set(epoch.classes) == {CLASSES[0].id}
