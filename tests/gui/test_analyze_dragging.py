"""Moving the score on Analyze: only what is seen is made, and nothing jumps."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from functools import partial

import pytest
from person import Person
from PySide6.QtWidgets import QScrollArea, QWidget
from test_analyze import finished_run, judged_page

from cvstudio.core.metrics import NOTHING
from cvstudio.core.predictions import Found, read_predictions, write_predictions
from cvstudio.gui.analyze.crops import CropItem
from cvstudio.gui.analyze.curves import CurveChart
from cvstudio.gui.analyze.errors_view import MOST
from cvstudio.gui.analyze.figures_view.view import FiguresView
from cvstudio.gui.analyze.gallery import Gallery
from cvstudio.gui.analyze.page import AnalyzePage
from cvstudio.gui.analyze.slices_view.view import SlicesView
from cvstudio.project import analysis, runs
from cvstudio.project.verdict import ALL, Case, KindCount


@pytest.fixture
def page(studio_window: Person, monkeypatch: pytest.MonkeyPatch) -> AnalyzePage:
    """The page on a finished run; heat maps are not under test here."""
    finished_run(studio_window.project)
    monkeypatch.setattr(type(studio_window.studio.live), "request", lambda *a, **k: 1)
    return judged_page(studio_window)


def _at(page: AnalyzePage, score: float) -> bool:
    return page.subject is not None and page.subject.score == score


def test_of_hundreds_of_crops_only_those_that_are_seen_are_made(
    studio_window: Person, page: AnalyzePage
) -> None:
    view = page.errors
    gallery = view.gallery
    assert view.verdict is not None
    many = view.verdict.cases(ALL) * 100
    gallery.show_cases(many, {}, nothing="nothing", analysed=page.analysis, total=len(many))
    studio_window.idle()
    rows = gallery.crops.crops._items
    made = sum(isinstance(row, CropItem) for row in rows)
    assert len(rows) == len(many)
    assert 0 < made < 60
    last = gallery.crops.crops.item(len(many) - 1)
    assert (last.image_id, last.figure) == (many[-1].image_id, many[-1].figure)


def test_crops_that_were_not_seen_yet_tell_that_their_label_changed(
    studio_window: Person, page: AnalyzePage
) -> None:
    gallery = page.errors.gallery
    assert page.errors.verdict is not None
    many = page.errors.verdict.cases(ALL) * 100
    gallery.show_cases(many, {}, nothing="nothing", analysed=page.analysis, total=len(many))
    crops = gallery.crops.crops
    assert not crops.item(0).changed
    gallery.mark_changed(lambda _case: True)
    assert crops.item(0).changed
    assert crops.item(len(many) - 1).changed
    gallery.mark_changed(lambda _case: False)
    assert not crops.item(0).changed


def test_tabs_take_the_longest_names_for_which_there_is_room(
    studio_window: Person, page: AnalyzePage
) -> None:
    alone = Gallery(studio_window.studio.tasks, page.errors.gallery)
    names = ("Wrong class and loose", "Likely label errors", "Duplicate")
    seen = set()
    for counts in ((3, 7, 1), (123_456, 98_765, 2_000)):
        kinds = [KindCount(name, name, n) for name, n in zip(names, counts, strict=True)]
        long = [f"{name}   {count:,}" for name, count in zip(names, counts, strict=True)]
        for width in (*range(300, 900, 7), *range(900, 300, -7)):
            alone.show_kinds(kinds, fresh=True)
            alone.resize(width, 200)
            alone._make_room()
            shown = [alone.tabs.tabText(place) for place in range(alone.tabs.count())]
            for place, text in enumerate(long):
                alone.tabs.setTabText(place, text)
            room = alone.tabs.sizeHint().width() + 24 <= width
            for place, text in enumerate(shown):
                alone.tabs.setTabText(place, text)
            assert (shown == long) is room, width
            seen.add(room)
    assert seen == {True, False}
    alone.deleteLater()


def test_the_table_of_classes_does_not_jump_while_the_score_moves(
    studio_window: Person, page: AnalyzePage
) -> None:
    view = page.errors
    begun_anew: list[bool] = []
    view.table.rows.modelReset.connect(lambda: begun_anew.append(True))
    before = [row.values for row in view.table.rows._rows]
    page.score_field.setValue(0.85)
    studio_window.until(lambda: page.subject is not None and page.subject.score == 0.85)
    studio_window.idle()
    assert [row.values for row in view.table.rows._rows] != before
    assert not begun_anew  # a table that begins anew scrolls to its top
    shown = view.table.rows
    for place, row in enumerate(page.subject.verdict.rows if page.subject else ()):
        assert shown.index(place, 1).data() == f"{row.values[0]:,.0f}"


def test_cells_of_the_matrix_follow_the_score(studio_window: Person, page: AnalyzePage) -> None:
    view = page.errors
    assert view.verdict is not None
    labelled = view.verdict.class_ids[0]
    for score in (0.3, 0.85, 0.93):
        page.score_field.setValue(score)
        studio_window.until(partial(_at, page, score))
        verdict = view.verdict
        assert verdict is not None
        ids = view.matrix.matrix.class_ids
        places = [verdict.class_ids.index(i) for i in ids]
        counts = verdict.confusion
        row = ids.index(labelled)
        for column, place in enumerate(places):
            count = int(counts[places[row], place])
            assert view.matrix.matrix.count(row, column) == count
            of_row = int(counts[places[row]][places].sum())
            assert view.matrix.matrix.share(row, column) == (count / of_row if of_row else 0.0)
    assert NOTHING in ids


def test_very_many_cases_are_listed_in_part_and_counted_in_full(
    studio_window: Person, page: AnalyzePage
) -> None:
    view = page.errors
    assert view.verdict is not None
    cases = view.verdict.cases(ALL)
    many = cases * (2 * MOST // len(cases))
    view.show_cases("large", many)
    studio_window.idle()
    assert view.gallery.count == MOST
    assert view.gallery.caption.text() == f"the first {MOST:,} of {len(many):,}"
    assert view.gallery.more.isVisible()
    assert view.gallery.more.toolTip() == f"Listed are the first {MOST:,} of {len(many):,}"
    studio_window.click(view.gallery.more)
    assert view.gallery.count == len(many)
    assert view.gallery.position[0] == MOST + 1, "and the first of the further ones is at hand"
    assert view.gallery.more.isHidden()
    view._show_kind(ALL)
    assert view.gallery.more.isHidden(), "all of them are listed"


@pytest.mark.parametrize("name", ["figures", "slices"])
def test_the_errors_behind_a_figure_are_found_beside_the_window(
    studio_window: Person, page: AnalyzePage, name: str
) -> None:
    page.views.show_view(name)
    view = page.views.view(name)
    studio_window.until(lambda: isinstance(view, FiguresView | SlicesView) and _looked(view))
    studio_window.idle()
    subject = page.subject
    assert subject is not None
    whole = subject.verdict.cases
    threads: list[threading.Thread] = []

    def cases(kind: str, limit: int | None = None) -> list[Case]:
        if limit is None:
            threads.append(threading.current_thread())
        return whole(kind, limit)

    object.__setattr__(subject.verdict, "cases", cases)
    if isinstance(view, FiguresView):
        view._show_errors(0)
    elif isinstance(view, SlicesView) and view.sliced is not None:
        view._open(next(each for each in view.sliced.slices if each.image_ids))
    studio_window.until(lambda: page.views.front is page.errors)
    assert threads
    assert threading.main_thread() not in threads


def _looked(view: FiguresView | SlicesView) -> bool:
    return (view.sheet if isinstance(view, FiguresView) else view.sliced) is not None


def _overlap(page: AnalyzePage, overlap: float) -> bool:
    return page.subject is not None and page.subject.overlap == overlap


def _shifted(found: Found) -> Found:
    """The same with its box off by a quarter: right at an overlap of 0.5, and not at 0.7."""
    return replace(found, box=replace(found.box, x=found.box.x + found.box.w / 4))


def test_curves_that_are_out_of_view_follow_the_overlap_when_they_come_into_view(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = finished_run(studio_window.project).predictions("val")
    shifted = [
        replace(each, objects=tuple(map(_shifted, each.objects)))
        for each in read_predictions(answers)
    ]
    write_predictions(answers, shifted)
    monkeypatch.setattr(type(studio_window.studio.live), "request", lambda *a, **k: 1)
    page = judged_page(studio_window)
    chart, area = page.errors.chart, _area(page.errors.chart)
    page.errors.matrix_panel.setMinimumHeight(1200)  # as with many classes
    studio_window.idle()
    assert chart.visibleRegion().isEmpty()
    before = _drawn(chart)
    for overlap in (0.7, 0.9, 0.95):
        page.overlap_field.setValue(overlap)
        studio_window.until(partial(_overlap, page, overlap))
    studio_window.idle()
    assert _drawn(chart) == before  # what nobody sees is not drawn at every step of a drag
    area.ensureWidgetVisible(chart)
    studio_window.until(lambda: _drawn(chart) != before)
    assert _drawn(chart) == _expected(page)
    page.overlap_field.setValue(0.5)
    studio_window.until(lambda: _drawn(chart) == before)
    page.score_field.setValue(0.35)
    studio_window.until(lambda: chart._chart is not None and "0.35" in chart._chart._figures)
    assert _drawn(chart) == _expected(page)


def _area(widget: QWidget) -> QScrollArea:
    found = widget.parentWidget()
    while not isinstance(found, QScrollArea):
        assert found is not None
        found = found.parentWidget()
    return found


def _drawn(chart: CurveChart) -> dict[str, tuple[list[float], list[float]]]:
    assert chart._chart is not None
    return {name: chart._chart.line(name) for name in chart._chart.names}


def _expected(page: AnalyzePage) -> dict[str, tuple[list[float], list[float]]]:
    """The curves found anew from the answers that lie with the run."""
    subject = page.subject
    assert subject is not None
    anew = analysis.load(runs.job_of(subject.run), subject.split).curves(subject.overlap)
    return {
        subject.classes[i].name: (curve.recall.tolist(), curve.precision.tolist())
        for i, curve in sorted(anew.items(), key=lambda item: -item[1].labelled)
        if curve.labelled
    }


def test_the_page_goes_along_with_a_hand_that_never_rests(
    studio_window: Person, page: AnalyzePage
) -> None:
    told: list[float] = []
    page.views.front.verbs_changed.connect(lambda: told.append(page.subject.score))
    moves = itertools.cycle(range(1, 81))

    def followed() -> bool:  # a move every few milliseconds
        page.score_field.setValue(0.1 + next(moves) / 100)
        return len(set(told)) > 3

    studio_window.until(followed)
    studio_window.idle()


def test_the_picture_comes_when_errors_of_one_image_are_stepped_through_faster_than_it_is_read(
    studio_window: Person, page: AnalyzePage
) -> None:
    cases, detail = page.errors.gallery.cases(), page.errors.detail
    assert detail.case is not None
    first, second = next(
        (one, other)
        for one, other in itertools.combinations(cases, 2)
        if one.image_id == other.image_id != detail.case.image_id
    )
    for case in (first, second):  # the first picture is not there yet when the second is wanted
        page.errors._show_case(case)
    assert detail.labels.view._image is None
    studio_window.idle()
    assert detail.labels.view._image is not None
