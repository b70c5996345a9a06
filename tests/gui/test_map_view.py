"""The map of a run's images: made, drawn, chosen from by mouse and keys, listed, and opened."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from patience import LIMIT
from person import Person
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QWidget
from test_analyze import finished_run

from cvstudio.core import events
from cvstudio.core.annotation import Review, Split
from cvstudio.core.config import EmbedConfig
from cvstudio.core.embedding import ANSWERS, Embeddings, read_subjects, write_embeddings
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir, replace_file, write_json
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.gui import theme
from cvstudio.gui.analyze.map_view import raster, reading
from cvstudio.gui.analyze.map_view.canvas import MapCanvas
from cvstudio.gui.analyze.map_view.colours import By
from cvstudio.gui.analyze.map_view.reading import Loaded
from cvstudio.gui.analyze.map_view.reasons import Reason
from cvstudio.gui.analyze.map_view.side import NEXT, UNUSUAL
from cvstudio.gui.analyze.map_view.view import MapView
from cvstudio.gui.analyze.page import AnalyzePage
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.tasks import Control
from cvstudio.project import commands, launch, queries, runs
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter


def leave(job: JobDir, ids: list[int], *, of_objects: bool = False) -> None:
    """What the embed job leaves: images on a line in one picture, on a circle in the other."""
    count = len(ids)
    along = np.linspace(-1, 1, count)
    around = np.linspace(0, 2 * np.pi, count, endpoint=False)
    vectors = np.stack([np.cos(around), np.sin(around), along], axis=1)
    marks = np.arange(1, count + 1) if of_objects else np.zeros(count, int)
    write_predictions(
        job.predictions(ANSWERS),
        (Prediction(i, objects=(Found(1, 0.5, Box(4, 4, 8, 8)),)) for i in ids),
    )
    write_embeddings(job, Embeddings(
        vectors.astype(np.float16), np.array(ids), marks, marks * 0 + of_objects,
        np.ones(count, np.float32), np.tile(np.float32([8, 8, 16, 12]), (count, 1)),
        np.stack([along, along * 0], 1).astype(np.float32), vectors[:, :2].astype(np.float32),
        np.array(ids), np.linspace(0, 1, count).astype(np.float32), layer="model.22",
        of_objects=of_objects,
    ))  # fmt: skip


def embedded(project: Project, run_id: int = 1, **more: Any) -> None:
    run = runs.get(project, run_id)
    with project.read() as s:
        ids = queries.image_ids(s)
    config = EmbedConfig(run_directory=run.directory, **more)
    leave(runs.make_job(run.directory / "jobs", config), ids, of_objects=config.of == "objects")


@pytest.fixture
def page(studio_window: Person, monkeypatch: pytest.MonkeyPatch) -> AnalyzePage:
    job = finished_run(studio_window.project)
    replace_file(job.best, b"")  # a network, which nothing here loads
    monkeypatch.setattr(type(studio_window.studio.live), "request", lambda *a, **k: 1)
    found = studio_window.page("analyze")
    assert isinstance(found, AnalyzePage)
    studio_window.until(lambda: found.errors.verdict is not None)
    studio_window.idle()
    return found


def shown(person: Person) -> MapView:
    """The view, with a map on it."""
    person.trigger("analyze.view_map")
    view = person.window.findChild(MapView)
    assert isinstance(view, MapView)
    person.until(lambda: view.loaded is not None)
    person.idle()
    return view


@pytest.fixture
def view(studio_window: Person, page: AnalyzePage) -> MapView:
    embedded(studio_window.project)
    return shown(studio_window)


def drag(canvas: MapCanvas, *places: QPointF, held: Qt.KeyboardModifier = Qt.KeyboardModifier(0),
         button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:  # fmt: skip
    first, *others = (place.toPoint() for place in places)
    QTest.mousePress(canvas, button, held, first)
    for place in others:
        QTest.mouseMove(canvas, place)
        QApplication.processEvents()
    QTest.mouseRelease(canvas, button, held, others[-1])
    QApplication.processEvents()


def around(place: QPointF, by: float = 12) -> tuple[QPointF, ...]:
    corners = ((-by, -by), (by, -by), (by, by), (-by, by))
    return tuple(place + QPointF(dx, dy) for dx, dy in corners)


def listed(view: MapView) -> list[int]:
    return [reason.record.id for reason in view.side.list.reasons]


def test_without_a_map_one_button_makes_it_and_the_points_appear(
    studio_window: Person, page: AnalyzePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(job: JobDir, **_more: Any) -> None:
        job.emit(events.Started(job="embed", pid=1, process_created=1))
        leave(job, [subject.id for subject in read_subjects(job)])
        job.emit(events.Ended(outcome=events.Outcome.FINISHED))
        gone = {"pid": 0, "created": 0.0, "launched_at": 0.0}
        write_json(job.path / "process.json", gone)

    monkeypatch.setattr(launch, "launch", work)
    studio_window.trigger("analyze.view_map")
    view = studio_window.window.findChild(MapView)
    assert isinstance(view, MapView)
    studio_window.until(lambda: view.empty.isVisible() and view.empty.button.text())
    assert "has not placed every image on a map yet" in view.empty.words.text()
    assert not view.bar.make.isVisible(), "one button makes it, and it is in the middle"
    studio_window.click(studio_window.button("Make the map"))
    studio_window.until(lambda: view.loaded is not None)
    assert view.canvas.isVisible()
    assert "images of all splits as run 1 sees them" in view.status[0]
    assert view.status[1] == "Deep: what it shows", "as the layer is chosen"


def test_a_lasso_lists_the_images_inside_and_opens_them_on_data(
    studio_window: Person, view: MapView
) -> None:
    ids = view.loaded.known.embeddings.images.tolist()  # type: ignore[union-attr]
    drag(view.canvas, *around(view.canvas.place_of(2)))
    assert view.canvas.rows.tolist() == [2]
    drag(view.canvas, *around(view.canvas.place_of(0)), held=Qt.KeyboardModifier.ShiftModifier)
    assert listed(view) == [ids[0], ids[2]]
    drag(view.canvas, *around(view.canvas.place_of(0)), held=Qt.KeyboardModifier.AltModifier)
    assert listed(view) == [ids[2]]
    drag(view.canvas, *around(view.canvas.place_of(0)), held=Qt.KeyboardModifier.ShiftModifier)
    studio_window.click(view.side.data)
    data = studio_window.window.front
    assert data.name == "data"
    assert studio_window.data_page().model.ids == [ids[0], ids[2]]


def test_a_rectangle_chooses_what_it_covers_and_a_click_beside_all_points_nothing(
    studio_window: Person, view: MapView
) -> None:
    studio_window.click(studio_window.button("Rectangle"))
    corner, size = QPointF(2, 2), view.canvas.rect().bottomRight()
    drag(view.canvas, corner, QPointF(size) - QPointF(2, 2))
    assert len(view.canvas.rows) == len(view.loaded.known.embeddings)  # type: ignore[union-attr]
    QTest.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=QPoint(4, 4))
    assert not len(view.canvas.rows)
    assert "Drag around points" in view.side.none.text()
    assert not view.side.data.isEnabled()


def test_the_map_is_worked_by_keys_alone(studio_window: Person, view: MapView) -> None:
    assert studio_window.window.focusWidget() is view.canvas, "the view gives the keys to the map"
    before = view.canvas.zoom
    studio_window.key("+")
    assert view.canvas.zoom > before
    place = view.canvas.place_of(0)
    studio_window.key("Left")
    assert view.canvas.place_of(0).x() > place.x()
    studio_window.key("0")
    assert view.canvas.zoom == pytest.approx(before)
    for _ in range(40):  # until the first point is under the cross
        away = view.canvas.place_of(0) - QPointF(view.canvas.rect().center())
        if max(abs(away.x()), abs(away.y())) <= 8:
            break
        view.canvas.pan(away.x(), away.y())
    studio_window.key("Space")
    assert view.canvas.rows.tolist() == [0]
    studio_window.key("Escape")
    assert not len(view.canvas.rows)
    studio_window.key("Ctrl+A")
    studio_window.key("Return")
    assert studio_window.window.front.name == "data"


def test_arrows_go_on_to_work_where_the_focus_is_once_images_are_listed(
    studio_window: Person, view: MapView
) -> None:
    """Then they step through the list, but nowhere that has a use of its own for them."""
    studio_window.key("Ctrl+A", view.canvas)
    assert view.side.list.reasons
    place, row = view.canvas.place_of(0), view.side.list.currentIndex().row()
    studio_window.key("Left", view.canvas)
    assert view.canvas.place_of(0).x() > place.x()
    legend = view.side.legend
    legend.setFocus()
    legend.setCurrentRow(0)
    studio_window.key("Down", legend)
    assert legend.currentRow() == 1
    colour = view.bar.colour.currentIndex()
    view.bar.colour.setFocus()
    studio_window.key("Down", view.bar.colour)
    assert view.bar.colour.currentIndex() > colour
    view.side.tabs.setFocus()
    studio_window.key("Right", view.side.tabs)
    assert view.side.tab == NEXT
    assert view.side.list.currentIndex().row() == row


def test_the_wheel_zooms_about_the_mouse_and_the_right_button_pans(
    studio_window: Person, view: MapView
) -> None:
    place = view.canvas.place_of(1)
    view.canvas.zoom_at(2.0, place)
    after = view.canvas.place_of(1)
    assert (after - place).manhattanLength() < 0.01
    drag(view.canvas, place, place + QPointF(30, 10), button=Qt.MouseButton.RightButton)
    moved = view.canvas.place_of(1) - after
    assert (moved.x(), moved.y()) == pytest.approx((30, 10), abs=0.5)
    assert not len(view.canvas.rows)


def test_the_point_under_the_mouse_shows_its_image(studio_window: Person, view: MapView) -> None:
    QTest.mouseMove(view.canvas, view.canvas.place_of(3).toPoint())
    studio_window.until(lambda: view.peek.isVisible())
    assert view.peek.words in [group.name for group in view.colouring.groups]  # type: ignore[union-attr]
    QTest.mouseMove(view.canvas, QPoint(3, 3))
    studio_window.until(lambda: not view.peek.isVisible())


def test_the_legend_says_whose_colour_an_image_of_several_classes_has(
    studio_window: Person, view: MapView
) -> None:
    known = view.loaded.known  # type: ignore[union-attr]
    assert any(len(classes) > 1 for classes in known.classes_of.values())
    assert view.side.note.isVisible()
    assert view.side.note.text() == "An image has the colour of its commonest class."
    view.bar.colour.setCurrentIndex(view.bar.colour.findData(By.SPLIT))
    view.bar.colour.activated.emit(view.bar.colour.currentIndex())
    assert not view.side.note.isVisible()


def test_the_bar_of_the_map_begins_where_the_views_above_it_begin(
    studio_window: Person, page: AnalyzePage, view: MapView
) -> None:
    def begins(widget: QWidget) -> int:
        return widget.mapTo(studio_window.window, QPoint(0, 0)).x()

    assert begins(view.bar._of) == begins(page.row.segments)


def test_each_point_has_the_colour_of_its_split_and_hidden_groups_are_not_chosen(
    studio_window: Person, view: MapView
) -> None:
    view.bar.colour.setCurrentIndex(view.bar.colour.findData(By.SPLIT))
    view.bar.colour.activated.emit(view.bar.colour.currentIndex())
    assert view.colouring is not None
    known = view.loaded.known  # type: ignore[union-attr]
    splits = [str(known.records[i].split or "no split") for i in known.embeddings.images.tolist()]
    names = [view.colouring.groups[place].name for place in view.colouring.of]
    assert names == splits
    counts = {group.name: group.count for group in view.colouring.groups}
    assert counts["train"] == splits.count("train") > 0
    item = view.side.legend.item(0)
    item.setCheckState(Qt.CheckState.Unchecked)
    view.canvas.setFocus()
    studio_window.key("Ctrl+A")
    assert len(view.canvas.rows) == len(splits) - view.colouring.groups[0].count
    view.side.legend.setFocus()
    view.side.legend.setCurrentRow(1)
    studio_window.key("Return", view.side.legend)
    assert len(view.canvas.rows) == view.colouring.groups[1].count


def test_errors_have_colours_and_what_was_not_judged_says_so(
    studio_window: Person, view: MapView
) -> None:
    view.bar.colour.setCurrentIndex(view.bar.colour.findData(By.ERROR))
    view.bar.colour.activated.emit(view.bar.colour.currentIndex())
    assert view.colouring is not None
    known = view.loaded.known  # type: ignore[union-attr]
    names = [view.colouring.groups[place].name for place in view.colouring.of]
    for image, name in zip(known.embeddings.images.tolist(), names, strict=True):
        assert (name == "Not judged") == (image not in known.judged)
    assert set(names) & set(known.kinds.values()), "the run errs on each val image"


def test_the_split_is_offered_over_the_map_where_it_says_whose_errors_are_coloured(
    studio_window: Person, page: AnalyzePage, view: MapView
) -> None:
    assert not page.split_box.isVisible()
    assert not page.score_field.isVisible()
    view.bar.colour.setCurrentIndex(view.bar.colour.findData(By.ERROR))
    view.bar.colour.activated.emit(view.bar.colour.currentIndex())
    assert page.split_box.isVisible()
    assert page.score_field.isVisible()
    view.bar.colour.setCurrentIndex(view.bar.colour.findData(By.SPLIT))
    view.bar.colour.activated.emit(view.bar.colour.currentIndex())
    assert not page.split_box.isVisible()
    page._show_not_judged(page.run, Split.TEST)  # type: ignore[arg-type]
    assert page.split_box.isVisible(), "the way to another split"
    page._load()
    studio_window.until(lambda: page.subject is not None)
    assert not page.split_box.isVisible()
    page.views.show_view("figures")
    assert page.split_box.isVisible()


def test_the_list_of_what_to_label_next_has_reasons_and_opens_as_a_walk(
    studio_window: Person, view: MapView
) -> None:
    studio_window.click(view.side.tabs, view.side.tabs.tabRect(NEXT).center())
    studio_window.until(lambda: view.side.list.reasons)
    ids = listed(view)
    with studio_window.project.read() as s:
        waiting = queries.image_ids(s, ImageFilter(reviews=(Review.UNLABELLED,)))
    assert sorted(ids) == sorted(waiting), "the images without labels, and no others"
    assert all("Unsure" in reason.text for reason in view.side.list.reasons[:1])
    view.side.list.setFocus()
    studio_window.key("Down")
    second = view.side.list.currentIndex().row()
    studio_window.key("Return")
    label = studio_window.window.front
    assert isinstance(label, LabelPage)
    assert studio_window.studio.image_id == ids[second]
    assert label.order.ids == tuple(ids) or list(label.order.ids) == ids
    studio_window.click(studio_window.button("Back to the map"))
    assert studio_window.window.front.name == "analyze"


def test_what_was_labelled_meanwhile_is_no_longer_listed(
    studio_window: Person, view: MapView
) -> None:
    view.side.tabs.setCurrentIndex(NEXT)
    studio_window.until(lambda: view.side.list.reasons)
    done, *left = listed(view)
    studio_window.page("data")
    with studio_window.project.transaction("Mark as empty") as s:
        commands.set_review(s, image_ids=[done], review=Review.EMPTY)
    studio_window.page("analyze")
    studio_window.until(lambda: listed(view) == left)


def test_going_through_the_unusual_marks_their_points(studio_window: Person, view: MapView) -> None:
    view.side.tabs.setCurrentIndex(UNUSUAL)
    studio_window.until(lambda: view.side.list.reasons)
    assert not view.why_not("next")
    view.step(1)
    reason = view.side.list.reasons[view.side.list.currentIndex().row()]
    assert reason.row >= 0
    assert "as far from" in reason.text
    assert view.canvas._marked == reason.row


def test_what_is_most_like_an_image_is_listed_closest_first_and_stays_so(
    studio_window: Person, view: MapView
) -> None:
    assert view.loaded is not None
    assert not view.side.like.isEnabled()
    assert "Click an image of the list" in view.side.like.toolTip()
    drag(view.canvas, *around(view.canvas.place_of(2)))
    (asked,) = listed(view)
    studio_window.click(view.side.like)
    studio_window.until(lambda: len(listed(view)) > 1)
    reasons = view.side.list.reasons
    assert (reasons[0].row, reasons[0].record.id) == (2, asked)
    assert reasons[0].text.startswith("What is asked about")
    vectors = view.loaded.known.embeddings.vectors.astype(np.float64)
    vectors -= vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors @ vectors[2]
    told = [float(reason.text.split()[1]) for reason in reasons[1:]]
    assert told == sorted(told, reverse=True)
    assert told == pytest.approx([cosines[reason.row] for reason in reasons[1:]], abs=0.01)
    assert sorted(view.canvas.rows.tolist()) == sorted(reason.row for reason in reasons)
    order = listed(view)
    with studio_window.project.transaction("Label one of them") as s:
        commands.set_review(s, image_ids=[order[1]], review=Review.EMPTY)
    studio_window.idle()
    assert listed(view) == order
    view.canvas.choose(np.array([5, 2]))
    assert [reason.row for reason in view.side.list.reasons] == [2, 5], "no longer what was like"


def test_what_is_like_an_image_is_found_although_a_label_changes_before_the_answer(
    studio_window: Person, view: MapView, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, like = threading.Event(), reading.like

    def slowly(loaded: Loaded, row: int, control: Control) -> list[Reason]:
        assert go.wait(LIMIT)
        return like(loaded, row, control)

    monkeypatch.setattr(reading, "like", slowly)
    drag(view.canvas, *around(view.canvas.place_of(2)))
    (asked,) = listed(view)
    studio_window.click(view.side.like)
    before = view.loaded
    with studio_window.project.transaction("Mark as empty") as s:
        commands.set_review(s, image_ids=[asked], review=Review.EMPTY)
    studio_window.until(lambda: view.loaded is not before)
    go.set()
    studio_window.idle()
    assert len(listed(view)) > 1
    assert listed(view)[0] == asked


def test_an_image_of_the_data_page_leads_to_those_that_are_like_it(
    studio_window: Person, page: AnalyzePage
) -> None:
    embedded(studio_window.project)
    with studio_window.project.read() as s:
        asked = queries.image_ids(s)[3]
    studio_window.page("data").arrive(image_id=asked)
    studio_window.trigger("data.like")
    assert studio_window.window.front is page
    view = page.findChild(MapView)
    assert isinstance(view, MapView)
    studio_window.until(lambda: view.side.list.reasons)
    assert view.side.list.reasons[0].record.id == asked
    assert len(view.side.list.reasons) > 1


def test_chosen_images_get_a_tag_in_one_step(studio_window: Person, view: MapView) -> None:
    drag(view.canvas, *around(view.canvas.place_of(2)))
    image = listed(view)[0]

    def name(dialog: QDialog) -> None:
        field = dialog.findChild(QLineEdit)
        assert field is not None
        studio_window.type(field, "corner")
        studio_window.key("Return", field)

    studio_window.answer(name)
    studio_window.click(view.side.tag)
    with studio_window.project.read() as s:
        assert queries.tags_of(s, [image]) == {image: ["corner"]}
    studio_window.project.undo()
    with studio_window.project.read() as s:
        assert queries.tags_of(s, [image]) == {image: []}


def test_the_other_picture_moves_the_points_and_keeps_what_is_chosen(
    studio_window: Person, view: MapView
) -> None:
    drag(view.canvas, *around(view.canvas.place_of(2)))
    studio_window.click(studio_window.button("PCA"))
    heights = {round(view.canvas.place_of(row).y()) for row in range(3)}
    assert len(heights) == 1, "in this picture they lie on a line"
    assert view.canvas.rows.tolist() == [2]


def shows(view: MapView, what: str) -> bool:
    return view.loaded is not None and view.loaded.found.config.of == what


def test_objects_are_points_of_their_own(studio_window: Person, page: AnalyzePage) -> None:
    embedded(studio_window.project)
    embedded(studio_window.project, of="objects")
    view = shown(studio_window)
    studio_window.click(studio_window.button("Objects"))
    studio_window.until(
        lambda: view.loaded is not None and view.loaded.found.config.of == "objects"
    )
    studio_window.idle()
    assert "objects of all splits as run 1 sees them" in view.status[0]
    studio_window.click(studio_window.button("Images"))
    studio_window.until(lambda: shows(view, "images"))


def test_images_that_came_later_are_told_of(studio_window: Person, page: AnalyzePage) -> None:
    project = studio_window.project
    run = runs.get(project, 1)
    with project.read() as s:
        ids = queries.image_ids(s)
    config = EmbedConfig(run_directory=run.directory)
    leave(runs.make_job(run.directory / "jobs", config), ids[:-1])
    assert "1 image is not on it yet" in shown(studio_window).status


def test_the_view_looks_right_in_both_themes(studio_window: Person, view: MapView) -> None:
    grounds = set()
    for scheme in (theme.DARK, theme.LIGHT):
        theme.keeper().choose(scheme)
        studio_window.settle()
        grounds.add(int(view.canvas.picture()[0, 0]))
    assert len(grounds) == 2, "the ground follows the theme"


@pytest.fixture
def canvas(qapp: QApplication) -> Iterator[MapCanvas]:
    made = MapCanvas()
    made.resize(400, 300)
    yield made
    made.deleteLater()


def test_every_point_is_drawn_where_it_lies_in_its_colour(canvas: MapCanvas) -> None:
    points = np.array([[-1, -1], [1, 1], [0, 0.5], [30, 0]], np.float32)
    canvas.show_points(points)
    colours = np.array([0xFFFF0000, 0xFF00FF00, 0xFF0000FF, 0xFFFFFFFF], np.uint32)
    canvas.show_colours(colours, np.ones(4, np.bool_))
    picture = canvas.picture()
    for row in range(4):
        place = canvas.place_of(row)
        assert picture[round(place.y()), round(place.x())] == colours[row]
    canvas.show_colours(colours, np.array([True, False, True, True]))
    place = canvas.place_of(1)
    assert canvas.picture()[round(place.y()), round(place.x())] == canvas.picture()[0, 0]


def test_a_disc_that_the_edge_cuts_does_not_come_in_at_the_other_side() -> None:
    picture = np.zeros((20, 30), np.uint32)
    places = np.array([[-1, 10], [29, 0], [15, 21]], np.float32)
    raster.draw(picture, places, np.array([1, 2, 3], np.uint32), diameter=7)
    assert set(picture[:, 15:][:, 8:].ravel()) <= {0, 2}
    assert (picture == 1)[:, :4].any()
    assert not (picture == 1)[:, 5:].any()
    assert (picture == 3).any()


def test_a_lasso_holds_what_lies_inside_of_it_also_where_it_is_hollow() -> None:
    hollow = np.array([[0, 0], [10, 0], [10, 10], [6, 10], [6, 4], [4, 4], [4, 10], [0, 10]], float)
    places = np.array([[1, 1], [5, 8], [8, 8], [5, 2], [20, 5]], np.float32)
    assert raster.inside(hollow, places).tolist() == [True, False, True, True, False]


def test_all_points_stay_in_view_when_the_map_gets_another_size_until_one_zooms(
    canvas: MapCanvas,
) -> None:
    canvas.show()
    canvas.show_points(np.array([[-1, -0.1], [1, 0.1], [0, 0]], np.float32))
    canvas.resize(260, 420)  # as beside the panel that comes with the points
    for row in range(3):
        assert canvas.rect().contains(canvas.place_of(row).toPoint())
    canvas.zoom_at(4)
    canvas.resize(300, 420)
    assert not canvas.rect().contains(canvas.place_of(0).toPoint())  # what one looks at stays
