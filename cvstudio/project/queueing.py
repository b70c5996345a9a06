"""The queue of runs: their order, the devices that each takes, and which wait until nobody works.

A device does one run at a time, and runs for other devices go on beside it. A run that waits for
two devices keeps both: nothing behind it in the queue takes one away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cvstudio.core import places_to_run
from cvstudio.core.errors import ConfigError, RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import TrainConfig
from cvstudio.project import commands, queries
from cvstudio.project.device import Device
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus

SOMEWHERE = "somewhere"
"""The device of a run that may be any, as long as nobody knows what this computer has."""

MOST_MINUTES = 24 * 60

_ORDER, _IDLE = "runs.queue", "runs.when_idle"


def in_order(project: Project, runs: Iterable[RunRecord]) -> list[RunRecord]:
    """The queued ones among these runs, first to start first."""
    with project.read() as session:
        order = {number: place for place, number in enumerate(queries.setting(session, _ORDER, []))}
    queued = [run for run in runs if run.status == RunStatus.QUEUED]
    return sorted(queued, key=lambda run: (order.get(run.id, len(order)), run.id))


def move(project: Project, runs: Iterable[RunRecord], run_id: int, *, to: int) -> list[int]:
    """Put a queued run at a place of the queue (0: next); the new order.

    Raises RunError when it is not queued.
    """
    ids = [run.id for run in in_order(project, runs)]
    if run_id not in ids:
        raise RunError(f"Run {run_id} is not in the queue.")
    ids.remove(run_id)
    ids.insert(max(min(to, len(ids)), 0), run_id)
    with project.transaction("Order the queue", undoable=False) as session:
        commands.set_setting(session, key=_ORDER, value=ids)
    return ids


def idle_minutes(project: Project) -> dict[int, int]:
    """For how many minutes nobody must have worked before a run starts, for those that wait."""
    with project.read() as session:
        told = queries.setting(session, _IDLE, {})
    return {int(number): int(minutes) for number, minutes in told.items()}


def wait_for_idle(project: Project, run_id: int, minutes: int | None) -> None:
    """Let a run start when nobody has worked here for so many minutes; None: as soon as it can.

    Raises RunError for less than a minute or more than a day.
    """
    if minutes is not None and not 1 <= minutes <= MOST_MINUTES:
        raise RunError(f"A run can wait for 1 to {MOST_MINUTES} quiet minutes, not {minutes}.")
    told = idle_minutes(project)
    if told.get(run_id) == minutes:
        return
    kept = {str(number): value for number, value in told.items() if number != run_id}
    if minutes is not None:
        kept[str(run_id)] = minutes
    with project.transaction("Wait for a quiet moment", undoable=False) as session:
        commands.set_setting(session, key=_IDLE, value=kept)


def takes(job: JobDir, config: TrainConfig, found: Device | None) -> frozenset[str]:
    """The devices that a run keeps busy; none here when a cluster does it."""
    if _on_cluster(job):
        return frozenset()
    wanted = config.device
    if wanted == "auto":
        return frozenset({SOMEWHERE if found is None else found.place})
    if wanted.startswith("cuda"):
        numbers = wanted.partition(":")[2] or "0"
        return frozenset(f"cuda:{number.strip()}" for number in numbers.split(","))
    return frozenset({wanted})


def place_for(
    job: JobDir, config: TrainConfig, found: Device | None, taken: frozenset[str]
) -> str | None:
    """Where a run can be computed now beside what is taken: what its config's device becomes.

    None when it must wait. "auto" becomes another GPU while the first one is busy.
    """
    if config.device == "auto" and found is not None and found.kind == "cuda":
        if found.place not in taken | {SOMEWHERE} and SOMEWHERE not in taken:
            return "auto"
        gpus = [gpu.place for gpu in found.others]
        return next((gpu for gpu in gpus if SOMEWHERE not in taken and gpu not in taken), None)
    wanted = takes(job, config, found)
    if not wanted:
        return config.device
    unknown = SOMEWHERE in wanted or SOMEWHERE in taken
    return None if (taken and unknown) or wanted & taken else config.device


def taken_by(pairs: Sequence[tuple[JobDir, TrainConfig]], found: Device | None) -> frozenset[str]:
    """The devices that runs keep busy together."""
    return frozenset(place for job, config in pairs for place in takes(job, config, found))


def _on_cluster(job: JobDir) -> bool:
    try:
        return places_to_run.cluster_of(job.path) is not None
    except ConfigError:
        return True  # damaged: its process will say so; no device of this computer is at work
