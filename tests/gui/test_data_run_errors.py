"""Filters that ask for the errors of a run: the window goes on while the run is compared with its
labels, and only the newest filter is answered."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from person import Person, fill_project, make_images
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.geometry import Box
from cvstudio.core.networks import default_config
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.gui.data.page import DataPage
from cvstudio.project import commands, queries, run_errors, runs, tagging
from cvstudio.project.project import Project
from cvstudio.project.run_errors import Evaluation


def judge(project: Project, *, misses: list[int]) -> int:
    """A run that overlooks every object of these images and is right on the others."""
    config = default_config(Task.DETECT, network="yolo26n", epochs=1, seed=0)
    record = runs.create_run(project, config)
    job = runs.job_of(record)
    with project.read() as s:
        found = queries.annotations_of(s, queries.image_ids(s))
    answers = [
        Prediction(
            image,
            objects=()
            if image in misses
            else tuple(Found(a.class_id, 0.9, a.shape) for a in of if isinstance(a.shape, Box)),
        )
        for image, of in found.items()
    ]
    write_predictions(job.predictions("val"), answers)
    job.report.write_text(json.dumps({"val": {"metrics": {}, "per_class": []}}))
    return record.id


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project.create(tmp_path / "cells", task=Task.DETECT, classes=("RBC", "WBC"))
    ids = fill_project(made, make_images(tmp_path / "pictures", 12))
    with made.transaction("Divide", undoable=False) as s:
        commands.set_split(s, image_ids=ids, split=Split.VAL)
        commands.set_review(s, image_ids=ids[:-2], review=Review.REVIEWED)
    made.first = judge(made, misses=ids[:3])  # type: ignore[attr-defined]
    made.second = judge(made, misses=ids[5:9])  # type: ignore[attr-defined]
    yield made
    made.close()


class Comparison:
    """Holds every comparison until it is let go, and knows in which thread each was made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gate = threading.Event()
        self.begun: list[int] = []
        self.threads: set[int] = set()
        self.stopped: list[int] = []
        self._real = run_errors._errors
        monkeypatch.setattr(run_errors, "_errors", self._compare)

    def _compare(
        self, evaluation: Evaluation, check: Callable[[], None]
    ) -> run_errors.ByKind:  # fmt: skip
        self.threads.add(threading.get_ident())
        self.begun.append(evaluation.run_id)
        while not self.gate.wait(0.01):
            try:
                check()
            except BaseException:
                self.stopped.append(evaluation.run_id)
                raise
        return self._real(evaluation, check)


@pytest.fixture
def comparison(monkeypatch: pytest.MonkeyPatch) -> Iterator[Comparison]:
    made = Comparison(monkeypatch)
    yield made
    made.gate.set()


def ask(person: Person, page: DataPage, query: str) -> None:
    """Write a query in the place of the one that is there."""
    box = page.gallery.filter_bar.text
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, query)
    box.popup.hide()
    person.key("Return", box)


def images(project: Project) -> list[int]:
    with project.read() as s:
        return queries.image_ids(s)


def test_the_window_goes_on_while_a_run_is_compared_and_says_what_it_waits_for(
    comparison: Comparison, studio_window: Person
) -> None:
    page = studio_window.data_page()
    ask(studio_window, page, "run:1 error:missed")
    studio_window.until(lambda: page.gallery.awaiting.isVisible())
    assert "Comparing run 1 with its labels" in page.gallery.awaiting.words.text()
    assert page.gallery.count.text() == "…"
    assert page.status_left == ("Comparing run 1 with its labels",), "not how many are shown"
    # Another page opens meanwhile, and Data is there again at once.
    studio_window.label_page()
    page = studio_window.data_page()
    comparison.gate.set()
    studio_window.until(lambda: not page.gallery.waiting)
    assert page.model.ids == images(studio_window.project)[:3]
    assert page.gallery.count.text() == "3 images"
    assert comparison.threads
    assert threading.main_thread().ident not in comparison.threads


