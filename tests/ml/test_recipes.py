"""Every setting of a recipe reaches the run that it is set for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from training_samples import config_for, events_of, run_directory

from cvstudio.augment.catalogue import make_step
from cvstudio.core import events
from cvstudio.core.annotation import Task
from cvstudio.core.config import FindRateConfig
from cvstudio.core.events import Outcome
from cvstudio.core.jobdir import JobDir, Request, write_json
from cvstudio.core.networks import applies, network
from cvstudio.core.recipe import TrainConfig, without_effect
from cvstudio.ml.checkpoint import read_checkpoint
from cvstudio.ml.environment import prepare
from cvstudio.ml.worker import run_job

prepare()

PLAIN: dict[str, Any] = {"epochs": 3, "warmup_epochs": 0.5, "optimizer": "sgd"}

CHANGES: dict[str, dict[str, Any]] = {
    "epochs": {"epochs": 4},
    "image_size": {"image_size": 96},
    "batch": {"batch": 2},
    "learning_rate": {"learning_rate": 3e-3},
    "final_rate": {"final_rate": 0.5},
    "warmup_epochs": {"warmup_epochs": 1.0},
    "schedule": {"schedule": "one-cycle"},
    "restart_epochs": {"schedule": "restarts", "restart_epochs": 1},
    "plateau_epochs": {"schedule": "plateau", "plateau_epochs": 1},
    "optimizer": {"optimizer": "adamw"},
    "weight_decay": {"weight_decay": 0.5},
    "gradient_limit": {"gradient_limit": 1e-3},
    "accumulate": {"accumulate": 2},
    "sharpness": {"sharpness": 0.5},
    "average": {"average": 0.9},
    "loss": {"loss": "focal"},
    "focus": {"loss": "focal", "focus": 5.0},
    "miss_weight": {"loss": "tversky", "miss_weight": 0.9},
    "class_weights": {"class_weights": True},
    "label_smoothing": {"label_smoothing": 0.3},
    "seed": {"seed": 5},
    "first_size": {"first_size": 32},
    "multi_scale": {"multi_scale": 0.5},
    "sampling": {"sampling": "balanced"},
    "rare_below": {"sampling": "repeat", "rare_below": 1.0},
    "mixup": {"mixup": 1.0},
    "cutmix": {"cutmix": 1.0},
    "mosaic": {"mosaic": 1.0, "plain_epochs": 0},
    "copy_paste": {"copy_paste": 1.0, "plain_epochs": 0},
}
"""How a run that only tells a setting from its default differs from the plain one."""

FROM_A_RUN: dict[str, dict[str, Any]] = {
    "layers": {"layers": "head"},
    "frozen_epochs": {"frozen_epochs": 2},
    "thaw_epochs": {"thaw_epochs": 1},
    "backbone_rate": {"backbone_rate": 0.9},
    "quarter_rate": {"quarter_rate": 0.1},
}
"""The same of settings that need weights which have learned something."""

ELSEWHERE = {
    "plain_epochs": "test_composing.py",
    "several_classes": "test_several_class_runs.py",
    "fit": "test_training_data.py",
    "normalise": "test_detector_recipes.py",
    "sees": "test_deep_runs.py",
    "start": "test_training_runs.py",
    "weights_file": "test_training_runs.py",
    "patience": "test_training_runs.py",
    "mixed_precision": "test_training_parts.py",
    "half": "test_training_parts.py",
    "channels_last": "test_compiling.py: the same sums in another order",
    "compile": "test_compiling.py: the same sums by other code",
    "device": "test_training_parts.py",
    "workers": "test_training_data.py",
    "cache_images": "test_training_data.py",
    "cache_on_disk": "test_training_runs.py",
    "deterministic": "test_training_runs.py: the same seed gives the same run",
}
"""Settings that do not change what a short run on the processor learns, and who looks at them."""


Weights = dict[str, torch.Tensor]
TASKS = (Task.CLASSIFY, Task.SEGMENT, Task.DETECT, Task.INSTANCE)


SAME_PATH = {(Task.INSTANCE, name) for name in (*CHANGES, *FROM_A_RUN) if name != "copy_paste"}
"""Instance differs from detect in its objects alone."""


def run_of(folder: Path, task: Task, **settings: Any) -> JobDir:
    """A run that is over, on scenes of which one class has more than the other."""
    job = run_directory(folder, task, train=9, val=2, **{**PLAIN, **settings})
    assert run_job(job.path) == 0, job.log.read_text()
    return job


def weights_after(folder: Path, task: Task, **settings: Any) -> Weights:
    return read_checkpoint(run_of(folder, task, **settings).last).weights


def differ(one: Weights, other: Weights) -> bool:
    return any(not torch.equal(one[name], other[name]) for name in one)


def test_every_setting_is_looked_at_by_a_test() -> None:
    known = {*CHANGES, *FROM_A_RUN, *ELSEWHERE}
    settings = {name for name, field in TrainConfig.model_fields.items() if field.title}
    assert settings == known


def offered(names: Iterable[str]) -> list[tuple[Task, str]]:
    """The settings that the networks of each task have."""
    return [
        (task, name)
        for task in TASKS
        for name in names
        if applies(name, network(config_for(task).network)) and (task, name) not in SAME_PATH
    ]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Task], JobDir]:
    """The run of a task that the others are compared with."""
    folder = tmp_path_factory.mktemp("plain")
    return cache(lambda task: run_of(folder / task, task))


@pytest.mark.slow
@pytest.mark.parametrize(("task", "name"), offered(CHANGES))
def test_a_setting_changes_what_a_run_learns(
    plain: Callable[[Task], JobDir], task: Task, name: str, tmp_path: Path
) -> None:
    assert not without_effect(name, config_for(task, **{**PLAIN, **CHANGES[name]}))
    without = read_checkpoint(plain(task).last).weights
    assert differ(without, weights_after(tmp_path, task, **CHANGES[name]))


@pytest.mark.slow
@pytest.mark.parametrize(("task", "name"), offered(FROM_A_RUN))
def test_a_setting_of_pretrained_weights_changes_what_a_run_learns(
    plain: Callable[[Task], JobDir], task: Task, name: str, tmp_path: Path
) -> None:
    begun = {"start": "run", "weights_file": plain(task).best, "backbone_rate": 0.5}
    without = weights_after(tmp_path / "without", task, **begun)
    with_it = weights_after(tmp_path / "with", task, **{**begun, **FROM_A_RUN[name]})
    assert differ(without, with_it)


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe",
    [
        {"average": 0.9, "accumulate": 2, "batch": 2, "optimizer": "adamw"},
        {"sharpness": 0.05, "schedule": "plateau", "plateau_epochs": 1, "learning_rate": 1e-6},
    ],
    ids=["average", "plateau"],
)
def test_a_paused_run_goes_on_with_all_that_its_recipe_remembers(
    tmp_path: Path, recipe: dict[str, Any]
) -> None:
    flip = [make_step("flip_horizontal", chance=0.5).model_dump()]
    whole, parts = (
        run_directory(tmp_path / name, Task.CLASSIFY, **{**PLAIN, "augmentation": flip, **recipe})
        for name in ("whole", "parts")
    )
    assert run_job(whole.path) == 0
    outcomes = []
    while Outcome.FINISHED not in outcomes:
        if len(outcomes) < 3:
            parts.ask(Request.PAUSE)
        assert run_job(parts.path) == 0
        outcomes.append(next(e.outcome for e in [list(parts.read_events())[-1]]))
    assert outcomes[:2] == [Outcome.PAUSED, Outcome.PAUSED]
    for file in ("last", "best"):
        mine, theirs = (read_checkpoint(getattr(job, file)).weights for job in (whole, parts))
        assert not differ(mine, theirs)
    assert [e.learning_rate for e in whole.state().epochs] == [
        e.learning_rate for e in parts.state().epochs
    ]


@pytest.mark.slow
def test_two_batches_a_step_learn_what_one_of_twice_the_size_does(tmp_path: Path) -> None:
    """Without norms that average over the images of a pass."""
    settings = {"network": "vit_tiny", "image_size": 224, "train": 8, "label_smoothing": 0.0}
    runs = []
    for name, more in (("two", {"batch": 2, "accumulate": 2}), ("one", {"batch": 4})):
        job = run_directory(tmp_path / name, Task.CLASSIFY, **{**PLAIN, **settings, **more,
                                                              "epochs": 1})  # fmt: skip
        assert run_job(job.path) == 0, job.log.read_text()
        runs.append(read_checkpoint(job.last).weights)
        assert events_of(job, events.StepEnded)[-1].steps == 2
    for name, value in runs[0].items():
        assert torch.allclose(value, runs[1][name], atol=1e-5), name


@pytest.mark.slow
@pytest.mark.parametrize("task", [Task.SEGMENT, Task.DETECT])
def test_learning_rates_are_tried_until_the_loss_runs_away(tmp_path: Path, task: Task) -> None:
    job = run_directory(tmp_path, task)
    config = FindRateConfig(train=config_for(task, batch=4), steps=40, highest=10.0)
    write_json(job.config, config.model_dump(mode="json"))
    assert run_job(job.path) == 0, job.log.read_text()
    tried = job.state().rates
    assert 20 <= len(tried) <= 40
    assert tried[0].rate == pytest.approx(1e-6)
    assert [t.rate for t in tried] == sorted(t.rate for t in tried)
    assert "fall" in events_of(job, events.Note)[-1].text
    assert not job.best.exists()


@pytest.mark.parametrize("task", [Task.CLASSIFY, Task.DETECT])
def test_a_half_precision_that_a_processor_does_not_compute_in_is_told(
    tmp_path: Path, task: Task
) -> None:
    job = run_directory(tmp_path, task, epochs=1, device="cpu", half="float16")
    assert run_job(job.path) == 0
    told = "float16 needs a GPU of NVIDIA or AMD: this run computes in float32."
    assert told in [note.text for note in job.state().notes]
