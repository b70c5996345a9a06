"""Test-time augmentation in the window: asked for where a run is judged, said beside its figure."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dialog_hands import when_open
from person import Person
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from test_analyze import finished_run

from cvstudio.core import events
from cvstudio.core.config import EvaluateConfig, Views
from cvstudio.core.jobdir import JobDir
from cvstudio.gui.analyze.again_dialog import AgainDialog
from cvstudio.gui.analyze.page import AnalyzePage
from cvstudio.gui.suggest_dialog import SuggestDialog
from cvstudio.project import runs
from cvstudio.project.project import Project


@pytest.fixture
def page(studio_window: Person, monkeypatch: pytest.MonkeyPatch) -> AnalyzePage:
    finished_run(studio_window.project)
    monkeypatch.setattr(type(studio_window.studio.live), "request", lambda *a, **k: 1)
    found = studio_window.page("analyze")
    assert isinstance(found, AnalyzePage)
    studio_window.until(lambda: found.errors.verdict is not None)
    studio_window.idle()
    return found


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[EvaluateConfig]:
    """The evaluations that were begun; each is over at once, and judged as it was asked."""
    told: list[EvaluateConfig] = []

    def start(project: Project, run_id: int, config: EvaluateConfig, **more: Any) -> JobDir:
        told.append(config)
        run = runs.job_of(runs.get(project, run_id))
        job = JobDir(run.path / "jobs" / f"evaluate-{len(told)}")
        job.predictions("val").parent.mkdir(parents=True)
        job.predictions("val").write_bytes(run.predictions("val").read_bytes())
        report = json.loads(run.report.read_text())
        if config.views is not Views.ONE:
            report["val"]["views"] = config.views.value
        job.report.write_text(json.dumps(report))
        gone = {"pid": 1, "created": 1.0, "launched_at": 0.0}
        (job.path / "process.json").write_text(json.dumps(gone))
        job.emit(events.Started(job="evaluate", pid=1, process_created=1))
        job.emit(events.Ended(outcome=events.Outcome.FINISHED))
        return job

    monkeypatch.setattr(runs, "start_job", start)
    return told


def said_of(page: AnalyzePage) -> str:
    return page.errors.cards._cards[0]._detail.text()


def test_views_are_chosen_where_a_run_is_judged_again_and_stand_beside_its_figure(
    studio_window: Person, page: AnalyzePage, asked: list[EvaluateConfig]
) -> None:
    assert "views" not in said_of(page)

    def choose(dialog: AgainDialog) -> None:
        assert dialog.windowTitle() == "Evaluate again on val"
        assert dialog.go.text() == "Evaluate again"
        assert any("averaged" in w.text() or "become one" in w.text()
                   for w in dialog.findChildren(QLabel))  # fmt: skip
        QTest.keyClick(dialog.field.box, Qt.Key.Key_End)
        assert dialog.field.box.currentText() == "4, mirrored both ways"
        studio_window.click(dialog.go)

    when_open(AgainDialog, choose)
    studio_window.click(studio_window.button("Evaluate again…", page))
    studio_window.until(lambda: said_of(page).startswith("with 4 views, "))
    assert [config.views for config in asked] == [Views.ALL]
    assert "with 4 views" in page.errors.cards._cards[0].accessibleName()
    # The key judges again as it was judged; without views it is as before.
    studio_window.trigger("analyze.evaluate")
    studio_window.until(lambda: len(asked) == 2 and not page.evaluation.running)
    assert asked[1].views is Views.ALL


def test_nothing_is_judged_when_the_question_is_left(
    studio_window: Person, page: AnalyzePage, asked: list[EvaluateConfig]
) -> None:
    when_open(AgainDialog, lambda dialog: QTest.keyClick(dialog, Qt.Key.Key_Escape))
    studio_window.key("Shift+F5", page)
    studio_window.settle()
    assert asked == []
    assert not page.evaluation.running


def test_a_run_judged_from_more_sides_is_not_said_to_be_better_than_one_that_was_not(
    studio_window: Person, page: AnalyzePage, asked: list[EvaluateConfig]
) -> None:
    finished_run(studio_window.project)
    page._list_runs()
    page.run_box.setCurrentIndex(0)
    page._choose_run()
    studio_window.until(lambda: page.errors.standing.older == 1)
    when_open(AgainDialog, lambda d: (QTest.keyClick(d.field.box, Qt.Key.Key_End), d.accept()))
    studio_window.click(studio_window.button("Evaluate again…", page))
    studio_window.until(lambda: page.errors.cards.views is Views.ALL)
    studio_window.until(lambda: page.errors.standing.interval is not None)
    assert page.errors.standing.since is None


def test_suggestions_are_asked_with_the_views_that_were_chosen(
    studio_window: Person, page: AnalyzePage
) -> None:
    runs.job_of(runs.get(studio_window.project, 1)).best.parent.mkdir(exist_ok=True)
    runs.job_of(runs.get(studio_window.project, 1)).best.touch()
    dialog = SuggestDialog(studio_window.window, studio_window.studio, run_id=1)
    dialog.show()
    studio_window.until(dialog.isActiveWindow)
    dialog.views.box.setFocus()
    QTest.keyClick(dialog.views.box, Qt.Key.Key_Down)
    studio_window.click(dialog.go)
    assert dialog.wish is not None
    assert dialog.wish.config.views is Views.MIRRORED
    dialog.deleteLater()
