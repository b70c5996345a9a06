"""What becomes of a half-drawn shape: by Enter, Esc, another image, tool or page, or closing."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from label_hands import ALT, WIDTH, label_page, opened_page
from patience import LIMIT, until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from cvstudio.core.annotation import Review, Task
from cvstudio.core.errors import ProjectError
from cvstudio.core.masks import Mask
from cvstudio.gui.label import keeping
from cvstudio.imaging.regions import grabcut, wand
from cvstudio.project import commands, queries
from cvstudio.project.project import Project

CORNERS = ((50, 50), (150, 50), (100, 140))


@pytest.fixture
def drawing(tmp_path, qtbot, request):
    with label_page(tmp_path, qtbot, getattr(request, "param", Task.INSTANCE)) as hands:
        hands.toasts = []
        hands.studio.toasted.connect(hands.toasts.append)
        yield hands


def points(person, count, tool="label.polygon"):
    person.do(tool)
    for place in CORNERS[:count]:
        person.click(*place)


def on(person, image=1):
    with person.project.read() as session:
        return queries.annotations(session, image)


def told(person):
    return [toast.text for toast in person.toasts]


def see_an_object(monkeypatch):
    """Let the wand and GrabCut find a square in every picture, whatever is in it."""

    def square(rgb, *_where, **_how):
        patch = np.zeros(rgb.shape[:2], np.uint8)
        patch[20:60, 30:80] = 1
        return patch

    monkeypatch.setattr(wand, "flood", square)
    monkeypatch.setattr(grabcut, "cut", square)


def idle(person):
    until(lambda: not person.studio.tasks.working)


def wand_region(person):
    person.do("label.wand")
    person.click(100, 80)
    until(lambda: person.canvas.tool.region is not None)


# -- kept, and told with a way back


def test_a_polygon_kept_by_going_on_is_told_on_the_next_image_with_a_way_back(drawing):
    points(drawing, 3)
    assert drawing.page.status_right.endswith("Leaving keeps it")
    drawing.keys("D")
    assert drawing.document.image.id == 2
    (toast,) = drawing.toasts
    assert (toast.text, toast.link) == ("Polygon kept on 1.png", "Undo")
    assert len(on(drawing)) == 1
    toast.do()
    assert on(drawing) == []


def test_a_polygon_kept_by_taking_another_tool_or_page_is_told_too(drawing):
    points(drawing, 3)
    drawing.keys("B")
    assert told(drawing) == ["Polygon kept on 1.png"]
    points(drawing, 3)
    drawing.page.hidden()
    assert told(drawing) == ["Polygon kept on 1.png"] * 2
    assert len(on(drawing)) == 2


@pytest.mark.parametrize("tool", ["wand", "grabcut", "superpixels"])
def test_a_region_is_kept_when_one_goes_on_and_dropped_by_esc(drawing, monkeypatch, tool):
    see_an_object(monkeypatch)
    drawing.do(f"label.{tool}")

    def find():
        if tool == "grabcut":
            drawing.drag((60, 50), (200, 160))
        else:
            drawing.hover(100, 80)
            idle(drawing)
            drawing.click(100, 80)
        until(lambda: drawing.canvas.tool.region is not None)

    find()
    drawing.keys("Esc")
    assert not drawing.canvas.tool.busy
    assert on(drawing) == []
    find()
    drawing.keys("D")
    assert told(drawing) == ["Region kept on 1.png"]
    (kept,) = on(drawing)
    assert isinstance(kept.shape, Mask)
    drawing.toasts[0].do()
    assert on(drawing) == []


def test_an_outline_of_the_scissors_is_kept_from_three_points_on(drawing):
    points(drawing, 3, "label.scissors")
    drawing.keys("D")
    assert told(drawing) == ["Polygon kept on 1.png"]
    assert len(on(drawing)) == 1


@pytest.mark.parametrize(("tool", "name"), [("brush", "Brush stroke"), ("box", "Box")])
def test_what_is_being_drawn_when_a_key_leads_away_is_kept_as_if_the_button_went_up(
    drawing, tool, name
):
    drawing.do(f"label.{tool}")
    drawing.press(60, 60)
    drawing.move(120, 110)
    drawing.keys("D")
    drawing.release(120, 110)
    assert told(drawing) == [f"{name} kept on 1.png"]
    assert len(on(drawing)) == 1
    assert on(drawing, 2) == []


def test_the_window_closes_with_three_points_and_they_are_there_when_it_opens_again(
    studio_window,
):
    page = studio_window.page("label")
    studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
    image, before = page.document.image.id, len(page.document.annotations)
    studio_window.trigger("label.polygon")
    for x, y in ((5, 5), (50, 5), (30, 40)):
        studio_window.drag(page.canvas, (x, y), (x, y))
    path = studio_window.project.path
    studio_window.window.close()
    with Project.open(path, write=False) as project, project.read() as session:
        assert len(queries.annotations(session, image)) == before + 1


# -- dropped, with a word


def test_two_points_are_dropped_with_a_word_as_the_hint_says(drawing):
    points(drawing, 2)
    assert drawing.page.status_right.endswith("Leaving drops it")
    drawing.keys("D")
    assert told(drawing) == ["Polygon on 1.png dropped: it needs three points"]
    assert on(drawing) == []


def test_one_corner_of_a_box_a_cut_and_extreme_points_are_dropped_with_a_word(drawing):
    drawing.do("label.box")
    drawing.click(60, 60)
    drawing.keys("D")
    drawing.keys("A")
    drawing.do("label.slice")
    drawing.click(20, 20)
    drawing.click(90, 90)
    drawing.do("label.box")
    drawing.page.bar.options.way.chosen.emit(1)
    for place in CORNERS:
        drawing.click(*place)
    drawing.do("label.select")
    assert told(drawing) == [
        "Box on 1.png dropped: it has only one corner",
        "Cut on 1.png dropped: Enter was not pressed",
        "Box on 1.png dropped: it has 3 of its 4 extreme points",
    ]
    assert on(drawing) == []


def test_a_thread_that_has_found_nothing_yet_is_dropped_with_a_word(drawing, monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(wand, "flood", lambda rgb, *_a, **_k: go.wait(LIMIT) and rgb[..., 0] * 0)
    drawing.do("label.wand")
    drawing.click(100, 80)
    drawing.do("label.select")
    go.set()
    idle(drawing)
    assert told(drawing) == ["Region on 1.png dropped: nothing was found yet"]
    assert on(drawing) == []


def test_scribbles_wait_with_their_image_which_is_said_once(drawing):
    drawing.do("label.pixel_classifier")
    drawing.drag((40, 40), (120, 60))
    drawing.keys("D")
    assert told(drawing) == ["Scribbles wait on 1.png"]
    assert drawing.toasts[0].link == "Go back"
    drawing.toasts[0].do()
    assert drawing.document.image.id == 1
    assert len(drawing.canvas.tool.strokes) == 1
    drawing.do("label.select")
    assert len(told(drawing)) == 1


def test_scribbles_are_there_again_when_the_window_opens_again(tmp_path, qtbot):
    with label_page(tmp_path, qtbot, Task.SEGMENT) as first:
        first.do("label.pixel_classifier")
        first.drag((40, 40), (120, 60))
        first.drag((40, 200), (120, 220), keys=ALT)
        before = [(s.number, s.width, s.points) for s in first.canvas.tool.strokes]
    with Project.open(tmp_path / "project") as project, opened_page(project) as page:
        page.studio.actions.trigger("label.pixel_classifier")
        again = page.canvas.tool.strokes
        assert [s.number for s in again] == [number for number, *_ in before] == [1, 0]
        for stroke, (_number, width, way) in zip(again, before, strict=True):
            assert stroke.width == pytest.approx(width, abs=0.001)
            assert np.allclose(stroke.points, way, atol=0.01)
        assert not project.undo_label or "Scribbles" not in project.undo_label
        QTest.keyClick(page.canvas, Qt.Key.Key_Escape)
        page.hidden()
        with project.read() as session:
            assert queries.setting(session, "label.scribbles", None) == {}, (
                "Esc drops them for good"
            )


def test_without_a_draft_nothing_is_said(drawing):
    drawing.do("label.polygon")
    drawing.keys("D")
    drawing.do("label.box")
    drawing.page.hidden()
    assert told(drawing) == []


# -- Undo of what was kept


def test_undo_of_a_kept_polygon_leaves_later_steps_alone(drawing):
    points(drawing, 3)
    drawing.keys("D")
    until(lambda: drawing.canvas.tiles.pyramid is not None)
    drawing.do("label.approve")
    drawing.toasts[0].do()
    assert on(drawing) == []
    assert drawing.review(2) is Review.EMPTY, "the later step stands"
    drawing.studio.undo()
    assert len(on(drawing)) == 1, "taking it back was a step as well"
    drawing.studio.redo()
    drawing.toasts[0].do()
    assert told(drawing)[-1] == "It is gone already"


@pytest.mark.parametrize("drawing", [Task.SEGMENT], indirect=True)
def test_undo_of_what_later_steps_build_on_shows_it_and_says_so(drawing):
    for place in ((60, 60), (160, 60)):
        drawing.do("label.brush")
        drawing.press(*place)
        drawing.move(place[0] + 30, place[1] + 30)
        drawing.keys("D")  # the second stroke makes the mask of the first one grow
        drawing.release(*place)
        drawing.keys("A")
    drawing.add(CORNERS_BOX, image=3)
    drawing.keys("D")
    drawing.toasts[1].do()
    assert "Later steps build on it" in told(drawing)[-1]
    assert drawing.document.image.id == 1
    assert len(on(drawing)) == 1


# -- what waits is not called saved


def test_while_a_draft_waits_it_is_not_said_that_all_is_saved(studio_window):
    page = studio_window.page("label")
    studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
    saved = studio_window.window.status.saved
    assert saved.text() == "All changes saved"
    studio_window.trigger("label.polygon")
    for x, y in ((5, 5), (50, 5)):
        studio_window.drag(page.canvas, (x, y), (x, y))
        assert saved.text() == "Polygon not kept yet"
    with studio_window.project.transaction("Another job") as session:
        commands.add_class(session, name="from elsewhere")
    studio_window.settle()
    assert saved.text() == "Polygon not kept yet"
    studio_window.drag(page.canvas, (30, 40), (30, 40))
    studio_window.key("Return")
    assert saved.text() == "All changes saved"
    studio_window.drag(page.canvas, (30, 40), (30, 40))
    studio_window.key("Esc")
    assert saved.text() == "All changes saved"


def test_a_drag_under_way_is_no_draft_that_waits(drawing):
    drawing.do("label.box")
    seen = []
    drawing.page.status_changed.connect(lambda: seen.append(drawing.page.unsaved))
    drawing.drag((60, 60), (120, 110))
    assert set(seen) == {""}
    assert len(on(drawing)) == 1


@pytest.mark.parametrize("tool", ["polygon", "scissors", "wand", "grabcut", "superpixels"])
def test_the_hint_of_a_draft_names_enter_and_esc(drawing, monkeypatch, tool):
    see_an_object(monkeypatch)
    drawing.do(f"label.{tool}")
    if tool == "grabcut":
        drawing.drag((60, 50), (200, 160))
    else:
        drawing.hover(100, 80)
        idle(drawing)
        drawing.click(100, 80)
    idle(drawing)
    drawing.hover(101, 80)
    assert "Enter" in drawing.page.status_right
    assert "Esc drops" in drawing.page.status_right


# -- a failed write leaves the draft


@pytest.fixture
def full_disk(drawing, monkeypatch):
    """The disk is full until `free` is called; what was said of it."""
    said = []
    monkeypatch.setattr(drawing.studio, "fail", lambda error, **_k: said.append(str(error)))

    def fails(*_a, **_k):
        raise ProjectError("The disk is full.")

    patched = [(commands, "add_annotation"), (commands, "set_shape")]
    for module, name in patched:
        monkeypatch.setattr(module, name, fails)
    return SimpleNamespace(said=said, free=monkeypatch.undo)


def draw(person, tool):
    if tool in ("polygon", "scissors"):
        points(person, 3, f"label.{tool}")
    elif tool == "wand":
        wand_region(person)
    else:
        person.do(f"label.{tool}")
        person.press(60, 60)
        person.move(120, 110)
    return person.canvas.tool


@pytest.mark.parametrize("tool", ["polygon", "scissors", "wand", "box", "brush"])
def test_what_could_not_be_stored_stays_in_hand_and_is_kept_by_the_next_try(
    drawing, full_disk, tool
):
    held = draw(drawing, tool)
    if tool in ("box", "brush"):
        drawing.release(120, 110)
    else:
        drawing.keys("Return")
        idle(drawing)
    assert full_disk.said
    assert held.busy
    full_disk.free()
    if tool == "box":
        drawing.click(120, 110)
    else:
        drawing.keys("Return")
        idle(drawing)
    assert not held.busy
    assert len(on(drawing)) == 1


@pytest.mark.parametrize("tool", ["polygon", "scissors", "wand", "brush"])
def test_one_stays_with_what_could_not_be_stored_instead_of_losing_it(drawing, full_disk, tool):
    held = draw(drawing, tool)
    drawing.studio.select_image(2)
    until(lambda: drawing.studio.image_id == 1)
    assert drawing.document.image.id == 1
    drawing.keys("V")
    assert drawing.canvas.tool is held
    assert drawing.studio.actions[f"label.{tool}"].isChecked()
    assert not drawing.page.settled(), "the window asks before it closes"
    assert held.busy
    assert drawing.toasts == []
    full_disk.free()
    drawing.studio.select_image(2)
    assert drawing.document.image.id == 2
    assert len(on(drawing)) == 1


# -- regions that are large


def test_a_region_too_large_for_the_memory_is_refused_and_stays(drawing, monkeypatch):
    wand_region_in(drawing, monkeypatch)
    monkeypatch.setattr(keeping, "MOST_PIXELS", 100)
    drawing.keys("Return")
    assert any("zoom in" in words for words in drawing.page.status_left)
    assert drawing.canvas.tool.region is not None
    assert on(drawing) == []
    drawing.keys("D")
    assert told(drawing) == ["Region on 1.png dropped: it is too large for one mask"]


def wand_region_in(person, monkeypatch):
    see_an_object(monkeypatch)
    wand_region(person)


@pytest.mark.parametrize("drawing", [Task.INSTANCE, Task.SEGMENT], indirect=True)
@pytest.mark.parametrize("then", ["wait", "next image", "another click", "Enter again"])
def test_a_large_region_is_made_in_a_thread_and_never_lost_on_the_way(drawing, monkeypatch, then):
    wand_region_in(drawing, monkeypatch)
    box = drawing.canvas.tool.region.box
    window, at_work = threading.current_thread(), []
    made = keeping.outcome_of
    go = threading.Event()

    def outcome_of(*args, **more):
        at_work.append(threading.current_thread())
        assert go.wait(LIMIT)
        return made(*args, **more)

    monkeypatch.setattr(keeping, "outcome_of", outcome_of)
    monkeypatch.setattr(keeping, "AT_ONCE", 0)
    drawing.keys("Return")
    assert on(drawing) == []
    assert drawing.canvas.tool.region is not None, "it is seen until it is stored"
    if then == "wait":
        go.set()
    threading.Timer(0.1, go.set).start()
    if then == "next image":
        drawing.keys("D")
        assert drawing.document.image.id == 2
    elif then == "another click":
        drawing.click(200, 150)
    elif then == "Enter again":
        drawing.keys("Return")
    idle(drawing)
    until(lambda: len(on(drawing)) == 1)
    assert window not in at_work
    assert on(drawing)[0].shape.box == box


def test_backspace_while_a_large_region_is_stored_takes_the_enter_back(drawing, monkeypatch):
    wand_region_in(drawing, monkeypatch)
    go, made = threading.Event(), keeping.outcome_of
    monkeypatch.setattr(keeping, "AT_ONCE", 0)
    monkeypatch.setattr(keeping, "outcome_of", lambda *a, **k: go.wait(LIMIT) and made(*a, **k))
    drawing.keys("Return")
    drawing.key(Qt.Key.Key_Backspace)
    go.set()
    idle(drawing)
    assert on(drawing) == []


# -- the eraser


def test_the_eraser_says_when_nothing_of_the_selected_mask_is_under_it(drawing):
    chosen = drawing.add(Mask.from_patch(np.ones((20, 20), np.uint8), 20, 20))
    other = drawing.add(Mask.from_patch(np.ones((40, 40), np.uint8), 200, 150))
    drawing.document.select([chosen])
    drawing.do("label.erase")
    before = {a.id: a.shape for a in on(drawing)}
    drawing.drag((210, 160), (230, 180))
    assert {a.id: a.shape for a in on(drawing)} == before
    assert any("Nothing of the selected Cell is here" in w for w in drawing.page.status_left)
    drawing.keys("Esc")
    drawing.drag((210, 160), (230, 180))
    left = {a.id: a.shape for a in on(drawing)}
    assert left[other] != before[other], "Esc, and it takes what lies under it"
    assert left[chosen] == before[chosen]


CORNERS_BOX = Mask.from_patch(np.ones((30, 30), np.uint8), WIDTH - 60, 20)
