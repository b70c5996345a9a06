"""The trial batch before a run: real steps, timed; memory that does not hold one, in words."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from training_samples import config_for, events_of, run_directory

from cvstudio.core import events
from cvstudio.core.annotation import Task
from cvstudio.core.config import TryBatchConfig
from cvstudio.core.jobdir import JobDir, write_json
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.trial import duration, key_of, read_trial
from cvstudio.ml.engine import trial as engine
from cvstudio.ml.environment import prepare
from cvstudio.ml.worker import run_job

prepare()


def tried(folder: Path, task: Task, **settings: Any) -> JobDir:
    """A trial batch of some settings, over 12 images in train."""
    made = run_directory(folder, task, train=12, **settings)
    job = JobDir(folder / "trial")
    config = TryBatchConfig(
        train=TrainConfig.model_validate_json(made.config.read_bytes()), steps=3
    )
    job.path.mkdir()
    write_json(job.config, config.model_dump(mode="json"))
    job.snapshot.write_bytes(made.snapshot.read_bytes())
    return job


@pytest.mark.parametrize("task", [Task.CLASSIFY, Task.DETECT])
def test_a_few_real_steps_are_timed_and_nothing_is_kept(tmp_path: Path, task: Task) -> None:
    job = tried(tmp_path, task, batch=2)
    assert run_job(job.path) == 0, job.log.read_text()
    told = read_trial(job)
    assert (told.batch, told.images) == (2, 2)
    assert 1 <= told.steps <= 3
    assert 0 < told.seconds < 60
    assert told.start > 0
    assert 50e6 < told.memory < told.memory_total
    assert told.device == "processor"
    assert not job.last.exists()
    assert not job.best.exists()
    assert [e.done for e in events_of(job, events.Progress)][-1] <= 3
    config = TrainConfig.model_validate_json((tmp_path / "run" / "config.json").read_bytes())
    once = duration(told, config, train=100, val=30)
    assert once == pytest.approx(
        told.start + config.epochs * (50 * told.seconds + 30 / 3 * told.seconds / 2)
    )


def test_memory_that_does_not_hold_a_step_is_said_with_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def stepping(_session: Any) -> Any:
        def step(_rate: float) -> float:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

        yield step

    monkeypatch.setattr(engine, "stepping_of", lambda _session: stepping)
    job = tried(tmp_path, Task.CLASSIFY, batch=4)
    assert run_job(job.path) == 1
    (failed,) = events_of(job, events.Failed)
    assert failed.cause == "out of memory"
    assert "during a trial batch at batch 4" in failed.text


def test_steps_that_waited_for_readers_count_and_those_read_ahead_do_not() -> None:
    assert engine._typical([0.1, 0.1, 0.1, 0.5, 0.3, 0.4]) == pytest.approx(0.4)
    assert engine._typical([0.2]) == 0.2


def test_a_trial_holds_for_other_epochs_and_not_for_another_size() -> None:
    config = config_for(Task.CLASSIFY)
    assert key_of(config) == key_of(config.model_copy(update={"epochs": 99, "patience": 7}))
    assert key_of(config) != key_of(config.model_copy(update={"image_size": 96}))
    assert key_of(config) != key_of(config.model_copy(update={"workers": 7}))
