"""Which learning rate suits: a step at each of many rising ones, until the loss runs away."""

from __future__ import annotations

from cvstudio.core.config import FindRateConfig
from cvstudio.core.events import Outcome, RateTried
from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import default_config
from cvstudio.core.rate_curve import diverged, fall
from cvstudio.core.snapshot import read_snapshot
from cvstudio.ml.engine.batch_size import decide, stepping_of
from cvstudio.ml.engine.session import Cancelled, Session


def run_find_rate(job: JobDir, config: FindRateConfig) -> Outcome:
    """The find-rate job: tell the loss at each rate; nothing is kept of what was learned.

    The snapshot lies in the job's directory, as for a run.
    """
    session = Session(job, config.train, read_snapshot(job.snapshot))
    growth = (config.highest / config.lowest) ** (1 / (config.steps - 1))
    rates: list[float] = []
    losses: list[float] = []
    try:
        decide(session)
        with stepping_of(session)(session) as step:
            session.phase("Trying learning rates")
            for number in range(config.steps):
                rates.append(config.lowest * growth**number)
                losses.append(step(rates[-1]))
                job.emit(RateTried(rate=rates[-1], loss=losses[-1]))
                session.progress(number + 1, config.steps)
                if diverged(losses):
                    break
    except Cancelled:
        return Outcome.CANCELLED
    found = fall(rates, losses)
    train = config.train
    usual = default_config(train.task, train.preset, train.network).learning_rate
    session.note(
        "The loss falls at none of these rates: raise the batch, or look at the labels."
        if found is None
        else found.told(usual)
    )
    return Outcome.FINISHED
