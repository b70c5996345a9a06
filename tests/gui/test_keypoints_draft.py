"""The draft of keypoints, whatever a hand does in whatever order."""

from hypothesis import given
from hypothesis import strategies as st

from cvstudio.gui.label.tools.keypoints_draft import KeypointsDraft

steps = st.lists(
    st.sampled_from(["place", "hide", "away", "toggle", "on", "back", "undo"]), max_size=40
)


def do(draft, step, number):
    match step:
        case "place":
            draft.put(number, number + 0.5, 2)
        case "hide":
            draft.put(number, number + 0.5, 1)
        case "away":
            draft.put(0.0, 0.0, 0)
        case "toggle":
            draft.toggle()
        case "on" | "back":
            draft.walk(1 if step == "on" else -1)
        case "undo":
            draft.take_back()


@given(steps, st.integers(1, 5))
def test_each_step_says_one_thing_and_taking_all_back_leaves_nothing(sequence, count):
    draft = KeypointsDraft(tuple("abcde"[:count]))
    for number, step in enumerate(sequence):
        if draft.complete:
            break
        said = sum(point is not None for point in draft.points)
        do(draft, step, float(number))
        after = sum(point is not None for point in draft.points)
        assert after - said in ((0, 1) if step != "undo" else (-1, 0))
        assert len(draft.points) == count
        assert 0 <= draft.turn < count
        assert draft.shape().points.shape == (count, 3)
        if not draft.complete and step in ("place", "hide", "away"):
            assert draft.points[draft.turn] is None, "the next turn is of one that is not known"
    while draft.take_back():
        pass
    assert draft.points == [None] * count
    assert not draft.begun


@given(st.lists(st.sampled_from(["place", "hide", "toggle", "undo"]), max_size=20))
def test_free_points_are_as_many_as_were_placed_and_not_taken_back(sequence):
    draft, alive = KeypointsDraft(), []
    for number, step in enumerate(sequence):
        if step in ("place", "hide"):
            alive.append("point")
        elif step == "toggle" and "point" in alive:
            alive.append("toggle")
        elif step == "undo" and alive:
            alive.pop()
        do(draft, step, float(number))
        assert len(draft.points) == alive.count("point")
        assert draft.turn == len(draft.points), "the next click is one more point"


def test_free_points_go_on_after_one_was_taken_back():
    draft = KeypointsDraft()
    for x in (1.0, 2.0, 3.0):
        draft.put(x, x, 2)
    draft.take_back()
    draft.put(9.0, 9.0, 1)
    draft.put(4.0, 4.0, 2)
    assert draft.shape().points[:, 0].tolist() == [1, 2, 9, 4]
