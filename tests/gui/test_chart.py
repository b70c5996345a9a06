"""Charts have round ticks, keep their look in both themes, and give their figures away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cvstudio.gui import theme
from cvstudio.gui.style import StudioStyle
from cvstudio.gui.widgets.chart import MOST_POINTS, Chart
from cvstudio.gui.widgets.chart_figures import (
    log_ticks,
    round_ticks,
    round_up,
    shown,
    smoothed,
)
from cvstudio.gui.widgets.chart_legend import line_pen


@pytest.fixture
def chart(qtbot: QtBot) -> Chart:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    if theme._Now.keeper is None:
        theme.ThemeKeeper(application, StudioStyle()).choose("dark")
    made = Chart("Loss", x="epoch", y="loss")
    qtbot.addWidget(made)
    made.resize(400, 240)
    made.show()
    return made


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 100, [0, 25, 50, 75, 100]),
        (0, 1, [0, 0.25, 0.5, 0.75, 1]),
        (0, 4, [0, 1, 2, 3, 4]),
        (0, 0.012, [0, 0.005, 0.01]),
        (0, 3, [0, 1, 2, 3]),
    ],
)
def test_ticks_are_few_and_round(low: float, high: float, ticks: list[float]) -> None:
    assert round_ticks(low, high) == pytest.approx(ticks)


@pytest.mark.parametrize("value", [0.004, 0.9, 1, 7.3, 99, 12345])
def test_the_axis_ends_at_a_round_figure_just_above_the_data(value: float) -> None:
    assert value <= round_up(value) <= 1.4 * value
    assert 2 <= len(round_ticks(0, round_up(value))) <= 7


def test_the_empty_part_of_a_chart_shows_what_is_left(chart: Chart) -> None:
    chart.set_line("train", [1, 2, 3], [3, 2, 1])
    chart.set_range(x=(0, 100))
    (left, right), (bottom, top) = chart.plot.viewRange()
    assert left <= 0
    assert right >= 100
    assert bottom <= 0
    assert 3 <= top < 4


def test_an_axis_of_minutes_ends_at_a_round_figure(chart: Chart) -> None:
    chart.set_line("memory", [0, 100, 212], [3, 4, 5])
    (_left, right), _ = chart.plot.viewRange()
    assert right == pytest.approx(250, rel=0.02)
    chart.set_line("memory", [0, 100, 251], [3, 4, 5])
    assert chart.plot.viewRange()[0][1] == pytest.approx(300, rel=0.02)


def test_lines_differ_without_colour(chart: Chart) -> None:
    for name in ("a", "b", "c", "d"):
        chart.set_line(name, [0, 1], [0, 1])
    patterns = {tuple(line_pen(place).dashPattern()) for place in range(4)}
    assert len(patterns) == 4
    assert chart.names == ["a", "b", "c", "d"]


def test_figures_that_are_not_numbers_leave_a_gap(chart: Chart) -> None:
    chart.set_line("val", [1, 2, 3], [1.0, float("nan"), 2.0])
    assert chart.line("val")[0] == [1, 2, 3]
    assert shown(float("nan")) == "–"


def test_very_long_lines_are_thinned(chart: Chart) -> None:
    count = 10 * MOST_POINTS
    chart.set_line("memory", range(count), range(count))
    assert len(chart.line("memory")[0]) <= MOST_POINTS
    assert chart.line("memory")[0][-1] == count - 1


def test_a_peak_of_a_very_long_line_is_drawn(chart: Chart) -> None:
    values = [1.0] * 10 * MOST_POINTS
    values[12_345] = 7.0
    chart.set_line("memory", range(len(values)), values)
    assert max(chart.line("memory")[1]) == 7.0


def test_hovering_reads_the_values_and_leaving_shows_the_newest(chart: Chart) -> None:
    chart.set_line("train", [1, 2, 3], [3, 2, 1])
    chart.set_figures("1 train")
    place, button = QPointF(380, 60), Qt.MouseButton.NoButton
    move = QMouseEvent(
        QEvent.Type.MouseMove, place, place, button, button, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(chart.plot.viewport(), move)
    assert chart.figures.text() == "epoch 3: 1 train"
    QApplication.sendEvent(chart.plot.viewport(), QEvent(QEvent.Type.Leave))
    assert chart.figures.text() == "1 train"


def test_the_figures_can_be_taken_away_as_a_table(chart: Chart, tmp_path: Path) -> None:
    chart.set_line("train", [1, 2], [3.5, 2])
    chart.set_line("val", [2], [4])
    chart.save_csv(tmp_path / "loss.csv")
    rows = (tmp_path / "loss.csv").read_text().splitlines()
    assert rows == ["epoch,train,val", "1.0,3.5,", "2.0,2.0,4.0"]


def test_a_chart_changes_with_the_theme(chart: Chart) -> None:
    keeper = theme.keeper()
    before = keeper.scheme
    try:
        keeper.choose("light")
        assert chart.plot.backgroundBrush().color() == theme.colour("raised")
        assert chart.plot.backgroundBrush().color().name() == "#ffffff"
    finally:
        keeper.choose(before)


def test_small_figures_stay_what_they_are_after_a_change_of_theme(
    qtbot: QtBot, dressed: theme.ThemeKeeper
) -> None:
    made = Chart("Learning rate", x="epoch", y="rate")
    qtbot.addWidget(made)
    made.set_line("learning rate", [1, 2], [0.0005, 0.002])
    made.show()
    dressed.choose("light")
    axis = made.plot.getAxis("left")
    words = axis.tickStrings([0.002], axis.autoSIPrefixScale * axis.scale, 0.0005)
    dressed.choose("dark")
    assert words == ["0.002"]
    assert shown(2.78e-05) == "0.0000278"


def test_the_line_under_the_mouse_is_one_pixel_wide_in_a_chart_of_few_epochs(chart: Chart) -> None:
    chart.set_line("train", [1, 2], [6.8, 6.3])
    chart.set_range(x=(0, 2))
    QApplication.processEvents()
    before = chart.plot.grab().toImage()
    place, button = QPointF(200, 60), Qt.MouseButton.NoButton
    move = QMouseEvent(
        QEvent.Type.MouseMove, place, place, button, button, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(chart.plot.viewport(), move)
    QApplication.processEvents()
    after = chart.plot.grab().toImage()
    changed = [
        sum(before.pixel(x, y) != after.pixel(x, y) for x in range(before.width()))
        for y in range(before.height())
    ]
    assert 1 <= max(changed) <= 2


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.001, 1, [0.001, 0.01, 0.1, 1]),
        (0.05, 2, [0.1, 0.3, 1]),
        (1.1, 6, [1.5, 2, 3, 5]),
    ],
)
def test_ticks_of_factors_are_round_values(low: float, high: float, ticks: list[float]) -> None:
    assert 10 ** np.array(log_ticks(np.log10(low), np.log10(high))) == pytest.approx(ticks)


def test_smoothing_neither_pulls_the_beginning_to_zero_nor_trips_over_a_gap() -> None:
    values = np.array([4.0, 2.0, np.nan, 2.0])
    assert smoothed(values, 0.0).tolist()[:2] == [4, 2]
    found = smoothed(values, 0.5)
    assert found[0] == 4
    assert found[1] == pytest.approx((0.25 * 4 + 0.5 * 2) / 0.75)
    assert np.isnan(found[2])
    assert 2 < found[3] < found[1]


def test_a_smoothed_line_keeps_its_values_pale_behind_it_and_in_the_file(chart: Chart) -> None:
    chart.set_line("train", [1, 2, 3], [4, 0, 4])
    chart.set_smoothing(0.9)
    _, even = chart._curves["train"].getData()
    assert even[1] > 1
    _, pale = chart._ghosts["train"].getData()
    assert list(pale) == [4, 0, 4]
    assert chart._ghosts["train"].opts["pen"].color().alphaF() < 0.5
    assert chart.line("train")[1] == [4, 0, 4]
    chart.set_smoothing(0.0)
    assert list(chart._curves["train"].getData()[1]) == [4, 0, 4]
    assert not chart._ghosts["train"].isVisible()


def test_on_a_log_scale_equal_distances_are_equal_factors_and_zero_is_left_out(
    chart: Chart,
) -> None:
    chart.set_line("train", [1, 2, 3, 4], [10, 1, 0.1, 0])
    chart.set_range(x=(0, 4))
    chart.set_log(True)
    _, placed = chart._curves["train"].getData()
    assert list(placed[:3]) == pytest.approx([1, 0, -1])
    assert np.isnan(placed[3])
    low, high = chart.plot.viewRange()[1]
    assert low < -1 < 1 <= high < 1.6
    axis = chart.plot.getAxis("left")
    assert axis.tickStrings([-1.0, 0.0, 1.0], 1, 1) == ["0.1", "1", "10"]
    chart.set_log(False)
    assert chart.plot.viewRange()[1][1] >= 10


def test_the_best_epoch_is_marked_and_a_cleared_chart_has_no_mark(chart: Chart) -> None:
    chart.set_line("val", [1, 2, 3], [3, 1, 2])
    chart.set_mark(2, "best, 2")
    assert chart._mark_line.isVisible()
    assert chart._mark_line.value() == 2
    assert chart._mark_words.toPlainText() == "best, 2"
    chart.clear()
    assert chart.mark is None
    assert not chart._mark_line.isVisible()
