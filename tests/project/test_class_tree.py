"""Classes as a tree, merged, split and deleted: each one undo step that brings all back."""

from __future__ import annotations

import pytest
from project_state import dump

from cvstudio.core.annotation import Source, State
from cvstudio.core.errors import ProjectError
from cvstudio.core.geometry import Box
from cvstudio.project import class_tree, commands, queries
from cvstudio.project.project import Project
from cvstudio.project.reach import Reach


@pytest.fixture
def filled(project: Project) -> Project:
    """Six objects of class 1 on three images, with attributes; class 3 under 2 under 1."""
    shapes = ({"form": "round"}, {"form": "sickle", "torn": True}, {}, {"iscrowd": 1},
              {"form": "round"}, {"torn": False})  # fmt: skip
    with project.transaction("Fill", undoable=False) as s:
        for place, attributes in enumerate(shapes):
            commands.add_annotation(
                s, image_id=1 + place // 2, class_id=1, shape=Box(place, 0, 9, 9),
                attributes=attributes,
            )  # fmt: skip
        commands.add_annotation(s, image_id=3, class_id=2, shape=Box(1, 1, 5, 5))
        class_tree.arrange(s, [(1, None), (2, 1), (3, 2)])
    return project


def test_what_a_change_would_touch_is_known_before(filled: Project) -> None:
    with filled.read() as s:
        assert class_tree.reach_by_class(s) == {1: Reach(6, 3), 2: Reach(1, 1), 3: Reach(0, 0)}
        assert str(class_tree.reach_of(s, [1, 2])) == "7 objects in 3 images"
        assert class_tree.attribute_values(s, 1) == {
            "form": {"round": Reach(2, 2), "sickle": Reach(1, 1)},
            "torn": {"no": Reach(1, 1), "yes": Reach(1, 1)},
        }


def test_suggestions_and_what_was_rejected_are_told_apart_from_objects(filled: Project) -> None:
    with filled.transaction("Suggest", undoable=False) as s:
        for state in (State.SUGGESTED, State.SUGGESTED, State.REJECTED):
            commands.add_annotation(
                s, image_id=5, class_id=2, shape=Box(1, 1, 5, 5), source=Source.NETWORK,
                state=state, attributes={"form": "round"},
            )  # fmt: skip
    with filled.read() as s:
        assert class_tree.reach_by_class(s)[2] == Reach(1, 1, 2, 1)
        found = class_tree.reach_of(s, [1, 2])
        assert found == Reach(7, 3, 2, 1)
        assert found.objects == sum(queries.class_counts(s).values()), "as Data says"
        assert str(found) == "7 objects in 3 images, 2 suggestions and 1 rejected suggestion"
        assert str(Reach(1, 1, 2)) == "1 object in 1 image and 2 suggestions"
        assert found.rows == 10
        assert class_tree.attribute_values(s, 2)["form"] == {"round": Reach(0, 0, 2, 1)}


@pytest.mark.parametrize("what", ["arrange", "merge", "merge into its kind", "split", "delete"])
def test_each_change_of_classes_is_one_step_that_brings_all_back(
    filled: Project, what: str
) -> None:
    before = dump(filled)
    with filled.transaction(what) as s:
        match what:
            case "arrange":
                class_tree.arrange(s, [(3, None), (1, 3), (2, None)])
            case "merge":
                class_tree.merge(s, sources=[2], target=1)
            case "merge into its kind":
                class_tree.merge(s, sources=[1, 2], target=3)
            case "split":
                class_tree.split_by_attribute(s, id=1, attribute="form")
            case _:
                class_tree.delete(s, ids=[2, 1])
    with filled.read() as s:
        tree = class_tree.parents(s)
        counts = queries.class_counts(s)
        names = {c.name: c.id for c in queries.classes(s)}
    match what:
        case "arrange":
            assert list(tree.items()) == [(3, None), (1, 3), (2, None)]
        case "merge":
            assert (tree, counts) == ({1: None, 3: 1}, {1: 7, 3: 0})
        case "merge into its kind":
            assert (tree, counts) == ({3: None}, {3: 7})
        case "split":
            parts = (names["red cell round"], names["red cell sickle"])
            assert [tree[part] for part in parts] == [1, 1]
            assert [counts[id] for id in (1, *parts)] == [3, 2, 1]
        case _:
            assert (tree, counts) == ({3: None}, {3: 0})
    filled.undo()
    assert dump(filled) == before


def test_a_class_is_never_a_kind_of_itself(filled: Project) -> None:
    for id, parent in ((1, 1), (1, 3), (2, 3)):
        with pytest.raises(ProjectError, match="kind of itself"), filled.transaction("Nest") as s:
            class_tree.set_parent(s, id=id, parent_id=parent)
    with filled.transaction("Nest") as s:
        class_tree.set_parent(s, id=3, parent_id=None)
    with filled.read() as s:
        assert class_tree.parents(s) == {1: None, 2: 1, 3: None}
