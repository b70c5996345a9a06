from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from own_time import own_seconds
from training_samples import NETWORKS, config_for, events_of, run_directory

from cvstudio.augment.catalogue import make_step
from cvstudio.core import events
from cvstudio.core.annotation import Task
from cvstudio.core.events import Outcome
from cvstudio.core.jobdir import JobDir, Request, write_json
from cvstudio.core.predictions import read_predictions
from cvstudio.ml import frames
from cvstudio.ml.checkpoint import read_checkpoint
from cvstudio.ml.environment import prepare
from cvstudio.ml.load import load_network
from cvstudio.ml.worker import run_job

prepare()
OWN = (Task.CLASSIFY, Task.SEGMENT)
YOLO = (Task.DETECT, Task.INSTANCE)
BOTH = (Task.SEGMENT, Task.DETECT)
FLIP = [make_step("flip_horizontal", chance=0.5).model_dump()]


def ended(job: JobDir) -> events.Ended:
    last = list(job.read_events())[-1]
    assert isinstance(last, events.Ended), last
    return last


def failed(job: JobDir) -> events.Failed:
    last = list(job.read_events())[-1]
    assert isinstance(last, events.Failed), last
    return last


def configure(job: JobDir, task: Task, **settings: Any) -> None:
    write_json(job.config, config_for(task, **settings).model_dump(mode="json"))


@pytest.mark.slow
@pytest.mark.parametrize("task", list(Task))
def test_a_run_trains_judges_and_leaves_everything_a_window_needs(
    tmp_path: Path, task: Task
) -> None:
    job = run_directory(tmp_path, task, test=2, augmentation=FLIP)
    assert run_job(job.path) == 0
    state = job.state()
    assert ended(job).outcome is Outcome.FINISHED
    assert (state.total_epochs, len(state.epochs), state.share) == (2, 2, 1.0)
    assert state.pid is not None
    assert [s.epoch for s in events_of(job, events.Samples)] == [1, 2]
    sample = next(read_predictions(job.path / state.samples[-1].file))
    assert sample.image_id in {9, 10, 11, 12}
    report = json.loads(job.report.read_text())
    assert set(report) == {"val", "test"}
    assert len(list(read_predictions(job.predictions("val")))) == 4
    assert json.loads(job.environment.read_text())["seed"] == 0
    network = load_network(job.path)
    assert network.epoch == ended(job).best_epoch
    assert [c.id for c in network.classes] == [7, 3]


@pytest.mark.slow
@pytest.mark.parametrize("task", OWN)
def test_a_paused_run_goes_on_to_the_very_weights_of_one_that_never_stopped(
    tmp_path: Path, task: Task
) -> None:
    settings = {"augmentation": FLIP, "start": "scratch", "epochs": 3}
    whole = run_directory(tmp_path / "whole", task, **settings)
    parts = run_directory(tmp_path / "parts", task, **settings)
    assert run_job(whole.path) == 0
    parts.ask(Request.PAUSE)
    assert run_job(parts.path) == 0
    assert ended(parts).outcome is Outcome.PAUSED
    assert parts.asked() is None
    assert read_checkpoint(parts.last).epoch == 0  # in the middle of the first epoch
    assert run_job(parts.path) == 0
    assert ended(parts).outcome is Outcome.FINISHED
    mine, theirs = (read_checkpoint(job.last).weights for job in (whole, parts))
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    metrics = [[e.metrics for e in events_of(j, events.EpochEnded)] for j in (whole, parts)]
    assert metrics[0] == metrics[1]


@pytest.mark.slow
def test_a_killed_run_goes_on_after_its_last_checkpoint(tmp_path: Path) -> None:
    job = run_directory(tmp_path, Task.CLASSIFY, epochs=2)
    assert run_job(job.path) == 0
    configure(job, Task.CLASSIFY, epochs=3, batch=2)  # what the window changes before it resumes
    assert run_job(job.path) == 0
    assert [e.first_epoch for e in events_of(job, events.Started)] == [1, 3]
    assert [e.epoch for e in job.state().epochs] == [1, 2, 3]


@pytest.mark.slow
@pytest.mark.parametrize("task", YOLO)
def test_a_paused_detector_goes_on_with_its_optimiser_and_its_average(
    tmp_path: Path, task: Task
) -> None:
    job = run_directory(tmp_path, task, epochs=2, network=NETWORKS[task].replace("11", "26"))
    job.ask(Request.PAUSE)
    assert run_job(job.path) == 0
    assert ended(job).outcome is Outcome.PAUSED
    state = read_checkpoint(job.last).training
    assert state["updates"] == 1
    assert state["optimizer"]["state"]
    (told,) = [n.text for n in events_of(job, events.Note) if n.text.startswith("Paused")]
    assert "Paused at step 1 of 2 in epoch 1" in told
    assert "begins that epoch again" in told
    assert run_job(job.path) == 0
    assert ended(job).outcome is Outcome.FINISHED
    assert read_checkpoint(job.last).training["updates"] == 5
    assert len(job.state().epochs) == 2


