"""Trials that go on beside each other: which device the next one gets, alone or with others of its
experiment.

A device does one run at a time (queueing.py). An experiment may ask for more: its own trials then
share devices, evenly, and nobody else's run is put beside them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cvstudio.core.config import read_config
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import TrainConfig
from cvstudio.project import queueing
from cvstudio.project.device import Device
from cvstudio.project.records import RunRecord


def usual(found: Device | None, config: TrainConfig, *, cluster: bool = False) -> int:
    """How many trials at once are usual: one on each device that the recipe leaves them."""
    if cluster or found is None or found.kind != "cuda" or config.device != "auto":
        return 1
    return 1 + len(found.others)


def place_of(
    run: RunRecord, at_work: Sequence[RunRecord], found: Device | None, before: frozenset[str]
) -> str | None:
    """Where a queued run can be computed now; None when it must wait. `before`: the devices for
    which runs before it in the queue wait.

    Raises ConfigError when the config of one of the runs cannot be read.
    """
    job, config = _of(run)
    theirs = [(other, queueing.takes(*_of(other), found)) for other in at_work]
    busy = frozenset(place for _, places in theirs for place in places)
    place = queueing.place_for(job, config, found, busy | before)
    many = at_once(run)
    if place is not None or many < 2:
        return place
    own = [places for other, places in theirs if _beside(run, other)]
    if len(own) >= many:
        return None
    others = frozenset(
        place for other, places in theirs if not _beside(run, other) for place in places
    )
    full = _full(own, many, found, config)
    return queueing.place_for(job, config, found, others | full | before)


def at_once(run: RunRecord) -> int:
    """How many runs of its experiment may be at work at a time, on the same devices too."""
    return run.role.at_once or 1 if run.role is not None else 1


def _beside(run: RunRecord, other: RunRecord) -> bool:
    return run.experiment_id is not None and run.experiment_id == other.experiment_id


def _full(
    own: Sequence[frozenset[str]], many: int, found: Device | None, config: TrainConfig
) -> frozenset[str]:
    """The devices that have their share of the trials already."""
    devices = 1 + len(found.others) if found is not None and config.device == "auto" else 1
    most = -(-many // devices)
    counts = Counter(place for places in own for place in places)
    return frozenset(place for place, count in counts.items() if count >= most)


def _of(run: RunRecord) -> tuple[JobDir, TrainConfig]:
    job = JobDir(run.directory)
    config = read_config(job.config)
    assert isinstance(config, TrainConfig)  # a run of the list has one
    return job, config
