"""A whole training run: the engine that suits the task, then the judgement of the best epoch."""

from __future__ import annotations

from cvstudio.core.annotation import Split, Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.events import Ended, Outcome
from cvstudio.core.jobdir import JobDir, Request, write_json
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.snapshot import read_snapshot
from cvstudio.ml.devices import device_of
from cvstudio.ml.engine.batch_size import decide
from cvstudio.ml.engine.session import Cancelled, Session
from cvstudio.ml.engine.together import join
from cvstudio.ml.environment import record
from cvstudio.ml.evaluate import Stopped, evaluate
from cvstudio.ml.frames import remove_frames
from cvstudio.ml.load import load_network


def run_train(job: JobDir, config: TrainConfig) -> Ended:
    """Train, or go on with an interrupted run, and judge its best epoch on val and test.

    Leaves checkpoints, predictions, report.json and environment.json in the job's directory.
    Raises JobFailure and CVStudioError when the run cannot be done.
    """
    snapshot = read_snapshot(job.snapshot)
    if snapshot.task is not config.task:
        raise ConfigError(f"The snapshot is for {snapshot.task}, the run for {config.task}.")
    group = join()
    session = Session(job, config, snapshot, group)
    if session.info.task is not config.task:
        raise ConfigError(f"{session.info.title} is a network for {session.info.task}.")
    if group.chief:
        device = str(device_of(session.device_name))
        write_json(
            job.environment,
            record(job, config, device=device, processes=group.size),
        )
    try:
        outcome = _together(session)
        if outcome is not Outcome.PAUSED and group.chief:
            _judge(session)
    except (Cancelled, Stopped):
        outcome = Outcome.CANCELLED
    finally:
        if group.chief:
            remove_frames(job)
    return Ended(
        outcome=outcome, metric=session.metric, best=session.best, best_epoch=session.best_epoch
    )


def _together(session: Session) -> Outcome:
    """Train with the other processes of the run, and part from them when all agree to end.

    Raises Cancelled.
    """
    try:
        decide(session)
        outcome = _engine(session)
    except Cancelled:
        session.group.leave()
        raise
    session.group.leave()
    return outcome


def _engine(session: Session) -> Outcome:
    if session.config.task in (Task.CLASSIFY, Task.SEGMENT):
        from cvstudio.ml.engine.own import train as train_own

        return train_own(session)
    if session.info.family == "torchvision-detection":
        from cvstudio.ml.engine.detectors import train as train_detector

        return train_detector(session)
    from cvstudio.ml.engine.yolo import train as train_yolo

    return train_yolo(session)


def _judge(session: Session) -> None:
    """Judge the best checkpoint as it will be used: from the file, on whole images."""
    job = session.job
    network = load_network(job.path, device=str(session.device))
    for split in (Split.VAL, Split.TEST):
        images = session.snapshot.of(split)
        if not images:
            continue
        session.phase(f"Judging the best epoch on {split}")
        evaluate(
            network, images, split=split.value, directory=job.path,
            batch=max(session.config.batch // 2, 1),
            progress=session.progress,
            stopped=lambda: job.asked() is Request.CANCEL,
            note=lambda text: session.note(text, warning=True),
        )  # fmt: skip
    if not session.snapshot.of(Split.TEST):
        session.note("There are no test images: the best epoch was chosen on the images it is"
                     " judged on.")  # fmt: skip
