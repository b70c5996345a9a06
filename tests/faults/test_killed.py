"""kill -9, at the worst moment, of the window and of the job: nothing that was done is lost."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from processes import Window, gone, wait_for

from cvstudio.core import events
from cvstudio.core.annotation import Task
from cvstudio.core.jobdir import JobDir
from cvstudio.project import launch, lock, queries, steps
from cvstudio.project.project import Project
from cvstudio.project.run_status import saved_epoch

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL"),
    pytest.mark.timeout(400),
]

Open = Callable[[str, Path], Window]
Make = Callable[[Task], Path]


def run_directory(project: Path) -> JobDir:
    (directory,) = (project / "runs").glob("0001-*")
    return JobDir(directory)


def test_every_shape_that_was_drawn_is_there_after_the_window_was_killed(
    window: Open, sample: Make
) -> None:
    folder = sample(Task.DETECT)
    with Project.open(folder, write=False) as project, project.read() as s:
        before = {a.id for found in annotations(s).values() for a in found}
    first = window("label", folder)
    drawn = 0

    def enough(_told: dict[str, Any]) -> bool:
        nonlocal drawn
        drawn += 1
        return drawn == 12

    first.until(enough)
    first.kill()
    assert len(first.said) >= 12
    with Project.open(folder) as project, project.read() as s:  # and no lock is left
        after = {
            (image_id, tuple(round(v) for v in (a.box.x, a.box.y, a.box.w, a.box.h)))
            for image_id, found in annotations(s).items()
            for a in found
            if a.id not in before
        }
    told = {(one["image"], tuple(one["box"])) for one in first.said}
    assert told <= after
    assert len(after) <= len(told) + 1  # one may have been stored and not yet told


def test_what_was_drawn_before_the_window_was_killed_can_be_undone_in_the_next_one(
    window: Open, sample: Make
) -> None:
    folder = sample(Task.DETECT)
    with Project.open(folder, write=False) as project, project.read() as s:
        before = annotations(s)
    first = window("label", folder)
    first.until(lambda _told: len(first.said) >= 8)
    first.kill()
    with Project.open(folder) as project:
        with project.read() as s:
            after = annotations(s)
            kept = steps.count(s)
        assert kept >= len(first.said) - 1  # opening tells too
        while project.undo():
            pass
        with project.read() as s:
            assert annotations(s) == before
        while project.redo():
            pass
        with project.read() as s:
            assert annotations(s) == after


def annotations(session: Any) -> dict[int, list[Any]]:
    return queries.annotations_of(session, queries.image_ids(session))


def test_a_second_window_is_told_who_has_the_project_until_the_first_is_killed(
    window: Open, sample: Make
) -> None:
    folder = sample(Task.DETECT)
    first = window("opened", folder)
    first.until(lambda told: "open" in told)
    second = window("opened", folder)
    words = second.until(lambda told: "refused" in told)["refused"]
    assert f"in use by {lock.user()} on " in words
    assert f"(process {first.process.pid})" in words
    assert second.ended() == 0
    first.kill()
    third = window("opened", folder)
    third.until(lambda told: told.get("open"))


@pytest.mark.slow
def test_a_killed_window_leaves_no_preview_process_behind(window: Open, sample: Make) -> None:
    first = window("augment", sample(Task.CLASSIFY))
    live = first.until(lambda told: "live" in told, 120)["live"]
    assert not gone(live)
    first.kill()
    wait_for(lambda: gone(live))


@pytest.mark.slow
def test_a_training_goes_on_without_its_window_and_a_new_window_shows_its_live_chart(
    window: Open, sample: Make
) -> None:
    folder = sample(Task.CLASSIFY)
    first = window("train", folder)
    before = first.until(lambda told: len(told["epochs"]) >= 2, 120)["epochs"]
    first.kill()
    job = run_directory(folder)
    assert launch.alive(job)
    wait_for(lambda: len(job.state().epochs) >= len(before) + 2)
    missed = len(job.state().epochs)
    second = window("watch", folder)
    shown = second.until(lambda told: told["live"] and len(told["epochs"]) > missed)
    assert shown["epochs"] == list(range(1, len(shown["epochs"]) + 1))
    assert shown["words"] == "Running"
    assert not shown["failure"]
    later = second.until(lambda told: len(told["epochs"]) > len(shown["epochs"]))
    assert later["epochs"][: len(shown["epochs"])] == shown["epochs"]


@pytest.mark.slow
def test_a_killed_training_is_told_in_words_and_really_goes_on_from_its_checkpoint(
    window: Open, sample: Make
) -> None:
    folder = sample(Task.CLASSIFY)
    first = window("train", folder)
    first.until(lambda told: len(told["epochs"]) >= 2, 120)
    job = run_directory(folder)
    wait_for(lambda: saved_epoch(job))  # how often it saves hangs on how long saving takes
    process = launch.find(job)
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    told = first.until(lambda told: told["failure"])
    assert "was ended by the system (signal 9)" in told["failure"]
    assert "Nothing is lost up to epoch" in told["failure"]
    assert told["words"] == "Stopped"
    saved = saved_epoch(job)
    assert saved is not None
    assert told["ways"][0].startswith(f"Continue from epoch {saved}")
    first.kill()
    second = window("mend", folder)  # the words are there for whoever opens the project later
    again = second.until(lambda told: told["failure"])
    assert again["failure"] == told["failure"]
    assert second.ended(120) == 0
    starts = [event for event in job.read_events() if isinstance(event, events.Started)]
    assert [start.first_epoch for start in starts] == [1, saved + 1]
    done = second.said[-1]
    assert done["epochs"] == list(range(1, len(done["epochs"]) + 1))
    assert len(done["epochs"]) >= saved + 2
