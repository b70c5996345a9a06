"""The predict job: a network looks at images of anywhere, and its answers are written as they come.

Begun again in the same directory it goes on where it was.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cvstudio.core.answers import Answered, AnswerTail, Skipped, append, write_teller
from cvstudio.core.config import PredictConfig
from cvstudio.core.errors import RunError
from cvstudio.core.events import Note, Outcome, Phase, Progress
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.core.words import counted
from cvstudio.ml.evaluate import Stopped
from cvstudio.ml.predicting.asking import ReadyNetwork, Target, ask, open_file, open_run, targets_of

_MOST_TOLD = 20
"""Files that could not be read, each with a note of its own."""


def run_predict(job: JobDir, config: PredictConfig) -> Outcome:
    """Ask the network about all that the sources hold.

    Raises RunError when there is nothing to look at, or nothing of it can be read.
    """
    job.emit(Phase(text="Looking for images"))
    try:
        targets = list(_targets(job, config))
    except Stopped:
        return Outcome.CANCELLED
    if not targets:
        raise RunError(f"There is no image or video in {_named(config)}.")
    job.emit(Phase(text="Loading the network"))
    asked = _opened(config)
    write_teller(job.path, asked.teller)
    before = list(AnswerTail(job.path).new())
    known = {(line.path, line.page if isinstance(line, Answered) else None) for line in before}
    done = len(targets)
    targets = [each for each in targets if _key(each) not in known]
    done -= len(targets)
    total = done + len(targets)
    answered = sum(isinstance(line, Answered) for line in before)
    skipped: list[Skipped] = []
    job.emit(Phase(text=f"Looking at {counted(total, 'image')}"))

    def stopped() -> bool:
        return job.asked() is Request.CANCEL

    for line in ask(asked, targets, tiles=config.tiles, least=config.least, stopped=stopped):
        append(job.path, [line])
        if isinstance(line, Skipped):
            skipped.append(line)
        else:
            answered += 1
        done += 1
        job.emit(Progress(done=done, total=total))
    _tell(job, skipped)
    if stopped():
        return Outcome.CANCELLED
    if not answered:
        first = next(line for line in (*skipped, *before) if isinstance(line, Skipped))
        raise RunError(f"Nothing could be read. {first.reason}")
    return Outcome.FINISHED


def _opened(config: PredictConfig) -> ReadyNetwork:
    if config.file is not None:
        return open_file(config.file, views=config.views)
    assert config.run_directory is not None  # the config holds one of the two
    return open_run(config.run_directory, device=config.device, views=config.views)


def _targets(job: JobDir, config: PredictConfig) -> Iterator[Target | Skipped]:
    def told(done: int, total: int) -> None:
        if job.asked() is Request.CANCEL:
            raise Stopped
        job.emit(Progress(done=done, total=total))

    for target in targets_of(config.sources, step=config.step, told=told):
        if job.asked() is Request.CANCEL:
            raise Stopped
        yield target


def _key(target: Target | Skipped) -> tuple[Path, int | None]:
    return (target.path, target.page if isinstance(target, Target) else None)


def _named(config: PredictConfig) -> str:
    if len(config.sources) == 1:
        return os.fspath(config.sources[0])
    return counted(len(config.sources), "place")


def _tell(job: JobDir, skipped: list[Skipped]) -> None:
    for each in skipped[:_MOST_TOLD]:
        job.emit(Note(level="warning", text=f"Left out: {each.reason}"))
    if len(skipped) > _MOST_TOLD:
        more = counted(len(skipped) - _MOST_TOLD, "other file")
        job.emit(Note(level="warning", text=f"Left out: {more} that cannot be read."))
