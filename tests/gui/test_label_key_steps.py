"""Keys that change a shape a little, pressed in a row, are one step back; a pause parts them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from label_hands import SHIFT, label_page
from PySide6.QtCore import Qt

from cvstudio.core.annotation import Source, State
from cvstudio.core.geometry import Box
from cvstudio.core.rotated import RotatedBox
from cvstudio.project import steps


@pytest.fixture
def clock(monkeypatch):
    """The time that steps read: it stands still until it is moved."""
    now = SimpleNamespace(at=1_800_000_000.0)
    ours = SimpleNamespace(time=lambda: now.at)
    monkeypatch.setattr("cvstudio.project.steps.time", ours)
    return now


@pytest.fixture
def person(tmp_path, qtbot, clock):
    with label_page(tmp_path, qtbot) as hands:
        yield hands


def put(person, shape, **more):
    id = person.add(shape, **more)
    person.document.select([id])
    return id


def labels(person):
    with person.project.read() as session:
        return [step.label for step in steps.listed(session) if step.done][:-1]  # not the import


def test_turning_three_times_in_a_row_is_taken_back_by_one_undo(person):
    put(person, RotatedBox(160, 120, 120, 40, 0))
    for _ in range(3):
        person.keys("Alt+Shift+Right", person.canvas)
    assert person.only.shape.angle == pytest.approx(30)
    assert labels(person) == ["Turn 1 annotation", "Prepare"]
    person.project.undo()
    assert person.only.shape.angle == 0
    person.project.redo()
    assert person.only.shape.angle == pytest.approx(30)


def test_arrows_in_a_row_are_taken_back_by_one_undo(person):
    put(person, Box(50, 50, 40, 30))
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down):
        person.key(key, SHIFT)
    assert person.only.shape == Box(52, 51, 40, 30)
    person.project.undo()
    assert person.only.shape == Box(50, 50, 40, 30)
    assert labels(person) == ["Prepare"]


def test_after_a_pause_the_same_key_is_a_step_of_its_own(person, clock):
    put(person, Box(50, 50, 40, 30))
    person.key(Qt.Key.Key_Right, SHIFT)
    clock.at += 5
    person.key(Qt.Key.Key_Right, SHIFT)
    person.project.undo()
    assert person.only.shape.x == 51


def test_a_drag_or_another_shape_between_two_keys_parts_their_steps(person):
    first = put(person, Box(50, 50, 40, 30))
    person.key(Qt.Key.Key_Right, SHIFT)
    second = put(person, Box(200, 200, 40, 30))
    person.key(Qt.Key.Key_Right, SHIFT)
    person.document.select([first])
    person.key(Qt.Key.Key_Right, SHIFT)
    person.drag((70, 65), (80, 65))
    person.key(Qt.Key.Key_Right, SHIFT)
    assert [shape.shape.x for shape in person.shapes] == [63, 201]
    seen = []
    for _ in range(4):
        person.project.undo()
        seen.append({a.id: a.shape.x for a in person.shapes})
    assert seen == [
        {first: 62, second: 201}, {first: 52, second: 201},
        {first: 51, second: 201}, {first: 51, second: 200},
    ]  # fmt: skip


def test_keys_after_an_undo_do_not_join_what_is_left(person):
    put(person, Box(50, 50, 40, 30))
    person.key(Qt.Key.Key_Right, SHIFT)
    person.project.undo()
    person.key(Qt.Key.Key_Down, SHIFT)
    assert person.only.shape == Box(50, 51, 40, 30)
    person.project.undo()
    assert person.only.shape == Box(50, 50, 40, 30)


def test_a_suggestion_moved_by_keys_is_a_suggestion_again_after_one_undo(person):
    put(person, Box(50, 50, 40, 30), source=Source.NETWORK, score=0.8, state=State.SUGGESTED)
    for _ in range(3):
        person.key(Qt.Key.Key_Right, SHIFT)
    assert person.only.state is State.ACCEPTED
    person.project.undo()
    found = person.only
    assert (found.state, found.score, found.shape.x) == (State.SUGGESTED, 0.8, 50)
    assert labels(person) == ["Prepare"]
