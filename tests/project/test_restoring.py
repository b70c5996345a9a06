"""An image's annotations as of any step: seen as they were, and brought back as one new step."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from monkey import ACTS, act
from project_state import dump

from cvstudio.core.annotation import Review, Task
from cvstudio.core.geometry import Box
from cvstudio.project import commands, queries, restoring
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage


def box(project: Project, x: float, *, image_id: int = 1, label: str = "Add box") -> int:
    with project.transaction(label) as s:
        return commands.add_annotation(s, image_id=image_id, class_id=1, shape=Box(x, 2, 9, 9))


def moments(project: Project, image_id: int = 1) -> list[restoring.Moment]:
    with project.read() as s:
        return restoring.moments(s, image_id)


def rows_of(state: dict, image_id: int) -> list[tuple]:
    place = restoring.COLUMNS.index("image_id")
    return [row for row in state["annotation"] if row[place] == image_id]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    acts=st.lists(st.sampled_from([*ACTS, *["add_annotation"] * 9]), min_size=5, max_size=25),
    back=st.integers(0, 8),
    seed=st.integers(0, 10**6),
)
def test_each_moment_holds_what_was_there_and_restoring_it_brings_just_that_back(
    tmp_path_factory: pytest.TempPathFactory, acts: list[str], back: int, seed: int
) -> None:
    chance = random.Random(seed)
    folder = tmp_path_factory.mktemp("moments")
    with Project.create(folder / "p", task=Task.DETECT, classes=["a", "b", "c"]) as project:
        with project.transaction("Add images", undoable=False) as s:
            new = [NewImage(f"img {n}.png", width=200, height=100) for n in range(6)]
            commands.add_images(s, new)
        seen = {0: dump(project)}
        for name in acts:
            act(project, name, chance)
            seen[project.present_step] = dump(project)
        for _ in range(back):
            project.undo()
        present = dump(project)
        for image_id in (1, 2):
            found = moments(project, image_id)
            assert sum(m.present for m in found) == 1
            for moment in found:
                state = seen[moment.step.id if moment.step else 0]
                assert sorted(moment.rows) == rows_of(state, image_id)
        wanted = chance.choice(found)
        with project.transaction("Restore annotations") as s:
            told = restoring.restore(s, image_id=2, moment=wanted)
        after = dump(project)
        classes = {row[0] for row in after["label_class"]}
        kept = [row for row in sorted(wanted.rows) if row[2] in classes]
        if len(kept) == len(wanted.rows):
            assert rows_of(after, 2) == kept
            assert told.left_out == 0
        else:
            assert set(kept) <= set(rows_of(after, 2))
        assert rows_of(after, 1) == rows_of(present, 1)
        if after != present:
            assert project.undo_label == "Restore annotations"
            project.undo()
            assert dump(project) == present


def test_only_steps_that_changed_the_images_annotations_are_offered(project: Project) -> None:
    box(project, 1, label="first")
    box(project, 2, image_id=2, label="elsewhere")
    with project.transaction("Review") as s:
        commands.set_review(s, image_ids=[1], review=Review.REVIEWED)
    box(project, 3, label="second")
    project.undo()
    found = moments(project)
    assert [m.step.label if m.step else None for m in found] == ["second", "first", None]
    assert [len(m.rows) for m in found] == [2, 1, 0]
    assert [m.present for m in found] == [False, True, False]
    assert [a.box.x for a in found[0].annotations()] == [1.0, 3.0]


def test_an_import_of_very_many_images_is_a_moment_of_each(project: Project) -> None:
    with project.transaction("Import") as s:
        many = [NewImage(f"many/{n}.png", width=9, height=9) for n in range(6_000)]
        ids = commands.add_images(s, many)
        for id in ids[-2:]:
            commands.add_annotation(s, image_id=id, class_id=1, shape=Box(1, 1, 2, 2))
    box(project, 5, image_id=ids[-1], label="by hand")
    found = moments(project, ids[-1])
    assert [m.step.label if m.step else None for m in found] == ["by hand", "Import", None]
    assert [len(m.rows) for m in found] == [2, 1, 0]
    assert [len(m.rows) for m in moments(project, ids[0])] == [0]


def test_a_restored_moment_follows_the_review_state_and_survives_reopening(
    project: Project,
) -> None:
    kept = box(project, 1)
    with project.transaction("Delete") as s:
        commands.delete_annotations(s, ids=[kept])
    with project.read() as s:
        assert queries.image(s, 1).review is Review.UNLABELLED
    project.close()
    with Project.open(project.path) as opened:
        before = dump(opened)
        wanted = moments(opened)[1]
        with opened.transaction("Restore annotations") as s:
            told = restoring.restore(s, image_id=1, moment=wanted)
        assert told == restoring.Restored(back=1)
        with opened.read() as s:
            assert [a.id for a in queries.annotations(s, 1)] == [kept]
            assert queries.image(s, 1).review is Review.LABELLED
        assert [len(m.rows) for m in moments(opened)] == [1, 0, 1, 0]
        opened.undo()
        assert dump(opened) == before


def test_an_annotation_whose_class_is_gone_is_left_out_and_counted(project: Project) -> None:
    merged, lost = box(project, 1), box(project, 2)
    with project.transaction("Class") as s:
        commands.set_class(s, ids=[lost], class_id=2)
    with project.transaction("Merge") as s:
        commands.delete_class(s, id=2)
        commands.merge_classes(s, source=1, target=3)
    before_merge = moments(project)[1]
    assert [row[0] for row in before_merge.rows] == [merged, lost]
    with project.transaction("Restore annotations") as s:
        told = restoring.restore(s, image_id=1, moment=before_merge)
    assert told.left_out == 1
    with project.read() as s:
        assert [(a.id, a.class_id) for a in queries.annotations(s, 1)] == [(merged, 3)]


def test_looking_at_moments_changes_nothing_and_a_reader_may_look(project: Project) -> None:
    box(project, 1)
    box(project, 2)
    before = dump(project)
    with Project.open(project.path, write=False) as reader:
        assert len(moments(reader)) == 3
    assert dump(project) == before
    assert [len(m.rows) for m in moments(project)] == [2, 1, 0]


def test_a_long_look_through_the_history_tells_how_far_it_is_and_can_be_stopped(
    project: Project,
) -> None:
    for x in range(4):
        box(project, x)
    project.undo()
    told: list[tuple[int, int]] = []
    with project.read() as s:
        found = restoring.moments(s, 1, progress=lambda done, total: told.append((done, total)))
    total = len(told)
    assert told == [(number, total) for number in range(total)]
    assert len(found) == 5
    assert total >= 4

    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise InterruptedError

    before = dump(project)
    with project.read() as s, pytest.raises(InterruptedError):
        restoring.moments(s, 1, progress=stop)
    assert dump(project) == before
