"""The queue of runs: its order, several devices at the same time, and quiet moments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import small_job

from cvstudio.core.annotation import Task
from cvstudio.core.errors import RunError
from cvstudio.core.networks import default_config
from cvstudio.project import launch, queueing, runs
from cvstudio.project.device import Device
from cvstudio.project.idleness import Idleness
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus
from cvstudio.project.sample import create_sample

CPU = Device("cpu", "processor", 2**33, 0)
SECOND = Device("cuda", "RTX 4070", 2**33, 0, place="cuda:1")
TWO = Device("cuda", "RTX 4070", 2**33, 0, place="cuda:0", others=(SECOND,))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with create_sample(tmp_path / "cells", Task.DETECT, images=20) as made:
        yield made
        for run in runs.all_runs(made):
            launch.end(runs.job_of(run), asked_seconds=0, terminate_seconds=0)


def queued(project: Project, device: str = "auto") -> int:
    """A run that is at work, once it has begun, until it is ended."""
    config = default_config(
        Task.DETECT, network="yolo26n", epochs=1000, start="scratch", device=device,
        seed=small_job.PATIENT,
    )  # fmt: skip
    return runs.create_run(project, config).id


def advance(project: Project, found: Device | None, idle: Idleness | None = None) -> list[int]:
    """Everything that starts now."""
    begun = []
    while (run := runs.advance(project, found, idle, command=small_job.command)) is not None:
        begun.append(run.id)
    return begun


def end(project: Project, run_id: int) -> None:
    launch.end(runs.job_of(runs.get(project, run_id)), asked_seconds=5)
    runs.sync(project)


def device_of(project: Project, run_id: int) -> str:
    return runs.config_of(runs.get(project, run_id)).device


def test_two_gpus_do_two_runs_and_the_third_waits_for_the_first_that_ends(project: Project) -> None:
    first, second, third = (queued(project) for _ in range(3))
    assert advance(project, TWO) == [first, second]
    assert [device_of(project, run) for run in (first, second)] == ["auto", "cuda:1"]
    waits = runs.why_waits(project, runs.get(project, third), TWO)
    assert waits == f"It starts when run {first} is over."
    end(project, second)
    assert advance(project, TWO) == [third]
    assert device_of(project, third) == "cuda:1"


def test_a_run_that_dies_while_the_queue_is_looked_at_holds_the_next_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = queued(project), queued(project)
    assert advance(project, CPU) == [first]
    sync = runs.sync

    def sync_and_strike(of: Project) -> list[RunRecord]:
        changed = sync(of)
        process = launch.find(runs.job_of(runs.get(of, first)))
        assert process is not None
        if (alive := process.process()) is not None:
            alive.kill()
            alive.wait()
        return changed

    monkeypatch.setattr(runs, "sync", sync_and_strike)
    assert advance(project, CPU) == []
    assert advance(project, CPU) == []
    statuses = [runs.status(runs.get(project, run)) for run in (first, second)]
    assert statuses == [RunStatus.FAILED, RunStatus.QUEUED]


def test_one_device_does_one_run_after_another(project: Project) -> None:
    first, second = queued(project), queued(project)
    assert advance(project, CPU) == [first]
    assert runs.start(project, second, CPU, command=small_job.command) is RunStatus.QUEUED
    end(project, first)
    assert advance(project, CPU) == [second]


def test_a_run_on_two_gpus_takes_both_and_none_slips_in_before_it(project: Project) -> None:
    first, both, last = queued(project, "cuda:0"), queued(project, "cuda:0,1"), queued(project)
    beside = queued(project, "cpu")
    assert advance(project, TWO) == [first, beside]
    end(project, first)
    assert advance(project, TWO) == [both]
    assert runs.taken(project, TWO) == {"cuda:0", "cuda:1", "cpu"}
    end(project, both)
    assert advance(project, TWO) == [last]


def test_nothing_runs_beside_another_while_the_devices_are_not_known(project: Project) -> None:
    first, _second = queued(project), queued(project)
    assert advance(project, None) == [first]


def test_a_run_that_was_moved_up_starts_first(project: Project) -> None:
    first, second, third = (queued(project) for _ in range(3))
    queueing.move(project, runs.all_runs(project), third, to=0)
    assert [run.id for run in runs.waiting(project)] == [third, first, second]
    queueing.move(project, runs.all_runs(project), first, to=9)
    assert [run.id for run in runs.waiting(project)] == [third, second, first]
    assert advance(project, CPU) == [third]
    with pytest.raises(RunError, match="not in the queue"):
        queueing.move(project, runs.all_runs(project), third, to=0)
    assert [run.id for run in runs.waiting(project)] == [second, first]


def test_a_queued_run_whose_folder_is_gone_holds_nobody_up(project: Project) -> None:
    gone, other = queued(project), queued(project)
    runs.job_of(runs.get(project, gone)).config.unlink()
    assert runs.why_waits(project, runs.get(project, other), CPU) == ""
    assert advance(project, CPU) == [other]


class Computer:
    """A computer whose clock and load a test sets."""

    def __init__(self) -> None:
        self.now, self.load = 0.0, 0.0
        self.idleness = Idleness(clock=lambda: self.now, load=lambda: self.load)

    def passes(self, minutes: float, device: Device = CPU) -> None:
        until = self.now + 60 * minutes
        while self.now < until:
            self.now += 2
            self.idleness.look(device)


def test_a_run_waits_until_nobody_has_worked_for_its_minutes(project: Project) -> None:
    computer = Computer()
    patient, other = queued(project), queued(project)
    queueing.wait_for_idle(project, patient, 10)
    assert runs.start(project, patient, CPU, command=small_job.command) is RunStatus.QUEUED
    assert advance(project, CPU, computer.idleness) == [other], "it holds nobody up"
    end(project, other)
    computer.passes(9)
    assert advance(project, CPU, computer.idleness) == []
    assert computer.idleness.waits_for(10).startswith(
        "It starts after 10 min without work here: mouse or keys last used 9 min ago."
    )
    computer.idleness.touched()
    computer.passes(9)
    assert advance(project, CPU, computer.idleness) == []
    assert advance(project, CPU) == [], "who cannot tell whether somebody works does not start it"
    computer.passes(1)
    assert advance(project, CPU, computer.idleness) == [patient]
    assert queueing.idle_minutes(project) == {}


def test_work_of_processor_or_gpu_is_named_and_waited_for() -> None:
    computer = Computer()
    computer.load = 0.9
    computer.passes(15)
    assert "the processor is 90 % busy" in computer.idleness.waits_for(10)
    computer.load = 0.0
    computer.passes(5, replace(TWO, busy=0.0, others=(replace(SECOND, busy=0.8),)))
    assert "the GPU is 80 % busy" in computer.idleness.waits_for(10)
    computer.passes(8)
    assert "last busy" in computer.idleness.waits_for(10)
    computer.passes(4)
    assert computer.idleness.waits_for(10) == ""


def test_a_moment_of_load_is_no_reason_to_wait_on() -> None:
    computer = Computer()
    computer.passes(11)
    computer.load = 1.0
    computer.passes(1 / 30)
    computer.load = 0.0
    computer.passes(1 / 30)
    assert computer.idleness.waits_for(10) == ""


@pytest.mark.parametrize("minutes", [0, -1, 24 * 60 + 1])
def test_a_time_to_wait_that_makes_no_sense_is_refused(project: Project, minutes: int) -> None:
    run = queued(project)
    with pytest.raises(RunError, match="1 to 1440"):
        queueing.wait_for_idle(project, run, minutes)
