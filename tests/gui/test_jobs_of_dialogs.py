"""The smaller jobs of the Train page and of suggestions: cancelled at any moment, closed over,
killed from outside, they leave no process behind and nobody waiting."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_job
from patience import until
from person import Person
from test_find_rate import in_the_dialog, jobs_of, ready
from test_jobs_that_end_elsewhere import JOB
from test_suggestions_in_the_window import asking, waiting  # noqa: F401  # fixture
from test_train import Window, folder, window  # noqa: F401  # fixtures
from test_train_trial import said, trials

from cvstudio.core.jobdir import JobDir
from cvstudio.gui.studio import Studio
from cvstudio.gui.train.rate_dialog import RateDialog
from cvstudio.project import launch
from cvstudio.project.project import Project


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A job that works until it is told to stop."""
    path = tmp_path / "lasting.py"
    path.write_text(JOB)
    return path


def lasting(studio: Studio, script: Path) -> None:
    studio.jobs.command = lambda path: [sys.executable, str(script), str(path)]


def without_events(condition: Callable[[], object]) -> None:
    """Wait while the window does nothing: what threads tell it stays unread."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def at_work(jobs: list[JobDir]) -> list[JobDir]:
    return [job for job in jobs if launch.alive(job)]


def kill(job: JobDir) -> None:
    process = launch.find(job)
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)


def working(job: JobDir) -> bool:
    return job.state().phase == "Working for long"


def suggestions_of(project: Project) -> list[JobDir]:
    return [JobDir(path) for path in project.runs_directory.glob("**/jobs/suggest-*")]


def test_leaving_the_rate_dialog_as_its_job_starts_ends_the_job(
    window: Window, script: Path  # noqa: F811
) -> None:  # fmt: skip
    ready(window)
    lasting(window.studio, script)

    def act(dialog: RateDialog) -> None:
        without_events(lambda: at_work(jobs_of(window)))
        assert dialog.job.directory is None, "the window has not heard of it yet"
        dialog.reject()

    wrong = in_the_dialog(act)
    assert window.studio.actions.trigger("train.find_rate")
    assert wrong == []
    until(lambda: not at_work(jobs_of(window)))


def test_closing_the_project_over_the_rate_dialog_ends_both(
    window: Window, script: Path  # noqa: F811
) -> None:  # fmt: skip
    ready(window)
    lasting(window.studio, script)
    jobs: list[JobDir] = []

    def act(dialog: RateDialog) -> None:
        until(lambda: any(working(job) for job in jobs_of(window)))
        jobs.extend(jobs_of(window))
        window.close()
        assert not dialog.isVisible()

    wrong = in_the_dialog(act)
    assert window.studio.actions.trigger("train.find_rate")
    assert wrong == []
    assert not at_work(jobs)


def test_a_rate_job_that_is_killed_from_outside_says_so_in_its_dialog(
    window: Window, script: Path  # noqa: F811
) -> None:  # fmt: skip
    ready(window)
    lasting(window.studio, script)

    def act(dialog: RateDialog) -> None:
        until(lambda: any(working(job) for job in jobs_of(window)))
        kill(jobs_of(window)[0])
        until(dialog.problem.isVisible)
        assert "signal 9" in dialog.problem._words.text()
        assert not dialog.job.running
        dialog.reject()

    wrong = in_the_dialog(act)
    assert window.studio.actions.trigger("train.find_rate")
    assert wrong == []


def test_a_trial_that_is_cancelled_as_it_starts_is_ended(
    window: Window, script: Path  # noqa: F811
) -> None:  # fmt: skip
    lasting(window.studio, script)
    window.choose(epochs=3)
    assert window.studio.actions.trigger("train.try_batch")
    without_events(lambda: at_work(trials(window)))
    window.page.preparing.trial.cancel()
    assert not window.page.preparing.trial.running
    window.until(lambda: not at_work(trials(window)))
    assert said(window, "The time is a guess")


def test_closing_the_project_ends_a_trial(window: Window, script: Path) -> None:  # noqa: F811
    lasting(window.studio, script)
    window.choose(epochs=3)
    assert window.studio.actions.trigger("train.try_batch")
    window.until(lambda: any(working(job) for job in trials(window)))
    jobs = trials(window)
    window.close()
    assert not at_work(jobs)


def test_a_trial_that_is_killed_from_outside_says_so_and_another_one_can_be_made(
    window: Window, script: Path  # noqa: F811
) -> None:  # fmt: skip
    lasting(window.studio, script)
    window.choose(epochs=3)
    assert window.studio.actions.trigger("train.try_batch")
    window.until(lambda: any(working(job) for job in trials(window)))
    kill(trials(window)[0])
    window.until(lambda: said(window, "The trial batch failed"))
    assert "signal 9" in said(window, "The trial batch failed")
    window.studio.jobs.command = small_job.command
    assert window.studio.actions.trigger("train.try_batch")
    window.until(lambda: said(window, "Tried: "))


@pytest.fixture
def suggesting(asking: Person, script: Path) -> Any:  # noqa: F811
    """Labels are being asked for, by a job that was only just begun."""
    lasting(asking.studio, script)
    asking.answer(lambda dialog: asking.click(dialog.go))  # type: ignore[attr-defined]
    asking.studio.go_to("suggest", run_id=1)
    main: Any = asking.window
    assert main.header.suggest.isVisible()
    return main.suggesting


def test_suggesting_that_is_stopped_as_it_starts_leaves_no_process(
    asking: Person, suggesting: Any  # noqa: F811
) -> None:  # fmt: skip
    without_events(lambda: at_work(suggestions_of(asking.project)))
    main: Any = asking.window
    asking.click(main.header.suggest.stop)
    assert not suggesting.running
    suggesting.find_left_behind()  # as the window does a moment after a project was opened
    until(lambda: not at_work(suggestions_of(asking.project)))
    assert not main.header.suggest.isVisible()
    assert waiting(asking) == []


def test_suggesting_that_was_only_being_started_goes_on_when_the_project_is_opened_again(
    asking: Person, suggesting: Any  # noqa: F811
) -> None:  # fmt: skip
    without_events(lambda: at_work(suggestions_of(asking.project)))
    path, jobs = asking.project.path, suggestions_of(asking.project)
    asking.studio.close()
    asking.settle()
    assert not suggesting.running
    assert at_work(jobs) == jobs
    asking.studio.open(path)
    until(lambda: suggesting.job.directory is not None)
    assert suggesting.job.directory.path == jobs[0].path
    suggesting.cancel()
    until(lambda: not at_work(jobs))


def test_suggesting_whose_job_is_killed_from_outside_says_so_and_can_start_again(
    asking: Person, suggesting: Any, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    told: list[str] = []
    monkeypatch.setattr(asking.studio, "fail", lambda error, **_more: told.append(str(error)))
    until(lambda: any(working(job) for job in suggestions_of(asking.project)))
    kill(suggestions_of(asking.project)[0])
    until(lambda: told)
    assert "signal 9" in told[0]
    assert not suggesting.running
    main: Any = asking.window
    assert not main.header.suggest.isVisible()
    asking.answer(lambda dialog: asking.click(dialog.go))  # type: ignore[attr-defined]
    asking.studio.go_to("suggest", run_id=1)
    assert suggesting.running
    suggesting.cancel()
    until(lambda: not at_work(suggestions_of(asking.project)))
