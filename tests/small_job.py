"""A job process for tests of supervision: it speaks and obeys as a training does, in no time.

Run as `python small_job.py DIR`. The seed of config.json chooses what it does: 0 trains, 1 ignores
requests and SIGTERM and has a child that does the same, 2 ends with code 3, 3 runs out of memory
after two epochs, 4 is killed by the system after two epochs, 5 waits for its images unless they are
kept in memory, 6 trains; 100 and more fail after two epochs for the cause at that place of CAUSES.
5 and 6 are at work until they are asked for something, however long the one who asks may take:
after the epochs in WAITS_AFTER they wait for that, unless they began anew.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from cvstudio.core import events
from cvstudio.core.config import FindRateConfig, TryBatchConfig, read_config
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.snapshot import read_snapshot
from cvstudio.core.trial import Trial, write_trial

STUBBORN, BROKEN, HUNGRY, STRUCK, SLOW, PATIENT, FAILING = 1, 2, 3, 4, 5, 6, 100
WAITS_AFTER = {SLOW: 30, PATIENT: 3}
LONG = 2000
"""Epochs of a training that is to be ended: on a slow machine, too, it is still at work then."""

CAUSES = (
    "out of memory", "not a number", "no data", "disk full", "weights", "config", "image", "driver",
    "other",
)  # fmt: skip
SECONDS_PER_EPOCH = 0.05

OUTCOMES = {
    Request.PAUSE: events.Outcome.PAUSED,
    Request.FINISH: events.Outcome.FINISHED_EARLY,
    Request.CANCEL: events.Outcome.CANCELLED,
}


def command(directory: Path) -> list[str]:
    return [sys.executable, __file__, str(directory)]


def train(job: JobDir) -> int:
    config = read_config(job.config)
    assert isinstance(config, TrainConfig)
    first = int(job.last.read_text()) + 1 if job.last.exists() else 1
    job.emit(
        events.Started(
            job="train",
            pid=os.getpid(),
            process_created=psutil.Process().create_time(),
            device="processor",
            total_epochs=config.epochs,
            first_epoch=first,
            batch=config.batch or 16,
        )
    )
    if config.seed == STUBBORN:
        be_stubborn(job)
    for epoch in range(first, config.epochs + 1):
        time.sleep(SECONDS_PER_EPOCH)
        if config.seed == SLOW:
            step_by_step(job, epoch, waiting=0.01 if config.cache_images else 0.6)
        metrics = {"mAP50": 1 - 0.9**epoch, "mAP50-95": (1 - 0.9**epoch) / 2}
        loss = {"loss": 3 * 0.95**epoch}
        job.emit(
            events.EpochEnded(
                epoch=epoch,
                train=loss,
                val=loss,
                metrics=metrics,
                learning_rate=0.001,
                seconds=SECONDS_PER_EPOCH,
                best=True,
            )
        )
        job.checkpoints.mkdir(exist_ok=True)
        job.last.write_text(str(epoch))
        job.best.write_text(str(epoch))
        job.emit(events.Saved(epoch=epoch, best=True))
        if epoch == 2 and config.seed == HUNGRY and config.batch > 8:
            job.emit(events.Failed(cause="out of memory", text="The GPU ran out of memory."))
            return 1
        if epoch == 2 and config.seed >= FAILING:
            cause = CAUSES[config.seed - FAILING]
            image = Path(read_snapshot(job.snapshot).images[3].path).name
            job.emit(events.Failed(cause=cause, text=f"It met {cause}: {image}."))  # type: ignore[arg-type]
            return 1
        if epoch == 2 and config.seed == STRUCK:
            os.kill(os.getpid(), signal.SIGKILL)
        if first == 1 and epoch == WAITS_AFTER.get(config.seed):
            wait_to_be_asked(job)
        asked = job.asked()
        if asked is not None:
            return end(job, OUTCOMES[asked], epoch)
    return end(job, events.Outcome.FINISHED, config.epochs)


def try_rates(job: JobDir, config: FindRateConfig) -> int:
    """The loss falls fastest at 0.001; nowhere with the seed that is broken."""
    job.emit(events.Phase(text="Trying learning rates"))
    for number in range(config.steps):
        power = -6 + 6 * number / (config.steps - 1)
        fall = 1 / (1 + math.exp(-4 * (power + 3)))
        loss = 2 + 0.01 * number if config.train.seed == BROKEN else 2 - fall
        job.emit(events.RateTried(rate=10**power, loss=loss))
    job.emit(events.Ended(outcome=events.Outcome.FINISHED))
    return 0


def try_batch(job: JobDir, config: TryBatchConfig) -> int:
    """A step of 16 images takes a quarter of a second and 3 of 8 GB; more than 8 are too many for
    the hungry seed. The stubborn one never comes to an end."""
    train = config.train
    job.emit(events.Phase(text="Trying a batch"))
    job.emit(events.Progress(done=1, total=config.steps))
    if train.seed == STUBBORN:
        time.sleep(600)
    if train.seed == HUNGRY and train.batch > 8:
        text = f"The GPU ran out of memory during a trial batch at batch {train.batch}."
        job.emit(events.Failed(cause="out of memory", text=text))
        return 1
    batch = train.batch or 16
    write_trial(
        job,
        Trial(
            device="processor", batch=batch, images=batch, steps=12, seconds=batch / 64, start=5.0,
            memory=3 * 2**30, memory_total=8 * 2**30,
        ),
    )  # fmt: skip
    job.emit(events.Ended(outcome=events.Outcome.FINISHED))
    return 0


def step_by_step(job: JobDir, epoch: int, *, waiting: float) -> None:
    for step in range(1, 11):
        job.emit(
            events.StepEnded(
                epoch=epoch, step=step, steps=10, losses={"loss": 1.0}, learning_rate=0.001,
                images_per_second=10, waiting=waiting,
            )
        )  # fmt: skip
        time.sleep(0.01)


def wait_to_be_asked(job: JobDir) -> None:
    """For ten minutes at most: whoever began it has died then."""
    until = time.monotonic() + 600
    while job.asked() is None and time.monotonic() < until:
        time.sleep(SECONDS_PER_EPOCH)


def end(job: JobDir, outcome: events.Outcome, epoch: int) -> int:
    job.clear_requests()
    best = (1 - 0.9**epoch) / 2
    job.emit(events.Ended(outcome=outcome, metric="mAP50-95", best=best, best_epoch=epoch))
    return 0


def be_stubborn(job: JobDir) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    (job.path / "child.pid").write_text(str(child.pid))
    time.sleep(600)


if __name__ == "__main__":
    job = JobDir(Path(sys.argv[1]))
    given = read_config(job.config)
    if isinstance(given, TrainConfig) and given.seed == BROKEN:
        sys.stderr.write("no such library\n")
        sys.exit(3)
    match given:
        case FindRateConfig():
            sys.exit(try_rates(job, given))
        case TryBatchConfig():
            sys.exit(try_batch(job, given))
        case _:
            sys.exit(train(job))
