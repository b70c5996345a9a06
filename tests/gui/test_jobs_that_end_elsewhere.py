"""Jobs of pages that are killed, cancelled elsewhere or left behind: no page stays busy."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
import threading
from pathlib import Path

import pytest
from onnx_hands import finding_file
from patience import LIMIT
from person import Person
from test_analyze import finished_run

from cvstudio.core import events
from cvstudio.core.config import Depth, EmbedConfig
from cvstudio.core.jobdir import JobDir
from cvstudio.gui.analyze.map_view.view import MapView
from cvstudio.gui.analyze.page import AnalyzePage
from cvstudio.gui.export.page import ExportPage
from cvstudio.gui.one_job import OneJob
from cvstudio.gui.predict.page import PredictPage
from cvstudio.project import launch
from cvstudio.project.at_work import jobs_at_work
from cvstudio.project.similarity import embedding

SOON = LIMIT
"""Seconds: a watcher looks four times in one, and this machine may be busy."""

JOB = """
import sys, time, psutil
from pathlib import Path
from cvstudio.core import events
from cvstudio.core.jobdir import JobDir, Request
job = JobDir(Path(sys.argv[1]))
me = psutil.Process()
job.emit(events.Started(job="any", pid=me.pid, process_created=me.create_time()))
job.emit(events.Phase(text="Working for long"))
while job.asked() is not Request.CANCEL:
    time.sleep(0.05)
job.emit(events.Ended(outcome=events.Outcome.CANCELLED))
"""


class Page:
    """A page whose job works until it is told to stop, and what the person was told of it."""

    def __init__(self, person: Person, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.person, self.told = person, list[str]()
        script = folder / "job.py"
        script.write_text(JOB)
        person.studio.jobs.command = lambda path: [sys.executable, str(script), str(path)]
        monkeypatch.setattr(
            person.studio, "fail", lambda error, **_more: self.told.append(str(error))
        )

    @property
    def name(self) -> str:
        raise NotImplementedError

    @property
    def job(self) -> OneJob:
        raise NotImplementedError

    def start(self) -> None:
        raise NotImplementedError

    def begin(self) -> JobDir:
        """Start the job by the page's own button, and wait until it works."""
        self.start()
        self.person.until(lambda: self.job.directory is not None, SOON)
        return self.working()

    def working(self) -> JobDir:
        """The job at work, once its page says so."""
        directory = self.job.directory
        assert directory is not None
        self.person.until(lambda: directory.state().phase == "Working for long", SOON)
        return directory

    def is_free(self) -> None:
        """The page can be used again, within seconds."""
        self.person.until(lambda: not self.job.running, SOON)
        self.person.idle()


class Exporting(Page):
    name = "export"

    @property
    def page(self) -> ExportPage:
        page = self.person.page("export")
        assert isinstance(page, ExportPage)
        return page

    @property
    def job(self) -> OneJob:
        return self.page.job

    def start(self) -> None:
        page = self.page
        self.person.idle()
        assert page.busy.isHidden()
        self.person.click(page.next_step.button)
        assert page.busy.isVisible()
        assert not page.next_step.button.isEnabled()


class Predicting(Page):
    name = "predict"

    @property
    def page(self) -> PredictPage:
        page = self.person.page("predict")
        assert isinstance(page, PredictPage)
        return page

    @property
    def job(self) -> OneJob:
        return self.page.job

    def start(self) -> None:
        page = self.page
        self.person.idle()
        folder = self.person.project.path.parent
        file = folder / "cells.onnx"
        if not file.exists():
            finding_file(file, ("RBC",), [(16, 16, 10, 10, 0.9)])
        page.choice.take(file)
        page.sources.add([folder / "pictures"])
        assert page.busy.isHidden()
        self.person.click(page.next_step.button)
        assert page.busy.isVisible()
        assert not page.next_step.button.isEnabled()


class Judging(Page):
    name = "evaluate"

    @property
    def page(self) -> AnalyzePage:
        page = self.person.page("analyze")
        assert isinstance(page, AnalyzePage)
        return page

    @property
    def job(self) -> OneJob:
        return self.page.evaluation

    def start(self) -> None:
        assert self.page.isVisible()
        self.person.idle()
        self.person.trigger("analyze.evaluate")


