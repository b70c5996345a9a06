"""From a proven file onwards: packed for others, or let loose on many images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from person import Person
from PySide6.QtWidgets import QFileDialog
from test_export import export_of, opened

from cvstudio.core import events
from cvstudio.core.config import BundleConfig, JobConfig
from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.gui.predict.page import PredictPage
from cvstudio.gui.studio import in_words
from cvstudio.project import runs
from cvstudio.project.project import Project


def test_a_proven_file_is_packed_where_the_person_wants_it(
    studio_window: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = export_of(studio_window, passed=True)
    page = opened(studio_window)
    asked: list[tuple[int, JobConfig]] = []

    def start(_project: Project, run_id: int, config: JobConfig, **_more: object) -> None:
        asked.append((run_id, config))
        raise RunError("The test ends here.")

    monkeypatch.setattr(runs, "start_job", start)
    told: list[str] = []
    monkeypatch.setattr(
        studio_window.studio, "fail", lambda error, doing="": told.append(str(error))
    )
    out = tmp_path / "for you.zip"
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", staticmethod(lambda *_a, **_k: (str(out), ""))
    )
    studio_window.click(page.packing.pack_button)
    studio_window.until(lambda: bool(told))
    ((run_id, config),) = asked
    assert isinstance(config, BundleConfig)
    assert (config.file, config.output) == (file, out)
    run = runs.get(studio_window.project, run_id)
    assert config.run_directory == runs.job_of(run).path
    assert told == ["The test ends here."]
    assert page.packing.pack_button.isEnabled()


def test_a_file_that_failed_cannot_be_packed(studio_window: Person) -> None:
    export_of(studio_window, passed=False)
    page = opened(studio_window)
    assert not page.packing.pack_button.isEnabled()
    assert not page.packing.more.isEnabled()
    assert not studio_window.studio.actions.trigger("export.bundle")


def test_more_images_leads_to_predict_with_the_file_chosen(studio_window: Person) -> None:
    file = export_of(studio_window, passed=True)
    page = opened(studio_window)
    studio_window.click(page.packing.more)
    predict = studio_window.window.page_named("predict")
    assert isinstance(predict, PredictPage)
    assert predict.isVisible()
    assert predict.choice.chosen is not None
    assert predict.choice.chosen.path == file


def test_a_packed_file_is_told_by_its_name(
    studio_window: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_of(studio_window, passed=True)
    page = opened(studio_window)

    def start(project: Project, run_id: int, config: object, **_more: object) -> JobDir:
        """A job that is over at once."""
        job = JobDir(runs.job_of(runs.get(project, run_id)).path / "jobs" / "bundle-1")
        job.path.mkdir(parents=True)
        gone = {"pid": 1, "created": 1.0, "launched_at": 0.0}
        (job.path / "process.json").write_text(json.dumps(gone))
        job.emit(events.Started(job="bundle", pid=1, process_created=1))
        job.emit(events.Ended(outcome=events.Outcome.FINISHED))
        return job

    monkeypatch.setattr(runs, "start_job", start)
    out = str(tmp_path / "a.zip")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", staticmethod(lambda *_a, **_k: (out, "")))
    toasts: list[str] = []
    studio_window.studio.toasted.connect(lambda toast: toasts.append(toast.text))
    studio_window.click(page.packing.pack_button)
    studio_window.until(lambda: any(text.startswith("Packed a.zip") for text in toasts))
    assert page.packing.pack_button.isEnabled()
    assert page.packing.pack_button.text() == "Pack for others…"


def test_a_folder_without_permission_is_told_before_anything_is_packed(
    studio_window: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_of(studio_window, passed=True)
    page = opened(studio_window)
    told: list[BaseException] = []
    monkeypatch.setattr(studio_window.studio, "fail", lambda error, doing="": told.append(error))
    monkeypatch.setattr("cvstudio.gui.export.packing.os.access", lambda *_a: False)
    out = tmp_path / "locked" / "pack.zip"
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", staticmethod(lambda *_a, **_k: (str(out), ""))
    )
    studio_window.click(page.packing.pack_button)
    ((words, advice),) = [in_words(error) for error in told]
    assert (words, advice) == (f"There is no permission to use {out}.", "Choose another folder.")
    assert not page.packing.job.running
