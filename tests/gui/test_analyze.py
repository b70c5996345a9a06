"""The Analyze page: from a figure to the object behind it, and from there to its label."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from person import Person

from cvstudio.core import events
from cvstudio.core.annotation import Task
from cvstudio.core.config import TrainConfig
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir
from cvstudio.core.metrics import NOTHING
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.snapshot import read_snapshot
from cvstudio.core.wire import Message
from cvstudio.gui.analyze.page import AnalyzePage
from cvstudio.project import commands, queries, runs, splits
from cvstudio.project.project import Project
from cvstudio.project.run_status import RunStatus


def finished_run(project: Project) -> JobDir:
    """A run whose network finds each first box, one extra thing, and misses the rest."""
    with project.read() as s:
        proposed = splits.propose(s, fractions=(0.5, 0.5, 0.0))
    with project.transaction("Split") as s:
        commands.set_splits(s, proposed)
    run = runs.create_run(project, TrainConfig(task=Task.DETECT, network="yolo11n"))
    job = runs.job_of(run)
    snapshot = read_snapshot(job.snapshot)
    answers = []
    for image in snapshot.of("val"):
        right = image.annotations[0]
        found = [
            Found(right.class_id, 0.9, right.box),
            Found(right.class_id, 0.8 if answers else 0.95, Box(40, 30, 12, 12)),
        ]
        answers.append(Prediction(image.id, objects=tuple(found)))
    write_predictions(job.predictions("val"), answers)
    metrics = {"mAP50-95": 0.4, "mAP50": 0.5, "precision": 0.5, "recall": 0.5}
    job.report.write_text(json.dumps({"val": {"metrics": metrics, "per_class": []}}))
    job.emit(events.Started(job="train", pid=1, process_created=1, total_epochs=1))
    job.emit(events.Ended(outcome=events.Outcome.FINISHED, metric="mAP50-95", best=0.4))
    with project.transaction("Finish", undoable=False) as s:
        commands.update_run(s, id=run.id, status=RunStatus.FINISHED.value, best=0.4)
    return job


@pytest.fixture
def page(studio_window: Person, monkeypatch: pytest.MonkeyPatch) -> AnalyzePage:
    """The page on a finished run; heat maps are not under test here."""
    finished_run(studio_window.project)
    monkeypatch.setattr(type(studio_window.studio.live), "request", lambda *a, **k: 1)
    found = studio_window.page("analyze")
    assert isinstance(found, AnalyzePage)
    studio_window.until(lambda: found.verdict is not None)
    studio_window.idle()
    return found


def test_the_page_says_what_to_do_before_the_first_run(studio_window: Person) -> None:
    page = studio_window.page("analyze")
    assert isinstance(page, AnalyzePage)
    assert "after the first run" in page.empty.words.text()
    studio_window.click(studio_window.button("Go to Train"))
    assert studio_window.window.front.name == "train"


def test_a_cell_opens_its_objects_and_fix_lands_on_the_label(
    studio_window: Person, page: AnalyzePage
) -> None:
    assert page.verdict is not None
    labelled = page.verdict.class_ids[1]
    page.matrix.pick(labelled, NOTHING)
    studio_window.idle()
    missed = page.verdict.cell(labelled, NOTHING)
    assert page.gallery.count == len(missed) > 0
    case = page.gallery.current
    assert case is not None
    assert case.annotation_id is not None
    assert "does not report" in page.detail.said.text()
    studio_window.trigger("analyze.fix")
    assert studio_window.window.front.name == "label"
    assert studio_window.studio.image_id == case.image_id


def test_dragging_the_score_moves_every_figure(studio_window: Person, page: AnalyzePage) -> None:
    page.score_field.setValue(0.85)
    studio_window.until(
        lambda: page.verdict is not None and page.verdict.kinds[2].count == 1  # the surest extra
    )
    assert page.verdict is not None
    precision = next(c for c in page.verdict.cards if c.title == "Precision")
    right, _, said = precision.detail.partition(" of ")
    assert int(said.split()[0]) == int(right) + 1
    page.score_field.setValue(0.5)
    studio_window.until(lambda: page.verdict is not None and page.verdict.kinds[2].count > 1)


def test_a_label_that_is_right_leaves_the_list_and_undo_brings_it_back(
    studio_window: Person, page: AnalyzePage
) -> None:
    page.gallery.tabs.setCurrentIndex(page.gallery.tabs.count() - 1)
    studio_window.idle()
    before = page.gallery.count
    assert before > 0
    studio_window.trigger("analyze.keep")
    assert page.gallery.count == before - 1
    studio_window.trigger("edit.undo")
    assert page.gallery.count == before


def test_the_heat_map_of_an_older_case_is_not_shown_for_a_newer_one(
    studio_window: Person, page: AnalyzePage
) -> None:
    first = page.detail.case
    assert first is not None
    page.gallery.step(1)
    studio_window.idle()
    late = Message({"ok": True}, {"heat": np.ones((48, 64), np.float32)})
    shown = page.detail.heat.view._heat
    page.detail._heated(first, late)
    assert page.detail.heat.view._heat is shown


def test_an_image_that_is_gone_is_said_in_its_place(
    studio_window: Person, page: AnalyzePage
) -> None:
    case = page.gallery.current
    assert case is not None
    assert page.analysis is not None
    page.analysis.images[case.image_id].path.unlink()
    page.gallery.use(type(page.gallery.pictures)(page.analysis.images))
    page.detail.use(page.run, page.analysis, page.gallery.pictures)
    page.detail.clear()
    page._show_case(case)
    studio_window.idle()
    assert "slide_" in page.detail.labels.view._words


def test_judging_again_leaves_the_window_free(
    studio_window: Person, page: AnalyzePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    def start(project: Project, run_id: int, config: object, **more: object) -> JobDir:
        """A job that is over at once."""
        threads.append(threading.current_thread())
        assert more["snapshot"] is not None
        job = JobDir(runs.job_of(runs.get(project, run_id)).path / "jobs" / "evaluate-1")
        job.path.mkdir(parents=True)
        gone = {"pid": 1, "created": 1.0, "launched_at": 0.0}
        (job.path / "process.json").write_text(json.dumps(gone))
        job.emit(events.Started(job="evaluate", pid=1, process_created=1))
        job.emit(events.Ended(outcome=events.Outcome.FINISHED))
        return job

    done: list[bool] = []
    monkeypatch.setattr(runs, "start_job", start)
    page.evaluation.done.connect(lambda: done.append(True))
    studio_window.trigger("analyze.evaluate")
    studio_window.until(lambda: bool(done))
    assert threads
    assert threads[0] is not threading.main_thread()
    assert not page.evaluation.running


def test_projects_are_judged_with_the_labels_that_the_run_saw(studio_window: Person) -> None:
    job = finished_run(studio_window.project)
    with studio_window.project.read() as s:
        ids = queries.image_ids(s)
        labels = [a.id for i in ids for a in queries.annotations(s, i)]
    with studio_window.project.transaction("Delete") as s:
        commands.delete_annotations(s, ids=labels)
    page = studio_window.page("analyze")
    assert isinstance(page, AnalyzePage)
    studio_window.until(lambda: page.verdict is not None)
    assert page.analysis is not None
    assert sum(len(i.annotations) for i in page.analysis.images.values()) > 0
    assert job.snapshot.exists()