PAGES = {kind.name: kind for kind in (Exporting, Predicting, Judging)}


@pytest.fixture(params=PAGES)
def page(
    request: pytest.FixtureRequest, studio_window: Person, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    finished_run(studio_window.project)
    made = PAGES[request.param](studio_window, tmp_path, monkeypatch)
    yield made
    project = studio_window.studio.project
    for job in jobs_at_work(project, made.name) if project is not None else ():
        launch.end(job, asked_seconds=2)


def only(name: str) -> pytest.MarkDecorator:
    """What holds for the job of every page, tried on that of one."""
    return pytest.mark.parametrize("page", [name], indirect=True)


def kill(job: JobDir) -> None:
    process = launch.find(job)
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)


def test_a_page_whose_worker_is_killed_says_so_and_can_start_again(page: Page) -> None:
    kill(page.begin())
    page.is_free()
    (words,) = page.told
    assert "signal 9" in words
    page.begin()
    assert page.job.running


def test_a_page_whose_job_somebody_else_cancels_says_so_and_can_start_again(page: Page) -> None:
    launch.end(page.begin())
    page.is_free()
    (words,) = page.told
    assert "cancelled from another window" in words
    page.begin()
    assert page.job.running


@only("export")
def test_a_page_whose_worker_dies_on_a_full_disk_is_free_again(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = page.begin()

    def full(_job: JobDir, _event: events.Event) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(JobDir, "last_word", full)
    kill(job)
    page.is_free()
    (words,) = page.told
    assert "the disk is full" in words


@only("predict")
def test_a_page_whose_jobs_folder_was_deleted_is_free_again(page: Page) -> None:
    job = page.begin()
    process = launch.find(job)
    assert process is not None
    shutil.rmtree(job.path)
    os.kill(process.pid, signal.SIGKILL)
    page.is_free()
    (words,) = page.told
    assert "was moved or deleted" in words


def test_a_job_goes_on_while_its_project_is_closed_and_is_found_when_it_is_opened(
    page: Page,
) -> None:
    job, folder = page.begin(), page.person.project.path
    page.person.studio.close()
    page.person.settle()
    assert launch.alive(job)
    page.person.studio.open(folder)
    page.person.until(lambda: page.job.running, SOON)
    assert page.working().path == job.path
    kill(job)
    page.is_free()
    assert len(page.told) == 1
    page.begin()
    assert page.job.running


def slow_to_start(page: Page) -> threading.Event:
    """Let jobs of the page come to their process only when the event is set."""
    gate, command = threading.Event(), page.person.studio.jobs.command

    def wait(path: Path) -> list[str]:
        gate.wait(SOON)
        return list(command(path))

    page.person.studio.jobs.command = wait
    return gate


@only("export")
def test_a_job_that_was_only_being_started_outlives_the_project(page: Page) -> None:
    folder, gate = page.person.project.path, slow_to_start(page)
    page.start()
    assert page.job.directory is None
    threading.Timer(0.3, gate.set).start()
    page.person.studio.close()
    page.person.studio.open(folder)
    page.person.until(lambda: page.job.running, SOON)
    kill(page.working())
    page.is_free()


@only("predict")
def test_a_job_that_is_cancelled_while_it_is_being_started_is_ended(page: Page) -> None:
    gate = slow_to_start(page)
    page.start()
    page.job.cancel()
    assert not page.job.running
    gate.set()
    page.is_free()
    page.person.until(lambda: not jobs_at_work(page.person.project, page.name), SOON)
    assert not page.told


def test_the_map_that_is_being_made_is_found_again(
    studio_window: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Page(studio_window, tmp_path, monkeypatch)
    job = finished_run(studio_window.project)
    config = EmbedConfig(run_directory=job.path, of="images", layer=Depth.DEEP.value, device="cpu")
    command = studio_window.studio.jobs.command
    begun = embedding.start(studio_window.project, config, command=command)
    analyze = studio_window.page("analyze")
    assert isinstance(analyze, AnalyzePage)
    studio_window.idle()
    analyze.views.show_view("map")
    view = analyze.views.view("map")
    assert isinstance(view, MapView)
    making = view.making
    studio_window.until(lambda: making.directory is not None, SOON)
    assert making.directory.path == begun.path
    making.cancel()
    studio_window.until(lambda: not launch.alive(begun), SOON)
