"""What each command does to a project, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from cvstudio.core.annotation import Kind, Review, Shape, Source, Split, State, Task
from cvstudio.core.errors import ProjectError
from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.palette import class_colours, tell_apart
from cvstudio.core.rotated import RotatedBox
from cvstudio.project import commands, copying, queries, run_commands, shaping, tagging
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter, NewImage
from cvstudio.project.tables import AnnotationRow

BOX = Box(10, 20, 30, 40)


def add(project: Project, **values: Any) -> int:
    given = {"image_id": 1, "class_id": 1, "shape": BOX} | values
    with project.transaction("Add") as s:
        return commands.add_annotation(s, **given)


def review(project: Project, image_id: int = 1) -> Review:
    with project.read() as s:
        return queries.image(s, image_id).review


def shapes() -> dict[Kind, Shape]:
    outer = np.array([(0.125, 0), (50, 0), (50, 30.5), (0, 30)], np.float64)
    hole = np.array([(5, 5), (9, 5), (9, 9)], np.float64)
    patch = np.zeros((20, 30), np.uint8)
    patch[3:9, 4:20] = 1
    patch[5, 6] = 0
    return {
        Kind.BOX: Box(0.1, 0.2, 0.3, 1e-3),
        Kind.POLYGON: Polygon((Part(outer, (hole,)), Part(outer + 60))),
        Kind.MASK: Mask.from_patch(patch, 7, 8),
        Kind.ROTATED_BOX: RotatedBox(40.1, 30, 20, 1e-3, -179.5),
        Kind.KEYPOINTS: Keypoints.of([(5.5, 6, 2), (0, 0, 0), (9, 1e-3, 1)]),
        Kind.IMAGE: None,
    }


# Annotations


@pytest.mark.parametrize("kind", list(Kind))
def test_every_shape_comes_back_exactly_as_it_was_drawn(project: Project, kind: Kind) -> None:
    shape = shapes()[kind]
    id = add(project, shape=shape, attributes={"iscrowd": 1, "β": [1, None]}, score=0.1 + 0.2)
    project.undo()
    project.redo()
    with project.read() as s:
        (found,) = queries.annotations(s, 1)
        assert queries.annotation(s, id) == found
    assert found.shape == shape
    assert found.kind is kind
    assert found.box == (Box(0, 0, 200, 100) if shape is None else found.box)
    assert (found.score, found.crowd) == (0.1 + 0.2, True)
    assert found.attributes == {"iscrowd": 1, "β": [1, None]}


def test_redrawing_a_box_as_a_polygon_changes_its_kind_and_box(project: Project) -> None:
    id = add(project)
    polygon = shapes()[Kind.POLYGON]
    with project.transaction("Redraw") as s:
        commands.set_shape(s, id=id, shape=polygon)
    with project.read() as s:
        (found,) = queries.annotations(s, 1)
    assert found.shape == polygon
    assert found.box == Box(0, 0, 110, 90.5)


def test_what_is_drawn_later_lies_above_and_can_be_moved_in_the_order(project: Project) -> None:
    a, b, c = (add(project) for _ in range(3))

    def order() -> list[int]:
        with project.read() as s:
            return [each.id for each in queries.annotations(s, 1)]

    assert order() == [a, b, c]
    for id, to, expected in [
        (a, "front", [b, c, a]),
        (c, "back", [c, b, a]),
        (c, "back", [c, b, a]),
        (a, "front", [c, b, a]),
        (b, "front", [c, a, b]),
    ]:
        with project.transaction("Order") as s:
            shaping.stack(s, image_id=1, ids=[id], to=to)
        assert order() == expected, (id, to)


def test_an_annotation_on_an_image_that_is_gone_is_refused(project: Project) -> None:
    with pytest.raises(ProjectError, match="no image 99"):
        add(project, image_id=99)


def test_copies_lie_above_what_is_there_and_are_the_users_own(project: Project) -> None:
    first = add(project, source=Source.NETWORK, score=0.4, state=State.SUGGESTED, run_id=3)
    second = add(project, class_id=2, shape=shapes()[Kind.MASK])
    add(project, image_id=2)
    with project.transaction("Copy") as s:
        new = copying.copy_annotations(s, ids=[second, first], image_ids=[2, 3])
    with project.read() as s:
        on_two, on_three = queries.annotations(s, 2), queries.annotations(s, 3)
    assert [a.class_id for a in on_two] == [1, 1, 2]
    assert [a.id for a in on_two[1:] + on_three] == new
    assert on_two[2].shape == shapes()[Kind.MASK]
    assert {(a.source, a.state, a.score, a.run_id) for a in on_three} == {
        (Source.HUMAN, State.ACCEPTED, None, None)
    }
    assert review(project, 3) is Review.LABELLED


def test_an_annotation_remembers_when_it_was_last_changed_and_only_then(project: Project) -> None:
    ids = [add(project), add(project, class_id=2)]

    def times() -> list[tuple[float, float]]:
        with project.read() as s:
            found = s.execute(select(AnnotationRow.created, AnnotationRow.updated))
            return [tuple(row) for row in found]

    before = times()
    assert all(created == updated for created, updated in before)
    with project.transaction("Set class") as s:
        commands.set_class(s, ids=ids, class_id=2)
    (first, second) = times()
    assert first[0] == before[0][0]
    assert first[1] > before[0][1]
    assert second == before[1]


# Review states


def test_drawing_the_first_shape_makes_an_image_labelled_and_deleting_the_last_unlabelled(
    project: Project,
) -> None:
    assert review(project) is Review.UNLABELLED
    a, b = add(project), add(project)
    assert review(project) is Review.LABELLED
    for ids, expected in [([a], Review.LABELLED), ([b], Review.UNLABELLED)]:
        with project.transaction("Delete") as s:
            commands.delete_annotations(s, ids=ids)
        assert review(project) is expected


def test_a_reviewed_image_stays_reviewed_when_shapes_come_and_go(project: Project) -> None:
    a = add(project)
    with project.transaction("Approve") as s:
        commands.set_review(s, image_ids=[1], review=Review.REVIEWED)
    b = add(project)
    assert review(project) is Review.REVIEWED
    with project.transaction("Delete") as s:
        commands.delete_annotations(s, ids=[a, b])
    assert review(project) is Review.REVIEWED


def test_approving_an_image_without_shapes_says_that_it_is_empty(project: Project) -> None:
    add(project, image_id=2)
    with project.transaction("Approve") as s:
        commands.set_review(s, image_ids=[1, 2], review=Review.REVIEWED)
    assert (review(project, 1), review(project, 2)) == (Review.EMPTY, Review.REVIEWED)
    with project.transaction("Empty") as s:
        commands.set_review(s, image_ids=[1, 2], review=Review.EMPTY)
    assert (review(project, 1), review(project, 2)) == (Review.EMPTY, Review.REVIEWED)
    with project.transaction("Not reviewed") as s:
        commands.set_review(s, image_ids=[1, 2], review=Review.UNLABELLED)
    assert (review(project, 1), review(project, 2)) == (Review.UNLABELLED, Review.LABELLED)


def test_an_image_that_was_called_empty_is_not_when_something_is_drawn(project: Project) -> None:
    with project.transaction("Approve") as s:
        commands.set_review(s, image_ids=[1], review=Review.EMPTY)
    add(project)
    assert review(project) is Review.LABELLED


def test_a_suggestion_counts_only_once_it_is_accepted(project: Project) -> None:
    id = add(project, state=State.SUGGESTED, source=Source.NETWORK)
    assert review(project) is Review.UNLABELLED
    for state, expected in [
        (State.ACCEPTED, Review.LABELLED),
        (State.REJECTED, Review.UNLABELLED),
    ]:
        with project.transaction("Decide") as s:
            commands.set_state(s, ids=[id], state=state)
        assert review(project) is expected
    with project.transaction("Delete") as s:
        commands.delete_annotations(s, ids=[id])
    assert review(project) is Review.UNLABELLED


def test_an_image_level_class_replaces_the_one_before(project: Project) -> None:
    box = add(project, image_id=2)
    for class_id in (1, 2, 2, 3):
        with project.transaction("Classify") as s:
            commands.set_image_class(s, image_ids=[1, 2], class_id=class_id)
    with project.read() as s:
        (one,) = queries.annotations(s, 1)
        two = queries.annotations(s, 2)
    assert (one.class_id, one.kind, one.box) == (3, Kind.IMAGE, Box(0, 0, 200, 100))
    assert [a.id for a in two if a.kind is Kind.BOX] == [box]
    assert [a.class_id for a in two if a.kind is Kind.IMAGE] == [3]
    assert review(project) is Review.LABELLED
    with project.transaction("Unclassify") as s:
        commands.set_image_class(s, image_ids=[1, 2], class_id=None)
    assert (review(project, 1), review(project, 2)) == (Review.UNLABELLED, Review.LABELLED)


# Label classes


def test_new_classes_take_the_next_free_colour_and_hotkey(project: Project) -> None:
    with project.transaction("Classes") as s:
        commands.set_hotkey(s, id=2, hotkey="")
        commands.recolour_class(s, id=1, colour="#000000")
        for n in range(12):
            commands.add_class(s, name=f"more {n}")
    with project.read() as s:
        made = queries.classes(s)[3:]
    assert [c.hotkey for c in made] == [*"24567890", "", "", "", ""]
    colours = class_colours()
    assert len(colours) == 12
    assert [c.colour for c in made[:10]] == [colours[0], *colours[3:]]
    assert not {c.colour for c in made[10:]} & set(colours), "further ones are new"
    assert len({c.colour for c in made}) == 12


def test_classes_that_look_like_one_before_them_get_another_colour_and_the_others_stay(
    project: Project,
) -> None:
    with project.transaction("Classes") as s:
        for n in range(20):
            commands.add_class(s, name=f"more {n}", colour=class_colours()[n % 12])
        commands.recolour_class(s, id=3, colour="#688BF5")  # as good as the blue of class 2
    with project.transaction("Tell colours apart") as s:
        before = {c.id: c.colour for c in queries.classes(s)}
        changed = commands.alike_colours(s)
        assert commands.spread_colours(s) == len(changed)
        after = {c.id: c.colour for c in queries.classes(s)}
    assert 3 in changed
    assert {id: after[id] for id in before if id not in changed} == {
        id: colour for id, colour in before.items() if id not in changed
    }
    assert tell_apart(list(after.values()))
    project.undo()
    with project.read() as s:
        assert {c.id: c.colour for c in queries.classes(s)} == before


def test_a_hotkey_belongs_to_one_class(project: Project) -> None:
    with project.transaction("Hotkey") as s:
        commands.set_hotkey(s, id=3, hotkey="1")
    with project.read() as s:
        assert [c.hotkey for c in queries.classes(s)] == ["", "2", "1"]


def test_classes_can_be_put_into_another_order(project: Project) -> None:
    with project.transaction("Order") as s:
        commands.reorder_classes(s, ids=[3, 1])
    with project.read() as s:
        assert [c.id for c in queries.classes(s)] == [3, 1, 2]


def test_merging_classes_keeps_every_annotation_and_removes_the_class(project: Project) -> None:
    ids = [add(project, image_id=i, class_id=c) for i, c in [(1, 1), (1, 2), (2, 2), (3, 3)]]
    with project.transaction("Merge") as s:
        commands.merge_classes(s, source=2, target=1)
    with project.read() as s:
        assert [c.id for c in queries.classes(s)] == [1, 3]
        assert [queries.annotation(s, id).class_id for id in ids] == [1, 1, 1, 3]  # type: ignore[union-attr]
    project.undo()
    with project.read() as s:
        assert queries.class_counts(s) == {1: 1, 2: 2, 3: 1}
    with project.transaction("Merge several, the target among them") as s:
        commands.merge_classes(s, source=[1, 2, 3], target=3)
    with project.read() as s:
        assert queries.class_counts(s) == {3: 4}


def test_deleting_a_class_deletes_its_annotations_and_undo_brings_them_back(
    project: Project,
) -> None:
    add(project, class_id=1)
    add(project, class_id=2)
    add(project, image_id=2, class_id=1)
    with project.transaction("Delete class") as s:
        commands.delete_class(s, id=1)
    with project.read() as s:
        assert queries.totals(s).annotations == 1
    assert (review(project, 1), review(project, 2)) == (Review.LABELLED, Review.UNLABELLED)
    project.undo()
    with project.read() as s:
        assert queries.class_counts(s) == {1: 2, 2: 1, 3: 0}
    assert review(project, 2) is Review.LABELLED


# Images and tags


def test_removing_images_takes_their_annotations_and_tags_along_and_undo_brings_all_back(
    project: Project,
) -> None:
    kept = add(project, image_id=3)
    add(project, image_id=1)
    with project.transaction("Tag") as s:
        tagging.tag_images(s, image_ids=[1, 3], tag="rare")
    with project.transaction("Remove") as s:
        commands.remove_images(s, ids=[1, 2])
    with project.read() as s:
        assert queries.totals(s).images == 10
        assert queries.annotation(s, kept) is not None
        assert queries.totals(s).annotations == 1
        assert [t.image_count for t in queries.tags(s)] == [1]
    project.undo()
    with project.read() as s:
        assert queries.totals(s).images == 12
        assert len(queries.annotations(s, 1)) == 1
        assert queries.tags_of(s, [1, 2, 3]) == {1: ["rare"], 2: [], 3: ["rare"]}


def test_tagging_twice_tags_once_and_the_last_untagging_forgets_the_tag(project: Project) -> None:
    with project.transaction("Tag") as s:
        tagging.tag_images(s, image_ids=[1, 2, 2], tag=" rare ")
        tagging.tag_images(s, image_ids=[2, 3], tag="rare")
    with project.read() as s:
        assert [(t.name, t.image_count) for t in queries.tags(s)] == [("rare", 3)]
    with project.transaction("Untag") as s:
        tagging.untag_images(s, image_ids=[1, 2, 3, 4], tag="rare")
        tagging.untag_images(s, image_ids=[1], tag="never heard of")
    with project.read() as s:
        assert queries.tags(s) == []


def test_the_same_file_is_in_a_project_once_and_two_of_one_name_are_two(project: Project) -> None:
    with project.transaction("Add") as s:
        commands.add_images(
            s, [NewImage("a/x.png", 5, 5), NewImage("b/x.png", 5, 5), NewImage("a/x.png", 5, 5, 1)]
        )
    with pytest.raises(ProjectError), project.transaction("Again") as s:
        commands.add_images(s, [NewImage("a/x.png", 5, 5)])
    with project.read() as s:
        found = queries.images(s, queries.image_ids(s, ImageFilter(text="x.png")))
    assert [(i.uri, i.page) for i in found] == [("a/x.png", 0), ("a/x.png", 1), ("b/x.png", 0)]


def test_relocated_images_are_found_and_sorted_under_their_new_name(project: Project) -> None:
    with project.transaction("Relocate") as s:
        commands.relocate_images(s, {1: "/disk/z 1.png"})
    with project.read() as s:
        image = queries.image(s, 1)
        assert (image.name, image.folder) == ("z 1.png", "/disk")
        assert queries.image_ids(s)[-1] == 1


# Settings, snapshots, runs


def test_a_setting_keeps_any_json_value_and_none_forgets_it(project: Project) -> None:
    for value in [{"steps": [1, 2.5, "ü"]}, [], 0, False, "x"]:
        with project.transaction("Set") as s:
            commands.set_setting(s, "key", value)
        with project.read() as s:
            assert queries.setting(s, "key", "default") == value
    with project.transaction("Forget") as s:
        commands.set_setting(s, "key", None)
    with project.read() as s:
        assert queries.setting(s, "key", "default") == "default"


def test_a_run_knows_its_snapshot_and_loses_only_its_parent_when_that_is_deleted(
    project: Project,
) -> None:
    with project.transaction("Run", undoable=False) as s:
        snapshot = run_commands.add_snapshot(s, hash="abc", image_count=5, annotation_count=9)
        assert (
            run_commands.add_snapshot(s, hash="abc", image_count=5, annotation_count=9) == snapshot
        )
        common = {"task": "detect", "network": "yolo26n", "snapshot_id": snapshot}
        first = run_commands.add_run(s, **common, status="running", directory="runs/0001-x")
        second = run_commands.add_run(
            s, **common, status="ready", directory="runs/0002-x", parent_id=first
        )
        run_commands.update_run(s, id=first, status="finished", best=0.5, metric="mAP50-95")
    with project.read() as s:
        new, old = queries.runs(s)
        assert (new.id, new.parent_id, old.status, old.best) == (second, first, "finished", 0.5)
        assert (old.task, old.snapshot_hash, old.image_count, old.annotation_count) == (
            Task.DETECT, "abc", 5, 9,
        )  # fmt: skip
        assert old.directory == project.path / "runs" / "0001-x"
    with project.transaction("Delete run", undoable=False) as s:
        run_commands.delete_run(s, id=first)
    with project.read() as s:
        assert [(r.id, r.parent_id) for r in queries.runs(s)] == [(second, None)]
        with pytest.raises(ProjectError, match="no run"):
            queries.run(s, first)


def test_a_misspelt_column_of_a_run_is_an_error_and_not_ignored(project: Project) -> None:
    with pytest.raises(TypeError, match="bset"), project.transaction("x") as s:
        run_commands.update_run(s, id=1, bset=0.5)


def test_splits_are_set_for_all_at_once_or_one_by_one(project: Project) -> None:
    with project.transaction("Split") as s:
        commands.set_split(s, image_ids=range(1, 13), split=Split.TRAIN)
        commands.set_splits(s, {1: Split.VAL, 2: None})
    with project.read() as s:
        assert queries.split_counts(s) == {
            Split.TRAIN: 10, Split.VAL: 1, Split.TEST: 0, None: 1,
        }  # fmt: skip


# Who made an annotation, as it is now


def test_what_a_person_edits_is_their_own_until_they_undo_it(project: Project) -> None:
    first = add(project, source=Source.IMPORT, score=0.25)
    second = add(project, source=Source.NETWORK, score=0.4, run_id=3)

    def made_by() -> list[tuple[Source, float | None, int | None]]:
        with project.read() as s:
            found = [queries.annotation(s, id) for id in (first, second)]
        return [(a.source, a.score, a.run_id) for a in found if a is not None]

    before = made_by()
    assert before == [(Source.IMPORT, 0.25, None), (Source.NETWORK, 0.4, 3)]
    with project.transaction("Move") as s:
        commands.set_shape(s, id=first, shape=Box(1, 2, 30, 40))
    assert made_by() == [(Source.HUMAN, None, None), before[1]]
    with project.transaction("Relabel") as s:
        commands.set_class(s, ids=[first, second], class_id=2)
    assert made_by() == [(Source.HUMAN, None, None)] * 2
    project.undo()
    assert made_by() == [(Source.HUMAN, None, None), before[1]]
    project.undo()
    assert made_by() == before
    project.redo()
    assert made_by() == [(Source.HUMAN, None, None), before[1]]


def test_what_a_person_leaves_as_it_is_keeps_its_maker(project: Project) -> None:
    id = add(project, source=Source.NETWORK, score=0.4, run_id=3, state=State.SUGGESTED)
    with project.transaction("Keep") as s:
        commands.set_state(s, ids=[id], state=State.ACCEPTED)
        commands.set_class(s, ids=[id], class_id=1)
        commands.set_shape(s, id=id, shape=BOX)
        shaping.stack(s, image_id=1, ids=[id], to="front")
    with project.read() as s:
        kept = queries.annotation(s, id)
    assert kept is not None
    assert (kept.source, kept.score, kept.run_id) == (Source.NETWORK, 0.4, 3)


def test_another_class_for_a_whole_image_is_the_persons_word(project: Project) -> None:
    same = add(project, shape=None, class_id=2, source=Source.IMPORT)
    other = add(project, image_id=2, shape=None, class_id=1, source=Source.IMPORT)
    with project.transaction("Classify") as s:
        commands.set_image_class(s, image_ids=[1, 2], class_id=2)
    with project.read() as s:
        found = [queries.annotation(s, id) for id in (same, other)]
    assert [a.source for a in found if a is not None] == [Source.IMPORT, Source.HUMAN]
