"""What a newcomer to Analyze and Predict stumbled over: cut words, wrong accents, edges."""

from __future__ import annotations

import pytest
from person import Person
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFontMetrics
from test_analyze import finished_run

from cvstudio.core.metrics.resampling import Measured
from cvstudio.core.metrics.slicing import PartFigure
from cvstudio.gui import theme
from cvstudio.gui.analyze.slices_view.slice_table import SliceTable
from cvstudio.gui.analyze.slices_view.view import SlicesView
from cvstudio.gui.analyze.suspects.suspect_list import headline_in, said_in
from cvstudio.gui.predict.page import PredictPage
from cvstudio.gui.widgets.empty_state import EmptyState
from cvstudio.project.slices import Slice, Sliced

REASON = (
    "Labelled background, but the network sees “foreground” here. Of 100 pixels as deep inside what"
    " it says, 61 are labelled so."
)


@pytest.fixture
def metrics(studio_window: Person) -> QFontMetrics:
    return QFontMetrics(theme.font("caption"))


def test_a_narrow_row_of_suspects_keeps_the_classes_of_its_headline(
    metrics: QFontMetrics,
) -> None:
    title = "Wrong region: background, rather “foreground”"
    assert headline_in(title, metrics, 1000) == title
    room = metrics.horizontalAdvance("background, rather “foreground”") + 4
    assert headline_in(title, metrics, room) == "background, rather “foreground”"


def test_a_reason_that_is_cut_says_so(metrics: QFontMetrics) -> None:
    assert said_in(REASON, metrics, QRect(0, 0, 2000, 200)) == REASON
    room = QRect(0, 0, 220, 3 * metrics.lineSpacing())
    cut = said_in(REASON, metrics, room)
    assert cut.endswith(" …")
    assert cut.startswith("Labelled background, but the network")
    wrapped = int(Qt.TextFlag.TextWordWrap)
    assert metrics.boundingRect(QRect(0, 0, 220, 1000), wrapped, cut).height() <= room.height()


def test_ending_what_is_at_work_is_no_next_step(studio_window: Person) -> None:
    empty = EmptyState("chart-pie", "Nothing here.", button="Make it")
    empty.set("Making it", button="Cancel", ends=True)
    assert not empty.button.property("next")
    empty.set("Nothing here.", button="Make it")
    assert empty.button.property("next")
    empty.deleteLater()


def test_the_network_of_predict_is_read_as_wide_as_on_export(studio_window: Person) -> None:
    predict, export = studio_window.page("predict"), studio_window.page("export")
    assert isinstance(predict, PredictPage)
    assert predict.left.wanted_width == export.left.wanted_width


def part(name: str, *, worse: bool) -> Slice:
    figure = PartFigure(Measured(0.5), Measured(-0.1), 0.01, 9, 9)
    return Slice("class", name, figure, 0.01, worse, (1,), frozenset())


def test_names_of_parts_begin_below_each_other_marked_or_not(studio_window: Person) -> None:
    table = SliceTable()
    parts = (part("Platelets", worse=True), part("RBC", worse=False))
    table.show_slices(Sliced("F1", Measured(0.6), parts, 9, 2))
    shown = [table.rows.index(row, 0).data(Qt.ItemDataRole.DecorationRole) for row in (0, 1)]
    assert all(each is not None for each in shown)
    table.show_slices(Sliced("F1", Measured(0.6), parts[1:], 9, 1))
    assert table.rows.index(0, 0).data(Qt.ItemDataRole.DecorationRole) is None
    table.deleteLater()


def test_the_keys_wait_for_the_table_of_parts(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished_run(studio_window.project)
    monkeypatch.setattr(type(studio_window.studio.live), "request", lambda *a, **k: 1)
    page = studio_window.page("analyze")
    studio_window.until(lambda: page.errors.verdict is not None)
    studio_window.key("Ctrl+3")
    view = page.views.front
    assert isinstance(view, SlicesView)
    studio_window.until(lambda: view.sliced is not None)
    assert view.sliced is not None
    wanted = view.table if view.sliced.slices else view
    studio_window.until(lambda: studio_window.window.focusWidget() is wanted)
