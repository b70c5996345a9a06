"""Names of sixty letters and more: what stands beside them keeps its room, none is cut unsaid."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from person import Person
from PySide6.QtCore import QRect, QRectF, QSizeF
from PySide6.QtGui import QAction, QColor, QFontMetrics, QImage, QPainter
from PySide6.QtWidgets import QApplication
from test_analyze import finished_run, judged_page

from cvstudio.core.annotation import LabelClass
from cvstudio.core.geometry import Box
from cvstudio.core.words import percent
from cvstudio.gui import theme
from cvstudio.gui.analyze.confusion import ConfusionView
from cvstudio.gui.analyze.crops import name_in
from cvstudio.gui.analyze.figures import ClassTable
from cvstudio.gui.analyze.scale import Scale
from cvstudio.gui.widgets.overlay import OverlayItem, paint_items
from cvstudio.gui.widgets.section import NextStep
from cvstudio.project import commands
from cvstudio.project.verdict import Row

LONG = "erythrocyte with a rather long name from the atlas of peripheral blood cells"
MANY = 80


def test_a_long_project_name_leaves_the_search_its_room(studio_window: Person) -> None:
    window, header = studio_window.window, studio_window.window.header
    window.resize(1280, 720)
    studio_window.idle()
    before = header.search.width()
    with studio_window.project.transaction("Rename") as s:
        commands.rename_project(s, name=LONG)
    studio_window.idle()
    assert header.search.width() >= min(before, 200)
    assert header.project.text().endswith("…")
    assert LONG in header.project.toolTip()
    with studio_window.project.transaction("Rename") as s:
        commands.rename_project(s, name="Cells")
    studio_window.idle()
    assert header.project.text() == "Cells"
    assert "Cells" not in header.project.toolTip()


@pytest.fixture
def step(dressed: theme.ThemeKeeper, qapp: QApplication) -> Iterator[NextStep]:
    made = NextStep(QAction("Label 2,000 images"))
    made.show()
    yield made
    made.close()
    made.deleteLater()


def test_what_is_done_of_very_many_images_is_said_as_a_share_where_it_would_be_cut(
    step: NextStep,
) -> None:
    step.set_progress("Reviewed", "18,999 of 20,000", 0.94995)
    step.setFixedWidth(150)
    QApplication.processEvents()
    figure = step._figure
    assert figure.text() == percent(0.94)
    assert "18,999 of 20,000" in figure.toolTip()
    assert figure.sizeHint().width() <= figure.width()
    step.setFixedWidth(400)
    QApplication.processEvents()
    assert figure.text() == "18,999 of 20,000"
    assert not figure.toolTip()


def test_a_long_file_name_leaves_the_figures_their_room(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished_run(studio_window.project)
    monkeypatch.setattr(type(studio_window.studio.live), "request", lambda *a, **k: 1)
    detail = judged_page(studio_window).errors.detail
    studio_window.idle()
    before = detail.minimumSizeHint().width()
    detail.name.setText(f"{LONG}, {LONG}.jpg")
    studio_window.idle()
    assert detail.minimumSizeHint().width() < before + 50
    assert "…" in detail.name.shown()
    assert detail.name.shown().endswith("cells.jpg")


def test_the_ends_of_the_heat_scale_are_read_beside_a_long_class_in_a_small_window(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished_run(studio_window.project)
    monkeypatch.setattr(type(studio_window.studio.live), "request", lambda *a, **k: 1)
    detail = judged_page(studio_window).errors.detail
    heat = detail.heat
    studio_window.window.resize(1280, 720)
    scale = heat.findChild(Scale)
    assert scale is not None
    metrics = QFontMetrics(theme.font("small"))
    words = metrics.horizontalAdvance("little") + metrics.horizontalAdvance("much")
    for name in ("RBC", LONG):
        heat.figure.setText(f"“{name}” 0.64")
        studio_window.idle()
        assert scale.width() > words, name
        assert heat.figure.shown().endswith("0.64"), name


def test_a_tile_with_little_room_shows_the_number_that_tells_it_from_the_next(
    dressed: theme.ThemeKeeper, qapp: QApplication
) -> None:
    metrics = QFontMetrics(theme.font("caption"))
    room = metrics.horizontalAdvance("00330") + 2
    assert name_in("BloodImage_00330", metrics, room) == "00330"
    assert name_in("BloodImage_00330", metrics, 10 * room) == "BloodImage_00330"
    assert name_in("cells", metrics, 4) == ""


def test_names_of_classes_are_read_beside_their_figures(
    dressed: theme.ThemeKeeper, qapp: QApplication
) -> None:
    table = ClassTable()
    table.resize(330, 300)
    table.show()
    classes = {i: LabelClass(i, f"{LONG} {i}", "#F73C62") for i in range(1, MANY + 1)}
    rows = tuple(Row(i, (1_234.0, 0.442, 0.732, 0.4)) for i in classes)
    columns = ("Labelled", "Precision", "Recall", "AP50-95")
    table.show_rows(columns, rows, classes, nothing="nothing")
    QApplication.processEvents()
    metrics = table.fontMetrics()
    assert table.columnWidth(0) >= 16 + metrics.horizontalAdvance(LONG[:6])
    for place, name in enumerate(columns, 1):
        heads = table.horizontalHeader().fontMetrics()
        assert table.columnWidth(place) > heads.horizontalAdvance(name)
        assert table.columnWidth(place) > metrics.horizontalAdvance(
            "1,234" if place == 1 else "0.442"
        )
    table.close()
    table.deleteLater()


def test_no_count_is_read_in_part_where_the_missed_lie_over_it(
    dressed: theme.ThemeKeeper, qapp: QApplication
) -> None:
    view = ConfusionView()
    view.resize(331, 420)
    view.show()
    classes = {i: LabelClass(i, f"kind {i}", "#F73C62") for i in range(1, MANY + 1)}
    counts = np.full((MANY + 1, MANY + 1), 888, np.int64)
    view.show_counts(counts, (*classes, 0), classes, nothing="nothing", unit="boxes")
    checked = 0
    for shift in range(0, 30, 5):
        view.horizontalScrollBar().setValue(shift)
        QApplication.processEvents()
        pinned = view.pinned_column()
        assert pinned is not None
        cut = view.columnAt(pinned.x() - 2)
        cell = view.visualRect(view.model().index(2, cut))
        if cell.right() <= pinned.x() or pinned.x() - cell.x() < 12:
            continue  # nothing of it is covered, or nothing is seen
        checked += 1
        seen = QRect(cell.x() + 1, cell.y() + 1, pinned.x() - cell.x() - 4, cell.height() - 3)
        picture = view.viewport().grab(seen).toImage()
        places = ((x, y) for x in range(picture.width()) for y in range(picture.height()))
        assert len({picture.pixelColor(x, y).rgb() for x, y in places}) == 1
        whole = view.visualRect(view.model().index(2, cut - 1))
        other = view.viewport().grab(whole).toImage()
        places = ((x, y) for x in range(other.width()) for y in range(other.height()))
        assert len({other.pixelColor(x, y).rgb() for x, y in places}) > 3
    assert checked
    view.close()
    view.deleteLater()


def test_a_long_tag_ends_with_the_picture(qapp: QApplication, dressed: theme.ThemeKeeper) -> None:
    picture = QImage(300, 100, QImage.Format.Format_RGB32)
    picture.fill(QColor("black"))
    painter = QPainter(picture)
    item = OverlayItem(Box(100, 80, 200, 100), "#3366FF", text=LONG)
    paint_items(painter, QRectF(0, 0, 200, 100), QSizeF(400, 200), [item])
    painter.end()
    beyond = picture.copy(201, 0, 99, 100)
    black = QColor("black").rgb()
    assert all(beyond.pixel(x, y) == black for x in range(99) for y in range(100))
    assert picture.pixelColor(100, 30) != QColor("black")
