"""Figures and Slices of the Analyze page: what a person reads there, presses and keeps."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from patience import LIMIT
from person import Person
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from test_analyze import finished_run, judged_page

from cvstudio.core.annotation import LabelClass, Split
from cvstudio.core.jobdir import JobDir
from cvstudio.core.metrics import ErrorKind
from cvstudio.core.metrics.calibration import reliability
from cvstudio.core.metrics.choosing import Choice
from cvstudio.core.metrics.resampling import Measured, draw, with_whole
from cvstudio.core.sureness import Correction
from cvstudio.core.thresholds import Aim, Thresholds, thresholds_of
from cvstudio.gui.analyze import finding
from cvstudio.gui.analyze.controls import Controls
from cvstudio.gui.analyze.figures_view.calibration import CalibrationPanel, verdict
from cvstudio.gui.analyze.figures_view.figure_rows import FigureRows
from cvstudio.gui.analyze.figures_view.scores import ScoresPanel
from cvstudio.gui.analyze.figures_view.view import FiguresView
from cvstudio.gui.analyze.page import AnalyzePage
from cvstudio.gui.analyze.slices_view.view import SlicesView
from cvstudio.gui.analyze.view import Subject
from cvstudio.gui.widgets.what_is import WhatIs
from cvstudio.project import slices
from cvstudio.project.choosing import Calibration


@pytest.fixture
def job(studio_window: Person) -> JobDir:
    return finished_run(studio_window.project)


def figures_of(person: Person) -> tuple[AnalyzePage, FiguresView]:
    page = judged_page(person)
    person.trigger("analyze.view_figures")
    view = page.views.front
    assert isinstance(view, FiguresView)
    person.until(lambda: view.sheet is not None)
    person.idle()
    return page, view


def slices_of(person: Person) -> tuple[AnalyzePage, SlicesView]:
    page = judged_page(person)
    person.trigger("analyze.view_slices")
    view = page.views.front
    assert isinstance(view, SlicesView)
    person.until(lambda: view.sliced is not None)
    person.idle()
    return page, view


def test_every_figure_stands_there_with_its_range_and_its_meaning(
    studio_window: Person, job: JobDir
) -> None:
    _page, view = figures_of(studio_window)
    assert view.sheet is not None
    explained = {mark.word for mark in view.figures.findChildren(WhatIs) if not mark.isHidden()}
    assert set(view.sheet.figures) == explained
    for name, (value, between, bar) in view.figures._rows.items():
        figure = view.sheet.figures[name]
        if figure.interval is None:
            continue
        assert value.text() == f"{figure.value:.3f}"
        low, high = between.text().split("–")
        assert float(low) <= figure.value + 5e-4
        assert figure.value - 5e-4 <= float(high)
        assert value.text() in bar.accessibleName()
    rows = view.classes.rows
    names = [rows.index(row, 0).data() for row in range(rows.rowCount())]
    assert names == [c.name for c in view.subject.analysis.classes]  # type: ignore[union-attr]


def test_a_lower_score_moves_precision_and_leaves_the_averages(
    studio_window: Person, job: JobDir
) -> None:
    page, view = figures_of(studio_window)
    first = view.sheet
    studio_window.click(studio_window.button("Best F1", page))
    assert page.score_field.value() > 0.8  # below, something extra is found in each image
    studio_window.until(lambda: view.sheet is not first)
    studio_window.idle()
    before = view.sheet
    assert before is not None
    page.score_field.setValue(0.5)
    studio_window.until(lambda: view.sheet is not before)
    studio_window.idle()
    assert view.sheet is not None
    assert view.sheet.figures["precision"].value < before.figures["precision"].value
    assert view.sheet.figures["mAP50-95"] == before.figures["mAP50-95"]


def test_pressing_a_gain_shows_its_errors(studio_window: Person, job: JobDir) -> None:
    page, view = figures_of(studio_window)
    assert view.sheet is not None
    kinds = [each.kind for each in view.sheet.gains]
    place = kinds.index(ErrorKind.FALSE_ALARM)
    assert view.gains.bars[place].name.startswith("False alarm, ")
    QTest.mouseClick(view.gains, Qt.MouseButton.LeftButton, pos=QPoint(20, 2 + 26 * place + 13))
    studio_window.idle()
    assert page.views.front is page.errors
    shown = page.errors.gallery.crops.model()
    expected = view.subject.verdict.cases("false alarm")  # type: ignore[union-attr]
    assert shown is not None
    assert shown.rowCount() == len(expected) > 0


def test_the_count_beside_a_gain_is_of_what_the_gain_is_of(
    studio_window: Person, job: JobDir
) -> None:
    page, view = figures_of(studio_window)
    page.score_field.setValue(0.99)
    studio_window.until(lambda: view.subject is not None and view.subject.score == 0.99)
    studio_window.idle()
    assert view.sheet is not None
    assert view.subject is not None
    told = {each.kind: each.count for each in view.sheet.gains}
    at_score = {each.kind: each.count for each in view.subject.verdict.kinds}
    assert at_score["missed"] > told[ErrorKind.MISSED], "the score must hide some"
    names = [bar.name for bar in view.gains.bars]
    assert f"Missed, {told[ErrorKind.MISSED]:,}" in names
    assert f"of the {at_score['missed']:,} missed at the score" in view._gain_words.text()


def test_it_is_said_why_what_is_missed_gains_nothing_where_a_class_is_never_found(
    studio_window: Person, job: JobDir
) -> None:
    _page, view = figures_of(studio_window)
    assert view.sheet is not None
    assert view.subject is not None
    assert "never found" not in view._gain_words.text()
    lost, *others = view.sheet.classes
    nothing = replace(view.sheet.classes[lost]["AP50"], value=0.0)
    of_classes = view.sheet.classes | {lost: view.sheet.classes[lost] | {"AP50": nothing}}
    missed = [
        replace(each, gain=replace(each.gain, value=0.0)) if each.kind is ErrorKind.MISSED else each
        for each in view.sheet.gains
    ]
    view._show_gains(view.subject, replace(view.sheet, classes=of_classes, gains=tuple(missed)))
    bar = next(each for each in view.gains.bars if each.name.startswith("Missed, "))
    assert bar.words == "1 class never found, see below"
    name = view.subject.classes[lost].name
    words = view._gain_words.text()
    assert f"“{name}” is never found" in words
    assert f"+{1 / (1 + len(others)):.3f}." in words


def test_a_figure_of_too_few_objects_says_so_in_the_place_of_its_range(
    studio_window: Person,
) -> None:
    rows = FigureRows()
    rows.show_figures({"AP small": Measured(0.0), "AP large": Measured(float("nan"))})
    assert rows._rows["AP small"][1].text() == "too few for a range"
    assert "too few for a range" in rows._rows["AP small"][2].accessibleName()
    assert rows._rows["AP large"][1].text() == ""
    rows.deleteLater()


def test_scores_of_classes_are_kept_used_and_taken_back(studio_window: Person, job: JobDir) -> None:
    page, view = figures_of(studio_window)
    scores = view.scores
    assert not scores.isHidden()
    scores.aim.setCurrentIndex(1)
    scores.aim.activated.emit(1)
    scores.wanted.setValue(0.95)
    studio_window.idle()
    assert (scores.chosen_aim, scores.chosen_share) == (Aim.PRECISION, 0.95)
    if not scores.keep.isEnabled():
        scores.wanted.setValue(0.3)
        studio_window.idle()
    assert scores.keep.isEnabled()
    wanted = scores.wanted.value()
    QTest.mouseClick(scores.keep, Qt.MouseButton.LeftButton)
    studio_window.idle()
    kept = thresholds_of(job.path)
    assert (kept.aim, kept.wanted) == (Aim.PRECISION, wanted)
    studio_window.until(lambda: not page._bar.own.isHidden())
    assert "own score" in scores.state.text()
    scores.show_aim(Thresholds())
    assert (scores.chosen_aim, scores.wanted.isHidden()) == (Aim.F1, True)
    scores.show_aim(kept)
    assert (scores.chosen_aim, scores.chosen_share) == (Aim.PRECISION, wanted)
    QTest.mouseClick(scores.drop, Qt.MouseButton.LeftButton)
    studio_window.idle()
    assert thresholds_of(job.path).aim is None
    studio_window.until(lambda: page._bar.own.isHidden())


def test_scores_are_kept_only_once_they_are_chosen_for_what_is_asked(
    studio_window: Person, job: JobDir
) -> None:
    _page, view = figures_of(studio_window)
    scores = view.scores
    scores.aim.setCurrentIndex(1)
    scores.aim.activated.emit(1)
    scores.wanted.setValue(0.3)
    studio_window.idle()
    assert scores.keep.isEnabled()
    scores.wanted.setValue(0.35)
    QTest.mouseClick(scores.keep, Qt.MouseButton.LeftButton)
    assert thresholds_of(job.path).aim is None, "those for 0.30 are not what is asked for"
    studio_window.until(scores.keep.isEnabled)
    QTest.mouseClick(scores.keep, Qt.MouseButton.LeftButton)
    kept = thresholds_of(job.path)
    assert (kept.aim, kept.wanted) == (Aim.PRECISION, 0.35)
    studio_window.idle()


def test_answers_that_were_read_before_scores_were_taken_back_do_not_come_after_them(
    studio_window: Person, job: JobDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, view = figures_of(studio_window)
    read: list[Subject] = []
    late, load = threading.Event(), finding.load

    def held(*what: Any, **more: Any) -> Subject:
        found = load(*what, **more)
        read.append(found)
        if len(read) == 1:
            late.wait(LIMIT)
        return found

    monkeypatch.setattr(finding, "load", held)
    QTest.mouseClick(view.scores.keep, Qt.MouseButton.LeftButton)
    studio_window.until(lambda: len(read) == 1)
    before = page.subject
    view.scores.dropped.emit()
    studio_window.until(lambda: page.subject is not before)
    late.set()
    studio_window.idle()
    assert page.subject is not None
    assert page.subject.analysis.chosen.aim is None
    assert page._bar.own.isHidden()


def test_slices_say_which_part_is_weak_and_open_its_errors(
    studio_window: Person, job: JobDir
) -> None:
    page, view = slices_of(studio_window)
    assert view.sliced is not None
    table = view.table
    assert table.rows.rowCount() == len(view.sliced.slices) > 3
    row = next(i for i, s in enumerate(table.rows.slices) if s.kind == "class" and s.image_ids)
    table.selectRow(row)
    studio_window.idle()
    assert table.current is not None
    assert table.current.name in view.sentence.text()
    expected = table.current.cases(
        view.subject.verdict.cases("all")  # type: ignore[union-attr]
    )
    QTest.keyClick(table, Qt.Key.Key_Return)
    studio_window.idle()
    assert page.views.front is page.errors
    shown = page.errors.gallery.crops.model()
    assert shown is not None
    assert shown.rowCount() == len(expected)


def test_a_query_becomes_a_part_until_it_is_removed_or_undone(
    studio_window: Person, job: JobDir
) -> None:
    _page, view = slices_of(studio_window)
    view.query.setFocus()
    QTest.keyClicks(view.query, "split:val")
    QTest.keyClick(view.query, Qt.Key.Key_Return)
    studio_window.until(
        lambda: view.sliced is not None and any(s.kind == "query" for s in view.sliced.slices)
    )
    studio_window.idle()
    row = next(i for i, s in enumerate(view.table.rows.slices) if s.kind == "query")
    view.table.selectRow(row)
    assert not view.remove.isHidden()
    QTest.mouseClick(view.remove, Qt.MouseButton.LeftButton)
    studio_window.until(
        lambda: view.sliced is not None and all(s.kind != "query" for s in view.sliced.slices)
    )
    studio_window.project.undo()
    with studio_window.project.read() as s:
        assert slices.own_queries(s) == ["split:val"]


def test_a_query_that_cannot_be_read_says_why_and_is_not_kept(
    studio_window: Person, job: JobDir
) -> None:
    _page, view = slices_of(studio_window)
    QTest.keyClicks(view.query, "class:unicorn")
    QTest.keyClick(view.query, Qt.Key.Key_Return)
    studio_window.idle()
    assert "unicorn" in view.problem.text()
    assert not view.problem.isHidden()
    with studio_window.project.read() as s:
        assert slices.own_queries(s) == []


def test_a_temperature_is_offered_and_taken_off_again(studio_window: Person) -> None:
    sureness = np.array([0.99] * 20)
    right = np.arange(20) < 14
    found = reliability(sureness, right, np.arange(20), with_whole(draw(20)))
    panel = CalibrationPanel()
    fitted = Correction(2.5)
    said: list[object] = []
    panel.taken.connect(said.append)
    panel.dropped.connect(lambda: said.append("dropped"))
    panel.show_reliability(found)
    panel.show_calibration(Calibration(fitted, found, found, None, 20))
    assert "29 % surer than it is right" in panel.words.text()
    assert panel.take.text() == "Use temperature 2.50"
    panel.take.click()
    panel.show_calibration(Calibration(fitted, found, found, fitted, 20))
    assert "temperature 2.50" in panel.offer.text()
    panel.take.click()
    assert said == [fitted, "dropped"]
    panel.deleteLater()


def test_scores_of_objects_are_scaled_and_the_page_keeps_its_objects(
    studio_window: Person, job: JobDir
) -> None:
    page, view = figures_of(studio_window)
    assert view.subject is not None
    assert view.sheet is not None
    before, first = page.score_field.value(), view.sheet
    assert view.calibration.take.text().startswith("Use Platt scaling")
    assert "Scores of classes move along" in view.calibration.offer.text()
    view.calibration.take.click()
    studio_window.until(lambda: view.sheet is not first)
    studio_window.idle()
    platt = thresholds_of(job.path).platt
    assert platt is not None
    assert page.score_field.value() == pytest.approx(platt.of(before), abs=0.02)
    assert page.score_field.value() != pytest.approx(before, abs=0.02)
    for name in ("precision", "recall", "mAP50-95"):
        assert view.sheet.figures[name].value == pytest.approx(first.figures[name].value)
    assert view.calibration.take.text() == "Read them as they are"
    scaled = view.sheet
    view.calibration.take.click()
    studio_window.until(lambda: view.sheet is not scaled)
    studio_window.idle()
    assert thresholds_of(job.path).platt is None
    assert page.score_field.value() == pytest.approx(before, abs=0.01)


def test_a_network_that_is_as_sure_as_right_is_told_so(studio_window: Person) -> None:
    honest = reliability(
        np.array([0.7] * 10), np.arange(10) < 7, np.arange(10), with_whole(draw(10))
    )
    assert verdict(honest).endswith("On average it is as sure as it is right.")


def test_a_figure_that_is_none_is_a_dash(studio_window: Person) -> None:
    rows = FigureRows()
    rows.show_figures({"AP small": Measured(float("nan")), "AUROC": Measured(0.5, 0.4, 0.6)})
    assert rows._rows["AP small"][0].text() == "–"
    assert rows._rows["AP small"][1].text() == ""
    assert rows._rows["AUROC"][1].text() == "0.400–0.600"
    rows.deleteLater()


def test_the_report_is_not_needed_for_the_figures(studio_window: Person, job: JobDir) -> None:
    """A run judged by an older CVStudio has few figures in its report: all are computed here."""
    report = json.loads(job.report.read_text())
    assert "gains" not in report["val"]
    _page, view = figures_of(studio_window)
    assert view.sheet is not None
    assert len(view.sheet.gains) == 6


def test_classes_without_a_score_are_named_in_one_line_with_their_reasons(
    studio_window: Person,
) -> None:
    panel = ScoresPanel()
    classes = {n: LabelClass(n, f"kind {n}", "#F73C62") for n in range(1, 13)}
    chosen = [Choice(1, 0.4, 0.9, 0.5)] + [
        Choice(n, None, why_not=f"{n % 5} labelled: too few to choose") for n in range(2, 13)
    ]
    panel.show_choices(chosen, classes)
    assert panel.without.text().startswith("From the common score: kind 2, kind 3")
    assert panel.without.text().endswith("and 3 more")
    assert "kind 7: 2 labelled: too few to choose" in panel.without.toolTip()
    assert panel.keep.isEnabled()
    panel.show_choices(chosen[1:], classes)
    assert not panel.keep.isEnabled()
    panel.show_choices(chosen[:1], classes)
    assert panel.without.isHidden()
    panel.deleteLater()


def test_no_score_is_offered_before_it_is_known_whether_there_is_one(qtbot: object) -> None:
    bar = Controls(best=lambda: None)
    bar.show()
    assert not bar.score.isVisible()
    assert not bar.overlap.isVisible()
    bar.close()
    bar.deleteLater()


def test_the_query_of_a_part_is_shown_by_a_class_of_this_project(
    studio_window: Person, job: JobDir
) -> None:
    page, view = slices_of(studio_window)
    assert page.subject is not None
    first = next(iter(page.subject.classes.values())).name
    said = view.query.placeholderText()
    assert said == f"A part of your own, such as class:{first}"
    assert view.query.fontMetrics().horizontalAdvance(said) < view.query.width() - 16
    slices.add_query(studio_window.project, said.rsplit(" ", 1)[1])  # it is one that holds


def test_what_is_worse_than_the_rest_has_a_minus_sign(studio_window: Person, job: JobDir) -> None:
    _page, view = slices_of(studio_window)
    assert view.sliced is not None
    rows = view.table.rows
    worse = next(n for n, each in enumerate(rows.slices) if each.part.above_rest.value < 0)
    assert rows.index(worse, 4).data().startswith("−0.")


def test_the_parts_begin_below_the_words_over_them(studio_window: Person, job: JobDir) -> None:
    _page, view = slices_of(studio_window)
    words = view.words.mapTo(view, view.words.rect().topLeft()).x()
    rows = view.table.mapTo(view, view.table.rect().topLeft()).x()
    assert words - rows == 6, "what a table leaves free before its words"


def test_before_the_parts_are_found_nothing_is_offered_to_do_with_one(
    studio_window: Person, job: JobDir
) -> None:
    page, view = slices_of(studio_window)
    assert view.errors.isVisible()
    assert page.subject is not None
    view.show_subject(replace(page.subject, split=Split.TRAIN))
    assert not view.errors.isVisible()
    assert not view.remove.isVisible()
    assert not view.words.text()