@pytest.mark.slow
@pytest.mark.parametrize("task", BOTH)
def test_finish_now_keeps_and_judges_what_was_learned(tmp_path: Path, task: Task) -> None:
    job = run_directory(tmp_path, task, epochs=50)
    job.ask(Request.FINISH)
    assert run_job(job.path) == 0
    assert ended(job).outcome is Outcome.FINISHED_EARLY
    assert len(job.state().epochs) == 1
    assert job.best.is_file()
    assert job.report.is_file()


@pytest.mark.slow
@pytest.mark.parametrize("task", BOTH)
def test_a_cancelled_run_stops_and_says_so(tmp_path: Path, task: Task) -> None:
    job = run_directory(tmp_path, task, epochs=50)
    job.ask(Request.CANCEL)
    assert run_job(job.path) == 0
    assert ended(job).outcome is Outcome.CANCELLED
    assert not job.report.exists()


@pytest.mark.slow
@pytest.mark.parametrize("task", BOTH)
def test_the_same_seed_gives_the_same_run(tmp_path: Path, task: Task) -> None:
    weights = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        job = run_directory(tmp_path / name, task, epochs=1, seed=seed, augmentation=FLIP)
        assert run_job(job.path) == 0
        weights.append(read_checkpoint(job.last).weights)
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not all(torch.equal(weights[0][name], weights[2][name]) for name in weights[0])


@pytest.mark.slow
def test_a_run_that_gets_no_better_stops_by_itself(tmp_path: Path) -> None:
    job = run_directory(tmp_path, Task.CLASSIFY, epochs=40, patience=2, learning_rate=1e-9)
    assert run_job(job.path) == 0
    assert ended(job).outcome is Outcome.FINISHED_EARLY
    assert len(job.state().epochs) < 40


@pytest.mark.slow
def test_a_run_started_from_a_run_keeps_its_normalisation(tmp_path: Path) -> None:
    first = run_directory(tmp_path / "first", Task.CLASSIFY, epochs=1)
    assert run_job(first.path) == 0
    second = run_directory(
        tmp_path / "second", Task.CLASSIFY, epochs=1, start="run", weights_file=first.best
    )
    assert run_job(second.path) == 0
    mean = [read_checkpoint(job.best).preprocessing.mean for job in (first, second)]
    assert mean[0] == mean[1]
    assert any("100 % of the layers fit" in n.text for n in events_of(second, events.Note))


