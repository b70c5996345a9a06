"""The view New images: what a person sees from the choice of a folder to the verdict."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from drift_hands import answered, pictures
from judged_run import judged_run
from patience import LIMIT
from person import Person
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from cvstudio.core.annotation import Task
from cvstudio.core.config import EmbedConfig
from cvstudio.core.embedding import Subject, write_subjects
from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.snapshot import read_snapshot
from cvstudio.gui.analyze.drift_view.view import DriftView
from cvstudio.project import drift, launch, run_commands, runs
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus
from cvstudio.project.sample import create_sample

ENDS = """
import sys
from pathlib import Path
from cvstudio.core.events import Ended, Outcome
from cvstudio.core.jobdir import JobDir
JobDir(Path(sys.argv[1])).emit(Ended(outcome=Outcome.FINISHED))
"""


@pytest.fixture
def project(tmp_path: Path) -> Any:
    with create_sample(tmp_path / "sample", Task.DETECT, images=90) as made:
        yield made


def job_that_looked(run: RunRecord, sources: Sequence[Path], *, away: float) -> JobDir:
    """A job that has left its answer; its process only says that it is over."""
    job = runs.make_job(
        run.directory / "drift", EmbedConfig(run_directory=run.directory, umap=False)
    )
    own = read_snapshot(runs.job_of(run).snapshot).images
    new = drift.images_in(sources)
    write_subjects(
        job,
        [
            *(Subject(i.id, i.path, 0, i.width, i.height, i.sha256) for i in own),
            *(Subject(-1 - n, path, 0, 64, 64, "") for n, path in enumerate(new)),
        ],
    )
    answered(job, away=away, unsure=0)
    launch.launch(job, command=lambda directory: [sys.executable, "-c", ENDS, str(directory)])
    return job


@pytest.fixture
def view(studio_window: Person, monkeypatch: pytest.MonkeyPatch) -> DriftView:
    project: Project = studio_window.project
    run = judged_run(project)
    with project.transaction("Finish", undoable=False) as s:
        run_commands.update_run(s, id=run.id, status=RunStatus.FINISHED.value, best=0.4)
    monkeypatch.setattr(type(studio_window.studio.live), "request", lambda *a, **k: 1)
    page = studio_window.page("analyze")
    studio_window.until(lambda: page.analysis is not None)
    studio_window.trigger("analyze.view_new")
    found = page.views.front
    assert isinstance(found, DriftView)
    return found


def looks(
    view: DriftView, folder: Path, monkeypatch: pytest.MonkeyPatch, person: Person, *, away: float
) -> None:
    """Choose a folder as a person does, and wait for the verdict."""
    monkeypatch.setattr(
        drift, "start", lambda run, sources, **_: job_that_looked(run, sources, away=away)
    )
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: str(folder))
    button = view.empty.button if view.found is None else view.other
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    person.until(lambda: view.found is not None and view.stack.currentIndex() == 1)


def test_before_a_choice_the_view_says_what_it_is_for(view: DriftView) -> None:
    assert view.stack.currentWidget() is view.empty
    assert "still know what it looks at" in view.empty.words.text()
    assert view.empty.button.hasFocus()


def test_a_folder_of_strangers_is_called_out_of_depth_and_shown_strangest_first(
    studio_window: Person, view: DriftView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert view.subject is not None
    folder = pictures(tmp_path / "new", view.subject.run, light=0.4)
    looks(view, folder, monkeypatch, studio_window, away=60)
    assert "out of its depth" in view.verdict._words.text()
    said = [view.sentences.itemAt(n).widget().text() for n in range(view.sentences.count())]
    assert any("30 of 30" in text for text in said)
    assert any("darker" in text for text in said)
    assert view.list.count() == 30
    assert "30 of 30 new images beyond" not in view.doubt.accessibleName()
    assert "30 of 30 new images beyond" in view.distance.accessibleName()
    studio_window.until(lambda: not view.list.item(29).icon().isNull())
    bold = [
        view.table.item(row, 0).text() for row in range(view.table.rowCount())
        if view.table.item(row, 0).font().bold()
    ]  # fmt: skip
    assert "Brightness" in bold
    assert "Size" not in bold


def test_the_bar_offers_no_split_as_none_makes_a_difference(
    studio_window: Person, view: DriftView
) -> None:
    page = studio_window.page("analyze")
    assert not page._bar.split.isVisible()
    studio_window.key("Ctrl+1")
    assert page._bar.split.isVisible()


def test_names_that_begin_alike_can_be_told_apart(
    studio_window: Person, view: DriftView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert view.subject is not None
    folder = pictures(tmp_path / "new", view.subject.run)
    for number, path in enumerate(sorted(folder.iterdir())):
        path.rename(path.with_stem(f"2026_slide_scanner_left_bench_blood_{number:04d}"))
    looks(view, folder, monkeypatch, studio_window, away=60)
    names = [view.list.item(row).text().splitlines()[0] for row in range(view.list.count())]
    assert len(set(names)) == len(names) > 1
    assert all("…" in name and name.endswith(".png") for name in names)
    wide = view.list.fontMetrics().horizontalAdvance
    assert max(map(wide, names)) <= view.list.iconSize().width()


def test_the_chosen_strangers_are_brought_in_by_the_import(
    studio_window: Person, view: DriftView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert view.subject is not None
    folder = pictures(tmp_path / "new", view.subject.run)
    looks(view, folder, monkeypatch, studio_window, away=60)
    wanted: list[Any] = []
    monkeypatch.setattr(
        type(studio_window.studio), "go_to", lambda _self, name, **what: wanted.append((name, what))
    )
    view.list.item(0).setSelected(True)
    view.list.item(1).setSelected(True)
    studio_window.click(view.bring)
    ((name, what),) = wanted
    assert name == "data"
    assert [Path(p).parent for p in what["sources"]] == [folder, folder]


def test_other_images_are_looked_at_from_the_verdict(
    studio_window: Person, view: DriftView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert view.subject is not None
    first = pictures(tmp_path / "first", view.subject.run)
    looks(view, first, monkeypatch, studio_window, away=60)
    strange = view.found
    second = pictures(tmp_path / "second", view.subject.run)
    monkeypatch.setattr(drift, "start", lambda run, s, **_: job_that_looked(run, s, away=0))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: str(second))
    QTest.mouseClick(view.other, Qt.MouseButton.LeftButton)
    studio_window.until(lambda: view.found is not strange and view.stack.currentIndex() == 1)
    assert "like those that run" in view.verdict._words.text()


@pytest.mark.parametrize("broken", [False, True])
def test_while_new_images_are_compared_no_older_verdict_passes_for_theirs(
    studio_window: Person, view: DriftView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    broken: bool,
) -> None:  # fmt: skip
    assert view.subject is not None
    first = pictures(tmp_path / "first", view.subject.run)
    looks(view, first, monkeypatch, studio_window, away=60)
    strange, read, go_on = view.found, drift.read, threading.Event()
    told: list[str] = []

    def slowly(*what: Any, **more: Any) -> drift.Drift:
        assert go_on.wait(LIMIT)
        if broken:
            raise RunError("The answers cannot be read.")
        return read(*what, **more)

    monkeypatch.setattr(drift, "read", slowly)
    monkeypatch.setattr(
        type(studio_window.studio), "fail", lambda _self, error, **_: told.append(str(error))
    )
    second = pictures(tmp_path / "second", view.subject.run)
    monkeypatch.setattr(drift, "start", lambda run, s, **_: job_that_looked(run, s, away=0))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: str(second))
    QTest.mouseClick(view.other, Qt.MouseButton.LeftButton)
    studio_window.until(lambda: "Comparing the new images" in view.empty.words.text())
    try:
        assert view.stack.currentWidget() is view.empty
        assert not view.empty.button.isVisible()
    finally:
        go_on.set()
    studio_window.until(lambda: view.stack.currentIndex() == 1)
    assert (view.found is strange) is broken
    assert told == (["The answers cannot be read."] if broken else [])


def test_a_folder_without_images_is_said_and_asked_for_again(
    studio_window: Person, view: DriftView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert view.subject is not None
    best = runs.job_of(view.subject.run).best
    best.parent.mkdir(parents=True, exist_ok=True)
    best.touch()
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(
        QFileDialog, "getExistingDirectory", lambda *a, **k: str(tmp_path / "empty")
    )
    said: list[str] = []
    monkeypatch.setattr(
        type(studio_window.studio), "fail", lambda _self, error, **_: said.append(str(error))
    )
    studio_window.click(view.empty.button)
    studio_window.until(lambda: any("no image to look at" in text for text in said))
    assert view.stack.currentWidget() is view.empty
    assert "Choose a folder" in view.empty.button.text()


def test_what_was_found_while_the_project_was_closed_is_shown_when_it_is_opened_again(
    studio_window: Person, view: DriftView, tmp_path: Path
) -> None:
    assert view.subject is not None
    folder = pictures(tmp_path / "new", view.subject.run, light=0.4)
    job_that_looked(view.subject.run, [folder], away=60)
    again = DriftView(studio_window.studio)
    again.show_subject(view.subject)
    studio_window.until(lambda: again.found is not None and not again.job.running)
    assert "out of its depth" in again.verdict._words.text()
    assert any(text.startswith("looked at ") for text in again.status)
    again.release()
    again.deleteLater()


def test_a_measure_says_in_how_many_pairs_the_new_image_is_higher(
    studio_window: Person, view: DriftView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert view.subject is not None
    looks(view, pictures(tmp_path / "new", view.subject.run, light=0.4), monkeypatch,
          studio_window, away=60)  # fmt: skip
    assert view.table.horizontalHeaderItem(3).text() == "New one is higher"
    assert view.table.item(0, 0).text() == "Brightness"
    assert re.fullmatch(r"\d+ % of pairs", view.table.item(0, 3).text())
    assert "50 % where nothing differs" in view.pairs.text()