def test_a_comparison_that_ends_late_does_not_replace_a_newer_filter(
    comparison: Comparison, studio_window: Person
) -> None:
    page = studio_window.data_page()
    ask(studio_window, page, "error:missed run:1")
    studio_window.until(lambda: comparison.begun)
    ask(studio_window, page, "name~slide_1")
    newer = list(page.model.ids)
    assert len(newer) == 4  # slide_1, 10, 11 and 12
    assert not page.gallery.waiting
    comparison.gate.set()
    studio_window.idle()
    assert page.model.ids == newer
    assert page.gallery.grid.isVisible()


def test_of_two_runs_asked_for_one_after_the_other_the_newer_is_compared_and_shown(
    comparison: Comparison, studio_window: Person
) -> None:
    page = studio_window.data_page()
    ask(studio_window, page, "run:1 error:missed")
    studio_window.until(lambda: comparison.begun == [1])
    ask(studio_window, page, "run:2 error:missed")
    studio_window.until(lambda: comparison.stopped == [1])  # nobody waits for it any more
    studio_window.until(lambda: comparison.begun == [1, 2])
    assert "run 2" in page.gallery.awaiting.words.text()
    comparison.gate.set()
    studio_window.until(lambda: not page.gallery.waiting)
    assert page.model.ids == images(studio_window.project)[5:9]


def test_a_comparison_goes_on_when_something_else_changes_meanwhile(
    comparison: Comparison, studio_window: Person
) -> None:
    page = studio_window.data_page()
    ask(studio_window, page, "run:1 error:missed")
    studio_window.until(lambda: comparison.begun == [1])
    with studio_window.project.transaction("Tag") as s:
        tagging.tag_images(s, image_ids=images(studio_window.project)[:1], tag="night")
    studio_window.settle()
    comparison.gate.set()
    studio_window.until(lambda: not page.gallery.waiting)
    assert comparison.begun == [1]
    assert not comparison.stopped


def test_a_saved_view_of_errors_is_counted_beside_the_work(
    comparison: Comparison, studio_window: Person
) -> None:
    page = studio_window.data_page()
    ask(studio_window, page, "run:2 error:missed")
    page.save_view("Missed by the second")
    page.clear_filter()

    def figure() -> str:
        item = page.views.saved.item(0)
        return str(item.data(Qt.ItemDataRole.UserRole).figure)

    assert figure() == "…"
    assert len(page.model.ids) == 12  # every image is shown, whatever the view still needs
    comparison.gate.set()
    studio_window.until(lambda: figure() == "4")
    assert threading.main_thread().ident not in comparison.threads


def test_a_project_that_was_left_with_errors_of_a_run_opens_at_once(
    comparison: Comparison, studio_window: Person
) -> None:
    page = studio_window.data_page()
    ask(studio_window, page, "run:1 error:missed")
    path = studio_window.project.path
    studio_window.trigger("project.close")
    assert studio_window.window.open_project(path)
    again = studio_window.data_page()
    assert again.gallery.waiting
    assert again.gallery.filter_bar.text.text() == "run:1 error:missed"
    comparison.gate.set()
    studio_window.until(lambda: not again.gallery.waiting)
    assert len(again.model.ids) == 3
    assert threading.main_thread().ident not in comparison.threads


def test_a_run_whose_files_are_damaged_is_told_and_the_page_goes_on(
    studio_window: Person,
) -> None:
    page = studio_window.data_page()
    with studio_window.project.read() as s:
        record = queries.run(s, 1)
    runs.job_of(record).report.write_text("{")
    ask(studio_window, page, "run:1 error:missed")
    studio_window.until(lambda: not page.gallery.waiting)
    assert page.gallery.nothing.isVisible()
    assert page.gallery.nothing.words.text() == "The files of run 1 on val are damaged."
    studio_window.click(page.gallery.nothing.button)
    assert len(page.model.ids) == 12