def test_missing_weights_are_said_within_a_second_with_the_place_for_them(
    tmp_path: Path, private_home: Path
) -> None:
    job = run_directory(tmp_path, Task.DETECT, start="pretrained", network="yolo26n")
    code = (
        "import sys; from pathlib import Path; from cvstudio.ml.worker import run_job\n"
        f"code = run_job(Path({str(job.path)!r}))\n"
        "sys.exit(code if 'torch' not in sys.modules else 7)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 1
    event = failed(job)
    assert event.cause == "weights"
    assert "yolo26n.pt" in event.text
    assert str(private_home / "weights") in event.text
    assert "scratch" in event.text
    codes: list[int] = []
    assert own_seconds(lambda: codes.append(run_job(job.path)), tries=1) < 1
    assert codes == [1]


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    job = run_directory(tmp_path, Task.SEGMENT)
    (tmp_path / "scene-003.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert run_job(job.path) == 1
    assert failed(job).cause == "image"
    assert "scene-003.png" in failed(job).text


def test_a_run_without_val_images_says_what_to_do(tmp_path: Path) -> None:
    job = run_directory(tmp_path, Task.CLASSIFY, val=0)
    assert run_job(job.path) == 1
    assert failed(job).cause == "no data"
    assert "no labelled images in val" in failed(job).text


def test_a_config_that_cannot_be_read_is_said_in_words(tmp_path: Path) -> None:
    job = run_directory(tmp_path, Task.CLASSIFY)
    write_json(job.config, {**json.loads(job.config.read_text()), "batch": -1})
    assert run_job(job.path) == 1
    assert failed(job).cause == "config"
    assert "Batch must be 0 or more, not -1." in failed(job).text


@pytest.mark.parametrize("task", OWN)
def test_a_loss_that_is_no_number_ends_the_run_with_its_place(tmp_path: Path, task: Task) -> None:
    job = run_directory(tmp_path, task, learning_rate=1.0, weight_decay=0.0)
    with pytest.MonkeyPatch.context() as patch:
        from cvstudio.ml.engine import losses

        name = "SegmentLoss" if task is Task.SEGMENT else "ClassifyLoss"
        real = getattr(losses, name).parts
        patch.setattr(
            getattr(losses, name), "parts",
            lambda *a: {part: value * float("nan") for part, value in real(*a).items()},
        )  # fmt: skip
        assert run_job(job.path) == 1
    assert failed(job).cause == "not a number"
    # The loss is looked at a few times a second, so a later step of the epoch may be named.
    assert "in epoch 1, step" in failed(job).text


def test_a_full_disk_is_said_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = run_directory(tmp_path, Task.CLASSIFY)

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("cvstudio.ml.checkpoint.replacing", full)
    assert run_job(job.path) == 1
    assert failed(job).cause == "disk full"


def test_a_batch_that_does_not_fit_goes_through_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = run_directory(tmp_path, Task.CLASSIFY, epochs=1)
    monkeypatch.setattr("cvstudio.ml.engine.own.Training._inputs", _small_memory(2))
    assert run_job(job.path) == 0
    notes = [n.text for n in events_of(job, events.Note)]
    assert any("in 2 pieces" in text for text in notes)


def test_memory_that_does_not_hold_one_image_is_said_with_place_and_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = run_directory(tmp_path, Task.CLASSIFY, epochs=1)
    monkeypatch.setattr("cvstudio.ml.engine.own.Training._inputs", _small_memory(0))
    assert run_job(job.path) == 1
    assert failed(job).cause == "out of memory"
    assert "during training at batch 4" in failed(job).text


def test_what_libraries_print_goes_to_the_log(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    job = run_directory(tmp_path, Task.DETECT, epochs=1)
    assert run_job(job.path) == 0
    assert "mAP50-95" in job.log.read_text()
    assert capfd.readouterr().out == ""
    assert {p.name for p in job.path.iterdir()} == {
        "checkpoints", "config.json", "environment.json", "events.jsonl", "predictions",
        "report.json", "run.log", "snapshot.jsonl.gz",
    }  # fmt: skip


def _small_memory(images: int) -> Any:
    from cvstudio.ml.engine.own import Training

    real = Training._inputs

    def inputs(self: Any, batch: torch.Tensor) -> torch.Tensor:
        if self.module.training and len(batch) > images:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(self, batch)

    return inputs


@pytest.mark.slow
def test_a_detector_that_starts_from_a_run_trains_its_head_first(tmp_path: Path) -> None:
    first = run_directory(tmp_path / "first", Task.DETECT, epochs=1)
    assert run_job(first.path) == 0
    from_it = {"start": "run", "weights_file": first.best, "backbone_rate": 0.5}
    second = run_directory(tmp_path / "second", Task.DETECT, epochs=1, frozen_epochs=1, **from_it)
    assert run_job(second.path) == 0
    before, last = read_checkpoint(first.best).weights, read_checkpoint(second.last)
    after = last.training["network"]
    changed = {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {str(max(int(name.split(".")[1]) for name in before))}
    rates = {group["initial_lr"] for group in last.training["optimizer"]["param_groups"]}
    assert sorted(rates) == pytest.approx([5e-4, 1e-3])
    assert "Training the head" in [phase.text for phase in events_of(second, events.Phase)]
    third = run_directory(tmp_path / "third", Task.DETECT, epochs=2, frozen_epochs=1, **from_it)
    assert run_job(third.path) == 0
    after = read_checkpoint(third.last).training["network"]
    assert not torch.equal(before["model.0.conv.weight"], after["model.0.conv.weight"])


@pytest.mark.slow
@pytest.mark.parametrize("task", BOTH)
def test_images_scaled_on_disk_teach_the_same_and_are_gone_afterwards(
    tmp_path: Path, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, read = [], []
    for name, settings in (
        ("memory", {}),
        ("disk", {"cache_images": False, "cache_on_disk": True}),
    ):
        job = run_directory(tmp_path / name, task, epochs=1, **settings)
        if name == "disk":
            monkeypatch.setattr(
                frames, "_write", lambda *a, real=frames._write: read.append(a[1]) or real(*a)
            )
        assert run_job(job.path) == 0, job.log.read_text()
        weights.append(read_checkpoint(job.last).weights)
        assert not job.frames.exists()
    assert len(read) == 12
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
